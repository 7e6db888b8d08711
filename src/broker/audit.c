/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer thread. Producers append to a list and go on; the writer takes up to AUDIT_BATCH_MAX of them, computes their chain, commits,
 * and then tells each. While it commits, the next batch gathers by itself; only when the last batch had company does the writer wait a
 * moment for more, so that a lone request is never delayed. After a commit that failed nobody knows whether the database has the records:
 * the writer begins a new incarnation, whose first record names the last end that is certain.
 */
#include "broker/audit_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "io/clock.h"

struct item {
	struct item *next;
	struct buf text;
	audit_done done;
	void *context;
};

struct audit {
	struct store *store;
	struct state_file *state;
	struct secret key;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct item *first;
	struct item **last;
	size_t waiting;
	bool stop;
	struct audit_counts counts;
	audit_sign sign; /* NULL: checkpoints are not signed */
	void *sign_context;
	/* the writer's own */
	struct state_audit end;    /* of this incarnation; sequence 0: its start record is still to be written */
	struct state_audit before; /* the last certain end before it */
	size_t last_batch;
	uint64_t checkpoint_ms;
	uint64_t checkpoint_sequence;
};

int audit_chain(uint8_t ret[static 32], struct bytes key, const struct store_record *record, const uint8_t before[static 32])
{
	static const char label[] = "sevattest audit 1";
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	r = buf_append(&text, label, sizeof(label));
	if (!r)
		r = buf_append(&text, record->incarnation, sizeof(record->incarnation));
	if (!r)
		r = buf_u64be(&text, record->sequence);
	if (!r)
		r = buf_append(&text, before, 32);
	if (!r)
		r = buf_append(&text, record->text.data, record->text.size);
	return r ? r : hmac_sha256(ret, key, buf_view(&text));
}

static struct item *item_free(struct item *item)
{
	if (item) {
		buf_deinit(&item->text);
		free(item);
	}
	return NULL;
}

/* The start record: {"event":"start","time":...,"previous":{...}}. */
static int start_text(const struct state_audit *before, struct buf *ret)
{
	JSON_AUTO record = json_object_new_object();
	struct json_object *previous;
	int r;

	if (!record)
		return -ENOMEM;
	r = json_add_text(record, "event", "start");
	if (!r)
		r = json_add_u64(record, "time", (uint64_t)clock_now());
	if (r || before->sequence == 0)
		return r ? r : json_write(ret, record);
	previous = json_object_new_object();
	r = json_add(record, "previous", previous);
	if (!r)
		r = json_add_hex(previous, "incarnation", before->incarnation, sizeof(before->incarnation));
	if (!r)
		r = json_add_u64(previous, "sequence", before->sequence);
	if (!r)
		r = json_add_hex(previous, "chain", before->chain, sizeof(before->chain));
	return r ? r : json_write(ret, record);
}

static int next_record(const struct audit *audit, struct state_audit *end, struct bytes text, struct store_record *ret)
{
	int r;

	*ret = (struct store_record){.sequence = end->sequence + 1, .text = text};
	memcpy(ret->incarnation, end->incarnation, sizeof(ret->incarnation));
	r = audit_chain(ret->chain, secret_view(&audit->key), ret, end->chain);
	if (r)
		return r;
	end->sequence = ret->sequence;
	memcpy(end->chain, ret->chain, sizeof(end->chain));
	return 0;
}

/* Commits the batch, preceded by the start record where there is none yet. On 0 audit->end is the new end. */
static int commit(struct audit *audit, const struct item *batch)
{
	CLEANUP(buf_deinit) struct buf start = BUF_NULL;
	struct store_record records[AUDIT_BATCH_MAX + 1];
	struct state_audit end = audit->end;
	size_t count = 0;
	int r = 0;

	if (end.sequence == 0) {
		r = random_bytes(end.incarnation, sizeof(end.incarnation));
		if (!r)
			r = start_text(&audit->before, &start);
		if (!r)
			r = next_record(audit, &end, buf_view(&start), &records[count++]);
	}
	for (const struct item *item = batch; item && !r; item = item->next)
		r = next_record(audit, &end, buf_view(&item->text), &records[count++]);
	if (!r)
		r = store_audit_append(audit->store, records, count);
	if (!r)
		audit->end = end;
	return r;
}

static void new_incarnation(struct audit *audit)
{
	if (audit->end.sequence > 0)
		audit->before = audit->end;
	audit->end = (struct state_audit){.sequence = 0};
	audit->checkpoint_sequence = 0;
}

/* Puts the signed checkpoint of the end behind it, and into the log. Without one the records are as safe as before. */
static void sign_end(struct audit *audit)
{
	CLEANUP(buf_deinit) struct buf line = BUF_NULL;
	struct item item = {.text = BUF_NULL};
	audit_sign sign;
	void *context;
	int r;

	(void)pthread_mutex_lock(&audit->lock);
	sign = audit->sign;
	context = audit->sign_context;
	(void)pthread_mutex_unlock(&audit->lock);
	if (!sign)
		return;
	r = audit_checkpoint_text(&audit->end, clock_now(), sign, context, &item.text, &line);
	if (!r) {
		r = commit(audit, &item);
		if (r)
			new_incarnation(audit);
	}
	buf_deinit(&item.text);
	if (r) {
		log_error("the audit's checkpoint cannot be written: %s", strerror(-r));
		return;
	}
	log_notice("audit checkpoint %.*s", (int)line.size, (const char *)line.data);
	(void)pthread_mutex_lock(&audit->lock);
	audit->counts.checkpoints++;
	(void)pthread_mutex_unlock(&audit->lock);
}

static void checkpoint(struct audit *audit)
{
	if (audit->end.sequence == audit->checkpoint_sequence)
		return;
	sign_end(audit);
	if (audit->end.sequence == 0)
		return;
	/* A failure is tried again at the next one; the records themselves are safe. */
	if (state_set_audit(audit->state, &audit->end, NULL) == 0)
		audit->checkpoint_sequence = audit->end.sequence;
	audit->checkpoint_ms = clock_monotonic_ms();
}

/* With the lock held: cuts the next batch off the list. */
static struct item *take(struct audit *audit, size_t *ret_count)
{
	struct item *batch = audit->first;
	struct item **cut = &audit->first;
	size_t count = 0;

	while (*cut && count < AUDIT_BATCH_MAX) {
		cut = &(*cut)->next;
		count++;
	}
	audit->first = *cut;
	*cut = NULL;
	if (!audit->first)
		audit->last = &audit->first;
	audit->waiting -= count;
	*ret_count = count;
	return batch;
}

static void deadline_in(struct timespec *ret, uint64_t us)
{
	(void)clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_nsec += (long)(us % 1000000) * 1000;
	ret->tv_sec += (time_t)(us / 1000000) + ret->tv_nsec / 1000000000;
	ret->tv_nsec %= 1000000000;
}

/* With the lock held: waits for the next batch. False when it is time to end. */
static bool gather(struct audit *audit)
{
	struct timespec deadline;
	int r = 0;

	deadline_in(&deadline, (uint64_t)AUDIT_CHECKPOINT_S * 1000000);
	while (!audit->first && !audit->stop && r == 0)
		r = pthread_cond_timedwait(&audit->wake, &audit->lock, &deadline);
	if (!audit->first)
		return !audit->stop;
	deadline_in(&deadline, AUDIT_GATHER_US);
	r = 0;
	while (audit->last_batch > 1 && audit->waiting < AUDIT_BATCH_MAX && !audit->stop && r == 0)
		r = pthread_cond_timedwait(&audit->wake, &audit->lock, &deadline);
	return true;
}

static void finish(struct audit *audit, struct item *batch, size_t count, int result)
{
	(void)pthread_mutex_lock(&audit->lock);
	audit->counts.commits++;
	audit->counts.records += result ? 0 : count;
	audit->counts.failed += result ? count : 0;
	audit->counts.last_failed = result != 0;
	(void)pthread_mutex_unlock(&audit->lock);
	while (batch) {
		struct item *next = batch->next;

		batch->done(batch->context, result);
		(void)item_free(batch);
		batch = next;
	}
}

static void *writer(void *context)
{
	struct audit *audit = context;

	for (;;) {
		struct item *batch;
		size_t count;
		bool go_on;
		int r;

		(void)pthread_mutex_lock(&audit->lock);
		go_on = gather(audit);
		batch = take(audit, &count);
		(void)pthread_mutex_unlock(&audit->lock);
		if (batch) {
			r = commit(audit, batch);
			if (r)
				new_incarnation(audit);
			audit->last_batch = count;
			finish(audit, batch, count, r);
		}
		if (!go_on)
			break;
		if (clock_monotonic_ms() - audit->checkpoint_ms >= (uint64_t)AUDIT_CHECKPOINT_S * 1000)
			checkpoint(audit);
	}
	checkpoint(audit);
	return NULL;
}

static int keep_end(void *context, uint64_t position, const struct store_record *record)
{
	struct state_audit *end = context;

	(void)position;
	memcpy(end->incarnation, record->incarnation, sizeof(end->incarnation));
	end->sequence = record->sequence;
	memcpy(end->chain, record->chain, sizeof(end->chain));
	return 0;
}

static int start_thread(struct audit *audit)
{
	pthread_condattr_t attributes;
	int r;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&audit->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&audit->lock, NULL);
	audit->checkpoint_ms = clock_monotonic_ms();
	r = pthread_create(&audit->thread, NULL, writer, audit);
	audit->started = r == 0;
	return -r;
}

int audit_new(struct store *store, struct state_file *state, struct bytes key, struct audit **ret, struct error *error)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int r;

	if (!audit)
		return error_set(error, -ENOMEM, "no memory");
	audit->store = store;
	audit->state = state;
	audit->last = &audit->first;
	r = secret_copy_in(&audit->key, key.data, key.size);
	if (!r)
		r = store_audit_last(store, keep_end, &audit->before);
	if (!r)
		r = start_thread(audit);
	if (r) {
		(void)error_set(error, r, "the audit does not start: %s", strerror(-r));
		(void)audit_free(audit);
		return r;
	}
	*ret = audit;
	return 0;
}

struct audit *audit_free(struct audit *audit)
{
	if (!audit)
		return NULL;
	if (audit->started) {
		(void)pthread_mutex_lock(&audit->lock);
		audit->stop = true;
		(void)pthread_cond_signal(&audit->wake);
		(void)pthread_mutex_unlock(&audit->lock);
		(void)pthread_join(audit->thread, NULL);
		(void)pthread_cond_destroy(&audit->wake);
		(void)pthread_mutex_destroy(&audit->lock);
	}
	secret_deinit(&audit->key);
	free(audit);
	return NULL;
}

int audit_submit(struct audit *audit, struct buf *text, audit_done done, void *context)
{
	struct item *item;

	if (text->size == 0 || text->size > STORE_RECORD_MAX)
		return -EMSGSIZE;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->text = *text;
	*text = (struct buf)BUF_NULL;
	item->done = done;
	item->context = context;
	(void)pthread_mutex_lock(&audit->lock);
	*audit->last = item;
	audit->last = &item->next;
	audit->waiting++;
	(void)pthread_cond_signal(&audit->wake);
	(void)pthread_mutex_unlock(&audit->lock);
	return 0;
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done;
	int result;
};

static void wake_waiter(void *context, int result)
{
	struct waiter *waiter = context;

	(void)pthread_mutex_lock(&waiter->lock);
	waiter->done = true;
	waiter->result = result;
	(void)pthread_cond_signal(&waiter->wake);
	(void)pthread_mutex_unlock(&waiter->lock);
}

int audit_write(struct audit *audit, struct buf *text)
{
	struct waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
	int r = audit_submit(audit, text, wake_waiter, &waiter);

	if (r)
		return r;
	(void)pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		(void)pthread_cond_wait(&waiter.wake, &waiter.lock);
	(void)pthread_mutex_unlock(&waiter.lock);
	return waiter.result;
}

void audit_set_signer(struct audit *audit, audit_sign sign, void *context)
{
	(void)pthread_mutex_lock(&audit->lock);
	audit->sign = sign;
	audit->sign_context = context;
	(void)pthread_mutex_unlock(&audit->lock);
}

void audit_counts(struct audit *audit, struct audit_counts *ret)
{
	(void)pthread_mutex_lock(&audit->lock);
	*ret = audit->counts;
	(void)pthread_mutex_unlock(&audit->lock);
}
