/* SPDX-License-Identifier: Apache-2.0 */
/* Prints "good" or "bad: reason" for each file named: the other half of schema_agrees.py. */
#include <stdio.h>

#include "appraise/policy.h"
#include "base/files.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		CLEANUP(buf_deinit) struct buf text = BUF_NULL;
		struct error error = ERROR_NULL;
		POLICY_AUTO policy = NULL;

		if (file_read(argv[i], POLICY_TEXT_MAX, &text, &error) < 0) {
			fprintf(stderr, "%s\n", error_text(&error));
			return 1;
		}
		if (policy_read(buf_view(&text), &policy, &error) == 0)
			printf("good\n");
		else
			printf("bad: %s\n", error_text(&error));
	}
	return 0;
}
