/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCB floors. Parts are numbered per silicon line, not per KDS product: Bergamo's microcode 28 is newer than Genoa's 83. So the signed
 * CPUID chooses the floor, parts are compared one by one, and a line for which no floor is stated is refused.
 *
 * Where the line is not certain the strictest floor of those that it can be decides, part by part, and each of them must be stated: a
 * version 2 report has no CPUID and can be any line of its product; CPUID models A0h..AFh are Bergamo or Siena, where one entry is enough.
 */
#include <stdio.h>
#include <string.h>

#include "appraise/advisories.h"
#include "appraise/check.h"
#include "appraise/lines.h"
#include "base/bytes.h"

/* `ret_missing` names a line without an entry, NULL when all that are needed have one. False: the chip is of no known line. */
static bool floor_of(const struct policy *policy, const struct claims *claims, uint8_t ret_min[static TCB_PARTS], const char **ret_missing)
{
	bool known = false, zen4c_stated = false, zen4c_needed = false;

	memset(ret_min, 0, TCB_PARTS);
	*ret_missing = NULL;
	for (size_t i = 0; i < POLICY_LINES; i++) {
		const struct policy_floor *floor = &policy->floors[i];

		if (!line_may_be(&policy_lines[i], claims))
			continue;
		known = true;
		if (line_is_zen4c(policy_lines[i].line)) {
			zen4c_needed = true;
			zen4c_stated |= floor->stated;
		} else if (!floor->stated && !*ret_missing) {
			*ret_missing = policy_lines[i].name;
		}
		for (size_t part = 0; floor->stated && part < TCB_PARTS; part++) {
			if (floor->min[part] > ret_min[part])
				ret_min[part] = floor->min[part];
		}
	}
	if (zen4c_needed && !zen4c_stated && !*ret_missing)
		*ret_missing = "Bergamo (or Siena)";
	return known;
}

static void fail_line(const struct check *check, const struct claims *claims, struct verdict *verdict, bool known, const char *missing)
{
	if (!known) {
		verdict_fail(verdict, check->name, check->class, "the chip's silicon line is not known, so no floor can be chosen");
		finding_fix(verdict_last(verdict), "use a newer sevattest that knows this chip");
	} else if (!claims->report.has_cpuid) {
		verdict_fail(verdict, check->name, check->class,
			"report version 2 does not name the silicon line, and the policy has no floor for %s, which it may be", missing);
		finding_fix(verdict_last(verdict),
			"state a floor in snp.tcb_min for each line of the product, or let the host update its firmware");
	} else {
		verdict_fail(verdict, check->name, check->class, "the policy has no floor for the silicon line %s", missing);
		finding_fix(verdict_last(verdict), "add \"%s\" to snp.tcb_min, or leave this line out of your fleet", missing);
	}
	finding_expected(verdict_last(verdict), "a floor for the line");
	finding_actual(verdict_last(verdict), "%s", known && missing ? missing : "unknown line");
}

void check_tcb_min(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	uint64_t fields = policy_tcb_field_mask(policy);
	uint8_t min[TCB_PARTS], parts[TCB_PARTS];
	const char *missing;
	bool known = floor_of(policy, claims, min, &missing);

	if (!known || missing) {
		fail_line(check, claims, verdict, known, missing);
		return;
	}
	if (!fields) {
		verdict_fail(verdict, check->name, check->class, "snp.tcb_fields is empty: a check of nothing has not passed");
		return;
	}
	for (enum policy_tcb_field field = TCB_REPORTED; field < TCB_FIELDS; field++) {
		const struct snp_tcb *tcb = tcb_of(&claims->report, field);
		size_t part = tcb_first_below(tcb, min);

		if (!(fields & (UINT64_C(1) << field)) || part == TCB_PARTS)
			continue;
		tcb_to_parts(tcb, parts);
		verdict_fail(verdict, check->name, check->class, "the %s TCB is below the floor%s%s", policy_tcb_fields[field],
			policy->floor_name ? " " : "", policy->floor_name ? policy->floor_name : "");
		finding_expected(verdict_last(verdict), "%s at least %u", policy_tcb_parts[part], min[part]);
		finding_actual(verdict_last(verdict), "%s %u", policy_tcb_parts[part], parts[part]);
		finding_fix(verdict_last(verdict), "%s", tcb_fix(field));
		return;
	}
	verdict_pass(verdict, check->name, check->class);
	if (policy->floor_name)
		finding_expected(verdict_last(verdict), "%s (%s)", policy->floor_name, policy->floor_date);
}

#define ADVISORIES_SHOWN 6 /* that are not fixed; of the rest the number */

void check_advisories(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	CLEANUP(buf_deinit) struct buf names = BUF_NULL;
	const char *known[ADVISORIES_MAX], *fix = "";
	size_t count = advisories_names(known), demanded = 0, open = 0;
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		struct advisory_answer answer;

		if (!((policy->advisories.mask >> i) & 1))
			continue;
		demanded++;
		advisory_judge(advisory_at(i), claims, policy_tcb_field_mask(policy), &answer);
		if (answer.state == ADVISORY_FIXED)
			continue;
		if (open++ < ADVISORIES_SHOWN && r == 0)
			r = buf_printf(&names, "%s%s %s: %s", open > 1 ? "; " : "", known[i], advisory_state_text(answer.state), answer.why);
		fix = *fix ? fix : answer.fix;
	}
	if (!open) {
		verdict_pass(verdict, check->name, check->class);
		finding_actual(verdict_last(verdict), "%zu fixed", demanded);
		return;
	}
	verdict_fail(verdict, check->name, check->class, "%zu of %zu demanded bulletins are not shown to be fixed", open, demanded);
	finding_expected(verdict_last(verdict), "each is fixed (data of %s)", advisories_date());
	if (r == 0 && buf_u8(&names, 0) == 0)
		finding_actual(verdict_last(verdict), "%s", (const char *)names.data);
	if (*fix)
		finding_fix(verdict_last(verdict), "%s", fix);
}
