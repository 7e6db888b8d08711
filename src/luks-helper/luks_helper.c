/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "io/agent_conf.h"
#include "io/program.h"
#include "io/sandbox.h"
#include "luks-helper/files.h"
#include "luks-helper/helper.h"

static const char *arg_volumes = VOLUME_CONF_DIRECTORY;
static const char *arg_run = HELPER_RUN_DIRECTORY;
static const char *arg_socket = AGENT_LUKS_SOCKET;

static const struct program_option options[] = {
	{"volumes", "DIRECTORY", "what is said about each volume (" VOLUME_CONF_DIRECTORY ")", &arg_volumes},
	{"run", "DIRECTORY", "where headers are left (" HELPER_RUN_DIRECTORY ")", &arg_run},
	{"socket", "PATH", "where sevattestd answers (" AGENT_LUKS_SOCKET ")", &arg_socket},
};

static const struct program program = {"sevattest-luks",
	"guards an encrypted volume around its opening, as root\n\n"
	"usage: sevattest-luks check VOLUME     before: copy the header, ask sevattestd, leave the agreed one\n"
	"       sevattest-luks verify VOLUME    after: compare the mapping with it, then show it to the system\n"
	"       sevattest-luks clean VOLUME     remove what the two left",
	SEVATTEST_VERSION, options, ARRAY_SIZE(options)};

static const struct {
	const char *name;
	int (*function)(const struct helper *helper);
	bool needs_conf;
} verbs[] = {{"check", helper_check, true}, {"verify", helper_verify, true}, {"clean", helper_clean, false}};

int helper_open_device(const struct helper *helper, int *ret_fd, unsigned *ret_major, unsigned *ret_minor, struct error *error)
{
	/* O_NONBLOCK: the open of a pipe would wait. */
	FD_AUTO fd = open(helper->conf.device, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0)
		return error_set(error, -errno, "%s: %s", helper->conf.device, strerror(errno));
	if (!S_ISBLK(info.st_mode))
		return error_set(error, -ENOTBLK, "%s: not a block device", helper->conf.device);
	*ret_major = major(info.st_rdev);
	*ret_minor = minor(info.st_rdev);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int helper_narrow(const struct helper *helper, struct error *error)
{
	const struct sandbox_path paths[] = {{helper->run, true}, {"/dev/urandom", false}};
	struct sandbox_state state;

	return sandbox_enter(SANDBOX_LUKS, paths, ARRAY_SIZE(paths), &state, error);
}

int helper_clean(const struct helper *helper)
{
	struct error error = ERROR_NULL;

	if (!files_remove(helper->run, helper->volume, &error))
		return EXIT_YES;
	log_error("%s", error_text(&error));
	return EXIT_INTERNAL;
}

static int usage(const char *what, const char *word)
{
	(void)fprintf(stderr, "sevattest-luks: %s%s; usage: sevattest-luks check|verify|clean VOLUME\n", what, word);
	return EXIT_USAGE;
}

static int run(size_t verb, struct helper *helper)
{
	struct error error = ERROR_NULL;
	int r = 0;

	if (verbs[verb].needs_conf)
		r = volume_conf_read(arg_volumes, helper->volume, &helper->conf, &error);
	if (r) {
		log_error("%s", error.text[0] ? error_text(&error) : strerror(-r));
		return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
	}
	r = verbs[verb].function(helper);
	volume_conf_deinit(&helper->conf);
	return r;
}

int main(int argc, char **argv)
{
	struct helper helper = {.conf = VOLUME_CONF_NULL};
	const char *verb = argc > 2 && argv[1][0] != '-' ? argv[1] : NULL;
	int r;

	if (verb) {
		helper.volume = argv[2];
		argv[2] = argv[0]; /* for getopt's messages */
		r = program_options(&program, argc - 2, argv + 2);
	} else {
		r = program_options(&program, argc, argv);
	}
	if (r)
		return r - 1;
	if (!verb)
		return usage("a verb and a volume are missing", "");
	if (!volume_name_valid(helper.volume))
		return usage("no name of a volume: ", helper.volume);
	helper.run = arg_run;
	helper.socket = arg_socket;
	log_init("sevattest-luks", LOG_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	tzset(); /* reads a file */
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, verb) == 0)
			return run(i, &helper);
	}
	return usage("no verb of this program: ", verb);
}
