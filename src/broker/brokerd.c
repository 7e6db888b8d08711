/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest-brokerd: holds the store and decides. It speaks over AF_UNIX only: frames of httpd on http.sock, the operator's on admin.sock.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/secret.h"
#include "broker/admin.h"
#include "broker/config.h"
#include "broker/live.h"
#include "broker/serve.h"
#include "broker/work.h"
#include "io/clock.h"
#include "io/notify.h"
#include "io/program.h"
#include "io/sandbox.h"

#define SECURE_HEAP ((size_t)4 << 20) /* four resources of the largest size at once; RLIMIT_MEMLOCK is often 8 MiB */
#define THREADS_MAX 256

static const char *arg_config = BROKER_CONFIG_FILE;

static const struct program_option options[] = {
	{"config", "FILE", "configuration, sections [broker] and [admin] (" BROKER_CONFIG_FILE ")", &arg_config},
};

static const struct program program = {
	"sevattest-brokerd", "the key broker's store and decisions", SEVATTEST_VERSION, options, ARRAY_SIZE(options)};

/* Everything that lives as long as the program. */
struct brokerd {
	struct broker_config config;
	struct live_slot slot;
	int lock_fd;
	int http_fd;
	int admin_fd;
	bool own_http;
	bool own_admin;
	int signal_fd;
	int done_fd;
	int notify_fd;
	struct queue *work;
	struct queue *done;
	struct workers *workers;
	struct admin *admin;
};

/* Two brokers on one state directory would each spoil the other's epoch. */
static int lock_state(struct brokerd *brokerd, struct error *error)
{
	const char *directory = brokerd->config.state_directory;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/lock", directory) >= (int)sizeof(path))
		return error_set(error, -ENAMETOOLONG, "%s: too long", directory);
	brokerd->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (brokerd->lock_fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (flock(brokerd->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, -errno, "%s: another broker is running here", directory);
	return 0;
}

static int open_queues(struct brokerd *brokerd, struct error *error)
{
	int r;

	brokerd->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = brokerd->done_fd < 0 ? -errno : 0;
	if (!r)
		r = queue_new(-1, &brokerd->work);
	if (!r)
		r = queue_new(brokerd->done_fd, &brokerd->done);
	return r ? error_set(error, r, "%s", strerror(-r)) : 0;
}

/* All that needs files and names. */
static int prepare(struct brokerd *brokerd, struct error *error)
{
	int r;

	r = broker_config_read(arg_config, &brokerd->config, error);
	if (r)
		return r == -ENOMEM ? r : -EINVAL; /* absent, unreadable or too long is as wrong as malformed */
	if (brokerd->config.debug)
		log_init("sevattest-brokerd", LOG_DEBUG);
	brokerd->slot.config = &brokerd->config;
	brokerd->slot.version = SEVATTEST_VERSION;
	brokerd->slot.started = clock_now();
	brokerd->slot.credentials = getenv("CREDENTIALS_DIRECTORY");
	r = lock_state(brokerd, error);
	if (!r)
		r = program_signals(true, &brokerd->signal_fd);
	if (!r)
		r = open_queues(brokerd, error);
	if (!r)
		r = program_listen_unix("http", brokerd->config.http_socket, &brokerd->http_fd, &brokerd->own_http, error);
	if (!r)
		r = program_listen_unix("admin", brokerd->config.admin_socket, &brokerd->admin_fd, &brokerd->own_admin, error);
	if (!r)
		r = admin_new(&brokerd->slot, brokerd->admin_fd, &brokerd->admin, error);
	(void)mkdir(brokerd->config.cache_directory, 0755); /* once narrowed, it could not be made any more */
	brokerd->notify_fd = notify_open();
	tzset(); /* reads a file */
	return r;
}

/* The folder that a path lies in. `to` has PATH_MAX bytes. */
static const char *folder_of(char *to, const char *path)
{
	char *slash;

	(void)snprintf(to, PATH_MAX, "%s", path);
	slash = strrchr(to, '/');
	if (!slash)
		return ".";
	slash[slash == to ? 1 : 0] = 0;
	return to;
}

static int narrow(const struct brokerd *brokerd, struct error *error)
{
	const struct broker_config *config = &brokerd->config;
	char store[PATH_MAX];
	char key[PATH_MAX];
	char http[PATH_MAX];
	char admin[PATH_MAX];
	const struct sandbox_path paths[] = {
		{config->state_directory, true},
		{folder_of(store, config->store), true},
		{folder_of(key, config->key_file ? config->key_file : config->store), true}, /* `init` makes the key file */
		{folder_of(http, config->http_socket), true},                                /* its own sockets are removed at the end */
		{folder_of(admin, config->admin_socket), true},
		{config->certificate_directory, false},
		{config->cache_directory, true},
		{config->crl_directory, false},
		{"/proc/self/fd", false}, /* gives a file its name: keys.c */
		{brokerd->slot.credentials ? brokerd->slot.credentials : config->state_directory, true},
	};
	struct sandbox_state state;
	int r = sandbox_enter(SANDBOX_BROKERD, paths, ARRAY_SIZE(paths), &state, error);

	if (!r)
		log_info(
			"sandbox: seccomp %s, Landlock %s", state.seccomp ? "on" : "off", state.landlock_abi ? "on" : "not in this kernel");
	return r;
}

static void reload(void *context)
{
	struct brokerd *brokerd = context;
	struct live *live = live_get(&brokerd->slot);
	struct error error = ERROR_NULL;

	if (live && appraiser_reload(live->appraiser, &error))
		log_error("reload: %s; the old certificates stay", error_text(&error));
	else
		log_notice("certificates and revocation lists read again");
}

static size_t thread_count(const struct broker_config *config)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->threads > 0)
		return (size_t)config->threads;
	return processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors;
}

static int serve(struct brokerd *brokerd, struct error *error)
{
	const struct serve_config config = {
		.listen_fd = brokerd->http_fd,
		.signal_fd = brokerd->signal_fd,
		.done_fd = brokerd->done_fd,
		.work = brokerd->work,
		.done = brokerd->done,
		.reload = reload,
		.context = brokerd,
	};
	int r;

	r = live_start(&brokerd->slot, error);
	if (!r)
		r = workers_start(&brokerd->slot, brokerd->work, thread_count(&brokerd->config), &brokerd->workers, error);
	if (!r)
		r = admin_start(brokerd->admin, error);
	if (r)
		return r;
	if (!live_get(&brokerd->slot))
		log_notice("nothing is initialised yet: sevattest-broker init");
	notify_send(brokerd->notify_fd,
		live_get(&brokerd->slot) ? "READY=1\nSTATUS=serving" : "READY=1\nSTATUS=waiting for sevattest-broker init");
	log_notice("ready");
	r = serve_run(&config, error);
	notify_send(brokerd->notify_fd, "STOPPING=1");
	return r;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* In reverse: no new work, then the workers, then the audit with what they left, and only then the queue to which it answers. */
static void finish(struct brokerd *brokerd)
{
	if (brokerd->work)
		queue_stop(brokerd->work);
	brokerd->admin = admin_stop(brokerd->admin);
	brokerd->workers = workers_join(brokerd->workers);
	live_end(&brokerd->slot);
	brokerd->done = queue_free(brokerd->done);
	brokerd->work = queue_free(brokerd->work);
	if (brokerd->own_http && brokerd->http_fd >= 0)
		(void)unlink(brokerd->config.http_socket);
	if (brokerd->own_admin && brokerd->admin_fd >= 0)
		(void)unlink(brokerd->config.admin_socket);
	close_fd(brokerd->http_fd);
	close_fd(brokerd->admin_fd);
	close_fd(brokerd->signal_fd);
	close_fd(brokerd->done_fd);
	close_fd(brokerd->notify_fd);
	close_fd(brokerd->lock_fd);
	broker_config_deinit(&brokerd->config);
}

static int exit_code(int r)
{
	return r == 0 ? EXIT_YES : r == -EINVAL ? EXIT_USAGE : r == -EWOULDBLOCK || r == -EADDRINUSE ? EXIT_UNREACHABLE : EXIT_INTERNAL;
}

int main(int argc, char **argv)
{
	struct brokerd brokerd = {.lock_fd = -1, .http_fd = -1, .admin_fd = -1, .signal_fd = -1, .done_fd = -1, .notify_fd = -1};
	struct error error = ERROR_NULL;
	int r;

	log_init("sevattest-brokerd", LOG_INFO);
	r = program_options(&program, argc, argv);
	if (r)
		return r - 1;
	r = secret_process_init(SECURE_HEAP);
	if (r)
		(void)error_set(&error, r, "the secure heap cannot be made: %s (RLIMIT_MEMLOCK?)", strerror(-r));
	if (!r)
		r = prepare(&brokerd, &error);
	if (!r)
		r = narrow(&brokerd, &error);
	if (!r)
		r = serve(&brokerd, &error);
	if (r)
		log_error("%s", error.text[0] ? error_text(&error) : strerror(-r));
	finish(&brokerd);
	return exit_code(r);
}
