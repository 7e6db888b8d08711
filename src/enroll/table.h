/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The tables of /etc, crypttab(5) and fstab(5): lines of fields between blanks, comments, and a field of options between commas. Reading gives views into the
 * text; whoever edits copies all other bytes as they are. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define TABLE_TEXT_MAX ((size_t)1 << 20) /* a table of a machine has some dozen lines */
#define TABLE_FIELDS_MAX 6               /* fstab's; what stands behind them is nobody's */

struct table_line {
	struct bytes whole;                    /* with its newline, where it has one */
	struct bytes fields[TABLE_FIELDS_MAX]; /* the first `count` */
	size_t count;                          /* 0: empty, or a comment */
	size_t number;                         /* from 1 */
};

struct table {
	struct reader reader;
	size_t number;
};

void table_init(struct table *table, struct bytes text);
/* The next line, comments and empty ones too; false at the end. */
bool table_next(struct table *table, struct table_line *ret);

/* The next of "a,b=c,d" from *rest, which moves on; "\\," does not separate. Empty ones are passed over. False at the end. */
bool table_option_next(struct bytes *rest, struct bytes *ret);
/* Is this option NAME, or NAME=VALUE? */
bool table_option_is(struct bytes option, const char *name);
/* The value of NAME=VALUE, "" for NAME alone, in *ret; of several the last one, as systemd has it. False when there is none. */
bool table_option(struct bytes options, const char *name, struct bytes *ret);

/* May this stand in a field: not empty, no blank, no control character, no '#' in front? */
bool table_word_valid(const char *text);
bool table_equal(struct bytes field, const char *text);
/* Does a field name this device? UUID="x" is the same as UUID=x. */
bool table_source_is(struct bytes field, const char *name);
