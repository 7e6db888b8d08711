/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/fetch.h"
#include "io/kds_queue.h"

#define KDS_TOTAL_MS 30000
#define TICK_MS 1000 /* between two lines of progress */

struct kds {
	struct fetcher *fetcher;
	struct kds_queue *queue;
	char *base_url;
	char *cache_dir;
	unsigned wait_s;
	void (*progress)(void *context, const char *text);
	void *context;
};

int kds_new(const struct kds_config *config, struct kds **ret, struct error *error)
{
	struct fetch_config fetch_config = {
		.ca_file = config->ca_file,
		.allow_http = config->allow_http,
		.total_timeout_ms = config->total_timeout_ms ? config->total_timeout_ms : KDS_TOTAL_MS,
		.body_max = KDS_ANSWER_MAX,
	};
	CLEANUP(kds_freep) struct kds *kds = calloc(1, sizeof(*kds));
	int r;

	if (!kds)
		return -ENOMEM;
	kds->base_url = strdup(config->base_url ? config->base_url : KDS_BASE_URL);
	kds->cache_dir = config->cache_dir ? strdup(config->cache_dir) : NULL;
	if (!kds->base_url || (config->cache_dir && !kds->cache_dir) || kds_queue_new(&kds->queue))
		return -ENOMEM;
	kds->wait_s = config->wait_s;
	kds->progress = config->progress;
	kds->context = config->context;
	r = fetch_new(&fetch_config, &kds->fetcher, error);
	if (r)
		return r;
	*ret = kds;
	kds = NULL;
	return 0;
}

struct kds *kds_free(struct kds *kds)
{
	if (!kds)
		return NULL;
	(void)fetch_free(kds->fetcher);
	(void)kds_queue_free(kds->queue);
	free(kds->base_url);
	free(kds->cache_dir);
	free(kds);
	return NULL;
}

void kds_forget(struct kds *kds, const struct kds_object *object)
{
	if (kds->cache_dir)
		kds_cache_forget(kds->cache_dir, object);
}

/* A file that is not that object (a half-copied cache) is as good as none. */
static bool from_cache(const struct kds *kds, const struct kds_object *object, int64_t now, int64_t max_age, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf object_bytes = BUF_NULL;
	int64_t age;

	if (!kds->cache_dir || max_age <= 0 || kds_cache_get(kds->cache_dir, object, now, &object_bytes, &age) || age > max_age)
		return false;
	if (kds_object_check(object, buf_view(&object_bytes), NULL))
		return false;
	*ret = object_bytes;
	object_bytes = (struct buf)BUF_NULL;
	return true;
}

static uint32_t random_u32(void)
{
	uint32_t value;

	return random_bytes(&value, sizeof(value)) ? 0 : value;
}

static void say(const struct kds *kds, const struct kds_object *object, const struct error *why, uint64_t wait_ms)
{
	char text[ERROR_TEXT_MAX + KDS_OBJECT_TEXT_MAX + 64], what[KDS_OBJECT_TEXT_MAX];

	if (!kds->progress)
		return;
	kds_object_text(object, what);
	if (wait_ms)
		(void)snprintf(text, sizeof(text), "waiting %u s for %s: %s", (unsigned)((wait_ms + 999) / 1000), what, error_text(why));
	else
		(void)snprintf(text, sizeof(text), "asking for %s", what);
	kds->progress(kds->context, text);
}

static void sleep_ms(uint64_t ms)
{
	struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* One request, judged and told to the queue. */
static enum kds_outcome ask(struct kds *kds, const struct kds_object *object, const char *path, struct buf *ret, uint32_t *ret_retry_after,
	struct error *error)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	char url[FETCH_URL_MAX + 1];
	struct fetch_request request = {.method = "GET", .url = url};
	enum kds_outcome outcome;
	int r = -ENAMETOOLONG;

	say(kds, object, NULL, 0);
	if (snprintf(url, sizeof(url), "%s%s", kds->base_url, path) < (int)sizeof(url))
		r = fetch(kds->fetcher, &request, &response, error);
	outcome = kds_object_judge(object, r, response.status, buf_view(&response.body), error);
	*ret_retry_after = response.retry_after;
	kds_queue_done(kds->queue, path, outcome, response.retry_after, clock_monotonic_ms(), random_u32());
	if (outcome == KDS_OUTCOME_GOOD) {
		*ret = response.body;
		response.body = (struct buf)BUF_NULL;
	}
	return outcome;
}

static int outcome_error(enum kds_outcome outcome)
{
	static const int errors[] = {0, 0, KDS_E_NOT_FOUND, KDS_E_BUSY, KDS_E_UNREACHABLE, KDS_E_BAD};

	return errors[outcome];
}

/* Sleeps until the queue may have something. False: that is longer than we may wait. */
static bool wait_for(struct kds *kds, const struct kds_object *object, const struct error *why, uint64_t wait_ms, uint64_t deadline_ms)
{
	uint64_t end = clock_monotonic_ms() + wait_ms;

	if (wait_ms == UINT64_MAX || end > deadline_ms)
		return false;
	for (uint64_t now = clock_monotonic_ms(); now < end; now = clock_monotonic_ms()) {
		say(kds, object, why, end - now);
		sleep_ms(end - now < TICK_MS ? end - now : TICK_MS);
	}
	return true;
}

/* Asks until there is an answer, or the time is up. */
static int pursue(struct kds *kds, const struct kds_object *object, const char *path, struct buf *ret, struct kds_source *source, struct error *error)
{
	uint64_t deadline = clock_monotonic_ms() + (uint64_t)kds->wait_s * 1000;
	enum kds_outcome outcome = KDS_OUTCOME_DOWN;
	struct error why = ERROR_NULL;
	char next[SNP_KDS_PATH_MAX];
	unsigned seconds;
	uint64_t wait_ms;
	int r = kds_queue_ask(kds->queue, path, KDS_KNOWN, clock_monotonic_ms(), &seconds);

	if (r < 0)
		return error_set(error, r, "%s: %s", path, strerror(-r));
	if (r != KDS_ASKED_QUEUED)
		return error_set(error, r == KDS_ASKED_BAD ? KDS_E_BAD : KDS_E_NOT_FOUND, "the key service was asked for this a moment ago, in vain");
	for (;;) {
		if (kds_queue_next(kds->queue, clock_monotonic_ms(), next, &wait_ms) == 0) {
			error_clear(&why);
			outcome = ask(kds, object, next, ret, &source->retry_after, &why);
			if (outcome == KDS_OUTCOME_GOOD)
				return 0;
			if (outcome == KDS_OUTCOME_ABSENT)
				break;
		} else if (!wait_for(kds, object, &why, wait_ms, deadline)) {
			break;
		}
	}
	kds_queue_forget(kds->queue, path);
	/* A connection that failed has said where already. */
	if (text_starts_with(error_text(&why), kds->base_url))
		return error_set(error, outcome_error(outcome), "%s", error_text(&why));
	return error_set(error, outcome_error(outcome), "%s: %s", kds->base_url, error_text(&why));
}

int kds_get(struct kds *kds, const struct kds_object *object, int64_t now, int64_t max_age, struct buf *ret, struct kds_source *ret_source,
	struct error *error)
{
	struct kds_source source = {.cached = false};
	char path[SNP_KDS_PATH_MAX];
	int r = kds_object_path(object, path);

	if (r)
		return error_set(error, r, "the key service has no name for this object");
	source.cached = from_cache(kds, object, now, max_age, ret);
	if (!source.cached)
		r = pursue(kds, object, path, ret, &source, error);
	if (ret_source)
		*ret_source = source;
	/* A cache that cannot be written is none: the object is there all the same. */
	if (!r && !source.cached && kds->cache_dir && kds_cache_put(kds->cache_dir, object, buf_view(ret), NULL))
		kds_forget(kds, object);
	return r;
}

/* Another TCB of the same report: has the service that? */
static bool knows_other_tcb(struct kds *kds, const struct kds_object *object, const struct snp_report *report, int64_t now, struct snp_tcb *ret)
{
	struct snp_report laid_out = *report;
	const struct snp_tcb *others[] = {&laid_out.current_tcb, &laid_out.committed_tcb, &laid_out.launch_tcb};

	snp_report_relayout(&laid_out, object->product);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		CLEANUP(buf_deinit) struct buf unused = BUF_NULL;
		struct kds_object other = *object;

		other.tcb = *others[i];
		if (snp_tcb_equal(others[i], &laid_out.reported_tcb) || kds_get(kds, &other, now, INT64_MAX, &unused, NULL, NULL))
			continue;
		*ret = *others[i];
		return true;
	}
	return false;
}

enum kds_absence kds_explain(struct kds *kds, const struct kds_object *object, const struct snp_report *report, int64_t now, struct error *error)
{
	struct kds_object chain = kds_object_chain(object->product, SNP_SIGNER_VCEK);
	CLEANUP(buf_deinit) struct buf unused = BUF_NULL;
	char what[KDS_OBJECT_TEXT_MAX], tcb[SNP_TCB_TEXT_MAX];
	struct snp_tcb known;

	kds_object_text(object, what);
	if (kds->cache_dir && kds_cache_knows_chip(kds->cache_dir, object))
		return (enum kds_absence)error_set(error, KDS_ABSENT_TCB,
			"%s: there is none (404), but the chip is known with another TCB: this firmware was never released, or KDS does not have it yet", what);
	if (knows_other_tcb(kds, object, report, now, &known)) {
		snp_tcb_text(tcb, &known);
		return (enum kds_absence)error_set(error, KDS_ABSENT_TCB,
			"%s: there is none (404), but the chip is known with %s: the reported TCB was never released, or KDS does not have it yet", what, tcb);
	}
	if (kds_get(kds, &chain, now, 0, &unused, NULL, NULL))
		return (enum kds_absence)error_set(error, KDS_ABSENT_PRODUCT,
			"%s: 404, and the chain of %s is not there either: %s is no key service for this product, or out of order; try later or another", what,
			snp_product_name(object->product), kds->base_url);
	return (enum kds_absence)error_set(error, KDS_ABSENT_CHIP,
		"%s: 404, and no other TCB of this chip is there: AMD does not know the chip (an engineering sample, or a chip id that no AMD chip has)", what);
}
