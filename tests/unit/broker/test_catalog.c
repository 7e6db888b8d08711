/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog: changes, what a restart finds, and what it refuses after the database was tampered with; grants; the audit record of each
 * kind.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "broker/catalog.h"
#include "broker/grants.h"
#include "broker/kbs_ops.h"
#include "rest.h"
#include "scratch.h"

#define NOW 1800000000

static struct rest rest;
static struct catalog *catalog;
static size_t complaints;

static void complain(const char *text)
{
	(void)text;
	complaints++;
}

static struct catalog_parts parts(void)
{
	return (struct catalog_parts){.store = rest.store, .keys = &rest.keys, .state = rest.state, .complain = complain};
}

static int make_key(const char *name, struct secret *ret)
{
	(void)name;
	return secret_random(ret, 40);
}

static int open_catalog(struct error *error)
{
	struct catalog_parts all = parts();

	return catalog_open(&all, &catalog, error);
}

static void setup(void)
{
	struct error error = ERROR_NULL;
	struct catalog_parts all;

	rest_open(&rest);
	complaints = 0;
	all = parts();
	ck_assert_msg(catalog_create(&all, make_key, NOW, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(open_catalog(&error) == 0, "%s", error_text(&error));
}

static void teardown(void)
{
	catalog = catalog_close(catalog);
	rest_close(&rest);
}

/* What a restart of the program sees. */
static int restart(struct error *error)
{
	catalog = catalog_close(catalog);
	rest_reopen(&rest);
	return open_catalog(error);
}

static void put(const char *name, const char *text)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	struct error error = ERROR_NULL;
	uint64_t version;

	ck_assert_int_eq(secret_copy_in(&secret, text, strlen(text)), 0);
	ck_assert_msg(catalog_put_resource(catalog, name, &secret, NOW, NULL, &version, &error) == 0, "%s", error_text(&error));
}

static void put_policy(const char *policy, char digit)
{
	CLEANUP(verdict_deinit) struct verdict warnings = VERDICT_NULL;
	struct error error = ERROR_NULL;
	char measurement[97];
	char text[512];
	uint64_t version;
	char *name;

	memset(measurement, digit, 96);
	measurement[96] = 0;
	(void)snprintf(text, sizeof(text),
		"{\"version\":1,\"name\":\"%s\",\"os_identity\":\"kernel-hashes\",\"snp\":{\"measurement\":[\"%s\"],"
		"\"guest_policy\":{\"debug\":false}}}",
		policy, measurement);
	ck_assert_msg(
		catalog_put_policy(catalog, bytes_of_text(text), NOW, NULL, &name, &version, &warnings, &error) == 0, "%s", error_text(&error));
	ck_assert_str_eq(name, policy);
	free(name);
}

static void put_grant(const char *pattern, const char *policy)
{
	struct error error = ERROR_NULL;

	ck_assert_msg(catalog_put_grant(catalog, &(struct catalog_grant){pattern, &policy, 1, MANIFEST_ENROL_NONE}, NOW, NULL, &error) == 0, "%s", error_text(&error));
}

/* 0 and the text is what is stored. */
static int get(const char *name, const char *expected)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(catalog);
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	uint64_t version;
	int r = catalog_secret(catalog, snapshot, name, &secret, &version);

	if (!r)
		ck_assert(bytes_equal(secret_view(&secret), bytes_of_text(expected)));
	return r;
}

START_TEST(what_was_put_is_there)
{
	struct error error = ERROR_NULL;

	put("a/b/c", "one");
	put("a/b/c", "two");
	put("a/b/d", "three");
	ck_assert_int_eq(get("a/b/c", "two"), 0);
	ck_assert_msg(restart(&error) == 0, "%s", error_text(&error));
	ck_assert_int_eq(get("a/b/c", "two"), 0);
	ck_assert_int_eq(get("a/b/d", "three"), 0);
	ck_assert_int_eq(get("a/b/e", ""), CATALOG_E_ABSENT);
	ck_assert_int_eq(catalog_delete_resource(catalog, "a/b/c", NOW, NULL, NULL), 0);
	ck_assert_int_eq(catalog_delete_resource(catalog, "a/b/c", NOW, NULL, NULL), CATALOG_E_ABSENT);
	ck_assert_int_eq(get("a/b/c", ""), CATALOG_E_ABSENT);
}
END_TEST

START_TEST(names_are_judged)
{
	static const char *const bad[] = {
		"", "a", "a/b", "a/b/c/d", "a//c", "/b/c", "a/b/", ".a/b/c", "a/b/*", "a/b/c d", "a/b/%41", "a/b/\xc3\xa4"};
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	uint64_t version;

	ck_assert_int_eq(secret_copy_in(&secret, "x", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(catalog_put_resource(catalog, bad[i], &secret, NOW, NULL, &version, NULL), CATALOG_E_INVALID);
}
END_TEST

/* An old row cannot come back under a number that was used before. */
START_TEST(versions_are_never_used_twice)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	uint64_t version = 0;

	put("a/b/c", "one");
	ck_assert_int_eq(catalog_delete_resource(catalog, "a/b/c", NOW, NULL, NULL), 0);
	ck_assert_int_eq(restart(NULL), 0);
	ck_assert_int_eq(secret_copy_in(&secret, "x", 1), 0);
	ck_assert_int_eq(catalog_put_resource(catalog, "a/b/c", &secret, NOW, NULL, &version, NULL), 0);
	ck_assert_uint_eq(version, 2);
}
END_TEST

START_TEST(create_refuses_what_is_not_fresh)
{
	struct catalog_parts all = parts();

	ck_assert_int_eq(catalog_create(&all, make_key, NOW, NULL), -EEXIST);
	/* Emptied, but the state file remembers. */
	rest_tamper(&rest, "DELETE FROM item; DELETE FROM manifest");
	ck_assert_int_eq(catalog_create(&all, make_key, NOW, NULL), -EEXIST);
	ck_assert_int_eq(restart(NULL), -EBADMSG);
}
END_TEST

/* Each of these the database does behind our back, while we run and over a restart; each makes the secret unreadable. */
static const struct {
	const char *name;
	const char *sql;
} row_changes[] = {
	{"edited", "UPDATE item SET data = CAST(data || x'00' AS BLOB) WHERE kind = 3 AND name = 'a/b/c'"},
	{"swapped", "UPDATE item SET data = (SELECT data FROM item WHERE kind = 3 AND name = 'a/b/d') WHERE kind = 3 AND name = 'a/b/c'"},
	{"renamed", "DELETE FROM item WHERE name = 'a/b/c'; UPDATE item SET name = 'a/b/c', version = 2 WHERE name = 'a/b/d'"},
	{"removed", "DELETE FROM item WHERE kind = 3 AND name = 'a/b/c'"},
	{"another version", "UPDATE item SET version = 1 WHERE kind = 3 AND name = 'a/b/c'"},
	{"another kind", "UPDATE item SET kind = 2 WHERE kind = 3 AND name = 'a/b/c'"},
};

START_TEST(row_changed)
{
	put("a/b/c", "one");
	put("a/b/c", "two");
	put("a/b/d", "three");
	rest_tamper(&rest, row_changes[_i].sql);
	ck_assert_msg(get("a/b/c", "") == CATALOG_E_DAMAGED, "%s", row_changes[_i].name);
	ck_assert_int_eq(restart(NULL), 0);
	ck_assert_msg(get("a/b/c", "") == CATALOG_E_DAMAGED, "%s", row_changes[_i].name);
}
END_TEST

/* The row of the older version, put back whole, with its genuine seal. */
START_TEST(older_row_put_back)
{
	put("a/b/c", "one");
	rest_tamper(&rest, "INSERT INTO item SELECT 9, name, version, data FROM item WHERE name = 'a/b/c'");
	put("a/b/c", "two");
	rest_tamper(&rest, "UPDATE item SET data = (SELECT data FROM item WHERE kind = 9) WHERE kind = 3 AND name = 'a/b/c'");
	ck_assert_int_eq(get("a/b/c", ""), CATALOG_E_DAMAGED);
}
END_TEST

/* A row that is in no manifest is not there. */
START_TEST(row_added)
{
	put("a/b/c", "one");
	rest_tamper(&rest, "INSERT INTO item SELECT kind, 'a/b/x', version, data FROM item WHERE name = 'a/b/c'");
	ck_assert_int_eq(restart(NULL), 0);
	ck_assert_int_eq(get("a/b/x", ""), CATALOG_E_ABSENT);
}
END_TEST

START_TEST(rolled_back)
{
	struct error error = ERROR_NULL;

	put_policy("prod", 'a');
	put("a/b/c", "one");
	rest_backup(&rest);
	put_grant("a/b/c", "prod");
	ck_assert_int_eq(catalog_delete_grant(catalog, "a/b/c", NULL, NULL), 0);
	catalog = catalog_close(catalog);
	rest_rollback(&rest);
	ck_assert_int_eq(open_catalog(&error), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "rolled back"));
}
END_TEST

/* Killed between the commit and the state file: the newer epoch is taken, and then it is the lowest that is. */
START_TEST(killed_before_the_state_file)
{
	CLEANUP(buf_deinit) struct buf older = BUF_NULL;
	struct state state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/state", rest.folder);
	put("a/b/c", "one");
	ck_assert_int_eq(file_read(path, STATE_SIZE, &older, NULL), 0);
	put("a/b/c", "two");
	ck_assert_int_eq(file_write(path, buf_view(&older), 0600, NULL), 0);
	ck_assert_int_eq(restart(NULL), 0);
	ck_assert_int_eq(get("a/b/c", "two"), 0);
	state_get(rest.state, &state);
	ck_assert_uint_eq(state.epoch, 3);
}
END_TEST

static const char *const manifest_changes[] = {
	"DELETE FROM manifest",
	"UPDATE manifest SET data = zeroblob(length(data))",
	"UPDATE manifest SET data = CAST(substr(data, 1, length(data) - 1) AS BLOB)",
	"UPDATE manifest SET data = x''",
};

START_TEST(manifest_changed)
{
	rest_tamper(&rest, manifest_changes[_i]);
	ck_assert_int_eq(restart(NULL), -EBADMSG);
}
END_TEST

START_TEST(somebody_else_wrote)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	uint64_t version;

	ck_assert_int_eq(secret_copy_in(&secret, "x", 1), 0);
	rest_tamper(&rest, "UPDATE manifest SET epoch = 77");
	ck_assert_int_eq(catalog_put_resource(catalog, "a/b/c", &secret, NOW, NULL, &version, NULL), -EBUSY);
	ck_assert_int_eq(get("a/b/c", ""), CATALOG_E_ABSENT);
}
END_TEST

START_TEST(signing_keys)
{
	CLEANUP(secret_deinit) struct secret token = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret release = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret none = SECRET_NULL;

	ck_assert_int_eq(catalog_key(catalog, "token", &token, NULL), 0);
	ck_assert_int_eq(catalog_key(catalog, "release", &release, NULL), 0);
	ck_assert(!bytes_equal(secret_view(&token), secret_view(&release)));
	ck_assert_int_lt(catalog_key(catalog, "other", &none, NULL), 0);
	rest_tamper(&rest,
		"UPDATE item SET data = (SELECT data FROM item WHERE kind = 1 AND name = 'token') WHERE kind = 1 AND name = 'release'");
	ck_assert_int_eq(catalog_key(catalog, "release", &none, NULL), -EBADMSG);
}
END_TEST

START_TEST(policies_and_their_history)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	SNAPSHOT_AUTO before = NULL;
	SNAPSHOT_AUTO after = NULL;
	uint64_t version;

	put_policy("prod", 'a');
	before = catalog_snapshot(catalog);
	put_policy("prod", 'b');
	ck_assert_int_eq(restart(NULL), 0);
	after = catalog_snapshot(catalog);
	ck_assert_uint_eq(snapshot_policy(before, "prod")->version, 1);
	ck_assert_uint_eq(snapshot_policy(after, "prod")->version, 2);
	ck_assert_int_eq(catalog_policy_text(catalog, "prod", 1, &text, &version, NULL), 0);
	ck_assert_ptr_nonnull(memchr(text.data, 'a', text.size));
	ck_assert_int_eq(catalog_delete_policy(catalog, "prod", NOW, NULL, NULL), 0);
	ck_assert_int_eq(catalog_policy_text(catalog, "prod", 0, &text, &version, NULL), CATALOG_E_ABSENT);
	ck_assert_int_eq(catalog_policy_text(catalog, "prod", 2, &text, &version, NULL), 0);
	put_policy("prod", 'c');
	ck_assert_int_eq(catalog_policy_text(catalog, "prod", 0, &text, &version, NULL), 0);
	ck_assert_uint_eq(version, 4); /* the deletion was 3 */
}
END_TEST

START_TEST(policy_in_use)
{
	const char *const nothing = "nothing";

	put_policy("prod", 'a');
	ck_assert_int_eq(catalog_put_grant(catalog, &(struct catalog_grant){"a/b/c", &nothing, 1, MANIFEST_ENROL_NONE}, NOW, NULL, NULL), CATALOG_E_ABSENT);
	put_grant("a/b/c", "prod");
	ck_assert_int_eq(catalog_delete_policy(catalog, "prod", NOW, NULL, NULL), CATALOG_E_IN_USE);
	ck_assert_int_eq(catalog_delete_grant(catalog, "a/b/c", NULL, NULL), 0);
	ck_assert_int_eq(catalog_delete_grant(catalog, "a/b/c", NULL, NULL), CATALOG_E_ABSENT);
	ck_assert_int_eq(catalog_delete_policy(catalog, "prod", NOW, NULL, NULL), 0);
	ck_assert_int_eq(catalog_delete_policy(catalog, "prod", NOW, NULL, NULL), CATALOG_E_ABSENT);
}
END_TEST

/* A policy whose row was edited proves nothing; the others go on. */
START_TEST(policy_edited)
{
	SNAPSHOT_AUTO snapshot = NULL;

	put_policy("prod", 'a');
	put_policy("test", 'b');
	rest_tamper(
		&rest, "UPDATE item SET data = CAST(replace(CAST(data AS TEXT), 'aaaa', 'cccc') AS BLOB) WHERE kind = 2 AND name = 'prod'");
	ck_assert_int_eq(restart(NULL), 0);
	ck_assert_uint_eq(complaints, 1);
	snapshot = catalog_snapshot(catalog);
	ck_assert_ptr_null(snapshot_policy(snapshot, "prod"));
	ck_assert_ptr_nonnull(snapshot_policy(snapshot, "test"));
}
END_TEST

static const struct {
	const char *resource;
	bool exact; /* covered by a grant of a/b/c to "one" */
	bool wide;  /* and of a/b/<star> to "two" */
} coverage[] = {
	{"a/b/c", true, true},
	{"a/b/d", false, true},
	{"a/b/cc", false, true},
	{"a/c/c", false, false},
	{"aa/b/c", false, false},
	{"a/bb/c", false, false},
	{"a/b/*", false, false},
	{"a/b/", false, false},
	{"a/b", false, false},
	{"", false, false},
	{"A/b/c", false, false},
	{"a/b/c/d", false, false},
	{"a/b/.c", false, false},
	{"x/a/b/c", false, false},
};

START_TEST(grants_cover)
{
	SNAPSHOT_AUTO snapshot = NULL;
	const char *resource = coverage[_i].resource;

	put_policy("one", 'a');
	put_policy("two", 'b');
	put_grant("a/b/c", "one");
	put_grant("a/b/*", "two");
	ck_assert_int_eq(restart(NULL), 0);
	snapshot = catalog_snapshot(catalog);
	ck_assert_msg(grants_allow(&snapshot->manifest, resource, "one") == coverage[_i].exact, "%s: exact", resource);
	ck_assert_msg(grants_allow(&snapshot->manifest, resource, "two") == coverage[_i].wide, "%s: wide", resource);
	ck_assert(!grants_allow(&snapshot->manifest, resource, "three"));
}
END_TEST

static const char *const bad_patterns[] = {
	"*", "*/*/*", "a/*", "a/*/c", "*/b/c", "a/b/c*", "a/b/*c", "a/b/**", "a/b", "/a/b/*", "a/b/*/", "a/b/.", ""};

START_TEST(patterns_are_judged)
{
	const char *const prod = "prod";

	put_policy("prod", 'a');
	ck_assert_int_eq(catalog_put_grant(catalog, &(struct catalog_grant){bad_patterns[_i], &prod, 1, MANIFEST_ENROL_NONE}, NOW, NULL, NULL), CATALOG_E_INVALID);
}
END_TEST

START_TEST(no_grant_no_answer)
{
	struct live live = {.store = rest.store, .catalog = catalog};
	struct kbs_ops_context context = {.live = &live};
	struct kbs_grant grant;

	put("a/b/c", "one");
	kbs_ops_begin(&context);
	ck_assert_int_eq(kbs_ops.grant(&context, "a/b/c", &grant), KBS_OP_NONE);
	kbs_ops_end(&context);
	put_policy("prod", 'a');
	put_policy("test", 'b');
	put_grant("a/b/c", "prod");
	put_grant("a/b/*", "test");
	put_policy("prod", 'c');
	kbs_ops_begin(&context);
	ck_assert_int_eq(kbs_ops.grant(&context, "a/b/c", &grant), 0);
	ck_assert_uint_eq(grant.policy_count, 2);
	ck_assert_str_eq(grant.policies[0].name, "prod");
	ck_assert_uint_eq(grant.policies[0].version, 2);
	ck_assert_int_eq(kbs_ops.grant(&context, "a/b/d", &grant), 0);
	ck_assert_uint_eq(grant.policy_count, 1);
	kbs_ops_deinit(&context);
}
END_TEST

static void check_record(const struct kbs_ops_context *context, const char *event, const char *member, bool there)
{
	JSON_AUTO record = NULL;

	ck_assert_int_eq(json_read(buf_view(&context->record), &record, NULL), 0);
	ck_assert_str_eq(json_get_text(record, "event", NULL), event);
	ck_assert((json_get(record, member) != NULL) == there);
}

START_TEST(records_of_each_kind)
{
	struct live live = {.store = rest.store, .catalog = catalog};
	struct kbs_ops_context context = {.live = &live};
	struct kbs_audit audit = {.kind = KBS_AUDIT_RELEASE,
		.tee = KBS_TEE_SNP,
		.resource = "a/b/c",
		.version = 3,
		.policy = "prod",
		.policy_version = 2,
		.nonce = "n",
		.reason = "",
		.peer = bytes_of_text("\033[31mpeer"),
		.now = NOW};

	kbs_ops_begin(&context);
	ck_assert_int_eq(kbs_ops.audit(&context, &audit), 0);
	check_record(&context, "release", "policy_version", true);
	ck_assert_ptr_null(memchr(context.record.data, 033, context.record.size));
	/* One request, one record: an answer cannot hide a second release. */
	ck_assert_int_eq(kbs_ops.audit(&context, &audit), -EALREADY);
	kbs_ops_deinit(&context);
	audit.kind = KBS_AUDIT_DENIED;
	audit.reason = "PolicyDeny";
	kbs_ops_begin(&context);
	ck_assert_int_eq(kbs_ops.audit(&context, &audit), 0);
	check_record(&context, "denied", "reason", true);
	check_record(&context, "denied", "policy", false);
	kbs_ops_deinit(&context);
	audit.kind = KBS_AUDIT_REFUSED;
	audit.resource = NULL;
	kbs_ops_begin(&context);
	ck_assert_int_eq(kbs_ops.audit(&context, &audit), 0);
	check_record(&context, "refused", "resource", false);
	kbs_ops_deinit(&context);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catalog");
	TCase *tests = tcase_create("catalog");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_was_put_is_there);
	tcase_add_test(tests, names_are_judged);
	tcase_add_test(tests, versions_are_never_used_twice);
	tcase_add_test(tests, create_refuses_what_is_not_fresh);
	tcase_add_loop_test(tests, row_changed, 0, (int)ARRAY_SIZE(row_changes));
	tcase_add_test(tests, older_row_put_back);
	tcase_add_test(tests, row_added);
	tcase_add_test(tests, rolled_back);
	tcase_add_test(tests, killed_before_the_state_file);
	tcase_add_loop_test(tests, manifest_changed, 0, (int)ARRAY_SIZE(manifest_changes));
	tcase_add_test(tests, somebody_else_wrote);
	tcase_add_test(tests, signing_keys);
	tcase_add_test(tests, policies_and_their_history);
	tcase_add_test(tests, policy_in_use);
	tcase_add_test(tests, policy_edited);
	tcase_add_loop_test(tests, grants_cover, 0, (int)ARRAY_SIZE(coverage));
	tcase_add_loop_test(tests, patterns_are_judged, 0, (int)ARRAY_SIZE(bad_patterns));
	tcase_add_test(tests, no_grant_no_answer);
	tcase_add_test(tests, records_of_each_kind);
	suite_add_tcase(suite, tests);
	scratch_begin();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
