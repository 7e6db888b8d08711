/* SPDX-License-Identifier: Apache-2.0 */
/* Registering a disk: the ticket, and the enrolment that is sealed with it to the key that the ticket names. */
#include <errno.h>
#include <string.h>

#include "jose/jwk.h"
#include "kbs/client_internal.h"

int kbs_client_register(struct kbs_client *client, const char *resource, struct kbs_registration *registration)
{
	char name[KBS_RESOURCE_MAX + 1];
	int r = kbs_resource_from_text(name, resource);

	if (r)
		return r;
	if (!client->config.release_pin)
		return -ENOKEY;
	if (!kbs_volume_valid(&registration->volume) || registration->disk.size == 0 || registration->disk.size > KBS_ENROLMENT_DISK_MAX)
		return -EINVAL;
	return client_begin(client, name, registration);
}

/* The body of the POST, for this ticket. */
static int seal_enrolment(struct kbs_client *client, const struct kbs_ticket *ticket)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	/* Borrowed from the registration, which a new handshake needs once more. */
	struct kbs_enrolment enrolment = {
		.created = client->registration.created,
		.volume = client->registration.volume,
		.has_ticket = true,
		.replaces = ticket->replaces,
		.disk = client->registration.disk,
	};
	int r;

	memcpy(enrolment.resource, client->resource, sizeof(enrolment.resource));
	memcpy(enrolment.ticket, ticket->ticket, sizeof(enrolment.ticket));
	r = kbs_enrolment_seal(ticket->key, &enrolment, &body);
	if (r == 0)
		r = kbs_enrolment_fingerprint(client->fingerprint, buf_view(&body));
	if (r)
		return r;
	buf_deinit(&client->body);
	client->body = body;
	body = (struct buf)BUF_NULL;
	client->state = CLIENT_STATE_ENROL;
	return 0;
}

int client_on_ticket(struct kbs_client *client, const struct kbs_http_response *response)
{
	CLEANUP(kbs_ticket_deinit) struct kbs_ticket ticket = KBS_TICKET_NULL;
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	char name[KBS_TICKET_NAME_MAX + 1] = KBS_TICKET_PREFIX;
	int r;

	memcpy(name + strlen(KBS_TICKET_PREFIX), client->resource, strlen(client->resource) + 1);
	r = client_open_release(client, response, name, &text);
	if (r || client->state == CLIENT_STATE_FAILED)
		return r;
	r = kbs_ticket_read(secret_view(&text), client->resource, &ticket, &client->error);
	if (r)
		return client_fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	if (client->registration.replaces != KBS_CLIENT_ANY_VERSION && client->registration.replaces != ticket.replaces) {
		(void)error_set(&client->error, 0, "the broker holds version %llu of the resource, and not %llu",
			(unsigned long long)ticket.replaces, (unsigned long long)client->registration.replaces);
		client_fail(client, KBS_CLIENT_CONFLICT);
		return 0;
	}
	return seal_enrolment(client, &ticket);
}

int client_on_enrolment(struct kbs_client *client, const struct kbs_http_response *response)
{
	int r = kbs_registered_read(response->body, &client->registered, &client->error);

	if (r)
		return client_fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	buf_deinit(&client->body);
	secret_deinit(&client->registration.disk);
	client->version = client->registered.version;
	client->has_registered = true;
	client->state = CLIENT_STATE_DONE;
	return 0;
}

int kbs_client_registered(const struct kbs_client *client, struct kbs_registered *ret, uint8_t fingerprint[static SHA256_SIZE])
{
	if (client->state != CLIENT_STATE_DONE || !client->has_registered)
		return -ENODATA;
	*ret = client->registered;
	memcpy(fingerprint, client->fingerprint, SHA256_SIZE);
	return 0;
}
