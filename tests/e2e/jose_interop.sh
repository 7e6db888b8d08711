#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our JOSE against the jose command (Debian package jose) in both directions: what one makes the other opens or verifies, and what is spoiled
# neither takes. RSA-OAEP-256 goes against openssl where jose does not have it (Debian 12). Needs SEVATTEST_BUILD, a build directory.

set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"

for program in jose jq openssl python3; do
	command -v "$program" >/dev/null || e2e_skip "$program is not installed"
done
tool=${JOSE_TOOL:-${SEVATTEST_BUILD:-.}/tests/unit/jose/jose_tool}
[ -x "$tool" ] || e2e_skip "$tool is not built: set SEVATTEST_BUILD"
e2e_begin jose-interop
cd "$E2E_DIR" || exit 1

# flatten: a compact JWE on standard input as a flattened one.
flatten() { jq -Rc 'split(".") | {protected: .[0], encrypted_key: .[1], iv: .[2], ciphertext: .[3], tag: .[4]}'; }

# expect_from FILE CODE WHAT COMMAND...: e2e_expect with FILE as standard input.
expect_from() {
	local file=$1 code=$2 what=$3 got
	shift 3
	"$@" <"$file" >last.out 2>last.err
	got=$?
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$got" = "$code" ] || { cat last.err >&2; e2e_fail "$what: exit $got instead of $code"; }
	e2e_say "ok: $what"
}

spoil() { # JWE MEMBER: another first letter
	jq -c --arg m "$2" '.[$m] |= ((if .[0:1] == "A" then "B" else "A" end) + .[1:])' "$1"
}

head -c 32 /dev/urandom >plain32
: >plain0
head -c 70000 /dev/urandom >plain70000

for curve in P-256 P-521; do
	jose jwk gen -i "{\"kty\":\"EC\",\"crv\":\"$curve\"}" | jq -c '.alg = "ECDH-ES+A256KW"' >key.jwk
	jq -c 'del(.d)' key.jwk >public.jwk
	for size in 0 32 70000; do
		cp "plain$size" plain
		"$tool" encrypt public.jwk <plain >ours.jwe || e2e_fail "encrypt"
		expect_from ours.jwe 0 "$curve: jose opens ours, $size bytes" jose jwe dec -i - -k key.jwk
		e2e_same plain last.out
		jose jwe enc -i '{"protected":{"alg":"ECDH-ES+A256KW","enc":"A256GCM"}}' -I plain -k public.jwk -c | flatten >theirs.jwe
		expect_from theirs.jwe 0 "$curve: we open jose's, $size bytes" "$tool" decrypt key.jwk
		e2e_same plain last.out
	done
	for member in encrypted_key iv ciphertext tag; do
		spoil ours.jwe "$member" >bad.jwe
		expect_from bad.jwe 1 "$curve: jose refuses a changed $member" jose jwe dec -i - -k key.jwk
		expect_from bad.jwe 1 "$curve: we refuse a changed $member" "$tool" decrypt key.jwk
	done
	# jose leaves epk outside of what is authenticated unless asked for the compact form: that we do not take.
	jose jwe enc -i '{"protected":{"alg":"ECDH-ES+A256KW","enc":"A256GCM"}}' -I plain -k public.jwk >loose.jwe
	expect_from loose.jwe 1 "$curve: we refuse epk in an unprotected header" "$tool" decrypt key.jwk
	jose jwe enc -i '{"protected":{"alg":"ECDH-ES+A256KW","enc":"A128GCM"}}' -I plain -k public.jwk -c | flatten >other.jwe
	expect_from other.jwe 1 "$curve: we refuse A128GCM" "$tool" decrypt key.jwk
	jose jwe enc -i '{"protected":{"alg":"ECDH-ES+A256KW","enc":"A256GCM","zip":"DEF"}}' -I plain -k public.jwk -c | flatten >other.jwe
	expect_from other.jwe 1 "$curve: we refuse zip" "$tool" decrypt key.jwk
	jose jwe enc -i '{"protected":{"alg":"ECDH-ES+A256KW","enc":"A256GCM","apu":"QQ"}}' -I plain -k public.jwk -c | flatten >other.jwe
	expect_from other.jwe 1 "$curve: we refuse apu" "$tool" decrypt key.jwk
	jq -c '.alg = "ECDH-ES+A128KW"' public.jwk >narrow.jwk
	jose jwe enc -i '{"protected":{"alg":"ECDH-ES+A128KW","enc":"A256GCM"}}' -I plain -k narrow.jwk -c | flatten >other.jwe
	expect_from other.jwe 1 "$curve: we refuse ECDH-ES+A128KW" "$tool" decrypt key.jwk
	[ "$("$tool" thumbprint public.jwk)" = "$(jose jwk thp -i public.jwk -a S256)" ] || e2e_fail "thumbprints differ"
	e2e_say "ok: $curve: thumbprint"
	E2E_CHECKS=$((E2E_CHECKS + 1))
done

for bits in 2048 3072 4096; do
	openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out rsa.pem 2>/dev/null
	openssl pkey -in rsa.pem -pubout -out rsa.pub.pem
	python3 "$here/rsa_jwe.py" jwk rsa.pem >rsa.pub.jwk || e2e_fail "public JWK"
	cp plain32 plain
	"$tool" encrypt rsa.pub.jwk <plain >ours.jwe || e2e_fail "encrypt to RSA"
	expect_from ours.jwe 0 "RSA-$bits: openssl opens ours" python3 "$here/rsa_jwe.py" open rsa.pem
	e2e_same plain last.out
	spoil ours.jwe tag >bad.jwe
	expect_from bad.jwe 1 "RSA-$bits: a changed tag is refused" python3 "$here/rsa_jwe.py" open rsa.pem
done

# To us by RSA: the private key comes from jose, which needs OAEP only to use it.
jose jwk gen -i '{"kty":"RSA","bits":2048}' | jq -c '.alg = "RSA-OAEP-256"' >rsa.jwk
jq -c '{kty, alg, n, e}' rsa.jwk >rsa.pub.jwk
python3 - rsa.pub.jwk >rsa.der <<'END' || e2e_fail "public key"
import base64, json, sys
key = json.load(open(sys.argv[1]))
number = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
size = lambda n: bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
tlv = lambda tag, body: bytes([tag]) + size(len(body)) + body
integer = lambda data: tlv(2, (b"\0" if data[0] & 0x80 else b"") + data)
sys.stdout.buffer.write(tlv(0x30, integer(number(key["n"])) + integer(number(key["e"]))))
END
openssl rsa -RSAPublicKey_in -inform DER -in rsa.der -pubout -out rsa.pub.pem 2>/dev/null || e2e_fail "openssl rsa"
python3 "$here/rsa_jwe.py" make rsa.pub.pem <plain >theirs.jwe || e2e_fail "make"
expect_from theirs.jwe 0 "RSA-2048: we open openssl's" "$tool" decrypt rsa.jwk
e2e_same plain last.out
spoil theirs.jwe ciphertext >bad.jwe
expect_from bad.jwe 1 "RSA-2048: we refuse a changed ciphertext" "$tool" decrypt rsa.jwk
jq -c '.alg = "RSA1_5"' rsa.pub.jwk >old.jwk
jose jwe enc -i '{"protected":{"alg":"RSA1_5","enc":"A256GCM"}}' -I plain -k old.jwk -c | flatten >other.jwe
expect_from other.jwe 1 "we refuse RSA1_5" "$tool" decrypt rsa.jwk
if jose alg | grep -qx RSA-OAEP-256; then
	"$tool" encrypt rsa.pub.jwk <plain >ours.jwe
	expect_from ours.jwe 0 "RSA-2048: jose opens ours" jose jwe dec -i - -k rsa.jwk
	e2e_same plain last.out
	jose jwe enc -i '{"protected":{"alg":"RSA-OAEP-256","enc":"A256GCM"}}' -I plain -k rsa.pub.jwk -c | flatten >theirs.jwe
	expect_from theirs.jwe 0 "RSA-2048: we open jose's" "$tool" decrypt rsa.jwk
	e2e_same plain last.out
fi

# Signatures
jose jwk gen -i '{"alg":"ES256"}' -o sign.jwk
jose jwk pub -i sign.jwk -o sign.pub.jwk
printf '{"iss":"us"}' >payload
"$tool" sign sign.jwk compact <payload >ours.jws || e2e_fail "sign"
e2e_expect 0 "jose verifies our signature" jose jws ver -i ours.jws -k sign.pub.jwk -O payload.out
e2e_same payload payload.out
sed 's/\./.A/' ours.jws >bad.jws
e2e_expect 1 "jose refuses another payload" jose jws ver -i bad.jws -k sign.pub.jwk
jose jws sig -I payload -k sign.jwk -c -o theirs.jws
expect_from theirs.jws 0 "we verify jose's signature" "$tool" verify sign.pub.jwk
e2e_same payload last.out
sed 's/\./.A/' theirs.jws >bad.jws
expect_from bad.jws 1 "we refuse another payload" "$tool" verify sign.pub.jwk
jose jwk gen -i '{"alg":"ES256"}' | jose jwk pub -i - -o other.pub.jwk
expect_from theirs.jws 1 "we refuse another key" "$tool" verify other.pub.jwk
"$tool" sign sign.jwk detached <payload >detached.jws || e2e_fail "sign detached"
e2e_expect 0 "jose verifies our detached signature" jose jws ver -i detached.jws -I payload -k sign.pub.jwk
printf '{"iss":"you"}' >payload2
e2e_expect 1 "jose refuses it over another payload" jose jws ver -i detached.jws -I payload2 -k sign.pub.jwk

# Release: the payload of release.h, built by jq.
jq -nc '{protected: "cA", encrypted_key: "aw", iv: "aXY", ciphertext: "Yw", tag: "dA"}' >release.jwe
"$tool" release sign.jwk NONCE default/key/one 7 <release.jwe >answer.json || e2e_fail "release"
jq -jr '."sevattest-sig"' answer.json >release.jws
jq -cjS '{protected, encrypted_key, iv, ciphertext, tag, nonce: "NONCE", resource: "default/key/one", version: 7}' answer.json >release.payload
e2e_expect 0 "jose verifies a release over the documented payload" jose jws ver -i release.jws -I release.payload -k sign.pub.jwk
[ "$(jq -Rr 'split(".")[0]' release.jws | tr '_-' '/+' | base64 -d 2>/dev/null | jq -c .)" = \
	"{\"alg\":\"ES256\",\"kid\":\"$(jose jwk thp -i sign.pub.jwk -a S256)\",\"sevattest-version\":7,\"typ\":\"sevattest-release\"}" ] ||
	e2e_fail "header of a release"
e2e_say "ok: header of a release"
"$tool" jwks sign.pub.jwk >jwks.json || e2e_fail "jwks"
e2e_expect 0 "jose verifies with the JWKS" jose jws ver -i ours.jws -k jwks.json
e2e_end
