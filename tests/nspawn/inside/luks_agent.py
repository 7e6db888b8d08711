#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""luks_agent.py SOCKET ANSWER...: answers questions of sevattest-luks, one after the other: "yes", "no:CHECK:REASON:FIX", "hold" (never)."""
import os
import socket
import struct
import sys

path, answers = sys.argv[1], sys.argv[2:]
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
os.umask(0o177)
server.bind(path)
server.listen()
held = []
for answer in answers:
    link, _ = server.accept()
    size, kind, _, number = struct.unpack("<IHHI", link.recv(12, socket.MSG_WAITALL))
    name = link.recv(size, socket.MSG_WAITALL)
    print("asked about", name.decode(), "answer:", answer, flush=True)
    if kind != 13:
        sys.exit(f"a frame of type {kind}")
    if answer == "hold":
        held.append(link)
        continue
    payload = b"\0\0\0\0" if answer == "yes" else b"\1\0\0\0" + "\n".join(answer.split(":")[1:]).encode()
    link.sendall(struct.pack("<IHHI", len(payload), 14, 0, number) + payload)
    link.close()
while True:
    held.append(server.accept())
