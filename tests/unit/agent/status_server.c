/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: status_server SOCKET KIND    answers status requests as an agent of that kind would, until it is ended. For tests of what stands
 * between the agent and people: sevattest-httpd, sevattest status.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/frame.h"
#include "io/socket.h"
#include "model.h"

static const char *const kinds[] = {[MODEL_STARTING] = "starting",
	[MODEL_ATTESTED] = "attested",
	[MODEL_TROUBLE] = "trouble",
	[MODEL_REFUSED] = "refused",
	[MODEL_HOSTILE] = "hostile"};

static int answer_one(int fd, enum model_kind kind)
{
	CLEANUP(buf_deinit) struct buf request = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct frame_header header;
	struct model model;
	int r = frame_receive(fd, FRAME_BIT(FRAME_STATUS_REQUEST), &header, &request);

	if (r)
		return r;
	model_init(&model, kind, clock_now());
	r = agent_status_answer(&model.status, buf_view(&request), clock_now(), &payload);
	model_deinit(&model);
	return r ? r : frame_send(fd, FRAME_STATUS_RESPONSE, header.id, buf_view(&payload));
}

/* One process per connection: none of them holds up another, none outlives us. */
static void serve(int listen_fd, enum model_kind kind)
{
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(listen_fd);
			while (answer_one(fd, kind) == 0)
				;
			_exit(0);
		}
		(void)close(fd);
	}
}

int main(int argc, char **argv)
{
	struct error error = ERROR_NULL;
	int fd;

	(void)signal(SIGCHLD, SIG_IGN);
	if (argc != 3)
		return EXIT_USAGE;
	if (socket_listen_unix(argv[1], 0660, &fd, &error)) {
		(void)fprintf(stderr, "status_server: %s\n", error.text);
		return EXIT_INTERNAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i], argv[2]) == 0)
			serve(fd, (enum model_kind)i);
	return EXIT_USAGE;
}
