#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad input of nine kinds at each seam of the programs: see bad_input.py. This starts what it needs; words on the command line name single seams.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin bad-input

d=$E2E_DIR
e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
E2E_HTTPD_SETTINGS=$'RequestTimeout = 3\nIdleTimeout = 3\nRequestsPerSecond = 0\nConnectionsPerAddress = 200'
e2e_broker_start broker operator
e2e_certificate operator hostile
head -c 32 /dev/urandom >"$d/secret"
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
e2e_expect 0 "a secret is stored" e2e_ctl key put prod/app/key "$d/secret"
e2e_expect 0 "a policy is stored" e2e_ctl policy put "$d/policy.json"
e2e_expect 0 "a grant is added" e2e_ctl grant add prod/app/key prod
e2e_expect 0 "a grant that takes disks" e2e_ctl grant add prod/disk/data prod --enrol accept
mkdir "$d/work"
python3 - "$d" "$E2E_HTTPD_PORT" "$E2E_STATUS_PORT" "$E2E_BROKERD_PID" "$E2E_HTTPD_PID" "$E2E_SIM_PID" "$E2E_TSM" "$E2E_BROKER" "$E2E_KDS" \
	"$(e2e_program sevattest)" "$(e2e_program sevattest-broker)" "$(e2e_program sevattest-brokerd)" "$(e2e_program sevattest-httpd)" \
	"$(e2e_program sevattest-sim)" <<'PY' || e2e_fail "the world"
import json, sys
d, port, status, brokerd, httpd, sim, tsm, broker, kds, *programs = sys.argv[1:]
names = ["sevattest", "sevattest-broker", "sevattest-brokerd", "sevattest-httpd", "sevattest-sim"]
json.dump({"dir": f"{d}/work", "port": int(port), "status_port": int(status), "tsm": tsm, "broker": broker, "kds": kds, "ca": f"{d}/operator.pem",
    "broker_key": f"{d}/broker/release.jwk", "admin": f"{d}/broker/admin.sock", "http_sock": f"{d}/broker/http.sock", "secret": f"{d}/secret",
    "policy": f"{d}/policy.json", "platform": f"{d}/plat", "config": f"{d}/broker/broker.conf", "hostile": f"{d}/hostile",
    "pids": {"brokerd": int(brokerd), "httpd": int(httpd), "sim": int(sim)}, "programs": dict(zip(names, programs))}, open(f"{d}/world.json", "w"))
PY
python3 ./bad_input.py "$d/world.json" "$@" || e2e_fail "bad input"
E2E_CHECKS=$((E2E_CHECKS + 1))
e2e_end
