/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The grammar check that stands before json-c (RFC 8259, I-JSON of RFC 7493). Private to base/json.c. */
#include "base/bytes.h"
#include "base/error.h"

/* 0 when `text` is one strict JSON value; else -EINVAL, -E2BIG or -ENOMEM with the place in `error`. */
int json_scan(struct bytes text, struct error *error) MUST_CHECK;
