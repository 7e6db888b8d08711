#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The simulated platform against independent parties: openssl verifies its chain, its CRL and its report signatures; curl takes the certificates from its
# key service; plain shell tools take a report from its configfs-tsm.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin sim

sim=$(e2e_program sevattest-sim) || exit 1

bytes_at() { tail -c "+$(($2 + 1))" "$1" | head -c "$3"; }
hex_reversed() { xxd -p -c 256 | fold -w2 | tac | tr -d '\n'; }

# report_signature FILE: R and S of the report as a DER signature.
report_signature() {
	local r s
	r=$(bytes_at "$1" 672 72 | hex_reversed) s=$(bytes_at "$1" 744 72 | hex_reversed)
	printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "$r" "$s" >"$E2E_DIR/sig.conf"
	openssl asn1parse -genconf "$E2E_DIR/sig.conf" -noout -out "$1.sig" || e2e_fail "the signature's encoding"
}

# verify_by_openssl REPORT VEK INTERMEDIATE ARK
verify_by_openssl() {
	openssl x509 -inform DER -in "$2" -out "$2.pem" &&
		openssl verify -CAfile "$4" -untrusted "$3" "$2.pem" >/dev/null || e2e_fail "openssl: chain of $2"
	openssl x509 -in "$2.pem" -noout -pubkey >"$2.pub"
	report_signature "$1"
	head -c 672 "$1" >"$1.signed"
	openssl dgst -sha384 -verify "$2.pub" -signature "$1.sig" "$1.signed" >/dev/null || e2e_fail "openssl: signature of $1"
	E2E_CHECKS=$((E2E_CHECKS + 1))
}

command -v xxd >/dev/null || e2e_skip "xxd is not installed"

for product in milan genoa turin; do
	e2e_sim_init $product --product $product
	d=$E2E_DIR/$product
	for signer in vcek vlek; do
		"$sim" report "$d" -o "$E2E_DIR/r.bin" --vek "$E2E_DIR/v.der" --signer $signer || e2e_fail "report $product $signer"
		[ $signer = vcek ] && ca=ask || ca=asvk
		verify_by_openssl "$E2E_DIR/r.bin" "$E2E_DIR/v.der" "$d/$ca.pem" "$d/ark.pem"
		e2e_say "ok: openssl verifies chain and report, $product $signer"
		# A changed byte must fail, and pass once it is signed again.
		cp "$E2E_DIR/r.bin" "$E2E_DIR/edited.bin"
		printf '\001' | dd of="$E2E_DIR/edited.bin" bs=1 seek=200 conv=notrunc status=none
		head -c 672 "$E2E_DIR/edited.bin" >"$E2E_DIR/edited.signed"
		openssl dgst -sha384 -verify "$E2E_DIR/v.der.pub" -signature "$E2E_DIR/r.bin.sig" "$E2E_DIR/edited.signed" >/dev/null 2>&1 &&
			e2e_fail "an edited report verifies"
		"$sim" sign "$d" "$E2E_DIR/edited.bin" || e2e_fail "sign"
		verify_by_openssl "$E2E_DIR/edited.bin" "$E2E_DIR/v.der" "$d/$ca.pem" "$d/ark.pem"
	done
	"$sim" crl "$d" -o "$E2E_DIR/c.der" --revoke ask || e2e_fail "crl"
	openssl crl -inform DER -in "$E2E_DIR/c.der" -CAfile "$d/ark.pem" -noout 2>&1 | grep -q 'verify OK' || e2e_fail "openssl: CRL"
	serial=$(openssl x509 -in "$d/ask.pem" -noout -serial)
	openssl crl -inform DER -in "$E2E_DIR/c.der" -noout -text | grep -q "${serial#serial=}" || e2e_fail "the revoked serial is not listed"
	e2e_say "ok: openssl verifies the CRL, $product"
done

e2e_sim_serve milan
command -v curl >/dev/null || e2e_skip "curl is not installed"
fetch_status() { curl -s --noproxy '*' -o "$E2E_DIR/answer" -w '%{http_code}' "$E2E_KDS$1"; }
expect_status() { [ "$(fetch_status "$2")" = "$1" ] || e2e_fail "KDS: $2: not $1"; E2E_CHECKS=$((E2E_CHECKS + 1)); }

"$sim" report "$E2E_DIR/milan" -o "$E2E_DIR/r.bin" || e2e_fail report
chip=$(bytes_at "$E2E_DIR/r.bin" 416 64 | xxd -p -c 64)
expect_status 200 "/vcek/v1/Milan/$chip?blSPL=4&teeSPL=0&snpSPL=27&ucodeSPL=222"
cp "$E2E_DIR/answer" "$E2E_DIR/kds.der"
verify_by_openssl "$E2E_DIR/r.bin" "$E2E_DIR/kds.der" "$E2E_DIR/milan/ask.pem" "$E2E_DIR/milan/ark.pem"
expect_status 200 /vcek/v1/Milan/cert_chain
cat "$E2E_DIR/milan/ask.pem" "$E2E_DIR/milan/ark.pem" | cmp -s - "$E2E_DIR/answer" || e2e_fail "KDS: cert_chain is not ASK, ARK"
expect_status 200 /vcek/v1/Milan/crl
expect_status 404 /vcek/v1/Genoa/crl
expect_status 404 "/vcek/v1/Milan/$chip?blSPL=4"
expect_status 404 "/vcek/v1/Milan/$(printf '%0128d' 7)?blSPL=4&teeSPL=0&snpSPL=27&ucodeSPL=222"
e2e_sim_set milan --kds-status 429 --kds-retry-after 7
expect_status 429 /vcek/v1/Milan/crl
e2e_sim_set milan --kds-status '' --kds-retry-after ''
expect_status 200 /vcek/v1/Milan/crl
e2e_say "ok: the key service answers curl"

entry=$E2E_TSM/by-hand
mkdir "$entry" || e2e_fail "mkdir in configfs-tsm"
printf '0' >"$entry/privlevel" && head -c 64 /dev/zero | tr '\0' 'A' >"$entry/inblob" || e2e_fail "writing an entry"
cat "$entry/outblob" >"$E2E_DIR/tsm.bin" && cat "$entry/auxblob" >"$E2E_DIR/tsm.table" || e2e_fail "reading an entry"
[ "$(cat "$entry/generation")" = 2 ] || e2e_fail "generation"
rmdir "$entry" || e2e_fail "rmdir in configfs-tsm"
verify_by_openssl "$E2E_DIR/tsm.bin" "$E2E_DIR/kds.der" "$E2E_DIR/milan/ask.pem" "$E2E_DIR/milan/ark.pem"
[ "$(bytes_at "$E2E_DIR/tsm.bin" 80 64)" = "$(printf 'A%.0s' {1..64})" ] || e2e_fail "REPORT_DATA"
e2e_sim_set milan --measurement "$(printf 'ab%.0s' {1..48})"
mkdir "$entry" && head -c 64 /dev/zero >"$entry/inblob" && cat "$entry/outblob" >"$E2E_DIR/tsm.bin" && rmdir "$entry" || e2e_fail "second entry"
[ "$(bytes_at "$E2E_DIR/tsm.bin" 144 2 | xxd -p)" = abab ] || e2e_fail "a changed state is not seen"
e2e_say "ok: configfs-tsm by shell tools"

# It ends by SIGTERM without leaving its mount, and mounts again over what a killed one left.
e2e_stop "$E2E_SIM_PID"
grep -q " $E2E_TSM " /proc/self/mountinfo && e2e_fail "the mount is still there"
e2e_sim_serve milan
kill -KILL "$E2E_SIM_PID"
wait "$E2E_SIM_PID" 2>/dev/null
e2e_sim_serve milan
e2e_say "ok: ends cleanly, and starts after a kill"
e2e_end
