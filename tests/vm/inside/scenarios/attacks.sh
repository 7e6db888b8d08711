#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Disks that the host changed after they had been enrolled: each is refused by the check that is there for it, and left alone. Then the same disks opened as
# systemd opens them where nobody checks.
. ./vm.sh

opened() { # NAME
	local unit mapping
	unit=$(systemd-escape "$1") mapping=$(systemd-escape -p "/dev/mapper/$1")
	volume_opens "$1" "/mnt/$1"
	case " $(started "systemd-cryptsetup@$unit.service" "systemd-fsck@$mapping.service" "mnt-$unit.mount") " in *' 0 '*) fail "not all that opens it was started" ;; esac
	[ -e "/mnt/$1/GENUINE" ] || fail "its content is not its owner's"
}

# Everything was tried. To ask all the time would take the one emulated processor from those that are asked about.
settled() {
	say "the system is $(timeout 540 systemctl is-system-running --wait)"
	expect 0 "status" sevattest status
	cp "$T/out" "$T/status"
	journalctl --no-pager -o short >"$T/journal"
	equal "the journal goes back to the begin" 1 "$(grep -c 'kernel: Linux version' "$T/journal")"
	say "figure: kernel to all volumes decided: $(($(systemctl show -P FinishTimestampMonotonic) / 1000)) ms"
}

# started UNIT...: when each was started for the first time, 0 where it never was.
started() { systemctl show -P InactiveExitTimestampMonotonic "$@" | xargs; }

refused() { # NAME CHECK
	local unit mapping
	unit=$(systemd-escape "$1") mapping=$(systemd-escape -p "/dev/mapper/$1")
	equal "its check has failed" failed "$(systemctl is-active "sevattest-luks@$unit.service")"
	equal "it was never opened, nor fsck started on it, nor was it mounted" "0 0 0" \
		"$(started "systemd-cryptsetup@$unit.service" "systemd-fsck@$mapping.service" "mnt-$unit.mount")"
	[ ! -e "/dev/mapper/$1" ] || fail "there is a mapping"
	equal "the journal names the check" "$2" "$(sed -n "s/.* sevattest-luks\[[0-9]*\]: $1 is not opened: \([^:]*\): .*/\1/p" "$T/journal")"
	equal "so does the status" "$2" "$(sed -n "/^ *volume $1: /,/^ *volume /s/^ *refused [^ ]*: \([^:]*\): .*/\1/p" "$T/status")"
}

# attach NAME KEYFILE: what becomes of that disk where nobody checks it, in $GOT.
attach() {
	timeout -k 1 "${LIMIT:-60}" "$ATTACH" attach "bare-$1" "/dev/disk/by-id/virtio-${1:0:20}" "$2" luks,headless=yes,read-only >"$T/attach" 2>&1
	case $? in
	0)
		GOT=$(dmsetup table "bare-$1" | cut -d ' ' -f 3,4 | sort -u | tr '\n' ' ')
		if mount -o ro,noload "/dev/mapper/bare-$1" /mnt/bare; then GOT+="with $(ls /mnt/bare)" && umount /mnt/bare; else GOT+="with noise"; fi
		"$ATTACH" detach "bare-$1"
		;;
	124) GOT="hangs" ;;
	*) GOT="does not open" ;;
	esac
	GOT=$(printf '%s' "$GOT" | sed 's/lost+found//' | tr -s ' \n' ' ' | sed 's/ $//')
	cat "$T/attach"
	say "$1 with ${2##*/}: $GOT"
}

# bare NAME WITHOUT: WITHOUT is what luks_images.py says that plain cryptsetup makes of it.
bare() {
	local key=/root/keys/$1.key LIMIT=60
	case $2 in any-key) key=$T/empty ;; own-key) key=$T/own ;; old-key) key=$T/old ;; fails) LIMIT=15 ;; esac
	attach "$1" "$key"
	say "note: $1 where nobody checks: $GOT"
	case $2 in
	clear)
		case $GOT in
		"crypt cipher_null-ecb with ATTACKER" | "linear "*:*" with ATTACKER") say "ok: the attacker's file system in clear" ;;
		*) fail "not the attacker's file system in clear" ;;
		esac
		;;
	any-key | own-key) equal "the attacker's file system" "crypt aes-xts-plain64 with ATTACKER" "$GOT" ;;
	old-key | genuine) case $GOT in *"with GENUINE") ;; *) fail "not the genuine content" ;; esac ;;
	noise) equal "no file system" "crypt aes-xts-plain64 with noise" "$GOT" ;;
	fails) case $GOT in *with*noise* | hangs | "does not open") ;; *) fail "it opens" ;; esac ;;
	*) fail "luks_images.py says $2" ;;
	esac
}

ready() { udevadm info -q property "/dev/mapper/$1" | sed -n 's/^SYSTEMD_READY=//p'; }

# A mapping that is another one than the agreed header says, which nothing before has let pass: opened here past all checks, with the header beside it that it
# ought to have. systemd does not get to see it, and `verify` says what is wrong and closes it.
table() {
	local name=null-segment unit
	unit=$(systemd-escape -p /dev/mapper/$name).device
	python3 - "/dev/disk/by-id/virtio-$name" "/run/sevattest-luks/$name.header" <<-'PY'
		import hashlib, sys
		data = bytearray(open(sys.argv[1], "rb").read(32768))
		assert data.count(b"cipher_null-ecb") == 2
		data = data.replace(b"cipher_null-ecb", b"aes-xts-plain64")
		for at in (0, 16384):
		    data[at + 448:at + 512] = bytes(64)
		    data[at + 448:at + 480] = hashlib.sha256(data[at:at + 16384]).digest()
		open(sys.argv[2], "wb").write(data)
	PY
	expect 0 "plain systemd-cryptsetup opens it" "$ATTACH" attach $name "/dev/disk/by-id/virtio-$name" /root/keys/$name.key luks,headless=yes,read-only
	udevadm settle
	equal "it is in clear" cipher_null-ecb "$(dmsetup table $name | cut -d ' ' -f 4)"
	equal "udev holds it back" 0 "$(ready $name)"
	equal "systemd does not see it" inactive "$(systemctl is-active "$unit")"
	expect 6 "verify refuses it" /usr/lib/sevattest/sevattest-luks verify $name
	grep -q "table.cipher: expected aes-xts-plain64, actual cipher_null-ecb" "$T/out" || { cat "$T/out"; fail "it does not say what is wrong"; }
	[ ! -e /dev/mapper/$name ] || fail "the mapping is still there"
	[ ! -e /run/sevattest-luks/$name.ok ] || fail "it was marked"
	rm -f /run/sevattest-luks/$name.header
}

# A restart opens anew from the header that was checked; the mark of the mapping that went does not let the new one pass.
restarted() {
	local unit=systemd-cryptsetup@clean.service
	[ "$(ready clean)" != 0 ] || fail "udev holds the open volume back" # systemd 252 says 1, 257 nothing
	expect 0 "its mount stops" systemctl stop mnt-clean.mount
	mark
	expect 0 "the mapping is made anew" systemctl restart $unit
	equal "its table was compared anew" 2 "$(journalctl --no-pager -o cat -u $unit | grep -c 'the mapping is what its header says')"
	[ -e /run/sevattest-luks/clean.ok ] || fail "it is not marked"
	expect 0 "it is mounted again" systemctl start mnt-clean.mount
	expect 0 "closed by hand" sh -c "systemctl stop mnt-clean.mount && dmsetup remove clean && udevadm settle"
	[ ! -e /run/sevattest-luks/clean.ok ] || fail "the mark outlives the mapping"
	systemctl stop $unit
	expect 0 "and the whole chain opens it again" systemctl start mnt-clean.mount
}

mkdir -p /mnt/bare
: >"$T/empty"
printf attacker >"$T/own"
printf revoked >"$T/old"
case_run settled settled
case_run replaced opened replaced
case_run corrupted opened corrupted
while read -r name check without; do
	if [ "$check" = - ]; then case_run "$name" opened "$name"; else case_run "$name" refused "$name" "$check"; fi
done </root/attacks
while read -r name check without; do
	# What opens all the same is in use.
	[ "$check" = - ] || case_run "bare-$name" bare "$name" "$without"
done </root/attacks
case_run table table
case_run restarted restarted
scenario_end
