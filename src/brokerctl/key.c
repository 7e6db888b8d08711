/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs `key`. A secret comes from a file or standard input, never from the command line, and never comes back this way. */
#include <stdio.h>

#include "base/files.h"
#include "brokerctl/ctl.h"

/* A request with one text member. */
static struct json_object *request_of(const char *verb, const char *member, const char *value)
{
	struct json_object *request = ctl_request(verb);

	if (request && json_add_text(request, member, value)) {
		json_putp(&request);
		return NULL;
	}
	return request;
}

int key_put_main(size_t count, char **words)
{
	JSON_AUTO request = request_of("key-put", "resource", words[0]);
	JSON_AUTO result = NULL;
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	struct error error = ERROR_NULL;
	char version[512];
	char name[512];
	int r;

	if (file_read_secret(count > 1 ? words[1] : "-", SECRET_MAX, true, &secret, &error))
		return ctl_fail(EXIT_USAGE, "%s", error_text(&error));
	if (secret.size == 0)
		return ctl_fail(EXIT_USAGE, "the secret is empty");
	r = ctl_ask(request, &secret, &result, NULL);
	if (!r && !ctl_json(result))
		(void)printf("%s: version %s\n", ctl_show(name, result, "resource"), ctl_show(version, result, "version"));
	return r;
}

int key_get_meta_main(size_t count, char **words)
{
	JSON_AUTO request = request_of("key-get-meta", "resource", words[0]);
	JSON_AUTO result = NULL;
	struct json_object *grants;
	char text[512];
	int r;

	(void)count;
	r = ctl_ask(request, NULL, &result, NULL);
	if (r || ctl_json(result))
		return r;
	(void)printf("resource: %s\n", ctl_show(text, result, "resource"));
	(void)printf("version:  %s\n", ctl_show(text, result, "version"));
	(void)printf("size:     %s\n", ctl_show(text, result, "size"));
	(void)printf("stored:   %s\n", ctl_show(text, result, "time"));
	grants = json_get_array(result, "grants");
	for (size_t i = 0; grants && i < json_object_array_length(grants); i++)
		(void)printf("grant:    %s\n", json_object_get_string(json_object_array_get_idx(grants, i)));
	return EXIT_YES;
}

int key_list_main(size_t count, char **words)
{
	JSON_AUTO rows = NULL;
	JSON_AUTO all = json_object_new_object();
	int r;

	(void)count;
	(void)words;
	r = ctl_list("key-list", "resources", "resource", &rows);
	if (r)
		return r;
	if (json_add(all, "resources", json_object_get(rows)))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	if (ctl_json(all))
		return EXIT_YES;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		char name[512];
		char version[512];
		char size[512];
		char time[512];

		(void)printf("%-40s version %-4s %8s bytes  %s\n", ctl_show(name, row, "resource"), ctl_show(version, row, "version"),
			ctl_show(size, row, "size"), ctl_show(time, row, "time"));
	}
	return EXIT_YES;
}

int key_delete_main(size_t count, char **words)
{
	JSON_AUTO request = request_of("key-delete", "resource", words[0]);
	JSON_AUTO result = NULL;
	int r = ctl_ask(request, NULL, &result, NULL);

	(void)count;
	if (!r && !ctl_json(result))
		(void)printf("%s: deleted\n", words[0]);
	return r;
}
