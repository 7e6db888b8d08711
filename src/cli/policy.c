/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest policy check | new | explain | diff. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "cli/cli.h"
#include "cli/policy.h"

struct policy_verb {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
};

int policy_file_read(const char *path, struct policy **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	r = file_read(path, POLICY_TEXT_MAX, &text, error);
	if (r < 0)
		return r;
	r = policy_read(buf_view(&text), ret, error);
	if (r < 0)
		error_prefix(error, "%s", path);
	return r;
}

static int print_refusal(const char *path, const struct error *error, int r, bool json)
{
	struct json_object *object;

	if (!json)
		return output_error(output_exit_of(r), "%s", error_text(error));
	object = json_object_new_object();
	if (json_add_text(object, "file", path) < 0 || json_add_bool(object, "valid", false) < 0 ||
		json_add_text(object, "error", error_text(error)) < 0) {
		(void)json_object_put(object);
		return output_error(EXIT_INTERNAL, "out of memory");
	}
	return output_json(object, output_exit_of(r));
}

static int print_checked(const char *path, const struct policy *policy, struct verdict *warnings, bool json, int exit_code)
{
	struct json_object *object;

	if (!json) {
		printf("%s: policy \"%s\" is well formed, os_identity %s, %zu warning%s\n", path, policy_name(policy),
			policy_os_identity(policy), warnings->count, warnings->count == 1 ? "" : "s");
		verdict_print(warnings, stdout, false, output_colour(stdout));
		return exit_code;
	}
	object = json_object_new_object();
	if (json_add_text(object, "file", path) < 0 || json_add_bool(object, "valid", true) < 0 ||
		json_add_text(object, "name", policy_name(policy)) < 0 ||
		json_add_text(object, "os_identity", policy_os_identity(policy)) < 0 ||
		json_add(object, "warnings", verdict_to_json(warnings)) < 0) {
		(void)json_object_put(object);
		return output_error(EXIT_INTERNAL, "out of memory");
	}
	return output_json(object, exit_code);
}

static int check_main(int argc, char **argv)
{
	bool strict = false, json = false;
	const struct cli_option options[] = {
		{"strict", 0, OPTION_FLAG, &strict, NULL, "a warning is an error (exit 2)"},
		{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"},
	};
	const struct cli_usage usage = {"policy check FILE [OPTIONS]",
		"Reads a policy strictly and warns of statements that prove less than they seem to.", options, ARRAY_SIZE(options), 1, 1};
	CLEANUP(verdict_deinit) struct verdict warnings = VERDICT_NULL;
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;
	char **files;
	int count, r;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	r = policy_file_read(files[0], &policy, &error);
	if (r < 0)
		return print_refusal(files[0], &error, r, json);
	policy_warnings(policy, &warnings);
	if (warnings.out_of_memory)
		return output_error(EXIT_INTERNAL, "out of memory");
	return print_checked(files[0], policy, &warnings, json, strict && warnings.count ? EXIT_USAGE : EXIT_YES);
}

static const struct policy_verb policy_verbs[] = {
	{"check", check_main, "check FILE: is it well formed, and what does it not prove"},
	{"new", policy_new_main, "new --from FILE | --template NAME: a first policy out of reports, or a template"},
	{"explain", policy_explain_main, "explain FILE --report FILE: what each member makes of a report"},
	{"diff", policy_diff_main, "diff A B: what B admits otherwise than A, stricter or looser"},
};

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: sevattest policy VERB [ARGUMENTS]\n\nVerbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(policy_verbs); i++)
		fprintf(out, "  %s\n", policy_verbs[i].summary);
	fprintf(out, "\n  sevattest policy VERB --help prints the options of a verb. See sevattest(1), sevattest-policy(5).\n");
}

int policy_main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return EXIT_YES;
	}
	for (size_t i = 0; i < ARRAY_SIZE(policy_verbs); i++) {
		if (!strcmp(policy_verbs[i].name, argv[1]))
			return policy_verbs[i].main(argc - 1, argv + 1);
	}
	return output_error(EXIT_USAGE, "unknown verb \"policy %s\": see sevattest policy --help", argv[1]);
}
