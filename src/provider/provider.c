/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* In the order in which `auto` tries them. */
static const struct provider *const providers[] = {
	&provider_tsm,
	&provider_sev_guest,
};

void provider_evidence_deinit(struct provider_evidence *evidence)
{
	buf_deinit(&evidence->report);
	buf_deinit(&evidence->cert_table);
}

/* The names, for messages: "auto, tsm". */
static void names_text(char *to, size_t size)
{
	size_t used = (size_t)snprintf(to, size, "auto");

	for (size_t i = 0; i < ARRAY_SIZE(providers) && used < size; i++)
		used += (size_t)snprintf(to + used, size - used, ", %s", providers[i]->name);
}

/* Why providers were passed over, as `auto` goes on. */
struct passed {
	char text[ERROR_TEXT_MAX];
	size_t used;
	bool failed; /* one of them is there and cannot be used */
};

static void pass_over(struct passed *passed, const struct provider *provider, const struct error *reason)
{
	if (passed->used < sizeof(passed->text))
		passed->used += (size_t)snprintf(passed->text + passed->used, sizeof(passed->text) - passed->used, "%s%s: %s",
			passed->used ? "; " : "", provider->name, error_text(reason));
}

/* A note of the provider's own stands first. */
static void note_passed(struct provider_evidence *evidence, const struct passed *passed)
{
	size_t used = strlen(evidence->note);

	if (passed->used)
		(void)snprintf(
			evidence->note + used, sizeof(evidence->note) - used, "%spassed over: %.*s", used ? "; " : "", 240, passed->text);
}

/*
 * In order, until one gives a report. What is busy is not passed over: another request would stand beside its own. Nor is a wrong answer: who
 * lies once is not asked in another way.
 */
static int collect_auto(
	const struct provider_config *config, const uint8_t *report_data, struct provider_evidence *ret, struct error *error)
{
	struct passed passed = {.used = 0};

	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		struct error reason = ERROR_NULL;
		int r = providers[i]->probe(config, &reason);

		if (!r) {
			r = providers[i]->collect(config, report_data, ret, &reason);
			if (!r) {
				note_passed(ret, &passed);
				return 0;
			}
			if (r != PROVIDER_E_PASS)
				return error_set(error, r, "%s%s%s", passed.text, passed.used ? "; " : "", error_text(&reason));
		}
		if (r != PROVIDER_E_ABSENT && r != PROVIDER_E_FAILED && r != PROVIDER_E_PASS)
			return error_set(error, r, "%s: %s", providers[i]->name, error_text(&reason));
		passed.failed = passed.failed || r != PROVIDER_E_ABSENT;
		pass_over(&passed, providers[i], &reason);
	}
	return error_set(error, passed.failed ? PROVIDER_E_FAILED : PROVIDER_E_ABSENT, "no source of SEV-SNP evidence works here. %.440s",
		passed.text);
}

static int collect_named(const struct provider_config *config, const struct provider *provider, const uint8_t *report_data,
	struct provider_evidence *ret, struct error *error)
{
	int r = provider->collect(config, report_data, ret, error);

	return r == PROVIDER_E_PASS ? PROVIDER_E_FAILED : r;
}

int provider_collect(const struct provider_config *config, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	struct provider_evidence *ret, struct error *error)
{
	char names[128];

	if (!config->name || !strcmp(config->name, "auto"))
		return collect_auto(config, report_data, ret, error);
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		if (!strcmp(providers[i]->name, config->name))
			return collect_named(config, providers[i], report_data, ret, error);
	}
	names_text(names, sizeof(names));
	return error_set(error, -EINVAL, "there is no provider \"%.32s\" (%s)", config->name, names);
}

int provider_exit(int outcome)
{
	switch (outcome) {
	case 0:
		return EXIT_YES;
	case PROVIDER_E_ABSENT:
	case PROVIDER_E_FAILED:
	case PROVIDER_E_PASS:
		return EXIT_UNSUPPORTED;
	case PROVIDER_E_TEMPORARY:
		return EXIT_UNREACHABLE;
	case PROVIDER_E_WRONG:
		return EXIT_EVIDENCE;
	case -EINVAL:
		return EXIT_USAGE;
	default:
		return EXIT_INTERNAL;
	}
}
