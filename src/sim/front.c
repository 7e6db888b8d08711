/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/socket.h"
#include "sim/state.h"
#include "sim/tls.h"

#define PLAIN SIM_TLS_KINDS /* the server behind "plain" */
#define SERVERS (SIM_TLS_KINDS + 1)
#define CUT_AFTER 40
#define STEP_MS 200 /* how soon everything notices that it shall end */

struct sim_front {
	const struct sim_platform *platform;
	const char *state_path;
	int fd;
	atomic_bool ended;
	atomic_uint connections; /* threads that still run */
	pthread_t thread;
	bool running;
	struct httpserver *servers[SERVERS];
	uint16_t ports[SERVERS];
};

struct connection {
	struct sim_front *front;
	int client, server;
	char act[16];
};

/* Waits for bytes from one of two ends; the second may be -1. */
static bool wait_bytes(const struct sim_front *front, struct pollfd ends[static 2])
{
	while (!atomic_load(&front->ended)) {
		int n = poll(ends, 2, STEP_MS);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* Carries bytes both ways until one side ends, or `limit` bytes of the server have gone. */
static void carry(const struct connection *connection, size_t limit)
{
	const int fds[2] = {connection->client, connection->server};
	uint8_t data[4096];

	for (;;) {
		struct pollfd ends[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};

		if (!wait_bytes(connection->front, ends))
			return;
		for (size_t i = 0; i < 2; i++) {
			ssize_t n = ends[i].revents ? recv(fds[i], data, sizeof(data), 0) : -1;
			size_t some = n > 0 ? (size_t)n : 0;

			if (!ends[i].revents)
				continue;
			if (i == 1 && some > limit)
				some = limit;
			if (n <= 0 || !write_all(fds[1 - i], data, some))
				return;
			limit -= i == 1 ? some : 0;
			if (limit == 0)
				return;
		}
	}
}

/* Waits for the client's first bytes and takes them; then sends `text`. */
static void answer_wrong(const struct connection *connection, const char *text)
{
	struct pollfd ends[2] = {{connection->client, POLLIN, 0}, {-1, 0, 0}};
	uint8_t data[4096];

	if (wait_bytes(connection->front, ends) && recv(connection->client, data, sizeof(data), 0) > 0)
		(void)write_all(connection->client, (const uint8_t *)text, strlen(text));
}

static void stall(const struct connection *connection)
{
	struct pollfd ends[2] = {{connection->client, 0, 0}, {-1, 0, 0}}; /* only its end is waited for */

	(void)wait_bytes(connection->front, ends);
}

static int connect_inner(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* The server for this setting: an unknown one gets the good certificate. */
static size_t server_of(const char *act)
{
	for (size_t i = 0; sim_tls_name(i); i++)
		if (!strcmp(act, sim_tls_name(i)))
			return i;
	return strcmp(act, "plain") ? SIM_TLS_GOOD : PLAIN;
}

static void *serve_connection(void *context)
{
	struct connection *connection = context;
	const char *act = connection->act;

	if (!strcmp(act, "garbage")) {
		answer_wrong(connection, "220 mail.example ESMTP\r\n");
	} else if (!strcmp(act, "close")) {
		answer_wrong(connection, "");
	} else if (!strcmp(act, "stall")) {
		stall(connection);
	} else {
		connection->server = connect_inner(connection->front->ports[server_of(act)]);
		if (connection->server >= 0)
			carry(connection, strcmp(act, "cut") ? SIZE_MAX : CUT_AFTER);
	}
	if (connection->server >= 0)
		(void)close(connection->server);
	(void)close(connection->client);
	atomic_fetch_sub(&connection->front->connections, 1);
	free(connection);
	return NULL;
}

/* A thread of its own for each connection: tests have a few. */
static void take(struct sim_front *front, int client)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct error error = ERROR_NULL;
	struct sim_state state;
	pthread_t thread;

	sim_state_init(&state, front->platform->product, front->platform->chip_id);
	if (!connection || sim_state_read(&state, front->state_path, &error)) {
		log_error("KDS: %s", error_text(&error));
		free(connection);
		(void)close(client);
		return;
	}
	*connection = (struct connection){.front = front, .client = client, .server = -1};
	memcpy(connection->act, state.kds_tls, sizeof(connection->act));
	log_info("KDS: a connection, TLS %s", *connection->act ? connection->act : "good");
	atomic_fetch_add(&front->connections, 1);
	if (pthread_create(&thread, NULL, serve_connection, connection) == 0) {
		(void)pthread_detach(thread);
		return;
	}
	atomic_fetch_sub(&front->connections, 1);
	(void)close(client);
	free(connection);
}

static void *accept_all(void *context)
{
	struct sim_front *front = context;
	struct pollfd ends[2] = {{front->fd, POLLIN, 0}, {-1, 0, 0}};

	while (wait_bytes(front, ends)) {
		int client = accept4(front->fd, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0)
			take(front, client);
	}
	return NULL;
}

static int start_server(struct sim_front *front, size_t index, struct httpserver_config config, const struct sim_tls *tls, struct error *error)
{
	int r = socket_listen_tcp("127.0.0.1:0", &config.listen_fd, &front->ports[index], error);

	config.certificate = index == PLAIN ? bytes_of(NULL, 0) : buf_view(&tls->certificates[index]);
	config.private_key = index == PLAIN ? NULL : &tls->keys[index];
	return r ? r : httpserver_new(&config, &front->servers[index], error);
}

int sim_front_start(const struct sim_platform *platform, const struct httpserver_config *server, const char *state_path, const char *listen,
	const char *ca_path, uint16_t *ret_port, struct sim_front **ret, struct error *error)
{
	CLEANUP(sim_tls_deinit) struct sim_tls tls = {.authority = BUF_NULL};
	struct sim_front *front = calloc(1, sizeof(*front));
	int r = front ? sim_tls_make(clock_now(), &tls) : -ENOMEM;

	if (!front)
		return r;
	front->platform = platform;
	front->state_path = state_path;
	front->fd = -1;
	if (!r)
		r = file_write(ca_path, buf_view(&tls.authority), 0644, error);
	for (size_t i = 0; !r && i < SERVERS; i++)
		r = start_server(front, i, *server, &tls, error);
	if (!r)
		r = socket_listen_tcp(listen, &front->fd, ret_port, error);
	if (!r)
		r = -pthread_create(&front->thread, NULL, accept_all, front);
	front->running = !r;
	if (r)
		front = sim_front_stop(front);
	*ret = front;
	return r;
}

struct sim_front *sim_front_stop(struct sim_front *front)
{
	if (!front)
		return NULL;
	atomic_store(&front->ended, true);
	if (front->running)
		(void)pthread_join(front->thread, NULL);
	while (atomic_load(&front->connections))
		(void)poll(NULL, 0, STEP_MS / 10);
	if (front->fd >= 0)
		(void)close(front->fd);
	for (size_t i = 0; i < SERVERS; i++)
		(void)httpserver_free(front->servers[i]);
	free(front);
	return NULL;
}
