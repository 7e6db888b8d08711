/* SPDX-License-Identifier: Apache-2.0 */
/* Are our sockets enabled, and is there the rule that hides a mapping until it was checked? */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "doctor/look.h"
#include "io/volume_conf.h"

static const struct {
	const char *unit, *socket;
} sockets[] = {
	{"sevattest-net.socket", AGENT_NET_SOCKET},
	{"sevattest-evidence.socket", AGENT_EVIDENCE_SOCKET},
	{"sevattest-credentials.socket", AGENT_CREDENTIALS_SOCKET},
	{"sevattest-status.socket", AGENT_STATUS_SOCKET},
	{"sevattest-luks.socket", AGENT_LUKS_SOCKET},
	{"sevattest-cryptsetup.socket", AGENT_CRYPTSETUP_SOCKET},
};

static bool is_enabled(const struct look *look, const char *unit)
{
	static const char *const targets[] = {"sockets.target", "sysinit.target", "multi-user.target", "cryptsetup-pre.target"};

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "/etc/systemd/system/%s.wants/%s", targets[i], unit);
		if (look_exists(look, path))
			return !look_is_masked(look, unit);
	}
	return false;
}

static bool is_socket(const struct look *look, const char *path)
{
	char name[PATH_MAX];
	struct stat info;

	return snprintf(name, sizeof(name), "%s%s", look->root, path) < (int)sizeof(name) && stat(name, &info) == 0 &&
	       S_ISSOCK(info.st_mode);
}

/* Without volumes nobody needs the two sockets of disks. */
static size_t wanted(const struct look *look)
{
	struct config_list volumes = {NULL, 0};
	char directory[PATH_MAX];
	bool any;

	(void)snprintf(directory, sizeof(directory), "%s" VOLUME_CONF_DIRECTORY, look->root);
	any = volume_conf_list(directory, &volumes, NULL) == 0 && volumes.count > 0;
	volume_conf_list_deinit(&volumes);
	return any ? ARRAY_SIZE(sockets) : ARRAY_SIZE(sockets) - 2;
}

static void look_at_units(struct look *look, size_t count)
{
	char missing[512] = "";
	size_t used = 0;
	struct finding *finding;

	for (size_t i = 0; i < count; i++) {
		if (!is_enabled(look, sockets[i].unit))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s", used ? " " : "", sockets[i].unit);
	}
	if (!used) {
		look_passed(look, "units.enabled", NULL);
		return;
	}
	finding = look_failed(look, "units.enabled");
	finding_expected(finding, "enabled");
	finding_actual(finding, "not enabled: %s", missing);
	finding_why(finding, "after the next boot nobody listens there");
	fix_systemctl(finding, look, "enable", missing);
}

static void look_at_sockets(struct look *look, size_t count)
{
	char missing[512] = "", names[512] = "";
	size_t used = 0, names_used = 0;
	struct finding *finding;

	if (!look->live)
		return;
	for (size_t i = 0; i < count; i++) {
		if (is_socket(look, sockets[i].socket))
			continue;
		used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s", used ? " " : "", sockets[i].socket);
		names_used +=
			(size_t)snprintf(names + names_used, sizeof(names) - names_used, "%s%s", names_used ? " " : "", sockets[i].unit);
	}
	if (!used) {
		look_passed(look, "units.sockets", NULL);
		return;
	}
	finding = look_failed(look, "units.sockets");
	finding_expected(finding, "sockets below /run/sevattest");
	finding_actual(finding, "missing: %s", missing);
	finding_why(finding, "who asks for a key is refused at once");
	finding_fix(finding, "run: systemctl restart %s", names);
}

/* A rule of ours that withholds SYSTEMD_READY. */
static bool is_rule(const char *name)
{
	size_t size = strlen(name);

	return strstr(name, "sevattest") && size > 6 && strcmp(name + size - 6, ".rules") == 0;
}

static bool has_gate(const struct look *look, const char *directory)
{
	size_t count;
	char **names = look_names(look, directory, &count);
	bool found = false;

	for (size_t i = 0; i < count && !found; i++) {
		char path[PATH_MAX], *text;

		if (!is_rule(names[i]) || snprintf(path, sizeof(path), "%s/%s", directory, names[i]) >= (int)sizeof(path))
			continue;
		text = look_text(look, path);
		found = text && strstr(text, "SYSTEMD_READY") && strstr(text, "/run/sevattest-luks/");
		free(text);
	}
	look_names_free(names, count);
	return found;
}

static void look_at_gate(struct look *look)
{
	struct finding *finding;

	if (has_gate(look, "/usr/lib/udev/rules.d") || has_gate(look, "/lib/udev/rules.d") || has_gate(look, "/etc/udev/rules.d")) {
		look_passed(look, "units.udev", NULL);
		return;
	}
	finding = look_failed(look, "units.udev");
	finding_expected(finding, "a udev rule of sevattest that sets SYSTEMD_READY=0 until a mapping was checked");
	finding_actual(finding, "none in /usr/lib/udev/rules.d and /etc/udev/rules.d");
	finding_why(finding, "without it fsck and the mount run on a mapping that nobody has checked");
	finding_fix(finding, "install the package with the rules again");
}

void room_units(struct look *look)
{
	size_t count = wanted(look);

	look_at_units(look, count);
	look_at_sockets(look, count);
	if (count == ARRAY_SIZE(sockets))
		look_at_gate(look);
}
