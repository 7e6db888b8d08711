# SPDX-License-Identifier: Apache-2.0
"""Seams of bad_input.py where a peer connects to us: the KBS port's three requests, the status port, brokerd's two sockets."""
import base64
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import time

from bad_input_world import DEPTH, Refused, spoil

HERE = os.path.dirname(os.path.abspath(__file__))
HTTP_REQUEST, ADMIN_REQUEST, ADMIN_SECRET, STATUS_REQUEST = 1, 3, 5, 7
JSON_KINDS = ["truncated", "oversized", "wrong type", "duplicate", "nested", "utf-8", "NUL"]


def request(method, path, body=b"", *headers):
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class Session:
    """The client's side of a handshake, with a P-256 key that nobody needs to hold."""

    def __init__(self, world):
        self.world = world
        der = subprocess.run("openssl ecparam -genkey -name prime256v1 -noout | openssl ec -pubout -outform DER", shell=True, capture_output=True,
                             check=True).stdout
        x, y = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (der[-64:-32], der[-32:]))
        self.key = {"alg": "ECDH-ES+A256KW", "crv": "P-256", "kty": "EC", "x": x, "y": y}

    def post(self, path, body, cookie=None):
        headers = [f"Cookie: {cookie}"] if cookie else []
        status, head, answer = self.world.http(self.world.port, True, request("POST", path, body, *headers))
        for line in head.decode().split("\r\n"):
            if line.lower().startswith("set-cookie:"):
                cookie = line.split(":", 1)[1].split(";")[0].strip()
        return status, cookie, answer

    def auth(self):
        """(nonce, cookie)"""
        status, cookie, answer = self.post("/kbs/v0/auth", AUTH)
        if status != 200:
            raise Refused(f"auth: status {status}")
        return json.loads(answer)["nonce"], cookie

    def attestation(self, nonce):
        runtime = {"nonce": nonce, "tee-pubkey": self.key}
        hashed = json.dumps({"additional-evidence": "", **runtime}, sort_keys=True, separators=(",", ":")).encode()
        data = hashlib.sha384(hashed).hexdigest() + "0" * 32
        folder = self.world.dir
        self.world.run("sevattest-sim", "report", self.world.platform, "-o", f"{folder}/r.bin", "--table", f"{folder}/t.bin", "--report-data", data)
        made = subprocess.run([sys.executable, os.path.join(HERE, "snp_evidence.py"), f"{folder}/r.bin", f"{folder}/t.bin"], capture_output=True, check=True)
        return {"init-data": None, "runtime-data": runtime, "tee-evidence": {"primary_evidence": json.loads(made.stdout), "additional_evidence": ""}}


AUTH_OBJECT = {"version": "0.4.0", "tee": "snp", "extra-params": {}}
AUTH = json.dumps(AUTH_OBJECT).encode()


def half(data):
    return data[:len(data) // 2]


def refusals(kind):
    """Too much of anything, depth too, is 413."""
    return [413] if kind in ("oversized", "nested") else [400]


def auth(world):
    def post(body, *statuses):
        return world.answers(statuses, world.port, True, request("POST", "/kbs/v0/auth", body))
    cells = {kind: lambda kind=kind: post(spoil(AUTH_OBJECT, "version", kind, 5000), *refusals(kind)) for kind in JSON_KINDS}
    cells["stall"] = lambda: world.stalls(world.port, True, half(request("POST", "/kbs/v0/auth", AUTH)))
    cells["close"] = lambda: world.hangs_up(world.port, True, request("POST", "/kbs/v0/auth", AUTH)[:-5])
    return "POST /auth", cells, lambda: post(AUTH, 200)


def attest(world):
    session = Session(world)

    def post(kind, *statuses):
        nonce, cookie = session.auth()
        sound = session.attestation(nonce)
        body = json.dumps(sound).encode() if kind == "sound" else spoil(sound, "tee-evidence", kind, 3 << 20)
        return world.answers(statuses, world.port, True, request("POST", "/kbs/v0/attest", body, f"Cookie: {cookie}"))

    def unfinished(way):
        nonce, cookie = session.auth()
        body = json.dumps(session.attestation(nonce)).encode()
        data = request("POST", "/kbs/v0/attest", body, f"Cookie: {cookie}")
        return way(world.port, True, data[:-len(body) // 2])
    cells = {kind: lambda kind=kind: post(kind, *refusals(kind)) for kind in JSON_KINDS}
    cells["stall"] = lambda: unfinished(world.stalls)
    cells["close"] = lambda: unfinished(world.hangs_up)
    return "POST /attest", cells, lambda: post("sound", 200)


def resource(world):
    session = Session(world)
    state = {}

    def cookie():
        if not state:
            nonce, first = session.auth()
            status, state["cookie"], _ = session.post("/kbs/v0/attest", json.dumps(session.attestation(nonce)).encode(), first)
            if status != 200:
                raise Refused(f"attest: status {status}")
        return state["cookie"]

    def ask(path, *statuses, headers=None):
        headers = [f"Cookie: {cookie()}"] if headers is None else headers
        return world.answers(statuses, world.port, True, request("GET", path, b"", *headers))
    good = "/kbs/v0/resource/prod/app/key"

    def several(*asked):
        return " ".join(str(ask(path, *statuses, headers=headers)) for path, statuses, headers in asked)
    cut = lambda: half(cookie())  # noqa: E731
    cells = {
        "truncated": lambda: several((good[:-4], (404,), None), (good, (401,), [f"Cookie: {cut()}"])),
        "oversized": lambda: several((good + "x" * 2000, (414,), None), (good, (431,), [f"Cookie: {cookie()}{'A' * 20000}"]),
                                     (good, (431,), [f"X-A: {'A' * 60000}"])),
        "wrong type": lambda: several((good, (401,), ["Cookie: kbs-session-id=[1]"]), (good, (401,), ["Authorization: Basic YTpi"]),
                                      (good, (401,), ["Authorization: Bearer {}"])),
        "duplicate": lambda: several((good, (400,), ["Cookie: kbs-session-id=x", f"Cookie: {cookie()}"]),
                                     (good, (401,), [f"Cookie: kbs-session-id=x; {cookie()}"])),
        "nested": lambda: several(("/kbs/v0/resource" + "/a" * DEPTH, (414,), None), ("/kbs/v0/resource/" + "a/" * 20, (404,), None)),
        "utf-8": lambda: several(("/kbs/v0/resource/prod/app/%FF%FE", (404,), None), ("/kbs/v0/resource/prod/app/\xff", (400, 404), None),
                                 (good, (401,), ["Cookie: kbs-session-id=\xff\xfe"])),
        "NUL": lambda: several((good + "%00", (400,), None), (good + "\0", (400,), None), (good, (401,), ["Cookie: kbs-session-id=\0"])),
        "stall": lambda: world.stalls(world.port, True, half(request("GET", good))),
        "close": lambda: world.hangs_up(world.port, True, half(request("GET", good))),
    }
    return "GET /resource", cells, lambda: ask(good, 200)


def status(world):
    def ask(data, *statuses):
        return world.answers(statuses, world.status_port, False, data)

    def cut():
        with world.connect(world.status_port, False) as connection:
            connection.sendall(b"GET /healthz HT")
            connection.shutdown(socket.SHUT_WR)
            return "closed" if not connection.recv(1) else "answered"
    cells = {
        "truncated": cut,
        "oversized": lambda: ask(request("GET", "/healthz", b"", "X-A: " + "a" * 100000), 431, 413),
        "wrong type": lambda: f"{ask(request('POST', '/metrics'), 405)} {ask(request('GET', '/healthz').replace(b'HTTP/1.1', b'HTTP/x'), 0, 400)}",
        "duplicate": lambda: ask(request("GET", "/healthz", b"", "Content-Length: 1", "Content-Length: 2"), 400),
        "nested": lambda: ask(request("GET", "/a" * DEPTH), 404, 414),
        "utf-8": lambda: f"{ask(request('GET', '/%FF%FE'), 404, 400)} {ask(request('GET', chr(255) * 3), 0, 400, 404)}",
        "NUL": lambda: f"{ask(request('GET', '/healthz%00'), 400, 404)} {ask(request('GET', '/healthz' + chr(0)), 0, 400, 404)}",
        "stall": lambda: world.stalls(world.status_port, False, b"GET /healthz HTTP/1.1\r\nHost"),
        "close": lambda: world.hangs_up(world.status_port, False, b"GET /healthz HTTP/1.1\r\nHost"),
    }
    return "status port", cells, lambda: f"{ask(request('GET', '/healthz'), 200)} {ask(request('GET', '/readyz'), 200)}"


def frame(kind, number, payload, size=None, zero=0):
    return struct.pack("<IHHI", len(payload) if size is None else size, kind, zero, number) + payload


def http_payload(path, body=b"", method=2):
    out = struct.pack("<BH", method, len(path)) + path
    return out + struct.pack("<HHB", 0, 0, 0) + struct.pack("<I", len(body)) + body


def receive(connection):
    """(type, payload) of one frame, or None at the end."""
    data = b""
    while len(data) < 12 or len(data) < 12 + struct.unpack("<I", data[:4])[0]:
        try:
            block = connection.recv(65536)
        except ConnectionResetError:
            block = b""
        if not block:
            return None
        data += block
    return struct.unpack("<H", data[4:6])[0], data[12:]


def frames(world):
    sound = http_payload(b"/kbs/v0/auth", AUTH)

    def status_of(answer):
        return struct.unpack("<H", answer[1][:2])[0]

    def closed(data, cut=False):
        with world.unix(world.http_sock) as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                return "closed"
            if cut:
                connection.shutdown(socket.SHUT_WR)
            if receive(connection):
                raise Refused("it was answered")
        return "closed"

    def answered(payload, wanted):
        with world.unix(world.http_sock) as connection:
            connection.sendall(frame(HTTP_REQUEST, 1, payload))
            got = status_of(receive(connection) or (0, b"\0\0"))
        if got != wanted:
            raise Refused(f"status {got} instead of {wanted}")
        return got

    def stall():
        with world.unix(world.http_sock) as stalled:
            stalled.sendall(frame(HTTP_REQUEST, 1, sound)[:-7])
            answered(sound, 200)
            time.sleep(3)
            answered(sound, 200)
            stalled.sendall(frame(HTTP_REQUEST, 1, sound)[-7:])
            if status_of(receive(stalled) or (0, b"\0\0")) != 200:
                raise Refused("the rest is not taken any more")
        return "others on"

    def close():
        for _ in range(100):
            with world.unix(world.http_sock) as connection:
                connection.sendall(frame(HTTP_REQUEST, 1, sound)[:-7])
            with world.unix(world.http_sock) as connection:
                connection.sendall(frame(HTTP_REQUEST, 1, sound))  # gone before the answer
        return answered(sound, 200)

    def both(*texts):
        return " ".join(dict.fromkeys(str(text) for text in texts))
    cells = {
        "truncated": lambda: both(closed(frame(HTTP_REQUEST, 1, sound)[:-7], cut=True), closed(frame(HTTP_REQUEST, 1, sound[:-7]))),
        "oversized": lambda: both(closed(frame(HTTP_REQUEST, 1, b"", size=1 << 30)), closed(frame(HTTP_REQUEST, 1, sound + b"x"))),
        "wrong type": lambda: both(closed(frame(99, 1, sound)), closed(frame(ADMIN_REQUEST, 1, b'{"verb":"status"}')), closed(frame(2, 1, sound)),
                                   closed(frame(HTTP_REQUEST, 1, sound, zero=1)), closed(frame(HTTP_REQUEST, 1, http_payload(b"/kbs/v0/auth", AUTH, 9)))),
        "duplicate": lambda: closed(frame(HTTP_REQUEST, 1, sound) * 2),
        "nested": lambda: answered(http_payload(b"/kbs/v0/auth", spoil(AUTH_OBJECT, "version", "nested", 0)), 413),
        "utf-8": lambda: both(answered(http_payload(b"/kbs/v0/resource/a/b/\xff\xfe", method=1), 404),
                              answered(http_payload(b"/kbs/v0/auth", spoil(AUTH_OBJECT, "version", "utf-8", 0)), 400)),
        "NUL": lambda: both(closed(frame(HTTP_REQUEST, 1, http_payload(b"/kbs/v0/au\0th", AUTH))), closed(frame(STATUS_REQUEST, 1, b"\0" * 2000))),
        "stall": stall,
        "close": close,
    }
    return "http.sock", cells, lambda: answered(sound, 200)


def admin(world):
    ask_status = {"verb": "status", "secret": False}

    def exchange(data, cut=False):
        with world.unix(world.admin) as connection:
            try:
                connection.sendall(data)
                if cut:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                return None
            return receive(connection)

    def exits(payload, wanted):
        answer = exchange(frame(ADMIN_REQUEST, 1, payload))
        if not answer:
            raise Refused("closed without an answer")
        said = json.loads(answer[1])
        if said["exit"] != wanted or (wanted and not said.get("error")):
            raise Refused(f"{said}")
        return f"exit {wanted}"

    def closed(data, cut=False):
        if exchange(data, cut):
            raise Refused("it was answered")
        return "closed"

    def stall():
        with world.unix(world.admin) as stalled:
            stalled.sendall(frame(ADMIN_REQUEST, 1, b'{"verb":"status"}')[:-3])
            start = time.monotonic()
            world.exits(0, "sevattest-broker", "--socket", world.admin, "status")
            waited = time.monotonic() - start
            if stalled.recv(1):
                raise Refused("it was answered")
        if waited > 13:
            raise Refused(f"the next operator waited {waited:.0f} s")
        return f"ended {waited:.0f}s"

    def close():
        for _ in range(50):
            with world.unix(world.admin) as connection:
                connection.sendall(frame(ADMIN_REQUEST, 1, b'{"verb":"key-put","resource":"prod/app/key","secret":true}'))
            with world.unix(world.admin) as connection:
                connection.sendall(frame(ADMIN_REQUEST, 1, b'{"verb":"key-put","resource":"prod/app/key","secret":true}') +
                                   frame(ADMIN_SECRET, 1, b"half of", size=14))
        return exits(json.dumps(ask_status).encode(), 0)
    cells = {kind: lambda kind=kind: exits(spoil(ask_status, "verb", kind, 0), 2) for kind in JSON_KINDS if kind != "oversized"}
    cells["truncated"] = lambda: f"{exits(spoil(ask_status, 'verb', 'truncated', 0), 2)} {closed(frame(ADMIN_REQUEST, 1, b'{}', size=3), cut=True)}"
    cells["oversized"] = lambda: closed(frame(ADMIN_REQUEST, 1, b"", size=1 << 30))
    cells["stall"] = stall
    cells["close"] = close
    return "admin.sock", cells, lambda: exits(json.dumps(ask_status).encode(), 0)


def seams(world):
    return [auth(world), attest(world), resource(world), status(world), frames(world), admin(world)]
