#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A boot without a broker, and what else can be wrong with one. The machine comes up, the disk and what lives on it do not, and one command says why. What
# can pass is waited for; what is a refusal ends the start, and is over when it is tried again.
. ./vm.sh
. ./database_lib.sh

says() { # WORDS
	sevattest status >"$T/out" 2>&1
	grep -i -q -e "$1" "$T/out"
}

not_open() {
	[ ! -e /dev/mapper/data ] || fail "there is a mapping"
	equal "nothing is mounted" inactive "$(systemctl is-active var-lib-postgresql.mount)"
	case $(systemctl is-active "$DATABASE_UNIT") in active | reloading) fail "PostgreSQL runs" ;; esac
	equal "PostgreSQL made nothing of the empty folder" "" "$(ls -A /var/lib/postgresql)"
}

no_broker() {
	within 240 "the machine reaches multi-user" active multi-user.target
	not_open
	within 60 "the status names the volume and says that nobody answers" says 'data.*'
	cat "$T/out"
}

wrong_certificate() {
	host broker wrong-certificate
	within 60 "the status says that the certificate is another's" says certificate
	cat "$T/out"
	not_open
}

comes_back() {
	host broker start
	volume_opens data /var/lib/postgresql
	database_serves 'select line from kept' 'from the first boot'
}

# refused_then HOST_BAD WORDS HOST_GOOD
refused_then() {
	close_all
	# shellcheck disable=SC2086
	host $1
	expect 0 "the agent asks anew" systemctl restart sevattestd.service
	expect 1 "the database's start fails" systemctl start "$DATABASE_UNIT"
	cat "$T/out"
	not_open
	within 20 "the status says why" says "$2"
	cat "$T/out"
	systemctl --no-pager status sevattest-luks@data.service
	# shellcheck disable=SC2086
	host $3
	expect 0 "the agent asks anew" systemctl restart sevattestd.service
	expect 0 "one start repairs it" systemctl start "$DATABASE_UNIT"
	volume_opens data /var/lib/postgresql
	database_serves 'select line from kept' 'from the first boot'
}

# A person opens the disk, the broker being away.
recovery() {
	close_all
	host broker stop
	expect 0 "a person opens it with the recovery key" sevattest recover /dev/disk/by-id/virtio-data --key-file /root/data.recovery --open rescued
	cat "$T/out"
	expect 0 "it can be mounted" mount /dev/mapper/rescued /mnt
	[ -d "/mnt/$DATABASE/main/base" ] || fail "no database on it"
	expect 0 "and put away" umount /mnt
	expect 0 "closed" cryptsetup close rescued
	host broker start
	expect 0 "the database starts again" systemctl start "$DATABASE_UNIT"
	database_serves 'select line from kept' 'from the first boot'
}

case_run no-broker no_broker
case_run wrong-certificate wrong_certificate
case_run comes-back comes_back
case_run recovery recovery
case_run unsigned refused_then "broker unsigned" "sign" "broker start"
case_run wrong-measurement refused_then "policy wrong" "measurement\|403\|policy" "policy good"
scenario_end
