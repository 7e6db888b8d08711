/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the key service's objects, both ways, and what is taken for such an object. Genuine certificates and CRLs where the vectors are. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "io/fetch_outcome.h"
#include "io/kds_cache.h"
#include "io/kds_object.h"

#define HEX16 "0123456789abcdef"
#define HEX128 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16

static char directory[] = "/tmp/test_kds_object.XXXXXX";

static const struct {
	const char *path;
	const char *file;
} names[] = {
	{"/vcek/v1/Milan/" HEX128 "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219", "vcek-milan-" HEX128 "-04-00-18-db.der"},
	{"/vcek/v1/Genoa/" HEX128 "?blSPL=255&teeSPL=255&snpSPL=255&ucodeSPL=255", "vcek-genoa-" HEX128 "-ff-ff-ff-ff.der"},
	{"/vcek/v1/Turin/" HEX16 "?fmcSPL=01&blSPL=01&teeSPL=01&snpSPL=04&ucodeSPL=75", "vcek-turin-" HEX16 "-01-01-01-04-4b.der"},
	{"/vcek/v1/Milan/cert_chain", "chain-vcek-milan.pem"},
	{"/vlek/v1/Turin/cert_chain", "chain-vlek-turin.pem"},
	{"/vcek/v1/Genoa/crl", "crl-vcek-genoa.crl"},
	{"/vlek/v1/Milan/crl", "crl-vlek-milan.crl"},
};

START_TEST(names_both_ways)
{
	struct kds_object object;
	char path[SNP_KDS_PATH_MAX];
	char file[KDS_FILE_NAME_MAX];

	ck_assert_int_eq(kds_object_parse(names[_i].path, &object), 0);
	kds_object_file(&object, file);
	ck_assert_str_eq(file, names[_i].file);
	ck_assert_int_eq(kds_object_from_file(names[_i].file, &object), 0);
	ck_assert_int_eq(kds_object_path(&object, path), 0);
	ck_assert_str_eq(path, names[_i].path);
}
END_TEST

static const char *const not_paths[] = {
	"",
	"/",
	"/vcek/v1/Milan/" HEX128,
	"/vcek/v1/Milan/" HEX128 "?",
	"/vcek/v1/Milan/" HEX16 "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219",
	"/vcek/v1/Turin/" HEX16 "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219",
	"/vcek/v1/Milan/" HEX128 "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=256",
	"/vcek/v1/Milan/" HEX128 "?blSPL=4&teeSPL=00&snpSPL=24&ucodeSPL=219",
	"/vcek/v1/Milan/" HEX128 "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219x",
	"/vcek/v1/Milan/" HEX128 "?blSPL=04&teeSPL=00&snpSPL=24",
	"/vcek/v1/milan/cert_chain",
	"/vcek/v1/Milan/cert_chain2",
	"/vlek/v1/Milan/" HEX128 "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219",
};

static const char *const not_files[] = {
	"",
	"vcek-milan-" HEX128 "-04-00-18-db",
	"vcek-milan-" HEX128 "-04-00-18.der",
	"vcek-milan-" HEX16 "-04-00-18-db.der",
	"vcek-turin-" HEX16 "-04-00-18-db.der",
	"vcek-milan-" HEX128 "-04-00-18-DB.der",
	"vcek-rome-" HEX128 "-04-00-18-db.der",
	"chain-vcek-milan.pem.tmp",
	"../chain-vcek-milan.pem",
};

START_TEST(other_names)
{
	struct kds_object object;

	for (size_t i = 0; i < ARRAY_SIZE(not_paths); i++)
		ck_assert_msg(kds_object_parse(not_paths[i], &object) == -EINVAL, "%s", not_paths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(not_files); i++)
		ck_assert_msg(kds_object_from_file(not_files[i], &object) == -EINVAL, "%s", not_files[i]);
}
END_TEST

static struct kds_object object_of(size_t i)
{
	struct kds_object object;

	ck_assert_int_eq(kds_object_parse(names[i].path, &object), 0);
	return object;
}

START_TEST(judging)
{
	struct kds_object object = object_of(0);
	struct bytes nothing = bytes_of(NULL, 0);
	static const struct {
		int fetched;
		unsigned status;
		enum kds_outcome outcome;
	} cases[] = {
		{0, 200, KDS_OUTCOME_BAD}, /* an empty answer */
		{0, 404, KDS_OUTCOME_ABSENT},
		{0, 400, KDS_OUTCOME_ABSENT},
		{0, 429, KDS_OUTCOME_BUSY},
		{0, 500, KDS_OUTCOME_DOWN},
		{0, 403, KDS_OUTCOME_DOWN},
		{0, 206, KDS_OUTCOME_DOWN},
		{FETCH_E_UNREACHABLE, 0, KDS_OUTCOME_DOWN},
		{FETCH_E_CERTIFICATE, 0, KDS_OUTCOME_DOWN},
		{FETCH_E_REDIRECT, 0, KDS_OUTCOME_DOWN},
		{FETCH_E_PROTOCOL, 0, KDS_OUTCOME_BAD},
		{FETCH_E_TOO_LARGE, 0, KDS_OUTCOME_BAD},
		{-ENOMEM, 0, KDS_OUTCOME_DOWN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_int_eq((int)kds_object_judge(&object, cases[i].fetched, cases[i].status, nothing, NULL), (int)cases[i].outcome);
}
END_TEST

START_TEST(cache)
{
	CLEANUP(buf_deinit) struct buf got = BUF_NULL;
	struct kds_object object = object_of(0), other_tcb = object;
	struct kds_cached *list;
	size_t count;
	int64_t age = -1;
	char path[128];

	other_tcb.tcb.snp++;
	ck_assert_int_eq(kds_cache_get(directory, &object, 0, &got, NULL), -ENOENT);
	ck_assert(!kds_cache_knows_chip(directory, &object));
	ck_assert_int_eq(kds_cache_put(directory, &object, bytes_of_text("one"), NULL), 0);
	ck_assert_int_eq(kds_cache_put(directory, &object, bytes_of_text("two"), NULL), 0);
	ck_assert_int_eq(kds_cache_get(directory, &object, INT64_MAX, &got, &age), 0);
	ck_assert(bytes_equal(buf_view(&got), bytes_of_text("two")));
	ck_assert_int_gt(age, 0);
	ck_assert_int_eq(kds_cache_get(directory, &other_tcb, 0, &got, NULL), -ENOENT);
	ck_assert(kds_cache_knows_chip(directory, &other_tcb));
	other_tcb.hwid[0] ^= 1;
	ck_assert(!kds_cache_knows_chip(directory, &other_tcb));
	object = object_of(3);
	ck_assert_int_eq(kds_cache_put(directory, &object, bytes_of_text("chain"), NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/note.txt", directory);
	ck_assert_int_eq(file_write(path, bytes_of_text("not ours"), 0644, NULL), 0);
	ck_assert_int_eq(kds_cache_list(directory, 0, &list, &count, NULL), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(list[0].name, names[3].file);
	ck_assert_str_eq(list[1].name, names[0].file);
	free(list);
	kds_cache_forget(directory, &object);
	object = object_of(0);
	kds_cache_forget(directory, &object);
	ck_assert_int_eq(kds_cache_get(directory, &object, 0, &got, NULL), -ENOENT);
	ck_assert_int_eq(kds_cache_list("/nonexistent", 0, &list, &count, NULL), 0);
	ck_assert_uint_eq(count, 0);
	(void)unlink(path);
}
END_TEST

static int read_vector(const char *folder, const char *name, struct buf *ret)
{
	const char *vectors = getenv("SEVATTEST_VECTORS");
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", vectors ? vectors : "", folder, name);
	return file_read(path, 65536, ret, NULL);
}

/* Every genuine VEK is what its own name says, and no other's. */
START_TEST(genuine_veks)
{
	const char *vectors = getenv("SEVATTEST_VECTORS");
	struct kds_object previous = {.hwid_size = 0};
	char folder[512];
	struct dirent *entry;
	unsigned veks = 0, vleks = 0;
	DIR *stream;

	(void)snprintf(folder, sizeof(folder), "%s/certs", vectors ? vectors : "");
	stream = opendir(folder);
	if (!stream) {
		(void)fprintf(stderr, "SKIP: no test vectors\n");
		return;
	}
	while ((entry = readdir(stream))) {
		CLEANUP(buf_deinit) struct buf der = BUF_NULL;
		struct kds_object object, named;
		char file[KDS_FILE_NAME_MAX];

		if (!strstr(entry->d_name, ".der") || read_vector("certs", entry->d_name, &der))
			continue;
		ck_assert_msg(kds_object_of_vek(buf_view(&der), &object) == 0, "%s", entry->d_name);
		ck_assert_int_eq(object.kind == KDS_VLEK, strstr(entry->d_name, "vlek.der") != NULL);
		kds_object_file(&object, file);
		ck_assert_int_eq(kds_object_from_file(file, &named), 0);
		ck_assert_int_eq(kds_object_check(&named, buf_view(&der), NULL), 0);
		if (object.kind == KDS_VCEK)
			ck_assert_int_eq((int)kds_object_judge(&named, 0, 200, buf_view(&der), NULL), KDS_OUTCOME_GOOD);
		named.tcb.microcode ^= 1;
		ck_assert_int_eq(kds_object_check(&named, buf_view(&der), NULL), KDS_OBJECT_E_OTHER);
		named.tcb.microcode ^= 1;
		named.hwid[named.hwid_size - 1] ^= 1;
		ck_assert_int_eq(kds_object_check(&named, buf_view(&der), NULL), KDS_OBJECT_E_OTHER);
		ck_assert_int_eq(kds_object_check(&object, bytes_of(der.data, der.size / 2), NULL), KDS_OBJECT_E_OTHER);
		if (previous.hwid_size && memcmp(previous.hwid, object.hwid, sizeof(object.hwid)) != 0)
			ck_assert_int_eq(kds_object_check(&previous, buf_view(&der), NULL), KDS_OBJECT_E_OTHER);
		previous = object;
		veks += object.kind == KDS_VCEK ? 1 : 0;
		vleks += object.kind == KDS_VLEK ? 1 : 0;
	}
	(void)closedir(stream);
	ck_assert_uint_ge(veks, 30);
	ck_assert_uint_ge(vleks, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kds_object");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	if (!mkdtemp(directory))
		return EXIT_FAILURE;
	tcase_add_loop_test(tcase, names_both_ways, 0, (int)ARRAY_SIZE(names));
	tcase_add_test(tcase, other_names);
	tcase_add_test(tcase, judging);
	tcase_add_test(tcase, cache);
	tcase_add_test(tcase, genuine_veks);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void)rmdir(directory);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
