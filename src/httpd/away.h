/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The page for people when the daemon that would write it cannot be asked. */
#include <stdint.h>

#include "io/httpserver.h"

/* Answers with 503. `daemon` and `why` are texts of ours. */
void away_answer(struct httpserver_exchange *exchange, const char *daemon, const char *why, uint32_t retry_after);
