#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest-luks with the real agent and the real broker, when things go wrong in time: the disk is damaged while we wait, the agent is killed, the broker is away,
# takes its word back and gives it again, two volumes at once. (Which headers are refused: luks_attacks.sh; what else may answer: luks_helper.sh.)
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
for program in jq python3 openssl cryptsetup losetup; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
[ "$(id -u)" -eq 0 ] || e2e_skip "sevattest-luks is root's, and so are block devices"
losetup -f >/dev/null 2>&1 || e2e_skip "no loop device can be had here"
e2e_begin luks
D=$E2E_DIR
agent_cgroups

# --- a platform, a broker, a disk
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
head -c 32 /dev/urandom >"$D/key"
IMAGES=$TESTS/../vm/luks_images.py
"$IMAGES" make "$D/disk" "$D/key" --size 20 || e2e_fail "luks_images.py make"
listed=$("$IMAGES" digest "$D/disk")
python3 "$TESTS/luks_header.py" resource "$D/key" "$D/disk" >"$D/resource" || e2e_fail "luks_header.py resource"
e2e_ctl key put prod/disk/data "$D/resource" >/dev/null || e2e_fail "key put"
e2e_ctl grant add prod/disk/data prod >/dev/null || e2e_fail "grant add"
agent_conf
agent_start_evidence
agent_start_netd
agent_start

# volume NAME IMAGE: its configuration; the loop device goes when its descriptor does.
DESCRIPTORS=()
declare -A DEVICES=()
volume() {
	local device descriptor
	device=$(losetup --find --show "$2") || e2e_fail "losetup $2"
	exec {descriptor}<"$device"
	DESCRIPTORS+=("$descriptor")
	DEVICES[$1]=$device
	losetup --detach "$device"
	printf '[volume]\nDevice = %s\nResource = prod/disk/data\n' "$device" >"$D/volumes/$1"
	chmod 644 "$D/volumes/$1"
}
check() { "$(e2e_program sevattest-luks)" check "$1" --volumes "$D/volumes" --run "$D/luks" --socket "$D/luks.sock"; }
# begin NAME: a check in the background, until its copy is made; finish CODE WHAT: its end.
begin() {
	rm -f "$D/luks/$1.header"
	e2e_background "check-$1" check "$1"
	CHECK=$E2E_PID
	e2e_wait "$CHECK" "the copy of $1 is made" test -e "$D/luks/$1.header"
}
finish() {
	local got
	wait "$CHECK"
	got=$?
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$got" = "$1" ] || e2e_fail "$2: exit $got instead of $1"
	e2e_say "ok: $2"
}
# The file that is left opens with the key, and is the listed header.
opens() {
	[ "$("$IMAGES" digest "$D/luks/$1.header")" = "$listed" ] || e2e_fail "$1: not the listed header"
	e2e_expect 0 "cryptsetup opens the header of $1" cryptsetup open --test-passphrase --key-file "$D/key" "$D/luks/$1.header"
}

for name in one two; do
	cp --sparse=always "$D/disk" "$D/$name"
	volume $name "$D/$name"
done
check two >"$D/two.out" 2>&1 &
other=$!
e2e_expect 0 "a volume may be opened" check one
opens one
wait "$other" || { cat "$D/two.out"; e2e_fail "the other one, asked for at the same time"; }
opens two

# --- the disk is the host's while we wait: what was copied is what is judged and left
e2e_stop "$AGENT_PID"
begin one
"$IMAGES" corrupt "${DEVICES[one]}" || e2e_fail "luks_images.py corrupt"
agent_start
finish 0 "the agent comes late, the disk was damaged meanwhile, and the copy may be opened"
opens one
e2e_expect 6 "the next start sees the damage" check one
e2e_expect_text "one is not opened: luks.header"
[ ! -e "$D/luks/one.header" ] || e2e_fail "a refused header is left"

# --- the broker is away, and the agent is killed while it waits for it
e2e_stop "$E2E_HTTPD_PID"
e2e_stop "$AGENT_PID"
agent_start
begin two
e2e_wait_line "$D/check-two.log" "has not decided" "$CHECK"
kill -KILL "$AGENT_PID"
wait "$AGENT_PID" 2>/dev/null
sleep 1
agent_start
sleep 1
kill -0 "$CHECK" || e2e_fail "the check did not wait for the agent"
e2e_background broker-httpd "$(e2e_program sevattest-httpd)" --config "$D/broker/broker.conf"
e2e_wait_port "$E2E_HTTPD_PORT" "$E2E_PID"
finish 0 "the broker comes back, and the volume may be opened without a new start"
opens two

# --- the broker takes its word back, and gives it again
e2e_ctl grant delete prod/disk/data >/dev/null || e2e_fail "grant delete"
e2e_stop "$AGENT_PID"
agent_start
e2e_expect 6 "without a grant it is refused" check two
e2e_expect_text "two is not opened: "
[ ! -e "$D/luks/two.header" ] || e2e_fail "a refused header is left"
e2e_ctl grant add prod/disk/data prod >/dev/null || e2e_fail "grant add"
e2e_stop "$AGENT_PID"
agent_start
e2e_expect 0 "with it the same start opens" check two
opens two
e2e_end
