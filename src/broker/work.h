/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The workers: each takes an exchange, answers it through the KBS engine, and passes it on: to the audit when there is a record to be made
 * durable first, else straight back to the loop. So an answer that holds a key exists before its record does, but nobody gets it until the
 * record is on the disk.
 */
#include "base/error.h"
#include "broker/exchange.h"
#include "broker/live.h"

struct workers;

int workers_start(struct live_slot *slot, struct queue *work, size_t count, struct workers **ret, struct error *error) MUST_CHECK;
/* After queue_stop(work): waits for their end. */
struct workers *workers_join(struct workers *workers);
