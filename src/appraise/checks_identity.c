/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of who and what: chip, signer, image. */
#include <string.h>

#include "appraise/check.h"
#include "base/text.h"

static const char *plural(size_t count)
{
	return count == 1 ? "entry" : "entries";
}

/* An allow-list against a field: empty allows nothing, an entry counts until its not_after. */
static void check_list(const struct check *check, const struct allow_list *list, const uint8_t *value, size_t size,
	const struct claims *claims, struct verdict *verdict, const char *fix)
{
	const struct allow_entry *entry = allow_find(list, value, size);
	char hex[2 * ALLOW_WIDTH_MAX + 1], until[32];
	struct finding *finding;

	hex_encode(hex, value, size);
	if (entry && claims->now < entry->not_after) {
		finding = verdict_add(verdict, check->name, check->class, FINDING_PASSED);
		finding_actual(finding, "%s", hex);
		if (entry->label)
			finding_expected(finding, "%s", entry->label);
		return;
	}
	finding = verdict_add(verdict, check->name, check->class, FINDING_FAILED);
	finding_expected(finding, "one of %zu %s of the policy", list->count, plural(list->count));
	finding_actual(finding, "%s", hex);
	if (entry) {
		time_format(until, entry->not_after);
		finding_why(finding, "the policy admitted this value until %s only", until);
	} else if (list->count == 0) {
		finding_why(finding, "the policy's list is empty, and an empty list allows nothing");
	} else {
		finding_why(finding, "the policy does not list this value");
	}
	finding_fix(finding, "%s", fix);
}

void check_products(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	if (claims->product != SNP_PRODUCT_UNKNOWN && (policy->products.mask & (UINT64_C(1) << claims->product))) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(verdict, check->name, check->class, "the policy does not admit this product");
		finding_expected(verdict_last(verdict), "a product of snp.products");
		finding_fix(verdict_last(verdict), "run the guest on an admitted product, or add it to snp.products");
	}
	finding_actual(verdict_last(verdict), "%s", snp_product_name(claims->product));
}

static const char *signer_name(enum snp_signer signer)
{
	return signer == SNP_SIGNER_VCEK ? "vcek" : signer == SNP_SIGNER_VLEK ? "vlek" : "unknown";
}

void check_signer(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	bool known = claims->signer == SNP_SIGNER_VCEK || claims->signer == SNP_SIGNER_VLEK;

	if (known && (policy->signer.mask & (UINT64_C(1) << claims->signer))) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(verdict, check->name, check->class, "the policy does not admit reports of this signer");
		finding_expected(verdict_last(verdict), "a signer of snp.signer");
		finding_fix(verdict_last(verdict), "ask the provider for hosts with the other key, or add it to snp.signer");
	}
	finding_actual(verdict_last(verdict), "%s", signer_name(claims->signer));
}

void check_csp_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	char shown[SNP_VEK_TEXT_MAX];

	if (claims->signer == SNP_SIGNER_VCEK) {
		/* A VCEK names a chip, not a provider: a policy that lists providers must also say that it admits chips. */
		if (policy->signer.stated && (policy->signer.mask & (UINT64_C(1) << SNP_SIGNER_VCEK))) {
			verdict_pass(verdict, check->name, check->class);
			finding_actual(verdict_last(verdict), "none: a VCEK signed, which snp.signer admits");
			return;
		}
		verdict_fail(verdict, check->name, check->class, "a VCEK signed the report, and a VCEK names no provider");
		finding_fix(verdict_last(verdict), "list \"vcek\" in snp.signer if chips without a provider are meant to pass");
		return;
	}
	text_printable(shown, sizeof(shown), bytes_of_text(claims->csp_id));
	for (size_t i = 0; claims->csp_id[0] && i < policy->csp_id.count; i++) {
		if (strcmp(policy->csp_id.items[i].text, claims->csp_id) != 0)
			continue;
		verdict_pass(verdict, check->name, check->class);
		finding_actual(verdict_last(verdict), "%s", shown);
		return;
	}
	verdict_fail(verdict, check->name, check->class, "the policy does not list this provider");
	finding_expected(verdict_last(verdict), "one of %zu %s of the policy", policy->csp_id.count, plural(policy->csp_id.count));
	finding_actual(verdict_last(verdict), "%s", shown);
	finding_fix(verdict_last(verdict), "compare region and provider with snp.csp_id: the match is exact");
}

void check_vmpl(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	if (claims->report.vmpl <= policy->vmpl_max.value) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(
			verdict, check->name, check->class, "the report was asked for at a less privileged level than the policy admits");
		finding_expected(verdict_last(verdict), "at most %u", policy->vmpl_max.value);
		finding_fix(verdict_last(verdict),
			"ask for the report at the lower VMPL, or raise snp.vmpl.max if an SVSM runs below the guest");
	}
	finding_actual(verdict_last(verdict), "%u", claims->report.vmpl);
}

void check_masked_chip_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	(void)policy;
	/* With a VLEK the chip is not named at all, and zero is legal. */
	if (claims->signer == SNP_SIGNER_VLEK || !bytes_all_zero(claims->report.chip_id, sizeof(claims->report.chip_id))) {
		verdict_pass(verdict, check->name, check->class);
		return;
	}
	verdict_fail(verdict, check->name, check->class, "the host hides the chip's identity (MASK_CHIP_ID)");
	finding_expected(verdict_last(verdict), "a chip id");
	finding_actual(verdict_last(verdict), "all zero");
	finding_fix(verdict_last(verdict), "let the host clear MASK_CHIP_ID in SNP_CONFIG");
}

void check_chip_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	if (claims->signer == SNP_SIGNER_VLEK) {
		/* Nothing but the signature of a VCEK proves CHIP_ID: all hosts of a provider share one VLEK. */
		verdict_fail(verdict, check->name, check->class, "a VLEK signed the report, and a VLEK proves no chip");
		finding_fix(verdict_last(verdict), "use hosts that sign with their VCEK (AWS: Dedicated Hosts), or pin snp.csp_id instead");
		return;
	}
	check_list(check, &policy->chip_id, claims->report.chip_id, sizeof(claims->report.chip_id), claims, verdict,
		"run the guest on a listed machine, or add this chip to snp.chip_id after you have made sure that it is yours");
}

void check_chip_id_denied(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	const struct allow_entry *entry = allow_find(&policy->chip_id_denied, claims->report.chip_id, sizeof(claims->report.chip_id));
	char hex[2 * sizeof(claims->report.chip_id) + 1];

	/* A chip that hides may be any of them. */
	if (policy->chip_id_denied.count > 0 && bytes_all_zero(claims->report.chip_id, sizeof(claims->report.chip_id))) {
		verdict_fail(verdict, check->name, check->class,
			"the host hides the chip's identity (MASK_CHIP_ID), so nothing proves that it is none of the chips that the policy denies");
		finding_expected(verdict_last(verdict), "a chip id");
		finding_actual(verdict_last(verdict), "all zero");
		finding_fix(verdict_last(verdict), "let the host clear MASK_CHIP_ID in SNP_CONFIG, or leave snp.chip_id_denied out");
		return;
	}
	if (!entry || claims->now >= entry->not_after) {
		verdict_pass(verdict, check->name, check->class);
		return;
	}
	hex_encode(hex, claims->report.chip_id, sizeof(claims->report.chip_id));
	verdict_fail(verdict, check->name, check->class, "this chip is on the policy's deny list%s%s", entry->label ? ": " : "",
		entry->label ? entry->label : "");
	finding_expected(verdict_last(verdict), "none of %zu %s of the policy", policy->chip_id_denied.count, plural(policy->chip_id_denied.count));
	finding_actual(verdict_last(verdict), "%s", hex);
	finding_fix(verdict_last(verdict), "move the guest to another machine");
}

void check_measurement(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_list(check, &policy->measurement, claims->report.measurement, sizeof(claims->report.measurement), claims, verdict,
		"boot the image that was measured, or add this value to snp.measurement after you have recomputed it from your own build");
}

void check_host_data(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_list(check, &policy->host_data, claims->report.host_data, sizeof(claims->report.host_data), claims, verdict,
		"launch the guest with the expected host data, or add this value to snp.host_data");
}

void check_id_key_digest(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_list(check, &policy->id_key_digest, claims->report.id_key_digest, sizeof(claims->report.id_key_digest), claims, verdict,
		"launch the guest with an ID block of a listed key, or add this digest to snp.id_key_digest");
}

void check_author_key_digest(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_list(check, &policy->author_key_digest, claims->report.author_key_digest, sizeof(claims->report.author_key_digest), claims,
		verdict, "launch the guest with an ID block of a listed author, or add this digest to snp.author_key_digest");
}

void check_family_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_list(check, &policy->family_id, claims->report.family_id, sizeof(claims->report.family_id), claims, verdict,
		"launch the guest with an ID block of a listed family, or add this id to snp.family_id");
}

void check_image_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_list(check, &policy->image_id, claims->report.image_id, sizeof(claims->report.image_id), claims, verdict,
		"launch the guest with an ID block of a listed image, or add this id to snp.image_id");
}

void check_guest_svn(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	if (claims->report.guest_svn >= policy->guest_svn_min.value) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(verdict, check->name, check->class, "the image is older than the policy admits");
		finding_expected(verdict_last(verdict), "at least %u", policy->guest_svn_min.value);
		finding_fix(verdict_last(verdict), "boot an image whose ID block has a newer GUEST_SVN");
	}
	finding_actual(verdict_last(verdict), "%u", claims->report.guest_svn);
}
