/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the broker's operator: it ends, says what is to be done, and does not begin where nobody has to be asked. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/job_internal.h"

/* A broker that gives nothing, as it does while a registration waits and after it was rejected. */
static int looks;

static int refuse(void *context, struct luks_disk *ret, struct error *error)
{
	(void)context;
	(void)ret;
	looks++;
	return error_set(error, EXIT_REFUSED, "the broker has no such resource");
}

static int confirm(unsigned wait_seconds, uint64_t pending, bool resumed, struct error *error)
{
	const struct job_broker broker = {.get = refuse};
	const struct job_settings settings = {
		.volume = "data",
		.resource = "prod/disk/data",
		.device = "/dev/disk/by-id/x",
		.broker = &broker,
		.poll_seconds = 1,
		.wait_seconds = wait_seconds,
	};
	CLEANUP(job_deinit) struct job job = {.volume = VOLUME_NULL};

	job_init(&job, &settings, STATE_ENROLL);
	job.pending = pending;
	job.resumed = resumed;
	looks = 0;
	return job_confirm(&job, error);
}

START_TEST(waits_no_longer)
{
	struct error error = ERROR_NULL;

	ck_assert_int_eq(confirm(2, 7, false, &error), EXIT_REFUSED);
	ck_assert_msg(strstr(error.text, "registration 7 of prod/disk/data within 2 seconds"), "%s", error.text);
	ck_assert(strstr(error.text, "rejected") && strstr(error.text, "--restart") && strstr(error.text, "--resume"));
	ck_assert_int_ge(looks, 2);
	error_clear(&error);
	ck_assert_int_eq(confirm(1, 0, true, &error), EXIT_REFUSED);
	ck_assert_msg(strstr(error.text, "registration of prod/disk/data within 1 seconds"), "%s", error.text);
}
END_TEST

START_TEST(nobody_to_wait_for)
{
	struct error error = ERROR_NULL;

	ck_assert_int_eq(confirm(1, 0, false, &error), EXIT_REFUSED);
	ck_assert_msg(strstr(error.text, "does not give back"), "%s", error.text);
	ck_assert_int_eq(looks, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *tests = tcase_create("job");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, waits_no_longer);
	tcase_add_test(tests, nobody_to_wait_for);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
