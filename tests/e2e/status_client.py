#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a status socket for a path and prints the body. usage: status_client.py SOCKET PATH     exits 1 unless the status is 200"""
import socket
import struct
import sys


def main():
    path = sys.argv[2].encode()
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(10)
    peer.connect(sys.argv[1])
    peer.sendall(struct.pack("<IHHI", len(path), 7, 0, 1) + path)
    data = b""
    while len(data) < 12 or len(data) < 12 + struct.unpack("<I", data[:4])[0]:
        part = peer.recv(1 << 16)
        if not part:
            sys.exit("the connection ended")
        data += part
    payload = data[12:]
    status, cookie = struct.unpack("<HH", payload[:4])
    at = 4 + cookie
    at += 1 + payload[at] + 4  # content type, retry-after
    size = struct.unpack("<I", payload[at:at + 4])[0]
    sys.stdout.write(payload[at + 4:at + 4 + size].decode())
    return 0 if status == 200 else 1


sys.exit(main())
