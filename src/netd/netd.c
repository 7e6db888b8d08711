/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest-netd: the way out, on both sides. It asks configured origins over HTTPS for a daemon that has no network itself, and listens on
 * nothing but that daemon's socket. It holds no key, opens no TCP port, and connects to no port but those of its origins.
 */
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/secret.h"
#include "io/agent_conf.h"
#include "io/notify.h"
#include "io/program.h"
#include "io/sandbox.h"
#include "io/socket.h"
#include "netd/serve.h"

#define SECURE_HEAP ((size_t)64 << 10) /* OpenSSL's own: no key of ours is here */
#define BROKER_CONF_FILE "/etc/sevattest/broker.conf"

static const char *arg_agent;
static const char *arg_broker;

static const struct program_option options[] = {
	{"agent", "[=FILE]", "the guest's side: configuration (" AGENT_CONF_FILE ")", &arg_agent},
	{"broker", "[=FILE]", "the key broker's side: configuration (" BROKER_CONF_FILE ")", &arg_broker},
};

static const struct program program = {
	"sevattest-netd", "carries requests to configured origins", SEVATTEST_VERSION, options, ARRAY_SIZE(options)};

/* 0: go on; else the exit code plus one. */
static int parse_options(int argc, char **argv)
{
	int r = program_options(&program, argc, argv);

	if (arg_agent == options[0].name)
		arg_agent = AGENT_CONF_FILE;
	if (arg_broker == options[1].name)
		arg_broker = BROKER_CONF_FILE;
	if (r || !arg_agent != !arg_broker)
		return r;
	(void)fprintf(stderr, "sevattest-netd: give one of --agent and --broker\n");
	return EXIT_USAGE + 1;
}

/* Everything that lives as long as the program. */
struct netd {
	struct netd_config config;
	struct origin *origins[NETD_ORIGINS_MAX];
	struct done *done;
	int listen_fd;
	int stop_fd;
	int notify_fd;
	bool own_socket;
	bool configured; /* what fails before is the user's to mend */
};

/*
 * The certification authorities of AMD's key service are by default those of the package ca-certificates. A machine without them, where nobody
 * may ever ask that service, still needs the way to its broker: the one origin is left out, and whoever asks it is told so.
 */
static int open_origins(struct netd *netd, struct error *error)
{
	size_t i = 0;

	while (i < netd->config.origin_count) {
		const struct netd_origin *config = &netd->config.origins[i];
		int r = origin_new(config, netd->done, &netd->origins[i], error);

		if (!r) {
			i++;
			continue;
		}
		if (r != -ENOENT || config->kind != ORIGIN_KDS)
			return r;
		log_warning("%s: nobody can ask %s: install ca-certificates, set CA= in section [kds], or Url = off", error_text(error), config->url);
		error_clear(error);
		netd_config_drop(&netd->config, i);
	}
	return 0;
}

static int prepare(struct netd *netd, struct error *error)
{
	int r = netd_config_read(arg_agent ? arg_agent : arg_broker, arg_agent != NULL, &netd->config, error);

	if (r)
		return r;
	r = done_new(&netd->done);
	if (!r)
		r = open_origins(netd, error);
	if (r)
		return r;
	netd->configured = true;
	r = program_listen_unix("net", netd->config.socket, &netd->listen_fd, &netd->own_socket, error);
	if (!r)
		r = program_signals(false, &netd->stop_fd);
	netd->notify_fd = notify_open();
	tzset(); /* reads a file */
	/* The other name services are libraries that the C library would load later: executable memory, which the sandbox refuses. */
	(void)__nss_configure_lookup("hosts", "files dns");
	return r;
}

static int narrow(const struct netd *netd, struct error *error)
{
	/* resolv.conf and hosts are replaced, not written, when the network changes: their directories, so that the new ones are seen. */
	static const struct sandbox_path paths[] = {
		{"/etc", false},
		{"/run/systemd/resolve", false},
		{"/run/NetworkManager", false},
		{"/run/resolvconf", false},
		{"/run/connman", false},
	};
	uint16_t ports[NETD_ORIGINS_MAX + 1] = {53}; /* answers of the name service that do not fit into a datagram */
	struct sandbox_state state = {.seccomp = false};
	size_t count = 1;
	int r;

	for (size_t i = 0; i < netd->config.origin_count; i++)
		ports[count++] = rules_port(netd->config.origins[i].url);
	r = sandbox_enter_net(SANDBOX_NETD, paths, ARRAY_SIZE(paths), ports, count, &state, error);
	if (!r)
		log_info(
			"sandbox: seccomp %s, Landlock %s", state.seccomp ? "on" : "off", state.landlock_abi ? "on" : "not in this kernel");
	return r;
}

static int serve(struct netd *netd, struct error *error)
{
	struct serve_config config = {.names = netd->config.origins, .origins = netd->origins};
	int r = prepare(netd, error);

	if (!r)
		r = narrow(netd, error);
	if (r)
		return r;
	config.listen_fd = netd->listen_fd;
	config.stop_fd = netd->stop_fd;
	config.done = netd->done;
	config.count = netd->config.origin_count;
	for (size_t i = 0; i < config.count; i++)
		log_info("origin %s is %s", netd->config.origins[i].name, netd->config.origins[i].url);
	notify_send(netd->notify_fd, "READY=1\n");
	r = serve_run(&config, error);
	notify_send(netd->notify_fd, "STOPPING=1\n");
	return r;
}

/* The reverse of the above. */
static void tear_down(struct netd *netd)
{
	bool busy = false;

	/* Under Landlock it may not be removed any more: then the next start replaces it. */
	if (netd->own_socket)
		(void)unlink(netd->config.socket);
	for (size_t i = 0; i < netd->config.origin_count; i++)
		busy = busy || (netd->origins[i] && origin_busy(netd->origins[i]));
	if (busy) /* A thread may wait for its peer for a minute; it has nothing that must be put away. */
		_exit(EXIT_YES);
	for (size_t i = 0; i < netd->config.origin_count; i++)
		netd->origins[i] = origin_free(netd->origins[i]);
	netd->done = done_free(netd->done);
	netd_config_deinit(&netd->config);
}

int main(int argc, char **argv)
{
	struct netd netd = {.listen_fd = -1, .stop_fd = -1, .notify_fd = -1};
	struct error error = ERROR_NULL;
	int r = parse_options(argc, argv);

	if (r)
		return r - 1;
	log_init("sevattest-netd", LOG_INFO);
	r = secret_process_init(SECURE_HEAP);
	netd.configured = r != 0; /* not the configuration's fault */
	if (r)
		(void)error_set(&error, r, "secure memory: %s", strerror(-r));
	else
		r = serve(&netd, &error);
	if (r)
		log_error("%s", error.text[0] ? error.text : strerror(-r));
	tear_down(&netd);
	if (r == 0)
		return EXIT_YES;
	return netd.configured ? EXIT_INTERNAL : EXIT_USAGE;
}
