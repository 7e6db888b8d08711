# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The guest's side for tests: sevattestd with its helpers on paths in $E2E_DIR, without systemd, and credentials asked for as systemd does. Source lib.sh
# first.

# agent_conf [LINES]: $E2E_DIR/agent.conf for $AGENT_URLS (default $E2E_BROKER), with sections of LINES added; $E2E_DIR/CA is the broker's authority.
# shellcheck disable=SC2120
agent_conf() {
	local d=$E2E_DIR url
	{
		printf '[broker]\nCA = %s\n' "$d/operator.pem"
		for url in ${AGENT_URLS:-$E2E_BROKER}; do printf 'Url = %s\n' "$url"; done
		[ -z "${AGENT_PIN-$d/release.jwk}" ] || printf 'BrokerKey = %s\n' "${AGENT_PIN-$d/release.jwk}"
		printf '[kds]\nUrl = %s\n[net]\nSocket = %s\n' "$E2E_KDS" "$d/net.sock"
		printf '[evidence]\nTsmRoot = %s\nLock = %s\n' "$E2E_TSM" "$d/lock"
		printf '[agent]\nNetSocket = %s\nEvidenceSocket = %s\nCredentialsSocket = %s\nStatusSocket = %s\n' "$d/net.sock" "$d/evidence.sock" "$d/credentials.sock" \
			"$d/status.sock"
		printf 'LuksSocket = %s\nCryptsetupSocket = %s\nVolumes = %s\nLuks = %s\nControlGroups = %s\n' "$d/luks.sock" "$d/cryptsetup.sock" "$d/volumes" "$d/luks" \
			"${AGENT_GROUPS:-$d/groups}"
		printf 'StateDirectory = %s\nCacheDirectory = %s\nRetryMax = 1\n' "$d/refusal" "$d/cache"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$d/agent.conf"
	mkdir -p "$d/refusal" "$d/cache" "$d/volumes" "$d/luks"
}

agent_start_evidence() {
	e2e_background evidence "$(e2e_program sevattest-evidence)" --config "$E2E_DIR/agent.conf" --listen "$E2E_DIR/evidence.sock"
	AGENT_EVIDENCE_PID=$E2E_PID
	e2e_wait_socket "$E2E_DIR/evidence.sock" "$E2E_PID"
}
agent_start_netd() {
	e2e_background netd "$(e2e_program sevattest-netd)" --agent="$E2E_DIR/agent.conf"
	AGENT_NETD_PID=$E2E_PID
	e2e_wait_socket "$E2E_DIR/net.sock" "$E2E_PID"
}
agent_start() {
	e2e_background agent "$(e2e_program sevattestd)" --config "$E2E_DIR/agent.conf"
	AGENT_PID=$E2E_PID
	e2e_wait_line "$E2E_DIR/agent.log" ready "$E2E_PID"
}
# agent_restart [CONFIGURATION...]: netd and sevattestd anew.
agent_restart() {
	[ -z "${AGENT_PID:-}" ] || e2e_stop "$AGENT_PID"
	[ -z "${AGENT_NETD_PID:-}" ] || e2e_stop "$AGENT_NETD_PID"
	agent_conf "$@"
	agent_start_netd
	agent_start
}

# A control group of a unit, as systemd makes it: $AGENT_CGROUP/UNIT. Where control groups cannot be made the test cannot run.
agent_cgroups() {
	local root
	for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
		if [ -e "$root/cgroup.procs" ] && mkdir "$root/sevattest$$.slice" 2>/dev/null; then
			AGENT_CGROUP=$root/sevattest$$.slice
			break
		fi
	done
	[ -n "${AGENT_CGROUP:-}" ] || e2e_skip "no control group can be made below /sys/fs/cgroup: run as root where it is writable"
	trap agent_cleanup EXIT
}
agent_cleanup() {
	local status=$?
	# Whoever still waits in one of them is ours.
	find "$AGENT_CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do kill -KILL "$pid" 2>/dev/null; done
	sleep 0.1
	find "$AGENT_CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
	(exit "$status")
	e2e_cleanup
}

# ask UNIT ID [OPTIONS]: what a unit's start gets, in $ANSWER; the key in $E2E_DIR/got.
ask() {
	local unit=$1 id=$2
	shift 2
	mkdir -p "$AGENT_CGROUP/$unit"
	rm -f "$E2E_DIR/got"
	ANSWER=$(python3 "$TESTS/ask_credential.py" "$E2E_DIR/credentials.sock" "$unit" "$id" --cgroup "$AGENT_CGROUP/$unit" --out "$E2E_DIR/got" "$@" 2>&1)
}
# expect_answer ANSWER WHAT: of the last ask.
expect_answer() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$ANSWER" = "$1" ] || e2e_fail "$2: \"$ANSWER\" instead of \"$1\""
	e2e_say "ok: $2: $1"
}
# expect_key FILE WHAT: the key of the last ask.
expect_key() {
	expect_answer "key $(stat -c %s "$1")" "$2"
	e2e_same "$1" "$E2E_DIR/got"
}
# expect_log WORDS [LOG]: at most ten seconds; in the log of sevattestd.
expect_log() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	e2e_wait_line "${2:-$E2E_DIR/agent.log}" "$1" "$AGENT_PID"
}
