/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/token.h"

#include <errno.h>
#include <string.h>

#include "jose/jws.h"

#define TOKEN_TYP "JWT"
#define STATE_CLAIM "sevattest-state"
#define TIME_MAX ((uint64_t)1 << 53) /* JSON numbers are exact up to here */

static int add_verifier(struct json_object *claims)
{
	JSON_AUTO verifier = json_object_new_object();
	int r = json_add_text(verifier, "build", "sevattest");

	if (r == 0)
		r = json_add_text(verifier, "developer", "sevattest");
	return r ? r : json_add(claims, "ear.verifier-id", json_object_get(verifier));
}

/* submods.cpu0 as an EAR has it. `affirming` is true of every token: only evidence that passed a policy gets one. */
static int add_submods(struct json_object *claims, const struct token_claims *input)
{
	JSON_AUTO runtime = json_object_new_object();
	JSON_AUTO evidence = json_object_new_object();
	JSON_AUTO cpu = json_object_new_object();
	JSON_AUTO submods = json_object_new_object();
	int r = json_add(runtime, "tee-pubkey", json_object_get(input->tee_pubkey));

	if (r == 0)
		r = json_add(evidence, "runtime_data_claims", json_object_get(runtime));
	if (r == 0 && input->tee)
		r = json_add(evidence, input->tee, json_object_new_object());
	if (r == 0)
		r = json_add_text(cpu, "ear.status", "affirming");
	if (r == 0)
		r = json_add(cpu, "ear.veraison.annotated-evidence", json_object_get(evidence));
	if (r == 0)
		r = json_add(submods, "cpu0", json_object_get(cpu));
	return r ? r : json_add(claims, "submods", json_object_get(submods));
}

static int claims_write(struct buf *to, const struct token_claims *input)
{
	JSON_AUTO claims = json_object_new_object();
	int r = json_add_text(claims, "eat_profile", "tag:github.com,2023:veraison/ear");

	if (r == 0)
		r = json_add_u64(claims, "iat", (uint64_t)input->issued);
	if (r == 0)
		r = json_add_u64(claims, "exp", (uint64_t)input->expiry);
	if (r == 0)
		r = json_add_text(claims, "iss", TOKEN_ISSUER);
	if (r == 0)
		r = add_verifier(claims);
	if (r == 0)
		r = json_add(claims, "tee-pubkey", json_object_get(input->tee_pubkey));
	if (r == 0)
		r = add_submods(claims, input);
	if (r == 0)
		r = json_add_text_size(claims, STATE_CLAIM, input->state);
	return r ? r : json_canonical(to, claims);
}

int token_sign(struct buf *to, const struct jwk *key, const struct token_claims *claims)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO header = NULL;
	int r;

	if (!claims->tee_pubkey || claims->state.size == 0 || claims->state.size > TOKEN_STATE_MAX || claims->issued < 0 ||
		claims->expiry <= claims->issued)
		return -EINVAL;
	header = json_object_new_object();
	r = json_add_text(header, "typ", TOKEN_TYP);
	if (r == 0)
		r = claims_write(&payload, claims);
	return r ? r : jws_sign(to, key, JWS_COMPACT, header, buf_view(&payload));
}

/* Signed by us; what remains is whether it is still, and a token of this broker's kind. */
static int claims_check(struct json_object *claims, int64_t now, struct bytes *ret_state)
{
	const char *issuer = json_get_text(claims, "iss", NULL);
	uint64_t issued, expiry;
	size_t size;
	const char *state = json_get_text(claims, STATE_CLAIM, &size);

	if (!issuer || strcmp(issuer, TOKEN_ISSUER) != 0 || !state || size == 0 || size > TOKEN_STATE_MAX)
		return TOKEN_E_CLAIMS;
	if (!json_get_u64(claims, "iat", TIME_MAX, &issued) || !json_get_u64(claims, "exp", TIME_MAX, &expiry))
		return TOKEN_E_CLAIMS;
	if (now >= (int64_t)expiry)
		return TOKEN_E_EXPIRED;
	if (now < (int64_t)issued - TOKEN_SKEW)
		return TOKEN_E_NOT_YET;
	*ret_state = bytes_of(state, size);
	return 0;
}

int token_verify(struct buf *ret_state, const struct jwk *key, struct bytes token, int64_t now)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO claims = NULL;
	struct bytes state;
	int r = jws_verify(&payload, key, token, TOKEN_TYP, NULL);

	if (r)
		return r > 0 ? TOKEN_E_FORGED : r;
	r = json_read(buf_view(&payload), &claims, NULL);
	if (r)
		return r == -ENOMEM ? r : TOKEN_E_CLAIMS;
	r = claims_check(claims, now, &state);
	return r ? r : buf_append(ret_state, state.data, state.size);
}

int token_jwks(struct json_object **ret, const struct jwk *key)
{
	JSON_AUTO public = NULL;
	JSON_AUTO keys = json_object_new_array();
	JSON_AUTO set = json_object_new_object();
	char kid[JWK_THUMBPRINT_SIZE];
	int r;

	if (jwk_alg(key) != JWK_ES256)
		return -EINVAL;
	if (!keys || !set)
		return -ENOMEM;
	r = jwk_export_public(key, &public);
	if (r == 0)
		r = jwk_thumbprint(key, kid);
	if (r == 0)
		r = json_add_text(public, "kid", kid);
	if (r == 0)
		r = json_add_text(public, "use", "sig");
	if (r == 0)
		r = json_push(keys, json_object_get(public));
	if (r == 0)
		r = json_add(set, "keys", json_object_get(keys));
	if (r)
		return r;
	*ret = set;
	set = NULL;
	return 0;
}
