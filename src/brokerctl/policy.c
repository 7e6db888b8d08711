/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs `policy`. */
#include <stdio.h>

#include "base/files.h"
#include "base/text.h"
#include "brokerctl/ctl.h"

#define POLICY_FILE_MAX ((size_t)16 << 20) /* what the broker takes: POLICY_TEXT_MAX */

/* The policy's own statements that prove less than they seem to. */
static void print_warnings(struct json_object *warnings)
{
	for (size_t i = 0; warnings && i < json_object_array_length(warnings); i++) {
		struct json_object *row = json_object_array_get_idx(warnings, i);
		char check[512];
		char why[512];

		(void)fprintf(stderr, "sevattest-broker: warning: %s: %s\n", ctl_show(check, row, "check"), ctl_show(why, row, "why"));
	}
}

int policy_put_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("policy-put");
	JSON_AUTO result = NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	char name[512];
	char version[512];
	int r;

	(void)count;
	if (file_read(words[0], POLICY_FILE_MAX, &text, &error))
		return ctl_fail(EXIT_USAGE, "%s", error_text(&error));
	if (!utf8_valid(buf_view(&text)))
		return ctl_fail(EXIT_USAGE, "%s: not UTF-8 text", words[0]);
	if (!request || json_add_text_size(request, "text", buf_view(&text)))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, NULL, &result, NULL);
	if (r || ctl_json(result))
		return r;
	print_warnings(json_get_array(result, "warnings"));
	(void)printf("%s: version %s\n", ctl_show(name, result, "name"), ctl_show(version, result, "version"));
	return r;
}

int policy_show_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("policy-show");
	JSON_AUTO result = NULL;
	uint64_t version = 0;
	const char *text;
	size_t size = 0;
	int r;

	if (count > 1 && (text_to_u64(words[1], INT64_MAX, false, &version) || version == 0))
		return ctl_fail(EXIT_USAGE, "%s: not a version", words[1]);
	if (!request || json_add_text(request, "name", words[0]) || json_add_u64(request, "version", version))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, NULL, &result, NULL);
	if (r || ctl_json(result))
		return r;
	text = json_get_text(result, "text", &size);
	if (!text)
		return ctl_fail(EXIT_INTERNAL, "the broker's answer has no policy");
	(void)fwrite(text, 1, size, stdout);
	return EXIT_YES;
}

int policy_list_main(size_t count, char **words)
{
	JSON_AUTO rows = NULL;
	JSON_AUTO all = json_object_new_object();
	int r;

	(void)count;
	(void)words;
	r = ctl_list("policy-list", "policies", "name", &rows);
	if (r)
		return r;
	if (json_add(all, "policies", json_object_get(rows)))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	if (ctl_json(all))
		return EXIT_YES;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		char name[512];
		char version[512];
		char time[512];

		(void)printf("%-40s version %-4s %s\n", ctl_show(name, row, "name"), ctl_show(version, row, "version"),
			ctl_show(time, row, "time"));
	}
	return EXIT_YES;
}

int policy_delete_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("policy-delete");
	JSON_AUTO result = NULL;
	int r;

	(void)count;
	if (!request || json_add_text(request, "name", words[0]))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, NULL, &result, NULL);
	if (!r && !ctl_json(result))
		(void)printf("%s: deleted\n", words[0]);
	return r;
}
