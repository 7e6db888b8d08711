/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parser of strict JSON (RFC 8259, I-JSON of RFC 7493) into json-c's tree. Private to base/json.c. */
#include "base/bytes.h"
#include "base/error.h"

struct json_object;

/*
 * 0 when `text` is one strict JSON value, with a reference in *ret (NULL for null); else -EINVAL, -E2BIG or -ENOMEM with the place in `error`. Equal small numbers
 * may be one object.
 */
int json_scan(struct bytes text, struct json_object **ret, struct error *error) MUST_CHECK;
