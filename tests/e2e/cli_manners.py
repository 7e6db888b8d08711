#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manners of `sevattest` at its seams: exit codes, one object with --json, messages on standard error, bad input of every kind.

Environment: SEVATTEST the program, SEVATTEST_VECTORS the folder of vectors. Exit 77: there are no vectors."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SEVATTEST", "sevattest")
VECTORS = os.environ.get("SEVATTEST_VECTORS", os.path.join(HERE, "..", "..", "..", "shared", "vectors"))
REPORT = "reports/v3-milan-vcek-vmpl0-azure-cvm-14fd2b6e.bin"
VEK = "certs/v3-milan-vcek-vmpl0-azure-cvm-14fd2b6e.vcek.der"
CHAIN = ["--certs", VEK, "--certs", "certs/ca/milan-vcek-chain.pem", "--time", "2028-07-29T16:33:43Z"]
failures = []
count = 0


def run(arguments, stdin=b""):
    done = subprocess.run([PROGRAM, *arguments], cwd=VECTORS, input=stdin, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def expect(name, arguments, code, out=None, err=None, stdin=b"", unwanted=None):
    """out and err: a text that must stand there; "" demands nothing there. unwanted: a text that must not."""
    global count
    count += 1
    got, stdout, stderr = run(arguments, stdin)
    bad = []
    if got != code:
        bad.append(f"exit {got} instead of {code}")
    for stream, wanted, text in (("standard output", out, stdout), ("standard error", err, stderr)):
        if wanted == "" and text:
            bad.append(f"{stream} is not empty: {text[:200]!r}")
        elif wanted and wanted not in text:
            bad.append(f"{stream} does not say {wanted!r}: {text[:300]!r}")
    if unwanted and unwanted in stdout:
        bad.append(f"standard output says {unwanted!r}")
    if "--json" in arguments and stdout:
        try:
            if len(stdout.splitlines()) != 1 or not isinstance(json.loads(stdout), dict):
                bad.append("not exactly one object on standard output")
        except ValueError:
            bad.append(f"no JSON on standard output: {stdout[:100]!r}")
    if bad:
        failures.append(f"{name}: {'; '.join(bad)} {stderr[:200]!r}")
    return stdout


def usage():
    expect("no verb", [], 2, "", "Usage")
    expect("unknown verb", ["frobnicate"], 2, "", "unknown verb")
    expect("help", ["--help"], 0, "Verbs:", "")
    expect("version", ["--version"], 0, "sevattest ", "")
    expect("unknown option", ["verify", REPORT, "--insecure"], 2, "", "unknown option")
    expect("no file", ["verify"], 2, "", "missing")
    expect("two files", ["verify", REPORT, REPORT], 2, "", "too many")
    expect("file that is not there", ["verify", "no-such-file"], 2, "", "no-such-file")
    expect("revocation mode", ["verify", REPORT, "--revocation", "maybe"], 2, "", "maybe")
    expect("report data too short", ["verify", REPORT, "--report-data", "00"], 2, "", "128 hex digits")
    expect("time", ["verify", REPORT, "--time", "yesterday"], 2, "", "yesterday")
    expect("trust that is no certificate", ["verify", REPORT, "--trust", REPORT], 2, "", REPORT)
    expect("certificates that are not there", ["verify", REPORT, "--certs", "no-such-file"], 2, "", "no-such-file")
    expect("policy verb", ["policy"], 2, "", "Usage")
    expect("policy that is not there", ["policy", "check", "no-such-file"], 2, "", "no-such-file")


def verify(folder):
    report_data = open(os.path.join(VECTORS, REPORT), "rb").read()[0x50:0x90].hex()
    expect("genuine", ["verify", REPORT, *CHAIN], 0, "REPORT_DATA: NOT CHECKED")
    expect("nothing appraised", ["verify", REPORT, *CHAIN], 0, "Nothing was appraised")
    expect("report data", ["verify", REPORT, *CHAIN, "--report-data", report_data, "--json"], 0, '"report_data"')
    expect("other report data", ["verify", REPORT, *CHAIN, "--report-data", "00" * 64], 4, "does not match")
    expect("standard input", ["verify", "-", *CHAIN], 0, "yes", stdin=open(os.path.join(VECTORS, REPORT), "rb").read())
    for name in (VEK, "certs/ca/milan-ask.der", "certs/ca/milan-ark.der", REPORT):
        with open(os.path.join(VECTORS, name), "rb") as source, open(os.path.join(folder, os.path.basename(name)), "wb") as target:
            target.write(source.read())
    expect("directory of certificates", ["verify", REPORT, "--certs", folder, "--time", "2028-07-29T16:33:43Z", "--json"], 0, '"yes"')
    expect("no certificates", ["verify", REPORT, "--json"], 3, "chain.missing")
    expect("CRL required and absent", ["verify", REPORT, *CHAIN, "--revocation", "require", "--json"], 3, "crl.missing")
    expect("CRL among the certificates", ["verify", REPORT, *CHAIN, "--certs", "crls/milan-20250506.der", "--json"], 3, "crl.fresh")
    expect("empty file", ["verify", "-"], 3, stdin=b"")
    expect("too large a file", ["verify", "-"], 2, "", stdin=b"\0" * (5 << 20))
    expect("nested JSON", ["verify", "-"], 3 if evidence_is_read() else 2, stdin=b'{"a":' * 10000)


def evidence_is_read():
    return run(["show", "evidence/snp-trustee-e2e-genoa.json"])[0] == 0


def policies(folder):
    def policy(**snp):
        path = os.path.join(folder, "policy.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "name": "t", "os_identity": "unverified",
                       "snp": {"guest_policy": {"debug": False}, **snp}, "revocation": "off"}, file)
        return path

    expect("matches", ["verify", REPORT, *CHAIN, "--policy", policy(), "--json"], 0, '"appraised":true')
    expect("warnings of the policy", ["verify", REPORT, *CHAIN, "--policy", policy()], 0, "warning.os_identity")
    expect("strict", ["verify", REPORT, *CHAIN, "--policy", policy(), "--strict"], 4)
    expect("denied", ["verify", REPORT, *CHAIN, "--policy", policy(products=["Turin"])], 4, "products")
    expect("not genuine, not appraised", ["verify", REPORT, "--policy", policy()], 3, "Nothing was appraised")
    expect("malformed", ["verify", REPORT, *CHAIN, "--policy", policy(vmpl={"max": 9})], 2, "", "snp.vmpl.max")
    expect("advisories", ["verify", REPORT, *CHAIN, "--advisories"], 0, "AMD-SB-3019")
    expect("advisories, JSON", ["verify", REPORT, *CHAIN, "--advisories", "--json"], 0, '"advisories":{"date":')
    expect("no advisories of what is not genuine", ["verify", REPORT, "--advisories", "--json"], 3, '"genuine":false', unwanted='"advisories"')
    expect("advisory that is fixed", ["verify", REPORT, *CHAIN, "--policy", policy(advisories=["AMD-SB-3019"])], 0, "matches policy")
    expect("advisory that is not provable", ["verify", REPORT, *CHAIN, "--policy", policy(advisories=["AMD-SB-3045"])], 4, "AMD-SB-3045 not provable")
    expect("unknown advisory", ["verify", REPORT, *CHAIN, "--policy", policy(advisories=["AMD-SB-1"])], 2, "", "AMD-SB-3019")
    expect("check", ["policy", "check", policy(), "--json"], 0, '"valid":true')
    expect("check strict", ["policy", "check", policy(), "--strict"], 2, "warning.os_identity")
    expect("check malformed", ["policy", "check", policy(x=1)], 2, "", "line 1")
    expect("check malformed, JSON", ["policy", "check", policy(x=1), "--json"], 2, '"valid":false')
    made = expect("new", ["policy", "new", "--from", REPORT, "--name", "made", "--pin-chips"], 0, '"chip_id"')
    path = os.path.join(folder, "made.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(made)
    expect("what new made is well formed", ["policy", "check", path], 0, '"made"')
    expect("and admits its report", ["verify", REPORT, *CHAIN, "--policy", path], 0, "matches policy")
    expect("and no other", ["verify", "reports/v3-milan-vcek-vmpl0-azure-cvm-e3823822.bin", "--policy", path, "--certs",
                            "certs/v3-milan-vcek-vmpl0-azure-cvm-e3823822.vcek.der", *CHAIN[2:]], 4, "chip_id")
    for name in ("azure", "aws", "gcp", "kvm"):
        template = expect(f"template {name}", ["policy", "new", "--template", name], 0, '"version": 1')
        expect(f"template {name} is well formed", ["policy", "check", "-"], 0, f'"{name}"', stdin=template.encode())
    expect("unknown template", ["policy", "new", "--template", "x"], 2, "", "azure")
    expect("new without anything", ["policy", "new"], 2, "", "--from")
    expect("explain", ["policy", "explain", path, "--report", REPORT], 0, "measurement")
    expect("explain advisories", ["policy", "explain", path, "--report", REPORT], 0, "AMD-SB-3019")
    expect("explain without a report", ["policy", "explain", path], 2, "", "--report")


TOKEN = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"ES256"}', b'{"sub":"x"}', bytes(64)))
HOSTILE_HCL = next((f"hostile/{name}" for name in sorted(os.listdir(os.path.join(VECTORS, "hostile"))) if name.startswith("hcl-")), "") if os.path.isdir(VECTORS) else ""


def luks_disks():
    """A disk that cryptsetup made: both copies, one of them damaged, a disk larger than any other object, LUKS1."""
    if not shutil.which("cryptsetup"):
        print("note: no cryptsetup, so no LUKS disk was shown")
        return
    with tempfile.TemporaryDirectory() as folder:
        disk, key = os.path.join(folder, "disk"), os.path.join(folder, "key")
        with open(key, "wb") as file:
            file.write(bytes(32))

        def make(kind, size):
            with open(disk, "wb") as file:
                file.truncate(size)
            subprocess.run(["cryptsetup", "luksFormat", "-q", "--type", kind, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--label", "data", disk, key]
                           if kind == "luks2" else ["cryptsetup", "luksFormat", "-q", "--type", kind, "--iter-time", "1", disk, key], check=True, timeout=60)

        make("luks2", 40 << 20)
        uuid = subprocess.run(["cryptsetup", "luksUUID", disk], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
        shown = json.loads(expect("LUKS2 disk", ["show", disk, "--json"], 0, f'"uuid":"{uuid}"'))
        copies = [(one["copy"], one["seqid"], one["label"], one["metadata"]["segments"]["0"]["type"]) for one in shown["headers"]]
        if copies != [("primary", copies[0][1], "data", "crypt"), ("secondary", copies[0][1], "data", "crypt")]:
            failures.append(f"LUKS2 disk: {copies}")
        for place, check in ((0x4000 + 0x1000, "luks.secondary"), (0x1000, "luks.primary")):
            with open(disk, "r+b") as file:
                file.seek(place)
                file.write(b"[")
            expect(f"LUKS2 disk, {check} damaged", ["show", disk], 3, check)
        make("luks1", 8 << 20)
        expect("LUKS1 disk", ["show", disk], 3, "LUKS version 1")
        with open(disk, "wb") as file:
            file.truncate(40 << 20)
        expect("a large file of nothing", ["show", disk], 2, "", "no LUKS disk")


def show():
    expect("report", ["show", REPORT], 0, "measurement")
    expect("certificate", ["show", VEK, "--json"], 0, '"certificates"')
    expect("root", ["show", "certs/ca/milan-ark.der", "--json"], 0, "pinned_as")
    expect("chain", ["show", "certs/ca/turin-vcek-chain.pem", "--json"], 0, "ARK-Turin")
    expect("CRL", ["show", "crls/genoa-20241023.der", "--json"], 0, "revoked")
    expect("table", ["show", "certtables/veraison-genoa-9e37aaf8.bin", "--json"], 0, "certificate-table")
    expect("policy", ["show", "hostile/policies/debug.json", "--json"], 0, '"policy"')
    expect("several", ["show", REPORT, VEK, "--json"], 0, '"objects"')
    expect("broken table", ["show", "hostile/table-overlapping.bin"], 3, "cert.table")
    expect("broken certificate", ["show", "hostile/certs-vek-truncated.vek.der"], 3, "cert.parse")
    expect("version 1", ["show", "reports/v1-unknown-vcek-vmpl0-azure-aci-c0b201f6.bin"], 3, "report.version")
    expect("report in words", ["show", REPORT], 0, "debugging is off")
    expect("TCB in words", ["show", REPORT], 0, "counted per silicon line")
    expect("in words, JSON", ["show", REPORT, "--json"], 0, '"field":"platform_info.smt"')
    expect("policy in words", ["show", os.path.join(HERE, "..", "..", "conf", "policies", "kvm.json"), "--json"], 0, '"demands":"debugging is off"')
    expect("firmware", ["show", "measure/images/virtee-ovmf-amdsev-suffix.bin", "--json"], 0, '"type":"SNP_KERNEL_HASHES"')
    expect("broken firmware", ["show", "measure/images/bad-section-overlap.fd", "--json"], 3, "bad-section")
    expect("event log", ["show", "eventlogs/go-tpm-tools-rhel8-uefi.bin", "--json"], 0, '"secure_boot":"on"')
    expect("old event log", ["show", "eventlogs/go-tpm-tools-debian-10.bin", "--json"], 0, "SHA-1 only")
    expect("broken event log", ["show", "hostile/eventlog-truncated.bin"], 3, "eventlog.parse")
    expect("HCL report", ["show", "hcl/snp-12afe089.bin", "--json"], 0, '"hcl":{"version"')
    expect("altered HCL report", ["show", HOSTILE_HCL], 3, "hcl.")
    expect("token", ["show", "-", "--json"], 0, '"payload":{"sub":"x"}', stdin=TOKEN + b"\n")
    expect("token in a broker's answer", ["show", "-", "--json"], 0, '"verified":false', stdin=b'{"token":"' + TOKEN + b'"}')
    expect("broken token", ["show", "-"], 3, "token", stdin=b"eyJ." + TOKEN[3:].split(b".", 1)[1])
    luks_disks()
    expect("garbage", ["show", "-"], 3, "", "none of our objects", stdin=b"\xff" * 100)
    expect("empty", ["show", "-"], 3, "", stdin=b"")
    expect("invalid UTF-8", ["show", "-"], 3, stdin=b'{"a":"\xff\xfe"}')
    expect("nested", ["show", "-"], 3, stdin=b'{"a":' * 10000)
    expect("NUL in JSON", ["show", "-"], 3, stdin=b'{"a":"\0"}')
    expect("duplicate members", ["show", "-"], 3, "duplicate", stdin=b'{"os_identity":1,"os_identity":2}')


def main():
    if not os.path.exists(os.path.join(VECTORS, "index.json")):
        print("SKIP: no vectors in SEVATTEST_VECTORS")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        certs = os.path.join(folder, "certs")
        os.mkdir(certs)
        usage()
        verify(certs)
        policies(folder)
    show()
    for failure in failures:
        print("FAIL:", failure)
    print(f"{count} commands, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
