/* SPDX-License-Identifier: Apache-2.0 */
/* Verb `audit`. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "brokerctl/ctl.h"

static void print_member(struct json_object *record, const char *member, const char *before)
{
	char text[512];

	if (json_get(record, member))
		(void)printf("%s%s", before, ctl_show(text, record, member));
}

static void print_record(struct json_object *row)
{
	struct json_object *record = json_get_object(row, "record");
	uint64_t time = 0;
	char text[512];
	char when[32] = "?";

	if (!record) {
		(void)printf("%6s  (a record that is none: see --verify)\n", ctl_show(text, row, "position"));
		return;
	}
	if (json_get_u64(record, "time", INT64_MAX, &time))
		time_format(when, (int64_t)time);
	(void)printf("%6s  %s", ctl_show(text, row, "position"), when);
	(void)printf("  %-8s", ctl_show(text, record, "event"));
	print_member(record, "verb", " ");
	print_member(record, "name", " ");
	print_member(record, "resource", " ");
	print_member(record, "version", " version ");
	print_member(record, "policy", " by policy ");
	print_member(record, "reason", " because of ");
	if (json_get(record, "chip_id"))
		(void)printf(" chip %.16s", ctl_show(text, record, "chip_id"));
	print_member(record, "uid", " uid ");
	(void)printf("\n");
}

/* Takes the rows of one page: prints them, or keeps them for --json. */
static int take(struct json_object *page, struct json_object *all)
{
	struct json_object *list = json_get_array(page, "records");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *row = json_object_array_get_idx(list, i);

		if (!arg.json)
			print_record(row);
		else if (json_push(all, json_object_get(row)))
			return ctl_fail(EXIT_INTERNAL, "no memory");
	}
	return EXIT_YES;
}

static int list_all(struct json_object *all)
{
	uint64_t after = 0;
	bool more = true;

	while (more) {
		JSON_AUTO request = ctl_request("audit");
		JSON_AUTO page = NULL;
		uint64_t last = after;
		int r;

		if (!request || json_add_u64(request, "after", after))
			return ctl_fail(EXIT_INTERNAL, "no memory");
		r = ctl_ask(request, NULL, &page, NULL);
		if (!r)
			r = take(page, all);
		if (r)
			return r;
		(void)json_get_u64(page, "last", INT64_MAX, &last);
		more = false;
		(void)json_get_bool(page, "more", &more);
		more = more && last > after;
		after = last;
	}
	return EXIT_YES;
}

static int verify(void)
{
	JSON_AUTO request = ctl_request("audit-verify");
	JSON_AUTO result = NULL;
	char records[512];
	char incarnations[512];
	char checkpoints[512];
	int r;

	if (arg.checkpoint && request && json_add_text(request, "checkpoint", arg.checkpoint))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, NULL, &result, NULL);
	if (result && ctl_json(result))
		return r;
	if (!r)
		(void)printf("intact: %s records of %s starts, %s signed checkpoints\n", ctl_show(records, result, "records"),
			ctl_show(incarnations, result, "incarnations"), ctl_show(checkpoints, result, "checkpoints"));
	return r;
}

int audit_main(size_t count, char **words)
{
	JSON_AUTO all = json_object_new_object();
	struct json_object *records = json_object_new_array();
	int r;

	(void)count;
	(void)words;
	if (json_add(all, "records", records))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	if (arg.checkpoint && !arg.verify)
		return ctl_fail(EXIT_USAGE, "--checkpoint goes with --verify");
	if (arg.verify)
		return verify();
	r = list_all(records);
	if (!r)
		(void)ctl_json(all);
	return r;
}
