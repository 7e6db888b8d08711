/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The clocks; pure layers get their time as an argument. */
#include <stdint.h>

int64_t clock_now(void);           /* Unix seconds */
uint64_t clock_monotonic_ms(void); /* for intervals */
