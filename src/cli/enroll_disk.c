/* SPDX-License-Identifier: Apache-2.0 */
/* The disk's side of `sevattest enroll`: what is on it, what would have to change, who may change it, and the job. Messages go to standard error. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/enroll.h"
#include "cli/terminal.h"
#include "enroll/foreign.h"
#include "enroll/recovery_key.h"
#include "enroll/slots.h"
#include "kbs/enrolment.h"
#include "luks/allow.h"

/* What the callbacks of the job need. */
struct enroll_work {
	const struct enroll_options *options;
	const char *device;
};

int enroll_authority(const char *key_file, const char *device, struct secret *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret typed = SECRET_NULL;
	char prompt[256], shown[200];
	int r;

	if (key_file) {
		r = file_read_secret(key_file, SLOTS_PASSPHRASE_MAX, false, &typed, error);
	} else {
		text_printable(shown, sizeof(shown), bytes_of_text(device));
		(void)snprintf(prompt, sizeof(prompt), "Passphrase or recovery key of %s: ", shown);
		r = terminal_ask(prompt, &typed, error);
		if (r == -ENXIO)
			return error_set(error, EXIT_USAGE, "there is no terminal to ask for the passphrase: --key-file FILE");
	}
	if (r)
		return r == -ENOMEM || r == -ENOTRECOVERABLE ? EXIT_INTERNAL : EXIT_USAGE;
	/* A recovery key counts in the form in which it was shown, however it was typed. */
	r = recovery_key_read(secret_view(&typed), ret);
	if (r == RECOVERY_KEY_E_TYPO)
		return error_set(error, EXIT_USAGE, "that is a recovery key with a typo: its checksum does not fit");
	if (r < 0)
		return error_set(error, EXIT_INTERNAL, "cannot take the passphrase in");
	if (r)
		*ret = secret_steal(&typed);
	return EXIT_YES;
}

static void progress(void *context, const char *step, const char *text)
{
	(void)context;
	fprintf(stderr, "  %-14s %s\n", step, text);
}

static int show_recovery(void *context, const struct secret *text, struct error *error)
{
	const struct enroll_work *work = context;
	int r;

	if (work->options->recovery_out)
		r = file_write(work->options->recovery_out, secret_view(text), 0600, error);
	else
		r = terminal_show("\nThe recovery key. It is shown this once; write it down and keep it away from the machine:\n\n    ", text,
			"\n\nWhoever has it can open the disk. `sevattest recover` takes it, and so does cryptsetup.\n\n", error);
	return r ? EXIT_INTERNAL : EXIT_YES;
}

static int write_system(void *context, struct error *error)
{
	const struct enroll_work *work = context;

	if (!enroll_system_wanted(work->options)) {
		progress(NULL, "", "(not asked for: `sevattest enroll --system-only` on the guest does it)");
		return EXIT_YES;
	}
	return enroll_system_write(work->options, work->device, error);
}

static void print_buf(const struct buf *text)
{
	(void)fwrite(text->data, 1, text->size, stderr);
}

/* Why the disk cannot be enrolled as it is. */
static int advise(const struct enroll_options *options, const struct inspection *inspection, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	if (inspect_advice(inspection, options->device, &text))
		return error_set(error, EXIT_INTERNAL, "out of memory");
	print_buf(&text);
	if (inspection->kind == INSPECT_DAMAGED)
		return error_set(error, EXIT_EVIDENCE, "%s has a damaged header: nothing was changed", options->device);
	return error_set(error, EXIT_USAGE, "%s is not a LUKS2 disk: nothing was changed", options->device);
}

/* What --remove-foreign takes away is no obstacle; every other finding is. */
static bool removable(const char *check)
{
	static const char *const checks[] = {"luks.tokens", "luks.flags", "luks.keyslot_type", "luks.keyslot_cipher", "luks.keyslot_af", "luks.keyslot_kdf",
		"luks.keyslot_cost", "luks.keyslot_key_size", "luks.members"};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (!strcmp(checks[i], check))
			return true;
	}
	return false;
}

static int judge_foreign(const struct enroll_options *options, const struct inspection *inspection, struct error *error)
{
	bool all = true, any = false;

	for (size_t i = 0; i < inspection->verdict.count; i++) {
		const struct finding *finding = &inspection->verdict.items[i];

		if (finding->state == FINDING_PASSED)
			continue;
		any = true;
		all = all && removable(finding->check);
	}
	if (!any || (all && (options->remove_foreign || (options->remove_slots && !verdict_find(&inspection->verdict, "luks.tokens")))))
		return EXIT_YES;
	verdict_print(&inspection->verdict, stderr, false, output_colour(stderr));
	if (all)
		return error_set(error, EXIT_EVIDENCE, "%s holds what a guarded disk may not have; --remove-foreign takes it away. Nothing was changed",
			options->device);
	return error_set(error, EXIT_EVIDENCE, "%s cannot be enrolled as it is; each finding says what to run. Nothing was changed", options->device);
}

static int list_slots(const struct enroll_options *options, const struct inspection *inspection, struct error *error)
{
	uint32_t ours = foreign_marked(&inspection->header, LUKS_TOKEN_OURS), others;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	others = foreign_slots(&inspection->header) & ~ours & ~foreign_marked(&inspection->header, LUKS_TOKEN_RECOVERY);
	if (foreign_describe(&inspection->header, &text))
		return error_set(error, EXIT_INTERNAL, "out of memory");
	print_buf(&text);
	if (options->rotate && !ours)
		return error_set(error, EXIT_USAGE, "%s was not enrolled: nothing to rotate", options->device);
	if (!options->rotate && ours && !options->anew)
		return error_set(error, EXIT_USAGE, "%s is enrolled already: --rotate gives it a new key, --anew enrols it again", options->device);
	if (others && !options->remove_slots)
		fprintf(stderr,
			"Note: passphrases of the disk stay. They do not open it at boot, but whoever knows one and has the disk reads it; --remove-slots takes them away.\n");
	return EXIT_YES;
}

/* Is the disk one that can be enrolled (or made)? Shows what there is. */
static int judge(const struct enroll_options *options, const struct inspection *inspection, struct error *error)
{
	bool empty = inspection->kind == INSPECT_NOTHING;
	int r;

	if (options->format) {
		if (empty || options->force)
			return EXIT_YES;
		return error_set(error, EXIT_USAGE, "%s is not empty: it has %s. --force destroys that", options->device,
			inspection->kind == INSPECT_OTHER ? inspection->contents : "a LUKS header");
	}
	if (inspection->kind != INSPECT_LUKS2)
		return advise(options, inspection, error);
	r = list_slots(options, inspection, error);
	return r ? r : judge_foreign(options, inspection, error);
}

static int dry_run(const struct enroll_options *options, const char *device, struct error *error)
{
	fprintf(stderr, "A dry run: nothing is written or sent. The steps:\n");
	for (const struct job_step *step = job_steps(options->rotate ? STATE_ROTATE : STATE_ENROLL); step->name; step++)
		progress(NULL, step->name, step->text);
	return enroll_system_wanted(options) ? enroll_system_show(options, device, true, error) : EXIT_YES;
}

/* The work of before, if there is some. */
static int check_state(const struct enroll_options *options, const char *directory, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	struct state state;
	int r = state_read(directory, options->volume, &state, &area, NULL);

	if (r == -ENOENT || options->restart || options->resume || options->dry_run)
		return EXIT_YES;
	if (r)
		return error_set(error, EXIT_USAGE, "%s has a state of %s that cannot be read: --restart forgets it", directory, options->volume);
	return error_set(error, EXIT_USAGE, "an earlier run for %s was interrupted at the step \"%s\": --resume goes on, --restart begins anew", options->volume,
		state.step);
}

static int print_sealed(const struct enroll_options *options, const struct job *job, struct error *error)
{
	char thumbprint[JWK_THUMBPRINT_SIZE], fingerprint[2 * SHA256_SIZE + 1];

	if (jwk_thumbprint(options->seal_key, thumbprint))
		return error_set(error, EXIT_INTERNAL, "cannot compute the thumbprint");
	hex_encode(fingerprint, job->state.sealed, SHA256_SIZE);
	printf("sealed to    %s\nfingerprint  %s\n", thumbprint, fingerprint);
	printf("At the broker, after comparing both:\n  sevattest-broker key import %s --expect %s\n", options->out, fingerprint);
	return fflush(stdout) ? error_set(error, EXIT_INTERNAL, "cannot write to standard output") : EXIT_YES;
}

/* What the broker has now is where a rotation begins, and also what its continuation is judged by. */
static int fetch_listed(struct job *job, struct error *error)
{
	const struct job_broker *broker = job->settings->broker;

	if (job->kind != STATE_ROTATE)
		return EXIT_YES;
	return broker->get(broker->context, &job->listed, error);
}

static int begin(const struct enroll_options *options, const struct inspection *inspection, struct job *job, struct error *error)
{
	int r = judge(options, inspection, error);

	if (!r && options->dry_run)
		return dry_run(options, job->settings->device, error);
	if (!r && !options->rotate && !options->format)
		r = enroll_authority(options->key_file, options->device, &job->authority, error);
	if (!r)
		r = job_run(job, error);
	return r;
}

static int work(const struct enroll_options *options, struct job *job, struct error *error)
{
	CLEANUP(inspection_deinit) struct inspection inspection = INSPECTION_NULL;
	int r = JOB_ANEW;

	if (!options->dry_run)
		r = fetch_listed(job, error);
	if (r > 0)
		return r;
	if (options->resume)
		r = job_resume(job, error);
	else
		r = JOB_ANEW;
	if (r == JOB_ANEW && options->resume)
		fprintf(stderr, "Nothing that was done is of use: the new key had not left the machine. It begins anew.\n");
	if (r == JOB_ANEW) {
		if (inspect(&job->volume, &inspection, error))
			return EXIT_INTERNAL;
		r = begin(options, &inspection, job, error);
	}
	/* The header that was refused last, and why. */
	if (r == EXIT_EVIDENCE && verdict_first_failed(&job->verdict))
		verdict_print(&job->verdict, stderr, false, output_colour(stderr));
	if (!r && options->seal_to && !options->dry_run)
		r = print_sealed(options, job, error);
	return r;
}

static int open_volume(const struct enroll_options *options, struct job *job, struct error *error)
{
	int r = volume_open(options->device, !options->dry_run, options->format && !options->dry_run, &job->volume, error);

	if (r == VOLUME_E_BUSY)
		return EXIT_UNREACHABLE;
	if (r)
		return r > 0 || r == -ENOENT || r == -EACCES || r == -EPERM || r == -EROFS ? EXIT_USAGE : EXIT_INTERNAL;
	return EXIT_YES;
}

/* The name that the guest has for the device; where nothing of its system is written, any will do. */
static int name_device(const struct enroll_options *options, char ret[static STATE_PATH_MAX], struct error *error)
{
	char resolved[PATH_MAX];

	if (enroll_system_wanted(options))
		return enroll_system_device(options, ret, error);
	if (!realpath(options->device, resolved))
		return error_set(error, EXIT_USAGE, "%s: %s", options->device, strerror(errno));
	(void)snprintf(ret, STATE_PATH_MAX, "%s", options->guest_device ? options->guest_device : resolved);
	return EXIT_YES;
}

/* All that can be known to be wrong before anything is asked or changed. */
static int check_before(const struct enroll_options *options, const struct job_settings *settings, struct error *error)
{
	if (settings->recovery && !options->recovery_out && !options->dry_run && !options->resume && !terminal_there())
		return error_set(error, EXIT_USAGE, "there is no terminal to show the recovery key on: --recovery-out FILE, or --no-recovery");
	if (slots_available(error))
		return EXIT_UNSUPPORTED;
	if (enroll_system_wanted(options) && enroll_system_show(options, settings->device, false, error))
		return EXIT_USAGE;
	return check_state(options, settings->state_directory, error);
}

/* `broker` is not open yet; `settings` do not outlive it. */
static int run_job(const struct enroll_options *options, struct job_settings *settings, struct enroll_broker *broker, struct error *error)
{
	CLEANUP(job_deinit) struct job job = {.volume = VOLUME_NULL};
	int r;

	job_init(&job, settings, options->rotate ? STATE_ROTATE : STATE_ENROLL);
	r = open_volume(options, &job, error);
	if (r)
		return r;
	settings->sector_size = options->sector_size.given ? (uint32_t)options->sector_size.value : job.volume.sector;
	if (!options->seal_to && !options->dry_run) {
		r = enroll_broker_open(broker, options, settings->device, error);
		settings->broker = &broker->calls;
	}
	return r ? r : work(options, &job, error);
}

int enroll_disk(const struct enroll_options *options, struct error *error)
{
	CLEANUP(enroll_broker_close) struct enroll_broker broker = {.open = false};
	char device[STATE_PATH_MAX];
	struct enroll_work context = {.options = options, .device = device};
	struct job_settings settings = {
		.volume = options->volume,
		.resource = options->resource,
		.device = device,
		.state_directory = options->state ? options->state : STATE_DIRECTORY,
		.seal_to = options->seal_key,
		.out = options->out,
		.recovery = !options->no_recovery && !options->rotate,
		.remove_foreign = options->remove_foreign,
		.remove_slots = options->remove_slots,
		.format = options->format,
		.poll_seconds = (unsigned)options->poll.value,
		.wait_seconds = (unsigned)options->wait.value,
		.context = &context,
		.progress = progress,
		.show_recovery = show_recovery,
		.system_files = write_system,
	};
	int r = enroll_system_root(options, error);

	if (!r)
		r = name_device(options, device, error);
	if (!r && options->system_only)
		return options->dry_run ? enroll_system_show(options, device, true, error) : enroll_system_write(options, device, error);
	if (!r)
		r = check_before(options, &settings, error);
	return r ? r : run_job(options, &settings, &broker, error);
}
