#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The digest of KeyCheck= for a key in a file, by Python's own primitives: HKDF-SHA-256 (RFC 5869) without salt, then SHA-256. usage: key_check.py FILE"""
import hashlib
import hmac
import sys

with open(sys.argv[1], "rb") as file:
    pseudo_random = hmac.new(bytes(32), file.read(), hashlib.sha256).digest()
derived = hmac.new(pseudo_random, b"sevattest key check v1\x01", hashlib.sha256).digest()
print(hashlib.sha256(derived).hexdigest())
