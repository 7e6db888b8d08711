# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the scenarios: lib.sh, and what only a machine has: a way to ask the host for something, and results that go out by a port.
# shellcheck source=../../nspawn/inside/lib.sh
. ./lib.sh

FAILED_CASES=0
# Of another package, and in another folder, in Debian 13.
# shellcheck disable=SC2034
ATTACH=$(ls /usr/bin/systemd-cryptsetup /usr/lib/systemd/systemd-cryptsetup 2>/dev/null | head -n 1)

failed() { [ "$(systemctl is-active "$1")" = failed ]; }
entered() { echo $(($(systemctl show -P ActiveEnterTimestampMonotonic "$1") / 1000)); } # UNIT: milliseconds since the kernel's start

# volume_opens NAME MOUNT: checked, encrypted, mounted.
volume_opens() {
	within 300 "$1 is mounted" mountpoint -q "$2"
	equal "it is what its owner encrypted" "crypt aes-xts-plain64" "$(dmsetup table "$1" | cut -d ' ' -f 3,4)"
	[ -e "/run/sevattest-luks/$1.ok" ] || fail "its table was not checked"
}

# case_run NAME FUNCTION [ARGUMENTS]: one test. It runs in a shell of its own, and a check that fails ends that.
case_run() {
	local name=$1 start status
	shift
	start=$(date +%s%3N)
	("$@" && done_with_checks) >"$T/case.log" 2>&1 </dev/null
	status=$?
	start=$(($(date +%s%3N) - start))
	{
		case $status in
		0) printf 'ok %s %d.%03d\n' "$name" $((start / 1000)) $((start % 1000)) ;;
		77) printf 'SKIP %s %d.%03d %s\n' "$name" $((start / 1000)) $((start % 1000)) "$(sed -n 's/^SKIP: //p' "$T/case.log" | tail -n 1)" ;;
		*) printf 'FAIL %s %d.%03d exit %s\n' "$name" $((start / 1000)) $((start % 1000)) "$status" && sed 's/^/    /' "$T/case.log" ;;
		esac
		grep -E '^(figure|note):' "$T/case.log"
	} >/dev/virtio-ports/results
	case $status in 0 | 77) ;; *) FAILED_CASES=$((FAILED_CASES + 1)) ;; esac
	return $status
}

# host WORDS...: the host does something (tests/vm/world.sh) and says so.
host() {
	local answer
	exec 9<>/dev/virtio-ports/host
	printf '%s\n' "$*" >&9
	read -r answer <&9
	exec 9>&-
	[ "$answer" = "done" ] || fail "host $*: $answer"
	say "ok: host: $*"
}

scenario_end() { exit $((FAILED_CASES > 0)); }
