/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each message of the KBS protocol, both ways: what can be read is written again, and read to the same.
 *
 * planted: scan read_object
 * planted: base64-text kbs_attestation_read
 */
#include "fuzz.h"
#include "kbs/messages.h"
#include "kbs/resource.h"

static void fuzz_challenge(struct bytes in)
{
	struct kbs_challenge challenge, again;
	struct error error = ERROR_NULL;
	struct buf written = BUF_NULL;

	if (kbs_challenge_read(in, &challenge, &error))
		return;
	if (kbs_challenge_write(&written, &challenge))
		abort();
	/* The text of a nonce may grow when its characters are escaped, past what is read of one message. */
	if (written.size <= KBS_AUTH_MAX && (kbs_challenge_read(buf_view(&written), &again, &error) ||
						    strcmp(challenge.nonce, again.nonce) != 0 || challenge.announced != again.announced))
		abort();
	buf_deinit(&written);
}

static void fuzz_attestation(struct bytes in)
{
	struct kbs_attestation attestation = KBS_ATTESTATION_NULL, again = KBS_ATTESTATION_NULL;
	struct error error = ERROR_NULL;
	struct buf written = BUF_NULL, text = BUF_NULL;
	uint8_t report_data[KBS_REPORT_DATA_SIZE];

	if (kbs_attestation_read(in, &attestation, &error) == 0) {
		(void)!kbs_report_data(report_data, attestation.nonce, attestation.tee_pubkey, buf_view(&attestation.additional_evidence));
		if (kbs_attestation_write(&written, &attestation, true))
			abort();
		if (kbs_attestation_read(buf_view(&written), &again, &error) || strcmp(attestation.nonce, again.nonce) != 0 ||
			!bytes_equal(buf_view(&attestation.event_log), buf_view(&again.event_log)) ||
			!bytes_equal(buf_view(&attestation.additional_evidence), buf_view(&again.additional_evidence)))
			abort();
	}
	kbs_attestation_deinit(&attestation);
	kbs_attestation_deinit(&again);
	buf_deinit(&written);
	buf_deinit(&text);
}

static void fuzz_answers(struct bytes in)
{
	struct kbs_response_message response = {.jwe = NULL};
	struct kbs_error_information information;
	struct error error = ERROR_NULL;
	struct buf token = BUF_NULL, written = BUF_NULL;

	(void)!kbs_token_answer_read(in, &token, &error);
	if (kbs_response_read(in, &response, &error) == 0) {
		(void)!kbs_response_write(&written, response.jwe, NULL);
		json_putp(&response.jwe);
	}
	if (kbs_error_read(in, &information, &error) == 0 && kbs_error_write(&written, information.type, information.detail))
		abort();
	buf_deinit(&token);
	buf_deinit(&written);
}

static void fuzz_request(struct bytes in)
{
	struct error error = ERROR_NULL;
	struct buf written = BUF_NULL;
	enum kbs_tee tee, again;

	if (kbs_request_read(in, &tee, &error))
		return;
	if (kbs_request_write(&written, tee) || kbs_request_read(buf_view(&written), &again, &error) || tee != again)
		abort();
	buf_deinit(&written);
}

static void fuzz_names(struct bytes in)
{
	char name[KBS_RESOURCE_MAX + 1];
	char *text = strndup((const char *)in.data, in.size);

	(void)kbs_resource_pattern_valid(in);
	if (text && kbs_resource_from_text(name, text) == 0 && !kbs_resource_valid(bytes_of_text(name)))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	fuzz_request(in);
	fuzz_challenge(in);
	fuzz_attestation(in);
	fuzz_answers(in);
	fuzz_names(in);
	return 0;
}
