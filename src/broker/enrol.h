/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Enrolments between the KBS engine, the operator and the catalog (catalog_enrol.h has the rules). The record of a change is durable before
 * the change; an answer comes after both.
 */
#include "broker/catalog_enrol.h"
#include "broker/live.h"
#include "kbs/server.h"

/* kbs_server_ops.enrol_state */
int enrol_state(struct live *live, const struct snapshot *snapshot, const char *resource, struct kbs_enrol_state *ret) MUST_CHECK;
/* kbs_server_ops.enrol */
int enrol_register(struct live *live, const struct kbs_enrol_input *input, struct kbs_registered *ret) MUST_CHECK;

/*
 * Opens the text of an enrolment with our key. 0 with *ret (kbs_enrolment_deinit); CATALOG_E_INVALID with a message, -errno.
 */
int enrol_open(const struct live *live, struct bytes text, struct kbs_enrolment *ret, struct error *error) MUST_CHECK;

/* Adds what people want to see: fingerprint, resource, created, volume, headers. Nothing of the key. 0, -errno. */
int enrol_describe(const struct kbs_enrolment *enrolment, struct bytes text, struct json_object *to) MUST_CHECK;
