/* SPDX-License-Identifier: Apache-2.0 */
/* The host's certificate table (GHCB 2.03, section 4.1.8.1): entries of GUID, offset, length, ended by zeros; the data behind them. The
 * host's word only. */
#include <string.h>

#include "base/hooks.h"
#include "snp/certs.h"

#define ENTRY_SIZE 24

struct known {
	enum snp_table_kind kind;
	const char *name;
	uint8_t guid[16]; /* in the order of the text (RFC 4122), unlike the GUIDs of UEFI */
};

static const struct known known[] = {
	{SNP_TABLE_ARK, "ARK", {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae}},
	{SNP_TABLE_ASK, "ASK", {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82}},
	{SNP_TABLE_VCEK, "VCEK", {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd}},
	{SNP_TABLE_VLEK, "VLEK", {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1}},
	{SNP_TABLE_CRL, "CRL", {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea}},
};

const char *snp_table_kind_name(enum snp_table_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].kind == kind)
			return known[i].name;
	return "other";
}

static enum snp_table_kind kind_of(const uint8_t guid[static 16])
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (memcmp(known[i].guid, guid, 16) == 0)
			return known[i].kind;
	return SNP_TABLE_OTHER;
}

bool snp_table_is_empty(struct bytes table)
{
	return bytes_all_zero(table.data, table.size);
}

struct span {
	uint64_t from, to;
};

static int read_header(
	struct bytes table, struct snp_table_entry *entries, struct span *spans, size_t *ret_count, size_t *ret_header, struct error *error)
{
	struct reader r;
	size_t count = 0;

	reader_init(&r, table);
	for (;;) {
		uint8_t guid[16];
		uint32_t offset, length;

		reader_copy(&r, guid, sizeof(guid));
		offset = reader_u32le(&r);
		length = reader_u32le(&r);
		if (!reader_ok(&r))
			return error_set(error, SNP_TABLE_E_MALFORMED, "it ends before the zero entry that must close it");
		if (bytes_all_zero(guid, sizeof(guid)))
			break;
		if (count == SNP_TABLE_ENTRIES_MAX)
			return error_set(error, SNP_TABLE_E_MALFORMED, "more than %d entries", SNP_TABLE_ENTRIES_MAX);
		memcpy(entries[count].guid, guid, sizeof(guid));
		entries[count].kind = kind_of(guid);
		spans[count++] = (struct span){offset, (uint64_t)offset + length};
	}
	*ret_count = count;
	*ret_header = (count + 1) * ENTRY_SIZE;
	return 0;
}

static int check_entry(
	const struct snp_table_entry *entries, const struct span *spans, size_t i, struct bytes table, size_t header, struct error *error)
{
	const char *name = snp_table_kind_name(entries[i].kind);

	if (spans[i].from == spans[i].to)
		return entries[i].kind == SNP_TABLE_OTHER ? 0
							  : error_set(error, SNP_TABLE_E_MALFORMED, "entry %zu (%s) has length 0", i, name);
	if (spans[i].from < header)
		return error_set(error, SNP_TABLE_E_MALFORMED, "entry %zu (%s) points into the table's own header", i, name);
	if (spans[i].to > table.size)
		return error_set(error, SNP_TABLE_E_MALFORMED, "entry %zu (%s) ends behind the table's %zu bytes", i, name, table.size);
	for (size_t j = 0; j < i; j++) {
		if (memcmp(entries[i].guid, entries[j].guid, 16) == 0)
			return error_set(error, SNP_TABLE_E_MALFORMED, "entries %zu and %zu have the same GUID (%s)", j, i, name);
		if (spans[i].from < spans[j].to && spans[j].from < spans[i].to)
			return error_set(error, SNP_TABLE_E_MALFORMED, "entries %zu and %zu overlap", j, i);
	}
	return 0;
}

int snp_table_read(struct bytes table, struct snp_table_entry *ret, size_t *ret_count, struct error *error)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX] = {0};
	struct span spans[SNP_TABLE_ENTRIES_MAX];
	size_t count, header;
	int r;

	if (table.size > SNP_TABLE_SIZE_MAX)
		return error_set(error, SNP_TABLE_E_MALFORMED, "it has %zu bytes, more than %zu", table.size, SNP_TABLE_SIZE_MAX);
	r = read_header(table, entries, spans, &count, &header, error);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = check_entry(entries, spans, i, table, header, error);
		if (r == 0 && spans[i].from < spans[i].to)
			entries[i].data = bytes_of(table.data + spans[i].from, (size_t)(spans[i].to - spans[i].from));
	}
	if (r != 0)
		return r;
	memcpy(ret, entries, sizeof(entries));
	*ret_count = count;
	return 0;
}

/* Hosts pad: zeros behind PEM or DER belong to no object. A DER object knows its size, so only what follows it can be padding. */
static struct bytes without_padding(struct bytes data)
{
	while (data.size > 0 && data.data[0] == '-' && (data.data[data.size - 1] == 0))
		data.size--;
	return data;
}

static int add_entries(struct snp_certs *certs, const struct snp_table_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes data = without_padding(entries[i].data);
		int r = 0;

		if (entries[i].kind == SNP_TABLE_CRL)
			r = snp_certs_add_crl(certs, data, NULL);
		else if (entries[i].kind != SNP_TABLE_OTHER)
			r = snp_certs_add(certs, data, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_vek(const struct snp_table_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].kind == SNP_TABLE_VCEK || entries[i].kind == SNP_TABLE_VLEK)
			return true;
	return false;
}

int snp_certs_add_table(struct snp_certs *certs, struct bytes table, struct verdict *verdict)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	struct error error = ERROR_NULL;
	size_t count = 0;
	int r = snp_table_read(table, entries, &count, &error);

	if (r == 0 && !has_vek(entries, count))
		r = error_set(&error, SNP_TABLE_E_MALFORMED, "it holds neither a VCEK nor a VLEK");
	if (r != 0 && !hook_disabled("cert.table")) {
		verdict_fail(verdict, "cert.table", FINDING_EVIDENCE, "the host's certificate table is malformed: %s", error_text(&error));
		finding_expected(verdict_last(verdict), "entries inside the table that do not overlap, one for each kind, a VCEK or VLEK among them");
		finding_actual(verdict_last(verdict), "%s", error_text(&error));
		finding_fix(verdict_last(verdict),
			"verify without the table: get the certificates from AMD (https://kdsintf.amd.com) and give them with --certs");
		return 0;
	}
	verdict_pass(verdict, "cert.table", FINDING_EVIDENCE);
	return r == 0 ? add_entries(certs, entries, count) : 0;
}
