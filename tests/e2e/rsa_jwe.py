#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RSA-OAEP-256 with A256GCM by the openssl command, for where the jose command has no RSA-OAEP (Debian 12). For tests only.

    rsa_jwe.py open KEY.pem < JWE      plain on stdout; exit 1 when the tag is wrong
    rsa_jwe.py make PUBLIC.pem < PLAIN  flattened JWE on stdout
    rsa_jwe.py jwk KEY.pem             the public JWK

openssl has no GCM on its command line: the text comes from its CTR mode, and GHASH (NIST SP 800-38D) is written out here.
"""
import base64
import hmac
import json
import os
import re
import subprocess
import sys

OAEP = ("-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256")


def decode(text):
    if "=" in text:
        raise ValueError("padding")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def block(key, data):
    return openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(), given=data)


def multiply(x, y):
    """In GF(2^128), most significant bit first."""
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def gcm(key, iv, associated, text, sealing):
    """The other text, and the tag."""
    counter = iv + b"\0\0\0\2"
    other = openssl("enc", "-aes-256-ctr", "-K", key.hex(), "-iv", counter.hex(), given=text) if text else b""
    cipher = other if sealing else text
    hashed = int.from_bytes(block(key, bytes(16)), "big")
    state = 0
    sizes = (8 * len(associated)).to_bytes(8, "big") + (8 * len(cipher)).to_bytes(8, "big")
    data = associated + bytes(-len(associated) % 16) + cipher + bytes(-len(cipher) % 16) + sizes
    for i in range(0, len(data), 16):
        state = multiply(state ^ int.from_bytes(data[i : i + 16], "big"), hashed)
    mask = int.from_bytes(block(key, iv + b"\0\0\0\1"), "big")
    return other, (state ^ mask).to_bytes(16, "big")


def open_message(path):
    message = json.load(sys.stdin)
    header = json.loads(decode(message["protected"]))
    if header != {"alg": "RSA-OAEP-256", "enc": "A256GCM"}:
        sys.exit(f"header: {header}")
    key = openssl("pkeyutl", "-decrypt", "-inkey", path, *OAEP, given=decode(message["encrypted_key"]))
    plain, tag = gcm(key, decode(message["iv"]), message["protected"].encode(), decode(message["ciphertext"]), False)
    if len(key) != 32 or not hmac.compare_digest(tag, decode(message["tag"])):
        sys.exit("the tag is wrong")
    sys.stdout.buffer.write(plain)


def make_message(path):
    key, iv = os.urandom(32), os.urandom(12)
    protected = encode(b'{"alg":"RSA-OAEP-256","enc":"A256GCM"}')
    cipher, tag = gcm(key, iv, protected.encode(), sys.stdin.buffer.read(), True)
    wrapped = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", path, *OAEP, given=key)
    message = {"protected": protected, "encrypted_key": encode(wrapped), "iv": encode(iv), "ciphertext": encode(cipher), "tag": encode(tag)}
    json.dump(message, sys.stdout)


def public_jwk(path):
    modulus = openssl("rsa", "-in", path, "-noout", "-modulus").decode()
    number = re.fullmatch(r"Modulus=([0-9A-F]+)\n", modulus).group(1)
    json.dump({"alg": "RSA-OAEP-256", "e": "AQAB", "kty": "RSA", "n": encode(bytes.fromhex(number))}, sys.stdout, separators=(",", ":"))


{"open": open_message, "make": make_message, "jwk": public_jwk}[sys.argv[1]](sys.argv[2])
