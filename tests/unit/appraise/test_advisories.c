/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD's bulletins: every silicon line of every bulletin of conf/advisories.json, at its numbers, one below in each part of each of the four TCBs
 * alone, and with each bit alone taken away. The expectation comes from the data file, read here anew.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/advisories.h"
#include "appraise/appraise.h"
#include "base/files.h"

#define ALL_FIELDS ((UINT64_C(1) << TCB_FIELDS) - 1)

static size_t judged;

static struct json_object *read_data(void)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *data = NULL;
	const char *path = getenv("SEVATTEST_ADVISORIES");

	ck_assert_ptr_nonnull(path);
	ck_assert_msg(file_read(path, (size_t)1 << 20, &text, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(json_read(buf_view(&text), &data, &error) == 0, "%s", error_text(&error));
	return data;
}

static struct snp_tcb *tcb(struct claims *claims, size_t field)
{
	struct snp_tcb *const all[TCB_FIELDS] = {&claims->report.reported_tcb, &claims->report.committed_tcb, &claims->report.current_tcb, &claims->report.launch_tcb};

	return all[field];
}

static uint8_t *part(struct snp_tcb *of, size_t index)
{
	uint8_t *const all[TCB_PARTS] = {&of->fmc, &of->bootloader, &of->tee, &of->snp, &of->microcode};

	return all[index];
}

static uint64_t number(struct json_object *object, const char *member)
{
	uint64_t value = 0;

	ck_assert(json_get_u64(object, member, 255, &value));
	return value;
}

/* A chip that shows exactly what the line's entry demands, and all zeros where it demands nothing. */
static void at_the_floor(struct json_object *demands, const struct policy_line *line, struct claims *claims)
{
	struct json_object *bits;

	*claims = (struct claims){.product = line->product, .line = line->line};
	claims->report.version = 5;
	claims->report.has_cpuid = claims->report.has_mit_vectors = true;
	for (size_t i = 0; i < TCB_PARTS; i++) {
		struct json_object *floor = json_get_object(demands, policy_tcb_parts[i]);

		for (size_t field = 0; floor && field < TCB_FIELDS; field++)
			*part(tcb(claims, field), i) = (uint8_t)number(floor, "value");
	}
	if (json_get_object(json_get_object(demands, "platform_info"), "alias_check_complete"))
		claims->report.platform_info = UINT64_C(1) << 5;
	bits = json_get_object(demands, "mitigations");
	if (bits) {
		json_object_object_foreach (bits, bit, unused) {
			(void)unused;
			claims->report.current_mit_vector |= UINT64_C(1) << strtoul(bit, NULL, 10);
		}
	}
	claims->report.launch_mit_vector = claims->report.current_mit_vector;
}

static void expect(const struct advisory *advisory, const struct claims *claims, uint64_t fields, enum advisory_state state, const char *what)
{
	struct advisory_answer answer;

	advisory_judge(advisory, claims, fields, &answer);
	ck_assert_msg(answer.state == state, "%s, line %d, %s: %s (%s), expected %s", advisory->name, (int)claims->line, what,
		advisory_state_text(answer.state), answer.why, advisory_state_text(state));
	ck_assert_msg((answer.why[0] == '\0') == (state == ADVISORY_FIXED), "%s: %s: \"%s\"", advisory->name, what, answer.why);
	judged++;
}

static void each_part_alone(const struct advisory *advisory, struct json_object *demands, const struct claims *good, enum advisory_state met,
	enum advisory_state unmet)
{
	for (size_t i = 0; i < TCB_PARTS; i++) {
		if (!json_get_object(demands, policy_tcb_parts[i]))
			continue;
		for (size_t field = 0; field < TCB_FIELDS; field++) {
			struct claims claims = *good;

			*part(tcb(&claims, field), i) -= 1;
			expect(advisory, &claims, ALL_FIELDS, unmet, policy_tcb_parts[i]);
			expect(advisory, &claims, UINT64_C(1) << field, unmet, policy_tcb_parts[i]);
			expect(advisory, &claims, ALL_FIELDS & ~(UINT64_C(1) << field), met, "the TCB that is not looked at");
			*part(tcb(&claims, field), i) = 255;
			expect(advisory, &claims, ALL_FIELDS, met, "one part newer");
		}
	}
}

static void each_bit_alone(const struct advisory *advisory, struct json_object *demands, const struct claims *good, enum advisory_state unmet)
{
	struct json_object *bits = json_get_object(demands, "mitigations");
	struct claims claims = *good;

	if (json_get_object(demands, "platform_info")) {
		claims.report.platform_info = ~(UINT64_C(1) << 5);
		expect(advisory, &claims, ALL_FIELDS, unmet, "alias check");
		claims = *good;
		claims.report.version = 2;
		expect(advisory, &claims, ALL_FIELDS, ADVISORY_NOT_PROVABLE, "version 2");
	}
	if (!bits)
		return;
	claims = *good;
	claims.report.version = 4;
	claims.report.has_mit_vectors = false;
	expect(advisory, &claims, ALL_FIELDS, ADVISORY_NOT_PROVABLE, "no vectors");
	json_object_object_foreach (bits, bit, unused) {
		uint64_t without = ~(UINT64_C(1) << strtoul(bit, NULL, 10));

		(void)unused;
		claims = *good;
		claims.report.current_mit_vector = without;
		expect(advisory, &claims, ALL_FIELDS, unmet, "current vector");
		claims = *good;
		claims.report.launch_mit_vector = without;
		expect(advisory, &claims, ALL_FIELDS, unmet, "launch vector");
	}
}

static bool flag(struct json_object *object, const char *member)
{
	bool value = true;

	return !json_get_bool(object, member, &value) || value;
}

static void check_line(const struct advisory *advisory, struct json_object *entry, size_t index)
{
	const struct policy_line *line = &policy_lines[index];
	struct json_object *demands = json_get_object(json_get_object(entry, "lines"), line->name);
	enum advisory_state met = flag(entry, "sufficient") ? ADVISORY_FIXED : ADVISORY_NOT_PROVABLE;
	enum advisory_state unmet = flag(entry, "necessary") ? ADVISORY_NOT_FIXED : ADVISORY_NOT_PROVABLE;
	struct claims claims;

	at_the_floor(demands, line, &claims);
	if (!demands) {
		expect(advisory, &claims, ALL_FIELDS, ADVISORY_NOT_PROVABLE, "missing line");
		memset(&claims.report.reported_tcb, 255, sizeof(claims.report.reported_tcb));
		expect(advisory, &claims, ALL_FIELDS, ADVISORY_NOT_PROVABLE, "missing line, new firmware");
		return;
	}
	expect(advisory, &claims, ALL_FIELDS, met, "at the floor");
	expect(advisory, &claims, 0, ADVISORY_NOT_PROVABLE, "no TCB looked at");
	each_part_alone(advisory, demands, &claims, met, unmet);
	each_bit_alone(advisory, demands, &claims, unmet);
}

START_TEST(lines_and_bulletins)
{
	JSON_AUTO data = read_data();
	struct json_object *all = json_get_object(data, "advisories");
	const char *names[ADVISORIES_MAX];
	size_t count = advisories_names(names);

	ck_assert_str_eq(json_get_text(data, "date", NULL), advisories_date());
	ck_assert_uint_eq((size_t)json_object_object_length(all), count);
	ck_assert_uint_ge(count, 16);
	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_get_object(all, names[i]);

		ck_assert_msg(entry != NULL, "%s is not in the data file", names[i]);
		for (size_t line = 0; line < POLICY_LINES; line++)
			check_line(advisory_at(i), entry, line);
	}
	printf("%zu bulletins, %d lines, %zu judgements\n", count, POLICY_LINES, judged);
}
END_TEST

/* Numbers by hand, so that a slip in the data file or in its reader shows. */
START_TEST(by_hand)
{
	static const struct {
		const char *name;
		enum snp_line line;
		enum snp_product product;
		uint8_t snp, microcode;
		enum advisory_state state;
	} rows[] = {
		{"AMD-SB-3019", SNP_LINE_MILAN, SNP_MILAN, 0x18, 0xdb, ADVISORY_FIXED},
		{"AMD-SB-3019", SNP_LINE_MILAN, SNP_MILAN, 0x18, 0xda, ADVISORY_NOT_FIXED},
		{"AMD-SB-3019", SNP_LINE_MILAN, SNP_MILAN, 0x17, 0xff, ADVISORY_NOT_FIXED},
		{"AMD-SB-3019", SNP_LINE_TURIN, SNP_TURIN, 0xff, 0xff, ADVISORY_NOT_PROVABLE},
		{"AMD-SB-3020", SNP_LINE_GENOA, SNP_GENOA, 0x1b, 0x56, ADVISORY_FIXED},
		{"AMD-SB-3020", SNP_LINE_GENOA, SNP_GENOA, 0x1a, 0x56, ADVISORY_NOT_FIXED},
		{"AMD-SB-3020", SNP_LINE_GENOA_X, SNP_GENOA, 0x1b, 0x51, ADVISORY_FIXED},
		{"AMD-SB-3020", SNP_LINE_BERGAMO, SNP_GENOA, 0xff, 0xff, ADVISORY_NOT_PROVABLE},
		{"AMD-SB-3020", SNP_LINE_TURIN, SNP_TURIN, 0x04, 0x50, ADVISORY_FIXED},
		{"AMD-SB-3027", SNP_LINE_TURIN, SNP_TURIN, 0x00, 0x50, ADVISORY_NOT_FIXED},
		{"AMD-SB-3023", SNP_LINE_SIENA, SNP_GENOA, 0x1b, 0x00, ADVISORY_FIXED},
		{"AMD-SB-3030", SNP_LINE_MILAN_X, SNP_MILAN, 0x1d, 0x00, ADVISORY_NOT_PROVABLE},
		{"AMD-SB-3030", SNP_LINE_MILAN_X, SNP_MILAN, 0x1c, 0xff, ADVISORY_NOT_FIXED},
		{"AMD-SB-3045", SNP_LINE_MILAN, SNP_MILAN, 0xff, 0xff, ADVISORY_NOT_PROVABLE},
	};
	const char *names[ADVISORIES_MAX];
	size_t count = advisories_names(names);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct claims claims = {.product = rows[i].product, .line = rows[i].line};
		size_t at = 0;

		while (at < count && strcmp(names[at], rows[i].name) != 0)
			at++;
		ck_assert_uint_lt(at, count);
		claims.report.version = 3;
		claims.report.has_cpuid = true;
		for (size_t field = 0; field < TCB_FIELDS; field++)
			*tcb(&claims, field) = (struct snp_tcb){.snp = rows[i].snp, .microcode = rows[i].microcode};
		expect(advisory_at(at), &claims, ALL_FIELDS, rows[i].state, "by hand");
	}
}
END_TEST

/* Version 2 has no CPUID: all lines of the product must agree. 70 fixes Milan-X but not Milan. */
START_TEST(line_not_named)
{
	static const struct {
		uint8_t microcode;
		enum advisory_state state;
	} rows[] = {{67, ADVISORY_NOT_FIXED}, {70, ADVISORY_NOT_PROVABLE}, {219, ADVISORY_FIXED}};
	const char *names[ADVISORIES_MAX];
	size_t last = advisories_names(names) - 1;

	ck_assert_str_eq(names[last], "AMD-SB-7033");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct claims claims = {.product = SNP_MILAN, .line = SNP_LINE_UNKNOWN};

		claims.report.version = 2;
		for (size_t field = 0; field < TCB_FIELDS; field++)
			tcb(&claims, field)->microcode = rows[i].microcode;
		expect(advisory_at(last), &claims, ALL_FIELDS, rows[i].state, "version 2");
		claims.product = SNP_PRODUCT_UNKNOWN;
		expect(advisory_at(last), &claims, ALL_FIELDS, ADVISORY_NOT_PROVABLE, "product not known");
		claims.product = SNP_MILAN;
		claims.report.has_cpuid = true;
		expect(advisory_at(last), &claims, ALL_FIELDS, ADVISORY_NOT_PROVABLE, "a chip of no known line");
	}
}
END_TEST

#define POLICY(list) \
	"{\"version\":1,\"name\":\"t\",\"os_identity\":\"unverified\",\"snp\":{\"guest_policy\":{\"debug\":false},\"advisories\":" list "}}"

/* The member of a policy: one bulletin that is not fixed fails it, and so does one that is not provable; the reason names each. */
/* The list for people and machines has every bulletin, each with a state, and with a reason unless it is fixed. */
START_TEST(as_json)
{
	const char *names[ADVISORIES_MAX];
	size_t count = advisories_names(names);
	static struct claims claims;
	struct json_object *items;
	JSON_AUTO object = NULL;

	claims = (struct claims){.product = SNP_MILAN, .line = SNP_LINE_MILAN};
	claims.report.has_cpuid = true;
	claims.report.version = 3;
	object = advisories_to_json(&claims, 15);
	ck_assert_str_eq(json_get_text(object, "date", NULL), advisories_date());
	items = json_get_array(object, "items");
	ck_assert_uint_eq(json_object_array_length(items), count);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		const char *state = json_get_text(item, "state", NULL);
		bool second_hand;

		ck_assert_str_eq(json_get_text(item, "advisory", NULL), names[i]);
		ck_assert(json_get_text(item, "title", NULL) && json_get_bool(item, "second_hand", &second_hand));
		ck_assert(strcmp(state, "fixed") == 0 || json_get_text(item, "why", NULL));
		ck_assert_str_ne(state, "fixed"); /* no firmware at all is old firmware */
	}
}
END_TEST

START_TEST(member)
{
	static const struct {
		const char *policy, *says;
		enum finding_state state;
	} rows[] = {
		{POLICY("[\"AMD-SB-3020\"]"), "1 fixed", FINDING_PASSED},
		{POLICY("[\"AMD-SB-3020\",\"AMD-SB-3023\"]"), "2 fixed", FINDING_PASSED},
		{POLICY("[\"AMD-SB-3020\",\"AMD-SB-3027\"]"), "AMD-SB-3027 not fixed", FINDING_FAILED},
		{POLICY("[\"AMD-SB-3020\",\"AMD-SB-3019\"]"), "AMD-SB-3019 not provable", FINDING_FAILED},
		{POLICY("[]"), NULL, FINDING_NOT_CHECKED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
		struct claims claims = {.product = SNP_TURIN, .line = SNP_LINE_TURIN};
		struct error error = ERROR_NULL;
		const struct finding *finding;
		POLICY_AUTO policy = NULL;

		claims.report.version = 3;
		claims.report.has_cpuid = true;
		for (size_t field = 0; field < TCB_FIELDS; field++)
			*tcb(&claims, field) = (struct snp_tcb){.snp = 4, .microcode = 80};
		ck_assert_msg(policy_read(bytes_of_text(rows[i].policy), &policy, &error) == 0, "%s", error_text(&error));
		ck_assert_int_eq(appraise(policy, &claims, &verdict), 0);
		finding = verdict_find(&verdict, "advisories");
		ck_assert_int_eq(finding ? finding->state : FINDING_NOT_CHECKED, rows[i].state);
		if (rows[i].says)
			ck_assert_msg(finding->actual && strstr(finding->actual, rows[i].says), "%s", finding->actual ? finding->actual : "nothing");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("advisories");
	TCase *tcase = tcase_create("advisories");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, lines_and_bulletins);
	tcase_add_test(tcase, by_hand);
	tcase_add_test(tcase, line_not_named);
	tcase_add_test(tcase, member);
	tcase_add_test(tcase, as_json);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
