/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the audit in the order in which it was written and holds the end of each incarnation. What must hold: a record continues its
 * incarnation's chain; a record 1 is a start record, and the end that it names is the one that we have seen; the checkpoint's record is
 * there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "broker/audit_internal.h"

#define PAGE 512                 /* records under one lock of the store: nobody waits long for us */
#define INCARNATIONS_MAX 1000000 /* starts of one broker: a restart a minute for two years */

struct walk {
	const struct audit_verify_input *input;
	size_t seen; /* of the ends that must be there */
	uint64_t position; /* of the last record visited */
	struct state_audit *ends;
	size_t count;
	size_t capacity;
	struct audit_report report;
};

enum { STOP = 1 };

static int broken(struct walk *walk, uint64_t position, const char *reason)
{
	walk->report.bad_position = position;
	(void)snprintf(walk->report.reason, sizeof(walk->report.reason), "%s", reason);
	return STOP;
}

/* The newest first: that is nearly always the one. */
static struct state_audit *find(struct walk *walk, const uint8_t incarnation[static STORE_INCARNATION_SIZE])
{
	for (size_t i = walk->count; i > 0; i--)
		if (memcmp(walk->ends[i - 1].incarnation, incarnation, STORE_INCARNATION_SIZE) == 0)
			return &walk->ends[i - 1];
	return NULL;
}

static struct state_audit *add(struct walk *walk, const uint8_t incarnation[static STORE_INCARNATION_SIZE])
{
	if (walk->count == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 16;
		struct state_audit *grown = capacity <= INCARNATIONS_MAX * 2 ? realloc(walk->ends, capacity * sizeof(*grown)) : NULL;

		if (!grown)
			return NULL;
		walk->ends = grown;
		walk->capacity = capacity;
	}
	walk->ends[walk->count] = (struct state_audit){.sequence = 0};
	memcpy(walk->ends[walk->count].incarnation, incarnation, STORE_INCARNATION_SIZE);
	return &walk->ends[walk->count++];
}

static int check_previous(struct walk *walk, struct json_object *previous, const char **ret_reason)
{
	const char *incarnation_text = json_get_text(previous, "incarnation", NULL);
	const char *chain_text = json_get_text(previous, "chain", NULL);
	uint8_t incarnation[STORE_INCARNATION_SIZE];
	uint8_t chain[32];
	const struct state_audit *end;
	uint64_t sequence;

	*ret_reason = NULL;
	if (!incarnation_text || !chain_text || hex_decode(incarnation, sizeof(incarnation), incarnation_text) ||
		hex_decode(chain, sizeof(chain), chain_text) || !json_get_u64(previous, "sequence", INT64_MAX, &sequence)) {
		*ret_reason = "the start record does not name the end before it";
		return 0;
	}
	end = find(walk, incarnation);
	if (!end)
		*ret_reason = "the incarnation before this one has been removed";
	else if (end->sequence < sequence || (end->sequence == sequence && memcmp(end->chain, chain, sizeof(chain)) != 0))
		*ret_reason = "the end of the incarnation before this one has been removed";
	return 0;
}

/* The first record of an incarnation: after the first of all, it must name the end before it. */
static int check_start(struct walk *walk, const struct store_record *record, const char **ret_reason)
{
	JSON_AUTO text = NULL;
	struct json_object *previous;
	const char *event;
	int r;

	r = json_read(record->text, &text, NULL);
	if (r)
		return r;
	event = json_get_text(text, "event", NULL);
	previous = json_get_object(text, "previous");
	*ret_reason = NULL;
	if (!event || strcmp(event, "start") != 0)
		*ret_reason = "an incarnation that does not begin with its start record";
	else if (previous)
		return check_previous(walk, previous, ret_reason);
	else if (walk->count > 0)
		*ret_reason = "a start record that denies the incarnations before it";
	return 0;
}

static bool same_end(const struct state_audit *a, const struct state_audit *b)
{
	return a->sequence == b->sequence && memcmp(a->incarnation, b->incarnation, sizeof(a->incarnation)) == 0 &&
		memcmp(a->chain, b->chain, sizeof(a->chain)) == 0;
}

/* The record of a signed checkpoint, before it is added: it names the end that we have. */
static int check_checkpoint(struct walk *walk, const struct store_record *record, const struct state_audit *end, const char **ret_reason)
{
	struct state_audit named;
	int r;

	if (!walk->input->check || !audit_is_checkpoint(record->text))
		return 0;
	r = audit_checkpoint_read(record->text, walk->input->check, walk->input->context, &named);
	if (r < 0)
		return r;
	if (r)
		*ret_reason = "a checkpoint that is not signed by this broker";
	else if (!same_end(&named, end))
		*ret_reason = "a checkpoint of something else than what stands before it";
	else
		walk->report.checkpoints++;
	return 0;
}

static void count_seen(struct walk *walk, const struct state_audit *end)
{
	for (size_t i = 0; i < walk->input->must_count; i++)
		walk->seen += same_end(&walk->input->must_be_there[i], end);
}

static int visit(void *context, uint64_t position, const struct store_record *record)
{
	struct walk *walk = context;
	struct state_audit *end = find(walk, record->incarnation);
	const char *reason = NULL;
	uint8_t chain[32];
	static const uint8_t zero[32];
	int r;

	walk->position = position;
	if (record->sequence != (end ? end->sequence + 1 : 1))
		return broken(walk, position, "a record before it is missing, or it stands twice");
	r = audit_chain(chain, walk->input->key, record, end ? end->chain : zero);
	if (r)
		return r;
	if (!bytes_equal_secret(chain, record->chain, sizeof(chain)))
		return broken(walk, position, "changed, or not written by this broker");
	r = end ? check_checkpoint(walk, record, end, &reason) : check_start(walk, record, &reason);
	if (r)
		return r;
	if (reason)
		return broken(walk, position, reason);
	if (!end) {
		end = add(walk, record->incarnation);
		if (!end)
			return -ENOMEM;
	}
	end->sequence = record->sequence;
	memcpy(end->chain, chain, sizeof(chain));
	walk->report.records++;
	count_seen(walk, end);
	return 0;
}

int audit_verify(struct store *store, const struct audit_verify_input *input, struct audit_report *ret)
{
	struct walk walk = {.input = input};
	uint64_t after;
	int r;

	do {
		after = walk.position;
		r = store_audit_walk(store, after, PAGE, visit, &walk);
	} while (!r && walk.position != after);
	if (r == -EBADMSG)
		r = broken(&walk, walk.position + 1, "the database holds what is no record");
	if (!r && walk.seen < input->must_count)
		r = broken(&walk, 0, "the end is missing: the record of the last checkpoint is not there");
	walk.report.incarnations = walk.count;
	walk.report.intact = r == 0;
	free(walk.ends);
	if (r < 0)
		return r;
	*ret = walk.report;
	return 0;
}
