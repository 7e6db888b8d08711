/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What an interrupted enrolment leaves for --resume: which step comes next, and the header area that must end up on the device. No secret: a header area is
 * what the device has anyway. DIRECTORY/VOLUME.json and VOLUME.area, mode 0600; the area first, so that a state always has one.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/error.h"
#include "kbs/resource.h"

#define STATE_DIRECTORY "/var/lib/sevattest/enroll"
#define STATE_NAME_MAX 127
#define STATE_PATH_MAX 4096
#define STATE_STEP_MAX 32

enum state_kind { STATE_ENROLL, STATE_ROTATE };

struct state {
	enum state_kind kind;
	char volume[STATE_NAME_MAX + 1];
	char resource[KBS_RESOURCE_MAX + 1];
	char device[STATE_PATH_MAX];
	char step[STATE_STEP_MAX]; /* the one to do next */
	uint32_t new_slots;
	bool has_before;                  /* there was a LUKS2 header */
	uint8_t before[SHA256_SIZE];      /* the digest of the header at the beginning */
	uint8_t both[SHA256_SIZE];        /* rotation: of the header between */
	uint8_t after[SHA256_SIZE];       /* of the header in VOLUME.area */
	bool has_sealed;
	uint8_t sealed[SHA256_SIZE];      /* fingerprint of the enrolment file */
};

/* 0; -ENOENT: nothing was interrupted; -EINVAL: not a state of ours; -errno. */
int state_read(const char *directory, const char *volume, struct state *ret, struct buf *ret_area, struct error *error) MUST_CHECK;
/* Pure: the JSON alone. */
int state_parse(struct bytes text, struct state *ret, struct error *error) MUST_CHECK;
/* What state_parse() reads. 0, -ENOMEM. */
int state_text(const struct state *state, struct buf *ret) MUST_CHECK;

/* Durable when it returns. `area` empty: that of before. */
int state_write(const char *directory, const struct state *state, struct bytes area, struct error *error) MUST_CHECK;
int state_remove(const char *directory, const char *volume, struct error *error) MUST_CHECK;
