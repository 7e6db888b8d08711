/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What may be asked where. netd's clients name an origin and a path; these rules decide which paths exist for which kind of origin, so that
 * a daemon that was taken over cannot use netd to reach whatever else the same host serves (an instance's credentials behind IMDS, for
 * example). Pure: text in, yes or no out.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "io/fetch_frame.h"

enum origin_kind {
	ORIGIN_BROKER, /* /kbs/v0/... , GET and POST */
	ORIGIN_KDS,    /* AMD's names for certificates and CRLs; GET */
	ORIGIN_IMDS,   /* the one path with certificates; GET */
};

/*
 * May `url` be an origin of this kind? "https://host[:port][/prefix]" without user, query or fragment. Plain http only for IMDS on a
 * link-local address, and on loopback (simulators) for IMDS and KDS, whose answers prove themselves. 0, or -EINVAL with a text.
 */
int rules_url(enum origin_kind kind, const char *url, struct error *error) MUST_CHECK;
/* The TCP port of an accepted URL. */
uint16_t rules_port(const char *url);
bool rules_is_https(const char *url);

/* May this be asked there? `ret_why` (static text) says what is wrong. */
bool rules_request(enum origin_kind kind, const struct fetch_frame_request *request, const char **ret_why) MUST_CHECK;
