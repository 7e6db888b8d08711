/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware images: the table at the end and the metadata. The image is cut or filled to whole pages at its front, where nothing is read by position, so that the
 * size is not all that is ever looked at.
 *
 * planted: reader read_metadata
 */
#include "fuzz.h"
#include "measure/ovmf.h"

static void check(struct bytes image)
{
	struct error error = ERROR_NULL;
	struct json_object *shown;
	struct ovmf ovmf;
	int r = ovmf_read(image, &ovmf, &error);

	if (r < 0 || (r > 0 && !ovmf_error_name((enum ovmf_error)r)) || (r == 0 && !ovmf_looks_like(image)))
		abort();
	for (size_t i = 0; i < ovmf.entry_count; i++) {
		const struct bytes *entry = &ovmf.entries[i].data;

		if (entry->data < image.data || entry->data + entry->size > image.data + image.size)
			abort();
	}
	shown = ovmf_to_json(&ovmf);
	if (!shown)
		abort();
	(void)json_object_put(shown);
	if (r == 0) {
		if (ovmf_check_vcpus(&ovmf, 2, &error) < 0 || ovmf_check_kernel_hashes(&ovmf, &error) < 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = (size + OVMF_PAGE_SIZE - 1) / OVMF_PAGE_SIZE * OVMF_PAGE_SIZE;
	uint8_t *image;

	check(bytes_of(data, size));
	if (size == 0 || whole == size)
		return 0;
	image = calloc(1, whole);
	if (!image)
		abort();
	memcpy(image + whole - size, data, size);
	check(bytes_of(image, whole));
	free(image);
	return 0;
}
