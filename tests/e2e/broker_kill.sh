#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of brokerd and httpd at seeded random moments under load. Afterwards: every key that a client got is in the audit, the audit verifies, the
# store opens, and no client ever got a wrong key.
#
#   KILLS   how often (100)     SEED   of the moments (the time)     CLIENTS   at once (3)
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
e2e_begin broker-kill

KILLS=${KILLS:-100}
SEED=${SEED:-$(date +%s)}
CLIENTS=${CLIENTS:-3}
sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
head -c 32 /dev/urandom >"$d/secret"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a policy is stored" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant is added" e2e_ctl grant add 'load/client/*' prod
for ((i = 0; i < CLIENTS; i++)); do
	e2e_expect 0 "a secret is stored" e2e_ctl key put "load/client/c$i" "$d/secret"
done

# One client asks again and again for its own resource and writes a line for each key that it got; a key that is not the stored one ends the test.
client() {
	local name=load/client/c$1 code
	while [ ! -e "$d/stop" ]; do
		"$sevattest" get "$name" --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY" \
			-o "$d/got.$1" >/dev/null 2>"$d/client.$1.err"
		code=$?
		if [ $code = 0 ]; then
			cmp -s "$d/got.$1" "$d/secret" || { echo "client $1" >>"$d/wrong"; return; }
			date +%s.%N >>"$d/keys.$1"
		else
			printf '%s ' "$code" >>"$d/codes.$1"
			sleep 0.02
		fi
	done
}

# The operator changes the store meanwhile; `acknowledged` is the last version that brokerd said it has.
operator() {
	local said
	while [ ! -e "$d/stop" ]; do
		said=$(e2e_ctl key put load/operator/key "$d/secret" 2>/dev/null) && printf '%s\n' "${said##* }" >"$d/acknowledged"
		e2e_ctl grant add load/operator/key prod >/dev/null 2>&1
		e2e_ctl grant delete load/operator/key >/dev/null 2>&1
		sleep 0.01
	done
}

keys() { cat "$d"/keys.* 2>/dev/null | wc -l; }

pids=()
for ((i = 0; i < CLIENTS; i++)); do
	: >"$d/keys.$i"
	client "$i" &
	pids+=($!)
	E2E_PIDS+=($!)
done

operator &
pids+=($!)
E2E_PIDS+=($!)

printf 'seed %s, %s kills, %s clients\n' "$SEED" "$KILLS" "$CLIENTS"
RANDOM=$((SEED % 32768))
killed_brokerd=0 killed_httpd=0 slowest=0 total=0
for ((i = 0; i < KILLS; i++)); do
	sleep "0.$(printf '%03d' $((RANDOM % 300)))"
	if [ $((RANDOM % 2)) = 0 ]; then
		name=broker-brokerd program=sevattest-brokerd pid=$E2E_BROKERD_PID killed_brokerd=$((killed_brokerd + 1))
	else
		name=broker-httpd program=sevattest-httpd pid=$E2E_HTTPD_PID killed_httpd=$((killed_httpd + 1))
	fi
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	before=$(keys)
	start=$(date +%s%N)
	"$(e2e_program $program)" --config "$d/broker/broker.conf" >/dev/null 2>>"$d/$name.log" </dev/null &
	pid=$!
	E2E_PIDS+=("$pid")
	if [ $program = sevattest-brokerd ]; then E2E_BROKERD_PID=$pid; else E2E_HTTPD_PID=$pid; fi
	for ((j = 0; j < 1000; j++)); do
		[ "$(keys)" -gt "$before" ] && break
		kill -0 "$pid" 2>/dev/null || e2e_fail "$program did not start again after kill $i"
		sleep 0.01
	done
	[ "$(keys)" -gt "$before" ] || e2e_fail "no key within ten seconds after kill $i of $program"
	took=$((($(date +%s%N) - start) / 1000000))
	total=$((total + took))
	[ $took -gt $slowest ] && slowest=$took
	[ -e "$d/wrong" ] && e2e_fail "a wrong key: $(cat "$d/wrong")"
done
touch "$d/stop"
for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
printf 'brokerd killed %s times, httpd %s times; %s keys; to the next key %s ms on average, %s ms at most\n' \
	"$killed_brokerd" "$killed_httpd" "$(keys)" $((total / KILLS)) "$slowest"

e2e_expect 0 "the audit verifies" e2e_ctl audit --verify
cat "$d/last.out"
e2e_expect 0 "the audit" e2e_ctl --json audit
cp "$d/last.out" "$d/audit.json"
python3 - "$d" "$CLIENTS" <<'PY' || e2e_fail "a key that a client got is not in the audit"
import collections, json, pathlib, sys
folder, clients = pathlib.Path(sys.argv[1]), int(sys.argv[2])
records = [row["record"] for row in json.loads((folder / "audit.json").read_text())["records"]]
released = collections.Counter(r["resource"] for r in records if r["event"] == "release")
for i in range(clients):
    got = len((folder / f"keys.{i}").read_text().splitlines())
    print(f"client {i}: {got} keys, {released[f'load/client/c{i}']} releases in the audit")
    if got == 0 or got > released[f"load/client/c{i}"]:
        sys.exit(1)
PY
E2E_CHECKS=$((E2E_CHECKS + 1))
e2e_stop "$E2E_BROKERD_PID"
"$(e2e_program sevattest-brokerd)" --config "$d/broker/broker.conf" >/dev/null 2>>"$d/broker-brokerd.log" </dev/null &
E2E_BROKERD_PID=$!
E2E_PIDS+=("$E2E_BROKERD_PID")
e2e_wait "$E2E_BROKERD_PID" "brokerd" e2e_ctl status
e2e_expect 0 "the audit verifies after an orderly restart" e2e_ctl audit --verify
e2e_expect 0 "the store opens" e2e_ctl --json key get-meta load/operator/key
stored=$(sed -n 's/.*"version": *\([0-9]*\).*/\1/p' "$d/last.out")
printf 'the operator: version %s acknowledged, %s stored\n' "$(cat "$d/acknowledged")" "$stored"
[ "$stored" -ge "$(cat "$d/acknowledged")" ] || e2e_fail "a change that was acknowledged is lost"
e2e_end
