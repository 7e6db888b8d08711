/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One answer to one connection of systemd: a key, whole, or a refusal: more zero bytes than systemd takes, so that whoever asked fails at once.
 * There is no other error channel. An end without data is an empty credential, and the service starts with it; for a disk it is an empty
 * passphrase, which is tried, and opens a header whose key slot has no cipher.
 *
 * An agent may be killed at any moment, and the next one finds the connection in the service manager's store. How far the answer had come
 * stands on the socket itself, in an option that nobody else uses (the low-water mark of a socket that is never read): untouched, begun, done.
 * One that had begun is never begun again: the peer would get it twice. It becomes a refusal, and the service manager starts the service anew.
 */
#include <stdbool.h>
#include <stddef.h>

#include "agent/keys.h"
#include "base/bytes.h"
#include "base/compiler.h"

#define DELIVERY_CREDENTIAL_REFUSAL (((size_t)1 << 20) + 1) /* LoadCredential= takes 1 MiB for all credentials of a unit */
#define DELIVERY_DISK_REFUSAL ((size_t)65 << 20)            /* systemd takes a key file of 64 MiB, and some more where memory is given in pages */

enum delivery_mark {
	DELIVERY_UNTOUCHED = 1, /* the option's default */
	DELIVERY_BEGUN,
	DELIVERY_DONE,
};

struct delivery {
	struct key_value *value; /* of a key that goes in parts */
	size_t sent;             /* of it */
	size_t zeros;            /* of a refusal: what is still to be sent */
};
void delivery_deinit(struct delivery *delivery);

/* What the socket says. A failure to tell counts as begun. */
enum delivery_mark delivery_mark(int fd);

/*
 * Begins an answer, or goes on with it (delivery_go_on) when the socket is writable again. 0: it is complete, and the peer has been told the
 * end; -EAGAIN: more later; other -errno: the peer is gone. A key has one byte at least.
 */
int delivery_key(struct delivery *delivery, int fd, struct key_value *value) MUST_CHECK;
int delivery_refusal(struct delivery *delivery, int fd, size_t size) MUST_CHECK;
int delivery_go_on(struct delivery *delivery, int fd) MUST_CHECK;
