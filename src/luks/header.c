/* SPDX-License-Identifier: Apache-2.0 */
#include "luks/header.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"

#define ALGORITHM_SIZE 32
#define UUID_SIZE 40
#define NAME_SIZE 48
#define CHECKSUM_OFFSET 448
#define CHECKSUM_FIELD 64

static const uint8_t magics[][LUKS_MAGIC_SIZE] = {[LUKS_PRIMARY] = {'L', 'U', 'K', 'S', 0xba, 0xbe}, [LUKS_SECONDARY] = {'S', 'K', 'U', 'L', 0xba, 0xbe}};

void luks_header_deinit(struct luks_header *header)
{
	if (header->metadata)
		(void)json_object_put(header->metadata);
	header->metadata = NULL;
}

const uint8_t *luks_magic(enum luks_copy which)
{
	return magics[which];
}

bool luks_looks_like(struct bytes disk)
{
	return disk.size > LUKS_MAGIC_SIZE + 2 && memcmp(disk.data, magics[LUKS_PRIMARY], LUKS_MAGIC_SIZE) == 0;
}

/* A field of text: ended by NUL, and nothing but NUL behind, printable. */
static bool read_text(struct reader *reader, size_t size, char to[static LUKS_TEXT_MAX])
{
	struct bytes field = reader_bytes(reader, size);
	const uint8_t *end = field.data ? memchr(field.data, 0, field.size) : NULL;
	size_t length = end ? (size_t)(end - field.data) : 0;

	if (!end || !bytes_all_zero(end, field.size - length))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (field.data[i] < 0x20 || field.data[i] > 0x7e)
			return false;
	}
	memcpy(to, field.data, length);
	to[length] = '\0';
	return true;
}

static bool legal_size(uint64_t size)
{
	return size >= LUKS_HEADER_MIN && size <= LUKS_HEADER_MAX && (size & (size - 1)) == 0;
}

/* Over the whole copy, the checksum's own field being zero. */
static int check_sum(struct bytes copy, struct bytes stated, struct error *error)
{
	CLEANUP(buf_deinit) struct buf image = BUF_NULL;
	uint8_t digest[SHA256_SIZE];
	int r = buf_append(&image, copy.data, copy.size);

	if (r < 0)
		return r;
	memset(image.data + CHECKSUM_OFFSET, 0, CHECKSUM_FIELD);
	r = sha256(digest, buf_view(&image));
	if (r < 0)
		return r;
	if (memcmp(digest, stated.data, sizeof(digest)) != 0 || !bytes_all_zero(stated.data + sizeof(digest), CHECKSUM_FIELD - sizeof(digest)))
		return error_set(error, LUKS_E_CHECKSUM, "the header's checksum does not fit: damaged, or half written");
	return 0;
}

/* The JSON ends with a NUL, and nothing but NULs fills its area. */
static int read_json(struct bytes area, struct json_object **ret, struct error *error)
{
	const uint8_t *end = memchr(area.data, 0, area.size);
	size_t length = end ? (size_t)(end - area.data) : area.size;
	JSON_AUTO document = NULL;
	int r;

	if (!end || !bytes_all_zero(end, area.size - length))
		return error_set(error, LUKS_E_JSON, "the JSON area is not one text and zeros");
	r = json_read(bytes_of(area.data, length), &document, error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		error_prefix(error, "the header's JSON");
		return LUKS_E_JSON;
	}
	if (!json_object_is_type(document, json_type_object))
		return error_set(error, LUKS_E_JSON, "the header's JSON is not an object");
	*ret = document;
	document = NULL;
	return 0;
}

/* The first 512 bytes. The fields are checked in the order in which they stand. */
static int read_binary(struct reader *reader, enum luks_copy which, struct luks_header *ret, struct bytes *ret_checksum, struct error *error)
{
	struct bytes magic = reader_bytes(reader, LUKS_MAGIC_SIZE);
	uint16_t version = reader_u16be(reader); /* 6 */
	char algorithm[LUKS_TEXT_MAX];
	bool texts;

	if (!reader_ok(reader) || memcmp(magic.data, magics[which], LUKS_MAGIC_SIZE) != 0)
		return error_set(error, LUKS_E_MAGIC, "no LUKS header");
	if (version != 2)
		return error_set(error, LUKS_E_VERSION, "LUKS version %u, not 2", version);
	ret->size = reader_u64be(reader);                       /* 8 */
	ret->seqid = reader_u64be(reader);                      /* 16 */
	texts = read_text(reader, NAME_SIZE, ret->label);       /* 24 */
	texts &= read_text(reader, ALGORITHM_SIZE, algorithm);  /* 72 */
	reader_copy(reader, ret->salt, sizeof(ret->salt));      /* 104 */
	texts &= read_text(reader, UUID_SIZE, ret->uuid);       /* 168 */
	texts &= read_text(reader, NAME_SIZE, ret->subsystem);  /* 208 */
	ret->offset = reader_u64be(reader);                     /* 256 */
	if (!reader_zeros(reader, 184))                         /* 264 */
		texts = false;
	*ret_checksum = reader_bytes(reader, CHECKSUM_FIELD);   /* 448 */
	if (!reader_ok(reader))
		return error_set(error, LUKS_E_TRUNCATED, "the header is cut off");
	if (!texts)
		return error_set(error, LUKS_E_FORM, "a text of the header is not printable, or followed by something");
	if (strcmp(algorithm, "sha256") != 0)
		return error_set(error, LUKS_E_FORM, "the header's checksum is %s, not sha256", algorithm);
	if (!legal_size(ret->size))
		return error_set(error, LUKS_E_FORM, "a header of %" PRIu64 " bytes is not legal", ret->size);
	if (ret->offset != (which == LUKS_PRIMARY ? 0 : ret->size))
		return error_set(error, LUKS_E_FORM, "the header says that it begins at %" PRIu64, ret->offset);
	return 0;
}

int luks_header_read(struct bytes data, enum luks_copy which, struct luks_header *ret, struct error *error)
{
	struct luks_header header = LUKS_HEADER_NULL;
	struct bytes checksum;
	struct reader reader;
	int r;

	reader_init(&reader, data);
	r = read_binary(&reader, which, &header, &checksum, error);
	if (r != 0)
		return r;
	if (data.size < header.size)
		return error_set(error, LUKS_E_TRUNCATED, "the header has %" PRIu64 " bytes, %zu are there", header.size, data.size);
	data.size = (size_t)header.size;
	r = check_sum(data, checksum, error);
	if (r == 0)
		r = read_json(bytes_from(data, LUKS_BINARY_SIZE), &header.metadata, error);
	if (r == 0)
		*ret = header;
	return r;
}
