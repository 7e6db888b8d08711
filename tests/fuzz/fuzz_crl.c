/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocation lists, PEM or DER; and judged, where the input begins with "J": size (u16) and DER of the root, the same of the intermediate, then the list.
 *
 * planted: der snp_crl_decode
 */
#include "fuzz.h"
#include "snp/certs.h"
#include "snp/crl.h"

static void decode(struct bytes input)
{
	struct error error = ERROR_NULL;
	struct snp_crl_info info;
	struct snp_certs certs;

	(void)!snp_crl_decode(input, &info, &error);
	snp_certs_init(&certs);
	(void)!snp_certs_add_crl(&certs, input, &error);
	for (size_t i = 0; i < certs.count; i++)
		(void)!snp_crl_decode(certs.items[i].der, &info, &error);
	snp_certs_deinit(&certs);
}

static void judge(struct bytes input)
{
	struct snp_cert root = {0}, intermediate = {0};
	struct snp_crl crl;
	struct bytes root_der = fuzz_take(&input, fuzz_u16(&input)), intermediate_der = fuzz_take(&input, fuzz_u16(&input));

	if (snp_cert_parse(root_der, &root) == 0 && snp_cert_parse(intermediate_der, &intermediate) == 0)
		(void)!snp_crl_judge(input, &root, &intermediate, &crl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'J')
		judge(bytes_of(data + 1, size - 1));
	else
		decode(bytes_of(data, size));
	return 0;
}
