/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the volume was opened, as ExecStartPost= of systemd-cryptsetup@: the kernel's table against the agreed header. A child narrows itself and judges; the
 * parent, which parses nothing, acts on it: marks the mapping and has udev look again, or closes it.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/finding.h"
#include "base/log.h"
#include "base/secret.h"
#include "luks-helper/dm.h"
#include "luks-helper/files.h"
#include "luks-helper/helper.h"
#include "luks-helper/table.h"
#include "luks/allow.h"

#define SECTOR 512
#define SECRET_HEAP ((size_t)1 << 18)
#define UDEVADM "/usr/bin/udevadm"
#define DM_FOLDER "/dev/mapper/"

static int log_and(int exit_code, const struct error *error, int r)
{
	log_error("%s", error->text[0] ? error_text(error) : strerror(r < 0 ? -r : EPROTO));
	return exit_code;
}

static int read_header(const struct helper *helper, struct luks_header *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	char path[PATH_MAX];
	int r = files_path(path, helper->run, helper->volume, "header");

	if (!r)
		r = file_read_regular(path, LUKS_AREA_MAX, &area, error);
	if (!r)
		r = luks_header_read(buf_view(&area), LUKS_PRIMARY, ret, error);
	if (r)
		error_prefix(error, "the agreed header");
	return r;
}

static void log_verdict(const struct helper *helper, const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];

		if (finding->state == FINDING_PASSED)
			continue;
		log_error("%s: %s: expected %s, actual %s: %s", helper->volume, finding->check, finding->expected ? finding->expected : "-",
			finding->actual ? finding->actual : "-", finding->why ? finding->why : "-");
	}
}

static int compare(const struct helper *helper, struct bytes answer, const struct table_expected *expected)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct dm_table table;
	int r = dm_decode(answer, &table);

	if (r) {
		log_error("%s: device-mapper's answer about its table cannot be read (%d)", helper->volume, r);
		return EXIT_INTERNAL;
	}
	r = table_compare(&table, expected, &verdict);
	if (r < 0)
		return EXIT_INTERNAL;
	log_verdict(helper, &verdict);
	if (r == 0)
		log_notice("%s: the mapping is what its header says (%zu checks)", helper->volume, verdict.count);
	return r == 0 ? EXIT_YES : EXIT_REFUSED;
}

/* In the child: everything that must be open is. */
static int judge(const struct helper *helper, int control, int device, unsigned major, unsigned minor)
{
	struct table_expected expected = {.volume = helper->volume, .major = major, .minor = minor};
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	CLEANUP(secret_deinit) struct secret answer = SECRET_NULL;
	struct error error = ERROR_NULL;
	off_t size = lseek(device, 0, SEEK_END);
	int r = secret_process_init(SECRET_HEAP);

	if (size < 0)
		r = error_set(&error, -errno, "%s: %s", helper->conf.device, strerror(errno));
	if (!r)
		r = helper_narrow(helper, &error);
	if (!r)
		r = read_header(helper, &header, &error);
	if (!r)
		r = dm_ask_table(control, helper->volume, &answer, &error);
	if (r)
		return log_and(EXIT_INTERNAL, &error, r);
	expected.header = &header;
	expected.device_sectors = (uint64_t)size / SECTOR;
	return compare(helper, secret_view(&answer), &expected);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return EXIT_INTERNAL;
	}
	if (!WIFEXITED(status))
		log_error("a child ended by signal %d", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_INTERNAL;
}

static int judge_in_child(const struct helper *helper, int control, int device, unsigned major, unsigned minor)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(judge(helper, control, device, major, minor));
	if (pid < 0)
		log_error("fork: %s", strerror(errno));
	return pid < 0 ? EXIT_INTERNAL : wait_for(pid);
}

/* systemd gets to see the device by the change event; the command waits until udev has handled it. */
static int let_it_appear(const struct helper *helper)
{
	char mapping[sizeof(DM_FOLDER) + VOLUME_NAME_MAX] = DM_FOLDER;
	static char program[] = UDEVADM, verb[] = "trigger", action[] = "--action=change", settle[] = "--settle";
	char *const arguments[] = {program, verb, action, settle, mapping, NULL};
	char *const environment[] = {NULL};
	pid_t pid;

	memcpy(mapping + strlen(DM_FOLDER), helper->volume, strlen(helper->volume) + 1);
	pid = fork();
	if (pid == 0) {
		(void)execve(program, arguments, environment);
		log_error(UDEVADM ": %s", strerror(errno));
		_exit(EXIT_INTERNAL);
	}
	if (pid < 0)
		log_error("fork: %s", strerror(errno));
	return pid < 0 || wait_for(pid) ? EXIT_INTERNAL : EXIT_YES;
}

/* Nothing but success leaves a mapping behind. */
static int close_mapping(const struct helper *helper, int control, int why)
{
	struct error error = ERROR_NULL;

	if (files_unmark(helper->run, helper->volume, &error))
		(void)log_and(why, &error, 0);
	error_clear(&error);
	if (dm_remove(control, helper->volume, &error))
		return log_and(why, &error, 0);
	log_error("%s: the mapping is closed again", helper->volume);
	return why;
}

int helper_verify(const struct helper *helper)
{
	struct error error = ERROR_NULL;
	unsigned major, minor;
	FD_AUTO control = -1, device = -1;
	int r = dm_open(&control, &error);

	if (r)
		return log_and(EXIT_UNSUPPORTED, &error, r);
	/* Of an earlier mapping, where udev did not remove it. */
	if (files_unmark(helper->run, helper->volume, &error)) {
		(void)log_and(EXIT_INTERNAL, &error, 0);
		return close_mapping(helper, control, EXIT_INTERNAL);
	}
	r = helper_open_device(helper, &device, &major, &minor, &error);
	if (r) {
		(void)log_and(EXIT_UNREACHABLE, &error, r);
		return close_mapping(helper, control, EXIT_UNREACHABLE);
	}
	r = judge_in_child(helper, control, device, major, minor);
	if (!r && files_mark(helper->run, helper->volume, &error))
		r = log_and(EXIT_INTERNAL, &error, 0);
	if (!r)
		r = let_it_appear(helper);
	return r ? close_mapping(helper, control, r) : EXIT_YES;
}
