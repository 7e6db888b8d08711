# SPDX-License-Identifier: Apache-2.0
"""The attacks of a netd that somebody has taken over: name, what it does (hostile_netd.py), how the agent is configured, and the words of the check that must
stand in the journal and in /status. In each the same agent serves the genuine key once netd is honest again."""

PIN = {}
CHECK = {"pin": None, "checks": True}
POLICY = {"policy": "plain"}
UNSIGNED, SIGNATURE = "no release signature", "release signature is not of the pinned key"
KEY_CHECK, JWE = "KeyCheck: the broker gave another key", "it is not encrypted to our key, or was changed"
NETD = "netd does not answer|netd cannot be asked"


def member(where, name, **more):
    return {"attack": "member", "where": where, "member": name} | more


def field(where, **fields):
    return {"attack": "field", "where": where, "fields": fields}


def body(where, **more):
    return {"attack": "body", "where": where} | more


def broken_frame(kind, where="resource", **more):
    return {"attack": "frame", "kind": kind, "where": where} | more


def substitution():
    for name, signature in (("without a signature", "none"), ("under the genuine signature", "genuine"), ("signed by the attacker", "own")):
        yield f"own key {name}", {"attack": "substitute", "signature": signature}, PIN, UNSIGNED if signature == "none" else SIGNATURE
        yield f"own key {name}, KeyCheck= only", {"attack": "substitute", "signature": signature}, CHECK, KEY_CHECK


def stripping():
    sig = "sevattest-sig"
    yield "release signature removed", member("resource", sig), PIN, UNSIGNED
    for name, value in (("null", None), ("empty", ""), ("a number", 7), ("an object", {}), ("one dot", "."), ("1 MiB", "A" * (1 << 20))):
        yield f"release signature: {name}", member("resource", sig, value=value), PIN, f"{UNSIGNED}|{SIGNATURE}|sevattest-sig"
    yield "release signature: one character", member("resource", sig, flip=True), PIN, SIGNATURE
    yield "release signature: alg none", member("resource", sig, value="eyJhbGciOiJub25lIn0.."), PIN, SIGNATURE


def jwe_members():
    for name in ("protected", "encrypted_key", "iv", "ciphertext", "tag"):
        yield f"JWE {name}: one character", member("resource", name, flip=True), PIN, SIGNATURE
        yield f"JWE {name}: one character, KeyCheck= only", member("resource", name, flip=True), CHECK, "JWE: " if name == "protected" else JWE
        yield f"JWE {name}: removed", member("resource", name), PIN, f"{SIGNATURE}|{name}"
        yield f"JWE {name}: a number", member("resource", name, value=1), PIN, f"{SIGNATURE}|{name}"


def challenge():
    refused = "broker answered 4.. to attest"
    yield "challenge: the attacker's nonce", member("auth", "nonce", value="QUJD" * 10 + "QUI="), PIN, refused
    yield "challenge: no nonce", member("auth", "nonce"), PIN, "nonce"
    yield "challenge: a nonce of 1 MiB", member("auth", "nonce", value="A" * (1 << 20)), PIN, "bytes, at most 4096 are read"
    yield "challenge: no extra-params", member("auth", "extra-params"), PIN, "extra-params"
    yield "challenge: not JSON", body("auth", text="nonce"), PIN, "challenge|JSON"
    yield "challenge: cut", body("auth", keep=0.5), PIN, "challenge|JSON"
    yield "challenge: nested 10000 deep", body("auth", text="[" * 10000 + "]" * 10000), PIN, "challenge|JSON|deep"
    yield "challenge: member twice", body("auth", text='{"nonce":"QUJD","nonce":"QUJD","extra-params":""}'), PIN, "twice|duplicate"
    yield "cookie removed", field("auth", cookie=""), PIN, "without a cookie"
    yield "cookie of another name", field("auth", cookie="kbs-session=1"), PIN, "without a cookie"
    yield "cookie with a header in it", field("auth", cookie="kbs-session-id=a\r\nX: y"), PIN, NETD
    yield "cookie: one that no broker gave", field("auth", cookie="kbs-session-id=AAAA"), PIN, refused
    yield "attested cookie: one that no broker gave", field("attest", cookie="kbs-session-id=AAAA"), PIN, "broker answered 4.. to the resource|keeps us going round"
    yield "attest answer without a token", member("attest", "token"), PIN, "token"
    yield "attest answer: garbage", body("attest", text="\xff\xfe"), PIN, "token|JSON|UTF"


def statuses():
    for status, words in ((401, "answered 401"), (403, "answered 403"), (404, "answered 404"), (429, "answered 429"), (500, "answered 500"), (503, "answered 503"),
                          (302, "answered 302"), (204, "answered 204")):
        for where in ("auth", "attest", "resource"):
            yield f"{where}: status {status}", field(where, status=status), PIN, words
    yield "a refusal of an unknown kind", {"attack": "field", "where": "resource", "fields": {"status": 418, "body": '{"type":"x/Teapot","detail":"\\u001b[2J"}'}}, \
        PIN, "answered 418"
    yield "wait for an hour", field("auth", status=503, retry_after=4000000000), PIN, "answered 503"
    yield "unreachable, it says", {"attack": "field", "where": "auth", "fields": {
        "outcome": 1, "status": 0, "cookie": "", "type": "", "body": "", "retry_after": 0, "reused": 0, "text": "\u00ff nothing\u00ff"}}, PIN, "nothing"


def bodies():
    yield "resource: empty", body("resource", text=""), PIN, "the text ends where a value was expected"
    yield "resource: cut", body("resource", keep=0.5), PIN, "JSON|end"
    yield "resource: another JSON", body("resource", text='{"key":"x"}'), PIN, "protected|member"
    yield "resource: 4 MiB", body("resource", text="x" * ((4 << 20) - 1)), PIN, "bytes, at most 3145728 are read"
    yield "resource: more than a frame takes", body("resource", text="x" * (5 << 20)), PIN, NETD
    yield "auth: 1 MiB of blanks before", body("auth", pad=1 << 20), PIN, "bytes, at most 4096 are read"


def requests():
    refused = "broker answered 4.. to attest"
    yield "the attacker's key in the attestation", {"attack": "request", "where": "attest", "member": "runtime-data.tee-pubkey", "own_key": True}, PIN, refused
    yield "another nonce in the attestation", {"attack": "request", "where": "attest", "member": "runtime-data.nonce", "value": "QUJD"}, PIN, refused
    yield "no evidence in the attestation", {"attack": "request", "where": "attest", "member": "tee-evidence.primary_evidence"}, PIN, refused
    yield "another TEE", {"attack": "request", "where": "auth", "member": "tee", "value": "sample"}, PIN, "broker answered 4.."


def redirections():
    yield "broker-2 for broker-1", {"attack": "redirect", "origin": "broker-2", "where": ["auth", "attest", "resource"]}, PIN, SIGNATURE
    yield "broker-2 for broker-1, KeyCheck= only", {"attack": "redirect", "origin": "broker-2", "where": ["auth", "attest", "resource"]}, CHECK, KEY_CHECK
    yield "broker-2 for the key only", {"attack": "redirect", "origin": "broker-2", "where": ["resource"]}, PIN, "broker answered 4.. to the resource|keeps us"
    yield "another resource", {"attack": "redirect", "path": "/kbs/v0/resource/prod/app/other", "where": ["resource"]}, PIN, SIGNATURE
    yield "another resource, KeyCheck= only", {"attack": "redirect", "path": "/kbs/v0/resource/prod/app/other", "where": ["resource"]}, CHECK, KEY_CHECK
    yield "an origin that is not configured", {"attack": "redirect", "origin": "broker-9", "where": ["auth"]}, PIN, "no origin"


def frames():
    for kind in ("type", "reserved", "oversize", "wrong-id", "unasked-first", "flood", "request-flood", "truncated", "trailing", "outcome", "inner-size", "empty",
                 "half", "close"):
        yield f"frame: {kind}", broken_frame(kind), PIN, NETD
    yield "frame: of httpd", broken_frame("type", type=2), PIN, NETD
    yield "frame: of the admin socket", broken_frame("type", type=6), PIN, NETD
    for kind in ("close", "half", "wrong-id", "flood"):
        yield f"frame: {kind}, at auth", broken_frame(kind, "auth"), PIN, NETD
    yield "an answer that nobody asked for, at once", {"attack": "unasked"}, PIN, NETD


def certificates(settings):
    vek, chain, forged, other = (settings["files"][name] for name in ("vek", "chain", "forged", "other"))

    def files(first, second):
        return {"attack": "file", "where": "kds", "files": {"cert_chain": second, "vcek": first}}

    missing = "does not belong to this report|is no certificate|are missing|key service"
    yield "key service: VEK and chain swapped", files(chain, vek), POLICY, missing
    yield "key service: another chip's VEK", files(other, chain), POLICY, missing
    yield "key service: a forged VEK of this chip and TCB", files(forged, chain), POLICY, "certificates refused: chain.signature"
    yield "key service: a forged VEK, no Policy=", files(forged, chain), PIN, "broker answered 4.. to attest: AttestationError: refused by: chain.signature"
    yield "key service: garbage", body("kds", text="\x30\x82\xff\xff" * 100), POLICY, missing
    yield "key service: 404", field("kds", status=404), POLICY, missing
    yield "key service: 4 MiB", body("kds", text="x" * ((4 << 20) - 1)), POLICY, missing
    yield "key service: frame cut off", broken_frame("half", "kds"), POLICY, missing


def attacks(settings):
    groups = (substitution, stripping, jwe_members, challenge, statuses, bodies, requests, redirections, frames)
    rows = [(group.__name__, *row) for group in groups for row in group()]
    return rows + [("certificates", *row) for row in certificates(settings)]
