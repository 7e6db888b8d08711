/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest show: what is in this file. Decodes and judges nothing but the form. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/policy.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/inputs.h"
#include "cli/show.h"

#define FILES_MAX 256

/* Fills `object` for one kind of content; the exit code says whether its form is right. */
typedef int (*show_fn)(struct bytes data, struct json_object *object, struct verdict *verdict);

static int show_report(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct snp_report report;
	int r;

	if (snp_report_decode(data, &report) != 0)
		return -EBADMSG;
	r = json_add_text(object, "kind", "report");
	if (r == 0)
		r = json_add(object, "report", snp_report_to_json(&report));
	(void)snp_report_check(&report, data, verdict); /* the findings say it */
	return r;
}

static int show_policy(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;
	int r;

	r = json_add_text(object, "kind", "policy");
	if (r < 0)
		return r;
	r = policy_read(data, &policy, &error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		verdict_fail(verdict, "policy", FINDING_EVIDENCE, "%s", error_text(&error));
		return json_add_text(object, "error", error_text(&error));
	}
	policy_warnings(policy, verdict);
	r = json_add_text(object, "name", policy_name(policy));
	return r < 0 ? r : json_add_text(object, "os_identity", policy_os_identity(policy));
}

/* A policy states "os_identity"; everything else in JSON is evidence, or nothing of ours. */
static int show_json(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct error error = ERROR_NULL;
	JSON_AUTO document = NULL;
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
	return show_evidence(data, object, verdict);
}

static show_fn function_of(struct bytes data)
{
	switch (input_recognise(data)) {
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

static int show_file(const char *path, struct json_object *object, struct verdict *verdict)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error error = ERROR_NULL;
	show_fn function;
	int r;

	r = file_read(path, POLICY_TEXT_MAX, &data, &error);
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
			"show: %s: none of our objects: no report (1184 bytes), evidence, certificate, table, CRL or policy", path);
	if (r < 0 || verdict->out_of_memory)
		return output_error(EXIT_INTERNAL, "out of memory");
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->items[i].class != FINDING_ADVICE && verdict->items[i].state == FINDING_FAILED)
			return EXIT_EVIDENCE;
	}
	return EXIT_YES;
}

static void print_text(const char *path, struct json_object *object, const struct verdict *verdict)
{
	printf("%s:\n", path);
	json_object_object_del(object, "file");
	json_object_object_del(object, "findings");
	output_table(stdout, object, 2);
	verdict_print(verdict, stdout, false, output_colour(stdout));
}

int show_main(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"}};
	const struct cli_usage usage = {"show FILE... [OPTIONS]",
		"Prints what is in a file, recognised by its content: a report, evidence, certificates, a certificate table, a CRL, a "
		"policy.",
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
