/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * INI configuration (inih) driven by a table: one row per key. An unknown section or key, a key given twice that is not a list, or a value that
 * does not parse is an error with file and line. Pure: text in, struct out; programs read the file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum config_type {
	CONFIG_TEXT, /* char *, owned, last one wins never: twice is an error */
	CONFIG_LIST, /* struct config_list, one more per line */
	CONFIG_U64,  /* uint64_t within min..max */
	CONFIG_BOOL, /* bool: yes no true false on off 1 0 */
	CONFIG_SECONDS, /* uint64_t seconds: 90, 90s, 5min, 2h, 1d */
};

struct config_list {
	char **items;
	size_t count;
};

struct config_key {
	const char *section;
	const char *name;
	enum config_type type;
	size_t offset; /* offsetof() into the program's struct */
	uint64_t min;
	uint64_t max; /* for U64 and SECONDS */
	const char *default_text; /* NULL: zero value */
};

#define CONFIG_TEXT_MAX ((size_t)256 << 10)

/*
 * Several programs read one file: blanks the lines that are another program's business, so that line numbers stay what they are in the file. With `own`
 * only the lines of `section` stay; without it all but these, so that a misspelt section is somebody's error. What stands before the first section
 * stays: it is an error for everybody.
 */
void config_blank(struct buf *text, const char *section, bool own);

/* Fills `into` (zeroed by the caller) from `text`; `name` is for messages. Then defaults for what was not given. 0, -EINVAL, -ENOMEM. */
int config_read(void *into, const struct config_key *keys, size_t key_count, const char *name, struct bytes text, struct error *error) MUST_CHECK;

/* One of several files that make up a configuration. */
struct config_text {
	const char *name;
	struct bytes text;
};
/* The same over several texts, in this order: a later text replaces a single value of an earlier one and adds to its lists. */
int config_read_all(void *into, const struct config_key *keys, size_t key_count, const struct config_text *texts, size_t count,
	struct error *error) MUST_CHECK;
/* Frees what config_read() allocated. */
void config_deinit(void *into, const struct config_key *keys, size_t key_count);
