/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another policy admits. Each row adds one thing to a policy that demands nothing else, or changes it; read the other way round it has to
 * have the opposite effect. Both must name the member, and nothing else.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "appraise/policy_diff.h"

#define TOP "{\"version\":1,\"name\":\"t\",\"os_identity\":\"unverified\"%s,\"snp\":{\"guest_policy\":{\"debug\":false%s}%s}%s}"
#define M1 "\"111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111\""
#define M2 "\"222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222\""
#define H1 "\"1111111111111111111111111111111111111111111111111111111111111111\""
#define H2 "\"2222222222222222222222222222222222222222222222222222222222222222\""
#define I1 "\"11111111111111111111111111111111\""
#define I2 "\"22222222222222222222222222222222\""
#define C1 "\"11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111\""
#define C2 "\"22222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222\""

/* Where a piece of text goes. */
enum place { AT_TOP, IN_GUEST_POLICY, IN_SNP, BEHIND };

static const struct row {
	enum place place;
	const char *a, *b, *member;
	enum policy_effect effect;
} rows[] = {
	{IN_SNP, "", ",\"measurement\":[" M1 "]", "snp.measurement", POLICY_STRICTER},
	{IN_SNP, ",\"measurement\":[" M1 "," M2 "]", ",\"measurement\":[" M2 "]", "snp.measurement", POLICY_STRICTER},
	{IN_SNP, ",\"measurement\":[{\"value\":" M1 ",\"not_after\":\"2027-01-01T00:00:00Z\"}]", ",\"measurement\":[" M1 "]", "snp.measurement",
		POLICY_LOOSER},
	{IN_SNP, ",\"host_data\":[" H1 "," H2 "]", ",\"host_data\":[" H1 "]", "snp.host_data", POLICY_STRICTER},
	{IN_SNP, "", ",\"id_key_digest\":[" M1 "]", "snp.id_key_digest", POLICY_STRICTER},
	{IN_SNP, "", ",\"author_key_digest\":[" M1 "]", "snp.author_key_digest", POLICY_STRICTER},
	{IN_SNP, "", ",\"family_id\":[" I1 "]", "snp.family_id", POLICY_STRICTER},
	{IN_SNP, ",\"image_id\":[" I1 "," I2 "]", ",\"image_id\":[" I2 "]", "snp.image_id", POLICY_STRICTER},
	{IN_SNP, "", ",\"chip_id\":[" C1 "]", "snp.chip_id", POLICY_STRICTER},
	{IN_SNP, "", ",\"chip_id_denied\":[" C1 "]", "snp.chip_id_denied", POLICY_STRICTER},
	{IN_SNP, ",\"chip_id_denied\":[" C1 "]", ",\"chip_id_denied\":[" C1 "," C2 "]", "snp.chip_id_denied", POLICY_STRICTER},
	{IN_SNP, "", ",\"csp_id\":[\"a\"]", "snp.csp_id", POLICY_STRICTER},
	{IN_SNP, ",\"csp_id\":[\"a\",\"b\"]", ",\"csp_id\":[\"b\"]", "snp.csp_id", POLICY_STRICTER},
	{IN_SNP, "", ",\"products\":[\"Genoa\"]", "snp.products", POLICY_STRICTER},
	{IN_SNP, ",\"products\":[\"Genoa\"]", ",\"products\":[\"Turin\"]", "snp.products", POLICY_DIFFERENT},
	{IN_SNP, "", ",\"signer\":[\"vcek\"]", "snp.signer", POLICY_STRICTER},
	{IN_SNP, "", ",\"masked_chip_id\":true", "snp.masked_chip_id", POLICY_LOOSER},
	{IN_SNP, "", ",\"guest_svn\":{\"min\":2}", "snp.guest_svn.min", POLICY_STRICTER},
	{IN_SNP, ",\"guest_svn\":{\"min\":2}", ",\"guest_svn\":{\"min\":3}", "snp.guest_svn.min", POLICY_STRICTER},
	{IN_SNP, ",\"vmpl\":{\"max\":1}", ",\"vmpl\":{\"max\":3}", "snp.vmpl.max", POLICY_LOOSER},
	{IN_GUEST_POLICY, "", ",\"smt\":false", "snp.guest_policy.smt", POLICY_STRICTER},
	{IN_GUEST_POLICY, ",\"smt\":true", ",\"smt\":false", "snp.guest_policy.smt", POLICY_DIFFERENT},
	{IN_GUEST_POLICY, ",\"abi_min\":\"1.51\"", ",\"abi_min\":\"1.52\"", "snp.guest_policy.abi_min", POLICY_STRICTER},
	{IN_SNP, "", ",\"platform_info\":{\"ecc\":true}", "snp.platform_info.ecc", POLICY_STRICTER},
	{IN_SNP, ",\"tcb_min\":{\"Milan\":{}}", ",\"tcb_min\":{}", "snp.tcb_min.Milan", POLICY_STRICTER},
	{IN_SNP, ",\"tcb_min\":{\"Turin\":{\"fmc\":1}}", ",\"tcb_min\":{\"Turin\":{\"fmc\":2}}", "snp.tcb_min.Turin.fmc", POLICY_STRICTER},
	{IN_SNP, "", ",\"tcb_fields\":[\"reported\"]", "snp.tcb_fields", POLICY_LOOSER},
	{IN_SNP, "", ",\"mitigations\":{\"launch\":[1]}", "snp.mitigations.launch", POLICY_STRICTER},
	{IN_SNP, "", ",\"mitigations\":{\"current\":[1,2]}", "snp.mitigations.current", POLICY_STRICTER},
	{IN_SNP, "", ",\"firmware_min\":\"1.55.29\"", "snp.firmware_min", POLICY_STRICTER},
	{IN_SNP, ",\"firmware_min\":\"1.55.29\"", ",\"firmware_min\":\"1.55.28\"", "snp.firmware_min", POLICY_LOOSER},
	{IN_SNP, "", ",\"provisional_firmware\":false", "snp.provisional_firmware", POLICY_STRICTER},
	{BEHIND, "", ",\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{\"4\":[" H1 "]}}", "tpm.pcrs.4", POLICY_STRICTER},
	{BEHIND, "", ",\"tpm\":{\"event_log\":\"require\"}", "tpm.event_log", POLICY_STRICTER},
	{BEHIND, ",\"tpm\":{\"event_log\":\"if-present\"}", ",\"tpm\":{\"event_log\":\"off\"}", "tpm.event_log", POLICY_LOOSER},
	{BEHIND, "", ",\"tpm\":{\"secure_boot\":true}", "tpm.secure_boot", POLICY_STRICTER},
	{BEHIND, "", ",\"tpm\":{\"azure\":{\"secure-boot\":true}}", "tpm.azure.secure-boot", POLICY_STRICTER},
	{BEHIND, "", ",\"tpm\":{\"azure\":{\"console-enabled\":false}}", "tpm.azure.console-enabled", POLICY_STRICTER},
	{BEHIND, "", ",\"revocation\":\"require\"", "revocation", POLICY_STRICTER},
	{BEHIND, ",\"revocation\":\"off\"", ",\"revocation\":\"if-present\"", "revocation", POLICY_STRICTER},
	{BEHIND, "", ",\"trust\":[{\"spki_sha256\":" H1 "}]", "trust", POLICY_LOOSER},
};

static struct policy *policy_of(enum place place, const char *piece)
{
	const char *pieces[4] = {"", "", "", ""};
	struct error error = ERROR_NULL;
	struct policy *policy = NULL;
	char text[4096];

	pieces[place] = piece;
	(void)snprintf(text, sizeof(text), TOP, pieces[AT_TOP], pieces[IN_GUEST_POLICY], pieces[IN_SNP], pieces[BEHIND]);
	ck_assert_msg(policy_read(bytes_of_text(text), &policy, &error) == 0, "%s: %s", text, error_text(&error));
	return policy;
}

struct seen {
	size_t count;
	char member[64];
	enum policy_effect effect;
};

static int emit(void *context, const struct policy_change *change)
{
	struct seen *seen = context;

	seen->count++;
	(void)snprintf(seen->member, sizeof(seen->member), "%s", change->member);
	seen->effect = change->effect;
	ck_assert(change->before[0] && change->after[0]);
	return 0;
}

static struct seen between(const struct policy *a, const struct policy *b)
{
	struct seen seen = {0};

	ck_assert_int_eq(policy_diff(a, b, emit, &seen), 0);
	return seen;
}

START_TEST(one_thing)
{
	const struct row *row = &rows[_i];
	POLICY_AUTO a = policy_of(row->place, row->a);
	POLICY_AUTO b = policy_of(row->place, row->b);
	struct seen there = between(a, b), back = between(b, a);

	ck_assert_msg(there.count == 1 && back.count == 1, "%s: %zu changes, %zu back", row->member, there.count, back.count);
	ck_assert_str_eq(there.member, row->member);
	ck_assert_str_eq(back.member, row->member);
	ck_assert_msg(there.effect == row->effect, "%s: %s", row->member, policy_effect_name(there.effect));
	ck_assert_msg((there.effect == POLICY_DIFFERENT) == (back.effect == POLICY_DIFFERENT) && (there.effect != back.effect || there.effect == POLICY_DIFFERENT),
		"%s: %s both ways", row->member, policy_effect_name(there.effect));
	ck_assert_uint_eq(between(a, a).count + between(b, b).count, 0);
}
END_TEST

/* Order, repetition and a label mean nothing; an empty deny list denies as little as none. */
START_TEST(same_meaning)
{
	static const char *const pairs[][2] = {
		{",\"measurement\":[" M1 "," M2 "]", ",\"measurement\":[" M2 ",{\"value\":" M1 ",\"label\":\"x\"}," M2 "]"},
		{"", ",\"chip_id_denied\":[]"}, {"", ",\"masked_chip_id\":false"}, {"", ",\"provisional_firmware\":true"}};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		POLICY_AUTO a = policy_of(IN_SNP, pairs[i][0]);
		POLICY_AUTO b = policy_of(IN_SNP, pairs[i][1]);

		ck_assert_msg(between(a, b).count == 0, "pair %zu: %s", i, between(a, b).member);
	}
}
END_TEST

static int stop(void *context, const struct policy_change *change)
{
	(void)change;
	++*(size_t *)context;
	return -7;
}

START_TEST(stops)
{
	POLICY_AUTO a = policy_of(IN_SNP, "");
	POLICY_AUTO b = policy_of(IN_SNP, ",\"signer\":[],\"products\":[],\"csp_id\":[]");
	size_t calls = 0;

	ck_assert_int_eq(policy_diff(a, b, stop, &calls), -7);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diff");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(all, one_thing, 0, (int)ARRAY_SIZE(rows));
	tcase_add_test(all, same_meaning);
	tcase_add_test(all, stops);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
