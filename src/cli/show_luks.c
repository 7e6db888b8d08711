/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest show: LUKS2 disks. Of each copy of the header what it says, the digest under which a broker lists it, and what of the allow-list it fails: that is
 * advice here, because whether a disk is guarded is not written on it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/show.h"
#include "luks/choose.h"
#include "luks/digest.h"

static int add_header(struct json_object *list, enum luks_copy which, const struct luks_header *header, struct json_object **ret)
{
	struct json_object *object = json_object_new_object();
	int r = json_push(list, object);

	if (r == 0)
		r = json_add_text(object, "copy", luks_copy_name(which));
	if (r == 0)
		r = json_add_u64(object, "version", 2);
	if (r == 0)
		r = json_add_text(object, "uuid", header->uuid);
	if (r == 0)
		r = json_add_text(object, "label", header->label);
	if (r == 0)
		r = json_add_text(object, "subsystem", header->subsystem);
	if (r == 0)
		r = json_add_u64(object, "seqid", header->seqid);
	if (r == 0)
		r = json_add_u64(object, "size", header->size);
	if (r == 0)
		r = json_add_text(object, "checksum", "sha256, fits");
	if (r == 0)
		r = json_add(object, "metadata", json_object_get(header->metadata));
	*ret = object;
	return r;
}

/* The digest and what of the allow-list fails, as members of the copy; the failures as findings too, but once if both copies are the same. */
static int add_verdict(
	struct json_object *object, enum luks_copy which, const struct luks_header *header, uint8_t digest[static SHA256_SIZE], struct verdict *verdict)
{
	CLEANUP(verdict_deinit) struct verdict allowed = VERDICT_NULL;
	struct json_object *refused = json_object_new_array();
	uint8_t before[SHA256_SIZE];
	int r = json_add(object, "refused_by", refused), digested;

	memcpy(before, digest, sizeof(before));
	digested = luks_digest(header, digest);
	if (r == 0)
		r = digested < 0 ? digested : luks_allow(header, which, &allowed);
	for (size_t i = 0; r >= 0 && i < allowed.count; i++) {
		const struct finding *from = &allowed.items[i];
		struct finding *finding;

		if (from->state != FINDING_FAILED)
			continue;
		r = json_push(refused, json_object_new_string(from->check));
		if (digested == 0 && memcmp(digest, before, sizeof(before)) == 0)
			continue;
		verdict_fail(verdict, from->check, FINDING_ADVICE, "%s", from->why);
		finding = verdict_last(verdict);
		finding_expected(finding, "%s", from->expected);
		finding_actual(finding, "%s", from->actual);
		finding_fix(finding, "%s", from->fix);
	}
	if (r >= 0)
		r = json_add_bool(object, "allowed", verdict_ok(&allowed));
	if (r == 0 && digested == 0)
		r = json_add_hex(object, "digest", digest, SHA256_SIZE);
	return r;
}

int show_luks(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct json_object *list = json_object_new_array(), *header_object;
	uint8_t digest[SHA256_SIZE] = {0};
	int r = json_add(object, "headers", list);

	if (r < 0 || json_add_text(object, "kind", "luks") < 0)
		return -ENOMEM;
	for (enum luks_copy which = LUKS_PRIMARY; r == 0 && which <= LUKS_SECONDARY; which++) {
		CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
		struct error error = ERROR_NULL;

		r = luks_find(data, which, &header, &error);
		if (r > 0) {
			verdict_fail(verdict, which == LUKS_PRIMARY ? "luks.primary" : "luks.secondary", FINDING_EVIDENCE, "%s", error_text(&error));
			/* Of a LUKS1 header there is no second copy. */
			if (r == LUKS_E_VERSION)
				break;
			r = 0;
			continue;
		}
		if (r == 0)
			r = add_header(list, which, &header, &header_object);
		if (r == 0)
			r = add_verdict(header_object, which, &header, digest, verdict);
	}
	return r < 0 ? r : 0;
}
