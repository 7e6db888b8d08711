/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest-evidence: the one program that touches the devices. systemd starts it for a connection, it answers one request and ends; without
 * systemd it listens itself and makes a child for each connection. It has no network and sees no key.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "evidence-helper/answer.h"
#include "evidence-helper/config.h"
#include "io/agent_conf.h"
#include "io/notify.h"
#include "io/program.h"
#include "io/socket.h"

#define CHILDREN_MAX 64 /* they wait for their turn; who comes later waits in the socket */

static const char *arg_config = AGENT_CONF_FILE;
static const char *arg_listen;

static const struct program_option options[] = {
	{"config", "FILE", "configuration, section [evidence] (" AGENT_CONF_FILE ")", &arg_config},
	{"listen", "PATH", "without systemd: listen here and answer until stopped", &arg_listen},
};

static const struct program program = {
	"sevattest-evidence", "reports from the hardware, for sevattestd", SEVATTEST_VERSION, options, ARRAY_SIZE(options)};

/* One connection, from the first look at the peer to the answer. */
static int serve_connection(const struct helper_config *config, int fd)
{
	struct error error = ERROR_NULL;
	int r = answer_admit(config, fd, &error);

	if (!r)
		r = answer_narrow(config, &error);
	if (!r)
		r = answer_one(config, fd, &error);
	if (r)
		log_error("%s", error.text[0] ? error_text(&error) : strerror(r < 0 ? -r : EPROTO));
	return r ? EXIT_INTERNAL : EXIT_YES;
}

/* systemd hands over the connection itself (Accept=yes), or a listening socket from which one is taken. */
static int serve_inherited(const struct helper_config *config, int fd)
{
	socklen_t size = sizeof(int);
	FD_AUTO accepted = -1;
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0) {
		log_error("what systemd hands over is no socket: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	if (!listening)
		return serve_connection(config, fd);
	accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (accepted < 0) {
		log_error("accept: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	return serve_connection(config, accepted);
}

static void on_signal(int number)
{
	(void)number;
}

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

/* Without SA_RESTART, so that accept(2) ends. */
static void open_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop};
	struct sigaction child = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP};

	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGCHLD, &child, NULL);
}

static void reap(unsigned *children, bool block)
{
	while (*children > 0 && waitpid(-1, NULL, block ? 0 : WNOHANG) > 0) {
		(*children)--;
		block = false;
	}
}

static int serve_loop(const struct helper_config *config, int listen_fd)
{
	const struct timespec pause = {0, 100 * 1000000L};
	unsigned children = 0;

	while (!stopped) {
		FD_AUTO fd = -1;
		pid_t pid;

		reap(&children, children >= CHILDREN_MAX);
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			/* Out of descriptors or memory: the connection waits, and so does this loop instead of turning. */
			if (errno != EINTR && errno != ECONNABORTED)
				(void)nanosleep(&pause, NULL);
			continue;
		}
		pid = fork();
		if (pid == 0) {
			(void)close(listen_fd);
			(void)signal(SIGTERM, SIG_DFL);
			(void)signal(SIGINT, SIG_DFL);
			_exit(serve_connection(config, fd));
		}
		if (pid > 0)
			children++;
		else
			log_error("fork: %s", strerror(errno));
	}
	return EXIT_YES;
}

static int listen_and_serve(const struct helper_config *config)
{
	struct error error = ERROR_NULL;
	FD_AUTO fd = -1;
	int r = socket_listen_unix(arg_listen, 0660, &fd, &error);

	if (r) {
		log_error("%s", error_text(&error));
		return EXIT_INTERNAL;
	}
	open_signals();
	notify_send(notify_open(), "READY=1");
	log_notice("listening on %s", arg_listen);
	r = serve_loop(config, fd);
	(void)unlink(arg_listen);
	return r;
}

static int run(const struct helper_config *config)
{
	int fd;

	if (arg_listen)
		return listen_and_serve(config);
	if (!socket_inherited("connection", &fd) || !socket_inherited("evidence", &fd))
		return serve_inherited(config, fd);
	log_error("no connection was handed over: start it by its socket unit, or with --listen PATH");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct helper_config config = {.vmpl_number = 0};
	struct error error = ERROR_NULL;
	int r = program_options(&program, argc, argv);

	if (r)
		return r - 1;
	log_init("sevattest-evidence", LOG_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	tzset(); /* reads a file */
	r = helper_config_read(arg_config, &config, &error);
	if (r) {
		log_error("%s", error.text[0] ? error_text(&error) : strerror(-r));
		return EXIT_USAGE;
	}
	r = run(&config);
	helper_config_deinit(&config);
	return r;
}
