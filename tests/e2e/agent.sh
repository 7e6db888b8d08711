#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattestd with netd, sevattest-evidence, the simulator and a broker, as they are installed, without systemd: who gets a key, who gets a refusal, who waits.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
for program in jq python3 openssl; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
e2e_begin agent
D=$E2E_DIR
chmod 711 "$D" # a test below connects as another user
agent_cgroups
SEVATTESTD=$(e2e_program sevattestd) || exit 1

# --- a platform, a broker, two keys
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
head -c 32 /dev/urandom >"$D/db"
head -c 300000 /dev/urandom >"$D/large" # more than a socket takes at once
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
for key in db large; do
	e2e_ctl key put "prod/app/$key" "$D/$key" >/dev/null || e2e_fail "key put $key"
	e2e_ctl grant add "prod/app/$key" prod >/dev/null || e2e_fail "grant add $key"
done
e2e_ctl key put prod/app/other "$D/db" >/dev/null || e2e_fail "key put other"
LONG=$(printf 'a%.0s' {1..73}).service # with "fou" the address that systemd makes has 108 bytes, all that there are
MAPS=('[credentials]' 'Map = app.service/db prod/app/db' 'Map = app@1.service/large prod/app/large' 'Map = app.service/none prod/app/other'
	"Map = $LONG/fou prod/app/db")

ok() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	e2e_say "ok: $*"
}

# --- configurations that are refused
bad_conf() { # WORDS LINES...
	local words=$1
	shift
	agent_conf "$@"
	e2e_expect 2 "refused configuration: $words" "$SEVATTESTD" --config "$D/agent.conf"
	e2e_expect_text "$words"
}
bad_conf "written UNIT/ID" '[credentials]' 'Map = app.service prod/app/db'
bad_conf "written UNIT/ID" '[credentials]' 'Map = app.target/db prod/app/db'
bad_conf "written UNIT/ID" '[credentials]' 'Map = app.service/db prod/app'
bad_conf "mapped twice" '[credentials]' 'Map = app.service/db prod/app/db' 'Map = app.service/db prod/app/other'
bad_conf "64 hex digits" '[broker]' 'KeyCheck = prod/app/db 00'
bad_conf "P-256, P-521 or RSA" 'KeyAlgorithm = P-384'
bad_conf "unknown key 'Polcy'" 'Polcy = x'
bad_conf "policy.json.bad" "Policy = $D/policy.json.bad"
AGENT_PIN=$D/plat/ark.pem bad_conf "BrokerKey" 'Reattest = 1h'
printf '[agent]\n' >"$D/agent.conf"
e2e_expect 2 "no broker" "$SEVATTESTD" --config "$D/agent.conf"
e2e_expect_text "Url="

# --- the key is served, as often as it is asked for
agent_conf "Policy = $D/policy.json" "${MAPS[@]}"
agent_start_evidence
agent_start_netd
agent_start
ask app.service db
expect_key "$D/db" "the key of app.service"
ask app.service db
expect_key "$D/db" "asked again, as for each ExecStartPre="
ask app@1.service large
expect_key "$D/large" "a key in several parts"
ask app@1.service large --pause 0.5
expect_key "$D/large" "a key to a slow reader"
expect_log "served app.service/db: prod/app/db, version 1"
ask "$LONG" fou --name "ffffffffffffffff/unit/$LONG/fou"
expect_key "$D/db" "an address of 108 bytes"
ask "$LONG" fou --name "ffffffffffffffff/unit/$LONG/four"
case $ANSWER in *"too long"*) ok "109 bytes are no address" ;; *) e2e_fail "109 bytes: $ANSWER" ;; esac

# --- who is not who he says he is
ask app.service none
expect_answer refused "a key that no grant covers"
expect_log "refused app.service/none"
ask app.service unknown
expect_answer refused "a credential that no line of Map= names"
ask evil.service db
expect_answer refused "a unit without a line"
ANSWER=$(python3 "$TESTS/ask_credential.py" "$D/credentials.sock" app.service db)
expect_answer refused "nobody's control group"
mkdir -p "$AGENT_CGROUP/evil.service/app.service"
ANSWER=$(python3 "$TESTS/ask_credential.py" "$D/credentials.sock" app.service db --cgroup "$AGENT_CGROUP/evil.service")
expect_answer refused "another unit's control group"
expect_log "calls itself app.service but is in the control group of evil.service"
ANSWER=$(python3 "$TESTS/ask_credential.py" "$D/credentials.sock" app.service db --cgroup "$AGENT_CGROUP/evil.service/app.service")
expect_answer refused "a group of that name below another unit's"
ask app.service db --uid 65534
case $ANSWER in *PermissionError*) ok "the socket is root's" ;; *) e2e_fail "an ordinary user could connect: $ANSWER" ;; esac
chmod 666 "$D/credentials.sock"
ask app.service db --uid 65534
expect_answer refused "an ordinary user with a fitting address, in the unit's control group"
expect_log "only root's requests are served"
chmod 600 "$D/credentials.sock"
for name in "" "1/cryptsetup/app.service/db" "01/unit/app.service/db" "1/unit/app.service/db/" "1/unit/app.service"; do
	ask app.service db --name "$name"
	expect_answer refused "the address \"$name\""
done
unrefused='[.keys[] | select(.unit == "app.service" and .id == "db" and (has("refusal") or has("refused_at") | not))] | length == 1'
status() { python3 "$TESTS/status_client.py" "$D/status.sock" "$1"; }
ask app.service db
expect_key "$D/db" "and the right one still gets it"
status /status >"$D/status.json"
e2e_expect 0 "and no refusal is left" e2e_jq "$unrefused" "$D/status.json"

# --- what the status knows, and what no log knows
status /status >"$D/status.json" || e2e_fail "/status"
e2e_expect 0 "the status names the state" e2e_jq '.state == "attested"' "$D/status.json"
e2e_expect 0 "/readyz" python3 "$TESTS/status_client.py" "$D/status.sock" /readyz
e2e_expect 0 "/metrics" python3 "$TESTS/status_client.py" "$D/status.sock" /metrics
e2e_expect_text "sevattest_agent"
hex=$(xxd -p -c 64 "$D/db")
e2e_expect 1 "no key in any log" grep -rl -e "${hex:0:16}" "$D/agent.log" "$D/netd.log" "$D/evidence.log" "$D/status.json"

# --- a refused measurement: at once, the keys are gone, a file says why
e2e_sim_set plat --measurement "5b$(printf '5a%.0s' {1..47})"
kill -HUP "$AGENT_PID"
expect_log "refused: our own check measurement failed"
ask app.service db --timeout 2
expect_answer refused "a refused measurement, by our own policy, within 2 s"
e2e_expect 0 "the refusal is a file" grep measurement "$D/refusal/refused"
agent_restart "${MAPS[@]}"
expect_log "refused: broker answered 403 to attest: PolicyDeny"
ask app.service db
expect_answer refused "a refused measurement, by the broker"
status /status >"$D/status.json"
e2e_expect 0 "the status says so, with a fix" e2e_jq '.state == "refused" and (.fix | length > 10)' "$D/status.json"
e2e_expect 1 "/readyz is 503" python3 "$TESTS/status_client.py" "$D/status.sock" /readyz
rm -f "$D/plat/state.json"
kill -HUP "$AGENT_PID"
expect_log "attested by tsm"
ask app.service db
status /status >"$D/status.json"
expect_key "$D/db" "proven again"
e2e_expect 0 "a refusal ends with the next key" e2e_jq "$unrefused" "$D/status.json"
[ ! -e "$D/refusal/refused" ] || e2e_fail "the file of the refusal is still there"

# --- a reload with mistakes changes nothing; one without takes a new line
cp "$D/agent.conf" "$D/agent.conf.good"
echo 'Map = broken' >>"$D/agent.conf"
kill -HUP "$AGENT_PID"
expect_log "the configuration before stays in force"
ask app.service db
expect_key "$D/db" "after a reload that was refused"
cp "$D/agent.conf.good" "$D/agent.conf"
echo 'Map = new.service/key prod/app/db' >>"$D/agent.conf"
kill -HUP "$AGENT_PID"
expect_log "configuration read again"
ask new.service key
expect_key "$D/db" "a line that came with a reload"

# --- `sevattest credential add`
SEVATTEST=$(e2e_program sevattest) || exit 1
add() { "$SEVATTEST" credential add "$@" --config "$D/agent.conf" --units "$D/units" --socket "$D/credentials.sock"; }
mkdir -p "$D/units"
e2e_expect 0 "credential add" add 'web@my\x2dsite.service' tls-key prod/app/db --as "$D/fixed"
[ "$(stat -c '%a %s' "$D/fixed")" = "0 0" ] || e2e_fail "the target of --as is $(stat -c '%a %s' "$D/fixed")"
for line in '[Service]' "LoadCredential=tls-key:$D/credentials.sock" "BindReadOnlyPaths=%d/tls-key:$D/fixed" 'After=sevattest-credentials.socket'; do
	e2e_expect 0 "the drop-in says $line" grep -Fx "$line" "$D/units/web@my\x2dsite.service.d/50-sevattest-tls-key.conf"
done
e2e_expect 0 "the same once more" add 'web@my\x2dsite.service' tls-key prod/app/db
e2e_expect 2 "another resource for it" add 'web@my\x2dsite.service' tls-key prod/app/large
e2e_expect_text "is mapped to prod/app/db already"
e2e_expect 2 "a unit that starts nothing" add web.target tls-key prod/app/db
e2e_expect 2 "a template" add web@.service tls-key prod/app/db
e2e_expect 2 "an ID with a blank" add web.service 'tls key' prod/app/db
e2e_expect 2 "names of 85 characters" add "$(printf 'a%.0s' {1..75}).service" xy prod/app/db
e2e_expect_text "Protocol error"
e2e_expect 2 "no resource" add web.service tls-key prod/app
e2e_expect 2 "--as a relative path" add web.service tls-key prod/app/db --as fixed
[ "$(find "$D/agent.conf.d" -type f | wc -l)" -eq 1 ] || e2e_fail "a refused call has written a line"
kill -HUP "$AGENT_PID"
e2e_wait "$AGENT_PID" "the second reload" test "$(grep -c 'configuration read again' "$D/agent.log")" -ge 2
ask 'web@my\x2dsite.service' tls-key
expect_key "$D/db" "the unit that was added"
rm -r "$D/agent.conf.d"

# --- a broker that is away: who asks waits, and gets the key when it is back
e2e_stop "$E2E_HTTPD_PID"
agent_restart "${MAPS[@]}"
ask app.service db --timeout 2
expect_answer waiting "before any proof"
ask app.service db --timeout 20 &
waiting=$!
sleep 1
e2e_background httpd-again "$(e2e_program sevattest-httpd)" --config "$D/broker/broker.conf"
E2E_HTTPD_PID=$E2E_PID
wait "$waiting"
e2e_same "$D/db" "$D/got"
ok "held, then served when the broker came back"
agent_restart "${MAPS[@]}" 'Prefetch = no'
expect_log "attested by tsm"
e2e_stop "$E2E_HTTPD_PID"
ask app.service db --timeout 2
expect_answer waiting "proven, but the broker went away before the key was asked for"
ask app.service db --timeout 20 &
waiting=$!
sleep 1
e2e_background httpd-third "$(e2e_program sevattest-httpd)" --config "$D/broker/broker.conf"
E2E_HTTPD_PID=$E2E_PID
wait "$waiting"
e2e_same "$D/db" "$D/got"
ok "held after it was taken, then served"

# --- certificates: from the key service where the host gave none, then from the cache with the key service away
e2e_sim_set plat --aux empty
agent_restart "Policy = $D/policy.json" "${MAPS[@]}"
ask app.service db
expect_key "$D/db" "with certificates from the key service"
[ "$(find "$D/cache" -name 'vcek-milan-*.der' -o -name chain-vcek-milan.pem | wc -l)" -eq 2 ] || e2e_fail "the cache holds $(ls "$D/cache")"
kds=$E2E_KDS
E2E_KDS=http://127.0.0.1:$(e2e_free_port)
agent_restart "Policy = $D/policy.json" "${MAPS[@]}"
ask app.service db
expect_key "$D/db" "with certificates from the cache"
rm -f "$D"/cache/*
agent_restart "Policy = $D/policy.json" "${MAPS[@]}"
expect_log "certificates of this chip and TCB are missing"
ask app.service db --timeout 1
expect_answer waiting "no certificates anywhere, and a policy that needs them"
E2E_KDS=$kds
rm -f "$D/plat/state.json"

# --- whom it believes
jq -c . "$D/release.jwk" >/dev/null
openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -pubout -outform DER 2>/dev/null | tail -c 64 >"$D/stranger"
base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
jq -nc --arg x "$(head -c 32 "$D/stranger" | base64url)" --arg y "$(tail -c 32 "$D/stranger" | base64url)" \
	'{alg: "ES256", crv: "P-256", kty: "EC", x: $x, y: $y}' >"$D/stranger.jwk"
AGENT_PIN=$D/stranger.jwk agent_restart "${MAPS[@]}"
ask app.service db
expect_answer refused "a release that another key has signed"
expect_log "the release signature is not of the pinned key"
digest() { python3 "$TESTS/key_check.py" "$1"; }
AGENT_PIN='' agent_restart '[broker]' "KeyCheck = prod/app/db $(digest "$D/large")" "${MAPS[@]}"
ask app.service db
expect_answer refused "another key than KeyCheck= says"
expect_log "KeyCheck: the broker gave another key"
AGENT_PIN='' agent_restart '[broker]' "KeyCheck = prod/app/db $(digest "$D/db")" "${MAPS[@]}"
ask app.service db
expect_key "$D/db" "the key that KeyCheck= says, from a broker that is not pinned"

# --- several brokers: a dead one, one that says nothing
AGENT_URLS="https://127.0.0.1:$(e2e_free_port) $E2E_BROKER" agent_restart "${MAPS[@]}"
ask app.service db
expect_key "$D/db" "the second broker, the first is dead"
silent=$(e2e_free_port)
e2e_background silent python3 -c "
import socket, time
listener = socket.create_server(('127.0.0.1', $silent))
time.sleep(600)"
e2e_wait_port "$silent" "$E2E_PID"
before=$(date +%s%N)
AGENT_URLS="https://127.0.0.1:$silent $E2E_BROKER" agent_restart "${MAPS[@]}"
ask app.service db
expect_key "$D/db" "the second broker, the first is silent"
took=$((($(date +%s%N) - before) / 1000000))
[ "$took" -ge 1000 ] && [ "$took" -lt 8000 ] || e2e_fail "it took $took ms: the next broker is started after one second"

e2e_expect 1 "no sanitizer has spoken" grep -lE 'AddressSanitizer|runtime error' "$D"/agent.log "$D"/netd.log "$D"/evidence.log

# --- what each program is linked with
needs() { readelf -d "$(e2e_program "$1")" | grep NEEDED; }
E2E_CHECKS=$((E2E_CHECKS + 1))
needs sevattestd | grep -E 'curl|microhttpd|gnutls|tss2|sqlite|libpq' && e2e_fail "sevattestd is linked with what has no place in it"
needs sevattest-evidence | grep -E 'curl|microhttpd|gnutls|sqlite|libpq' && e2e_fail "sevattest-evidence is linked with what has no place in it"

e2e_end
