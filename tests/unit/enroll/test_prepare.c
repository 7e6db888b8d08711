/* SPDX-License-Identifier: Apache-2.0 */
/* Headers as enroll and rotate make them: what is in them, what opens them, and what is refused or taken away. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/foreign.h"
#include "enroll/prepare.h"
#include "enroll/slots.h"
#include "luks/allow.h"

#define DEVICE_SIZE ((uint64_t)64 << 20)
#define AREA ((size_t)16 << 20)
#define BIT(slot) (UINT32_C(1) << (slot))

static struct bytes passphrase = {(const uint8_t *)"a passphrase", 12};
static struct bytes key = {(const uint8_t *)"the first key, 32 bytes long ...", 32};
static struct bytes next_key = {(const uint8_t *)"another key, also 32 bytes ... .", 32};
static struct bytes recovery = {(const uint8_t *)"a recovery key is text", 22};
static struct bytes stranger = {(const uint8_t *)"a key that nobody ever enrolled.", 32};

/* A disk with one passphrase, as luksFormat leaves it, and what `more` adds. */
static struct buf disk(int (*more)(struct slots *slots))
{
	SLOTS_AUTO slots = NULL;
	struct buf area = BUF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_msg(!slots_format(DEVICE_SIZE, 512, NULL, passphrase, &slots, &error), "%s", error_text(&error));
	ck_assert_int_eq(more ? more(slots) : 0, 0);
	ck_assert_int_eq(slots_area(slots, AREA, &area, &error), 0);
	return area;
}

static struct prepare_request request_of(const struct buf *area)
{
	return (struct prepare_request){
		.area = buf_view(area), .device_size = DEVICE_SIZE, .authority = passphrase, .key = key, .recovery = recovery, .sector_size = 512};
}

static int enroll(const struct prepare_request *request, struct prepared *ret)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct error error = ERROR_NULL;

	return prepare_enroll(request, ret, &verdict, &error);
}

static bool opens(const struct prepared *prepared, struct bytes with)
{
	SLOTS_AUTO slots = NULL;
	int slot;

	ck_assert_int_eq(slots_open(buf_view(&prepared->area), DEVICE_SIZE, &slots, NULL), 0);
	return !slots_test(slots, with, &slot, NULL);
}

START_TEST(plain)
{
	CLEANUP(buf_deinit) struct buf area = disk(NULL);
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	struct prepare_request request = request_of(&area);

	ck_assert_int_eq(enroll(&request, &made), 0);
	ck_assert_int_eq(made.key_slot, 1);
	ck_assert_int_eq(made.recovery_slot, 2);
	ck_assert_uint_eq(made.new_slots, BIT(1) | BIT(2));
	ck_assert_uint_eq(foreign_marked(&made.header, LUKS_TOKEN_OURS), BIT(1));
	ck_assert_uint_eq(foreign_marked(&made.header, LUKS_TOKEN_RECOVERY), BIT(2));
	ck_assert_uint_eq(foreign_slots(&made.header), BIT(0) | BIT(1) | BIT(2));
	ck_assert(opens(&made, key) && opens(&made, recovery) && opens(&made, passphrase) && !opens(&made, stranger));
	/* What was there is untouched but for the headers and the new slots. */
	ck_assert(memcmp(area.data, made.area.data, AREA) != 0);
}
END_TEST

START_TEST(wrong_authority)
{
	CLEANUP(buf_deinit) struct buf area = disk(NULL);
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	struct prepare_request request = request_of(&area);

	request.authority = stranger;
	ck_assert_int_eq(enroll(&request, &made), PREPARE_E_KEY);
}
END_TEST

static int foreign_token(struct slots *slots)
{
	return slots_add_token(slots, "{\"type\":\"clevis\",\"keyslots\":[\"0\"],\"jwe\":{}}", NULL);
}

START_TEST(tokens)
{
	CLEANUP(buf_deinit) struct buf area = disk(foreign_token);
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	struct prepare_request request = request_of(&area);

	ck_assert_int_eq(enroll(&request, &made), PREPARE_E_REFUSED);
	request.remove_foreign = true;
	ck_assert_int_eq(enroll(&request, &made), 0);
	ck_assert_uint_eq(foreign_marked(&made.header, "clevis"), 0);
	/* The slot of the token was a sound one: it stays. */
	ck_assert(opens(&made, passphrase));
}
END_TEST

START_TEST(only_ours)
{
	CLEANUP(buf_deinit) struct buf area = disk(NULL);
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	struct prepare_request request = request_of(&area);

	request.remove_slots = true;
	ck_assert_int_eq(enroll(&request, &made), 0);
	ck_assert_uint_eq(foreign_slots(&made.header), BIT(1) | BIT(2));
	ck_assert(opens(&made, key) && opens(&made, recovery) && !opens(&made, passphrase));
}
END_TEST

/* Enrolled again, by the recovery key: the old key's slot goes, the recovery slot only if there is another one. */
START_TEST(again)
{
	CLEANUP(buf_deinit) struct buf area = disk(NULL);
	CLEANUP(prepared_deinit) struct prepared first = PREPARED_NULL;
	CLEANUP(prepared_deinit) struct prepared second = PREPARED_NULL;
	struct prepare_request request = request_of(&area);

	ck_assert_int_eq(enroll(&request, &first), 0);
	request.area = buf_view(&first.area);
	request.authority = recovery;
	request.key = next_key;
	request.recovery = bytes_of(NULL, 0);
	ck_assert_int_eq(enroll(&request, &second), 0);
	ck_assert_uint_eq(foreign_slots(&second.header), BIT(0) | BIT(2) | BIT(3));
	ck_assert_uint_eq(foreign_marked(&second.header, LUKS_TOKEN_OURS), BIT(3));
	ck_assert_uint_eq(foreign_marked(&second.header, LUKS_TOKEN_RECOVERY), BIT(2));
	ck_assert(!opens(&second, key) && opens(&second, next_key) && opens(&second, recovery));
	ck_assert(memcmp(first.digest, second.digest, sizeof(first.digest)) != 0);
}
END_TEST

START_TEST(rotate)
{
	CLEANUP(buf_deinit) struct buf area = disk(NULL);
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	CLEANUP(prepared_deinit) struct prepared both = PREPARED_NULL;
	CLEANUP(prepared_deinit) struct prepared next = PREPARED_NULL;
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct prepare_request request = request_of(&area);
	struct error error = ERROR_NULL;

	ck_assert_int_eq(enroll(&request, &made), 0);
	request.area = buf_view(&made.area);
	request.authority = key;
	request.key = next_key;
	ck_assert_msg(!prepare_rotate(&request, &both, &next, &verdict, &error), "%s", error_text(&error));
	ck_assert(opens(&both, key) && opens(&both, next_key) && opens(&both, recovery) && opens(&both, passphrase));
	ck_assert(!opens(&next, key) && opens(&next, next_key) && opens(&next, recovery) && opens(&next, passphrase));
	ck_assert_uint_eq(both.new_slots, BIT(3));
	ck_assert_uint_eq(foreign_marked(&next.header, LUKS_TOKEN_OURS), BIT(3));
	/* One that was cut off at the header with both keys, and begun anew with the old key: the lost key's slot goes, too. */
	{
		CLEANUP(prepared_deinit) struct prepared both2 = PREPARED_NULL;
		CLEANUP(prepared_deinit) struct prepared next2 = PREPARED_NULL;

		request.area = buf_view(&both.area);
		request.key = stranger;
		ck_assert_int_eq(prepare_rotate(&request, &both2, &next2, &verdict, &error), 0);
		ck_assert(opens(&both2, key) && opens(&both2, next_key) && opens(&both2, stranger));
		ck_assert(!opens(&next2, key) && !opens(&next2, next_key) && opens(&next2, stranger) && opens(&next2, recovery));
	}
	/* A recovery key does not rotate itself away. */
	request.authority = recovery;
	ck_assert_int_eq(prepare_rotate(&request, &both, &next, &verdict, NULL), PREPARE_E_KEY);
}
END_TEST

START_TEST(format)
{
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	struct prepare_request request = {.device_size = DEVICE_SIZE, .key = key, .recovery = recovery, .format = true, .sector_size = 4096};

	ck_assert_int_eq(enroll(&request, &made), 0);
	ck_assert_uint_eq(made.new_slots, BIT(0) | BIT(1));
	ck_assert(opens(&made, key) && opens(&made, recovery));
	request.device_size = AREA;
	ck_assert_int_eq(enroll(&request, &made), PREPARE_E_SMALL);
}
END_TEST

/* Bytes that were prepared once are looked at again: one bit of either copy. */
START_TEST(read_back)
{
	CLEANUP(prepared_deinit) struct prepared made = PREPARED_NULL;
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct prepare_request request = {.device_size = DEVICE_SIZE, .key = key, .format = true, .sector_size = 512};
	struct prepared other = PREPARED_NULL;

	ck_assert_int_eq(enroll(&request, &made), 0);
	ck_assert_int_eq(prepared_read(buf_view(&made.area), &other, &verdict, NULL), 0);
	ck_assert(!memcmp(other.digest, made.digest, sizeof(made.digest)));
	prepared_deinit(&other);
	for (size_t copy = 0; copy < 2; copy++) {
		made.area.data[copy * made.header.size + 20] ^= 1;
		ck_assert_int_eq(prepared_read(buf_view(&made.area), &other, &verdict, NULL), PREPARE_E_HEADER);
		made.area.data[copy * made.header.size + 20] ^= 1;
	}
	ck_assert_int_eq(prepared_read(bytes_of(made.area.data, made.header.size), &other, &verdict, NULL), PREPARE_E_HEADER);
	ck_assert_int_eq(prepared_read(bytes_of(made.area.data, made.area.size - 1), &other, &verdict, NULL), PREPARE_E_REFUSED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enroll/prepare");
	TCase *tests = tcase_create("prepare");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 240);
	tcase_add_test(tests, plain);
	tcase_add_test(tests, wrong_authority);
	tcase_add_test(tests, tokens);
	tcase_add_test(tests, only_ours);
	tcase_add_test(tests, again);
	tcase_add_test(tests, rotate);
	tcase_add_test(tests, format);
	tcase_add_test(tests, read_back);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
