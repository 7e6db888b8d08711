/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Resources at rest: AES-256-GCM under a key of the key-encryption key, with name and version as associated data. A row that was given
 * another name or version does not open.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/secret.h"

/* Beside them, enrolments that wait: under another label, so that none is ever taken for a resource. */
int pending_seal(struct buf *to, struct bytes key, const char *name, uint64_t id, struct bytes text) MUST_CHECK;
int pending_open(struct secret *ret, struct bytes key, const char *name, uint64_t id, struct bytes sealed) MUST_CHECK;

/* Appends the sealed form. 0 or -errno. */
int resource_seal(struct buf *to, struct bytes key, const char *name, uint64_t version, struct bytes secret) MUST_CHECK;
/* 0, AEAD_E_FORGED (crypto.h), -errno. */
int resource_open(struct secret *ret, struct bytes key, const char *name, uint64_t version, struct bytes sealed) MUST_CHECK;
