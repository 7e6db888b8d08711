#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattestd is killed, at chosen and at seeded moments, and started anew by a stand-in for the service manager that keeps its descriptor store: a service gets its
# key or a refusal, never an empty credential and never another one.
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$TESTS/lib.sh"
# shellcheck source=tests/e2e/agent_lib.sh
. "$TESTS/agent_lib.sh"
for program in jq python3 openssl strace; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
KILLS=${SEVATTEST_KILLS:-40}
SEED=${SEVATTEST_SEED:-1}
e2e_begin agent_kill
D=$E2E_DIR
agent_cgroups
SEVATTESTD=$(e2e_program sevattestd) || exit 1

e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_broker_start broker operator
jq -c 'if has("jwk") then .jwk else . end' "$E2E_BROKER_KEY" >"$D/release.jwk"
head -c 32 /dev/urandom >"$D/small"
head -c 700000 /dev/urandom >"$D/large" # more than a socket takes at once
e2e_policy prod "$D/plat/ark.pem" >"$D/policy.json"
e2e_ctl policy put "$D/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
for key in small large; do
	e2e_ctl key put "prod/app/$key" "$D/$key" >/dev/null || e2e_fail "key put $key"
	e2e_ctl grant add "prod/app/$key" prod >/dev/null || e2e_fail "grant add $key"
done

# manager NAME [OPTIONS] -- COMMAND...: the stand-in with our two sockets.
manager() {
	local name=$1
	shift
	mkdir -p "$D/$name"
	rm -f "$D/credentials.sock" "$D/status.sock"
	e2e_background "$name" python3 "$TESTS/service_manager.py" "$D/$name" --socket "credentials=$D/credentials.sock" --socket "status=$D/status.sock" "$@"
	AGENT_PID=$E2E_PID
	MANAGER_LOG=$D/$name.log
	e2e_wait_socket "$D/credentials.sock" "$E2E_PID"
}
MAPS=('[credentials]' 'Map = app.service/small prod/app/small' 'Map = app.service/large prod/app/large')

# --- between accept and answer: the broker is away, the connection is held, the agent is killed
agent_conf "${MAPS[@]}" 'Prefetch = no'
agent_start_evidence
agent_start_netd
before=$(date +%s%N)
manager held -- "$SEVATTESTD" --config "$D/agent.conf"
expect_log "attested by tsm" "$MANAGER_LOG"
# Kills fall within twice the time that a start takes here, so that half of them fall into answers.
within=$(awk -v ns=$(($(date +%s%N) - before)) 'BEGIN {s = 2 * ns / 1e9; print s < 1.2 ? 1.2 : s}')
e2e_stop "$E2E_HTTPD_PID"
ask app.service small --timeout 30 &
waiting=$!
e2e_wait_line "$D/held.out" "holds 1" "$AGENT_PID" # it is taken, its key is being asked for
sleep 0.2
kill -USR1 "$AGENT_PID"
e2e_wait_line "$D/held.out" "ended 9 stored 1" "$AGENT_PID"
expect_log "is taken over" "$MANAGER_LOG"
e2e_background httpd-again "$(e2e_program sevattest-httpd)" --config "$D/broker/broker.conf"
E2E_HTTPD_PID=$E2E_PID
wait "$waiting"
e2e_same "$D/small" "$D/got"
e2e_say "ok: killed between accept and answer, the service got its key"
e2e_stop "$AGENT_PID"

# --- at chosen moments of the answer: strace kills at the entry of a call. What a service gets is whole, or a refusal.
# moment WHAT CALL WHEN CREDENTIAL ANSWER
moment() {
	local what=$1 call=$2 when=$3 id=$4 wanted=$5
	printf '#!/bin/bash\nif [ -e "%s" ]; then exec "%s" "$@"; fi\ntouch "%s"\nexec strace -D -qq -o "%s" -e trace=%s -e signal=none -e inject=%s:signal=KILL:when=%s "%s" "$@"\n' \
		"$D/struck" "$SEVATTESTD" "$D/struck" "$D/strace.out" "$call" "$call" "$when" "$SEVATTESTD" >"$D/struck.sh"
	chmod +x "$D/struck.sh"
	rm -f "$D/struck"
	manager "moment-$call-$when" -- "$D/struck.sh" --config "$D/agent.conf"
	ask app.service "$id" --timeout 30
	E2E_CHECKS=$((E2E_CHECKS + 1))
	case $ANSWER in
	key*) e2e_same "$D/$id" "$D/got" ;;
	esac
	[[ "$ANSWER" =~ ^($wanted)( |$) ]] || e2e_fail "killed at $what: \"$ANSWER\" instead of $wanted"
	grep -q "^ended 9" "$D/moment-$call-$when.out" || e2e_fail "killed at $what: nothing was killed"
	e2e_say "ok: killed at $what: $ANSWER"
	e2e_stop "$AGENT_PID"
}
agent_conf "${MAPS[@]}"
# The marks are the only use of SO_RCVLOWAT: setsockopt(2) 1 says "begun", 2 says "done".
moment "the mark before the first byte" setsockopt 1 small key
moment "the mark after the last byte" setsockopt 2 small refused
moment "the end of the answer" shutdown 1 small key
# Some of these are sent to netd, some are parts of the answer.
for i in 6 8 9 10 11; do
	moment "send $i" sendto $i large 'refused|key'
	[ "$ANSWER" = refused ] && parts=1
done
[ -n "${parts:-}" ] || e2e_fail "no kill fell between two parts of an answer"

# --- at seeded moments, while four services ask all the time
agent_conf 'Reattest = 2' "${MAPS[@]}"
manager seeded --kills "$KILLS" --seed "$SEED" --within "$within" -- "$SEVATTESTD" --config "$D/agent.conf"
asker() { # NUMBER
	local id=small got
	mkdir -p "$AGENT_CGROUP/app.service"
	while ! grep -q "last kill" "$D/seeded.out"; do
		rm -f "$D/got.$1"
		got=$(python3 "$TESTS/ask_credential.py" "$D/credentials.sock" app.service $id --cgroup "$AGENT_CGROUP/app.service" --out "$D/got.$1" --timeout 60 2>&1)
		case $got in
		key*) if cmp -s "$D/$id" "$D/got.$1"; then echo key; else echo "WRONG KEY for $id: $got, $(cmp "$D/$id" "$D/got.$1" 2>&1)"; fi ;;
		*) echo "$got" ;;
		esac
		if [ $id = small ]; then id=large; else id=small; fi
	done >"$D/answers.$1"
}
askers=()
for i in 1 2 3 4; do
	asker $i &
	askers+=($!)
done
wait "${askers[@]}"
e2e_stop "$AGENT_PID"
sort "$D"/answers.? | uniq -c >"$D/answers"
sed 's/^/  answers: /' "$D/answers"
e2e_expect 1 "no sanitizer has spoken" grep -lE 'AddressSanitizer|runtime error' "$D/seeded.log" "$D/held.log"
e2e_expect 0 "seed $SEED: $KILLS kills" grep -c "^ended 9" "$D/seeded.out"
[ "$(cat "$D/last.out")" -ge "$KILLS" ] || e2e_fail "only $(cat "$D/last.out") kills of $KILLS"
e2e_expect 1 "nothing but keys and refusals in $(cat "$D"/answers.? | wc -l) answers" grep -vE '^ *[0-9]+ (key|refused)$' "$D/answers"
[ "$(grep -c '^key' "$D"/answers.? | awk -F: '{n += $2} END {print n}')" -ge $((KILLS / 4)) ] || e2e_fail "hardly any key was served"

e2e_end
