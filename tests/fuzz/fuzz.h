/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the fuzzers share. A fuzzer is one LLVMFuzzerTestOneInput() in fuzz_NAME.c that aborts when a property of its parser does not hold. It is built twice: by
 * clang with libFuzzer (-Dfuzz=true; `run` beside this file), and by every compiler into `fuzz_replay`, which gives it the seeds as a unit test.
 *
 * A line "planted: SEAM FUNCTION" in a fuzzer's header comment names an over-read of one byte (planted.c) that it must find, and the function of the parser that
 * must stand in the sanitizer's report; see `run --planted`. Whatever a parser is given ends where its heap block ends: what is not the end of libFuzzer's own
 * block is copied with fuzz_copy().
 */
#include <openssl/rand.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/bytes.h"
#include "base/secret.h"

#define FUZZ_NOW INT64_C(1750000000) /* within the validity of most genuine certificates */
#define FUZZ_SECRET_HEAP (1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The secure heap, so that leaks are still seen: the process stays dumpable, else the leak check could not look at it, and OpenSSL's random generators are set up
 * before, on the plain heap, because what only the secure heap points to counts as lost.
 */
static inline void fuzz_secrets(void)
{
	uint8_t byte;

	if (RAND_bytes(&byte, 1) != 1 || RAND_priv_bytes(&byte, 1) != 1 || secret_process_init(FUZZ_SECRET_HEAP) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		abort();
}

/* A property does not hold. With an over-read planted, results are wrong before the sanitizer sees it: then that is what is waited for. */
static inline void fuzz_wrong(void)
{
	if (!getenv("SEVATTEST_PLANTED"))
		abort();
}

/* A heap block of exactly these bytes; fuzz_free() it. */
static inline struct bytes fuzz_copy(struct bytes from)
{
	uint8_t *copy = malloc(from.size);

	if (!copy)
		abort();
	if (from.size)
		memcpy(copy, from.data, from.size);
	return bytes_of(copy, from.size);
}

/*
 * Takes a fuzzer's own input apart: what is not there is 0 or shorter, and nothing fails. Not `struct reader`: that may have the planted bug.
 */
static inline struct bytes fuzz_take(struct bytes *input, size_t size)
{
	struct bytes taken = bytes_of(input->data, size < input->size ? size : input->size);

	*input = bytes_from(*input, taken.size);
	return taken;
}

static inline uint8_t fuzz_u8(struct bytes *input)
{
	struct bytes taken = fuzz_take(input, 1);

	return taken.size ? taken.data[0] : 0;
}

static inline uint16_t fuzz_u16(struct bytes *input)
{
	uint16_t low = fuzz_u8(input);

	return (uint16_t)(low | fuzz_u8(input) << 8);
}

static inline void fuzz_free(struct bytes copy)
{
	free((void *)(uintptr_t)copy.data);
}
