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

#include "appraise/check.h"

static bool is_zen4c(enum snp_line line)
{
	return line == SNP_LINE_BERGAMO || line == SNP_LINE_SIENA;
}

static bool may_be(const struct policy_line *row, const struct claims *claims)
{
	if (claims->line == SNP_LINE_UNKNOWN)
		return !claims->report.has_cpuid && row->product == claims->product;
	return row->line == claims->line || (is_zen4c(row->line) && is_zen4c(claims->line));
}

/* `ret_missing` names a line without an entry, NULL when all that are needed have one. False: the chip is of no known line. */
static bool floor_of(const struct policy *policy, const struct claims *claims, uint8_t ret_min[static TCB_PARTS], const char **ret_missing)
{
	bool known = false, zen4c_stated = false, zen4c_needed = false;

	memset(ret_min, 0, TCB_PARTS);
	*ret_missing = NULL;
	for (size_t i = 0; i < POLICY_LINES; i++) {
		const struct policy_floor *floor = &policy->floors[i];

		if (!may_be(&policy_lines[i], claims))
			continue;
		known = true;
		if (is_zen4c(policy_lines[i].line)) {
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

static void tcb_parts(const struct snp_tcb *tcb, uint8_t to[static TCB_PARTS])
{
	to[TCB_FMC] = tcb->fmc;
	to[TCB_BOOTLOADER] = tcb->bootloader;
	to[TCB_TEE] = tcb->tee;
	to[TCB_SNP] = tcb->snp;
	to[TCB_MICROCODE] = tcb->microcode;
}

struct tcb_row {
	enum policy_tcb_field field;
	const struct snp_tcb *tcb;
	const char *fix;
};

/* The first part below its floor, or TCB_PARTS. */
static size_t first_below(const struct snp_tcb *tcb, const uint8_t min[static TCB_PARTS])
{
	uint8_t parts[TCB_PARTS];
	size_t i = 0;

	tcb_parts(tcb, parts);
	/* FMC has a meaning on Turin only; a floor for it can only be stated there. */
	while (i < TCB_PARTS && parts[i] >= min[i])
		i++;
	return i;
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
	const struct tcb_row rows[] = {
		{TCB_REPORTED, &claims->report.reported_tcb, "let the host update its firmware and raise REPORTED_TCB"},
		{TCB_COMMITTED, &claims->report.committed_tcb,
			"let the host commit newer firmware: it can go back to what it has committed"},
		{TCB_CURRENT, &claims->report.current_tcb, "let the host update its firmware"},
		{TCB_LAUNCH, &claims->report.launch_tcb, "the guest was launched on older firmware: restart it"},
	};
	uint64_t fields = policy->tcb_fields.stated ? policy->tcb_fields.mask : (1u << TCB_FIELDS) - 1;
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
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t part;

		if (!(fields & (1u << rows[i].field)))
			continue;
		part = first_below(rows[i].tcb, min);
		if (part == TCB_PARTS)
			continue;
		tcb_parts(rows[i].tcb, parts);
		verdict_fail(verdict, check->name, check->class, "the %s TCB is below the floor%s%s", policy_tcb_fields[rows[i].field],
			policy->floor_name ? " " : "", policy->floor_name ? policy->floor_name : "");
		finding_expected(verdict_last(verdict), "%s at least %u", policy_tcb_parts[part], min[part]);
		finding_actual(verdict_last(verdict), "%s %u", policy_tcb_parts[part], parts[part]);
		finding_fix(verdict_last(verdict), "%s", rows[i].fix);
		return;
	}
	verdict_pass(verdict, check->name, check->class);
	if (policy->floor_name)
		finding_expected(verdict_last(verdict), "%s (%s)", policy->floor_name, policy->floor_date);
}
