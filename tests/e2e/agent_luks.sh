#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Encrypted volumes: luks.sock and cryptsetup.sock of sevattestd with netd, the simulator and a broker, on headers that cryptsetup made. Which header opens, each
# refusal by its check, who waits, who is not who he says he is (agent_luks.py); a broker that is away or not trusted; kills; systemd-cryptsetup itself.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
for program in jq python3 openssl cryptsetup strace; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
e2e_begin agent_luks
D=$E2E_DIR
chmod 711 "$D" # some connect as another user
export PYTHONDONTWRITEBYTECODE=1
agent_cgroups
SEVATTESTD=$(e2e_program sevattestd) || exit 1

ok() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	e2e_say "ok: $*"
}
header() { python3 "$TESTS/luks_header.py" "$@" || e2e_fail "luks_header.py $*"; }

# --- a platform, a broker, disks that cryptsetup made, their resources
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
format() { # NAME [OPTIONS]: an image and its key; the begin of it, which sevattest-luks would copy, in COPY
	local name=$1
	shift
	head -c 32 /dev/urandom >"$D/$name.key"
	truncate -s 2M "$D/$name"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --luks2-metadata-size 16k --luks2-keyslots-size 256k "$@" \
		"$D/$name" "$D/$name.key" >/dev/null 2>&1 || e2e_fail "luksFormat $name"
}
format disk
mv "$D/disk.key" "$D/key"
head -c 294912 "$D/disk" >"$D/copy"
header rebuild "$D/copy" primary "$D/good"
cp "$D/disk" "$D/changed"
cryptsetup config --label second "$D/changed" >/dev/null 2>&1 || e2e_fail "cryptsetup config"
head -c 294912 "$D/changed" >"$D/next"
format other --uuid "$(cryptsetup luksUUID "$D/disk")"
head -c 294912 "$D/other" >"$D/swapped"
header resource "$D/key" "$D/copy" >"$D/resource"
header resource "$D/key" "$D/next" >"$D/resource-next"
header resource "$D/key" "$D/copy" "$D/next" >"$D/resource-both"
printf '{"sevattest-disk": 2, "key": "AAAA", "headers": []}' >"$D/resource-2"
store() { # RESOURCE FILE [NO-GRANT]
	e2e_ctl key put "$1" "$2" >/dev/null || e2e_fail "key put $1"
	[ -n "${3:-}" ] || e2e_ctl grant add "$1" prod >/dev/null || e2e_fail "grant add $1"
}
store prod/disk/data "$D/resource"
store prod/disk/plain "$D/key"
store prod/disk/version "$D/resource-2"
store prod/disk/other "$D/resource" no-grant
CHECK=$(python3 "$TESTS/key_check.py" "$D/key")
volume() { # RESOURCE [LINE]: the configuration of the volume "data"
	printf '[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = %s\n%s\n' "$1" "${2:-}" >"$D/volumes/data"
	chmod 644 "$D/volumes/data"
}
place() { install -m 640 "$1" "$D/luks/data.header"; }
UNIT=$AGENT_CGROUP/system-systemd\\x2dcryptsetup.slice/systemd-cryptsetup@data.service
mkdir -p "$UNIT"
luks() { ANSWER=$(python3 "$TESTS/ask_disk.py" luks "$D/luks.sock" data "$@" 2>&1); }
key() {
	rm -f "$D/got"
	ANSWER=$(python3 "$TESTS/ask_disk.py" key "$D/cryptsetup.sock" data --cgroup "$UNIT" --out "$D/got" "$@" 2>&1)
}
# expect_refused CHECK WORDS WHAT: of the last luks.
expect_refused() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	case $ANSWER in "refused $1: "*"$2"*) ;; *) e2e_fail "$3: \"$ANSWER\" instead of refused $1: $2" ;; esac
	e2e_say "ok: $3: $1"
}

agent_conf
volume prod/disk/data
agent_start_evidence
agent_start_netd
agent_start
jq -n --arg dir "$D" --arg cgroup "$AGENT_CGROUP" --arg broker "$(e2e_program sevattest-broker)" --arg admin "$E2E_ADMIN" --arg check "$CHECK" --argjson agent "$AGENT_PID" \
	'{dir: $dir, cgroup: $cgroup, broker: $broker, admin: $admin, check: $check, agent: $agent}' >"$D/settings.json"
python3 "$TESTS/agent_luks.py" "$D/settings.json" | tee "$D/cases.out"
[ "${PIPESTATUS[0]}" = 0 ] || e2e_fail "agent_luks.py"
E2E_CHECKS=$((E2E_CHECKS + $(grep -c ^ok: "$D/cases.out")))
e2e_expect 0 "sevattest status names the volume" "$(e2e_program sevattest)" status --socket "$D/status.sock"
e2e_expect_text "volume data: prod/disk/data version"
hex=$(xxd -p -c 64 "$D/key")
base64=$(base64 "$D/key")
e2e_expect 1 "no key in any log" grep -rlF -e "${hex:0:16}" -e "${base64:0:16}" "$D/agent.log" "$D/netd.log" "$D/evidence.log"

# --- whom the agent believes
place "$D/copy"
AGENT_PIN='' agent_restart
luks
expect_refused disk.signer "neither BrokerKey= nor KeyCheck=" "a broker that is not pinned, and no KeyCheck="
key
expect_answer refused "the same, at the other socket"
volume prod/disk/data "KeyCheck = $CHECK"
luks
expect_answer "open primary" "KeyCheck=, from a broker that is not pinned"
place "$D/good"
key
expect_key "$D/key" "and the key"
volume prod/disk/data
AGENT_PIN='' agent_restart '[broker]' "KeyCheck = prod/disk/data $(python3 "$TESTS/key_check.py" "$D/resource")"
luks
expect_answer "open primary" "KeyCheck= of agent.conf, over the whole resource"
openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -pubout -outform DER 2>/dev/null | tail -c 64 >"$D/stranger"
base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
jq -nc --arg x "$(head -c 32 "$D/stranger" | base64url)" --arg y "$(tail -c 32 "$D/stranger" | base64url)" \
	'{alg: "ES256", crv: "P-256", kty: "EC", x: $x, y: $y}' >"$D/stranger.jwk"
AGENT_PIN=$D/stranger.jwk agent_restart
luks
expect_refused disk.released "signature" "a release that another key has signed"
key
expect_answer refused "the same, at the other socket"

# --- a refused machine
e2e_sim_set plat --measurement "5b$(printf '5a%.0s' {1..47})"
agent_restart "Policy = $D/policy.json"
luks
expect_refused disk.attested measurement "a refused measurement"
key
expect_answer refused "the same, at the other socket"
rm -f "$D/plat/state.json"

# --- nobody refuses, nobody answers: who asks waits
e2e_stop "$E2E_HTTPD_PID"
agent_restart
luks --timeout 1
expect_answer waiting "the broker is away: the question waits"
key --timeout 1
expect_answer waiting "and systemd-cryptsetup"
python3 "$TESTS/ask_disk.py" luks "$D/luks.sock" data --timeout 60 >"$D/held.luks" &
luks_waits=$!
python3 "$TESTS/ask_disk.py" key "$D/cryptsetup.sock" data --cgroup "$UNIT" --out "$D/got.held" --timeout 60 >"$D/held.key" &
key_waits=$!
waits() { python3 "$TESTS/status_client.py" "$D/status.sock" /status | e2e_jq '.keys[] | select(.id == "data") | .waiting >= 1' >/dev/null; }
e2e_wait "$AGENT_PID" "the question in the status" waits
ok "the status says that somebody waits"
broker_again() {
	e2e_background "$1" "$(e2e_program sevattest-httpd)" --config "$D/broker/broker.conf"
	E2E_HTTPD_PID=$E2E_PID
}
broker_again httpd-again
wait "$luks_waits" "$key_waits"
[ "$(cat "$D/held.luks")" = "open primary" ] || e2e_fail "after the broker came back: $(cat "$D/held.luks")"
e2e_same "$D/key" "$D/got.held"
ok "held, then answered when the broker came back"
e2e_stop "$AGENT_PID"

# --- killed between taking a connection and answering it; the next process finds both. agent_kill.sh has the moments of an answer.
manager() { # NAME COMMAND...
	local name=$1 socket sockets=()
	shift
	mkdir -p "$D/$name"
	for socket in credentials cryptsetup luks status; do
		rm -f "$D/$socket.sock"
		sockets+=(--socket "$socket=$D/$socket.sock")
	done
	e2e_background "$name" python3 "$TESTS/service_manager.py" "$D/$name" "${sockets[@]}" -- "$@"
	AGENT_PID=$E2E_PID
	e2e_wait_socket "$D/luks.sock" "$E2E_PID"
}
manager killed "$SEVATTESTD" --config "$D/agent.conf"
expect_log "attested by tsm" "$D/killed.log"
e2e_stop "$E2E_HTTPD_PID"
python3 "$TESTS/ask_disk.py" luks "$D/luks.sock" data --timeout 60 >"$D/held.luks" &
luks_waits=$!
rm -f "$D/got.held"
python3 "$TESTS/ask_disk.py" key "$D/cryptsetup.sock" data --cgroup "$UNIT" --out "$D/got.held" --timeout 60 >"$D/held.key" &
key_waits=$!
e2e_wait_line "$D/killed.out" "holds 2" "$AGENT_PID"
sleep 0.2
kill -USR1 "$AGENT_PID"
e2e_wait_line "$D/killed.out" "ended 9 stored 2" "$AGENT_PID"
expect_log "is taken over" "$D/killed.log"
broker_again httpd-third
wait "$luks_waits" "$key_waits"
[ "$(cat "$D/held.luks")" = "open primary" ] || e2e_fail "after a kill: $(cat "$D/held.luks")"
e2e_same "$D/key" "$D/got.held"
ok "killed between accept and answer: the question is answered, the key is given"
e2e_stop "$AGENT_PID"

# --- at chosen moments of the answer: strace kills at the entry of a call. The marks are the only use of SO_RCVLOWAT: setsockopt(2) 1 says "begun", 2 "done".
moment() { # WHAT CALL WHEN ANSWER
	printf '#!/bin/bash\nif [ -e "%s" ]; then exec "%s" "$@"; fi\ntouch "%s"\nexec strace -D -qq -o "%s" -e trace=%s -e signal=none -e inject=%s:signal=KILL:when=%s "%s" "$@"\n' \
		"$D/struck" "$SEVATTESTD" "$D/struck" "$D/strace.out" "$2" "$2" "$3" "$SEVATTESTD" >"$D/struck.sh"
	chmod +x "$D/struck.sh"
	rm -f "$D/struck"
	manager "moment-$2-$3" "$D/struck.sh" --config "$D/agent.conf"
	key --timeout 60
	expect_answer "$4" "killed at $1"
	[ "$4" = refused ] || e2e_same "$D/key" "$D/got"
	grep -q "^ended 9" "$D/moment-$2-$3.out" || e2e_fail "killed at $1: nothing was killed"
	e2e_stop "$AGENT_PID"
}
moment "the mark before the key" setsockopt 1 "key 32"
moment "the mark after the key" setsockopt 2 refused
moment "the end of the answer" shutdown 1 "key 32"

# --- systemd-cryptsetup itself. Without device-mapper it gets as far as the key; with a key that is too large not even there.
CRYPTSETUP=/usr/lib/systemd/systemd-cryptsetup
agent_start
attach() { bash -c "echo \$\$ >'$UNIT/cgroup.procs'; exec '$CRYPTSETUP' attach data '$D/disk' '$D/cryptsetup.sock' 'luks,headless=yes,header=$D/luks/data.header'"; }
if [ -x "$CRYPTSETUP" ] && ! grep -q device-mapper /proc/misc; then
	before=$(grep -c "gave the key" "$D/agent.log")
	attach >"$D/attach.out" 2>&1
	[ "$(grep -c "gave the key" "$D/agent.log")" = $((before + 1)) ] || e2e_fail "systemd-cryptsetup got no key: $(cat "$D/attach.out" "$D/agent.log")"
	ok "systemd-cryptsetup gets the key"
	place "$D/copy"
	e2e_expect 1 "systemd-cryptsetup with a refusal" attach
	e2e_expect_text "too large"
	e2e_expect_text "Password querying disabled"
	place "$D/good"
fi

for log in "$D"/agent.log "$D"/killed.log; do
	e2e_expect 1 "no sanitizer has spoken" grep -E 'AddressSanitizer|runtime error' "$log"
done
e2e_end
