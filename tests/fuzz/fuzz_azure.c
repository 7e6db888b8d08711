/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KBS evidence `az-snp-vtpm` as the parser of all three versions sees it; what can be written again is read back to the same parts.
 *
 * planted: hex kbs_azure_read
 * planted: base64-text kbs_azure_read
 */
#include "evidence/kbs_azure.h"
#include "fuzz.h"

static void same(const struct buf *a, const struct buf *b)
{
	if (!bytes_equal(buf_view(a), buf_view(b)))
		abort();
}

/* Version 0 may hold PEM and text around it, so its certificate is not compared. */
static void round_trip(const struct evidence *evidence)
{
	struct evidence again = {.kind = EVIDENCE_NONE};
	struct json_object *written = NULL;

	if (kbs_azure_write(evidence, &written))
		return;
	if (kbs_azure_read(written, &again, NULL) || memcmp(evidence->pcrs, again.pcrs, sizeof(again.pcrs)) != 0)
		abort();
	same(&evidence->hcl, &again.hcl);
	same(&evidence->quote, &again.quote);
	same(&evidence->quote_signature, &again.quote_signature);
	same(&evidence->report, &again.report);
	evidence_deinit(&again);
	json_putp(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence evidence = {.kind = EVIDENCE_NONE};
	struct error error = ERROR_NULL;
	JSON_AUTO object = NULL;

	if (json_read(bytes_of(data, size), &object, &error) == 0 && kbs_azure_read(object, &evidence, &error) == 0)
		round_trip(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
