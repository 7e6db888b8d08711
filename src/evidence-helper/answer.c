/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence-helper/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/evidence_frame.h"
#include "io/frame.h"
#include "io/sandbox.h"
#include "io/socket.h"
#include "provider/provider.h"

#define REQUEST_SECONDS 10 /* to send a request of a hundred bytes */
#define LOCK_POLL_MS 20

int answer_admit(const struct helper_config *config, int fd, struct error *error)
{
	const struct passwd *user;
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int r = socket_peer(fd, &pid, &uid, &gid);

	if (r)
		return error_set(error, r, "cannot tell who asks: %s", strerror(-r));
	if (uid == 0 || uid == geteuid())
		return 0;
	user = getpwnam(config->user);
	if (user && user->pw_uid == uid)
		return 0;
	return error_set(error, -EACCES, "process %ld of user %lu may not ask: User= in section [evidence] says %s", (long)pid,
		(unsigned long)uid, config->user);
}

/* The folder of a path; `to` has PATH_MAX bytes. */
static const char *folder_of(char *to, const char *path)
{
	char *slash;

	(void)snprintf(to, PATH_MAX, "%s", path);
	slash = strrchr(to, '/');
	if (!slash)
		return ".";
	slash[slash == to ? 1 : 0] = 0;
	return to;
}

int answer_narrow(const struct helper_config *config, struct error *error)
{
	char lock[PATH_MAX];
	const struct sandbox_path paths[] = {
		{config->tsm_root, true},
		{config->sev_guest, true},
		{PROVIDER_VMPL_FILE, false},
		{"/dev/tpmrm0", true},
		{"/sys/kernel/security", false}, /* the event log */
		{folder_of(lock, config->lock), true},
		{"/dev/urandom", false},
	};
	struct sandbox_state state;

	return sandbox_enter(SANDBOX_EVIDENCE, paths, ARRAY_SIZE(paths), &state, error);
}

/*
 * One request in flight on the machine: the firmware throttles whoever asks too often, and two drivers that retry at the same time can cost
 * the VMPCK until the next boot. The lock lives as long as the descriptor.
 */
static int take_turn(const struct helper_config *config, int *ret_fd, struct error *error)
{
	uint64_t deadline = clock_monotonic_ms() + config->wait * 1000;
	const struct timespec pause = {0, LOCK_POLL_MS * 1000000L};
	FD_AUTO fd = open(config->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_set(error, -errno, "%s: %s", config->lock, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(error, -errno, "%s: %s", config->lock, strerror(errno));
		if (clock_monotonic_ms() >= deadline)
			return error_set(error, -EBUSY, "another request has been in flight for %llu s", (unsigned long long)config->wait);
		(void)nanosleep(&pause, NULL);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static enum evidence_outcome outcome_of(int r)
{
	switch (r) {
	case 0:
		return EVIDENCE_OK;
	case PROVIDER_E_ABSENT:
		return EVIDENCE_ABSENT;
	case PROVIDER_E_TEMPORARY:
	case -EBUSY:
		return EVIDENCE_TEMPORARY;
	case PROVIDER_E_FAILED:
		return EVIDENCE_FAILED;
	case PROVIDER_E_WRONG:
		return EVIDENCE_WRONG;
	default:
		return EVIDENCE_INTERNAL;
	}
}

static int ask(const struct helper_config *config, const struct evidence_frame_request *request, struct provider_evidence *ret,
	struct error *error)
{
	char name[EVIDENCE_FRAME_PROVIDER_MAX + 1];
	struct provider_config provider = {
		.name = config->provider, .tsm_root = config->tsm_root, .sev_guest = config->sev_guest, .vmpl = config->vmpl_number};
	FD_AUTO lock = -1;
	int r;

	if (request->provider.size) {
		memcpy(name, request->provider.data, request->provider.size);
		name[request->provider.size] = 0;
		provider.name = name;
	}
	if (request->vmpl != EVIDENCE_FRAME_VMPL_OWN)
		provider.vmpl = request->vmpl;
	r = take_turn(config, &lock, error);
	return r ? r : provider_collect(&provider, request->report_data, ret, error);
}

static struct bytes cut(const char *text)
{
	struct bytes view = bytes_of_text(text);

	view.size = view.size > EVIDENCE_FRAME_TEXT_MAX ? EVIDENCE_FRAME_TEXT_MAX : view.size;
	return view;
}

static int respond(int fd, uint32_t id, enum evidence_outcome outcome, const struct provider_evidence *evidence, const struct error *why)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct evidence_frame_response response = {.outcome = outcome};
	int r;

	if (outcome == EVIDENCE_OK) {
		response.provider = bytes_of_text(evidence->provider);
		response.report = buf_view(&evidence->report);
		response.cert_table = buf_view(&evidence->cert_table);
		response.note = cut(evidence->note);
	} else {
		response.error = cut(error_text(why));
	}
	r = evidence_frame_response_encode(&payload, &response);
	return r ? r : frame_send(fd, FRAME_EVIDENCE_RESPONSE, id, buf_view(&payload));
}

int answer_one(const struct helper_config *config, int fd, struct error *error)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	const struct timeval limit = {REQUEST_SECONDS, 0};
	struct evidence_frame_request request;
	struct error why = ERROR_NULL;
	struct frame_header header;
	int r;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	r = frame_receive(fd, FRAME_SET_EVIDENCE_SERVER, &header, &payload);
	if (r)
		return error_set(error, r, "the request: %s", r > 0 ? frame_error_text(r) : strerror(-r));
	r = evidence_frame_request_decode(buf_view(&payload), &request);
	if (r)
		return error_set(error, -EPROTO, "the request is malformed (%d)", r);
	r = ask(config, &request, &evidence, &why);
	if (r)
		log_warning("no evidence: %s", error_text(&why));
	else
		log_info("evidence by %s%s%s", evidence.provider, *evidence.note ? "; " : "", evidence.note);
	r = respond(fd, header.id, outcome_of(r), &evidence, &why);
	return r ? error_set(error, r, "the answer: %s", strerror(-r)) : 0;
}
