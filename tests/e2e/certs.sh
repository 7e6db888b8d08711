#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest certs fetch, list, import and verify --fetch against the simulator's key service, whose own log counts the requests: cold, warm, busy, down, half
# answers, another chip's, three kinds of absence, broken TLS, and sites without a network.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin certs

sevattest=$(e2e_program sevattest) || exit 1
sim=$(e2e_program sevattest-sim) || exit 1
d=$E2E_DIR
requests() { grep -c 'KDS: GET' "$d/sim-plat.log"; }
# expect_requests N WHAT: that many since the last call.
SEEN=0
expect_requests() {
	local now
	now=$(requests)
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ $((now - SEEN)) -eq "$1" ] || e2e_fail "$2: $((now - SEEN)) requests instead of $1"
	e2e_say "ok: $2: $1 requests"
	SEEN=$now
}
# report NAME [SETTINGS]: a report without certificates.
report() {
	local name=$1
	shift
	"$sim" report "$d/plat" -o "$d/$name.bin" "$@" || e2e_fail "sevattest-sim report"
}

e2e_sim_init plat
e2e_sim_serve plat
report r
ark=$d/plat/ark.pem
fetch=("$sevattest" certs fetch --kds "$E2E_KDS" --wait 0)
verify=("$sevattest" verify --trust "$ark")

# --- cold, warm, offline
e2e_expect 0 "fetch into an empty directory" "${fetch[@]}" "$d/r.bin" -o "$d/c"
expect_requests 3 "VCEK, chain and revocation list"
check_files() { ls "$d/c" | sed 's/-[0-9a-f]\{128\}-/-CHIP-/' | tr '\n' ' '; }
[ "$(check_files)" = "chain-vcek-milan.pem crl-vcek-milan.crl vcek-milan-CHIP-04-00-1b-de.der " ] || e2e_fail "the directory holds $(check_files)"
e2e_expect 0 "the same again" "${fetch[@]}" "$d/r.bin" -o "$d/c"
expect_requests 0 "everything is there"
e2e_expect 0 "verify with the directory alone" "${verify[@]}" "$d/r.bin" --certs "$d/c" --revocation require
e2e_expect 0 "verify --fetch, cold" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2" --revocation require
expect_requests 3 "verify --fetch, cold"
e2e_expect 0 "verify --fetch, warm" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2" --revocation require
expect_requests 0 "verify --fetch, warm"
e2e_sim_set plat --kds-status 503
e2e_expect 0 "verify --fetch, warm, the service is down" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2"
expect_requests 0 "the service is down"
e2e_expect 5 "fetch --fresh, the service is down" "${fetch[@]}" "$d/r.bin" -o "$d/c" --fresh
e2e_expect_text "503"
e2e_expect 5 "verify --fetch, cold, the service is down" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c3" --wait 0
e2e_sim_set plat --kds-status ''
SEEN=$(requests)

# --- list
e2e_expect 0 "list" "$sevattest" certs list --cache "$d/c"
e2e_expect_text "3 objects"
e2e_expect_text "bootloader 4, tee 0, snp 27, microcode 222"
e2e_expect_text "next update"
e2e_expect 0 "list as JSON" "$sevattest" certs list --cache "$d/c" --json
python3 - "$d/last.out" <<'PY' || e2e_fail "the list as JSON"
import json, sys
objects = json.load(open(sys.argv[1]))["objects"]
kinds = sorted(o["kind"] for o in objects)
assert kinds == ["ASK and ARK", "CRL (VCEK)", "VCEK"], kinds
assert all(o["state"] == "valid" and o["age_seconds"] < 600 for o in objects), objects
vcek = next(o for o in objects if o["kind"] == "VCEK")
assert len(vcek["chip_id"]) == 128 and vcek["tcb"] == {"bootloader": 4, "tee": 0, "snp": 27, "microcode": 222} and vcek["product"] == "Milan", vcek
PY
e2e_expect 0 "list of a directory that is not there" "$sevattest" certs list --cache "$d/nowhere"
e2e_expect_text "0 objects"

# --- a cache is not trusted: what does not verify is asked for once more
vcek=$(echo "$d"/c2/vcek-*)
python3 - "$vcek" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[-1] ^= 1
open(sys.argv[1], "wb").write(data)
PY
e2e_expect 0 "a cached VCEK whose signature is spoiled" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2"
expect_requests 3 "all is asked for once more"
e2e_expect 0 "and then it is good" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2"
expect_requests 0 "and then it is good"
head -c 300 "$vcek" >"$d/half" && mv "$d/half" "$vcek"
e2e_expect 0 "a cached VCEK that is cut off" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2"
expect_requests 1 "only it is asked for"
cp "$d/c2/chain-vcek-milan.pem" "$vcek"
e2e_expect 0 "a cached VCEK that is something else" "${verify[@]}" "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2"
expect_requests 1 "only it is asked for"
e2e_expect 3 "another root: the cache is not to blame twice" "$sevattest" verify "$d/r.bin" --fetch --kds "$E2E_KDS" --cache "$d/c2"
expect_requests 3 "asked for once more, not again and again"

# --- busy: Retry-After is kept, the chain is not held up
e2e_sim_set plat --kds-storm 2 --kds-retry-after 1
start=$SECONDS
e2e_expect 0 "429 twice, then the VCEK" "$sevattest" certs fetch --kds "$E2E_KDS" --wait 60 "$d/r.bin" -o "$d/c4"
expect_requests 5 "two in vain, VCEK, chain, list"
[ $((SECONDS - start)) -ge 2 ] || e2e_fail "Retry-After was not kept"
e2e_expect_text "waiting"
e2e_sim_set plat --kds-storm 100 --kds-retry-after 30
e2e_expect 5 "429 for longer than one waits" "${fetch[@]}" "$d/r.bin" -o "$d/c5"
e2e_expect_text "30 s"
expect_requests 1 "nobody hammers"
e2e_sim_set plat --kds-storm '' --kds-retry-after ''

# --- answers that are worth nothing are not kept, and tried twice more
for fault in half wrong-chip wrong-tcb garbage chain; do
	e2e_sim_set plat --kds-fault "$fault"
	e2e_expect 5 "$fault" "$sevattest" certs fetch --kds "$E2E_KDS" --wait 20 "$d/r.bin" -o "$d/c6"
	expect_requests 3 "$fault"
	[ -z "$(ls "$d/c6" 2>/dev/null)" ] || e2e_fail "$fault was kept"
done
e2e_expect_text "is not the VCEK of"
e2e_sim_set plat --kds-fault ''

# --- three kinds of absence, and what can be said without asking
report unknown-chip --chip-id "$(printf '77%.0s' {1..64})"
e2e_expect 5 "a chip that the service does not know" "${fetch[@]}" "$d/unknown-chip.bin" -o "$d/c7"
e2e_expect_text "AMD does not know the chip"
SEEN=$(requests)
report masked --mask-chip-id yes
e2e_expect 5 "a masked chip id" "${fetch[@]}" "$d/masked.bin" -o "$d/c7"
e2e_expect_text "masks the chip id"
expect_requests 0 "a masked chip id"
report vlek --signer vlek
e2e_expect 5 "a VLEK" "${fetch[@]}" "$d/vlek.bin" -o "$d/c7"
e2e_expect_text "from the cloud's host only"
expect_requests 0 "a VLEK"
e2e_sim_set plat --kds-status 404
e2e_expect 5 "404 for everything" "${fetch[@]}" "$d/r.bin" -o "$d/c7"
e2e_expect_text "no key service for this product, or out of order"
cp -r "$d/c" "$d/c8" && mv "$d"/c8/vcek-*-1b-de.der "$(echo "$d"/c8/vcek-*-1b-de.der | sed 's/-de.der/-dd.der/')"
e2e_expect 5 "404, but the chip is known with another TCB" "${fetch[@]}" "$d/r.bin" -o "$d/c8"
e2e_expect_text "known with another TCB"
e2e_sim_set plat --kds-status ''

# --- nobody there, and a service whose TLS is broken in one way after the other
e2e_expect 5 "nobody listens" "$sevattest" certs fetch --kds "http://127.0.0.1:$(e2e_free_port)" --wait 0 "$d/r.bin" -o "$d/c9"
e2e_ca other
e2e_background tls "$sim" serve "$d/plat" --kds-listen 127.0.0.1:0 --kds-tls "$d/tls.pem" --verbose
e2e_wait_line "$d/tls.out" '^ready' "$E2E_PID"
tls=("$sevattest" certs fetch --kds "$(sed -n 's/^kds //p' "$d/tls.out")" --wait 0)
e2e_expect 0 "over TLS" "${tls[@]}" --kds-ca "$d/tls.pem" "$d/r.bin" -o "$d/c10"
count=$(grep -c 'KDS: GET' "$d/tls.log")
[ "$count" -eq 3 ] || e2e_fail "over TLS: $count requests instead of 3"
e2e_expect 5 "another authority's certificate" "${tls[@]}" --kds-ca "$d/other.pem" "$d/r.bin" -o "$d/c9"
e2e_expect_text "certificate not accepted"
tls+=(--kds-ca "$d/tls.pem")
while IFS='|' read -r kind words; do
	e2e_sim_set plat --kds-tls "$kind"
	e2e_expect 5 "TLS: $kind" "${tls[@]}" "$d/r.bin" -o "$d/c9"
	e2e_expect_text "$words"
	[ ! -e "$d/c9" ] || [ -z "$(ls -A "$d/c9")" ] || e2e_fail "TLS: $kind: something was stored: $(ls "$d/c9")"
done <<END
expired|certificate not accepted: SSL certificate problem: certificate has expired
future|certificate not accepted: SSL certificate problem: certificate is not yet valid
wrong-name|certificate not accepted: SSL: no alternative certificate subject name matches
foreign|TLS failed
self-signed|certificate not accepted: SSL certificate problem: self-signed
garbage|TLS failed
close|TLS failed
cut|TLS failed
plain|TLS failed
stall|no answer in time
END
[ "$(grep -c 'KDS: GET' "$d/tls.log")" -eq "$count" ] || e2e_fail "a request went to a peer that has not proven who it is"
e2e_sim_set plat --kds-tls ''
e2e_expect 0 "TLS is whole again" "${tls[@]}" "$d/r.bin" -o "$d/c9"

# --- import, from whatever there is
import=("$sevattest" certs import --cache)
e2e_expect 0 "import a directory" "${import[@]}" "$d/i1" "$d/c"
e2e_expect_text "1 certificates of chips and clouds, 1 chains, 1 revocation lists"
cat "$d/c/chain-vcek-milan.pem" >"$d/bundle.pem"
openssl x509 -inform DER -in "$d"/c/vcek-* >>"$d/bundle.pem"
e2e_expect 0 "import a bundle of PEM" "${import[@]}" "$d/i2" "$d/bundle.pem"
e2e_expect 0 "import a revocation list by its name" "${import[@]}" "$d/i2" "$d/c/crl-vcek-milan.crl"
[ ! -e "$d/i2/crl-vlek-milan.crl" ] || e2e_fail "a VCEK list became a VLEK list"
e2e_expect 0 "verify offline with what was imported" "${verify[@]}" "$d/r.bin" --fetch --kds http://127.0.0.1:1 --cache "$d/i2" --revocation require
"$sevattest" report --tsm-root "$E2E_TSM" -o "$d/tsm.bin" --certs-out "$d/tsm.pem" 2>/dev/null || e2e_fail "report"
e2e_expect 0 "import what the host gave" "${import[@]}" "$d/i3" "$d/tsm.pem"
head -c 100 /dev/urandom >"$d/junk"
e2e_expect 3 "import junk" "${import[@]}" "$d/i4" "$d/junk"
e2e_expect 2 "import nothing" "${import[@]}" "$d/i4"
e2e_expect 3 "import another's certificate" "${import[@]}" "$d/i4" "$d/other.pem"
e2e_expect 2 "a file that is not there" "${import[@]}" "$d/i4" "$d/nothing"
e2e_expect 3 "fetch for what is no report" "${fetch[@]}" "$d/junk" -o "$d/c"
e2e_end
