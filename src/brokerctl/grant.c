/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs `grant`. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "brokerctl/ctl.h"

int grant_add_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("grant-add");
	JSON_AUTO result = NULL;
	struct json_object *policies = json_object_new_array();
	int r;

	if (!request || json_add_text(request, "pattern", words[0])) {
		json_putp(&policies);
		return ctl_fail(EXIT_INTERNAL, "no memory");
	}
	r = json_add(request, "policies", policies);
	if (!r && arg.enrol)
		r = json_add_text(request, "enrol", arg.enrol);
	for (size_t i = 1; i < count && !r; i++)
		r = json_push(policies, json_object_new_string(words[i]));
	if (r)
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, NULL, &result, NULL);
	if (!r && !ctl_json(result))
		(void)printf("%s: granted\n", words[0]);
	return r;
}

static void print_grant(struct json_object *row)
{
	struct json_object *policies = json_get_array(row, "policies");
	const char *enrol = json_get_text(row, "enrol", NULL);
	char text[512];

	(void)printf("%-40s", ctl_show(text, row, "pattern"));
	for (size_t i = 0; policies && i < json_object_array_length(policies); i++) {
		text_printable(text, sizeof(text), bytes_of_text(json_object_get_string(json_object_array_get_idx(policies, i))));
		(void)printf("%s%s", i ? " or " : " ", text);
	}
	if (enrol && strcmp(enrol, "none") != 0)
		(void)printf("  (enrolments: %s)", ctl_show(text, row, "enrol"));
	(void)printf("\n");
}

int grant_list_main(size_t count, char **words)
{
	JSON_AUTO rows = NULL;
	JSON_AUTO all = json_object_new_object();
	int r;

	(void)count;
	(void)words;
	r = ctl_list("grant-list", "grants", "pattern", &rows);
	if (r)
		return r;
	if (json_add(all, "grants", json_object_get(rows)))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	if (ctl_json(all))
		return EXIT_YES;
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		print_grant(json_object_array_get_idx(rows, i));
	return EXIT_YES;
}

int grant_delete_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("grant-delete");
	JSON_AUTO result = NULL;
	int r;

	(void)count;
	if (!request || json_add_text(request, "pattern", words[0]))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, NULL, &result, NULL);
	if (!r && !ctl_json(result))
		(void)printf("%s: deleted\n", words[0]);
	return r;
}
