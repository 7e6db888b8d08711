#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every disk that a host can forge (tests/vm/luks_images.py), the whole way short of device-mapper: sevattest-luks on a loop device, sevattestd, netd, the simulator
# and a broker that lists the genuine header. Each is refused by its own check, in the answer, the journal and the status, and gets no key; or is opened with
# the genuine header, by the real cryptsetup with the genuine key.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
for program in jq python3 openssl cryptsetup mkfs.ext4 losetup; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
[ "$(id -u)" -eq 0 ] || e2e_skip "sevattest-luks is root's, and so are block devices"
losetup -f >/dev/null 2>&1 || e2e_skip "no loop device can be had here"
IMAGES=$TESTS/../vm/luks_images.py
e2e_begin luks_attacks
D=$E2E_DIR
agent_cgroups
HELPER=$(e2e_program sevattest-luks || { [ -x /usr/lib/sevattest/sevattest-luks ] && echo /usr/lib/sevattest/sevattest-luks; }) || exit 1

world() {
	e2e_sim_init plat
	e2e_sim_serve plat
	e2e_ca operator
	e2e_broker_start broker operator
	jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
	e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
	e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
}

disk() {
	head -c 32 /dev/urandom >"$D/key"
	mkdir "$D/content"
	echo genuine >"$D/content/GENUINE"
	"$IMAGES" make "$D/disk" "$D/key" --small --size 6 || e2e_fail "no genuine image"
	"$IMAGES" fill "$D/disk" "$D/key" "$D/content" || e2e_fail "the image cannot be filled"
	"$IMAGES" attacks "$D/disk" "$D/key" "$D/forged" || e2e_fail "no forged images"
	printf '{"sevattest-disk":1,"key":"%s","headers":["%s"]}' "$(base64 -w0 "$D/key")" "$("$IMAGES" digest "$D/disk")" >"$D/resource"
	e2e_ctl key put prod/disk/data "$D/resource" >/dev/null || e2e_fail "key put"
	e2e_ctl grant add prod/disk/data prod >/dev/null || e2e_fail "grant add"
}

# A loop device in $LOOP that goes with this shell, however it ends: nobody else may be at it when descriptor 7 is closed.
attach() {
	exec 7<&-
	LOOP=$(losetup -f --show "$1") || e2e_fail "losetup $1"
	exec 7<"$LOOP"
	losetup -d "$LOOP"
}

check_volume() { # NAME: the answer of sevattest-luks in $STATUS and last.err
	printf '[volume]\nDevice = %s\nResource = prod/disk/data\n' "$LOOP" >"$D/volumes/$1"
	chmod 644 "$D/volumes/$1"
	timeout 60 "$HELPER" check "$1" --volumes "$D/volumes" --run "$D/luks" --socket "$D/luks.sock" >"$D/last.out" 2>"$D/last.err" </dev/null 7<&-
	STATUS=$?
	E2E_CHECKS=$((E2E_CHECKS + 1))
}

key() {
	local unit=$AGENT_CGROUP/system-systemd\\x2dcryptsetup.slice/systemd-cryptsetup@${1//-/\\x2d}.service
	mkdir -p "$unit"
	rm -f "$D/got"
	ANSWER=$(python3 "$TESTS/ask_disk.py" key "$D/cryptsetup.sock" "$1" --cgroup "$unit" --out "$D/got" 2>&1)
}

row() { # NAME FILTER WHAT
	python3 "$TESTS/status_client.py" "$D/status.sock" /status >"$D/status.json" || e2e_fail "/status"
	e2e_expect 0 "$3" e2e_jq --arg v "$1" ".keys[] | select(.kind == \"disk\" and .id == \$v) | $2" "$D/status.json"
}

refused() { # NAME CHECK
	[ "$STATUS" -eq 6 ] || { cat "$D/last.err" >&2; e2e_fail "$1: exit $STATUS instead of 6"; }
	grep -q "is not opened: $2: " "$D/last.err" || { cat "$D/last.err" >&2; e2e_fail "$1 is not refused by $2"; }
	grep -q "is not opened: $2: .* (expected .*)\$" "$D/last.err" || { cat "$D/last.err" >&2; e2e_fail "what was expected of $1 is cut off"; }
	grep -q "^.*fix: " "$D/last.err" || e2e_fail "$1: no fix is told"
	[ ! -e "$D/luks/$1.header" ] || e2e_fail "$1: a header is left for systemd-cryptsetup"
	expect_log "refused volume $1: $2: "
	row "$1" ".check == \"$2\"" "$1 is refused by $2, and the status says so"
	# A refusal of this socket is 64 MiB: once is enough.
	[ "$1" = null-segment ] || return
	key "$1"
	case $ANSWER in refused | empty) ;; *) e2e_fail "$1: a key was given: $ANSWER" ;; esac
	[ ! -s "$D/got" ] || ! cmp -s "$D/got" "$D/key" || e2e_fail "$1: the key was given"
}

opens() { # NAME
	local before
	[ "$STATUS" -eq 0 ] || { cat "$D/last.err" >&2; e2e_fail "$1: exit $STATUS instead of 0"; }
	[ "$("$IMAGES" digest "$D/luks/$1.header")" = "$("$IMAGES" digest "$D/disk")" ] || e2e_fail "$1: another header than the listed one"
	key "$1"
	expect_key "$D/key" "$1: the key for the genuine header"
	before=$(sha256sum <"$D/luks/$1.header")
	e2e_expect 0 "$1: cryptsetup opens what is left with it" cryptsetup open --test-passphrase --key-file "$D/got" "$D/luks/$1.header"
	[ "$before" = "$(sha256sum <"$D/luks/$1.header")" ] || e2e_fail "$1: cryptsetup has changed the header file"
}

world
disk
agent_conf
agent_start_evidence
agent_start_netd
agent_start
count=0
while read -r name check <&6; do
	count=$((count + 1))
	attach "$D/forged/$name.img"
	check_volume "$name"
	if [ "$check" = null ]; then opens "$name"; else refused "$name" "$check"; fi
done 6< <(jq -r '.images | to_entries[] | "\(.key) \(.value.check)"' "$D/forged/attacks.json")
exec 7<&-
[ "$count" -ge 13 ] || e2e_fail "$count forged disks instead of 13 or more"
e2e_end
