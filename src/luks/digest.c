/* SPDX-License-Identifier: Apache-2.0 */
#include "luks/digest.h"

#include <errno.h>

#include "luks/check.h"

int luks_digest(const struct luks_header *header, uint8_t ret[static SHA256_SIZE])
{
	static const char *const parts[] = {"segments", "keyslots", "digests", "config", "tokens"};
	CLEANUP(buf_deinit) struct buf canonical = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	int r = object ? 0 : -ENOMEM;

	if (r == 0)
		r = json_add_text(object, "uuid", header->uuid);
	if (r == 0)
		r = json_add_text(object, "label", header->label);
	if (r == 0)
		r = json_add_text(object, "subsystem", header->subsystem);
	if (r == 0)
		r = json_add_u64(object, "hdr_size", header->size);
	/* Not json_add(): that takes NULL for no memory. */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++)
		r = json_object_object_add(object, parts[i], json_object_get(json_get(header->metadata, parts[i]))) < 0 ? -ENOMEM : 0;
	if (r == 0)
		r = json_canonical(&canonical, object);
	if (r == -EINVAL)
		return LUKS_E_JSON;
	return r < 0 ? r : sha256(ret, buf_view(&canonical));
}
