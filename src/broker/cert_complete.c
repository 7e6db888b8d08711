/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cert_complete.h"

#include <errno.h>

#include "appraise/policy.h"
#include "base/text.h"

/* A version 2 report does not tell its product; these two have such firmware. */
static const enum snp_product version2[] = {SNP_MILAN, SNP_GENOA};

static bool any_policy_admits(const struct cert_need *need, const struct snp_report *report)
{
	for (size_t i = 0; i < need->snapshot->policy_count; i++)
		if (need->snapshot->granted[i] && policy_may_admit_chip(need->snapshot->policies[i]->policy, report->chip_id, need->now))
			return true;
	return false;
}

static bool any_policy_requires_crl(const struct cert_need *need)
{
	for (size_t i = 0; i < need->snapshot->policy_count; i++)
		if (need->snapshot->granted[i] &&
			policy_revocation(need->snapshot->policies[i]->policy, SNP_REVOCATION_IF_PRESENT) == SNP_REVOCATION_REQUIRE)
			return true;
	return false;
}

/* The sooner of two times to come again. */
static void sooner(struct cert_completed *completed, unsigned seconds)
{
	if (completed->retry_after == 0 || seconds < completed->retry_after)
		completed->retry_after = seconds;
}

static int from_cache(const struct cert_need *need, const struct kds_object *vcek, struct cert_set **certs, struct cert_completed *completed)
{
	struct cert_set *with_chip;
	int r = cert_set_with_chip(need->config, *certs, vcek, &with_chip);

	if (r)
		return r;
	(void)cert_set_unref(*certs);
	*certs = with_chip;
	completed->vcek = *vcek;
	completed->cached = true;
	completed->product = vcek->product;
	return 0;
}

static int complete_vcek(const struct cert_need *need, const struct snp_report *report, struct cert_set **certs, struct cert_completed *completed)
{
	const enum snp_product *products = report->product == SNP_PRODUCT_UNKNOWN ? version2 : &report->product;
	size_t count = report->product == SNP_PRODUCT_UNKNOWN ? ARRAY_SIZE(version2) : 1;
	struct kds_object object;
	unsigned seconds;

	for (size_t i = 0; i < count; i++)
		if (kds_object_of_report(report, products[i], &object) == 0 && from_cache(need, &object, certs, completed) == 0)
			return 0;
	completed->missing = true;
	if (!any_policy_admits(need, report))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (kds_object_of_report(report, products[i], &object) == 0 && cert_fetch_want(need->fetch, &object, &seconds))
			sooner(completed, seconds);
	return completed->retry_after ? -EAGAIN : 0;
}

static bool table_has_chain(struct bytes table)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	bool ask = false, ark = false;
	size_t count;

	if (snp_table_is_empty(table) || snp_table_read(table, entries, &count, NULL))
		return false;
	for (size_t i = 0; i < count; i++) {
		ask = ask || entries[i].kind == SNP_TABLE_ASK;
		ark = ark || entries[i].kind == SNP_TABLE_ARK;
	}
	return ask && ark;
}

static int complete_product(const struct cert_need *need, const struct evidence *evidence, const struct cert_set *certs,
	struct cert_completed *completed)
{
	const struct kds_object chain = kds_object_chain(completed->product, completed->signer);
	const struct kds_object crl = kds_object_crl(completed->product, completed->signer);
	unsigned seconds;

	cert_fetch_note(need->fetch, completed->product, completed->signer);
	if (!cert_set_has_chain(certs, completed->product, completed->signer) && !table_has_chain(buf_view(&evidence->cert_table)) &&
		cert_fetch_want(need->fetch, &chain, &seconds))
		sooner(completed, seconds);
	if (any_policy_requires_crl(need) && !certs->has_crl[completed->product] && cert_fetch_want(need->fetch, &crl, &seconds))
		sooner(completed, seconds);
	return completed->retry_after ? -EAGAIN : 0;
}

int cert_complete(const struct cert_need *need, const struct evidence *evidence, struct cert_set **certs, struct cert_completed *ret)
{
	struct snp_report report;
	int r = 0;

	*ret = (struct cert_completed){.product = SNP_PRODUCT_UNKNOWN};
	if (snp_report_decode(buf_view(&evidence->report), &report))
		return 0;
	ret->product = report.product;
	ret->signer = snp_report_signer(&report) == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	if (ret->signer == SNP_SIGNER_VCEK && snp_table_is_empty(buf_view(&evidence->cert_table)))
		r = complete_vcek(need, &report, certs, ret);
	/* Nobody is asked about what no policy would take. */
	if (!r && ret->product != SNP_PRODUCT_UNKNOWN && any_policy_admits(need, &report))
		r = complete_product(need, evidence, *certs, ret);
	return r;
}

bool cert_blame_cache(const struct cert_need *need, const struct verdict *verdict, struct cert_completed *completed)
{
	static const char *const prefixes[] = {"cert.", "chain.", "vek.", "report.signature"};
	const struct finding *first = verdict_first_failed(verdict);
	bool certificates = false;
	unsigned seconds;

	for (size_t i = 0; first && i < ARRAY_SIZE(prefixes); i++)
		certificates = certificates || text_starts_with(first->check, prefixes[i]);
	if (!certificates || !completed->cached || !cert_fetch_replace(need->fetch, &completed->vcek, &seconds))
		return false;
	sooner(completed, seconds);
	return true;
}
