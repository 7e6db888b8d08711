/* SPDX-License-Identifier: Apache-2.0 */
#include "made.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "luks/digest.h"

#define B64_32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SLOT(offset, kdf)                                                                                                                                      \
	"{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},"                                                \
	"\"area\":{\"type\":\"raw\",\"offset\":\"" offset "\",\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":{" kdf "}}"

static const char good[] =
	"{\"keyslots\":{"
	"\"0\":" SLOT("32768", "\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"" B64_32 "\"") ","
	"\"1\":" SLOT("290816", "\"type\":\"argon2id\",\"time\":4,\"memory\":1048576,\"cpus\":4,\"salt\":\"" B64_32 "\"") "},"
	"\"tokens\":{\"0\":{\"type\":\"sevattest\",\"keyslots\":[\"0\"]},\"1\":{\"type\":\"systemd-recovery\",\"keyslots\":[\"1\"]}},"
	"\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}},"
	"\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[\"0\",\"1\"],\"segments\":[\"0\"],\"hash\":\"sha256\",\"iterations\":1000,"
	"\"salt\":\"" B64_32 "\",\"digest\":\"" B64_32 "\"}},"
	"\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"1048576\"}}";

static void change(struct json_object *document, const struct change *c)
{
	char *path = strdup(c->path), *rest = path, *name;
	struct json_object *value = NULL;

	ck_assert_ptr_nonnull(path);
	while ((name = strsep(&rest, ".")) && rest) {
		if (!json_get_object(document, name))
			ck_assert_int_eq(json_add(document, name, json_object_new_object()), 0);
		document = json_get_object(document, name);
	}
	json_object_object_del(document, name);
	if (c->value) {
		ck_assert_int_eq(json_read(bytes_of_text(c->value), &value, NULL), 0);
		ck_assert_int_eq(json_object_object_add(document, name, value), 0);
	}
	free(path);
}

struct json_object *made_metadata(const struct change *changes)
{
	struct json_object *document = NULL;

	ck_assert_int_eq(json_read(bytes_of_text(good), &document, NULL), 0);
	for (size_t i = 0; i < CHANGES_MAX && changes[i].path; i++)
		change(document, &changes[i]);
	return document;
}

static void put_u64(uint8_t *at, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void put_text(uint8_t *at, const char *text, const char *instead)
{
	memcpy(at, text ? text : instead, strlen(text ? text : instead));
}

void made_copy(struct buf *to, enum luks_copy which, const struct made *made)
{
	size_t size = made->size ? made->size : LUKS_HEADER_MIN;
	JSON_AUTO document = made_metadata(made->changes);
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t *image = calloc(1, size);

	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(json_write(&text, document), 0);
	ck_assert(text.size < size - LUKS_BINARY_SIZE);
	memcpy(image, luks_magic(which), LUKS_MAGIC_SIZE);
	image[7] = 2;
	put_u64(image + 8, size);
	put_u64(image + 16, made->seqid);
	put_text(image + 24, made->label, "");
	put_text(image + 72, "sha256", "");
	memset(image + 104, which == LUKS_PRIMARY ? 0x5a : 0xa5, LUKS_SALT_SIZE);
	put_text(image + 168, made->uuid, MADE_UUID);
	put_text(image + 208, made->subsystem, "");
	put_u64(image + 256, which == LUKS_PRIMARY ? 0 : size);
	memcpy(image + LUKS_BINARY_SIZE, text.data, text.size);
	ck_assert_int_eq(sha256(image + 448, bytes_of(image, size)), 0);
	ck_assert_int_eq(buf_append(to, image, size), 0);
	free(image);
}

void made_disk(struct buf *to, const struct made *primary, const struct made *secondary)
{
	made_copy(to, LUKS_PRIMARY, primary);
	made_copy(to, LUKS_SECONDARY, secondary);
	ck_assert_int_eq(buf_reserve(to, MADE_SLOTS), 0);
	for (uint32_t i = 0; i < MADE_SLOTS; i += 4)
		memcpy(to->data + to->size + i, &(uint32_t){i * 2654435761U}, 4);
	to->size += MADE_SLOTS;
}

void made_digest(uint8_t *ret, const struct made *made)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	CLEANUP(buf_deinit) struct buf copy = BUF_NULL;
	struct error error = ERROR_NULL;

	made_copy(&copy, LUKS_PRIMARY, made);
	ck_assert_msg(luks_header_read(buf_view(&copy), LUKS_PRIMARY, &header, &error) == 0, "%s", error_text(&error));
	ck_assert_int_eq(luks_digest(&header, ret), 0);
}
