#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One TCP connection out of a virtual machine: QEMU starts this for each (guestfwd), the guest's bytes are its standard input and output.

usage: relay.py FILE     FILE has the port on 127.0.0.1; is it absent, or does nobody listen there, the connection ends at once
"""
import os
import select
import socket
import sys


def main():
    try:
        with open(sys.argv[1], encoding="ascii") as file:
            peer = socket.create_connection(("127.0.0.1", int(file.read())))
    except (OSError, ValueError):
        sys.exit(1)  # without a word: standard error is the guest's connection too
    ways = {0: peer.fileno(), peer.fileno(): 1}
    while ways:
        for source in select.select(list(ways), [], [])[0]:
            data = os.read(source, 65536)
            if not data:
                return
            # QEMU gives a socket; a short write is possible on both sides.
            while data:
                data = data[os.write(ways[source], data):]


if __name__ == "__main__":
    main()
