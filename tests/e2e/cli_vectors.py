#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives the installed `sevattest` over the genuine and hostile vectors and compares with their index: exit codes, the first failed check,
and every decoded field. The number of objects that ran must equal the number in the index.

Environment: SEVATTEST the program, SEVATTEST_VECTORS the folder of vectors. Exit 77: there are no vectors."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SEVATTEST", "sevattest")
VECTORS = os.environ.get("SEVATTEST_VECTORS", os.path.join(HERE, "..", "..", "..", "shared", "vectors"))
STEPS = os.path.join(HERE, "..", "unit", "snp", "steps.map")
WANTED = {"report": 42, "hostile report": 218, "hostile certificate-table": 16, "hostile hcl-report": 36, "evidence": 4, "control": 6}
failures = []


def run(*arguments):
    """(exit code, the one JSON object or None)."""
    done = subprocess.run([PROGRAM, *arguments], cwd=VECTORS, capture_output=True, text=True, timeout=60)
    if done.returncode < 0 or done.returncode > 7:
        failures.append(f"{' '.join(arguments)}: exit {done.returncode}: {done.stderr[-400:]}")
        return done.returncode, None
    lines = done.stdout.splitlines()
    if not lines:
        return done.returncode, None
    if len(lines) != 1:
        failures.append(f"{' '.join(arguments)}: {len(lines)} lines on standard output with --json")
        return done.returncode, None
    return done.returncode, json.loads(lines[0])


def read_steps():
    """Lines `oracle-name our-name...`; what is not listed has the same name in both."""
    steps = {}
    if os.path.exists(STEPS):
        with open(STEPS, encoding="utf-8") as file:
            for line in file:
                words = line.split("#")[0].split()
                if words:
                    steps.setdefault(words[0], set()).update(words[1:])
    return steps


def options_of(entry):
    options = []
    for path in entry.get("certs") or []:
        options += ["--certs", path]
    for option, member in (("--crl", "crl"), ("--revocation", "revocation"), ("--policy", "policy"), ("--trust", "trust"),
                           ("--report-data", "report_data")):
        if entry.get(member):
            options += [option, entry[member]]
    moment = entry.get("time") or entry.get("verify_time")
    if moment:
        options += ["--time", moment]
    if not entry.get("revocation") and not entry.get("crl") and not entry.get("policy"):
        options += ["--revocation", "off"]
    return options


def first_failed(answer):
    for finding in (answer or {}).get("findings", []):
        if finding["state"] == "failed" and finding["class"] != "advice":
            return finding["check"]
    return None


def check_first(entry, answer, steps):
    allowed = set()
    for step in entry["expect"]["step"].split("|"):
        allowed |= steps.get(step.strip(), {step.strip()})
    got = first_failed(answer)
    if got not in allowed:
        failures.append(f"{entry['file']}: first failed is {got}, the index says {entry['expect']['step']} ({entry['mutation']})")


def differences(path, ours, theirs):
    """Every member of theirs must be in ours with the same value."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{path} is not an object"]
        found = []
        for name, value in theirs.items():
            found += differences(f"{path}.{name}", ours.get(name), value) if name in ours else [f"{path}.{name} is missing"]
        return found
    return [] if ours == theirs else [f"{path}: {ours!r} instead of {theirs!r}"]


def genuine(entry):
    code, answer = run("verify", entry["file"], "--json", *options_of(entry))
    wanted = 0 if entry["verifies"] else 3
    if code != wanted:
        failures.append(f"{entry['file']}: exit {code} instead of {wanted}, first failed {first_failed(answer)}")
    code, answer = run("show", entry["file"], "--json")
    report = (answer or {}).get("report")
    wanted = 3 if entry["structure_objections"] else 0
    if code != wanted or report is None:
        failures.append(f"{entry['file']}: show: exit {code} instead of {wanted}")
        return
    for difference in differences("", report, entry["decoded"]):
        failures.append(f"{entry['file']}: show: {difference}")


def hostile_report(entry, steps):
    code, answer = run("verify", entry["file"], "--json", *options_of(entry))
    if "exit 2 (usage) is as good" in entry.get("note", "") and code == 2:
        return
    if code != entry["expect"]["exit"]:
        failures.append(f"{entry['file']}: exit {code} instead of {entry['expect']['exit']} ({entry['mutation']})")
        return
    check_first(entry, answer, steps)


def hostile_table(entry, steps, reports):
    """A table comes beside a report; any genuine Genoa report serves, the table is looked at first."""
    report = next(r for r in reports if r["product"] == "Genoa" and r["verifies"])
    code, answer = run("verify", report["file"], "--json", "--revocation", "off", "--time", report["verify_time"], "--certs", entry["file"])
    if code != entry["expect"]["exit"]:
        failures.append(f"{entry['file']}: exit {code} instead of {entry['expect']['exit']} ({entry['mutation']})")
        return
    # Nothing tells an empty file that was meant as a table from one that was meant as a certificate.
    empty = os.path.getsize(os.path.join(VECTORS, entry["file"])) == 0
    check_first(entry, answer, {"table": steps.get("table", set()) | {"cert.parse"}} if empty else steps)


def hostile_hcl(entry, steps):
    code, answer = run("verify", entry["file"], "--json", *options_of(entry))
    if code != entry["expect"]["exit"]:
        failures.append(f"{entry['file']}: exit {code} instead of {entry['expect']['exit']} ({entry['mutation']})")
        return
    # Without the magic nothing tells that it was meant as an HCL report: it is judged as a bare one.
    with open(os.path.join(VECTORS, entry["file"]), "rb") as file:
        bare = file.read(4) != b"HCLA"
    check_first(entry, answer, {"hcl.header": {"report.size"}} if bare else steps)


def evidence(entry):
    """KBS evidence in each form. Azure's carries neither its nonce nor the chain: one of the two is missed first."""
    code, answer = run("show", entry["file"], "--json")
    if code != 0 or not (answer or {}).get("report"):
        failures.append(f"{entry['file']}: show: exit {code} instead of 0")
    for difference in differences("", (answer or {}).get("report", {}), entry.get("decoded", {})):
        failures.append(f"{entry['file']}: show: {difference}")
    code, answer = run("verify", entry["file"], "--json", *options_of(entry))
    wanted = [(0, None)] if entry["tee"] == "snp" else [(3, "quote.nonce"), (3, "chain.missing")]
    if (code, first_failed(answer)) not in wanted:
        failures.append(f"{entry['file']}: exit {code}, first failed {first_failed(answer)}, instead of {wanted}")


def control(entry):
    options = options_of(entry)
    if entry["type"] == "tpm-quote":
        return  # a quote alone is no object of the command: the unit tests of tpm/ run it
    code, answer = run("verify", entry["file"], "--json", *options)
    if code != 0:
        failures.append(f"{entry['file']}: exit {code} instead of 0, first failed {first_failed(answer)}")
    elif (answer or {}).get("trust") in (None, "AMD"):
        failures.append(f"{entry['file']}: the verdict does not say that an operator's root was trusted")


def main():
    index_path = os.path.join(VECTORS, "index.json")
    if not os.path.exists(index_path):
        print("SKIP: no vectors in SEVATTEST_VECTORS")
        return 77
    with open(index_path, encoding="utf-8") as file:
        objects = json.load(file)["objects"]
    steps = read_steps()
    reports = [o for o in objects if o["kind"] == "report"]
    counts = dict.fromkeys(WANTED, 0)
    for entry in objects:
        if entry["kind"] == "report":
            genuine(entry)
            counts["report"] += 1
        elif entry["kind"] == "hostile" and entry["type"] == "report":
            hostile_report(entry, steps)
            counts["hostile report"] += 1
        elif entry["kind"] == "hostile" and entry["type"] == "certificate-table":
            hostile_table(entry, steps, reports)
            counts["hostile certificate-table"] += 1
        elif entry["kind"] == "hostile" and entry["type"] == "hcl-report":
            hostile_hcl(entry, steps)
            counts["hostile hcl-report"] += 1
        elif entry["kind"] == "evidence":
            evidence(entry)
            counts["evidence"] += 1
        elif entry["kind"] == "control":
            control(entry)
            counts["control"] += 1
    for name, wanted in WANTED.items():
        print(f"{name}: {counts[name]} of {wanted}")
        if counts[name] != wanted:
            failures.append(f"{name}: {counts[name]} ran, the index must hold {wanted}")
    verifying = sum(1 for r in reports if r["verifies"])
    if (verifying, len(reports) - verifying) != (32, 10):
        failures.append(f"{verifying} reports verify by the index, not 32")
    for failure in failures:
        print("FAIL:", failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
