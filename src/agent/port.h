/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Our side of a socket of another program, in the event loop: requests as frames, an answer or an error for each, never a wait. The
 * connection is made when it is first needed and again when it was lost.
 */
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "io/frame.h"

#define PORT_REQUESTS_MAX 32 /* under way: a request for each broker, and certificates */

struct port;

/*
 * `r` is 0 and `payload` the answer's, valid during the call; or -ETIMEDOUT (then all that is under way), -ECONNRESET (lost before the answer), -EPROTO (the other end
 * does not keep to the rules). Never called from within port_ask(). It may ask and cancel, but not free the port.
 */
typedef void port_done(void *context, int r, struct bytes payload);

/*
 * `accept` is a set of FRAME_BIT(). With `one_shot` each request has a connection of its own, as sevattest-evidence wants it; then one
 * request is under way at most. `path` is copied. 0, -ENOMEM.
 */
int port_new(sd_event *event, const char *path, uint32_t accept, bool one_shot, struct port **ret) MUST_CHECK;
/* Drops what is under way without a call. */
struct port *port_free(struct port *port);
DEFINE_CLEANUP(struct port *, port_free)

/* 0 and an id above 0; or -errno at once: nobody listens (-ENOENT, -ECONNREFUSED), no room (-EBUSY, -EAGAIN), -ENOMEM. */
int port_ask(struct port *port, enum frame_type type, struct bytes payload, unsigned timeout_ms, port_done *done, void *context,
	uint32_t *ret_id) MUST_CHECK;
/* The answer is no longer wanted. 0 and unknown ids are allowed. */
void port_cancel(struct port *port, uint32_t id);
