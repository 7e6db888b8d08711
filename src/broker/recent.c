/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void recent_init(struct recent *recent)
{
	memset(recent, 0, sizeof(*recent));
	(void)pthread_mutex_init(&recent->lock, NULL);
}

void recent_deinit(struct recent *recent)
{
	(void)pthread_mutex_destroy(&recent->lock);
}

struct recent_decision *recent_decision_new(const struct kbs_audit *audit)
{
	struct recent_decision *to = calloc(1, sizeof(*to));

	if (!to)
		return NULL;
	to->time = audit->now;
	to->kind = audit->kind;
	to->version = audit->kind == KBS_AUDIT_PENDING ? audit->id : audit->version;
	(void)snprintf(to->resource, sizeof(to->resource), "%.*s", RECENT_TEXT_MAX - 1, audit->resource ? audit->resource : "");
	(void)snprintf(to->policy, sizeof(to->policy), "%.*s", KBS_POLICY_NAME_MAX, audit->policy ? audit->policy : "");
	(void)snprintf(to->reason, sizeof(to->reason), "%.*s", RECENT_TEXT_MAX - 1, audit->reason ? audit->reason : "");
	if (audit->chip_id)
		memcpy(to->chip, audit->chip_id, sizeof(to->chip));
	return to;
}

static struct recent_list *list_of(struct recent *recent, enum kbs_audit_kind kind)
{
	switch (kind) {
	case KBS_AUDIT_RELEASE:
		return &recent->releases;
	case KBS_AUDIT_ENROLLED:
	case KBS_AUDIT_PENDING:
		return &recent->enrolments;
	case KBS_AUDIT_DENIED:
	case KBS_AUDIT_REFUSED:
		break;
	}
	return &recent->refusals;
}

void recent_add(struct recent *recent, const struct recent_decision *decision)
{
	struct recent_list *list = list_of(recent, decision->kind);

	(void)pthread_mutex_lock(&recent->lock);
	if ((size_t)decision->kind < ARRAY_SIZE(recent->counts))
		recent->counts[decision->kind]++;
	list->items[list->count % RECENT_MAX] = *decision;
	list->count++;
	(void)pthread_mutex_unlock(&recent->lock);
}

void recent_copy(struct recent *recent, struct recent *ret)
{
	(void)pthread_mutex_lock(&recent->lock);
	memcpy(&ret->releases, &recent->releases, sizeof(ret->releases));
	memcpy(&ret->refusals, &recent->refusals, sizeof(ret->refusals));
	memcpy(&ret->enrolments, &recent->enrolments, sizeof(ret->enrolments));
	memcpy(ret->counts, recent->counts, sizeof(ret->counts));
	(void)pthread_mutex_unlock(&recent->lock);
}

const struct recent_decision *recent_at(const struct recent_list *list, size_t age)
{
	if (age >= RECENT_MAX || age >= list->count)
		return NULL;
	return &list->items[(list->count - 1 - age) % RECENT_MAX];
}
