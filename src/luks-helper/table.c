/* SPDX-License-Identifier: Apache-2.0 */
#include "luks-helper/table.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SECTOR 512
#define WORD_MAX 128 /* of a word that is shown: device-mapper's texts are short */

/* What the header says that the table has to say. */
struct said {
	const char *cipher;
	uint64_t key_size, offset, length, iv, sector_size;
};

/* The parameters of dm-crypt: CIPHER KEY IV DEVICE OFFSET [COUNT OPTION...] */
struct line {
	char cipher[WORD_MAX], device[WORD_MAX];
	uint64_t key_size, iv, offset, sector_size;
	char option[WORD_MAX]; /* the first that is not allowed, or "" */
};

/* What changes speed or passes discards on, and not what is written. */
static const char *const harmless[] = {
	"allow_discards", "same_cpu_crypt", "submit_from_crypt_cpus", "no_read_workqueue", "no_write_workqueue", "high_priority"};

static bool number(const char *text, uint64_t *ret)
{
	return text && text_to_u64(text, UINT64_MAX, false, ret) == 0;
}

/* All key slots are of one size, which is the volume key's. */
static bool read_key_size(struct json_object *slots, uint64_t *ret)
{
	uint64_t found = 0;

	json_object_object_foreach(slots, name, slot)
	{
		uint64_t size;

		(void)name;
		if (!json_get_u64(slot, "key_size", UINT32_MAX, &size) || (found && size != found))
			return false;
		found = size;
	}
	*ret = found;
	return found > 0;
}

static bool read_header(const struct table_expected *expected, struct said *ret)
{
	struct json_object *segments = json_get_object(expected->header->metadata, "segments");
	struct json_object *slots = json_get_object(expected->header->metadata, "keyslots");
	struct json_object *segment = segments ? json_get_object(segments, "0") : NULL;
	const char *size = segment ? json_get_text(segment, "size", NULL) : NULL;
	uint64_t bytes;

	if (!segment || !slots || !size || json_object_object_length(segments) != 1)
		return false;
	ret->cipher = json_get_text(segment, "encryption", NULL);
	if (!ret->cipher || !number(json_get_text(segment, "offset", NULL), &ret->offset) || !number(json_get_text(segment, "iv_tweak", NULL), &ret->iv) ||
		!json_get_u64(segment, "sector_size", UINT32_MAX, &ret->sector_size) || !read_key_size(slots, &ret->key_size))
		return false;
	ret->offset /= SECTOR;
	if (strcmp(size, "dynamic") == 0)
		ret->length = expected->device_sectors > ret->offset ? expected->device_sectors - ret->offset : 0;
	else if (number(size, &bytes))
		ret->length = bytes / SECTOR;
	else
		return false;
	return true;
}

/* The next word: what stands before a blank or the end. Empty when there is none. */
static struct bytes next_word(struct reader *reader)
{
	const uint8_t *end = reader_left(reader) ? memchr(reader->at, ' ', reader_left(reader)) : NULL;
	struct bytes word = reader_bytes(reader, end ? (size_t)(end - reader->at) : reader_left(reader));

	reader_skip(reader, end ? 1 : 0);
	if (word.size == 0)
		reader_fail(reader);
	return word;
}

static void word_text(char to[static WORD_MAX], struct bytes word)
{
	text_printable(to, WORD_MAX, word);
}

static uint64_t next_number(struct reader *reader)
{
	char text[WORD_MAX];
	uint64_t value = 0;

	word_text(text, next_word(reader));
	if (!number(text, &value))
		reader_fail(reader);
	return value;
}

static bool hex_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "-", or ":64:logon:name" for a key in a keyring, or the key itself in hex, which is only counted. */
static uint64_t key_size(struct reader *reader)
{
	struct bytes word = next_word(reader);
	struct reader inside;
	uint64_t value = 0;

	reader_init(&inside, word);
	if (word.size == 1 && word.data[0] == '-')
		return 0;
	if (word.size > 1 && word.data[0] == ':') {
		reader_skip(&inside, 1);
		while (reader_left(&inside) && *inside.at >= '0' && *inside.at <= '9' && value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(reader_u8(&inside) - '0');
		if (reader_u8(&inside) != ':')
			reader_fail(reader);
		return value;
	}
	for (size_t i = 0; i < word.size; i++) {
		if (!hex_digit(word.data[i]))
			reader_fail(reader);
	}
	return word.size / 2;
}

static void read_option(struct bytes word, struct line *ret)
{
	char text[WORD_MAX];
	uint64_t value;

	word_text(text, word);
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		if (strcmp(text, harmless[i]) == 0)
			return;
	}
	if (text_starts_with(text, "sector_size:") && number(text + strlen("sector_size:"), &value))
		ret->sector_size = value;
	else if (!ret->option[0])
		memcpy(ret->option, text, sizeof(text));
}

static bool read_line(struct bytes parameters, struct line *ret)
{
	struct line line = {.sector_size = SECTOR};
	struct reader reader;
	uint64_t count;

	reader_init(&reader, parameters);
	word_text(line.cipher, next_word(&reader));
	line.key_size = key_size(&reader);
	line.iv = next_number(&reader);
	word_text(line.device, next_word(&reader));
	line.offset = next_number(&reader);
	count = reader_left(&reader) ? next_number(&reader) : 0;
	for (uint64_t i = 0; i < count && reader_ok(&reader); i++)
		read_option(next_word(&reader), &line);
	if (!reader_done(&reader))
		return false;
	*ret = line;
	return true;
}

/* One check: both texts are shown, whatever came out. */
static void judge(struct verdict *verdict, const char *check, bool good, const char *expected, const char *actual)
{
	struct finding *finding;

	if (good) {
		verdict_pass(verdict, check, FINDING_EVIDENCE);
		finding = verdict_last(verdict);
	} else {
		finding = verdict_add(verdict, check, FINDING_EVIDENCE, FINDING_FAILED);
		finding_why(finding, "the mapping is not what the agreed header says");
	}
	finding_expected(finding, "%s", expected);
	finding_actual(finding, "%s", actual);
}

static void judge_number(struct verdict *verdict, const char *check, uint64_t expected, uint64_t actual)
{
	char left[24], right[24];

	(void)snprintf(left, sizeof(left), "%" PRIu64, expected);
	(void)snprintf(right, sizeof(right), "%" PRIu64, actual);
	judge(verdict, check, expected == actual, left, right);
}

/* Now, and what a mere resume would make of it. */
static void judge_state(const struct dm_table *table, struct verdict *ret)
{
	const char *actual = "live";

	if (table->flags & (DM_SUSPEND_FLAG | DM_INTERNAL_SUSPEND_FLAG))
		actual = "suspended";
	else if (table->flags & DM_INACTIVE_PRESENT_FLAG)
		actual = "live, with a second table that waits";
	else if (!(table->flags & DM_ACTIVE_PRESENT_FLAG))
		actual = "no table";
	judge(ret, "table.state", strcmp(actual, "live") == 0, "live", actual);
}

/* cryptsetup names its mappings CRYPT-LUKS2-(UUID without dashes)-(name). */
static void judge_uuid(const struct dm_table *table, const struct table_expected *expected, struct verdict *ret)
{
	char plain[LUKS_TEXT_MAX] = "", wanted[DM_UUID_MAX + 64], actual[WORD_MAX];
	size_t length = 0;

	for (const char *at = expected->header->uuid; *at; at++) {
		if (*at != '-')
			plain[length++] = *at;
	}
	(void)snprintf(wanted, sizeof(wanted), "CRYPT-LUKS2-%s-%s", plain, expected->volume);
	wanted[DM_UUID_MAX] = 0; /* as cryptsetup cuts it */
	text_printable(actual, sizeof(actual), bytes_of_text(table->uuid));
	judge(ret, "table.uuid", strcmp(wanted, table->uuid) == 0, wanted, actual);
}

static void judge_line(const struct said *said, const struct line *line, const struct table_expected *expected, struct verdict *ret)
{
	char device[32];

	(void)snprintf(device, sizeof(device), "%u:%u", expected->major, expected->minor);
	judge(ret, "table.cipher", strcmp(said->cipher, line->cipher) == 0, said->cipher, line->cipher);
	judge_number(ret, "table.key_size", said->key_size, line->key_size);
	judge_number(ret, "table.iv_offset", said->iv, line->iv);
	judge(ret, "table.device", strcmp(device, line->device) == 0, device, line->device);
	judge_number(ret, "table.offset", said->offset, line->offset);
	judge_number(ret, "table.sector_size", said->sector_size, line->sector_size);
	judge(ret, "table.options", !line->option[0], "none that changes what is written", line->option[0] ? line->option : "none");
}

int table_compare(const struct dm_table *table, const struct table_expected *expected, struct verdict *ret)
{
	struct said said;
	struct line line;

	judge_state(table, ret);
	judge_number(ret, "table.targets", 1, table->target_count);
	judge_uuid(table, expected, ret);
	judge(ret, "table.target", strcmp(table->type, "crypt") == 0, "crypt", table->type);
	if (!read_header(expected, &said)) {
		verdict_fail(ret, "table.header", FINDING_EVIDENCE, "the agreed header does not say what the mapping should be");
		return ret->out_of_memory ? -ENOMEM : TABLE_E_DIFFERS;
	}
	judge_number(ret, "table.start", 0, table->start);
	judge_number(ret, "table.length", said.length, table->length);
	if (read_line(table->parameters, &line))
		judge_line(&said, &line, expected, ret);
	else
		verdict_fail(ret, "table.form", FINDING_EVIDENCE, "the parameters are not those of dm-crypt");
	if (ret->out_of_memory)
		return -ENOMEM;
	return verdict_ok(ret) ? 0 : TABLE_E_DIFFERS;
}
