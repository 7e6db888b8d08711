/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * KeyCheck= of agent.conf(5): what a key from a broker without release signatures must be. The digest says which key it is and nothing about
 * the key: SHA-256 over HKDF-SHA-256(key, no salt, "sevattest key check v1"), 32 bytes of it.
 */
#include "base/bytes.h"
#include "base/crypto.h"

#define KEY_CHECK_INFO "sevattest key check v1"

/* 0, -ENOMEM, -EIO. */
int key_check_digest(uint8_t ret[static SHA256_SIZE], struct bytes key) MUST_CHECK;
