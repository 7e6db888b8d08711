#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole KBS handshake by people's own tools: curl, jq and jose, none of our code. Decrypts the key (P-256, P-521, RSA-OAEP-256), by
# cookie and by token, verifies the token against the JWKS, and tries what must be refused.
#
#   BROKER_URL       https://host:port
#   BROKER_CA        certification authority of its TLS certificate (PEM)
#   REPORT_COMMAND   shell command that writes a report to $REPORT_FILE and may write a certificate table to $TABLE_FILE, for $REPORT_DATA (hex):
#                    sevattest-sim report DIR -o "$REPORT_FILE" --table "$TABLE_FILE" --report-data "$REPORT_DATA"
#   RESOURCE         default/key/one
#   EXPECTED         file with the secret (without it: only that all ways give the same)
#   RELEASE_KEY      public JWK that must have signed each release (without it the signature is not looked at)
#   ANOTHER          a resource that no grant covers (default/key/nobody)
#
# Without BROKER_URL the test starts a broker and a simulator of $SEVATTEST_BUILD for itself.
#
# python3 turns the binary report into the JSON of the protocol. Where jose has no RSA-OAEP (Debian 12), openssl takes its place.

set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"

for program in curl jq jose openssl python3; do
	command -v "$program" >/dev/null || e2e_skip "$program is not installed"
done
RESOURCE=${RESOURCE:-default/key/one}
ANOTHER=${ANOTHER:-default/key/nobody}
e2e_begin handshake
cd "$E2E_DIR" || exit 1

# Our own broker, with one secret, one policy that pins the simulator, and one grant.
start_own() {
	local sim
	sim=$(e2e_program sevattest-sim) || e2e_skip "set BROKER_URL, BROKER_CA and REPORT_COMMAND, or SEVATTEST_BUILD"
	e2e_sim_init plat
	e2e_ca operator
	e2e_broker_start broker operator
	head -c 32 /dev/urandom >secret
	e2e_policy prod plat/ark.pem >policy.json
	e2e_ctl key put "$RESOURCE" secret >/dev/null || e2e_fail "key put"
	e2e_ctl key put "$ANOTHER" secret >/dev/null || e2e_fail "key put"
	e2e_ctl policy put policy.json >/dev/null 2>&1 || e2e_fail "policy put"
	e2e_ctl grant add "$RESOURCE" prod >/dev/null || e2e_fail "grant add"
	BROKER_URL=$E2E_BROKER
	BROKER_CA=$E2E_DIR/operator.pem
	EXPECTED=$E2E_DIR/secret
	RELEASE_KEY=$E2E_DIR/release.jwk
	jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$RELEASE_KEY"
	REPORT_COMMAND="'$sim' report '$E2E_DIR/plat' -o \"\$REPORT_FILE\" --table \"\$TABLE_FILE\" --report-data \"\$REPORT_DATA\""
}
if [ -z "${BROKER_URL:-}" ]; then
	start_own
fi
[ -n "${BROKER_CA:-}" ] && [ -n "${REPORT_COMMAND:-}" ] || e2e_skip "set BROKER_CA and REPORT_COMMAND as well"

ok() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	e2e_say "ok: $*"
}

# request NAME METHOD PATH [CURL OPTIONS...]: body in NAME.body, headers in NAME.head, status in $STATUS.
request() {
	local name=$1 method=$2 path=$3
	shift 3
	STATUS=$(curl --silent --show-error --cacert "$BROKER_CA" --max-time 30 --request "$method" --output "$name.body" --dump-header "$name.head" \
		--write-out '%{http_code}' --header 'Content-Type: application/json' "$@" "$BROKER_URL/kbs/v0/$path") || e2e_fail "curl: $method $path"
}

# expect_status CODE WHAT NAME
expect_status() {
	[ "$STATUS" = "$1" ] || { cat "$3.body" >&2; e2e_fail "$2: status $STATUS instead of $1"; }
	ok "$2: $1"
}

# refused CODE WHAT NAME: the status, and a body that CoCo clients can read.
refused() {
	expect_status "$1" "$2" "$3"
	e2e_jq '(.type | type) == "string" and (.detail | type) == "string"' "$3.body" >/dev/null || e2e_fail "$2: the body has no type and detail"
}

decode() { jq -Rr 'gsub("-"; "+") | gsub("_"; "/") | . + "=" * ((4 - length % 4) % 4)' | base64 -d; }
same_json() { [ "$(jq -cS "$2" "$1")" = "$(jq -cS "$4" "$3")" ]; }

rsa_by_jose() { jose alg | grep -qx RSA-OAEP-256; }

# make_key KIND: key.private for decryption, tee.json as it is sent.
make_key() {
	case $1 in
	P-256 | P-521)
		jose jwk gen -i "{\"kty\":\"EC\",\"crv\":\"$1\"}" | jq -c '.alg = "ECDH-ES+A256KW"' >key.private
		jq -c '{alg, crv, kty, x, y}' key.private >tee.json
		;;
	RSA)
		if rsa_by_jose; then
			jose jwk gen -i '{"kty":"RSA","bits":2048}' | jq -c '.alg = "RSA-OAEP-256"' >key.private
			jq -c '{alg, e, kty, n}' key.private >tee.json
		else
			openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.private 2>/dev/null
			python3 "$here/rsa_jwe.py" jwk key.private >tee.json
		fi
		;;
	esac
}

# open_jwe KIND FILE: the five members only, so that nothing else can matter.
open_jwe() {
	jq -c '{protected, encrypted_key, iv, ciphertext, tag}' "$2" >opened.jwe
	if [ "$1" = RSA ] && ! rsa_by_jose; then
		python3 "$here/rsa_jwe.py" open key.private <opened.jwe
	else
		jose jwe dec -i opened.jwe -k key.private
	fi
}

# evidence [SPOIL]: attestation.json for nonce and key. SPOIL `nonce`: the report is made for another nonce.
evidence() {
	local nonce
	nonce=$(jq -r .nonce auth.body)
	[ "${1:-}" = nonce ] && nonce=AAAA$nonce
	# RFC 8785 for these: ASCII, sorted, no blanks.
	jq -jcnS --arg nonce "$nonce" --slurpfile key tee.json '{"additional-evidence": "", nonce: $nonce, "tee-pubkey": $key[0]}' >hashed
	REPORT_DATA=$(openssl dgst -sha384 -r hashed | cut -c 1-96)00000000000000000000000000000000
	REPORT_FILE=$E2E_DIR/report.bin
	TABLE_FILE=$E2E_DIR/table.bin
	rm -f "$REPORT_FILE" "$TABLE_FILE"
	export REPORT_DATA REPORT_FILE TABLE_FILE
	bash -c "$REPORT_COMMAND" >report.out 2>&1 || { cat report.out >&2; e2e_fail "REPORT_COMMAND"; }
	[ -s "$REPORT_FILE" ] || e2e_fail "REPORT_COMMAND wrote no report"
	set -- "$REPORT_FILE"
	[ -s "$TABLE_FILE" ] && set -- "$REPORT_FILE" "$TABLE_FILE"
	python3 "$here/snp_evidence.py" "$@" >evidence.json || e2e_fail "snp_evidence.py"
	jq -cn --slurpfile key tee.json --slurpfile evidence evidence.json --slurpfile auth auth.body '{
		"init-data": null,
		"runtime-data": {nonce: $auth[0].nonce, "tee-pubkey": $key[0]},
		"tee-evidence": {primary_evidence: $evidence[0], additional_evidence: ""}}' >attestation.json
}

auth() {
	rm -f jar
	request auth POST auth --cookie-jar jar --data '{"version":"0.4.0","tee":"snp","extra-params":{}}'
	[ "$STATUS" = 200 ] || { cat auth.body >&2; e2e_fail "auth: status $STATUS"; }
	e2e_jq '(.nonce | test("^[A-Za-z0-9+/]{43}=$")) and has("extra-params")' auth.body >/dev/null || e2e_fail "auth: not a challenge"
	grep -qi '^set-cookie: kbs-session-id=' auth.head || e2e_fail "auth: no cookie"
	grep -i '^set-cookie:' auth.head | grep -qi 'secure' || e2e_fail "auth: the cookie is not Secure"
	grep -i '^set-cookie:' auth.head | grep -qi 'httponly' || e2e_fail "auth: the cookie is not HttpOnly"
}

attest() {
	request attest POST attest --cookie jar --cookie-jar jar --data @attestation.json
}

# The token: signature, key id, time and the guest's key where others look for it.
check_token() {
	local kid header=token.header claims=token.claims now
	jq -jr .token attest.body >token
	cut -d . -f 1 token | decode >$header
	cut -d . -f 2 token | decode >$claims
	jose jws ver -i token -k jwks.json >/dev/null 2>&1 || e2e_fail "$1: the token does not verify against the JWKS"
	kid=$(jq -r .kid $header)
	e2e_jq --arg kid "$kid" '[.keys[] | select(.kid == $kid)] | length == 1' jwks.json >/dev/null || e2e_fail "$1: kid is not in the JWKS"
	jq -c --arg kid "$kid" '.keys[] | select(.kid == $kid)' jwks.json >signer.jwk
	[ "$(jose jwk thp -i signer.jwk -a S256)" = "$kid" ] || e2e_fail "$1: kid is not the thumbprint"
	e2e_jq '.alg == "ES256" and .typ == "JWT"' $header >/dev/null || e2e_fail "$1: header of the token"
	now=$(date +%s)
	e2e_jq --argjson now "$now" '.iat <= $now + 60 and .exp > $now and .exp <= $now + 600 and (.iss | type) == "string"' $claims >/dev/null ||
		e2e_fail "$1: times of the token"
	same_json $claims '."tee-pubkey"' tee.json . || e2e_fail "$1: tee-pubkey"
	same_json $claims '.submods.cpu0."ear.veraison.annotated-evidence".runtime_data_claims."tee-pubkey"' tee.json . || e2e_fail "$1: tee-pubkey of the EAR"
	sed 's/\.\(.\)/.A\1/' token >token.bad
	jose jws ver -i token.bad -k jwks.json >/dev/null 2>&1 && e2e_fail "$1: a changed token verifies"
	ok "$1: the token verifies against the JWKS and names the guest's key"
}

# The header's text is what unmodified clients make of it again: compact, alg, enc, then the rest in order.
check_header() {
	jq -r .protected "$2" | decode >protected.text
	[ "$(cat protected.text)" = "$(jq -cS 'if .epk then {alg, enc, epk} else {alg, enc} end' protected.text)" ] || e2e_fail "$1: form of the JWE header"
	e2e_jq --arg alg "$(jq -r .alg tee.json)" '.alg == $alg and .enc == "A256GCM"' protected.text >/dev/null || e2e_fail "$1: alg of the JWE"
	ok "$1: form of the JWE header"
}

check_release() {
	[ -n "${RELEASE_KEY:-}" ] || return 0
	jq -jr '."sevattest-sig" // empty' "$2" >release.jws
	[ -s release.jws ] || e2e_fail "$1: the release is not signed"
	cut -d . -f 1 release.jws | decode >release.header
	jq -jcS --arg nonce "$(jq -r .nonce auth.body)" --arg resource "$RESOURCE" --slurpfile header release.header \
		'{protected, encrypted_key, iv, ciphertext, tag, nonce: $nonce, resource: $resource, version: $header[0]["sevattest-version"]}' "$2" >release.payload
	jose jws ver -i release.jws -I release.payload -k "$RELEASE_KEY" >/dev/null 2>&1 || e2e_fail "$1: the release signature does not verify"
	ok "$1: the release is signed, version $(jq -r '."sevattest-version"' release.header)"
}

# take WHAT KIND: resource.body becomes a plain text that is the expected one.
take() {
	open_jwe "$2" resource.body >plain || e2e_fail "$1: the JWE does not open"
	if [ -n "${EXPECTED:-}" ]; then
		cmp -s plain "$EXPECTED" || e2e_fail "$1: another secret than expected"
	elif [ -e plain.first ]; then
		cmp -s plain plain.first || e2e_fail "$1: another secret than before"
	else
		cp plain plain.first
	fi
	ok "$1: the secret, $(wc -c <plain) bytes"
}

request jwks GET jwks
expect_status 200 "JWKS" jwks
cp jwks.body jwks.json
e2e_jq '[.keys[] | .kty == "EC" and .crv == "P-256" and .alg == "ES256" and (has("d") | not)] | length > 0 and all' jwks.json >/dev/null || e2e_fail "JWKS"

for kind in P-256 P-521 RSA; do
	make_key "$kind"
	auth
	evidence
	attest
	expect_status 200 "$kind: attest" attest
	check_token "$kind"
	request resource GET "resource/$RESOURCE" --cookie jar
	expect_status 200 "$kind: resource by cookie" resource
	check_header "$kind" resource.body
	check_release "$kind" resource.body
	take "$kind by cookie" "$kind"
	request resource GET "resource/$RESOURCE" --oauth2-bearer "$(cat token)"
	expect_status 200 "$kind: resource by token" resource
	check_release "$kind" resource.body
	take "$kind by token" "$kind"
done

# value JAR: the cookie of a jar, for a header of our own making.
value() { awk '$6 == "kbs-session-id" { print $7 }' "$1"; }
# with_cookies COOKIE...: sends exactly these.
with_cookies() {
	local all='' one
	for one in "$@"; do all="$all${all:+; }kbs-session-id=$one"; done
	COOKIE=(--header "Cookie: $all")
}
# refused_any WHAT NAME CODE...: one of these, and a body that CoCo clients can read.
refused_any() {
	local what=$1 name=$2 code
	shift 2
	for code in "$@"; do [ "$STATUS" = "$code" ] && { refused "$STATUS" "$what" "$name"; return; }; done
	cat "$name.body" >&2
	e2e_fail "$what: status $STATUS, not one of $*"
}

# What must be refused; the session of the last round is still good.
request bad GET "resource/$RESOURCE"
refused 401 "no session" bad
request bad GET "resource/$RESOURCE" --oauth2-bearer "$(cat token.bad)"
refused 401 "an edited token" bad
request bad GET "resource/$RESOURCE" --oauth2-bearer "$(jq -jcn '{alg: "none"}' | base64 -w 0 | tr -d =).$(cut -d . -f 2 token)."
refused 401 "a token with alg none" bad
sed 's/\(kbs-session-id\t\)\(.\)\(.\)/\1\3\2x/' jar >jar.bad
cmp -s jar jar.bad && e2e_fail "the cookie was not edited"
request bad GET "resource/$RESOURCE" --cookie jar.bad
refused 401 "an edited cookie" bad
request bad GET "resource/$ANOTHER" --cookie jar
refused 403 "a resource that no grant covers" bad
request bad GET "resource/$ANOTHER" --oauth2-bearer "$(cat token)"
refused 403 "a resource that no grant covers, by token" bad

# A cookie again. An attested one is no challenge; a stolen one yields nothing but a JWE to the key of the guest that was attested.
request bad POST attest --cookie jar --data @attestation.json
refused 401 "replay: the cookie of an attested session at /attest" bad
cp jar jar.first && cp attestation.json attestation.first && cp key.private key.first && cp tee.json tee.first
request resource GET "resource/$RESOURCE" --cookie jar.first
expect_status 200 "replay: a stolen cookie within its five minutes" resource
make_key P-256
open_jwe P-256 resource.body >plain 2>/dev/null && e2e_fail "replay: the thief's key opens it"
cp key.first key.private
take "replay: it opens for the guest that was attested, not for the thief" RSA

# The challenge again, and evidence for another one.
make_key P-256
auth
cp jar jar.a
evidence
request bad GET "resource/$RESOURCE" --cookie jar.a
refused 401 "a session that is not attested" bad
cp attestation.json attestation.a
evidence nonce
attest
refused_any "a report for another nonce" attest 401 403
auth
cp jar jar.b
request bad POST attest --cookie jar.b --data @attestation.first
refused 401 "replay: evidence of an earlier session" bad
request bad POST attest --cookie jar.b --data @attestation.a
refused 401 "mixed sessions: the cookie of one, the evidence of another" bad
jq -c --slurpfile auth auth.body '."runtime-data".nonce = $auth[0].nonce' attestation.a >mixed.json
request bad POST attest --cookie jar.b --data @mixed.json
refused 403 "mixed sessions: the nonce of one, the report of another" bad
A=$(value jar.a) B=$(value jar.b) F=$(value jar.first)
with_cookies "${A:0:${#A}/2}${B:${#B}/2}"
request bad POST attest "${COOKIE[@]}" --data @attestation.a
refused 401 "mixed sessions: half a cookie of each" bad
with_cookies "$B" "$A"
request bad POST attest "${COOKIE[@]}" --data @attestation.a
refused 401 "mixed sessions: both cookies, the wrong one first" bad
with_cookies "$B" "$F"
request bad GET "resource/$RESOURCE" "${COOKIE[@]}"
refused 401 "mixed sessions: an attested cookie behind one that is not" bad
with_cookies "$A"
request bad POST attest "${COOKIE[@]}" --data @attestation.a
expect_status 200 "the session that was not mixed" bad
# Signed for its own session only.
request mixed GET "resource/$RESOURCE" --cookie jar.first
if [ -n "${RELEASE_KEY:-}" ]; then
	(check_release "mixed sessions" mixed.body) >/dev/null 2>&1 && e2e_fail "the release of one session carries a signature for another"
	ok "mixed sessions: the signature of one release does not fit another session"
fi

# Who does not hold the key, signs wrongly, or asks for an encryption that is none.
auth
evidence
jose jwk gen -i '{"kty":"EC","crv":"P-256"}' | jq -c '.alg = "ECDH-ES+A256KW" | {alg, crv, kty, x, y}' >thief.json
jq -c --slurpfile key thief.json '."runtime-data"."tee-pubkey" = $key[0]' attestation.json >stolen.json
request bad POST attest --cookie jar --data @stolen.json
refused_any "another key than in the report" bad 401 403
jq -c '."tee-evidence".primary_evidence.attestation_report.measurement[0] |= (. + 1) % 256' attestation.json >forged.json
request bad POST attest --cookie jar --data @forged.json
refused 403 "a changed measurement" bad
jq -c '."tee-evidence".primary_evidence.attestation_report.signature.s[0] |= (. + 1) % 256' attestation.json >forged.json
request bad POST attest --cookie jar --data @forged.json
refused 403 "a wrong signature" bad
grep -q signature bad.body || e2e_fail "a wrong signature: $(cat bad.body)"
wrong_key() { # WHAT EDIT: of tee-pubkey
	jq -c "$2" attestation.json >wrong.json
	cmp -s attestation.json wrong.json && e2e_fail "$1: nothing was edited"
	request bad POST attest --cookie jar --data @wrong.json
	refused 400 "wrong encryption: $1" bad
	e2e_jq '.type | endswith("/JweError")' bad.body >/dev/null || e2e_fail "wrong encryption: $1: it is not the key that was refused: $(cat bad.body)"
}
K='."runtime-data"."tee-pubkey"'
wrong_key "a point that is not on the curve" "$K.y = $K.x"
wrong_key "RSA1_5" "$K = {kty: \"RSA\", alg: \"RSA1_5\", n: (\"w\" * 342), e: \"AQAB\"}"
wrong_key "RSA of 1024 bits" "$K = {kty: \"RSA\", alg: \"RSA-OAEP-256\", n: (\"w\" * 171), e: \"AQAB\"}"
wrong_key "exponent 1" "$K = {kty: \"RSA\", alg: \"RSA-OAEP-256\", n: (\"w\" * 342), e: \"AQ\"}"
wrong_key "alg dir" "$K.alg = \"dir\""
wrong_key "no alg that fits the key" "$K.alg = \"RSA-OAEP-256\""
wrong_key "another curve" "$K.crv = \"P-521\""
wrong_key "a symmetric key" "$K = {kty: \"oct\", alg: \"A256KW\", k: (\"w\" * 43)}"
wrong_key "a private key" "$K.d = $K.x"
request good POST attest --cookie jar --data @attestation.json
expect_status 200 "the same evidence unedited" good
request bad POST auth --data '{"version":"0.1.0","tee":"snp","extra-params":{}}'
refused_any "another version of the protocol" bad 400 401

# Needs a broker of our own: another signer of reports, another broker, a policy that changes, a clock that goes on.
if [ -n "${E2E_BROKER:-}" ]; then
	own_command=$REPORT_COMMAND
	REPORT_COMMAND=${own_command//\'$E2E_DIR\/plat\'/\'$E2E_DIR/stranger\'}
	"$(e2e_program sevattest-sim)" init "$E2E_DIR/stranger" --chip-seed stranger >/dev/null || e2e_fail "second platform"
	evidence
	attest
	refused 403 "a report that somebody else's root has signed" attest
	REPORT_COMMAND=$own_command
	auth
	evidence
	attest
	expect_status 200 "the guest once more" attest
	check_token "the guest once more"
	request resource GET "resource/$RESOURCE" --cookie jar
	expect_status 200 "its resource" resource
	cp jar jar.good

	# Sessions are sealed under the key-encryption key, so brokerd may start anew; with a clock that is ahead by so much it is "later".
	printf '%s\n' '#define _GNU_SOURCE' '#include <stdlib.h>' '#include <time.h>' '#include <sys/syscall.h>' '#include <unistd.h>' \
		'int clock_gettime(clockid_t c, struct timespec *t) { int r = (int)syscall(SYS_clock_gettime, c, t);' \
		'if (!r && c == CLOCK_REALTIME) t->tv_sec += atol(getenv("AHEAD")); return r; }' >ahead.c
	"${CC:-cc}" -shared -fPIC -O1 -o ahead.so ahead.c || e2e_fail "cc"
	later() { # SECONDS
		e2e_stop "$E2E_BROKERD_PID"
		e2e_background "broker-brokerd" env LD_PRELOAD="$E2E_DIR/ahead.so" AHEAD="$1" "$(e2e_program sevattest-brokerd)" --config "$E2E_DIR/broker/broker.conf"
		E2E_BROKERD_PID=$E2E_PID
		e2e_wait_socket "$E2E_DIR/broker/http.sock" "$E2E_PID"
		e2e_wait_socket "$E2E_DIR/broker/admin.sock" "$E2E_PID"
	}
	auth
	cp jar jar.challenge
	evidence
	later 240
	request resource GET "resource/$RESOURCE" --cookie jar.good
	expect_status 200 "the cookie after four minutes" resource
	request resource GET "resource/$RESOURCE" --oauth2-bearer "$(cat token)"
	expect_status 200 "the token after four minutes" resource
	later 310
	request bad GET "resource/$RESOURCE" --cookie jar.good
	refused 401 "an expired cookie" bad
	grep -q expired bad.body || e2e_fail "an expired cookie: the body does not say so"
	request bad GET "resource/$RESOURCE" --oauth2-bearer "$(cat token)"
	refused 401 "an expired token" bad
	request bad POST attest --cookie jar.challenge --data @attestation.json
	refused 401 "an expired challenge" bad
	later 0
	request resource GET "resource/$RESOURCE" --cookie jar.good
	expect_status 200 "the cookie by the right clock" resource

	jq -c '.snp.vmpl.max = 1' policy.json >changed.json
	e2e_ctl policy put changed.json >/dev/null 2>&1 || e2e_fail "policy put"
	request bad GET "resource/$RESOURCE" --cookie jar.good
	refused 401 "a cookie from before a policy changed" bad
	e2e_ctl grant delete "$RESOURCE" >/dev/null || e2e_fail "grant delete"
	request bad GET "resource/$RESOURCE" --cookie jar.good
	refused 403 "a cookie from before the grant went" bad
	e2e_broker_start second operator
	BROKER_URL=$E2E_BROKER
	e2e_ctl key put "$RESOURCE" secret >/dev/null && e2e_ctl policy put policy.json >/dev/null 2>&1 && e2e_ctl grant add "$RESOURCE" prod >/dev/null ||
		e2e_fail "second broker"
	with_cookies "$(value jar.good)"
	request bad GET "resource/$RESOURCE" "${COOKIE[@]}"
	refused 401 "the cookie of another broker" bad
	request bad GET "resource/$RESOURCE" --oauth2-bearer "$(cat token)"
	refused 401 "the token of another broker" bad
fi
e2e_end
