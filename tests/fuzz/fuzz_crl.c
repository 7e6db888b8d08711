/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists, PEM or DER. */
#include "fuzz.h"
#include "snp/certs.h"
#include "snp/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	struct snp_crl_info info;
	struct snp_certs certs;

	(void)!snp_crl_decode(bytes_of(data, size), &info, &error);
	snp_certs_init(&certs);
	(void)!snp_certs_add_crl(&certs, bytes_of(data, size), &error);
	for (size_t i = 0; i < certs.count; i++)
		(void)!snp_crl_decode(certs.items[i].der, &info, &error);
	snp_certs_deinit(&certs);
	return 0;
}
