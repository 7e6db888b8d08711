/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk resources: what is read can be written, and reads back the same; a reason never tells of the key.
 *
 * planted: reader next
 */
#include "fuzz.h"
#include "luks/disk.h"

static void again(const struct luks_disk *disk)
{
	CLEANUP(luks_disk_deinit) struct luks_disk back = LUKS_DISK_NULL;
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;

	if (luks_disk_write(disk, &text) || luks_disk_read(secret_view(&text), &back, NULL))
		abort();
	if (!bytes_equal(secret_view(&back.key), secret_view(&disk->key)) || back.header_count != disk->header_count ||
		memcmp(back.headers, disk->headers, sizeof(back.headers)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct luks_disk disk = LUKS_DISK_NULL;
	struct error error = ERROR_NULL;
	int r;

	if (!ready)
		fuzz_secrets();
	ready = true;
	r = luks_disk_read(bytes_of(data, size), &disk, &error);
	if (r < 0 && (!error_text(&error)[0] || disk.key.data))
		abort();
	if (r == 0 && (disk.key.size == 0 || disk.key.size > LUKS_DISK_KEY_MAX || disk.header_count > LUKS_DISK_HEADERS_MAX))
		abort();
	if (r == 0 && disk.header_count)
		again(&disk);
	luks_disk_deinit(&disk);
	return 0;
}
