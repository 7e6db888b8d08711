/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics of brokerd. Labels hold only words of our own: outcomes and names of checks. */
#include "broker/status.h"

static void put_counter(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	metrics_family(m, name, METRICS_COUNTER, NULL, help);
	metrics_u64(m, value);
}

static void put_gauge(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	metrics_family(m, name, METRICS_GAUGE, NULL, help);
	metrics_u64(m, value);
}

static void put_program(struct metrics *m, const struct broker_status *status)
{
	const struct metrics_label labels[] = {{"version", status->version}};

	metrics_family(m, "sevattest_broker", METRICS_INFO, NULL, "The program.");
	metrics_info(m, labels, ARRAY_SIZE(labels));
	metrics_family(m, "sevattest_broker_start_time_seconds", METRICS_GAUGE, "seconds", "When the broker started, Unix time.");
	metrics_i64(m, status->started);
	metrics_family(m, "sevattest_broker_initialised", METRICS_GAUGE, NULL, "1 when there is a store and its key.");
	metrics_bool(m, status->initialised);
	metrics_family(m, "sevattest_broker_trouble", METRICS_GAUGE, NULL, "1 when there is something that an operator must mend.");
	metrics_bool(m, broker_status_trouble(status) != NULL);
}

static void put_store(struct metrics *m, const struct broker_status *status)
{
	put_gauge(m, "sevattest_broker_epoch", "Epoch of the store's manifest; it never goes back.", status->epoch);
	put_gauge(m, "sevattest_broker_resources", "Resources in the store.", status->resources);
	put_gauge(m, "sevattest_broker_policies", "Policies in the store.", status->policies);
	put_gauge(m, "sevattest_broker_policies_broken", "Policies that cannot be read, and let nobody pass.", status->policies_broken);
	put_gauge(m, "sevattest_broker_grants", "Grants in the store.", status->grants);
	put_gauge(m, "sevattest_broker_enrolments_waiting", "Disks that guests registered and the operator has not looked at.",
		status->enrolments_waiting);
}

static void put_audit(struct metrics *m, const struct audit_counts *counts)
{
	metrics_family(m, "sevattest_broker_audit_writable", METRICS_GAUGE, NULL,
		"0 when the last record could not be written; nothing is released then.");
	metrics_bool(m, !counts->last_failed);
	put_counter(m, "sevattest_broker_audit_records", "Audit records written.", counts->records);
	put_counter(m, "sevattest_broker_audit_commits", "Attempts to write a batch of audit records.", counts->commits);
	put_counter(m, "sevattest_broker_audit_checkpoints", "Signed checkpoints of the audit.", counts->checkpoints);
	put_counter(m, "sevattest_broker_audit_failures", "Audit records that could not be written; their answers were not given.",
		counts->failed);
}

static void put_table(struct metrics *m, const char *name, const char *help, const struct refusals_table *table)
{
	metrics_family(m, name, METRICS_COUNTER, NULL, help);
	for (size_t i = 0; i < table->count; i++)
		metrics_u64_label(m, "check", table->checks[i].name, table->checks[i].count);
}

static void put_evidence(struct metrics *m, const struct refusals *refusals)
{
	metrics_family(m, "sevattest_broker_evidence", METRICS_COUNTER, NULL,
		"Evidence by outcome: passed some policy, refused although genuine, or not even genuine.");
	for (size_t i = 0; i < REFUSALS_OUTCOMES; i++)
		metrics_u64_label(m, "outcome", refusals_outcome_names[i], refusals->outcomes[i]);
	put_table(m, "sevattest_broker_unverified", "Evidence that is not genuine, by the first check that it failed.",
		&refusals->unverified);
	put_table(m, "sevattest_broker_refused", "Genuine evidence that no policy accepts, by each check that it failed.",
		&refusals->by_policy);
}

static void put_decisions(struct metrics *m, const struct recent *recent)
{
	metrics_family(m, "sevattest_broker_decisions", METRICS_COUNTER, NULL,
		"Recorded decisions: keys released, requests of attested guests denied, genuine guests refused, disks enrolled or left to wait.");
	metrics_u64_label(m, "outcome", "released", recent->counts[KBS_AUDIT_RELEASE]);
	metrics_u64_label(m, "outcome", "denied", recent->counts[KBS_AUDIT_DENIED]);
	metrics_u64_label(m, "outcome", "refused", recent->counts[KBS_AUDIT_REFUSED]);
	metrics_u64_label(m, "outcome", "enrolled", recent->counts[KBS_AUDIT_ENROLLED]);
	metrics_u64_label(m, "outcome", "enrol_pending", recent->counts[KBS_AUDIT_PENDING]);
}

static void put_certificates(struct metrics *m, const struct appraiser_counts *counts)
{
	put_gauge(m, "sevattest_broker_certificates", "Certificates of the directory.", counts->certificates);
	put_gauge(m, "sevattest_broker_crls", "Revocation lists of the directory.", counts->crls);
	metrics_family(m, "sevattest_broker_chip_certificates", METRICS_COUNTER, NULL,
		"Evidence that brought no certificate, by whether the cache knew its chip.");
	metrics_u64_label(m, "outcome", "cached", counts->chips_cached);
	metrics_u64_label(m, "outcome", "unknown", counts->chips_unknown);
}

static void put_kds(struct metrics *m, const struct kds_queue_counts *counts)
{
	static const char *const outcomes[] = {"good", "absent", "busy", "down", "bad"};

	put_gauge(m, "sevattest_broker_kds_waiting", "Certificates and revocation lists that wait to be fetched.", counts->waiting);
	put_gauge(m, "sevattest_broker_kds_absent", "Names that the key service does not have, as far as they are remembered.", counts->negative);
	metrics_family(m, "sevattest_broker_kds_pause_seconds", METRICS_GAUGE, "seconds", "How long the key service is not asked for chips: 429.");
	metrics_u64(m, (counts->pause_ms + 999) / 1000);
	metrics_family(m, "sevattest_broker_kds_turned_away", METRICS_COUNTER, NULL, "Certificates that were not asked for: too many waited.");
	metrics_u64(m, counts->turned_away);
	metrics_family(m, "sevattest_broker_kds_requests", METRICS_COUNTER, NULL, "Requests to the key service by outcome.");
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		metrics_u64_label(m, "outcome", outcomes[i], counts->outcomes[KDS_OUTCOME_GOOD + i]);
}

int broker_status_metrics(const struct broker_status *status, enum metrics_format format, struct buf *to)
{
	struct metrics m;

	metrics_begin(&m, format, to);
	put_program(&m, status);
	if (status->initialised) {
		put_store(&m, status);
		put_audit(&m, &status->audit);
		put_evidence(&m, &status->appraiser.refusals);
		put_decisions(&m, &status->recent);
		put_certificates(&m, &status->appraiser);
		if (status->appraiser.has_kds)
			put_kds(&m, &status->appraiser.kds);
	}
	return metrics_end(&m);
}
