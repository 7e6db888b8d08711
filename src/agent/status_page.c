/* SPDX-License-Identifier: Apache-2.0 */
/* The page: is this machine proven, by what, until when; which keys went to whom; each failed check with its fix. */
#include <inttypes.h>
#include <stdio.h>

#include "agent/status_model.h"
#include "base/html.h"
#include "base/text.h"

static bool expired(const struct agent_status *status, int64_t now)
{
	return status->state == AGENT_ATTESTED && !agent_status_proven(status, now);
}

static const char *headline_of(const struct agent_status *status, int64_t now, enum html_mood *ret_mood)
{
	static const struct {
		enum html_mood mood;
		const char *text;
	} states[AGENT_STATE_COUNT] = {
		[AGENT_STARTING] = {HTML_NEUTRAL, "Not proven yet: the agent is starting"},
		[AGENT_ATTESTING] = {HTML_NEUTRAL, "Not proven yet: the attestation is under way"},
		[AGENT_ATTESTED] = {HTML_GOOD, "This machine is proven"},
		[AGENT_TROUBLE] = {HTML_WARN, "Not proven now: temporary trouble"},
		[AGENT_REFUSED] = {HTML_BAD, "Not proven: refused"},
	};

	*ret_mood = expired(status, now) ? HTML_WARN : states[status->state].mood;
	return expired(status, now) ? "The proof has expired" : states[status->state].text;
}

/* By what, and what now. */
static void summary_of(const struct agent_status *status, int64_t now, char *to, size_t size)
{
	char when[32] = "";
	const char *by = "a key broker";

	to[0] = '\0';
	if (agent_status_proven(status, now)) {
		for (size_t i = status->broker_count; i-- > 0;)
			if (status->brokers[i].outcome == AGENT_BROKER_GOOD && status->brokers[i].origin)
				by = status->brokers[i].origin;
		time_format(when, status->attested_until);
		(void)snprintf(to, size, "Accepted by %.200s, until %.10s %.5s UTC. %s", by, when, when + 11,
			status->proof == AGENT_PROOF_SYSTEM ? "" : agent_proof_text(status->proof));
	} else if (status->state == AGENT_TROUBLE || status->state == AGENT_REFUSED) {
		(void)snprintf(to, size, "%.900s", status->reason ? status->reason : "No reason is known.");
	}
}

static void put_state(struct html *html, const struct agent_status *status, int64_t now)
{
	html_section(html, "State");
	html_list(html);
	html_row(html, "State", expired(status, now) ? "expired" : agent_state_text(status->state));
	html_row_time(html, "Since", status->since, now);
	html_row_time(html, expired(status, now) ? "Proven until" : "Valid until", status->attested_until, now);
	html_row_time(html, "Next attempt", status->next_attempt, now);
	if (status->state != AGENT_ATTESTED)
		html_row(html, "What to do", status->fix);
	html_list_end(html);
	html_section_end(html);
}

static void put_checks(struct html *html, const struct agent_status *status)
{
	CLEANUP(buf_deinit) struct buf failed = BUF_NULL;
	struct html part = {.to = &failed};

	if (!status->verdict)
		return;
	if (html_failed(&part, status->verdict) == 0) {
		html_section(html, "Checks");
		html_raw(html,
			"<p>Every deciding check passed here, in the agent. The broker checks again by itself; its word decides.</p>\n");
	} else {
		html_section(html, "Failed checks");
	}
	if (!html->r)
		html->r = part.r ? part.r : buf_append(html->to, failed.data, failed.size);
	html_findings(html, status->verdict);
	html_section_end(html);
}

static void put_consumer(struct html *html, const char *column, const struct agent_status_credential *credential)
{
	html_cell(html, column);
	html_text(html, credential->disk ? "disk " : credential->unit);
	html_raw(html, credential->disk ? "" : "<br><span class=\"soft\">");
	html_text(html, credential->id);
	html_raw(html, credential->disk ? "" : "</span>");
	html_cell_end(html);
}

static void put_refusal(struct html *html, const struct agent_status_credential *credential)
{
	if (credential->refusal) {
		html_raw(html, "<br>");
		html_text(html, credential->check);
		html_raw(html, credential->check ? ": " : "");
		html_text(html, credential->refusal);
	}
	if (credential->fix) {
		html_raw(html, "<br><span class=\"soft\">What to do: ");
		html_text(html, credential->fix);
		html_raw(html, "</span>");
	}
}

static void put_outcome(struct html *html, const char *column, const struct agent_status_credential *credential, int64_t now)
{
	bool refused = credential->refused_at > credential->served_at;

	html_cell(html, column);
	if (refused)
		html_badge(html, HTML_BAD, "refused");
	else if (credential->waiting)
		html_badge(html, HTML_WARN, "waits");
	else if (credential->disk && credential->disk_state != AGENT_DISK_IDLE)
		html_badge(html, HTML_GOOD, agent_disk_state_text(credential->disk_state));
	else if (credential->served)
		html_badge(html, HTML_GOOD, "served");
	else
		html_badge(html, HTML_NEUTRAL, "not asked for yet");
	html_raw(html, " ");
	if (refused || credential->served_at)
		html_time(html, refused ? credential->refused_at : credential->served_at, now);
	if (refused)
		put_refusal(html, credential);
	html_cell_end(html);
}

static void put_keys(struct html *html, const struct agent_status *status, int64_t now)
{
	static const char *const columns[] = {"For", "Resource", "Last", "Served", "Version"};

	html_section(html, "Keys");
	if (!status->credential_count)
		html_raw(html, "<p>No service and no disk is configured to get a key from here.</p>\n");
	else
		html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < status->credential_count; i++) {
		const struct agent_status_credential *credential = &status->credentials[i];

		html_table_row(html);
		put_consumer(html, columns[0], credential);
		html_cell_text(html, columns[1], credential->resource);
		put_outcome(html, columns[2], credential, now);
		html_cell(html, columns[3]);
		html_printf(html, "%" PRIu64, credential->served);
		html_cell_end(html);
		html_cell(html, columns[4]);
		html_printf(html, credential->version ? "%" PRIu64 : "-", credential->version);
		html_cell_end(html);
		html_raw(html, "</tr>\n");
	}
	if (status->credential_count)
		html_table_end(html);
	html_section_end(html);
}

static void put_brokers(struct html *html, const struct agent_status *status, int64_t now)
{
	static const char *const columns[] = {"Broker", "Last answer", "Releases"};
	static const enum html_mood moods[] = {
		[AGENT_BROKER_UNTRIED] = HTML_NEUTRAL,
		[AGENT_BROKER_GOOD] = HTML_GOOD,
		[AGENT_BROKER_UNREACHABLE] = HTML_WARN,
		[AGENT_BROKER_REFUSED] = HTML_BAD,
		[AGENT_BROKER_UNTRUSTED] = HTML_BAD,
	};

	if (!status->broker_count)
		return;
	html_section(html, "Brokers");
	html_table(html, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < status->broker_count; i++) {
		const struct agent_status_broker *broker = &status->brokers[i];

		html_table_row(html);
		html_cell_text(html, columns[0], broker->origin);
		html_cell(html, columns[1]);
		html_badge(html, moods[broker->outcome], agent_broker_outcome_text(broker->outcome));
		html_raw(html, " ");
		if (broker->at)
			html_time(html, broker->at, now);
		if (broker->why) {
			html_raw(html, "<br>");
			html_text(html, broker->why);
		}
		html_cell_end(html);
		html_cell_text(html, columns[2], broker->pinned ? "signed, by the key that is pinned here" : "not signed");
		html_raw(html, "</tr>\n");
	}
	html_table_end(html);
	html_section_end(html);
}

static void put_platform(struct html *html, const struct agent_status *status)
{
	char tcb[SNP_TCB_TEXT_MAX];

	html_section(html, "What is proven");
	html_raw(html, "<p>");
	html_text(html, agent_proof_text(status->proof));
	html_raw(html, "</p>\n");
	html_list(html);
	html_row(html, "Platform", status->platform);
	html_row(html, "Evidence from", status->provider);
	html_row(html, "Root file system", status->root_trust);
	html_row(html, "Policy", status->policy);
	html_row(html, "Processor", status->product);
	html_row(html, "Signed by", status->signer);
	if (status->has_tcb) {
		snp_tcb_text(tcb, &status->tcb);
		html_row(html, "Firmware (TCB)", tcb);
	}
	html_row_hex(html, "Measurement", status->measurement);
	html_row_hex(html, "Chip", status->chip_id);
	html_list_end(html);
	html_section_end(html);
}

int agent_status_page(const struct agent_status *status, int64_t now, struct buf *to)
{
	enum html_mood mood;
	const char *headline = headline_of(status, now, &mood);
	char summary[1024];
	struct html html;

	summary_of(status, now, summary, sizeof(summary));
	html_begin(&html, to, "sevattest", mood, headline, summary[0] ? summary : NULL);
	put_state(&html, status, now);
	put_checks(&html, status);
	put_keys(&html, status, now);
	put_brokers(&html, status, now);
	put_platform(&html, status);
	return html_end(&html, "sevattestd", status->version, now);
}
