/* SPDX-License-Identifier: Apache-2.0 */
#include "io/net_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fetch_frame.h"
#include "io/frame.h"
#include "io/socket.h"

#define GRACE_MS 5000 /* how much longer netd may take than it was told */

struct net_client {
	char *path;
	pthread_mutex_t lock; /* of `fd` and `stopped` */
	int fd;
	bool stopped;
	uint32_t next_id;
};

int net_client_new(const char *socket_path, struct net_client **ret)
{
	struct net_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->path = strdup(socket_path);
	if (!client->path) {
		free(client);
		return -ENOMEM;
	}
	(void)pthread_mutex_init(&client->lock, NULL);
	client->fd = -1;
	*ret = client;
	return 0;
}

/* With the lock. */
static void hang_up(struct net_client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	client->fd = -1;
}

struct net_client *net_client_free(struct net_client *client)
{
	if (client) {
		hang_up(client);
		(void)pthread_mutex_destroy(&client->lock);
		free(client->path);
		free(client);
	}
	return NULL;
}

void net_client_stop(struct net_client *client)
{
	(void)pthread_mutex_lock(&client->lock);
	client->stopped = true;
	if (client->fd >= 0)
		(void)shutdown(client->fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&client->lock);
}

static int ensure(struct net_client *client, unsigned timeout_ms, struct error *error)
{
	int r = 0;

	(void)pthread_mutex_lock(&client->lock);
	if (client->stopped)
		r = error_set(error, FETCH_E_INTERNAL, "the program ends");
	else if (client->fd < 0 && socket_connect_unix(client->path, timeout_ms + GRACE_MS, &client->fd, error))
		r = FETCH_E_INTERNAL;
	(void)pthread_mutex_unlock(&client->lock);
	return r;
}

static int exchange(struct net_client *client, struct bytes request, struct buf *ret, struct error *error)
{
	struct frame_header header;
	uint32_t id = ++client->next_id;
	int r = frame_send(client->fd, FRAME_FETCH_REQUEST, id, request);

	if (!r)
		r = frame_receive(client->fd, FRAME_SET_NET_CLIENT, &header, ret);
	if (!r && header.id != id)
		r = FRAME_E_ID;
	if (!r)
		return 0;
	return error_set(error, FETCH_E_INTERNAL, "%s: %s", client->path, r > 0 ? frame_error_text(r) : r == -EAGAIN ? "no answer" : strerror(-r));
}

static int take(struct net_client *client, struct bytes payload, struct net_answer *ret, struct error *error)
{
	struct fetch_frame_response response;
	struct net_answer answer = NET_ANSWER_NULL;
	char text[FETCH_FRAME_ERROR_MAX + 1];

	if (fetch_frame_response_decode(payload, &response))
		return error_set(error, FETCH_E_INTERNAL, "%s: an answer that is none", client->path);
	if (response.outcome) {
		text_printable(text, sizeof(text), response.error_text);
		return error_set(error, response.outcome, "%s", text[0] ? text : fetch_outcome_text(response.outcome));
	}
	answer.status = response.status;
	answer.retry_after = response.retry_after;
	if (buf_append(&answer.body, response.body.data, response.body.size))
		return -ENOMEM;
	*ret = answer;
	return 0;
}

int net_client_get(struct net_client *client, const char *origin, const char *path, size_t answer_max, unsigned timeout_ms,
	struct net_answer *ret, struct error *error)
{
	const struct fetch_frame_request request = {
		.origin = bytes_of_text(origin),
		.method = HTTP_GET,
		.path = bytes_of_text(path),
		.answer_max = (uint32_t)answer_max,
		.timeout_ms = timeout_ms,
	};
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	CLEANUP(buf_deinit) struct buf answer = BUF_NULL;
	int r = fetch_frame_request_encode(&payload, &request);

	if (r)
		return error_set(error, r, "%s: cannot be asked", path);
	r = ensure(client, timeout_ms, error);
	if (r)
		return r;
	r = exchange(client, buf_view(&payload), &answer, error);
	if (!r)
		r = take(client, buf_view(&answer), ret, error);
	if (r == FETCH_E_INTERNAL) {
		(void)pthread_mutex_lock(&client->lock);
		hang_up(client);
		(void)pthread_mutex_unlock(&client->lock);
	}
	return r;
}
