#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Encrypted volumes: luks.sock and cryptsetup.sock of sevattestd with netd, the simulator and a broker, on headers that cryptsetup made. Which header opens, each
# refusal by its check, who waits, who is not who he says he is, and systemd-cryptsetup itself at the socket.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
for program in jq python3 openssl cryptsetup; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
e2e_begin agent_luks
D=$E2E_DIR
chmod 711 "$D" # a test below connects as another user
agent_cgroups

ok() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	e2e_say "ok: $*"
}
header() { python3 "$TESTS/luks_header.py" "$@" || e2e_fail "luks_header.py $*"; }
digest() { python3 "$TESTS/key_check.py" "$1"; }

# --- a platform, a broker, a disk that cryptsetup made, its resource
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
head -c 32 /dev/urandom >"$D/key"
truncate -s 2M "$D/disk"
FORMAT=(cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --luks2-metadata-size 16k --luks2-keyslots-size 256k)
"${FORMAT[@]}" "$D/disk" "$D/key" >/dev/null 2>&1 || e2e_fail "luksFormat"
head -c 294912 "$D/disk" >"$D/copy" # what sevattest-luks copies
header rebuild "$D/copy" primary "$D/good"
header resource "$D/key" "$D/copy" >"$D/resource"
put() { # RESOURCE FILE
	e2e_ctl key put "$1" "$2" >/dev/null || e2e_fail "key put $1"
}
put prod/disk/data "$D/resource"
put prod/disk/plain "$D/key"
printf '{"sevattest-disk": 2, "key": "AAAA", "headers": []}' >"$D/resource-2"
put prod/disk/version "$D/resource-2"
put prod/disk/other "$D/resource"
for key in data plain version; do e2e_ctl grant add "prod/disk/$key" prod >/dev/null || e2e_fail "grant add $key"; done

# volume NAME RESOURCE [LINE]: its configuration; the header file is the second half.
volume() {
	printf '[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = %s\n%s\n' "$2" "${3:-}" >"$D/volumes/$1"
	chmod 644 "$D/volumes/$1"
}
place() { # FILE [VOLUME]: as the header file
	rm -rf "$D/luks/${2:-data}.header"
	install -m 640 "$1" "$D/luks/${2:-data}.header"
}
# luks VOLUME [OPTIONS]: what sevattest-luks is told. key VOLUME [OPTIONS]: what systemd-cryptsetup gets.
luks() {
	local volume=$1
	shift
	ANSWER=$(python3 "$TESTS/ask_disk.py" luks "$D/luks.sock" "$volume" "$@" 2>&1)
}
key() {
	local volume=$1 unit
	shift
	unit="$AGENT_CGROUP/system-systemd\\x2dcryptsetup.slice/systemd-cryptsetup@${volume//-/\\x2d}.service"
	mkdir -p "$unit"
	rm -f "$D/got"
	ANSWER=$(python3 "$TESTS/ask_disk.py" key "$D/cryptsetup.sock" "$volume" --cgroup "$unit" --out "$D/got" "$@" 2>&1)
}
# refused CHECK WORDS WHAT: of the last luks(), in the journal too.
refused() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	case $ANSWER in "refused $1: "*"$2"*) ;; *) e2e_fail "$3: \"$ANSWER\" instead of refused $1: $2" ;; esac
	grep -q "refused volume [a-z]*: $1: " "$D/agent.log" || e2e_fail "$3: $1 is not in the journal"
	e2e_say "ok: $3: $1"
}
status() { python3 "$TESTS/status_client.py" "$D/status.sock" "$1"; }
# row VOLUME FILTER WHAT: of the volume in /status.
row() {
	status /status >"$D/status.json" || e2e_fail "/status"
	e2e_expect 0 "$3" jq -e --arg v "$1" ".keys[] | select(.kind == \"disk\" and .id == \$v) | $2" "$D/status.json"
}

# --- the way of a boot: checked, the key given once, and gone from here
agent_conf
volume data prod/disk/data
place "$D/copy"
agent_start_evidence
agent_start_netd
agent_start
row data '.state == "not asked for" and .resource == "prod/disk/data"' "a volume that nobody has asked for is in the status"
luks data
expect_answer "open primary" "the header that cryptsetup made"
row data '.state == "header good" and .version == 1 and has("checked_at")' "the status knows it"
key data
expect_answer refused "the key, while the header file is not what sevattest-luks makes of it"
expect_log "refused volume data: disk.header_kept"
place "$D/good"
key data
expect_key "$D/key" "the key for the file that holds the listed header in both places"
row data '.state == "key given" and .served == 1 and has("served_at") and (has("check") | not)' "the status says that it was given, and when"
expect_log "gave the key of volume data: prod/disk/data, version 1"
key data
expect_key "$D/key" "asked again: fetched again"
luks data --half
expect_answer "open primary" "a question in two parts"
e2e_expect 0 "sevattest status names the volume" "$(e2e_program sevattest)" status --socket "$D/status.sock"
e2e_expect_text "volume data: prod/disk/data version 1"
e2e_expect 0 "/metrics counts it" python3 "$TESTS/status_client.py" "$D/status.sock" /metrics
e2e_expect_text 'sevattest_agent_disks{state="header good"} 1'
e2e_expect 0 "the page shows it" python3 "$TESTS/status_client.py" "$D/status.sock" /
e2e_expect_text "disk data"
