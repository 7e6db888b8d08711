/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/refusals.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

static const char *const outcome_names[REFUSALS_OUTCOMES] = {
	[REFUSALS_PASSED] = "passed", [REFUSALS_BY_POLICY] = "refused", [REFUSALS_UNVERIFIED] = "unverified"};

void refusals_init(struct refusals *refusals)
{
	memset(refusals, 0, sizeof(*refusals));
	(void)pthread_mutex_init(&refusals->lock, NULL);
}

void refusals_deinit(struct refusals *refusals)
{
	(void)pthread_mutex_destroy(&refusals->lock);
}

/* The row of a check, made where there is none yet; NULL when the table is full. */
static struct refusals_check *row_of(struct refusals *refusals, const char *name)
{
	for (size_t i = 0; i < refusals->check_count; i++)
		if (strcmp(refusals->checks[i].name, name) == 0)
			return &refusals->checks[i];
	if (refusals->check_count == REFUSALS_CHECKS_MAX)
		return NULL;
	refusals->checks[refusals->check_count].name = name;
	return &refusals->checks[refusals->check_count++];
}

void refusals_count(struct refusals *refusals, enum refusals_outcome outcome, const char *check, const char *why, int64_t now)
{
	struct refusals_check *row;
	uint64_t say = 0;

	(void)pthread_mutex_lock(&refusals->lock);
	refusals->outcomes[outcome]++;
	row = check ? row_of(refusals, check) : NULL;
	if (row) {
		row->count++;
		row->unsaid++;
		if (row->minute != now / 60) {
			say = row->unsaid;
			row->unsaid = 0;
			row->minute = now / 60;
		}
	}
	(void)pthread_mutex_unlock(&refusals->lock);
	if (say)
		log_notice("evidence refused by %s: %s (%" PRIu64 " since the last such line)", check, why ? why : "", say);
}

int refusals_metrics(struct refusals *refusals, struct buf *to)
{
	int r;

	(void)pthread_mutex_lock(&refusals->lock);
	r = buf_append_text(to, "# TYPE sevattest_broker_evidence counter\n");
	for (size_t i = 0; i < REFUSALS_OUTCOMES && !r; i++)
		r = buf_printf(
			to, "sevattest_broker_evidence_total{outcome=\"%s\"} %" PRIu64 "\n", outcome_names[i], refusals->outcomes[i]);
	if (!r)
		r = buf_append_text(to, "# TYPE sevattest_broker_unverified counter\n");
	for (size_t i = 0; i < refusals->check_count && !r; i++)
		r = buf_printf(to, "sevattest_broker_unverified_total{check=\"%s\"} %" PRIu64 "\n", refusals->checks[i].name,
			refusals->checks[i].count);
	(void)pthread_mutex_unlock(&refusals->lock);
	return r;
}
