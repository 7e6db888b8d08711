/* SPDX-License-Identifier: Apache-2.0 */
/* The host has the console: no way into this machine may lead over it, and none over what the host puts beside the kernel. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/look.h"

#define CREDENTIALS_SAFE 254 /* systemd from which a confidential VM takes none from its host */

static bool has_console(const struct look *look, const char *terminal)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "/etc/systemd/system/getty.target.wants/serial-getty@%s.service", terminal);
	if (look_exists(look, path))
		return true;
	/* systemd-getty-generator: for each console of the kernel. */
	for (const char *at = look->cmdline; *at; at += strcspn(at, " \n")) {
		size_t size = strlen(terminal);

		at += strspn(at, " \n");
		if (strncmp(at, "console=", 8) == 0 && strncmp(at + 8, terminal, size) == 0 && strchr(", \n", at[8 + size]))
			return true;
	}
	return false;
}

static void look_at_getty(struct look *look)
{
	static const char *const terminals[] = {"ttyS0", "ttyS1", "hvc0", "ttyAMA0"};
	char units[256] = "";
	size_t used = 0;
	struct finding *finding;

	for (size_t i = 0; i < ARRAY_SIZE(terminals); i++) {
		char unit[64];

		(void)snprintf(unit, sizeof(unit), "serial-getty@%s.service", terminals[i]);
		if (has_console(look, terminals[i]) && !look_is_masked(look, unit))
			used += (size_t)snprintf(units + used, sizeof(units) - used, "%s%s", used ? " " : "", unit);
	}
	if (!used) {
		look_passed(look, "console.getty", NULL);
		return;
	}
	finding = look_failed(look, "console.getty");
	finding_expected(finding, "no login on a serial console");
	finding_actual(finding, "%s", units);
	finding_why(finding, "the serial console is the host's: it reads what is typed there, and tries passwords");
	fix_systemctl(finding, look, "mask", units);
}

/* A drop-in of emergency.service or rescue.service that opens a shell although root is locked. */
static char *forced_shell(const struct look *look)
{
	static const char *const directories[] = {"/etc/systemd/system/emergency.service.d", "/etc/systemd/system/rescue.service.d"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		size_t count;
		char **names = look_names(look, directories[i], &count), *found = NULL;

		for (size_t j = 0; j < count && !found; j++) {
			char *text;

			if (asprintf(&found, "%s/%s", directories[i], names[j]) < 0)
				found = NULL;
			text = found ? look_text(look, found) : NULL;
			if (!text || !strstr(text, "SYSTEMD_SULOGIN_FORCE=1")) {
				free(found);
				found = NULL;
			}
			free(text);
		}
		look_names_free(names, count);
		if (found)
			return found;
	}
	return NULL;
}

static void look_at_sulogin(struct look *look)
{
	char *path = forced_shell(look);
	bool word = strstr(look->cmdline, "SYSTEMD_SULOGIN_FORCE=1") != NULL;
	struct finding *finding;

	if (!path && !word) {
		look_passed(look, "console.sulogin", NULL);
		return;
	}
	finding = look_failed(look, "console.sulogin");
	finding_expected(finding, "SYSTEMD_SULOGIN_FORCE not set");
	finding_actual(finding, "%s", path ? path : "on the kernel's command line");
	finding_why(finding, "the host lets a boot fail and gets a root shell on the console, while the measurement is still good");
	if (path)
		finding_fix(finding, "run: rm %s%s", look->root, path);
	else
		finding_fix(finding, "take systemd.setenv=SYSTEMD_SULOGIN_FORCE=1 off the kernel's command line");
	free(path);
}

static void look_at_password(struct look *look)
{
	char *text = look_text(look, "/etc/shadow");
	const char *field = text && text_starts_with(text, "root:") ? text : text ? strstr(text, "\nroot:") : NULL;
	struct finding *finding;

	if (!text) {
		look_unknown(look, "console.root", "/etc/shadow cannot be read: run as root");
		return;
	}
	field = field ? strchr(field, ':') + 1 : "!";
	if (*field == '!' || *field == '*') {
		look_passed(look, "console.root", "locked");
		free(text);
		return;
	}
	finding = look_failed(look, "console.root");
	finding_expected(finding, "root's password is locked");
	finding_actual(finding, "%s", *field == ':' ? "it is empty" : "it is set");
	finding_why(finding, "emergency mode asks for it on the host's console");
	finding_fix(finding, "run: sed -i 's/^root:[^:]*:/root:!:/' %s/etc/shadow", look->root);
	free(text);
}

/* What a boot that fails does: halt or start again, never a shell. */
static void look_at_failing_boot(struct look *look)
{
	bool dracut = look_exists(look, "/usr/lib/dracut/dracut-functions.sh"), tools = look_exists(look, "/etc/initramfs-tools");
	struct finding *finding;

	if (dracut && !look_cmdline_is(look, "rd.shell", "0")) {
		finding = look_failed(look, "console.initrd");
		finding_expected(finding, "rd.shell=0");
		finding_actual(finding, "dracut's shell opens when the root is not found");
		finding_why(finding, "the host takes the disk away and gets a root shell on the console");
		fix_cmdline(finding, look, "rd.shell=0 rd.emergency=halt");
	} else if (!dracut && tools && !look_cmdline(look, "panic", NULL)) {
		finding = look_failed(look, "console.initrd");
		finding_expected(finding, "panic=30");
		finding_actual(finding, "initramfs-tools' shell opens when the root is not found");
		finding_why(finding, "the host takes the disk away and gets a root shell on the console");
		fix_cmdline(finding, look, "panic=30");
	} else if (!dracut && !tools) {
		finding = verdict_add(look->verdict, "console.initrd", FINDING_ADVICE, FINDING_NOT_CHECKED);
		finding_why(finding, "neither dracut nor initramfs-tools is here");
	} else {
		look_passed(look, "console.initrd", NULL);
	}
}

static void look_at_cryptopts(struct look *look)
{
	struct finding *finding;

	if (!look_cmdline(look, "cryptopts", NULL)) {
		look_passed(look, "initrd.cryptopts", NULL);
		return;
	}
	finding = look_failed(look, "initrd.cryptopts");
	finding_expected(finding, "no cryptopts= on the command line");
	finding_why(finding, "in initramfs-tools it takes the place of the whole crypttab");
	finding_fix(finding, "take cryptopts= off the kernel's command line");
}

static void look_at_credentials(struct look *look)
{
	unsigned version = look_systemd(look);
	struct finding *finding;

	if (!version) {
		finding = verdict_add(look->verdict, "systemd.credentials", FINDING_ADVICE, FINDING_NOT_CHECKED);
		finding_why(finding, "the version of systemd was not found");
		return;
	}
	if (version >= CREDENTIALS_SAFE || look_cmdline_is(look, "systemd.import_credentials", "no") ||
		look_cmdline_is(look, "systemd.import_credentials", "0")) {
		look_passed(look, "systemd.credentials", "systemd %u", version);
		return;
	}
	finding = look_failed(look, "systemd.credentials");
	finding_expected(finding, "systemd.import_credentials=no, or systemd %d", CREDENTIALS_SAFE);
	finding_actual(finding, "systemd %u", version);
	finding_why(finding, "this version takes credentials from the host, which with them writes files as root");
	fix_cmdline(finding, look, "systemd.import_credentials=no");
}

/* Without it every check of a word on it passes, and says nothing. */
static void look_at_cmdline(struct look *look)
{
	struct finding *finding;

	if (look->has_cmdline) {
		look_passed(look, "console.cmdline", NULL);
		return;
	}
	finding = verdict_add(look->verdict, "console.cmdline", FINDING_ADVICE, FINDING_NOT_CHECKED);
	finding_why(finding, "neither /etc/kernel/cmdline nor /proc/cmdline can be read: nothing that it would say was judged");
}

void room_console(struct look *look)
{
	look_at_cmdline(look);
	look_at_getty(look);
	look_at_sulogin(look);
	look_at_password(look);
	look_at_failing_boot(look);
	look_at_cryptopts(look);
	look_at_credentials(look);
}
