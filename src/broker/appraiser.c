/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verification serves all policies that ask for the same: the same word on revocation and on a masked chip id, and no pins of their
 * own. A policy with pins shares with the others what has proven to chain to AMD's root; what chains to a pin is that policy's alone.
 */
#include "broker/appraiser.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/appraise.h"
#include "base/log.h"
#include "broker/cert_complete.h"
#include "broker/cert_store.h"
#include "evidence/evidence.h"
#include "evidence/kbs_snp.h"
#include "io/clock.h"

#define VARIANTS_MAX 16 /* ways to verify one piece of evidence; each costs a signature */
#define CACHES_MAX 256
#define CACHE_CHAINS 4096 /* verified chains of each worker: a chip counts once */

struct appraiser {
	const struct broker_config *config;
	pthread_mutex_t lock;
	struct cert_set *certs;
	struct snp_vek_cache *idle[CACHES_MAX]; /* caches that no request uses now */
	size_t idle_count;
	struct refusals refusals;
	int64_t certs_time;
	atomic_ullong chips_cached;
	atomic_ullong chips_unknown;
	struct cert_fetch *fetch; /* NULL: there is no way to the key service */
};

/* What a policy asks of the verification itself. */
struct question {
	enum snp_revocation revocation;
	const struct snp_pins *pins; /* NULL: AMD's only */
	bool masked_chip_id;         /* a report without a chip id will do */
};

/* One way to verify, and how it came out. */
struct variant {
	struct question question;
	struct snp_verified verified;
	struct verdict verdict;
	bool ok;
};

/* What one request works on. */
struct run {
	struct appraiser *appraiser;
	const struct kbs_appraise_input *input;
	struct evidence evidence;
	struct cert_set *certs;
	struct cert_need need;
	struct cert_completed completed;
	struct snp_vek_cache *cache;
	struct variant variants[VARIANTS_MAX];
	size_t variant_count;
	struct verdict failed; /* findings of policies that did not pass: for their names */
	struct json_object *details;
};

/* In the fetching thread: a chain or a revocation list has come. */
static void fetched(void *context)
{
	struct error error = ERROR_NULL;

	if (appraiser_reload(context, &error))
		log_warning("%s", error_text(&error));
}

int appraiser_new(const struct broker_config *config, struct appraiser **ret, struct error *error)
{
	struct appraiser *appraiser = calloc(1, sizeof(*appraiser));
	int r;

	if (!appraiser)
		return error_set(error, -ENOMEM, "no memory");
	appraiser->config = config;
	(void)pthread_mutex_init(&appraiser->lock, NULL);
	refusals_init(&appraiser->refusals);
	r = cert_set_load(config, &appraiser->certs, error);
	appraiser->certs_time = clock_now();
	if (!r)
		r = cert_fetch_start(config, fetched, appraiser, &appraiser->fetch, error);
	if (r) {
		(void)appraiser_free(appraiser);
		return r;
	}
	*ret = appraiser;
	return 0;
}

struct appraiser *appraiser_free(struct appraiser *appraiser)
{
	if (!appraiser)
		return NULL;
	appraiser->fetch = cert_fetch_stop(appraiser->fetch);
	(void)cert_set_unref(appraiser->certs);
	for (size_t i = 0; i < appraiser->idle_count; i++)
		(void)snp_vek_cache_free(appraiser->idle[i]);
	refusals_deinit(&appraiser->refusals);
	(void)pthread_mutex_destroy(&appraiser->lock);
	free(appraiser);
	return NULL;
}

int appraiser_reload(struct appraiser *appraiser, struct error *error)
{
	struct cert_set *fresh;
	struct cert_set *old;
	int r = cert_set_load(appraiser->config, &fresh, error);

	if (r)
		return r;
	(void)pthread_mutex_lock(&appraiser->lock);
	old = appraiser->certs;
	appraiser->certs = fresh;
	appraiser->certs_time = clock_now();
	(void)pthread_mutex_unlock(&appraiser->lock);
	(void)cert_set_unref(old);
	return 0;
}

/* Takes what a request needs for itself. Without memory for a cache it goes without. */
static void borrow(struct run *run)
{
	struct appraiser *appraiser = run->appraiser;

	(void)pthread_mutex_lock(&appraiser->lock);
	run->certs = appraiser->certs;
	(void)__atomic_add_fetch(&run->certs->refs, 1, __ATOMIC_ACQ_REL);
	if (appraiser->idle_count > 0)
		run->cache = appraiser->idle[--appraiser->idle_count];
	(void)pthread_mutex_unlock(&appraiser->lock);
	if (!run->cache && snp_vek_cache_new(CACHE_CHAINS, &run->cache))
		run->cache = NULL;
}

static void give_back(struct run *run)
{
	struct appraiser *appraiser = run->appraiser;

	(void)cert_set_unref(run->certs);
	(void)pthread_mutex_lock(&appraiser->lock);
	if (run->cache && appraiser->idle_count < CACHES_MAX) {
		appraiser->idle[appraiser->idle_count++] = run->cache;
		run->cache = NULL;
	}
	(void)pthread_mutex_unlock(&appraiser->lock);
	(void)snp_vek_cache_free(run->cache);
}

static void run_deinit(struct run *run)
{
	give_back(run);
	for (size_t i = 0; i < run->variant_count; i++)
		verdict_deinit(&run->variants[i].verdict);
	verdict_deinit(&run->failed);
	evidence_deinit(&run->evidence);
	json_putp(&run->details);
}

/* `snp` is read from the object that is there; the other forms go through their text. 0, EVIDENCE_E_MALFORMED, -errno. */
static int read_evidence(struct run *run, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	enum evidence_kind wanted = run->input->tee == KBS_TEE_SNP ? EVIDENCE_SNP : EVIDENCE_AZ_SNP_VTPM;
	int r;

	if (run->input->tee == KBS_TEE_SNP)
		return kbs_snp_read(run->input->primary_evidence, &run->evidence, error);
	r = json_write(&text, run->input->primary_evidence);
	if (!r)
		r = evidence_read(&run->evidence, buf_view(&text), error);
	if (!r && run->evidence.kind != wanted)
		return error_set(error, EVIDENCE_E_MALFORMED, "the evidence is not of the TEE that the handshake names");
	return r;
}

static bool same_pins(const struct snp_pins *a, const struct snp_pins *b)
{
	if (!a || !b)
		return a == b;
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (memcmp(a->items[i].spki_sha256, b->items[i].spki_sha256, sizeof(a->items[i].spki_sha256)) != 0 ||
			a->items[i].product != b->items[i].product)
			return false;
	return true;
}

/* Genuine by AMD's own root is genuine whatever other roots one may trust. */
static bool answers(const struct variant *variant, const struct question *question)
{
	const struct question *asked = &variant->question;

	return asked->revocation == question->revocation && asked->masked_chip_id == question->masked_chip_id &&
	       ((variant->ok && !variant->verified.operator_trust) || same_pins(asked->pins, question->pins));
}

/* The verification of this kind, done now if it was not yet. 0; -ENOSPC: too many kinds, which fails this policy; other -errno. */
static int verify(struct run *run, const struct question *question, const struct variant **ret)
{
	struct evidence_verify_input input = {
		.extra_certs = &run->certs->certs,
		.pins = question->pins,
		.revocation = question->revocation,
		.now = run->input->now,
		.allow_masked_chip_id = question->masked_chip_id,
		.cache = run->cache,
		.report_data = bytes_of(run->input->report_data, KBS_REPORT_DATA_SIZE),
	};
	struct variant *variant;
	int r;

	for (size_t i = 0; i < run->variant_count; i++) {
		if (answers(&run->variants[i], question)) {
			*ret = &run->variants[i];
			return 0;
		}
	}
	if (run->variant_count == VARIANTS_MAX)
		return -ENOSPC;
	variant = &run->variants[run->variant_count++];
	*variant = (struct variant){.question = *question};
	r = evidence_verify(&run->evidence, &input, &variant->verified, &variant->verdict);
	if (r)
		return r;
	variant->ok = verdict_ok(&variant->verdict);
	*ret = variant;
	return 0;
}

static int verify_for(struct run *run, const struct policy *policy, const struct variant **ret)
{
	const struct snp_pins *pins = policy_pins(policy);
	const struct question question = {
		.revocation = policy_revocation(policy, SNP_REVOCATION_IF_PRESENT),
		.pins = pins->count ? pins : NULL,
		.masked_chip_id = policy_allows_masked_chip_id(policy),
	};

	return verify(run, &question, ret);
}

static int add_claims(const struct run *run, const struct variant *variant, struct claims *ret)
{
	claims_from_verified(ret, &variant->verified, run->input->now);
	/* The quote that was verified covers all of them. */
	if (run->evidence.kind == EVIDENCE_AZ_SNP_VTPM)
		claims_add_pcrs(ret, (UINT32_C(1) << EVIDENCE_PCR_COUNT) - 1, run->evidence.pcrs);
	return 0;
}

/* For audit and log: which checks of which policy failed, with what was found. */
static int add_details(struct run *run, const struct catalog_policy *policy, const struct verdict *verdict)
{
	struct json_object *row = json_object_new_object();
	struct json_object *checks = json_object_new_array();
	int r;

	if (!run->details)
		run->details = json_object_new_array();
	r = json_push(run->details, row);
	if (!r)
		r = json_add_text(row, "policy", policy->name);
	if (!r)
		r = json_add_u64(row, "version", policy->version);
	if (r) {
		json_putp(&checks);
		return r;
	}
	r = json_add(row, "checks", checks);
	for (size_t i = 0; i < verdict->count && !r; i++) {
		const struct finding *finding = &verdict->items[i];
		struct json_object *check;

		if (finding->class == FINDING_ADVICE || finding->state == FINDING_PASSED)
			continue;
		log_notice("policy %s version %llu: %s %s: expected %s, found %s", policy->name, (unsigned long long)policy->version,
			finding->check, finding_state_text(finding->state), finding->expected ? finding->expected : "-",
			finding->actual ? finding->actual
			: finding->why  ? finding->why
					: "-");
		(void)verdict_add(&run->failed, finding->check, FINDING_POLICY, FINDING_FAILED);
		check = json_object_new_object();
		r = json_push(checks, check);
		if (!r)
			r = json_add_text(check, "check", finding->check);
		if (!r && finding->actual)
			r = json_add_text(check, "actual", finding->actual);
	}
	return r;
}

static int evaluate(struct run *run, const struct catalog_policy *policy, struct kbs_appraised *ret)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct variant *variant;
	struct kbs_policy_ref *ref;
	struct claims claims;
	int r;

	r = verify_for(run, policy->policy, &variant);
	if (r == -ENOSPC)
		log_warning("policy %s version %llu admits nobody: the policies ask for more than %d kinds of verification", policy->name,
			(unsigned long long)policy->version, VARIANTS_MAX);
	if (r)
		return r == -ENOSPC ? 0 : r;
	if (!variant->ok)
		return 0;
	r = add_claims(run, variant, &claims);
	if (!r)
		r = appraise(policy->policy, &claims, &verdict);
	if (r)
		return r;
	if (!verdict_ok(&verdict))
		return add_details(run, policy, &verdict);
	if (ret->passed_count == KBS_SESSION_POLICIES_MAX || strlen(policy->name) >= sizeof(ref->name))
		return 0;
	ref = &ret->passed[ret->passed_count++];
	memcpy(ref->name, policy->name, strlen(policy->name) + 1);
	ref->version = policy->version;
	return 0;
}

/* The variant that proved most: a good one, else one that failed elsewhere than at the root, else the first. */
static const struct variant *best(const struct run *run)
{
	const struct variant *found = &run->variants[0];

	for (size_t i = 0; i < run->variant_count; i++) {
		const struct finding *first = verdict_first_failed(&run->variants[i].verdict);

		if (run->variants[i].ok)
			return &run->variants[i];
		if (first && strcmp(first->check, "chain.pin") != 0)
			found = &run->variants[i];
	}
	return found;
}

static void append_name(char *to, size_t size, const char *name)
{
	size_t used = strlen(to);
	size_t separator = used ? 2 : 0;

	if (used + separator + strlen(name) >= size || strstr(to, name))
		return;
	if (separator)
		memcpy(to + used, ", ", 3);
	memcpy(to + used + separator, name, strlen(name) + 1);
}

/* Names only: the caller learns which check failed, never what would have passed. */
static void name_failures(const struct run *run, const struct variant *variant, struct kbs_appraised *ret)
{
	const struct finding *first = verdict_first_failed(&variant->verdict);

	if (!variant->ok)
		append_name(ret->failed_checks, sizeof(ret->failed_checks), first ? first->check : "evidence");
	for (size_t i = 0; variant->ok && i < run->failed.count; i++)
		append_name(ret->failed_checks, sizeof(ret->failed_checks), run->failed.items[i].check);
}

static void count_failures(const struct run *run)
{
	const char *checks[VERDICT_MAX];

	for (size_t i = 0; i < run->failed.count; i++)
		checks[i] = run->failed.items[i].check;
	refusals_count_policy(&run->appraiser->refusals, checks, run->failed.count);
}

static int conclude(struct run *run, struct kbs_appraised *ret)
{
	const struct question plain = {.revocation = SNP_REVOCATION_IF_PRESENT};
	const struct variant *variant;
	const struct variant *unused;
	const struct finding *first;
	int r = 0;

	/* No grant names a policy: nobody gets anything, but whether the evidence is genuine decides what is recorded. */
	if (run->variant_count == 0)
		r = verify(run, &plain, &unused);
	if (r)
		return r;
	variant = best(run);
	ret->genuine = variant->ok;
	memcpy(ret->chip_id, variant->verified.report.chip_id, sizeof(ret->chip_id));
	memcpy(ret->measurement, variant->verified.report.measurement, sizeof(ret->measurement));
	if (ret->passed_count == 0)
		name_failures(run, variant, ret);
	if (ret->genuine && ret->passed_count == 0)
		count_failures(run);
	first = verdict_first_failed(&variant->verdict);
	refusals_count(&run->appraiser->refusals,
		!variant->ok        ? REFUSALS_UNVERIFIED
		: ret->passed_count ? REFUSALS_PASSED
				    : REFUSALS_BY_POLICY,
		!variant->ok && first ? first->check : NULL, first ? first->why : NULL, run->input->now);
	return 0;
}

/* Its certificates are on their way. */
static int come_again(const struct run *run, struct kbs_appraised *ret)
{
	*ret = (struct kbs_appraised){.retry_after = run->completed.retry_after};
	return -EAGAIN;
}

/* Nothing verified: was it what the cache gave? */
static bool blames_cache(struct run *run)
{
	for (size_t i = 0; i < run->variant_count; i++)
		if (run->variants[i].ok)
			return false;
	return run->variant_count > 0 && cert_blame_cache(&run->need, &best(run)->verdict, &run->completed);
}

int appraiser_run(struct appraiser *appraiser, const struct snapshot *snapshot, const struct kbs_appraise_input *input,
	struct kbs_appraised *ret, struct json_object **ret_details)
{
	CLEANUP(run_deinit) struct run run = {.appraiser = appraiser, .input = input};
	struct kbs_appraised appraised = {.genuine = false};
	struct error error = ERROR_NULL;
	int r;

	borrow(&run);
	r = read_evidence(&run, &error);
	if (r > 0) {
		append_name(appraised.failed_checks, sizeof(appraised.failed_checks), "evidence.format");
		refusals_count(&appraiser->refusals, REFUSALS_UNVERIFIED, "evidence.format", error_text(&error), input->now);
		*ret = appraised;
		return 0;
	}
	if (r)
		return r;
	run.need = (struct cert_need){appraiser->config, appraiser->fetch, snapshot, input->now};
	r = cert_complete(&run.need, &run.evidence, &run.certs, &run.completed);
	if (run.completed.cached)
		atomic_fetch_add(&appraiser->chips_cached, 1);
	else if (run.completed.missing)
		atomic_fetch_add(&appraiser->chips_unknown, 1);
	if (r == -EAGAIN)
		return come_again(&run, ret);
	for (size_t i = 0; i < snapshot->policy_count && !r; i++)
		if (snapshot->granted[i])
			r = evaluate(&run, snapshot->policies[i], &appraised);
	if (!r && blames_cache(&run))
		return come_again(&run, ret);
	if (!r)
		r = conclude(&run, &appraised);
	if (r)
		return r;
	*ret = appraised;
	*ret_details = run.details;
	run.details = NULL;
	return 0;
}

void appraiser_counts(struct appraiser *appraiser, struct appraiser_counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	refusals_copy(&appraiser->refusals, &ret->refusals);
	(void)pthread_mutex_lock(&appraiser->lock);
	for (size_t i = 0; i < appraiser->certs->certs.count; i++) {
		bool is_crl = appraiser->certs->certs.items[i].kind == SNP_ITEM_CRL;

		ret->crls += is_crl;
		ret->certificates += !is_crl;
	}
	ret->certs_time = appraiser->certs_time;
	(void)pthread_mutex_unlock(&appraiser->lock);
	ret->chips_cached = atomic_load(&appraiser->chips_cached);
	ret->chips_unknown = atomic_load(&appraiser->chips_unknown);
	ret->has_kds = cert_fetch_counts(appraiser->fetch, &ret->kds);
}
