/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest-httpd: TLS and HTTP towards the network, frames towards brokerd. It holds the TLS key and no other, opens nothing and
 * connects to nothing once it serves.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/secret.h"
#include "httpd/broker.h"
#include "httpd/config.h"
#include "httpd/connector.h"
#include "httpd/limit.h"
#include "httpd/routes.h"
#include "io/httpserver.h"
#include "io/notify.h"
#include "io/sandbox.h"
#include "io/socket.h"

#define SECURE_HEAP ((size_t)1 << 20)
#define PEM_MAX ((size_t)256 << 10)

static const char *arg_config = HTTPD_CONFIG_FILE;
static const char *arg_port_file;
static const char *arg_status_port_file;

static const struct {
	const char *name;
	const char *value;
	const char *help;
} option_help[] = {
	{"config", "FILE", "configuration, section [http] (" HTTPD_CONFIG_FILE ")"},
	{"port-file", "FILE", "write the port that was bound"},
	{"status-port-file", "FILE", "the same for the status pages"},
	{"help", NULL, "this text"},
	{"version", NULL, "the version"},
};

static void print_help(void)
{
	(void)printf("sevattest-httpd: the HTTPS front of the key broker\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(option_help); i++)
		(void)printf("  --%s%s%-*s%s\n", option_help[i].name, option_help[i].value ? " " : "",
			(int)(26 - strlen(option_help[i].name) - (option_help[i].value ? 1 : 0)),
			option_help[i].value ? option_help[i].value : "", option_help[i].help);
}

/* 0: go on; else the exit code plus one. */
static int parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"port-file", required_argument, NULL, 'p'},
		{"status-port-file", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			arg_config = optarg;
			break;
		case 'p':
			arg_port_file = optarg;
			break;
		case 's':
			arg_status_port_file = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_YES + 1;
		case 'v':
			(void)printf("sevattest-httpd %s\n", SEVATTEST_VERSION);
			return EXIT_YES + 1;
		default:
			return EXIT_USAGE + 1;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "sevattest-httpd: unexpected argument: %s\n", argv[optind]);
		return EXIT_USAGE + 1;
	}
	return 0;
}

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

/* Signals reach only the descriptor; threads inherit the mask. */
static int open_signals(int *ret_fd)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* All that needs files, ports or a fork. The connector first: it inherits neither key nor port. */
static int prepare(struct httpd *httpd, struct error *error)
{
	int r;

	r = httpd_config_read(arg_config, &httpd->config, error);
	if (r)
		return r;
	httpd->configured = true;
	r = connector_start(httpd->config.broker, &httpd->connector_fd, error);
	if (r)
		return r;
	r = file_read(httpd->config.certificate, PEM_MAX, &httpd->certificate, error);
	if (!r)
		r = file_read_secret(httpd->config.private_key, PEM_MAX, false, &httpd->key, error);
	if (!r)
		r = listen_on("https", httpd->config.listen, arg_port_file, &httpd->listen_fd, error);
	if (!r && strcmp(httpd->config.status_listen, "off") != 0)
		r = listen_on("status", httpd->config.status_listen, arg_status_port_file, &httpd->status_fd, error);
	if (!r)
		r = open_signals(&httpd->stop_fd);
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

static int start_servers(struct httpd *httpd, struct error *error)
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
	struct httpserver_config status = {.listen_fd = httpd->status_fd,
		.connections_max = 16,
		.connections_per_address = 16,
		.body_max = 1,
		.handler = routes_status,
		.context = &httpd->routes};
	int r = 0;

	if (config->requests_per_second > 0)
		r = limit_new(config->requests_per_second, config->request_burst, &httpd->routes.limit);
	if (!r)
		r = broker_new(httpd->connector_fd, (unsigned)config->broker_timeout * 1000, &httpd->routes.broker);
	if (!r)
		r = httpserver_new(&kbs, &httpd->routes.server, error);
	secret_deinit(&httpd->key);
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
	int r = parse_options(argc, argv);

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
