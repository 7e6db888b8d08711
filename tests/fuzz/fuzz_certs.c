/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector of certificates, PEM or DER, one or many; each is then parsed, and its extensions read.
 *
 * planted: reader add_der|snp_cert_parse
 */
#include "base/json.h"
#include "fuzz.h"
#include "snp/certs.h"
#include "snp/vek.h"

static void decode(struct bytes der)
{
	struct error error = ERROR_NULL;
	struct snp_vek vek;

	if (snp_vek_decode(der, &vek, &error) == 0) {
		struct json_object *shown = snp_vek_to_json(&vek);

		json_putp(&shown);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	struct snp_certs certs;

	decode(bytes_of(data, size));
	snp_certs_init(&certs);
	(void)!snp_certs_add(&certs, bytes_of(data, size), &error);
	for (size_t i = 0; i < certs.count; i++)
		decode(certs.items[i].der);
	snp_certs_deinit(&certs);
	return 0;
}
