#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of every fuzzer, taken from the test vectors. usage: seeds.py VECTORS CORPUS_DIR"""
import json
import re
import sys
from pathlib import Path

vectors, corpus = Path(sys.argv[1]), Path(sys.argv[2])
counts = {}


def seed(name, data):
    if len(data) <= 65536:
        counts[name] = counts.get(name, 0) + 1
        (corpus / name / f"seed-{counts[name]:04}").write_bytes(data)


def files(*patterns):
    return [path for pattern in patterns for path in sorted(vectors.glob(pattern)) if path.is_file()]


def walk(value):
    """Every object and every text in a document; a text that is JSON itself is looked into."""
    if isinstance(value, str):
        yield value
        if value.startswith("{"):
            try:
                yield from walk(json.loads(value))
            except ValueError:
                pass
    elif isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from walk(member)


PLAIN = {
    "report": ("reports/*.bin", "hostile/report-*.bin", "hostile/signed-*.bin"),
    "certtable": ("certtables/*", "hostile/table-*.bin", "hostile/certs-*.bin"),
    "certs": ("certs/*", "testpki/*.der", "testpki/*.pem", "hostile/*.vek.der"),
    "x509": ("certs/*.der", "certs/ca/*.der", "testpki/*.der", "hostile/*.vek.der"),
    "crl": ("crls/*", "testpki/*.crl.der", "hostile/*.crl.der"),
    "evidence": ("evidence/*", "reports/*.bin", "kbs/snp-*.json", "kbs/az-*.json"),
    "json": ("kbs/*.json", "hostile/policies/*", "thim/*.json"),
    "policy": ("hostile/policies/*", "kbs/default-policy-sample.json"),
    "hcl": ("hcl/*", "hostile/hcl-*.bin"),
}
KBS_MEMBERS = {"tee", "nonce", "tee-evidence", "token", "ciphertext", "detail"}
JOSE_MEMBERS = {"kty", "ciphertext"}
TOKEN = re.compile(r"[\w-]+\.[\w-]*\.[\w-]+")

(corpus / "evidence_frame").mkdir(parents=True, exist_ok=True)
seed("evidence_frame", bytes(64) + b"\xff\4auto")
seed("evidence_frame", b"\0\0\0\3tsm\6\0\0\0report\5\0\0\0table\4\0note")
for name in [*PLAIN, "config", "fetch_frame", "frame", "jose", "kbs", "quote"]:
    (corpus / name).mkdir(parents=True, exist_ok=True)
for name, patterns in PLAIN.items():
    for path in files(*patterns):
        seed(name, path.read_bytes())

found = {"kbs": set(), "jose": set()}
for path in files("kbs/*.json"):
    for value in walk(json.loads(path.read_text())):
        if isinstance(value, str) and TOKEN.fullmatch(value):
            found["jose"].add(b"\1" + value.encode())
        if isinstance(value, dict):
            text = json.dumps(value).encode()
            if KBS_MEMBERS & value.keys():
                found["kbs"].add(b"\0" + text)
            if JOSE_MEMBERS & value.keys():
                found["jose"].add(b"\0" + text)
            if "nonce" in value:  # as the challenge that a client gets
                found["kbs"].add(b"\4" + (200).to_bytes(2, "little") + b"\x10" + len(text).to_bytes(2, "little") + b"kbs-session-id=a" + text)
for name, values in found.items():
    for value in sorted(values):
        seed(name, value)
for path in files("tpm/*.msg", "hostile/quote-*.msg"):
    signature = path.with_suffix(".sig")
    signature = signature.read_bytes() if signature.exists() else bytes(256)
    seed("quote", len(signature).to_bytes(2, "little") + bytes(range(1, 256)) + b"\1" + signature + path.read_bytes())

for path, cookie in ((b"/kbs/v0/auth", b""), (b"/kbs/v0/attest", b"kbs-session-id=a"), (b"/kbs/v0/resource/a/b/c", b"kbs-session-id=a")):
    body = b'{"version":"0.4.0","tee":"snp","extra-params":""}'
    seed("kbs", bytes([3, 2 if b"resource" not in path else 1, len(path), len(cookie), 0]) + path + cookie + body)
seed("kbs", b"\2a/b/c")
seed("kbs", b"\2kbs:///a/b/c")
seed("config", b"[a]\ntext = x\nlist = 1\nlist = 2\nnumber = 9\n\n[b]\nseconds = 2h\non = yes\n")
seed("frame", bytes([4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]) + b"body")
seed("fetch_frame", b"\3kds\1" + b"\x19\0/vcek/v1/Milan/cert_chain" + bytes(5) + b"\0\0\1\0\x10\x27\0\0" + bytes(4))
seed("fetch_frame", b"\0\xc8\0\3\0a=b\x10application/json" + bytes(4) + b"\1" + bytes(2) + b"\2\0\0\0{}")
seed("fetch_frame", b"\1" + bytes(10) + b"\4\0gone" + bytes(4))
