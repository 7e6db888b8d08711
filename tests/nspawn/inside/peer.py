#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""peer.py SOCKET UNIT ID [TIMEOUT]: asks for a credential as systemd does, under the abstract name that systemd would take, and prints the number of bytes that
came and, when they are few, the bytes in hex. Exit 1: no connection; 3: no answer in time (then "held")."""
import os
import socket
import sys

link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
link.bind(b"\0" + os.urandom(8).hex().lstrip("0").encode() + f"/unit/{sys.argv[2]}/{sys.argv[3]}".encode())
link.settimeout(float(sys.argv[4]) if len(sys.argv) > 4 else 10)
try:
    link.connect(sys.argv[1])
except OSError as error:
    sys.exit(f"connect: {error}")
link.shutdown(socket.SHUT_WR)
data = b""
try:
    while part := link.recv(65536):
        data += part
except socket.timeout:
    print("held", len(data))
    sys.exit(3)
except ConnectionError as error:
    print("ended:", error)
print(len(data), data.hex() if len(data) < 4096 else "zeros" if not data.strip(b"\0") else "SOMETHING")
