/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that look at and write to the device. */
#include <string.h>

#include "enroll/job_internal.h"
#include "enroll/recovery_key.h"
#include "enroll/slots.h"
#include "luks/allow.h"
#include "luks/choose.h"
#include "luks/digest.h"
#include "luks/rebuild.h"

#define KEY_SIZE 32

static struct volume_image image_of(const struct prepared *prepared)
{
	return (struct volume_image){buf_view(&prepared->area), &prepared->header};
}

/* A copy that may be damaged: false. */
static bool copy_digest(struct bytes area, enum luks_copy which, struct luks_header *ret, uint8_t digest[static SHA256_SIZE])
{
	return !luks_find(area, which, ret, NULL) && !luks_digest(ret, digest);
}

/* Which copy counts: of a rotation the listed one, else the newer of those that can be read. */
static int choose(struct job *job, struct bytes area, const struct luks_header *first, const struct luks_header *second, enum luks_copy *ret,
	struct error *error)
{
	int r;

	if (job->kind == STATE_ENROLL) {
		*ret = !first->metadata || (second->metadata && second->seqid > first->seqid) ? LUKS_SECONDARY : LUKS_PRIMARY;
		return EXIT_YES;
	}
	verdict_deinit(&job->verdict);
	r = luks_choose(area, &job->listed, &job->verdict, ret);
	if (r == LUKS_E_REFUSED)
		return error_set(error, EXIT_EVIDENCE, "the disk has no header that the broker lists");
	return r ? error_set(error, EXIT_INTERNAL, "cannot judge the header") : EXIT_YES;
}

static int write_over(struct job *job, struct bytes area, enum luks_copy good, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	CLEANUP(buf_deinit) struct buf rebuilt = BUF_NULL;
	struct volume_image image;
	int r = luks_rebuild(area, good, &rebuilt);

	if (r == LUKS_E_REFUSED)
		r = error_set(error, r, "the %s copy is no better", luks_copy_name(good));
	if (!r)
		r = luks_header_read(buf_view(&rebuilt), LUKS_PRIMARY, &header, error);
	if (r) {
		error_prefix(error, "the copies of the header differ (cryptsetup repair DEVICE makes them alike)");
		return r < 0 ? EXIT_INTERNAL : EXIT_EVIDENCE;
	}
	image = (struct volume_image){buf_view(&rebuilt), &header};
	return job_exit(volume_write_copy(&job->volume, good == LUKS_PRIMARY ? LUKS_SECONDARY : LUKS_PRIMARY, &image, error));
}

/* Where an interruption left two different copies, the good one is written over the other before anything else is. */
static int repair(struct job *job, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header first = LUKS_HEADER_NULL;
	CLEANUP(luks_header_deinit) struct luks_header second = LUKS_HEADER_NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	uint8_t one[SHA256_SIZE], other[SHA256_SIZE];
	enum luks_copy good;
	bool has_first, has_second;
	int r;

	if (job->settings->format)
		return EXIT_YES;
	r = volume_read(&job->volume, &area, error);
	if (r)
		return job_exit(r);
	has_first = copy_digest(buf_view(&area), LUKS_PRIMARY, &first, one);
	has_second = copy_digest(buf_view(&area), LUKS_SECONDARY, &second, other);
	if (!has_first && !has_second)
		return error_set(error, EXIT_EVIDENCE, "neither copy of the header can be read");
	r = choose(job, buf_view(&area), &first, &second, &good, error);
	if (r)
		return r;
	memcpy(job->state.before, good == LUKS_PRIMARY ? one : other, SHA256_SIZE);
	job->state.has_before = true;
	if (has_first && has_second && !memcmp(one, other, SHA256_SIZE) && first.seqid == second.seqid)
		return EXIT_YES;
	return write_over(job, buf_view(&area), good, error);
}

static int show_recovery(struct job *job, const struct secret *recovery, struct error *error)
{
	const struct job_settings *settings = job->settings;

	return recovery->size && settings->show_recovery ? settings->show_recovery(settings->context, recovery, error) : EXIT_YES;
}

/* Refuses where somebody changed the disk since it was read. From here on only our own steps do. */
static int prepare(struct job *job, struct error *error)
{
	const struct job_settings *settings = job->settings;
	CLEANUP(secret_deinit) struct secret recovery = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	struct prepare_request request = {
		.device_size = job->volume.size,
		.remove_foreign = settings->remove_foreign,
		.remove_slots = settings->remove_slots,
		.format = settings->format,
		.sector_size = settings->sector_size,
	};
	int r = volume_read(&job->volume, &area, error);

	if (!r)
		r = secret_random(&job->key, KEY_SIZE);
	if (!r && settings->recovery)
		r = recovery_key_make(&recovery);
	if (r)
		return job_exit(r);
	request.area = buf_view(&area);
	request.key = secret_view(&job->key);
	request.recovery = secret_view(&recovery);
	request.authority = secret_view(job->kind == STATE_ENROLL ? &job->authority : &job->listed.key);
	verdict_deinit(&job->verdict);
	if (job->kind == STATE_ENROLL)
		r = prepare_enroll(&request, &job->next, &job->verdict, error);
	else
		r = prepare_rotate(&request, &job->both, &job->next, &job->verdict, error);
	if (!r)
		r = volume_unchanged(&job->volume, buf_view(&area), error);
	if (r)
		return job_exit(r);
	job->state.new_slots = job->next.new_slots;
	memcpy(job->state.after, job->next.digest, SHA256_SIZE);
	memcpy(job->state.both, job->both.digest, SHA256_SIZE);
	secret_deinit(&job->authority);
	return show_recovery(job, &recovery, error);
}

/* What goes onto the device first: of a rotation the header with both slots. */
static const struct prepared *first_image(const struct job *job)
{
	return job->kind == STATE_ROTATE ? &job->both : &job->next;
}

static int write_slots(struct job *job, struct error *error)
{
	struct volume_image image = image_of(first_image(job));

	return job_exit(volume_write_slots(&job->volume, &image, job->state.new_slots, error));
}

static int write_copy(struct job *job, enum luks_copy which, const struct prepared *prepared, struct error *error)
{
	struct volume_image image = image_of(prepared);

	return job_exit(volume_write_copy(&job->volume, which, &image, error));
}

static int write_secondary(struct job *job, struct error *error)
{
	return write_copy(job, LUKS_SECONDARY, first_image(job), error);
}

static int write_primary(struct job *job, struct error *error)
{
	return write_copy(job, LUKS_PRIMARY, first_image(job), error);
}

static int next_secondary(struct job *job, struct error *error)
{
	return write_copy(job, LUKS_SECONDARY, &job->next, error);
}

static int next_primary(struct job *job, struct error *error)
{
	return write_copy(job, LUKS_PRIMARY, &job->next, error);
}

/* Read back: both copies as they were made, and the key opens what stands there. */
static int verify_image(struct job *job, const struct prepared *prepared, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	size_t headers = 2 * (size_t)prepared->header.size;
	SLOTS_AUTO slots = NULL;
	int slot, r = volume_read(&job->volume, &area, error);

	if (r)
		return job_exit(r);
	if (area.size < headers || memcmp(area.data, prepared->area.data, headers) != 0)
		return error_set(error, EXIT_INTERNAL, "%s does not have what was written to it", job->volume.path);
	if (!job->key.size)
		return EXIT_YES;
	r = slots_open(buf_view(&area), job->volume.size, &slots, error);
	if (!r)
		r = slots_test(slots, secret_view(&job->key), &slot, error);
	if (r)
		error_prefix(error, "trying the new key on what was written");
	return r ? EXIT_INTERNAL : EXIT_YES;
}

static int verify(struct job *job, struct error *error)
{
	return verify_image(job, first_image(job), error);
}

static int next_verify(struct job *job, struct error *error)
{
	return verify_image(job, &job->next, error);
}

static int wipe(struct job *job, struct error *error)
{
	struct volume_image image = image_of(&job->next);

	return job_exit(volume_write_rest(&job->volume, &image, error));
}

static int system_files(struct job *job, struct error *error)
{
	const struct job_settings *settings = job->settings;

	return settings->system_files ? settings->system_files(settings->context, error) : EXIT_YES;
}

static int finish(struct job *job, struct error *error)
{
	return state_remove(job->settings->state_directory, job->settings->volume, error) ? EXIT_INTERNAL : EXIT_YES;
}

const struct job_step job_enroll_steps[] = {
	{"repair", "look whether both copies of the header are alike, else make them so", repair},
	{"prepare", "make a new header on a copy, and try the new key on it", prepare},
	{"register", "give the key and the header's digest to the broker, sealed", job_register},
	{"confirm", "make sure that the broker has it", job_confirm},
	{"slots", "write the new key slots to the device", write_slots},
	{"secondary", "write the secondary header", write_secondary},
	{"primary", "write the primary header", write_primary},
	{"verify", "read it back and open it with the new key", verify},
	{"wipe", "overwrite the key material of removed slots", wipe},
	{"system", "write crypttab, fstab, drop-ins and the volume's file", system_files},
	{"finish", "forget the state", finish},
	{NULL, NULL, NULL},
};

const struct job_step job_rotate_steps[] = {
	{"repair", "look whether both copies of the header are alike, else make them so", repair},
	{"prepare", "make two new headers on a copy: with both keys, with the new key only", prepare},
	{"register", "let the broker list the present header and the one with both keys", job_register_both},
	{"confirm", "make sure that it does", job_confirm_both},
	{"slots", "write the new key slot to the device", write_slots},
	{"secondary", "write the secondary header, with both keys", write_secondary},
	{"primary", "write the primary header, with both keys", write_primary},
	{"verify", "read it back and open it with the new key", verify},
	{"register-next", "give the new key to the broker", job_register_next},
	{"confirm-next", "make sure that the broker gives it back", job_confirm_next},
	{"next-secondary", "write the secondary header, without the old key", next_secondary},
	{"next-primary", "write the primary header, without the old key", next_primary},
	{"next-verify", "read it back and open it with the new key", next_verify},
	{"wipe", "overwrite the key material of the old slot", wipe},
	{"register-last", "let the broker list the new header only", job_register_last},
	{"confirm-last", "make sure that it does", job_confirm_last},
	{"finish", "forget the state", finish},
	{NULL, NULL, NULL},
};
