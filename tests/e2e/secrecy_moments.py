#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who holds which secret at five moments of a handshake, and afterwards. Every process is scanned at every moment; the table is printed, and each cell of
it must be as the design has it: a key where it must be, for as long as it must, and nowhere else.

usage: secrecy_moments.py FOLDER BROKERD HTTPD SIM STATUS_PORT -- GET COMMAND...
FOLDER holds `secret` (32 bytes), `marker`, `escrow` and `tls.pkcs8`; `moments` is made. The processes are stopped by gdb (gdb_moments.py). Exit 77: no ptrace."""
import base64
import os
import re
import socket
import subprocess
import sys
import time

import memory_scan

HERE = os.path.dirname(os.path.abspath(__file__))
# In order: name, who is stopped there, where it enters.
MOMENTS = [
    ("before auth", "get", "fetch"),
    ("after auth", "get", "collect"),
    ("at attest", "brokerd", "appraiser_run"),
    ("at the release", "brokerd", "jwe_encrypt"),
    ("after the answer", "get", "file_write"),
    ("afterwards", None, None),
]
PROCESSES = ["get", "httpd", "connector", "brokerd", "sim"]
# Who must hold what, and when. Whatever is not listed must not be found.
EXPECTED = {("key", "brokerd", "at the release"), ("key", "get", "after the answer")}
EXPECTED |= {("kek", "brokerd", moment) for moment, _, _ in MOMENTS}
EXPECTED |= {("tls", "httpd", moment) for moment, _, _ in MOMENTS}
EXPECTED |= {("marker", "httpd", moment) for moment, _, _ in MOMENTS}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def texts(raw):
    """The forms in which bytes travel: base64 at each of its three alignments, both alphabets, and hexadecimal."""
    forms = [raw.hex().encode(), raw.hex().upper().encode()]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)[4 * (shift > 0):]
        text = text[: (len(raw) - (3 - shift) % 3) // 3 * 4]
        forms += [text, text.translate(bytes.maketrans(b"+/", b"-_"))]
    return forms


def forms(raw):
    """Half of a key is as bad: what the cipher took last may lie in a register that was saved."""
    return [raw[:16], raw[-16:], *texts(raw)]


def private_scalar(pkcs8):
    """The 32 bytes of a P-256 key, as they stand in its DER and as little-endian limbs."""
    der = base64.b64decode(b"".join(line for line in pkcs8.splitlines() if not line.startswith(b"-----")))
    scalar = der[der.index(b"\x02\x01\x01\x04\x20") + 5:][:32]
    return [scalar, scalar[::-1]]


def needles_of(folder):
    text = read(f"{folder}/escrow").strip().split(b":", 1)[1]
    kek = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))[:32]
    secret = read(f"{folder}/secret")
    return {"key": forms(secret), "kek": forms(kek), "tls": private_scalar(read(f"{folder}/tls.pkcs8")), "marker": [read(f"{folder}/marker")]}


class Table:
    def __init__(self, folder, pids, port):
        self.pids, self.port, self.secret_marker = pids, port, read(f"{folder}/marker").decode()
        self.needles = needles_of(folder)
        self.rows, self.wrong, self.cells = [], [], 0

    def scan(self, moment):
        """Scans every process for everything, with a request in httpd that never ends and holds the marker."""
        with socket.create_connection(("127.0.0.1", self.port)) as held:
            held.sendall(f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Note: {self.secret_marker}\r\n".encode())
            time.sleep(0.3)
            self.rows.append([moment] + [self.cell(moment, name) for name in PROCESSES])
            for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
                for item in ("key", "kek", "tls"):
                    if any(memory_scan.outside(pid, self.needles[item])):
                        self.wrong.append(f"{moment}: the {item} is in the environment or on the command line of process {pid}")

    def cell(self, moment, name):
        if name not in self.pids:
            return "ended"
        flat = [(item, needle) for item, needles in self.needles.items() for needle in needles]
        hits = memory_scan.scan(self.pids[name], [needle for _, needle in flat])
        found = {item for (item, _), hit in zip(flat, hits) if hit}
        for item in self.needles:
            self.cells += 1
            if (item in found) != ((item, name, moment) in EXPECTED):
                self.wrong.append(f"{moment}: {name}: {item} {'found' if item in found else 'not found'}")
        return " ".join(item if item in found else "-" for item in self.needles)

    def show(self):
        print("found at each moment, in this order: " + ", ".join(self.needles) + "; - is not found")
        for row in [["", *PROCESSES], *self.rows]:
            print(" | ".join(f"{cell:20}" for cell in row))


def wait(path, programs, seconds=60):
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        if time.monotonic() > end or any(program.poll() is not None for program in programs):
            return False
        time.sleep(0.02)
    return True


def gdb(folder, who, log, *arguments):
    moments = ",".join(f"{function}={name.replace(' ', '-')}" for name, stopped, function in MOMENTS if stopped == who)
    return subprocess.Popen(["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-x", os.path.join(HERE, "gdb_moments.py"), *arguments],
                            env={**os.environ, "MOMENTS": moments, "MOMENTS_DIR": folder}, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def run(folder, pids, command, table):
    moments = f"{folder}/moments"
    os.mkdir(moments)
    with open(f"{folder}/gdb.log", "wb") as log:
        broker = gdb(moments, "brokerd", log, "-p", str(pids["brokerd"]))
        if not wait(f"{moments}/ready.attached", [broker]):
            text = read(f"{folder}/gdb.log").decode()
            print(f"SKIP: gdb cannot attach: {text}" if re.search("ptrace|not permitted", text) else f"gdb: {text}")
            return 77 if re.search("ptrace|not permitted", text) else 1
        getter = gdb(moments, "get", log, "--args", *command)
        for name, stopped, _ in MOMENTS[:-1]:
            place = name.replace(" ", "-")
            if not wait(f"{moments}/at.{place}", [getter]):
                print(f"FAIL: {name}: {stopped} did not come there: {read(f'{folder}/gdb.log').decode()}")
                return 1
            if stopped == "get":
                pids["get"] = int(read(f"{moments}/at.{place}"))
            table.scan(name)
            with open(f"{moments}/go.{place}", "wb"):
                pass
        if getter.wait(60) != 0 or broker.wait(60) != 0:
            print("FAIL: gdb:", read(f"{folder}/gdb.log").decode())
            return 1
    del pids["get"]
    time.sleep(1)
    table.scan("afterwards")
    return 0


def main():
    split = sys.argv.index("--")
    folder, brokerd, httpd, sim, port = sys.argv[1:split]
    pids = {"brokerd": int(brokerd), "httpd": int(httpd), "sim": int(sim)}
    children = read(f"/proc/{httpd}/task/{httpd}/children").split()
    if len(children) != 1:
        sys.exit(f"httpd has {len(children)} children, not one connector")
    pids["connector"] = int(children[0])
    table = Table(folder, pids, int(port))
    r = run(folder, pids, sys.argv[split + 1:], table)
    if r:
        return r
    table.show()
    for text in table.wrong:
        print("FAIL:", text)
    wanted = len(table.needles) * (len(PROCESSES) * len(MOMENTS) - 1)
    print(f"{table.cells} cells looked at, {len(EXPECTED)} of them must be found; {len(table.wrong)} wrong")
    return 1 if table.wrong or table.cells != wanted else 0


if __name__ == "__main__":
    sys.exit(main())
