/* SPDX-License-Identifier: Apache-2.0 */
/* The member "snp" of a policy. */
#include "appraise/policy_fields.h"

#include <errno.h>
#include <string.h>

#include "appraise/advisories.h"
#include "appraise/floors.h"

/* A list of names into a mask; `bit_of` tells the bit of names[i]. */
static int read_set(struct policy_reader *reader, struct json_object *value, const char *const *names, const unsigned *bit_of, size_t count,
	struct policy_set *ret)
{
	size_t listed;

	if (!json_object_is_type(value, json_type_array))
		return policy_error(reader, "must be a list");
	listed = json_object_array_length(value);
	ret->stated = true;
	for (size_t i = 0; i < listed; i++) {
		size_t choice;
		int r;

		r = policy_push(reader, NULL, i);
		if (r < 0)
			return r;
		r = policy_read_choice(reader, json_object_array_get_idx(value, i), names, count, &choice);
		if (r < 0)
			return r;
		ret->mask |= UINT64_C(1) << bit_of[choice];
		policy_pop(reader);
	}
	return 0;
}

static int read_products(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[] = {"Milan", "Genoa", "Turin"};
	static const unsigned bits[] = {SNP_MILAN, SNP_GENOA, SNP_TURIN};

	return read_set(reader, value, names, bits, ARRAY_SIZE(names), to);
}

static int read_signer(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[] = {"vcek", "vlek"};
	static const unsigned bits[] = {SNP_SIGNER_VCEK, SNP_SIGNER_VLEK};

	return read_set(reader, value, names, bits, ARRAY_SIZE(names), to);
}

static int read_tcb_fields(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const unsigned bits[TCB_FIELDS] = {TCB_REPORTED, TCB_COMMITTED, TCB_CURRENT, TCB_LAUNCH};

	return read_set(reader, value, policy_tcb_fields, bits, TCB_FIELDS, to);
}

static int read_advisories(struct policy_reader *reader, struct json_object *value, void *to)
{
	const char *names[ADVISORIES_MAX];
	unsigned bits[ADVISORIES_MAX];
	size_t count = advisories_names(names);

	for (size_t i = 0; i < count; i++)
		bits[i] = (unsigned)i;
	return read_set(reader, value, names, bits, count, to);
}

static int read_u32(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_u32 *ret = to;
	uint64_t number;
	int r;

	r = policy_read_u64(reader, value, UINT32_MAX, &number);
	if (r < 0)
		return r;
	*ret = (struct policy_u32){true, (uint32_t)number};
	return 0;
}

static int read_vmpl_max(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_u32 *ret = to;
	uint64_t number;
	int r;

	r = policy_read_u64(reader, value, 3, &number);
	if (r < 0)
		return r;
	*ret = (struct policy_u32){true, (uint32_t)number};
	return 0;
}

static int read_guest_svn(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const struct policy_member members[] = {{"min", read_u32, 0, MEMBER_REQUIRED}};

	return policy_read_object(reader, value, members, ARRAY_SIZE(members), to);
}

static int read_vmpl(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const struct policy_member members[] = {{"max", read_vmpl_max, 0, MEMBER_REQUIRED}};

	return policy_read_object(reader, value, members, ARRAY_SIZE(members), to);
}

/* Rows for the bits of a table, `first` being the bit that must be stated (or SIZE_MAX). */
static void bit_rows(struct policy_member *rows, const struct policy_bit *bits, size_t count, size_t base, size_t required)
{
	for (size_t i = 0; i < count; i++) {
		rows[i] = (struct policy_member){bits[i].member, policy_read_tri, base + i * sizeof(enum policy_tri),
			i == required ? MEMBER_REQUIRED : MEMBER_OPTIONAL};
	}
}

static int read_guest_policy(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_member rows[POLICY_GUEST_BITS + 1];

	bit_rows(rows, policy_guest_bits, POLICY_GUEST_BITS, offsetof(struct policy, guest_bits), 0);
	rows[POLICY_GUEST_BITS] =
		(struct policy_member){"abi_min", policy_read_version2, offsetof(struct policy, abi_min), MEMBER_OPTIONAL};
	return policy_read_object(reader, value, rows, ARRAY_SIZE(rows), to);
}

static int read_platform_info(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_member rows[POLICY_PLATFORM_BITS];

	bit_rows(rows, policy_platform_bits, POLICY_PLATFORM_BITS, offsetof(struct policy, platform_bits), SIZE_MAX);
	return policy_read_object(reader, value, rows, ARRAY_SIZE(rows), to);
}

static int read_mitigations(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const struct policy_member members[] = {
		{"launch", policy_read_bits64, offsetof(struct policy, mitigations_launch), MEMBER_OPTIONAL},
		{"current", policy_read_bits64, offsetof(struct policy, mitigations_current), MEMBER_OPTIONAL},
	};

	return policy_read_object(reader, value, members, ARRAY_SIZE(members), to);
}

int policy_read_snp(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const struct policy_member members[] = {
		{"measurement", policy_read_hex48, offsetof(struct policy, measurement), MEMBER_OPTIONAL},
		{"host_data", policy_read_hex32, offsetof(struct policy, host_data), MEMBER_OPTIONAL},
		{"id_key_digest", policy_read_hex48, offsetof(struct policy, id_key_digest), MEMBER_OPTIONAL},
		{"author_key_digest", policy_read_hex48, offsetof(struct policy, author_key_digest), MEMBER_OPTIONAL},
		{"family_id", policy_read_hex16, offsetof(struct policy, family_id), MEMBER_OPTIONAL},
		{"image_id", policy_read_hex16, offsetof(struct policy, image_id), MEMBER_OPTIONAL},
		{"guest_svn", read_guest_svn, offsetof(struct policy, guest_svn_min), MEMBER_OPTIONAL},
		{"chip_id", policy_read_chips, offsetof(struct policy, chip_id), MEMBER_OPTIONAL},
		{"chip_id_denied", policy_read_denied_chips, offsetof(struct policy, chip_id_denied), MEMBER_OPTIONAL},
		{"csp_id", policy_read_texts, offsetof(struct policy, csp_id), MEMBER_OPTIONAL},
		{"products", read_products, offsetof(struct policy, products), MEMBER_OPTIONAL},
		{"signer", read_signer, offsetof(struct policy, signer), MEMBER_OPTIONAL},
		{"vmpl", read_vmpl, offsetof(struct policy, vmpl_max), MEMBER_OPTIONAL},
		{"guest_policy", read_guest_policy, 0, MEMBER_REQUIRED},
		{"platform_info", read_platform_info, 0, MEMBER_OPTIONAL},
		{"tcb_min", policy_read_tcb_min, 0, MEMBER_OPTIONAL},
		{"tcb_fields", read_tcb_fields, offsetof(struct policy, tcb_fields), MEMBER_OPTIONAL},
		{"mitigations", read_mitigations, 0, MEMBER_OPTIONAL},
		{"advisories", read_advisories, offsetof(struct policy, advisories), MEMBER_OPTIONAL},
		{"firmware_min", policy_read_version3, offsetof(struct policy, firmware_min), MEMBER_OPTIONAL},
		{"provisional_firmware", policy_read_tri, offsetof(struct policy, provisional_firmware), MEMBER_OPTIONAL},
		{"masked_chip_id", policy_read_tri, offsetof(struct policy, masked_chip_id), MEMBER_OPTIONAL},
	};

	return policy_read_object(reader, value, members, ARRAY_SIZE(members), to);
}

static int read_part(struct policy_reader *reader, struct json_object *value, void *to)
{
	uint64_t number;
	int r;

	r = policy_read_u64(reader, value, 255, &number);
	if (r < 0)
		return r;
	*(uint8_t *)to = (uint8_t)number;
	return 0;
}

static int read_floor(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_floor *floor = to;
	struct policy_member rows[TCB_PARTS];
	bool turin = !strcmp(reader->path.steps[reader->path.count - 1].name, "Turin");
	size_t count = 0;

	/* FMC exists on Turin only; on another line it is an unknown member. */
	for (size_t i = turin ? TCB_FMC : TCB_BOOTLOADER; i < TCB_PARTS; i++)
		rows[count++] =
			(struct policy_member){policy_tcb_parts[i], read_part, offsetof(struct policy_floor, min) + i, MEMBER_OPTIONAL};
	floor->stated = true;
	return policy_read_object(reader, value, rows, count, floor);
}

/* A name of the data file, or floors by silicon line. */
int policy_read_tcb_min(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy *policy = to;
	struct policy_member rows[POLICY_LINES];
	const char *names[FLOORS_MAX];
	size_t count = floors_names(names), choice;
	int r;

	if (json_object_is_type(value, json_type_string)) {
		r = policy_read_choice(reader, value, names, count, &choice);
		if (r < 0)
			return r;
		floors_apply(policy, names[choice]);
		return 0;
	}
	for (size_t i = 0; i < POLICY_LINES; i++) {
		size_t offset = offsetof(struct policy, floors) + i * sizeof(struct policy_floor);

		rows[i] = (struct policy_member){policy_lines[i].name, read_floor, offset, MEMBER_OPTIONAL};
	}
	policy->floor_name = NULL;
	memset(policy->floors, 0, sizeof(policy->floors));
	return policy_read_object(reader, value, rows, POLICY_LINES, policy);
}
