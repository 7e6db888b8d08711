# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the tests of `sevattest enroll`: small disks, what was sealed or registered, and cryptsetup's word on both. Source it after lib.sh and e2e_begin.

d=$E2E_DIR
printf 'a passphrase' >"$d/pass"
chmod 600 "$d/pass"

# enroll_disk FILE: a LUKS2 disk of 6 MiB with room for eight slots, one of them a passphrase's.
enroll_disk() {
	rm -f "$1"
	truncate -s 6M "$1"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --luks2-keyslots-size 2M --offset 8192 "$1" "$d/pass" 2>/dev/null ||
		e2e_fail "luksFormat $1"
}

# A key of the broker's kind, for the source machine; jose(1), which is not ours, opens what is sealed to it.
enroll_seal_key() {
	jose jwk gen -i '{"kty":"EC","crv":"P-256"}' | jq -c '. + {alg: "ECDH-ES+A256KW"} | del(.key_ops)' >"$d/key.jwk"
	jq -c 'del(.d)' "$d/key.jwk" >"$d/pub.jwk"
}

# enroll_unseal FILE TO: the disk resource in an enrolment file.
enroll_unseal() {
	jose jwe dec -i "$1" -k "$d/key.jwk" -O "$d/enrolment.json" || e2e_fail "jose cannot open $1"
	jq -c .disk "$d/enrolment.json" >"$2"
}

# enroll_any IMAGE KEY...: one of the keys opens a whole copy of the header.
enroll_any() {
	local image=$1 which key
	shift
	for which in primary secondary; do
		python3 luks_copies.py only $which "$image" "$d/only" 2>/dev/null || continue
		for key in "$@"; do
			[ -s "$key" ] && cryptsetup open --test-passphrase "$d/only" --key-file "$key" 2>/dev/null && return 0
		done
	done
	return 1
}

# enroll_done IMAGE DISK.json STATE [KEY...]: an enrolment that is complete: both copies listed, alone, opened by the listed key and by KEY; no state is left.
enroll_done() {
	local image=$1 disk=$2 state=$3 key
	shift 3
	[ "$(python3 luks_copies.py judge "$image" "$disk" 2>&1)" = "primary secondary" ] || { python3 luks_copies.py judge "$image" "$disk"; python3 luks_copies.py list "$image"; return 1; }
	[ "$(jq '.headers | length' "$disk")" = 1 ] || { e2e_say "more than one header is listed"; return 1; }
	[ -z "$(ls "$state")" ] || { e2e_say "a state is left"; return 1; }
	for key in "$@"; do
		cryptsetup open --test-passphrase "$image" --key-file "$key" 2>/dev/null || { e2e_say "$key does not open it"; return 1; }
	done
}

# A build whose enroll can be cut off (-Dtest_hooks).
enroll_hooks() { grep -qa SEVATTEST_ENROLL_CUT "$1"; }

# enroll_moments TRACE: from the trace of a whole run, every moment to cut at: before and after each step, at each boundary of writes and a byte to either side.
enroll_moments() {
	awk '{ print $1 ":" $2; at[$3] = 1 } END { for (n in at) { if (n > 0) print "byte:" n; if (n > 1) print "byte:" n - 1 } }' "$1" | sort -u
	awk '{ at[$3] = 1 } END { for (n in at) print "byte:" n + 1 }' "$1" | sort -u
}

# enroll_world: a simulated guest, a broker with a policy for it, and the options by which `enroll` and `get` reach it: ${guest[@]}, ${to_broker[@]}.
enroll_world() {
	e2e_sim_init plat
	e2e_sim_serve plat
	e2e_ca operator
	e2e_broker_start broker operator
	e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
	e2e_ctl policy put "$d/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
	to_broker=(--tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY")
	# A guest whose root is its initrd, and that calls the disk by a name of its own.
	mkdir -p "$d/root/proc" "$d/root/etc"
	printf '1 1 0:1 / / rw - rootfs rootfs rw\n' >"$d/root/proc/self-mountinfo"
	mkdir -p "$d/root/proc/self" && mv "$d/root/proc/self-mountinfo" "$d/root/proc/self/mountinfo"
	printf 'console=ttyS0\n' >"$d/root/proc/cmdline"
	guest=("${to_broker[@]}" --root "$d/root" --root-trust initrd --guest-device /dev/disk/by-id/virtio-data --state "$d/state" --poll 1)
}

# enroll_listed RESOURCE TO: what the broker gives the guest.
enroll_listed() {
	rm -f "$2"
	"$sevattest" get "$1" "${to_broker[@]}" -o "$2" 2>"$d/get.log" || { cat "$d/get.log"; return 1; }
}

# --- cutting the power: SEVATTEST_SEED=N and SEVATTEST_CUTS=N say which bytes, and how many of them for each kind of run
SEED=${SEVATTEST_SEED:-1}
CUTS=${SEVATTEST_CUTS:-3}
RANDOM=$SEED
cuts=0
anew=0

# cut MOMENT COMMAND...: must end by the signal.
cut() {
	local moment=$1 got
	shift
	SEVATTEST_ENROLL_CUT=$moment "$@" >"$d/cut.out" 2>"$d/cut.err" </dev/null
	got=$?
	[ "$got" = 137 ] || { cat "$d/cut.out" "$d/cut.err" >&2; e2e_fail "$moment: exit $got, not cut off"; }
	cuts=$((cuts + 1))
}
resumed() { grep -q "begins anew" "$d/resume.log" && anew=$((anew + 1)); return 0; }

# moments WHAT TRACE: all of them, and seeded bytes.
moments() {
	local total i
	total=$(awk '{ if ($3 > n) n = $3 } END { print n }' "$2")
	enroll_moments "$2" | awk -F: -v n="$total" '$1 != "byte" || $2 <= n' >"$d/moments"
	for ((i = 0; i < CUTS; i++)); do printf 'byte:%d\n' $(((RANDOM * 32768 + RANDOM) % total + 1)); done >>"$d/moments"
	e2e_say "$1: $(wc -l <"$d/moments") moments, $(grep -c '^byte' "$d/moments") of them among $total bytes, seed $SEED"
}
