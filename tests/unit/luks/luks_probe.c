/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made of a disk, for tests/e2e/luks_headers.sh. usage: luks_probe DISK RESOURCE [REBUILT]
 * Prints "open COPY" or "refused CHECK" and the reasons, one line each; writes the header file that cryptsetup would have. Exit 0, 3, or 1. --checks: all names that can refuse.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "luks/choose.h"
#include "luks/rebuild.h"

static int read_begin(const char *path, struct buf *to)
{
	FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0)
		return -1;
	if ((uint64_t)info.st_size > LUKS_AREA_MAX)
		info.st_size = LUKS_AREA_MAX;
	if (buf_reserve(to, (size_t)info.st_size + 1) || fd_read_all(fd, to->data, (size_t)info.st_size))
		return -1;
	to->size = (size_t)info.st_size;
	return 0;
}

static void print_findings(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];

		if (finding->state != FINDING_PASSED)
			printf("%s: %s (%s, not %s) %s\n", finding->check, finding->why, finding->actual, finding->expected, finding->fix);
	}
}

static int judge(struct bytes file, const struct luks_disk *disk, const char *rebuilt)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf built = BUF_NULL;
	enum luks_copy copy = LUKS_PRIMARY;
	int r = luks_choose(file, disk, &verdict, &copy);

	if (r < 0)
		return 1;
	if (r == 0)
		printf("open %s\n", luks_copy_name(copy));
	else
		printf("refused %s\n", verdict_first_failed(&verdict)->check);
	print_findings(&verdict);
	if (r == 0 && rebuilt && (luks_rebuild(file, copy, &built) || file_write(rebuilt, buf_view(&built), 0600, NULL)))
		return 1;
	return r ? 3 : 0;
}

int main(int argc, char **argv)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	CLEANUP(buf_deinit) struct buf file = BUF_NULL, resource = BUF_NULL;
	struct error error = ERROR_NULL;

	if (argc == 2 && strcmp(argv[1], "--checks") == 0) {
		printf("luks.header\n");
		for (size_t i = 0; i < luks_checks_count; i++)
			printf("%s\n", luks_checks[i].name);
		printf("luks.whole\nluks.listed\n");
		return 0;
	}
	if (argc < 3 || secret_process_init(1 << 20) || read_begin(argv[1], &file) || file_read(argv[2], LUKS_DISK_TEXT_MAX, &resource, &error) < 0 ||
		luks_disk_read(buf_view(&resource), &disk, &error) < 0) {
		fprintf(stderr, "%s\n", error_text(&error));
		return 1;
	}
	return judge(buf_view(&file), &disk, argc > 3 ? argv[3] : NULL);
}
