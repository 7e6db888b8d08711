/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest policy diff: what a second policy admits and a first does not. */
#include "appraise/policy_diff.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/policy.h"

struct listing {
	struct json_object *changes;
	bool print;
	size_t count[3];
};

static int add(void *context, const struct policy_change *change)
{
	struct listing *listing = context;
	struct json_object *row = json_object_new_object();
	int r = json_push(listing->changes, row);

	if (r == 0)
		r = json_add_text(row, "member", change->member);
	if (r == 0)
		r = json_add_text(row, "effect", policy_effect_name(change->effect));
	if (r == 0)
		r = json_add_text(row, "before", change->before);
	if (r == 0)
		r = json_add_text(row, "after", change->after);
	listing->count[change->effect]++;
	if (listing->print)
		printf("%-10s %s: %s -> %s\n", policy_effect_name(change->effect), change->member, change->before, change->after);
	return r;
}

static int conclude(struct listing *listing, bool json, const char *const *files)
{
	size_t all = json_object_array_length(listing->changes);
	int exit_code = all ? EXIT_POLICY : EXIT_YES;
	struct json_object *object;

	if (!json) {
		if (all == 0)
			printf("%s and %s admit the same\n", files[0], files[1]);
		else
			printf("%zu stricter, %zu looser, %zu different\n", listing->count[POLICY_STRICTER], listing->count[POLICY_LOOSER],
				listing->count[POLICY_DIFFERENT]);
		return exit_code;
	}
	object = json_object_new_object();
	if (json_add_bool(object, "same", all == 0) < 0 || json_add(object, "changes", json_object_get(listing->changes)) < 0) {
		(void)json_object_put(object);
		return output_error(EXIT_INTERNAL, "out of memory");
	}
	return output_json(object, exit_code);
}

int policy_diff_main(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {
		{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"},
	};
	const struct cli_usage usage = {"policy diff A B [OPTIONS]",
		"Says what policy B admits otherwise than policy A, and whether that is stricter or looser. Exit 0: the same; 4: not.", options,
		ARRAY_SIZE(options), 2, 2};
	POLICY_AUTO a = NULL;
	POLICY_AUTO b = NULL;
	JSON_AUTO changes = NULL;
	struct error error = ERROR_NULL;
	struct listing listing = {0};
	char **files;
	int count, r;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	r = policy_file_read(files[0], &a, &error);
	if (r == 0)
		r = policy_file_read(files[1], &b, &error);
	if (r < 0)
		return output_error(output_exit_of(r), "%s", error_text(&error));
	changes = json_object_new_array();
	listing.changes = changes;
	listing.print = !json;
	if (!changes || policy_diff(a, b, add, &listing) < 0)
		return output_error(EXIT_INTERNAL, "out of memory");
	return conclude(&listing, json, (const char *const *)files);
}
