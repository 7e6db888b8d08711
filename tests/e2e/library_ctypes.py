#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library's binary interface, without its header: a handle, a policy, verdicts, findings. What it says is what the command says, and many threads may ask at once.
usage: library_ctypes.py LIBRARY SEVATTEST REPORT CERTIFICATES POLICY OTHER_POLICY"""
import ctypes
import json
import subprocess
import sys
import threading
import time

LIBRARY, SEVATTEST, REPORT, CERTS, POLICY, OTHER = sys.argv[1:]
YES, NOT_GENUINE, NOT_WANTED = 0, 3, 4
lib = ctypes.CDLL(LIBRARY)
handle_p, verdict_p, text, size = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
for name, result, arguments in (
        ("version", text, []), ("new", ctypes.c_int, [ctypes.POINTER(handle_p)]), ("free", handle_p, [handle_p]), ("error_text", text, [handle_p]),
        ("add_certificates", ctypes.c_int, [handle_p, text, size]), ("set_policy", ctypes.c_int, [handle_p, text, size]),
        ("set_revocation", ctypes.c_int, [handle_p, ctypes.c_int]), ("decode", ctypes.c_int, [text, size, ctypes.POINTER(ctypes.c_void_p)]),
        ("verify", ctypes.c_int, [handle_p, text, size, text, ctypes.c_int64, ctypes.POINTER(verdict_p)]), ("verdict_free", verdict_p, [verdict_p]),
        ("verdict_outcome", ctypes.c_int, [verdict_p]), ("verdict_appraised", ctypes.c_int, [verdict_p]), ("verdict_count", size, [verdict_p]),
        ("verdict_finding", ctypes.c_int, [verdict_p, size, ctypes.c_void_p]), ("verdict_first_failed", ctypes.c_int, [verdict_p, ctypes.c_void_p]),
        ("verdict_json", text, [verdict_p])):
    function = getattr(lib, "sevattest_" + name)
    function.restype, function.argtypes = result, arguments


class Finding(ctypes.Structure):
    _fields_ = [("check", text), ("state", ctypes.c_int), ("kind", ctypes.c_int), ("expected", text), ("actual", text), ("why", text), ("fix", text)]


def read(path):
    with open(path, "rb") as file:
        return file.read()


report, certs = read(REPORT), read(CERTS)
now = int(time.time())


def make(policy=None):
    handle = handle_p()
    assert lib.sevattest_new(ctypes.byref(handle)) == 0
    assert lib.sevattest_add_certificates(handle, certs, len(certs)) == 0, lib.sevattest_error_text(handle)
    if policy:
        assert lib.sevattest_set_policy(handle, policy, len(policy)) == 0, lib.sevattest_error_text(handle)
    return handle


def verify(handle, evidence, report_data=None):
    verdict = verdict_p()
    assert lib.sevattest_verify(handle, evidence, len(evidence), report_data, now, ctypes.byref(verdict)) == 0
    return verdict


def findings(verdict):
    out, one = [], Finding()
    for i in range(lib.sevattest_verdict_count(verdict)):
        assert lib.sevattest_verdict_finding(verdict, i, ctypes.byref(one)) == 0
        out.append((one.check.decode(), one.state))
    assert lib.sevattest_verdict_finding(verdict, len(out), ctypes.byref(one)) < 0
    return out


def check(policy, evidence, outcome, report_data=None):
    """The library and the command, on the same question."""
    handle = make(read(policy) if policy else None)
    verdict = verify(handle, evidence, report_data)
    assert lib.sevattest_verdict_outcome(verdict) == outcome, lib.sevattest_verdict_json(verdict)
    answer = json.loads(lib.sevattest_verdict_json(verdict))
    states = {"not checked": 0, "passed": 1, "failed": 2}
    assert [(row["check"], states[row["state"]]) for row in answer["findings"]] == findings(verdict)
    command = [SEVATTEST, "verify", "-", "--certs", CERTS, "--json"] + (["--policy", policy] if policy else [])
    command += ["--report-data", report_data.hex()] if report_data else []
    done = subprocess.run(command, input=evidence, capture_output=True)
    said = json.loads(done.stdout)
    assert done.returncode == outcome and said.pop("file") == "-"
    assert list(said) == list(answer), (list(said), list(answer))
    assert {**said, "findings": []} == {**answer, "findings": []}
    # Whether the report data were given is worded for whoever reads it.
    one, other = ([row for row in rows["findings"] if row["check"] != "report_data"] for rows in (said, answer))
    assert one == other, (one, other)
    failed = Finding()
    assert (lib.sevattest_verdict_first_failed(verdict, ctypes.byref(failed)) == 0) == (outcome != YES)
    lib.sevattest_verdict_free(verdict)
    lib.sevattest_free(handle)


spoiled = bytearray(report)
spoiled[0x90] ^= 1
check(None, report, YES)
check(None, report, YES, report[0x50:0x90])
check(None, report, NOT_WANTED, b"\1" * 64)
check(POLICY, report, YES)
check(OTHER, report, NOT_WANTED)
check(POLICY, bytes(spoiled), NOT_GENUINE)
check(None, b"nothing", NOT_GENUINE)

# NULL is never a yes.
assert lib.sevattest_verdict_outcome(None) == NOT_GENUINE and lib.sevattest_verdict_count(None) == 0 and lib.sevattest_verdict_json(None) is None
assert lib.sevattest_verify(None, report, len(report), None, now, ctypes.byref(verdict_p())) < 0
bad = make()
assert lib.sevattest_set_policy(bad, b"{", 1) > 0 and lib.sevattest_error_text(bad)
assert lib.sevattest_set_revocation(bad, 9) < 0
lib.sevattest_free(bad)

shown = ctypes.c_void_p()
assert lib.sevattest_decode(report, len(report), ctypes.byref(shown)) == 0
assert json.loads(ctypes.string_at(shown))["report"]["version"] == 5
ctypes.CDLL(None).free(shown)

# One handle, many threads: ctypes lets go of the interpreter during a call.
shared, wrong = make(read(POLICY)), []


def ask(evidence, outcome):
    for _ in range(20):
        verdict = verify(shared, evidence)
        if lib.sevattest_verdict_outcome(verdict) != outcome:
            wrong.append(outcome)
        lib.sevattest_verdict_free(verdict)


threads = [threading.Thread(target=ask, args=question) for question in ((report, YES), (bytes(spoiled), NOT_GENUINE)) * 4]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong
lib.sevattest_free(shared)
print(f"libsevattest {lib.sevattest_version().decode()}: 7 questions as the command answers them, 160 verdicts in {len(threads)} threads")
