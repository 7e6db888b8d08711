/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest-httpd: TLS and HTTP towards the network, frames towards brokerd. It holds the TLS key and no other, opens nothing and
 * connects to nothing once it serves. With --agent it is the same for the status pages of sevattestd, and has no key at all.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/html.h"
#include "base/log.h"
#include "base/secret.h"
#include "httpd/broker.h"
#include "httpd/config.h"
#include "httpd/connector.h"
#include "httpd/limit.h"
#include "httpd/routes.h"
#include "io/agent_conf.h"
#include "io/httpserver.h"
#include "io/notify.h"
#include "io/program.h"
#include "io/sandbox.h"
#include "io/socket.h"

#define SECURE_HEAP ((size_t)1 << 20)
#define PEM_MAX ((size_t)256 << 10)

static const char *arg_agent;
static const char *arg_config;
static const char *arg_port_file;
static const char *arg_status_port_file;

static const struct program_option options[] = {
	{"agent", NULL, "in a guest: the status pages of sevattestd, nothing else", &arg_agent},
	{"config", "FILE", "configuration: [http] of " HTTPD_CONFIG_FILE ", with --agent [status] of " AGENT_CONF_FILE, &arg_config},
	{"port-file", "FILE", "write the port that was bound for KBS", &arg_port_file},
	{"status-port-file", "FILE", "the same for the status pages", &arg_status_port_file},
};

static const struct program program = {"sevattest-httpd", "the HTTPS front of the key broker, and the status pages on both sides",
	SEVATTEST_VERSION, options, ARRAY_SIZE(options)};

/* Everything that lives as long as the program. */
struct httpd {
	struct httpd_config config;
	struct routes routes;
	struct buf certificate;
	struct secret key;
	struct httpserver *status;
	int connector_fd;
	int listen_fd;
	int status_fd;
	int stop_fd;
	int notify_fd;
	char page_policy[HTML_POLICY_MAX];
	bool configured; /* what fails before is the user's to mend */
};

static int write_port(const char *file, uint16_t port, struct error *error)
{
	char text[16];

	if (!file)
		return 0;
	(void)snprintf(text, sizeof(text), "%u\n", port);
	return file_write(file, bytes_of_text(text), 0644, error);
}

static int listen_on(const char *name, const char *address, const char *port_file, int *ret_fd, struct error *error)
{
	uint16_t port = 0;
	int r = socket_inherited(name, ret_fd);

	if (r != -ENOENT)
		return r ? error_set(error, r, "inherited socket %s: %s", name, strerror(-r)) : 0;
	r = socket_listen_tcp(address, ret_fd, &port, error);
	if (r)
		return r;
	log_notice("listening on %s, port %u", address, port);
	return write_port(port_file, port, error);
}

/* Can somebody else than this machine reach the socket? */
static bool is_open_to_others(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {.v4 = {.sin_family = AF_UNSPEC}};
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) < 0)
		return false;
	if (address.any.sa_family == AF_INET)
		return ntohl(address.v4.sin_addr.s_addr) >> 24 != 127;
	return address.any.sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
}

static int open_status(struct httpd *httpd, struct error *error)
{
	int r;

	if (strcmp(httpd->config.status_listen, "off") == 0)
		return 0;
	r = listen_on("status", httpd->config.status_listen, arg_status_port_file, &httpd->status_fd, error);
	if (r)
		return r;
	httpd->routes.status_any_address = is_open_to_others(httpd->status_fd);
	httpd->routes.status_hosts = &httpd->config.status_hosts;
	r = html_policy(httpd->page_policy);
	return r ? error_set(error, r, "%s", strerror(-r)) : 0;
}

static int open_kbs(struct httpd *httpd, struct error *error)
{
	int r;

	if (httpd->config.agent)
		return 0;
	r = file_read(httpd->config.certificate, PEM_MAX, &httpd->certificate, error);
	if (!r)
		r = file_read_secret(httpd->config.private_key, PEM_MAX, false, &httpd->key, error);
	if (!r)
		r = listen_on("https", httpd->config.listen, arg_port_file, &httpd->listen_fd, error);
	return r;
}

/* All that needs files, ports or a fork. The connector first: it inherits neither key nor port. */
static int prepare(struct httpd *httpd, struct error *error)
{
	int r;

	r = httpd_config_read(arg_config, arg_agent != NULL, &httpd->config, error);
	if (r)
		return r;
	httpd->configured = true;
	r = connector_start(httpd->config.broker, &httpd->connector_fd, error);
	if (!r)
		r = open_kbs(httpd, error);
	if (!r)
		r = open_status(httpd, error);
	if (!r)
		r = program_signals(false, &httpd->stop_fd);
	httpd->notify_fd = notify_open();
	tzset(); /* reads a file */
	return r;
}

static int narrow(struct error *error)
{
	struct sandbox_state state;
	int r = sandbox_enter(SANDBOX_HTTPD, NULL, 0, &state, error);

	if (!r)
		log_info(
			"sandbox: seccomp %s, Landlock %s", state.seccomp ? "on" : "off", state.landlock_abi ? "on" : "not in this kernel");
	return r;
}

static int start_kbs(struct httpd *httpd, struct error *error)
{
	const struct httpd_config *config = &httpd->config;
	struct httpserver_config kbs = {
		.listen_fd = httpd->listen_fd,
		.certificate = buf_view(&httpd->certificate),
		.private_key = &httpd->key,
		.threads = (unsigned)config->threads,
		.connections_max = (unsigned)config->connections,
		.connections_per_address = (unsigned)config->connections_per_address,
		.idle_timeout_s = (unsigned)config->idle_timeout,
		.request_timeout_s = (unsigned)config->request_timeout,
		.handler = routes_kbs,
		.context = &httpd->routes,
	};
	int r = 0;

	if (config->agent)
		return 0;
	if (config->requests_per_second > 0)
		r = limit_new(config->requests_per_second, config->request_burst, &httpd->routes.limit);
	if (!r)
		r = httpserver_new(&kbs, &httpd->routes.server, error);
	secret_deinit(&httpd->key);
	return r;
}

static int start_servers(struct httpd *httpd, struct error *error)
{
	const struct httpd_config *config = &httpd->config;
	struct httpserver_config status = {.listen_fd = httpd->status_fd,
		.connections_max = 16,
		.connections_per_address = 16,
		.body_max = 1,
		.page_policy = httpd->page_policy,
		.idle_timeout_s = (unsigned)config->idle_timeout,
		.request_timeout_s = (unsigned)config->request_timeout,
		.handler = routes_status,
		.context = &httpd->routes};
	int r = broker_new(config->agent ? "sevattestd" : "sevattest-brokerd", httpd->connector_fd, (unsigned)config->broker_timeout * 1000,
		&httpd->routes.broker);

	if (!r)
		r = start_kbs(httpd, error);
	if (!r && httpd->status_fd >= 0)
		r = httpserver_new(&status, &httpd->status, error);
	return r;
}

/* The reverse of the above. */
static void tear_down(struct httpd *httpd)
{
	httpd->status = httpserver_free(httpd->status);
	httpd->routes.server = httpserver_free(httpd->routes.server);
	httpd->routes.broker = broker_free(httpd->routes.broker);
	httpd->routes.limit = limit_free(httpd->routes.limit);
	secret_deinit(&httpd->key);
	buf_deinit(&httpd->certificate);
	httpd_config_deinit(&httpd->config);
}

static int serve(struct httpd *httpd, struct error *error)
{
	int r = prepare(httpd, error);

	if (!r)
		r = narrow(error);
	if (!r)
		r = start_servers(httpd, error);
	if (r)
		return r;
	notify_send(httpd->notify_fd, "READY=1\n");
	r = broker_run(httpd->routes.broker, httpd->stop_fd, error);
	notify_send(httpd->notify_fd, "STOPPING=1\n");
	return r;
}

int main(int argc, char **argv)
{
	struct httpd httpd = {.connector_fd = -1, .listen_fd = -1, .status_fd = -1, .stop_fd = -1, .notify_fd = -1};
	struct error error = ERROR_NULL;
	int r = program_options(&program, argc, argv);

	if (r)
		return r - 1;
	log_init("sevattest-httpd", LOG_INFO);
	r = secret_process_init(SECURE_HEAP);
	httpd.configured = r != 0; /* not the configuration's fault */
	if (r)
		(void)error_set(&error, r, "secure memory: %s", strerror(-r));
	else
		r = serve(&httpd, &error);
	if (r)
		log_error("%s", error.text[0] ? error.text : strerror(-r));
	tear_down(&httpd);
	if (r == 0)
		return EXIT_YES;
	return httpd.configured ? EXIT_INTERNAL : EXIT_USAGE;
}
