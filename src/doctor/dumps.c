/* SPDX-License-Identifier: Apache-2.0 */
/* Memory holds the keys: nothing may write it to a disk that the host reads. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/look.h"
#include "enroll/table.h"

static void look_at_kdump(struct look *look)
{
	static const char *const units[] = {"kdump-tools.service", "kdump.service"};
	struct finding *finding;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "/etc/systemd/system/multi-user.target.wants/%s", units[i]);
		if (!look_exists(look, path) || look_is_masked(look, units[i]))
			continue;
		finding = look_failed(look, "dump.kdump");
		finding_expected(finding, "no kdump");
		finding_actual(finding, "%s is enabled", units[i]);
		finding_why(finding, "a crash, which the host can cause, writes all memory to a disk, keys and all");
		fix_systemctl(finding, look, "disable", units[i]);
		return;
	}
	look_passed(look, "dump.kdump", NULL);
}

static void look_at_hibernation(struct look *look)
{
	bool resume = look_cmdline(look, "resume", NULL),
	     off = look_cmdline(look, "noresume", NULL) || look_cmdline(look, "nohibernate", NULL);
	struct finding *finding;

	if (!resume || off) {
		look_passed(look, "dump.hibernation", NULL);
		return;
	}
	finding = look_failed(look, "dump.hibernation");
	finding_expected(finding, "no resume=, or nohibernate");
	finding_actual(finding, "resume= is on the command line");
	finding_why(finding, "the machine takes its memory from a disk that the host writes, and writes it to one that the host reads");
	fix_cmdline(finding, look, "nohibernate");
}

/* A mapping of dm-crypt, or memory. By name: what lies below /dev/mapper is judged by its line in crypttab. */
static bool is_encrypted_swap(const struct look *look, struct bytes source)
{
	const char *mapper = "/dev/mapper/";
	size_t size = strlen(mapper);
	char *crypttab;
	bool found = false;
	struct table_line line;
	struct table table;

	if (source.size > 9 && memcmp(source.data, "/dev/zram", 9) == 0)
		return true;
	if (source.size <= size || memcmp(source.data, mapper, size) != 0)
		return false;
	crypttab = look_text(look, "/etc/crypttab");
	table_init(&table, bytes_of_text(crypttab ? crypttab : ""));
	while (!found && table_next(&table, &line))
		found = line.count > 1 && bytes_equal(line.fields[0], bytes_from(source, size));
	free(crypttab);
	return found;
}

/* proc(5): "Filename Type Size Used Priority", under a heading. A mapping has its kernel's name there. */
static bool is_encrypted_area(const struct look *look, struct bytes source)
{
	char path[PATH_MAX], *uuid;
	bool encrypted;

	if (source.size <= 8 || memcmp(source.data, "/dev/dm-", 8) != 0)
		return is_encrypted_swap(look, source);
	(void)snprintf(path, sizeof(path), "/sys/class/block/%.*s/dm/uuid", (int)source.size - 5, (const char *)source.data + 5);
	uuid = look_text(look, path);
	encrypted = uuid && text_starts_with(uuid, "CRYPT-");
	free(uuid);
	return encrypted;
}

/* What swaps now, whoever turned it on: a .swap unit, or a partition that systemd found itself. False for swap in the clear. */
static bool look_at_active_swap(struct look *look, const char *text)
{
	struct table_line line;
	struct table table;
	struct finding *finding;

	table_init(&table, bytes_of_text(text));
	while (table_next(&table, &line)) {
		if (line.number == 1 || line.count < 2 || is_encrypted_area(look, line.fields[0]))
			continue;
		finding = look_failed(look, "dump.swap");
		finding_expected(finding, "swap only on an encrypted mapping, or none");
		finding_actual(finding, "/proc/swaps: %.*s", (int)line.fields[0].size, (const char *)line.fields[0].data);
		finding_why(finding, "memory that is swapped out is the host's to read");
		finding_fix(finding, "%s",
			look->live ? "run: swapoff -a # and mask the .swap unit that turns it on: systemctl list-units -t swap"
				   : "swapoff -a there, and mask the .swap unit that turns it on");
		return false;
	}
	return true;
}

static void look_at_swap(struct look *look)
{
	char *text = look_text(look, "/etc/fstab"), *active = look_text(look, "/proc/swaps");
	struct table_line line;
	struct table table;
	struct finding *finding;

	table_init(&table, bytes_of_text(text ? text : ""));
	while (table_next(&table, &line)) {
		if (line.count < 3 || !table_equal(line.fields[2], "swap") || is_encrypted_swap(look, line.fields[0]))
			continue;
		finding = look_failed(look, "dump.swap");
		finding_expected(finding, "swap only on an encrypted mapping, or none");
		finding_actual(
			finding, "/etc/fstab, line %zu: %.*s", line.number, (int)line.fields[0].size, (const char *)line.fields[0].data);
		finding_why(finding, "memory that is swapped out is the host's to read");
		finding_fix(finding, "run: %ssed -i '%zus/^/#/' %s/etc/fstab", look->live ? "swapoff -a && " : "", line.number, look->root);
		goto out;
	}
	if (!text && !active) {
		finding = verdict_add(look->verdict, "dump.swap", FINDING_ADVICE, FINDING_NOT_CHECKED);
		finding_why(finding, "neither /etc/fstab nor /proc/swaps can be read");
	} else if (!active || look_at_active_swap(look, active)) {
		look_passed(look, "dump.swap", NULL);
	}
out:
	free(text);
	free(active);
}

static bool stores_none(const struct look *look, const char *path)
{
	char *text = look_text(look, path);
	bool none = text && (strstr(text, "\nStorage=none") || text_starts_with(text, "Storage=none"));

	free(text);
	return none;
}

static void look_at_cores(struct look *look)
{
	static const char *const directories[] = {"/etc/systemd/coredump.conf.d", "/usr/lib/systemd/coredump.conf.d"};
	char *pattern = look_text(look, "/proc/sys/kernel/core_pattern");
	bool systemd = pattern && strstr(pattern, "systemd-coredump"), none = stores_none(look, "/etc/systemd/coredump.conf");
	struct finding *finding;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		size_t count;
		char **names = look_names(look, directories[i], &count);

		for (size_t j = 0; j < count && !none; j++) {
			char path[PATH_MAX];

			none = snprintf(path, sizeof(path), "%s/%s", directories[i], names[j]) < (int)sizeof(path) &&
			       stores_none(look, path);
		}
		look_names_free(names, count);
	}
	free(pattern);
	if (!systemd || none) {
		look_passed(look, "dump.cores", NULL);
		return;
	}
	finding = look_advice(look, "dump.cores");
	finding_expected(finding, "Storage=none of coredump.conf");
	finding_actual(finding, "cores of crashed programs are kept below /var/lib/systemd/coredump");
	finding_why(finding, "sevattestd writes none, but a service that crashes leaves the keys that it was given");
	finding_fix(finding,
		"run: mkdir -p %s/etc/systemd/coredump.conf.d && printf '[Coredump]\\nStorage=none\\n' "
		">%s/etc/systemd/coredump.conf.d/sevattest.conf",
		look->root, look->root);
}

void room_dumps(struct look *look)
{
	look_at_kdump(look);
	look_at_hibernation(look);
	look_at_swap(look);
	look_at_cores(look);
}
