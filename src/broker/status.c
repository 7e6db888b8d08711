/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/catalog_enrol.h"
#include "io/http_frame.h"

#define PLAIN "text/plain; charset=utf-8"

/* The entries are sorted by kind, name and version: is this the newest of its name? */
static bool is_newest(const struct manifest *manifest, size_t index)
{
	const struct manifest_entry *entry = &manifest->entries[index];
	const struct manifest_entry *next = index + 1 < manifest->entry_count ? entry + 1 : NULL;

	return !next || next->kind != entry->kind || strcmp(next->name, entry->name) != 0;
}

/* Names that are there now. */
static void count_entries(const struct snapshot *snapshot, struct broker_status *status)
{
	const struct manifest *manifest = &snapshot->manifest;

	for (size_t i = 0; i < manifest->entry_count; i++) {
		const struct manifest_entry *entry = &manifest->entries[i];

		if (entry->deleted || !is_newest(manifest, i))
			continue;
		status->resources += entry->kind == STORE_RESOURCE;
		status->policies += entry->kind == STORE_POLICY;
	}
	status->policies_broken = status->policies > snapshot->policy_count ? status->policies - snapshot->policy_count : 0;
	status->grants = manifest->grant_count;
	status->epoch = manifest->epoch;
}

static size_t count_waiting(const struct snapshot *snapshot, int64_t now)
{
	size_t count, waiting = 0;
	const struct manifest_entry *entries = manifest_entries(&snapshot->manifest, STORE_PENDING, &count);

	for (size_t i = 0; i < count; i++)
		waiting += !catalog_pending_expired(&entries[i], now);
	return waiting;
}

void broker_status_collect(struct live_slot *slot, int64_t now, struct broker_status *ret)
{
	struct live *live = live_get(slot);

	memset(ret, 0, sizeof(*ret));
	ret->version = slot->version;
	ret->started = slot->started;
	ret->initialised = live != NULL;
	if (live) {
		SNAPSHOT_AUTO snapshot = catalog_snapshot(live->catalog);

		count_entries(snapshot, ret);
		ret->enrolments_waiting = count_waiting(snapshot, now);
		audit_counts(live->audit, &ret->audit);
		appraiser_counts(live->appraiser, &ret->appraiser);
		recent_copy(&live->recent, &ret->recent);
	}
}

const char *broker_status_trouble(const struct broker_status *status)
{
	if (!status->initialised)
		return "Nothing is initialised yet: run sevattest-broker init.";
	if (status->audit.last_failed)
		return "The audit cannot be written, so no key is released. Is the disk of the store full or read-only?";
	if (status->policies_broken)
		return "A policy in the store cannot be read, and lets nobody pass. See the log, and put it again.";
	return NULL;
}

struct page {
	const struct broker_status *status;
	int64_t now;
	uint16_t code;
	const char *content_type;
	struct buf body;
};

static int readyz(struct page *page)
{
	page->content_type = PLAIN;
	page->code = page->status->initialised ? 200 : 503;
	return buf_append_text(&page->body, page->status->initialised ? "ok\n" : "not initialised\n");
}

static int json(struct page *page)
{
	page->content_type = "application/json";
	return broker_status_json(page->status, page->now, &page->body);
}

static int html(struct page *page)
{
	page->content_type = "text/html; charset=utf-8";
	return broker_status_page(page->status, page->now, &page->body);
}

static int open_metrics(struct page *page)
{
	page->content_type = metrics_content_type(METRICS_OPENMETRICS);
	return broker_status_metrics(page->status, METRICS_OPENMETRICS, &page->body);
}

static int text_metrics(struct page *page)
{
	page->content_type = metrics_content_type(METRICS_TEXT);
	return broker_status_metrics(page->status, METRICS_TEXT, &page->body);
}

static int nothing(struct page *page)
{
	page->content_type = PLAIN;
	page->code = 404;
	return buf_append_text(&page->body, "nothing is here\n");
}

static int render(struct page *page, struct bytes path)
{
	static const struct {
		const char *path;
		int (*render)(struct page *page);
	} paths[] = {{"/", html}, {"/readyz", readyz}, {"/status", json}, {"/metrics", open_metrics}, {"/metrics.txt", text_metrics}};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (bytes_equal(path, bytes_of_text(paths[i].path)))
			return paths[i].render(page);
	return nothing(page);
}

int status_answer(struct live_slot *slot, struct bytes path, int64_t now, struct buf *ret_frame_payload)
{
	struct broker_status *status = malloc(sizeof(*status));
	struct page page = {.status = status, .now = now, .code = 200};
	struct http_frame_response response = {0};
	int r;

	if (!status)
		return -ENOMEM;
	broker_status_collect(slot, now, status);
	r = render(&page, path);
	response.status = page.code;
	response.content_type = bytes_of_text(page.content_type);
	response.body = buf_view(&page.body);
	if (!r)
		r = http_frame_response_encode(ret_frame_payload, &response);
	buf_deinit(&page.body);
	free(status);
	return r;
}
