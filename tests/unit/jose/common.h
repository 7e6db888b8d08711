/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Vectors, data files and keys for the tests of jose. */
#include "base/bytes.h"
#include "base/json.h"
#include "base/secret.h"
#include "jose/jwk.h"

/* The secure heap, large enough for a secret of the largest size. For every forked test. */
void jose_setup(void);

/* Ends the program with code 77 (skipped) when the vectors are absent. */
void vectors_need(void);
/* vectors/kbs/NAME, and data/NAME beside the tests. The caller puts it. */
struct json_object *vector_json(const char *name);
struct json_object *data_json(const char *name);

/* Text with ' for ", so that tests can be read. */
struct json_object *json_of(const char *format, ...) PRINTF_LIKE(1, 2);

/* A member's hex, decoded. */
void member_hex(struct buf *to, struct json_object *object, const char *member);

/* A fresh pair of one private key and its public part for encryption. */
struct jwk *private_key(enum jwk_kind kind);
struct jwk *public_part(const struct jwk *key);
