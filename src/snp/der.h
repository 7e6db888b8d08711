/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Strict DER (X.690) as far as AMD's certificates need it; private to snp/. Every object is read through a bounded reader, whose sticky error
 * says in the end whether all was as it must be: definite, shortest lengths, one-octet tags, shortest integers. What is accepted here OpenSSL
 * accepts too, and reads the same (tests/unit/snp holds them together); a certificate costs microseconds instead of a quarter of a millisecond.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0,
};
#define DER_EXPLICIT(number) (DER_CONTEXT_0 | (number))

#define DER_OID_TEXT_MAX 64

/* True when all was good so far and something is left. */
bool der_more(const struct reader *reader);
/* True when an object with this tag comes next. */
bool der_next_is(const struct reader *reader, uint8_t tag);

/* The contents of the next object, which must have this tag; `ret_whole` (NULL allowed) gets the object with its header. */
struct bytes der_read(struct reader *reader, uint8_t tag, struct bytes *ret_whole);
/* A reader over those contents. */
struct reader der_enter(struct reader *reader, uint8_t tag);
/* Fails `reader` unless everything inside was read and was good. */
void der_leave(struct reader *reader, const struct reader *inside);

/* The contents octets of an INTEGER that is not negative and has no octet too many. */
struct bytes der_unsigned(struct reader *reader);
/* Such an INTEGER of at most 31 bits. */
uint32_t der_number(struct reader *reader);
/* TRUE as DER writes it. FALSE is never written: it is everybody's default. */
bool der_true(struct reader *reader);
/* The octets of a BIT STRING without unused bits. */
struct bytes der_bits(struct reader *reader);
/* The contents of an OBJECT IDENTIFIER whose arcs are well formed. */
struct bytes der_oid(struct reader *reader);
/* UTCTime or GeneralizedTime in the form of RFC 5280 4.1.2.5, as Unix seconds. */
int64_t der_time(struct reader *reader);

/* "1.3.6.1.4.1.3704.1.4"; cut to fit. */
void der_oid_text(char to[static DER_OID_TEXT_MAX], struct bytes oid);

/*
 * True when these contents of an AlgorithmIdentifier are RSASSA-PSS with SHA-384, MGF1 with SHA-384, a salt of 48 bytes and trailer 1 (RFC 4055).
 * Hash parameters may be NULL or absent, and the trailer may be spelled out: AMD does both.
 */
bool der_is_pss384(struct bytes algorithm);
