# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# PostgreSQL in the machine. Source it after vm.sh.

DATABASE=$(ls /usr/lib/postgresql 2>/dev/null)
DATABASE_UNIT=postgresql@$DATABASE-main.service

# database_serves SQL ANSWER: it came up by itself, with its key, on the disk.
database_serves() {
	within 240 "PostgreSQL runs" active "$DATABASE_UNIT"
	within 120 "it takes connections" runuser -u postgres -- psql -Atqc 'select 1'
	expect 0 "it answers" runuser -u postgres -- psql -Atqc "$1"
	equal "what it ought to" "$2" "$(cat "$T/out")"
	equal "it has the key that its passphrase opens" on "$(runuser -u postgres -- psql -Atqc 'show ssl')"
}

close_all() {
	# One by one: nothing orders the end of a mount before that of the mapping.
	expect 0 "PostgreSQL ends" systemctl stop postgresql.service "$DATABASE_UNIT"
	expect 0 "its disk is unmounted" systemctl stop var-lib-postgresql.mount
	expect 0 "and closed" systemctl stop systemd-cryptsetup@data.service
	[ ! -e /dev/mapper/data ] || fail "there is a mapping"
}
