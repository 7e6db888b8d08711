/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest show: what is in this file. Decodes and judges nothing but the form. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/policy.h"
#include "base/files.h"
#include "cli/cli.h"
#include "cli/inputs.h"
#include "cli/show.h"
#include "luks/header.h"
#include "measure/ovmf.h"

#define FILES_MAX 256
#define FILE_MAX POLICY_TEXT_MAX /* the largest policy, and the largest firmware image */

/* Fills `object` for one kind of content; the exit code says whether its form is right. */
typedef int (*show_fn)(struct bytes data, struct json_object *object, struct verdict *verdict);

/* A policy states "os_identity", a broker's answer "token"; everything else in JSON is evidence, or nothing of ours. */
static int show_json(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct error error = ERROR_NULL;
	JSON_AUTO document = NULL;
	size_t token_size = 0;
	const char *token;
	int r;

	r = json_read(data, &document, &error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		verdict_fail(verdict, "json", FINDING_EVIDENCE, "%s", error_text(&error));
		return json_add_text(object, "error", error_text(&error));
	}
	if (json_get(document, "os_identity") || json_get_object(document, "snp"))
		return show_policy(data, object, verdict);
	token = json_get_text(document, "token", &token_size);
	if (token && show_is_token(bytes_of(token, token_size)))
		return show_token(bytes_of(token, token_size), object, verdict);
	return show_evidence(data, object, verdict);
}

/* Those first that have a mark of their own; a certificate table has none and comes last. */
static show_fn function_of(struct bytes data)
{
	enum input_kind kind = input_recognise(data);

	if (luks_looks_like(data))
		return show_luks;
	if (ovmf_looks_like(data))
		return show_ovmf;
	if (show_is_token(data))
		return show_token;
	if ((kind == INPUT_TABLE || kind == INPUT_UNKNOWN) && show_is_event_log(data))
		return show_event_log;
	switch (kind) {
	case INPUT_REPORT:
		return show_report;
	case INPUT_JSON:
		return show_json;
	case INPUT_PEM:
	case INPUT_DER:
		return show_certificates;
	case INPUT_TABLE:
		return show_table;
	case INPUT_HCL:
		return show_evidence;
	case INPUT_UNKNOWN:
		break;
	}
	return NULL;
}

/* Of a disk only the headers are read: both copies, at most. */
static int read_disk(const char *path, struct buf *data, struct error *error)
{
	FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : buf_reserve(data, 2 * LUKS_HEADER_MAX);

	if (r == 0)
		r = fd_read_all(fd, data->data, 2 * LUKS_HEADER_MAX);
	if (r < 0)
		return error_set(error, r, "%s: %s", path, strerror(-r));
	data->size = 2 * LUKS_HEADER_MAX;
	return luks_looks_like(buf_view(data)) ? 0 : error_set(error, -EFBIG, "%s: too large for any of our objects, and no LUKS disk", path);
}

static int read_object(const char *path, struct buf *data, struct error *error)
{
	int r = file_read(path, FILE_MAX, data, error);

	if (r != -EFBIG || strcmp(path, "-") == 0)
		return r;
	error_clear(error);
	return read_disk(path, data, error);
}

static int show_file(const char *path, struct json_object *object, struct verdict *verdict)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error error = ERROR_NULL;
	show_fn function;
	int r;

	r = read_object(path, &data, &error);
	if (r < 0)
		return output_error(EXIT_USAGE, "show: %s", error_text(&error));
	function = function_of(buf_view(&data));
	r = json_add_text(object, "file", path);
	if (r == 0 && function)
		r = function(buf_view(&data), object, verdict);
	if (r == 0 && function && verdict->count)
		r = json_add(object, "findings", verdict_to_json(verdict));
	if (r == -EBADMSG || (r == 0 && !function))
		return output_error(EXIT_EVIDENCE,
			"show: %s: none of our objects: no report (1184 bytes), evidence, certificate, table, CRL, policy, token, firmware, event log or LUKS2 disk",
			path);
	if (r < 0 || verdict->out_of_memory)
		return output_error(EXIT_INTERNAL, "out of memory");
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->items[i].class != FINDING_ADVICE && verdict->items[i].state == FINDING_FAILED)
			return EXIT_EVIDENCE;
	}
	return EXIT_YES;
}

/* A line for each thing in words: what it is, its value, what that means. A policy's have no value. */
static void print_explained(struct json_object *explained)
{
	for (size_t i = 0; i < json_object_array_length(explained); i++) {
		struct json_object *item = json_object_array_get_idx(explained, i);
		const char *field = json_get_text(item, "field", NULL), *value = json_get_text(item, "value", NULL);

		if (field)
			printf("  %-40s %-10s %s\n", field, value, json_get_text(item, "meaning", NULL));
		else
			printf("  %-40s %s\n", json_get_text(item, "check", NULL), json_get_text(item, "demands", NULL));
	}
}

static void print_text(const char *path, struct json_object *object, const struct verdict *verdict)
{
	JSON_AUTO explained = json_object_get(json_get_array(object, "explained"));

	printf("%s:\n", path);
	json_object_object_del(object, "file");
	json_object_object_del(object, "findings");
	json_object_object_del(object, "explained");
	output_table(stdout, object, 2);
	if (explained) {
		printf("  in words:\n");
		print_explained(explained);
	}
	verdict_print(verdict, stdout, false, output_colour(stdout));
}

int show_main(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"}};
	const struct cli_usage usage = {"show FILE... [OPTIONS]",
		"Prints what is in a file, recognised by its content: a report, evidence, certificates, a certificate table, a CRL,\n"
		"a policy, a token, an OVMF firmware image, a TPM event log, the headers of a LUKS2 disk with their digest.",
		options, ARRAY_SIZE(options), 1, FILES_MAX};
	JSON_AUTO all = json_object_new_array();
	struct json_object *object;
	int count, r, worst = EXIT_YES;
	char **files;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	for (int i = 0; i < count; i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;

		object = json_object_new_object();
		if (json_push(all, object) < 0)
			return output_error(EXIT_INTERNAL, "out of memory");
		r = show_file(files[i], object, &verdict);
		worst = r > worst ? r : worst;
		if (!json && json_object_object_length(object) > 1)
			print_text(files[i], object, &verdict);
	}
	if (!json)
		return worst;
	if (count == 1)
		return output_json(json_object_get(json_object_array_get_idx(all, 0)), worst);
	object = json_object_new_object();
	if (json_add(object, "objects", json_object_get(all)) < 0) {
		(void)json_object_put(object);
		return output_error(EXIT_INTERNAL, "out of memory");
	}
	return output_json(object, worst);
}
