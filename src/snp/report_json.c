/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON: every field, under the names that the ABI gives them in lower case. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "snp/report.h"

struct flag {
	const char *name;
	unsigned bit;
};

static const struct flag policy_flags[] = {{"smt", 16}, {"migrate_ma", 18}, {"debug", 19}, {"single_socket", 20}, {"cxl_allow", 21},
	{"mem_aes_256_xts", 22}, {"rapl_dis", 23}, {"ciphertext_hiding_dram", 24}, {"page_swap_disabled", 25}};
static const struct flag platform_flags[] = {{"smt_en", 0}, {"tsme_en", 1}, {"ecc_en", 2}, {"rapl_dis", 3},
	{"ciphertext_hiding_dram_en", 4}, {"alias_check_complete", 5}, {"iommu_write_safe", 6}, {"tio_en", 7}};

static int add_raw(struct json_object *object, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_add_text(object, name, text);
}

static int add_flags(struct json_object *object, const struct flag *flags, size_t count, uint64_t value)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = json_add_bool(object, flags[i].name, value >> flags[i].bit & 1);
	return r;
}

static int add_policy(struct json_object *to, const struct snp_report *report)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(to, "policy", object);

	if (r == 0)
		r = add_raw(object, "raw", report->policy);
	if (r == 0)
		r = json_add_u64(object, "abi_minor", report->policy & 0xff);
	if (r == 0)
		r = json_add_u64(object, "abi_major", report->policy >> 8 & 0xff);
	return r < 0 ? r : add_flags(object, policy_flags, ARRAY_SIZE(policy_flags), report->policy);
}

static int add_platform(struct json_object *to, const struct snp_report *report)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(to, "platform_info", object);

	if (r == 0)
		r = add_raw(object, "raw", report->platform_info);
	return r < 0 ? r : add_flags(object, platform_flags, ARRAY_SIZE(platform_flags), report->platform_info);
}

static int add_signer(struct json_object *to, const struct snp_report *report)
{
	static const char *const names[] = {"vcek", "vlek", "reserved", "reserved", "reserved", "reserved", "reserved", "none"};
	struct json_object *object = json_object_new_object();
	int r = json_add(to, "signer_info", object);

	if (r == 0)
		r = add_raw(object, "raw", report->key_info);
	if (r == 0)
		r = json_add_bool(object, "author_key_en", report->key_info & 1);
	if (r == 0)
		r = json_add_bool(object, "mask_chip_key", report->key_info & 2);
	return r < 0 ? r : json_add_text(object, "signing_key", names[snp_report_signer(report)]);
}

static int add_tcb(struct json_object *to, const char *name, const struct snp_tcb *tcb)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(to, name, object);

	if (r == 0)
		r = json_add_hex(object, "raw", tcb->raw, SNP_TCB_SIZE);
	if (r == 0 && tcb->has_fmc)
		r = json_add_u64(object, "fmc", tcb->fmc);
	if (r == 0)
		r = json_add_u64(object, "bootloader", tcb->bootloader);
	if (r == 0)
		r = json_add_u64(object, "tee", tcb->tee);
	if (r == 0)
		r = json_add_u64(object, "snp", tcb->snp);
	return r < 0 ? r : json_add_u64(object, "microcode", tcb->microcode);
}

static int add_version(struct json_object *to, const char *name, struct snp_version version)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(to, name, object);

	if (r == 0)
		r = json_add_u64(object, "build", version.build);
	if (r == 0)
		r = json_add_u64(object, "minor", version.minor);
	return r < 0 ? r : json_add_u64(object, "major", version.major);
}

static int add_cpuid(struct json_object *to, const struct snp_report *report)
{
	int r = 0;

	if (report->has_cpuid) {
		r = json_add_u64(to, "cpuid_family", report->cpuid_family);
		if (r == 0)
			r = json_add_u64(to, "cpuid_model", report->cpuid_model);
		if (r == 0)
			r = json_add_u64(to, "cpuid_stepping", report->cpuid_stepping);
	}
	if (r < 0)
		return r;
	if (report->product == SNP_PRODUCT_UNKNOWN)
		return json_object_object_add(to, "product_from_cpuid", NULL) == 0 ? 0 : -1;
	return json_add_text(to, "product_from_cpuid", snp_product_name(report->product));
}

static int add_hex_fields(struct json_object *to, const struct snp_report *report)
{
	const struct {
		const char *name;
		const uint8_t *data;
		size_t size;
	} fields[] = {{"report_data", report->report_data, 64}, {"measurement", report->measurement, 48},
		{"host_data", report->host_data, 32}, {"id_key_digest", report->id_key_digest, 48},
		{"author_key_digest", report->author_key_digest, 48}, {"report_id", report->report_id, 32},
		{"report_id_ma", report->report_id_ma, 32}};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fields); i++)
		r = json_add_hex(to, fields[i].name, fields[i].data, fields[i].size);
	return r;
}

static int add_tcbs(struct json_object *to, const struct snp_report *report)
{
	int r = add_tcb(to, "current_tcb", &report->current_tcb);

	if (r == 0)
		r = add_tcb(to, "reported_tcb", &report->reported_tcb);
	if (r == 0)
		r = add_tcb(to, "committed_tcb", &report->committed_tcb);
	if (r == 0)
		r = add_tcb(to, "launch_tcb", &report->launch_tcb);
	if (r == 0)
		r = add_version(to, "current_version", report->current);
	return r < 0 ? r : add_version(to, "committed_version", report->committed);
}

/* The low 48 bytes, most significant first, as one writes the number. */
static int add_signature_part(struct json_object *to, const char *name, const uint8_t part[static 72])
{
	uint8_t reversed[48];

	for (size_t i = 0; i < sizeof(reversed); i++)
		reversed[i] = part[sizeof(reversed) - 1 - i];
	return json_add_hex(to, name, reversed, sizeof(reversed));
}

static int fill(struct json_object *to, const struct snp_report *report)
{
	int r = json_add_u64(to, "version", report->version);

	if (r == 0)
		r = json_add_u64(to, "guest_svn", report->guest_svn);
	if (r == 0)
		r = add_policy(to, report);
	if (r == 0)
		r = json_add_hex(to, "family_id", report->family_id, 16);
	if (r == 0)
		r = json_add_hex(to, "image_id", report->image_id, 16);
	if (r == 0)
		r = json_add_u64(to, "vmpl", report->vmpl);
	if (r == 0)
		r = json_add_u64(to, "signature_algo", report->signature_algo);
	if (r == 0)
		r = add_platform(to, report);
	if (r == 0)
		r = add_signer(to, report);
	if (r == 0)
		r = add_hex_fields(to, report);
	if (r == 0)
		r = add_cpuid(to, report);
	if (r == 0)
		r = json_add_hex(to, "chip_id", report->chip_id, SNP_CHIP_ID_SIZE);
	if (r == 0)
		r = add_tcbs(to, report);
	if (r == 0 && report->has_mit_vectors)
		r = add_raw(to, "launch_mit_vector", report->launch_mit_vector);
	if (r == 0 && report->has_mit_vectors)
		r = add_raw(to, "current_mit_vector", report->current_mit_vector);
	if (r == 0)
		r = add_signature_part(to, "signature_r", report->signature_r);
	return r < 0 ? r : add_signature_part(to, "signature_s", report->signature_s);
}

struct json_object *snp_report_to_json(const struct snp_report *report)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *ret = object;

	if (!object || fill(object, report) < 0)
		return NULL;
	object = NULL;
	return ret;
}
