/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of `sevattest enroll` share: enroll.c has the options, enroll_disk.c the disk, enroll_broker.c the broker, enroll_system.c the
 * files of the system.
 */
#include "cli/session.h"
#include "enroll/device.h"
#include "enroll/inspect.h"
#include "enroll/job.h"
#include "io/root_trust.h"
#include "jose/jwk.h"
#include "kbs/resource.h"

struct enroll_options {
	const char *resource_text, *name, *guest_device, *key_file, *seal_to, *out, *root, *state, *recovery_out, *root_trust_text;
	bool format, force, anew, rotate, resume, restart, dry_run, recovery, no_recovery, remove_foreign, remove_slots, no_system, system_only;
	struct option_u64 sector_size, poll, wait;
	struct option_texts services;
	struct session_options session;
	/* made of them */
	const char *device;
	char resource[KBS_RESOURCE_MAX + 1];
	char volume[STATE_NAME_MAX + 1];
	struct jwk *seal_key;
	enum root_trust root_trust;
	struct device_names names; /* by which crypttab may know the disk */
};

/* All return enum exit_code, with a text unless EXIT_YES. */

/* enroll_disk.c: looks at the disk, then does what the options say. */
int enroll_disk(const struct enroll_options *options, struct error *error) MUST_CHECK;

/* Reads --key-file, or asks. A recovery key may be typed in any form. */
int enroll_authority(const char *key_file, const char *device, struct secret *ret, struct error *error) MUST_CHECK;

/* enroll_system.c: are the system's files to be written at all? */
bool enroll_system_wanted(const struct enroll_options *options);
/* The name by which the guest knows the device for good. */
int enroll_system_device(const struct enroll_options *options, char ret[static STATE_PATH_MAX], struct error *error) MUST_CHECK;
/* The header's UUID and the names that the disk has here, into options->names; none of a disk that cannot be read, as the disk's side will say. */
int enroll_system_names(struct enroll_options *options, struct error *error) MUST_CHECK;
/* Is what is said about the root file system so? On a source machine, that anything is said. EXIT_UNSUPPORTED if not. */
int enroll_system_root(const struct enroll_options *options, struct error *error) MUST_CHECK;
/* Can it be done? With `print` the changes go to standard output, as a diff. */
int enroll_system_show(const struct enroll_options *options, const char *device, bool print, struct error *error) MUST_CHECK;
int enroll_system_write(const struct enroll_options *options, const char *device, struct error *error) MUST_CHECK;

/* enroll_broker.c */
struct enroll_broker {
	struct session session;
	const struct enroll_options *options;
	const char *device; /* as the guest knows it */
	struct job_broker calls; /* for the job */
	bool open;
};

int enroll_broker_open(struct enroll_broker *broker, const struct enroll_options *options, const char *device, struct error *error) MUST_CHECK;
void enroll_broker_close(struct enroll_broker *broker);
