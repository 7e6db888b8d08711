#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tests/demo as a person meets it: it says what to do when a package, FUSE, a right or a port is missing, and whether it ends well or is interrupted, it leaves no
# process, no mount and no file behind.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
[ "$(id -u)" -eq 0 ] || e2e_skip "taking rights and devices away needs root"
unshare -mn true 2>/dev/null || e2e_skip "no namespaces can be made here"
command -v setpriv >/dev/null || e2e_skip "setpriv is not installed"
e2e_begin demo-test
export SEVATTEST_DEMO_BUILD=${SEVATTEST_BUILD:?}
export TMPDIR=$E2E_DIR/tmp
mkdir "$TMPDIR"
printf '%s/' "$TMPDIR" >"$E2E_DIR/pattern"

# nothing_left WHAT
nothing_left() {
	local left
	E2E_CHECKS=$((E2E_CHECKS + 1))
	left=$(grep -l -a -s -F -f "$E2E_DIR/pattern" /proc/[0-9]*/cmdline)
	[ -z "$left" ] || e2e_fail "$1: processes are left: $left"
	grep -F "$TMPDIR/" /proc/self/mountinfo && e2e_fail "$1: a mount is left"
	left=$(ls -A "$TMPDIR")
	[ -z "$left" ] || e2e_fail "$1: files are left: $left"
	e2e_say "ok: $1: nothing is left behind"
}

# stops WHAT WORDS COMMAND...: the demo ends with 1, and its last line says the words.
stops() {
	local what=$1 words=$2
	shift 2
	e2e_expect 1 "$what: it stops" timeout -k 10 120 "$@"
	grep -q -F -- "$words" "$E2E_DIR/last.err" || { cat "$E2E_DIR/last.err" >&2; e2e_fail "$what: '$words' was not said"; }
	nothing_left "$what"
}

# A machine on which no package is installed, for somebody who may not install one.
mkdir "$E2E_DIR/bin"
chmod 755 "$E2E_DIR" "$E2E_DIR/bin"
printf '#!/bin/sh\nexit 1\n' >"$E2E_DIR/bin/dpkg-query"
chmod 755 "$E2E_DIR/bin/dpkg-query"
stops "packages missing" "apt-get install gcc" env PATH="$E2E_DIR/bin:$PATH" setpriv --reuid 65534 --regid 65534 --clear-groups tests/demo

# A /dev without fuse; then one in which it is not FUSE.
stops "no /dev/fuse" "modprobe fuse" unshare -m sh -c '
	mkdir "$0/dev" && mount -t tmpfs none "$0/dev" && cp -a /dev/null /dev/urandom /dev/zero "$0/dev/" && ln -s /proc/self/fd "$0/dev/fd" && mount --bind "$0/dev" /dev && rmdir "$0/dev" 2>/dev/null
	exec tests/demo' "$E2E_DIR"
stops "FUSE that does not work" "FUSE may not be mounted. Run the demo as root" unshare -m sh -c 'mount --bind /dev/null /dev/fuse && exec tests/demo'
stops "no locked memory" "ulimit -l" sh -c 'ulimit -l 0; exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock tests/demo'
stops "loopback down" "ip link set lo up" unshare -n tests/demo

python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)' >"$E2E_DIR/port" 2>/dev/null </dev/null &
E2E_PIDS+=($!)
e2e_wait $! "a listener" test -s "$E2E_DIR/port"
stops "the port is taken" "port $(cat "$E2E_DIR/port") is taken" env SEVATTEST_DEMO_PORT="$(cat "$E2E_DIR/port")" tests/demo

# Interrupted while the simulator and the broker run.
for signal in INT TERM; do
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL) # a shell ignores it for what it starts in the background
os.execv(sys.argv[1], sys.argv[1:])' tests/demo >"$E2E_DIR/run.out" 2>"$E2E_DIR/run.err" </dev/null &
	demo=$!
	e2e_wait $demo "the broker of the demo" grep -q '^3\.' "$E2E_DIR/run.out"
	kill -s "$signal" $demo
	wait $demo
	[ $? -gt 128 ] || e2e_fail "an interrupted demo ended well"
	nothing_left "$signal"
done

e2e_expect 0 "it runs" timeout -k 10 240 tests/demo
[ "$(grep -c '^   released' "$E2E_DIR/last.out") $(grep -c '^   refused (exit' "$E2E_DIR/last.out")" = "1 4" ] || e2e_fail "not one release and four refusals"
! grep -q $'\e' "$E2E_DIR/last.out" || e2e_fail "colours where there is no terminal"
nothing_left "a whole run"
e2e_end
