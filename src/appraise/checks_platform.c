/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of how the guest may run and on what: policy and platform bits, mitigations, firmware version. */
#include "appraise/check.h"

/* One finding per bit that the policy states. */
static void check_bits(const struct check *check, const struct policy_bit *bits, const enum policy_tri *wanted, size_t count,
	uint64_t value, const struct claims *claims, struct verdict *verdict, const char *fix)
{
	for (size_t i = 0; i < count; i++) {
		bool set = (value >> bits[i].bit) & 1;
		struct finding *finding;

		if (wanted[i] == POLICY_ANY)
			continue;
		if (claims->report.version < bits[i].from_version) {
			verdict_fail(verdict, bits[i].check, check->class, "not provable: report version %u does not tell, version %u does",
				claims->report.version, bits[i].from_version);
			finding_fix(verdict_last(verdict), "update the host's SNP firmware, or set this member to null");
			continue;
		}
		finding = verdict_add(
			verdict, bits[i].check, check->class, set == (wanted[i] == POLICY_TRUE) ? FINDING_PASSED : FINDING_FAILED);
		finding_actual(finding, "%s", set ? bits[i].set : bits[i].clear);
		if (set == (wanted[i] == POLICY_TRUE))
			continue;
		finding_expected(finding, "%s", set ? bits[i].clear : bits[i].set);
		finding_why(finding, "bit %u is %d, the policy demands %d", bits[i].bit, set, !set);
		finding_fix(finding, "%s", fix);
	}
}

void check_guest_policy(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_bits(check, policy_guest_bits, policy->guest_bits, POLICY_GUEST_BITS, claims->report.policy, claims, verdict,
		"launch the guest with the guest policy that you demand: it is fixed at launch");
}

void check_platform_info(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_bits(check, policy_platform_bits, policy->platform_bits, POLICY_PLATFORM_BITS, claims->report.platform_info, claims, verdict,
		"change the host's firmware setup or use another host: the guest cannot change this");
}

void check_abi_min(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	unsigned major = (claims->report.policy >> 8) & 0xff, minor = claims->report.policy & 0xff;

	if ((major << 8 | minor) >= ((unsigned)policy->abi_min.major << 8 | policy->abi_min.minor)) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(verdict, check->name, check->class, "the guest accepts older firmware than the policy admits");
		finding_expected(verdict_last(verdict), "at least %u.%u", policy->abi_min.major, policy->abi_min.minor);
		finding_fix(verdict_last(verdict), "launch the guest with a higher ABI version in its guest policy");
	}
	finding_actual(verdict_last(verdict), "%u.%u", major, minor);
}

static unsigned long version_number(unsigned major, unsigned minor, unsigned build)
{
	return (unsigned long)major << 16 | (unsigned long)minor << 8 | build;
}

void check_firmware_min(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	const struct policy_version *min = &policy->firmware_min;
	const struct snp_version *have = &claims->report.committed;

	/* COMMITTED, because the host can go back to it at any time. */
	if (version_number(have->major, have->minor, have->build) >= version_number(min->major, min->minor, min->build)) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(
			verdict, check->name, check->class, "the host can return to SNP firmware that is older than the policy admits");
		finding_expected(verdict_last(verdict), "at least %u.%u.%u", min->major, min->minor, min->build);
		finding_fix(verdict_last(verdict), "let the host install and commit newer SNP firmware");
	}
	finding_actual(verdict_last(verdict), "%u.%u.%u", have->major, have->minor, have->build);
}

static bool tcb_equal(const struct snp_tcb *a, const struct snp_tcb *b)
{
	return a->fmc == b->fmc && a->bootloader == b->bootloader && a->tee == b->tee && a->snp == b->snp && a->microcode == b->microcode;
}

void check_provisional(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	const struct snp_version *current = &claims->report.current, *committed = &claims->report.committed;
	bool version = current->major == committed->major && current->minor == committed->minor && current->build == committed->build;

	(void)policy;
	if (version && tcb_equal(&claims->report.current_tcb, &claims->report.committed_tcb)) {
		verdict_pass(verdict, check->name, check->class);
		return;
	}
	verdict_fail(
		verdict, check->name, check->class, "the running firmware is provisional: the host has not committed it and can go back");
	finding_expected(verdict_last(verdict), "committed %u.%u.%u", current->major, current->minor, current->build);
	finding_actual(verdict_last(verdict), "committed %u.%u.%u", committed->major, committed->minor, committed->build);
	finding_fix(
		verdict_last(verdict), "let the host commit its firmware, or set snp.provisional_firmware to true (clouds often run so)");
}

static void check_mitigations(
	const struct check *check, uint64_t wanted, uint64_t have, const struct claims *claims, struct verdict *verdict, const char *fix)
{
	if (!claims->report.has_mit_vectors) {
		verdict_fail(verdict, check->name, check->class,
			"not provable: report version %u carries no mitigation vector, version 5 does", claims->report.version);
		finding_fix(verdict_last(verdict), "update the host's SNP firmware, or leave this member out");
		return;
	}
	if ((wanted & ~have) == 0) {
		verdict_pass(verdict, check->name, check->class);
	} else {
		verdict_fail(verdict, check->name, check->class, "a demanded mitigation is not in force");
		finding_expected(verdict_last(verdict), "all of 0x%llx", (unsigned long long)wanted);
		finding_fix(verdict_last(verdict), "%s", fix);
	}
	finding_actual(verdict_last(verdict), "0x%llx", (unsigned long long)have);
}

void check_mitigations_launch(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_mitigations(check, policy->mitigations_launch.mask, claims->report.launch_mit_vector, claims, verdict,
		"restart the guest on a host whose firmware has the mitigation");
}

void check_mitigations_current(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	check_mitigations(check, policy->mitigations_current.mask, claims->report.current_mit_vector, claims, verdict,
		"let the host update its firmware");
}
