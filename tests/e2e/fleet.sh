#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A fleet in the simulator: ten chips of three products, with VCEK and with VLEK, report versions 2 to 5, VMPL 0 to 3, TCBs that roll from chip to chip. All of
# them verify, the VCEKs from a key service that is asked once for each chip and not at all the second time. One revoked, one expired, one masked and one of a
# foreign root are each refused by the right check.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin fleet

sevattest=$(e2e_program sevattest) || exit 1
sim=$(e2e_program sevattest-sim) || exit 1
d=$E2E_DIR
PRODUCTS=(milan genoa turin)
declare -A KDS TCB=([milan]=4,0,18,209 [genoa]=10,0,23,84 [turin]=1,1,4,75,1)
CHIPS=10

# tcb PRODUCT N: the product's TCB, N firmware releases on: snp and microcode go up.
tcb() {
	local parts
	IFS=, read -ra parts <<<"${TCB[$1]}"
	printf '%s,%s,%s,%s%s\n' "${parts[0]}" "${parts[1]}" $((parts[2] + $2)) $((parts[3] + $2)) "${parts[4]:+,${parts[4]}}"
}
# chip PRODUCT N: a chip id. On Turin 8 bytes and zeros.
chip() {
	local part
	part=$(printf '%s-%s' "$1" "$2" | sha256sum | cut -c1-64)
	if [ "$1" = turin ]; then printf '%s%0112d\n' "${part:0:16}" 0; else printf '%s%s\n' "$part" "$part"; fi
}
# make PRODUCT N SIGNER [SETTINGS]: $d/PRODUCT-N-SIGNER.bin and .table. Odd chips run a newer firmware than they were launched on and report.
make() {
	local product=$1 n=$2 signer=$3 version=$((2 + $2 % 4))
	[ "$product" != milan ] && [ $version -lt 3 ] && version=5 # which tell their product: no second name is asked for
	shift 3
	"$sim" report "$d/$product" -o "$d/$product-$n-$signer.bin" --table "$d/$product-$n-$signer.table" --signer "$signer" --chip-id "$(chip "$product" "$n")" \
		--version $version --vmpl $((n % 4)) --tcb "$(tcb "$product" $((n + n % 2)))" --reported-tcb "$(tcb "$product" "$n")" \
		--launch-tcb "$(tcb "$product" "$n")" "$@" 2>"$d/sim.err" || e2e_fail "report of $product $n $signer: $(cat "$d/sim.err")"
}
# verify PRODUCT NAME [OPTIONS]: the verdict as JSON in $d/verdict.
verify() {
	local product=$1 name=$2
	shift 2
	"$sevattest" verify "$d/$name.bin" --trust "$d/$product/ark.pem" --json "$@" >"$d/verdict" 2>"$d/verdict.err" </dev/null
}
first_failed() { python3 -c 'import json, sys; print(next((f["check"] for f in json.load(open(sys.argv[1]))["findings"] if f["state"] == "failed" and f["class"] != "advice"), "none"))' "$d/verdict"; }
requests() { grep -c 'KDS: GET' "$d/sim-$1.log"; }
# expect_refusal CHECK WHAT: of the verdict.
expect_refusal() {
	local first
	first=$(first_failed)
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$first" = "$1" ] || e2e_fail "$2: refused by $first instead of $1: $(cat "$d/verdict.err")"
	e2e_say "ok: $2: refused by $1"
}

for product in "${PRODUCTS[@]}"; do
	e2e_sim_init "$product" --product "$product"
	e2e_sim_serve "$product"
	KDS[$product]=$E2E_KDS
	e2e_sim_set "$product" --kds-any-chip yes
	for ((n = 0; n < CHIPS; n++)); do
		make "$product" "$n" vcek
		make "$product" "$n" vlek
	done
done
e2e_say "made $((CHIPS * ${#PRODUCTS[@]} * 2)) reports"

# --- all of them; the second time nobody is asked
for pass in cold warm; do
	GOOD=0
	for product in "${PRODUCTS[@]}"; do
		for ((n = 0; n < CHIPS; n++)); do
			verify "$product" "$product-$n-vcek" --fetch --kds "${KDS[$product]}" --cache "$d/cache-$product" --revocation require ||
				e2e_fail "$pass: $product $n VCEK: $(first_failed) $(cat "$d/verdict.err")"
			verify "$product" "$product-$n-vlek" --certs "$d/$product-$n-vlek.table" || e2e_fail "$pass: $product $n VLEK: $(first_failed)"
			GOOD=$((GOOD + 2))
		done
		E2E_CHECKS=$((E2E_CHECKS + 1))
		[ "$(requests "$product")" -eq $((CHIPS + 2)) ] || e2e_fail "$pass: $(requests "$product") requests for $CHIPS chips of $product, their chain and list"
	done
	E2E_CHECKS=$((E2E_CHECKS + GOOD))
	[ $GOOD -eq 60 ] || e2e_fail "$pass: $GOOD verdicts instead of 60"
	e2e_say "ok: $pass: $GOOD of 60 verify, $((CHIPS + 2)) requests for each product so far"
done

# --- the same certificates from a table with another host's GUIDs in another order, and as PEM inside a table
for product in "${PRODUCTS[@]}"; do
	python3 - "$d/$product-3-vcek.table" "$d/$product-shuffled.table" <<'PY'
import struct, subprocess, sys, uuid
data = open(sys.argv[1], "rb").read()
entries = []
for at in range(0, len(data), 24):
    guid, offset, size = data[at:at + 16], *struct.unpack_from("<II", data, at + 16)
    if guid == bytes(16):
        break
    der = data[offset:offset + size]
    pem = subprocess.run(["openssl", "x509", "-inform", "DER"], input=der, capture_output=True, check=True).stdout if len(entries) % 2 else der
    entries.append((guid, pem))
entries = [(uuid.uuid4().bytes, b"what another hypervisor keeps here")] + entries[::-1]
offset, head, body = 24 * (len(entries) + 1), b"", b""
for guid, content in entries:
    head += guid + struct.pack("<II", offset + len(body), len(content))
    body += content
open(sys.argv[2], "wb").write(head + bytes(24) + body)
PY
	verify "$product" "$product-3-vcek" --certs "$d/$product-shuffled.table" || e2e_fail "$product: a shuffled table: $(first_failed)"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	e2e_say "ok: $product: another order, a foreign GUID and PEM in the table"
done

# --- refused, each by the right check, though everything else is as good
for product in "${PRODUCTS[@]}"; do
	verify "$product" "$product-1-vcek" --certs "$d/$product-2-vcek.table" && e2e_fail "another chip's certificate"
	expect_refusal vek.hwid "$product: another chip's VCEK"
	make "$product" 1 vcek --vek-age-days 2600
	verify "$product" "$product-1-vcek" --certs "$d/$product-1-vcek.table" && e2e_fail "an expired certificate"
	expect_refusal chain.validity "$product: expired"
	make "$product" 1 vcek --mask-chip-id yes
	verify "$product" "$product-1-vcek" --certs "$d/$product-1-vcek.table" && e2e_fail "a masked chip id"
	expect_refusal vek.hwid "$product: masked chip id"
	make "$product" 1 vcek --mask-chip-key yes
	verify "$product" "$product-1-vcek" --certs "$d/$product-1-vcek.table" && e2e_fail "a masked chip key"
	expect_refusal report.signer "$product: masked chip key"
	make "$product" 1 vcek
	"$sevattest" verify "$d/$product-1-vcek.bin" --certs "$d/$product-1-vcek.table" --json >"$d/verdict" 2>"$d/verdict.err" && e2e_fail "a foreign root"
	expect_refusal chain.pin "$product: a foreign root"
	e2e_sim_set "$product" --revoke ask
	verify "$product" "$product-1-vcek" --fetch --kds "${KDS[$product]}" --cache "$d/revoked-$product" --revocation require && e2e_fail "revoked"
	expect_refusal crl.revoked "$product: the intermediate of VCEKs is revoked"
	e2e_sim_set "$product" --revoke asvk
	verify "$product" "$product-1-vlek" --certs "$d/$product-1-vlek.table" --fetch --kds "${KDS[$product]}" --cache "$d/revoked-$product" --revocation require && e2e_fail "revoked"
	expect_refusal crl.revoked "$product: the intermediate of VLEKs is revoked"
done
verify milan milan-4-vcek --fetch --kds "${KDS[milan]}" --cache "$d/cache-milan" --time 2020-01-01T00:00:00Z && e2e_fail "before it was issued"
e2e_say "ok: a clock before the certificates: refused by $(first_failed)"
e2e_end
