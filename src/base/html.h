/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The status pages: plain semantic HTML with one style sheet inside, no script, nothing from elsewhere. Pure: appends to a buffer, keeps the
 * first error. html_text() is the only way for a text that is not ours into a page; it escapes, also within attributes.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/finding.h"

struct html {
	struct buf *to;
	int r;
};

/* How a page or a row feels. */
enum html_mood { HTML_NEUTRAL, HTML_GOOD, HTML_WARN, HTML_BAD };

/*
 * The head with title and style, and the banner: `headline` in the mood's colour, `summary` below (NULL: none). `product` names the program
 * in the title. Texts are escaped.
 */
void html_begin(struct html *html, struct buf *to, const char *product, enum html_mood mood, const char *headline, const char *summary);
/* The foot: version and the links to the other pages. 0 or -errno; then `to` holds a part and must not be sent. */
int html_end(struct html *html, const char *program, const char *version, int64_t now) MUST_CHECK;

/* Our own markup, as it is. */
void html_raw(struct html *html, const char *markup);
/* Any text (NULL: nothing): markup is escaped, what is not printable UTF-8 becomes \xNN. */
void html_text(struct html *html, const char *text);
void html_printf(struct html *html, const char *format, ...) PRINTF_LIKE(2, 3); /* escaped as a whole */

/* "2026-06-01 00:50 UTC (in 50 min)"; a dash for 0. */
void html_time(struct html *html, int64_t seconds, int64_t now);
/* Lower-case hex that may be broken anywhere. */
void html_hex(struct html *html, struct bytes data);

/* <section> with its heading; closed by html_section_end(). */
void html_section(struct html *html, const char *heading);
void html_section_end(struct html *html);

/* A list of name and value: html_list(), then html_term() and the value each time, html_list_end(). */
void html_list(struct html *html);
void html_term(struct html *html, const char *name);
void html_list_end(struct html *html);
/* A whole row of it; nothing when `value` is NULL. */
void html_row(struct html *html, const char *name, const char *value);
void html_row_time(struct html *html, const char *name, int64_t seconds, int64_t now); /* nothing for 0 */
void html_row_hex(struct html *html, const char *name, struct bytes data);             /* nothing when empty */
void html_row_u64(struct html *html, const char *name, uint64_t value);

/*
 * A table that becomes a list of cards on a narrow screen: columns are named once, html_cell() says which column follows.
 */
void html_table(struct html *html, const char *const *columns, size_t count);
void html_table_row(struct html *html);
void html_cell(struct html *html, const char *column);
void html_cell_end(struct html *html);
void html_cell_text(struct html *html, const char *column, const char *text); /* a dash for NULL */
void html_table_end(struct html *html);

/* A short word in a coloured frame. */
void html_badge(struct html *html, enum html_mood mood, const char *word);

/* Each finding that decides and did not pass, with reason and fix. Returns how many. */
size_t html_failed(struct html *html, const struct verdict *verdict);
/* All findings, folded. */
void html_findings(struct html *html, const struct verdict *verdict);

/*
 * The value of a Content-Security-Policy header under which these pages work and nothing else does: no script, no form, no frame, and the one
 * style sheet by its hash.
 */
#define HTML_POLICY_MAX 256
int html_policy(char to[static HTML_POLICY_MAX]) MUST_CHECK;
