#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""frame.py SOCKET TYPE [HEX]: sends one frame and prints the answer: its type, then its payload in hex. Exit 1: closed without an answer."""
import socket
import struct
import sys


def read_exact(link, size):
    data = b""
    while len(data) < size:
        part = link.recv(size - len(data))
        if not part:
            sys.exit("closed")
        data += part
    return data


link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
link.settimeout(20)
link.connect(sys.argv[1])
payload = bytes.fromhex(sys.argv[3] if len(sys.argv) > 3 else "")
link.sendall(struct.pack("<IHHI", len(payload), int(sys.argv[2]), 0, 7) + payload)
size, kind, _, request = struct.unpack("<IHHI", read_exact(link, 12))
print(kind, read_exact(link, size).hex())
