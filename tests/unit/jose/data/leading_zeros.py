#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes leading-zeros.json: messages of the jose command (Debian package jose) in which a fixed-width number begins with zero bytes.

Needs jose and python3-cryptography; takes a minute. The file is checked in, so nobody needs to run it.
"""
import base64
import json
import subprocess
import sys

from cryptography.hazmat.primitives.asymmetric import ec

CURVES = {"P-256": (ec.SECP256R1(), 32), "P-521": (ec.SECP521R1(), 66)}
PLAIN = "leading zeros"


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jose(*arguments, given=None):
    return subprocess.run(["jose", *arguments], input=given, capture_output=True, check=True, text=True).stdout


def generate(curve):
    return {**json.loads(jose("jwk", "gen", "-i", json.dumps({"kty": "EC", "crv": curve}))), "alg": "ECDH-ES+A256KW"}


def encrypt(key):
    template = json.dumps({"protected": {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}})
    with open("/dev/shm/leading-zeros.jwk", "w", encoding="ascii") as file:
        json.dump({name: key[name] for name in ("kty", "crv", "alg", "x", "y")}, file)
    text = jose("jwe", "enc", "-i", template, "-I", "-", "-k", "/dev/shm/leading-zeros.jwk", "-c", given=PLAIN)
    return dict(zip(("protected", "encrypted_key", "iv", "ciphertext", "tag"), text.strip().split(".")))


def shared(key, message):
    curve, _ = CURVES[key["crv"]]
    epk = json.loads(decode(message["protected"]))["epk"]
    peer = ec.EllipticCurvePublicNumbers(int.from_bytes(decode(epk["x"]), "big"), int.from_bytes(decode(epk["y"]), "big"), curve).public_key()
    own = ec.derive_private_key(int.from_bytes(decode(key["d"]), "big"), curve)
    return own.exchange(ec.ECDH(), peer), epk


def search(what, curve, fits):
    key = generate(curve)
    while True:
        message = encrypt(key)
        secret, epk = shared(key, message)
        if fits(secret, decode(epk["x"])):
            return {"what": what, "private": key, "plain": PLAIN, "jwe": message}


def search_key(what, curve):
    while True:
        key = generate(curve)
        if decode(key["x"])[0] == 0:
            return {"what": what, "private": key, "plain": PLAIN, "jwe": encrypt(key)}


messages = [
    search("shared secret of P-256", "P-256", lambda z, x: z[0] == 0),
    search("ephemeral x of P-256", "P-256", lambda z, x: x[0] == 0),
    search("shared secret of P-521", "P-521", lambda z, x: z[0] == 0 and z[1] == 0),
    search_key("x of a P-256 key", "P-256"),
]
json.dump({"source": "jose (Debian package jose), found by tests/unit/jose/data/leading_zeros.py", "messages": messages}, sys.stdout, indent=1)
print()
