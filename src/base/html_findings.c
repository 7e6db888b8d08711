/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict on a page: what failed with its fix, and the folded list of everything. */
#include <stdbool.h>

#include "base/html.h"

static void put_detail(struct html *html, const char *name, const char *text)
{
	if (!text)
		return;
	html_raw(html, "<p><span class=\"soft\">");
	html_text(html, name);
	html_raw(html, "</span> ");
	html_text(html, text);
	html_raw(html, "</p>\n");
}

size_t html_failed(struct html *html, const struct verdict *verdict)
{
	size_t failed = 0;

	for (size_t i = 0; verdict && i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];

		if (finding->class == FINDING_ADVICE || finding->state == FINDING_PASSED)
			continue;
		failed++;
		html_raw(html, "<article>\n<h3>");
		html_text(html, finding->check);
		html_raw(html, " ");
		html_badge(html, HTML_BAD, finding_state_text(finding->state));
		html_raw(html, "</h3>\n");
		put_detail(html, "Why:", finding->why);
		put_detail(html, "Expected:", finding->expected);
		put_detail(html, "Actual:", finding->actual);
		put_detail(html, "What to do:", finding->fix);
		html_raw(html, "</article>\n");
	}
	return failed;
}

static enum html_mood mood_of(const struct finding *finding)
{
	if (finding->state == FINDING_PASSED)
		return HTML_GOOD;
	return finding->class == FINDING_ADVICE ? HTML_WARN : HTML_BAD;
}

void html_findings(struct html *html, const struct verdict *verdict)
{
	static const char *const columns[] = {"Check", "Result", "Detail"};

	if (!verdict || !verdict->count)
		return;
	html_raw(html, "<details>\n<summary>");
	html_printf(html, "All %zu checks", verdict->count);
	html_raw(html, "</summary>\n");
	html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];

		html_table_row(html);
		html_cell_text(html, columns[0], finding->check);
		html_cell(html, columns[1]);
		html_badge(html, mood_of(finding), finding_state_text(finding->state));
		html_cell_end(html);
		html_cell_text(html, columns[2], finding->state == FINDING_PASSED ? finding->actual : finding->why);
		html_raw(html, "</tr>\n");
	}
	html_table_end(html);
	html_raw(html, "</details>\n");
}
