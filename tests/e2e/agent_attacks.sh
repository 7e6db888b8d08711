#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The attacker in each place around sevattestd: netd, sevattest-evidence, who asks for credentials, for disks, for the status. Nothing is served, a named check
# says why in the journal and in /status, the agent lives on, and the genuine key is served once the neighbours are honest again. Prints a table.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
for program in jq python3 openssl cryptsetup; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
python3 -c 'import cryptography' 2>/dev/null || e2e_skip "python3 has no module cryptography"
e2e_begin agent_attacks
D=$E2E_DIR
chmod 711 "$D" # a test below connects as another user
export PYTHONDONTWRITEBYTECODE=1
for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -e "$root/cgroup.procs" ] && mkdir "$root/sevattest$$.slice" 2>/dev/null && CGROUP=$root/sevattest$$.slice && break
done
[ -n "${CGROUP:-}" ] || e2e_skip "no control group can be made below /sys/fs/cgroup: run as root where it is writable"
cleanup() {
	local status=$?
	find "$CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do kill -KILL "$pid" 2>/dev/null; done
	sleep 0.1
	find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
	(exit "$status")
	e2e_cleanup
}
trap cleanup EXIT

# --- a machine whose host gives no certificates, another machine of the same kind, and two brokers: ours, and one of the attacker
e2e_sim_init plat
"$(e2e_program sevattest-sim)" init "$D/plat2" --chip-seed other --ca-from "$D/plat" || e2e_fail "second platform"
e2e_sim_serve plat
e2e_sim_set plat --aux empty
e2e_ca operator
E2E_HTTPD_SETTINGS='RequestsPerSecond = 0'
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
broker() { # NAME KEY OTHER
	e2e_broker_start "$1" operator
	e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
	for name in db other; do
		e2e_ctl key put "prod/app/$name" "$D/$1-$name" >/dev/null || e2e_fail "key put"
		e2e_ctl grant add "prod/app/$name" prod >/dev/null || e2e_fail "grant add"
	done
	for name in data other; do
		python3 "$TESTS/luks_header.py" resource "$D/$1-$name-key" "$D/header" >"$D/$1-$name" || e2e_fail "luks_header.py"
		e2e_ctl key put "prod/disk/$name" "$D/$1-$name" >/dev/null || e2e_fail "key put"
		e2e_ctl grant add "prod/disk/$name" prod >/dev/null || e2e_fail "grant add"
	done
}
for name in broker-db broker-other evil-db evil-other broker-data-key broker-other-key evil-data-key evil-other-key; do head -c 32 /dev/urandom >"$D/$name"; done
truncate -s 2M "$D/disk"
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --luks2-metadata-size 16k --luks2-keyslots-size 256k "$D/disk" "$D/broker-data-key" \
	>/dev/null 2>&1 || e2e_fail "luksFormat"
python3 "$TESTS/luks_header.py" rebuild "$D/disk" primary "$D/header" || e2e_fail "luks_header.py"
broker evil
EVIL=$E2E_BROKER
broker broker
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
{
	printf '[broker]\nCA = %s\nUrl = %s\nUrl = %s\n[kds]\nUrl = %s\n[net]\nSocket = %s\n' "$D/operator.pem" "$E2E_BROKER" "$EVIL" "$E2E_KDS" "$D/honest-net.sock"
	printf '[evidence]\nTsmRoot = %s\nLock = %s\n' "$E2E_TSM" "$D/lock"
} >"$D/agent.conf"
e2e_background netd "$(e2e_program sevattest-netd)" --agent="$D/agent.conf"
e2e_wait_socket "$D/honest-net.sock" "$E2E_PID"
e2e_background evidence "$(e2e_program sevattest-evidence)" --config "$D/agent.conf" --listen "$D/honest-evidence.sock"
e2e_wait_socket "$D/honest-evidence.sock" "$E2E_PID"

# --- what the attacker has at hand
SIM=$(e2e_program sevattest-sim)
"$SIM" report "$D/plat" -o "$D/report" --vek "$D/vek" --table "$D/table" >/dev/null || e2e_fail "sim report"
"$SIM" report "$D/plat2" -o "$D/report2" --vek "$D/other" --table "$D/table2" >/dev/null || e2e_fail "sim report of the other machine"
curl -sf "$E2E_KDS/vcek/v1/Milan/cert_chain" -o "$D/chain" || e2e_fail "the chain of the key service"
python3 - "$D" "$(e2e_program sevattestd)" "$SIM" "$E2E_BROKER" "$CGROUP" "$(python3 "$TESTS/key_check.py" "$D/broker-data-key")" <<'PYTHON' || e2e_fail "settings"
import json, os, sys
d, agent, sim, broker, cgroup = sys.argv[1:6]
path = lambda name: os.path.join(d, name)
read = lambda name: open(path(name), "rb").read()
vek = read("vek")
assert vek[0] == 0x30, "the VEK is DER"
open(path("forged"), "wb").write(vek[:-1] + bytes([vek[-1] ^ 1]))  # as genuine as one can make it without AMD's key
policy = json.load(open(path("policy.json")))
policy["snp"]["chip_id"] = [read("report")[0x1a0:0x1e0].hex()]
json.dump(policy, open(path("policy-chip.json"), "w"))
json.dump({"dir": d, "programs": {"sevattestd": agent, "sevattest-sim": sim}, "broker": broker, "ca": path("operator.pem"), "cgroup": cgroup,
           "net": path("honest-net.sock"), "evidence": path("honest-evidence.sock"), "pin": path("release.jwk"),
           "policy": {"plain": path("policy.json"), "chip": path("policy-chip.json")},
           "disk": {"key": read("broker-data-key").hex(), "header": path("header"), "check": sys.argv[6]},
           "keys": {name: read("broker-" + name).hex() for name in ("db", "other")},
           "files": {name: path(name) for name in ("vek", "chain", "forged", "other")} | {"platform2": path("plat2")}}, open(path("settings.json"), "w"))
PYTHON
python3 "$TESTS/agent_attacks.py" "$D/settings.json" "$@" | tee "$D/table.txt"
[ "${PIPESTATUS[0]}" = 0 ] || e2e_fail "an attack was not refused as it should be"
E2E_CHECKS=$(sed -n 's/ attacks refused.*//p' "$D/table.txt")
e2e_end
