/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/resource.h"

#include "base/crypto.h"

static int identity(struct buf *to, const char *label, const char *name, uint64_t version)
{
	int r;

	r = buf_append_text(to, label);
	if (!r)
		r = buf_u8(to, 0);
	if (!r)
		r = buf_append_text(to, name);
	if (!r)
		r = buf_u8(to, 0);
	return r ? r : buf_u64be(to, version);
}

static int seal(struct buf *to, struct bytes key, const char *label, const char *name, uint64_t version, struct bytes plain)
{
	CLEANUP(buf_deinit) struct buf associated = BUF_NULL;
	int r = identity(&associated, label, name, version);

	return r ? r : aead_seal(to, key, buf_view(&associated), plain);
}

static int open_sealed(struct secret *ret, struct bytes key, const char *label, const char *name, uint64_t version, struct bytes sealed)
{
	CLEANUP(buf_deinit) struct buf associated = BUF_NULL;
	int r = identity(&associated, label, name, version);

	return r ? r : aead_open(ret, key, buf_view(&associated), sealed);
}

int resource_seal(struct buf *to, struct bytes key, const char *name, uint64_t version, struct bytes secret)
{
	return seal(to, key, "resource", name, version, secret);
}

int resource_open(struct secret *ret, struct bytes key, const char *name, uint64_t version, struct bytes sealed)
{
	return open_sealed(ret, key, "resource", name, version, sealed);
}

int pending_seal(struct buf *to, struct bytes key, const char *name, uint64_t id, struct bytes text)
{
	return seal(to, key, "pending", name, id, text);
}

int pending_open(struct secret *ret, struct bytes key, const char *name, uint64_t id, struct bytes sealed)
{
	return open_sealed(ret, key, "pending", name, id, sealed);
}
