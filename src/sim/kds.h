/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* AMD's Key Distribution Service for the simulated chip, over HTTP or TLS: the paths and answers of spec section 6. */
#include "sim/pki.h"

struct sim_kds;

/*
 * Listens on "127.0.0.1:PORT" (0: a free one, told in `ret_port`). With `ca_path` it speaks TLS as the setting kds-tls says, and the PEM of the authority is
 * written there; NULL: plain HTTP. `state_path` is read for every request. `platform` and the texts outlive the service.
 */
int sim_kds_start(const struct sim_platform *platform, const char *state_path, const char *listen, const char *ca_path, uint16_t *ret_port,
	struct sim_kds **ret, struct error *error) MUST_CHECK;
struct sim_kds *sim_kds_stop(struct sim_kds *kds);
