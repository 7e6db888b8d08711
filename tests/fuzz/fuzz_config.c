/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration with one key of each type.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = {.text = NULL};
	struct error error = ERROR_NULL;

	(void)!config_read(&settings, keys, sizeof(keys) / sizeof(*keys), "fuzz.conf", bytes_of(data, size), &error);
	config_deinit(&settings, keys, sizeof(keys) / sizeof(*keys));
	return 0;
}
