#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Enrolments against the real brokerd, httpd and simulator: files that the operator imports, guests that register their disks, what waits; then everything that must be
# refused, a broker that is killed in the middle, and a database that somebody else has written to. The guest is enrol_guest.py, written from the protocol.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
python3 -c 'import cryptography' 2>/dev/null || e2e_skip "python3-cryptography is not installed"
e2e_begin enrol-broker

D=$E2E_DIR
SIM=$(e2e_program sevattest-sim) || exit 1
e2e_sim_init plat
e2e_ca operator
e2e_broker_start broker operator
BROKER_CONF=$D/broker/broker.conf
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
e2e_policy other "$D/plat/ark.pem" "$(printf 'ee%.0s' {1..48})" >"$D/other.json"
e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 && e2e_ctl policy put "$D/other.json" >/dev/null 2>&1 || e2e_fail "policy put"

ctl() { # CODE WHAT WORDS...
	local code=$1 what=$2
	shift 2
	e2e_expect "$code" "$what" e2e_ctl "$@"
}

# The grants of this test: what a guest may do below each prefix.
ctl 0 "a grant that takes disks" grant add 'prod/disk/*' prod --enrol accept
ctl 0 "a grant that lets them wait" grant add 'wait/disk/*' prod --enrol pending
ctl 0 "a grant as it always was" grant add 'none/disk/*' prod
ctl 0 "a grant for another policy" grant add 'other/disk/*' other --enrol accept
ctl 2 "a level that is none" grant add 'x/disk/*' prod --enrol maybe
ctl 0 "grant list" grant list
e2e_expect_text "enrolments: pending"

# The key: by the operator's command, as a file, and at the network port; and no private part anywhere.
ctl 0 "enrol-key show" enrol-key show
thumbprint=$(sed -n 's/^thumbprint: //p' "$D/last.out")
ctl 0 "enrol-key show --output" enrol-key show -o "$D/broker.jwk"
e2e_expect_text "$thumbprint"
ctl 0 "enrol-key show --json" --json enrol-key show
curl --silent --cacert "$D/operator.pem" "$E2E_BROKER/kbs/v0/enrol-key" >"$D/network.jwk" || e2e_fail "curl"
python3 - "$D/broker.jwk" "$D/network.jwk" "$D/last.out" "$thumbprint" <<'EOF' || e2e_fail "the enrolment key"
import base64, hashlib, json, sys
one, two, three = (json.load(open(path)) for path in sys.argv[1:4])
assert one == two == three["jwk"] and "d" not in one and one["alg"] == "ECDH-ES+A256KW", (one, two, three)
text = json.dumps({name: one[name] for name in ("crv", "kty", "x", "y")}, sort_keys=True, separators=(",", ":"))
assert base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode() == sys.argv[4]
EOF
ctl 2 "an output that cannot be written" enrol-key show -o "$D/nowhere/x"
ctl 2 "status takes no --yes" status --yes

export BROKER_URL=$E2E_BROKER BROKER_CA=$D/operator.pem SIM PLAT=$D/plat CTL ADMIN=$E2E_ADMIN STORE=$D/broker/state/store.db FOLDER=$D BROKERD CONF=$BROKER_CONF
CTL=$(e2e_program sevattest-broker)
BROKERD=$(e2e_program sevattest-brokerd)
python3 enrol_broker.py online || e2e_fail "enrol_broker.py online"
E2E_CHECKS=$((E2E_CHECKS + $(cat "$D/count")))

# From here on the python side starts and kills brokerd itself; httpd stays.
e2e_stop "$E2E_BROKERD_PID"
python3 enrol_broker.py restarts || e2e_fail "enrol_broker.py restarts"
E2E_CHECKS=$((E2E_CHECKS + $(cat "$D/count")))
grep -a -q -r -e 'k\{32\}' -e 'a2tra2tra2tra2tr' "$D/broker" "$D"/*.log && e2e_fail "a disk's key stands in the store or in a log"
e2e_end
