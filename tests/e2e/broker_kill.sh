#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of brokerd and httpd at seeded random moments under load. Afterwards: every single key that a client got has its own record in the audit (the
# nonce of the handshake names both), the audit verifies, the store opens, and no client ever got a wrong key.
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

# One client asks again and again for its own resource and writes a line for each key that it got (what get says of it, and the time); a key that is not the stored one ends the test.
client() {
	local name=load/client/c$1 code
	while [ ! -e "$d/stop" ]; do
		"$sevattest" get "$name" --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY" \
			--json -o "$d/got.$1" >"$d/said.$1" 2>"$d/client.$1.err"
		code=$?
		if [ $code = 0 ]; then
			cmp -s "$d/got.$1" "$d/secret" || { echo "client $1" >>"$d/wrong"; return; }
			printf '%s %s\n' "$(date +%s)" "$(cat "$d/said.$1")" >>"$d/keys.$1"
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

pid_of() { if [ "$1" = brokerd ]; then printf '%s' "$E2E_BROKERD_PID"; else printf '%s' "$E2E_HTTPD_PID"; fi; }

# Of `victims`. Nobody is asked to end in order.
kill_again() {
	local victim all=()
	for victim in "${victims[@]}"; do all+=("$(pid_of "$victim")"); done
	kill -KILL "${all[@]}"
	wait "${all[@]}" 2>/dev/null
	for victim in "${victims[@]}"; do
		if [ "$victim" = brokerd ]; then killed_brokerd=$((killed_brokerd + 1)); else killed_httpd=$((killed_httpd + 1)); fi
	done
}

start_again() {
	local victim
	for victim in "${victims[@]}"; do
		"$(e2e_program "sevattest-$victim")" --config "$d/broker/broker.conf" >/dev/null 2>>"$d/broker-$victim.log" </dev/null &
		E2E_PIDS+=("$!")
		if [ "$victim" = brokerd ]; then E2E_BROKERD_PID=$!; else E2E_HTTPD_PID=$!; fi
	done
}

killed_brokerd=0 killed_httpd=0 slowest=0 total=0
for ((i = 0; i < KILLS; i++)); do
	sleep "0.$(printf '%03d' $((RANDOM % 300)))"
	case $((RANDOM % 3)) in # one, the other, or both at once
	0) victims=(brokerd) ;;
	1) victims=(httpd) ;;
	2) victims=(brokerd httpd) ;;
	esac
	kill_again
	before=$(keys)
	start=$(date +%s%N)
	start_again
	for ((j = 0; j < 1000; j++)); do
		[ "$(keys)" -gt "$before" ] && break
		kill -0 "$E2E_BROKERD_PID" && kill -0 "$E2E_HTTPD_PID" || e2e_fail "after kill $i (${victims[*]}) one did not start again"
		sleep 0.01
	done
	[ "$(keys)" -gt "$before" ] || e2e_fail "no key within ten seconds after kill $i (${victims[*]})"
	took=$((($(date +%s%N) - start) / 1000000))
	total=$((total + took))
	[ $took -gt $slowest ] && slowest=$took
	[ -e "$d/wrong" ] && e2e_fail "a wrong key: $(cat "$d/wrong")"
done
touch "$d/stop"
for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
printf 'seed %s: %s moments, brokerd killed %s times, httpd %s times; %s keys; to the next key %s ms on average, %s ms at most\n' \
	"$SEED" "$KILLS" "$killed_brokerd" "$killed_httpd" "$(keys)" $((total / KILLS)) "$slowest"

e2e_expect 0 "the audit verifies" e2e_ctl audit --verify
cat "$d/last.out"
e2e_expect 0 "the audit" e2e_ctl --json audit
cp "$d/last.out" "$d/audit.json"
python3 - "$d" "$CLIENTS" <<'PY' || e2e_fail "a key that a client got is not in the audit"
import json, pathlib, sys
folder, clients = pathlib.Path(sys.argv[1]), int(sys.argv[2])
audit = {}
for row in json.loads((folder / "audit.json").read_text())["records"]:
    record = row["record"]
    if record["event"] == "release":
        audit.setdefault((record["nonce"], record["resource"]), []).append(record)
matched = 0
for i in range(clients):
    lines = (folder / f"keys.{i}").read_text().splitlines()
    for line in lines:
        seen, said = line.split(" ", 1)
        said = json.loads(said)
        records = audit.pop((said["nonce"], said["resource"]), [])
        if len(records) != 1:
            sys.exit(f"client {i}: nonce {said['nonce']}: {len(records)} records")
        record, = records
        if said["resource"] != f"load/client/c{i}" or record["version"] != said["version"] or record["policy"] != "prod" or \
                record["measurement"] != "5a" * 48 or not 0 <= int(seen) - record["time"] <= 60:
            sys.exit(f"client {i}: another release: {said}, {record}")
        matched += 1
    print(f"client {i}: {len(lines)} keys, each with its own record")
    if not lines:
        sys.exit(f"client {i} got nothing")
left = sum(len(records) for records in audit.values())
print(f"matched: {matched} keys; {left} more releases recorded, of which the answer did not arrive")
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
