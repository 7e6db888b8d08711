#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The second boot; and a new key for the disk while PostgreSQL runs on it.
. ./vm.sh
. ./database_lib.sh

DISK=/dev/disk/by-id/virtio-data

disk_opens() { volume_opens data /var/lib/postgresql; }

rotate() {
	local before
	before=$(cryptsetup luksDump $DISK | sha256sum)
	expect 0 "rotate, the disk in use" sevattest enroll $DISK --rotate --resource prod/disk/data --name data --broker https://10.0.2.100:8080 --ca /etc/sevattest/broker-ca.pem \
		--broker-key /etc/sevattest/release.jwk --tsm-root /var/lib/sim/tsm
	cat "$T/out"
	[ "$before" != "$(cryptsetup luksDump $DISK | sha256sum)" ] || fail "the header is the same"
	database_serves 'select line from kept' 'from the first boot'
}

case_run disk disk_opens
case_run database database_serves 'select line from kept' 'from the first boot'
case_run rotate rotate
scenario_end
