/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/kbs_report.h"

#include <errno.h>
#include <string.h>

#include "evidence/kbs_snp.h"

enum field_type { FIELD_NUMBER, FIELD_BYTES, FIELD_TCB, FIELD_VERSION, FIELD_CPUID, FIELD_MIT };

/* One row per member, in the order of the ABI. `size` is that of the field in the report. */
struct field {
	const char *name;
	enum field_type type;
	uint16_t offset;
	uint16_t size;
};

static const struct field fields[] = {
	{"version", FIELD_NUMBER, 0x000, 4},
	{"guest_svn", FIELD_NUMBER, 0x004, 4},
	{"policy", FIELD_NUMBER, 0x008, 8},
	{"family_id", FIELD_BYTES, 0x010, 16},
	{"image_id", FIELD_BYTES, 0x020, 16},
	{"vmpl", FIELD_NUMBER, 0x030, 4},
	{"sig_algo", FIELD_NUMBER, 0x034, 4},
	{"current_tcb", FIELD_TCB, 0x038, 8},
	{"plat_info", FIELD_NUMBER, 0x040, 8},
	{"key_info", FIELD_NUMBER, 0x048, 4},
	{"report_data", FIELD_BYTES, 0x050, 64},
	{"measurement", FIELD_BYTES, 0x090, 48},
	{"host_data", FIELD_BYTES, 0x0c0, 32},
	{"id_key_digest", FIELD_BYTES, 0x0e0, 48},
	{"author_key_digest", FIELD_BYTES, 0x110, 48},
	{"report_id", FIELD_BYTES, 0x140, 32},
	{"report_id_ma", FIELD_BYTES, 0x160, 32},
	{"reported_tcb", FIELD_TCB, 0x180, 8},
	{"cpuid_fam_id", FIELD_CPUID, 0x188, 1},
	{"cpuid_mod_id", FIELD_CPUID, 0x189, 1},
	{"cpuid_step", FIELD_CPUID, 0x18a, 1},
	{"chip_id", FIELD_BYTES, 0x1a0, 64},
	{"committed_tcb", FIELD_TCB, 0x1e0, 8},
	{"current", FIELD_VERSION, 0x1e8, 3},
	{"committed", FIELD_VERSION, 0x1ec, 3},
	{"launch_tcb", FIELD_TCB, 0x1f0, 8},
	{"launch_mit_vector", FIELD_MIT, 0x1f8, 8},
	{"current_mit_vector", FIELD_MIT, 0x200, 8},
};

/* Where a part of TCB_VERSION lies; -1: the layout has no such part. */
static const struct tcb_part {
	const char *name;
	int legacy, turin;
} tcb_parts[] = {{"fmc", -1, 0}, {"bootloader", 0, 1}, {"tee", 1, 2}, {"snp", 6, 3}, {"microcode", 7, 7}};

static uint64_t get_le(const uint8_t *from, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

static void put_le(uint8_t *to, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static bool read_number(struct json_object *value, uint8_t *to, size_t size)
{
	uint64_t number;

	if (!json_is_u64(value, size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1, &number))
		return false;
	put_le(to, size, number);
	return true;
}

/* The product's layout must agree with the presence of fmc: a Milan report written in the Turin layout would hash to something else. */
static bool read_tcb(struct json_object *value, uint8_t *to, bool turin)
{
	for (size_t i = 0; i < ARRAY_SIZE(tcb_parts); i++) {
		int at = turin ? tcb_parts[i].turin : tcb_parts[i].legacy;
		struct json_object *part = json_get(value, tcb_parts[i].name);

		if (at < 0 ? part != NULL : !read_number(part, to + at, 1))
			return false;
	}
	return true;
}

static bool read_version(struct json_object *value, uint8_t *to)
{
	return read_number(json_get(value, "build"), to, 1) && read_number(json_get(value, "minor"), to + 1, 1) &&
	       read_number(json_get(value, "major"), to + 2, 1);
}

static bool read_field(struct json_object *object, const struct field *field, uint8_t *report, bool turin)
{
	struct json_object *value = json_get(object, field->name);
	uint8_t *to = report + field->offset;

	switch (field->type) {
	case FIELD_NUMBER:
		return read_number(value, to, field->size);
	case FIELD_BYTES:
		return kbs_numbers(value, to, field->size);
	case FIELD_TCB:
		return read_tcb(value, to, turin);
	case FIELD_VERSION:
		return read_version(value, to);
	case FIELD_CPUID:
	case FIELD_MIT:
		return !value || read_number(value, to, field->size);
	}
	return false;
}

/* Version 2 does not say: its sender took the layout from the chip id, which on Turin has 8 bytes. fmc tells the same. */
static bool is_turin(struct json_object *object)
{
	uint64_t version = 0, family = 0, model = 0;

	(void)json_get_u64(object, "version", UINT32_MAX, &version);
	if (version < 3)
		return json_get(json_get(object, "reported_tcb"), "fmc") != NULL;
	(void)json_get_u64(object, "cpuid_fam_id", UINT8_MAX, &family);
	(void)json_get_u64(object, "cpuid_mod_id", UINT8_MAX, &model);
	return snp_product_of((uint8_t)family, (uint8_t)model) == SNP_TURIN;
}

int kbs_report_read(struct json_object *object, uint8_t ret[static SNP_REPORT_SIZE], struct error *error)
{
	struct json_object *signature = json_get_object(object, "signature");
	uint8_t report[SNP_REPORT_SIZE] = {0};
	bool turin = is_turin(object);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!read_field(object, &fields[i], report, turin))
			return error_set(error, EVIDENCE_E_MALFORMED, "attestation_report.%s is missing or malformed", fields[i].name);
	if (!kbs_numbers(json_get(signature, "r"), report + 0x2a0, 72) || !kbs_numbers(json_get(signature, "s"), report + 0x2e8, 72))
		return error_set(error, EVIDENCE_E_MALFORMED, "attestation_report.signature is missing or malformed");
	memcpy(ret, report, sizeof(report));
	return 0;
}

static struct json_object *numbers(const uint8_t *from, size_t size)
{
	struct json_object *array = json_object_new_array_ext((int)size);

	for (size_t i = 0; array && i < size; i++) {
		if (json_push(array, json_object_new_int(from[i])) < 0) {
			(void)json_object_put(array);
			return NULL;
		}
	}
	return array;
}

/* json-c has no object for null: the member is added with none. */
static int add_null(struct json_object *to, const char *name)
{
	return json_object_object_add(to, name, NULL) == 0 ? 0 : -ENOMEM;
}

static int write_tcb(struct json_object *to, const char *name, const uint8_t *from, bool turin)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(to, name, object);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tcb_parts); i++) {
		int at = turin ? tcb_parts[i].turin : tcb_parts[i].legacy;

		r = at < 0 ? add_null(object, tcb_parts[i].name) : json_add_u64(object, tcb_parts[i].name, from[at]);
	}
	return r;
}

static int write_version(struct json_object *to, const char *name, const uint8_t *from)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(to, name, object);

	if (r == 0)
		r = json_add_u64(object, "major", from[2]);
	if (r == 0)
		r = json_add_u64(object, "minor", from[1]);
	return r < 0 ? r : json_add_u64(object, "build", from[0]);
}

static int write_field(struct json_object *to, const struct field *field, const uint8_t *report, uint32_t version, bool turin)
{
	const uint8_t *from = report + field->offset;

	switch (field->type) {
	case FIELD_BYTES:
		return json_add(to, field->name, numbers(from, field->size));
	case FIELD_TCB:
		return write_tcb(to, field->name, from, turin);
	case FIELD_VERSION:
		return write_version(to, field->name, from);
	case FIELD_CPUID:
		return version < 3 ? add_null(to, field->name) : json_add_u64(to, field->name, *from);
	case FIELD_MIT:
		return version < 5 ? add_null(to, field->name) : json_add_u64(to, field->name, get_le(from, field->size));
	case FIELD_NUMBER:
	default:
		return json_add_u64(to, field->name, get_le(from, field->size));
	}
}

/* Version 2 has no CPUID: Turin's chip id has 8 bytes. One of zeros is masked (AWS) and tells nothing; Turin came after version 2. */
static bool writes_turin(const struct snp_report *report)
{
	if (report->has_cpuid)
		return report->product == SNP_TURIN;
	return !bytes_all_zero(report->chip_id, SNP_TURIN_HWID_SIZE) &&
	       bytes_all_zero(report->chip_id + SNP_TURIN_HWID_SIZE, SNP_CHIP_ID_SIZE - SNP_TURIN_HWID_SIZE);
}

int kbs_report_write(struct bytes input, struct json_object **ret)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *signature = json_object_new_object();
	struct snp_report report;
	bool turin;
	int r = json_add(object, "signature", signature);

	if (r == 0)
		r = snp_report_decode(input, &report);
	if (r != 0)
		return r < 0 ? r : EVIDENCE_E_MALFORMED;
	turin = writes_turin(&report);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fields); i++)
		r = write_field(object, &fields[i], input.data, report.version, turin);
	if (r == 0)
		r = json_add(signature, "r", numbers(report.signature_r, 72));
	if (r == 0)
		r = json_add(signature, "s", numbers(report.signature_s, 72));
	if (r < 0)
		return r;
	*ret = object;
	object = NULL;
	return 0;
}
