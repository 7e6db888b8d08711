#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The openssl command as an independent verifier: chain and report signature of every genuine report with certificates, of each with one bit of the
report changed, and of each with the VEK of another chip. It and `sevattest verify` must come to the same result, and the number of reports that ran
must be the index's.

Environment: SEVATTEST the program, SEVATTEST_VECTORS the folder of vectors. Exit 77: there are no vectors."""
import calendar
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SEVATTEST", "sevattest")
VECTORS = os.environ.get("SEVATTEST_VECTORS", os.path.join(HERE, "..", "..", "..", "shared", "vectors"))
WANTED = 32
SIGNED = 0x2A0  # bytes of a report under the signature; R and S follow, 72 bytes each, little endian
failures = []
tried = {"genuine": 0, "spoiled": 0, "of another chip": 0}


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)


def integer(number):
    """DER of an INTEGER that is not negative."""
    body = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([2, len(body)]) + body


def signature_der(report):
    both = integer(int.from_bytes(report[SIGNED:SIGNED + 72], "little")) + integer(int.from_bytes(report[SIGNED + 72:SIGNED + 144], "little"))
    return bytes([0x30, len(both)]) + both if len(both) < 128 else bytes([0x30, 0x81, len(both)]) + both


class Chain:
    """The three certificates of a report as PEM files, told apart by what openssl reads in them."""

    def __init__(self, folder, paths):
        self.folder = folder
        for number, path in enumerate(paths):
            pem = os.path.join(folder, f"{number}.pem")
            openssl("x509", "-inform", "DER", "-in", os.path.join(VECTORS, path), "-out", pem)
            names = openssl("x509", "-in", pem, "-noout", "-subject", "-issuer").stdout.splitlines()
            key = openssl("x509", "-in", pem, "-noout", "-pubkey").stdout
            if names[0].split("=", 1)[1] == names[1].split("=", 1)[1]:
                self.root = pem
            elif len(key) < 300:  # P-384; the others have RSA of 4096 bits
                self.vek, self.vek_path = pem, path
                self.key = os.path.join(folder, "vek.pub")
                with open(self.key, "w", encoding="ascii") as file:
                    file.write(key)
            else:
                self.intermediate = pem

    def accepts(self, report, moment):
        seconds = calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ"))
        chain = openssl("verify", "-attime", str(seconds), "-CAfile", self.root, "-untrusted", self.intermediate, self.vek)
        for name, data in (("signed", report[:SIGNED]), ("signature", signature_der(report))):
            with open(os.path.join(self.folder, name), "wb") as file:
                file.write(data)
        signature = openssl("dgst", "-sha384", "-verify", self.key, "-signature", os.path.join(self.folder, "signature"),
                            os.path.join(self.folder, "signed"))
        return chain.returncode == 0 and signature.returncode == 0


def ours(path, certs, moment):
    options = [word for cert in certs for word in ("--certs", cert)]
    return subprocess.run([PROGRAM, "verify", path, "--json", "--revocation", "off", "--time", moment, *options], cwd=VECTORS,
                          capture_output=True, timeout=60).returncode


def compare(kind, chain, report, path, certs, moment, wanted):
    tried[kind] += 1
    theirs = chain.accepts(report, moment)
    code = ours(path, certs, moment)
    if theirs != wanted or code != (0 if wanted else 3):
        failures.append(f"{path}, {kind}: openssl says {'yes' if theirs else 'no'}, sevattest verify says {code}")


def main():
    if not os.path.isdir(VECTORS):
        print(f"SKIP: {VECTORS} is absent")
        return 77
    with open(os.path.join(VECTORS, "index.json"), encoding="utf-8") as file:
        entries = [entry for entry in json.load(file)["objects"] if entry["kind"] == "report" and entry.get("certs")]
    before = None
    for number, entry in enumerate(entries):
        with tempfile.TemporaryDirectory() as folder:
            chain = Chain(folder, entry["certs"])
            with open(os.path.join(VECTORS, entry["file"]), "rb") as file:
                report = file.read()
            moment = entry["verify_time"]
            compare("genuine", chain, report, entry["file"], entry["certs"], moment, True)
            # A bit of the measurement, another one in each report: nothing but the signature notices.
            changed = bytearray(report)
            changed[0x90 + number % 48] ^= 1 << number % 8
            spoiled = os.path.join(folder, "spoiled.bin")
            with open(spoiled, "wb") as file:
                file.write(changed)
            compare("spoiled", chain, bytes(changed), spoiled, entry["certs"], moment, False)
            # The same chain with the VEK of the report before: it signed something else.
            if before and before.vek_path != chain.vek_path:
                with tempfile.TemporaryDirectory() as other:
                    paths = [before.vek_path if path == chain.vek_path else path for path in entry["certs"]]
                    compare("of another chip", Chain(other, paths), report, entry["file"], paths, moment, False)
            before = chain
    print(f"openssl and sevattest: {tried['genuine']} genuine, {tried['spoiled']} spoiled, {tried['of another chip']} with another chip's VEK")
    if tried["genuine"] != WANTED or tried["of another chip"] < WANTED // 2:
        failures.append(f"{WANTED} reports with certificates were wanted")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


sys.exit(main())
