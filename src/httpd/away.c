/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/away.h"

#include "base/html.h"
#include "io/clock.h"

static int render(struct buf *to, const char *daemon, const char *why)
{
	struct html html;

	html_begin(&html, to, "sevattest", HTML_BAD, "Nothing is known now", why);
	html_section(&html, "What to do");
	html_raw(&html, "<p>The program that knows the state does not answer. Is it running, and what does it say?</p>\n<p><code>");
	html_printf(&html, "systemctl status %s", daemon);
	html_raw(&html, "</code><br><code>");
	html_printf(&html, "journalctl -u %s -b", daemon);
	html_raw(&html, "</code></p>\n<p>Until it answers, nothing here says whether this machine is proven.</p>\n");
	html_section_end(&html);
	return html_end(&html, "sevattest-httpd", SEVATTEST_VERSION, clock_now());
}

void away_answer(struct httpserver_exchange *exchange, const char *daemon, const char *why, uint32_t retry_after)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct httpserver_response response = {.status = 503, .content_type = "text/html; charset=utf-8", .retry_after = retry_after};

	if (!render(&body, daemon, why))
		response.body = buf_view(&body);
	httpserver_answer(exchange, &response);
}
