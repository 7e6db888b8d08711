#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent under its unit: proven by the broker, it gives an unchanged service its key; what is not the right unit's it does not give.
. ./lib.sh

jq -n --rawfile ark /var/lib/sim/platform/ark.pem '{version: 1, name: "prod", os_identity: "kernel-hashes", trust: [$ark], revocation: "off",
	snp: {measurement: ["5a" * 48], signer: ["vcek"], vmpl: {max: 0}, guest_policy: {debug: false, migrate_ma: false}, tcb_min: "entrysign"}}' >"$T/policy.json" ||
	fail "policy"
printf 'correct horse' >"$T/password"
printf 'battery staple' >"$T/token"
head -c 300000 /dev/urandom >"$T/large"
expect 0 "a policy is stored" sevattest-broker policy put "$T/policy.json"
for name in password token large; do
	expect 0 "$name is stored" sevattest-broker key put "prod/app/$name" "$T/$name"
	expect 0 "$name is granted" sevattest-broker grant add "prod/app/$name" prod
done
install -d /etc/sevattest/agent.conf.d
cp "$T/policy.json" /etc/sevattest/policy.json
printf '[agent]\nPolicy = /etc/sevattest/policy.json\n' >/etc/sevattest/agent.conf.d/10-policy.conf
printf '[credentials]\nMap = app.service/password prod/app/password\nMap = app.service/token prod/app/token\nMap = app.service/large prod/app/large\nMap = %s prod/app/password\n' \
	'esc-\x2dmy\x20app@in\x2dst.service/password' >/etc/sevattest/agent.conf.d/20-keys.conf

# Unchanged: it reads files, and knows of nobody. /run/app has what it got.
app_unit app.service password token large
app_unit 'esc-\x2dmy\x20app@.service' password
systemctl daemon-reload
expect 0 "the agent's sockets listen" systemctl start sevattest-credentials.socket sevattest-status.socket sevattest-evidence.socket sevattest-net.socket
equal "root alone reaches the keys" "root root 600" "$(stat -c '%U %G %a' /run/sevattest/credentials.sock)"
mark
start=$(date +%s%3N)
expect 0 "a service starts with three keys, the agent not yet running" systemctl start app.service
say "figure: first start of a service, agent started and machine proven on the way: $(($(date +%s%3N) - start)) ms"
for name in password token large; do cmp "$T/$name" "/run/app/$name" || fail "$name is not what was stored"; done
equal "the agent was ready before it was proven or after, in either case now" active "$(systemctl is-active sevattestd.service)"
within 5 "the journal names the key that was served" logged sevattestd.service "served app.service/password"
start=$(date +%s%3N)
expect 0 "and starts again" systemctl restart app.service
say "figure: start of a service with three keys that are there: $(($(date +%s%3N) - start)) ms"
expect 0 "a unit with escapes in its name" systemctl start 'esc-\x2dmy\x20app@in\x2dst.service'
cmp "$T/password" /run/app/password || fail "not the password"
equal "no key is in the journal" 0 "$(journalctl --no-pager -o cat | grep -c -e 'correct horse' -e 'battery staple')"

# What it tells about itself.
expect 0 "the status pages" systemctl start sevattest-httpd-agent.socket
within 5 "say ready" curl -sf http://127.0.0.1:9464/readyz
expect 0 "have metrics" curl -sf http://127.0.0.1:9464/metrics
grep -q '^sevattest_' "$T/out" || { cat "$T/out"; fail "no metrics"; }
expect 0 "sevattest status" sevattest status
grep -q app.service "$T/out" || { cat "$T/out"; fail "the status does not name the unit that was served"; }
cat "$T/out"

# Who is not the unit.
mark
expect 0 "root in another unit's control group asks for app's password" ./peer.py /run/sevattest/credentials.sock app.service password
equal "and gets the answer that starts nothing" "1048577 zeros" "$(tail -n 1 "$T/out")"
within 5 "the journal says which unit it was" logged sevattestd.service "is in the control group of sevattest-test.service"
expect 1 "an unprivileged process with a fitting name cannot connect" setpriv --reuid=nobody --regid=nogroup --clear-groups ./peer.py /run/sevattest/credentials.sock app.service password
grep -q "Permission denied" "$T/out" || { cat "$T/out"; fail "not for want of permission"; }
chmod 0666 /run/sevattest/credentials.sock
mark
expect 0 "the same with the socket's mode out of the way" setpriv --reuid=nobody --regid=nogroup --clear-groups ./peer.py /run/sevattest/credentials.sock app.service password
equal "gets the answer that starts nothing too" "1048577 zeros" "$(tail -n 1 "$T/out")"
within 5 "for its user" logged sevattestd.service "only root's requests are served"
# In the right control group, but not root: a service's own process asks for its key, or for another's.
printf '[Service]\nType=oneshot\nUser=nobody\nExecStart=/usr/lib/sevattest-tests/peer.py /run/sevattest/credentials.sock own.service password\nStandardOutput=truncate:%s\n' "$T/own" \
	>/run/systemd/system/own.service
systemctl daemon-reload
expect 0 "a process in the unit's own control group, not root" systemctl start own.service
mv "$T/own" "$T/out"
equal "is refused as well" "1048577 zeros" "$(tail -n 1 "$T/out")"
chmod 0600 /run/sevattest/credentials.sock
for name in "app.service password/more" "app.service x/y" "../app.service password"; do
	# shellcheck disable=SC2086
	expect 0 "the name \"$name\"" ./peer.py /run/sevattest/credentials.sock $name
	equal "is none" "1048577 zeros" "$(tail -n 1 "$T/out")"
done
app_unit other.service password
systemctl daemon-reload
mark
expect 1 "a unit that no line of the configuration names does not start" systemctl start other.service
equal "for its credentials" "243" "$(systemctl show -P ExecMainStatus other.service)"
within 5 "and the journal says why" logged sevattestd.service "refused other.service/password: no line of Map= in agent.conf names it"
done_with_checks
