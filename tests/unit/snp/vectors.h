/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The vectors' index and files, and how an entry of it becomes the input of a verification. */
#include "base/bytes.h"
#include "base/json.h"
#include "snp/verify.h"

/* The folder of SEVATTEST_VECTORS, or exits with 77 and a reason. */
const char *vectors_folder(void);
void vectors_read(const char *path, struct buf *ret);
/* The array "objects" of index.json. */
struct json_object *vectors_objects(void);

/* One entry, ready to verify. */
struct vector_case {
	struct json_object *entry; /* borrowed */
	struct buf report;
	struct snp_certs certs;
	struct snp_pins pins;
	struct snp_verify_input input;
};

void vector_case_init(struct vector_case *c, struct json_object *entry);
void vector_case_deinit(struct vector_case *c);

/* True when `step` ("a | b") of the index names the check `ours` through steps.map. */
bool vectors_step_is(const char *step, const char *ours);
const char *vectors_text(struct json_object *entry, const char *member); /* NULL when absent */
