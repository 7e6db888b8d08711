#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest-evidence as its socket starts it: root without capabilities reaches configfs-tsm, one process per request, one request at a time.
. ./lib.sh

printf '[evidence]\nTsmRoot = /var/lib/sim/tsm\n' >/etc/sevattest/agent.conf
# The simulated folder in place of /sys/kernel/config/tsm/report.
install -d '/etc/systemd/system/sevattest-evidence@.service.d'
printf '[Service]\nReadWritePaths=/var/lib/sim/tsm\n' >'/etc/systemd/system/sevattest-evidence@.service.d/sim.conf'
expect 0 "units are read again" systemctl daemon-reload
expect 0 "the socket listens" systemctl start sevattest-evidence.socket
data=$(printf '5e%.0s' {1..64})
mark
expect 0 "a request is answered" ./frame.py /run/sevattest/evidence.sock 11 "${data}ff00"
equal "with a frame of type 12, outcome good" "12 00" "$(cut -c1-5 "$T/out")"
grep -q "$data" "$T/out" || fail "the report does not carry the 64 bytes"
expect 0 "our user may ask" setpriv --reuid=sevattest --regid=sevattest --clear-groups ./frame.py /run/sevattest/evidence.sock 11 "${data}ff00"
expect 1 "a user outside the group cannot connect" setpriv --reuid=nobody --regid=nogroup --clear-groups ./frame.py /run/sevattest/evidence.sock 11 "${data}ff00"
grep -q PermissionError "$T/out" || { cat "$T/out"; fail "not for want of permission"; }

# Eight at once: one behind the other, all answered, no process stays.
pids=()
for ((i = 0; i < 8; i++)); do
	./frame.py /run/sevattest/evidence.sock 11 "${data}ff00" >"$T/evidence.$i" 2>&1 </dev/null &
	pids+=($!)
done
for ((i = 0; i < 8; i++)); do wait "${pids[i]}" || { cat "$T/evidence.$i"; fail "request $i of eight"; }; done
say "ok: eight requests at once"
within 5 "no process stays" sh -c '! systemctl --no-legend list-units "sevattest-evidence@*" | grep -q running'
done_with_checks
