#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges the installed programs and libraries as the linker left them: hardening, and which libraries each may need.

usage: programs.py STAGE [FILE]...     all ELF files below STAGE, or only those FILEs of it
"""
import os
import re
import subprocess
import sys

COMMON = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libcrypto.so.3", "libjson-c.so.5"}
P384 = {"libhogweed.so.6", "libnettle.so.8", "libgmp.so.10"}  # snp/p384
DAEMON = {"libsystemd.so.0", "libseccomp.so.2", "libinih.so.1"}
# What each may need beyond COMMON. A daemon with keys has no HTTP and no TLS; a daemon on the network has no store.
NEEDS = {
    "sevattest": P384 | {"libinih.so.1"},  # libcurl is loaded at the first fetch
    "sevattest-broker": {"libsystemd.so.0", "libinih.so.1"},
    "sevattestd": P384 | DAEMON,
    "sevattest-brokerd": P384 | DAEMON | {"libsqlite3.so.0", "libpq.so.5"},
    "sevattest-netd": DAEMON | {"libcurl.so.4"},
    "sevattest-httpd": DAEMON | {"libmicrohttpd.so.12", "libgnutls.so.30"},
    "sevattest-evidence": DAEMON | {"libtss2-esys.so.0", "libtss2-mu.so.0", "libtss2-rc.so.0", "libtss2-tctildr.so.0"},
    "sevattest-luks": DAEMON,
    "sevattest-sim": P384 | {"libsystemd.so.0", "libinih.so.1", "libmicrohttpd.so.12", "libgnutls.so.30", "libfuse3.so.3"},
    "libsevattest.so": P384,
}
LEAST = 8  # programs and libraries of a whole installation


def tool(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def dynamic(path):
    """(tag, value) of the dynamic section."""
    for line in tool("readelf", "-dW", path).splitlines():
        found = re.match(r"\s*0x[0-9a-f]+\s+\((\w+)\)\s*(.*)", line)
        if found:
            yield found.group(1), found.group(2)


def hardening(path, library):
    """What is missing, one text each."""
    segments = tool("readelf", "-lW", path)
    entries = list(dynamic(path))
    flags = " ".join(value for tag, value in entries if tag in ("FLAGS", "FLAGS_1"))
    undefined = {line.split()[-1].split("@")[0] for line in tool("nm", "-D", "--undefined-only", path).splitlines()}
    if not re.search(r"^\s*Type:\s+DYN", tool("readelf", "-hW", path), re.M) or (not library and "PIE" not in flags):
        yield "not position independent (PIE)"
    if "GNU_RELRO" not in segments:
        yield "no RELRO segment"
    if "NOW" not in flags and not any(tag == "BIND_NOW" for tag, _ in entries):
        yield "symbols are bound lazily (no BIND_NOW)"
    if not re.search(r"GNU_STACK\s.*\sRW\s", segments):
        yield "the stack may be executed, or nothing says that it may not"
    if re.search(r"LOAD\s.*\sRWE\s", segments):
        yield "a segment may be written and executed"
    if any(tag == "TEXTREL" for tag, _ in entries):
        yield "relocations in the text"
    if any(tag in ("RPATH", "RUNPATH") for tag, _ in entries):
        yield "a path for libraries of its own (RPATH)"
    if "__stack_chk_fail" not in undefined:
        yield "no stack protector"
    if not any(re.match(r"__\w+_chk$", name) for name in undefined):
        yield "no _FORTIFY_SOURCE"


def libraries(path, name):
    key = name.split(".so")[0] + ".so" if ".so" in name else name
    if key not in NEEDS:
        yield "is not in the table of this lint: say which libraries it needs"
        return
    for tag, value in dynamic(path):
        library = value.split("[")[-1].rstrip("]")
        if tag == "NEEDED" and library not in COMMON | NEEDS[key]:
            yield f"needs {library}"


def is_elf(path):
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def main():
    stage, some = sys.argv[1], sys.argv[2:]
    paths = some or [os.path.join(folder, name) for folder, _, names in os.walk(stage) for name in sorted(names)]
    count = problems = 0
    for path in paths:
        if not is_elf(path):
            continue
        count += 1
        name = os.path.basename(path)
        for what in [*hardening(path, ".so" in name), *libraries(path, name)]:
            problems += 1
            print(f"{name}: {what}")
    if not some and count < LEAST:
        problems += 1
        print(f"{stage}: only {count} programs and libraries: install first")
    print(f"programs: {count} programs and libraries, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
