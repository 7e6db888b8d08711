/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_broker.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwk.h"

static int take(int *result)
{
	int r = *result;

	*result = 0;
	return r;
}

static int fake_appraise(void *context, const struct kbs_appraise_input *input, struct kbs_appraised *ret)
{
	struct fake_broker *fake = context;
	char *wanted = base64_new(BASE64_STD, bytes_of(input->report_data, KBS_HASH_SIZE));
	const char *given = json_get_text(input->primary_evidence, "report_data", NULL);
	bool fits = given && wanted && strcmp(given, wanted) == 0;
	int r = take(&fake->appraise_result);

	free(wanted);
	fake->appraised++;
	fake->event_log_size = input->event_log.size;
	if (r) {
		ret->retry_after = 17;
		return r;
	}
	ret->genuine = fits || !fake->check_report_data;
	memset(ret->chip_id, 0xc1, sizeof(ret->chip_id));
	memset(ret->measurement, 0x33, sizeof(ret->measurement));
	if (!ret->genuine) {
		(void)snprintf(ret->failed_checks, sizeof(ret->failed_checks), "report_data");
		return 0;
	}
	for (size_t i = 0; i < FAKE_MAX && fake->policies[i].name; i++) {
		struct kbs_policy_ref *passed = &ret->passed[ret->passed_count];

		if (fake->policies[i].fails)
			continue;
		(void)snprintf(passed->name, sizeof(passed->name), "%s", fake->policies[i].name);
		passed->version = fake->policies[i].version;
		ret->passed_count++;
	}
	if (ret->passed_count == 0)
		(void)snprintf(ret->failed_checks, sizeof(ret->failed_checks), "measurement, tcb_min");
	return 0;
}

static uint64_t version_of(const struct fake_broker *fake, const char *policy)
{
	for (size_t i = 0; i < FAKE_MAX && fake->policies[i].name; i++) {
		if (strcmp(fake->policies[i].name, policy) == 0)
			return fake->policies[i].version;
	}
	return 0;
}

static int fake_grant(void *context, const char *resource, struct kbs_grant *ret)
{
	struct fake_broker *fake = context;
	int r = take(&fake->grant_result);
	bool covered = false;

	if (r)
		return r;
	for (size_t i = 0; i < FAKE_MAX && fake->grants[i].pattern; i++) {
		if (!kbs_resource_matches(fake->grants[i].pattern, resource))
			continue;
		covered = true;
		/* As in brokerd: a policy that does not load is left out. */
		if (version_of(fake, fake->grants[i].policy) == 0)
			continue;
		(void)snprintf(ret->policies[ret->policy_count].name, KBS_POLICY_NAME_MAX, "%s", fake->grants[i].policy);
		ret->policies[ret->policy_count].version = version_of(fake, fake->grants[i].policy);
		ret->enrol[ret->policy_count] = fake->grants[i].enrol;
		ret->policy_count++;
	}
	return covered ? 0 : KBS_OP_NONE;
}

static int fake_fetch(void *context, const char *resource, struct kbs_resource_value *ret)
{
	struct fake_broker *fake = context;
	int r = take(&fake->fetch_result);

	fake->fetched++;
	if (r)
		return r;
	for (size_t i = 0; i < FAKE_MAX && fake->resources[i].name; i++) {
		const char *secret = fake->resources[i].secret;

		if (strcmp(fake->resources[i].name, resource) != 0)
			continue;
		ret->version = fake->resources[i].version;
		return secret_copy_in(&ret->secret, secret, strlen(secret));
	}
	return KBS_OP_NONE;
}

static int fake_audit(void *context, const struct kbs_audit *record)
{
	struct fake_broker *fake = context;
	int r = take(&fake->audit_result);

	if (r)
		return r;
	fake->audited++;
	fake->last_kind = record->kind;
	fake->last_version = record->version;
	(void)snprintf(fake->last_resource, sizeof(fake->last_resource), "%s", record->resource ? record->resource : "");
	(void)snprintf(fake->last_policy, sizeof(fake->last_policy), "%s", record->policy ? record->policy : "");
	(void)snprintf(fake->last_reason, sizeof(fake->last_reason), "%s", record->reason);
	memcpy(fake->last_chip, record->chip_id, sizeof(fake->last_chip));
	ck_assert_ptr_nonnull(record->measurement);
	ck_assert_uint_gt(strlen(record->nonce), 0);
	ck_assert_uint_gt(strlen(record->guest_key), 0);
	return 0;
}

static int fake_enrol_state(void *context, const char *resource, struct kbs_enrol_state *ret)
{
	struct fake_broker *fake = context;

	ck_assert(kbs_resource_valid(bytes_of_text(resource)));
	*ret = fake->state;
	return take(&fake->enrol_state_result);
}

static int fake_enrol(void *context, const struct kbs_enrol_input *input, struct kbs_registered *ret)
{
	struct fake_broker *fake = context;
	int r = take(&fake->enrol_result);

	(void)snprintf(input->reason, KBS_CHECKS_TEXT_MAX, "the reason");
	if (r)
		return r;
	ck_assert_uint_eq(input->state, fake->state.state);
	ck_assert_uint_gt(input->text.size, 0);
	ck_assert_str_eq(input->record->resource, input->enrolment->resource);
	fake->enrolled++;
	fake->enrol_level = input->level;
	(void)snprintf(fake->enrolled_disk, sizeof(fake->enrolled_disk), "%.*s", (int)input->enrolment->disk.size,
		(const char *)input->enrolment->disk.data);
	(void)snprintf(fake->enrolled_policy, sizeof(fake->enrolled_policy), "%s", input->record->policy);
	memcpy(fake->enrolled_fingerprint, input->record->fingerprint, SHA256_SIZE);
	*ret = (struct kbs_registered){.accepted = input->level == KBS_ENROL_ACCEPT};
	if (ret->accepted) {
		ret->version = ++fake->state.version;
		fake->state.state++;
	} else {
		ret->id = 77;
	}
	return 0;
}

const struct kbs_server_ops fake_ops = {
	.appraise = fake_appraise,
	.grant = fake_grant,
	.fetch = fake_fetch,
	.audit = fake_audit,
	.enrol_state = fake_enrol_state,
	.enrol = fake_enrol,
};

void fake_broker_init(struct fake_broker *fake, bool signs)
{
	struct kbs_server_config config = {.ops = &fake_ops, .context = fake};

	memset(fake, 0, sizeof(*fake));
	fake->policies[0] = (struct fake_policy){"web", 3, false};
	fake->grants[0] = (struct fake_grant){"default/key/*", "web", KBS_ENROL_NONE};
	fake->resources[0] = (struct fake_resource){"default/key/one", "the secret of default/key/one", 5};
	fake->check_report_data = true;
	memset(fake->kek, 0x5a, sizeof(fake->kek));
	ck_assert_int_eq(jwk_generate_signer(&fake->token_key), 0);
	if (signs)
		ck_assert_int_eq(jwk_generate_signer(&fake->release_key), 0);
	config.kek = bytes_of(fake->kek, sizeof(fake->kek));
	config.token_key = fake->token_key;
	config.release_key = fake->release_key;
	ck_assert_int_eq(kbs_server_new(&config, &fake->server), 0);
}

void fake_broker_enrols(struct fake_broker *fake, struct bytes kek_previous)
{
	struct kbs_server_config config = {
		.ops = &fake_ops,
		.context = fake,
		.kek = bytes_of(fake->kek, sizeof(fake->kek)),
		.kek_previous = kek_previous,
		.token_key = fake->token_key,
		.release_key = fake->release_key,
	};

	if (!fake->enrol_key)
		ck_assert_int_eq(jwk_generate(JWK_P256, 0, &fake->enrol_key), 0);
	config.enrol_key = fake->enrol_key;
	fake->server = kbs_server_free(fake->server);
	ck_assert_int_eq(kbs_server_new(&config, &fake->server), 0);
}

void fake_broker_deinit(struct fake_broker *fake)
{
	fake->enrol_key = jwk_free(fake->enrol_key);
	fake->server = kbs_server_free(fake->server);
	fake->token_key = jwk_free(fake->token_key);
	fake->release_key = jwk_free(fake->release_key);
}

void fake_evidence(struct buf *to, const uint8_t *report_data)
{
	char *text = base64_new(BASE64_STD, bytes_of(report_data, KBS_HASH_SIZE));

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(buf_printf(to, "{\"svn\":\"1\",\"report_data\":\"%s\"}", text), 0);
	free(text);
}
