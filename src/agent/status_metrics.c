/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics of the agent. Labels hold only words of our own: states, outcomes, names of checks. */
#include "agent/status_model.h"

#include <string.h>

const uint32_t agent_attest_bounds_ms[AGENT_ATTEST_BOUNDS] = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

static void put_counter(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	metrics_family(m, name, METRICS_COUNTER, NULL, help);
	metrics_u64(m, value);
}

static void put_gauge(struct metrics *m, const char *name, const char *unit, const char *help, int64_t value)
{
	metrics_family(m, name, METRICS_GAUGE, unit, help);
	metrics_i64(m, value);
}

static void put_state(struct metrics *m, const struct agent_status *status, int64_t now)
{
	const struct metrics_label labels[] = {
		{"version", status->version}, {"provider", status->provider}, {"platform", status->platform}, {"product", status->product}};

	metrics_family(m, "sevattest_agent", METRICS_INFO, NULL, "The program, and the platform that it found.");
	metrics_info(m, labels, ARRAY_SIZE(labels));
	metrics_family(m, "sevattest_agent_state", METRICS_GAUGE, NULL, "1 for the state that the agent is in.");
	for (size_t i = 0; i < AGENT_STATE_COUNT; i++)
		metrics_u64_label(m, "state", agent_state_text((enum agent_state)i), status->state == (enum agent_state)i);
	metrics_family(m, "sevattest_agent_proven", METRICS_GAUGE, NULL, "1 while an attestation is valid.");
	metrics_bool(m, agent_status_proven(status, now));
	put_gauge(m, "sevattest_agent_start_time_seconds", "seconds", "When the agent started, Unix time.", status->started);
	put_gauge(m, "sevattest_agent_state_since_seconds", "seconds", "When the state was entered, Unix time.", status->since);
	put_gauge(m, "sevattest_agent_attested_until_seconds", "seconds", "When the last attestation ends, Unix time; 0 for none.",
		status->attested_until);
	put_gauge(m, "sevattest_agent_next_attempt_seconds", "seconds", "When the next attempt is due, Unix time; 0 for none.",
		status->next_attempt);
}

static void put_tcb(struct metrics *m, const struct agent_status *status)
{
	if (!status->has_tcb)
		return;
	metrics_family(m, "sevattest_agent_tcb", METRICS_GAUGE, NULL,
		"Security version of each part of the platform's firmware, as last reported.");
	if (status->tcb.has_fmc)
		metrics_u64_label(m, "part", "fmc", status->tcb.fmc);
	metrics_u64_label(m, "part", "bootloader", status->tcb.bootloader);
	metrics_u64_label(m, "part", "tee", status->tcb.tee);
	metrics_u64_label(m, "part", "snp", status->tcb.snp);
	metrics_u64_label(m, "part", "microcode", status->tcb.microcode);
}

static bool failed(const struct finding *finding)
{
	return finding->class != FINDING_ADVICE && finding->state != FINDING_PASSED;
}

/* Is the finding at `index` the first failed one of its name? A check may stand in a verdict more than once, a series may not. */
static bool first_failed(const struct verdict *verdict, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (failed(&verdict->items[i]) && strcmp(verdict->items[i].check, verdict->items[index].check) == 0)
			return false;
	return failed(&verdict->items[index]);
}

static void put_checks(struct metrics *m, const struct verdict *verdict)
{
	if (!verdict)
		return;
	metrics_family(
		m, "sevattest_agent_check_failed", METRICS_GAUGE, NULL, "1 for each deciding check that the last evidence did not pass.");
	for (size_t i = 0; i < verdict->count; i++)
		if (first_failed(verdict, i))
			metrics_u64_label(m, "check", verdict->items[i].check, 1);
}

static bool refused(const struct agent_status_credential *credential)
{
	return credential->disk && credential->disk_state == AGENT_DISK_REFUSED && credential->check;
}

/* How many volumes the check of the one at `index` refuses; 0 when an earlier one has the same check. */
static uint64_t refused_by(const struct agent_status *status, size_t index)
{
	const struct agent_status_credential *rows = status->credentials;
	uint64_t count = 0;

	for (size_t i = 0; i < status->credential_count; i++) {
		if (!refused(&rows[i]) || strcmp(rows[i].check, rows[index].check) != 0)
			continue;
		if (i < index)
			return 0;
		count++;
	}
	return count;
}

static void put_disks(struct metrics *m, const struct agent_status *status)
{
	uint64_t counts[AGENT_DISK_STATE_COUNT] = {0};

	for (size_t i = 0; i < status->credential_count; i++)
		counts[status->credentials[i].disk_state] += status->credentials[i].disk;
	metrics_family(m, "sevattest_agent_disks", METRICS_GAUGE, NULL, "Guarded volumes, by how far they have come.");
	for (size_t i = 0; i < AGENT_DISK_STATE_COUNT; i++)
		metrics_u64_label(m, "state", agent_disk_state_text((enum agent_disk_state)i), counts[i]);
	metrics_family(m, "sevattest_agent_disk_check_failed", METRICS_GAUGE, NULL, "Guarded volumes that are refused now, by the check that refuses them.");
	for (size_t i = 0; i < status->credential_count; i++) {
		uint64_t count = refused(&status->credentials[i]) ? refused_by(status, i) : 0;

		if (count)
			metrics_u64_label(m, "check", status->credentials[i].check, count);
	}
}

static void put_brokers(struct metrics *m, const struct agent_status *status)
{
	uint64_t good = 0;

	for (size_t i = 0; i < status->broker_count; i++)
		good += status->brokers[i].outcome == AGENT_BROKER_GOOD;
	put_gauge(m, "sevattest_agent_brokers", NULL, "Brokers that are configured.", (int64_t)status->broker_count);
	put_gauge(m, "sevattest_agent_brokers_good", NULL, "Brokers whose last answer was good.", (int64_t)good);
}

static void put_counters(struct metrics *m, const struct agent_status_counters *counters)
{
	metrics_family(m, "sevattest_agent_attestations", METRICS_COUNTER, NULL, "Attempts to prove this machine, by outcome.");
	metrics_u64_label(m, "outcome", "attested", counters->attested);
	metrics_u64_label(m, "outcome", "refused", counters->refused);
	metrics_u64_label(m, "outcome", "trouble", counters->trouble);
	metrics_family(m, "sevattest_agent_keys", METRICS_COUNTER, NULL, "Keys asked for by services and disks, by outcome.");
	metrics_u64_label(m, "outcome", "served", counters->keys_served);
	metrics_u64_label(m, "outcome", "refused", counters->keys_refused);
	put_counter(m, "sevattest_agent_peers_refused", "Connections whose peer was not who it claimed to be.", counters->peers_refused);
	put_gauge(m, "sevattest_agent_waiting", NULL, "Connections that wait for a key.", (int64_t)counters->waiting);
	put_counter(m, "sevattest_agent_evidence_requests", "Reports asked of the hardware.", counters->evidence_requests);
	put_counter(m, "sevattest_agent_evidence_failures", "Reports that the hardware did not give.", counters->evidence_failures);
	put_counter(m, "sevattest_agent_broker_requests", "HTTP requests to brokers.", counters->broker_requests);
	put_counter(m, "sevattest_agent_broker_failures", "HTTP requests to brokers that failed.", counters->broker_failures);
	put_counter(m, "sevattest_agent_answers_untrusted", "Releases that were refused here: signature, replay, key check.",
		counters->answers_untrusted);
	put_counter(m, "sevattest_agent_reloads", "Configurations read again.", counters->reloads);
	put_counter(m, "sevattest_agent_reload_failures", "Configurations that were refused at a reload.", counters->reload_failures);
}

int agent_status_metrics(const struct agent_status *status, int64_t now, enum metrics_format format, struct buf *to)
{
	struct metrics m;

	metrics_begin(&m, format, to);
	put_state(&m, status, now);
	put_tcb(&m, status);
	put_checks(&m, status->verdict);
	put_brokers(&m, status);
	put_disks(&m, status);
	put_counters(&m, &status->counters);
	if (status->attest_duration.bound_count) {
		metrics_family(&m, "sevattest_agent_attest_duration_seconds", METRICS_HISTOGRAM, "seconds",
			"How long attempts took that proved this machine.");
		metrics_histogram_write(&m, &status->attest_duration);
	}
	return metrics_end(&m);
}
