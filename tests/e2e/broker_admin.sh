#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb of sevattest-broker against a sevattest-brokerd of its own, good and bad; then restarts, signals, and a database that was tampered with.
# Needs neither httpd nor a guest.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
e2e_begin broker-admin

BROKERD=$(e2e_program sevattest-brokerd) || exit 1
CTL=$(e2e_program sevattest-broker) || exit 1
D=$E2E_DIR
CONF=$D/broker.conf

write_config() {
	printf '[http]\nListen = 127.0.0.1:0\n[broker]\nHttpSocket = %s\nStateDirectory = %s\nCertificateDirectory = %s\nCrlDirectory = %s\nCacheDirectory = %s\n[admin]\nSocket = %s\n' \
		"$D/http.sock" "$D/state" "$D/certs" "$D/crls" "$D/cache" "$D/admin.sock" >"$CONF"
}

start() {
	e2e_background brokerd "$BROKERD" --config "$CONF"
	PID=$E2E_PID
	e2e_wait_socket "$D/admin.sock" "$PID"
	e2e_wait_line "$D/brokerd.log" 'ready' "$PID"
}

stop() {
	e2e_stop "$PID"
	[ ! -e "$D/admin.sock" ] || e2e_fail "the admin socket was left behind"
}

ctl() {
	local code=$1 what=$2
	shift 2
	e2e_expect "$code" "$what" "$CTL" --config "$CONF" "$@"
}

policy() { # NAME MEASUREMENT-DIGIT
	printf '{"version":1,"name":"%s","os_identity":"kernel-hashes","snp":{"measurement":["%s"],"guest_policy":{"debug":false}},"revocation":"if-present"}\n' \
		"$1" "$(printf "%96s" "" | tr ' ' "$2")"
}

# A process that must not start: exit code, and the reason in its log.
refuses_to_start() { # CODE WHAT WORDS
	e2e_expect "$1" "$2" timeout 20 "$BROKERD" --config "$CONF"
	e2e_expect_text "$3"
}

sql() { python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.commit()' "$D/state/store.db" "$1" || e2e_fail "sql: $1"; }

mkdir "$D/state" "$D/certs" "$D/crls" "$D/cache"
chmod 700 "$D/state"
write_config

# Without a broker.
ctl 5 "no broker is unreachable" key list
e2e_expect_text "sevattest-brokerd"
for words in "" "nonsense" "key" "key nonsense" "key put" "key put a b c" "grant add a/b/c" "policy put" "policy show" "status --verify" "key list --escrow x" "audit now"; do
	# shellcheck disable=SC2086
	ctl 2 "usage: sevattest-broker $words" $words
done
e2e_expect 2 "an unknown option" "$CTL" --nonsense
e2e_expect 2 "a configuration that does not exist" "$CTL" --config "$D/nowhere" key list
e2e_expect 0 "help" "$CTL" --help
e2e_expect 0 "version" "$CTL" --version
e2e_expect 0 "brokerd's help" "$BROKERD" --help
e2e_expect 2 "brokerd: an unknown option" "$BROKERD" --nonsense
e2e_expect 2 "brokerd: an argument" "$BROKERD" x
printf '[broker]\nThreads = many\n' >"$D/bad.conf"
e2e_expect 2 "brokerd: a value that is none" "$BROKERD" --config "$D/bad.conf"
printf '[broker]\nColour = blue\n' >"$D/bad.conf"
e2e_expect 2 "brokerd: an unknown key" "$BROKERD" --config "$D/bad.conf"
printf '[brokers]\nThreads = 1\n' >"$D/bad.conf"
e2e_expect 2 "brokerd: an unknown section" "$BROKERD" --config "$D/bad.conf"
printf '[admin]\nUser = nobody-of-this-name\n[broker]\nStateDirectory = %s\nHttpSocket = %s\n[admin]\nSocket = %s\n' "$D/state" "$D/http.sock" "$D/admin.sock" >"$D/bad.conf"
e2e_expect 2 "brokerd: an unknown user" "$BROKERD" --config "$D/bad.conf"

# Before init.
start
ctl 0 "status before init" status
e2e_expect_text "initialised:    no"
ctl 6 "nothing works before init" key list
e2e_expect_text "has not been initialised"
ctl 2 "init --json without --escrow" --json init
ctl 2 "an escrow file in a folder that is not there" init --escrow "$D/nowhere/escrow"
ctl 0 "init" init --escrow "$D/escrow"
[ "$(stat -c %a "$D/escrow")" = 600 ] || e2e_fail "the escrow copy is not private"
[ "$(stat -c %a "$D/state/kek")" = 600 ] || e2e_fail "the key file is not private"
e2e_same "$D/escrow" "$D/state/kek"
ctl 6 "a second init" init --escrow "$D/escrow2"
[ ! -e "$D/escrow2" ] || e2e_fail "a refused init left an escrow file"
ctl 2 "an escrow file that exists" init --escrow "$D/escrow"

# Keys.
head -c 32 /dev/urandom >"$D/secret"
ctl 0 "key put from a file" key put app/db/password "$D/secret"
e2e_expect_text "version 1"
ctl 0 "a second version" key put app/db/password "$D/secret"
e2e_expect_text "version 2"
E2E_CHECKS=$((E2E_CHECKS + 1))
printf 'from stdin' | "$CTL" --config "$CONF" key put app/db/other >"$D/last.out" 2>"$D/last.err" || e2e_fail "key put from standard input"
ctl 0 "key get-meta" --json key get-meta app/db/password
python3 -c 'import json, sys; m = json.load(open(sys.argv[1])); assert m["version"] == 2 and m["size"] == 32 and m["grants"] == [], m' "$D/last.out" || e2e_fail "get-meta"
ctl 0 "key list" key list
e2e_expect_text "app/db/other"
for name in "a/b" "a/b/c/d" "a//c" "/a/b/c" "a/b/.c" "a/b/c/" "a/b/ä" "../b/c" "a/b/*" "$(printf 'a%.0s' {1..129})/b/c"; do
	ctl 2 "not a name: ${name:0:20}" key put "$name" "$D/secret"
done
ctl 6 "no such key" key get-meta app/db/nothing
ctl 6 "delete what is not there" key delete app/db/nothing
: >"$D/empty"
ctl 2 "an empty secret" key put app/db/empty "$D/empty"
head -c 1100000 /dev/zero >"$D/large"
ctl 2 "a secret that is too large" key put app/db/large "$D/large"
head -c 1048575 /dev/urandom >"$D/large"
ctl 0 "the largest secret" key put app/db/large "$D/large"
ctl 2 "a file that is not there" key put app/db/x "$D/nowhere"
ctl 0 "key delete" key delete app/db/other
ctl 6 "gone" key get-meta app/db/other
ctl 0 "put again" key put app/db/other "$D/secret"
e2e_expect_text "version 2" # a number is never used twice

# Policies.
policy prod a >"$D/prod.json"
ctl 0 "policy put" policy put "$D/prod.json"
e2e_expect_text "prod: version 1"
policy prod b >"$D/prod2.json"
ctl 0 "a second version of a policy" policy put "$D/prod2.json"
e2e_expect_text "prod: version 2"
ctl 0 "policy show" policy show prod
e2e_same "$D/last.out" "$D/prod2.json"
ctl 0 "policy show, an old version" policy show prod 1
e2e_same "$D/last.out" "$D/prod.json"
ctl 6 "a version that never was" policy show prod 3
ctl 2 "a version that is none" policy show prod first
ctl 0 "policy list" policy list
e2e_expect_text "version 2"
printf '{"version":1,"name":"x","name":"y"}' >"$D/bad.json"
ctl 2 "a duplicate member" policy put "$D/bad.json"
e2e_expect_text "line 1"
printf '{"version":1,"name":"x","colour":"blue"}' >"$D/bad.json"
ctl 2 "an unknown member" policy put "$D/bad.json"
printf '\377\376' >"$D/bad.json"
ctl 2 "not text" policy put "$D/bad.json"
python3 -c 'print("[" * 10000 + "]" * 10000)' >"$D/bad.json"
ctl 2 "nesting" policy put "$D/bad.json"
head -c 5000000 /dev/zero | tr '\0' ' ' >"$D/bad.json"
ctl 2 "a policy that is too large" policy put "$D/bad.json"

# Grants.
ctl 6 "a grant with a policy that is not there" grant add app/db/password nothing
ctl 0 "grant add" grant add app/db/password prod
ctl 0 "grant add, wide" grant add 'app/db/*' prod
for pattern in '*' 'a/*' 'a/*/c' '*/b/c' 'a/b/c*' 'a/b/**' 'a/b'; do
	ctl 2 "not a pattern: $pattern" grant add "$pattern" prod
done
ctl 2 "a policy twice" grant add app/db/password prod prod
ctl 0 "grant list" grant list
e2e_expect_text 'app/db/*'
ctl 0 "grants of a key" key get-meta app/db/password
e2e_expect_text 'grant:    app/db/*'
ctl 6 "a policy in use" policy delete prod
ctl 0 "grant delete" grant delete 'app/db/*'
ctl 6 "a grant that is not there" grant delete 'app/db/*'

# Keys of the broker.
ctl 0 "jwks" jwks
python3 -c 'import json, sys; k = json.load(open(sys.argv[1]))["keys"]; assert len(k) == 1 and k[0]["crv"] == "P-256" and "d" not in k[0], k' "$D/last.out" || e2e_fail "jwks"
ctl 0 "the release signer" --json signing-key show
python3 -c 'import json, sys; k = json.load(open(sys.argv[1])); assert k["thumbprint"] and "d" not in k["jwk"], k' "$D/last.out" || e2e_fail "signing-key show"
cp "$D/last.out" "$D/signer"

# The audit has what happened, and is intact.
ctl 0 "audit" audit
e2e_expect_text "key-put app/db/password"
ctl 0 "audit --json" --json audit
python3 -c 'import json, sys; r = json.load(open(sys.argv[1]))["records"]; assert r[0]["record"]["event"] == "start" and any(x["record"].get("verb") == "grant-delete" for x in r), r' "$D/last.out" || e2e_fail "audit --json"
ctl 0 "audit --verify" audit --verify
e2e_expect_text "intact"

# What the protocol of the socket forbids ends that connection and nothing else.
python3 - "$D/admin.sock" <<'PY' || e2e_fail "frames"
import json, socket, struct, sys

def talk(data, wait=True):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(15)
    s.connect(sys.argv[1])
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while wait:
            part = s.recv(65536)
            if not part:
                break
            answer += part
    except (BrokenPipeError, ConnectionResetError):
        answer = b""
    s.close()
    return answer

def frame(kind, body, size=None, zero=0, ident=7):
    return struct.pack("<IHHI", len(body) if size is None else size, kind, zero, ident) + body

status = json.dumps({"verb": "status"}).encode()
good = talk(frame(3, status))
assert struct.unpack("<IHHI", good[:12])[1:] == (4, 0, 7), good
assert json.loads(good[12:])["exit"] == 0, good
assert len(talk(frame(3, status) * 3)) == 3 * len(good)
for bad in (b"", b"\0" * 5, frame(1, status), frame(0, status), frame(99, status), frame(3, status, zero=1), frame(3, status, size=1 << 30),
            frame(3, status, size=len(status) + 1), frame(4, status), frame(5, b"secret"), b"GET / HTTP/1.1\r\n\r\n"):
    assert talk(bad) == b"", bad
for text in (b"", b"{", b"[]", b"null", b'{"verb":7}', b'{"verb":"nonsense"}', b'{"verb":"status","verb":"status"}', b'{"verb":"key-put"}',
             b'{"verb":"key-put\\u0000"}', b"[" * 10000, b"\xff\xfe", b'{"verb":"grant-add","pattern":"a/b/c","policies":[7]}',
             b'{"verb":"grant-add","pattern":"a/b/c","policies":{}}', b'{"verb":"policy-put"}', b'{"verb":"policy-put","text":7}',
             b'{"verb":"audit","after":-1}x', b'{"verb":"key-get-meta","resource":[]}'):
    answer = talk(frame(3, text))
    assert json.loads(answer[12:])["exit"] == 2, (text, answer)
put = json.dumps({"verb": "key-put", "resource": "a/b/c", "secret": True}).encode()
assert talk(frame(3, put)) == b""                                  # announced, never sent
assert talk(frame(3, put) + frame(5, b"x", ident=8)) == b""        # of another request
assert talk(frame(3, put) + frame(5, b"x", size=(1 << 20) + 1)) == b""
assert talk(frame(3, put) + frame(3, status)) == b""               # something else instead
assert json.loads(talk(frame(3, put) + frame(5, b""))[12:])["exit"] == 2
announced = json.dumps({"verb": "status", "secret": True}).encode()
assert talk(frame(3, announced) + frame(5, b"x")) == b""
assert json.loads(talk(frame(3, status))[12:])["exit"] == 0
PY
E2E_CHECKS=$((E2E_CHECKS + 1))
ctl 6 "nothing of that was stored" key get-meta a/b/c

# A user who is no administrator is turned away, though the socket would let him in.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$D"
	chmod 666 "$D/admin.sock"
	e2e_expect 6 "another user" setpriv --reuid 65534 --regid 65534 --clear-groups "$CTL" --socket "$D/admin.sock" status
	chmod 700 "$D"
fi

# A second broker on the same state directory.
sed "s#$D/http.sock#$D/http2.sock#; s#$D/admin.sock#$D/admin2.sock#" "$CONF" >"$D/second.conf"
e2e_expect 5 "a second broker" timeout 10 "$BROKERD" --config "$D/second.conf"

# Restart, also after kill -9: all is there.
kill -HUP "$PID"
ctl 0 "alive after SIGHUP" status
stop
start
ctl 0 "after a restart" policy show prod
e2e_same "$D/last.out" "$D/prod2.json"
ctl 0 "the same signer" --json signing-key show
e2e_same "$D/last.out" "$D/signer"
kill -KILL "$PID"
wait "$PID" 2>/dev/null
start
ctl 0 "after kill -9" audit --verify
cp "$D/state/store.db" "$D/older.db" # with its journal in it after a clean end only
stop

# The secret lies nowhere in clear: neither in the store nor in what was printed.
python3 - "$D" <<'PY' || e2e_fail "a secret in clear"
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
secret = (folder / "secret").read_bytes()
for path in folder.rglob("*"):
    if path.is_file() and path.name != "secret" and secret in path.read_bytes():
        sys.exit(f"{path} has it")
PY
E2E_CHECKS=$((E2E_CHECKS + 1))

# A hostile database.
cp "$D/state/store.db" "$D/older.db"
start
ctl 0 "a change" key put app/db/newer "$D/secret"
stop
cp "$D/state/store.db" "$D/newest.db"
restore() { rm -f "$D"/state/store.db*; cp "$D/newest.db" "$D/state/store.db"; }
cp "$D/older.db" "$D/state/store.db"
refuses_to_start 1 "a store that was rolled back" "rolled back"
restore
sql "DELETE FROM manifest"
refuses_to_start 1 "a store without its manifest" "lost its manifest"
restore
sql "UPDATE manifest SET data = zeroblob(length(data))"
refuses_to_start 1 "a manifest of zeros" "changed by somebody else"
restore
sql "DELETE FROM item WHERE kind = 1 AND name = 'token'"
refuses_to_start 1 "a signing key removed" "key in the store"
restore
sql "UPDATE item SET data = (SELECT data FROM item WHERE kind = 1 AND name = 'token') WHERE kind = 1 AND name = 'release'"
refuses_to_start 1 "one signing key for the other" "key in the store"
rm -f "$D"/state/store.db*
refuses_to_start 1 "a store that is gone" "lost its manifest"
restore
mv "$D/state/kek" "$D/kek"
refuses_to_start 1 "no key-encryption key" "kek"
# Another character than the one that is there, whichever that is.
sed -e 's/-1:A/-1:B/;t' -e 's/-1:./-1:A/' "$D/kek" >"$D/state/kek"
chmod 600 "$D/state/kek"
refuses_to_start 2 "a mistyped key-encryption key" "mistyped"
cp "$D/kek" "$D/state/kek"
chmod 644 "$D/state/kek"
refuses_to_start 1 "a key-encryption key that others may read" "others may read"
chmod 600 "$D/state/kek"
cp "$D/state/state" "$D/state.good"
printf 'x' >>"$D/state/state"
refuses_to_start 1 "a damaged state file" "state"
cp "$D/state.good" "$D/state/state"
printf 'garbage that is no database' >"$D/state/store.db"
refuses_to_start 1 "no database" "store.db"
restore
sql "UPDATE item SET data = CAST(replace(CAST(data AS TEXT), 'bbbb', 'cccc') AS BLOB) WHERE kind = 2 AND version = 2"
start
e2e_wait_line "$D/brokerd.log" 'admits nobody' "$PID"
ctl 1 "an edited policy is not shown" policy show prod
ctl 0 "the rest works" policy show prod 1
stop
restore
sql "DELETE FROM audit WHERE position = 4"
start
ctl 3 "a record removed from the audit" audit --verify
e2e_expect_text "not intact"
stop
restore
sql "DELETE FROM audit WHERE position = (SELECT max(position) FROM audit)"
start
ctl 3 "the end of the audit cut off" --json audit --verify
stop
# A checkpoint that was kept elsewhere holds against what was cut off together with the state file that remembers it.
restore
cp "$D/state/state" "$D/state.before"
start
ctl 0 "a change" policy put "$D/prod.json"
stop
checkpoint=$(sed -n 's/^sevattest-brokerd: audit checkpoint //p' "$D/brokerd.log" | tail -n 1)
[ -n "$checkpoint" ] || e2e_fail "no checkpoint in the log"
start
ctl 0 "the audit holds the checkpoint" audit --verify --checkpoint "$checkpoint"
e2e_expect_text "signed checkpoints"
ctl 2 "--checkpoint without --verify" audit --checkpoint "$checkpoint"
ctl 3 "a checkpoint of somebody else" audit --verify --checkpoint "${checkpoint%????????}AAAAAAAA"
e2e_expect_text "none that this broker has signed"
ctl 0 "the release signer" --json signing-key show
python3 - "$checkpoint" "$D/last.out" <<'EOF' || e2e_fail "the checkpoint by another library"
import base64, json, sys
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
header, payload, signature = sys.argv[1].split(".")
jwk, raw = json.load(open(sys.argv[2]))["jwk"], decode(signature)
number = lambda text: int.from_bytes(decode(text), "big")
key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
key.verify(utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
assert json.loads(decode(header))["typ"] == "sevattest-audit+jws" and set(json.loads(decode(payload))) == {"chain", "incarnation", "sequence", "time"}
EOF
stop
restore
cp "$D/state.before" "$D/state/state"
start
ctl 0 "without it the older store looks well" audit --verify
ctl 3 "with it, it does not" audit --verify --checkpoint "$checkpoint"
e2e_expect_text "not intact"
ctl 0 "key list" key list
e2e_expect_text "app/db/newer"

# Five operators who say nothing, and one who begins a frame, hold up nobody; and brokerd still ends when it is told.
python3 -c 'import socket, sys, time
peers = []
for i in range(6):
    peer = socket.socket(socket.AF_UNIX); peer.connect(sys.argv[1]); peers.append(peer)
peers[5].send(b"\x40\x00")
print("stalled", flush=True); time.sleep(60)' "$D/admin.sock" >"$D/stalled" &
STALLED=$!
E2E_PIDS+=("$STALLED")
e2e_wait "$STALLED" "the silent operators" grep -q stalled "$D/stalled"
before=$(date +%s%N)
ctl 0 "key list beside operators who stall" key list
took=$((($(date +%s%N) - before) / 1000000))
[ "$took" -lt 5000 ] || e2e_fail "an operator waited $took ms for those who stall"
e2e_stop "$STALLED"
stop
left=$(find "$D" -name '*.sock' -o -name '*.tmp*' -o -name '.*' -type f)
[ -z "$left" ] || e2e_fail "left behind: $left"
e2e_end
