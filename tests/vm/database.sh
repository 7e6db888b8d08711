# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# PostgreSQL as Debian packages it, in a machine's tree: its cluster goes to a disk of its own, its TLS key is encrypted, and the passphrase for that is at
# the broker. Source it after disks.sh.

database_unit() { printf 'postgresql@%s-main.service' "$(ls "$1/usr/lib/postgresql")"; } # ROOT

# database_make ROOT: disk `data` with what was below /var/lib/postgresql; the tree has an empty folder there.
database_make() {
	local root=$1 version unit conf
	unit=$(database_unit "$1")
	version=$(ls "$root/usr/lib/postgresql") conf=/etc/postgresql/$version/main
	disk_make data "$root/var/lib/postgresql" 112
	rm -rf "$root/var/lib/postgresql/$version"
	rm -f "$root/etc/systemd/system/postgresql.service"
	systemctl --root="$root" -q enable postgresql.service || e2e_fail "enable postgresql"
	head -c 24 /dev/urandom | base64 | tr -d '\n' >"$E2E_DIR/passphrase"
	e2e_certificate operator database "DNS:localhost"
	openssl pkey -in "$E2E_DIR/database.key" -aes256 -passout "file:$E2E_DIR/passphrase" -out "$root/etc/database.key" || e2e_fail "the database's key"
	cp "$E2E_DIR/database.pem" "$root/etc/database.pem"
	chown --reference="$root$conf/pg_hba.conf" "$root/etc/database.key"
	chmod 600 "$root/etc/database.key"
	printf "ssl = on\nssl_cert_file = '/etc/database.pem'\nssl_key_file = '/etc/database.key'\nssl_passphrase_command = 'cat /run/credentials/%s/passphrase'\nshared_buffers = 16MB\n" "$unit" \
		>"$root$conf/conf.d/ssl.conf"
	world_key prod/database/passphrase "$E2E_DIR/passphrase"
	"$STAGE/usr/bin/sevattest" credential add "$unit" passphrase prod/database/passphrase --config "$root/etc/sevattest/agent.conf" --units "$root/etc/systemd/system" >>"$E2E_DIR/admin.log" ||
		e2e_fail "credential add"
	# A credential is its unit's user's. The unit starts as root and becomes this user by itself: the key must be for whom it becomes.
	printf '[Service]\nUser=postgres\n' >"$root/etc/systemd/system/$unit.d/90-user.conf"
}
