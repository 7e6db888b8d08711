/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/product.h"

#include <string.h>

#include "base/compiler.h"

static const char *const products[] = {"unknown", "Milan", "Genoa", "Turin"};
static const char *const lines[] = {"unknown", "Milan", "Milan-X", "Genoa", "Genoa-X", "Bergamo", "Siena", "Turin"};

const char *snp_product_name(enum snp_product product)
{
	return (size_t)product < ARRAY_SIZE(products) ? products[product] : products[0];
}

enum snp_product snp_product_from_name(const void *name, size_t size)
{
	for (size_t i = 1; i < ARRAY_SIZE(products); i++)
		if (strlen(products[i]) == size && memcmp(products[i], name, size) == 0)
			return (enum snp_product)i;
	return SNP_PRODUCT_UNKNOWN;
}

/* All ranges are inclusive: an exclusive end lost model AFh elsewhere. */
enum snp_product snp_product_of(uint8_t family, uint8_t model)
{
	if (family == 0x19 && model <= 0x0f)
		return SNP_MILAN;
	if (family == 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf)))
		return SNP_GENOA;
	if (family == 0x1a && model <= 0x11)
		return SNP_TURIN;
	return SNP_PRODUCT_UNKNOWN;
}

const char *snp_line_name(enum snp_line line)
{
	return (size_t)line < ARRAY_SIZE(lines) ? lines[line] : lines[0];
}

/* The X lines (3D V-Cache) differ from the plain ones only in the stepping: 2 instead of 1. */
enum snp_line snp_line_of(uint8_t family, uint8_t model, uint8_t stepping)
{
	switch (snp_product_of(family, model)) {
	case SNP_MILAN:
		return stepping == 2 ? SNP_LINE_MILAN_X : SNP_LINE_MILAN;
	case SNP_GENOA:
		if (model >= 0xa0)
			return SNP_LINE_BERGAMO;
		return stepping == 2 ? SNP_LINE_GENOA_X : SNP_LINE_GENOA;
	case SNP_TURIN:
		return SNP_LINE_TURIN;
	case SNP_PRODUCT_UNKNOWN:
	default:
		return SNP_LINE_UNKNOWN;
	}
}

static enum snp_line canonical(enum snp_line line)
{
	return line == SNP_LINE_SIENA ? SNP_LINE_BERGAMO : line;
}

bool snp_line_same(enum snp_line a, enum snp_line b)
{
	return canonical(a) == canonical(b);
}

enum snp_product snp_line_product(enum snp_line line)
{
	if (line == SNP_LINE_MILAN || line == SNP_LINE_MILAN_X)
		return SNP_MILAN;
	if (line == SNP_LINE_TURIN)
		return SNP_TURIN;
	return line == SNP_LINE_UNKNOWN ? SNP_PRODUCT_UNKNOWN : SNP_GENOA;
}
