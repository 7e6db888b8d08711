#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A host that masks CHIP_ID: `verify` and the broker let it pass for the policy that says so, and for no other; two such policies in one broker.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
e2e_begin masked

sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_sim_set plat --mask-chip-id true
e2e_ca operator
e2e_broker_start broker operator
head -c 32 /dev/urandom >"$d/secret"
for name in strict lax; do
	e2e_policy $name "$d/plat/ark.pem" | python3 -c '
import json, sys
policy = json.load(sys.stdin)
policy["snp"]["masked_chip_id"] = policy["name"] == "lax"
print(json.dumps(policy))' >"$d/$name.json"
	e2e_expect 0 "policy $name is stored" e2e_ctl policy put "$d/$name.json"
	e2e_expect 0 "a key for $name" e2e_ctl key put "test/key/$name" "$d/secret"
	e2e_expect 0 "its grant" e2e_ctl grant add "test/key/$name" $name
done

e2e_expect 0 "evidence as JSON" "$sevattest" report --tsm-root "$E2E_TSM" --report-data "$(printf "%0128x" 1)" --json
cp "$d/last.out" "$d/evidence.json"
e2e_expect 0 "verify: a policy that allows it" "$sevattest" verify "$d/evidence.json" --policy "$d/lax.json" --report-data "$(printf '%0128x' 1)"
e2e_expect 3 "verify: a policy that does not" "$sevattest" verify "$d/evidence.json" --policy "$d/strict.json" --report-data "$(printf '%0128x' 1)"
e2e_expect_text vek.hwid
e2e_expect 3 "verify: no policy" "$sevattest" verify "$d/evidence.json" --trust "$d/plat/ark.pem"
e2e_expect_text vek.hwid

get() { "$sevattest" get "$1" --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$E2E_BROKER_KEY" -o "$d/got"; }
e2e_expect 0 "the broker: a policy that allows it" get test/key/lax
e2e_same "$d/got" "$d/secret"
e2e_expect 6 "the broker: a policy that does not" get test/key/strict
e2e_expect 0 "the grant of the lax policy goes" e2e_ctl grant delete test/key/lax
e2e_expect 6 "only the strict policy is left" get test/key/strict
e2e_expect_text vek.hwid
e2e_sim_set plat --mask-chip-id false
e2e_expect 0 "a chip that shows itself" get test/key/strict
e2e_end
