/* SPDX-License-Identifier: Apache-2.0 */
/* The system's side of `sevattest enroll`: crypttab, fstab, drop-ins and the volume's file, as one plan that is shown or carried out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/enroll.h"
#include "enroll/guard.h"
#include "io/agent_conf.h"

#define ROOT_TRUST_FILE AGENT_CONF_FILE ".d/root-trust.conf"

bool enroll_system_wanted(const struct enroll_options *options)
{
	/* A source machine's own files are none of the guest's. */
	return !options->no_system && !options->rotate && (!options->seal_to || options->root);
}

int enroll_system_device(const struct enroll_options *options, char ret[static STATE_PATH_MAX], struct error *error)
{
	CLEANUP(device_names_deinit) struct device_names names = DEVICE_NAMES_NULL;
	int r;

	if (options->guest_device) {
		if (!device_is_stable(options->guest_device))
			return error_set(error, EXIT_USAGE, "--guest-device: /dev/disk/by-id/... or /dev/disk/by-partuuid/...: other names move, or follow what the disk says");
		(void)snprintf(ret, STATE_PATH_MAX, "%s", options->guest_device);
		return EXIT_YES;
	}
	if (options->root)
		return error_set(error, EXIT_USAGE, "--root needs --guest-device: the guest sees the disk by another name");
	r = device_names(NULL, options->device, &names, error);
	if (r)
		return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
	if (!names.stable)
		return error_set(error, EXIT_USAGE, "%s has no name below /dev/disk/by-id or by-partuuid: say one with --guest-device, or --no-system", options->device);
	(void)snprintf(ret, STATE_PATH_MAX, "%s", names.stable);
	return EXIT_YES;
}

int enroll_system_names(struct enroll_options *options, struct error *error)
{
	CLEANUP(inspection_deinit) struct inspection inspection = INSPECTION_NULL;
	CLEANUP(device_names_deinit) struct device_names here = DEVICE_NAMES_NULL;
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	const char *uuid = "";
	int r;

	if (!enroll_system_wanted(options))
		return EXIT_YES;
	r = volume_open(options->device, false, false, &volume, error);
	if (r == VOLUME_E_BUSY)
		return EXIT_UNREACHABLE;
	error_clear(error);
	if (!r && !inspect(&volume, &inspection, NULL) && inspection.kind == INSPECT_LUKS2)
		uuid = inspection.header.uuid;
	/* An image file has no names. */
	if (device_names(NULL, options->device, &here, NULL) == -ENOMEM || device_header_names(uuid, &here, &options->names))
		return error_set(error, EXIT_INTERNAL, "out of memory");
	return EXIT_YES;
}

int enroll_system_root(const struct enroll_options *options, struct error *error)
{
	char shown[ROOT_TRUST_TEXT_MAX];
	int r;

	if (options->rotate || options->system_only)
		return EXIT_YES;
	if (options->root_trust == ROOT_TRUST_NONE)
		return error_set(error, EXIT_UNSUPPORTED,
			"a key is given only to a system whose root file system is bound to what is measured: say what binds it with --root-trust luks, verity, "
			"initrd or platform (agent.conf(5), RootTrust=)");
	if (options->seal_to)
		return EXIT_YES; /* it is the guest's root that counts, and it does not run */
	r = root_trust_check(options->root, options->root_trust, shown, error);
	if (r) {
		error_prefix(error, "--root-trust %s, and the root is %s", root_trust_name(options->root_trust), shown);
		return EXIT_UNSUPPORTED;
	}
	return EXIT_YES;
}

/* What was said is kept where sevattestd and doctor read it. */
static int plan_root_trust(const struct enroll_options *options, struct plan *plan, struct error *error)
{
	char text[64];

	if (options->root_trust == ROOT_TRUST_NONE)
		return 0;
	(void)snprintf(text, sizeof(text), "[agent]\nRootTrust = %s\n", root_trust_name(options->root_trust));
	return plan_write(plan, ROOT_TRUST_FILE, 0644, bytes_of_text(text), error);
}

/* Services of well-known programs on this disk that were not named: they would start on the empty mount point. */
static void hint_services(const struct enroll_options *options, const struct fstab_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count && !options->services.count; i++) {
		const char *service;
		size_t cursor = 0;

		while ((service = guard_known_service(mounts->items[i], &cursor)) != NULL)
			fprintf(stderr, "Note: if %s keeps its data below %s, say --service %s, so that it never starts without the disk.\n", service, mounts->items[i],
				service);
	}
}

static int make_plan(const struct enroll_options *options, const char *device, struct plan *plan, struct error *error)
{
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	const struct guard guard = {
		.name = options->volume,
		.device = device,
		.resource = options->resource,
		.services = options->services.items,
		.service_count = options->services.count,
		.names = (const char *const *)options->names.items,
		.name_count = options->names.count,
	};
	int r = plan_init(plan, options->root);

	if (!r)
		r = plan_root_trust(options, plan, error);
	if (!r)
		r = guard_plan(plan, &guard, &mounts, error);
	if (r)
		return error_set(error, r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE, "the system's files: %s", strerror(-r));
	hint_services(options, &mounts);
	return EXIT_YES;
}

int enroll_system_show(const struct enroll_options *options, const char *device, bool print, struct error *error)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	int r = make_plan(options, device, &plan, error);

	if (!r && print)
		plan_print(&plan, stdout);
	return r;
}

int enroll_system_write(const struct enroll_options *options, const char *device, struct error *error)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	int r = make_plan(options, device, &plan, error);

	if (r)
		return r;
	for (size_t i = 0; i < plan.count; i++)
		fprintf(stderr, "                 %s%s\n", plan.root, plan.items[i].path);
	return plan_apply(&plan, error) ? EXIT_INTERNAL : EXIT_YES;
}
