#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest policy diff: every member changed, both ways: what became stricter one way is looser the other; what only looks different is the same.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
e2e_begin policy-diff

sevattest=$(e2e_program sevattest) || exit 1
python3 - "$sevattest" "$E2E_DIR" <<'EOF' || e2e_fail "policy diff"
import copy, json, subprocess, sys

sevattest, folder = sys.argv[1:3]
A, B, C = "aa" * 48, "bb" * 48, "cc" * 48
BASE = {"version": 1, "name": "p", "os_identity": "pcrs", "revocation": "if-present", "trust": ["11" * 32],
        "snp": {"measurement": [A, B], "host_data": ["22" * 32], "id_key_digest": [A], "author_key_digest": [A], "family_id": ["33" * 16], "image_id": ["44" * 16],
                "guest_svn": {"min": 3}, "chip_id": ["55" * 64], "chip_id_denied": [{"value": "66" * 64, "label": "stolen"}], "csp_id": ["one"],
                "products": ["Milan", "Genoa"], "signer": ["vcek"], "vmpl": {"max": 1}, "guest_policy": {"debug": False, "smt": None, "abi_min": "1.50"},
                "platform_info": {"ecc": None}, "tcb_min": {"Milan": {"snp": 20, "microcode": 200}}, "tcb_fields": ["reported", "current"],
                "mitigations": {"launch": [1], "current": [1]}, "advisories": ["AMD-SB-3020"], "firmware_min": "1.55.20", "provisional_firmware": False,
                "masked_chip_id": False},
        "tpm": {"bank": "sha256", "pcrs": {"4": ["77" * 32]}, "event_log": "if-present", "secure_boot": None, "azure": {"secure-boot": None}}}

# path, value, member that is named, effect; the other way round it is the opposite.
ROWS = [
    ("os_identity", "unverified", "os_identity", "looser"),
    ("revocation", "require", "revocation", "stricter"),
    ("revocation", "off", "revocation", "looser"),
    ("trust", [], "trust", "stricter"),
    ("trust", ["11" * 32, "12" * 32], "trust", "looser"),
    ("snp.measurement", [A], "snp.measurement", "stricter"),
    ("snp.measurement", [A, B, C], "snp.measurement", "looser"),
    ("snp.measurement", None, "snp.measurement", "looser"),
    ("snp.measurement", [], "snp.measurement", "stricter"),
    ("snp.measurement", [A, {"value": B, "not_after": "2030-01-01T00:00:00Z"}], "snp.measurement", "stricter"),
    ("snp.host_data", None, "snp.host_data", "looser"),
    ("snp.id_key_digest", [A, B], "snp.id_key_digest", "looser"),
    ("snp.author_key_digest", [], "snp.author_key_digest", "stricter"),
    ("snp.family_id", None, "snp.family_id", "looser"),
    ("snp.image_id", None, "snp.image_id", "looser"),
    ("snp.guest_svn", {"min": 4}, "snp.guest_svn.min", "stricter"),
    ("snp.guest_svn", None, "snp.guest_svn.min", "looser"),
    ("snp.chip_id", None, "snp.chip_id", "looser"),
    ("snp.chip_id_denied", [], "snp.chip_id_denied", "looser"),
    ("snp.csp_id", ["one", "two"], "snp.csp_id", "looser"),
    ("snp.csp_id", None, "snp.csp_id", "looser"),
    ("snp.products", ["Genoa"], "snp.products", "stricter"),
    ("snp.products", ["Turin"], "snp.products", "different"),
    ("snp.signer", ["vcek", "vlek"], "snp.signer", "looser"),
    ("snp.vmpl", {"max": 0}, "snp.vmpl.max", "stricter"),
    ("snp.guest_policy.debug", True, "snp.guest_policy.debug", "different"),
    ("snp.guest_policy.smt", False, "snp.guest_policy.smt", "stricter"),
    ("snp.guest_policy.abi_min", "1.51", "snp.guest_policy.abi_min", "stricter"),
    ("snp.platform_info.ecc", True, "snp.platform_info.ecc", "stricter"),
    ("snp.tcb_min.Milan.snp", 21, "snp.tcb_min.Milan.snp", "stricter"),
    ("snp.tcb_min.Genoa", {"snp": 1}, "snp.tcb_min.Genoa", "looser"),
    ("snp.tcb_fields", ["reported"], "snp.tcb_fields", "looser"),
    ("snp.mitigations.launch", [1, 2], "snp.mitigations.launch", "stricter"),
    ("snp.mitigations.current", [], "snp.mitigations.current", "looser"),
    ("snp.advisories", [], "snp.advisories", "looser"),
    ("snp.firmware_min", "1.55.21", "snp.firmware_min", "stricter"),
    ("snp.provisional_firmware", True, "snp.provisional_firmware", "looser"),
    ("snp.masked_chip_id", True, "snp.masked_chip_id", "looser"),
    ("tpm.pcrs.4", ["77" * 32, "78" * 32], "tpm.pcrs.4", "looser"),
    ("tpm.event_log", "require", "tpm.event_log", "stricter"),
    ("tpm.secure_boot", True, "tpm.secure_boot", "stricter"),
    ("tpm.azure.secure-boot", True, "tpm.azure.secure-boot", "stricter"),
]
# What means the same.
SAME = [("name", "another"), ("snp.measurement", [B, A]), ("snp.measurement", [A, {"value": B, "label": "x"}, A]),
        ("tpm.event_log", "if-present"), ("snp.guest_policy.cxl", None), ("snp.chip_id_denied", [{"value": "66" * 64, "label": "sold"}])]
OPPOSITE = {"stricter": "looser", "looser": "stricter", "different": "different"}


def changed(path, value):
    policy = copy.deepcopy(BASE)
    at = policy
    *parents, last = path.split(".")
    for name in parents:
        at = at[name]
    at[last] = value
    return policy


def write(name, policy):
    with open(f"{folder}/{name}", "w") as file:
        json.dump(policy, file)
    return f"{folder}/{name}"


def diff(a, b):
    done = subprocess.run([sevattest, "policy", "diff", write("a.json", a), write("b.json", b), "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 4):
        sys.exit(f"exit {done.returncode}: {done.stderr}")
    out = json.loads(done.stdout)
    assert out["same"] == (done.returncode == 0) == (out["changes"] == []), out
    return [(row["member"], row["effect"]) for row in out["changes"]]


# Sets are named, not numbered.
NAMED = [("snp.products", ["Turin"], "Milan, Genoa", "Turin"), ("snp.signer", ["vcek", "vlek"], "vcek", "vcek, vlek"), ("snp.signer", [], "vcek", "none"),
         ("snp.tcb_fields", ["reported", "launch"], "reported, current", "reported, launch"), ("snp.mitigations.launch", [1, 63], "bit 1", "bit 1, bit 63"),
         ("snp.advisories", ["AMD-SB-3019", "AMD-SB-3020"], "AMD-SB-3020", "AMD-SB-3019, AMD-SB-3020"), ("snp.products", None, "Milan, Genoa", "not checked")]

wrong = 0
for path, value, member, effect in ROWS:
    other = changed(path, value)
    got, back = diff(BASE, other), diff(other, BASE)
    if got != [(member, effect)] or back != [(member, OPPOSITE[effect])]:
        print(f"{path} = {str(value)[:60]}: {got} and back {back}, expected {member} {effect}")
        wrong += 1
for path, value, before, after in NAMED:
    subprocess.run([sevattest, "policy", "diff", write("a.json", BASE), write("b.json", changed(path, value)), "--json"], stdout=open(f"{folder}/out", "w"))
    rows = json.load(open(f"{folder}/out"))["changes"]
    if [(row["before"], row["after"]) for row in rows] != [(before, after)]:
        print(f"{path}: {rows}, expected {before} -> {after}")
        wrong += 1
for path, value in SAME:
    got = diff(BASE, changed(path, value))
    if got:
        print(f"{path} = {str(value)[:60]}: {got}, but it means the same")
        wrong += 1
print(f"{len(ROWS)} changes both ways, {len(SAME)} that change nothing, {wrong} wrong")
sys.exit(1 if wrong else 0)
EOF
E2E_CHECKS=$((E2E_CHECKS + 48))
e2e_expect 4 "in words" "$sevattest" policy diff "$E2E_DIR/a.json" <(sed 's/"min": 3/"min": 9/' "$E2E_DIR/a.json")
e2e_expect_text "stricter   snp.guest_svn.min: 3 -> 9"
e2e_expect_text "1 stricter, 0 looser, 0 different"
e2e_expect 0 "the same" "$sevattest" policy diff "$E2E_DIR/a.json" "$E2E_DIR/a.json"
e2e_expect 2 "no second policy" "$sevattest" policy diff "$E2E_DIR/a.json"
e2e_expect 2 "a malformed policy" "$sevattest" policy diff "$E2E_DIR/a.json" /dev/null
e2e_end
