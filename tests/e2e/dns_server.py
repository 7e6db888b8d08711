#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A name server of one A record: says over UDP that the answer is too large, gives it over TCP. usage: dns_server.py ADDRESS NAME=IPV4"""
import socket
import struct
import sys
import threading

address, record = sys.argv[1:3]
name, ip = record.split("=")


def answer(query, over_tcp):
    number, = struct.unpack_from(">H", query)
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind, = struct.unpack_from(">H", query, at + 1)
    question = query[12:at + 5]
    known = ".".join(labels).lower() == name
    print("tcp" if over_tcp else "udp", ".".join(labels), kind, flush=True)
    if known and not over_tcp:
        return struct.pack(">HHHHHH", number, 0x8780, 1, 0, 0, 0) + question
    records = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(ip) if known and kind == 1 else b""
    return struct.pack(">HHHHHH", number, 0x8580 | (0 if known else 3), 1, 1 if records else 0, 0, 0) + question + records


def tcp():
    server = socket.create_server((address, 53))
    while True:
        peer, _ = server.accept()
        threading.Thread(target=serve, args=(peer,), daemon=True).start()


def serve(peer):
    with peer:
        while len(size := peer.recv(2)) == 2:
            data = answer(peer.recv(struct.unpack(">H", size)[0]), True)
            peer.sendall(struct.pack(">H", len(data)) + data)


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((address, 53))
threading.Thread(target=tcp, daemon=True).start()
print("ready", flush=True)
while True:
    data, peer = udp.recvfrom(4096)
    udp.sendto(answer(data, False), peer)
