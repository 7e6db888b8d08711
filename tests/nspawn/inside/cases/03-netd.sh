#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest-netd of both sides, started by their sockets, each with its user made for the occasion and a network to go out by.
. ./lib.sh

printf '[broker]\nUrl = https://127.0.0.1:8080\nCA = /etc/sevattest/ca.pem\nBrokerKey = /etc/sevattest/release.jwk\n[kds]\nCA = /etc/sevattest/ca.pem\n[evidence]\nTsmRoot = /var/lib/sim/tsm\n' \
	>/etc/sevattest/agent.conf
expect 0 "the sockets listen" systemctl start sevattest-net.socket sevattest-broker-net.socket
equal "the agent alone reaches its netd" "root sevattest 660" "$(stat -c '%U %G %a' /run/sevattest/net.sock)"
equal "brokerd alone reaches its netd" "root sevattest-broker 660" "$(stat -c '%U %G %a' /run/sevattest-broker/net.sock)"
for side in /run/sevattest/net.sock=sevattest-netd-agent /run/sevattest-broker/net.sock=sevattest-netd-broker; do
	unit=${side#*=}.service
	# Frames of this type are not netd's: it ends the connection.
	expect 1 "$unit is started by a connection, and refuses a frame of another kind" ./frame.py "${side%%=*}" 11 00
	equal "$unit runs" active "$(systemctl is-active "$unit")"
	equal "$unit was ready" notify "$(systemctl show -P Type "$unit")"
	uid=$(stat -c %u "/proc/$(systemctl show -P MainPID "$unit")")
	equal "$unit has a user of its own" yes "$([ "$uid" -ge 61184 ] && [ "$uid" -le 65519 ] && echo yes)"
done
done_with_checks
