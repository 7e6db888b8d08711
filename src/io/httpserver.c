/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon and its connections. libmicrohttpd's own time-out starts anew with each byte; the watchdog here gives each state of a
 * connection a deadline of its own and shuts the socket of whoever misses it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/httpserver_internal.h"

#define WATCH_SECONDS 1
#define ANSWER_SECONDS 60 /* to take 3 MiB */
#define STOP_MS 2000      /* for answers that are on their way at the end */

/*
 * TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only. AES-128 first: its suites hash with SHA-256, which processors have an
 * instruction for, and the handshake is most of what a new client costs.
 */
static const char priorities[] =
	"NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-"
	"SECP256R1"
	":+GROUP-SECP384R1:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-ECDSA-SHA256"
	":+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-"
	"PSS-SHA256"
	":+SIGN-RSA-PSS-SHA384:+SIGN-RSA-PSS-SHA512:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:+SIGN-EDDSA-ED25519:+COMP-NULL:+"
	"CTYPE-X509"
	":%SERVER_PRECEDENCE";

static struct connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static uint64_t deadline(const struct httpserver *server, enum connection_state state)
{
	uint64_t seconds = 0;

	switch (state) {
	case CONNECTION_WAITS:
		seconds = (uint64_t)server->config.idle_timeout_s + server->config.request_timeout_s;
		break;
	case CONNECTION_BODY:
		seconds = server->config.request_timeout_s;
		break;
	case CONNECTION_BUSY:
		return UINT64_MAX;
	case CONNECTION_ANSWERS:
		seconds = ANSWER_SECONDS;
		break;
	}
	return clock_monotonic_ms() + seconds * 1000;
}

void connection_state_set(struct MHD_Connection *connection, struct httpserver *server, enum connection_state state)
{
	struct connection *c = connection_of(connection);

	if (!c)
		return;
	(void)pthread_mutex_lock(&server->lock);
	c->state = state;
	c->deadline_ms = deadline(server, state);
	(void)pthread_mutex_unlock(&server->lock);
}

static void connection_begin(struct httpserver *server, struct MHD_Connection *connection, void **slot)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = calloc(1, sizeof(*c));

	*slot = c;
	if (!c || !info) {
		/* Unwatched it would live as long as it likes. */
		if (info)
			(void)shutdown(info->connect_fd, SHUT_RDWR);
		return;
	}
	c->fd = info->connect_fd;
	c->state = CONNECTION_WAITS;
	/* The first head is expected at once; idling comes later. */
	c->deadline_ms = clock_monotonic_ms() + (uint64_t)server->config.request_timeout_s * 1000;
	(void)pthread_mutex_lock(&server->lock);
	c->next = server->connections;
	if (c->next)
		c->next->previous = c;
	server->connections = c;
	(void)pthread_mutex_unlock(&server->lock);
}

static void connection_end(struct httpserver *server, void **slot)
{
	struct connection *c = *slot;

	*slot = NULL;
	if (!c)
		return;
	(void)pthread_mutex_lock(&server->lock);
	if (c->previous)
		c->previous->next = c->next;
	else if (server->connections == c)
		server->connections = c->next;
	if (c->next)
		c->next->previous = c->previous;
	(void)pthread_mutex_unlock(&server->lock);
	free(c);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		connection_begin(context, connection, slot);
	else
		connection_end(context, slot);
}

static void *watch(void *context)
{
	struct httpserver *server = context;
	struct timespec until;

	(void)pthread_mutex_lock(&server->lock);
	while (!server->stopping) {
		uint64_t now = clock_monotonic_ms();

		/* The socket cannot be another's yet: libmicrohttpd closes it after on_connection() has taken the lock. */
		for (struct connection *c = server->connections; c; c = c->next) {
			if (now < c->deadline_ms)
				continue;
			(void)shutdown(c->fd, SHUT_RDWR);
			c->deadline_ms = UINT64_MAX;
			atomic_fetch_add(&server->refused, 1);
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += WATCH_SECONDS;
		(void)pthread_cond_timedwait(&server->wake, &server->lock, &until);
	}
	(void)pthread_mutex_unlock(&server->lock);
	return NULL;
}

/* The path is decoded by httpserver_split_uri(): libmicrohttpd would let %00 end it. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

static void on_log(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
static void on_log(void *context, const char *format, va_list arguments)
{
	struct httpserver *server = context;

	if (!server->started && server->start_text[0] == '\0')
		(void)vsnprintf(server->start_text, sizeof(server->start_text), format, arguments);
}

static void fill_defaults(struct httpserver_config *config)
{
	if (!config->threads)
		config->threads = 1;
	if (!config->connections_max)
		config->connections_max = 1000;
	if (!config->connections_per_address)
		config->connections_per_address = 64;
	if (!config->idle_timeout_s)
		config->idle_timeout_s = 30;
	if (!config->request_timeout_s)
		config->request_timeout_s = 30;
	if (!config->body_max)
		config->body_max = HTTPSERVER_BODY_MAX;
}

/* libmicrohttpd takes PEM as C strings and reads them only while it starts. */
static int terminated_copy(struct secret *ret, struct bytes from)
{
	int r = secret_alloc(ret, from.size + 1);

	if (!r)
		memcpy(ret->data, from.data, from.size);
	return r;
}

static int start_daemon(struct httpserver *server, const char *certificate, const char *key, struct error *error)
{
	const struct httpserver_config *config = &server->config;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem options[8] = {{0}};
	size_t n = 0;

	if (certificate) {
		union {
			const char *in;
			void *out;
		} text[3] = {{certificate}, {key}, {priorities}};

		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, text[0].out};
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, text[1].out};
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, text[2].out};
	}
	if (config->threads > 1)
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)config->threads, NULL};
	options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, exchange_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, server,
		MHD_OPTION_LISTEN_SOCKET, config->listen_fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_SIZE, MHD_OPTION_CONNECTION_LIMIT,
		config->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
		config->idle_timeout_s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin,
		server, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	server->started = true;
	if (!server->daemon)
		return error_set(error, -EINVAL, "HTTP server: %s", server->start_text[0] ? server->start_text : "cannot start");
	return 0;
}

static int start(struct httpserver *server, struct error *error)
{
	CLEANUP(secret_deinit) struct secret certificate = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	bool tls = server->config.certificate.size > 0;
	int r = 0;

	if (tls) {
		r = terminated_copy(&certificate, server->config.certificate);
		if (!r)
			r = terminated_copy(&key, secret_view(server->config.private_key));
		if (r)
			return error_set(error, r, "HTTP server: no secure memory for the TLS key");
	}
	r = start_daemon(server, tls ? (const char *)certificate.data : NULL, (const char *)key.data, error);
	/* Nothing of the caller's is looked at after this. */
	server->config.certificate = bytes_of(NULL, 0);
	server->config.private_key = NULL;
	return r;
}

static int init_locks(struct httpserver *server)
{
	pthread_condattr_t monotonic;
	int r = pthread_mutex_init(&server->lock, NULL);

	if (r)
		return -r;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	r = pthread_cond_init(&server->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	if (r)
		(void)pthread_mutex_destroy(&server->lock);
	return -r;
}

static void release(struct httpserver *server)
{
	(void)pthread_cond_destroy(&server->wake);
	(void)pthread_mutex_destroy(&server->lock);
	free(server);
}

int httpserver_new(const struct httpserver_config *config, struct httpserver **ret, struct error *error)
{
	struct httpserver *server;
	int r;

	if (config->certificate.size > 0 && (!config->private_key || config->private_key->size == 0))
		return error_set(error, -EINVAL, "HTTP server: a certificate without its key");
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	r = init_locks(server);
	if (r) {
		free(server);
		return r;
	}
	server->config = *config;
	fill_defaults(&server->config);
	r = start(server, error);
	if (!r) {
		r = -pthread_create(&server->watchdog, NULL, watch, server);
		if (r)
			MHD_stop_daemon(server->daemon);
	}
	if (r) {
		release(server);
		return r;
	}
	*ret = server;
	return 0;
}

/* One exchange that waits for an answer, or NULL. */
static struct httpserver_exchange *find_suspended(struct httpserver *server)
{
	struct httpserver_exchange *exchange;

	(void)pthread_mutex_lock(&server->lock);
	for (exchange = server->exchanges; exchange && exchange->state != EXCHANGE_SUSPENDED; exchange = exchange->next)
		;
	(void)pthread_mutex_unlock(&server->lock);
	return exchange;
}

static bool any_exchange(struct httpserver *server)
{
	bool any = false;

	(void)pthread_mutex_lock(&server->lock);
	for (struct httpserver_exchange *e = server->exchanges; e && !any; e = e->next)
		any = e->state != EXCHANGE_ARRIVES;
	(void)pthread_mutex_unlock(&server->lock);
	return any;
}

struct httpserver *httpserver_free(struct httpserver *server)
{
	struct httpserver_exchange *exchange;
	uint64_t until = clock_monotonic_ms() + STOP_MS;
	int listen_fd;

	if (!server)
		return NULL;
	listen_fd = MHD_quiesce_daemon(server->daemon);
	(void)pthread_mutex_lock(&server->lock);
	server->stopping = true;
	(void)pthread_cond_signal(&server->wake);
	(void)pthread_mutex_unlock(&server->lock);
	(void)pthread_join(server->watchdog, NULL);
	while (any_exchange(server) && clock_monotonic_ms() < until) {
		exchange = find_suspended(server);
		if (exchange)
			httpserver_answer_error(exchange, 503, "Unavailable", "the server is going down", 1);
		else
			(void)usleep(5000);
	}
	/* A suspended connection must not be left: libmicrohttpd would abort. */
	while ((exchange = find_suspended(server)))
		httpserver_answer_error(exchange, 503, "Unavailable", "the server is going down", 1);
	MHD_stop_daemon(server->daemon);
	if (listen_fd >= 0)
		(void)close(listen_fd);
	release(server);
	return NULL;
}

void httpserver_counts(struct httpserver *server, struct httpserver_counts *ret)
{
	uint64_t connections = 0;

	(void)pthread_mutex_lock(&server->lock);
	for (const struct connection *c = server->connections; c; c = c->next)
		connections++;
	(void)pthread_mutex_unlock(&server->lock);
	ret->connections = connections;
	ret->requests = atomic_load(&server->requests);
	ret->refused = atomic_load(&server->refused);
}
