/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that bring key and digests to the broker, and make sure that it gives back what it got before anything is written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/files.h"
#include "enroll/job_internal.h"
#include "enroll/slots.h"
#include "kbs/enrolment.h"

int job_opens(const struct job *job, const struct prepared *prepared, const struct secret *key, struct error *error)
{
	SLOTS_AUTO slots = NULL;
	int slot, r = slots_open(buf_view(&prepared->area), job->volume.size, &slots, error);

	if (!r)
		r = slots_test(slots, secret_view(key), &slot, error);
	if (r == SLOTS_E_KEY)
		return error_set(error, EXIT_EVIDENCE, "the key does not open the header");
	return r ? EXIT_INTERNAL : EXIT_YES;
}

static void add_header(struct luks_disk *disk, const uint8_t *digest)
{
	memcpy(disk->headers[disk->header_count++], digest, SHA256_SIZE);
}

/* `second` may be NULL. */
bool job_lists(const struct luks_disk *disk, const uint8_t *first, const uint8_t *second)
{
	return disk->header_count == (second ? 2 : 1) && !memcmp(disk->headers[0], first, SHA256_SIZE) &&
	       (!second || !memcmp(disk->headers[1], second, SHA256_SIZE));
}

static int enrolment_of(const struct job *job, const struct luks_disk *disk, struct kbs_enrolment *ret, struct error *error)
{
	const struct job_settings *settings = job->settings;

	ret->created = (int64_t)time(NULL);
	(void)snprintf(ret->resource, sizeof(ret->resource), "%s", settings->resource);
	(void)snprintf(ret->volume.name, sizeof(ret->volume.name), "%s", settings->volume);
	(void)snprintf(ret->volume.uuid, sizeof(ret->volume.uuid), "%.40s", job->next.header.uuid); /* 40 bytes on the disk, too */
	if (snprintf(ret->volume.device, sizeof(ret->volume.device), "%s", settings->device) >= (int)sizeof(ret->volume.device))
		return error_set(error, EXIT_USAGE, "%s: the path is too long", settings->device);
	return luks_disk_write(disk, &ret->disk) ? error_set(error, EXIT_INTERNAL, "cannot write the disk resource") : EXIT_YES;
}

/* The fingerprint is durable before the file is, so that --resume knows whether the file there is the one. */
static int seal(struct job *job, const struct luks_disk *disk, struct error *error)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment enrolment = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = enrolment_of(job, disk, &enrolment, error);

	if (r)
		return r;
	r = kbs_enrolment_seal(job->settings->seal_to, &enrolment, &text);
	if (!r)
		r = kbs_enrolment_fingerprint(job->state.sealed, buf_view(&text));
	if (r)
		return error_set(error, EXIT_INTERNAL, "cannot seal the enrolment: %s", strerror(r < 0 ? -r : 0));
	job->state.has_sealed = true;
	r = state_write(job->settings->state_directory, &job->state, bytes_of(NULL, 0), error);
	if (!r)
		r = file_write(job->settings->out, buf_view(&text), 0600, error);
	return r ? EXIT_INTERNAL : EXIT_YES;
}

bool job_sealed(const struct job *job)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t fingerprint[SHA256_SIZE];

	return job->state.has_sealed && job->settings->out && !file_read(job->settings->out, KBS_ENROLMENT_TEXT_MAX, &text, NULL) &&
	       !kbs_enrolment_fingerprint(fingerprint, buf_view(&text)) && !memcmp(fingerprint, job->state.sealed, sizeof(fingerprint));
}

/* `key` is borrowed. */
static int put(struct job *job, const struct secret *key, const uint8_t *first, const uint8_t *second, struct error *error)
{
	const struct job_broker *broker = job->settings->broker;
	struct luks_disk disk = {.key = *key};

	add_header(&disk, first);
	if (second)
		add_header(&disk, second);
	if (job->settings->seal_to)
		return seal(job, &disk, error);
	return broker->put(broker->context, &disk, job->next.header.uuid, &job->pending, error);
}

static void wait_for_operator(const struct job *job, bool *told)
{
	struct timespec wait = {.tv_sec = job->settings->poll_seconds ? (time_t)job->settings->poll_seconds : JOB_POLL_SECONDS};
	char text[256];

	if (!*told && job->pending)
		(void)snprintf(text, sizeof(text), "the operator must accept it: sevattest-broker pending accept %" PRIu64 " (interrupting is safe: --resume goes on)",
			job->pending);
	else if (!*told)
		(void)snprintf(text, sizeof(text), "waiting until the operator accepts %s: sevattest-broker pending list", job->settings->resource);
	if (!*told)
		job_progress(job, "waiting", text);
	*told = true;
	(void)nanosleep(&wait, NULL);
}

/* Whole seconds that do not jump with the clock, and go on while the machine sleeps. */
static time_t now(void)
{
	struct timespec time = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_BOOTTIME, &time);
	return time.tv_sec;
}

/* Rejected or forgotten: the broker says neither to a guest. */
static int give_up(const struct job *job, unsigned seconds, struct error *error)
{
	char which[32] = "";

	if (job->pending)
		(void)snprintf(which, sizeof(which), " %" PRIu64, job->pending);
	return error_set(error, EXIT_REFUSED,
		"the operator has not accepted registration%s of %s within %u seconds: it was rejected, or waits still (sevattest-broker pending list). "
		"--resume waits on, --restart registers anew",
		which, job->settings->resource, seconds);
}

/* Until the broker gives the key with exactly these headers. It is then in job->listed. */
static int await(struct job *job, const uint8_t *first, const uint8_t *second, struct error *error)
{
	const struct job_broker *broker = job->settings->broker;
	unsigned seconds = job->settings->wait_seconds ? job->settings->wait_seconds : JOB_WAIT_SECONDS;
	time_t begin = now();
	bool told = false;

	for (;;) {
		struct luks_disk disk = LUKS_DISK_NULL;
		struct error reason = ERROR_NULL;
		int r = broker->get(broker->context, &disk, &reason);

		if (!r && job_lists(&disk, first, second)) {
			luks_disk_deinit(&job->listed);
			job->listed = disk;
			return EXIT_YES;
		}
		if (!r)
			luks_disk_deinit(&disk);
		if (!job->pending && !job->resumed)
			return error_set(error, r ? r : EXIT_REFUSED, "the broker does not give back what was registered: %s",
				r ? error_text(&reason) : "it lists other headers");
		if (r && r != EXIT_REFUSED && r != EXIT_UNREACHABLE)
			return error_set(error, r, "%s", error_text(&reason));
		if (now() - begin >= (time_t)seconds)
			return give_up(job, seconds, error);
		wait_for_operator(job, &told);
	}
}

/* What the broker gave becomes the key that counts. */
static void adopt(struct job *job)
{
	secret_deinit(&job->key);
	job->key = secret_steal(&job->listed.key);
	job->pending = 0;
}

int job_register(struct job *job, struct error *error)
{
	return put(job, &job->key, job->next.digest, NULL, error);
}

int job_confirm(struct job *job, struct error *error)
{
	int r;

	if (job->settings->seal_to)
		return job_sealed(job) ? EXIT_YES : error_set(error, EXIT_INTERNAL, "%s is not what was written", job->settings->out);
	r = await(job, job->next.digest, NULL, error);
	if (!r)
		r = job_opens(job, &job->next, &job->listed.key, error);
	if (!r)
		adopt(job);
	return r;
}

int job_register_both(struct job *job, struct error *error)
{
	return put(job, &job->listed.key, job->state.before, job->both.digest, error);
}

int job_confirm_both(struct job *job, struct error *error)
{
	int r = await(job, job->state.before, job->both.digest, error);

	if (!r)
		r = job_opens(job, &job->both, &job->listed.key, error);
	job->pending = 0;
	return r;
}

int job_register_next(struct job *job, struct error *error)
{
	return put(job, &job->key, job->both.digest, job->next.digest, error);
}

int job_confirm_next(struct job *job, struct error *error)
{
	int r = await(job, job->state.both, job->next.digest, error);

	if (!r && job->both.area.size)
		r = job_opens(job, &job->both, &job->listed.key, error);
	if (!r)
		r = job_opens(job, &job->next, &job->listed.key, error);
	if (!r)
		adopt(job);
	return r;
}

int job_register_last(struct job *job, struct error *error)
{
	return put(job, &job->key, job->next.digest, NULL, error);
}

int job_confirm_last(struct job *job, struct error *error)
{
	return job_confirm(job, error);
}
