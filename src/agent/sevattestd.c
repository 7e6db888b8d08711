/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattestd: proves this machine to its key broker and hands the keys that come of it to unchanged services. It holds the guest's private key
 * and the keys, so it has no network and no device: sevattest-netd speaks for it, sevattest-evidence asks the hardware.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "agent/credentials.h"
#include "agent/disks.h"
#include "agent/idle.h"
#include "agent/life.h"
#include "agent/status.h"
#include "base/log.h"
#include "base/secret.h"
#include "io/agent_conf.h"
#include "io/clock.h"
#include "io/notify.h"
#include "io/program.h"
#include "io/sandbox.h"
#include "io/socket.h"

#define SECURE_HEAP ((size_t)4 << 20) /* the keys, one of the largest size under way, and a copy in part; touched pages only */

static const char *arg_config = AGENT_CONF_FILE;

static const struct program_option options[] = {
	{"config", "FILE", "configuration (" AGENT_CONF_FILE ")", &arg_config},
};

static const struct program program = {"sevattestd", "proves this machine and hands its keys to unchanged services and disks", SEVATTEST_VERSION, options,
	ARRAY_SIZE(options)};

struct inherited {
	int fd;
	char *name;
};

/* Sockets that we listen on, and the names that systemd hands them over by. */
enum { LISTEN_CREDENTIALS, LISTEN_CRYPTSETUP, LISTEN_LUKS, LISTEN_STATUS, LISTEN_COUNT };

static const struct {
	const char *name;
	mode_t mode; /* systemd and sevattest-luks connect as root */
} listen_kinds[LISTEN_COUNT] = {{"credentials", 0600}, {"cryptsetup", 0600}, {"luks", 0600}, {"status", 0660}};

struct listener {
	int fd;   /* -1: not there, or taken over by its owner */
	bool own; /* made here, and removed at the end */
	char path[PATH_MAX]; /* as it was at the start */
};

#define STORED_MAX (CREDENTIALS_MAX + 2 * DISKS_CONNECTIONS_MAX)

/* Everything that lives as long as the program. */
struct agent {
	struct core core;
	struct life *life;
	struct credentials *credentials;
	struct disks *disks;
	struct status_server *status;
	struct idle *idle;
	struct inherited stored[STORED_MAX];
	size_t stored_count;
	struct listener listeners[LISTEN_COUNT];
	int notify_fd;
};

static struct listener *listener_named(struct agent *agent, const char *name)
{
	for (size_t i = 0; i < LISTEN_COUNT; i++) {
		if (strcmp(name, listen_kinds[i].name) == 0)
			return &agent->listeners[i];
	}
	return NULL;
}

static bool is_stored(const char *name)
{
	return text_starts_with(name, CREDENTIALS_FD_NAME) || text_starts_with(name, DISKS_LUKS_FD_NAME) ||
	       text_starts_with(name, DISKS_CRYPTSETUP_FD_NAME);
}

/* Sockets by FileDescriptorName=, and the connections of an earlier process. */
static int take_inherited(struct agent *agent, struct error *error)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);

	if (count < 0)
		return error_set(error, count, "inherited sockets: %s", strerror(-count));
	for (int i = 0; i < count; i++) {
		struct listener *listener = listener_named(agent, names[i]);
		int fd = SD_LISTEN_FDS_START + i;

		if (listener) {
			listener->fd = fd;
		} else if (is_stored(names[i]) && agent->stored_count < STORED_MAX) {
			agent->stored[agent->stored_count++] = (struct inherited){fd, names[i]};
			names[i] = NULL;
		} else {
			log_warning("inherited descriptor \"%s\" is not known", names[i]);
			(void)close(fd);
		}
		free(names[i]);
	}
	free(names);
	return 0;
}

static bool was_handed_some(const struct agent *agent)
{
	for (size_t i = 0; i < LISTEN_COUNT; i++) {
		if (agent->listeners[i].fd >= 0)
			return true;
	}
	return false;
}

/* All of them, without systemd. Whoever hands over some has decided about the others too. */
static int listen_all(struct agent *agent, struct error *error)
{
	const struct agent_settings *settings = &agent->core.config->settings;
	const char *const paths[LISTEN_COUNT] = {
		settings->credentials_socket, settings->cryptsetup_socket, settings->luks_socket, settings->status_socket};
	const bool handed = was_handed_some(agent);
	int r = 0;

	for (size_t i = 0; i < LISTEN_COUNT && !r; i++) {
		struct listener *listener = &agent->listeners[i];

		if (handed && listener->fd < 0)
			log_warning("no socket \"%s\" was handed over: nobody is answered there", listen_kinds[i].name);
		if (handed)
			continue;
		(void)snprintf(listener->path, sizeof(listener->path), "%s", paths[i]);
		listener->own = true;
		r = socket_listen_unix(listener->path, listen_kinds[i].mode, &listener->fd, error);
	}
	return r;
}

static void look_again(struct agent *agent)
{
	credentials_update(agent->credentials);
	disks_update(agent->disks);
	status_tell(agent->status);
	idle_touch(agent->idle);
}

static void on_changed(void *context, struct key *key)
{
	(void)key;
	look_again(context);
}

/* A new life with the configuration that is in force: nothing of the one before is left but the connections. */
static int renew_life(struct agent *agent)
{
	struct core *core = &agent->core;
	struct life *life;
	int r;

	r = life_new(core, on_changed, agent, &life);
	if (r)
		return r;
	agent_config_warn(core->config);
	credentials_set_life(agent->credentials, life);
	disks_set_life(agent->disks, life);
	status_set_sources(agent->status, life, agent->credentials, agent->disks);
	agent->life = life_free(agent->life);
	agent->life = life;
	return 0;
}

/* Signals */

/* Validated whole before anything is given up. */
static int reload(struct agent *agent, struct error *error)
{
	struct core *core = &agent->core;
	CLEANUP(agent_config_freep) struct agent_config *fresh = NULL;
	struct agent_config *old = core->config;
	bool same;
	int r = agent_config_new(arg_config, &fresh, error);

	if (r)
		return r;
	same = agent_config_same_source(old, fresh);
	core->config = fresh;
	r = credentials_reload(agent->credentials);
	if (!r)
		r = disks_reload(agent->disks);
	if (!r && !same) /* last: a life holds on to the configuration that it was made with */
		r = renew_life(agent);
	if (r) {
		core->config = old;
		return r;
	}
	fresh = old; /* freed at the end */
	return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct agent *agent = context;
	struct error error = ERROR_NULL;
	char text[96];
	int r;

	(void)source;
	(void)info;
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu\n", (unsigned long long)clock_monotonic_ms() * 1000);
	notify_send(agent->notify_fd, text);
	r = reload(agent, &error);
	agent->core.counters.reloads++;
	if (r) {
		agent->core.counters.reload_failures++;
		log_error("reload: %s; the configuration before stays in force", error.text[0] ? error_text(&error) : strerror(-r));
	} else {
		log_notice("configuration read again");
		life_begin(agent->life);
	}
	notify_send(agent->notify_fd, "READY=1\n");
	look_again(agent);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct agent *agent = context;

	(void)source;
	(void)info;
	return sd_event_exit(agent->core.event, 0);
}

static int add_signals(struct agent *agent)
{
	sd_event *event = agent->core.event;
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(event, NULL, SIGTERM, on_stop, agent);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, on_stop, agent);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGHUP, on_reload, agent);
	return r < 0 ? r : 0;
}

/* Steps of main() */

static int prepare(struct agent *agent, struct error *error)
{
	struct core *core = &agent->core;
	int r = agent_config_new(arg_config, &core->config, error);

	if (r)
		return r;
	core->started = clock_now();
	core->attest_duration = (struct metrics_histogram){.bounds_ms = agent_attest_bounds_ms, .bound_count = AGENT_ATTEST_BOUNDS};
	agent->notify_fd = notify_open();
	r = take_inherited(agent, error);
	if (!r)
		r = listen_all(agent, error);
	if (!r)
		r = sd_event_default(&core->event);
	if (r >= 0)
		r = add_signals(agent);
	if (r >= 0)
		r = sd_event_set_watchdog(core->event, true);
	if (r < 0)
		return error_set(error, r, "event loop: %s", strerror(-r));
	tzset(); /* reads a file */
	return 0;
}

/* The folder that a path lies in. `to` has PATH_MAX bytes. */
static const char *folder_of(char *to, const char *path)
{
	char *slash;

	(void)snprintf(to, PATH_MAX, "%s", path ? path : "/nonexistent/file");
	slash = strrchr(to, '/');
	if (!slash)
		return ".";
	slash[slash == to ? 1 : 0] = 0;
	return to;
}

static int narrow(const struct agent *agent, struct error *error)
{
	const struct agent_settings *settings = &agent->core.config->settings;
	char config[PATH_MAX], policy[PATH_MAX], key[PATH_MAX], sockets[LISTEN_COUNT][PATH_MAX];
	struct sandbox_path paths[9 + LISTEN_COUNT] = {
		{folder_of(config, arg_config), false}, /* read again at a reload */
		{folder_of(policy, settings->policy), false},
		{folder_of(key, settings->broker_key), false},
		{settings->state_directory, true},
		{settings->cache_directory, true},
		{settings->volumes, false},
		{settings->luks, false},
		{"/proc", false}, /* a peer's control group; what else is there its owner or the kernel guards */
		{"/dev/urandom", false},
	};
	struct sandbox_state state;
	int r;

	for (size_t i = 0; i < LISTEN_COUNT; i++) { /* removed at the end */
		const struct listener *listener = &agent->listeners[i];

		paths[9 + i] = (struct sandbox_path){listener->own ? folder_of(sockets[i], listener->path) : "/nonexistent", true};
	}
	r = sandbox_enter(SANDBOX_AGENT, paths, ARRAY_SIZE(paths), &state, error);
	if (!r)
		log_info(
			"sandbox: seccomp %s, Landlock %s", state.seccomp ? "on" : "off", state.landlock_abi ? "on" : "not in this kernel");
	return r;
}

static int assemble(struct agent *agent, struct error *error)
{
	struct core *core = &agent->core;
	int r;

	r = port_new(core->event, core->config->settings.net_socket, FRAME_SET_NET_CLIENT, false, &core->net);
	if (!r)
		r = idle_new(core->event, &agent->idle);
	if (!r)
		r = credentials_new(core, agent->listeners[LISTEN_CREDENTIALS].fd, agent->notify_fd, &agent->credentials);
	if (!r)
		r = disks_new(core, agent->listeners[LISTEN_LUKS].fd, agent->listeners[LISTEN_CRYPTSETUP].fd, agent->notify_fd, &agent->disks);
	if (!r)
		r = status_new(core, agent->listeners[LISTEN_STATUS].fd, agent->notify_fd, &agent->status);
	if (!r)
		r = renew_life(agent);
	return r < 0 ? error_set(error, r, "%s", strerror(-r)) : r;
}

static void adopt(struct agent *agent, const struct inherited *stored)
{
	if (text_starts_with(stored->name, DISKS_LUKS_FD_NAME))
		disks_adopt_luks(agent->disks, stored->fd, stored->name);
	else if (text_starts_with(stored->name, DISKS_CRYPTSETUP_FD_NAME))
		disks_adopt_cryptsetup(agent->disks, stored->fd, stored->name);
	else
		credentials_adopt(agent->credentials, stored->fd, stored->name);
}

static int serve(struct agent *agent, struct error *error)
{
	int r = assemble(agent, error);

	if (r)
		return r;
	for (size_t i = 0; i < agent->stored_count; i++)
		adopt(agent, &agent->stored[i]);
	notify_send(agent->notify_fd, "READY=1\n");
	log_notice("ready");
	life_begin(agent->life);
	look_again(agent);
	r = sd_event_loop(agent->core.event);
	notify_send(agent->notify_fd, "STOPPING=1\n");
	return r < 0 ? error_set(error, r, "event loop: %s", strerror(-r)) : 0;
}

/* In reverse. */
static void finish(struct agent *agent)
{
	struct core *core = &agent->core;

	agent->life = life_free(agent->life);
	agent->status = status_free(agent->status);
	agent->disks = disks_free(agent->disks);
	agent->credentials = credentials_free(agent->credentials);
	agent->idle = idle_free(agent->idle);
	core->net = port_free(core->net);
	verdict_deinit(&core->machine.verdict);
	for (size_t i = 0; i < agent->stored_count; i++)
		free(agent->stored[i].name);
	for (size_t i = 0; i < LISTEN_COUNT; i++) {
		if (agent->listeners[i].own)
			(void)unlink(agent->listeners[i].path);
	}
	if (agent->notify_fd >= 0)
		(void)close(agent->notify_fd);
	core->event = sd_event_unref(core->event);
	core->config = agent_config_free(core->config);
}

static int exit_code(int r)
{
	return r == 0 ? EXIT_YES : r == -EINVAL || r == -ENOENT ? EXIT_USAGE : r == -EADDRINUSE ? EXIT_UNREACHABLE : EXIT_INTERNAL;
}

int main(int argc, char **argv)
{
	static struct agent agent = {.notify_fd = -1, .listeners = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}}};
	struct error error = ERROR_NULL;
	int r = program_options(&program, argc, argv);

	if (r)
		return r - 1;
	log_init("sevattestd", LOG_INFO);
	r = secret_process_init(SECURE_HEAP);
	if (r)
		(void)error_set(&error, r, "the secure heap cannot be made: %s (RLIMIT_MEMLOCK?)", strerror(-r));
	if (!r)
		r = prepare(&agent, &error);
	if (!r)
		r = narrow(&agent, &error);
	if (!r)
		r = serve(&agent, &error);
	if (r)
		log_error("%s", error.text[0] ? error_text(&error) : strerror(-r));
	finish(&agent);
	return exit_code(r);
}
