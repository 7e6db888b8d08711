/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs `enrol-key show`, `key import` and `pending`. An enrolment is opened by the broker alone; here it is bytes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "brokerctl/ctl.h"

#define ENROLMENT_MAX ((size_t)64 << 10) /* what the broker takes: KBS_ENROLMENT_TEXT_MAX */
#define FINGERPRINT_HEX 64

/* enrol-key show */

static int write_jwk(struct json_object *row, struct buf *to)
{
	int r = json_write(to, json_get_object(row, "jwk"));

	return r ? r : buf_append_text(to, "\n");
}

int enrol_key_show_main(size_t count, char **words)
{
	JSON_AUTO row = NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	char thumbprint[512];
	int r = ctl_ask_key("enrol", &row);

	(void)count;
	(void)words;
	if (!r && write_jwk(row, &text))
		r = ctl_fail(EXIT_INTERNAL, "no memory");
	if (!r && arg.output && file_write(arg.output, buf_view(&text), 0644, &error))
		r = ctl_fail(EXIT_USAGE, "%s", error_text(&error));
	if (r || ctl_json(row))
		return r;
	(void)printf("thumbprint: %s\n", ctl_show(thumbprint, row, "thumbprint"));
	if (!arg.output)
		(void)fwrite(text.data, 1, text.size, stdout);
	return EXIT_YES;
}

/* key import */

static void print_row(struct json_object *object, const char *member, const char *label)
{
	char text[512];

	if (json_get(object, member))
		(void)printf("%-13s%s\n", label, ctl_show(text, object, member));
}

static void print_headers(struct json_object *object)
{
	struct json_object *headers = json_get_array(object, "headers");

	for (size_t i = 0; headers && i < json_object_array_length(headers); i++) {
		char text[512];

		text_printable(text, sizeof(text), bytes_of_text(json_object_get_string(json_object_array_get_idx(headers, i))));
		(void)printf("%-13s%s\n", "header:", text);
	}
}

static void print_enrolment(struct json_object *object)
{
	struct json_object *volume = json_get_object(object, "volume");

	print_row(object, "resource", "resource:");
	print_row(volume, "name", "volume:");
	print_row(volume, "uuid", "uuid:");
	print_row(volume, "device", "device:");
	print_row(object, "created", "created:");
	print_headers(object);
	print_row(object, "fingerprint", "fingerprint:");
}

/* The enrolment's fingerprint, or why it is not taken. */
static int confirm(const char *fingerprint)
{
	char answer[16];

	if (arg.expect) {
		if (strlen(arg.expect) != FINGERPRINT_HEX || strcasecmp(arg.expect, fingerprint) != 0)
			return ctl_fail(EXIT_REFUSED, "the fingerprint is not the expected one; nothing is imported");
		return EXIT_YES;
	}
	if (arg.yes)
		return EXIT_YES;
	if (!isatty(STDIN_FILENO))
		return ctl_fail(EXIT_USAGE, "compare the fingerprint with what `sevattest enroll` printed, and give it as --expect (or --yes)");
	(void)fflush(stdout);
	(void)fprintf(stderr, "Is that the fingerprint which `sevattest enroll` printed on the source machine? (yes/no) ");
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n") != 0)
		return ctl_fail(EXIT_REFUSED, "not confirmed; nothing is imported");
	return EXIT_YES;
}

static int inspect(const struct secret *file, struct json_object **ret, const char **ret_fingerprint)
{
	JSON_AUTO request = ctl_request("enrol-inspect");
	int r = ctl_ask(request, file, ret, NULL);

	if (r)
		return r;
	*ret_fingerprint = json_get_text(*ret, "fingerprint", NULL);
	if (!*ret_fingerprint)
		return ctl_fail(EXIT_INTERNAL, "the broker's answer has no fingerprint");
	if (json_get(*ret, "current") && !arg.replace) {
		char name[512], version[512];

		return ctl_fail(EXIT_REFUSED, "%s: there is version %s already; --replace puts this disk in its place", ctl_show(name, *ret, "resource"),
			ctl_show(version, *ret, "current"));
	}
	return EXIT_YES;
}

int key_import_main(size_t count, char **words)
{
	CLEANUP(secret_deinit) struct secret file = SECRET_NULL;
	JSON_AUTO request = ctl_request("enrol-import");
	JSON_AUTO shown = NULL;
	JSON_AUTO result = NULL;
	struct error error = ERROR_NULL;
	const char *fingerprint = NULL;
	char name[512], version[512];
	int r;

	(void)count;
	if (file_read_secret(words[0], ENROLMENT_MAX, true, &file, &error))
		return ctl_fail(EXIT_USAGE, "%s", error_text(&error));
	r = inspect(&file, &shown, &fingerprint);
	if (!arg.json && shown)
		print_enrolment(shown);
	if (!r)
		r = confirm(fingerprint);
	if (r)
		return r;
	if (!request || json_add_text(request, "expect", fingerprint) || json_add_bool(request, "replace", arg.replace))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask(request, &file, &result, NULL);
	if (!r && !ctl_json(result))
		(void)printf("%s: version %s\n", ctl_show(name, result, "resource"), ctl_show(version, result, "version"));
	return r;
}

/* pending */

static void print_pending(struct json_object *row)
{
	bool flag = false;

	print_row(row, "id", "id:");
	print_enrolment(row);
	print_row(row, "replaces", "replaces:");
	print_row(row, "policy", "policy:");
	print_row(row, "chip_id", "chip:");
	print_row(row, "measurement", "measurement:");
	print_row(row, "time", "since:");
	print_row(row, "expires", "expires:");
	if (json_get_bool(row, "stale", &flag) && flag)
		(void)printf("%-13s%s\n", "stale:", "the resource has changed since; it can only be rejected");
	if (json_get_bool(row, "damaged", &flag) && flag)
		(void)printf("%-13s%s\n", "damaged:", "its row in the store is missing or was changed by somebody else");
}

int pending_list_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("pending-list");
	JSON_AUTO result = NULL;
	struct json_object *rows;
	int r = ctl_ask(request, NULL, &result, NULL);

	(void)count;
	(void)words;
	if (r || ctl_json(result))
		return r;
	rows = json_get_array(result, "pending");
	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		char id[512], name[512], time[512];
		bool stale = false;

		(void)json_get_bool(row, "stale", &stale);
		(void)printf("%6s  %-40s %s%s\n", ctl_show(id, row, "id"), ctl_show(name, row, "resource"), ctl_show(time, row, "time"),
			stale ? "  stale" : "");
	}
	return EXIT_YES;
}

/* A verb with an id. */
static int ask_pending(const char *verb, const char *word, struct json_object **ret)
{
	JSON_AUTO request = ctl_request(verb);
	uint64_t id;

	*ret = NULL;
	if (text_to_u64(word, INT64_MAX, false, &id) || id == 0)
		return ctl_fail(EXIT_USAGE, "%s: not the id of an enrolment", word);
	if (!request || json_add_u64(request, "id", id))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	return ctl_ask(request, NULL, ret, NULL);
}

int pending_show_main(size_t count, char **words)
{
	JSON_AUTO result = NULL;
	int r = ask_pending("pending-show", words[0], &result);

	(void)count;
	if (!r && !ctl_json(result))
		print_pending(result);
	return r;
}

int pending_accept_main(size_t count, char **words)
{
	JSON_AUTO result = NULL;
	char name[512], version[512];
	int r = ask_pending("pending-accept", words[0], &result);

	(void)count;
	if (!r && !ctl_json(result))
		(void)printf("%s: version %s\n", ctl_show(name, result, "resource"), ctl_show(version, result, "version"));
	return r;
}

int pending_reject_main(size_t count, char **words)
{
	JSON_AUTO result = NULL;
	char name[512];
	int r = ask_pending("pending-reject", words[0], &result);

	(void)count;
	if (!r && !ctl_json(result))
		(void)printf("%s: rejected\n", ctl_show(name, result, "resource"));
	return r;
}
