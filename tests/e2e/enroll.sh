#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `sevattest enroll` on the source machine and `sevattest recover`, with cryptsetup beside them: what is enrolled opens with what was sealed, what cannot be enrolled
# is left as it is to the last byte, and every refusal says what to run.
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/e2e/lib.sh
. ./lib.sh
for program in cryptsetup jose jq python3; do command -v "$program" >/dev/null || e2e_skip "$program is not installed"; done
e2e_begin enroll
sevattest=$(e2e_program sevattest) || exit 1
d=$E2E_DIR
umask 077

# A key of the broker's kind; jose(1), which is not ours, opens what is sealed to it.
jose jwk gen -i '{"kty":"EC","crv":"P-256"}' | jq -c '. + {alg: "ECDH-ES+A256KW"} | del(.key_ops)' >"$d/key.jwk"
jq -c 'del(.d)' "$d/key.jwk" >"$d/pub.jwk"
printf 'a passphrase' >"$d/pass"
printf 'another one' >"$d/pass2"

# new NAME [OPTIONS]: a LUKS2 disk of 24 MiB, as luksFormat makes it but for the time that it would take.
new() {
	local image=$d/$1
	shift
	rm -f "$image"
	truncate -s 24M "$image"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$@" "$image" "$d/pass" || e2e_fail "luksFormat $*"
}
enroll() { "$sevattest" enroll "$@" --root-trust luks --resource prod/disk/data --state "$d/state" --no-system; }
sealed() { enroll "$@" --seal-to "$d/pub.jwk" -o "$d/F.enrol"; }
opens() { cryptsetup open --test-passphrase "$1" --key-file "$2" 2>/dev/null; }
# unseal: what the broker would find in F.enrol, in disk.json and k.
unseal() {
	jose jwe dec -i "$d/F.enrol" -k "$d/key.jwk" -O "$d/enrolment.json" || e2e_fail "jose cannot open F.enrol"
	jq -c .disk "$d/enrolment.json" >"$d/disk.json" && jq -r .disk.key "$d/enrolment.json" | base64 -d >"$d/k"
}
# refused CODE WHAT TEXT COMMAND...: and the disk $image is as it was.
refused() {
	local code=$1 what=$2 text=$3
	shift 3
	cp "$image" "$d/before"
	e2e_expect "$code" "$what" "$@"
	e2e_expect_text "$text"
	e2e_same "$image" "$d/before"
	[ ! -e "$d/F.enrol" ] || e2e_fail "$what: F.enrol was written"
	[ -z "$(ls "$d/state" 2>/dev/null)" ] || e2e_fail "$what: a state was left"
}

# an enrolment
new disk --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768
image=$d/disk
refused 2 "no terminal for the recovery key" "--recovery-out" sealed "$image" --key-file "$d/pass"
refused 2 "a wrong passphrase" "opens no slot" sealed "$image" --key-file "$d/pass2" --no-recovery
refused 0 "a dry run" "write the primary header" sealed "$image" --key-file "$d/pass" --dry-run
chmod 644 "$d/pass2"
refused 2 "a key file that others may read" "others may read" sealed "$image" --key-file "$d/pass2" --no-recovery
chmod 600 "$d/pass2"
e2e_expect 0 "enrolled" sealed "$image" --key-file "$d/pass" --recovery-out "$d/recovery" --guest-device /dev/disk/by-id/virtio-data
e2e_expect_text "sealed to    $(jose jwk thp -a S256 -i "$d/pub.jwk")"
e2e_expect_text "$(sha256sum "$d/F.enrol" | cut -c1-64)"
[ "$(stat -c %a "$d/recovery")" = 600 ] || e2e_fail "the recovery key's file is not 0600"
[ -z "$(ls "$d/state")" ] || e2e_fail "a state was left"
unseal
[ "$(jq -r '.resource + " " + .volume.name + " " + .volume.device' "$d/enrolment.json")" = "prod/disk/data data /dev/disk/by-id/virtio-data" ] || e2e_fail "the enrolment's texts"
[ "$(stat -c %s "$d/k")" = 32 ] || e2e_fail "the key has not 32 bytes"
for key in k recovery pass; do opens "$image" "$d/$key" || e2e_fail "$key does not open the disk"; done
opens "$image" "$d/pass2" && e2e_fail "a stranger's key opens the disk"
e2e_expect 0 "both copies are the listed header, and the key opens each" python3 luks_copies.py judge "$image" "$d/disk.json"
[ "$(cat "$d/last.out")" = "primary secondary" ] || e2e_fail "not both copies: $(cat "$d/last.out")"
cp "$image" "$d/enrolled"
cryptsetup luksDump "$image" >"$d/dump"
cmp -s "$image" "$d/enrolled" || e2e_fail "cryptsetup found something to repair"
grep -q 'PBKDF: *pbkdf2' "$d/dump" && grep -q 'Iterations: *1000$' "$d/dump" || e2e_fail "our slot is dear"
grep -rqF "$(cat "$d/recovery")" "$d/last.out" "$d/last.err" && e2e_fail "the recovery key is in the output"
rm "$d/F.enrol"
refused 2 "enrolled already" "--rotate" sealed "$image" --key-file "$d/pass" --no-recovery

# recovery
e2e_expect 0 "recover takes the recovery key" "$sevattest" recover "$image" --key-file "$d/recovery"
e2e_expect_text "slot    2, the recovery key"
e2e_expect_text "header  $(jq -r '.headers[0]' "$d/disk.json")"
tr 'A-Z0-' 'a-zo ' <"$d/recovery" >"$d/typed"
e2e_expect 0 "as somebody types it" "$sevattest" recover "$image" --key-file "$d/typed"
tr 'ABCDEFGHJKMNPQRSTVWXYZ0-9' 'BCDEFGHJKMNPQRSTVWXYZA1-90' <"$d/recovery" >"$d/typed"
e2e_expect 2 "with typos" "$sevattest" recover "$image" --key-file "$d/typed"
e2e_expect_text "typo"
e2e_expect 2 "another key" "$sevattest" recover "$image" --key-file "$d/pass2"
e2e_expect_text "opens no slot"
for what in token segment flags requirement; do
	cp "$d/enrolled" "$image"
	python3 luks_copies.py $what "$image"
	e2e_expect 3 "recover refuses: $what" "$sevattest" recover "$image" --key-file "$d/recovery"
	e2e_expect_text "luks."
done
cp "$d/enrolled" "$image"
e2e_expect 0 "a copy that is damaged" bash -c "dd if=/dev/zero of='$image' bs=1 seek=5000 count=100 conv=notrunc 2>/dev/null; '$sevattest' recover '$image' --key-file '$d/recovery'"
e2e_expect_text "the secondary one is used"
cp "$d/enrolled" "$image"
e2e_expect 0 "enrolled again by the recovery key, which stays" sealed "$image" --key-file "$d/recovery" --anew --no-recovery
mv "$d/k" "$d/k.old"
unseal
for key in k recovery pass; do opens "$image" "$d/$key" || e2e_fail "$key does not open the disk"; done
opens "$image" "$d/k.old" && e2e_fail "the key of the first enrolment opens the disk"
rm "$d/F.enrol"

# only our slots
new disk
e2e_expect 0 "without the passphrase" sealed "$image" --key-file "$d/pass" --recovery-out "$d/recovery" --remove-slots
unseal
opens "$image" "$d/k" && opens "$image" "$d/recovery" || e2e_fail "ours do not open the disk"
opens "$image" "$d/pass" && e2e_fail "the passphrase opens the disk"
rm "$d/F.enrol"

# what is foreign
for what in token flags slot; do
	new disk --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768
	cryptsetup luksAddKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$d/pass" "$image" "$d/pass2" || e2e_fail luksAddKey
	python3 luks_copies.py $what "$image"
	refused 3 "foreign: $what" "--remove-foreign" sealed "$image" --key-file "$d/pass2" --no-recovery
	e2e_expect 0 "foreign: $what, taken away" sealed "$image" --key-file "$d/pass2" --no-recovery --remove-foreign
	unseal
	e2e_expect 0 "it is listed" python3 luks_copies.py judge "$image" "$d/disk.json"
	opens "$image" "$d/pass2" || e2e_fail "the sound slot is gone"
	rm "$d/F.enrol"
done
for what in segment requirement; do
	new disk
	python3 luks_copies.py $what "$image"
	refused 3 "not to be taken away: $what" "luks." sealed "$image" --key-file "$d/pass" --no-recovery --remove-foreign
done
new disk --cipher aes-cbc-essiv:sha256 --key-size 256
refused 3 "another cipher" "cryptsetup reencrypt --cipher aes-xts-plain64" sealed "$image" --key-file "$d/pass" --no-recovery
new disk --luks2-keyslots-size 256k
refused 2 "no room for a slot" "no room for another key slot" sealed "$image" --key-file "$d/pass" --no-recovery

# what is no LUKS2
rm "$image" && truncate -s 24M "$image" && cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 "$image" "$d/pass" || e2e_fail luks1
refused 2 "LUKS1" "cryptsetup convert --type luks2" sealed "$image" --key-file "$d/pass" --no-recovery
e2e_expect 0 "the advice for LUKS1, followed" cryptsetup convert -q --type luks2 "$image"
cryptsetup luksConvertKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$d/pass" "$image" || e2e_fail luksConvertKey
new disk
dd if=/dev/urandom of="$image" bs=4096 seek=1 count=1 conv=notrunc 2>/dev/null
dd if=/dev/urandom of="$image" bs=4096 seek=5 count=1 conv=notrunc 2>/dev/null
refused 3 "both copies damaged" "cryptsetup repair" sealed "$image" --key-file "$d/pass" --no-recovery
rm "$image" && truncate -s 24M "$image"
refused 2 "nothing" "--format" sealed "$image" --key-file "$d/pass" --no-recovery
if command -v mkfs.ext4 >/dev/null; then
	mkfs.ext4 -q "$image"
	refused 2 "a file system" "cryptsetup reencrypt --encrypt" sealed "$image" --key-file "$d/pass" --no-recovery
	refused 2 "--format over it" "ext4" sealed "$image" --format --no-recovery
	e2e_expect 0 "--format --force" sealed "$image" --format --force --no-recovery
	rm "$d/F.enrol"
fi
mkfifo "$d/fifo"
e2e_expect 2 "a pipe is no disk" sealed "$d/fifo" --key-file "$d/pass" --no-recovery

# a new disk
rm "$image" && truncate -s 24M "$image"
e2e_expect 0 "--format" sealed "$image" --format --recovery-out "$d/recovery"
unseal
opens "$image" "$d/k" && opens "$image" "$d/recovery" || e2e_fail "ours do not open the new disk"
e2e_expect 0 "it is listed" python3 luks_copies.py judge "$image" "$d/disk.json"
rm "$d/F.enrol"

# a block device, and two at once
if loop=$(losetup --find --show "$image" 2>/dev/null); then
	new disk2
	dd if="$d/disk2" of="$loop" conv=fsync bs=1M 2>/dev/null
	exec 9<>"$loop"
	flock 9
	e2e_expect 5 "the device is locked" sealed "$loop" --key-file "$d/pass" --no-recovery
	e2e_expect_text "locked"
	exec 9>&-
	e2e_expect 0 "a loop device" sealed "$loop" --key-file "$d/pass" --no-recovery
	unseal
	opens "$loop" "$d/k" || e2e_fail "the key does not open the loop device"
	losetup -d "$loop"
	rm "$d/F.enrol"
else
	e2e_say "no loop device: not tried"
fi

# the guest's files, below its root directory
root=$d/root
mkdir -p "$root/etc"
printf '# mine\ndata /dev/disk/by-id/virtio-data none luks,discard\n' >"$root/etc/crypttab"
printf '/dev/mapper/data /srv/db ext4 defaults 0 2\n' >"$root/etc/fstab"
with_root() { "$sevattest" enroll "$image" --resource prod/disk/data --state "$d/state" --root "$root" --no-recovery --root-trust luks "$@"; }
new disk
cp -r "$root" "$d/root.before"
refused 2 "a root without the guest's name of the disk" "--guest-device" with_root --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol"
refused 2 "a name that moves" "by-id" with_root --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol" --guest-device /dev/vdb
on=(--guest-device /dev/disk/by-id/virtio-data)
refused 0 "a dry run shows the files" "header=/run/sevattest-luks/data.header" with_root "${on[@]}" --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol" --dry-run
printf 'data /dev/disk/by-id/virtio-other none luks\n' >"$root/etc/crypttab"
refused 2 "the volume is another disk's" "crypttab" with_root "${on[@]}" --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol"
printf 'data UUID=%s none luks,discard\n' "$(cryptsetup luksUUID "$image" | tr 0-9 1-90)" >"$root/etc/crypttab"
refused 2 "the line's UUID is another disk's" "name of another device" with_root "${on[@]}" --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol"
for point in /var / /var/cache/ /tmp; do
	printf '/dev/mapper/data %s ext4 defaults 0 2\n' "$point" >"$root/etc/fstab"
	refused 2 "the volume is mounted at $point" "sevattestd needs files there before" with_root "${on[@]}" --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol"
done
cp "$d/root.before/etc/fstab" "$root/etc/fstab"
for name in "UUID=$(cryptsetup luksUUID "$image")" "/dev/disk/by-uuid/$(cryptsetup luksUUID "$image")"; do
	printf 'data %s none luks,discard\n' "$name" >"$root/etc/crypttab"
	refused 0 "a dry run over the line of an installer" "+data /dev/disk/by-id/virtio-data /run/sevattest/cryptsetup.sock" with_root "${on[@]}" --key-file "$d/pass" \
		--seal-to "$d/pub.jwk" -o "$d/F.enrol" --dry-run
done
cp "$d/root.before/etc/crypttab" "$root/etc/crypttab"
diff -r "$root" "$d/root.before" || e2e_fail "a run that was refused wrote a file"
printf '# mine\ndata UUID=%s none luks,discard\n' "$(cryptsetup luksUUID "$image")" >"$root/etc/crypttab"
e2e_expect 0 "enrolled, with the files, from the line of an installer" with_root "${on[@]}" --key-file "$d/pass" --seal-to "$d/pub.jwk" -o "$d/F.enrol" --service db.service
grep -q '^data /dev/disk/by-id/virtio-data /run/sevattest/cryptsetup.sock luks,_netdev,nofail,headless=yes,header=/run/sevattest-luks/data.header,discard$' "$root/etc/crypttab" ||
	e2e_fail "crypttab: $(cat "$root/etc/crypttab")"
[ "$(grep -c '^data ' "$root/etc/crypttab")" = 1 ] || e2e_fail "crypttab has two lines: $(cat "$root/etc/crypttab")"
grep -q 'RequiresMountsFor=/srv/db' "$root"/etc/systemd/system/db.service.d/*.conf || e2e_fail "the service has no drop-in"
grep -q '^RootTrust = luks$' "$root/etc/sevattest/agent.conf.d/root-trust.conf" || e2e_fail "RootTrust is not written down"
grep -q 'Resource = prod/disk/data' "$root/etc/sevattest/volumes/data" || e2e_fail "the volume's file"
cp -r "$root" "$d/root.done"
cp "$image" "$d/enrolled"
e2e_expect 0 "again, the files only" with_root "${on[@]}" --system-only --service db.service
diff -r "$root" "$d/root.done" || e2e_fail "the second time it wrote something else"
e2e_same "$image" "$d/enrolled"
rm "$d/F.enrol"

# usage
for bad in "" "--seal-to $d/pub.jwk" "-o $d/F.enrol" "--seal-to $d/pub.jwk -o $d/F.enrol --rotate" "--seal-to $d/key.jwk -o $d/F.enrol" "--seal-to $d/pass -o $d/F.enrol" \
	"--seal-to $d/pub.jwk -o $d/F.enrol --name ../x" "--seal-to $d/pub.jwk -o $d/F.enrol --recovery --no-recovery" "--seal-to $d/pub.jwk -o $d/F.enrol --sector-size 513" \
	"--seal-to $d/pub.jwk -o $d/F.enrol --wait 0" "--seal-to $d/pub.jwk -o $d/F.enrol --wait 604801"; do
	# shellcheck disable=SC2086
	e2e_expect 2 "usage: $bad" enroll "$image" $bad
done
for trust in none host; do e2e_expect 2 "usage: --root-trust $trust" "$sevattest" enroll "$image" --resource prod/disk/data --root-trust $trust; done
e2e_expect 7 "nothing is said about the root" "$sevattest" enroll "$image" --resource prod/disk/data --seal-to "$d/pub.jwk" -o "$d/F.enrol" --no-recovery
e2e_expect_text "--root-trust"
e2e_expect 2 "nothing to resume" sealed "$image" --resume --no-recovery
e2e_end
