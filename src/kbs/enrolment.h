/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An enrolment: what `enroll` made of a disk, sealed to the broker's enrolment key, as a file (F.enrol) or as the body of a POST.
 *
 * The text is a flattened JWE (ECDH-ES+A256KW, A256GCM) whose protected header says "typ": "sevattest-enrol+jwe". Inside:
 *
 *     {"sevattest-enrol":1,"resource":"prod/disk/data","created":"2026-06-01T00:00:00Z",
 *      "volume":{"name":"data","uuid":"...","device":"/dev/disk/by-id/..."},
 *      "replaces":3,"ticket":"<base64url of 32 bytes>",           only in what a guest registers itself (below)
 *      "disk":{"sevattest-disk":1,"key":"...","headers":["..."]}}
 *
 * A JWE is anonymous: everybody can encrypt to a public key. What makes one worth anything is for a file the fingerprint, which `enroll`
 * prints and the operator compares; for a guest the ticket (kbs/ticket.h), which the broker gave encrypted to the guest's own key.
 * Whoever only carries the guest's messages, with its cookie, can therefore read none and make none.
 *
 * `disk` is opaque here: its bytes are cut out of the secret as they are, and no JSON library sees them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/secret.h"
#include "kbs/resource.h"

struct jwk;

#define KBS_ENROLMENT_TEXT_MAX ((size_t)64 << 10) /* file, and body of the POST: ours have 2 KiB */
#define KBS_ENROLMENT_DISK_MAX 4096               /* two header digests and a key have 260 bytes */
#define KBS_ENROLMENT_TYP "sevattest-enrol+jwe"
#define KBS_ENROLMENT_CONTENT_TYPE "application/vnd.sevattest.enrol+json"
#define KBS_ENROLMENT_VERSION_MAX ((UINT64_C(1) << 53) - 1) /* what canonical JSON can say */
#define KBS_TICKET_SIZE 32

#define KBS_VOLUME_NAME_MAX 127
#define KBS_VOLUME_UUID_MAX 40
#define KBS_VOLUME_DEVICE_MAX 255

enum {
	KBS_ENROLMENT_E_MALFORMED = 1, /* too large, not JSON, not a JWE of this type */
	KBS_ENROLMENT_E_KEY,           /* not encrypted to this key, or changed */
	KBS_ENROLMENT_E_CONTENT,       /* it opens, and what is inside is no enrolment */
};

/* For people only: no decision is made on it. Each as kbs_volume_valid() demands. */
struct kbs_volume {
	char name[KBS_VOLUME_NAME_MAX + 1];
	char uuid[KBS_VOLUME_UUID_MAX + 1];
	char device[KBS_VOLUME_DEVICE_MAX + 1];
};

struct kbs_enrolment {
	char resource[KBS_RESOURCE_MAX + 1];
	int64_t created; /* Unix seconds, by the clock of the machine that made it: for people */
	struct kbs_volume volume;
	bool has_ticket;
	uint64_t replaces; /* the version that it is meant to follow, 0: none; only with a ticket */
	uint8_t ticket[KBS_TICKET_SIZE];
	struct secret disk; /* a JSON object, as it was written */
};
#define KBS_ENROLMENT_NULL {.disk = SECRET_NULL}

void kbs_enrolment_deinit(struct kbs_enrolment *enrolment);

/* A mapping name (1..127 of [A-Za-z0-9_.+-], not beginning with '.' or '-'), a UUID of hex digits and '-', an absolute path of printable ASCII. */
bool kbs_volume_valid(const struct kbs_volume *volume);

/*
 * Appends the sealed text, with a line feed. `key` is the broker's enrolment key (its public part). `enrolment->disk` has at most
 * KBS_ENROLMENT_DISK_MAX bytes. 0; -EINVAL: a name, a volume, a disk or a key of the wrong kind; -ENOMEM, -EIO.
 */
int kbs_enrolment_seal(const struct jwk *key, const struct kbs_enrolment *enrolment, struct buf *ret) MUST_CHECK;

/* Opens it with the private key. 0 and *ret (kbs_enrolment_deinit), KBS_ENROLMENT_E_*, -errno. `error` never holds anything secret. */
int kbs_enrolment_open(const struct jwk *key, struct bytes text, struct kbs_enrolment *ret, struct error *error) MUST_CHECK;

/* The plaintext alone: what the fuzzer calls. 0, KBS_ENROLMENT_E_CONTENT, -errno. */
int kbs_enrolment_decode(const struct secret *plain, struct kbs_enrolment *ret, struct error *error) MUST_CHECK;

/* SHA-256 over the text as it is: both ends print it, and sha256sum(1) prints the same of the file. 0, -ENOMEM, -EIO. */
int kbs_enrolment_fingerprint(uint8_t ret[static SHA256_SIZE], struct bytes text) MUST_CHECK;
