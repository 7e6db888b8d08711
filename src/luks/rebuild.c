/* SPDX-License-Identifier: Apache-2.0 */
#include "luks/rebuild.h"

#include <string.h>

#include "base/crypto.h"
#include "luks/check.h"
#include "luks/choose.h"

#define OFFSET_OFFSET 256
#define CHECKSUM_OFFSET 448
#define CHECKSUM_FIELD 64

/* Appends a copy as it has to be in its place. */
static int put_copy(struct buf *to, struct bytes copy, enum luks_copy place)
{
	uint64_t offset = place == LUKS_PRIMARY ? 0 : copy.size;
	size_t begin = to->size;
	uint8_t *at;
	int r = buf_append(to, copy.data, copy.size);

	if (r < 0)
		return r;
	at = to->data + begin;
	memcpy(at, luks_magic(place), LUKS_MAGIC_SIZE);
	for (size_t i = 0; i < 8; i++)
		at[OFFSET_OFFSET + i] = (uint8_t)(offset >> (56 - 8 * i));
	memset(at + CHECKSUM_OFFSET, 0, CHECKSUM_FIELD);
	return sha256(at + CHECKSUM_OFFSET, bytes_of(at, copy.size));
}

/* The key material of one slot to its place in `to`, which has luks_area_size(). */
static bool put_slot(struct bytes file, size_t headers, struct json_object *slot, uint8_t *to, uint64_t to_size)
{
	struct json_object *area = json_get_object(slot, "area");
	uint64_t offset, size;

	if (!area || !luks_get_decimal(area, "offset", &offset) || !luks_get_decimal(area, "size", &size))
		return false;
	if (offset < headers || offset > to_size || size > to_size - offset)
		return false;
	memcpy(to + offset, file.data + offset, (size_t)size);
	return true;
}

/* What no slot of this header uses is left out: it would be 16 MiB of memory for a key slot of 256 KiB. */
static int put_slots(const struct luks_header *header, struct bytes file, struct buf *to, size_t begin, uint64_t size)
{
	struct json_object *slots = luks_part(header, "keyslots");
	size_t headers = 2 * (size_t)header->size;
	int r = buf_reserve(to, (size_t)size - headers);

	if (r < 0 || !slots)
		return r < 0 ? r : LUKS_E_REFUSED;
	memset(to->data + to->size, 0, (size_t)size - headers);
	to->size += (size_t)size - headers;
	json_object_object_foreach (slots, name, slot) {
		(void)name;
		if (!put_slot(file, headers, slot, to->data + begin, size))
			return LUKS_E_REFUSED;
	}
	return 0;
}

int luks_rebuild(struct bytes file, enum luks_copy which, struct buf *ret)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	size_t begin = ret->size;
	struct bytes copy;
	uint64_t size;
	int r = luks_find(file, which, &header, NULL);

	if (r != 0)
		return r < 0 ? r : LUKS_E_REFUSED;
	size = luks_area_size(&header);
	if (size == 0 || size > file.size)
		return LUKS_E_REFUSED;
	copy = bytes_of(file.data + header.offset, (size_t)header.size);
	r = buf_reserve(ret, (size_t)size);
	if (r == 0)
		r = put_copy(ret, copy, LUKS_PRIMARY);
	if (r == 0)
		r = put_copy(ret, copy, LUKS_SECONDARY);
	if (r == 0)
		r = put_slots(&header, file, ret, begin, size);
	if (r != 0)
		ret->size = begin;
	return r;
}
