#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The power is cut at every step of `enroll` and `enroll --rotate` on the guest, at every boundary of what goes to the disk and at seeded bytes between. Afterwards a key
# opens the disk, the header on it that the broker lists opens with the key that the broker lists, and --resume finishes.
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/e2e/lib.sh
. ./lib.sh
for program in cryptsetup jose jq python3; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
sevattest=$(e2e_program sevattest) || exit 1
# A process is killed, not a machine: what is flushed where does not matter, and memory is quicker.
[ -w /dev/shm ] && export TMPDIR=${TMPDIR:-/dev/shm}
e2e_begin enroll_kill_guest
# shellcheck source=tests/e2e/enroll_lib.sh
. ./enroll_lib.sh
enroll_hooks "$sevattest" || e2e_skip "built without -Dtest_hooks: enroll cannot be cut off"
umask 077
enroll_disk "$d/base"
before=$(python3 luks_copies.py list "$d/base" | awk 'NR == 1 { print $2 }')
fresh() { cp "$d/base" "$d/disk" && rm -rf "$d/state" "$d/recovery"; }
enroll_world
e2e_ctl grant add 'prod/disk/*' prod --enrol accept >/dev/null || e2e_fail "grant add"
registered() { "$sevattest" enroll "$d/disk" "${guest[@]}" --no-system --resource "$resource" --name data "$@"; }

# guest_kill WHAT MOMENT COMMAND OPTIONS...: cut, look, resume, look. $keys must open the disk at every time.
guest_kill() {
	local what=$1 moment=$2 kept
	shift 2
	cut "$moment" registered "$@"
	enroll_any "$d/disk" "${keys[@]}" || e2e_fail "$what, $moment: nothing opens the disk any more"
	kept=$([ -e "$d/state/data.json" ] && echo yes)
	# What the broker lists is on the disk, and opens with the key that it lists; in an enrolment unless nothing was written yet.
	if enroll_listed "$resource" "$d/disk.json" 2>/dev/null >"$d/listed.log"; then
		python3 luks_copies.py judge "$d/disk" "$d/disk.json" >"$d/judge.log" 2>&1 || { [ "$what" != rotation ] && python3 luks_copies.py all "$d/disk" "$before"; } ||
			e2e_fail "$what, $moment: $(cat "$d/judge.log")"
	elif [ "$what" = rotation ] || ! cmp -s "$d/base" "$d/disk"; then
		e2e_fail "$what, $moment: the broker has no key, and the disk was written: $(cat "$d/listed.log")"
	fi
	if [ -n "$kept" ]; then
		registered --resume "$@" >"$d/resume.log" 2>&1 </dev/null || { cat "$d/resume.log"; e2e_fail "$what, $moment: --resume"; }
		resumed
	elif [ "$moment" != after:finish ]; then
		[[ $moment =~ (repair|prepare|finish)$ ]] || e2e_fail "$what, $moment: no state"
		registered "$@" >"$d/resume.log" 2>&1 </dev/null || { cat "$d/resume.log"; e2e_fail "$what, $moment: a new run"; }
	fi
	enroll_listed "$resource" "$d/disk.json" || e2e_fail "$what, $moment: the broker gives no key"
	enroll_done "$d/disk" "$d/disk.json" "$d/state" "${keys[@]}" || e2e_fail "$what, $moment: not finished"
	E2E_CHECKS=$((E2E_CHECKS + 1))
}

# An enrolment for each moment, under a name of its own.
keys=("$d/pass" "$d/recovery")
fresh
rm -f "$d/trace"
resource=prod/disk/whole
SEVATTEST_ENROLL_TRACE=$d/trace registered --key-file "$d/pass" --recovery-out "$d/recovery" >/dev/null 2>"$d/run.log" || e2e_fail "the enrolment without a cut"
moments "an enrolment on the guest" "$d/trace"
# What goes to the disk is what enroll_kill.sh cuts at every boundary; here the steps matter, and two bytes.
grep -v '^byte' "$d/moments" >"$d/steps"
grep '^byte' "$d/moments" | tail -n 2 >>"$d/steps"
number=0
while read -r moment; do
	fresh
	number=$((number + 1))
	resource=prod/disk/e$number
	guest_kill enrolment "$moment" --key-file "$d/pass" --recovery-out "$d/recovery"
done <"$d/steps"
e2e_say "ok: an enrolment on the guest"

# One disk, rotated again and again.
fresh
resource=prod/disk/rotated
registered --key-file "$d/pass" --recovery-out "$d/recovery" >/dev/null 2>"$d/run.log" || e2e_fail "the enrolment before the rotations"
rm -f "$d/trace"
SEVATTEST_ENROLL_TRACE=$d/trace registered --rotate >/dev/null 2>"$d/run.log" || e2e_fail "the rotation without a cut"
moments "a rotation" "$d/trace"
while read -r moment; do guest_kill rotation "$moment" --rotate; done <"$d/moments"
e2e_say "ok: a rotation"

e2e_say "enroll_kill_guest: $cuts cuts, $anew of them before the new key was safe, seed $SEED"
e2e_end
