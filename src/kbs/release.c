/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/release.h"

#include <errno.h>

#include "jose/jwe.h"
#include "jose/jws.h"

#define VERSION_MEMBER "sevattest-version"
#define SIGNATURE_TEXT_MAX 1024 /* ours have 260 bytes */

/* The canonical payload of release.h. */
static int payload_write(struct buf *to, const char *nonce, const char *resource, uint64_t version, const struct jwe_members *jwe)
{
	JSON_AUTO object = json_object_new_object();
	int r = json_add_text_size(object, "ciphertext", jwe->ciphertext);

	if (r == 0)
		r = json_add_text_size(object, "encrypted_key", jwe->encrypted_key);
	if (r == 0)
		r = json_add_text_size(object, "iv", jwe->iv);
	if (r == 0)
		r = json_add_text(object, "nonce", nonce);
	if (r == 0)
		r = json_add_text_size(object, "protected", jwe->protected);
	if (r == 0)
		r = json_add_text(object, "resource", resource);
	if (r == 0)
		r = json_add_text_size(object, "tag", jwe->tag);
	if (r == 0)
		r = json_add_u64(object, "version", version);
	return r ? r : json_canonical(to, object);
}

int release_sign(struct buf *to, const struct jwk *key, const char *nonce, const char *resource, uint64_t version,
	struct json_object *jwe)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO header = NULL;
	struct jwe_members members;
	int r;

	if (version > RELEASE_VERSION_MAX)
		return -ERANGE;
	if (jwe_members_read(jwe, &members, NULL))
		return -EINVAL;
	header = json_object_new_object();
	r = json_add_text(header, "typ", RELEASE_TYP);
	if (r == 0)
		r = json_add_u64(header, VERSION_MEMBER, version);
	if (r == 0)
		r = payload_write(&payload, nonce, resource, version, &members);
	return r ? r : jws_sign(to, key, JWS_DETACHED, header, buf_view(&payload));
}

int release_verify(const struct jwk *pin, struct bytes signature, const char *nonce, const char *resource, struct json_object *jwe,
	uint64_t *ret_version)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO header = NULL;
	struct jwe_members members;
	uint64_t version;
	int r;

	if (signature.size > SIGNATURE_TEXT_MAX || jwe_members_read(jwe, &members, NULL))
		return RELEASE_E_MALFORMED;
	r = jws_header_read(signature, RELEASE_TYP, &header, NULL);
	if (r)
		return r > 0 ? RELEASE_E_MALFORMED : r;
	if (!json_get_u64(header, VERSION_MEMBER, RELEASE_VERSION_MAX, &version))
		return RELEASE_E_MALFORMED;
	r = payload_write(&payload, nonce, resource, version, &members);
	if (r == 0)
		r = jws_verify_detached(pin, signature, RELEASE_TYP, buf_view(&payload), NULL);
	if (r)
		return r > 0 ? RELEASE_E_SIGNATURE : r;
	*ret_version = version;
	return 0;
}
