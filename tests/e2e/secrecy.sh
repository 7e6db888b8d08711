#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where a key may be and where it must not be: the same memory scanner finds it in `sevattest get`, and the broker's own key in brokerd, and a planted marker in
# httpd; and finds neither key in httpd, in any log or file, environment or command line.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin secrecy

[ "$(id -u)" = 0 ] || e2e_skip "reading another process's memory needs root"
sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
# Longer than a pipe holds, so that `get` stands still with the key in its hands.
head -c 300000 /dev/urandom >"$d/secret"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a secret is stored" e2e_ctl key put prod/app/key "$d/secret"
e2e_expect 0 "a policy is stored" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant is added" e2e_ctl grant add prod/app/key prod

# scan PID FILE WORD MOMENT
scan() {
	local line
	line=$(./memory_scan.py "$1" "$2") || e2e_fail "$4: the memory of $1 could not be read"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "${line%% *}" = "$3" ] || e2e_fail "$4: ${2##*/} is ${line%% *}, should be $3"
	e2e_say "ok: $4: ${2##*/} $3"
}

marker=$d/marker
printf 'marker-%s' "$(head -c 16 /dev/urandom | xxd -p)" >"$marker"

scan "$E2E_HTTPD_PID" "$d/secret" absent "httpd after the key was stored"
scan "$E2E_BROKERD_PID" "$d/secret" absent "brokerd at rest (the key is sealed in the store)"

# A request that never ends keeps its head in httpd's memory.
exec {hold}<>"/dev/tcp/127.0.0.1/$E2E_STATUS_PORT" || e2e_fail "no connection to httpd"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Note: %s\r\n' "$(cat "$marker")" >&"$hold"
sleep 0.3
scan "$E2E_HTTPD_PID" "$marker" found "httpd in the middle of a request"
exec {hold}>&-

mkfifo "$d/pipe"
exec {keep}<>"$d/pipe"
"$sevattest" get prod/app/key --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY" \
	>"$d/pipe" 2>"$d/get.log" </dev/null &
getter=$!
E2E_PIDS+=("$getter")
sleep 2
kill -0 "$getter" 2>/dev/null || e2e_fail "get did not wait: $(cat "$d/get.log")"
scan "$getter" "$d/secret" found "sevattest get with the key in its hands"
scan "$E2E_HTTPD_PID" "$d/secret" absent "httpd after a release"
scan "$E2E_BROKERD_PID" "$d/secret" absent "brokerd after a release (wiped)"
head -c 300000 <&"$keep" >"$d/secret.got"
exec {keep}>&-
wait "$getter" || e2e_fail "get ended with $?"
e2e_same "$d/secret" "$d/secret.got"
rm -f "$d/secret.got"

# Nowhere on disk, in no log: not as it is, not in base64, not in hex.
python3 - "$d" <<'EOF' || e2e_fail "the key is in a file"
import base64, os, sys
secret = open(sys.argv[1] + "/secret", "rb").read()[:48]
forms = [secret, base64.b64encode(secret)[:60], base64.urlsafe_b64encode(secret)[:60], secret.hex().encode()]
seen = 0
for folder, _, names in os.walk(sys.argv[1]):
    if folder.endswith(".tsm"):
        continue
    for name in names:
        path = os.path.join(folder, name)
        if name == "secret" or not os.path.isfile(path):
            continue
        seen += 1
        data = open(path, "rb").read()
        for form in forms:
            if form in data:
                sys.exit(f"{path} holds the key")
print(f"ok: {seen} files without the key")
sys.exit(0 if seen > 10 else "too few files were looked at")
EOF
e2e_end
