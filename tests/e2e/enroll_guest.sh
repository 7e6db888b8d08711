#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `sevattest enroll` on the guest, against simulator and broker: the disk is registered over an attested session, at once or after the operator agreed; the key is
# rotated; and what the broker or the guest does not want is refused with the disk as it was. Also the way from a source machine into this broker.
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/e2e/lib.sh
. ./lib.sh
for program in cryptsetup jose jq python3; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
sevattest=$(e2e_program sevattest) || exit 1
e2e_begin enroll_guest
# shellcheck source=tests/e2e/enroll_lib.sh
. ./enroll_lib.sh
umask 077
enroll_world
enroll_disk "$d/base"
new() { rm -rf "$d/state" "$d/recovery"; cp "$d/base" "$d/disk"; }
enroll() { "$sevattest" enroll "$d/disk" "${guest[@]}" "$@"; }
first=(--key-file "$d/pass" --recovery-out "$d/recovery")
unchanged() { e2e_same "$d/disk" "$d/base"; }

# from a source machine
e2e_expect 0 "enrol-key show" e2e_ctl enrol-key show -o "$d/broker.jwk"
new
e2e_expect 0 "sealed on the source machine" "$sevattest" enroll "$d/disk" --resource prod/disk/source --name data --seal-to "$d/broker.jwk" -o "$d/F.enrol" --root-trust luks \
	--state "$d/state" "${first[@]}" --guest-device /dev/disk/by-id/virtio-data
thumbprint=$(sed -n 's/^sealed to *//p' "$d/last.out")
fingerprint=$(sed -n 's/^fingerprint *//p' "$d/last.out")
e2e_ctl enrol-key show >"$d/shown" 2>/dev/null
[ -n "$thumbprint" ] && grep -qF "$thumbprint" "$d/shown" || e2e_fail "the thumbprints differ"
e2e_expect 6 "import with another fingerprint" e2e_ctl key import "$d/F.enrol" --expect "$(printf '0%.0s' {1..64})"
e2e_expect 0 "import" e2e_ctl key import "$d/F.enrol" --expect "$fingerprint"
e2e_ctl grant add 'prod/disk/*' prod >/dev/null || e2e_fail "grant add"
enroll_listed prod/disk/source "$d/disk.json" || e2e_fail "get of the imported key"
enroll_done "$d/disk" "$d/disk.json" "$d/state" "$d/recovery" "$d/pass" || e2e_fail "what was imported does not open the disk"
E2E_CHECKS=$((E2E_CHECKS + 1))

# no grant to register
new
e2e_expect 6 "the grant allows no registering" enroll --resource prod/disk/data "${first[@]}"
unchanged
e2e_expect 0 "the state of that, forgotten" enroll --resource prod/disk/data "${first[@]}" --restart --dry-run
e2e_ctl grant delete 'prod/disk/*' >/dev/null && e2e_ctl grant add 'prod/disk/*' prod --enrol accept >/dev/null || e2e_fail "grant add --enrol accept"
e2e_expect 2 "an interrupted run is in the way" enroll --resource prod/disk/data "${first[@]}"
e2e_expect_text "--resume"

# at once
e2e_expect 0 "registered, --restart" enroll --resource prod/disk/data "${first[@]}" --restart
enroll_listed prod/disk/data "$d/disk.json" || e2e_fail "get"
enroll_done "$d/disk" "$d/disk.json" "$d/state" "$d/recovery" "$d/pass" || e2e_fail "the registered key"
grep -q 'header=/run/sevattest-luks/data.header' "$d/root/etc/crypttab" || e2e_fail "crypttab was not written"
grep -q 'Resource = prod/disk/data' "$d/root/etc/sevattest/volumes/data" || e2e_fail "the volume's file was not written"
e2e_expect 2 "enrolled already" enroll --resource prod/disk/data "${first[@]}"

# rotation
jq -r .key "$d/disk.json" | base64 -d >"$d/k.old"
cp "$d/disk" "$d/before"
e2e_expect 0 "a dry run of a rotation" enroll --resource prod/disk/data --rotate --dry-run
e2e_same "$d/disk" "$d/before"
e2e_expect 0 "rotated" enroll --resource prod/disk/data --rotate
mv "$d/disk.json" "$d/old.json"
enroll_listed prod/disk/data "$d/disk.json" || e2e_fail "get after the rotation"
enroll_done "$d/disk" "$d/disk.json" "$d/state" "$d/recovery" "$d/pass" || e2e_fail "the rotated key"
cryptsetup open --test-passphrase "$d/disk" --key-file "$d/k.old" 2>/dev/null && e2e_fail "the old key opens the disk"
# The old header, put back by the host: its digest is listed no more, and the old key material is gone from the new disk.
python3 luks_copies.py judge "$d/before" "$d/disk.json" >/dev/null 2>&1 && e2e_fail "the header of before is listed still"
dd if="$d/before" of="$d/disk" bs=16384 count=2 conv=notrunc 2>/dev/null
e2e_expect 3 "a rotation over a header that is not listed" enroll --resource prod/disk/data --rotate
e2e_expect_text "no header that the broker lists"
[ -e "$d/k.old" ] && cryptsetup open --test-passphrase "$d/disk" --key-file "$d/k.old" 2>/dev/null && e2e_fail "the old slot was not wiped"
new
e2e_expect 2 "a disk that was not enrolled cannot be rotated" enroll --resource prod/disk/data --rotate
unchanged
e2e_expect 6 "nor one that the broker does not know" enroll --resource prod/disk/nothing --rotate

# the operator decides
e2e_ctl grant delete 'prod/disk/*' >/dev/null && e2e_ctl grant add 'prod/disk/*' prod --enrol pending >/dev/null || e2e_fail "grant add --enrol pending"
new
e2e_background waiting "$sevattest" enroll "$d/disk" "${guest[@]}" --resource prod/disk/late --name data "${first[@]}"
pid=$E2E_PID
e2e_wait_line "$d/waiting.log" 'sevattest-broker pending accept [0-9]' "$pid"
id=$(sed -n 's/.*pending accept \([0-9]*\).*/\1/p' "$d/waiting.log")
unchanged
kill -TERM "$pid"
wait "$pid"
unchanged
e2e_expect 0 "the operator accepts" e2e_ctl pending accept "$id"
e2e_expect 0 "--resume goes on, without a passphrase" "$sevattest" enroll "$d/disk" "${guest[@]}" --resource prod/disk/late --name data --resume
enroll_listed prod/disk/late "$d/disk.json" || e2e_fail "get after the operator agreed"
enroll_done "$d/disk" "$d/disk.json" "$d/state" "$d/recovery" "$d/pass" || e2e_fail "the accepted key"
cp "$d/disk" "$d/before"
e2e_background rejected "$sevattest" enroll "$d/disk" "${guest[@]}" --resource prod/disk/late --name data --rotate --wait 5
pid=$E2E_PID
e2e_wait_line "$d/rejected.log" 'sevattest-broker pending accept [0-9]' "$pid"
id=$(sed -n 's/.*pending accept \([0-9]*\).*/\1/p' "$d/rejected.log")
e2e_ctl pending reject "$id" >/dev/null || e2e_fail "pending reject"
wait "$pid"
[ $? = 6 ] || e2e_fail "a rejected registration: $(cat "$d/rejected.log")"
grep -q "registration $id of prod/disk/late within 5 seconds: it was rejected" "$d/rejected.log" || e2e_fail "a rejected registration: $(cat "$d/rejected.log")"
e2e_same "$d/disk" "$d/before"
e2e_background rotating "$sevattest" enroll "$d/disk" "${guest[@]}" --resource prod/disk/late --name data --rotate --restart
pid=$E2E_PID
done_ids=" "
for _ in {1..600}; do
	kill -0 "$pid" 2>/dev/null || break
	id=$(sed -n 's/.*pending accept \([0-9]*\).*/\1/p' "$d/rotating.log" | tail -1)
	case "$done_ids" in *" $id "*) ;; *) [ -n "$id" ] && e2e_ctl pending accept "$id" >/dev/null 2>&1 && done_ids="$done_ids$id " ;; esac
	sleep 0.1
done
wait "$pid" || e2e_fail "a rotation that waits for the operator three times"
[ "$(wc -w <<<"$done_ids")" = 3 ] || e2e_fail "the operator was asked for: $done_ids"
enroll_listed prod/disk/late "$d/disk.json" && enroll_done "$d/disk" "$d/disk.json" "$d/state" "$d/recovery" "$d/pass" || e2e_fail "the accepted rotation"
e2e_ctl grant delete 'prod/disk/*' >/dev/null && e2e_ctl grant add 'prod/disk/*' prod --enrol accept >/dev/null || e2e_fail "grant add --enrol accept"

# the root proves nothing
new
printf '30 1 0:20 / / rw - ext4 /dev/vda1 rw\n' >"$d/root/proc/self/mountinfo"
e2e_expect 7 "a root that the host can write" enroll --resource prod/disk/open --name data "${first[@]}"
unchanged
printf '1 1 0:1 / / rw - rootfs rootfs rw\n' >"$d/root/proc/self/mountinfo"

# not the guest that the policy wants; another signer; nobody there
e2e_sim_set plat --measurement "5b$(printf '5a%.0s' {1..47})"
e2e_expect 6 "another measurement" enroll --resource prod/disk/open --name data "${first[@]}"
unchanged
rm -f "$d/plat/state.json"
jose jwk gen -i '{"kty":"EC","crv":"P-256"}' | jq -c '. + {alg: "ES256"} | del(.d, .key_ops)' >"$d/stranger.jwk"
e2e_expect 6 "a broker that another key signs for" "$sevattest" enroll "$d/disk" --tsm-root "$E2E_TSM" --broker "$E2E_BROKER" --ca "$d/operator.pem" --broker-key "$d/stranger.jwk" \
	--root "$d/root" --root-trust initrd --guest-device /dev/disk/by-id/virtio-data --state "$d/state" --resource prod/disk/open --name data "${first[@]}" --restart
unchanged
e2e_end
