/* SPDX-License-Identifier: Apache-2.0 */
/* A build without evidence/: bare reports only. */
#include <errno.h>

#include "cli/inputs.h"
#include "cli/show.h"

int inputs_verify_evidence(struct verify_subject *subject, struct snp_verified *ret, struct verdict *verdict, struct error *error)
{
	(void)subject;
	(void)ret;
	(void)verdict;
	return error_set(error, -ENOTSUP, "this build reads bare reports only, not evidence");
}

int show_evidence(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	(void)data;
	(void)object;
	(void)verdict;
	return -EBADMSG;
}
