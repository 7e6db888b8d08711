#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the agent at seeded moments while services start: never does one start with an empty credential, and each start ends, with its keys or refused.
#   KILLS  how often (100 in each of the two systems)
. ./lib.sh

KILLS=${KILLS:-100}
systemctl stop app.service late.service other.service 2>/dev/null
for name in app-a app-b; do printf '[credentials]\nMap = %s.service/password prod/app/password\nMap = %s.service/token prod/app/token\n' $name $name; done \
	>/etc/sevattest/agent.conf.d/60-kills.conf
app_unit app-a.service password token
app_unit app-b.service token password
# Restarted over and over: the moment of the kill decides, not a limit.
sed -i '1i [Unit]\nStartLimitIntervalSec=0' /run/systemd/system/app-a.service /run/systemd/system/app-b.service
systemctl daemon-reload
expect 0 "the agent reads its configuration" systemctl restart sevattestd.service
expect 0 "both services start" systemctl start app-a.service app-b.service
rm -f /run/app/empty

procs=/sys/fs/cgroup/system.slice/sevattestd.service/cgroup.procs
agent() { head -n 1 $procs 2>/dev/null; }
RANDOM=$((SEED % 32768))
started=0 refused=0 longest=0 pid=0

# kill_agent MILLISECONDS: after that time, and when there is another agent than the one that was killed last.
kill_agent() {
	local before=$pid
	sleep "0.$(printf '%03d' "$1")"
	until pid=$(agent) && [ "${pid:-0}" -gt 1 ] && [ "$pid" != "$before" ] && kill -KILL "$pid" 2>/dev/null; do sleep 0.005; done
}

# Two kills for each pair of starts: the first among the requests, the second of the agent that took them over.
for ((i = 0; i < KILLS; i += 2)); do
	begin=$(date +%s%3N)
	systemctl restart app-a.service 2>/dev/null &
	a=$!
	systemctl restart app-b.service 2>/dev/null &
	b=$!
	kill_agent $((RANDOM % 150))
	kill_agent $((RANDOM % 500))
	for starter in $a $b; do
		if wait $starter; then
			started=$((started + 1))
		else
			refused=$((refused + 1))
			for unit in app-a app-b; do
				case $(systemctl show -P ExecMainStatus $unit.service) in
				0 | 243) ;;
				*) fail "$unit ended otherwise after kill $i (seed $SEED)" ;;
				esac
			done
		fi
	done
	took=$(($(date +%s%3N) - begin))
	[ $took -gt $longest ] && longest=$took
	[ -e /run/app/empty ] && fail "an empty credential in a started service after kill $i (seed $SEED): $(cat /run/app/empty)"
done
say "figure: $KILLS kills with seed $SEED, $started starts with their keys, $refused refused, no empty credential; longest start $longest ms"
equal "nearly all starts got their keys" yes "$([ $((started * 10)) -ge $((KILLS * 9)) ] && echo yes)"
expect 0 "afterwards both start" systemctl restart app-a.service app-b.service
for name in password token; do cmp "$T/$name" "/run/app/$name" || fail "$name is not what was stored"; done
done_with_checks
