/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/frame.h"
#include "io/socket.h"

#define USERS_MAX 64
#define THREADS 8 /* connections at once: one that stalls holds up nobody else */

struct admin {
	struct live_slot *slot;
	int listen_fd;
	int stop_fd;
	pthread_mutex_t verbs; /* they run one at a time, whoever waits for whose bytes */
	pthread_t threads[THREADS];
	size_t started;
	uid_t users[USERS_MAX];
	size_t user_count;
};

int admin_parse(struct bytes text, struct json_object **ret, const struct admin_verb_row **ret_verb, struct error *error)
{
	JSON_AUTO request = NULL;
	const char *name;
	int r;

	r = json_read(text, &request, error);
	if (r)
		return r;
	name = json_get_text(request, "verb", NULL);
	if (!name)
		return error_set(error, -EINVAL, "a request without a verb");
	for (size_t i = 0; i < admin_verb_count; i++) {
		if (strcmp(admin_verbs[i].name, name) == 0) {
			*ret_verb = &admin_verbs[i];
			*ret = request;
			request = NULL;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "this broker does not know the verb");
}

static int answer(int fd, uint32_t id, struct admin_call *call, int exit)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO response = json_object_new_object();
	int r;

	if (exit == EXIT_YES && call->key.size > 0)
		return frame_send(fd, FRAME_ADMIN_KEY, id, secret_view(&call->key));
	if (!response)
		return -ENOMEM;
	r = json_add_u64(response, "exit", (uint64_t)exit);
	if (!r && exit != EXIT_YES)
		r = json_add_text(response, "error", error_text(&call->error));
	if (!r && call->result)
		r = json_add(response, "result", json_object_get(call->result));
	if (!r)
		r = json_write(&text, response);
	return r ? r : frame_send(fd, FRAME_ADMIN_RESPONSE, id, buf_view(&text));
}

static void call_deinit(struct admin_call *call)
{
	json_putp(&call->request);
	json_putp(&call->result);
	secret_deinit(&call->secret);
	secret_deinit(&call->key);
}

/* Receives what the verb wants and runs it. Exit code, or -errno when the connection is of no more use. */
static int run_verb(struct admin *admin, int fd, uint32_t id, const struct admin_verb_row *verb, struct admin_call *call)
{
	bool announced = false;
	int exit;

	(void)json_get_bool(call->request, "secret", &announced);
	if (announced != verb->takes_secret) {
		(void)error_set(&call->error, -EINVAL, "%s: %s", verb->name, announced ? "takes no secret" : "needs a secret");
		return announced ? -EPROTO : EXIT_USAGE;
	}
	if (announced) {
		struct frame_header header;
		int r = frame_receive_header(fd, FRAME_BIT(FRAME_ADMIN_SECRET), &header);

		if (!r && header.id != id)
			r = -EPROTO;
		if (!r)
			r = frame_receive_secret(fd, &header, &call->secret);
		if (r)
			return r < 0 ? r : -EPROTO;
	}
	call->result = json_object_new_object();
	if (!call->result)
		return error_set(&call->error, EXIT_INTERNAL, "no memory");
	(void)pthread_mutex_lock(&admin->verbs);
	call->live = live_get(call->slot);
	exit = verb->needs_live && !call->live
		       ? error_set(&call->error, EXIT_REFUSED, "the broker has not been initialised: sevattest-broker init")
		       : verb->function(call);
	(void)pthread_mutex_unlock(&admin->verbs);
	return exit;
}

/* One request. 0 to go on with this connection. */
static int serve_request(struct admin *admin, int fd, pid_t pid, uid_t uid)
{
	CLEANUP(call_deinit) struct admin_call call = {.slot = admin->slot, .now = clock_now(), .uid = uid, .pid = (unsigned)pid};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const struct admin_verb_row *verb;
	struct frame_header header;
	int exit = EXIT_USAGE;
	int r;

	r = frame_receive(fd, FRAME_BIT(FRAME_ADMIN_REQUEST), &header, &text);
	if (r)
		return r < 0 ? r : -EPROTO;
	r = admin_parse(buf_view(&text), &call.request, &verb, &call.error);
	if (r == 0)
		exit = run_verb(admin, fd, header.id, verb, &call);
	if (exit < 0)
		return exit;
	return answer(fd, header.id, &call, exit);
}

static bool allowed(const struct admin *admin, uid_t uid)
{
	for (size_t i = 0; i < admin->user_count; i++)
		if (admin->users[i] == uid)
			return true;
	return false;
}

static void serve_peer(struct admin *admin, int fd)
{
	static const struct timeval limit = {.tv_sec = ADMIN_TIMEOUT_S};
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int r;

	if (socket_peer(fd, &pid, &uid, &gid) || !allowed(admin, uid)) {
		log_warning("admin.sock: a peer that is no administrator was turned away");
		return;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return;
	do
		r = serve_request(admin, fd, pid, uid);
	while (r == 0);
	if (r != -EPIPE && r != -ECONNRESET)
		log_warning("admin.sock: uid %u: %s; connection closed", uid, r == -EAGAIN ? "stalled" : strerror(-r));
}

static void *run(void *context)
{
	struct admin *admin = context;
	struct pollfd polls[] = {{.fd = admin->listen_fd, .events = POLLIN}, {.fd = admin->stop_fd, .events = POLLIN}};

	for (;;) {
		if (poll(polls, ARRAY_SIZE(polls), -1) < 0 && errno != EINTR)
			return NULL;
		if (polls[1].revents)
			return NULL;
		if (polls[0].revents) {
			FD_AUTO fd = accept4(admin->listen_fd, NULL, NULL, SOCK_CLOEXEC);

			if (fd >= 0)
				serve_peer(admin, fd);
		}
	}
}

/* User= entries are names or numbers. */
static int find_users(struct admin *admin, struct error *error)
{
	const struct config_list *list = &admin->slot->config->admin_users;

	if (list->count + 2 > USERS_MAX)
		return error_set(error, -EINVAL, "[admin] User= has more than %d entries", USERS_MAX - 2);
	admin->users[admin->user_count++] = 0;
	admin->users[admin->user_count++] = geteuid();
	for (size_t i = 0; i < list->count; i++) {
		uint64_t number;
		const struct passwd *user;

		if (text_to_u64(list->items[i], UINT32_MAX - 1, false, &number) == 0) {
			admin->users[admin->user_count++] = (uid_t)number;
			continue;
		}
		user = getpwnam(list->items[i]);
		if (!user)
			return error_set(error, -EINVAL, "[admin] User=%s: there is no such user", list->items[i]);
		admin->users[admin->user_count++] = user->pw_uid;
	}
	return 0;
}

int admin_new(struct live_slot *slot, int listen_fd, struct admin **ret, struct error *error)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	int r;

	if (!admin)
		return error_set(error, -ENOMEM, "no memory");
	admin->slot = slot;
	admin->listen_fd = listen_fd;
	(void)pthread_mutex_init(&admin->verbs, NULL);
	admin->stop_fd = eventfd(0, EFD_CLOEXEC);
	/* Several threads wait for the same connection, and all but one find it gone. */
	if (admin->stop_fd < 0 || fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0)
		r = error_set(error, -errno, "admin.sock: %s", strerror(errno));
	else
		r = find_users(admin, error);
	if (r) {
		(void)admin_stop(admin);
		return r;
	}
	*ret = admin;
	return 0;
}

int admin_start(struct admin *admin, struct error *error)
{
	while (admin->started < THREADS) {
		int r = pthread_create(&admin->threads[admin->started], NULL, run, admin);

		if (r)
			return error_set(error, -r, "threads: %s", strerror(r));
		admin->started++;
	}
	return 0;
}

struct admin *admin_stop(struct admin *admin)
{
	static const uint64_t one = 1;

	if (!admin)
		return NULL;
	/* Nobody reads it, so that it wakes them all. */
	if (admin->started && write(admin->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
		for (size_t i = 0; i < admin->started; i++)
			(void)pthread_join(admin->threads[i], NULL);
	if (admin->stop_fd >= 0)
		(void)close(admin->stop_fd);
	(void)pthread_mutex_destroy(&admin->verbs);
	free(admin);
	return NULL;
}
