#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# LUKS2 headers as the real cryptsetup makes and changes them: those with enroll's parameters are allowed, what changes their digest is what spec/systemd.md 11.5
# says, others are refused by name. Then every disk that a host can forge (tests/vm/luks_images.py): refused by its own check, or opened with the genuine header.
# usage: tests/e2e/luks_headers.sh     with SEVATTEST_BUILD, a build directory
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v cryptsetup >/dev/null || e2e_skip "cryptsetup is not installed"
command -v mkfs.ext4 >/dev/null || e2e_skip "mkfs.ext4 is not installed"
[ -n "${SEVATTEST_BUILD:-}" ] || e2e_skip "the probe is part of a build directory, which SEVATTEST_BUILD would name"
PROBE=$SEVATTEST_BUILD/tests/unit/luks/luks_probe
IMAGES=$(cd "$(dirname "$0")/../vm" && pwd)/luks_images.py
e2e_begin luks_headers
SEVATTEST=$(e2e_program sevattest) || exit 1
DISK=$E2E_DIR/disk KEY=$E2E_DIR/key OTHER=$E2E_DIR/other
head -c 32 /dev/urandom >"$KEY"
head -c 32 /dev/urandom >"$OTHER"

format() { # OPTION...: a disk
	rm -f "$DISK"
	truncate -s 24M "$DISK"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$@" "$DISK" "$KEY" 2>"$E2E_DIR/format.log" ||
		e2e_fail "cryptsetup luksFormat $*: $(cat "$E2E_DIR/format.log")"
}

# shown DISK MEMBER: of the primary header; both copies must say the same.
shown() {
	"$SEVATTEST" show --json "$1" | python3 -c 'import json, sys
headers = json.load(sys.stdin)["headers"]
values = [json.dumps(one[sys.argv[1]]).strip("\"") for one in headers]
print(values[0] if len(values) == 2 and values[0] == values[1] else "the copies differ")' "$2"
}

same() { # WHAT EXPECTED ACTUAL
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$2" = "$3" ] || e2e_fail "$1: $3 instead of $2"
	e2e_say "ok: $1"
}

differs() { # WHAT NOT ACTUAL
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$2" != "$3" ] || e2e_fail "$1: the digest is the same"
	e2e_say "ok: $1"
}

allowed_formats() {
	local options
	while read -r -a options; do
		format "${options[@]}"
		same "allowed: luksFormat ${options[*]}" "[] true" "$(shown "$DISK" refused_by) $(shown "$DISK" allowed)"
		same "the digest of an independent reader" "$("$IMAGES" digest "$DISK")" "$(shown "$DISK" digest)"
	done <<-'END'

		--sector-size 4096
		--label data --subsystem sevattest
		--luks2-metadata-size 64k --luks2-keyslots-size 1m
		--luks2-metadata-size 4m --luks2-keyslots-size 8m
		--pbkdf-force-iterations 5000
	END
	format --pbkdf argon2id --pbkdf-memory 65536 --pbkdf-force-iterations 4 --pbkdf-parallel 1
	same "allowed: a passphrase with argon2id" "[]" "$(shown "$DISK" refused_by)"
}

# What enroll tells the owner of a plain or a LUKS1 disk to run.
converted() {
	local encrypt=(cryptsetup reencrypt -q --encrypt --type luks2 --cipher aes-xts-plain64 --key-size 512 --reduce-device-size 32M --pbkdf pbkdf2
		--pbkdf-force-iterations 1000 --key-file "$KEY")
	rm -f "$DISK"
	truncate -s 48M "$DISK"
	"${encrypt[@]}" --init-only "$DISK" 2>"$E2E_DIR/format.log" || e2e_fail "reencrypt --init-only: $(cat "$E2E_DIR/format.log")"
	same "an encryption under way is refused first for that" luks.reencryption "$(first_refusal)"
	cryptsetup reencrypt -q --resume-only --force-offline-reencrypt --key-file "$KEY" "$DISK" 2>"$E2E_DIR/format.log" || e2e_fail "reencrypt --resume-only: $(cat "$E2E_DIR/format.log")"
	same "allowed: a disk that was encrypted in place" "[]" "$(shown "$DISK" refused_by)"
	rm -f "$DISK"
	truncate -s 24M "$DISK"
	cryptsetup luksFormat -q --type luks1 --iter-time 1 "$DISK" "$KEY" 2>"$E2E_DIR/format.log" || e2e_fail "LUKS1: $(cat "$E2E_DIR/format.log")"
	cryptsetup convert -q --type luks2 "$DISK" 2>"$E2E_DIR/format.log" || e2e_fail "convert: $(cat "$E2E_DIR/format.log")"
	same "allowed: a disk that was LUKS1" "[]" "$(shown "$DISK" refused_by)"
}

first_refusal() { "$SEVATTEST" show --json "$DISK" | python3 -c 'import json, sys; print(json.load(sys.stdin)["headers"][0]["refused_by"][0])'; }

refused_formats() {
	local check options
	while read -r check options; do
		# shellcheck disable=SC2086
		format $options
		same "luksFormat $options" "$check" "$(first_refusal)"
	done <<-'END'
		luks.segment_cipher --cipher aes-xts-plain
		luks.segment_cipher --cipher aes-cbc-plain64 --key-size 256
		luks.keyslot_key_size --key-size 256
		luks.keyslot_af --hash sha512
		luks.keyslot_kdf --pbkdf argon2i --pbkdf-memory 65536 --pbkdf-force-iterations 4
	END
}

# change WHAT CHECKS COMMAND...: the digest changes, and the allow-list says CHECKS.
change() {
	local what=$1 checks=$2 before
	shift 2
	before=$(shown "$DISK" digest)
	"$@" >"$E2E_DIR/change.log" 2>&1 || e2e_fail "$what: $(cat "$E2E_DIR/change.log")"
	differs "$what changes the digest" "$before" "$(shown "$DISK" digest)"
	same "$what: what the allow-list says" "$checks" "$(shown "$DISK" refused_by)"
}

keep() { # WHAT COMMAND...
	local what=$1 before
	shift
	before=$(shown "$DISK" digest)
	"$@" >"$E2E_DIR/change.log" 2>&1 || e2e_fail "$what: $(cat "$E2E_DIR/change.log")"
	same "$what leaves the digest" "$before" "$(shown "$DISK" digest)"
}

import_token() { printf '%s' "$1" | cryptsetup token import "$DISK"; }
flags() { # as `open --persistent --allow-discards` writes them; that needs device-mapper
	python3 - "$DISK" "$(dirname "$IMAGES")" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[2])
		import luks2
		header = luks2.read(sys.argv[1])
		header.document["config"]["flags"] = ["allow-discards"]
		luks2.write(sys.argv[1], header)
	END
}
break_secondary() { printf '[' | dd of="$DISK" bs=1 seek=$((0x4000 + 0x1000)) conv=notrunc status=none; }
repaired() {
	break_secondary
	cryptsetup luksDump "$DISK"
	cmp -s -n 4096 -i 4096:20480 "$DISK" "$DISK"
}

changes() {
	local base
	format
	base=$(shown "$DISK" digest)
	keep luksDump cryptsetup luksDump "$DISK"
	keep open cryptsetup open --test-passphrase --key-file "$KEY" "$DISK"
	keep luksHeaderBackup cryptsetup luksHeaderBackup --header-backup-file "$E2E_DIR/backup" "$DISK"
	keep repair cryptsetup repair -q "$DISK"
	keep "recovery of one copy" repaired
	resource "$base"
	change luksAddKey "[]" cryptsetup luksAddKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$KEY" "$DISK" "$OTHER"
	judged "a key was added" "$DISK" 3 "refused luks.listed"
	e2e_expect_text "it has key slot 1, which the listed one has not"
	change luksKillSlot "[]" cryptsetup luksKillSlot -q --key-file "$KEY" "$DISK" 1
	same "without the slot it is the old header" "$base" "$(shown "$DISK" digest)"
	change "config --priority" "[]" cryptsetup config --priority prefer --key-slot 0 "$DISK"
	judged "a priority was set" "$DISK" 3 "keyslots.0.priority was changed"
	change "config --label" "[]" cryptsetup config --label data "$DISK"
	change luksUUID "[]" cryptsetup luksUUID -q --uuid 11111111-2222-4333-8444-555555555555 "$DISK"
	change "our token" "[]" import_token '{"type":"sevattest","keyslots":["0"]}'
	change luksChangeKey "[]" cryptsetup luksChangeKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$KEY" "$DISK" "$OTHER"
	change "a foreign token" "[\"luks.tokens\", \"luks.members\"]" import_token '{"type":"other","keyslots":["0"],"x":1}'
	format
	change "discards for ever" "[\"luks.flags\"]" flags
	format
	change "an unbound key" "[\"luks.digests\", \"luks.digest_form\", \"luks.digest_cost\", \"luks.digest_keyslots\", \"luks.digest_segments\"]" \
		cryptsetup luksAddKey -q --unbound --key-size 512 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$DISK" "$OTHER"
}

resource() { # DIGEST: what the broker keeps for the disk
	printf '{"sevattest-disk":1,"key":"%s","headers":["%s"]}' "$(base64 -w0 "$KEY")" "$1" >"$E2E_DIR/resource"
}

judged() { # WHAT DISK CODE TEXT
	e2e_expect "$3" "$1" "$PROBE" "$2" "$E2E_DIR/resource" "$E2E_DIR/rebuilt"
	e2e_expect_text "$4"
}

# The file made of a chosen copy: cryptsetup opens it with the genuine key and finds nothing to repair.
rebuilt_opens() { # NAME
	local before
	before=$(sha256sum <"$E2E_DIR/rebuilt")
	e2e_expect 0 "$1: cryptsetup opens the rebuilt header" cryptsetup open --test-passphrase --key-file "$KEY" "$E2E_DIR/rebuilt"
	same "$1: and does not touch it" "$before" "$(sha256sum <"$E2E_DIR/rebuilt")"
	same "$1: it is the listed header" "$LISTED" "$(shown "$E2E_DIR/rebuilt" digest)"
}

forged() {
	local name check count=0
	"$IMAGES" make "$DISK" "$KEY" --small --size 6 || e2e_fail "no genuine image"
	mkdir "$E2E_DIR/content"
	echo genuine >"$E2E_DIR/content/GENUINE"
	"$IMAGES" fill "$DISK" "$KEY" "$E2E_DIR/content" || e2e_fail "the image cannot be filled"
	"$IMAGES" attacks "$DISK" "$KEY" "$E2E_DIR/forged" || e2e_fail "no forged images"
	LISTED=$(shown "$DISK" digest)
	resource "$LISTED"
	while read -r name check; do
		count=$((count + 1))
		if [ "$check" != None ]; then
			judged "$name" "$E2E_DIR/forged/$name.img" 3 "refused $check"
			continue
		fi
		judged "$name" "$E2E_DIR/forged/$name.img" 0 "open "
		rebuilt_opens "$name"
	done < <(python3 -c 'import json, sys
for name, one in json.load(open(sys.argv[1]))["images"].items():
    print(name, one["check"])' "$E2E_DIR/forged/attacks.json")
	[ "$count" -ge 13 ] || e2e_fail "$count forged images instead of 13 or more"
}

# What plain cryptsetup makes of some of them: the attacks are real.
real() {
	e2e_expect 0 "cryptsetup opens a null segment with the genuine key" cryptsetup open --test-passphrase --key-file "$KEY" "$E2E_DIR/forged/null-segment.img"
	e2e_expect 0 "and a linear one" cryptsetup open --test-passphrase --key-file "$KEY" "$E2E_DIR/forged/linear-segment.img"
	e2e_expect 0 "cryptsetup takes the hostile secondary" cryptsetup luksDump "$E2E_DIR/forged/hostile-secondary.img"
	e2e_expect_text "cipher: cipher_null-ecb"
	printf revoked >"$E2E_DIR/revoked"
	e2e_expect 0 "the revoked key opens the rolled back header" cryptsetup open --test-passphrase --key-file "$E2E_DIR/revoked" "$E2E_DIR/forged/rolled-back.img"
	printf attacker >"$E2E_DIR/attacker"
	e2e_expect 0 "the host's key opens the swapped container" cryptsetup open --test-passphrase --key-file "$E2E_DIR/attacker" "$E2E_DIR/forged/swapped-container.img"
	same "which has the same UUID" "$(cryptsetup luksUUID "$DISK")" "$(cryptsetup luksUUID "$E2E_DIR/forged/swapped-container.img")"
	tail -c +1048577 "$E2E_DIR/forged/null-segment.img" >"$E2E_DIR/clear"
	e2e_expect 0 "the null segment holds the host's file in clear" debugfs -R 'cat /ATTACKER' "$E2E_DIR/clear"
	e2e_expect_text "chosen by the host"
}

allowed_formats
converted
refused_formats
changes
forged
real
e2e_say "luks_headers: $E2E_CHECKS checks"
