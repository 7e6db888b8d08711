#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong: a broker that is away, a broker that says no, an agent that dies or hangs, a configuration that is wrong.
. ./lib.sh

main_pid() { systemctl show -P MainPID "$1"; }
count_stored() { systemctl show -P NFileDescriptorStore sevattestd.service; }
stored() { [ "$(count_stored)" -ge "$1" ]; }
app_unit app.service password token large
systemctl daemon-reload
systemctl stop app.service

# --- the broker is away
systemctl stop sevattest-httpd-broker.socket sevattest-httpd-broker.service
systemctl restart sevattestd.service
equal "the agent is ready without a broker" active "$(systemctl is-active sevattestd.service)"
systemctl start app.service &
starter=$!
sleep 3
equal "the start waits while the broker is away" activating "$(systemctl is-active app.service)"
kill -0 $starter || fail "systemctl did not wait"
start=$(date +%s%3N)
systemctl start sevattest-httpd-broker.socket
wait $starter || fail "the start failed after the broker came back"
equal "the start succeeds when the broker is back" active "$(systemctl is-active app.service)"
say "figure: from the broker's return to the started service: $(($(date +%s%3N) - start)) ms"

# --- the agent is killed between accept and answer: the broker stands still, so that the connection is accepted and has no answer
printf '[credentials]\nPrefetch = no\n' >/etc/sevattest/agent.conf.d/30-test.conf
systemctl restart sevattestd.service
expect 0 "the agent is proven" systemctl restart app.service
printf '[credentials]\nMap = late.service/token prod/app/late\n' >/etc/sevattest/agent.conf.d/40-late.conf
expect 0 "a key that the agent has not seen" sevattest-broker key put prod/app/late "$T/token"
expect 0 "is granted" sevattest-broker grant add prod/app/late prod
expect 0 "the agent reads its configuration again" systemctl reload sevattestd.service
app_unit late.service token
systemctl daemon-reload
expect 0 "the agent is proven anew" systemctl restart app.service
broker=$(main_pid sevattest-brokerd.service)
kill -STOP "$broker"
systemctl start late.service &
starter=$!
within 10 "the connection is accepted, and lies in systemd's store" stored 1
agent=$(main_pid sevattestd.service)
kill -KILL "$agent"
sleep 1
[ "$(main_pid sevattestd.service)" != "$agent" ] || fail "the agent was not started again"
equal "the connection survived" yes "$(stored 1 && echo yes)"
kill -CONT "$broker"
wait $starter || fail "late.service did not start"
cmp "$T/token" /run/app/token || fail "late.service has another key"
say "ok: the agent was killed between accept and answer, and the service has its key"
within 5 "nothing stays in the store" sh -c '[ "$(systemctl show -P NFileDescriptorStore sevattestd.service)" = 0 ]'

# --- reload: looked at first
rm -f /etc/sevattest/agent.conf.d/30-test.conf
agent=$(main_pid sevattestd.service)
printf '[credentials]\nMap = nonsense\n' >/etc/sevattest/agent.conf.d/50-bad.conf
mark
systemctl reload sevattestd.service
within 5 "a wrong configuration is named" logged sevattestd.service "reload: [credentials] Map=nonsense"
expect 0 "and the old one serves on" systemctl restart app.service
printf '[credentials]\nMap = other.service/password prod/app/password\n' >/etc/sevattest/agent.conf.d/50-bad.conf
expect 0 "a good one is taken" systemctl reload sevattestd.service
app_unit other.service password
systemctl daemon-reload
expect 0 "a unit that it adds starts" systemctl start other.service
equal "without a restart" "$agent" "$(main_pid sevattestd.service)"
rm /etc/sevattest/agent.conf.d/50-bad.conf

# --- the watchdog
install -d /run/systemd/system/sevattestd.service.d
printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n' >/run/systemd/system/sevattestd.service.d/watchdog.conf
systemctl daemon-reload
expect 0 "the agent with a watchdog of two seconds" systemctl restart sevattestd.service
agent=$(main_pid sevattestd.service)
sleep 5
equal "runs on, idle" "$agent" "$(main_pid sevattestd.service)"
mark
kill -STOP "$agent"
within 15 "when it stands still it is ended" sh -c "[ \"\$(systemctl show -P MainPID sevattestd.service)\" != $agent ] && [ \"\$(systemctl show -P MainPID sevattestd.service)\" != 0 ]"
expect 0 "by the watchdog" sh -c "journalctl --no-pager -o cat --after-cursor=\"\$(cat $T/cursor)\" | grep -i -e 'watchdog timeout'"
expect 0 "and serves again" systemctl restart app.service
rm -r /run/systemd/system/sevattestd.service.d
systemctl daemon-reload
systemctl restart sevattestd.service

# --- the broker says no
printf '[Unit]\nConflicts=sevattest-refused.target\n[Service]\nExecStart=/bin/sleep 1000\n' >/run/systemd/system/victim.service
systemctl daemon-reload
systemctl start victim.service
LD_LIBRARY_PATH=/usr/lib/sevattest-tests sevattest-sim set /var/lib/sim/platform --measurement "$(printf 'ee%.0s' {1..48})" || fail "sevattest-sim set"
# By the agent's own policy, then, without that, by the broker.
for who in agent broker; do
	[ $who = broker ] && rm /etc/sevattest/agent.conf.d/10-policy.conf
	systemctl restart sevattestd.service
	mark
	start=$(date +%s%3N)
	expect 1 "a measurement that the $who refuses: the service does not start" systemctl restart app.service
	took=$(($(date +%s%3N) - start))
	say "figure: from the start of a service to its refusal by the $who, the proof included: $took ms"
	equal "within two seconds" yes "$([ $took -le 2000 ] && echo yes)"
	equal "for its credentials" 243 "$(systemctl show -P ExecMainStatus app.service)"
	within 2 "the journal says what for" logged sevattestd.service "refused app.service/"
	expect "$([ $who = agent ] && echo 4 || echo 6)" "sevattest status" sevattest status
	cat "$T/out"
done
within 3 "sevattest-refused.target is reached" active sevattest-refused.target
within 3 "what conflicts with it is stopped" sh -c '! systemctl is-active victim.service'
expect 22 "the status page is not ready" curl -sf http://127.0.0.1:9464/readyz
LD_LIBRARY_PATH=/usr/lib/sevattest-tests sevattest-sim set /var/lib/sim/platform --measurement "" || fail "sevattest-sim set"
systemctl restart sevattestd.service
expect 0 "with the right measurement it starts" systemctl restart app.service
within 3 "the refusal is taken back" sh -c '! test -e /run/sevattest-state/refused'
systemctl stop sevattest-refused.target
expect 0 "and what conflicted may start" systemctl start victim.service
sleep 1
equal "and stays" active "$(systemctl is-active victim.service)"
done_with_checks
