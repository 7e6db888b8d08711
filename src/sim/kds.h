/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* AMD's Key Distribution Service over plain HTTP for the simulated chip: the paths and answers of spec section 6. */
#include "sim/pki.h"

struct sim_kds;

/*
 * Listens on "127.0.0.1:PORT" (0: a free one, told in `ret_port`). `state_path` is read for every request. `platform` outlives the service.
 */
int sim_kds_start(const struct sim_platform *platform, const char *state_path, const char *listen, uint16_t *ret_port, struct sim_kds **ret,
	struct error *error) MUST_CHECK;
struct sim_kds *sim_kds_stop(struct sim_kds *kds);
