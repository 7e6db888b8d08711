#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""listeners.py PORT PATH: accepts on a loopback port and on an AF_UNIX path that everybody may reach, and closes; until it is ended."""
import os
import select
import socket
import sys

tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(("127.0.0.1", int(sys.argv[1])))
local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
local.bind(sys.argv[2])
os.chmod(sys.argv[2], 0o666)
for link in (tcp, local):
    link.listen(64)
while True:
    for link in select.select([tcp, local], [], [])[0]:
        link.accept()[0].close()
