/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* In the order in which `auto` tries them. */
static const struct provider *const providers[] = {
	&provider_tsm,
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

static int collect_auto(
	const struct provider_config *config, const uint8_t *report_data, struct provider_evidence *ret, struct error *error)
{
	char passed_over[ERROR_TEXT_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		struct error reason = ERROR_NULL;
		int r = providers[i]->probe(config, &reason);

		if (!r) {
			r = providers[i]->collect(config, report_data, ret, error);
			if (!r && used)
				(void)snprintf(ret->note, sizeof(ret->note), "%.250s", passed_over);
			return r;
		}
		if (r != PROVIDER_E_ABSENT)
			return error_set(error, r, "%s: %s", providers[i]->name, error_text(&reason));
		if (used < sizeof(passed_over))
			used += (size_t)snprintf(passed_over + used, sizeof(passed_over) - used, "%s%s: %s", used ? "; " : "",
				providers[i]->name, error_text(&reason));
	}
	return error_set(error, PROVIDER_E_ABSENT, "no source of SEV-SNP evidence works here. %.440s", passed_over);
}

int provider_collect(const struct provider_config *config, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	struct provider_evidence *ret, struct error *error)
{
	char names[128];

	if (!config->name || !strcmp(config->name, "auto"))
		return collect_auto(config, report_data, ret, error);
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		if (!strcmp(providers[i]->name, config->name))
			return providers[i]->collect(config, report_data, ret, error);
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
