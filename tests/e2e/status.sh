#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The status pages on both sides as people, monitors and browsers see them: sevattest-httpd in both roles, `sevattest status`, promtool, a real Prometheus that
# scrapes both, headless Chromium at two widths. The agent's states come from status_server, a small program that renders a filled model as sevattestd does.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin status
d=$E2E_DIR
sevattest=$(e2e_program sevattest) || exit 1
httpd=$(e2e_program sevattest-httpd) || exit 1
server=${SEVATTEST_BUILD:-}/tests/unit/agent/status_server
[ -x "$server" ] || e2e_skip "status_server is built with the tests: set SEVATTEST_BUILD"
# Debian's Python has Debian's modules; another one may come first in PATH.
for python in python3 /usr/bin/python3; do "$python" -c 'import prometheus_client' 2>/dev/null && break; done
shots=${SEVATTEST_SCREENSHOTS:-$d/shots}
mkdir -p "$shots"

agent_start() { # KIND: in the place of whatever agent was there
	[ -n "${agent_pid:-}" ] && e2e_stop "$agent_pid"
	e2e_background "agent-$1" "$server" "$d/status.sock" "$1"
	agent_pid=$E2E_PID
	e2e_wait_socket "$d/status.sock" "$agent_pid"
}

# fetch URL [CURL OPTIONS]: the body to $d/body, the head to $d/head, prints the status.
fetch() {
	local url=$1
	shift
	curl -sS --max-time 10 -D "$d/head" -o "$d/body" -w '%{http_code}' "$@" "$url"
}

# expect_page CODE PATH WHAT [CURL OPTIONS]
expect_page() {
	local code=$1 path=$2 what=$3 got
	shift 3
	got=$(fetch "$base$path" "$@")
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$got" = "$code" ] || { cat "$d/head" "$d/body" >&2; e2e_fail "$what: $path gave $got instead of $code"; }
	e2e_say "ok: $what: $path $code"
}

# has WORDS FILE / lacks WORDS FILE
has() { E2E_CHECKS=$((E2E_CHECKS + 1)); grep -q -F -i -- "$1" "$2" || { cat "$2" >&2; e2e_fail "\"$1\" is not in ${2##*/}"; }; }
lacks() { E2E_CHECKS=$((E2E_CHECKS + 1)); grep -q -F -- "$1" "$2" && { cat "$2" >&2; e2e_fail "\"$1\" is in ${2##*/}"; }; return 0; }
json() { E2E_CHECKS=$((E2E_CHECKS + 1)); e2e_jq "$1" "$d/body" >/dev/null || { cat "$d/body" >&2; e2e_fail "JSON: not $1"; }; }

# Until httpd has noticed that its daemon is there (200) or gone.
wait_daemon() { e2e_wait "$2" "the daemon to be ${1/0/gone}" sh -c "curl -sS '$base/metrics' | grep -q '^sevattest_httpd_daemon_connected $1\$'"; }

# Both forms of the metrics, by the tools of Prometheus.
check_metrics() { # WHAT
	expect_page 200 /metrics "$1"
	has "text/plain; version=0.0.4" "$d/head"
	promtool check metrics <"$d/body" >"$d/promtool.out" 2>&1 || { cat "$d/body" "$d/promtool.out" >&2; e2e_fail "$1: promtool check metrics"; }
	[ -s "$d/promtool.out" ] && { cat "$d/promtool.out" >&2; e2e_fail "$1: promtool has something to say"; }
	cp "$d/body" "$d/$1.prom"
	expect_page 200 /metrics "$1" -H 'Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3'
	has "application/openmetrics-text; version=1.0.0" "$d/head"
	"$python" -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
families = list(parse(open(sys.argv[1], encoding="utf-8").read()))
assert len(families) > 10, "hardly any metrics"
assert all(family.documentation for family in families), "a family without HELP"
' "$d/body" 2>"$d/openmetrics.err" || { cat "$d/body" "$d/openmetrics.err" >&2; e2e_fail "$1: not OpenMetrics"; }
	E2E_CHECKS=$((E2E_CHECKS + 2))
}

# --- the guest's side ---

agent_port=$(e2e_free_port)
base=http://127.0.0.1:$agent_port
printf '[status]\nListen = 127.0.0.1:%s\nSocket = %s\nHost = vm.example.org\n' "$agent_port" "$d/status.sock" >"$d/agent.conf"
e2e_background httpd-agent "$httpd" --agent --config "$d/agent.conf"
httpd_pid=$E2E_PID
e2e_wait_port "$agent_port" "$httpd_pid"

# Before there is an agent.
expect_page 503 / "no agent"
has "text/html" "$d/head"
has "Nothing is known now" "$d/body"
has "systemctl status sevattestd" "$d/body"
has "Retry-After" "$d/head"
expect_page 503 /status "no agent"
expect_page 503 /readyz "no agent"
expect_page 200 /healthz "no agent"
expect_page 200 /metrics "no agent"
has "sevattest_httpd_daemon_connected 0" "$d/body"
e2e_expect 5 "status without an agent" "$sevattest" status --socket "$d/status.sock"
e2e_expect_text "systemctl status sevattestd"
e2e_expect 2 "status with a word too many" "$sevattest" status now

agent_start attested
wait_daemon 1 "$httpd_pid"
expect_page 200 / "attested"
has "text/html; charset=utf-8" "$d/head"
has "Content-Security-Policy: default-src 'none'; style-src 'sha256-" "$d/head"
has "X-Content-Type-Options: nosniff" "$d/head"
has "Cache-Control: no-store" "$d/head"
has "This machine is proven" "$d/body"
has "nginx.service" "$d/body"
lacks "<script" "$d/body"
# The header's hash is that of the page's style.
hash=$(python3 -c '
import base64, hashlib, re, sys
style = re.search(rb"<style>(.*?)</style>", open(sys.argv[1], "rb").read(), re.S).group(1)
print(base64.b64encode(hashlib.sha256(style).digest()).decode())' "$d/body")
has "'sha256-$hash'" "$d/head"
expect_page 200 /status "attested"
json '.proven and .state == "attested" and .check.passed and (.keys | length) == 3 and .platform.proves == "system"'
expect_page 200 /readyz "attested"
expect_page 200 /healthz "attested"
expect_page 200 / "HEAD" -I
expect_page 404 /elsewhere "no such page"
expect_page 404 /metrics.txt "the daemon's own name of a page"
expect_page 404 /kbs/v0/auth "no KBS in a guest"
expect_page 405 /status "POST" -X POST
expect_page 405 /status "DELETE" -X DELETE
check_metrics agent
for name in nginx prod-web tls-key c4910d7e kbs-1; do lacks "$name" "$d/agent.prom"; done
has 'sevattest_agent_proven 1' "$d/agent.prom"

# Other names than loopback's are refused, on every page.
for host in evil.example "evil.example:$agent_port" 127.0.0.1.evil.example localhost.evil.example 192.0.2.1 '[2001:db8::1]'; do
	for path in / /status /metrics /healthz /readyz /elsewhere; do
		expect_page 421 "$path" "Host: $host" -H "Host: $host"
		lacks "proven" "$d/body"
	done
done
for host in localhost "localhost:$agent_port" 127.0.0.1 '[::1]' vm.example.org; do expect_page 200 /status "Host: $host" -H "Host: $host"; done
expect_page 421 /status "no Host" --http1.0 -H 'Host:'

e2e_expect 0 "status, attested" "$sevattest" status --socket "$d/status.sock"
for words in "This machine is proven." "nginx.service tls-key: prod-web/tls/key version 7" "https://kbs-2.example.org:8080: unreachable"; do e2e_expect_text "$words"; done
e2e_expect 0 "status --json, attested" "$sevattest" status --json --socket "$d/status.sock"
cp "$d/last.out" "$d/body"
json '.proven'

agent_start starting
wait_daemon 1 "$httpd_pid"
expect_page 503 /readyz "starting"
e2e_expect 5 "status, starting" "$sevattest" status --socket "$d/status.sock"
check_metrics agent-starting

agent_start trouble
wait_daemon 1 "$httpd_pid"
expect_page 503 /readyz "trouble"
has "no broker answers" "$d/body"
e2e_expect 5 "status, trouble" "$sevattest" status --socket "$d/status.sock"
e2e_expect_text "is the broker running"

agent_start refused
wait_daemon 1 "$httpd_pid"
expect_page 503 /readyz "refused"
expect_page 200 / "refused"
has "Failed checks" "$d/body"
has "What to do:" "$d/body"
e2e_expect 4 "status, refused by the policy" "$sevattest" status --socket "$d/status.sock"
e2e_expect_text "what to do: ask the host's owner for a firmware update"
e2e_expect 4 "status --json, refused" "$sevattest" status --json --socket "$d/status.sock"
check_metrics agent-refused
has 'sevattest_agent_check_failed{check="measurement"} 1' "$d/agent-refused.prom"

agent_start hostile
wait_daemon 1 "$httpd_pid"
expect_page 200 / "hostile texts"
lacks "<script" "$d/body"
has "&lt;script&gt;alert(1)&lt;/script&gt;" "$d/body"
lacks $'\x1b' "$d/body"
expect_page 200 /status "hostile texts"
json '.reason | test("<script>")'
check_metrics agent-hostile
e2e_expect 3 "status, evidence refused" "$sevattest" status --socket "$d/status.sock"
lacks $'\x1b' "$d/last.out"

# --- the broker's side ---

e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
# Before `init`: brokerd waits, and says so.
e2e_broker_start broker operator
base=http://127.0.0.1:$E2E_STATUS_PORT
wait_daemon 1 "$E2E_HTTPD_PID"
expect_page 200 / "a fresh broker"
has "The broker serves" "$d/body"
has "None since the start" "$d/body"
check_metrics broker-fresh
e2e_policy prod "$d/plat/ark.pem" >"$d/policy.json"
printf 'the key of the disk' >"$d/secret"
{ e2e_ctl key put prod/disk/data "$d/secret" && e2e_ctl policy put "$d/policy.json" && e2e_ctl grant add prod/disk/data prod; } >/dev/null || e2e_fail "the store"
get=("$sevattest" get prod/disk/data --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" -o "$d/got")
e2e_expect 0 "a release" "${get[@]}"
e2e_expect 6 "a name that no grant covers" "$sevattest" get prod/disk/other --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" -o "$d/x"
e2e_sim_set plat --measurement "5b$(printf '5a%.0s' {1..47})"
e2e_expect 6 "another measurement" "${get[@]}"
e2e_sim_set plat --measurement '' --aux empty
e2e_expect 6 "no certificates" "${get[@]}"
e2e_sim_set plat --aux full

expect_page 200 /status "broker"
json '.initialised and .decisions.released == 1 and .decisions.denied == 1 and .decisions.refused == 1'
json '.evidence.passed == 2 and .evidence.refused == 1 and .evidence.unverified == 1 and .evidence.refused_by_check.measurement == 1'
json '.last_released[0] | .resource == "prod/disk/data" and .policy == "prod" and .version == 1 and (.chip_begins | length) == 16'
json '.last_refused | length == 2 and .[0].reason == "measurement" and .[1].outcome == "denied" and .[1].resource == "prod/disk/other"'
json '.store.resources == 1 and .store.policies == 1 and .store.grants == 1 and .audit.writable and .audit.failures == 0 and .certificates.chips_unknown == 1'
# Nowhere what would have passed, nor the secret.
lacks "5a5a5a5a" "$d/body"
lacks "the key of the disk" "$d/body"
expect_page 200 / "broker"
lacks "5a5a5a5a" "$d/body"
lacks "the key of the disk" "$d/body"
has "prod/disk/data" "$d/body"
has "measurement" "$d/body"
expect_page 200 /readyz "broker"
expect_page 404 /metrics.txt "broker"
expect_page 421 /status "broker, another Host" -H "Host: evil.example"
check_metrics broker
has 'sevattest_broker_decisions_total{outcome="released"} 1' "$d/broker.prom"
has 'sevattest_broker_refused_total{check="measurement"} 1' "$d/broker.prom"
for name in prod/disk prod-web '"prod"' "$(xxd -p -l 8 "$d/got")"; do lacks "$name" "$d/broker.prom"; done
status_base=$base
broker_base=$base

# --- the alert rules, and a real Prometheus that scrapes both ---

alerts=$PWD/../../conf/alerts
e2e_expect 0 "promtool check rules" promtool check rules "$alerts/agent.yml" "$alerts/broker.yml"
cp "$alerts"/*.yml alerts_test.yml "$d/"
e2e_expect 0 "each alert fires for its trouble, and for nothing else" promtool test rules "$d/alerts_test.yml"
agent_start attested
base=http://127.0.0.1:$agent_port wait_daemon 1 "$httpd_pid"

prom_port=$(e2e_free_port)
cat >"$d/prometheus.yml" <<END
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: ["$alerts/*.yml"]
scrape_configs:
  - {job_name: sevattest-agent, static_configs: [{targets: ["127.0.0.1:$agent_port"]}]}
  - {job_name: sevattest-broker, static_configs: [{targets: ["127.0.0.1:${broker_base##*:}"]}]}
END
e2e_background prometheus prometheus --config.file="$d/prometheus.yml" --storage.tsdb.path="$d/tsdb" --web.listen-address="127.0.0.1:$prom_port" --log.level=warn
prom_pid=$E2E_PID
query() { curl -sS --max-time 5 --data-urlencode "query=$1" "http://127.0.0.1:$prom_port/api/v1/query" | e2e_jq "$2" >/dev/null; }
e2e_wait "$prom_pid" "Prometheus to scrape the agent" query 'up{job="sevattest-agent"} == 1' '.data.result | length == 1'
e2e_wait "$prom_pid" "Prometheus to scrape the broker" query 'up{job="sevattest-broker"} == 1' '.data.result | length == 1'
e2e_wait "$prom_pid" "the agent's proof" query 'sevattest_agent_proven == 1' '.data.result | length == 1'
# The dashboard wants it, and the agent that comes next has never attested.
e2e_wait "$prom_pid" "the time that an attestation took" query 'sevattest_agent_attest_duration_seconds_bucket' '.data.result | length > 1'
agent_start refused
base=http://127.0.0.1:$agent_port wait_daemon 1 "$httpd_pid"
e2e_wait "$prom_pid" "the agent's state" query 'sevattest_agent_state{state="refused"} == 1' '.data.result | length == 1'
e2e_wait "$prom_pid" "the broker's counts" query 'sevattest_broker_decisions_total{outcome="released"} == 1' '.data.result | length == 1'
e2e_wait "$prom_pid" "the alert of a refused agent" query 'ALERTS{alertname="SevattestRefused"}' '.data.result | length == 1'
curl -sS "http://127.0.0.1:$prom_port/api/v1/rules" | e2e_jq '[.data.groups[].rules[]] | length > 5 and all(.health != "err")' >/dev/null || e2e_fail "a rule does not evaluate"
# Every expression of the dashboard is one that Prometheus takes, and names metrics that there are.
python3 ./status_dashboard.py "http://127.0.0.1:$prom_port" ../../conf/dashboard/*.json >"$d/dashboard.out" 2>&1 || { cat "$d/dashboard.out" >&2; e2e_fail "the dashboard"; }
e2e_stop "$prom_pid"
E2E_CHECKS=$((E2E_CHECKS + 7))
e2e_say "ok: Prometheus scraped both; $(tail -n 1 "$d/dashboard.out")"

# --- a browser ---

# browse NAME URL WORDS: at 360 and 1280 pixels, light and dark, with and without JavaScript.
browse() {
	python3 ./status_browser.py "$d" "$shots" "$@" >"$d/browser.out" 2>&1 || { cat "$d/browser.out" >&2; e2e_fail "browser: $1"; }
	tail -n 1 "$d/browser.out"
	E2E_CHECKS=$((E2E_CHECKS + 1))
}
browse agent-refused "http://127.0.0.1:$agent_port/" "Not proven: refused"
agent_start hostile
base=http://127.0.0.1:$agent_port wait_daemon 1 "$httpd_pid"
browse agent-hostile "http://127.0.0.1:$agent_port/" "Not proven: refused"
agent_start attested
base=http://127.0.0.1:$agent_port wait_daemon 1 "$httpd_pid"
browse agent-attested "http://127.0.0.1:$agent_port/" "This machine is proven"
browse broker "$status_base/" "The broker serves"
e2e_stop "$agent_pid"
base=http://127.0.0.1:$agent_port wait_daemon 0 "$httpd_pid"
browse agent-away "http://127.0.0.1:$agent_port/" "Nothing is known now"
e2e_end
