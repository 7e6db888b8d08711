#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main path with the real programs on loopback: report, attest and get against simulator, brokerd and httpd; and each way in which it must not succeed.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin get

sevattest=$(e2e_program sevattest) || exit 1
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_ca stranger
e2e_broker_start broker operator
d=$E2E_DIR

printf 'the key of the disk, with a newline\nand a NUL: \0.' >"$d/secret"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a secret is stored" e2e_ctl key put prod/disk/data "$d/secret"
e2e_expect 0 "a policy is stored" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant is added" e2e_ctl grant add prod/disk/data prod

collect=(--tsm-root "$E2E_TSM")
to_broker=("${collect[@]}" --broker "$E2E_BROKER" --ca "$d/operator.pem")
pinned=("${to_broker[@]}" --broker-key "$E2E_BROKER_KEY")

# report
e2e_expect 0 "report" "$sevattest" report "${collect[@]}" -o "$d/r.bin" --certs-out "$d/certs.pem"
e2e_expect 0 "verify, the simulator's root pinned" "$sevattest" verify "$d/r.bin" --certs "$d/certs.pem" --trust "$d/plat/ark.pem"
e2e_expect 3 "verify, not pinned" "$sevattest" verify "$d/r.bin" --certs "$d/certs.pem"
data=$(printf 'c3%.0s' {1..64})
e2e_expect 0 "report over given bytes" "$sevattest" report "${collect[@]}" --report-data "$data" -o "$d/r.bin"
e2e_expect 0 "verify with these bytes" "$sevattest" verify "$d/r.bin" --certs "$d/certs.pem" --trust "$d/plat/ark.pem" --report-data "$data"
e2e_expect 0 "report as JSON" "$sevattest" report "${collect[@]}" --json
e2e_expect 2 "--report-data of another length" "$sevattest" report "${collect[@]}" --report-data c3 -o "$d/x"
head -c 65 /dev/zero >"$d/long"
e2e_expect 2 "a nonce of 65 bytes" "$sevattest" report "${collect[@]}" --nonce-file "$d/long" -o "$d/x"
e2e_expect 2 "VMPL 7" "$sevattest" report "${collect[@]}" --vmpl 7 -o "$d/x"
e2e_expect 7 "no configfs-tsm" "$sevattest" report --tsm-root /nonexistent -o "$d/x"
e2e_expect_text "Linux 6.7"
[ -e "$d/x" ] && e2e_fail "a refused report wrote its file"

# certificates that the host does not give
e2e_sim_set plat --aux empty
e2e_expect 0 "report without certificates" "$sevattest" report "${collect[@]}" -o "$d/r.bin" --certs-out "$d/none.pem"
e2e_expect_text "the host gave none"
e2e_expect 0 "report with certificates from the key service" "$sevattest" report "${collect[@]}" --kds "$E2E_KDS" -o "$d/r.bin" --certs-out "$d/kds.pem"
e2e_expect 0 "verify these" "$sevattest" verify "$d/r.bin" --certs "$d/kds.pem" --trust "$d/plat/ark.pem"
e2e_expect 0 "get with them" "$sevattest" get prod/disk/data "${pinned[@]}" --kds "$E2E_KDS" -o "$d/got"
e2e_same "$d/got" "$d/secret"
e2e_expect 0 "get with certificates from a file" "$sevattest" get prod/disk/data "${pinned[@]}" --cert-dir "$d/kds.pem" -o "$d/got"
e2e_sim_set plat --kds-status 429 --kds-retry-after 9
e2e_expect 5 "the key service is busy" "$sevattest" report "${collect[@]}" --kds "$E2E_KDS" -o "$d/x"
e2e_expect_text "9 s"
e2e_sim_set plat --aux junk --kds-status ''
e2e_expect 0 "a broken table is left out" "$sevattest" report "${collect[@]}" -o "$d/r.bin"
e2e_expect_text "malformed"
e2e_sim_set plat --aux full --aux-pem yes
e2e_expect 0 "a table that holds PEM" "$sevattest" get prod/disk/data "${pinned[@]}" -o "$d/got"
e2e_sim_set plat --aux-pem ''

# get
rm -f "$d/got"
for alg in p256 p521 rsa2048 rsa3072 rsa4096; do
	e2e_expect 0 "get, $alg" "$sevattest" get prod/disk/data "${pinned[@]}" --key-alg $alg -o "$d/got"
	e2e_same "$d/got" "$d/secret"
done
[ "$(stat -c %a "$d/got")" = 600 ] || e2e_fail "the secret's file is not 0600"
e2e_expect 0 "get without a pin" "$sevattest" get prod/disk/data "${to_broker[@]}" -o "$d/got"
"$sevattest" get prod/disk/data "${pinned[@]}" | cmp -s - "$d/secret" || e2e_fail "get to a pipe"
umask 022
e2e_expect 0 "get to a file that others may read warns" "$sevattest" get prod/disk/data "${pinned[@]}"
e2e_expect_text "others may read"
e2e_same "$d/last.out" "$d/secret"
rm -f "$d/last.out"
e2e_expect 0 "get --json tells no secret" "$sevattest" get prod/disk/data "${pinned[@]}" --json -o "$d/got"
e2e_expect_text '"version"'
grep -q "the key of the disk" "$d/last.out" && e2e_fail "--json printed the secret"
e2e_expect 0 "attest" "$sevattest" attest "${pinned[@]}" -o "$d/token"
[ "$(tr -cd . <"$d/token" | wc -c)" = 2 ] || e2e_fail "the token is no JWT"
e2e_expect 2 "a name that cannot exist" "$sevattest" get ../x "${pinned[@]}" -o "$d/x"
e2e_expect 2 "no --ca" "$sevattest" get prod/disk/data "${collect[@]}" --broker "$E2E_BROKER" -o "$d/x"
e2e_expect 2 "plain HTTP" "$sevattest" get prod/disk/data "${collect[@]}" --ca "$d/operator.pem" --broker "http://127.0.0.1:$E2E_HTTPD_PORT" -o "$d/x"
e2e_expect 6 "a name that no grant covers" "$sevattest" get prod/disk/other "${pinned[@]}" -o "$d/x"

# the guest is not what the policy wants
refused() {
	local what=$1 check=$2
	shift 2
	e2e_sim_set plat "$@"
	e2e_expect 6 "refused: $what" "$sevattest" get prod/disk/data "${pinned[@]}" -o "$d/x"
	e2e_expect_text "$check"
	[ -e "$d/x" ] && e2e_fail "$what: a file was written"
	rm -f "$d/plat/state.json"
}
refused "one bit of the measurement" measurement --measurement "5b$(printf '5a%.0s' {1..47})"
refused "a rolled-back TCB" tcb_min --tcb 3,0,8,115
refused "a debug guest" guest_policy.debug --policy 0xb0000
refused "VMPL 1" vmpl --privlevel-floor 1
refused "no key to sign with" report.signer --signer none
e2e_expect 0 "the sound guest again" "$sevattest" get prod/disk/data "${pinned[@]}" -o "$d/got"

# the host misbehaves
e2e_sim_set plat --outblob-stale yes
e2e_expect 3 "a report for other bytes" "$sevattest" get prod/disk/data "${pinned[@]}" -o "$d/x"
e2e_sim_set plat --outblob-stale '' --outblob-error EBUSY
e2e_expect 5 "the interface is busy" "$sevattest" get prod/disk/data "${pinned[@]}" -o "$d/x"
rm -f "$d/plat/state.json"

# the broker is not the one that is meant
e2e_certificate stranger mitm
e2e_httpd_start mitm "$d/broker/http.sock" "$d/mitm.pem" "$d/mitm.key"
e2e_expect 5 "another certificate" "$sevattest" get prod/disk/data "${collect[@]}" --broker "https://127.0.0.1:$E2E_HTTPD_PORT" --ca "$d/operator.pem" -o "$d/x"
e2e_expect_text "certificate"
e2e_broker_start broker2 operator
e2e_ctl key put prod/disk/data "$d/secret" >/dev/null && e2e_ctl policy put "$d/policy.json" >/dev/null && e2e_ctl grant add prod/disk/data prod >/dev/null ||
	e2e_fail "second broker"
e2e_expect 0 "the second broker by its own key" "$sevattest" get prod/disk/data "${collect[@]}" --broker "$E2E_BROKER" --ca "$d/operator.pem" \
	--broker-key "$E2E_BROKER_KEY" -o "$d/got"
e2e_expect 6 "a release that another signer signed" "$sevattest" get prod/disk/data "${collect[@]}" --broker "$E2E_BROKER" --ca "$d/operator.pem" \
	--broker-key "$d/broker/release.jwk" -o "$d/x"
e2e_expect 5 "nobody listens" "$sevattest" get prod/disk/data "${collect[@]}" --broker "https://127.0.0.1:$(e2e_free_port)" --ca "$d/operator.pem" -o "$d/x"
[ -e "$d/x" ] && e2e_fail "a refused get wrote its file"

# nothing is left in configfs
[ -z "$(ls "$E2E_TSM")" ] || e2e_fail "entries are left in configfs-tsm"
e2e_end
