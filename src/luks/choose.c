/* SPDX-License-Identifier: Apache-2.0 */
#include "luks/choose.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/hooks.h"
#include "luks/digest.h"
#include "luks/unlisted.h"

#define COPIES 2
#define LISTED_FIX "If you changed the header (luksAddKey, luksChangeKey, a label), run sevattest enroll --refresh; if not, the host did: restore the enrolled header (sevattest recover)"

/* What is known about one copy. */
struct candidate {
	bool readable, allowed, listed;
	struct luks_header header;
	struct error error; /* why it cannot be read */
	struct verdict checks;
};

static void candidates_deinit(struct candidate *candidates)
{
	for (size_t i = 0; i < COPIES; i++) {
		luks_header_deinit(&candidates[i].header);
		verdict_deinit(&candidates[i].checks);
	}
}

/* The secondary where there is no primary to say where. */
static int search(struct bytes file, struct luks_header *ret, struct error *error)
{
	for (size_t at = LUKS_HEADER_MIN; at <= LUKS_HEADER_MAX && at < file.size; at *= 2) {
		int r = luks_header_read(bytes_from(file, at), LUKS_SECONDARY, ret, NULL);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (ret->offset == at)
			return 0;
		luks_header_deinit(ret);
	}
	return error_set(error, LUKS_E_MAGIC, "no second LUKS header");
}

int luks_find(struct bytes file, enum luks_copy which, struct luks_header *ret, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header primary = LUKS_HEADER_NULL;
	int r;

	if (which == LUKS_PRIMARY)
		return luks_header_read(file, which, ret, error);
	r = luks_header_read(file, LUKS_PRIMARY, &primary, NULL);
	if (r < 0)
		return r;
	if (r > 0)
		return search(file, ret, error);
	return luks_header_read(bytes_from(file, (size_t)primary.size), which, ret, error);
}

static bool is_listed(const struct luks_disk *disk, const uint8_t digest[static SHA256_SIZE])
{
	bool listed = disk->header_count == 0 && disk->key_checked;

	for (size_t i = 0; i < disk->header_count; i++)
		listed |= memcmp(disk->headers[i], digest, SHA256_SIZE) == 0;
	return listed || hook_disabled("luks.listed");
}

static int judge(struct bytes file, enum luks_copy which, const struct luks_disk *disk, struct candidate *to)
{
	uint8_t digest[SHA256_SIZE];
	int r = luks_find(file, which, &to->header, &to->error);

	if (r != 0)
		return r < 0 ? r : 0;
	to->readable = true;
	r = luks_allow(&to->header, which, &to->checks);
	if (r < 0)
		return r;
	to->allowed = r == 0;
	r = luks_digest(&to->header, digest);
	if (r < 0)
		return r;
	to->listed = r == 0 && is_listed(disk, digest);
	return 0;
}

/* The one to open with; else the one to speak of, which is the one that cryptsetup would take. */
static enum luks_copy better(const struct candidate *candidates)
{
	const struct candidate *primary = &candidates[LUKS_PRIMARY], *secondary = &candidates[LUKS_SECONDARY];
	bool primary_good = primary->allowed && primary->listed, secondary_good = secondary->allowed && secondary->listed;

	if (primary_good != secondary_good)
		return primary_good ? LUKS_PRIMARY : LUKS_SECONDARY;
	if (primary->readable != secondary->readable)
		return primary->readable ? LUKS_PRIMARY : LUKS_SECONDARY;
	return secondary->header.seqid > primary->header.seqid ? LUKS_SECONDARY : LUKS_PRIMARY;
}

static void say_readable(const struct candidate *candidates, struct verdict *ret)
{
	if (candidates[LUKS_PRIMARY].readable || candidates[LUKS_SECONDARY].readable) {
		verdict_pass(ret, "luks.header", FINDING_EVIDENCE);
		return;
	}
	verdict_fail(ret, "luks.header", FINDING_EVIDENCE, "neither copy of the header can be read");
	finding_expected(verdict_last(ret), "a LUKS2 header, whole, at the begin of the disk");
	finding_actual(verdict_last(ret), "primary: %s; secondary: %s", error_text(&candidates[LUKS_PRIMARY].error), error_text(&candidates[LUKS_SECONDARY].error));
	finding_fix(verdict_last(ret), "Is this the right device? If it is, its header was damaged: restore it (sevattest recover)");
}

static int say_listed(enum luks_copy which, const struct candidate *candidate, const struct luks_disk *disk, struct verdict *ret)
{
	struct error why = ERROR_NULL;
	int r;

	if (candidate->listed) {
		verdict_pass(ret, "luks.listed", FINDING_EVIDENCE);
		return 0;
	}
	r = luks_unlisted_why(&candidate->header, candidate->allowed, disk, &why);
	if (r < 0)
		return r;
	verdict_fail(ret, "luks.listed", FINDING_EVIDENCE, "%s header: %s", luks_copy_name(which), error_text(&why));
	finding_expected(verdict_last(ret), disk->header_count ? "a header whose digest the broker lists beside the key" : "a disk resource that lists the digests of the headers");
	finding_actual(verdict_last(ret), "UUID %s, sequence number %" PRIu64, candidate->header.uuid, candidate->header.seqid);
	finding_fix(verdict_last(ret), "%s", disk->header_count ? LISTED_FIX : "Register the disk with sevattest enroll, or state KeyCheck= for a broker that cannot");
	return 0;
}

/* What is the matter with the copy that is not used. */
static void say_other(enum luks_copy which, const struct candidate *other, const struct candidate *used, struct verdict *ret)
{
	const char *name = luks_copy_name(which);

	if (other->readable && other->allowed && other->listed && other->header.seqid == used->header.seqid) {
		verdict_pass(ret, "luks.other_copy", FINDING_ADVICE);
		return;
	}
	if (!other->readable)
		verdict_fail(ret, "luks.other_copy", FINDING_ADVICE, "the %s header cannot be read: %s", name, error_text(&other->error));
	else if (!other->allowed)
		verdict_fail(ret, "luks.other_copy", FINDING_ADVICE, "the %s header is refused by %s", name, verdict_first_failed(&other->checks)->check);
	else if (!other->listed)
		verdict_fail(ret, "luks.other_copy", FINDING_ADVICE, "the %s header is not one that the broker lists", name);
	else
		verdict_fail(ret, "luks.other_copy", FINDING_ADVICE, "the %s header has sequence number %" PRIu64 ", the other %" PRIu64, name, other->header.seqid,
			used->header.seqid);
	finding_expected(verdict_last(ret), "two equal copies of the header");
	finding_actual(verdict_last(ret), "two that differ");
	finding_fix(verdict_last(ret), "A change that was interrupted leaves this, and so does tampering. It is not used; sevattest enroll --refresh writes both anew");
}

/* What is copied of the disk is at least what the header needs. */
static void say_whole(struct bytes file, const struct luks_header *header, struct verdict *ret)
{
	uint64_t size = luks_area_size(header);

	if (size == 0) {
		verdict_skip(ret, "luks.whole", FINDING_EVIDENCE, "the header does not say how large its area is");
		return;
	}
	if (file.size >= size || hook_disabled("luks.whole")) {
		verdict_pass(ret, "luks.whole", FINDING_EVIDENCE);
		return;
	}
	verdict_fail(ret, "luks.whole", FINDING_EVIDENCE, "the copy of the disk's begin ends inside the header's area");
	finding_expected(verdict_last(ret), "%" PRIu64 " bytes", size);
	finding_actual(verdict_last(ret), "%zu bytes", file.size);
	finding_fix(verdict_last(ret), "Is the device large enough for its header? A part of it may have been cut off");
}

static int choose(struct bytes file, const struct candidate *candidates, const struct luks_disk *disk, struct verdict *ret, enum luks_copy *ret_copy)
{
	enum luks_copy which = better(candidates), other = which == LUKS_PRIMARY ? LUKS_SECONDARY : LUKS_PRIMARY;
	const struct candidate *used = &candidates[which];
	int r;

	say_readable(candidates, ret);
	if (!used->readable)
		return LUKS_E_REFUSED;
	r = luks_allow(&used->header, which, ret);
	if (r < 0)
		return r;
	say_whole(file, &used->header, ret);
	r = say_listed(which, used, disk, ret);
	if (r < 0)
		return r;
	say_other(other, &candidates[other], used, ret);
	if (ret->out_of_memory)
		return -ENOMEM;
	if (!verdict_ok(ret))
		return LUKS_E_REFUSED;
	*ret_copy = which;
	return 0;
}

int luks_choose(struct bytes file, const struct luks_disk *disk, struct verdict *ret, enum luks_copy *ret_copy)
{
	struct candidate candidates[COPIES] = {0};
	int r = 0;

	for (enum luks_copy which = LUKS_PRIMARY; r == 0 && which <= LUKS_SECONDARY; which++)
		r = judge(file, which, disk, &candidates[which]);
	if (r == 0)
		r = choose(file, candidates, disk, ret, ret_copy);
	candidates_deinit(candidates);
	return r;
}
