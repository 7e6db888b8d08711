/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Readers of single values of a policy document, and of an object by a table of its members. `to` points at the field that the table's
 * offset names. All return 0, -EINVAL with the place and the reason in the reader's error, or -ENOMEM.
 */
#include "appraise/policy_model.h"
#include "appraise/policy_place.h"
#include "base/json.h"

struct policy_reader {
	struct bytes text;
	struct error *error;
	struct policy_path path;
};

typedef int (*policy_read_fn)(struct policy_reader *reader, struct json_object *value, void *to);

enum policy_presence {
	MEMBER_OPTIONAL, /* null is the same as absent */
	MEMBER_REQUIRED, /* neither null nor absent */
};

struct policy_member {
	const char *name;
	policy_read_fn read;
	size_t offset;
	enum policy_presence presence;
};

/* Puts path and line before the reason. Returns -EINVAL. */
int policy_error(struct policy_reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

int policy_push(struct policy_reader *reader, const char *name, size_t index) MUST_CHECK;
void policy_pop(struct policy_reader *reader);

/* Every member of `value` must have a row, every required row must be there. Rows are read in the table's order. */
int policy_read_object(
	struct policy_reader *reader, struct json_object *value, const struct policy_member *members, size_t count, void *base) MUST_CHECK;

/* The string, checked for type. */
int policy_read_string(struct policy_reader *reader, struct json_object *value, size_t max, const char **ret) MUST_CHECK;

/* The index of a string in `names`, or an error that lists them. */
int policy_read_choice(struct policy_reader *reader, struct json_object *value, const char *const *names, size_t count, size_t *ret)
	MUST_CHECK;

int policy_read_u64(struct policy_reader *reader, struct json_object *value, uint64_t max, uint64_t *ret) MUST_CHECK;
int policy_read_tri(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;   /* enum policy_tri */
int policy_read_texts(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK; /* struct policy_texts */
int policy_read_hex16(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK; /* struct allow_list ... */
int policy_read_hex32(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;
int policy_read_hex48(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;
int policy_read_chips(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;  /* 64 bytes, or 8 for Turin */
/* The same, where an entry may also say a reason and a date. */
int policy_read_denied_chips(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;
int policy_read_bits64(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK; /* struct policy_set: bit numbers */
/* "1.51" or, with three parts, "1.55.29". */
int policy_read_version2(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;
int policy_read_version3(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;

/* The members of snp, tpm and trust. */
int policy_read_snp(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;     /* struct policy */
int policy_read_tcb_min(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK; /* struct policy */
int policy_read_tpm(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;     /* struct policy_tpm */
int policy_read_trust(struct policy_reader *reader, struct json_object *value, void *to) MUST_CHECK;   /* struct snp_pins */
