#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The power is cut at every step of an enrolment on the source machine, at every boundary of what goes to the disk and at seeded bytes between. Afterwards a key opens
# the disk, the header on it that the sealed file lists opens with the key in there, and --resume finishes.
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/e2e/lib.sh
. ./lib.sh
for program in cryptsetup jose jq python3; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
sevattest=$(e2e_program sevattest) || exit 1
# A process is killed, not a machine: what is flushed where does not matter, and memory is quicker.
[ -w /dev/shm ] && export TMPDIR=${TMPDIR:-/dev/shm}
e2e_begin enroll_kill
# shellcheck source=tests/e2e/enroll_lib.sh
. ./enroll_lib.sh
enroll_hooks "$sevattest" || e2e_skip "built without -Dtest_hooks: enroll cannot be cut off"
umask 077
enroll_seal_key
enroll_disk "$d/base"
before=$(python3 luks_copies.py list "$d/base" | awk 'NR == 1 { print $2 }')
sealed() { "$sevattest" enroll "$d/disk" --resource prod/disk/data --state "$d/state" --root-trust luks --seal-to "$d/pub.jwk" -o "$d/F.enrol" --key-file "$d/pass" --recovery-out "$d/recovery" "$@"; }
fresh() { cp "$d/base" "$d/disk" && rm -rf "$d/F.enrol" "$d/state" "$d/recovery"; }

# source OPTIONS...: every moment of an enrolment with these options.
source_kill() {
	local what=$1 keys=("$d/recovery") moment
	shift
	[ $# -gt 0 ] || keys+=("$d/pass")
	fresh
	rm -f "$d/trace"
	SEVATTEST_ENROLL_TRACE=$d/trace sealed "$@" >/dev/null 2>"$d/run.log" || e2e_fail "$what: the run without a cut"
	moments "$what" "$d/trace"
	while read -r moment; do
		fresh
		cut "$moment" sealed "$@"
		enroll_any "$d/disk" "$d/pass" "$d/recovery" || e2e_fail "$what, $moment: nothing opens the disk any more"
		if [ -e "$d/F.enrol" ]; then
			enroll_unseal "$d/F.enrol" "$d/disk.json"
			# Opened by the listed key, or not on the disk yet.
			python3 luks_copies.py judge "$d/disk" "$d/disk.json" >"$d/judge.log" 2>&1 || python3 luks_copies.py all "$d/disk" "$before" ||
				e2e_fail "$what, $moment: $(cat "$d/judge.log")"
		else
			cmp -s "$d/base" "$d/disk" || e2e_fail "$what, $moment: the disk was written before the key was safe"
		fi
		if [ -e "$d/state/data.json" ]; then
			sealed --resume "$@" >"$d/resume.log" 2>&1 </dev/null || { cat "$d/resume.log"; e2e_fail "$what, $moment: --resume"; }
			resumed
		else
			[[ $moment =~ (repair|prepare|finish)$ ]] || e2e_fail "$what, $moment: no state"
			[ "$moment" = after:finish ] || sealed "$@" >"$d/resume.log" 2>&1 </dev/null || { cat "$d/resume.log"; e2e_fail "$what, $moment: a new run"; }
		fi
		enroll_unseal "$d/F.enrol" "$d/disk.json"
		enroll_done "$d/disk" "$d/disk.json" "$d/state" "${keys[@]}" || e2e_fail "$what, $moment: not finished"
		E2E_CHECKS=$((E2E_CHECKS + 1))
	done <"$d/moments"
	e2e_say "ok: $what"
}
source_kill "an enrolment that is sealed"
source_kill "one that takes the passphrase away" --remove-slots

e2e_say "enroll_kill: $cuts cuts, $anew of them before the new key was safe, seed $SEED"
e2e_end
