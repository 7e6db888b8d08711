/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three places to look, in this order: the host's table, the cache, netd. None of them is trusted: the host wrote two of them, and netd may be
 * somebody else's. So a chain that is complete is judged before it is used or kept, and one that is forged costs its place the trust: the cache
 * first, then the table. What netd alone gave and is forged is left out.
 */
#include "agent/certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/check.h"
#include "base/log.h"
#include "evidence/chain.h"
#include "io/fetch_frame.h"
#include "io/kds_cache.h"
#include "io/kds_object.h"
#include "snp/chain.h"
#include "snp/verify.h"

#define OBJECT_MAX ((size_t)128 << 10) /* the largest genuine one, a chain in PEM, has 5 KiB */
#define TIMEOUT_CHECKED_MS 30000       /* with Policy= nothing goes on without the chain */
#define TIMEOUT_MS 5000                /* else the broker may have what we lack */

enum part { PART_VEK, PART_CHAIN, PART_COUNT };

struct certs_job {
	struct core *core;
	struct evidence *evidence;
	struct snp_report report;
	struct snp_certs certs;
	bool table_used, table_off, cache_used, cache_off;
	bool forged; /* what is there is worse than nothing */
	bool cached[PART_COUNT], fetched[PART_COUNT]; /* tried */
	struct buf objects[PART_COUNT];               /* what netd gave, kept when the chain is good */
	enum part part;                               /* that is looked for */
	struct kds_object object;                     /* that is looked for */
	char path[SNP_KDS_PATH_MAX];
	uint32_t net_id;
	certs_done *done;
	void *context;
	struct error why;
};

struct certs_job *certs_cancel(struct certs_job *job)
{
	if (!job)
		return NULL;
	port_cancel(job->core->net, job->net_id);
	snp_certs_deinit(&job->certs);
	for (size_t i = 0; i < PART_COUNT; i++)
		buf_deinit(&job->objects[i]);
	free(job);
	return NULL;
}

static const char *cache(const struct certs_job *job)
{
	return job->core->config->settings.cache_directory;
}

static void take_cached(struct certs_job *job)
{
	CLEANUP(buf_deinit) struct buf bytes = BUF_NULL;

	if (job->cache_off || kds_cache_get(cache(job), &job->object, core_now(), &bytes, NULL))
		return;
	(void)!snp_certs_add(&job->certs, buf_view(&bytes), NULL);
	job->cache_used = true;
}

/* A VLEK's certificate is imported, and the report does not name the cloud that it is for: every one of this product may fit. */
static void take_cached_vleks(struct certs_job *job)
{
	struct kds_cached *files = NULL;
	size_t count = 0;

	if (kds_cache_list(cache(job), core_now(), &files, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++) {
		if (files[i].object.kind != KDS_VLEK || files[i].object.product != job->report.product)
			continue;
		job->object = files[i].object;
		take_cached(job);
	}
	free(files);
}

static size_t have(const struct certs_job *job)
{
	struct bytes chain[EVIDENCE_CHAIN_MAX];

	return evidence_chain_find(&job->certs, &job->report, chain);
}

/* What the cache or the key service is asked for. 0 or CERTS_MISSING. */
static int name_object(struct certs_job *job, enum part part)
{
	enum snp_signer signer = snp_report_signer(&job->report) == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;

	if (part == PART_CHAIN)
		job->object = kds_object_chain(job->report.product, signer);
	else if (signer == SNP_SIGNER_VLEK)
		return error_set(&job->why, CERTS_MISSING, "the host gave no VLEK certificate, and nobody else has it: sevattest certs import");
	else if (kds_object_of_report(&job->report, job->report.product, &job->object))
		return error_set(&job->why, CERTS_MISSING, "the report does not tell its product or chip: no certificate can be asked for");
	if (kds_object_path(&job->object, job->path))
		return error_set(&job->why, CERTS_MISSING, "the report does not tell its product: no certificate can be asked for");
	return 0;
}

/* A cache that cannot be written is none. */
static void keep(struct certs_job *job)
{
	for (enum part part = 0; part < PART_COUNT; part++) {
		struct error error = ERROR_NULL;

		if (job->objects[part].size && !name_object(job, part) &&
			kds_cache_put(cache(job), &job->object, buf_view(&job->objects[part]), &error))
			log_warning("certificate not cached: %s", error_text(&error));
	}
}

/* What was fetched may be what is forged, and a VLEK's certificate was imported by somebody: those stay. */
static void empty_cache(struct certs_job *job)
{
	for (enum part part = 0; part < PART_COUNT && !job->fetched[PART_VEK] && !job->fetched[PART_CHAIN]; part++) {
		if (!name_object(job, part))
			kds_cache_forget(cache(job), &job->object);
	}
}

/*
 * Is the chain genuine? CERTS_DONE; CERTS_MISSING with a text: no; 0: it ends in a root that nobody has pinned here (an operator's, and there is
 * no Policy=), so only the broker can tell. -errno.
 */
static int judge(struct certs_job *job)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct policy *policy = job->core->config->policy;
	const struct snp_verify_input input = {
		.report = buf_view(&job->evidence->report),
		.certs = &job->certs,
		.revocation = SNP_REVOCATION_OFF,
		.extra_pins = policy ? policy_pins(policy) : NULL,
		.now = core_now(),
		.allow_masked_chip_id = true,
	};
	const struct finding *signature;
	struct snp_verified verified;
	int r = snp_verify(&input, &verified, &verdict);

	if (r)
		return r;
	for (const char *const *step = snp_chain_steps; *step; step++) {
		const struct finding *finding = verdict_find(&verdict, *step);

		if (!finding || finding->state != FINDING_FAILED)
			continue;
		if (!policy && strcmp(*step, "chain.pin") == 0)
			return 0;
		return error_set(&job->why, CERTS_MISSING, "certificates refused: %s: %.300s", *step, finding->why ? finding->why : "failed");
	}
	signature = verdict_find(&verdict, "chain.signature");
	return signature && signature->state == FINDING_PASSED ? CERTS_DONE : 0;
}

static int add_table(struct certs_job *job)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct bytes table = buf_view(&job->evidence->cert_table);

	/* A malformed table is the host's doing: it is left out, and the key service is asked. */
	if (job->table_off || snp_table_is_empty(table))
		return 0;
	job->table_used = true;
	return snp_certs_add_table(&job->certs, table, &verdict);
}

/* After a chain that is forged: everything again without the one that may have given it. CERTS_MISSING when netd alone is left. */
static int look_elsewhere(struct certs_job *job)
{
	log_warning("%s", error_text(&job->why));
	if (job->cache_used && !job->cache_off) {
		job->cache_off = true;
		empty_cache(job);
	} else if (job->table_used && !job->table_off) {
		job->table_off = true;
	} else {
		job->forged = true;
		return CERTS_MISSING;
	}
	snp_certs_deinit(&job->certs);
	snp_certs_init(&job->certs);
	for (size_t i = 0; i < PART_COUNT; i++) {
		job->cached[i] = job->fetched[i] = false;
		buf_deinit(&job->objects[i]);
	}
	return add_table(job);
}

static port_done on_answer;

static int ask(struct certs_job *job)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	const struct fetch_frame_request request = {
		.origin = bytes_of_text("kds"),
		.method = HTTP_GET,
		.path = bytes_of_text(job->path),
		.answer_max = OBJECT_MAX,
		.timeout_ms = job->core->config->policy ? TIMEOUT_CHECKED_MS : TIMEOUT_MS,
	};
	int r = fetch_frame_request_encode(&payload, &request);

	if (!r)
		r = port_ask(job->core->net, FRAME_FETCH_REQUEST, buf_view(&payload), request.timeout_ms + 1000, on_answer, job, &job->net_id);
	if (r)
		return error_set(&job->why, CERTS_MISSING, "the key service cannot be asked: netd: %s", strerror(-r));
	return 0;
}

static int complete_table(struct certs_job *job)
{
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	int r = evidence_chain_table(&job->certs, &job->report, &table);

	if (r || !table.size)
		return r;
	buf_deinit(&job->evidence->cert_table);
	job->evidence->cert_table = table;
	table = (struct buf)BUF_NULL;
	return 0;
}

/* What is there already, what the cache has, what netd must be asked for. CERTS_DONE, CERTS_MISSING, 0 (asked), -errno. */
static int advance(struct certs_job *job)
{
	for (;;) {
		size_t count = have(job);
		enum part part = count ? PART_CHAIN : PART_VEK;
		int r;

		if (count == EVIDENCE_CHAIN_MAX) {
			r = judge(job);
			if (r == CERTS_MISSING) {
				r = look_elsewhere(job);
				if (r)
					return r;
				continue;
			}
			if (r == CERTS_DONE)
				keep(job);
			if (r >= 0)
				r = complete_table(job);
			return r ? r : CERTS_DONE;
		}
		if (part == PART_VEK && !job->cached[part] && snp_report_signer(&job->report) == SNP_SIGNER_VLEK) {
			job->cached[part] = true;
			take_cached_vleks(job);
			continue;
		}
		r = name_object(job, part);
		if (r)
			return r;
		if (!job->cached[part]) {
			job->cached[part] = true;
			take_cached(job);
			continue;
		}
		if (job->fetched[part])
			return error_set(&job->why, CERTS_MISSING, "what the key service gave does not belong to this report");
		job->fetched[part] = true;
		job->part = part;
		return ask(job);
	}
}

static void answer(struct certs_job *job, int r)
{
	certs_done *done = job->done;
	void *context = job->context;
	struct error why = job->why;

	if (r < 0)
		(void)error_set(&why, r, "certificates: %s", strerror(-r));
	/* What there is travels all the same: the broker may lack only that. */
	if (r == CERTS_MISSING && !job->forged)
		(void)!complete_table(job);
	(void)certs_cancel(job);
	done(context, r == CERTS_DONE, error_text(&why));
}

/* 0 or CERTS_MISSING. */
static int take(struct certs_job *job, struct bytes payload)
{
	struct fetch_frame_response response;
	size_t before = have(job);

	if (fetch_frame_response_decode(payload, &response))
		return error_set(&job->why, CERTS_MISSING, "netd's answer is malformed");
	if (response.outcome) {
		char text[FETCH_FRAME_ERROR_MAX + 1];

		text_printable(text, sizeof(text), response.error_text);
		return error_set(&job->why, CERTS_MISSING, "the key service: %s", text);
	}
	if (kds_object_judge(&job->object, 0, response.status, response.body, &job->why) != KDS_OUTCOME_GOOD)
		return CERTS_MISSING;
	if (snp_certs_add(&job->certs, response.body, NULL))
		return error_set(&job->why, CERTS_MISSING, "the key service's answer is no certificate");
	return have(job) > before ? buf_append(&job->objects[job->part], response.body.data, response.body.size) : 0;
}

static void on_answer(void *context, int r, struct bytes payload)
{
	struct certs_job *job = context;

	job->net_id = 0;
	if (r)
		r = error_set(&job->why, CERTS_MISSING, "the key service cannot be asked: netd: %s", strerror(-r));
	else
		r = take(job, payload);
	if (!r)
		r = advance(job);
	if (r)
		answer(job, r);
}

int certs_start(struct core *core, struct evidence *evidence, certs_done *done, void *context, struct certs_job **ret, struct error *error)
{
	struct certs_job *job;
	int r = 0;

	*ret = NULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->core = core;
	job->evidence = evidence;
	job->done = done;
	job->context = context;
	snp_certs_init(&job->certs);
	if (snp_report_decode(buf_view(&evidence->report), &job->report))
		r = error_set(&job->why, CERTS_MISSING, "the evidence holds no report of 1184 bytes");
	if (!r)
		r = add_table(job);
	if (!r)
		r = advance(job);
	if (!r) {
		*ret = job;
		return 0;
	}
	if (r == CERTS_MISSING && !job->forged)
		(void)!complete_table(job);
	(void)error_set(error, 0, "%s", error_text(&job->why));
	(void)certs_cancel(job);
	return r;
}
