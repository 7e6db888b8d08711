/* SPDX-License-Identifier: Apache-2.0 */
#include "base/html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/html_style.h"
#include "base/text.h"

#define TEXT_MAX 2048 /* the texts of findings have at most 1023 bytes, those of our records as many */

static const char *const moods[] = {[HTML_NEUTRAL] = "neutral", [HTML_GOOD] = "good", [HTML_WARN] = "warn", [HTML_BAD] = "bad"};

void html_raw(struct html *html, const char *markup)
{
	if (!html->r)
		html->r = buf_append_text(html->to, markup);
}

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void put_escaped(struct html *html, struct bytes text)
{
	char clean[TEXT_MAX];

	text_printable(clean, sizeof(clean), text);
	for (const char *at = clean; *at && !html->r; at++) {
		const char *entity = entity_of(*at);

		html->r = entity ? buf_append_text(html->to, entity) : buf_append(html->to, at, 1);
	}
}

void html_text(struct html *html, const char *text)
{
	if (text)
		put_escaped(html, bytes_of_text(text));
}

void html_printf(struct html *html, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	html_text(html, text);
}

void html_begin(struct html *html, struct buf *to, const char *product, enum html_mood mood, const char *headline, const char *summary)
{
	*html = (struct html){.to = to};
	html_raw(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
	html_text(html, headline);
	html_raw(html, " - ");
	html_text(html, product);
	html_raw(html, "</title>\n<style>" HTML_STYLE "</style>\n</head>\n<body>\n<header>\n<div class=\"banner ");
	html_raw(html, moods[mood]);
	html_raw(html, "\">\n<p class=\"name\">");
	html_text(html, product);
	html_raw(html, "</p>\n<h1>");
	html_text(html, headline);
	html_raw(html, "</h1>\n");
	if (summary) {
		html_raw(html, "<p>");
		html_text(html, summary);
		html_raw(html, "</p>\n");
	}
	html_raw(html, "</div>\n</header>\n<main>\n");
}

int html_end(struct html *html, const char *program, const char *version, int64_t now)
{
	html_raw(html, "</main>\n<footer>\n<p>");
	html_text(html, program);
	html_raw(html, " ");
	html_text(html, version);
	html_raw(html, ", as of ");
	html_time(html, now, now);
	html_raw(html, ". The same for machines: <a href=\"/status\">/status</a>, <a href=\"/metrics\">/metrics</a>, "
		       "<a href=\"/readyz\">/readyz</a>, <a href=\"/healthz\">/healthz</a>.</p>\n</footer>\n</body>\n</html>\n");
	return html->r;
}

/* "in 50 min", "2 h ago": one unit is exact enough beside the time itself. */
static void put_distance(struct html *html, int64_t distance)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	int64_t size = distance < 0 ? -distance : distance;

	if (size == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		/* Two of a unit, so that "1 h" does not stand for 119 minutes. */
		if (size < 2 * units[i].seconds && units[i].seconds > 1)
			continue;
		html_raw(html, " <span class=\"while\">");
		html_printf(html, distance > 0 ? "(in %" PRId64 " %s)" : "(%" PRId64 " %s ago)", size / units[i].seconds, units[i].unit);
		html_raw(html, "</span>");
		return;
	}
}

void html_time(struct html *html, int64_t seconds, int64_t now)
{
	char text[32];

	if (seconds <= 0) {
		html_raw(html, "-");
		return;
	}
	time_format(text, seconds);
	html_raw(html, "<time datetime=\"");
	html_text(html, text);
	html_raw(html, "\">");
	/* 2026-06-01T00:50:00Z */
	html_raw(html, "<span>");
	html_printf(html, "%.10s", text);
	html_raw(html, "</span> <span>");
	html_printf(html, "%.8s UTC", strlen(text) > 19 ? text + 11 : "");
	html_raw(html, "</span></time>");
	put_distance(html, seconds - now);
}

void html_hex(struct html *html, struct bytes data)
{
	char text[TEXT_MAX];
	bool fits = data.size < TEXT_MAX / 2;

	hex_encode(text, data.data, fits ? data.size : 0);
	html_raw(html, "<code>");
	html_text(html, text);
	html_raw(html, "</code>");
}

void html_section(struct html *html, const char *heading)
{
	html_raw(html, "<section>\n<h2>");
	html_text(html, heading);
	html_raw(html, "</h2>\n");
}

void html_section_end(struct html *html)
{
	html_raw(html, "</section>\n");
}

void html_list(struct html *html)
{
	html_raw(html, "<dl>\n");
}

void html_term(struct html *html, const char *name)
{
	html_raw(html, "<dt>");
	html_text(html, name);
	html_raw(html, "</dt><dd>");
}

void html_list_end(struct html *html)
{
	html_raw(html, "</dl>\n");
}

void html_row(struct html *html, const char *name, const char *value)
{
	if (!value)
		return;
	html_term(html, name);
	html_text(html, value);
	html_raw(html, "</dd>\n");
}

void html_row_time(struct html *html, const char *name, int64_t seconds, int64_t now)
{
	if (seconds <= 0)
		return;
	html_term(html, name);
	html_time(html, seconds, now);
	html_raw(html, "</dd>\n");
}

void html_row_hex(struct html *html, const char *name, struct bytes data)
{
	if (!data.size)
		return;
	html_term(html, name);
	html_hex(html, data);
	html_raw(html, "</dd>\n");
}

void html_row_u64(struct html *html, const char *name, uint64_t value)
{
	html_term(html, name);
	html_printf(html, "%" PRIu64, value);
	html_raw(html, "</dd>\n");
}

void html_table(struct html *html, const char *const *columns, size_t count)
{
	html_raw(html, "<table>\n<thead><tr>");
	for (size_t i = 0; i < count; i++) {
		html_raw(html, "<th scope=\"col\">");
		html_text(html, columns[i]);
		html_raw(html, "</th>");
	}
	html_raw(html, "</tr></thead>\n<tbody>\n");
}

void html_table_row(struct html *html)
{
	html_raw(html, "<tr>");
}

void html_cell(struct html *html, const char *column)
{
	html_raw(html, "<td data-name=\"");
	html_text(html, column);
	html_raw(html, "\"><div>");
}

void html_cell_end(struct html *html)
{
	html_raw(html, "</div></td>");
}

void html_cell_text(struct html *html, const char *column, const char *text)
{
	html_cell(html, column);
	html_text(html, text ? text : "-");
	html_cell_end(html);
}

void html_table_end(struct html *html)
{
	html_raw(html, "</tbody>\n</table>\n");
}

void html_badge(struct html *html, enum html_mood mood, const char *word)
{
	html_raw(html, "<span class=\"badge ");
	html_raw(html, moods[mood]);
	html_raw(html, "\">");
	html_text(html, word);
	html_raw(html, "</span>");
}

int html_policy(char to[static HTML_POLICY_MAX])
{
	uint8_t digest[SHA256_SIZE];
	char *text;
	int r = sha256(digest, bytes_of_text(HTML_STYLE));

	if (r)
		return r;
	text = base64_new(BASE64_STD, bytes_of(digest, sizeof(digest)));
	if (!text)
		return -ENOMEM;
	(void)snprintf(to, HTML_POLICY_MAX,
		"default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", text);
	free(text);
	return 0;
}
