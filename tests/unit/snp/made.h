/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects of which the vectors have none, made here with the keys of the test PKI: a good report of it, and one thing wrong. */
#include "pki.h"

struct made {
	struct buf report;
	struct snp_certs certs;
	struct snp_pins pins;
	struct snp_verify_input input;
};

/* Fills `ret`, which made_deinit() releases. False when there is none with this name. */
bool made_init(struct made *ret, const char *name);
void made_deinit(struct made *made);
