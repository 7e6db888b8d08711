/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate table that a host hands over (GHCB 4.1.8.1): entries of GUID[16], u32 offset, u32 length, ended by a zero entry, then the data. Every
 * number in it is the host's word, so sums are taken in 64 bits and entries may neither overlap nor point into the header.
 */
#include <string.h>

#include "base/text.h"
#include "snp/certs.h"

#define ENTRY_SIZE 24

enum entry_kind { ENTRY_FOREIGN, ENTRY_CA, ENTRY_VEK, ENTRY_CRL };

struct entry {
	struct bytes guid;
	uint64_t offset, length;
	enum entry_kind kind;
};

struct table {
	struct entry entries[SNP_TABLE_ENTRIES_MAX];
	size_t count, header_size;
};

/* GUIDs as text of their bytes: the table has them in RFC 4122 order. */
static const struct {
	const char *hex;
	enum entry_kind kind;
} guids[] = {
	{"c0b406a4a80349529743" "3fb6014cd0ae", ENTRY_CA},  /* ARK */
	{"4ab7b379bbac4fe4a02f" "05aef327c782", ENTRY_CA},  /* ASK, and the ASVK */
	{"63da758de6644564adc5" "f4b93be8accd", ENTRY_VEK}, /* VCEK */
	{"a8074bc2a25a483eaae6" "39c045a0b8a1", ENTRY_VEK}, /* VLEK */
	{"92f81bc358114d3d97ff" "d19f88dc67ea", ENTRY_CRL},
};

static enum entry_kind kind_of(struct bytes guid)
{
	char hex[33];

	hex_encode(hex, guid.data, guid.size);
	for (size_t i = 0; i < ARRAY_SIZE(guids); i++)
		if (strcmp(hex, guids[i].hex) == 0)
			return guids[i].kind;
	return ENTRY_FOREIGN;
}

static const char *read_entries(struct bytes input, struct table *table)
{
	struct reader r;

	reader_init(&r, input);
	for (;;) {
		struct entry entry = {.guid = reader_bytes(&r, 16)};

		entry.offset = reader_u32le(&r);
		entry.length = reader_u32le(&r);
		if (!reader_ok(&r))
			return "the header has no zero entry at its end";
		table->header_size += ENTRY_SIZE;
		if (bytes_all_zero(entry.guid.data, 16) && entry.offset == 0 && entry.length == 0)
			return NULL;
		if (table->count == SNP_TABLE_ENTRIES_MAX)
			return "more than 16 entries";
		entry.kind = kind_of(entry.guid);
		table->entries[table->count++] = entry;
	}
}

static const char *judge_entry(const struct table *table, size_t index, struct bytes input)
{
	const struct entry *entry = &table->entries[index];

	if (entry->length == 0)
		return entry->kind == ENTRY_FOREIGN ? NULL : "a certificate of length 0";
	if (entry->offset < table->header_size)
		return "an entry points into the header";
	if (entry->offset + entry->length > input.size)
		return "an entry points past the end";
	for (size_t i = 0; i < index; i++) {
		const struct entry *other = &table->entries[i];

		if (bytes_equal(entry->guid, other->guid))
			return "two entries have the same GUID";
		if (entry->offset < other->offset + other->length && other->offset < entry->offset + entry->length)
			return "two entries overlap";
	}
	return NULL;
}

static const char *judge(const struct table *table, struct bytes input)
{
	size_t veks = 0;

	for (size_t i = 0; i < table->count; i++) {
		const char *why = judge_entry(table, i, input);

		if (why)
			return why;
		veks += table->entries[i].kind == ENTRY_VEK;
	}
	return veks ? NULL : "it holds neither a VCEK nor a VLEK";
}

static int add_entries(struct snp_certs *certs, const struct table *table, struct bytes input)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < table->count; i++) {
		const struct entry *entry = &table->entries[i];
		struct bytes data = bytes_of(input.data + entry->offset, (size_t)entry->length);

		if (entry->kind == ENTRY_CRL)
			r = snp_certs_add_crl(certs, data, NULL);
		else if (entry->kind != ENTRY_FOREIGN)
			r = snp_certs_add(certs, data, NULL);
	}
	/* A datum that does not parse is remembered in the set and fails cert.parse there. */
	return r < 0 ? r : 0;
}

int snp_certs_add_table(struct snp_certs *certs, struct bytes input, struct verdict *verdict)
{
	struct table table = {.count = 0};
	const char *why = input.size > SNP_TABLE_SIZE_MAX ? "longer than 64 KiB" : read_entries(input, &table);

	if (!why)
		why = judge(&table, input);
	if (why) {
		verdict_fail(verdict, "certs.table", FINDING_EVIDENCE, "the certificate table is malformed: %s", why);
		finding_fix(verdict_last(verdict), "the host's table cannot be used: give the certificates with --certs or fetch them from AMD KDS");
		return SNP_CERTS_E_PARSE;
	}
	verdict_pass(verdict, "certs.table", FINDING_EVIDENCE);
	return add_entries(certs, &table, input);
}
