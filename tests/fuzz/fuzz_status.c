/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the status pages make of outside bytes: the Host header of a request, and texts that end up in a page or in a label.
 *
 * planted: encode html_hex
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/html.h"
#include "base/metrics.h"
#include "base/text.h"
#include "fuzz.h"
#include "httpd/host.h"

/* On a loopback port only loopback's names pass, with or without a port. */
static void host(const char *text)
{
	static const char *const begins[] = {"localhost", "127.", "[::1]", "[0", "[:"};
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		known = known || strncasecmp(text, begins[i], strlen(begins[i])) == 0;
	if (host_allowed(text, false, NULL) && (!known || strpbrk(text, " /@,\n\t") || !host_allowed(text, true, NULL)))
		abort();
}

/* Nothing of the text can be markup, leave an attribute, or drive a terminal. */
static void page(const char *text)
{
	struct buf to = BUF_NULL;
	struct html html = {.to = &to};

	html_text(&html, text);
	if (html.r || !utf8_valid(buf_view(&to)))
		abort();
	for (size_t i = 0; i < to.size; i++)
		if (to.data[i] < 0x20 || strchr("<>\"'\x7f", to.data[i]))
			abort();
	buf_deinit(&to);
}

/* One sample is one line, and its value's quotes close where we close them. */
static void label(const char *text)
{
	static const char head[] = "# TYPE x gauge\n# HELP x X.\nx{a=\"", tail[] = "\"} 1\n";
	struct buf to = BUF_NULL;
	struct metrics m;

	metrics_begin(&m, METRICS_TEXT, &to);
	metrics_family(&m, "x", METRICS_GAUGE, NULL, "X.");
	metrics_u64_label(&m, "a", text, 1);
	if (metrics_end(&m) || to.size < sizeof(head) + sizeof(tail) - 2 || memcmp(to.data, head, sizeof(head) - 1) != 0 ||
		memcmp(to.data + to.size - (sizeof(tail) - 1), tail, sizeof(tail) - 1) != 0)
		abort();
	for (size_t i = sizeof(head) - 1; i < to.size - (sizeof(tail) - 1); i++) {
		if (to.data[i] == '\n' || to.data[i] == '"')
			abort();
		i += to.data[i] == '\\'; /* what is escaped stands behind it */
	}
	buf_deinit(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf to = BUF_NULL;
	struct html html = {.to = &to};
	char *text = strndup(size ? (const char *)data : "", size);

	if (!text)
		abort();
	host(text);
	page(text);
	label(text);
	html_hex(&html, bytes_of(data, size));
	if (html.r)
		abort();
	buf_deinit(&to);
	free(text);
	return 0;
}
