#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds up the layers of the tree: who may include whom, which external header belongs where, and which symbols the pure archives may need.

usage: layers.py SOURCE_DIR [BUILD_DIR]
"""
import os
import re
import subprocess
import sys

PROGRAMS = ["agent", "cli", "broker", "netd", "httpd", "brokerctl", "sim"]
PROGRAMS += ["evidence-helper", "luks-helper"]
# layer -> layers whose headers it may include (its own folder is always allowed)
LAYERS = {
    "base": [],
    "tpm": ["base"],
    "snp": ["base"],
    "jose": ["base"],
    "luks": ["base"],
    "measure": ["snp", "base"],
    "evidence": ["snp", "tpm", "base"],
    "appraise": ["evidence", "snp", "tpm", "base"],
    "kbs": ["jose", "base"],
    "lib": ["kbs", "appraise", "evidence", "measure", "luks", "jose", "snp", "tpm", "base"],
    "provider": ["evidence", "snp", "tpm", "base"],
    "io": ["snp", "base"],
    "enroll": ["luks", "jose", "kbs", "evidence", "io", "base"],
    "doctor": ["enroll", "luks", "jose", "kbs", "appraise", "evidence", "provider", "io", "snp", "tpm", "base"],
}
ALL = list(LAYERS)
for program in PROGRAMS:
    LAYERS[program] = ALL
PURE = ["base_pure", "tpm", "snp", "jose", "luks", "measure", "evidence", "appraise", "kbs", "lib"]

# header prefix -> files (without .c/.h suffix match by prefix) that may include it
EXTERNAL = {
    "nettle/": ["src/snp/p384"],
    "tss2/": ["src/provider/azure_vtpm"],
    "libcryptsetup.h": ["src/enroll/slots"],
    "blkid/": ["src/enroll/contents"],
    "curl/": ["src/io/fetch", "src/io/curl_lazy"],
    "microhttpd.h": ["src/io/httpserver"],
    "gnutls/": ["src/io/httpserver"],
    "sqlite3.h": ["src/broker/store_"],
    "libpq-fe.h": ["src/broker/store_"],
    "fuse": ["src/sim/"],
    "seccomp.h": ["src/io/sandbox"],
    "systemd/": ["src/io/", "src/agent/"],
    "ini.h": ["src/base/config"],
    "json-c/": ["src/base/json"],
}

# Headers of libc and the kernel, and OpenSSL's: anybody may include them (what a pure layer may call is judged by symbol). All others are in EXTERNAL.
LIBC = set("""assert.h ctype.h dirent.h dlfcn.h endian.h errno.h fcntl.h getopt.h grp.h inttypes.h libgen.h limits.h link.h locale.h malloc.h netdb.h nss.h poll.h
pthread.h pwd.h sched.h signal.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h syslog.h termios.h time.h unistd.h
sevattest.h""".split())
LIBC_FOLDERS = ("sys/", "linux/", "asm/", "net/", "netinet/", "arpa/", "openssl/")

# What turns a pure layer into one that does I/O, reads the clock or the environment, or keeps state of its own.
FORBIDDEN = set("""open openat creat read write pread pwrite readv writev socket connect bind listen accept accept4 send recv sendto recvfrom sendmsg recvmsg
ioctl mmap poll ppoll select getaddrinfo time gettimeofday clock_gettime clock timespec_get localtime localtime_r mktime getenv secure_getenv setenv
putenv environ fopen freopen fdopen popen system fork vfork execve execvp posix_spawn dlopen syscall printf vprintf puts putchar perror stdin stdout stderr
stat lstat fstat fstatat access unlink rename mkdir opendir exit _exit abort signal sigaction sleep usleep nanosleep rand random srand getrandom
getentropy arc4random syslog vsyslog fprintf vfprintf fputs fputc putc fwrite fread fgets getline fflush fclose pthread_create strtok""".split())
# finding.c prints the table of a verdict to a FILE that its caller opened.
FILE_PRINTERS = {"finding.c.o": {"fprintf", "vfprintf", "fputs", "fputc", "putc", "fwrite"}}
# Where the tests switch checks off; only in builds with -Dtest_hooks.
STATEFUL = {"hooks.c.o"}

SPDX = "SPDX-License-Identifier: Apache-2.0"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b", re.M)


class Report:
    def __init__(self):
        self.problems = []

    def __call__(self, place, what):
        self.problems.append(f"{place}: {what}")


def sources(root):
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                path = os.path.join(folder, name)
                yield os.path.relpath(path, root), open(path, encoding="utf-8").read()


def check_include(path, kind, header, report):
    layer = path.split("/")[1]
    first = header.split("/")[0]
    if kind == '"' and "/" in header:
        if first not in LAYERS:
            report(path, f'"{header}": no such layer')
        elif first != layer and first not in LAYERS[layer]:
            report(path, f"{layer}/ may not include {first}/ ({header})")
        elif first in PROGRAMS and first != layer:
            report(path, f"programs know nothing of each other ({header})")
    if kind == '"' and "/" not in header:
        report(path, f'"{header}": write the layer too, "{layer}/{header}"')
    if kind == "<":
        known = header in LIBC or header.startswith(LIBC_FOLDERS)
        for prefix, allowed in EXTERNAL.items():
            known = known or header.startswith(prefix)
            if header.startswith(prefix) and not any(path.startswith(place) for place in allowed):
                report(path, f"<{header}> belongs only in {', '.join(allowed)}")
        if not known:
            report(path, f"<{header}> is of no library that this house uses")


def check_text(path, text, report):
    if SPDX not in text.split("\n", 1)[0]:
        report(path, "the first line is not the SPDX line")
    if path.endswith(".h") and "#pragma once" not in text:
        report(path, "no #pragma once")
    if path.endswith(".c") and CONDITIONAL.search(text):
        report(path, "#if in a .c file: pick another file in meson instead")
    if len(text.splitlines()) > 700:
        report(path, "more than 700 lines: split it")
    for call in re.finditer(r"(?<![\w.>])(strcpy|strcat|sprintf|gets|atoi|atol|alloca|system|popen)\s*\(", text):
        report(path, f"{call.group(1)}() is not used in this house")


def members(archive):
    out = subprocess.run(["nm", "-A", "--undefined-only", archive], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        place, symbol = re.fullmatch(r"(.*?):\s+\w (\S+)", line).groups()
        yield os.path.basename(place.split(":")[-1]), symbol.split("@")[0]


def plain(symbol):
    """The function that was called: the compiler turns open() into __open_2() or open64(), read() into __read_chk()."""
    for pattern in (r"^__(\w+?)_(?:chk|2)$", r"^(\w+)64$", r"^__isoc\d+_(\w+)$", r"^_IO_(\w+)$", r"^__(environ)$"):
        symbol = re.sub(pattern, r"\1", symbol)
    return symbol


def variables(archive):
    """Objects that can be written to. Tables of constant pointers lie in .data.rel.ro and are none."""
    out = subprocess.run(["nm", "-A", "--format=sysv", archive], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 7 and re.match(r"^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)(?!\.rel\.ro)", columns[6]) and columns[2] not in ("r", "R"):
            place, symbol = columns[0].rsplit(":", 1)
            yield os.path.basename(place.split(":")[-1]), symbol


def check_symbols(build, report):
    found = 0
    for name in PURE:
        for folder, _, names in os.walk(os.path.join(build, "src")):
            if f"lib{name}.a" not in names:
                continue
            found += 1
            for member, symbol in members(os.path.join(folder, f"lib{name}.a")):
                if plain(symbol) in FORBIDDEN and plain(symbol) not in FILE_PRINTERS.get(member, ()):
                    report(f"lib{name}.a({member})", f"a pure layer refers to {symbol}()")
            for member, symbol in variables(os.path.join(folder, f"lib{name}.a")):
                if member not in STATEFUL:
                    report(f"lib{name}.a({member})", f"a pure layer keeps a variable, {symbol}")
    if found < len(PURE) - 1:
        report(build, f"only {found} pure archives were found: build first")
    return found


def main():
    root = sys.argv[1]
    report = Report()
    files = 0
    for path, text in sources(root):
        files += 1
        check_text(path, text, report)
        for kind, header in INCLUDE.findall(text):
            check_include(path, kind, header, report)
    archives = check_symbols(sys.argv[2], report) if len(sys.argv) > 2 else 0
    if files == 0:
        report(root, "no sources found")
    for problem in report.problems:
        print(problem)
    print(f"layers: {files} files, {archives} pure archives, {len(report.problems)} problems")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
