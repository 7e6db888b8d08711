/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An enrolment. The first byte says whether the rest is the sealed text, as anybody can send it, or the plaintext, as anybody can encrypt it. What is read can be
 * sealed again, and says the same.
 *
 * planted: scan kbs_enrolment_open
 */
#include "fuzz.h"
#include "jose/jwk.h"
#include "kbs/enrolment.h"

static struct jwk *key;

static void again(const struct kbs_enrolment *read)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	if (kbs_enrolment_seal(key, read, &text) || kbs_enrolment_open(key, buf_view(&text), &back, NULL))
		abort();
	if (strcmp(back.resource, read->resource) != 0 || back.created != read->created || back.has_ticket != read->has_ticket ||
		back.replaces != read->replaces || memcmp(back.ticket, read->ticket, sizeof(back.ticket)) != 0 ||
		memcmp(&back.volume, &read->volume, sizeof(back.volume)) != 0 || !bytes_equal(secret_view(&back.disk), secret_view(&read->disk)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment read = KBS_ENROLMENT_NULL;
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	struct error error = ERROR_NULL;

	if (!key) {
		fuzz_secrets();
		if (jwk_generate(JWK_P256, 0, &key))
			abort();
	}
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		if (secret_copy_in(&plain, data + 1, size - 1))
			abort();
		if (kbs_enrolment_decode(&plain, &read, &error) == 0)
			again(&read);
	} else if (kbs_enrolment_open(key, bytes_of(data + 1, size - 1), &read, &error) == 0) {
		again(&read);
	}
	return 0;
}
