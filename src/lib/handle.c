/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_CHAINS 256 /* a megabyte, once all are used */

const char *sevattest_version(void)
{
	return SEVATTEST_VERSION;
}

int sevattest_new(struct sevattest **ret_handle)
{
	struct sevattest *handle = calloc(1, sizeof(*handle));
	int r;

	if (!handle)
		return -ENOMEM;
	snp_certs_init(&handle->certs);
	r = snp_vek_cache_new(CACHE_CHAINS, &handle->cache);
	if (r < 0) {
		free(handle);
		return r;
	}
	*ret_handle = handle;
	return 0;
}

struct sevattest *sevattest_free(struct sevattest *handle)
{
	if (!handle)
		return NULL;
	snp_certs_deinit(&handle->certs);
	(void)policy_free(handle->policy);
	(void)snp_vek_cache_free(handle->cache);
	free(handle);
	return NULL;
}

const char *sevattest_error_text(const struct sevattest *handle)
{
	return handle->error.text;
}

/* The inner layers' outcomes in the words of the API. The text stays where it is an error, also for one that had none. */
static int answer(struct sevattest *handle, int r)
{
	if (r == 0) {
		error_clear(&handle->error);
		return 0;
	}
	if (r == -E2BIG || r == -ENOSPC || r == SNP_CERTS_E_LIMIT)
		return error_set(&handle->error, SEVATTEST_E_LIMIT, "too many, or too large");
	if (r == -EINVAL || r == SNP_CERTS_E_PARSE)
		return error_set(&handle->error, SEVATTEST_E_MALFORMED, "malformed");
	return error_set(&handle->error, r, "%s", strerror(-r));
}

int sevattest_add_certificates(struct sevattest *handle, const void *data, size_t size)
{
	error_clear(&handle->error);
	return answer(handle, snp_certs_add(&handle->certs, bytes_of(data, size), &handle->error));
}

int sevattest_add_crl(struct sevattest *handle, const void *data, size_t size)
{
	error_clear(&handle->error);
	return answer(handle, snp_certs_add_crl(&handle->certs, bytes_of(data, size), &handle->error));
}

int sevattest_add_certificate_table(struct sevattest *handle, const void *table, size_t size)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct finding *failed;
	int r = 0;

	error_clear(&handle->error);
	if (!snp_table_is_empty(bytes_of(table, size)))
		r = snp_certs_add_table(&handle->certs, bytes_of(table, size), &verdict);
	if (r || verdict.out_of_memory)
		return answer(handle, r ? r : -ENOMEM);
	failed = verdict_first_failed(&verdict);
	if (!failed)
		return 0;
	/* Nothing of it was added: a verdict without its certificates must not look as if there had been none. */
	(void)error_set(&handle->error, SEVATTEST_E_MALFORMED, "certificate table: %s", failed->why ? failed->why : "malformed");
	(void)snprintf(handle->certs.bad_certificate, sizeof(handle->certs.bad_certificate), "%s", error_text(&handle->error));
	return SEVATTEST_E_MALFORMED;
}

static size_t pins_of(const struct policy *policy)
{
	return policy ? policy_pins(policy)->count : 0;
}

int sevattest_add_trust(struct sevattest *handle, const void *certificate, size_t size)
{
	error_clear(&handle->error);
	if (handle->trust.count + pins_of(handle->policy) >= SNP_PINS_MAX)
		return answer(handle, -ENOSPC);
	return answer(handle, snp_pins_add_certificate(&handle->trust, bytes_of(certificate, size), &handle->error));
}

int sevattest_set_policy(struct sevattest *handle, const void *json, size_t size)
{
	POLICY_AUTO policy = NULL;
	int r;

	error_clear(&handle->error);
	r = policy_read(bytes_of(json, size), &policy, &handle->error);
	if (r == 0 && handle->trust.count + pins_of(policy) > SNP_PINS_MAX)
		r = -ENOSPC;
	if (r == 0) {
		(void)policy_free(handle->policy);
		handle->policy = policy;
		policy = NULL;
	}
	return answer(handle, r);
}

int sevattest_set_revocation(struct sevattest *handle, enum sevattest_revocation revocation)
{
	error_clear(&handle->error);
	switch (revocation) {
	case SEVATTEST_REVOCATION_POLICY:
		handle->revocation_stated = false;
		return 0;
	case SEVATTEST_REVOCATION_OFF:
		handle->revocation = SNP_REVOCATION_OFF;
		break;
	case SEVATTEST_REVOCATION_IF_PRESENT:
		handle->revocation = SNP_REVOCATION_IF_PRESENT;
		break;
	case SEVATTEST_REVOCATION_REQUIRE:
		handle->revocation = SNP_REVOCATION_REQUIRE;
		break;
	default:
		return error_set(&handle->error, -EINVAL, "no such way to look at revocation");
	}
	handle->revocation_stated = true;
	return 0;
}
