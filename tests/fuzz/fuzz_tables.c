/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypttab and fstab of a machine: the volume gets its line whatever stands there, a second time changes nothing, and what is not its own line stays as it is.
 *
 * planted: reader take_line
 */
#include "enroll/crypttab.h"
#include "enroll/fstab.h"
#include "fuzz.h"

static const char *const outer[] = {"/dev/vdb", "UUID=1f36"};
static const char *const inner[] = {"UUID=77aa", "/dev/disk/by-uuid/77aa"};
static const struct crypttab_volume volume = {"data", "/dev/disk/by-id/a", outer, ARRAY_SIZE(outer)};
static const struct fstab_volume file_system = {"data", inner, ARRAY_SIZE(inner)};

static size_t count_lines(struct bytes text)
{
	struct table_line line;
	struct table table;
	size_t count = 0, bytes = 0;

	table_init(&table, text);
	while (table_next(&table, &line)) {
		count++;
		bytes += line.whole.size;
	}
	if (bytes != text.size)
		fuzz_wrong();
	return count;
}

static void crypttab(struct bytes text)
{
	CLEANUP(buf_deinit) struct buf once = BUF_NULL;
	CLEANUP(buf_deinit) struct buf twice = BUF_NULL;
	struct crypttab_entry entry;
	struct bytes header;
	struct error error = ERROR_NULL;
	size_t lines = count_lines(text), after;

	if (crypttab_guard(text, &volume, &once, &error)) {
		if (once.data || !error_text(&error)[0])
			fuzz_wrong();
		return;
	}
	after = count_lines(buf_view(&once));
	if (after != lines && after != lines + 1)
		fuzz_wrong();
	if (!crypttab_find(buf_view(&once), "data", &entry) || !table_equal(entry.source, volume.device) ||
		!table_equal(entry.key, CRYPTTAB_SOCKET) || !table_option(entry.options, "header", &header) ||
		!table_equal(header, CRYPTTAB_HEADERS "/data.header"))
		fuzz_wrong();
	if (crypttab_guard(buf_view(&once), &volume, &twice, NULL) || !bytes_equal(buf_view(&once), buf_view(&twice)))
		fuzz_wrong();
}

static void fstab(struct bytes text)
{
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts before = {.count = 0};
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts behind = {.count = 0};
	CLEANUP(buf_deinit) struct buf once = BUF_NULL;
	CLEANUP(buf_deinit) struct buf twice = BUF_NULL;

	if (fstab_guard(text, &file_system, &once, NULL))
		return;
	if (count_lines(text) != count_lines(buf_view(&once)))
		fuzz_wrong();
	if (fstab_guard(buf_view(&once), &file_system, &twice, NULL) || !bytes_equal(buf_view(&once), buf_view(&twice)))
		fuzz_wrong();
	if (fstab_mounts(text, &file_system, &before, NULL) == 0 && (fstab_mounts(buf_view(&once), &file_system, &behind, NULL) ||
									    before.count != behind.count || before.lines != behind.lines))
		fuzz_wrong();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	crypttab(bytes_of(data, size));
	fstab(bytes_of(data, size));
	return 0;
}
