#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The status of the real sevattestd: proven, with the key that went to a service; then refused, with the check that failed; then away. As page, JSON, metrics and
# command.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
e2e_begin status-agent
D=$E2E_DIR
agent_cgroups
SEVATTEST=$(e2e_program sevattest) || exit 1

e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
head -c 32 /dev/urandom >"$D/db"
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
{ e2e_ctl policy put "$D/policy.json" && e2e_ctl key put prod/app/db "$D/db" && e2e_ctl grant add prod/app/db prod; } >/dev/null 2>&1 || e2e_fail "the store"

PORT=$(e2e_free_port)
CONF=("Policy = $D/policy.json" '[credentials]' 'Map = app.service/db prod/app/db' '[status]' "Listen = 127.0.0.1:$PORT" "Socket = $D/status.sock")
agent_conf "${CONF[@]}"
agent_start_evidence
agent_start_netd
agent_start
e2e_background httpd-agent "$(e2e_program sevattest-httpd)" --agent --config "$D/agent.conf"
HTTPD_PID=$E2E_PID
e2e_wait_port "$PORT" "$HTTPD_PID"

page() { curl -sS --max-time 10 -w '%{http_code}' -o "$D/page" "$@" "http://127.0.0.1:$PORT${PAGE:-/}"; }
# is CODE PATH: and the body is in $D/page.
is() {
	local got
	got=$(PAGE=$2 page)
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$got" = "$1" ] || { cat "$D/page" >&2; e2e_fail "$2: $got instead of $1"; }
}
ready() { [ "$(PAGE=/readyz page)" = "$1" ]; }

ask app.service db
expect_key "$D/db" "a service gets its key"
e2e_wait "$HTTPD_PID" "the machine to be proven" ready 200
is 200 /
for words in "This machine is proven" "app.service" "prod/app/db" "prod" "$E2E_BROKER"; do grep -q -F "$words" "$D/page" || e2e_fail "\"$words\" is not on the page"; done
is 200 /status
e2e_jq --arg m "$(printf '5a%.0s' {1..48})" '.proven and .report.measurement == $m and (.keys[] | select(.unit == "app.service") | .served >= 1 and .resource == "prod/app/db")' \
	"$D/page" >/dev/null || { cat "$D/page" >&2; e2e_fail "/status does not say who got what"; }
is 200 /metrics
e2e_expect 0 "promtool takes the metrics of the real agent" sh -c "promtool check metrics <'$D/page'"
grep -q '^sevattest_agent_keys_total{outcome="served"} 1$' "$D/page" || { cat "$D/page" >&2; e2e_fail "the metrics do not count the key"; }
for name in app.service prod/app 5a5a5a5a; do grep -q -F "$name" "$D/page" && e2e_fail "\"$name\" is in the metrics"; done
e2e_expect 0 "sevattest status, proven" "$SEVATTEST" status --socket "$D/status.sock"
e2e_expect_text "app.service db: prod/app/db"

# The same machine with one bit more in its measurement: its own policy says no.
e2e_stop "$AGENT_PID"
e2e_wait "$HTTPD_PID" "the agent to be away" ready 503
is 503 /
grep -q "Nothing is known now" "$D/page" || e2e_fail "no page while the agent is away"
e2e_sim_set plat --measurement "5b$(printf '5a%.0s' {1..47})"
agent_restart "${CONF[@]}"
refused_now() { curl -sS "http://127.0.0.1:$PORT/status" | e2e_jq '.state == "refused"'; }
e2e_wait "$HTTPD_PID" "the refusal" refused_now
is 200 /
grep -q "Not proven: refused" "$D/page" || e2e_fail "the page does not say that it is refused"
grep -q "measurement" "$D/page" || e2e_fail "the page does not name the check"
e2e_expect 4 "sevattest status, refused by the policy here" "$SEVATTEST" status --socket "$D/status.sock"
e2e_expect_text "measurement"
e2e_end
