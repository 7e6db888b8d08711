# SPDX-License-Identifier: Apache-2.0
"""An attested guest that registers disks, and whoever stands between, written from the protocol alone: none of our code takes part. For tests only.

Needs python3-cryptography. Guest(url, ca, sim, plat).attest(), then ticket(), get(), post(); seal() makes an enrolment to any key.
"""
import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

HERE = os.path.dirname(os.path.abspath(__file__))
TYP = "sevattest-enrol+jwe"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_jwk(key):
    numbers = key.public_key().public_numbers()
    return {"alg": "ECDH-ES+A256KW", "crv": "P-256", "kty": "EC", "x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))}


def from_jwk(jwk):
    return ec.EllipticCurvePublicNumbers(int.from_bytes(unb64(jwk["x"]), "big"), int.from_bytes(unb64(jwk["y"]), "big"), ec.SECP256R1()).public_key()


def agree(own, peer):
    name = b"ECDH-ES+A256KW"
    info = len(name).to_bytes(4, "big") + name + bytes(4) + bytes(4) + (256).to_bytes(4, "big")
    return ConcatKDFHash(algorithm=hashes.SHA256(), length=32, otherinfo=info).derive(own.exchange(ec.ECDH(), peer))


def encrypt(jwk, plain, typ=TYP):
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    epk = {name: value for name, value in public_jwk(ephemeral).items() if name != "alg"}
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "epk": epk}
    if typ:
        header["typ"] = typ
    protected = b64(json.dumps(header, separators=(",", ":")).encode())
    content, iv = os.urandom(32), os.urandom(12)
    sealed = AESGCM(content).encrypt(iv, plain, protected.encode())
    wrapped = keywrap.aes_key_wrap(agree(ephemeral, from_jwk(jwk)), content)
    return {"protected": protected, "encrypted_key": b64(wrapped), "iv": b64(iv), "ciphertext": b64(sealed[:-16]), "tag": b64(sealed[-16:])}


def decrypt(key, jwe):
    header = json.loads(unb64(jwe["protected"]))
    content = keywrap.aes_key_unwrap(agree(key, from_jwk(header["epk"])), unb64(jwe["encrypted_key"]))
    return AESGCM(content).decrypt(unb64(jwe["iv"]), unb64(jwe["ciphertext"]) + unb64(jwe["tag"]), jwe["protected"].encode())


def signed(jwk, answer, nonce, resource, version):
    """Is the release signature of an answer good for this name and version?"""
    header, _, signature = answer["sevattest-sig"].split(".")
    payload = {name: answer[name] for name in ("ciphertext", "encrypted_key", "iv", "protected", "tag")}
    payload = json.dumps({**payload, "nonce": nonce, "resource": resource, "version": version}, sort_keys=True, separators=(",", ":"))
    raw = unb64(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        from_jwk(jwk).verify(der, (header + "." + b64(payload.encode())).encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def disk(key=b"k" * 32, headers=("a",)):
    """A disk resource; each header is one letter."""
    return {"sevattest-disk": 1, "key": base64.b64encode(key).decode(), "headers": [hashlib.sha256(name.encode()).hexdigest() for name in headers]}


def enrolment(resource, what, **more):
    return {"sevattest-enrol": 1, "resource": resource, "created": "2026-11-25T12:00:00Z",
            "volume": {"name": "data", "uuid": "9f0e8d7c-0000-4000-8000-000000000001", "device": "/dev/disk/by-id/virtio-data"}, **more, "disk": what}


def seal(jwk, inside, typ=TYP):
    return json.dumps(encrypt(jwk, json.dumps(inside).encode(), typ)).encode()


class Guest:
    def __init__(self, url, ca, sim, plat):
        self.at = urllib.parse.urlparse(url)
        self.tls = ssl.create_default_context(cafile=ca)
        self.sim, self.plat = sim, plat
        self.cookie = None

    def request(self, method, path, body=None, cookie=None, headers=None):
        """(status, parsed body or text, Set-Cookie)"""
        connection = http.client.HTTPSConnection(self.at.hostname, self.at.port, context=self.tls, timeout=30)
        sent = dict(headers or {})
        if cookie:
            sent["Cookie"] = cookie
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, "/kbs/v0/" + path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            set_cookie = answer.getheader("Set-Cookie")
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text), set_cookie
        except ValueError:
            return answer.status, text, set_cookie

    def attest(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        hello = json.dumps({"version": "0.4.0", "tee": "snp", "extra-params": ""})
        status, challenge, cookie = self.request("POST", "auth", hello)
        assert status == 200, (status, challenge)
        jwk = public_jwk(self.key)
        runtime = json.dumps({"additional-evidence": "", "nonce": challenge["nonce"], "tee-pubkey": jwk}, sort_keys=True, separators=(",", ":"))
        data = hashlib.sha384(runtime.encode()).digest() + bytes(16)
        with tempfile.TemporaryDirectory() as folder:
            report, table = os.path.join(folder, "report"), os.path.join(folder, "table")
            subprocess.run([self.sim, "report", self.plat, "-o", report, "--table", table, "--report-data", data.hex()], check=True, stdout=subprocess.DEVNULL)
            evidence = json.loads(subprocess.run(["python3", os.path.join(HERE, "snp_evidence.py"), report, table], check=True, stdout=subprocess.PIPE).stdout)
        body = {"init-data": None, "runtime-data": {"nonce": challenge["nonce"], "tee-pubkey": jwk},
                "tee-evidence": {"primary_evidence": evidence, "additional_evidence": ""}}
        status, answer, attested = self.request("POST", "attest", json.dumps(body), cookie.split(";")[0])
        assert status == 200, (status, answer)
        self.nonce, self.token, self.cookie = challenge["nonce"], answer["token"], attested.split(";")[0]
        return self

    def get(self, resource):
        """(status, opened secret or error)"""
        status, answer, _ = self.request("GET", "resource/" + resource, cookie=self.cookie)
        return status, decrypt(self.key, answer) if status == 200 else answer

    def ticket(self, resource, headers=None):
        status, answer, _ = self.request("GET", "enrol-ticket/" + resource, cookie=None if headers else self.cookie, headers=headers)
        return status, json.loads(decrypt(self.key, answer)) if status == 200 else answer

    def post(self, resource, body, headers=None, cookie=None):
        status, answer, _ = self.request("POST", "resource/" + resource, body, cookie=None if headers else (cookie or self.cookie),
                                         headers={"Content-Type": "application/vnd.sevattest.enrol+json", **(headers or {})})
        return status, answer

    def make(self, resource, what):
        """The body for what is there now."""
        status, ticket = self.ticket(resource)
        assert status == 200, (status, ticket)
        return seal(ticket["key"], enrolment(resource, what, replaces=ticket["replaces"], ticket=ticket["ticket"]))

    def register(self, resource, what):
        return self.post(resource, self.make(resource, what))
