/* SPDX-License-Identifier: Apache-2.0 */
/* Which path gets which rendering, and the HTTP around it. */
#include "agent/status_model.h"

#include <string.h>

#include "io/http_frame.h"

struct page {
	uint16_t status;
	const char *content_type;
	struct buf body;
};

#define PLAIN "text/plain; charset=utf-8"

static int healthz(const struct agent_status *status, int64_t now, struct page *page)
{
	(void)status;
	(void)now;
	page->content_type = PLAIN;
	return buf_append_text(&page->body, "ok\n");
}

/* The agent is ready when the machine is proven: what depends on keys can be started. */
static int readyz(const struct agent_status *status, int64_t now, struct page *page)
{
	char line[AGENT_STATUS_LINE_MAX];

	page->content_type = PLAIN;
	if (agent_status_proven(status, now))
		return buf_append_text(&page->body, "ok\n");
	page->status = 503;
	agent_status_line(status, now, line);
	return buf_printf(&page->body, "%s\n", line);
}

static int json(const struct agent_status *status, int64_t now, struct page *page)
{
	page->content_type = "application/json";
	return agent_status_json(status, now, &page->body);
}

static int page_of(const struct agent_status *status, int64_t now, struct page *page)
{
	page->content_type = "text/html; charset=utf-8";
	return agent_status_page(status, now, &page->body);
}

static int open_metrics(const struct agent_status *status, int64_t now, struct page *page)
{
	page->content_type = metrics_content_type(METRICS_OPENMETRICS);
	return agent_status_metrics(status, now, METRICS_OPENMETRICS, &page->body);
}

static int text_metrics(const struct agent_status *status, int64_t now, struct page *page)
{
	page->content_type = metrics_content_type(METRICS_TEXT);
	return agent_status_metrics(status, now, METRICS_TEXT, &page->body);
}

static const struct {
	const char *path;
	int (*render)(const struct agent_status *status, int64_t now, struct page *page);
} paths[] = {
	{"/", page_of},
	{"/healthz", healthz},
	{"/readyz", readyz},
	{"/status", json},
	{"/metrics", open_metrics},
	{"/metrics.txt", text_metrics},
};

static int render(const struct agent_status *status, struct bytes path, int64_t now, struct page *page)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (bytes_equal(path, bytes_of_text(paths[i].path)))
			return paths[i].render(status, now, page);
	page->status = 404;
	page->content_type = PLAIN;
	return buf_append_text(&page->body, "nothing is here\n");
}

int agent_status_answer(const struct agent_status *status, struct bytes path, int64_t now, struct buf *ret_frame_payload)
{
	struct page page = {.status = 200};
	struct http_frame_response response = {0};
	int r = render(status, path, now, &page);

	response.status = page.status;
	response.content_type = bytes_of_text(page.content_type);
	response.body = buf_view(&page.body);
	if (!r)
		r = http_frame_response_encode(ret_frame_payload, &response);
	buf_deinit(&page.body);
	return r;
}
