#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A boot without a broker, and what else can be wrong with one. The machine comes up, the disk and what lives on it do not, and one command says why. What
# can pass is waited for; what is a refusal ends the start, and is over when it is tried again. One boot for all: each case begins where the last one ended.
. ./vm.sh
. ./database_lib.sh

CHECK=sevattest-luks@data.service
MOUNT=var-lib-postgresql.mount
REFUSED_FRESH=10 # so many seconds a refusal stands, whoever asks

says() { # CODE WORDS: the status, and its exit code
	local code
	sevattest status >"$T/out" 2>&1
	code=$?
	[ $code = "$1" ] && grep -q -e "$2" "$T/out"
}

unit_says() { systemctl --no-pager --full -n 20 status "$1" >"$T/out" 2>&1; grep -q -F -e "$2" "$T/out"; } # UNIT WORDS

# The line that an operator would look for.
quote() { printf 'note: %s\n' "$(grep -m 1 -e "$1" "$T/out" | sed 's/^ *//')"; }

not_open() {
	[ ! -e /dev/mapper/data ] || fail "there is a mapping"
	equal "nothing is mounted" inactive "$(systemctl is-active $MOUNT)"
	case $(systemctl is-active "$DATABASE_UNIT") in active | activating | reloading) fail "PostgreSQL runs" ;; esac
	equal "PostgreSQL made nothing of the empty folder" "" "$(ls -A /var/lib/postgresql)"
}

waits_for_it() { systemctl --no-legend --plain list-jobs | grep -q -F "$1"; }

no_broker() {
	within 240 "the machine reaches multi-user" active multi-user.target
	within 120 "the status says that nobody answers" says 5 'https://10.0.2.100:8080: unreachable .*Z: .'
	quote ': unreachable '
	within 60 "and that the volume waits" says 5 '^    not asked for; 1 waiting'
	grep -q '^  volume data: prod/disk/data' "$T/out" || fail "the status does not name the volume"
	within 60 "so does its unit" unit_says $CHECK 'waiting: sevattestd has not decided; sevattest status says what it needs'
	within 1 "PostgreSQL's start is not given up" waits_for_it "$DATABASE_UNIT"
	equal "no unit has failed" "" "$(systemctl --no-legend --plain list-units --failed | cut -d ' ' -f 1)"
	not_open
}

wrong_certificate() {
	host broker wrong-certificate
	within 60 "the status says that the certificate is another's" says 5 'reason .*certificate not accepted'
	quote reason
	within 1 "PostgreSQL's start is not given up" waits_for_it "$DATABASE_UNIT"
	not_open
}

comes_back() {
	host broker start
	volume_opens data /var/lib/postgresql
	database_serves "create table kept (line text); insert into kept values ('before the trouble')" ''
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
	not_open
}

# refused CODE CHECK WORDS: the start ends at once, and says why in both places.
refused() {
	expect 1 "the database's start fails" systemctl start "$DATABASE_UNIT"
	grep -q 'dependency job' "$T/out" || fail "not because of its disk: $(cat "$T/out")"
	not_open
	within 20 "the status says why" says "$1" "refused .*: $2: $3"
	quote ": $2: "
	within 20 "so does the unit" unit_says $CHECK "data is not opened: $2: "
	grep -q -e "$3" "$T/out" && grep -q 'fix: ' "$T/out" || fail "without a reason, or without what to do"
}

unsigned() {
	host broker unsigned
	refused 0 disk.released 'the answer has no release signature'
	host broker start
	sleep $REFUSED_FRESH
	expect 0 "one start repairs it" systemctl start $MOUNT
	volume_opens data /var/lib/postgresql
	expect 0 "unmounted" systemctl stop $MOUNT
	expect 0 "closed" systemctl stop systemd-cryptsetup@data.service
}

wrong_measurement() {
	host policy wrong
	# The proof that it has still counts: only the next one is refused.
	expect 0 "the agent asks anew" systemctl restart sevattestd.service
	refused 6 disk.attested '.*refused by: measurement'
	host policy good
	sleep $REFUSED_FRESH
	expect 0 "one start repairs it" systemctl start "$DATABASE_UNIT"
	volume_opens data /var/lib/postgresql
	database_serves 'select line from kept' 'before the trouble'
}

case_run no-broker no_broker
case_run wrong-certificate wrong_certificate
case_run comes-back comes_back
case_run recovery recovery
case_run unsigned unsigned
case_run wrong-measurement wrong_measurement
scenario_end
