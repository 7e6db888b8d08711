/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a machine is moved: will it boot there, and find its disks and its network? What a platform needs is a table. The machine itself need not be
 * confidential yet.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/look.h"
#include "enroll/table.h"
#include "io/volume_conf.h"

/* A driver: the kernel's option, and the module that the initrd must have where the option is not built in. */
struct need {
	const char *option, *module;
	bool initrd; /* the disk, or the network of a root that waits for its key */
};

struct platform {
	const char *name;
	const char *datasource; /* of cloud-init; NULL: none is the platform's own */
	unsigned kernel;
	const char *kernel_why;
	struct need needs[8];
};

/* By spec: hv_* and the vTPM's driver for Azure, nvme and ena for EC2, nvme and gVNIC for Compute Engine, virtio for QEMU. */
static const struct platform platforms[] = {
	[DOCTOR_AZURE] = {"Azure", "Azure", 5019, "the paravisor's guests need 5.19",
		{{"HYPERV", "hv_vmbus", true}, {"HYPERV_STORAGE", "hv_storvsc", true}, {"HYPERV_NET", "hv_netvsc", true},
			{"TCG_CRB", "tpm_crb", true}, {"PCI_HYPERV", "pci_hyperv", false}}},
	[DOCTOR_AWS] = {"EC2", "Ec2", 5019, "sev-guest is in 5.19",
		{{"BLK_DEV_NVME", "nvme", true}, {"ENA_ETHERNET", "ena", true}, {"SEV_GUEST", "sev-guest", false}}},
	[DOCTOR_GCP] = {"Compute Engine", "GCE", 5019, "sev-guest is in 5.19",
		{{"BLK_DEV_NVME", "nvme", true}, {"GVE", "gve", true}, {"SCSI_VIRTIO", "virtio_scsi", true},
			{"SEV_GUEST", "sev-guest", false}}},
	[DOCTOR_KVM] = {"QEMU", NULL, 5019, "sev-guest is in 5.19",
		{{"VIRTIO_PCI", "virtio_pci", true}, {"VIRTIO_BLK", "virtio_blk", true}, {"VIRTIO_NET", "virtio_net", true},
			{"SEV_GUEST", "sev-guest", false}}},
};

static const struct platform *platform_of(const struct look *look)
{
	return &platforms[look->options->platform];
}

static void look_at_kernel(struct look *look)
{
	const struct platform *platform = platform_of(look);
	char release[128];
	unsigned version = look_kernel(look, release);
	struct finding *finding;

	if (version >= platform->kernel) {
		look_passed(look, "preflight.kernel", "%s", release);
	} else if (!version) {
		look_unknown(look, "preflight.kernel", "/proc/sys/kernel/osrelease cannot be read");
	} else {
		finding = look_failed(look, "preflight.kernel");
		finding_expected(finding, "%u.%u or newer", platform->kernel / 1000, platform->kernel % 1000);
		finding_actual(finding, "%s", release);
		finding_why(finding, "%s", platform->kernel_why);
		finding_fix(finding, "install a newer kernel (6.7 has configfs-tsm too) and boot it once");
	}
}

static bool is_config(const char *name)
{
	return text_starts_with(name, "config-");
}

/* Of the running kernel, else of the first that is installed. */
static char *read_config(const struct look *look)
{
	char release[128], path[256], *text, *found;

	(void)look_kernel(look, release);
	(void)snprintf(path, sizeof(path), "/boot/config-%s", release);
	text = look_text(look, path);
	if (text)
		return text;
	found = look_find(look, "/boot", is_config);
	text = found ? look_text(look, found) : NULL;
	free(found);
	return text;
}

/* 'y', 'm', or 0. */
static char option_of(const char *config, const char *option)
{
	char line[128];
	const char *at = config;
	int size = snprintf(line, sizeof(line), "CONFIG_%s=", option);

	while ((at = strstr(at, line))) {
		if (at == config || at[-1] == '\n')
			return at[size];
		at += size;
	}
	return 0;
}

static void look_at_drivers(struct look *look, const char *config)
{
	const struct platform *platform = platform_of(look);
	char missing[256] = "";
	size_t used = 0;
	struct finding *finding;

	if (option_of(config, "AMD_MEM_ENCRYPT") != 'y')
		used = (size_t)snprintf(missing, sizeof(missing), "CONFIG_AMD_MEM_ENCRYPT=y");
	for (const struct need *need = platform->needs; need->option; need++) {
		if (!option_of(config, need->option))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%sCONFIG_%s", used ? ", " : "", need->option);
	}
	if (!used) {
		look_passed(look, "preflight.drivers", NULL);
		return;
	}
	finding = look_failed(look, "preflight.drivers");
	finding_expected(finding, "a kernel with what %s needs", platform->name);
	finding_actual(finding, "missing: %s", missing);
	finding_why(finding, "there the kernel does not start encrypted, or finds no disk or no network");
	finding_fix(finding, "install the distribution's general or cloud kernel");
}

/* Is this word in the file, in a line that is no comment? */
static bool lists(const struct look *look, const char *path, const char *module)
{
	char *text = look_text(look, path);
	struct table_line line;
	struct table table;
	bool found = false;

	table_init(&table, bytes_of_text(text ? text : ""));
	while (!found && table_next(&table, &line))
		found = line.count && table_equal(line.fields[0], module);
	free(text);
	return found;
}

/* A setting NAME=VALUE of a file or of the files of a directory beside it. */
static bool is_set(const struct look *look, const char *file, const char *directory, const char *setting)
{
	char *text = look_text(look, file);
	bool found = text && (text_starts_with(text, setting) || (strstr(text, setting) && strstr(text, setting)[-1] == '\n'));
	size_t count;
	char **names = look_names(look, directory, &count);

	free(text);
	for (size_t i = 0; i < count && !found; i++) {
		char path[PATH_MAX];

		text = snprintf(path, sizeof(path), "%s/%s", directory, names[i]) < (int)sizeof(path) ? look_text(look, path) : NULL;
		found = text && (text_starts_with(text, setting) || (strstr(text, setting) && strstr(text, setting)[-1] == '\n'));
		free(text);
	}
	look_names_free(names, count);
	return found;
}

/* Does dracut add this module to an initrd that is made for this machine only? */
static bool dracut_adds(const struct look *look, const char *module)
{
	size_t count;
	char **names = look_names(look, "/etc/dracut.conf.d", &count);
	bool found = false;

	for (size_t i = 0; i < count && !found; i++) {
		char path[PATH_MAX], *text, *line;

		text = snprintf(path, sizeof(path), "/etc/dracut.conf.d/%s", names[i]) < (int)sizeof(path) ? look_text(look, path) : NULL;
		line = text ? strstr(text, "drivers+=") : NULL;
		found = line && strstr(line, module);
		free(text);
	}
	look_names_free(names, count);
	return found;
}

/* Modules that the initrd will not have; "" is none. */
static void missing_modules(const struct look *look, const char *config, bool dracut, char to[static 256])
{
	size_t used = 0;

	*to = 0;
	for (const struct need *need = platform_of(look)->needs; need->option; need++) {
		bool has = dracut ? dracut_adds(look, need->module) : lists(look, "/etc/initramfs-tools/modules", need->module);

		if (need->initrd && option_of(config, need->option) == 'm' && !has)
			used += (size_t)snprintf(to + used, 256 - used, "%s%s", used ? " " : "", need->module);
	}
}

static void look_at_initrd(struct look *look, const char *config)
{
	bool dracut = look_exists(look, "/usr/lib/dracut/dracut-functions.sh"), tools = look_exists(look, "/etc/initramfs-tools");
	char missing[256];
	struct finding *finding;

	if (!dracut && !tools) {
		finding = verdict_add(look->verdict, "preflight.initrd", FINDING_ADVICE, FINDING_NOT_CHECKED);
		finding_why(finding, "neither dracut nor initramfs-tools is here");
		return;
	}
	missing_modules(look, config, dracut, missing);
	/* An initrd for every machine has them all; initramfs-tools' default is that, dracut's on Debian too. */
	if (!*missing || (!dracut && !is_set(look, "/etc/initramfs-tools/initramfs.conf", "/etc/initramfs-tools/conf.d", "MODULES=dep")) ||
		(dracut && is_set(look, "/etc/dracut.conf", "/etc/dracut.conf.d", "hostonly=\"no\""))) {
		look_passed(look, "preflight.initrd", NULL);
		return;
	}
	finding = look_failed(look, "preflight.initrd");
	finding_expected(finding, "an initrd with the drivers of %s", platform_of(look)->name);
	finding_actual(finding, "made for this machine only, without %s", missing);
	finding_why(finding, "there the initrd finds no disk");
	if (dracut)
		finding_fix(finding,
			"run: mkdir -p %s/etc/dracut.conf.d && printf 'add_drivers+=\" %s \"\\n' "
			">%s/etc/dracut.conf.d/sevattest-move.conf%s",
			look->root, missing, look->root, look->live ? " && dracut --force" : "");
	else
		finding_fix(finding, "run: printf '%%s\\n' %s >>%s/etc/initramfs-tools/modules%s", missing, look->root,
			look->live ? " && update-initramfs -u" : "");
}

static void look_at_firmware(struct look *look)
{
	struct finding *finding;

	if (look_exists(look, "/sys/firmware/efi") || look_exists(look, "/boot/efi/EFI")) {
		look_passed(look, "preflight.uefi", NULL);
		return;
	}
	finding = look_failed(look, "preflight.uefi");
	finding_expected(finding, "a system that boots by UEFI");
	finding_actual(finding, "it boots by BIOS");
	finding_why(finding, "confidential VMs have UEFI only");
	finding_fix(finding, "convert the disk to GPT with an EFI system partition and install grub-efi-amd64, before it is moved");
}

/* datasource_list without the platform's own. */
static void look_at_cloud_init(struct look *look)
{
	const char *own = platform_of(look)->datasource;
	char *bad = NULL;
	size_t count;
	char **names;
	struct finding *finding;

	if (!own || !look_exists(look, "/etc/cloud/cloud.cfg"))
		return;
	names = look_names(look, "/etc/cloud/cloud.cfg.d", &count);
	for (size_t i = 0; i < count && !bad; i++) {
		char path[PATH_MAX], *text, *line;

		text = snprintf(path, sizeof(path), "/etc/cloud/cloud.cfg.d/%s", names[i]) < (int)sizeof(path) ? look_text(look, path)
													       : NULL;
		line = text ? strstr(text, "datasource_list:") : NULL;
		if (line && (line == text || line[-1] == '\n') && !memmem(line, strcspn(line, "\n"), own, strlen(own)))
			bad = strdup(path);
		free(text);
	}
	look_names_free(names, count);
	if (!bad) {
		look_passed(look, "preflight.cloud-init", NULL);
		return;
	}
	finding = look_failed(look, "preflight.cloud-init");
	finding_expected(finding, "%s among the data sources of cloud-init", own);
	finding_actual(finding, "%s leaves it out", bad);
	finding_why(finding, "there cloud-init finds nobody who tells it network, names and keys of ssh");
	finding_fix(finding, "run: sed -i '/^datasource_list:/s/\\[/[%s, /' %s%s", own, look->root, bad);
	free(bad);
}

/* Names of disks that another machine gives to other disks. */
static void look_at_names(struct look *look)
{
	static const char *const moving[] = {"/dev/sd", "/dev/vd", "/dev/hd", "/dev/xvd", "/dev/nvme", "/dev/disk/by-path/"};
	char *text = look_text(look, "/etc/fstab");
	struct table_line line;
	struct table table;

	table_init(&table, bytes_of_text(text ? text : ""));
	while (table_next(&table, &line)) {
		for (size_t i = 0; i < ARRAY_SIZE(moving) && line.count > 1; i++) {
			size_t size = strlen(moving[i]);
			struct finding *finding;

			if (line.fields[0].size < size || memcmp(line.fields[0].data, moving[i], size) != 0)
				continue;
			finding = look_failed(look, "preflight.fstab");
			finding_expected(finding, "UUID= or PARTUUID=");
			finding_actual(finding, "/etc/fstab, line %zu: %.*s", line.number, (int)line.fields[0].size,
				(const char *)line.fields[0].data);
			finding_why(finding, "on another machine this is another disk, or none");
			finding_fix(finding, "write UUID=..., as blkid prints it, into that line");
			free(text);
			return;
		}
	}
	free(text);
	look_passed(look, "preflight.fstab", NULL);
}

/* What the kernel says there can be read nowhere else. That nobody logs in on it is console.getty's. */
static void look_at_console(struct look *look)
{
	struct finding *finding;

	if (strstr(look->cmdline, "console=ttyS0")) {
		look_passed(look, "preflight.console", NULL);
		return;
	}
	finding = look_advice(look, "preflight.console");
	finding_expected(finding, "console=ttyS0");
	finding_why(finding, "a boot that fails on %s says why on the serial console only", platform_of(look)->name);
	fix_cmdline(finding, look, "console=tty0 console=ttyS0,115200");
}

/* by-id has the name of the virtual disk, which its platform gives. */
static void look_at_volumes(struct look *look)
{
	struct config_list volumes = {NULL, 0};
	char directory[PATH_MAX];

	(void)snprintf(directory, sizeof(directory), "%s" VOLUME_CONF_DIRECTORY, look->root);
	if (volume_conf_list(directory, &volumes, NULL))
		return;
	for (size_t i = 0; i < volumes.count; i++) {
		CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
		struct finding *finding;

		if (volume_conf_read(directory, volumes.items[i], &conf, NULL) || !text_starts_with(conf.device, "/dev/disk/by-id/"))
			continue;
		finding = look_advice(look, "preflight.device");
		finding_expected(finding, "a device by-partuuid");
		finding_actual(finding, "%s is %s", volumes.items[i], conf.device);
		finding_why(finding, "its platform gives a disk this name; on %s it has another", platform_of(look)->name);
		finding_fix(finding,
			"give the disk a GPT partition and enroll that; or set the name that it has there, with enroll --guest-device");
	}
	volume_conf_list_deinit(&volumes);
}

void room_preflight(struct look *look)
{
	char *config = read_config(look);

	look_at_kernel(look);
	if (config) {
		look_at_drivers(look, config);
		look_at_initrd(look, config);
	} else {
		look_unknown(look, "preflight.drivers", "/boot has no config-* of a kernel");
		look_unknown(look, "preflight.initrd", "/boot has no config-* of a kernel");
	}
	free(config);
	look_at_firmware(look);
	look_at_cloud_init(look);
	look_at_names(look);
	look_at_console(look);
	look_at_volumes(look);
}
