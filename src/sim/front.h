/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The TLS of the simulated KDS, whole or broken. It accepts the connections and looks at the setting kds-tls for each: a kind of certificate (sim/tls.h) sends
 * it on to a server that has such a one; "garbage", "close", "cut", "stall" and "plain" are what no TLS library can be told to do:
 *   garbage  bytes that are no TLS, in answer to the first ones    close  the connection ends after the client's first bytes
 *   cut      the first 40 bytes of a true answer, then the end     stall  nothing at all
 *   plain    HTTP without TLS
 */
#include "io/httpserver.h"
#include "sim/pki.h"

struct sim_front;

/*
 * Listens on "127.0.0.1:PORT" (0: a free one, told in `ret_port`) and writes the PEM of the authority, made anew, to `ca_path`. `server` says what all the
 * servers do; its listen_fd and certificate are not looked at. -EINVAL, -EADDRINUSE, -ENOMEM, -EIO with a message.
 */
int sim_front_start(const struct sim_platform *platform, const struct httpserver_config *server, const char *state_path, const char *listen,
	const char *ca_path, uint16_t *ret_port, struct sim_front **ret, struct error *error) MUST_CHECK;
struct sim_front *sim_front_stop(struct sim_front *front);
