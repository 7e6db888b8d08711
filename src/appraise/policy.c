/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/floors.h"
#include "appraise/policy_fields.h"
#include "appraise/policy_model.h"

static const char *const os_names[] = {
	[POLICY_OS_UNSTATED] = "unstated",
	[POLICY_OS_KERNEL_HASHES] = "kernel-hashes",
	[POLICY_OS_ID_BLOCK] = "id-block",
	[POLICY_OS_PCRS] = "pcrs",
	[POLICY_OS_UNVERIFIED] = "unverified",
};

static void texts_deinit(struct policy_texts *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].text);
	free(list->items);
}

struct policy *policy_free(struct policy *policy)
{
	if (!policy)
		return NULL;
	free(policy->name);
	allow_deinit(&policy->measurement);
	allow_deinit(&policy->host_data);
	allow_deinit(&policy->id_key_digest);
	allow_deinit(&policy->author_key_digest);
	allow_deinit(&policy->family_id);
	allow_deinit(&policy->image_id);
	allow_deinit(&policy->chip_id);
	allow_deinit(&policy->chip_id_denied);
	texts_deinit(&policy->csp_id);
	for (size_t i = 0; i < ARRAY_SIZE(policy->tpm.pcrs); i++)
		allow_deinit(&policy->tpm.pcrs[i]);
	free(policy);
	return NULL;
}

static int read_version(struct policy_reader *reader, struct json_object *value, void *to)
{
	uint64_t number;

	(void)to;
	if (!json_is_u64(value, UINT32_MAX, &number) || number != POLICY_VERSION)
		return policy_error(reader, "must be %d", POLICY_VERSION);
	return 0;
}

static int read_name(struct policy_reader *reader, struct json_object *value, void *to)
{
	const char *text;
	int r;

	r = policy_read_string(reader, value, POLICY_NAME_MAX, &text);
	if (r < 0)
		return r;
	for (const char *at = text; *at; at++) {
		bool good = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || strchr("._-", *at);

		if (!good)
			return policy_error(reader, "may hold letters, digits, '.', '_' and '-' only");
	}
	*(char **)to = strdup(text);
	return *(char **)to ? 0 : -ENOMEM;
}

static int read_os_identity(struct policy_reader *reader, struct json_object *value, void *to)
{
	size_t choice;
	int r;

	r = policy_read_choice(reader, value, os_names + 1, ARRAY_SIZE(os_names) - 1, &choice);
	if (r < 0)
		return r;
	*(enum policy_os *)to = (enum policy_os)(choice + 1);
	return 0;
}

static int read_revocation(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[] = {"off", "if-present", "require"};
	static const enum snp_revocation values[] = {SNP_REVOCATION_OFF, SNP_REVOCATION_IF_PRESENT, SNP_REVOCATION_REQUIRE};
	struct policy *policy = to;
	size_t choice;
	int r;

	r = policy_read_choice(reader, value, names, ARRAY_SIZE(names), &choice);
	if (r < 0)
		return r;
	policy->revocation = values[choice];
	policy->revocation_stated = true;
	return 0;
}

static const struct policy_member policy_members[] = {
	{"version", read_version, 0, MEMBER_REQUIRED},
	{"name", read_name, offsetof(struct policy, name), MEMBER_REQUIRED},
	{"os_identity", read_os_identity, offsetof(struct policy, os_identity), MEMBER_REQUIRED},
	{"snp", policy_read_snp, 0, MEMBER_REQUIRED},
	{"tpm", policy_read_tpm, offsetof(struct policy, tpm), MEMBER_OPTIONAL},
	{"revocation", read_revocation, 0, MEMBER_OPTIONAL},
	{"trust", policy_read_trust, offsetof(struct policy, pins), MEMBER_OPTIONAL},
};

/* What proves the operating system must be stated: a policy that forgot it would admit any. */
static int check_os_identity(struct policy_reader *reader, const struct policy *policy)
{
	switch (policy->os_identity) {
	case POLICY_OS_KERNEL_HASHES:
		if (!policy->measurement.stated)
			return policy_error(reader, "os_identity \"kernel-hashes\" needs snp.measurement");
		return 0;
	case POLICY_OS_ID_BLOCK:
		if (!policy->id_key_digest.stated)
			return policy_error(reader, "os_identity \"id-block\" needs snp.id_key_digest");
		if (!policy->guest_svn_min.stated && !policy->measurement.stated)
			return policy_error(reader,
				"os_identity \"id-block\" needs snp.guest_svn.min or snp.measurement: one key signs old images too");
		return 0;
	case POLICY_OS_PCRS:
		if (!policy->tpm.pcrs_stated)
			return policy_error(reader, "os_identity \"pcrs\" needs tpm.pcrs");
		return 0;
	case POLICY_OS_UNVERIFIED:
		return 0;
	case POLICY_OS_UNSTATED:
		break;
	}
	return policy_error(reader, "must state \"os_identity\"");
}

int policy_read(struct bytes json, struct policy **ret, struct error *error)
{
	struct policy_reader reader = {json, error, {{{NULL, 0}}, 0}};
	JSON_AUTO document = NULL;
	POLICY_AUTO policy = NULL;
	int r;

	if (json.size > POLICY_TEXT_MAX)
		return error_set(error, -E2BIG, "a policy has at most %zu bytes", POLICY_TEXT_MAX);
	r = json_read(json, &document, error);
	if (r < 0)
		return r;
	policy = calloc(1, sizeof(*policy));
	if (!policy)
		return -ENOMEM;
	floors_apply(policy, FLOORS_DEFAULT);
	r = policy_read_object(&reader, document, policy_members, ARRAY_SIZE(policy_members), policy);
	if (r < 0)
		return r;
	r = check_os_identity(&reader, policy);
	if (r < 0)
		return r;
	*ret = policy;
	policy = NULL;
	return 0;
}

const char *policy_name(const struct policy *policy)
{
	return policy->name;
}

const char *policy_os_identity(const struct policy *policy)
{
	return os_names[policy->os_identity];
}

enum snp_revocation policy_revocation(const struct policy *policy, enum snp_revocation otherwise)
{
	return policy->revocation_stated ? policy->revocation : otherwise;
}

const struct snp_pins *policy_pins(const struct policy *policy)
{
	return &policy->pins;
}

bool policy_allows_masked_chip_id(const struct policy *policy)
{
	return policy->masked_chip_id == POLICY_TRUE;
}

bool policy_may_admit_chip(const struct policy *policy, const uint8_t chip_id[static 64], int64_t now)
{
	const struct allow_entry *entry = allow_find(&policy->chip_id_denied, chip_id, 64);

	if (entry && now < entry->not_after)
		return false;
	if (!policy->chip_id.stated)
		return true;
	entry = allow_find(&policy->chip_id, chip_id, 64);
	return entry && now < entry->not_after;
}
