/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "evidence/chain.h"
#include "io/fetch_frame.h"
#include "io/kds_cache.h"
#include "io/kds_object.h"

#define OBJECT_MAX ((size_t)128 << 10) /* the largest genuine one, a chain in PEM, has 5 KiB */
#define TIMEOUT_CHECKED_MS 30000       /* with Policy= nothing goes on without the chain */
#define TIMEOUT_MS 5000                /* else the broker may have what we lack */

enum part { PART_VEK, PART_CHAIN, PART_COUNT };

struct certs_job {
	struct core *core;
	struct evidence *evidence;
	struct snp_report report;
	struct snp_certs certs;
	bool cached[PART_COUNT], fetched[PART_COUNT]; /* tried */
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

	if (!kds_cache_get(cache(job), &job->object, core_now(), &bytes, NULL))
		(void)!snp_certs_add(&job->certs, buf_view(&bytes), NULL);
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

/* A cache that cannot be written is none. */
static void keep(const struct certs_job *job, struct bytes bytes)
{
	struct error error = ERROR_NULL;

	if (kds_cache_put(cache(job), &job->object, bytes, &error))
		log_warning("certificate not cached: %s", error_text(&error));
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
	if (r == CERTS_MISSING)
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
	if (have(job) > before)
		keep(job, response.body);
	return 0;
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
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
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
	/* A malformed table is the host's doing: it is left out, and the key service is asked. */
	if (!r && !snp_table_is_empty(buf_view(&evidence->cert_table)))
		r = snp_certs_add_table(&job->certs, buf_view(&evidence->cert_table), &verdict);
	if (!r)
		r = advance(job);
	if (!r) {
		*ret = job;
		return 0;
	}
	if (r == CERTS_MISSING)
		(void)!complete_table(job);
	(void)error_set(error, 0, "%s", error_text(&job->why));
	(void)certs_cancel(job);
	return r;
}
