/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/refusals.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

const char *const refusals_outcome_names[REFUSALS_OUTCOMES] = {
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
static struct refusals_check *row_of(struct refusals_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->checks[i].name, name) == 0)
			return &table->checks[i];
	if (table->count == REFUSALS_CHECKS_MAX)
		return NULL;
	table->checks[table->count].name = name;
	return &table->checks[table->count++];
}

void refusals_count(struct refusals *refusals, enum refusals_outcome outcome, const char *check, const char *why, int64_t now)
{
	struct refusals_check *row;
	uint64_t say = 0;

	(void)pthread_mutex_lock(&refusals->lock);
	refusals->outcomes[outcome]++;
	row = check ? row_of(&refusals->unverified, check) : NULL;
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

static bool is_repeated(const char *const *checks, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(checks[i], checks[index]) == 0)
			return true;
	return false;
}

void refusals_count_policy(struct refusals *refusals, const char *const *checks, size_t count)
{
	(void)pthread_mutex_lock(&refusals->lock);
	for (size_t i = 0; i < count; i++) {
		struct refusals_check *row = is_repeated(checks, i) ? NULL : row_of(&refusals->by_policy, checks[i]);

		if (row)
			row->count++;
	}
	(void)pthread_mutex_unlock(&refusals->lock);
}

void refusals_copy(struct refusals *refusals, struct refusals *ret)
{
	(void)pthread_mutex_lock(&refusals->lock);
	memcpy(ret->outcomes, refusals->outcomes, sizeof(ret->outcomes));
	ret->unverified = refusals->unverified;
	ret->by_policy = refusals->by_policy;
	(void)pthread_mutex_unlock(&refusals->lock);
}
