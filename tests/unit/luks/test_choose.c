/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the two copies is used, what is said when none is, and that the rebuilt file holds nothing else. Also what the digest binds. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"
#include "luks/choose.h"
#include "luks/digest.h"
#include "luks/rebuild.h"
#include "made.h"

#define NULL_SEGMENT {"segments.0.encryption", "\"cipher_null-ecb\""}
#define NULL_SLOT {"keyslots.0.area.encryption", "\"cipher_null-ecb\""}
#define NO_SLOT_1 {"keyslots.1", NULL}, {"tokens.1", NULL}, {"digests.0.keyslots", "[\"0\"]"}

static const struct made genuine = {.seqid = 5}, newer = {.seqid = 6}, next = {.seqid = 6, .changes = {NO_SLOT_1}};
static const struct made null_segment = {.seqid = 6, .changes = {NULL_SEGMENT}}, null_slot = {.seqid = 6, .changes = {NULL_SLOT}};
static const struct made old_null = {.seqid = 4, .changes = {NULL_SEGMENT}};
static const struct made other_volume = {.seqid = 5, .uuid = "11111111-5e6f-4a7b-8c9d-0e1f2a3b4c5d"};
static const struct made sectors = {.seqid = 5, .changes = {{"segments.0.sector_size", "4096"}}};
static const struct made labelled = {.seqid = 5, .label = "data"};
static const struct made subsystem = {.seqid = 5, .subsystem = "x"};
static const struct made moved = {.seqid = 5, .changes = {{"segments.0.offset", "\"16781312\""}}};
static const struct made priority = {.seqid = 5, .changes = {{"keyslots.1.priority", "2"}}};
static const struct made token = {.seqid = 5, .changes = {{"tokens.2", "{\"type\":\"systemd-recovery\",\"keyslots\":[\"0\"]}"}}};
static const struct made salt = {.seqid = 5, .changes = {{"keyslots.0.kdf.salt", "\"ABECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\""}}};

static void list(struct luks_disk *disk, const struct made *first, const struct made *second)
{
	memset(disk, 0, sizeof(*disk));
	for (size_t i = 0; i < 2; i++) {
		const struct made *made = i ? second : first;

		if (made)
			made_digest(disk->headers[disk->header_count++], made);
	}
}

static int choose(struct bytes file, const struct luks_disk *disk, struct verdict *verdict, enum luks_copy *ret)
{
	uint8_t *copy = malloc(file.size);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, file.data, file.size);
	r = luks_choose(bytes_of(copy, file.size), disk, verdict, ret);
	ck_assert_int_eq(r == 0, verdict_ok(verdict));
	ck_assert(r == 0 || r == LUKS_E_REFUSED);
	free(copy);
	return r;
}

enum damage { WHOLE, NO_PRIMARY, NO_SECONDARY, NEITHER };

static void disk_of(struct buf *to, const struct made *primary, const struct made *secondary, enum damage damage)
{
	made_disk(to, primary, secondary);
	if (damage == NO_PRIMARY || damage == NEITHER)
		to->data[200] ^= 1;
	if (damage == NO_SECONDARY || damage == NEITHER)
		to->data[LUKS_HEADER_MIN + 200] ^= 1;
}

static const struct chosen {
	const struct made *primary, *secondary;
	enum damage damage;
	const struct made *listed, *also;
	enum luks_copy expected;
	bool equal; /* nothing to say about the other copy */
} chosen[] = {
	{&genuine, &genuine, WHOLE, &genuine, NULL, LUKS_PRIMARY, true},
	{&genuine, &genuine, WHOLE, &next, &genuine, LUKS_PRIMARY, true},
	/* what cryptsetup would prefer is the host's */
	{&genuine, &null_segment, WHOLE, &genuine, NULL, LUKS_PRIMARY, false},
	{&genuine, &null_slot, WHOLE, &genuine, NULL, LUKS_PRIMARY, false},
	{&null_segment, &genuine, WHOLE, &genuine, NULL, LUKS_SECONDARY, false},
	{&old_null, &genuine, WHOLE, &genuine, NULL, LUKS_SECONDARY, false},
	{&genuine, &other_volume, WHOLE, &genuine, NULL, LUKS_PRIMARY, false},
	/* a power cut while a change is written: each order, each copy */
	{&genuine, &next, WHOLE, &genuine, &next, LUKS_SECONDARY, false},
	{&next, &genuine, WHOLE, &genuine, &next, LUKS_PRIMARY, false},
	{&genuine, &next, WHOLE, &genuine, NULL, LUKS_PRIMARY, false},
	{&genuine, &next, WHOLE, &next, NULL, LUKS_SECONDARY, false},
	{&genuine, &newer, WHOLE, &genuine, NULL, LUKS_SECONDARY, false},
	{&newer, &genuine, WHOLE, &genuine, NULL, LUKS_PRIMARY, false},
	/* one is broken */
	{&genuine, &genuine, NO_PRIMARY, &genuine, NULL, LUKS_SECONDARY, false},
	{&genuine, &genuine, NO_SECONDARY, &genuine, NULL, LUKS_PRIMARY, false},
	{&next, &genuine, NO_PRIMARY, &genuine, &next, LUKS_SECONDARY, false},
};

/* The material of each slot of the header as it was, and zeros elsewhere. */
static void slots_only(const struct luks_header *used, struct bytes built, struct bytes file)
{
	CLEANUP(buf_deinit) struct buf expected = BUF_NULL;

	ck_assert_int_eq(buf_reserve(&expected, built.size), 0);
	memset(expected.data, 0, built.size);
	json_object_object_foreach (json_get_object(used->metadata, "keyslots"), name, slot) {
		struct json_object *area = json_get_object(slot, "area");
		size_t at = strtoul(json_get_text(area, "offset", NULL), NULL, 10), size = strtoul(json_get_text(area, "size", NULL), NULL, 10);

		(void)name;
		memcpy(expected.data + at, file.data + at, size);
	}
	ck_assert_int_eq(memcmp(built.data + 2 * LUKS_HEADER_MIN, expected.data + 2 * LUKS_HEADER_MIN, MADE_SLOTS), 0);
}

/* The rebuilt file: both copies are the chosen one, the key slots as they were, and it is as long as it has to be. */
static void rebuilt(struct bytes file, const struct chosen *row)
{
	CLEANUP(luks_header_deinit) struct luks_header used = LUKS_HEADER_NULL, primary = LUKS_HEADER_NULL, secondary = LUKS_HEADER_NULL;
	CLEANUP(buf_deinit) struct buf built = BUF_NULL, again = BUF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(luks_rebuild(file, row->expected, &built), 0);
	ck_assert_int_eq(luks_find(file, row->expected, &used, &error), 0);
	ck_assert_uint_eq(built.size, MADE_AREA);
	ck_assert_msg(luks_find(buf_view(&built), LUKS_PRIMARY, &primary, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(luks_find(buf_view(&built), LUKS_SECONDARY, &secondary, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(primary.seqid, used.seqid);
	ck_assert_uint_eq(secondary.seqid, used.seqid);
	ck_assert_str_eq(primary.uuid, used.uuid);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(memcmp(built.data + i * LUKS_HEADER_MIN + LUKS_BINARY_SIZE, file.data + used.offset + LUKS_BINARY_SIZE, LUKS_HEADER_MIN - LUKS_BINARY_SIZE), 0);
	slots_only(&used, buf_view(&built), file);
	ck_assert_int_eq(luks_rebuild(buf_view(&built), LUKS_SECONDARY, &again), 0);
	ck_assert(bytes_equal(buf_view(&built), buf_view(&again)));
}

START_TEST(chooses)
{
	const struct chosen *row = &chosen[_i];
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf disk = BUF_NULL;
	enum luks_copy copy = LUKS_PRIMARY;
	const struct finding *other;
	struct luks_disk resource;

	disk_of(&disk, row->primary, row->secondary, row->damage);
	ck_assert_int_eq(buf_append_text(&disk, "what follows on the disk"), 0);
	list(&resource, row->listed, row->also);
	ck_assert_int_eq(choose(buf_view(&disk), &resource, &verdict, &copy), 0);
	ck_assert_int_eq(copy, row->expected);
	other = verdict_find(&verdict, "luks.other_copy");
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(other->state == FINDING_PASSED, row->equal);
	ck_assert(row->equal || (other->why[0] && other->fix[0]));
	rebuilt(buf_view(&disk), row);
}
END_TEST

static const struct refused {
	const struct made *primary, *secondary;
	enum damage damage;
	const struct made *listed, *also;
	const char *check, *why;
	const char *then; /* with that check switched off */
} refused[] = {
	{&null_segment, &null_segment, WHOLE, &genuine, NULL, "luks.segment_cipher", "in clear", "luks.listed"},
	{&null_slot, &null_slot, WHOLE, &genuine, NULL, "luks.keyslot_cipher", "takes every key", "luks.listed"},
	/* listed, but never allowed: whoever enrolled it made a mistake */
	{&null_segment, &null_segment, WHOLE, &null_segment, NULL, "luks.segment_cipher", "in clear", "yes"},
	{&other_volume, &other_volume, WHOLE, &genuine, NULL, "luks.listed", "another volume (this one's UUID is 11111111-5e6f-4a7b-8c9d-0e1f2a3b4c5d)", "yes"},
	{&genuine, &genuine, WHOLE, &next, NULL, "luks.listed", "key slot 1, which the listed one has not: an old header", "yes"},
	{&next, &next, WHOLE, &genuine, NULL, "luks.listed", "an old header (rolled back)", "yes"},
	{&sectors, &sectors, WHOLE, &genuine, NULL, "luks.listed", "segments.0.sector_size was changed", "yes"},
	{&genuine, &genuine, WHOLE, &sectors, NULL, "luks.listed", "segments.0.sector_size was changed", "yes"},
	{&moved, &moved, WHOLE, &genuine, NULL, "luks.listed", "segments.0.offset was changed", "yes"},
	{&labelled, &labelled, WHOLE, &genuine, NULL, "luks.listed", "label", "yes"},
	{&subsystem, &subsystem, WHOLE, &genuine, NULL, "luks.listed", "subsystem", "yes"},
	{&priority, &priority, WHOLE, &genuine, NULL, "luks.listed", "keyslots.1.priority was changed", "yes"},
	{&genuine, &genuine, WHOLE, &priority, NULL, "luks.listed", "keyslots.1.priority was changed", "yes"},
	{&token, &token, WHOLE, &genuine, NULL, "luks.listed", "it has token 2", "yes"},
	{&salt, &salt, WHOLE, &genuine, NULL, "luks.listed", "none that the broker lists", "yes"},
	{&genuine, &null_segment, WHOLE, &next, NULL, "luks.segment_cipher", "secondary header", "luks.listed"},
	{&null_segment, &genuine, WHOLE, &next, NULL, "luks.segment_cipher", "primary header", "luks.listed"},
	{&newer, &old_null, WHOLE, &next, NULL, "luks.listed", "primary header: it has key slot 1", "yes"},
	{&genuine, &genuine, NEITHER, &genuine, NULL, "luks.header", "neither copy", "luks.header"},
	{&genuine, &null_segment, NO_PRIMARY, &genuine, NULL, "luks.segment_cipher", "secondary header", "luks.listed"},
	{&genuine, &genuine, WHOLE, NULL, NULL, "luks.listed", "without digests of headers", "yes"},
};

START_TEST(refuses)
{
	const struct refused *row = &refused[_i];
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL, without = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf disk = BUF_NULL;
	enum luks_copy copy = LUKS_PRIMARY;
	const struct finding *failed;
	struct luks_disk resource;

	disk_of(&disk, row->primary, row->secondary, row->damage);
	list(&resource, row->listed, row->also);
	ck_assert_int_eq(choose(buf_view(&disk), &resource, &verdict, &copy), LUKS_E_REFUSED);
	failed = verdict_first_failed(&verdict);
	ck_assert_str_eq(failed->check, row->check);
	ck_assert_msg(strstr(failed->why, row->why), "%s: %s", failed->check, failed->why);
	ck_assert(failed->fix[0] && failed->expected[0] && failed->actual[0]);
	hook_disable(row->check);
	if (hook_disabled(row->check)) {
		(void)choose(buf_view(&disk), &resource, &without, &copy);
		ck_assert_str_eq(verdict_ok(&without) ? "yes" : verdict_first_failed(&without)->check, row->then);
	}
	hook_disable(NULL);
}
END_TEST

/* A key without pins is enough only where the key itself was compared; what is allowed stays the same. */
START_TEST(without_pins)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL, other = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf disk = BUF_NULL, hostile = BUF_NULL;
	struct luks_disk resource = {.key_checked = true};
	enum luks_copy copy = LUKS_SECONDARY;

	disk_of(&disk, &genuine, &null_segment, WHOLE);
	ck_assert_int_eq(choose(buf_view(&disk), &resource, &verdict, &copy), 0);
	ck_assert_int_eq(copy, LUKS_PRIMARY);
	disk_of(&hostile, &null_segment, &null_slot, WHOLE);
	ck_assert_int_eq(choose(buf_view(&hostile), &resource, &other, &copy), LUKS_E_REFUSED);
	ck_assert_str_eq(verdict_first_failed(&other)->check, "luks.segment_cipher");
	/* With pins it does not matter that the key was compared too. */
	verdict_deinit(&other);
	list(&resource, &next, NULL);
	resource.key_checked = true;
	ck_assert_int_eq(choose(buf_view(&disk), &resource, &other, &copy), LUKS_E_REFUSED);
}
END_TEST

/* Every end of the file: nothing is taken that is not whole. */
START_TEST(cut_off)
{
	static const size_t sizes[] = {1, 6, 512, LUKS_HEADER_MIN - 1, LUKS_HEADER_MIN, LUKS_HEADER_MIN + 1, 2 * LUKS_HEADER_MIN - 1, 2 * LUKS_HEADER_MIN, MADE_AREA - 1};
	CLEANUP(buf_deinit) struct buf disk = BUF_NULL;
	struct luks_disk resource;

	disk_of(&disk, &genuine, &genuine, WHOLE);
	list(&resource, &genuine, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL, without = VERDICT_NULL;
		CLEANUP(buf_deinit) struct buf built = BUF_NULL;
		enum luks_copy copy;

		ck_assert_int_eq(choose(bytes_of(disk.data, sizes[i]), &resource, &verdict, &copy), LUKS_E_REFUSED);
		ck_assert_str_eq(verdict_first_failed(&verdict)->check, sizes[i] < LUKS_HEADER_MIN ? "luks.header" : "luks.whole");
		ck_assert_int_eq(luks_rebuild(bytes_of(disk.data, sizes[i]), LUKS_PRIMARY, &built), LUKS_E_REFUSED);
		ck_assert_uint_eq(built.size, 0);
		hook_disable("luks.whole");
		if (hook_disabled("luks.whole") && sizes[i] >= LUKS_HEADER_MIN)
			ck_assert_int_eq(choose(bytes_of(disk.data, sizes[i]), &resource, &without, &copy), 0);
		hook_disable(NULL);
	}
}
END_TEST

/* Without a primary the secondary is found at every legal size, and nowhere else. */
START_TEST(searches)
{
	for (size_t size = LUKS_HEADER_MIN; size <= LUKS_HEADER_MAX; size *= 2) {
		CLEANUP(luks_header_deinit) struct luks_header found = LUKS_HEADER_NULL, wrong = LUKS_HEADER_NULL;
		const struct made made = {.seqid = 1, .size = size};
		CLEANUP(buf_deinit) struct buf disk = BUF_NULL, shifted = BUF_NULL;
		struct error error = ERROR_NULL;

		ck_assert_int_eq(buf_reserve(&disk, size), 0);
		memset(disk.data, 0, size);
		disk.size = size;
		made_copy(&disk, LUKS_SECONDARY, &made);
		ck_assert_int_eq(luks_find(buf_view(&disk), LUKS_SECONDARY, &found, &error), 0);
		ck_assert_uint_eq(found.size, size);
		/* One of another size in this place says so itself. */
		if (size == LUKS_HEADER_MIN)
			continue;
		ck_assert_int_eq(buf_append(&shifted, disk.data, size / 2), 0);
		made_copy(&shifted, LUKS_SECONDARY, &made);
		ck_assert_int_eq(luks_find(buf_view(&shifted), LUKS_SECONDARY, &wrong, &error), LUKS_E_MAGIC);
	}
}
END_TEST

/* The table of spec/systemd.md 11.5, and more: what changes the digest and what does not. */
START_TEST(digests)
{
	static const struct {
		struct made made;
		bool same;
	} rows[] = {
		{{.seqid = 99}, true},
		{{.label = "x"}, false},
		{{.uuid = "1ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d"}, false},
		{{.subsystem = "x"}, false},
		{{.size = 2 * LUKS_HEADER_MIN}, false},
		{{.changes = {{"config.flags", "[\"allow-discards\"]"}}}, false},
		{{.changes = {{"config.requirements", "{}"}}}, false},
		{{.changes = {{"keyslots.0.priority", "1"}}}, false},
		{{.changes = {{"keyslots.1.kdf.time", "5"}}}, false},
		{{.changes = {{"tokens.2", "{}"}}}, false},
		{{.changes = {{"segments.0.sector_size", "4096"}}}, false},
		{{.changes = {{"digests.0.iterations", "1001"}}}, false},
		{{.changes = {{"config", NULL}}}, false},
		/* not a part of what is named: an unknown member is for the allow-list */
		{{.changes = {{"extra", "1"}}}, true},
	};
	uint8_t expected[SHA256_SIZE], actual[SHA256_SIZE];

	made_digest(expected, &genuine);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		made_digest(actual, &rows[i].made);
		ck_assert_msg((memcmp(actual, expected, SHA256_SIZE) == 0) == rows[i].same, "row %zu", i);
	}
}
END_TEST

/* A number that RFC 8785 would round has no digest, and so is nobody's header. */
START_TEST(no_digest)
{
	const struct change changes[CHANGES_MAX] = {{"segments.0.sector_size", "512.0"}};
	CLEANUP(luks_header_deinit) struct luks_header header = {.size = LUKS_HEADER_MIN, .metadata = made_metadata(changes)};
	uint8_t digest[SHA256_SIZE];

	ck_assert_int_eq(luks_digest(&header, digest), LUKS_E_JSON);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("luks choose");
	TCase *tcase = tcase_create("luks choose");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60); /* with a sanitizer, on a busy machine */
	tcase_add_loop_test(tcase, chooses, 0, ARRAY_SIZE(chosen));
	tcase_add_loop_test(tcase, refuses, 0, ARRAY_SIZE(refused));
	tcase_add_test(tcase, without_pins);
	tcase_add_test(tcase, cut_off);
	tcase_add_test(tcase, searches);
	tcase_add_test(tcase, digests);
	tcase_add_test(tcase, no_digest);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
