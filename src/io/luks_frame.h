/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a FRAME_LUKS_REQUEST and a FRAME_LUKS_RESPONSE carry, between sevattest-luks and sevattestd:
 *
 *   request:   the name of the volume
 *   response:  u8 verdict (0 open, 1 refused), u8 copy (0 primary, 1 secondary), u16 zero, text
 *
 * The text of a refusal is UTF-8, at most LUKS_FRAME_TEXT_MAX bytes: the name of the check in the first line, the reason in the second, what to do about it
 * in the rest, which may be empty and may have lines of its own. "Open" has no text. A response is definite: while the agent cannot tell, there is none.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "io/volume_conf.h"

#define LUKS_FRAME_TEXT_MAX 4096
#define LUKS_FRAME_RESPONSE_MAX (4 + LUKS_FRAME_TEXT_MAX)

enum luks_frame_verdict { LUKS_FRAME_OPEN = 0, LUKS_FRAME_REFUSED = 1 };

/* Which of the two headers of the header file is the listed one; the numbers of `enum luks_copy`. */
enum luks_frame_copy { LUKS_FRAME_PRIMARY = 0, LUKS_FRAME_SECONDARY = 1 };

/* What is wrong with a payload; the connection must be closed. */
enum {
	LUKS_FRAME_E_TRUNCATED = 1,
	LUKS_FRAME_E_NAME,     /* no name of a volume */
	LUKS_FRAME_E_VERDICT,  /* unknown verdict or copy, or a refusal that names the second copy */
	LUKS_FRAME_E_RESERVED, /* the zero field is not zero */
	LUKS_FRAME_E_SIZE,     /* more text than allowed */
	LUKS_FRAME_E_TEXT,     /* not UTF-8, control characters, "open" with a text, or a refusal without check and reason */
};

/* The texts are views, into the payload after decoding. */
struct luks_frame_response {
	enum luks_frame_verdict verdict;
	enum luks_frame_copy copy; /* of "open" */
	struct bytes check, reason, fix; /* of "refused" */
};

/* Append the payload (without the frame header). 0, -EINVAL (a field that the decoder would refuse), -ENOMEM. */
int luks_frame_request_encode(struct buf *to, const char *volume) MUST_CHECK;
int luks_frame_response_encode(struct buf *to, const struct luks_frame_response *response) MUST_CHECK;

/* A refusal from texts of any origin: what is not printable is written as \xNN, what is too long is cut. `fix` may be NULL. 0, -ENOMEM. */
int luks_frame_refusal_encode(struct buf *to, const char *check, const char *reason, const char *fix) MUST_CHECK;

/* 0 or LUKS_FRAME_E_*. */
int luks_frame_request_decode(struct bytes payload, char ret[static VOLUME_NAME_MAX + 1]) MUST_CHECK;
int luks_frame_response_decode(struct bytes payload, struct luks_frame_response *ret) MUST_CHECK;

const char *luks_frame_error_text(int outcome); /* of LUKS_FRAME_E_* */
