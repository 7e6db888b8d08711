/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/resource.h"

#include "base/crypto.h"

static int identity(struct buf *to, const char *name, uint64_t version)
{
	int r;

	r = buf_append_text(to, "resource");
	if (!r)
		r = buf_u8(to, 0);
	if (!r)
		r = buf_append_text(to, name);
	if (!r)
		r = buf_u8(to, 0);
	return r ? r : buf_u64be(to, version);
}

int resource_seal(struct buf *to, struct bytes key, const char *name, uint64_t version, struct bytes secret)
{
	CLEANUP(buf_deinit) struct buf associated = BUF_NULL;
	int r = identity(&associated, name, version);

	return r ? r : aead_seal(to, key, buf_view(&associated), secret);
}

int resource_open(struct secret *ret, struct bytes key, const char *name, uint64_t version, struct bytes sealed)
{
	CLEANUP(buf_deinit) struct buf associated = BUF_NULL;
	int r = identity(&associated, name, version);

	return r ? r : aead_open(ret, key, buf_view(&associated), sealed);
}
