#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A policy of 100,000 labelled measurements: put, shown whole, used, loaded again at a start; and a key costs no more with it than with a small one.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
e2e_begin policy-large

MEASUREMENTS=${MEASUREMENTS:-100000}
sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
head -c 32 /dev/urandom >"$d/secret"

# The simulator's measurement is in the middle.
e2e_policy large "$d/plat/ark.pem" | python3 -c '
import json, sys
policy, count = json.load(sys.stdin), int(sys.argv[1])
ours = policy["snp"]["measurement"]
made = [{"value": format(i, "012x") * 8, "label": f"build {i}"} for i in range(count - 1)]
policy["snp"]["measurement"] = made[:count // 2] + ours + made[count // 2:]
json.dump(policy, sys.stdout)' "$MEASUREMENTS" >"$d/large.json"
e2e_policy small "$d/plat/ark.pem" >"$d/small.json"
python3 - "$d" <<'EOF'
import json, sys
policy = json.load(open(sys.argv[1] + "/large.json"))
policy["snp"]["measurement"] = [m for m in policy["snp"]["measurement"] if isinstance(m, dict)]
policy["name"] = "without"
json.dump(policy, open(sys.argv[1] + "/without.json", "w"))
EOF
printf '%s measurements, %s bytes\n' "$MEASUREMENTS" "$(wc -c <"$d/large.json")"

for name in small large without; do
	e2e_expect 0 "policy $name is stored" e2e_ctl policy put "$d/$name.json"
	e2e_expect 0 "a key for $name" e2e_ctl key put "test/key/$name" "$d/secret"
	e2e_expect 0 "its grant" e2e_ctl grant add "test/key/$name" $name
done
e2e_expect 0 "the large policy is shown" e2e_ctl policy show large
python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1])) != json.load(open(sys.argv[2])))' "$d/last.out" "$d/large.json" ||
	e2e_fail "what is shown is not what was stored"
E2E_CHECKS=$((E2E_CHECKS + 1))

get() { "$sevattest" get "$1" --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY" -o "$d/got"; }
e2e_expect 0 "a measurement among the others" get test/key/large
e2e_same "$d/got" "$d/secret"
e2e_expect 6 "one that is not among them" get test/key/without

# CPU of brokerd for 20 keys, in ticks: with all three policies, and with the small one alone.
cpu() { awk '{print $14 + $15}' "/proc/$E2E_BROKERD_PID/stat"; }
spend() {
	local before i
	before=$(cpu)
	for ((i = 0; i < 20; i++)); do get test/key/small >/dev/null 2>&1 || e2e_fail "get"; done
	echo $(($(cpu) - before))
}
with=$(spend)
for name in large without; do e2e_expect 0 "the grant of $name goes" e2e_ctl grant delete "test/key/$name"; done
alone=$(spend)
printf '20 keys: %s ticks of brokerd with %s measurements to look through, %s without\n' "$with" $((2 * MEASUREMENTS - 1)) "$alone"
[ "$with" -le $((3 * alone + 10)) ] || e2e_fail "a lookup is not flat"
E2E_CHECKS=$((E2E_CHECKS + 1))

e2e_expect 0 "the grant comes back" e2e_ctl grant add test/key/large large
e2e_stop "$E2E_BROKERD_PID"
e2e_background broker-brokerd "$(e2e_program sevattest-brokerd)" --config "$d/broker/broker.conf"
E2E_BROKERD_PID=$E2E_PID
e2e_wait_socket "$d/broker/http.sock" "$E2E_PID"
e2e_wait "$E2E_PID" "brokerd" e2e_ctl status
e2e_expect 0 "and it serves after a restart" get test/key/large
awk '/^VmHWM/ {printf "brokerd at most %d MiB\n", $2 / 1024}' "/proc/$E2E_BROKERD_PID/status"
e2e_end
