/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/check.h"

/* One predicate per row: `stated_x` is whether the policy says anything about x. */
#define STATED(name, expression)                                 \
	static bool stated_##name(const struct policy *policy)   \
	{                                                        \
		return expression;                               \
	}

STATED(products, policy->products.stated)
STATED(signer, policy->signer.stated)
STATED(csp_id, policy->csp_id.stated)
STATED(vmpl, policy->vmpl_max.stated)
STATED(chip_id, policy->chip_id.stated)
STATED(chip_id_denied, policy->chip_id_denied.stated)
STATED(masked_chip_id, policy->masked_chip_id != POLICY_TRUE)
STATED(measurement, policy->measurement.stated)
STATED(host_data, policy->host_data.stated)
STATED(id_key_digest, policy->id_key_digest.stated)
STATED(author_key_digest, policy->author_key_digest.stated)
STATED(family_id, policy->family_id.stated)
STATED(image_id, policy->image_id.stated)
STATED(guest_svn, policy->guest_svn_min.stated)
STATED(always, policy != NULL)
STATED(abi_min, policy->abi_min.stated)
STATED(firmware_min, policy->firmware_min.stated)
STATED(provisional, policy->provisional_firmware == POLICY_FALSE)
STATED(mitigations_launch, policy->mitigations_launch.stated)
STATED(mitigations_current, policy->mitigations_current.stated)
STATED(advisories, policy->advisories.stated && policy->advisories.mask)
STATED(pcrs, policy->tpm.pcrs_stated)
STATED(event_log, policy->tpm.event_log == EVENT_LOG_REQUIRE || policy->tpm.event_log == EVENT_LOG_IF_PRESENT)
STATED(secure_boot, policy->tpm.secure_boot != POLICY_ANY)
STATED(azure_secure_boot, policy->tpm.azure_secure_boot != POLICY_ANY)
STATED(azure_console, policy->tpm.azure_console_enabled != POLICY_ANY)

const struct check all_checks[] = {
	{"products", "the chip's product", FINDING_POLICY, stated_products, check_products},
	{"signer", "VCEK (one chip) or VLEK (a provider's fleet) signed", FINDING_POLICY, stated_signer, check_signer},
	{"csp_id", "the provider that a VLEK belongs to", FINDING_POLICY, stated_csp_id, check_csp_id},
	{"vmpl", "privilege level that asked for the report", FINDING_POLICY, stated_vmpl, check_vmpl},
	{"masked_chip_id", "the chip shows its identity", FINDING_POLICY, stated_masked_chip_id, check_masked_chip_id},
	{"chip_id", "the chip", FINDING_POLICY, stated_chip_id, check_chip_id},
	{"chip_id_denied", "the chip is not on the deny list", FINDING_POLICY, stated_chip_id_denied, check_chip_id_denied},
	{"measurement", "launch digest", FINDING_POLICY, stated_measurement, check_measurement},
	{"host_data", "data that the host bound at launch", FINDING_POLICY, stated_host_data, check_host_data},
	{"id_key_digest", "key that signed the ID block", FINDING_POLICY, stated_id_key_digest, check_id_key_digest},
	{"author_key_digest", "key that signed the ID key", FINDING_POLICY, stated_author_key_digest, check_author_key_digest},
	{"family_id", "family id of the ID block", FINDING_POLICY, stated_family_id, check_family_id},
	{"image_id", "image id of the ID block", FINDING_POLICY, stated_image_id, check_image_id},
	{"guest_svn", "security version of the ID block", FINDING_POLICY, stated_guest_svn, check_guest_svn},
	{"guest_policy", "bits of the guest policy", FINDING_POLICY, stated_always, check_guest_policy},
	{"guest_policy.abi_min", "lowest firmware ABI that the guest accepts", FINDING_POLICY, stated_abi_min, check_abi_min},
	{"platform_info", "state of the platform", FINDING_POLICY, stated_always, check_platform_info},
	{"tcb_min", "firmware is not older than the floor", FINDING_POLICY, stated_always, check_tcb_min},
	{"mitigations.launch", "mitigations in force at launch", FINDING_POLICY, stated_mitigations_launch, check_mitigations_launch},
	{"mitigations.current", "mitigations in force now", FINDING_POLICY, stated_mitigations_current, check_mitigations_current},
	{"firmware_min", "SNP firmware version", FINDING_POLICY, stated_firmware_min, check_firmware_min},
	{"provisional_firmware", "the running firmware is committed", FINDING_POLICY, stated_provisional, check_provisional},
	{"advisories", "AMD bulletins that must be fixed", FINDING_POLICY, stated_advisories, check_advisories},
	{"tpm.pcrs", "PCR values of a quote", FINDING_POLICY, stated_pcrs, check_pcrs},
	{"tpm.event_log", "replay of the event log", FINDING_POLICY, stated_event_log, check_unsupported},
	{"tpm.secure_boot", "Secure Boot as the event log tells it", FINDING_POLICY, stated_secure_boot, check_unsupported},
	{"tpm.azure.secure-boot", "Secure Boot as Azure's claims tell it", FINDING_POLICY, stated_azure_secure_boot, check_unsupported},
	{"tpm.azure.console-enabled", "the console as Azure's claims tell it", FINDING_POLICY, stated_azure_console, check_unsupported},
};

const size_t all_checks_count = ARRAY_SIZE(all_checks);
