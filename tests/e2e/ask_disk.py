#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks sevattestd about a volume: as sevattest-luks does at luks.sock, or as systemd-cryptsetup does at cryptsetup.sock.

usage: ask_disk.py luks SOCKET VOLUME [--timeout S] [--raw HEX] [--half]
       ask_disk.py key SOCKET VOLUME [--cgroup DIRECTORY] [--uid UID] [--name NAME] [--out FILE] [--timeout S]

luks prints "open primary", "open secondary", "refused CHECK: REASON", "waiting" or "closed"; key prints "key N", "refused" (more than a key file may have),
"empty", or "waiting"."""
import argparse
import os
import secrets
import socket
import struct
import sys
import time

MOST = 65 << 20  # systemd takes 64 MiB for a key
HEAD = struct.Struct("<IHHI")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("luks", "key"))
    parser.add_argument("socket")
    parser.add_argument("volume")
    parser.add_argument("--cgroup", help="directory of a control group to enter first")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--name", help="the whole abstract address instead of the one of systemd")
    parser.add_argument("--out")
    parser.add_argument("--raw", help="other bytes than a request, in hex")
    parser.add_argument("--half", action="store_true", help="the request in two parts, half a second apart")
    parser.add_argument("--timeout", type=float, default=10)
    return parser.parse_args()


def receive(peer, most):
    """What comes until the end, at most so much; and what ended it."""
    data = bytearray()
    try:
        while len(data) < most:
            part = peer.recv(1 << 20)
            if not part:
                return data, "closed"
            data += part
    except TimeoutError:
        return data, "waiting"
    except ConnectionResetError:
        return data, "reset"
    return data, "more"


def ask_luks(peer, options):
    request = bytes.fromhex(options.raw) if options.raw is not None else HEAD.pack(len(options.volume), 13, 0, 7) + options.volume.encode()
    if options.half:
        peer.sendall(request[:14])
        time.sleep(0.5)
        request = request[14:]
    peer.sendall(request)
    peer.settimeout(options.timeout)
    data, end = receive(peer, 1 << 16)
    if not data:
        return end
    size, kind, zero, number = HEAD.unpack_from(data)
    body = data[HEAD.size:]
    assert (kind, zero, number, size) == (14, 0, 7, len(body)) and body[2:4] == b"\0\0", data
    if body[0] == 0:
        assert len(body) == 4
        return f"open {('primary', 'secondary')[body[1]]}"
    check, reason = body[4:].decode().split("\n", 1)
    return f"refused {check}: {reason}"


def ask_key(peer, options):
    peer.shutdown(socket.SHUT_WR)  # as systemd's read_full_file() does
    peer.settimeout(options.timeout)
    data, end = receive(peer, MOST)
    if len(data) >= MOST:
        return "refused"
    if end != "closed":
        return f"{end} after {len(data)}" if data else end
    if not data:
        return "empty"
    if options.out:
        with open(options.out, "wb") as file:
            file.write(data)
    return f"key {len(data)}"


def main():
    options = arguments()
    if options.cgroup:
        with open(os.path.join(options.cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    if options.uid is not None:
        os.setgid(options.uid)
        os.setuid(options.uid)
    peer = socket.socket(socket.AF_UNIX)
    name = options.name if options.name is not None else f"{secrets.randbits(64):x}/cryptsetup/{options.volume}" if options.what == "key" else ""
    if name:
        peer.bind("\0" + name)
    peer.connect(options.socket)
    print(ask_luks(peer, options) if options.what == "luks" else ask_key(peer, options))


if __name__ == "__main__":
    sys.exit(main())
