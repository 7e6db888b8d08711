#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sevattest-evidence that an attacker has taken over: one request for each connection, passed on to the honest helper with one thing changed.

usage: hostile_evidence.py LISTEN HONEST CONTROL

CONTROL is a JSON file, read anew for each request: {"attack": NAME, ...}. What was done is printed."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import hostile_frames as hf

LISTEN, HONEST, CONTROL = sys.argv[1:4]
old = []  # the first honest answer, for a replay


def response(report, table=b"", outcome=0, error=b"", provider=b"tsm", note=b""):
    return (bytes([outcome]) + hf.put("H", error) + hf.put("B", provider) + hf.put("I", report) + hf.put("I", table) + hf.put("H", note))


def honest(payload):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(HONEST)
        sock.sendall(hf.frame(hf.EVIDENCE_REQUEST, 1, payload))
        return hf.receive_frame(sock)[2]


def unpack(data):
    error, at = hf.take(data, 1, "H")
    provider, at = hf.take(data, at, "B")
    report, at = hf.take(data, at, "I")
    table, at = hf.take(data, at, "I")
    return report, table, provider, error


def other_chip(payload, given):
    """A genuine report of another machine for the very report data that was asked for: the attacker owns that one."""
    with tempfile.TemporaryDirectory() as directory:
        out, table = os.path.join(directory, "report"), os.path.join(directory, "table")
        subprocess.run([given["sim"], "report", given["platform"], "-o", out, "--report-data", payload[:64].hex(), "--table", table], check=True,
                       capture_output=True)
        with open(out, "rb") as report, open(table, "rb") as certificates:
            return response(report.read(), certificates.read())


def changed(payload, given):
    """The honest report with one byte changed."""
    report, table, provider, _error = unpack(honest(payload))
    at = given["at"]
    return response(report[:at] + bytes([report[at] ^ 1]) + report[at + 1:], table, provider=provider)


def answer(number, payload, given):
    attack = given["attack"]
    if attack == "honest":
        data = honest(payload)
        old.append(data)
        return hf.frame(hf.EVIDENCE_RESPONSE, number, data)
    if attack == "wrong-data":
        return hf.frame(hf.EVIDENCE_RESPONSE, number, honest(bytes(64) + payload[64:]))
    data = {
        "replay": lambda: old[0] if old else honest(bytes(64) + payload[64:]),
        "other-chip": lambda: other_chip(payload, given),
        "changed": lambda: changed(payload, given),
        "garbage": lambda: response(os.urandom(1184)),
        "short": lambda: response(b"\0" * 100),
        "empty": lambda: response(b""),
        "table": lambda: response(unpack(honest(payload))[0], os.urandom(4096)),
        "error": lambda: response(b"", outcome=2, error=given["text"].encode("latin-1")),
        "error-and-report": lambda: response(bytes(1184), outcome=2, error=b"busy"),
        "outcome": lambda: b"\x63" + honest(payload)[1:],
        "trailing": lambda: honest(payload) + b"x",
        "no-payload": lambda: b"",
    }.get(attack, lambda: honest(payload))()
    return {
        "type": lambda: hf.frame(hf.FETCH_RESPONSE, number, data),
        "wrong-id": lambda: hf.frame(hf.EVIDENCE_RESPONSE, number + 1, data),
        "twice": lambda: hf.frame(hf.EVIDENCE_RESPONSE, number, data) * 2,
        "oversize": lambda: hf.frame(hf.EVIDENCE_RESPONSE, number, b"", size=0x7fffffff),
        "half": lambda: hf.frame(hf.EVIDENCE_RESPONSE, number, data)[:600],
        "close": lambda: b"",
        "stall": lambda: None,
    }.get(attack, lambda: hf.frame(hf.EVIDENCE_RESPONSE, number, data))()


def serve(sock):
    with open(CONTROL, encoding="utf-8") as file:
        given = json.load(file)
    try:
        _kind, number, payload = hf.receive_frame(sock)
        data = answer(number, payload, given)
        print(given["attack"], "asked for", payload[:8].hex(), flush=True)
        if data is None:
            time.sleep(3600)
        sock.sendall(data)
    except (EOFError, OSError, struct.error) as error:
        print("gone", repr(error), flush=True)
    except Exception as error:  # a mistake of the test must be seen
        print("BROKEN", given, repr(error), flush=True)
        raise
    finally:
        sock.close()


def main():
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(LISTEN):
        os.unlink(LISTEN)
    listener.bind(LISTEN)
    listener.listen(16)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


main()
