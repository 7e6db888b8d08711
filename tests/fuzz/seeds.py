#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of every fuzzer, from the test vectors and from forms that are made here. usage: seeds.py VECTORS CORPUS_DIR"""
import base64
import hashlib
import json
import re
import struct
import sys
from pathlib import Path

SEED_MAX = 65536
SHORT_VARIANTS = 12  # the first seeds of a fuzzer come one byte short as well: bounds are where the bugs are
vectors, corpus = Path(sys.argv[1]), Path(sys.argv[2])
source = Path(__file__).resolve().parents[2]
seeds = {}


ENROLMENT = {"sevattest-enrol": 1, "resource": "prod/disk/data", "created": "2026-11-25T12:00:00Z",
             "volume": {"name": "data", "uuid": "9f0e8d7c-0000-4000-8000-000000000001", "device": "/dev/disk/by-id/virtio-data"}}


def seed(name, data):
    if len(data) <= SEED_MAX:
        seeds.setdefault(name, {})[data] = None


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


def u16(value):
    return struct.pack("<H", value)


def plain_files():
    plain = {
        "report": ("reports/*.bin", "hostile/report-*.bin", "hostile/signed-*.bin"),
        "certtable": ("certtables/*", "hostile/table-*.bin", "hostile/certs-*.bin"),
        "certs": ("certs/*", "certs/ca/*", "testpki/*.der", "testpki/*.pem", "hostile/*.vek.der", "ambiguous/*.der"),
        "x509": ("certs/*.der", "certs/ca/*.der", "testpki/*.der", "hostile/*.vek.der", "ambiguous/*.der"),
        "crl": ("crls/*", "testpki/*.crl.der", "hostile/*.crl.der"),
        "evidence": ("evidence/*", "reports/*.bin", "kbs/snp-*.json", "kbs/az-*.json", "hcl/snp-*.bin", "certtables/*.json"),
        "azure": ("evidence/az-*.json", "kbs/az-*.json"),
        "json": ("kbs/*.json", "hostile/policies/*", "thim/*.json"),
        "policy": ("hostile/policies/*", "kbs/default-policy-sample.json"),
        "event_log": ("eventlogs/*", "hostile/eventlog-*", "ambiguous/eventlog-*"),
        "ovmf": ("measure/images/*-16k.fd", "measure/images/bad-*.fd"),
        "hcl": ("hcl/*", "hostile/hcl-*.bin"),
    }
    for name, patterns in plain.items():
        for path in files(*patterns):
            seed(name, path.read_bytes())
    for path in sorted((source / "conf/policies").glob("*.json")) + sorted((source / "tests/unit/appraise/policies").glob("*.json")):
        seed("policy", path.read_bytes())


def kbs_members():
    """The recorded handshakes: each message, key, encrypted answer and token on its own."""
    message = {"tee", "nonce", "tee-evidence", "token", "ciphertext", "detail", "runtime-data"}
    token = re.compile(r"[\w-]+\.[\w-]*\.[\w-]+")
    for path in files("kbs/*.json"):
        for value in walk(json.loads(path.read_text())):
            if isinstance(value, str) and token.fullmatch(value):
                seed("jws", b"\0" + value.encode())
            if not isinstance(value, dict):
                continue
            text = json.dumps(value).encode()
            if message & value.keys():
                seed("messages", text)
            if "kty" in value:
                seed("jwk", text)
            if "ciphertext" in value:
                for key in range(3):
                    seed("jwe", bytes([key]) + text)
            if "hcl_report" in value or "tpm_quote" in value or ("quote" in value and "vcek" in value):
                seed("azure", text)
            if "primary_evidence" in value or "attestation_report" in value:
                seed("evidence", text)


def extension(which, content):
    return bytes([which, len(content)]) + content


def veks():
    good = [(0, b"\2\1\1"), (1, b"\x16\x08Milan-B0"), *((i, b"\2\1" + bytes([i])) for i in range(2, 5)), *((i, b"\2\1\0") for i in range(5, 9)),
            (9, b"\2\2\0\xdb"), (10, b"\2\1\1"), (11, bytes(range(64))), (12, b"\x16\x05csp-x")]
    seed("vek", b"".join(extension(*one) for one in good))
    for content in (b"\2\1\x7f", b"\2\1\x80", b"\2\2\0\x80", b"\2\2\0\x7f", b"\2\2\0", b"\2\2", b"\2", b"\3\1\1"):
        for which in (0, 2, 9):
            seed("vek", extension(which, content))
    for content in (b"\x16\x05Turin", b"\x16\x05Turi", b"\x16\x00", b"\x0c\x05Turin", b"\x16\x05Tur\nn", b"\x16\x7f" + b"a" * 127, b"\x16"):
        seed("vek", extension(1, content) + extension(12, content))
    for content in (bytes(range(8)), b"\4\x08" + bytes(8), b"\4\x40" + bytes(64), bytes(63), b"\4\x08" + bytes(7), b""):
        seed("vek", extension(11, content))
    seed("vek", extension(13, b"x") + extension(14, b"x") + extension(2, b"\2\1\1") * 2)


def names():
    for product in range(4):
        for signer in range(2):
            seed("kds", bytes(range(1, 65)) + bytes([1, 4, 0, 24, 219, product, signer]))
    seed("kds", bytes(64) + bytes([0, 4, 0, 24, 219, 1, 0]))
    for text in ("a/b/c", "kbs:///a/b/c", "kbs://host:8080/a/b/c", "a/b/*", "../b/c", "a/b/c/d", "a//c", "kbs:///a/b", "a" * 130 + "/b/c"):
        seed("messages", text.encode())


def quotes():
    for path in files("tpm/*.msg", "hostile/quote-*.msg", "controls/*.msg"):
        message = path.read_bytes()
        signature = path.with_suffix(".sig")
        signature = signature.read_bytes() if signature.exists() else bytes(256)
        modulus = bytes([0x80, *range(1, 255), 1])
        seed("quote", b"\0\xff\xff\xff\0" + u16(len(signature)) + modulus + signature + message)
        for mode in (2, 3, 6, 10, 14):
            seed("quote", bytes([mode]) + b"\xff\xff\xff\0\0\0" + modulus + message)
    # TPMS_ATTEST: magic, type, qualifiedSigner, extraData, clock info, firmware, selections, digest
    for algorithm, size, bitmap in ((0xB, 3, b"\1\0\0"), (0xB, 3, b"\0\0\0"), (4, 3, b"\1\0\0"), (0xB, 4, b"\1\0\0\1"), (0xB, 8, b"\1\0\0\0\0\0\0\1"),
                                    (0xB, 9, b"\1" + bytes(8))):
        selection = struct.pack(">HB", algorithm, size) + bitmap
        for count in (1, 2, 17):
            message = b"\xffTCG\x80\x18\0\0\0\4abcd" + bytes(25) + struct.pack(">I", count) + selection * min(count, 2) + b"\0\x20" + bytes(32)
            for mode, nonce in ((6, b""), (7, b"abcd"), (7, b"abc"), (14, b"")):
                seed("quote", bytes([mode]) + b"\1\0\0" + bytes([len(nonce)]) + u16(0) + bytes([0x80]) * 256 + nonce + message)
    for size in range(len(message)):
        seed("quote", b"\0\1\0\0\0\0\0" + bytes([0x80]) * 256 + message[:size])


def state(tee=1, expiry=1000100, nonce=b"bm9uY2U=", key=b'{"kty":"EC"}', policies=1):
    head = bytes([1, tee]) + struct.pack("<Q", expiry) + u16(len(nonce)) + nonce
    return head, head + u16(len(key)) + key + bytes(112) + bytes([policies]) + (bytes(16) + struct.pack("<Q", 7)) * policies


def sessions():
    for arguments in ({}, {"tee": 2}, {"tee": 3}, {"expiry": 1}, {"nonce": b""}, {"nonce": b"a\0b"}, {"nonce": b"n" * 257}, {"policies": 0}, {"policies": 32},
                      {"policies": 33}, {"key": b"k" * 2049}, {"key": b"k" * 1900}):
        for form in state(**arguments):
            for mode in (0, 1):
                seed("session", bytes([mode]) + form)
    for text in (b"AAAA", b"A" * 160, b"A" * 3073, b"!", b""):
        seed("session", b"\2" + text)
    for header in (b"kbs-session-id=abc", b"a=b; kbs-session-id=abc ; c=d", b"kbs-session-id=a; kbs-session-id=b", b"Bearer abc", b"bearer  a ", b"Basic abc"):
        seed("session", b"\3" + header)


def request(mode, path, cookie, authorization, body):
    seed("server", bytes([mode, len(path), len(cookie), len(authorization)]) + path + cookie + authorization + body)


def servers():
    hello = b'{"version":"0.4.0","tee":"snp","extra-params":""}'
    request(2, b"/kbs/v0/auth", b"", b"", hello)
    request(2, b"/kbs/v0/auth", b"", b"", hello.replace(b"snp", b"az-snp-vtpm"))
    request(2, b"/kbs/v0/auth", b"", b"", hello.replace(b"0.4", b"0.1"))
    request(2, b"/kbs/v0/auth", b"", b"", hello.replace(b"snp", b"sample"))
    request(1, b"/kbs/v0/auth", b"", b"", b"")
    request(1, b"/kbs/v0/jwks", b"", b"", b"")
    request(1, b"/kbs/v0/nothing", b"", b"", b"")
    for cookie, bearer in ((b"", b""), (b"kbs-session-id=a", b""), (b"", b"Bearer a.b.c"), (b"", b"Bearer eyJhbGciOiJFUzI1NiJ9.e30." + b"A" * 86)):
        request(2, b"/kbs/v0/attest", cookie, bearer, b"{}")
        request(0x21, b"/kbs/v0/resource/a/b/c", cookie, bearer, b"")
        request(0x21, b"/kbs/v0/resource/b/b/c", cookie, bearer, b"")
    for path in (b"/kbs/v0/resource/a/b", b"/kbs/v0/resource/a/b/c/d", b"/kbs/v0/resource/../b/c", b"/kbs/v0/resource/"):
        request(0x21, path, b"", b"", b"")
    coordinate = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
    p256 = {"alg": "ECDH-ES+A256KW", "crv": "P-256", "kty": "EC", "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}
    for key in (p256, {**p256, "x": coordinate}, {**p256, "crv": "P-384"}, {"kty": "RSA", "alg": "RSA1_5", "n": "AQAB", "e": "AQAB"}):
        for nonce in ("bm9uY2U=", "other"):
            body = {"init-data": None, "runtime-data": {"nonce": nonce, "tee-pubkey": key}, "tee-evidence": {"primary_evidence": {}, "additional_evidence": ""},
                    "sevattest": {"event_log": "AAAAAAAAAAAA"}}
            text = json.dumps(body).encode()
            for mode in (0x12, 0x16, 0x1A):
                request(mode, b"/kbs/v0/attest", b"", b"", text)
            seed("messages", text)
            seed("messages", text.replace(b'"init-data": null', b'"init-data": {"format": "toml", "body": "x"}'))
            seed("messages", text.replace(b'"AAAAAAAAAAAA"', b'"AAAAAAAAA"'))
    for claims in ({}, {"iss": "other"}, {"exp": 1}, {"iat": 2000000}, {"sevattest-state": ""}, {"exp": "x"}):
        claims = {"iss": "sevattest", "iat": 999999, "exp": 1000100, "sevattest-state": "A" * 160, **claims}
        request(0x41, b"/kbs/v0/resource/a/b/c", b"", b"", json.dumps(claims).encode())
    request(0x41, b"/kbs/v0/resource/a/b/c", b"", b"", b"[")
    for path in (b"/kbs/v0/enrol-ticket/a/b/c", b"/kbs/v0/enrol-ticket/b/b/c", b"/kbs/v0/enrol-ticket/aa/b/c", b"/kbs/v0/enrol-ticket/a/n/c", b"/kbs/v0/enrol-ticket/a"):
        request(0x21, path, b"", b"", b"")
    request(1, b"/kbs/v0/enrol-key", b"", b"", b"")
    for name in ("a/b/c", "a/b/p", "a/b/i", "a/b/f", "a/b/x", "aa/b/c", "a/n/c"):
        for inside in (name, "a/b/other"):
            request(0x82, b"/kbs/v0/resource/" + name.encode(), b"", b"", json.dumps({**ENROLMENT, "resource": inside, "disk": {}}).encode())
    request(0x82, b"/kbs/v0/resource/a/b/c", b"", b"", b"{")
    request(0x82, b"/kbs/v0/resource/a/b/c", b"", b"", json.dumps({**ENROLMENT, "disk": {"a": "x" * 50000}}).encode())
    for text in (hello, b'{"nonce":"abc","extra-params":{"sevattest":{"version":1}}}', b'{"nonce":"","extra-params":""}', b'{"token":"a.b.c"}',
                 b'{"type":"https://x/y/PolicyDeny","detail":"d\\u0007"}',
                 b'{"protected":"e30","encrypted_key":"","iv":"","ciphertext":"","tag":"","sevattest-sig":"a..b"}'):
        seed("messages", text)


def answer(status, body, cookie=b""):
    return u16(status) + bytes([len(cookie)]) + u16(len(body)) + cookie + body


def clients():
    challenge = answer(200, b'{"nonce":"abc","extra-params":{"sevattest":{"version":1}}}', b"kbs-session-id=a; Path=/kbs/v0")
    plain = answer(200, b'{"nonce":"abc","extra-params":""}', b"x=y\nkbs-session-id=a")
    token = answer(200, b'{"token":"a.b.c"}', b"kbs-session-id=b; Path=/kbs/v0; Secure; HttpOnly")
    jwe = {"protected": "eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00ifQ", "encrypted_key": "AAAA", "iv": "AAAA", "ciphertext": "AAAA", "tag": "AAAA"}
    for mode in (0, 1):
        start = bytes([mode]) + challenge + token
        seed("client", start)
        seed("client", bytes([mode]) + plain + token)
        seed("client", start + answer(200, json.dumps(jwe).encode()))
        seed("client", start + answer(200, json.dumps({**jwe, "sevattest-sig": "eyJhbGciOiJFUzI1NiJ9.." + "A" * 86}).encode()))
        for status in (400, 401, 403, 404, 413, 429, 500, 503, 302, 99):
            for error in ("PolicyDeny", "TokenNotFound", "ResourceNotFound", "TokenVerifierError", "UnknownSession"):
                body = json.dumps({"type": "https://github.com/confidential-containers/kbs/errors/" + error, "detail": "why"}).encode()
                seed("client", start + answer(status, body) + challenge + token)
                seed("client", bytes([mode]) + answer(status, body))
        seed("client", bytes([mode]) + challenge + answer(401, b"{}") + answer(200, b"[]"))
    register = bytes([3]) + challenge + token
    seed("client", register + answer(404, b"{}"))
    for status, body in ((200, b'{"sevattest-enrol":"accepted","version":4}'), (202, b'{"sevattest-enrol":"pending","id":4}'), (200, b"{}"), (200, b'{"sevattest-enrol":"x"}'),
                         (200, b'{"sevattest-enrol":"pending","version":4}'), (409, b'{"type":"x/EnrolmentConflict","detail":"d"}'), (429, b'{"type":"x/EnrolmentsFull"}'),
                         (400, b'{"type":"x/EnrolmentInvalid","detail":"d"}'), (401, b'{"type":"x/TokenNotFound"}')):
        seed("client", register + answer(0, b"") + answer(status, body))
        seed("client", bytes([mode]) + answer(200, b"{}", b"a") + answer(200, b'{"nonce":1}'))


def frames():
    for kind in range(10):
        seed("frame", struct.pack("<IHHI", 4, kind, 0, 1) + b"body")
        seed("frame", struct.pack("<IHHI", 0x7FFFFFFF, kind, 0, 1))
    seed("frame", struct.pack("<IHHI", 4, 1, 1, 1) + b"body")

    def http(path=b"/kbs/v0/auth", method=2, cookie=b"a=b", peer=b"127.0.0.1"):
        parts = bytes([method]) + u16(len(path)) + path + u16(len(cookie)) + cookie + u16(8) + b"Bearer x"
        return parts + bytes([len(peer)]) + peer + struct.pack("<I", 2) + b"{}"

    for arguments in ({}, {"method": 5}, {"path": b"x"}, {"path": b"/\n"}, {"path": b"/" * 1025}, {"cookie": b"\1"}, {"cookie": b"c" * 16385}, {"peer": b"p" * 65}):
        seed("http", http(**arguments))
    for status, cookie, kind in ((200, b"a=b", b"application/json"), (99, b"", b""), (600, b"", b""), (200, b"\r\n", b""), (200, b"", b"\1"), (200, b"c" * 16385, b""),
                                 (200, b"", b"t" * 65)):
        seed("http", u16(status) + u16(len(cookie)) + cookie + bytes([len(kind)]) + kind + struct.pack("<II", 5, 2) + b"{}")

    for text in (b"localhost:9464", b"127.0.0.1", b"[::1]:80", b"192.0.2.1:1", b"evil.example", b"<script>\"'&</script>\n\xff\x1b\\", b"[::1", b":9", b"a" * 300):
        seed("status", text)

    for name in (b"308e0a55/unit/app@1.service/db-pass", b"1/unit/my\\x2ddata.mount/id", b"01/unit/a.swap/x", b"1/unit/app.service/a:b", b"1/cryptsetup/data",
                 b"ffffffffffffffff/cryptsetup/my-data_1.x+y", b"1/cryptsetup/" + b"-" * 90, b"1/cryptsetup-tpm2/data", b"1/cryptsetup/a/b", b"0/cryptsetup/.a"):
        seed("peer", b"\0" + name)
    for text in (b"9:name=systemd:/system.slice/app.service\n8:pids:/\n0::/\n", b"0::/system.slice/system-a.slice/a@1.service/.control\n", b"0::/a.service (deleted)\n",
                 b"9:name=systemd:/a.service\n0::/b.service\n", b"0::/init.scope\n",
                 b"0::/system.slice/system-systemd\\x2dcryptsetup.slice/systemd-cryptsetup@my\\x2ddata.service\n"):
        seed("peer", text)
    seed("evidence_frame", bytes(64) + b"\xff\4auto")
    seed("evidence_frame", b"\0\0\0\3tsm\6\0\0\0report\5\0\0\0table\4\0note")
    seed("fetch_frame", b"\3kds\1" + b"\x19\0/vcek/v1/Milan/cert_chain" + bytes(5) + b"\0\0\1\0\x10\x27\0\0" + bytes(4))
    seed("fetch_frame", b"\0\xc8\0\3\0a=b\x10application/json" + bytes(4) + b"\1" + bytes(2) + b"\2\0\0\0{}")
    seed("fetch_frame", b"\1" + bytes(10) + b"\4\0gone" + bytes(4))
    for name in (b"/vcek/v1/Turin/0123456789abcdef?fmcSPL=01&blSPL=01&teeSPL=01&snpSPL=04&ucodeSPL=75", b"/vlek/v1/Milan/crl",
                 b"vcek-turin-0123456789abcdef-01-01-01-04-4b.der", b"chain-vcek-genoa.pem"):
        seed("kds_object", name)
    for path in files("certs/*.der", "certs/ca/*", "crls/*"):
        seed("kds_object", path.read_bytes())


def volumes():
    seed("luks_frame", b"data")
    for text in (b"", b"luks.segment\nThe segment says cipher_null-ecb\nrestore the disk\nand enroll again", b"a\nb\n", b"a\nb", b"\nb\n", b"a\n\n", b"a\n\x1b\n", b"a\nb\n\xff",
                 b"a\n" + b"b" * 4096 + b"\n"):
        for head in (b"\0\0\0\0", b"\0\1\0\0", b"\1\0\0\0", b"\1\1\0\0", b"\0\0\1\0", b"\2\0\0\0"):
            seed("luks_frame", head + text)
    lines = [b"aes-xts-plain64 :64:logon:cryptsetup:6f1b3c1e-d0 0 7:3 32768" + tail for tail in
             (b"", b" 1 allow_discards", b" 2 sector_size:4096 integrity:28:aead", b" 2 allow_discards", b" x", b" ")]
    lines += [b"cipher_null-ecb - 8 253:0 0", b"aes-xts-plain64 " + b"00" * 64 + b" 0 7:3 32768", b"aes-xts-plain64 :64 0 7:3 1", b"a zz 0 7:3 1", b""]
    for line in lines:
        target = struct.pack("<QQiI16s", 0, 32768, 0, 0, b"crypt") + line + b"\0"
        for flags, count, uuid in ((32, 1, b"CRYPT-LUKS2-6f1b3c1e-data"), (34, 1, b""), (96, 2, b"x"), (288, 1, b"x"), (0, 0, b"u" * 129)):
            head = struct.pack("<3IIIIiIIIQ128s129s7x", 4, 47, 0, 312 + len(target), 312, count, 1, flags, 0, 0, 0, b"data", uuid)
            seed("dm", head + target)
        seed("dm", line)
    good = b"[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = prod/disk/data\n"
    for text in (good, good + b"KeyCheck = " + b"0f" * 32 + b"\n", good + b"KeyCheck = 0f\n", good.replace(b"by-id", b"by-uuid"), good.replace(b"by-id", b".."),
                 good.replace(b"/dev", b"dev"), good.replace(b"prod", b"pr od"), good.replace(b"Device", b"Disk"), b"[volume]\nResource = a/b/c\n", b"[other]\n"):
        seed("volume_conf", text)


def sev_guest():
    """Responses of the firmware around genuine reports, each way of being wrong once; tables in a buffer that is larger."""
    for path in files("reports/*.bin")[:3]:
        report = path.read_bytes()
        for status, size in ((0, 1184), (0x16, 0), (0x27, 0), (0x1D, 0), (0, 1183), (0, 0xFFFFFFFF)):
            seed("sev_guest", struct.pack("<II", status, size) + bytes(24) + report)
        seed("sev_guest", struct.pack("<II", 0, 1184) + b"\1" + bytes(23) + report)
        seed("sev_guest", struct.pack("<II", 0, 1184) + bytes(24) + report[:0x50] + bytes(64) + report[0x90:] + bytes(100))
    for path in files("certtables/*", "hostile/table-*.bin")[:12]:
        seed("sev_guest", path.read_bytes())
        seed("sev_guest", path.read_bytes() + bytes(500))
    guid = bytes(range(1, 17))
    for offset, size in ((48, 4), (0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (48, 5)):
        seed("sev_guest", guid + struct.pack("<II", offset, size) + bytes(24) + b"data")
    seed("sev_guest", bytes(4096))


def configs():
    lines = (b"[a]\ntext = x\nlist = 1\nlist = 2\nnumber = 9\n\n[b]\nseconds = 2h\non = yes\n", b"[a]\nnumber = 0\n", b"[a]\nnumber = 1001\n", b"[a]\nnumber=x\n",
             b"[b]\non = maybe\n", b"[b]\nseconds = 5min\n", b"[b]\nseconds = 1d\non=off", b"[b]\nseconds = 1y\n", b"[b]\nseconds = 9999999999s\n", b"[a]\ntext=1\ntext=2\n",
             b"[a]\nnothing=1\n", b"[a\n", b"nonsense\n", b"[a]\nnonsense\n", b"# comment\n; comment\n[a]\ntext = \n", b"[a]\ntext=" + b"x" * 200 + b"\n", b"[a]\0\n",
             b"\xff\n", b"[" + b"s" * 70 + b"]\n")
    for text in lines:
        seed("config", text)
        seed("config", lines[0] + b"\xff" + text)


def jose():
    protected = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}
    for change in ({}, {"alg": "RSA-OAEP-256"}, {"enc": "A128GCM"}, {"zip": "DEF"}, {"crit": ["x"]}, {"epk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}},
                   {"apu": "QQ"}, {"epk": 1}):
        text = base64.urlsafe_b64encode(json.dumps({**protected, **change}).encode()).rstrip(b"=").decode()
        for key in range(3):
            seed("jwe", bytes([0x80 | key]) + json.dumps({"protected": text}).encode())
    for key in range(3):
        for member in ({}, {"iv": "AAAA"}, {"tag": "A" * 22}, {"encrypted_key": "A" * 54}, {"encrypted_key": "A" * 342}, {"ciphertext": ""}, {"ciphertext": "!"}, {"recipients": []},
                       {"aad": "x"}, {"iv": 1}, {"protected": "e30"}, {"protected": "!"}, {"protected": "W10"}, {"protected": "A" * 4100}):
            seed("jwe", bytes([0x80 | key]) + json.dumps(member).encode())
    for header in (b'{"alg":"ES256"}', b'{"alg":"none"}', b'{"alg":"ES256","crit":[]}', b'{"alg":"ES256","b64":false}', b'{"alg":"ES256","typ":"JWT"}', b"[]", b"x"):
        encoded = base64.urlsafe_b64encode(header).rstrip(b"=")
        seed("jws", b"\0" + encoded + b".e30." + b"A" * 86)
        seed("jws", b"\0" + encoded + b".." + b"A" * 86)
        seed("jws", b"\1" + header)
    for text in (b"a.b", b"a.b.c.d", b"..", b"", b"e30.e30." + b"A" * 85 + b"!", b"A" * 17000 + b"..AA"):
        seed("jws", b"\0" + text)
    for path in files("kbs/jwe.json", "kbs/report-data.json"):
        for value in walk(json.loads(path.read_text())):
            if isinstance(value, dict) and "kty" in value:
                for change in ({"alg": "ES256"}, {"alg": None}, {"kty": "oct"}, {"crv": "P-384"}, {"x": "AA"}, {"e": "AQ"}, {"n": "AQAB"}, {"d": "AQ"}):
                    seed("jwk", json.dumps({**value, **change}).encode())


def enrolments():
    """Plaintexts of an enrolment, whole and with one thing wrong; and messages that do not open."""
    disk = '{"sevattest-disk":1,"key":"%s","headers":["%s"]}' % (base64.b64encode(bytes(32)).decode(), "00" * 32)
    good = ENROLMENT
    ticket = {"replaces": 3, "ticket": base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()}

    def plain(members, tail=""):
        seed("enrolment", b"\1" + (json.dumps(members)[:-1] + ', "disk" :\n' + disk + tail + "}").encode())
    for members in (good, {**good, **ticket}, {**good, "replaces": 1}, {**good, **ticket, "ticket": "AA"}, {**good, "sevattest-enrol": 2}, {**good, "resource": "a/b"},
                    {**good, "created": "x"}, {**good, "volume": {}}, {**good, "volume": {**good["volume"], "name": "-"}}, {**good, "more": 1},
                    {**good, "volume": {**good["volume"], "uuid": "x"}}, {**good, "volume": {**good["volume"], "device": "x"}}, {"sevattest-enrol": 1}):
        plain(members)
    plain(good, ',"disk":{}')
    plain(good, "}")
    for text in ("{}", '{"disk":{', '{"disk":"\\"', '[{"disk":{}}]', '{"disk":{"a":"' + "a" * 4096 + '"}}', "x" * 8193):
        seed("enrolment", b"\1" + text.encode())
    jwe = {"protected": base64.urlsafe_b64encode(json.dumps({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "sevattest-enrol+jwe"}).encode()).rstrip(b"=").decode(),
           "encrypted_key": "A" * 54, "iv": "A" * 16, "ciphertext": "AAAA", "tag": "A" * 22}
    for value in (jwe, {**jwe, "protected": "e30"}, {}, []):
        seed("enrolment", b"\0" + json.dumps(value).encode())


def enrolling():
    """States of an interrupted enrolment, whole and with one member wrong; recovery keys as they are shown, typed and mistyped."""
    good = {"sevattest-enroll": 1, "kind": "enroll", "volume": "data", "resource": "prod/disk/data", "device": "/dev/disk/by-id/virtio-data", "step": "confirm",
            "new-slots": 6, "before": "0f" * 32, "after": "a5" * 32}
    changes = [{}, {"sealed": "5a" * 32}, {"kind": "rotate", "both": "77" * 32}, {"kind": "rotate"}, {"kind": "x"}, {"sevattest-enroll": 2}, {"volume": "../x"},
               {"volume": "x" * 128}, {"resource": "a/b"}, {"device": ""}, {"step": "s" * 32}, {"new-slots": -1}, {"new-slots": 1 << 32}, {"before": "0f"}, {"before": 1},
               {"after": None}, {"sealed": "zz" * 32}, {"device": "/dev/\u00e9"}]
    for change in changes:
        seed("enroll_state", json.dumps({**good, **change}).encode())
    for name in good:
        seed("enroll_state", json.dumps({key: value for key, value in good.items() if key != name}).encode())
    seed("enroll_state", b"[]")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for key in (bytes(32), bytes(range(32)), hashlib.sha256(b"key").digest()):
        number = int.from_bytes(key + hashlib.sha256(key).digest()[:3], "big")
        text = "".join(alphabet[number >> (5 * (55 - i)) & 31] for i in range(56))
        shown = "-".join(text[i:i + 8] for i in range(0, 56, 8))
        for typed in (shown, text, shown.lower(), shown.replace("-", " ") + "\r\n", text.replace("0", "O").replace("1", "l"), "1" + shown[1:], shown + "0", "U" + shown[1:]):
            seed("recovery_key", typed.encode())
        seed("recovery_key", b"\1" + key)


def lists():
    """A list with the certificates that judge it."""
    def framed(*ders):
        return b"J" + b"".join(u16(len(der)) + der for der in ders)

    for root, intermediate, pattern in (("testpki/TEST-ark.der", "testpki/TEST-ask.der", ("testpki/*.crl.der", "hostile/*.crl.der", "crls/milan-2022*")),
                                        ("certs/ca/genoa-ark.der", "certs/ca/genoa-ask.der", ("crls/*",)),
                                        ("certs/ca/milan-ark.der", "certs/ca/milan-ask.der", ("crls/*",))):
        if (vectors / root).exists() and (vectors / intermediate).exists():
            head = framed((vectors / root).read_bytes(), (vectors / intermediate).read_bytes())
            for path in files(*pattern):
                seed("crl", head + path.read_bytes())


def luks_header(copy, document, size=16384, label=b"", version=2, algorithm=b"sha256", offset=None, tail=b""):
    """A LUKS2 header copy with a right checksum."""
    binary = struct.pack(">6sHQQ48s32s64s40s48sQ184x64x", b"LUKS\xba\xbe" if copy == 0 else b"SKUL\xba\xbe", version, size, 7, label, algorithm, bytes(range(64)),
                         b"d2b3c1a0-0f4e-4d3c-9b8a-000000000001", b"", copy * size if offset is None else offset)
    whole = bytearray((binary.ljust(4096, b"\0") + document + tail).ljust(size, b"\0"))
    whole[448:480] = hashlib.sha256(whole).digest()
    return bytes(whole)


def luks():
    document = json.dumps({"keyslots": {"0": {"type": "luks2", "key_size": 64}}, "segments": {"0": {"type": "crypt"}}, "config": {}}).encode()
    for copy in (0, 1):
        seed("luks", luks_header(copy, document))
        for change in ({"version": 1}, {"size": 32768}, {"size": 20480}, {"algorithm": b"sha512"}, {"label": b"a\nb"}, {"label": b"a\0b"}, {"label": b"x" * 48}, {"offset": 1},
                       {"tail": b"\0x"}, {"tail": b"}"}):
            seed("luks", luks_header(copy, document, **change))
        seed("luks", luks_header(copy, b"[1]"))
        seed("luks", luks_header(copy, document)[:12000])
        for cut in (71, 103, 207, 255, 300):
            seed("luks", luks_header(copy, document)[:cut])
        seed("luks", luks_header(copy, b" " * 12288))
    disk_resources()
    luks_changes()


def luks_changes():
    """Numbers of fuzz_luks_choose.c: each member with each value, in both copies, in one; and what may be damaged or listed."""
    for flags in (0, 1, 2, 3, 4, 8, 9, 10, 16, 24, 32, 64 + 16, 128):
        seed("luks_choose", bytes([flags, 0]) + bytes(2 * (flags % 8)))
    for path in range(55):
        for value in range(38):
            if (path * 38 + value) % 3 == 0:
                seed("luks_choose", bytes([8 + (path + value) % 2 * 120, 1, path, value, path, value]))
    for text in (b'"aes-xts-plain64 "', b'"\\u0061es-xts-plain64"', b"1e3", b'{"a":'):
        seed("luks_choose", bytes([8, 1, 0, 255, len(text)]) + text)


def disk_resources():
    headers = ["00" * 32, "ab" * 32, "cd" * 32]
    good = {"sevattest-disk": 1, "key": base64.b64encode(bytes(range(200, 232))).decode(), "headers": headers[:1]}
    for change in ({}, {"headers": headers[:2]}, {"headers": headers}, {"headers": []}, {"headers": "x"}, {"headers": [1]}, {"headers": ["A" * 64]}, {"key": ""}, {"key": "AA"},
                   {"key": 1}, {"sevattest-disk": 2}, {"x": 1}, {"headers": headers[:1] * 2}):
        seed("luks_disk", json.dumps({**good, **change}).encode())
        seed("luks_disk", json.dumps({**good, **change}, indent=1, sort_keys=True).replace("/", "\\/").encode())
    seed("luks_disk", json.dumps(good).encode()[:-1] + b',"key":"AA=="}')
    for text in (bytes(range(32)), b'{"sevattest-disk"', b'{ "key":"', b'{"sevattest-disk":1,"headers":[', b'{"sevattest-disk":1,"key":"' + b"A" * 5468 + b'"}'):
        seed("luks_disk", text)


def tables():
    """Lines of crypttab and fstab as people write them."""
    options = "luks,discard,header=/a,x-systemd.device-timeout=5,a\\,b"
    for line in (f"data UUID=1f36 none {options}", f"data /dev/disk/by-id/a - {options}", "data /dev/vdb", "data /dev/vdz none luks", "x /dev/vdb none luks",
                 "data /dev/vdb none plain", "data /dev/vdb none luks,initramfs", "# data", "  \tdata\t/dev/vdb\t-\tluks ", "a b c d e f g h"):
        seed("tables", f"{line}\n".encode())
        seed("tables", f"# first\n\n{line}\nz /dev/z none luks".encode())
    seed("tables", b"data /dev/vdb none luks\ndata UUID=1f36 none luks\n")
    seed("tables", b"data /dev/vdb none \0 luks\n")
    for source in ("/dev/mapper/data", "UUID=77aa", 'UUID="77aa"', "/dev/disk/by-uuid/77aa", "/dev/mapper/data2", 'UUID="77aa'):
        for rest in ("/srv ext4 defaults 0 2", "/a\\040b ext4 nofail,_netdev,x-systemd.device-timeout=infinity", "/srv ext4", "/srv", "none swap sw 0 0", "",
                     "/a\\04", "/a\\000 ext4 rw", "/srv ext4 x-systemd.device-timeout=5s,,rw 0 0 # mine", "/srv ext4 rw\\"):
            seed("tables", f"/dev/vda / ext4 defaults 0 1\n{source}\t{rest}\n".encode())
    seed("tables", "".join(f"UUID=77aa /m{i}\n" for i in range(34)).encode())


def firmware():
    """Images of one page whose metadata stand at the very end."""
    def entry(guid, data):
        return data + struct.pack("<H", len(data) + 18) + bytes.fromhex(guid)

    footer, reset, metadata = "de82b596b21ff745baeaa366c55a082d", "de71f7007e1acb4f890e68c77e2fb44e", "666588dc4a989847a75e5585a7bf67cc"
    for offset in (27, 28, 16):
        for count in (0, 1):
            entries = entry(metadata, struct.pack("<I", offset)) + entry(reset, struct.pack("<I", 0x80B004))
            table = entries + struct.pack("<H", len(entries) + 18) + bytes.fromhex(footer)
            tail = b"ASEV" + struct.pack("<III", 16 + 12 * count, 1, count) + struct.pack("<III", 0x800000, 0x1000, 1)
            seed("ovmf", (table + (tail[:offset]).rjust(32, b"\0")).rjust(4096, b"\0"))


def event_logs():
    """Old logs, and each way to say too much in a header."""
    def event(pcr, kind, digest, data):
        return struct.pack("<II", pcr, kind) + digest + struct.pack("<I", len(data)) + data

    def header(algorithms, signature=b"Spec ID Event03\0", vendor=b"\0"):
        return event(0, 3, bytes(20), signature + bytes(8) + struct.pack("<I", len(algorithms)) + b"".join(struct.pack("<HH", *one) for one in algorithms) + vendor)

    def agile(pcr, kind, data, digest=None):
        return event(pcr, kind, struct.pack("<IH", 1, 11) + (digest or hashlib.sha256(data).digest()), data)

    for first in (event(0, 3, bytes(20), b"Spec ID Event00\0" + bytes(12)), event(0, 3, bytes(20), b"Spec ID Event05\0"), event(0, 8, bytes(20), b"x"), b""):
        seed("event_log", first + event(7, 4, bytes(20), bytes(4)))
    for algorithms in ([(11, 32), (11, 32)], [(4, 32)], [(11, 65)], [(0x99, 7), (11, 32)], [(0xC, 48), (0xD, 64)]):
        seed("event_log", header(algorithms))
    start = header([(11, 32)])
    boot = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c") + struct.pack("<QQ", 10, 1) + "SecureBoot".encode("utf-16-le")
    for parts in ([(0, 3, b"StartupLocality\0\3"), (7, 0x80000001, boot + b"\1"), (7, 0x80000001, boot + b"\0"), (7, 4, bytes(4))], [(0, 8, b"x"), (0, 3, b"StartupLocality\0\3")],
                  [(24, 8, b"x")], [(0xFFFFFFFF, 3, b"x")]):
        seed("event_log", start + b"".join(agile(*one) for one in parts))
    seed("event_log", start + agile(7, 0x80000001, boot + b"\1", bytes(32)))
    seed("event_log", start + agile(7, 4, b"")[:45])
    seed("event_log", start + event(0, 8, struct.pack("<IH", 1, 4) + bytes(20), b""))
    seed("event_log", header([(11, 32)], vendor=b"\2a"))


def wraps():
    """Our own evidence, and what tools that wrap configfs-tsm write, around genuine reports."""
    for path in files("reports/*.bin")[:4]:
        report = path.read_bytes()
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(report).decode()
            seed("evidence", json.dumps({"sevattest-evidence": 1, "report": text}).encode())
            seed("evidence", json.dumps({"sevattest-evidence": 1, "report": text, "certs": text[:64]}).encode())
            seed("evidence", json.dumps({"outblob": text, "auxblob": text[:64], "provider": "sev_guest\n"}).encode())
            seed("evidence", json.dumps({"outblob": text.rstrip("="), "auxblob": "AA"}).encode())
    for path in files("kbs/snp-*.json")[:1]:
        good = json.loads(path.read_text())["primary_evidence"]
        entry = {"cert_type": "VCEK", "data": [1, 2]}
        other = {"cert_type": {"OTHER": "00112233-4455-6677-8899-aabbccddeeff"}, "data": [1, 2]}
        wrong = {"cert_type": {"OTHER": "00112233-4455-6677-8899_aabbccddeeff"}, "data": [1, 2]}
        for chain in (None, [], {}, [entry, other], [wrong], [entry] * 17, [{"cert_type": "Empty", "data": []}, entry], [{**entry, "data": [256]}],
                      [{**entry, "data": []}], [{**entry, "cert_type": "X"}], [{"data": [1]}]):
            seed("evidence", json.dumps({**good, "cert_chain": chain}).encode())
    for text in (b'{"sevattest-evidence":2}', b'{"outblob":"x","provider":"tdx_guest"}', b'{"outblob":1}', b"{}", b'{"quote":1}', b'{"attestation_report":{}}'):
        seed("evidence", text)
    for text in (b'{"a":[1,-2,3.5e+1,true,false,null,"\\u00e9\\ud83d\\ude00\\n"]}', b"[18446744073709551615,-9223372036854775808]", b'"\\ud800"', b"[1,]", b'{"a":1,"a":2}',
                 b"[" * 33, b"18446744073709551616", b"01", b"1e", b'"\\x"', b'"\\u00"', b'{"\xf0\x9f\x98\x80":1,"\xef\xbf\xbd":2}', b"nul", b" null ", b'"\x01"', b'"\\u0000"',
                 b'{"a" 1}', b'{"a":1 "b":2}', b"[1 2]", b"{1:2}", b"1 1"):
        seed("json", text)


for make in (plain_files, kbs_members, veks, names, quotes, sessions, servers, clients, frames, sev_guest, volumes, configs, jose, enrolments, enrolling, lists, luks, tables, firmware, event_logs, wraps):
    make()
for name, values in seeds.items():
    for data in list(values)[:SHORT_VARIANTS]:
        seed(name, data[:-1])
    for size in (0, 1, 2, 4, 8, 16):
        seed(name, next(iter(values))[:size])
    (corpus / name).mkdir(parents=True, exist_ok=True)
    for data in values:
        (corpus / name / ("seed-" + hashlib.sha256(data).hexdigest()[:16])).write_bytes(data)
