#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks for bytes in the memory, environment and command line of a process. usage: memory_scan.py PID FILE...

FILE holds the bytes to look for (the first 32 of a longer file). Prints "found" or "absent" per file; exit 0, or 2 when the memory could not be read.
That it could is known by the process's own command line, which the scan must find."""
import sys


class Unreadable(Exception):
    pass


def regions(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            span, mode = line.split()[:2]
            if "r" in mode and not line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                start, end = (int(part, 16) for part in span.split("-"))
                yield start, end


def scan(pid, needles):
    """Which of `needles` are somewhere in the memory. A list of bool."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        own = file.read(200)
    wanted = [own, *needles]
    found = [False] * len(wanted)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in regions(pid):
            try:
                memory.seek(start)
                data = memory.read(end - start) or b""
            except OSError:
                continue
            found = [hit or needle in data for hit, needle in zip(found, wanted)]
    if not own or not found[0]:
        raise Unreadable(f"process {pid}: its own command line was not found in its memory")
    return found[1:]


def outside(pid, needles):
    """Which of `needles` are in the environment or on the command line."""
    data = b""
    for place in ("environ", "cmdline"):
        try:
            with open(f"/proc/{pid}/{place}", "rb") as file:
                data += file.read() + b"\0\0"
        except OSError:
            continue  # it has ended, or it is a kernel's thread
    return [needle in data for needle in needles]


def main():
    pid, names = sys.argv[1], sys.argv[2:]
    needles = [open(name, "rb").read(32) for name in names]
    try:
        found = scan(pid, needles)
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 2
    for name, hit in zip(names, outside(pid, needles)):
        if hit:
            print(f"{name}: in environment or command line of process {pid}", file=sys.stderr)
            return 1
    for name, hit in zip(names, found):
        print(("found " if hit else "absent ") + name.rsplit("/", 1)[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
