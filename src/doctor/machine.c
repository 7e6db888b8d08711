/* SPDX-License-Identifier: Apache-2.0 */
/* Can this machine prove itself: kernel, devices, providers, clock. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "doctor/look.h"
#include "provider/provider.h"

#define KERNEL_SEV_GUEST 5019 /* /dev/sev-guest; configfs-tsm is 6.7 */

static void look_at_kernel(struct look *look)
{
	char release[128];
	unsigned version = look_kernel(look, release);
	struct finding *finding;

	if (!version) {
		look_unknown(look, "kernel.version", "/proc/sys/kernel/osrelease cannot be read");
	} else if (version >= KERNEL_SEV_GUEST) {
		look_passed(look, "kernel.version", "%s", release);
	} else {
		finding = look_failed(look, "kernel.version");
		finding_expected(finding, "5.19 or newer");
		finding_actual(finding, "%s", release);
		finding_why(finding, "older kernels have no driver for attestation reports");
		finding_fix(finding, "install a kernel of 5.19 or newer (6.7 for configfs-tsm)");
	}
}

/* The security modules by name, "a,b"; of an image those of its next boot, where its command line names them. NULL: not known. */
static char *security_modules(const struct look *look)
{
	const char *words;

	if (!look->live && look_cmdline(look, "lsm", &words))
		return strndup(words, strcspn(words, " \n"));
	return look_text(look, "/sys/kernel/security/lsm");
}

/* lsm= takes the place of all of them: those that are there stay. Of the words of a foreign image no shell sees more than names. */
static void fix_landlock(struct finding *finding, const struct look *look, const char *modules)
{
	size_t size = strcspn(modules, "\n");
	char word[256];

	if (strspn(modules, "abcdefghijklmnopqrstuvwxyz_,") == size &&
		snprintf(word, sizeof(word), "lsm=landlock,%.*s", (int)size, modules) < (int)sizeof(word))
		fix_cmdline(finding, look, word);
	else
		finding_fix(
			finding, "put \"landlock,\" in front of the modules of lsm= on the kernel's command line, where it is measured");
}

static void look_at_landlock(struct look *look)
{
	char *text = security_modules(look);
	struct finding *finding;

	if (text && strstr(text, "landlock")) {
		look_passed(look, "kernel.landlock", NULL);
	} else if (!text) {
		finding = verdict_add(look->verdict, "kernel.landlock", FINDING_ADVICE, FINDING_NOT_CHECKED);
		finding_why(finding, "/sys/kernel/security/lsm cannot be read");
	} else {
		finding = look_advice(look, "kernel.landlock");
		finding_expected(finding, "landlock among the security modules");
		finding_actual(finding, "%.*s", (int)strcspn(text, "\n"), text);
		finding_why(finding, "without it the daemons are held by their units' sandbox and seccomp alone");
		fix_landlock(finding, look, text);
	}
	free(text);
}

/* Whoever may open the device can ask for reports, and a host that throttles makes that an outage. */
static void look_at_device(struct look *look)
{
	const char *device = look->settings.sev_guest ? look->settings.sev_guest : PROVIDER_SEV_GUEST;
	char path[PATH_MAX];
	struct stat info;
	struct finding *finding;

	if (snprintf(path, sizeof(path), "%s%s", look->root, device) >= (int)sizeof(path) || stat(path, &info) < 0)
		return; /* configfs-tsm may be there alone */
	if ((info.st_mode & 077) == 0) {
		look_passed(look, "device.mode", "%s is %04o", device, (unsigned)(info.st_mode & 07777));
		return;
	}
	finding = look_failed(look, "device.mode");
	finding_expected(finding, "0600");
	finding_actual(finding, "%s is %04o", device, (unsigned)(info.st_mode & 07777));
	finding_why(finding, "only sevattest-evidence is to ask for reports; who else may can exhaust them");
	finding_fix(finding, "run: chmod 0600 %s", path);
}

static bool probe(
	struct look *look, const struct provider *provider, const struct provider_config *config, struct error *reasons, size_t *used)
{
	struct error reason = ERROR_NULL;

	if (provider->probe(config, &reason) == 0) {
		look_passed(look, "provider", "%s", provider->name);
		return true;
	}
	if (*used < sizeof(reasons->text))
		*used += (size_t)snprintf(reasons->text + *used, sizeof(reasons->text) - *used, "%s%s: %s", *used ? "; " : "",
			provider->name, error_text(&reason));
	return false;
}

static void look_at_provider(struct look *look)
{
	static const struct provider *const providers[] = {&provider_tsm, &provider_sev_guest};
	char tsm[PATH_MAX], device[PATH_MAX];
	struct provider_config config = PROVIDER_CONFIG_DEFAULT;
	struct error reasons = ERROR_NULL;
	struct finding *finding;
	size_t used = 0;

	(void)snprintf(tsm, sizeof(tsm), "%s%s", look->root, look->settings.tsm_root ? look->settings.tsm_root : PROVIDER_TSM_ROOT);
	(void)snprintf(
		device, sizeof(device), "%s%s", look->root, look->settings.sev_guest ? look->settings.sev_guest : PROVIDER_SEV_GUEST);
	config.tsm_root = tsm;
	config.sev_guest = device;
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		if (probe(look, providers[i], &config, &reasons, &used))
			return;
	}
	finding = look_failed(look, "provider");
	finding_expected(finding, "a source of SEV-SNP evidence");
	finding_actual(finding, "%s", error_text(&reasons));
	finding_why(finding, "without evidence no broker gives this machine a key");
	finding_fix(finding, "%s",
		look->live ? "run: modprobe sev-guest # where that is not enough: is this VM of a confidential (SEV-SNP) type?"
			   : "boot it as a confidential VM (SEV-SNP), with the module sev-guest");
}

static void look_at_clock(struct look *look)
{
	char now[32], built[32];
	struct finding *finding;

	time_format(now, look->options->now);
	if (look->options->now >= look->options->build_time) {
		look_passed(look, "clock.build", "%s", now);
		return;
	}
	time_format(built, look->options->build_time);
	finding = look_failed(look, "clock.build");
	finding_expected(finding, "not before %s, when this program was built", built);
	finding_actual(finding, "%s", now);
	finding_why(finding, "TLS certificates are not valid yet by this clock");
	finding_fix(finding, "run: timedatectl set-ntp true");
}

void room_machine(struct look *look)
{
	look_at_kernel(look);
	look_at_landlock(look);
	look_at_device(look);
	look_at_provider(look);
	look_at_clock(look);
}
