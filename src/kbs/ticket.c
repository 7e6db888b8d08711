/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/ticket.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "jose/jwk.h"

#define INFO "sevattest enrolment ticket"
#define FORMAT_MEMBER "sevattest-ticket"
#define FORMAT 1
#define ANSWER_MEMBER "sevattest-enrol"

static int put_text(struct buf *to, const char *text)
{
	return buf_append(to, text, strlen(text) + 1);
}

int kbs_ticket_make(uint8_t ret[static KBS_TICKET_SIZE], struct bytes kek, const struct kbs_session *session, const char *resource,
	uint64_t state)
{
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	r = hkdf_sha256(&key, SHA256_SIZE, kek, bytes_of_text(INFO));
	if (r == 0)
		r = put_text(&text, session->nonce);
	if (r == 0)
		r = put_text(&text, session->guest_key);
	if (r == 0)
		r = put_text(&text, resource);
	if (r == 0)
		r = buf_u64be(&text, state);
	return r ? r : hmac_sha256(ret, secret_view(&key), buf_view(&text));
}

int kbs_ticket_write(struct buf *to, const char *resource, uint64_t replaces, const uint8_t ticket[static KBS_TICKET_SIZE],
	const struct jwk *enrol_key)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	struct json_object *key;
	int r;

	r = json_add_u64(object, FORMAT_MEMBER, FORMAT);
	if (r == 0)
		r = json_add_text(object, "resource", resource);
	if (r == 0)
		r = json_add_u64(object, "replaces", replaces);
	if (r == 0)
		r = base64_encode(&text, BASE64_URL, bytes_of(ticket, KBS_TICKET_SIZE));
	if (r == 0)
		r = json_add_text_size(object, "ticket", buf_view(&text));
	if (r == 0)
		r = jwk_export_public(enrol_key, &key);
	if (r == 0)
		r = json_add(object, "key", key);
	return r ? r : json_write(to, object);
}

void kbs_ticket_deinit(struct kbs_ticket *ticket)
{
	ticket->key = jwk_free(ticket->key);
	*ticket = (struct kbs_ticket)KBS_TICKET_NULL;
}

static int malformed(struct error *error, const char *what)
{
	return error_set(error, TICKET_E_MALFORMED, "%s", what);
}

int kbs_ticket_read(struct bytes text, const char *resource, struct kbs_ticket *ret, struct error *error)
{
	struct kbs_ticket read = KBS_TICKET_NULL;
	JSON_AUTO object = NULL;
	const char *name, *ticket;
	uint64_t format;
	size_t size;
	int r;

	r = json_read(text, &object, NULL);
	if (r)
		return r == -ENOMEM ? r : malformed(error, "the ticket is not JSON");
	if (!json_object_is_type(object, json_type_object) || !json_get_u64(object, FORMAT_MEMBER, FORMAT, &format) || format != FORMAT)
		return malformed(error, "what the broker gave is no ticket that this program knows");
	name = json_get_text(object, "resource", NULL);
	if (!name || strcmp(name, resource) != 0)
		return malformed(error, "the ticket is for another resource");
	ticket = json_get_text(object, "ticket", &size);
	if (!json_get_u64(object, "replaces", KBS_ENROLMENT_VERSION_MAX, &read.replaces) || !ticket ||
		base64_decode_exact(read.ticket, sizeof(read.ticket), BASE64_URL, bytes_of(ticket, size)))
		return malformed(error, "the ticket lacks what a ticket has");
	r = jwk_import_recipient(&read.key, json_get_object(object, "key"), error);
	if (r)
		return r == -ENOMEM ? r : TICKET_E_MALFORMED;
	if (jwk_alg(read.key) != JWK_ECDH_ES_A256KW) {
		kbs_ticket_deinit(&read);
		return malformed(error, "the enrolment key is none");
	}
	*ret = read;
	return 0;
}

int kbs_registered_write(struct buf *to, const struct kbs_registered *registered)
{
	JSON_AUTO object = json_object_new_object();
	int r = json_add_text(object, ANSWER_MEMBER, registered->accepted ? "accepted" : "pending");

	if (r == 0)
		r = json_add_u64(object, registered->accepted ? "version" : "id", registered->accepted ? registered->version : registered->id);
	return r ? r : json_write(to, object);
}

int kbs_registered_read(struct bytes body, struct kbs_registered *ret, struct error *error)
{
	struct kbs_registered read = {.accepted = false};
	JSON_AUTO object = NULL;
	const char *what;
	int r;

	r = json_read(body, &object, NULL);
	if (r == -ENOMEM)
		return r;
	what = r == 0 && json_object_is_type(object, json_type_object) ? json_get_text(object, ANSWER_MEMBER, NULL) : NULL;
	if (!what)
		return malformed(error, "the answer says nothing about the enrolment");
	read.accepted = strcmp(what, "accepted") == 0;
	if (!read.accepted && strcmp(what, "pending") != 0)
		return malformed(error, "the answer says neither accepted nor pending");
	if (!json_get_u64(object, read.accepted ? "version" : "id", KBS_ENROLMENT_VERSION_MAX, read.accepted ? &read.version : &read.id))
		return malformed(error, "the answer has no number");
	*ret = read;
	return 0;
}
