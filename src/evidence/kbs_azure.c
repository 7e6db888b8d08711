/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/kbs_azure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "evidence/kbs_snp.h"
#include "evidence/table.h"

#define HCL_SIZE_MAX ((size_t)16 << 10)   /* NV index 01400001h has 2600 bytes */
#define QUOTE_SIZE_MAX ((size_t)1 << 10)  /* a TPMS_ATTEST of a quote has 145 bytes */
#define SIGNATURE_SIZE_MAX 512            /* RSA-4096; AMD CVMs have 2048 */
#define CERT_SIZE_MAX ((size_t)16 << 10)
#define HCL_REPORT_OFFSET 32

static int add_numbers(struct json_object *array, size_t max, struct buf *to)
{
	size_t size = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
	int r = size && size <= max ? buf_reserve(to, size) : EVIDENCE_E_MALFORMED;

	if (r != 0)
		return r;
	if (!kbs_numbers(array, to->data + to->size, size))
		return EVIDENCE_E_MALFORMED;
	to->size += size;
	return 0;
}

static int add_hex(struct json_object *object, const char *name, size_t max, struct buf *to)
{
	const char *text = json_get_text(object, name, NULL);
	int r = text ? hex_decode_any(to, max, text) : EVIDENCE_E_MALFORMED;

	return r < 0 && r != -ENOMEM ? EVIDENCE_E_MALFORMED : r;
}

static int add_base64(struct json_object *object, const char *name, size_t max, struct buf *to)
{
	size_t size = 0;
	const char *text = json_get_text(object, name, &size);
	int r = text ? base64_decode(to, size % 4 ? BASE64_URL : BASE64_URL_PADDED, bytes_of(text, size)) : EVIDENCE_E_MALFORMED;

	if (r == -EINVAL || (r == 0 && to->size > max))
		return EVIDENCE_E_MALFORMED;
	return r;
}

static int set_vek(struct evidence *evidence, struct bytes der_or_pem)
{
	struct evidence_cert cert = {.data = der_or_pem};

	if (der_or_pem.size == 0 || der_or_pem.size > CERT_SIZE_MAX || !evidence_guid(SNP_TABLE_VCEK, cert.guid))
		return EVIDENCE_E_MALFORMED;
	return evidence_table_write(&evidence->cert_table, &cert, 1);
}

static bool read_pcrs(struct json_object *array, bool hex, struct evidence *ret)
{
	if (!array || json_object_array_length(array) != EVIDENCE_PCR_COUNT)
		return false;
	for (size_t i = 0; i < EVIDENCE_PCR_COUNT; i++) {
		struct json_object *value = json_object_array_get_idx(array, i);

		if (hex && (!json_object_is_type(value, json_type_string) ||
				   hex_decode(ret->pcrs[i], EVIDENCE_PCR_SIZE, json_object_get_string(value)) < 0))
			return false;
		if (!hex && !kbs_numbers(value, ret->pcrs[i], EVIDENCE_PCR_SIZE))
			return false;
	}
	return true;
}

static int read_version_0(struct json_object *object, struct evidence *ret)
{
	struct json_object *quote = json_get_object(object, "quote");
	size_t size = 0;
	const char *pem = json_get_text(object, "vcek", &size);
	int r = pem && read_pcrs(json_get_array(quote, "pcrs"), false, ret) ? 0 : EVIDENCE_E_MALFORMED;

	if (r == 0)
		r = add_numbers(json_get(quote, "message"), QUOTE_SIZE_MAX, &ret->quote);
	if (r == 0)
		r = add_numbers(json_get(quote, "signature"), SIGNATURE_SIZE_MAX, &ret->quote_signature);
	if (r == 0)
		r = add_numbers(json_get(object, "report"), HCL_SIZE_MAX, &ret->hcl);
	return r ? r : set_vek(ret, bytes_of(pem, size));
}

static int read_version_1(struct json_object *object, struct evidence *ret)
{
	CLEANUP(buf_deinit) struct buf vek = BUF_NULL;
	struct json_object *quote = json_get_object(object, "tpm_quote");
	int r = read_pcrs(json_get_array(quote, "pcrs"), true, ret) ? 0 : EVIDENCE_E_MALFORMED;

	if (r == 0)
		r = add_hex(quote, "message", QUOTE_SIZE_MAX, &ret->quote);
	if (r == 0)
		r = add_hex(quote, "signature", SIGNATURE_SIZE_MAX, &ret->quote_signature);
	if (r == 0)
		r = add_base64(object, "hcl_report", HCL_SIZE_MAX, &ret->hcl);
	if (r == 0)
		r = add_base64(object, "vcek", CERT_SIZE_MAX, &vek);
	return r ? r : set_vek(ret, buf_view(&vek));
}

int kbs_azure_read(struct json_object *object, struct evidence *ret, struct error *error)
{
	uint64_t version = 0;
	int r;

	if (json_get(object, "version") && !json_get_u64(object, "version", 2, &version))
		return error_set(error, EVIDENCE_E_MALFORMED, "az-snp-vtpm evidence of another version than 0, 1 and 2");
	ret->azure_version = (unsigned)version;
	r = version == 0 ? read_version_0(object, ret) : read_version_1(object, ret);
	if (r > 0)
		return error_set(error, r, "az-snp-vtpm evidence version %u with a missing or malformed member", ret->azure_version);
	if (r == 0 && ret->hcl.size >= HCL_REPORT_OFFSET + SNP_REPORT_SIZE)
		r = buf_append(&ret->report, ret->hcl.data + HCL_REPORT_OFFSET, SNP_REPORT_SIZE);
	if (r == 0)
		ret->kind = EVIDENCE_AZ_SNP_VTPM;
	return r;
}

static int add_base64_text(struct json_object *to, const char *name, struct bytes data)
{
	char *text = base64_new(BASE64_URL_PADDED, data);
	int r = text ? json_add_text(to, name, text) : -ENOMEM;

	free(text);
	return r;
}

static int write_pcrs(struct json_object *quote, const struct evidence *evidence)
{
	struct json_object *array = json_object_new_array();
	int r = json_add(quote, "pcrs", array);

	for (size_t i = 0; r == 0 && i < EVIDENCE_PCR_COUNT; i++) {
		char hex[2 * EVIDENCE_PCR_SIZE + 1];

		hex_encode(hex, evidence->pcrs[i], EVIDENCE_PCR_SIZE);
		r = json_push(array, json_object_new_string(hex));
	}
	return r;
}

static int write_vek(struct json_object *to, struct bytes table)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	CLEANUP(snp_certs_deinit) struct snp_certs one;
	size_t count = 0;
	int r = snp_table_read(table, entries, &count, NULL);

	snp_certs_init(&one);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (entries[i].kind == SNP_TABLE_VCEK)
			r = snp_certs_add(&one, entries[i].data, NULL);
	if (r < 0)
		return r;
	return one.count ? add_base64_text(to, "vcek", one.items[0].der) : EVIDENCE_E_MALFORMED;
}

int kbs_azure_write(const struct evidence *evidence, struct json_object **ret)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *quote = json_object_new_object();
	int r = json_add(object, "tpm_quote", quote);

	if (r == 0)
		r = json_add_u64(object, "version", evidence->azure_version < 2 ? 1 : 2);
	if (r == 0)
		r = json_add_hex(quote, "message", evidence->quote.data, evidence->quote.size);
	if (r == 0)
		r = json_add_hex(quote, "signature", evidence->quote_signature.data, evidence->quote_signature.size);
	if (r == 0)
		r = write_pcrs(quote, evidence);
	if (r == 0)
		r = add_base64_text(object, "hcl_report", buf_view(&evidence->hcl));
	if (r == 0)
		r = write_vek(object, buf_view(&evidence->cert_table));
	if (r != 0)
		return r;
	*ret = object;
	object = NULL;
	return 0;
}
