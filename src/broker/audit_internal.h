/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Between the files of the audit: audit.c writes, audit_verify.c reads, audit_checkpoint.c has the text of checkpoints. */
#include "broker/audit.h"

enum { AUDIT_E_CHECKPOINT = 1 /* not signed by our key, or no checkpoint at all */ };

/* The record of a checkpoint of `end`, and its signed line. 0, -errno. */
int audit_checkpoint_text(const struct state_audit *end, int64_t now, audit_sign sign, void *context, struct buf *ret_record,
	struct buf *ret_line) MUST_CHECK;

bool audit_is_checkpoint(struct bytes text);
/* The end that a record's signed checkpoint names. 0, AUDIT_E_CHECKPOINT, -errno. */
int audit_checkpoint_read(struct bytes text, audit_check check, void *context, struct state_audit *ret) MUST_CHECK;
