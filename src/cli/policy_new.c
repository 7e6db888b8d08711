/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest policy new: a first policy out of reports that a person vouches for, or a template. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/policy.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/policy.h"

struct policy_template {
	const char *name;
	const char *text;
};

/* Defines `static const struct policy_template policy_templates[]`. */
#include "cli/templates_table.h"

#define FROM_MAX 256 /* reports in one call: one image on many machines */

struct reports {
	struct snp_report items[FROM_MAX];
	size_t count;
};

/* Pushes `value` as hex unless the list has it. */
static int push_hex(struct json_object *list, const uint8_t *value, size_t size)
{
	char hex[2 * 64 + 1];

	hex_encode(hex, value, size);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), hex))
			return 0;
	}
	return json_push(list, json_object_new_string(hex));
}

static int push_name(struct json_object *list, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name))
			return 0;
	}
	return json_push(list, json_object_new_string(name));
}

static int add_lists(struct json_object *snp, const struct reports *reports, bool pin_chips)
{
	struct json_object *measurement = json_object_new_array(), *products = json_object_new_array();
	struct json_object *signer = json_object_new_array(), *chips = json_object_new_array();
	uint32_t vmpl = 0;
	int r;

	r = json_add(snp, "measurement", measurement);
	for (size_t i = 0; r == 0 && i < reports->count; i++)
		r = push_hex(measurement, reports->items[i].measurement, sizeof(reports->items[i].measurement));
	if (pin_chips && r == 0)
		r = json_add(snp, "chip_id", chips);
	else
		(void)json_object_put(chips);
	for (size_t i = 0; pin_chips && r == 0 && i < reports->count; i++)
		r = push_hex(chips, reports->items[i].chip_id, sizeof(reports->items[i].chip_id));
	if (json_add(snp, "products", products) < 0 || json_add(snp, "signer", signer) < 0)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < reports->count; i++) {
		const struct snp_report *report = &reports->items[i];

		if (report->product != SNP_PRODUCT_UNKNOWN)
			r = push_name(products, snp_product_name(report->product));
		if (r == 0)
			r = push_name(signer, snp_report_signer(report) == SNP_SIGNER_VLEK ? "vlek" : "vcek");
		vmpl = report->vmpl > vmpl ? report->vmpl : vmpl;
	}
	/* Version 2 does not name its product, and an empty list would allow nothing. */
	if (r == 0 && json_object_array_length(products) == 0)
		json_object_object_del(snp, "products");
	if (r == 0) {
		struct json_object *max = json_object_new_object();

		r = json_add(snp, "vmpl", max);
		if (r == 0)
			r = json_add_u64(max, "max", vmpl > 3 ? 3 : vmpl);
	}
	return r;
}

static struct json_object *make_policy(const char *name, const struct reports *reports, const char *os_identity, bool pin_chips)
{
	struct json_object *policy = json_object_new_object(), *snp = json_object_new_object(), *guest = json_object_new_object();
	int r;

	r = json_add_u64(policy, "version", POLICY_VERSION);
	if (r == 0)
		r = json_add_text(policy, "name", name);
	if (r == 0)
		r = json_add_text(policy, "os_identity", os_identity);
	if (json_add(policy, "snp", snp) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = add_lists(snp, reports, pin_chips);
	if (json_add(snp, "guest_policy", guest) < 0)
		r = -ENOMEM;
	if (r == 0 && (json_add_bool(guest, "debug", false) < 0 || json_add_bool(guest, "migrate_ma", false) < 0))
		r = -ENOMEM;
	if (r == 0)
		r = json_add_text(snp, "tcb_min", "entrysign");
	if (r == 0)
		r = json_add_text(policy, "revocation", "if-present");
	if (r == 0)
		return policy;
	(void)json_object_put(policy);
	return NULL;
}

static int print_template(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_templates); i++) {
		if (!strcmp(policy_templates[i].name, name)) {
			fputs(policy_templates[i].text, stdout);
			return EXIT_YES;
		}
	}
	return output_error(EXIT_USAGE, "policy new: --template is one of: azure, aws, gcp, kvm");
}

int policy_new_main(int argc, char **argv)
{
	static struct reports reports;
	struct option_texts from = {0};
	const char *name = NULL, *os_identity = NULL, *template = NULL;
	bool pin_chips = false;
	const struct cli_option options[] = {
		{"from", 0, OPTION_TEXTS, &from, "FILE", "a report of a guest that you vouch for; may be given again"},
		{"template", 0, OPTION_TEXT, &template, "NAME",
			"print the template for azure, aws, gcp or kvm instead: fill in its empty lists"},
		{"name", 0, OPTION_TEXT, &name, "NAME", "the policy's name (default: new)"},
		{"os-identity", 0, OPTION_TEXT, &os_identity, "KIND", "kernel-hashes or unverified (default: unverified)"},
		{"pin-chips", 0, OPTION_FLAG, &pin_chips, NULL, "list the chips too: the one defence against another machine's stolen key"},
	};
	const struct cli_usage usage = {"policy new --from FILE | --template NAME [OPTIONS]",
		"Prints a policy that admits what the given reports show. The reports are not verified: verify them first.", options,
		ARRAY_SIZE(options), 0, 0};
	JSON_AUTO policy = NULL;
	char **files;
	int count, r;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	if (template && from.count)
		return output_error(EXIT_USAGE, "policy new: give --template or --from, not both");
	if (template)
		return print_template(template);
	if (!from.count)
		return output_error(EXIT_USAGE, "policy new: give --from FILE or --template NAME");
	if (os_identity && strcmp(os_identity, "kernel-hashes") != 0 && strcmp(os_identity, "unverified") != 0)
		return output_error(EXIT_USAGE, "policy new: --os-identity is kernel-hashes or unverified");
	for (size_t i = 0; i < from.count; i++) {
		r = policy_read_report(from.items[i], &reports.items[i]);
		if (r != EXIT_YES)
			return r;
		reports.count = i + 1;
	}
	policy = make_policy(name ? name : "new", &reports, os_identity ? os_identity : "unverified", pin_chips);
	if (!policy)
		return output_error(EXIT_INTERNAL, "out of memory");
	printf("%s\n", json_object_to_json_string_ext(policy, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	return EXIT_YES;
}
