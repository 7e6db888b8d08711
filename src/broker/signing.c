/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/signing.h"

#include <errno.h>
#include <string.h>

#include "jose/jwk.h"
#include "jose/jws.h"

#define CHECKPOINT_TYP "sevattest-audit+jws"

static bool enrols(const char *name)
{
	return strcmp(name, SIGNING_ENROL) == 0;
}

int signing_make(const char *name, struct secret *ret)
{
	JWK_AUTO key = NULL;
	int r = enrols(name) ? jwk_generate(JWK_P256, 0, &key) : jwk_generate_signer(&key);

	return r ? r : jwk_private_write(key, ret);
}

static int load(struct catalog *catalog, const char *name, struct jwk **ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	int r;

	r = catalog_key(catalog, name, &plain, error);
	if (r)
		return r;
	r = jwk_private_read(secret_view(&plain), enrols(name) ? JWK_ECDH_ES_A256KW : JWK_ES256, ret);
	return r ? error_set(error, -EBADMSG, "the %s key is none", name) : 0;
}

int signing_load(struct catalog *catalog, struct signing *ret, struct error *error)
{
	struct signing signing = SIGNING_NULL;
	int r;

	r = load(catalog, "token", &signing.token, error);
	if (!r)
		r = load(catalog, "release", &signing.release, error);
	if (!r)
		r = load(catalog, SIGNING_ENROL, &signing.enrol, error);
	if (r) {
		signing_deinit(&signing);
		return r;
	}
	*ret = signing;
	return 0;
}

void signing_deinit(struct signing *signing)
{
	signing->token = jwk_free(signing->token);
	signing->release = jwk_free(signing->release);
	signing->enrol = jwk_free(signing->enrol);
}

int signing_sign_checkpoint(void *context, struct bytes payload, struct buf *ret)
{
	const struct signing *signing = context;
	JSON_AUTO header = json_object_new_object();
	int r = header ? json_add_text(header, "typ", CHECKPOINT_TYP) : -ENOMEM;

	return r ? r : jws_sign(ret, signing->release, JWS_COMPACT, header, payload);
}

int signing_check_checkpoint(void *context, struct bytes text, struct buf *ret_payload)
{
	const struct signing *signing = context;

	return jws_verify(ret_payload, signing->release, text, CHECKPOINT_TYP, NULL);
}

static int describe(const struct jwk *key, const char *member, struct json_object *object)
{
	struct json_object *row = json_object_new_object();
	char thumbprint[JWK_THUMBPRINT_SIZE];
	struct json_object *public_key;
	int r;

	r = json_add(object, member, row);
	if (!r)
		r = jwk_thumbprint(key, thumbprint);
	if (!r)
		r = json_add_text(row, "thumbprint", thumbprint);
	if (!r)
		r = jwk_export_public(key, &public_key);
	return r ? r : json_add(row, "jwk", public_key);
}

int signing_describe(const struct signing *signing, struct json_object *object)
{
	int r = describe(signing->release, "release", object);

	if (!r)
		r = describe(signing->token, "token", object);
	return r ? r : describe(signing->enrol, SIGNING_ENROL, object);
}
