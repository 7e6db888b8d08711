/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "appraise/check.h"
#include "appraise/lines.h"

#define RESERVED_ONE 17 /* bit of the guest policy that must be 1 */
#define ABI_BITS 16     /* the low bits of the guest policy are a version */

/* A list that grows; after a failure nothing more is added. */
struct list {
	struct json_object *items;
	int r;
};

static void PRINTF_LIKE(4, 5) add(struct list *list, const char *field, const char *meaning, const char *value_format, ...)
{
	struct json_object *item = json_object_new_object();
	char value[80];
	va_list arguments;

	va_start(arguments, value_format);
	(void)vsnprintf(value, sizeof(value), value_format, arguments);
	va_end(arguments);
	if (json_push(list->items, item) < 0 || json_add_text(item, "field", field) < 0 || json_add_text(item, "value", value) < 0 ||
		json_add_text(item, "meaning", meaning) < 0)
		list->r = -ENOMEM;
}

static void explain_version(struct list *list, const struct snp_report *report)
{
	static const char *const meanings[] = {[2] = "old: names no CPUID, so the product follows from the certificates alone",
		[3] = "names the CPUID", [4] = "laid out as version 3", [5] = "names the CPUID and the mitigations in force"};

	add(list, "version", report->version >= 2 && report->version <= 5 ? meanings[report->version] : "not a version that this program knows", "%u",
		report->version);
	if (report->has_cpuid)
		add(list, "cpuid", snp_line_name(snp_line_of(report->cpuid_family, report->cpuid_model, report->cpuid_stepping)), "%02xh/%02xh/%u",
			report->cpuid_family, report->cpuid_model, report->cpuid_stepping);
}

static void explain_signer(struct list *list, const struct snp_report *report)
{
	unsigned signer = snp_report_signer(report);
	bool masked = bytes_all_zero(report->chip_id, sizeof(report->chip_id));

	add(list, "signer_info.signing_key",
		signer == SNP_SIGNER_VCEK   ? "VCEK: the key of this one chip"
		: signer == SNP_SIGNER_VLEK ? "VLEK: a key of the provider, shared by its machines"
		: signer == SNP_SIGNER_NONE ? "nobody signed: the host has no key, the report proves nothing"
					    : "reserved: not a value that firmware writes",
		"%u", signer);
	add(list, "signer_info.mask_chip_key", report->key_info & 2 ? "the host forbids the chip's own key" : "the chip's own key may sign", "%u",
		report->key_info >> 1 & 1);
	add(list, "signer_info.author_key_en", report->key_info & 1 ? "author_key_digest is filled" : "no author key", "%u", report->key_info & 1);
	add(list, "chip_id", masked ? "masked: the host does not tell which chip it is" : "names the chip", "%s", masked ? "0" : "set");
	add(list, "vmpl",
		report->vmpl == 0 ? "asked for by the most privileged level (of a plain guest its kernel, on Azure the paravisor)"
				  : "asked for by a less privileged level",
		"%u", report->vmpl);
}

static void explain_bits(struct list *list, const char *word, const struct policy_bit *bits, size_t count, uint64_t value, unsigned version)
{
	for (size_t i = 0; i < count; i++) {
		bool set = value >> bits[i].bit & 1;

		if (version < bits[i].from_version)
			add(list, bits[i].check, "report version too old to tell", "-");
		else
			add(list, bits[i].check, set ? bits[i].set : bits[i].clear, "%d", set);
		value &= ~(UINT64_C(1) << bits[i].bit);
	}
	if (value)
		add(list, word, "bits that this program does not know", "0x%" PRIx64, value);
}

static void explain_policy_bits(struct list *list, const struct snp_report *report)
{
	uint64_t rest = report->policy & ~((UINT64_C(1) << ABI_BITS) - 1);

	add(list, "guest_policy.abi", "lowest firmware interface that the guest accepts", "%u.%u", (unsigned)(report->policy >> 8 & 0xff),
		(unsigned)(report->policy & 0xff));
	if (!(rest & SNP_POLICY_RESERVED_ONE))
		add(list, "guest_policy.reserved", "must be 1: firmware launches no such guest", "0");
	explain_bits(list, "guest_policy.unknown", policy_guest_bits, POLICY_GUEST_BITS, rest & ~(UINT64_C(1) << RESERVED_ONE), report->version);
	explain_bits(list, "platform_info.unknown", policy_platform_bits, POLICY_PLATFORM_BITS, report->platform_info, report->version);
}

static void explain_tcbs(struct list *list, const struct snp_report *report)
{
	static const char *const fields[TCB_FIELDS] = {[TCB_REPORTED] = "what the host reports, and the only one that the certificate proves",
		[TCB_COMMITTED] = "the oldest that the host can go back to", [TCB_CURRENT] = "what runs now", [TCB_LAUNCH] = "what ran when the guest was launched"};
	static const char *const parts[TCB_PARTS] = {[TCB_FMC] = "first mutable code of the secure processor", [TCB_BOOTLOADER] = "its boot loader",
		[TCB_TEE] = "its operating system", [TCB_SNP] = "SNP firmware", [TCB_MICROCODE] = "microcode patch level, low byte; counted per silicon line"};

	for (enum policy_tcb_field field = TCB_REPORTED; field < TCB_FIELDS; field++) {
		const struct snp_tcb *tcb = tcb_of(report, field);
		uint8_t values[TCB_PARTS];
		char name[48];

		tcb_to_parts(tcb, values);
		(void)snprintf(name, sizeof(name), "%s_tcb", policy_tcb_fields[field]);
		add(list, name, fields[field], "%s", snp_tcb_equal(tcb, &report->current_tcb) || field == TCB_CURRENT ? "as current" : "not as current");
		for (size_t part = tcb->has_fmc ? TCB_FMC : TCB_BOOTLOADER; part < TCB_PARTS; part++) {
			(void)snprintf(name, sizeof(name), "%s_tcb.%s", policy_tcb_fields[field], policy_tcb_parts[part]);
			add(list, name, parts[part], "%u", values[part]);
		}
	}
}

static void explain_mitigations(struct list *list, const char *field, bool present, uint64_t vector)
{
	char bits[64] = "";
	size_t used = 0;

	for (unsigned i = 0; i < 64 && used < sizeof(bits) - 8; i++) {
		if (vector >> i & 1)
			used += (size_t)snprintf(bits + used, sizeof(bits) - used, "%s%u", used ? "," : "", i);
	}
	add(list, field, present ? "bits of mitigations in force; verify --advisories knows some" : "report version too old to tell", "%s",
		!present ? "-" : used ? bits : "none");
}

struct json_object *explain_report(const struct snp_report *report)
{
	struct list list = {json_object_new_array(), 0};

	explain_version(&list, report);
	explain_signer(&list, report);
	explain_policy_bits(&list, report);
	explain_tcbs(&list, report);
	explain_mitigations(&list, "launch_mit_vector", report->has_mit_vectors, report->launch_mit_vector);
	explain_mitigations(&list, "current_mit_vector", report->has_mit_vectors, report->current_mit_vector);
	if (list.r == 0)
		return list.items;
	(void)json_object_put(list.items);
	return NULL;
}

static void demand(struct list *list, const char *check, const char *demands)
{
	struct json_object *item = json_object_new_object();

	if (json_push(list->items, item) < 0 || json_add_text(item, "check", check) < 0 || json_add_text(item, "demands", demands) < 0)
		list->r = -ENOMEM;
}

static void demand_bits(struct list *list, const struct policy_bit *bits, const enum policy_tri *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (wanted[i] != POLICY_ANY)
			demand(list, bits[i].check, wanted[i] == POLICY_TRUE ? bits[i].set : bits[i].clear);
	}
}

struct json_object *explain_policy(const struct policy *policy)
{
	struct list list = {json_object_new_array(), 0};

	for (size_t i = 0; i < all_checks_count; i++) {
		const struct check *check = &all_checks[i];

		if (check->eval == check_guest_policy)
			demand_bits(&list, policy_guest_bits, policy->guest_bits, POLICY_GUEST_BITS);
		else if (check->eval == check_platform_info)
			demand_bits(&list, policy_platform_bits, policy->platform_bits, POLICY_PLATFORM_BITS);
		else if (check->stated(policy))
			demand(&list, check->name, check->summary);
	}
	if (list.r == 0)
		return list.items;
	(void)json_object_put(list.items);
	return NULL;
}
