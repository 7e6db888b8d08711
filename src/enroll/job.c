/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enroll/job_internal.h"
#include "enroll/moments.h"
#include "luks/choose.h"
#include "luks/digest.h"

/* The first step in front of which the state is kept: before it nothing was made that could be lost. */
#define FIRST_KEPT "register"
#define AFTER_SEALING "slots"
#define AFTER_NEXT "next-secondary"

const struct job_step *job_steps(enum state_kind kind)
{
	return kind == STATE_ROTATE ? job_rotate_steps : job_enroll_steps;
}

void job_init(struct job *job, const struct job_settings *settings, enum state_kind kind)
{
	*job = (struct job){
		.settings = settings,
		.kind = kind,
		.volume = VOLUME_NULL,
		.authority = SECRET_NULL,
		.listed = LUKS_DISK_NULL,
		.key = SECRET_NULL,
		.both = PREPARED_NULL,
		.next = PREPARED_NULL,
		.verdict = VERDICT_NULL,
		.state = {.kind = kind},
	};
	(void)snprintf(job->state.volume, sizeof(job->state.volume), "%s", settings->volume);
	(void)snprintf(job->state.resource, sizeof(job->state.resource), "%s", settings->resource);
	(void)snprintf(job->state.device, sizeof(job->state.device), "%s", settings->device);
}

void job_deinit(struct job *job)
{
	volume_close(&job->volume);
	secret_deinit(&job->authority);
	secret_deinit(&job->key);
	luks_disk_deinit(&job->listed);
	prepared_deinit(&job->both);
	prepared_deinit(&job->next);
	verdict_deinit(&job->verdict);
}

void job_progress(const struct job *job, const char *step, const char *text)
{
	if (job->settings->progress)
		job->settings->progress(job->settings->context, step, text);
}

int job_exit(int r)
{
	switch (r) {
	case 0:
		return EXIT_YES;
	case -ENOSYS:
		return EXIT_UNSUPPORTED;
	case -EACCES:
	case -EPERM:
	case -ENOENT:
	case PREPARE_E_KEY:
	case PREPARE_E_FULL:
	case PREPARE_E_SMALL:
		return EXIT_USAGE;
	case PREPARE_E_REFUSED:
	case PREPARE_E_HEADER:
		return EXIT_EVIDENCE;
	default:
		return EXIT_INTERNAL;
	}
}

static const struct job_step *find(const struct job *job, const char *name)
{
	for (const struct job_step *step = job_steps(job->kind); step->name; step++) {
		if (!strcmp(step->name, name))
			return step;
	}
	return NULL;
}

static int keep(struct job *job, const struct job_step *step, struct error *error)
{
	bool first = !strcmp(step->name, FIRST_KEPT);

	(void)snprintf(job->state.step, sizeof(job->state.step), "%s", step->name);
	return state_write(job->settings->state_directory, &job->state, first ? buf_view(&job->next.area) : bytes_of(NULL, 0), error) ? EXIT_INTERNAL
																       : EXIT_YES;
}

static int run_from(struct job *job, const struct job_step *step, struct error *error)
{
	const struct job_step *kept = find(job, FIRST_KEPT);

	for (; step->name; step++) {
		int r = step >= kept ? keep(job, step, error) : EXIT_YES;

		if (r)
			return r;
		moment_before(step->name);
		job_progress(job, step->name, step->text);
		r = step->run(job, error);
		if (r) {
			error_prefix(error, "step %s", step->name);
			return r;
		}
		moment_after(step->name);
	}
	return EXIT_YES;
}

int job_run(struct job *job, struct error *error)
{
	job->state.has_sealed = false;
	return run_from(job, job_steps(job->kind), error);
}

/* One copy at least is of this enrolment. (With a device that had none before, anything may be there that is not a header yet.) */
static int check_device(const struct job *job, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	bool any = false;
	int r = volume_read(&job->volume, &area, error);

	if (r)
		return job_exit(r);
	for (enum luks_copy which = LUKS_PRIMARY; which <= LUKS_SECONDARY; which++) {
		CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
		uint8_t digest[SHA256_SIZE];

		if (luks_find(buf_view(&area), which, &header, NULL) || luks_digest(&header, digest))
			continue;
		any = true;
		if (!memcmp(digest, job->state.after, sizeof(digest)) || (job->state.has_before && !memcmp(digest, job->state.before, sizeof(digest))) ||
			(job->kind == STATE_ROTATE && !memcmp(digest, job->state.both, sizeof(digest))))
			return EXIT_YES;
	}
	if (!any && !job->state.has_before)
		return EXIT_YES;
	return error_set(error, EXIT_USAGE, "%s has a header that is none of the interrupted work's: somebody changed it. --restart begins anew",
		job->volume.path);
}

/* Does the broker have what was registered, or will it once the operator has agreed? */
static int resume_enroll(struct job *job, const struct job_step **ret, struct error *error)
{
	const struct job_broker *broker = job->settings->broker;
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	const struct job_step *step = find(job, job->state.step);
	int r;

	if (!step || step < find(job, FIRST_KEPT))
		return error_set(error, EXIT_USAGE, "the state names a step that does not exist: --restart begins anew");
	*ret = step;
	if (step >= find(job, AFTER_SEALING))
		return EXIT_YES;
	if (job->settings->seal_to) {
		*ret = find(job, AFTER_SEALING);
		return job_sealed(job) ? EXIT_YES : JOB_ANEW;
	}
	r = broker->get(broker->context, &disk, error);
	if (!r && job_lists(&disk, job->state.after, NULL)) {
		*ret = find(job, "confirm");
		return EXIT_YES;
	}
	if (r && r != EXIT_REFUSED)
		return r;
	error_clear(error);
	/* Sent, and not in force: it waits for the operator. */
	return step == find(job, FIRST_KEPT) ? JOB_ANEW : EXIT_YES;
}

/* `listed` is what the broker has. Without the new key there, nobody has it: begin again. */
static int resume_rotate(struct job *job, const struct job_step **ret)
{
	bool both = job_lists(&job->listed, job->state.both, job->state.after), last = job_lists(&job->listed, job->state.after, NULL);
	const struct job_step *step = find(job, job->state.step), *next = find(job, AFTER_NEXT);

	if (!both && !last)
		return JOB_ANEW;
	*ret = step && step > next ? step : next;
	job->key = secret_steal(&job->listed.key);
	return EXIT_YES;
}

int job_resume(struct job *job, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	const struct job_step *step = NULL;
	int r = state_read(job->settings->state_directory, job->settings->volume, &job->state, &area, error);

	if (r == -ENOENT) {
		error_clear(error);
		return error_set(error, EXIT_USAGE, "nothing was interrupted for the volume %s: run it without --resume", job->settings->volume);
	}
	if (r)
		return r == -EINVAL ? EXIT_USAGE : EXIT_INTERNAL;
	if (job->state.kind != job->kind || strcmp(job->state.resource, job->settings->resource) != 0)
		return error_set(error, EXIT_USAGE, "what was interrupted is the %s of %s", job->state.kind == STATE_ROTATE ? "rotation" : "enrolment",
			job->state.resource);
	r = prepared_read(buf_view(&area), &job->next, &job->verdict, error);
	if (!r && memcmp(job->next.digest, job->state.after, SHA256_SIZE) != 0)
		r = error_set(error, PREPARE_E_HEADER, "the kept header is not the one that the state names");
	if (r)
		return job_exit(r);
	r = check_device(job, error);
	if (!r)
		r = job->kind == STATE_ROTATE ? resume_rotate(job, &step) : resume_enroll(job, &step, error);
	if (r == JOB_ANEW) {
		prepared_deinit(&job->next);
		job->next = (struct prepared)PREPARED_NULL;
	}
	if (r)
		return r;
	job->resumed = true;
	return run_from(job, step, error);
}
