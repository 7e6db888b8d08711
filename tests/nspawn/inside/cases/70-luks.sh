#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The chain of units around an encrypted volume: the check comes before systemd-cryptsetup@, and on a no that one never starts. Containers have no device-mapper, so
# systemd-cryptsetup@ is a stand-in that takes a note of the header that it finds, and the agent is one that answers as it is told; the disk, the check, its unit
# and the drop-ins are real.
. ./lib.sh

DISK=/dev/sevattest-disk
[ -b $DISK ] || skip "no loop device was bound into the container"
name=my-data_1
escaped=$(systemd-escape "$name")
check=sevattest-luks@$escaped.service
crypt=systemd-cryptsetup@$escaped.service
system=/run/systemd/system
files=/run/sevattest-luks/$name

# What `sevattest enroll` writes, as in sevattest-luks(8); without `verify`, which needs device-mapper.
install -d /etc/sevattest/volumes "$system/$crypt.d"
printf '[volume]\nDevice = %s\nResource = prod/disk/data\n' $DISK >"/etc/sevattest/volumes/$name"
printf '[Unit]\nRequires=sevattest-luks@%%i.service\nAfter=sevattest-luks@%%i.service\n' >"$system/$crypt.d/sevattest.conf"
cat >$system/systemd-cryptsetup@.service <<'UNIT'
[Unit]
DefaultDependencies=no
After=cryptsetup-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo opened >>/run/opened && cp "/run/sevattest-luks/%I.header" /run/seen'
ExecStop=/bin/rm -f /run/seen
UNIT
printf '[Unit]\nRequires=%s\nAfter=%s\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' "$crypt" "$crypt" >$system/consumer.service
systemctl daemon-reload

# agent ANSWER...: the stand-in at luks.sock, one answer for each question in turn; "hold" keeps the connection.
agent() {
	systemctl mask --quiet --runtime --now sevattest-luks.socket sevattest-cryptsetup.socket
	systemctl stop sevattestd.service agent-stand-in.service 2>/dev/null
	systemctl reset-failed agent-stand-in.service 2>/dev/null
	systemd-run --quiet --unit=agent-stand-in ./luks_agent.py /run/sevattest/luks.sock "$@" || fail "systemd-run"
	within 10 "a stand-in for the agent listens" test -S /run/sevattest/luks.sock
}
mode() { stat -c '%U:%G %a' "$1"; }

agent "no:luks.segment_cipher:the segment says cipher_null-ecb:restore the header"
: >/run/opened
mark
systemctl start consumer.service >"$T/out" 2>&1 && fail "the consumer started"
equal "the check failed" "failed 6" "$(systemctl is-failed "$check") $(systemctl show -P ExecMainStatus "$check")"
equal "systemd-cryptsetup@ was never started" "inactive 0" "$(systemctl is-active "$crypt") $(systemctl show -P ExecMainStartTimestampMonotonic "$crypt")"
equal "nothing was opened" "" "$(cat /run/opened)"
systemctl status --no-pager --full "$check" >"$T/status"
for words in "luks.segment_cipher: the segment says cipher_null-ecb" "fix: restore the header"; do
	grep -q -F -- "$words" "$T/status" || { cat "$T/status"; fail "the unit's status does not say \"$words\""; }
	say "ok: the unit's status says: $words"
done
equal "nothing is left" "" "$(ls /run/sevattest-luks)"

agent yes yes
expect 0 "the same start works once the reason is gone" systemctl start consumer.service
equal "it was opened once" opened "$(cat /run/opened)"
equal "the header" "root:sevattest 640" "$(mode "$files.header")"
equal "its directory" "root:sevattest 750" "$(mode /run/sevattest-luks)"
equal "what was opened is what is there" "" "$(cmp "$files.header" /run/seen 2>&1)"
expect 0 "the agent's user may read it" runuser -u sevattest -- test -r "$files.header"
expect 1 "others may not" runuser -u nobody -- test -r "$files.header"
expect 0 "a restart of the consumer" systemctl restart consumer.service
equal "does not check again" 1 "$(grep -c . /run/opened)"
touch "$files.ok" # as `verify` does
expect 0 "stop" systemctl stop consumer.service "$crypt"
within 10 "the check stops with the volume" test ! -e "$files.header"
equal "and removes all" "" "$(ls /run/sevattest-luks)"
expect 0 "start again" systemctl start consumer.service
equal "checks again" 2 "$(grep -c . /run/opened)"
systemctl stop consumer.service "$crypt"

agent hold
systemctl start --no-block consumer.service
within 15 "it says what it waits for" sh -c "systemctl show -P StatusText '$check' | grep -q 'waiting: sevattestd has not decided'"
pid=$(systemctl show -P MainPID "$check")
equal "it is narrowed: seccomp, no new privileges, no capability" "2 1 0000000000000000" \
	"$(awk '/^Seccomp:/ {s = $2} /^NoNewPrivs:/ {n = $2} /^CapEff:/ {c = $2} END {print s, n, c}' "/proc/$pid/status")"
equal "the volume waits" "activating inactive" "$(systemctl is-active "$check") $(systemctl is-active "$crypt")"
# The agent is killed and comes back: the same question is asked again, and the start goes on.
agent yes
within 15 "the agent came back with a yes, and the consumer runs" active consumer.service
systemctl stop consumer.service "$crypt"

printf '[volume]\nDevice = /dev/null\nResource = prod/disk/data\n' >"/etc/sevattest/volumes/$name"
systemctl start consumer.service >"$T/out" 2>&1 && fail "the consumer started"
equal "a device that is none is a usage error" 2 "$(systemctl show -P ExecMainStatus "$check")"
systemctl stop agent-stand-in.service
rm -rf "/etc/sevattest/volumes/$name" "$system/$crypt.d" $system/systemd-cryptsetup@.service $system/consumer.service
systemctl daemon-reload
systemctl unmask --quiet --runtime sevattest-luks.socket sevattest-cryptsetup.socket
# A socket cannot begin to listen while its service runs.
systemctl stop sevattestd.service
expect 0 "the real sockets listen again" systemctl start sevattest-luks.socket sevattest-cryptsetup.socket
done_with_checks
