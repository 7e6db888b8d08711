/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks with two LUKS2 headers, by their structure: the input says which members of a good document to change, in which copy, what is damaged, and which of the two
 * is listed. What is allowed holds what has to hold, whatever the checks say; what is chosen is listed and allowed; and what is rebuilt from it reads back as the
 * chosen copy in both places, with the key slots as they were.
 *
 * Input: flags, count of the primary's changes, then changes of the primary and the rest of the secondary: u8 path, u8 value, and for value 255 u8 size and JSON.
 *
 * planted: base64-text luks_base64_is
 */
#include "base/json.h"
#include "base/text.h"
#include "fuzz.h"
#include "luks/choose.h"
#include "luks/digest.h"
#include "luks/rebuild.h"

#define SIZE LUKS_HEADER_MIN
#define SLOTS 524288
#define SEQID_OFFSET 23
#define B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SLOT(offset, kdf)                                                                                                                                      \
	"{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\",\"offset\":\"" offset \
	"\",\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":{\"salt\":\"" B64 "\"," kdf "}}"

enum { DAMAGE_PRIMARY = 1, DAMAGE_SECONDARY = 2, CUT = 4, LIST_PRIMARY = 8, LIST_SECONDARY = 16, KEY_CHECKED = 32, NEWER = 64, LIST_GOOD = 128 };

static const char good[] = "{\"keyslots\":{\"0\":" SLOT("32768", "\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000") ",\"1\":" SLOT("290816",
	"\"type\":\"argon2id\",\"time\":4,\"memory\":65536,\"cpus\":2") "},\"tokens\":{\"0\":{\"type\":\"sevattest\",\"keyslots\":[\"0\"]}},\"segments\":{\"0\":{\"type\":\"crypt\","
	"\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}},\"digests\":{\"0\":{\"type\":\"pbkdf2\","
	"\"keyslots\":[\"0\",\"1\"],\"segments\":[\"0\"],\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"" B64 "\",\"digest\":\"" B64 "\"}},\"config\":{\"json_size\":\"12288\","
	"\"keyslots_size\":\"524288\"}}";

static const char *const paths[] = {"segments.0.encryption", "segments.0.type", "segments.0.offset", "segments.0.size", "segments.0.iv_tweak", "segments.0.sector_size",
	"segments.0.integrity", "segments.0.flags", "segments.0", "segments.1", "segments", "keyslots.0.type", "keyslots.0.key_size", "keyslots.0.priority", "keyslots.0.af",
	"keyslots.0.af.stripes", "keyslots.0.area", "keyslots.0.area.type", "keyslots.0.area.offset", "keyslots.0.area.size", "keyslots.0.area.encryption",
	"keyslots.0.area.key_size", "keyslots.0.kdf", "keyslots.0.kdf.type", "keyslots.0.kdf.salt", "keyslots.0.kdf.iterations", "keyslots.0.kdf.hash", "keyslots.1",
	"keyslots.1.kdf.time", "keyslots.1.kdf.memory", "keyslots.1.kdf.cpus", "keyslots.2", "keyslots", "digests.0", "digests.1", "digests.0.type", "digests.0.keyslots",
	"digests.0.segments", "digests.0.salt", "digests.0.iterations", "digests", "tokens.0", "tokens.0.type", "tokens.0.keyslots", "tokens.1", "tokens", "config.flags",
	"config.requirements", "config.json_size", "config.keyslots_size", "config", "x", "keyslots.0.x", "digests.0.hash", "digests.0.digest"};

static const char *const values[] = {NULL, "\"cipher_null-ecb\"", "\"aes-xts-plain64\"", "\"linear\"", "\"0\"", "0", "1", "64", "512", "4096", "\"16777216\"", "\"32768\"",
	"\"18446744073709551615\"", "\"00\"", "{}", "[]", "[\"0\"]", "[\"0\",\"0\"]", "[\"1\"]", "null", "\"luks2\"", "\"reencrypt\"", "\"raw\"", "\"argon2id\"", "\"argon2i\"", "4294967295",
	"1.5", "\"" B64 "\"", "\"AA==\"", "\"sevattest\"", "{\"type\":\"systemd-recovery\",\"keyslots\":[\"1\"]}", "{\"type\":\"luks2\"}", "[\"allow-discards\"]", "\"systemd-tpm2\"", "2",
	"\"16781312\"", "\"20480\"", "[\"0\",\"1\",\"2\"]"};

static void edit(struct json_object *object, const char *path, struct json_object *value, bool remove)
{
	char name[32];
	size_t size;

	while ((size = strcspn(path, ".")) < strlen(path)) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)size, path);
		object = json_get_object(object, name);
		if (!object) {
			(void)json_object_put(value);
			return;
		}
		path += size + 1;
	}
	if (remove)
		json_object_object_del(object, path);
	else if (json_object_object_add(object, path, value) < 0)
		abort();
}

static struct json_object *document_of(struct bytes *input, size_t changes)
{
	struct json_object *document = NULL;

	if (json_read(bytes_of_text(good), &document, NULL))
		abort();
	while (changes-- > 0 && input->size) {
		const char *path = paths[fuzz_u8(input) % ARRAY_SIZE(paths)];
		uint8_t which = fuzz_u8(input);
		const char *value = values[which % ARRAY_SIZE(values)];
		struct bytes text = value ? bytes_of_text(value) : bytes_of(NULL, 0);
		struct json_object *made = NULL;

		if (which == 255)
			text = fuzz_take(input, fuzz_u8(input));
		if (!text.data || json_read(text, &made, NULL) == 0)
			edit(document, path, made, !text.data);
	}
	return document;
}

static void put_header(uint8_t *at, enum luks_copy which, struct json_object *document, uint8_t seqid)
{
	static const char uuid[] = "0ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d";
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	if (json_write(&text, document))
		abort();
	if (text.size >= SIZE - LUKS_BINARY_SIZE)
		text.size = 0;
	memset(at, 0, SIZE);
	memcpy(at, luks_magic(which), LUKS_MAGIC_SIZE);
	at[7] = 2;
	at[14] = SIZE >> 8;
	at[SEQID_OFFSET] = seqid;
	memcpy(at + 72, "sha256", 6);
	memcpy(at + 168, uuid, sizeof(uuid));
	at[262] = which == LUKS_PRIMARY ? 0 : SIZE >> 8;
	if (text.size)
		memcpy(at + LUKS_BINARY_SIZE, text.data, text.size);
	if (sha256(at + 448, bytes_of(at, SIZE)))
		abort();
}

/* What no check may let through, said once more in another way. */
static void safe(const struct luks_header *header)
{
	struct json_object *segments = json_get_object(header->metadata, "segments"), *segment = json_get_object(segments, "0");
	struct json_object *slots = json_get_object(header->metadata, "keyslots");
	uint64_t area = luks_area_size(header), offset;

	if (area == 0 || area > LUKS_AREA_MAX || json_object_object_length(segments) != 1 || json_object_object_length(segment) != 6)
		abort();
	if (strcmp(json_get_text(segment, "encryption", NULL), "aes-xts-plain64") != 0 || strcmp(json_get_text(segment, "type", NULL), "crypt") != 0 ||
		text_to_u64(json_get_text(segment, "offset", NULL), UINT64_MAX, false, &offset) || offset < area || offset % 4096 != 0)
		abort();
	json_object_object_foreach (slots, name, slot) {
		struct json_object *place = json_get_object(slot, "area");
		uint64_t size;

		if (strcmp(json_get_text(place, "encryption", NULL), "aes-xts-plain64") != 0 || text_to_u64(json_get_text(place, "offset", NULL), area, false, &offset) ||
			text_to_u64(json_get_text(place, "size", NULL), area, false, &size) || offset < 2 * SIZE || offset + size > area || strlen(name) > 2)
			abort();
	}
}

static void must_digest(struct bytes file, enum luks_copy which, uint8_t *ret)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;

	if (luks_find(file, which, &header, NULL) || luks_digest(&header, ret))
		abort();
	safe(&header);
}

/* Behind the headers stands what the disk has, or nothing. */
static bool of_the_disk(struct bytes built, struct bytes file)
{
	for (size_t i = 2 * SIZE; i < built.size; i++)
		if (built.data[i] && built.data[i] != file.data[i])
			return false;
	return built.size <= file.size;
}

static void chosen(struct bytes file, enum luks_copy which, const struct luks_disk *disk)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf built = BUF_NULL;
	uint8_t digest[SHA256_SIZE], again[SHA256_SIZE];
	bool listed = disk->header_count == 0 && disk->key_checked;
	enum luks_copy copy;

	must_digest(file, which, digest);
	for (size_t i = 0; i < disk->header_count; i++)
		listed |= memcmp(disk->headers[i], digest, SHA256_SIZE) == 0;
	if (!listed || luks_rebuild(file, which, &built) || built.size > file.size || !of_the_disk(buf_view(&built), file))
		abort();
	for (copy = LUKS_PRIMARY; copy <= LUKS_SECONDARY; copy++) {
		must_digest(buf_view(&built), copy, again);
		if (memcmp(again, digest, SHA256_SIZE) != 0)
			abort();
	}
	if (luks_choose(buf_view(&built), disk, &verdict, &copy) || copy != LUKS_PRIMARY || verdict_find(&verdict, "luks.other_copy")->state != FINDING_PASSED)
		abort();
}

static void add_listed(struct luks_disk *disk, struct bytes file, enum luks_copy which)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;

	if (disk->header_count < LUKS_DISK_HEADERS_MAX && luks_find(file, which, &header, NULL) == 0 && luks_digest(&header, disk->headers[disk->header_count]) == 0)
		disk->header_count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	static uint8_t image[2 * SIZE + SLOTS], plain[2 * SIZE];
	struct bytes input = bytes_of(data, size), file = bytes_of(image, sizeof(image));
	uint8_t flags = fuzz_u8(&input), count = fuzz_u8(&input);
	struct luks_disk disk = {.key_checked = flags & KEY_CHECKED};
	JSON_AUTO first = document_of(&input, count);
	JSON_AUTO second = document_of(&input, SIZE_MAX);
	JSON_AUTO neither = document_of(&input, 0);
	enum luks_copy copy = LUKS_PRIMARY;
	int r;

	put_header(image, LUKS_PRIMARY, first, 5);
	put_header(image + SIZE, LUKS_SECONDARY, second, flags & NEWER ? 6 : 5);
	put_header(plain, LUKS_PRIMARY, neither, 5);
	if (flags & LIST_PRIMARY)
		add_listed(&disk, file, LUKS_PRIMARY);
	if (flags & LIST_SECONDARY)
		add_listed(&disk, file, LUKS_SECONDARY);
	if (flags & LIST_GOOD)
		add_listed(&disk, bytes_of(plain, sizeof(plain)), LUKS_PRIMARY);
	image[300] = flags & DAMAGE_PRIMARY ? 1 : 0;
	image[SIZE + 300] = flags & DAMAGE_SECONDARY ? 1 : 0;
	if (flags & CUT)
		file.size = size * 1024 < file.size ? size * 1024 : file.size;
	r = luks_choose(file, &disk, &verdict, &copy);
	if (r < 0 || (r == 0) != verdict_ok(&verdict) || (r > 0 && (!verdict_first_failed(&verdict)->why || !verdict_first_failed(&verdict)->fix)))
		abort();
	if (r == 0)
		chosen(file, copy, &disk);
	return 0;
}
