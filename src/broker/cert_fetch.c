/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cert_fetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/kds_cache.h"
#include "io/net_client.h"
#include "snp/vek.h"

#define REQUEST_MS 30000
#define PRODUCTS (SNP_TURIN + 1)
#define SIGNERS 2

struct cert_fetch {
	const struct broker_config *config;
	void (*changed)(void *context);
	void *context;
	struct net_client *net;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	struct kds_queue *queue;
	uint64_t *known; /* the first 8 bytes of chip ids that the cache has or had, sorted */
	size_t known_count;
	size_t known_room;
	bool met[PRODUCTS][SIGNERS];
	bool stopping;
};

static uint64_t chip_key(const struct kds_object *object)
{
	uint64_t key;

	memcpy(&key, object->hwid, sizeof(key));
	return key;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_known(const struct cert_fetch *fetch, uint64_t key)
{
	return fetch->known_count && bsearch(&key, fetch->known, fetch->known_count, sizeof(key), by_key);
}

/* With the lock. Without memory a chip stays unknown: it waits in the smaller queue. */
static void add_known(struct cert_fetch *fetch, uint64_t key)
{
	size_t at = fetch->known_count;

	if (is_known(fetch, key))
		return;
	if (fetch->known_count == fetch->known_room) {
		size_t room = fetch->known_room ? 2 * fetch->known_room : 256;
		uint64_t *more = room <= 2 * KDS_CACHE_FILES_MAX ? realloc(fetch->known, room * sizeof(*more)) : NULL;

		if (!more)
			return;
		fetch->known = more;
		fetch->known_room = room;
	}
	while (at > 0 && fetch->known[at - 1] > key) {
		fetch->known[at] = fetch->known[at - 1];
		at--;
	}
	fetch->known[at] = key;
	fetch->known_count++;
}

static int ask(struct cert_fetch *fetch, const struct kds_object *object, unsigned *ret_seconds)
{
	char path[SNP_KDS_PATH_MAX];
	enum kds_rank rank = KDS_KNOWN;
	int r = kds_object_path(object, path);

	if (object->kind == KDS_VCEK && !is_known(fetch, chip_key(object)))
		rank = KDS_UNKNOWN;
	if (!r)
		r = kds_queue_ask(fetch->queue, path, rank, clock_monotonic_ms(), ret_seconds);
	(void)pthread_cond_signal(&fetch->wake);
	return r;
}

bool cert_fetch_want(struct cert_fetch *fetch, const struct kds_object *object, unsigned *ret_seconds)
{
	int r;

	if (!fetch)
		return false;
	(void)pthread_mutex_lock(&fetch->lock);
	r = ask(fetch, object, ret_seconds);
	(void)pthread_mutex_unlock(&fetch->lock);
	/* Also what is absent: KDS answers so when it is out of order, and a chip's first certificate may be minutes old. */
	return r > 0;
}

bool cert_fetch_replace(struct cert_fetch *fetch, const struct kds_object *object, unsigned *ret_seconds)
{
	char path[SNP_KDS_PATH_MAX];
	bool may;

	if (!fetch || kds_object_path(object, path))
		return false;
	(void)pthread_mutex_lock(&fetch->lock);
	may = kds_queue_may_refetch(fetch->queue, path, clock_monotonic_ms());
	if (may) {
		kds_cache_forget(fetch->config->cache_directory, object);
		may = ask(fetch, object, ret_seconds) > 0;
	}
	(void)pthread_mutex_unlock(&fetch->lock);
	if (may)
		log_notice("what the cache had for %s does not verify: it is fetched anew", path);
	return may;
}

void cert_fetch_note(struct cert_fetch *fetch, enum snp_product product, enum snp_signer signer)
{
	bool *met;

	if (!fetch || product == SNP_PRODUCT_UNKNOWN || product >= PRODUCTS)
		return;
	(void)pthread_mutex_lock(&fetch->lock);
	met = &fetch->met[product][signer == SNP_SIGNER_VLEK];
	if (!*met)
		(void)pthread_cond_signal(&fetch->wake);
	*met = true;
	(void)pthread_mutex_unlock(&fetch->lock);
}

/* Without the lock: this is what takes long. */
static enum kds_outcome request(struct cert_fetch *fetch, const char *path, uint32_t *ret_retry_after)
{
	struct net_answer answer = NET_ANSWER_NULL;
	struct error error = ERROR_NULL;
	struct kds_object object;
	enum kds_outcome outcome = KDS_OUTCOME_BAD;
	int r = kds_object_parse(path, &object);

	if (!r) {
		r = net_client_get(fetch->net, "kds", path, KDS_ANSWER_MAX, REQUEST_MS, &answer, &error);
		outcome = kds_object_judge(&object, r, answer.status, buf_view(&answer.body), &error);
	}
	if (outcome == KDS_OUTCOME_GOOD && kds_cache_put(fetch->config->cache_directory, &object, buf_view(&answer.body), &error))
		outcome = KDS_OUTCOME_DOWN;
	*ret_retry_after = answer.retry_after;
	if (outcome == KDS_OUTCOME_GOOD)
		log_info("fetched %s", path);
	else
		log_warning("KDS: %s", error.text[0] ? error_text(&error) : "a name that is none");
	if (outcome == KDS_OUTCOME_GOOD && object.kind != KDS_VCEK)
		fetch->changed(fetch->context);
	buf_deinit(&answer.body);
	return outcome;
}

/* With the lock, given up meanwhile. */
static void run_request(struct cert_fetch *fetch, const char *path)
{
	struct kds_object object;
	enum kds_outcome outcome;
	uint32_t retry_after, random = 0;

	(void)pthread_mutex_unlock(&fetch->lock);
	outcome = request(fetch, path, &retry_after);
	if (random_bytes(&random, sizeof(random)))
		random = 0;
	(void)pthread_mutex_lock(&fetch->lock);
	kds_queue_done(fetch->queue, path, outcome, retry_after, clock_monotonic_ms(), random);
	if (outcome == KDS_OUTCOME_GOOD && kds_object_parse(path, &object) == 0 && object.kind == KDS_VCEK)
		add_known(fetch, chip_key(&object));
}

/* With the lock. The lists of products that were met. */
static void refresh_lists(struct cert_fetch *fetch)
{
	for (int product = SNP_MILAN; product < PRODUCTS; product++) {
		for (int vlek = 0; vlek < SIGNERS; vlek++) {
			const struct kds_object crl = kds_object_crl((enum snp_product)product, vlek ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK);
			CLEANUP(buf_deinit) struct buf unused = BUF_NULL;
			unsigned seconds;
			int64_t age;

			if (!fetch->met[product][vlek])
				continue;
			if (kds_cache_get(fetch->config->cache_directory, &crl, clock_now(), &unused, &age) || age > CERT_FETCH_CRL_AGE)
				(void)ask(fetch, &crl, &seconds);
		}
	}
}

static bool ends_soon(const struct cert_fetch *fetch, const struct kds_object *object, int64_t now)
{
	CLEANUP(buf_deinit) struct buf der = BUF_NULL;
	struct snp_vek vek;

	return kds_cache_get(fetch->config->cache_directory, object, now, &der, NULL) == 0 && snp_vek_decode(buf_view(&der), &vek, NULL) == 0 &&
	       vek.not_after - now < CERT_FETCH_RENEW;
}

/* At the start and once a day: which chips are known, which products there are, which VCEKs end soon. */
static void survey(struct cert_fetch *fetch)
{
	struct kds_cached *cached;
	int64_t now = clock_now();
	unsigned seconds;
	size_t count, renewed = 0;

	if (kds_cache_list(fetch->config->cache_directory, now, &cached, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct kds_object *object = &cached[i].object;
		bool renew = object->kind == KDS_VCEK && ends_soon(fetch, object, now);

		(void)pthread_mutex_lock(&fetch->lock);
		fetch->met[object->product][object->signer == SNP_SIGNER_VLEK] = true;
		if (object->kind == KDS_VCEK)
			add_known(fetch, chip_key(object));
		if (renew && ask(fetch, object, &seconds) == KDS_ASKED_QUEUED)
			renewed++;
		(void)pthread_mutex_unlock(&fetch->lock);
	}
	free(cached);
	log_info("the cache has %zu objects; %zu are renewed", count, renewed);
}

/* With the lock: until somebody asks, stops, or the time is up. */
static void wait_for(struct cert_fetch *fetch, uint64_t wait_ms)
{
	struct timespec until;

	if (wait_ms > CERT_FETCH_REFRESH_MS)
		wait_ms = CERT_FETCH_REFRESH_MS;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(wait_ms / 1000);
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&fetch->wake, &fetch->lock, &until);
}

static void *run(void *context)
{
	struct cert_fetch *fetch = context;
	uint64_t surveyed_ms = clock_monotonic_ms();

	survey(fetch);
	(void)pthread_mutex_lock(&fetch->lock);
	while (!fetch->stopping) {
		char path[SNP_KDS_PATH_MAX];
		uint64_t wait_ms;

		refresh_lists(fetch);
		if (kds_queue_next(fetch->queue, clock_monotonic_ms(), path, &wait_ms) == 0)
			run_request(fetch, path);
		else
			wait_for(fetch, wait_ms);
		if (!fetch->stopping && clock_monotonic_ms() - surveyed_ms > UINT64_C(86400) * 1000) {
			(void)pthread_mutex_unlock(&fetch->lock);
			survey(fetch);
			surveyed_ms = clock_monotonic_ms();
			(void)pthread_mutex_lock(&fetch->lock);
		}
	}
	(void)pthread_mutex_unlock(&fetch->lock);
	return NULL;
}

static int make_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int r = pthread_condattr_init(&attributes);

	if (!r)
		r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!r)
		r = pthread_cond_init(condition, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return r;
}

static void cert_fetch_free(struct cert_fetch *fetch)
{
	(void)net_client_free(fetch->net);
	(void)kds_queue_free(fetch->queue);
	free(fetch->known);
	free(fetch);
}

int cert_fetch_start(const struct broker_config *config, void (*changed)(void *context), void *context, struct cert_fetch **ret,
	struct error *error)
{
	struct cert_fetch *fetch;
	int r;

	*ret = NULL;
	if (!config->kds_url || strcmp(config->kds_url, "off") == 0)
		return 0;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return error_set(error, -ENOMEM, "no memory");
	fetch->config = config;
	fetch->changed = changed;
	fetch->context = context;
	(void)pthread_mutex_init(&fetch->lock, NULL);
	r = -make_condition(&fetch->wake);
	if (!r)
		r = kds_queue_new(&fetch->queue);
	if (!r)
		r = net_client_new(config->net_socket, &fetch->net);
	if (!r)
		r = -pthread_create(&fetch->thread, NULL, run, fetch);
	if (r) {
		cert_fetch_free(fetch);
		return error_set(error, r, "certificates: %s", strerror(-r));
	}
	*ret = fetch;
	return 0;
}

struct cert_fetch *cert_fetch_stop(struct cert_fetch *fetch)
{
	if (!fetch)
		return NULL;
	(void)pthread_mutex_lock(&fetch->lock);
	fetch->stopping = true;
	(void)pthread_cond_signal(&fetch->wake);
	(void)pthread_mutex_unlock(&fetch->lock);
	net_client_stop(fetch->net);
	(void)pthread_join(fetch->thread, NULL);
	cert_fetch_free(fetch);
	return NULL;
}

bool cert_fetch_counts(struct cert_fetch *fetch, struct kds_queue_counts *ret)
{
	if (!fetch)
		return false;
	(void)pthread_mutex_lock(&fetch->lock);
	kds_queue_counts(fetch->queue, clock_monotonic_ms(), ret);
	(void)pthread_mutex_unlock(&fetch->lock);
	return true;
}
