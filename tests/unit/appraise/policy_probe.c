/* SPDX-License-Identifier: Apache-2.0 */
/* Prints "good" or "bad: reason" for each file named, or with --checks the names of all checks: for schema_agrees.py and manual.py. */
#include <stdio.h>
#include <string.h>

#include "appraise/check.h"
#include "base/files.h"

static void print_checks(void)
{
	for (size_t i = 0; i < all_checks_count; i++)
		printf("%s\n", all_checks[i].name);
	for (size_t i = 0; i < POLICY_GUEST_BITS; i++)
		printf("%s\n", policy_guest_bits[i].check);
	for (size_t i = 0; i < POLICY_PLATFORM_BITS; i++)
		printf("%s\n", policy_platform_bits[i].check);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--checks")) {
		print_checks();
		return 0;
	}
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
