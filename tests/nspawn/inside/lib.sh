# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the cases. A check that fails ends the case.
T=/run/sevattest-tests # what one case leaves for another
CHECKS=0
mkdir -p "$T"

say() { printf '%s\n' "$*"; }
skip() { say "SKIP: $*"; exit 77; }

fail() {
	say "FAILED: $*"
	systemctl --no-pager --full status 'sevattest*' 2>&1 | grep -vE '^ *$' | tail -n 120
	journalctl --no-pager -o short-precise -n 60
	exit 1
}

# expect CODE WHAT COMMAND...: the exit code; output in $T/out.
expect() {
	local code=$1 what=$2 got
	shift 2
	"$@" >"$T/out" 2>&1 </dev/null
	got=$?
	CHECKS=$((CHECKS + 1))
	[ "$got" = "$code" ] || { cat "$T/out"; fail "$what: exit $got instead of $code"; }
	say "ok: $what"
}

# equal WHAT EXPECTED GOT
equal() {
	CHECKS=$((CHECKS + 1))
	[ "$2" = "$3" ] || fail "$1: \"$3\" instead of \"$2\""
	say "ok: $1"
}

# within SECONDS WHAT COMMAND...: until COMMAND is true.
within() {
	local limit=$(($(date +%s%3N) + $1 * 1000)) what=$2
	shift 2
	CHECKS=$((CHECKS + 1))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%3N)" -lt "$limit" ] || fail "$what: not in time"
		sleep 0.05
	done
	say "ok: $what"
}

active() { [ "$(systemctl is-active "$1")" = active ]; }
# logged UNIT WORDS: since the mark. (journalctl 252 with a unit and a cursor of another unit's line leaves out the first line.)
mark() { journalctl --no-pager -n 1 -o export | sed -n 's/^__CURSOR=//p' >"$T/cursor"; }
logged() { journalctl --no-pager -o short --after-cursor="$(cat "$T/cursor")" | grep -F -- "${1%.service}[" | grep -q -F -- "$2"; }
done_with_checks() { say "$CHECKS checks"; exit 0; }

# app_unit UNIT ID...: an unchanged service that reads these credentials and leaves what it got in /run/app; it fails on an empty one.
app_unit() {
	local unit=$1 id
	shift
	install -d -m 1777 /run/app
	{
		printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/lib/sevattest-tests/app %s\n' "$*"
		for id in "$@"; do printf 'LoadCredential=%s:/run/sevattest/credentials.sock\n' "$id"; done
	} >"/run/systemd/system/$unit"
}
