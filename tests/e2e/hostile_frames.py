# SPDX-License-Identifier: Apache-2.0
"""Frames of net.sock and evidence.sock, both ends, and the cryptography that an attacker can do with what passes by: for the hostile peers of
agent_attacks.sh."""
import base64
import json
import os
import struct
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

FETCH_REQUEST, FETCH_RESPONSE, EVIDENCE_REQUEST, EVIDENCE_RESPONSE = 9, 10, 11, 12


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def receive_frame(sock):
    size, kind, _zero, number = struct.unpack("<IHHI", receive(sock, 12))
    return kind, number, receive(sock, size)


def frame(kind, number, payload, size=None, zero=0):
    return struct.pack("<IHHI", len(payload) if size is None else size, kind, zero, number) + payload


def take(data, at, form):
    size, = struct.unpack_from("<" + form, data, at)
    at += struct.calcsize("<" + form)
    return data[at:at + size], at + size


def put(form, data):
    return struct.pack("<" + form, len(data)) + data


def unpack_request(data):
    origin, at = take(data, 0, "B")
    method = data[at]
    path, at = take(data, at + 1, "H")
    cookie, at = take(data, at, "H")
    authorization, at = take(data, at, "H")
    content_type, at = take(data, at, "B")
    most, timeout = struct.unpack_from("<II", data, at)
    body, at = take(data, at + 8, "I")
    return {"origin": origin.decode(), "method": method, "path": path.decode(), "cookie": cookie, "authorization": authorization, "type": content_type,
            "most": most, "timeout": timeout, "body": body}


def pack_request(request):
    return (put("B", request["origin"].encode()) + bytes([request["method"]]) + put("H", request["path"].encode()) + put("H", request["cookie"]) +
            put("H", request["authorization"]) + put("B", request["type"]) + struct.pack("<II", request["most"], request["timeout"]) +
            put("I", request["body"]))


def unpack_response(data):
    outcome, status = struct.unpack_from("<BH", data)
    cookie, at = take(data, 3, "H")
    content_type, at = take(data, at, "B")
    retry_after, reused = struct.unpack_from("<IB", data, at)
    text, at = take(data, at + 5, "H")
    body, at = take(data, at, "I")
    return {"outcome": outcome, "status": status, "cookie": cookie, "type": content_type, "retry_after": retry_after, "reused": reused, "text": text,
            "body": body}


def pack_response(response):
    return (struct.pack("<BH", response["outcome"], response["status"]) + put("H", response["cookie"]) + put("B", response["type"]) +
            struct.pack("<IB", response["retry_after"], response["reused"]) + put("H", response["text"]) + put("I", response["body"]))


def answer(status, body, **more):
    return {"outcome": 0, "status": status, "cookie": b"", "type": b"application/json", "retry_after": 0, "reused": 0, "text": b"", "body": body} | more


class Backend:
    """One connection to a peer that answers frames, made when it is needed; answers come back to the one who asked."""

    def __init__(self, connect):
        self.connect, self.lock, self.sock, self.number = connect, threading.Lock(), None, 0

    def ask(self, kind, payload):
        with self.lock:
            for last in (False, True):
                try:
                    if self.sock is None:
                        self.sock = self.connect()
                    self.number += 1
                    self.sock.sendall(frame(kind, self.number, payload))
                    while True:
                        _kind, number, data = receive_frame(self.sock)
                        if number == self.number:
                            return data
                except (EOFError, OSError):
                    self.sock = None
                    if last:
                        raise


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encrypt(jwk, plain):
    """Anyone can do this: a JWE of `plain` to the guest's public key (P-256)."""
    public = ec.EllipticCurvePublicNumbers(int.from_bytes(decode(jwk["x"]), "big"), int.from_bytes(decode(jwk["y"]), "big"), ec.SECP256R1()).public_key()
    own = ec.generate_private_key(ec.SECP256R1())
    numbers = own.public_key().public_numbers()
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "epk": {"crv": "P-256", "kty": "EC", "x": encode(numbers.x.to_bytes(32, "big")),
                                                               "y": encode(numbers.y.to_bytes(32, "big"))}}
    protected = encode(json.dumps(header, separators=(",", ":")).encode())
    name = b"ECDH-ES+A256KW"
    info = struct.pack(">I", len(name)) + name + struct.pack(">III", 0, 0, 256)
    wrapping = ConcatKDFHash(hashes.SHA256(), 32, info).derive(own.exchange(ec.ECDH(), public))
    key, iv = os.urandom(32), os.urandom(12)
    sealed = AESGCM(key).encrypt(iv, plain, protected.encode())
    return {"protected": protected, "encrypted_key": encode(aes_key_wrap(wrapping, key)), "iv": encode(iv), "ciphertext": encode(sealed[:-16]),
            "tag": encode(sealed[-16:])}


def sign(key, nonce, resource, version, jwe):
    """A release signature of the right form by a key that nobody pinned."""
    payload = json.dumps({member: jwe[member] for member in ("ciphertext", "encrypted_key", "iv", "protected", "tag")} |
                         {"nonce": nonce, "resource": resource, "version": version}, sort_keys=True, separators=(",", ":")).encode()
    header = encode(json.dumps({"alg": "ES256", "typ": "sevattest-release", "sevattest-version": version}, separators=(",", ":")).encode())
    r, s = decode_dss_signature(key.sign((header + "." + encode(payload)).encode(), ec.ECDSA(hashes.SHA256())))
    return header + ".." + encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
