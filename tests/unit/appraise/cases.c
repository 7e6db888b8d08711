/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"

static void read_or_die(const char *folder, const char *name, struct buf *ret)
{
	struct error error = ERROR_NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_msg(file_read(path, (size_t)4 << 20, ret, &error) == 0, "%s", error_text(&error));
}

struct json_object *cases_read(void)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *rows = NULL;

	read_or_die(getenv("SEVATTEST_TEST_FOLDER"), "checks.json", &text);
	ck_assert_msg(json_read(buf_view(&text), &rows, &error) == 0, "%s", error_text(&error));
	return rows;
}

void cases_claims(struct json_object *row, struct claims *claims)
{
	CLEANUP(buf_deinit) struct buf report = BUF_NULL;
	const char *csp_id = json_get_text(row, "csp_id", NULL);

	read_or_die(getenv("SEVATTEST_VECTORS"), json_get_text(row, "report", NULL), &report);
	memset(claims, 0, sizeof(*claims));
	ck_assert_int_eq(snp_report_decode(buf_view(&report), &claims->report), 0);
	claims->signer = snp_report_signer(&claims->report);
	claims->product = claims->report.has_cpuid ? claims->report.product : SNP_MILAN; /* the cases' version 2 reports are Milan's */
	if (claims->report.has_cpuid)
		claims->line = snp_line_of(claims->report.cpuid_family, claims->report.cpuid_model, claims->report.cpuid_stepping);
	claims->now = CASES_NOW;
	if (csp_id)
		(void)snprintf(claims->csp_id, sizeof(claims->csp_id), "%s", csp_id);
}

struct policy *cases_policy(struct json_object *row)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct policy *policy = NULL;

	ck_assert_int_eq(json_write(&text, json_get_object(row, "policy")), 0);
	ck_assert_msg(policy_read(buf_view(&text), &policy, &error) == 0, "%s: %s", json_get_text(row, "name", NULL), error_text(&error));
	return policy;
}

const char *cases_first_failed(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->items[i].class == FINDING_POLICY && verdict->items[i].state != FINDING_PASSED)
			return verdict->items[i].check;
	return NULL;
}
