/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lanes: VCEKs, which the service throttles, and the rest. A lane has a time before which nothing is sent, and the length of the next
 * pause. Entries that wait lie in one list in the order of asking; negative ones in another.
 */
#include "io/kds_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum lane { LANE_VCEK, LANE_REST, LANES };

struct entry {
	struct entry *next;
	enum lane lane;
	enum kds_rank rank;
	bool in_flight;
	bool bad;           /* negative because of bad answers */
	unsigned bad_count; /* answers that were not the object */
	uint64_t until_ms;  /* waiting: not before; negative: not again before */
	uint64_t span_ms;   /* of the negative memory */
	uint64_t refetched_ms; /* 0: never; else the time plus one */
	char path[SNP_KDS_PATH_MAX];
};

struct lane_state {
	bool in_flight;
	uint64_t until_ms;      /* nothing before */
	uint64_t busy_ms;       /* length of the next pause after a 429 */
	uint64_t slow_until_ms; /* one per KDS_QUEUE_BUSY_MIN_MS until then */
	uint64_t down_ms;       /* length of the next pause when it cannot be reached */
};

struct kds_queue {
	struct entry *waiting;
	struct entry *negative; /* newest first */
	struct lane_state lanes[LANES];
	struct kds_queue_counts counts;
};

int kds_queue_new(struct kds_queue **ret)
{
	struct kds_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	for (int i = 0; i < LANES; i++)
		queue->lanes[i] = (struct lane_state){.busy_ms = KDS_QUEUE_BUSY_MIN_MS, .down_ms = KDS_QUEUE_DOWN_MIN_MS};
	*ret = queue;
	return 0;
}

static void list_free(struct entry *entry)
{
	while (entry) {
		struct entry *next = entry->next;

		free(entry);
		entry = next;
	}
}

struct kds_queue *kds_queue_free(struct kds_queue *queue)
{
	if (queue) {
		list_free(queue->waiting);
		list_free(queue->negative);
		free(queue);
	}
	return NULL;
}

static struct entry **find(struct entry **list, const char *path)
{
	while (*list && strcmp((*list)->path, path) != 0)
		list = &(*list)->next;
	return list;
}

static uint64_t longer(uint64_t ms, uint64_t max)
{
	return ms > max / 2 ? max : ms * 2;
}

/* Up to a quarter more, so that many hosts that were turned away together do not come back together. */
static uint64_t jittered(uint64_t ms, uint32_t random)
{
	return ms + ms / 4 * random / UINT32_MAX;
}

static unsigned seconds_of(uint64_t ms)
{
	uint64_t seconds = (ms + 999) / 1000;

	return seconds < 1 ? 1 : seconds > 3600 ? 3600 : (unsigned)seconds;
}

static uint64_t left(uint64_t until_ms, uint64_t now_ms)
{
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

/* When it will be there, roughly: the lane's pause, and those before it at the lane's present pace. */
static unsigned estimate(const struct kds_queue *queue, const struct entry *entry, uint64_t now_ms)
{
	const struct lane_state *lane = &queue->lanes[entry->lane];
	uint64_t each = lane->slow_until_ms > now_ms ? KDS_QUEUE_BUSY_MIN_MS : 500;
	uint64_t pause = left(lane->until_ms > entry->until_ms ? lane->until_ms : entry->until_ms, now_ms);
	uint64_t before = 1;

	for (const struct entry *at = queue->waiting; at; at = at->next) {
		if (at == entry)
			break;
		if (at->lane == entry->lane && at->rank <= entry->rank)
			before++;
	}
	return seconds_of(pause + before * each);
}

/* The lowest rank first: a chip that turns out to be known moves up. */
static void raise_rank(struct kds_queue *queue, struct entry *entry, enum kds_rank rank)
{
	if (rank >= entry->rank)
		return;
	entry->rank = rank;
	queue->counts.unknown--;
}

/* A VCEK has a query; nothing else has. */
static enum lane lane_of(const char *path)
{
	return strchr(path, '?') ? LANE_VCEK : LANE_REST;
}

/* What stands before the query is the chip. */
static size_t waiting_for_chip(const struct kds_queue *queue, const char *path)
{
	size_t size = strcspn(path, "?") + 1;
	size_t count = 0;

	for (const struct entry *entry = queue->waiting; entry; entry = entry->next)
		count += strncmp(entry->path, path, size) == 0 ? 1 : 0;
	return count;
}

static bool is_full(const struct kds_queue *queue, const char *path, enum kds_rank rank)
{
	if (lane_of(path) != LANE_VCEK)
		return queue->counts.waiting >= KDS_QUEUE_WAITING_MAX + 16;
	return queue->counts.waiting >= KDS_QUEUE_WAITING_MAX || (rank == KDS_UNKNOWN && queue->counts.unknown >= KDS_QUEUE_UNKNOWN_MAX) ||
	       waiting_for_chip(queue, path) >= KDS_QUEUE_PER_CHIP_MAX;
}

static int add(struct kds_queue *queue, const char *path, enum kds_rank rank, struct entry **ret)
{
	struct entry **at = &queue->waiting;
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	memcpy(entry->path, path, strlen(path) + 1);
	entry->lane = lane_of(path);
	entry->rank = rank;
	while (*at)
		at = &(*at)->next;
	*at = entry;
	queue->counts.waiting++;
	queue->counts.unknown += rank == KDS_UNKNOWN ? 1 : 0;
	*ret = entry;
	return 0;
}

int kds_queue_ask(struct kds_queue *queue, const char *path, enum kds_rank rank, uint64_t now_ms, unsigned *ret_seconds)
{
	struct entry *negative;
	struct entry *entry;
	int r;

	if (path[0] != '/' || strlen(path) >= SNP_KDS_PATH_MAX)
		return -EINVAL;
	negative = *find(&queue->negative, path);
	if (negative && negative->until_ms > now_ms) {
		*ret_seconds = seconds_of(negative->until_ms - now_ms);
		return negative->bad ? KDS_ASKED_BAD : KDS_ASKED_ABSENT;
	}
	entry = *find(&queue->waiting, path);
	if (entry) {
		raise_rank(queue, entry, rank);
	} else if (is_full(queue, path, rank)) {
		queue->counts.turned_away++;
		*ret_seconds = seconds_of(left(queue->lanes[LANE_VCEK].until_ms, now_ms) + KDS_QUEUE_BUSY_MIN_MS);
		return KDS_ASKED_FULL;
	} else {
		r = add(queue, path, rank, &entry);
		if (r)
			return r;
	}
	*ret_seconds = estimate(queue, entry, now_ms);
	return KDS_ASKED_QUEUED;
}

/* The first of the best rank whose time has come; NULL: none, and `wait_ms` shrinks to when there may be one. */
static struct entry *pick(struct kds_queue *queue, enum lane lane, uint64_t now_ms, uint64_t *wait_ms)
{
	struct entry *best = NULL;

	if (queue->lanes[lane].in_flight)
		return NULL;
	for (struct entry *entry = queue->waiting; entry; entry = entry->next) {
		uint64_t wait = left(entry->until_ms, now_ms);

		if (entry->lane != lane)
			continue;
		if (wait < left(queue->lanes[lane].until_ms, now_ms))
			wait = left(queue->lanes[lane].until_ms, now_ms);
		if (wait == 0 && (!best || entry->rank < best->rank))
			best = entry;
		else if (wait > 0 && wait < *wait_ms)
			*wait_ms = wait;
	}
	return best;
}

int kds_queue_next(struct kds_queue *queue, uint64_t now_ms, char to[static SNP_KDS_PATH_MAX], uint64_t *ret_wait_ms)
{
	uint64_t wait = UINT64_MAX;
	struct entry *entry = pick(queue, LANE_REST, now_ms, &wait);

	if (!entry)
		entry = pick(queue, LANE_VCEK, now_ms, &wait);
	if (!entry) {
		*ret_wait_ms = wait;
		return -EAGAIN;
	}
	entry->in_flight = true;
	queue->lanes[entry->lane].in_flight = true;
	memcpy(to, entry->path, sizeof(entry->path));
	return 0;
}

static void remove_waiting(struct kds_queue *queue, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	queue->counts.waiting--;
	queue->counts.unknown -= entry->rank == KDS_UNKNOWN ? 1 : 0;
	free(entry);
}

/* Remembers for longer each time. The list is short of its maximum most of the time; else the oldest goes. */
static void remember(struct kds_queue *queue, const char *path, bool bad, uint64_t now_ms)
{
	struct entry **at = find(&queue->negative, path);
	struct entry *entry = *at;

	if (entry) {
		*at = entry->next;
		entry->span_ms = longer(entry->span_ms, KDS_QUEUE_NEGATIVE_MAX_MS);
	} else {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return; /* then it is asked for again: no harm but a request */
		memcpy(entry->path, path, strlen(path) + 1);
		entry->span_ms = KDS_QUEUE_NEGATIVE_MIN_MS;
		queue->counts.negative++;
	}
	entry->bad = bad;
	entry->until_ms = now_ms + entry->span_ms;
	entry->next = queue->negative;
	queue->negative = entry;
	if (queue->counts.negative > KDS_QUEUE_NEGATIVE_MAX) {
		for (at = &queue->negative; (*at)->next;)
			at = &(*at)->next;
		free(*at);
		*at = NULL;
		queue->counts.negative--;
	}
}

static void forget_negative(struct kds_queue *queue, const char *path)
{
	struct entry **at = find(&queue->negative, path);
	struct entry *entry = *at;

	/* What was refetched lately must not be refetched again: that memory stays. */
	if (entry && !entry->refetched_ms) {
		*at = entry->next;
		queue->counts.negative--;
		free(entry);
	} else if (entry) {
		entry->until_ms = 0;
		entry->span_ms = KDS_QUEUE_NEGATIVE_MIN_MS / 2;
	}
}

static void pause_busy(struct lane_state *lane, uint32_t retry_after, uint64_t now_ms, uint32_t random)
{
	uint64_t ms = (uint64_t)retry_after * 1000;

	if (ms > KDS_QUEUE_NEGATIVE_MAX_MS) /* nobody may switch us off for days */
		ms = KDS_QUEUE_NEGATIVE_MAX_MS;
	lane->until_ms = now_ms + jittered(ms ? ms : lane->busy_ms, random);
	lane->slow_until_ms = lane->until_ms + KDS_QUEUE_SLOW_MS;
	lane->busy_ms = longer(lane->busy_ms, KDS_QUEUE_BUSY_MAX_MS);
}

/* A service that is down is down for both lanes. */
static void pause_down(struct kds_queue *queue, uint64_t now_ms, uint32_t random)
{
	for (int i = 0; i < LANES; i++) {
		struct lane_state *lane = &queue->lanes[i];
		uint64_t until = now_ms + jittered(lane->down_ms, random);

		lane->down_ms = longer(lane->down_ms, KDS_QUEUE_DOWN_MAX_MS);
		if (until > lane->until_ms)
			lane->until_ms = until;
	}
}

/* It answers: the next failure is the first of its kind again. */
static void answered(struct kds_queue *queue, struct lane_state *lane, uint64_t now_ms, uint32_t random)
{
	for (int i = 0; i < LANES; i++)
		queue->lanes[i].down_ms = KDS_QUEUE_DOWN_MIN_MS;
	if (lane->slow_until_ms > now_ms)
		lane->until_ms = now_ms + jittered(KDS_QUEUE_BUSY_MIN_MS, random);
	else
		lane->busy_ms = KDS_QUEUE_BUSY_MIN_MS;
}

void kds_queue_done(struct kds_queue *queue, const char *path, enum kds_outcome outcome, uint32_t retry_after, uint64_t now_ms, uint32_t random)
{
	struct entry **at = find(&queue->waiting, path);
	struct entry *entry = *at;
	struct lane_state *lane;

	if (!entry || !entry->in_flight || outcome < KDS_OUTCOME_GOOD || outcome > KDS_OUTCOME_BAD)
		return;
	lane = &queue->lanes[entry->lane];
	lane->in_flight = false;
	entry->in_flight = false;
	queue->counts.outcomes[outcome]++;
	if (outcome == KDS_OUTCOME_BUSY) {
		pause_busy(lane, retry_after, now_ms, random);
		return;
	}
	if (outcome == KDS_OUTCOME_DOWN) {
		pause_down(queue, now_ms, random);
		return;
	}
	answered(queue, lane, now_ms, random);
	if (outcome == KDS_OUTCOME_BAD && ++entry->bad_count < KDS_QUEUE_BAD_ANSWERS_MAX) {
		entry->until_ms = now_ms + jittered((uint64_t)KDS_QUEUE_DOWN_MIN_MS << entry->bad_count, random);
		return;
	}
	if (outcome == KDS_OUTCOME_GOOD)
		forget_negative(queue, path);
	else
		remember(queue, path, outcome == KDS_OUTCOME_BAD, now_ms);
	remove_waiting(queue, at);
}

bool kds_queue_may_refetch(struct kds_queue *queue, const char *path, uint64_t now_ms)
{
	struct entry *entry = *find(&queue->negative, path);

	if (entry && entry->refetched_ms && now_ms + 1 - entry->refetched_ms < KDS_QUEUE_REFETCH_MS)
		return false;
	if (!entry) {
		remember(queue, path, false, now_ms);
		entry = *find(&queue->negative, path);
		if (!entry)
			return false;
		entry->until_ms = 0; /* no refusal, only a place for the memory */
	}
	entry->refetched_ms = now_ms + 1;
	return true;
}

void kds_queue_forget(struct kds_queue *queue, const char *path)
{
	struct entry **at = find(&queue->waiting, path);

	if (*at && !(*at)->in_flight)
		remove_waiting(queue, at);
}

void kds_queue_counts(const struct kds_queue *queue, uint64_t now_ms, struct kds_queue_counts *ret)
{
	*ret = queue->counts;
	ret->pause_ms = left(queue->lanes[LANE_VCEK].until_ms, now_ms);
}
