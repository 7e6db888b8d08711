/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's side of `sevattest enroll` on the guest itself: an attested session as `get` has it, which registers and asks back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/enroll.h"

/* A session is good for some minutes and an operator may take days, so each look is a session of its own. */
static int with_session(struct enroll_broker *broker, struct error *error)
{
	if (broker->open)
		session_close(&broker->session);
	broker->open = true;
	return session_open(&broker->session, &broker->options->session, "enroll", error);
}

static int get(void *context, struct luks_disk *ret, struct error *error)
{
	struct enroll_broker *broker = context;
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	int r = with_session(broker, error);

	if (!r)
		r = session_run(&broker->session, broker->options->resource, error);
	if (r)
		return r;
	if (kbs_client_take(broker->session.client, &text))
		return error_set(error, EXIT_INTERNAL, "the secret is gone");
	r = luks_disk_read(secret_view(&text), ret, error);
	if (r)
		return r == -EINVAL ? EXIT_REFUSED : EXIT_INTERNAL;
	if (!ret->header_count) {
		luks_disk_deinit(ret);
		return error_set(error, EXIT_REFUSED, "%s is a key without headers: it was not made by enroll", broker->options->resource);
	}
	return EXIT_YES;
}

static int put(void *context, const struct luks_disk *disk, const char *uuid, uint64_t *ret_id, struct error *error)
{
	struct enroll_broker *broker = context;
	const struct enroll_options *options = broker->options;
	struct kbs_registration registration = {.created = (int64_t)time(NULL), .replaces = KBS_CLIENT_ANY_VERSION, .disk = SECRET_NULL};
	uint8_t fingerprint[SHA256_SIZE];
	struct kbs_registered registered;
	int r = luks_disk_write(disk, &registration.disk);

	if (r)
		return error_set(error, EXIT_INTERNAL, "cannot write the disk resource");
	(void)snprintf(registration.volume.name, sizeof(registration.volume.name), "%s", options->volume);
	(void)snprintf(registration.volume.uuid, sizeof(registration.volume.uuid), "%s", uuid);
	(void)snprintf(registration.volume.device, sizeof(registration.volume.device), "%s", broker->device);
	r = with_session(broker, error);
	if (!r)
		r = session_register(&broker->session, options->resource, &registration, error);
	secret_deinit(&registration.disk);
	if (r)
		return r;
	if (kbs_client_registered(broker->session.client, &registered, fingerprint))
		return error_set(error, EXIT_INTERNAL, "the broker's answer is gone");
	*ret_id = registered.accepted ? 0 : registered.id;
	return EXIT_YES;
}

int enroll_broker_open(struct enroll_broker *broker, const struct enroll_options *options, const char *device, struct error *error)
{
	*broker = (struct enroll_broker){.options = options, .device = device, .calls = {.context = broker, .put = put, .get = get}};
	return with_session(broker, error);
}

void enroll_broker_close(struct enroll_broker *broker)
{
	if (broker->open)
		session_close(&broker->session);
	broker->open = false;
}
