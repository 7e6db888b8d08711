#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks for a credential as systemd does: from inside the unit's control group, from an abstract address that names unit and credential.

usage: ask_credential.py SOCKET UNIT ID [--cgroup DIRECTORY] [--uid UID] [--name NAME] [--out FILE] [--timeout S] [--pause S]

Prints "key N", "refused" (more than systemd takes), "empty", or "waiting" after the timeout. With --out the key goes into a file."""
import argparse
import os
import secrets
import socket
import sys
import time

MOST = 1 << 20  # of all credentials of a unit


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket")
    parser.add_argument("unit")
    parser.add_argument("id")
    parser.add_argument("--cgroup", help="directory of a control group to enter first")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--name", help="the whole abstract address instead of the one of systemd")
    parser.add_argument("--out")
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--pause", type=float, default=0, help="seconds between connecting and reading")
    return parser.parse_args()


def main():
    options = arguments()
    if options.cgroup:
        with open(os.path.join(options.cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    if options.uid is not None:
        os.setgid(options.uid)
        os.setuid(options.uid)
    peer = socket.socket(socket.AF_UNIX)
    name = options.name if options.name is not None else f"{secrets.randbits(64):x}/unit/{options.unit}/{options.id}"
    if name:
        peer.bind("\0" + name)
    peer.connect(options.socket)
    peer.shutdown(socket.SHUT_WR)  # as systemd's read_full_file() does
    time.sleep(options.pause)
    peer.settimeout(options.timeout)
    data = b""
    try:
        while len(data) <= MOST:
            part = peer.recv(1 << 16)
            if not part:
                break
            data += part
    except TimeoutError:
        print("waiting" if not data else f"waiting after {len(data)}")
        return
    except ConnectionResetError:
        print("reset")
        return
    if len(data) > MOST:
        print("refused")
    elif not data:
        print("empty")
    else:
        if options.out:
            with open(options.out, "wb") as file:
                file.write(data)
        print(f"key {len(data)}")


sys.exit(main())
