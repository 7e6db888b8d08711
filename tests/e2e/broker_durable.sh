#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No key leaves before its record is durable: with the database locked by somebody else, and with the disk full, a genuine guest gets 503 and no key, and what it was
# told is what the audit holds. When the trouble is over it gets the key, from the same broker.
set -u
cd "$(dirname "$0")" || exit 1
. ./lib.sh
if [ -z "${SEVATTEST_DURABLE_INSIDE:-}" ]; then # a file system of its own, as small as it has to be
	unshare -m true 2>/dev/null || e2e_skip "no mount namespace can be made here"
	SEVATTEST_DURABLE_INSIDE=1 exec unshare -m --propagation private "$PWD/broker_durable.sh"
fi
e2e_begin broker-durable
d=$E2E_DIR
mkdir -p "$d/broker/state"
mount -t tmpfs -o size=6m,mode=700 none "$d/broker/state" || e2e_skip "no tmpfs can be mounted here"
E2E_MOUNTS+=("$d/broker/state")
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca owner
E2E_HTTPD_SETTINGS='RequestsPerSecond = 0'
e2e_broker_start broker owner
head -c 32 /dev/urandom >"$d/key"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a key is stored" e2e_ctl key put prod/disk/data "$d/key"
e2e_expect 0 "a policy" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant" e2e_ctl grant add prod/disk/data prod

get() { "$(e2e_program sevattest)" get prod/disk/data --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/owner.pem" --broker-key "$E2E_BROKER_KEY" -o "$d/key.got"; }
releases() { e2e_ctl --json audit | grep -o '"event":"release"' | wc -l; }
kept() { # WHAT RELEASES: no key came, and the audit has as many releases as before
	[ ! -e "$d/key.got" ] || e2e_fail "$1: a key was given out without a record"
	[ "$(releases)" = "$2" ] || e2e_fail "$1: $(releases) releases are on record instead of $2"
	e2e_expect 0 "$1: the audit is intact" e2e_ctl audit --verify
}
given() { # WHAT RELEASES
	e2e_expect 0 "$1: the key comes" get
	e2e_same "$d/key" "$d/key.got"
	rm -f "$d/key.got"
	[ "$(releases)" = "$2" ] || e2e_fail "$1: $(releases) releases are on record instead of $2"
}

given "before" 1

# The record is sealed in a transaction, and somebody else holds the write lock for longer than the broker waits.
store=$(find "$d/broker/state" -maxdepth 1 -type f -size +0 -exec sh -c 'head -c 6 "$1" | grep -q "^SQLite"' - {} \; -print)
python3 -c 'import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute("BEGIN IMMEDIATE"); print("locked", flush=True); time.sleep(120)' "$store" \
	>"$d/locker.out" </dev/null &
locker=$!
E2E_PIDS+=("$locker")
e2e_wait $locker "the lock" grep -q locked "$d/locker.out"
e2e_expect 5 "locked: refused as temporary" get
e2e_expect_text "503"
e2e_stop $locker
kept "locked" 1
given "unlocked" 2

# The disk is full to the last byte.
cat /dev/zero >"$d/broker/state/filler" 2>/dev/null
full=0
for ((i = 0; i < 400; i++)); do # what SQLite had left in its files may take some records
	rm -f "$d/key.got"
	get >"$d/last.out" 2>"$d/last.err" </dev/null
	case $? in
	0) full=$((full + 1)) ;;
	5) break ;;
	*) cat "$d/last.err" >&2; e2e_fail "full: neither the key nor 'temporary'" ;;
	esac
done
[ "$i" -lt 400 ] || e2e_fail "the disk never was full"
e2e_say "ok: full: after $full more keys refused as temporary"
e2e_expect_text "503"
cat /dev/zero >>"$d/broker/state/filler" 2>/dev/null
for i in 1 2 3; do
	rm -f "$d/key.got"
	e2e_expect 5 "full: refused again" get
	[ ! -e "$d/key.got" ] || e2e_fail "full: a key was given out without a record"
done
rm "$d/broker/state/filler"
kept "full" $((2 + full))
given "room again" $((3 + full))
kill -0 "$E2E_BROKERD_PID" || e2e_fail "brokerd is gone"
e2e_stop "$E2E_HTTPD_PID"
e2e_stop "$E2E_BROKERD_PID"
e2e_broker_start broker owner
e2e_expect 0 "after a restart the audit is intact" e2e_ctl audit --verify
given "after a restart" $((4 + full))
e2e_end
