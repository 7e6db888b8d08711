/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/prepare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "enroll/foreign.h"
#include "enroll/slots.h"
#include "luks/allow.h"
#include "luks/digest.h"

#define TOKEN_TEXT 96
#define CONTENTS_MIN ((uint64_t)1 << 20) /* a disk has room for a file system at least */

void prepared_deinit(struct prepared *prepared)
{
	buf_deinit(&prepared->area);
	luks_header_deinit(&prepared->header);
}

static int of_slots(int r)
{
	switch (r) {
	case SLOTS_E_KEY:
		return PREPARE_E_KEY;
	case SLOTS_E_FULL:
		return PREPARE_E_FULL;
	case SLOTS_E_HEADER:
		return PREPARE_E_HEADER;
	default:
		return r;
	}
}

/* Both copies are read, and must be the same but for their place. */
static int read_both(struct bytes area, struct luks_header *ret, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header first = LUKS_HEADER_NULL;
	CLEANUP(luks_header_deinit) struct luks_header second = LUKS_HEADER_NULL;
	uint8_t one[SHA256_SIZE], other[SHA256_SIZE];
	int r = luks_header_read(area, LUKS_PRIMARY, &first, error);

	if (!r && area.size < 2 * first.size)
		return error_set(error, PREPARE_E_HEADER, "the header is cut off");
	if (!r)
		r = luks_header_read(bytes_from(area, (size_t)first.size), LUKS_SECONDARY, &second, error);
	if (!r)
		r = luks_digest(&first, one);
	if (!r)
		r = luks_digest(&second, other);
	if (r)
		return r < 0 ? r : PREPARE_E_HEADER;
	if (memcmp(one, other, sizeof(one)) != 0 || first.seqid != second.seqid)
		return error_set(error, PREPARE_E_HEADER, "the two copies of the header differ");
	*ret = first;
	first.metadata = NULL;
	return 0;
}

int prepared_read(struct bytes area, struct prepared *ret, struct verdict *verdict, struct error *error)
{
	CLEANUP(prepared_deinit) struct prepared prepared = PREPARED_NULL;
	uint64_t size;
	int r = read_both(area, &prepared.header, error);

	if (!r)
		r = luks_allow(&prepared.header, LUKS_PRIMARY, verdict);
	if (r == LUKS_E_REFUSED)
		return error_set(error, PREPARE_E_REFUSED, "the header holds what must not be there");
	if (r)
		return r;
	size = luks_area_size(&prepared.header);
	if (!size || size > area.size)
		return error_set(error, PREPARE_E_REFUSED, "the header area has %" PRIu64 " bytes, and %zu are there", size, area.size);
	r = buf_append(&prepared.area, area.data, (size_t)size);
	if (!r)
		r = luks_digest(&prepared.header, prepared.digest);
	if (r)
		return r < 0 ? r : PREPARE_E_HEADER;
	*ret = prepared;
	prepared = (struct prepared)PREPARED_NULL;
	return 0;
}

/* Takes out what was made, and tries the key on exactly these bytes: `slot` must be the one that it opens. */
static int take(struct slots *slots, const struct prepare_request *request, int slot, struct prepared *ret, struct verdict *verdict, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	SLOTS_AUTO again = NULL;
	size_t size = request->device_size < LUKS_AREA_MAX ? (size_t)request->device_size : (size_t)LUKS_AREA_MAX;
	int opened = PREPARE_NO_SLOT, r = slots_area(slots, size, &area, error);

	if (!r)
		r = prepared_read(buf_view(&area), ret, verdict, error);
	if (r)
		return r;
	r = slots_open(buf_view(&ret->area), request->device_size, &again, error);
	if (!r)
		r = slots_test(again, request->key, &opened, error);
	if (!r && opened != slot)
		r = error_set(error, -EIO, "the new key opens slot %d instead of %d", opened, slot);
	if (r)
		return of_slots(r);
	ret->key_slot = slot;
	ret->new_slots = UINT32_C(1) << slot;
	return 0;
}

static int add_token(struct slots *slots, const char *type, int slot, struct error *error)
{
	char text[TOKEN_TEXT];

	(void)snprintf(text, sizeof(text), "{\"type\":\"%s\",\"keyslots\":[\"%d\"]}", type, slot);
	return slots_add_token(slots, text, error);
}

/* Tokens of a type and, with `and_slots`, the slots that they name; `keep` stays. */
static int remove_marked(struct slots *slots, const struct luks_header *header, const char *type, bool and_slots, uint32_t keep, struct error *error)
{
	uint32_t marked = foreign_marked(header, type);
	int r = 0;

	json_object_object_foreach (json_get_object(header->metadata, "tokens"), name, token) {
		const char *is = json_get_text(token, "type", NULL);
		uint64_t id;

		if (!is || strcmp(is, type) != 0)
			continue;
		if (text_to_u64(name, LUKS_SLOTS_MAX - 1, false, &id))
			return error_set(error, PREPARE_E_HEADER, "a token has the number %.16s", name);
		r = slots_remove_token(slots, (int)id, error);
		if (r)
			return r;
	}
	for (int slot = 0; !r && and_slots && slot < LUKS_SLOTS_MAX; slot++) {
		if (marked & ~keep & UINT32_C(1) << slot)
			r = slots_remove(slots, slot, error);
	}
	return r;
}

static int remove_told(struct slots *slots, const struct prepare_request *request, const struct luks_header *header, uint32_t keep, struct error *error)
{
	uint32_t going = 0;
	int r = 0;

	if (request->remove_slots)
		going = foreign_slots(header);
	else if (request->remove_foreign)
		going = foreign_slots_refused(header);
	for (int slot = 0; !r && slot < LUKS_SLOTS_MAX; slot++) {
		if (going & ~keep & UINT32_C(1) << slot)
			r = slots_remove(slots, slot, error);
	}
	return r;
}

/* What an earlier enrolment made goes; a recovery key only when another is made. */
static int replace_marked(struct slots *slots, const struct prepare_request *request, const struct luks_header *header, uint32_t keep, struct error *error)
{
	int r = remove_marked(slots, header, LUKS_TOKEN_OURS, true, keep, error);

	if (!r && request->recovery.size)
		r = remove_marked(slots, header, LUKS_TOKEN_RECOVERY, true, keep, error);
	return r;
}

/* The header as the slots' library has it now; nothing is demanded of it. */
static int look(struct slots *slots, const struct prepare_request *request, struct luks_header *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	size_t size = request->device_size < LUKS_AREA_MAX ? (size_t)request->device_size : (size_t)LUKS_AREA_MAX;
	int r = slots_area(slots, size, &area, error);

	if (!r)
		r = luks_header_read(buf_view(&area), LUKS_PRIMARY, ret, error);
	return r > 0 ? PREPARE_E_HEADER : r;
}

static int start(const struct prepare_request *request, struct slots **ret, int *ret_slot, struct error *error)
{
	int r;

	if (request->format) {
		if (request->device_size < LUKS_AREA_MAX + CONTENTS_MIN)
			return error_set(error, PREPARE_E_SMALL, "the device has %" PRIu64 " bytes: the header alone takes 16 MiB", request->device_size);
		*ret_slot = 0;
		return of_slots(slots_format(request->device_size, request->sector_size, NULL, request->key, ret, error));
	}
	r = slots_open(request->area, request->device_size, ret, error);
	if (!r)
		r = slots_add(*ret, request->authority, request->key, true, ret_slot, error);
	return of_slots(r);
}

int prepare_enroll(const struct prepare_request *request, struct prepared *ret, struct verdict *verdict, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header before = LUKS_HEADER_NULL;
	CLEANUP(prepared_deinit) struct prepared prepared = PREPARED_NULL;
	int slot = PREPARE_NO_SLOT, recovery = PREPARE_NO_SLOT, r;
	SLOTS_AUTO slots = NULL;
	uint32_t keep;

	r = start(request, &slots, &slot, error);
	if (!r && request->recovery.size)
		r = of_slots(slots_add(slots, request->key, request->recovery, false, &recovery, error));
	if (!r)
		r = look(slots, request, &before, error);
	if (r)
		return r;
	keep = UINT32_C(1) << slot | (recovery >= 0 ? UINT32_C(1) << recovery : 0);
	if (request->remove_foreign)
		r = foreign_remove_tokens(slots, &before, error);
	if (!r)
		r = replace_marked(slots, request, &before, keep, error);
	luks_header_deinit(&before);
	if (!r)
		r = look(slots, request, &before, error);
	if (!r)
		r = remove_told(slots, request, &before, keep | (request->recovery.size ? 0 : foreign_marked(&before, LUKS_TOKEN_RECOVERY)), error);
	if (!r)
		r = add_token(slots, LUKS_TOKEN_OURS, slot, error);
	if (!r && recovery >= 0)
		r = add_token(slots, LUKS_TOKEN_RECOVERY, recovery, error);
	if (!r)
		r = take(slots, request, slot, &prepared, verdict, error);
	if (r)
		return r;
	prepared.recovery_slot = recovery;
	prepared.new_slots = keep;
	*ret = prepared;
	prepared = (struct prepared)PREPARED_NULL;
	return 0;
}

/* The slots that go in a rotation: of the key that was, and of those that earlier attempts marked. */
static int remove_old(struct slots *slots, const struct luks_header *before, int old, int slot, struct error *error)
{
	int r = slots_remove(slots, old, error);

	for (int i = 0; !r && i < LUKS_SLOTS_MAX; i++) {
		if (i != old && i != slot && foreign_marked(before, LUKS_TOKEN_OURS) & UINT32_C(1) << i)
			r = slots_remove(slots, i, error);
	}
	return r;
}

int prepare_rotate(const struct prepare_request *request, struct prepared *ret_both, struct prepared *ret_next, struct verdict *verdict, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header before = LUKS_HEADER_NULL;
	CLEANUP(prepared_deinit) struct prepared both = PREPARED_NULL;
	CLEANUP(prepared_deinit) struct prepared next = PREPARED_NULL;
	int slot = PREPARE_NO_SLOT, old = PREPARE_NO_SLOT, r;
	SLOTS_AUTO slots = NULL;

	r = start(request, &slots, &slot, error);
	if (!r)
		r = of_slots(slots_test(slots, request->authority, &old, error));
	if (!r)
		r = look(slots, request, &before, error);
	if (!r && foreign_marked(&before, LUKS_TOKEN_RECOVERY) & UINT32_C(1) << old)
		r = error_set(error, PREPARE_E_KEY, "the key opens the recovery slot, which a rotation keeps");
	/* The mark goes to the new slot at once: an attempt that is cut off here leaves a marked slot, which the next one finds. */
	if (!r)
		r = remove_marked(slots, &before, LUKS_TOKEN_OURS, false, 0, error);
	if (!r)
		r = add_token(slots, LUKS_TOKEN_OURS, slot, error);
	if (!r)
		r = take(slots, request, slot, &both, verdict, error);
	if (!r)
		r = remove_old(slots, &before, old, slot, error);
	if (!r)
		r = take(slots, request, slot, &next, verdict, error);
	if (r)
		return r;
	*ret_both = both;
	*ret_next = next;
	both = (struct prepared)PREPARED_NULL;
	next = (struct prepared)PREPARED_NULL;
	return 0;
}
