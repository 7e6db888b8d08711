#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From inside each program: what it must not do is denied, and the same act succeeds in the same place with the sandboxes off. The programs of this case are built
# with -Dtest_hooks=true: just before they narrow themselves, children of theirs try each act, narrowed and not. They run once under the unit as it is shipped
# and once under the same unit without any of its restrictions, which gives four columns for each act.
. ./lib.sh

[ -d hooks ] || skip "no programs with test hooks were given (--hooks)"
UNITS=(sevattest-brokerd.service sevattest-httpd-broker.service sevattest-netd-agent.service sevattest-netd-broker.service sevattest-evidence@.service
	sevattestd.service sevattest-httpd-agent.service)
# Its sandbox begins when it has the device: see start().
[ ! -b /dev/sevattest-disk ] || UNITS+=(sevattest-luks@.service)
# What the program still may, by its own list: AF_UNIX for those that connect to others of ours.
declare -A ALLOWED=([0]="connect-unix" [1]="" [2]="connect-unix" [3]="" [4]="" [5]="connect-unix" [6]="connect-unix")
declare -A PROFILES=([sevattest-brokerd]="0" [sevattest-httpd-broker]="1 2" [sevattest-netd-agent]="3" [sevattest-netd-broker]="3" [sevattest-evidence@]="4"
	[sevattestd]="5" [sevattest-luks@]="6" [sevattest-httpd-agent]="1 2")
# What the unit alone must deny, without the program's help: those without network, and netd.
UNIT_DENIES="create exec netlink ptrace read-memory map-executable make-executable unshare"
run=/run/sevattest-acts
srv=/srv/sevattest-acts
install -d -m 0755 $srv && install -d -m 1777 $srv/open $run
echo everybody >$srv/file
systemd-run --quiet --unit=acts-listeners ./listeners.py 7777 $srv/listener.sock || fail "systemd-run"
within 5 "somebody listens" test -S $srv/listener.sock

# bare UNIT: the unit with nothing but what makes it start.
bare() {
	grep -E '^(\[|Type=|ExecStart=|Sockets=|User=|Group=|SupplementaryGroups=|LoadCredential=|StateDirectory=|CacheDirectory=|Limit|Restart|FileDescriptor)' \
		"/usr/lib/systemd/system/$1"
}

# hooked UNIT MODE: the unit with the hooked program in it.
hooked() {
	local start
	mkdir -p "/run/systemd/system/$1.d"
	start=$(sed -n 's/^ExecStart=//p' "/usr/lib/systemd/system/$1")
	[ "$2" = shipped ] && rm -f "/run/systemd/system/$1"
	[ "$2" = bare ] && bare "$1" >"/run/systemd/system/$1"
	printf '[Service]\nExecStart=\nExecStart=/usr/lib/sevattest-tests/hooks/%s\nEnvironment=SEVATTEST_TEST_ACTS=%s\nReadWritePaths=%s\n' "${start##*/}" $run $run \
		>"/run/systemd/system/$1.d/hooks.conf"
	# Drop-ins of a template in /etc stand: they make the simulated folder writable.
}

# act FILE NAME COLUMN: 2 with the program's own sandbox, 3 without.
act() { awk -v name="$2" -v column="$3" '$1 == name { print $column }' "$1"; }

start() { # UNIT: so that it comes to its sandbox
	case $1 in
	sevattest-evidence@.service) ./frame.py /run/sevattest/evidence.sock 11 "$(printf '00%.0s' {1..64})ff00" >/dev/null ;;
	sevattest-luks@.service)
		install -d /etc/sevattest/volumes
		printf '[volume]\nDevice = /dev/sevattest-disk\nResource = prod/disk/data\n' >/etc/sevattest/volumes/x
		systemctl stop sevattest-luks@x.service
		systemctl start --no-block sevattest-luks@x.service # it waits for the agent
		;;
	*) systemctl restart "$1" ;;
	esac
}

collect() { # MODE
	local unit name profile i
	for unit in "${UNITS[@]}"; do hooked "$unit" "$1"; done
	systemctl daemon-reload
	for unit in "${UNITS[@]}"; do
		name=${unit%.service}
		rm -rf "$run"/*
		start "$unit" || fail "$unit ($1) does not start"
		mkdir -p "$T/acts/$1/$name"
		for profile in ${PROFILES[$name]}; do
			i=0
			until [ "$(cat "$run"/*".$profile" 2>/dev/null | wc -l)" = 16 ] || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done
			cp "$run"/*".$profile" "$T/acts/$1/$name/$profile" || fail "$unit ($1) left no report for profile $profile"
		done
	done
}

for unit in "${UNITS[@]}"; do
	[ -x "hooks/$(sed -n 's|^ExecStart=[^ ]*/\([^ /]*\).*|\1|p' "/usr/lib/systemd/system/$unit")" ] || fail "the hooked program of $unit is missing"
done
# The hook is in these programs and in none that is installed.
for program in hooks/sevattest*; do
	[ -e "/usr/sbin/${program##*/}" ] || continue
	equal "${program##*/} has the hook here, and not where it is installed" "1 0" \
		"$(grep -c SEVATTEST_TEST_ACTS "$program") $(grep -c SEVATTEST_TEST_ACTS "/usr/sbin/${program##*/}")"
done
# Users that exist for a moment only must stay when the unit does not say so.
for unit in sevattest-httpd-broker sevattest-httpd-agent sevattest-netd-agent sevattest-netd-broker; do printf 'u %s -\n' $unit; done | systemd-sysusers - || fail sysusers
collect bare
collect shipped

tried=0
for unit in "${UNITS[@]}"; do
	name=${unit%.service}
	for profile in ${PROFILES[$name]}; do
		left=()
		b=$T/acts/bare/$name/$profile
		s=$T/acts/shipped/$name/$profile
		while read -r what _; do
			equal "$name.$profile $what: succeeds with all sandboxes off" 0 "$(act "$b" "$what" 3)"
			case " ${ALLOWED[$profile]} " in
			*" $what "*) ;;
			*)
				for file in "$b" "$s"; do
					case $(act "$file" "$what" 2) in 0 | -1) cat "$file"; fail "$name.$profile $what is not denied by the program itself (${file#"$T"/acts/})" ;; esac
				done
				;;
			esac
			[ "$(act "$s" "$what" 3)" = 0 ] && left+=("$what")
			tried=$((tried + 1))
		done <"$b"
		for what in $UNIT_DENIES $([[ $name = sevattest-netd-* ]] || echo connect); do
			[ "$(act "$s" "$what" 3)" != 0 ] || { cat "$s"; fail "$name.$profile $what is not denied by the unit alone"; }
		done
		say "note: $name.$profile: left by the unit alone: ${left[*]:-nothing}; by the program: ${ALLOWED[$profile]:-nothing}"
	done
done
say "figure: $tried acts tried from inside, each in four ways"

rm -rf /run/systemd/system/sevattest*.service /run/systemd/system/sevattest*.service.d
systemctl daemon-reload
systemctl stop acts-listeners.service sevattest-luks@x.service 2>/dev/null
rm -f /etc/sevattest/volumes/x
systemctl try-restart sevattest-brokerd.service sevattest-httpd-broker.service sevattest-netd-agent.service sevattest-netd-broker.service
systemctl stop sevattest-httpd-agent.socket sevattest-httpd-agent.service
systemctl stop sevattestd.service
rm -f /run/sevattest-state/refused
done_with_checks
