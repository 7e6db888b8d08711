/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of `sevattest show` by kind of object: each adds members to `object` and findings about the form.
 * 0, -EBADMSG (not such an object), -ENOMEM.
 */
#include "base/bytes.h"
#include "base/finding.h"
#include "base/json.h"

int show_certificates(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
int show_table(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
int show_evidence(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
