/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An enrolment or a rotation as a list of steps (DESIGN section 11). The one table drives what is done, what is shown, what a dry run prints, where --resume goes
 * on and where the tests cut the power. In front of each step its name is made durable; each may be done again.
 *
 * Enrolment: the broker (or the sealed file) has {K, [H1]} before H1 stands on the device. Rotation: whichever header stands on the device at any moment, the
 * broker lists it, and the key that it lists opens it:
 *     {K1, [H0, H1]}   H0 -> H1, with slots for both keys
 *     {K2, [H1, H2]}   H1 -> H2, without the slot of K1
 *     {K2, [H2]}
 * The new key exists in memory and at the broker. A rotation that is cut off before the broker has it begins anew, from whatever listed header is there.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/finding.h"
#include "base/secret.h"
#include "enroll/prepare.h"
#include "enroll/state.h"
#include "enroll/volume.h"
#include "luks/disk.h"

struct jwk;
struct job;

/* The broker over an attested session. Both return enum exit_code, with a text unless EXIT_YES. */
struct job_broker {
	void *context;
	/* Registers; *ret_id is what the operator has to accept, 0 when it is in force already. */
	int (*put)(void *context, const struct luks_disk *disk, const char *uuid, uint64_t *ret_id, struct error *error);
	/* What is in force. EXIT_REFUSED: nothing, or not for us. */
	int (*get)(void *context, struct luks_disk *ret, struct error *error);
};

#define JOB_POLL_SECONDS 5
#define JOB_WAIT_SECONDS 86400

struct job_settings {
	const char *volume, *resource;
	const char *device;          /* by which the guest knows it */
	const char *state_directory;
	const struct jwk *seal_to;   /* the file `out` instead of the broker */
	const char *out;
	const struct job_broker *broker;
	bool recovery, remove_foreign, remove_slots, format;
	uint32_t sector_size;
	unsigned poll_seconds;       /* between two looks whether the operator has accepted; 0: JOB_POLL_SECONDS */
	unsigned wait_seconds;       /* for the operator, at most: the broker does not tell a guest that one refused; 0: JOB_WAIT_SECONDS */
	/* All may be NULL. */
	void *context;
	void (*progress)(void *context, const char *step, const char *text);
	int (*show_recovery)(void *context, const struct secret *text, struct error *error); /* EXIT_YES: it was shown */
	int (*system_files)(void *context, struct error *error);                             /* enum exit_code */
};

struct job_step {
	const char *name;
	const char *text; /* what it does, for people */
	int (*run)(struct job *job, struct error *error); /* enum exit_code */
};

extern const struct job_step job_enroll_steps[], job_rotate_steps[]; /* ended by a row without a name */

struct job {
	const struct job_settings *settings;
	enum state_kind kind;
	struct volume volume;
	struct secret authority; /* enrolment: a passphrase of the disk */
	struct luks_disk listed; /* what the broker has now; rotation: from the beginning */
	struct secret key;       /* the new one; empty after --resume until the broker gave it */
	struct prepared both, next; /* `next` is what must end up on the device; `both` only in a rotation */
	struct state state;
	struct verdict verdict;  /* of the last header that was looked at */
	uint64_t pending;        /* the operator's number, 0: none */
	bool resumed;            /* nobody remembers whether an answer is pending */
};

void job_init(struct job *job, const struct job_settings *settings, enum state_kind kind);
void job_deinit(struct job *job);

/* From the beginning. `volume` is open, `authority` (enrolment) or `listed` (rotation) are set. enum exit_code. */
int job_run(struct job *job, struct error *error) MUST_CHECK;

enum { JOB_ANEW = -1 }; /* job_resume(): nothing that was done counts: job_run() */

/*
 * Goes on where the state says. enum exit_code, or JOB_ANEW with nothing changed: the new key never left the process that made it. EXIT_USAGE also when the
 * device has a header that is none of the interrupted enrolment's.
 */
int job_resume(struct job *job, struct error *error) MUST_CHECK;

const struct job_step *job_steps(enum state_kind kind);
