#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx and PostgreSQL as Debian packages them: their TLS keys exist nowhere but at the broker. A drop-in names the credential and the path at which the program
# has always read its key.
. ./lib.sh

certificate() { # NAME: a certificate of the CA in /etc/NAME.pem; its key goes to the broker and nowhere else
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null &&
		openssl x509 -req -in "$T/$1.csr" -CA /etc/sevattest/ca.pem -CAkey "$T/ca.key" -CAcreateserial -days 2 -extfile "$T/broker.ext" -out "/etc/$1.pem" 2>/dev/null ||
		fail "openssl: certificate $1"
	expect 0 "the key of $1 is stored" sevattest-broker key put "prod/$1/key" "$T/$1.key"
	expect 0 "the key of $1 is granted" sevattest-broker grant add "prod/$1/key" prod
	rm "$T/$1.key"
}

certificate web
certificate database
version=$(ls /usr/lib/postgresql)
postgresql=postgresql@$version-main.service
printf 'server {\n listen 127.0.0.1:8443 ssl;\n ssl_certificate /etc/web.pem;\n ssl_certificate_key /etc/nginx/web.key;\n location / { return 200 "nginx with our key\\n"; }\n}\n' \
	>/etc/nginx/conf.d/test.conf
printf "ssl = on\nssl_cert_file = '/etc/database.pem'\nssl_key_file = '/etc/postgresql/database.key'\nlisten_addresses = '127.0.0.1'\n" \
	>"/etc/postgresql/$version/main/conf.d/ssl.conf"
expect 0 "nginx shall have its key where it reads it" sevattest credential add nginx.service tls-key prod/web/key --as /etc/nginx/web.key
expect 0 "and PostgreSQL" sevattest credential add "$postgresql" tls-key prod/database/key --as /etc/postgresql/database.key
# A credential is its unit's user's. The unit starts as root and becomes this user by itself: the key must be for whom it becomes.
printf '[Service]\nUser=postgres\n' >"/etc/systemd/system/$postgresql.d/90-user.conf"
systemctl daemon-reload
systemctl reload-or-restart sevattestd.service

[ "$(find /etc/nginx/web.key /etc/postgresql/database.key -size +0 2>/dev/null)" = "" ] || fail "a key lies on the disk"
start=$(date +%s%3N)
expect 0 "nginx starts" systemctl start nginx.service
say "figure: start of nginx with its TLS key from the broker: $(($(date +%s%3N) - start)) ms"
expect 0 "and serves with the key" curl -sf --cacert /etc/sevattest/ca.pem --resolve localhost:8443:127.0.0.1 https://localhost:8443/
equal "its page" "nginx with our key" "$(cat "$T/out")"
expect 0 "nginx reloads" systemctl reload nginx.service
start=$(date +%s%3N)
expect 0 "PostgreSQL starts" systemctl start "$postgresql"
say "figure: start of PostgreSQL with its TLS key from the broker: $(($(date +%s%3N) - start)) ms"
within 10 "PostgreSQL listens" bash -c 'exec 3<>/dev/tcp/127.0.0.1/5432'
expect 0 "PostgreSQL shows its certificate and proves that it has the key" openssl s_client -starttls postgres -connect 127.0.0.1:5432 -CAfile /etc/sevattest/ca.pem \
	-verify_return_error
grep -q "subject=CN = database\|subject=CN=database" "$T/out" || { cat "$T/out"; fail "another certificate"; }
[ "$(find / -xdev \( -name web.key -o -name database.key \) -size +0 2>/dev/null)" = "" ] || fail "a key lies on the disk"
say "ok: no key lies on the disk"

# Without the key neither runs: there is nothing to fall back to.
expect 0 "the grant is taken back" sevattest-broker grant delete prod/web/key
systemctl restart sevattestd.service
mark
expect 1 "nginx does not start without it" systemctl restart nginx.service
expect 0 "for its credentials" sh -c 'systemctl show nginx.service | grep -E "^ExecStartPre(Ex)?=.*status=243"'
within 2 "and the agent says why" logged sevattestd.service "refused nginx.service/tls-key: broker answered 403"
expect 0 "the grant is given again" sevattest-broker grant add prod/web/key prod
systemctl restart sevattestd.service
expect 0 "nginx starts again" systemctl restart nginx.service
systemctl stop nginx.service "$postgresql"
done_with_checks
