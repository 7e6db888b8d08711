/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/look.h"

/* In the order of the report. A machine that is going to be moved has no evidence yet, and its services do not run. */
static const struct {
	void (*look)(struct look *look);
	bool here, before;
} rooms[] = {
	{room_preflight, false, true},
	{room_conf, true, true}, /* says where the devices are */
	{room_machine, true, false},
	{room_broker, true, false},
	{room_units, true, false},
	{room_agent, true, false},
	{room_volumes, true, true},
	{room_console, true, true},
	{room_dumps, true, true},
};

int doctor_platform_parse(const char *text, enum doctor_platform *ret, struct error *error)
{
	static const char *const names[] = {"", "azure", "aws", "gcp", "kvm"};

	for (size_t i = DOCTOR_AZURE; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = (enum doctor_platform)i;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "%s: azure, aws, gcp or kvm", text);
}

/* What runs now; of an image, what it will boot with. */
static void read_cmdline(struct look *look)
{
	char *text = look->live ? NULL : look_text(look, "/etc/kernel/cmdline");

	if (!text)
		text = look_text(look, "/proc/cmdline");
	look->has_cmdline = text != NULL;
	look->cmdline = text ? text : strdup("");
}

int doctor_run(const struct doctor_options *options, struct verdict *ret, struct error *error)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	size_t size = options->root ? strlen(options->root) : 0;
	struct look look = {.options = options, .verdict = &verdict};
	char *root;

	while (size && options->root[size - 1] == '/')
		size--;
	root = strndup(options->root ? options->root : "", size);
	if (!root)
		return error_set(error, -ENOMEM, "out of memory");
	look.root = root;
	look.live = size == 0;
	read_cmdline(&look);
	for (size_t i = 0; look.cmdline && i < ARRAY_SIZE(rooms); i++) {
		if (options->platform == DOCTOR_HERE ? rooms[i].here : rooms[i].before)
			rooms[i].look(&look);
	}
	conf_deinit(&look);
	free(root);
	if (!look.cmdline || verdict.out_of_memory) {
		free(look.cmdline);
		return error_set(error, -ENOMEM, "out of memory");
	}
	free(look.cmdline);
	*ret = verdict;
	verdict = (struct verdict)VERDICT_NULL;
	return 0;
}

int doctor_exit(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];

		if (finding->class == FINDING_ADVICE || finding->state == FINDING_PASSED)
			continue;
		if (text_starts_with(finding->check, "conf."))
			return EXIT_USAGE;
		return text_starts_with(finding->check, "broker.") ? EXIT_UNREACHABLE : EXIT_UNSUPPORTED;
	}
	return verdict_ok(verdict) ? EXIT_YES : EXIT_INTERNAL;
}
