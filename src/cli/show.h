/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of `sevattest show` by kind of object: each adds members to `object` and findings about the form.
 * 0, -EBADMSG (not such an object), -ENOMEM, -EIO.
 */
#include "base/bytes.h"
#include "base/finding.h"
#include "base/json.h"

/* show_report.c */
int show_report(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
int show_evidence(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
int show_policy(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;

/* show_certs.c */
int show_certificates(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
int show_table(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;

/* show_image.c */
int show_ovmf(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
int show_event_log(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
bool show_is_event_log(struct bytes data);
/* `data` has passed show_is_token(). */
int show_token(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
bool show_is_token(struct bytes data);

/* show_luks.c */
int show_luks(struct bytes data, struct json_object *object, struct verdict *verdict) MUST_CHECK;
