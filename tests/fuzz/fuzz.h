/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the fuzzers share: libFuzzer's entry, and the clock of the runs. Every fuzzer aborts when a property of its parser does not hold. */
#include <stddef.h>
#include <stdint.h>

#define FUZZ_NOW INT64_C(1750000000) /* within the validity of most genuine certificates */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
