/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a disk has besides ours: slots of passphrases, tokens of other programs, flags. The allow-list (luks/allow.h) says what must go; this says what can be
 * taken away without a loss, and shows what stays, because every slot is a way to the contents.
 */
#include <stdint.h>

#include "base/error.h"
#include "enroll/slots.h"
#include "luks/header.h"

/* Slots that a token of this type names, a bit for each. */
uint32_t foreign_marked(const struct luks_header *header, const char *type);
/* All slots; those that the allow-list would not take. */
uint32_t foreign_slots(const struct luks_header *header);
uint32_t foreign_slots_refused(const struct luks_header *header);

/* Takes away the tokens that are neither ours nor of a recovery key, and all flags. */
int foreign_remove_tokens(struct slots *slots, const struct luks_header *header, struct error *error) MUST_CHECK;

/* Lines for people: each slot with its kind ("slot 0: a passphrase or key file (argon2id)"), each token. Appended. */
int foreign_describe(const struct luks_header *header, struct buf *to) MUST_CHECK;
