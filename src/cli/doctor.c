/* SPDX-License-Identifier: Apache-2.0 */
/* `sevattest doctor`: every precondition of this machine, or of one that is going to be moved, each with its fix. */
#include "doctor/doctor.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/cli.h"
#include "io/clock.h"

/* It becomes a part of commands. */
static bool plain_path(const char *path)
{
	if (*path != '/')
		return false;
	for (; *path; path++) {
		if (!isalnum((unsigned char)*path) && !strchr("/._+-", *path))
			return false;
	}
	return true;
}

static int check_root(const char *root)
{
	struct stat info;

	if (!plain_path(root))
		return output_error(EXIT_USAGE, "doctor: --root %s: an absolute path of letters, digits and /._+-", root);
	if (stat(root, &info) < 0 || !S_ISDIR(info.st_mode))
		return output_error(EXIT_USAGE, "doctor: --root %s: not a directory", root);
	return EXIT_YES;
}

static size_t count_failed(const struct verdict *verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < verdict->count; i++)
		count += verdict->items[i].state != FINDING_PASSED && verdict->items[i].class != FINDING_ADVICE;
	return count;
}

static int print_json(const struct verdict *verdict, int exit_code)
{
	struct json_object *object = json_object_new_object();

	if (!object || json_add_bool(object, "ok", exit_code == EXIT_YES) || json_add(object, "findings", verdict_to_json(verdict))) {
		(void)json_object_put(object);
		object = NULL;
	}
	return output_json(object, exit_code);
}

static int print(const struct verdict *verdict, bool all, int exit_code)
{
	size_t failed = count_failed(verdict);

	verdict_print(verdict, stdout, all, output_colour(stdout));
	if (failed)
		(void)printf("%zu of %zu checks did not pass.\n", failed, verdict->count);
	else
		(void)printf("%zu checks, and nothing that has to be mended.\n", verdict->count);
	return exit_code;
}

int doctor_main(int argc, char **argv)
{
	const char *platform = NULL;
	struct doctor_options options = {.now = clock_now(), .build_time = SEVATTEST_BUILD_TIME};
	bool json = false, all = false;
	const struct cli_option rows[] = {
		{"preflight", 0, OPTION_TEXT, &platform, "PLATFORM",
			"azure, aws, gcp or kvm: this is the source machine, before it is moved there"},
		{"root", 0, OPTION_TEXT, &options.root, "DIR", "look at the system in DIR, an image that is mounted there"},
		{"config", 0, OPTION_TEXT, &options.config, "FILE", "the agent's configuration, below DIR (" AGENT_CONF_FILE ")"},
		{"all", 0, OPTION_FLAG, &all, NULL, "print what passed too"},
		{"json", 0, OPTION_FLAG, &json, NULL, "print {\"ok\": ..., \"findings\": [...]}"},
	};
	const struct cli_usage usage = {"doctor [OPTIONS]",
		"Looks at every precondition of this machine and says how to mend what is missing. It changes nothing.\n"
		"Exit: 0 nothing to mend, 2 the configuration, 5 the way to the broker, 7 the machine.",
		rows, ARRAY_SIZE(rows), 0, 0};
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct error error = ERROR_NULL;
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	if (platform && doctor_platform_parse(platform, &options.platform, &error))
		return output_error(EXIT_USAGE, "doctor: --preflight %s", error_text(&error));
	r = options.root ? check_root(options.root) : EXIT_YES;
	if (r)
		return r;
	r = doctor_run(&options, &verdict, &error);
	if (r)
		return output_error(EXIT_INTERNAL, "doctor: %s", error_text(&error));
	r = doctor_exit(&verdict);
	return json ? print_json(&verdict, r) : print(&verdict, all, r);
}
