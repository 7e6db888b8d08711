#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A simulated platform, and the key broker under its own units: ready, initialised, seen from outside over HTTPS.
. ./lib.sh

install -d /var/lib/sim /var/lib/sim/tsm /etc/sevattest/certs /etc/sevattest/crls /var/cache/sevattest
export LD_LIBRARY_PATH=/usr/lib/sevattest-tests
expect 0 "the simulator makes a platform" sevattest-sim init /var/lib/sim/platform --ca-from /var/lib/sim-cache/milan
unset LD_LIBRARY_PATH
expect 0 "the simulator starts" systemctl start sevattest-sim.service
within 10 "the simulator's configfs-tsm is there" mountpoint -q /var/lib/sim/tsm

tls=/etc/sevattest
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=operator" -addext basicConstraints=critical,CA:TRUE \
	-addext keyUsage=critical,keyCertSign,cRLSign -keyout "$T/ca.key" -out $tls/ca.pem 2>/dev/null || fail "openssl: CA"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=broker" -keyout $tls/broker.key -out "$T/broker.csr" 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' >"$T/broker.ext"
openssl x509 -req -in "$T/broker.csr" -CA $tls/ca.pem -CAkey "$T/ca.key" -CAcreateserial -days 2 -extfile "$T/broker.ext" -out $tls/broker.pem 2>/dev/null ||
	fail "openssl: certificate"
chmod 600 $tls/broker.key
printf '[http]\nCertificate = /etc/sevattest/broker.pem\nPrivateKey = /run/credentials/sevattest-httpd-broker.service/key\n[broker]\nThreads = 2\n[admin]\n[kds]\nCA = /etc/sevattest/ca.pem\n' \
	>$tls/broker.conf

expect 0 "the broker's sockets start" systemctl start sevattest-broker-http.socket sevattest-broker-admin.socket sevattest-httpd-broker.socket \
	sevattest-httpd-broker-status.socket
expect 0 "brokerd starts" systemctl start sevattest-brokerd.service
equal "brokerd told systemd what it waits for" "waiting for sevattest-broker init" "$(systemctl show -P StatusText sevattest-brokerd.service)"
expect 0 "httpd starts" systemctl start sevattest-httpd-broker.service
expect 0 "init" sevattest-broker init --escrow "$T/escrow"
equal "the state directory is the broker's alone" "sevattest-broker 700" "$(stat -c '%U %a' /var/lib/sevattest-broker)"
within 5 "the broker is ready, asked over HTTP" curl -sf http://127.0.0.1:9465/readyz
expect 0 "KBS over TLS, from httpd by brokerd" curl -s --cacert $tls/ca.pem -o "$T/auth" -w '%{http_code}' -H 'Content-Type: application/json' \
	-d '{"version":"0.4.0","tee":"snp","extra-params":""}' https://127.0.0.1:8080/kbs/v0/auth
equal "auth is answered" 200 "$(cat "$T/out")"
expect 0 "restart of brokerd" systemctl restart sevattest-brokerd.service
within 5 "the broker is ready again" curl -sf http://127.0.0.1:9465/readyz
expect 0 "the signing key" sh -c 'sevattest-broker --json signing-key show >/etc/sevattest/release.jwk'
done_with_checks
