/* SPDX-License-Identifier: Apache-2.0 */
/* The command: finds the verb in the table (verbs.c). */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/verbs.h"

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: sevattest VERB [ARGUMENTS]\n\nProves what an AMD SEV-SNP guest runs, and gets it its keys.\n\nVerbs:\n");
	for (size_t i = 0; i < verbs_count; i++)
		fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].summary);
	fprintf(out,
		"\n  sevattest VERB --help prints the options of a verb; sevattest --version the version.\n"
		"\nExit codes: 0 yes, 1 internal error, 2 usage, 3 evidence invalid, 4 policy does not match, 5 unreachable or temporary,\n"
		"6 refused by the broker, 7 not supported on this machine. See sevattest(1).\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return EXIT_YES;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("sevattest %s\n", SEVATTEST_VERSION);
		return EXIT_YES;
	}
	for (size_t i = 0; i < verbs_count; i++) {
		if (!strcmp(verbs[i].name, argv[1]))
			return verbs[i].main(argc - 1, argv + 1);
	}
	return output_error(EXIT_USAGE, "unknown verb \"%s\": see sevattest --help", argv[1]);
}
