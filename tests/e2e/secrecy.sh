#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where a key may be and where it must not be. One memory scanner looks into every process at five moments of a handshake and afterwards: it finds the key in
# brokerd while it is released and in `sevattest get` when it has arrived, the key-encryption key in brokerd, the TLS key and a planted marker in httpd, and
# each nowhere else. No key is in any log or file, environment or command line.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin secrecy

[ "$(id -u)" = 0 ] || e2e_skip "reading another process's memory needs root"
command -v gdb >/dev/null || e2e_skip "gdb is not installed"
sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
head -c 32 /dev/urandom >"$d/secret"
# Longer than a pipe holds, so that `get` stands still with the key in its hands; also another way through the allocators.
head -c 300000 /dev/urandom >"$d/secret.long"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a secret is stored" e2e_ctl key put prod/app/key "$d/secret"
e2e_expect 0 "a long secret is stored" e2e_ctl key put prod/app/long "$d/secret.long"
e2e_expect 0 "a policy is stored" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant is added" e2e_ctl grant add 'prod/app/*' prod
get=(--tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY")

# scan PID FILE WORD MOMENT
scan() {
	local line
	line=$(./memory_scan.py "$1" "$2") || e2e_fail "$4: the memory of $1 could not be read"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "${line%% *}" = "$3" ] || e2e_fail "$4: ${2##*/} is ${line%% *}, should be $3"
	e2e_say "ok: $4: ${2##*/} $3"
}

printf 'marker-%s' "$(head -c 16 /dev/urandom | xxd -p)" >"$d/marker"
cp "$d/broker/escrow" "$d/escrow"
openssl pkcs8 -topk8 -nocrypt -in "$d/broker-tls.key" -out "$d/tls.pkcs8" || e2e_fail "openssl pkcs8"
python3 ./secrecy_moments.py "$d" "$E2E_BROKERD_PID" "$E2E_HTTPD_PID" "$E2E_SIM_PID" "$E2E_STATUS_PORT" -- \
	"$sevattest" get prod/app/key "${get[@]}" -o "$d/secret.got"
case $? in
0) E2E_CHECKS=$((E2E_CHECKS + 1)) ;;
77) exit 77 ;;
*) e2e_fail "the table of moments" ;;
esac
e2e_same "$d/secret" "$d/secret.got"

scan "$E2E_BROKERD_PID" "$d/secret.long" absent "brokerd before the long key is asked for"
mkfifo "$d/pipe"
exec {keep}<>"$d/pipe"
"$sevattest" get prod/app/long "${get[@]}" >"$d/pipe" 2>"$d/get.log" </dev/null &
getter=$!
E2E_PIDS+=("$getter")
# Standing still: the pipe is full.
e2e_wait "$getter" "the long key in the pipe" python3 -c 'import fcntl, struct, sys, termios
sys.exit(struct.unpack("i", fcntl.ioctl(int(sys.argv[1]), termios.FIONREAD, b"    "))[0] < 65536)' "$keep"
scan "$getter" "$d/secret.long" found "sevattest get with the long key in its hands"
scan "$E2E_HTTPD_PID" "$d/secret.long" absent "httpd after the release of the long key"
scan "$E2E_BROKERD_PID" "$d/secret.long" absent "brokerd after the release of the long key"
head -c 300000 <&"$keep" >"$d/secret.got"
exec {keep}>&-
wait "$getter" || e2e_fail "get ended with $?"
e2e_same "$d/secret.long" "$d/secret.got"
rm -f "$d/secret.got" "$d/escrow" "$d/tls.pkcs8"

# Nowhere on disk, in no log: not as it is, not in base64, not in hex.
python3 - "$d" <<'EOF' || e2e_fail "the key is in a file"
import base64, os, sys
forms = []
for name, size in (("secret", 30), ("secret.long", 48)):
    secret = open(f"{sys.argv[1]}/{name}", "rb").read()[:size]
    forms += [secret, base64.b64encode(secret), base64.urlsafe_b64encode(secret), secret.hex().encode()]
seen = 0
for folder, _, names in os.walk(sys.argv[1]):
    if folder.endswith(".tsm"):
        continue
    for name in names:
        path = os.path.join(folder, name)
        if name in ("secret", "secret.long") or not os.path.isfile(path):
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
