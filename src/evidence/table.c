/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/table.h"

#include <errno.h>

#include "base/text.h"

#define ENTRY_SIZE 24

bool evidence_guid(enum snp_table_kind kind, uint8_t ret[static 16])
{
	static const struct {
		enum snp_table_kind kind;
		const char *hex;
	} guids[] = {
		{SNP_TABLE_ARK, "c0b406a4a803495297433fb6014cd0ae"},
		{SNP_TABLE_ASK, "4ab7b379bbac4fe4a02f05aef327c782"},
		{SNP_TABLE_VCEK, "63da758de6644564adc5f4b93be8accd"},
		{SNP_TABLE_VLEK, "a8074bc2a25a483eaae639c045a0b8a1"},
		{SNP_TABLE_CRL, "92f81bc358114d3d97ffd19f88dc67ea"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(guids); i++)
		if (guids[i].kind == kind)
			return hex_decode(ret, 16, guids[i].hex) == 0;
	return false;
}

int evidence_table_write(struct buf *to, const struct evidence_cert *certs, size_t count)
{
	static const uint8_t terminator[ENTRY_SIZE];
	uint64_t offset = (count + 1) * ENTRY_SIZE;
	int r = count <= SNP_TABLE_ENTRIES_MAX ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (offset + certs[i].data.size > SNP_TABLE_SIZE_MAX)
			return -EINVAL;
		r = buf_append(to, certs[i].guid, sizeof(certs[i].guid));
		if (r == 0)
			r = buf_u32le(to, (uint32_t)offset);
		if (r == 0)
			r = buf_u32le(to, (uint32_t)certs[i].data.size);
		offset += certs[i].data.size;
	}
	if (r == 0)
		r = buf_append(to, terminator, sizeof(terminator));
	for (size_t i = 0; r == 0 && i < count; i++)
		r = buf_append(to, certs[i].data.data, certs[i].data.size);
	return r;
}
