/* SPDX-License-Identifier: Apache-2.0 */
#include "luks-helper/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/frame.h"
#include "io/notify.h"
#include "io/socket.h"

#define REQUEST_ID 1
#define PAUSE_MS 500
#define SAY_MS (60 * 1000)
#define QUIET_MS 2000       /* an agent that starts again is nothing to talk about */
#define FRAME_SECONDS 10    /* for the rest of an answer that has begun */

/* What is waited for, and since when it has not been said. */
struct wait {
	int notify_fd;
	uint64_t begin, said;
};

static void say(struct wait *wait, const char *what)
{
	uint64_t now = clock_monotonic_ms();
	char status[256];

	if (wait->said ? now - wait->said < SAY_MS : now - wait->begin < QUIET_MS)
		return;
	wait->said = now;
	(void)snprintf(status, sizeof(status), "STATUS=waiting: %s", what);
	notify_send(wait->notify_fd, status);
	log_notice("waiting for %llu s: %s", (unsigned long long)((now - wait->begin) / 1000), what);
}

/* The other end may take its time before the answer's first byte, and no longer than a frame takes behind it. */
static void await(int fd, struct wait *wait)
{
	const struct timeval limit = {FRAME_SECONDS, 0};
	struct pollfd one = {.fd = fd, .events = POLLIN};
	int n = poll(&one, 1, QUIET_MS);

	while (n == 0 || (n < 0 && errno == EINTR)) {
		say(wait, "sevattestd has not decided; sevattest status says what it needs");
		n = poll(&one, 1, SAY_MS);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* One connection. -EAGAIN: the agent went away, or is not there yet. */
static int ask_once(const char *path, struct bytes request, struct wait *wait, struct buf *ret, struct error *error)
{
	struct error connecting = ERROR_NULL;
	struct frame_header header;
	FD_AUTO fd = -1;
	int r = socket_connect_unix(path, 0, &fd, &connecting);

	if (r == -EACCES || r == -EPERM || r == -ENAMETOOLONG)
		return error_set(error, r, "%s", error_text(&connecting));
	if (r) {
		say(wait, error_text(&connecting));
		return -EAGAIN;
	}
	r = frame_send(fd, FRAME_LUKS_REQUEST, REQUEST_ID, request);
	if (!r) {
		await(fd, wait);
		r = frame_receive(fd, FRAME_SET_LUKS_CLIENT, &header, ret);
	}
	if (r < 0) {
		/* Also an end in the middle: an agent that was killed while it wrote. */
		say(wait, "sevattestd ended the connection, or stopped in the middle of an answer");
		return -EAGAIN;
	}
	if (r > 0)
		return error_set(error, -EPROTO, "%s: the answer is %s", path, frame_error_text(r));
	if (header.id != REQUEST_ID)
		return error_set(error, -EPROTO, "%s: an answer to another question", path);
	return 0;
}

int ask(const char *path, const char *volume, int notify_fd, struct buf *ret_payload, struct luks_frame_response *ret, struct error *error)
{
	const struct timespec pause = {0, PAUSE_MS * 1000000L};
	struct wait wait = {.notify_fd = notify_fd, .begin = clock_monotonic_ms()};
	CLEANUP(buf_deinit) struct buf request = BUF_NULL;
	int r = luks_frame_request_encode(&request, volume);

	if (r)
		return r;
	while ((r = ask_once(path, buf_view(&request), &wait, ret_payload, error)) == -EAGAIN)
		(void)nanosleep(&pause, NULL);
	if (r)
		return r;
	r = luks_frame_response_decode(buf_view(ret_payload), ret);
	return r ? error_set(error, -EPROTO, "%s: the answer is malformed: %s", path, luks_frame_error_text(r)) : 0;
}
