#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest-netd as it is installed: asks configured origins and nobody else, keeps connections, holds up nobody, refuses what may not be asked, and resolves
# names from inside its sandbox. A counting server is the origin.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
e2e_begin netd
D=$E2E_DIR
NETD=$(e2e_program sevattest-netd) || exit 1

# origin NAME [ARGUMENTS]: a server; its port in $PORT, its log in $D/NAME.count.
origin() {
	local name=$1
	shift
	: >"$D/$name.count"
	e2e_background "origin-$name" python3 "$TESTS/net_origin.py" "$D/$name.count" "$@"
	e2e_wait_line "$D/origin-$name.out" '^port' "$E2E_PID"
	PORT=$(sed -n 's/^port //p' "$D/origin-$name.out")
}
counted() { grep -c -- "$2" "$D/$1.count"; }
# ask EXPECTED ORIGIN METHOD PATH [OPTIONS]: EXPECTED are words of the answer's JSON.
ask() {
	local words=$1
	shift
	e2e_expect 0 "$* -> $words" python3 "$TESTS/net_client.py" "$D/net.sock" "$@"
	IFS=, read -ra words <<<"$words"
	for word in "${words[@]}"; do e2e_expect_text "$word"; done
}
check() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$1" = "$2" ] || e2e_fail "$3: $1 instead of $2"
	e2e_say "ok: $3 ($1)"
}

e2e_ca ca
e2e_ca other
e2e_certificate ca server
e2e_certificate ca elsewhere DNS:elsewhere.example
origin first "$D/server.pem" "$D/server.key"
FIRST=$PORT
origin second "$D/server.pem" "$D/server.key"
SECOND=$PORT
origin closing "$D/server.pem" "$D/server.key" --close
CLOSING=$PORT
origin name "$D/elsewhere.pem" "$D/elsewhere.key"
NAME=$PORT
origin plain
PLAIN=$PORT
DEAD=$(e2e_free_port)

# --- configurations that are refused
printf '[broker]\nUrl = http://127.0.0.1:%s\nCA = %s\n' "$PLAIN" "$D/ca.pem" >"$D/bad.conf"
e2e_expect 2 "a broker over plain http" "$NETD" --agent="$D/bad.conf"
e2e_expect_text "https:// only"
printf '[broker]\nUrl = https://127.0.0.1:%s\n' "$FIRST" >"$D/bad.conf"
e2e_expect 2 "a broker without CA=" "$NETD" --agent="$D/bad.conf"
e2e_expect_text "CA= is missing"
printf '[imds]\nUrl = http://192.0.2.1\n' >"$D/bad.conf"
e2e_expect 2 "metadata from an address that is routed" "$NETD" --agent="$D/bad.conf"
e2e_expect_text "link-local"
printf '[kds]\nUrl = http://192.0.2.1\n' >"$D/bad.conf"
e2e_expect 2 "a key service over plain http" "$NETD" --broker="$D/bad.conf"
printf '[kds]\nUrl = https://user@host\n' >"$D/bad.conf"
e2e_expect 2 "a URL with a user" "$NETD" --broker="$D/bad.conf"
printf '[nett]\nSocket = x\n' >"$D/bad.conf"
e2e_expect 2 "a misspelt section" "$NETD" --broker="$D/bad.conf"
e2e_expect 2 "neither side" "$NETD"
e2e_expect 2 "both sides" "$NETD" --agent="$D/bad.conf" --broker="$D/bad.conf"

{
	printf '[net]\nSocket = %s\n[broker]\nCA = %s\n' "$D/net.sock" "$D/ca.pem"
	for port in "$FIRST" "$SECOND" "$CLOSING" "$NAME" "$DEAD"; do printf 'Url = https://127.0.0.1:%s\n' "$port"; done
	printf '[kds]\nUrl = https://localhost:%s\nCA = %s\n[imds]\nUrl = http://127.0.0.1:%s\n' "$FIRST" "$D/other.pem" "$PLAIN"
} >"$D/agent.conf"
mkdir "$D/agent.conf.d"
printf '[broker]\nUrl = https://localhost:%s/prefix\n[credentials]\nAnything = is not ours\n' "$FIRST" >"$D/agent.conf.d/10-more.conf"
# What libcurl and OpenSSL would take from their surroundings.
e2e_background netd env https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 http_proxy=http://127.0.0.1:1 \
	SSLKEYLOGFILE="$D/keys.txt" SSL_CERT_FILE="$D/other.pem" "$NETD" --agent="$D/agent.conf"
NETD_PID=$E2E_PID
e2e_wait_socket "$D/net.sock" "$NETD_PID"

# --- without the authorities of the key service the way to the broker stays open; without the broker's it does not start
sed -e "s#^CA = $D/other.pem#CA = $D/nowhere.pem#" -e "s#^Socket = .*#Socket = $D/net2.sock#" "$D/agent.conf" >"$D/poor.conf"
e2e_background poor "$NETD" --agent="$D/poor.conf"
POOR_PID=$E2E_PID
e2e_wait_socket "$D/net2.sock" "$POOR_PID"
e2e_wait_line "$D/poor.log" "nowhere.pem.*nobody can ask https://localhost:$FIRST: install ca-certificates" "$POOR_PID"
e2e_expect 0 "the other origins without the key service's authorities" python3 "$TESTS/net_client.py" "$D/net2.sock" imds GET /metadata/THIM/amd/certification
e2e_expect_text '"status": 200'
e2e_expect 0 "the key service without its authorities" python3 "$TESTS/net_client.py" "$D/net2.sock" kds GET /vcek/v1/Milan/crl
e2e_expect_text '"outcome": 8'
e2e_stop "$POOR_PID"
sed "s#^CA = $D/ca.pem#CA = $D/nowhere.pem#" "$D/agent.conf" >"$D/poor.conf"
e2e_expect 2 "no authority of the broker" timeout 10 "$NETD" --agent="$D/poor.conf"

# --- what it is for
ask '"status": 200,"body": "good"' broker-1 GET /kbs/v0/ok --times 5
check "$(counted first connection)" 1 "connections for five requests"
check "$(counted first 'request GET')" 5 "requests that arrived"
ask '"status": 200,kbs-session-id=abc; Path,Bearer x,a=b,"body": "{' broker-1 POST /kbs/v0/echo --body '{}' --type application/json --cookie a=b --authorization 'Bearer x'
ask '"status": 404' broker-1 GET /kbs/v0/404
ask '"status": 429,"retry_after": 7' broker-1 GET /kbs/v0/busy
ask '"size": 100000' broker-1 GET /kbs/v0/large --max 100000
ask '"status": 200' broker-6 GET /kbs/v0/ok
check "$(counted first 'request GET /prefix/kbs/v0/ok')" 1 "requests below a prefix, of an addition to the configuration"
ask '"status": 200' imds GET /metadata/THIM/amd/certification
check "$(counted plain 'metadata=true')" 2 "requests with the metadata header"
check "$(counted first 'metadata=true')" 0 "the same to others"
ask '"reused": false' broker-3 GET /kbs/v0/ok --times 3
check "$(counted closing 'connection full') $(counted closing 'connection resumed')" "1 2" "full and resumed TLS handshakes of a peer that closes"

# --- who is not asked
for path in /etc/passwd /kbs/v1/auth /kbs/v0/ /kbs/v0/../secret /kbs/v0/a//b '/kbs/v0/a?b' /kbs/v0/a%2fb; do ask '"outcome": 8' broker-1 GET "$path"; done
ask '"outcome": 8' broker-1 DELETE /kbs/v0/ok
ask '"outcome": 8' broker-7 GET /kbs/v0/ok
ask '"outcome": 8' imds GET /metadata/identity/oauth2/token
ask '"outcome": 8' imds GET /metadata/THIM/amd/certification --cookie a=b
ask '"outcome": 8' kds POST /vcek/v1/Milan/crl
ask '"outcome": 8' kds GET /vcek/v1/Milan/../../etc
check "$(counted first 'request')" 10 "requests that arrived: none of these"

# --- who is not believed
ask '"outcome": 7,never followed' broker-1 GET /kbs/v0/redirect
ask '"outcome": 6,larger than 1000' broker-1 GET /kbs/v0/large --max 1000
ask '"outcome": 5' broker-1 GET /kbs/v0/cut
ask '"outcome": 3' broker-4 GET /kbs/v0/ok
check "$(counted name request)" 0 "requests that a certificate for another name got"
ask '"outcome": 3' kds GET /vcek/v1/Milan/crl
ask '"outcome": 1' broker-5 GET /kbs/v0/ok
ask '"outcome": 2' broker-1 GET /kbs/v0/stall --timeout 300

# --- nobody holds up another
e2e_background stall python3 "$TESTS/net_client.py" "$D/net.sock" broker-2 GET /kbs/v0/stall --times 64 --at-once --timeout 8000
e2e_wait "$E2E_PID" "stalling requests" grep -q stall "$D/second.count"
ask '"status": 200' broker-1 GET /kbs/v0/ok --timeout 1000
e2e_background slow python3 "$TESTS/net_client.py" "$D/net.sock" broker-1 GET /kbs/v0/slow
e2e_wait "$E2E_PID" "a slow request" grep -q slow "$D/first.count"
ask '"status": 200' broker-1 GET /kbs/v0/ok --timeout 1000
e2e_background many python3 "$TESTS/net_client.py" "$D/net.sock" broker-1 GET /kbs/v0/ok --times 64 --at-once
MANY=$E2E_PID
wait "$MANY"
check "$(grep -c '"status": 200' "$D/many.out")" 64 "answers to 64 requests at once"
e2e_background flood python3 "$TESTS/net_client.py" "$D/net.sock" broker-1 GET /kbs/v0/slow --times 70 --at-once
wait "$E2E_PID"
check "$(grep -c 'too many requests in flight' "$D/netd.log")" 1 "connections closed for the 65th"

# --- clients that break the rules
for raw in 0000000001000000ffffffff 000000000a00000001000000 00000000090001000100000000 ffffffff0900000001000000 00000000090000000100000000000000; do
	e2e_expect 0 "the frame $raw ends the connection" python3 "$TESTS/net_client.py" "$D/net.sock" --raw "$raw"
	e2e_expect_text '"closed": true'
done
ask '"status": 200' broker-1 GET /kbs/v0/ok

# --- what it holds open, and what it is made of
check "$(for fd in "/proc/$NETD_PID/fd/"*; do readlink "$fd"; done | sed -n 's/^socket:\[\(.*\)\]$/\1/p' |
	while read -r inode; do awk -v i="$inode" '$10 == i && $4 == "0A"' /proc/net/tcp /proc/net/tcp6; done | wc -l)" 0 "TCP ports that it listens on"
check "$(readelf -d "$NETD" | grep -c -E 'NEEDED.*(microhttpd|tss2|sqlite|libpq|json-c)')" 0 "libraries that it must not have"
[ ! -e "$D/keys.txt" ] || e2e_fail "TLS keys were written to SSLKEYLOGFILE"
if ! grep -q 'seccomp off' "$D/netd.log"; then
	check "$(sed -n 's/^NoNewPrivs:\t//p; s/^Seccomp:\t//p' "/proc/$NETD_PID/status" | tr '\n' ' ')" "1 2 " "NoNewPrivs and Seccomp"
fi

# --- the end, while a request hangs
e2e_background hang python3 "$TESTS/net_client.py" "$D/net.sock" broker-1 GET /kbs/v0/stall --timeout 60000
e2e_wait "$E2E_PID" "a hanging request" sh -c "[ \$(grep -c 'GET /kbs/v0/stall' '$D/first.count') -ge 2 ]"
BEFORE=$(date +%s%N)
kill -TERM "$NETD_PID"
wait "$NETD_PID"
check $? 0 "exit code after SIGTERM"
MS=$((($(date +%s%N) - BEFORE) / 1000000))
[ "$MS" -lt 2000 ] || e2e_fail "it took $MS ms to end"

# --- names, from inside the sandbox: a name server on the only address that resolv.conf names
if unshare -n -m true 2>/dev/null; then
	e2e_expect 0 "a name is resolved by DNS inside the sandbox" unshare -n -m bash "$TESTS/netd_dns.sh" "$D" "$NETD" "$TESTS"
	e2e_expect_text '"status": 200'
else
	e2e_say "note: no network namespaces here: name resolution by DNS is not tested"
fi
e2e_end
