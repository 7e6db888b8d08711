/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a LUKS2 header may say before a key is used with it. LUKS2 authenticates nothing and the host writes the disk, so a header that cryptsetup takes may
 * open as plaintext, with any key, or with a cipher of the host's choice (spec/attacks.md 4.1). Nothing is searched for here: a header holds what `enroll` and
 * cryptsetup's defaults write, or it is refused, whoever wrote it. That a header is the enrolled one is for luks/choose.h.
 *
 * To add a check: a function in check_*.c, its row in allow.c, its case in tests/unit/luks/test_allow.c.
 */
#include "base/finding.h"
#include "luks/header.h"

#define LUKS_AREA_MAX ((uint64_t)16 << 20) /* both headers and the key slots' area, as luksFormat makes them: what is copied before it is judged */
#define LUKS_SLOTS_MAX 32
#define LUKS_CIPHER "aes-xts-plain64"
#define LUKS_VOLUME_KEY_SIZE 64 /* AES-256 in XTS */
#define LUKS_STRIPES 4000
#define LUKS_SECTOR_MIN 512
#define LUKS_SECTOR_MAX 4096
#define LUKS_ITERATIONS_MIN 1000        /* cryptsetup's own minimum, and what enroll takes: its keys are random */
#define LUKS_ITERATIONS_MAX 20000000    /* 2 s of one fast core make 8 millions */
#define LUKS_ARGON_MEMORY_MIN 32        /* KiB, cryptsetup's own */
#define LUKS_ARGON_MEMORY_MAX 1048576   /* KiB: cryptsetup's default is at most this */
#define LUKS_ARGON_COST_MAX (16 << 20)  /* KiB times passes: 2 s of a fast machine make a half of it */
#define LUKS_ARGON_CPUS_MAX 4

/* Tokens that say what a key slot is for: {"type", "keyslots": [one number]}. No other may be there. */
#define LUKS_TOKEN_OURS "sevattest"
#define LUKS_TOKEN_RECOVERY "systemd-recovery"

enum { LUKS_E_REFUSED = 1 }; /* looked, and no: the verdict says why */

/* One named check. `expected`, `why` and `fix` are what an operator reads; what was found instead is made where it fails. */
struct luks_deviation;
struct luks_check {
	const char *name;
	const char *expected;
	const char *why; /* what a header that differs would do */
	const char *fix;
	bool (*holds)(const struct luks_header *header, struct luks_deviation *ret);
};

/* In the order of the verdict. */
extern const struct luks_check luks_checks[];
extern const size_t luks_checks_count;

/*
 * Adds a finding for every check to *ret. 0 when all passed, LUKS_E_REFUSED, -ENOMEM. `which` is for the text.
 */
int luks_allow(const struct luks_header *header, enum luks_copy which, struct verdict *ret) MUST_CHECK;

/*
 * Both copies of the header and the area of the key slots, from the begin of the device: what has to be copied, and what cryptsetup demands of a header file.
 * 0 when the header does not say it as luks_allow() wants it, or more than LUKS_AREA_MAX.
 */
uint64_t luks_area_size(const struct luks_header *header);

const char *luks_copy_name(enum luks_copy which); /* "primary", "secondary" */
