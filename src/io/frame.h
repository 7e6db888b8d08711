/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Frames join our processes over AF_UNIX stream sockets (DESIGN section 3): u32 payload size, u16 type, u16 zero, u32 request id, all
 * little endian, then the payload. The types are a closed list with a size cap each; an answer carries the id of its request; at most
 * FRAME_IN_FLIGHT_MAX requests wait for an answer. Whatever else arrives is an error after which the connection must be closed: the other
 * end is a program of ours that has been taken over, or that is of another version.
 *
 * Three ways to use it: the pure codec (frame_header_decode, frame_encode), blocking helpers for small clients (frame_send, frame_receive),
 * and `struct frame_link` for poll loops, which keeps the in-flight table and never blocks.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/secret.h"

#define FRAME_HEADER_SIZE 12
#define FRAME_IN_FLIGHT_MAX 64

/* A value never changes its meaning. Requests are odd, their answers the next even number. */
enum frame_type {
	FRAME_HTTP_REQUEST = 1,   /* httpd to brokerd: io/http_frame.h */
	FRAME_HTTP_RESPONSE = 2,
	FRAME_ADMIN_REQUEST = 3,  /* operator to brokerd: JSON */
	FRAME_ADMIN_RESPONSE = 4,
	FRAME_ADMIN_SECRET = 5,   /* operator to brokerd: the raw secret that an ADMIN_REQUEST announces; received into the secure heap */
	FRAME_ADMIN_KEY = 6,      /* brokerd to operator: the raw escrow copy; answers what the ADMIN_REQUEST asked for */
	FRAME_STATUS_REQUEST = 7, /* httpd to brokerd: one path of the status pages as text ("/readyz", "/metrics", "/status") */
	FRAME_STATUS_RESPONSE = 8, /* a http response as in FRAME_HTTP_RESPONSE */
	FRAME_FETCH_REQUEST = 9,   /* a daemon without network to its netd: io/fetch_frame.h */
	FRAME_FETCH_RESPONSE = 10,
	FRAME_EVIDENCE_REQUEST = 11, /* sevattestd to sevattest-evidence: io/evidence_frame.h */
	FRAME_EVIDENCE_RESPONSE = 12,
	FRAME_LUKS_REQUEST = 13, /* sevattest-luks to sevattestd: io/luks_frame.h */
	FRAME_LUKS_RESPONSE = 14,
};

/* A set of types, for "what this end takes". */
#define FRAME_BIT(type) (UINT32_C(1) << (type))
#define FRAME_SET_HTTP_SERVER (FRAME_BIT(FRAME_HTTP_REQUEST) | FRAME_BIT(FRAME_STATUS_REQUEST))   /* brokerd's http.sock */
#define FRAME_SET_HTTP_CLIENT (FRAME_BIT(FRAME_HTTP_RESPONSE) | FRAME_BIT(FRAME_STATUS_RESPONSE)) /* httpd */
#define FRAME_SET_ADMIN_SERVER (FRAME_BIT(FRAME_ADMIN_REQUEST) | FRAME_BIT(FRAME_ADMIN_SECRET))   /* brokerd's admin.sock */
#define FRAME_SET_ADMIN_CLIENT (FRAME_BIT(FRAME_ADMIN_RESPONSE) | FRAME_BIT(FRAME_ADMIN_KEY))     /* sevattest-broker */
#define FRAME_SET_NET_SERVER FRAME_BIT(FRAME_FETCH_REQUEST)                                       /* netd's net.sock */
#define FRAME_SET_NET_CLIENT FRAME_BIT(FRAME_FETCH_RESPONSE)                                      /* sevattestd, brokerd */
#define FRAME_SET_EVIDENCE_SERVER FRAME_BIT(FRAME_EVIDENCE_REQUEST)  /* sevattest-evidence's evidence.sock */
#define FRAME_SET_EVIDENCE_CLIENT FRAME_BIT(FRAME_EVIDENCE_RESPONSE) /* sevattestd */
#define FRAME_SET_LUKS_SERVER FRAME_BIT(FRAME_LUKS_REQUEST)          /* sevattestd's luks.sock */
#define FRAME_SET_LUKS_CLIENT FRAME_BIT(FRAME_LUKS_RESPONSE)         /* sevattest-luks */

/* What a peer did that ends the connection. */
enum {
	FRAME_E_SHORT = 1, /* fewer bytes than a header */
	FRAME_E_TYPE,      /* not in the list, or not one that this end takes */
	FRAME_E_RESERVED,  /* the zero field is not zero */
	FRAME_E_SIZE,      /* more than the type's cap */
	FRAME_E_ID,        /* an answer to no request, or a second request with the id of one in flight */
	FRAME_E_FLOOD,     /* more than FRAME_IN_FLIGHT_MAX requests */
};

struct frame_header {
	uint32_t size; /* of the payload */
	enum frame_type type;
	uint32_t id;
};

/* The most payload bytes of a type; 0 for a number outside the list. */
uint32_t frame_cap(unsigned type);
const char *frame_type_name(unsigned type); /* "http-request"; "unknown" */
bool frame_is_request(unsigned type);
const char *frame_error_text(int outcome); /* of FRAME_E_* */

/* Looks at the first FRAME_HEADER_SIZE bytes of `input`. 0 or FRAME_E_*. `accept` is a set of FRAME_BIT(). */
int frame_header_decode(struct bytes input, uint32_t accept, struct frame_header *ret) MUST_CHECK;

/* Appends header and payload. 0, -EINVAL (unknown type), -EMSGSIZE (past the cap), -ENOMEM. */
int frame_encode(struct buf *to, enum frame_type type, uint32_t id, struct bytes payload) MUST_CHECK;

/* Blocking: sends one frame. 0 or -errno. */
int frame_send(int fd, enum frame_type type, uint32_t id, struct bytes payload) MUST_CHECK;

/*
 * Blocking: the next header; then exactly one of frame_receive_body() and frame_receive_secret(). 0, FRAME_E_*, -EPIPE at a clean end,
 * -EPROTO at an end in the middle, -EAGAIN when a receive time-out of the socket passed.
 */
int frame_receive_header(int fd, uint32_t accept, struct frame_header *ret) MUST_CHECK;
int frame_receive_body(int fd, const struct frame_header *header, struct buf *ret) MUST_CHECK;
/* The payload straight into the secure heap, through no other buffer of ours. */
int frame_receive_secret(int fd, const struct frame_header *header, struct secret *ret) MUST_CHECK;
/* Header and body. */
int frame_receive(int fd, uint32_t accept, struct frame_header *ret, struct buf *ret_payload) MUST_CHECK;

/*
 * One end of a connection in a poll loop. Not thread-safe: one thread owns it, others hand work to that thread. An end that receives
 * requests counts those unanswered; an end that sends them refuses the 65th with -EBUSY and an unknown answer with FRAME_E_ID.
 */
struct frame_link;

/* Takes over `fd` (made non-blocking). -ENOMEM leaves `fd` to the caller. */
int frame_link_new(struct frame_link **ret, int fd, uint32_t accept) MUST_CHECK;
struct frame_link *frame_link_free(struct frame_link *link); /* closes */
DEFINE_CLEANUP(struct frame_link *, frame_link_free)

int frame_link_fd(const struct frame_link *link);
/* POLLIN and POLLOUT as wanted now. Reading pauses while more than FRAME_LINK_BACKLOG bytes wait to be sent. */
#define FRAME_LINK_BACKLOG ((size_t)8 << 20)
short frame_link_events(const struct frame_link *link);
/* Reads and writes what is possible without blocking. 0, -EPIPE when the peer has closed (what arrived before can
 * still be taken), other -errno. */
int frame_link_work(struct frame_link *link, short revents) MUST_CHECK;
/*
 * The next whole frame that has arrived: 0 and a view, valid until the next call of frame_link_next() or frame_link_work(); -EAGAIN when
 * there is none; FRAME_E_*: close the link.
 */
int frame_link_next(struct frame_link *link, struct frame_header *ret, struct bytes *ret_payload) MUST_CHECK;
/*
 * Queues a frame. A request: -EBUSY when FRAME_IN_FLIGHT_MAX are unanswered or its id is in use. An answer: -ENOENT when no request with
 * this id is open. -EMSGSIZE, -ENOMEM.
 */
int frame_link_queue(struct frame_link *link, enum frame_type type, uint32_t id, struct bytes payload) MUST_CHECK;
/* Requests sent or received and not answered yet. */
size_t frame_link_in_flight(const struct frame_link *link);
