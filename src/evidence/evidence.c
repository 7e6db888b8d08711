/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "evidence/kbs_azure.h"
#include "evidence/kbs_snp.h"
#include "tpm/hcl.h"

void evidence_deinit(struct evidence *evidence)
{
	buf_deinit(&evidence->report);
	buf_deinit(&evidence->cert_table);
	buf_deinit(&evidence->hcl);
	buf_deinit(&evidence->quote);
	buf_deinit(&evidence->quote_signature);
	memset(evidence, 0, sizeof(*evidence));
}

static void steal(struct evidence *to, struct evidence *from)
{
	*to = *from;
	memset(from, 0, sizeof(*from));
}

int evidence_from_report(struct evidence *ret, struct bytes report, struct bytes cert_table)
{
	CLEANUP(evidence_deinit) struct evidence out = {.kind = EVIDENCE_SNP};
	int r = report.size == SNP_REPORT_SIZE ? buf_append(&out.report, report.data, report.size) : EVIDENCE_E_SIZE;

	if (r == 0 && !snp_table_is_empty(cert_table))
		r = buf_append(&out.cert_table, cert_table.data, cert_table.size);
	if (r == 0)
		steal(ret, &out);
	return r;
}

static int read_hcl(struct bytes input, struct evidence *out)
{
	int r = buf_append(&out->hcl, input.data, input.size);

	if (r == 0 && input.size >= HCL_REPORT_OFFSET + HCL_REPORT_SIZE)
		r = buf_append(&out->report, input.data + HCL_REPORT_OFFSET, HCL_REPORT_SIZE);
	if (r == 0)
		out->kind = EVIDENCE_AZ_SNP_VTPM;
	return r;
}

static int add_base64(struct json_object *object, const char *name, enum base64_kind kind, struct buf *to)
{
	size_t size = 0;
	const char *text = json_get_text(object, name, &size);

	return text ? base64_decode(to, kind, bytes_of(text, size)) : -EINVAL;
}

/* {"sevattest-evidence": 1, "report": base64, "certs": base64 of the table} */
static int read_own(struct json_object *object, struct evidence *out, struct error *error)
{
	uint64_t version;
	int r;

	if (!json_get_u64(object, "sevattest-evidence", 1, &version) || version != 1)
		return error_set(error, EVIDENCE_E_MALFORMED, "evidence of another version than 1");
	r = add_base64(object, "report", BASE64_STD, &out->report);
	if (r == 0 && json_get(object, "certs"))
		r = add_base64(object, "certs", BASE64_STD, &out->cert_table);
	if (r == -EINVAL)
		return error_set(error, EVIDENCE_E_MALFORMED, "\"report\" or \"certs\" is missing or no base64");
	out->kind = EVIDENCE_SNP;
	return r;
}

/* What tools that wrap configfs-tsm write: outblob, auxblob and provider; base64 of either alphabet. */
static int read_tsm(struct json_object *object, struct evidence *out, struct error *error)
{
	const char *provider = json_get_text(object, "provider", NULL);
	int r;

	if (provider && !text_starts_with(provider, "sev_guest"))
		return error_set(error, EVIDENCE_E_MALFORMED, "the provider is '%s', not sev_guest", provider);
	r = add_base64(object, "outblob", BASE64_STD, &out->report);
	if (r == -EINVAL)
		r = add_base64(object, "outblob", BASE64_URL_PADDED, &out->report);
	if (r == -EINVAL)
		r = add_base64(object, "outblob", BASE64_URL, &out->report);
	if (r == 0 && json_get(object, "auxblob")) {
		r = add_base64(object, "auxblob", BASE64_STD, &out->cert_table);
		if (r == -EINVAL)
			r = add_base64(object, "auxblob", BASE64_URL_PADDED, &out->cert_table);
		if (r == -EINVAL)
			r = add_base64(object, "auxblob", BASE64_URL, &out->cert_table);
	}
	if (r == -EINVAL)
		return error_set(error, EVIDENCE_E_MALFORMED, "\"outblob\" or \"auxblob\" is no base64");
	out->kind = EVIDENCE_SNP;
	return r;
}

static int read_json(struct bytes input, struct evidence *out, struct error *error)
{
	JSON_AUTO root = NULL;
	struct json_object *object;
	int r = json_read(input, &root, error);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return EVIDENCE_E_MALFORMED;
	/* The whole tee-evidence, or only its primary part. */
	object = json_get_object(root, "primary_evidence");
	object = object ? object : root;
	if (json_get(object, "sevattest-evidence"))
		return read_own(object, out, error);
	if (json_get(object, "attestation_report"))
		return kbs_snp_read(object, out, error);
	if (json_get(object, "outblob"))
		return read_tsm(object, out, error);
	if (json_get(object, "hcl_report") || json_get(object, "quote"))
		return kbs_azure_read(object, out, error);
	return error_set(error, EVIDENCE_E_MALFORMED, "JSON that is no evidence of a known kind");
}

static bool begins_json(struct bytes input)
{
	size_t at = 0;

	while (at < input.size && (input.data[at] == ' ' || input.data[at] == '\n' || input.data[at] == '\r' || input.data[at] == '\t'))
		at++;
	return at < input.size && input.data[at] == '{';
}

int evidence_read(struct evidence *ret, struct bytes input, struct error *error)
{
	CLEANUP(evidence_deinit) struct evidence out = {.kind = EVIDENCE_NONE};
	int r;

	if (input.size > EVIDENCE_SIZE_MAX)
		return error_set(error, EVIDENCE_E_MALFORMED, "longer than %zu bytes", EVIDENCE_SIZE_MAX);
	if (hcl_looks_like(input))
		r = read_hcl(input, &out);
	else if (begins_json(input))
		r = read_json(input, &out, error);
	else
		r = evidence_from_report(&out, input, bytes_of(NULL, 0));
	if (r == 0 && snp_table_is_empty(buf_view(&out.cert_table)))
		buf_deinit(&out.cert_table);
	if (r > 0)
		return error_set(error, r, "neither a report of %d bytes nor evidence of a known kind", SNP_REPORT_SIZE);
	if (r == 0)
		steal(ret, &out);
	return r;
}

const char *evidence_tee(const struct evidence *evidence)
{
	return evidence->kind == EVIDENCE_AZ_SNP_VTPM ? "az-snp-vtpm" : "snp";
}

int evidence_write_kbs(const struct evidence *evidence, struct buf *to)
{
	struct json_object *made = NULL;
	JSON_AUTO object = NULL;
	int r = evidence->kind == EVIDENCE_AZ_SNP_VTPM ? kbs_azure_write(evidence, &made) : kbs_snp_write(evidence, &made);

	object = made;
	return r ? r : json_write(to, object);
}

static int add_encoded(struct json_object *to, const char *name, struct bytes data)
{
	char *text = base64_new(BASE64_STD, data);
	int r = text ? json_add_text(to, name, text) : -ENOMEM;

	free(text);
	return r;
}

static struct json_object *own_json(const struct evidence *evidence)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *ret = object;
	int r = json_add_u64(object, "sevattest-evidence", 1);

	if (r == 0)
		r = add_encoded(object, "report", buf_view(&evidence->report));
	if (r == 0 && evidence->cert_table.size)
		r = add_encoded(object, "certs", buf_view(&evidence->cert_table));
	if (r < 0)
		return NULL;
	object = NULL;
	return ret;
}

struct json_object *evidence_to_json(const struct evidence *evidence)
{
	struct json_object *azure = NULL;

	if (evidence->kind == EVIDENCE_AZ_SNP_VTPM)
		return kbs_azure_write(evidence, &azure) == 0 ? azure : NULL;
	return own_json(evidence);
}
