/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration with one key of each type; with a byte FFh in it, which no text has, what stands behind it is a second file of the same configuration.
 *
 * planted: config config_read
 */
#include "base/config.h"
#include "fuzz.h"

struct settings {
	char *text;
	struct config_list list;
	uint64_t number, seconds;
	bool on;
};

static const struct config_key keys[] = {
	{"a", "text", CONFIG_TEXT, offsetof(struct settings, text), 0, 0, "default"},
	{"a", "list", CONFIG_LIST, offsetof(struct settings, list), 0, 0, NULL},
	{"a", "number", CONFIG_U64, offsetof(struct settings, number), 1, 1000, "7"},
	{"b", "seconds", CONFIG_SECONDS, offsetof(struct settings, seconds), 0, UINT64_MAX, "5min"},
	{"b", "on", CONFIG_BOOL, offsetof(struct settings, on), 0, 0, "no"},
};

/* What was read is in its range; what was refused has left nothing behind. */
static void read_texts(const struct config_text *texts, size_t count)
{
	struct settings settings = {.text = NULL};
	struct error error = ERROR_NULL;
	int r = count == 1 ? config_read(&settings, keys, ARRAY_SIZE(keys), texts[0].name, texts[0].text, &error)
			   : config_read_all(&settings, keys, ARRAY_SIZE(keys), texts, count, &error);

	if (r == 0 && (!settings.text || settings.number < 1 || settings.number > 1000))
		abort();
	if (r != 0 && (settings.text || settings.list.items))
		abort();
	config_deinit(&settings, keys, ARRAY_SIZE(keys));
}

static size_t count_lines(struct bytes text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n';
	return lines;
}

/* Blanking leaves every line where it was. */
static void blank(struct bytes text, bool own)
{
	struct buf copy = BUF_NULL;

	if (buf_append(&copy, text.data, text.size))
		abort();
	config_blank(&copy, "a", own);
	if (count_lines(buf_view(&copy)) != count_lines(text))
		abort();
	buf_deinit(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_text texts[2] = {{"first.conf", bytes_of(data, size)}, {"second.conf", {NULL, 0}}};
	const uint8_t *split = size ? memchr(data, 0xff, size) : NULL;

	blank(bytes_of(data, size), false);
	blank(bytes_of(data, size), true);
	if (!split) {
		read_texts(texts, 1);
		return 0;
	}
	texts[0].text = fuzz_copy(bytes_of(data, (size_t)(split - data)));
	texts[1].text = fuzz_copy(bytes_of(split + 1, (size_t)(data + size - split - 1)));
	read_texts(texts, 2);
	fuzz_free(texts[0].text);
	fuzz_free(texts[1].text);
	return 0;
}
