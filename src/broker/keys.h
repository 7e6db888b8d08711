/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The broker's keys. One key-encryption key of 32 bytes comes from a systemd credential or a file; a key for each purpose is derived from
 * it (HKDF-SHA-256), so that nothing made for one purpose fits another. The signing keys (P-256) lie wrapped in the store as ordinary rows.
 *
 * The key-encryption key in text, in its file and as the escrow copy: "sevattest-kek-1:" and base64url of key and checksum, one line. The
 * checksum (4 bytes of SHA-256) catches a typing error before anything is decrypted with a wrong key.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"
#include "broker/store.h"

#define KEYS_KEK_SIZE 32
#define KEYS_KEK_TEXT_MAX 128
#define KEYS_CREDENTIAL "sevattest-broker-kek" /* its name in $CREDENTIALS_DIRECTORY */

enum keys_purpose {
	KEYS_RESOURCE, /* seals resource rows */
	KEYS_WRAP,     /* seals the signing keys' rows */
	KEYS_MANIFEST, /* MAC of the manifest */
	KEYS_STATE,    /* MAC of the state file */
	KEYS_AUDIT,    /* chain of the audit */
	KEYS_SESSION,  /* root of the session-state keys */
	KEYS_PURPOSES,
};

enum { KEYS_E_FORMAT = 1, /* not the text of a key-encryption key, or mistyped */ };

struct keys {
	struct secret kek;
	struct secret of[KEYS_PURPOSES];
};

#define KEYS_NULL {0}

/* Takes over `kek`. 0 or -errno. */
int keys_init(struct keys *ret, struct secret *kek) MUST_CHECK;
void keys_deinit(struct keys *keys);

static inline struct bytes keys_view(const struct keys *keys, enum keys_purpose purpose)
{
	return secret_view(&keys->of[purpose]);
}

/* The text form, both ways. The text ends with a newline, which the reader may miss. 0, KEYS_E_FORMAT, -errno. */
int keys_kek_to_text(struct bytes kek, struct secret *ret) MUST_CHECK;
int keys_kek_from_text(struct bytes text, struct secret *ret) MUST_CHECK;

/*
 * Reads the key-encryption key: `path` when it is given, else the credential in `credentials` (the value of $CREDENTIALS_DIRECTORY, or
 * NULL). 0; -ENOENT when there is none; -EINVAL for a malformed one; other -errno.
 */
int keys_kek_load(const char *path, const char *credentials, struct secret *ret, struct error *error) MUST_CHECK;

/* Writes a new key-encryption key to `path`, which must not exist: complete or not at all, mode 0600 from birth, durable. */
int keys_kek_save(const char *path, struct bytes kek, struct error *error) MUST_CHECK;
