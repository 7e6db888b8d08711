/* SPDX-License-Identifier: Apache-2.0 */
/* The written form of a recovery key: what is shown, what may be typed, and that every single typo is seen. */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/recovery_key.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static uint8_t key[RECOVERY_KEY_BYTES];
static char shown[RECOVERY_KEY_TEXT + 1];

static void setup(void)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;

	ck_assert_int_eq(secret_process_init((size_t)1 << 20), 0);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 11);
	ck_assert_int_eq(recovery_key_format(bytes_of(key, sizeof(key)), &text), 0);
	ck_assert_uint_eq(text.size, RECOVERY_KEY_TEXT);
	memcpy(shown, text.data, text.size);
}

static int takes(const char *typed)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	int r = recovery_key_read(bytes_of_text(typed), &text);

	if (!r)
		ck_assert(text.size == RECOVERY_KEY_TEXT && !memcmp(text.data, shown, text.size));
	return r;
}

START_TEST(form)
{
	for (size_t i = 0; i < RECOVERY_KEY_TEXT; i++) {
		if (i % (RECOVERY_KEY_GROUP + 1) == RECOVERY_KEY_GROUP)
			ck_assert_int_eq(shown[i], '-');
		else
			ck_assert_msg(strchr(alphabet, shown[i]) != NULL, "%c", shown[i]);
	}
}
END_TEST

/* By hand: every bit of a known value. 5 bytes of 0xff are 8 times Z; zeros are 0; the checksum of 32 zeros is 66687a. */
START_TEST(known)
{
	static const uint8_t zeros[RECOVERY_KEY_BYTES];
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;

	ck_assert_int_eq(recovery_key_format(bytes_of(zeros, sizeof(zeros)), &text), 0);
	ck_assert(!memcmp(text.data, "00000000-00000000-00000000-00000000-00000000-00000000-000", 57));
	/* 32 bytes end after 51.2 characters: 0 and the first four bits of 0x66, then 0110 0 1101 0000 ... */
	ck_assert(!memcmp(text.data + 57, "6CT3T", 5));
}
END_TEST

START_TEST(typed)
{
	char other[2 * RECOVERY_KEY_TEXT];
	size_t n = 0;

	ck_assert_int_eq(takes(shown), 0);
	for (size_t i = 0; i < RECOVERY_KEY_TEXT; i++)
		other[i] = (char)tolower((unsigned char)shown[i]);
	other[RECOVERY_KEY_TEXT] = '\0';
	ck_assert_int_eq(takes(other), 0);
	for (size_t i = 0; i < RECOVERY_KEY_TEXT; i++) {
		char c = shown[i];

		if (c == '-')
			continue;
		other[n++] = c == '0' ? 'o' : c == '1' ? 'l' : c;
		if (i % 5 == 0)
			other[n++] = ' ';
	}
	other[n++] = '\n';
	other[n] = '\0';
	ck_assert_int_eq(takes(other), 0);
}
END_TEST

START_TEST(refused)
{
	char other[RECOVERY_KEY_TEXT + 2];
	size_t typos = 0;

	ck_assert_int_eq(takes(""), RECOVERY_KEY_E_FORM);
	memcpy(other, shown, sizeof(shown));
	other[RECOVERY_KEY_TEXT - 1] = '\0';
	ck_assert_int_eq(takes(other), RECOVERY_KEY_E_FORM);
	memcpy(other, shown, sizeof(shown));
	other[RECOVERY_KEY_TEXT] = '0';
	other[RECOVERY_KEY_TEXT + 1] = '\0';
	ck_assert_int_eq(takes(other), RECOVERY_KEY_E_FORM);
	for (size_t i = 0; i < RECOVERY_KEY_TEXT; i++) {
		if (shown[i] == '-')
			continue;
		memcpy(other, shown, sizeof(shown));
		for (const char *c = "U!*\x7f\xff"; *c; c++) {
			other[i] = *c;
			ck_assert_int_eq(takes(other), RECOVERY_KEY_E_FORM);
		}
		/* Every other character in this place. */
		for (const char *c = alphabet; *c; c++) {
			other[i] = *c;
			if (*c == shown[i])
				continue;
			ck_assert_int_eq(takes(other), RECOVERY_KEY_E_TYPO);
			typos++;
		}
		/* Two neighbours swapped. */
		memcpy(other, shown, sizeof(shown));
		if (i + 1 < RECOVERY_KEY_TEXT && other[i + 1] != '-' && other[i] != other[i + 1]) {
			other[i] = shown[i + 1];
			other[i + 1] = shown[i];
			ck_assert_int_eq(takes(other), RECOVERY_KEY_E_TYPO);
		}
	}
	ck_assert_uint_eq(typos, 56 * 31);
}
END_TEST

START_TEST(fresh)
{
	CLEANUP(secret_deinit) struct secret a = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret b = SECRET_NULL;

	ck_assert_int_eq(recovery_key_make(&a), 0);
	ck_assert_int_eq(recovery_key_make(&b), 0);
	ck_assert(!bytes_equal(secret_view(&a), secret_view(&b)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enroll/recovery_key");
	TCase *tests = tcase_create("recovery_key");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, form);
	tcase_add_test(tests, known);
	tcase_add_test(tests, typed);
	tcase_add_test(tests, refused);
	tcase_add_test(tests, fresh);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
