/* SPDX-License-Identifier: Apache-2.0 */
/* The page of the broker: does it work, which keys went to whom, who was refused by which checks. */
#include <inttypes.h>
#include <string.h>

#include "base/html.h"
#include "broker/status.h"

static void put_banner(struct html *html, const struct broker_status *status, struct buf *to)
{
	const char *trouble = broker_status_trouble(status);

	if (!status->initialised)
		html_begin(html, to, "sevattest key broker", HTML_WARN, "The broker waits for its first setup", trouble);
	else if (status->audit.last_failed)
		html_begin(html, to, "sevattest key broker", HTML_BAD, "No key is released", trouble);
	else if (trouble)
		html_begin(html, to, "sevattest key broker", HTML_WARN, "The broker serves, with trouble", trouble);
	else
		html_begin(html, to, "sevattest key broker", HTML_GOOD, "The broker serves", NULL);
}

static void put_chip(struct html *html, const char *column, const struct recent_decision *decision)
{
	html_cell(html, column);
	html_hex(html, bytes_of(decision->chip, sizeof(decision->chip)));
	html_raw(html, "...");
	html_cell_end(html);
}

static void put_when(struct html *html, const char *column, const struct recent_decision *decision, int64_t now)
{
	html_cell(html, column);
	html_time(html, decision->time, now);
	html_cell_end(html);
}

static void put_releases(struct html *html, const struct recent_list *list, int64_t now)
{
	static const char *const columns[] = {"When", "Resource", "Version", "By policy", "Chip"};
	const struct recent_decision *decision;

	html_section(html, "Last keys released");
	if (!list->count) {
		html_raw(html, "<p>None since the start.</p>\n");
		html_section_end(html);
		return;
	}
	html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t age = 0; (decision = recent_at(list, age)); age++) {
		html_table_row(html);
		put_when(html, columns[0], decision, now);
		html_cell_text(html, columns[1], decision->resource);
		html_cell(html, columns[2]);
		html_printf(html, "%" PRIu64, decision->version);
		html_cell_end(html);
		html_cell_text(html, columns[3], decision->policy[0] ? decision->policy : NULL);
		put_chip(html, columns[4], decision);
		html_raw(html, "</tr>\n");
	}
	html_table_end(html);
	html_section_end(html);
}

static void put_enrolments(struct html *html, const struct recent_list *list, int64_t now)
{
	static const char *const columns[] = {"When", "Outcome", "Resource", "By policy", "Chip"};
	const struct recent_decision *decision;

	if (!list->count)
		return;
	html_section(html, "Last disks that guests registered");
	html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t age = 0; (decision = recent_at(list, age)); age++) {
		bool waits = decision->kind == KBS_AUDIT_PENDING;

		html_table_row(html);
		put_when(html, columns[0], decision, now);
		html_cell(html, columns[1]);
		html_badge(html, waits ? HTML_WARN : HTML_GOOD, waits ? "waits" : "enrolled");
		html_printf(html, " %s %" PRIu64, waits ? "id" : "version", decision->version);
		html_cell_end(html);
		html_cell_text(html, columns[2], decision->resource);
		html_cell_text(html, columns[3], decision->policy[0] ? decision->policy : NULL);
		put_chip(html, columns[4], decision);
		html_raw(html, "</tr>\n");
	}
	html_table_end(html);
	html_section_end(html);
}

/* What an operator can do about it. */
static const char *hint_of(const struct recent_decision *decision)
{
	if (decision->kind == KBS_AUDIT_REFUSED)
		return "If this machine is meant to get keys: sevattest-broker audit shows what it has; put that into its policy.";
	if (strncmp(decision->reason, "Enrolment", strlen("Enrolment")) == 0)
		return "A disk that it registered was not taken; the log of that machine says why. sevattest-broker pending list";
	if (strcmp(decision->reason, "PolicyDeny") == 0)
		return "If it may have this: sevattest-broker grant add, with a policy that it passes.";
	return "Does the name exist? sevattest-broker key list";
}

static void put_refusals(struct html *html, const struct recent_list *list, int64_t now)
{
	static const char *const columns[] = {"When", "Outcome", "Reason", "Resource", "Chip"};
	const struct recent_decision *decision;

	html_section(html, "Last refusals");
	if (!list->count) {
		html_raw(html, "<p>None since the start.</p>\n");
		html_section_end(html);
		return;
	}
	html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t age = 0; (decision = recent_at(list, age)); age++) {
		html_table_row(html);
		put_when(html, columns[0], decision, now);
		html_cell(html, columns[1]);
		html_badge(html, HTML_BAD, decision->kind == KBS_AUDIT_DENIED ? "denied" : "refused");
		html_cell_end(html);
		html_cell(html, columns[2]);
		html_text(html, decision->reason);
		html_raw(html, "<br><span class=\"soft\">");
		html_text(html, hint_of(decision));
		html_raw(html, "</span>");
		html_cell_end(html);
		html_cell_text(html, columns[3], decision->resource[0] ? decision->resource : NULL);
		put_chip(html, columns[4], decision);
		html_raw(html, "</tr>\n");
	}
	html_table_end(html);
	html_section_end(html);
}

static void put_checks(struct html *html, const char *heading, const struct refusals_table *table)
{
	static const char *const columns[] = {"Check", "Failed"};

	if (!table->count)
		return;
	html_raw(html, "<h3>");
	html_text(html, heading);
	html_raw(html, "</h3>\n");
	html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < table->count; i++) {
		html_table_row(html);
		html_cell_text(html, columns[0], table->checks[i].name);
		html_cell(html, columns[1]);
		html_printf(html, "%" PRIu64, table->checks[i].count);
		html_cell_end(html);
		html_raw(html, "</tr>\n");
	}
	html_table_end(html);
}

static void put_counts(struct html *html, const struct broker_status *status)
{
	const struct refusals *refusals = &status->appraiser.refusals;
	const struct recent *recent = &status->recent;

	html_section(html, "Since the start");
	html_list(html);
	html_row_u64(html, "Keys released", recent->counts[KBS_AUDIT_RELEASE]);
	html_row_u64(html, "Requests denied", recent->counts[KBS_AUDIT_DENIED]);
	html_row_u64(html, "Evidence that passed", refusals->outcomes[REFUSALS_PASSED]);
	html_row_u64(html, "Genuine, but refused", refusals->outcomes[REFUSALS_BY_POLICY]);
	html_row_u64(html, "Not genuine", refusals->outcomes[REFUSALS_UNVERIFIED]);
	html_list_end(html);
	put_checks(html, "Genuine evidence that no policy accepted", &refusals->by_policy);
	put_checks(html, "Evidence that was not genuine", &refusals->unverified);
	html_section_end(html);
}

static void put_state(struct html *html, const struct broker_status *status, int64_t now)
{
	html_section(html, "State");
	html_list(html);
	html_row_time(html, "Running since", status->started, now);
	html_row_u64(html, "Resources", status->resources);
	html_row_u64(html, "Policies", status->policies);
	if (status->policies_broken)
		html_row_u64(html, "Broken policies", status->policies_broken);
	html_row_u64(html, "Grants", status->grants);
	if (status->enrolments_waiting)
		html_row_u64(html, "Enrolments that wait", status->enrolments_waiting);
	html_row_u64(html, "Epoch of the store", status->epoch);
	html_row(html, "Audit", status->audit.last_failed ? "cannot be written" : "is written");
	html_row_u64(html, "Audit records", status->audit.records);
	if (status->audit.failed)
		html_row_u64(html, "Audit failures", status->audit.failed);
	html_list_end(html);
	html_section_end(html);
}

static void put_certificates(struct html *html, const struct appraiser_counts *counts, int64_t now)
{
	html_section(html, "Certificates");
	html_list(html);
	html_row_u64(html, "Of the directory", counts->certificates);
	html_row_u64(html, "Revocation lists", counts->crls);
	html_row_time(html, "Read", counts->certs_time, now);
	html_row_u64(html, "Chips found in the cache", counts->chips_cached);
	html_row_u64(html, "Chips not found", counts->chips_unknown);
	if (counts->has_kds) {
		html_row_u64(html, "Waiting for the key service", counts->kds.waiting);
		html_row_u64(html, "Fetched", counts->kds.outcomes[KDS_OUTCOME_GOOD]);
		if (counts->kds.pause_ms)
			html_row_u64(html, "Seconds until it is asked again", (counts->kds.pause_ms + 999) / 1000);
	}
	html_list_end(html);
	html_section_end(html);
}

int broker_status_page(const struct broker_status *status, int64_t now, struct buf *to)
{
	struct html html;

	put_banner(&html, status, to);
	if (status->initialised) {
		put_releases(&html, &status->recent.releases, now);
		put_refusals(&html, &status->recent.refusals, now);
		put_enrolments(&html, &status->recent.enrolments, now);
		put_counts(&html, status);
		put_state(&html, status, now);
		put_certificates(&html, &status->appraiser, now);
	}
	return html_end(&html, "sevattest-brokerd", status->version, now);
}
