#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Part of netd.sh, inside a network and mount namespace: a broker that only DNS knows. The name server first answers that the datagram was too small, so that
# the second question goes over TCP; resolv.conf is replaced, as DHCP clients do, after netd has started.
# usage: netd_dns.sh DIRECTORY NETD TESTS
set -u
D=$1 NETD=$2 TESTS=$3
trap 'kill "$DNS" "$ORIGIN" "$NETD_PID" 2>/dev/null; wait' EXIT
ip link set lo up || exit 1
mkdir -p "$D/etc"
cp -a /etc/. "$D/etc/" 2>/dev/null
rm -f "$D/etc/resolv.conf" "$D/etc/hosts"
printf '127.0.0.1 localhost\n' >"$D/etc/hosts"
printf 'nameserver 127.0.0.9\n' >"$D/etc/resolv.conf"
printf 'hosts: files dns\n' >"$D/etc/nsswitch.conf"
mount --bind "$D/etc" /etc || exit 1
python3 "$TESTS/dns_server.py" 127.0.0.1 broker.test=127.0.0.1 >"$D/dns.out" 2>&1 &
DNS=$!
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=broker -keyout "$D/dns.key" -out "$D/dns.csr" 2>/dev/null
printf 'subjectAltName=DNS:broker.test\n' >"$D/dns.ext"
openssl x509 -req -in "$D/dns.csr" -CA "$D/ca.pem" -CAkey "$D/ca.key" -days 2 -extfile "$D/dns.ext" -out "$D/dns.pem" 2>/dev/null || exit 1
python3 "$TESTS/net_origin.py" "$D/dns.count" "$D/dns.pem" "$D/dns.key" --port 8443 >"$D/dns-origin.out" 2>&1 &
ORIGIN=$!
printf '[net]\nSocket = %s\n[broker]\nUrl = https://broker.test:8443\nCA = %s\n[kds]\nUrl = off\n[imds]\nUrl = off\n' "$D/dns.sock" "$D/ca.pem" >"$D/dns.conf"
"$NETD" --agent="$D/dns.conf" 2>"$D/dns-netd.log" &
NETD_PID=$!
for ((i = 0; i < 100; i++)); do
	grep -q ready "$D/dns.out" && grep -q port "$D/dns-origin.out" && [ -S "$D/dns.sock" ] && break
	sleep 0.05
done
# Nobody answers on 127.0.0.9 yet.
python3 "$TESTS/net_client.py" "$D/dns.sock" broker-1 GET /kbs/v0/ok --timeout 1000 | grep -q '"outcome": [12]' || { echo "the name was resolved too early"; exit 1; }
printf 'nameserver 127.0.0.1\n' >"$D/etc/resolv.new"
mv /etc/resolv.new /etc/resolv.conf
python3 "$TESTS/net_client.py" "$D/dns.sock" broker-1 GET /kbs/v0/ok --timeout 15000 | tee "$D/dns-answer"
cat "$D/dns.out"
grep -q tcp "$D/dns.out" || { echo "the name server was not asked over TCP"; exit 1; }
grep -q '"status": 200' "$D/dns-answer"
