#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sevattest-netd that an attacker has taken over. It asks the honest one and changes one thing on the way, or breaks the protocol of frames.

usage: hostile_netd.py LISTEN HONEST CONTROL

CONTROL is a JSON file, read anew for each request: {"attack": NAME, ...}; see the functions attack_NAME. What was done is printed, one line each time."""
import json
import os
import socket
import struct
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric import ec

import hostile_frames as hf

LISTEN, HONEST, CONTROL = sys.argv[1:4]
OWN_KEY = b"the attacker's own key, 32 bytes"
SIGNER = ec.generate_private_key(ec.SECP256R1())
seen = {}   # by "SESSION path": what was answered, for replays; and the guest's key of the last attestation
session = 0
links = {}


def control():
    with open(CONTROL, encoding="utf-8") as file:
        return json.load(file)


def connect_honest():
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(HONEST)
    return sock


honest = hf.Backend(connect_honest)


def ask(request):
    return hf.unpack_response(honest.ask(hf.FETCH_REQUEST, hf.pack_request(request)))


def place(request):
    """auth, attest, resource, kds."""
    if request["origin"] == "kds":
        return "kds"
    return {"/kbs/v0/auth": "auth", "/kbs/v0/attest": "attest"}.get(request["path"], "resource")


def edit(response, change):
    body = json.loads(response["body"])
    body = change(body) or body
    response["body"] = json.dumps(body, separators=(",", ":")).encode()
    return response


# Attacks: (request, place, control) -> the response, or bytes that are sent as they are, or None: nothing is sent

def attack_honest(request, where, _given):
    global session
    if where == "auth":
        session += 1
    response = ask(request)
    if where == "attest":
        seen["guest"] = json.loads(request["body"])["runtime-data"]["tee-pubkey"]
    seen[f"{session} {request['path']}"] = response.copy()
    if where == "auth":
        seen["nonce"] = json.loads(response["body"])["nonce"] if response["status"] == 200 else ""
    return response


def attack_substitute(request, where, given):
    """The attacker's own key, encrypted to the guest's: without a signature, with the genuine one, or with the attacker's."""
    response = attack_honest(request, where, given)
    if where != "resource":
        return response
    genuine = json.loads(response["body"]) if response["status"] == 200 else {}
    jwe = hf.encrypt(seen["guest"], OWN_KEY)
    if given["signature"] == "genuine":
        jwe["sevattest-sig"] = genuine["sevattest-sig"]
    elif given["signature"] == "own":
        jwe["sevattest-sig"] = hf.sign(SIGNER, seen["nonce"], request["path"].removeprefix("/kbs/v0/resource/"), 99, jwe)
    return hf.answer(200, json.dumps(jwe).encode())


def attack_member(request, where, given):
    """One member of an answer is removed, or has another value; "flip" changes one character of it."""
    response = attack_honest(request, where, given)
    if where != given["where"]:
        return response

    def change(body):
        at = body
        *path, last = given["member"].split(".")
        for name in path:
            at = at[name]
        if "value" in given:
            at[last] = given["value"]
        elif given.get("flip"):
            middle = len(at[last]) // 2
            at[last] = at[last][:middle] + ("A" if at[last][middle] != "A" else "B") + at[last][middle + 1:]
        else:
            at.pop(last, None)
    return edit(response, change)


def attack_field(request, where, given):
    """Status, cookie and the other fields beside the body; a text is put in as it is."""
    response = attack_honest(request, where, given)
    if where == given["where"]:
        response |= {name: value.encode() if isinstance(value, str) else value for name, value in given["fields"].items()}
    return response


def attack_body(request, where, given):
    """The body as a whole: another text, cut to a part, or so many bytes more."""
    response = attack_honest(request, where, given)
    if where == given["where"]:
        if "text" in given:
            response["body"] = given["text"].encode("latin-1")
        if "keep" in given:
            response["body"] = response["body"][:int(len(response["body"]) * given["keep"])]
        if "pad" in given:
            response["body"] = b" " * given["pad"] + response["body"]
    return response


def attack_request(request, where, given):
    """What the agent says is changed on its way to the broker: the guest's key is replaced by the attacker's, or a member by another value."""
    request = request.copy()
    if where == given["where"]:
        body = json.loads(request["body"])
        at = body
        *path, last = given["member"].split(".")
        for name in path:
            at = at[name]
        if given.get("own_key"):
            numbers = SIGNER.public_key().public_numbers()
            at[last] = at[last] | {"x": hf.encode(numbers.x.to_bytes(32, "big")), "y": hf.encode(numbers.y.to_bytes(32, "big"))}
        elif "value" in given:
            at[last] = given["value"]
        else:
            at.pop(last, None)
        request["body"] = json.dumps(body, separators=(",", ":")).encode()
    return attack_honest(request, where, given)


def attack_replay(request, where, given):
    """Answers of an older session: of the places that are named."""
    if where not in given["where"]:
        return attack_honest(request, where, given)
    path = given.get("path", {}).get(where, request["path"])
    old = seen.get(f"{given['session']} {path}")
    return old.copy() if old else hf.answer(404, b'{"type":"x/PluginInternalError","detail":"not recorded"}')


def attack_redirect(request, where, given):
    """Another origin than the one that was asked; a path too."""
    request = request.copy()
    if where in given["where"]:
        request["origin"] = given.get("origin", request["origin"])
        request["path"] = given.get("path", request["path"])
    return attack_honest(request, where, given)


def attack_file(request, where, given):
    """A file's bytes as the body, chosen by a word in the path."""
    if where != given["where"]:
        return attack_honest(request, where, given)
    for word, path in given["files"].items():
        if word in request["path"]:
            with open(path, "rb") as file:
                return hf.answer(200, file.read())
    return hf.answer(404, b"")


def attack_frame(request, where, given):
    """Bytes that are no good frame, or not the one that is waited for."""
    response = attack_honest(request, where, given)
    if where != given["where"]:
        return response
    number, payload = request["number"], hf.pack_response(response)
    good = hf.frame(hf.FETCH_RESPONSE, number, payload)
    return {
        "type": lambda: hf.frame(given.get("type", 0), number, payload),
        "reserved": lambda: hf.frame(hf.FETCH_RESPONSE, number, payload, zero=1),
        "oversize": lambda: hf.frame(hf.FETCH_RESPONSE, number, b"", size=0xffffffff),
        "wrong-id": lambda: hf.frame(hf.FETCH_RESPONSE, number ^ 0x40000000, payload),
        "twice": lambda: good + good,
        "unasked-first": lambda: hf.frame(hf.FETCH_RESPONSE, number + 7, payload) + good,
        "flood": lambda: hf.frame(hf.FETCH_RESPONSE, 0x7fffffff, payload) * 65,
        "request-flood": lambda: b"".join(hf.frame(hf.FETCH_REQUEST, i, b"x" * 64) for i in range(1, 66)),
        "truncated": lambda: hf.frame(hf.FETCH_RESPONSE, number, payload[:-1]),
        "trailing": lambda: hf.frame(hf.FETCH_RESPONSE, number, payload + b"x"),
        "outcome": lambda: hf.frame(hf.FETCH_RESPONSE, number, b"\xff" + payload[1:]),
        "inner-size": lambda: hf.frame(hf.FETCH_RESPONSE, number, payload[:3] + b"\xff\xff" + payload[5:]),
        "empty": lambda: hf.frame(hf.FETCH_RESPONSE, number, b""),
        "half": lambda: good[:len(good) // 2] + b"\0CLOSE",
        "close": lambda: b"\0CLOSE",
        "stall": lambda: b"",
        "half-stall": lambda: good[:len(good) // 2],
        "slow": lambda: good + b"\0SLOW",
    }[given["kind"]]()


def send(sock, lock, data):
    close, slow = data.endswith(b"\0CLOSE"), data.endswith(b"\0SLOW")
    data = data.removesuffix(b"\0CLOSE").removesuffix(b"\0SLOW")
    with lock:
        if slow:
            for i in range(0, len(data), 256):
                sock.sendall(data[i:i + 256])
                time.sleep(0.002)
        else:
            sock.sendall(data)
        if close:
            sock.shutdown(socket.SHUT_RDWR)


def serve(sock, lock, number, payload):
    given = control()
    request = hf.unpack_request(payload) | {"number": number}
    where = place(request)
    try:
        result = globals()["attack_" + given["attack"].replace("-", "_")](request, where, given)
        if isinstance(result, dict):
            result = hf.frame(hf.FETCH_RESPONSE, number, hf.pack_response(result))
        print(given["attack"], where, request["origin"], request["path"], "session", session, flush=True)
        send(sock, lock, result)
    except (EOFError, OSError) as error:
        print("gone", where, error, flush=True)
    except Exception as error:  # a mistake of the test must be seen
        print("BROKEN", given, where, repr(error), flush=True)
        raise


def link(sock):
    lock = threading.Lock()
    try:
        if control().get("attack") == "unasked":
            sock.sendall(hf.frame(hf.FETCH_RESPONSE, 1, hf.pack_response(hf.answer(200, b"{}"))))
        while True:
            _kind, number, payload = hf.receive_frame(sock)
            if control().get("attack") == "deaf":
                time.sleep(3600)
            threading.Thread(target=serve, args=(sock, lock, number, payload), daemon=True).start()
    except (EOFError, OSError, struct.error):
        sock.close()


def main():
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(LISTEN):
        os.unlink(LISTEN)
    listener.bind(LISTEN)
    listener.listen(16)
    numbers = SIGNER.public_key().public_numbers()
    with open(CONTROL + ".jwk", "w", encoding="utf-8") as file:  # for the control in which the attacker is who is pinned
        json.dump({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": hf.encode(numbers.x.to_bytes(32, "big")),
                   "y": hf.encode(numbers.y.to_bytes(32, "big"))}, file)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=link, args=(sock,), daemon=True).start()


attack_unasked = attack_deaf = attack_honest
main()
