#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first boot on a foreign host: the disk opens, PostgreSQL on it starts with its password, and the status says so.
. ./vm.sh
. ./database_lib.sh

disk_opens() {
	within 240 "the machine reaches multi-user" active multi-user.target
	volume_opens data /var/lib/postgresql
	say "figure: network online to disk mounted: $(($(entered var-lib-postgresql.mount) - $(entered network-online.target))) ms"
	say "figure: kernel to multi-user: $(entered multi-user.target) ms"
	say "figure: kernel to disk mounted: $(entered var-lib-postgresql.mount) ms"
}

status_green() {
	expect 0 "sevattest status" sevattest status
	cat "$T/out"
	grep -q data "$T/out" || fail "the status does not name the volume"
	expect 0 "the status pages" systemctl start sevattest-httpd-agent.socket
	within 20 "say ready" curl -sf http://127.0.0.1:9464/readyz
	equal "no unit has failed" "" "$(systemctl --no-legend --plain list-units --failed | cut -d ' ' -f 1)"
}

case_run disk disk_opens
case_run database database_serves "create table kept (line text); insert into kept values ('from the first boot')" ''
case_run status status_green
scenario_end
