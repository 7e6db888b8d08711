#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Evidence without certificates at the broker: brokerd asks the key service through its own netd. The simulator's log counts the requests: cold, warm, after a
# restart, many guests at once, storms of 429, half answers, another chip's, a dead service, a dead netd, a spoiled cache, chips that nobody admits, and
# revocation lists.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin broker-kds

sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_sim_set plat --aux empty
e2e_ca operator
export E2E_BROKER_KDS=$E2E_KDS
e2e_broker_start broker operator
e2e_broker_netd broker
CACHE=$d/broker/cache

printf 'a key' >"$d/secret"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a secret is stored" e2e_ctl key put prod/app/key "$d/secret"
e2e_expect 0 "a policy is stored" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant is added" e2e_ctl grant add prod/app/key prod

get=("$sevattest" get prod/app/key --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY")
requests() { grep -c "KDS: GET $1" "$d/sim-plat.log"; }
VCEK='/vcek/v1/Milan/[0-9a-f]*?'
declare -A SEEN=([$VCEK]=0 [/vcek/v1/Milan/cert_chain]=0 [/vcek/v1/Milan/crl]=0)
# expect_requests VCEKS CHAINS WHAT: since the last call; revocation lists are counted apart.
expect_requests() {
	local vcek chain
	vcek=$(requests "$VCEK")
	chain=$(requests /vcek/v1/Milan/cert_chain)
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$((vcek - SEEN[$VCEK])) $((chain - SEEN[/vcek/v1/Milan/cert_chain]))" = "$1 $2" ] ||
		e2e_fail "$3: $((vcek - SEEN[$VCEK])) VCEKs and $((chain - SEEN[/vcek/v1/Milan/cert_chain])) chains were asked for, instead of $1 and $2"
	SEEN[$VCEK]=$vcek SEEN[/vcek/v1/Milan/cert_chain]=$chain
	e2e_say "ok: $3: $1 VCEKs, $2 chains"
}
# get_in SECONDS: as an agent does, until the key is there. 5 is "come again"; anything else ends it.
get_in() {
	local end=$((SECONDS + $1)) code
	while :; do
		"${get[@]}" -o "$d/got" >"$d/get.out" 2>"$d/get.err" </dev/null
		code=$?
		[ $code -eq 5 ] && [ $SECONDS -lt $end ] || return $code
		sleep 0.3
	done
}
restart_brokerd() {
	e2e_stop "$E2E_BROKERD_PID"
	e2e_background broker-brokerd "$(e2e_program sevattest-brokerd)" --config "$d/broker/broker.conf"
	E2E_BROKERD_PID=$E2E_PID
	e2e_wait_socket "$d/broker/http.sock" "$E2E_PID"
	e2e_wait 0 "httpd's connection" true 2>/dev/null || true
}
restart_netd() {
	kill -KILL "$E2E_NETD_PID"
	wait "$E2E_NETD_PID" 2>/dev/null
	e2e_broker_netd broker
}
empty_cache() {
	rm -f "$CACHE"/*
	restart_brokerd
	restart_netd
}

# --- cold: the first one is told to come again, and nobody waits in brokerd
e2e_expect 5 "cold: come again" "${get[@]}" -o "$d/got"
e2e_expect 0 "cold: the key is there soon" get_in 10
e2e_same "$d/got" "$d/secret"
expect_requests 1 1 "cold"
e2e_wait "$E2E_BROKERD_PID" "a revocation list in the cache" test -s "$CACHE/crl-vcek-milan.crl"

# --- warm
for _ in 1 2 3; do e2e_expect 0 "warm" "${get[@]}" -o "$d/got"; done
expect_requests 0 0 "warm"
e2e_expect 0 "the cache is the one that the command line knows" "$sevattest" certs list --cache "$CACHE"
e2e_expect_text "3 objects"

# --- restart, then the service down: what is in the cache is enough
restart_brokerd
e2e_sim_set plat --kds-status 503
e2e_expect 0 "after a restart, the service down" get_in 5
expect_requests 0 0 "after a restart"
e2e_stop "$E2E_NETD_PID"
e2e_expect 0 "without netd" "${get[@]}" -o "$d/got"
e2e_broker_netd broker

# --- many guests at once: one request
e2e_sim_set plat --kds-status '' --kds-delay-ms 500
empty_cache
for i in {1..12}; do
	(get_in 20) &
	E2E_MANY[i]=$!
done
for pid in "${E2E_MANY[@]}"; do wait "$pid" || e2e_fail "one of many: exit $?: $(cat "$d/get.err")"; done
e2e_sim_set plat --kds-delay-ms ''
expect_requests 1 1 "twelve guests at once"

# --- a storm of 429: Retry-After is kept, one request for each pause
e2e_sim_set plat --kds-storm 3 --kds-retry-after 1
empty_cache
e2e_expect 0 "a storm of 429" get_in 30
expect_requests 4 1 "a storm of 429"
e2e_sim_set plat --kds-storm '' --kds-retry-after ''

# --- answers that are worth nothing: tried three times, never kept, never believed
for fault in half wrong-chip garbage; do
	e2e_sim_set plat --kds-fault "$fault"
	empty_cache
	e2e_expect 5 "$fault" get_in 9
	compgen -G "$CACHE/vcek-*" >/dev/null && e2e_fail "$fault: it was kept"
	expect_requests 3 "$(($(requests /vcek/v1/Milan/cert_chain) - SEEN[/vcek/v1/Milan/cert_chain]))" "$fault"
done
e2e_sim_set plat --kds-fault ''

# --- a dead service, and back; a dead netd, and back
e2e_sim_set plat --kds-status 503
empty_cache
e2e_expect 5 "a dead service" get_in 2
e2e_sim_set plat --kds-status ''
e2e_expect 0 "it is back" get_in 20
SEEN[$VCEK]=$(requests "$VCEK") SEEN[/vcek/v1/Milan/cert_chain]=$(requests /vcek/v1/Milan/cert_chain)
rm -f "$CACHE"/*
restart_brokerd
kill -KILL "$E2E_NETD_PID"
wait "$E2E_NETD_PID" 2>/dev/null
e2e_expect 5 "a dead netd" get_in 2
e2e_broker_netd broker
e2e_expect 0 "it is back" get_in 20
expect_requests 1 1 "after netd came back"

# --- a cache is not trusted
vcek=$(echo "$CACHE"/vcek-*)
python3 - "$vcek" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[-1] ^= 1
open(sys.argv[1], "wb").write(data)
PY
e2e_expect 0 "a cached VCEK whose signature is spoiled" get_in 10
expect_requests 1 0 "it is asked for anew"
head -c 200 "$vcek" >"$d/half" && cp "$d/half" "$vcek"
e2e_expect 0 "a cached VCEK that is cut off" get_in 10
expect_requests 1 0 "it is asked for anew"

# --- nobody is asked about a chip that no policy admits, nor about a masked one
cp "$d/policy.json" "$d/open.json"
python3 - "$d/policy.json" <<'PY'
import json, sys
policy = json.load(open(sys.argv[1]))
policy["snp"]["chip_id"] = ["77" * 64]
json.dump(policy, open(sys.argv[1], "w"))
PY
e2e_expect 0 "a policy that lists another chip" e2e_ctl policy put "$d/policy.json"
rm -f "$CACHE"/*
restart_brokerd
e2e_expect 6 "a chip that no policy admits" get_in 5
e2e_expect 0 "the policy admits all again" e2e_ctl policy put "$d/open.json"
e2e_sim_set plat --mask-chip-id yes
e2e_expect 6 "a masked chip id" get_in 5
expect_requests 0 "$(($(requests /vcek/v1/Milan/cert_chain) - SEEN[/vcek/v1/Milan/cert_chain]))" "for neither of them"
e2e_sim_set plat --mask-chip-id ''

# --- revocation lists: fetched where a policy requires one, kept fresh, and believed
python3 - "$d/open.json" >"$d/require.json" <<'PY'
import json, sys
policy = json.load(open(sys.argv[1]))
policy["revocation"] = "require"
print(json.dumps(policy))
PY
e2e_expect 0 "a policy that requires a revocation list" e2e_ctl policy put "$d/require.json"
rm -f "$CACHE"/*
restart_brokerd
e2e_expect 0 "it is fetched" get_in 15
crls=$(requests /vcek/v1/Milan/crl)
restart_brokerd
e2e_expect 0 "after a restart" get_in 5
[ "$(requests /vcek/v1/Milan/crl)" -eq "$crls" ] || e2e_fail "a fresh list was asked for again"
e2e_sim_set plat --revoke ask
touch -d '13 hours ago' "$CACHE/crl-vcek-milan.crl"
restart_brokerd
e2e_wait "$E2E_BROKERD_PID" "a newer list" sh -c "[ \$(grep -c 'KDS: GET /vcek/v1/Milan/crl' '$d/sim-plat.log') -gt $crls ]"
e2e_wait "$E2E_BROKERD_PID" "it is read" grep -q 'fetched /vcek/v1/Milan/crl' "$d/broker-brokerd.log"
e2e_expect 6 "the intermediate is revoked" get_in 5
grep -q 'crl' "$d/get.err" || e2e_fail "the check is not named: $(cat "$d/get.err")"

curl -s -H 'Accept: application/openmetrics-text' "http://127.0.0.1:$E2E_STATUS_PORT/metrics" >"$d/metrics"
grep -q '^sevattest_broker_kds_requests_total{outcome="good"} [1-9]' "$d/metrics" || e2e_fail "no metrics of the key service: $(cat "$d/metrics")"
e2e_end
