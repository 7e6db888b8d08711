#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon's end of net.sock: sends fetch requests in frames, prints one JSON line for each answer, in the order of arrival.

usage: net_client.py SOCKET ORIGIN METHOD PATH [--cookie V] [--authorization V] [--type V] [--body TEXT] [--max N] [--timeout MS] [--times N] [--at-once]
       net_client.py SOCKET --raw HEX      sends these bytes and tells whether the connection was closed
"""
import argparse
import json
import socket
import struct
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("socket")
parser.add_argument("origin", nargs="?", default="")
parser.add_argument("method", nargs="?", default="GET")
parser.add_argument("path", nargs="?", default="/")
parser.add_argument("--cookie", default="")
parser.add_argument("--authorization", default="")
parser.add_argument("--type", default="")
parser.add_argument("--body", default="")
parser.add_argument("--max", type=int, default=65536)
parser.add_argument("--timeout", type=int, default=10000)
parser.add_argument("--times", type=int, default=1)
parser.add_argument("--at-once", action="store_true")
parser.add_argument("--raw")
args = parser.parse_args()

METHODS = {"GET": 1, "POST": 2, "PUT": 3, "DELETE": 4}


def sized(form, data):
    data = data.encode()
    return struct.pack("<" + form, len(data)) + data


def request():
    return (sized("B", args.origin) + bytes([METHODS[args.method]]) + sized("H", args.path) + sized("H", args.cookie) +
            sized("H", args.authorization) + sized("B", args.type) + struct.pack("<II", args.max, args.timeout) + sized("I", args.body))


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def field(data, at, form):
    size, = struct.unpack_from("<" + form, data, at)
    at += struct.calcsize("<" + form)
    return data[at:at + size], at + size


def answer(sock):
    size, kind, _zero, number = struct.unpack("<IHHI", receive(sock, 12))
    data = receive(sock, size)
    assert kind == 10, kind
    outcome, status = struct.unpack_from("<BH", data)
    cookie, at = field(data, 3, "H")
    content_type, at = field(data, at, "B")
    retry_after, reused = struct.unpack_from("<IB", data, at)
    text, at = field(data, at + 5, "H")
    body, at = field(data, at, "I")
    assert at == len(data)
    return {"id": number, "outcome": outcome, "status": status, "cookie": cookie.decode(), "type": content_type.decode(),
            "retry_after": retry_after, "reused": bool(reused), "error": text.decode(), "size": len(body), "body": body[:200].decode("latin-1"),
            "ms": round((time.monotonic() - start) * 1000)}


with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
    sock.settimeout(60)
    sock.connect(args.socket)
    start = time.monotonic()
    if args.raw is not None:
        sock.sendall(bytes.fromhex(args.raw))
        try:
            print(json.dumps({"closed": sock.recv(1) == b""}))
        except ConnectionResetError:
            print(json.dumps({"closed": True}))
        sys.exit(0)
    payload = request()
    for number in range(1, args.times + 1):
        sock.sendall(struct.pack("<IHHI", len(payload), 9, 0, number) + payload)
        if not args.at_once:
            print(json.dumps(answer(sock)))
    for number in range(args.times if args.at_once else 0):
        print(json.dumps(answer(sock)), flush=True)
