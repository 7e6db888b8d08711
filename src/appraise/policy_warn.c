/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy proves less than its author may think. Each warning says what can happen and what to write instead. */
#include <stdio.h>

#include "appraise/policy_model.h"

static void warn(struct verdict *verdict, const char *check, const char *why, const char *fix)
{
	verdict_fail(verdict, check, FINDING_ADVICE, "%s", why);
	finding_fix(verdict_last(verdict), "%s", fix);
}

static void warn_os_identity(const struct policy *policy, struct verdict *verdict)
{
	if (policy->os_identity == POLICY_OS_UNVERIFIED) {
		warn(verdict, "warning.os_identity",
			"\"unverified\": nothing proves which operating system runs. On AWS and GCP any tenant's VM of this size has the "
			"same "
			"measurement, and the host can swap your boot disk",
			"use a host with kernel hashes, an ID block or Azure's vTPM, and state os_identity accordingly");
	}
	if (policy->os_identity == POLICY_OS_UNVERIFIED && policy->measurement.stated) {
		warn(verdict, "warning.measurement",
			"snp.measurement covers the firmware alone here: any disk boots under a measured ordinary OVMF",
			"start the guest with kernel-hashes=on, list measurements of firmware, kernel, initrd and command line, and state "
			"os_identity \"kernel-hashes\"");
	}
}

static void warn_id_block(const struct policy *policy, struct verdict *verdict)
{
	bool keyed = policy->id_key_digest.stated || policy->author_key_digest.stated;

	if (policy->guest_svn_min.stated && !keyed) {
		warn(verdict, "warning.guest_svn",
			"guest_svn without a key digest: whoever launches the guest chooses it, with an ID block of his own",
			"list id_key_digest (or author_key_digest)");
	}
	if (policy->family_id.stated && !keyed) {
		warn(verdict, "warning.family_id",
			"family_id without a key digest: whoever launches the guest chooses it, with an ID block of his own",
			"list id_key_digest (or author_key_digest)");
	}
	if (policy->image_id.stated && !keyed) {
		warn(verdict, "warning.image_id",
			"image_id without a key digest: whoever launches the guest chooses it, with an ID block of his own",
			"list id_key_digest (or author_key_digest)");
	}
}

static void warn_chips(const struct policy *policy, struct verdict *verdict)
{
	bool milan = !policy->products.stated || (policy->products.mask & (UINT64_C(1) << SNP_MILAN));

	if (milan && !policy->chip_id.stated) {
		warn(verdict, "warning.chip_id",
			"Milan is admitted without chip_id: the root seed of a Milan chip can be extracted (arXiv 2605.12990), and one "
			"exploited "
			"chip anywhere can attest anything",
			"list the chip_id of the machines that you use, or leave Milan out of products");
	}
}

static void warn_pcrs(const struct policy *policy, struct verdict *verdict)
{
	/* 0..3: firmware and its options, changed by the host's updates; 5: boot attempts and partition table; 8, 9: GRUB's commands and files. */
	static const unsigned pcrs[] = {0, 1, 2, 3, 5, 8, 9, 10};
	char list[64] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pcrs); i++) {
		int n;

		if (!policy->tpm.pcrs[pcrs[i]].stated)
			continue;
		n = snprintf(list + used, sizeof(list) - used, "%s%u", used ? ", " : "", pcrs[i]);
		used += n > 0 ? (size_t)n : 0;
	}
	if (!used)
		return;
	verdict_fail(verdict, "warning.pcrs", FINDING_ADVICE,
		"volatile PCRs (%s): a firmware update of the host, a new boot entry or a new file changes them and locks the guest out",
		list);
	finding_fix(verdict_last(verdict), "prefer PCRs 4, 7 and 11 with a unified kernel image");
}

void policy_warnings(const struct policy *policy, struct verdict *verdict)
{
	warn_os_identity(policy, verdict);
	warn_id_block(policy, verdict);
	warn_chips(policy, verdict);
	warn_pcrs(policy, verdict);
}
