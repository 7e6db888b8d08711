/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/kbs_snp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "evidence/kbs_report.h"
#include "evidence/table.h"

#define CERT_SIZE_MAX ((size_t)16 << 10) /* a DER certificate has 2 KiB */
#define GUID_TEXT_SIZE 36

static const struct {
	const char *name;
	enum snp_table_kind kind;
} kinds[] = {{"ARK", SNP_TABLE_ARK}, {"ASK", SNP_TABLE_ASK}, {"VCEK", SNP_TABLE_VCEK}, {"VLEK", SNP_TABLE_VLEK}, {"CRL", SNP_TABLE_CRL}};

bool kbs_numbers(struct json_object *array, void *to, size_t size)
{
	uint8_t *out = to;

	if (!json_object_is_type(array, json_type_array) || json_object_array_length(array) != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		uint64_t number;

		if (!json_is_u64(json_object_array_get_idx(array, i), UINT8_MAX, &number))
			return false;
		out[i] = (uint8_t)number;
	}
	return true;
}

/* "63da758d-e664-4564-adc5-f4b93be8accd" to the table's bytes. */
static bool guid_from_text(const char *text, uint8_t ret[static 16])
{
	char hex[33];
	size_t n = 0;

	if (!text || strlen(text) != GUID_TEXT_SIZE)
		return false;
	for (size_t i = 0; i < GUID_TEXT_SIZE; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (text[i] == '-'))
			return false;
		if (!dash)
			hex[n++] = text[i];
	}
	hex[n] = 0;
	return hex_decode(ret, 16, hex) == 0;
}

/* "VCEK" or {"OTHER": "guid"}. `ret_skip` for "Empty". */
static bool read_type(struct json_object *entry, uint8_t guid[static 16], bool *ret_skip)
{
	const char *name = json_get_text(entry, "cert_type", NULL);

	*ret_skip = name && strcmp(name, "Empty") == 0;
	if (*ret_skip)
		return true;
	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return evidence_guid(kinds[i].kind, guid);
	return guid_from_text(json_get_text(json_get_object(entry, "cert_type"), "OTHER", NULL), guid);
}

static int read_entry(struct json_object *entry, struct buf *data, struct evidence_cert *certs, size_t *count, struct error *error)
{
	struct json_object *array = json_get_array(entry, "data");
	size_t size = array ? json_object_array_length(array) : 0;
	struct evidence_cert cert;
	bool skip;
	int r;

	if (!read_type(entry, cert.guid, &skip))
		return error_set(error, EVIDENCE_E_MALFORMED, "cert_chain: an entry has no known cert_type");
	if (skip)
		return 0;
	if (size == 0 || size > CERT_SIZE_MAX || *count == SNP_TABLE_ENTRIES_MAX)
		return error_set(error, EVIDENCE_E_MALFORMED, "cert_chain: too many entries, or one is empty or too long");
	r = buf_reserve(data, size);
	if (r < 0)
		return r;
	if (!kbs_numbers(array, data->data + data->size, size))
		return error_set(error, EVIDENCE_E_MALFORMED, "cert_chain: data is no array of bytes");
	/* Offsets for now: the buffer may still move. */
	cert.data = bytes_of(NULL, size);
	data->size += size;
	certs[(*count)++] = cert;
	return 0;
}

static int read_chain(struct json_object *chain, struct buf *to, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct evidence_cert certs[SNP_TABLE_ENTRIES_MAX];
	size_t length = json_object_array_length(chain), count = 0, at = 0;
	int r = length ? 0 : error_set(error, EVIDENCE_E_MALFORMED, "cert_chain is empty: no certificates are written null");

	for (size_t i = 0; r == 0 && i < length; i++)
		r = read_entry(json_object_array_get_idx(chain, i), &data, certs, &count, error);
	if (r != 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		certs[i].data.data = data.data + at;
		at += certs[i].data.size;
	}
	r = evidence_table_write(to, certs, count);
	return r == -EINVAL ? error_set(error, EVIDENCE_E_MALFORMED, "cert_chain is too long") : r;
}

int kbs_snp_read(struct json_object *object, struct evidence *ret, struct error *error)
{
	struct json_object *chain = json_get(object, "cert_chain");
	uint8_t report[SNP_REPORT_SIZE];
	int r = kbs_report_read(json_get_object(object, "attestation_report"), report, error);

	if (r != 0)
		return r;
	if (chain && !json_object_is_type(chain, json_type_array))
		return error_set(error, EVIDENCE_E_MALFORMED, "cert_chain is neither null nor an array");
	if (chain)
		r = read_chain(chain, &ret->cert_table, error);
	if (r == 0)
		r = buf_append(&ret->report, report, sizeof(report));
	if (r == 0)
		ret->kind = EVIDENCE_SNP;
	return r;
}

static int write_type(struct json_object *entry, const struct snp_table_entry *from)
{
	struct json_object *other;
	char text[GUID_TEXT_SIZE + 1], hex[33];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == from->kind)
			return json_add_text(entry, "cert_type", kinds[i].name);
	hex_encode(hex, from->guid, sizeof(from->guid));
	(void)snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	other = json_object_new_object();
	r = json_add(entry, "cert_type", other);
	return r < 0 ? r : json_add_text(other, "OTHER", text);
}

static int write_data(struct json_object *entry, struct bytes der)
{
	struct json_object *array = json_object_new_array_ext((int)der.size);
	int r = json_add(entry, "data", array);

	for (size_t i = 0; r == 0 && i < der.size; i++)
		r = json_push(array, json_object_new_int(der.data[i]));
	return r;
}

/* Hosts store PEM too; the wire has DER. What is neither is left out: a verifier that needs it will say so. */
static int write_entry(struct json_object *chain, const struct snp_table_entry *from)
{
	CLEANUP(snp_certs_deinit) struct snp_certs one;
	struct json_object *entry;
	int r;

	snp_certs_init(&one);
	if (from->data.size == 0)
		return 0;
	r = snp_certs_add(&one, from->data, NULL);
	if (r < 0 || (r > 0 && from->kind != SNP_TABLE_OTHER))
		return r < 0 ? r : 0;
	entry = json_object_new_object();
	r = json_push(chain, entry);
	if (r == 0)
		r = write_type(entry, from);
	return r < 0 ? r : write_data(entry, one.count ? one.items[0].der : from->data);
}

static int write_chain(struct json_object *to, struct bytes table)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	JSON_AUTO chain = json_object_new_array();
	struct json_object *given;
	size_t count = 0;
	int r;

	if (!snp_table_is_empty(table) && snp_table_read(table, entries, &count, NULL) != 0)
		return EVIDENCE_E_MALFORMED;
	r = chain ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = write_entry(chain, &entries[i]);
	if (r < 0)
		return r;
	given = json_object_array_length(chain) ? json_object_get(chain) : NULL;
	return json_object_object_add(to, "cert_chain", given) == 0 ? 0 : -ENOMEM;
}

int kbs_snp_write(const struct evidence *evidence, struct json_object **ret)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *report = NULL;
	int r = kbs_report_write(buf_view(&evidence->report), &report);

	if (r == 0)
		r = json_add(object, "attestation_report", report);
	if (r == 0)
		r = write_chain(object, buf_view(&evidence->cert_table));
	if (r != 0)
		return r;
	*ret = object;
	object = NULL;
	return 0;
}
