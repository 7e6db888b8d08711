#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks for bytes in the memory, environment and command line of a process. usage: memory_scan.py PID FILE...

FILE holds the bytes to look for (the first 32 of a longer file). Prints "found" or "absent" per file; exit 0, or 2 when the memory could not be read."""
import sys


def regions(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            span, mode = line.split()[:2]
            if "r" in mode and not line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                start, end = (int(part, 16) for part in span.split("-"))
                yield start, end


def main():
    pid, names = sys.argv[1], sys.argv[2:]
    needles = [open(name, "rb").read(32) for name in names]
    found = [False] * len(needles)
    read = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in regions(pid):
            try:
                memory.seek(start)
                data = memory.read(end - start) or b""
            except OSError:
                continue
            read += len(data)
            for i, needle in enumerate(needles):
                found[i] = found[i] or needle in data
    for place in ("environ", "cmdline"):
        data = open(f"/proc/{pid}/{place}", "rb").read()
        for name, needle in zip(names, needles):
            if needle in data:
                sys.exit(f"{name}: in /proc/{pid}/{place}")
    if read < 100000:
        sys.exit(2)
    for name, hit in zip(names, found):
        print(("found " if hit else "absent ") + name.rsplit("/", 1)[-1])


main()
