# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The disks of a virtual machine: made and filled on the host as their owner has them on his own machine, then enrolled there. Source it after world.sh.

luks_images() { python3 "$here/luks_images.py" "$@" >>"$E2E_DIR/images.log" 2>&1 || e2e_fail "luks_images.py $*"; }

# A virtio disk's serial number has at most 20 bytes: in the guest it is /dev/disk/by-id/virtio- and so much of NAME.
# disk_make NAME FOLDER MIB: $E2E_DIR/NAME.img, LUKS2, opened by $E2E_DIR/NAME.key, with what is in FOLDER; the machine will have it.
disk_make() {
	local image=$E2E_DIR/$1.img key=$E2E_DIR/$1.key
	(umask 077 && head -c 32 /dev/urandom >"$key")
	truncate -s "$3M" "$image"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --sector-size 512 "${DISK_FORMAT[@]}" "$image" "$key" >>"$E2E_DIR/images.log" 2>&1 ||
		e2e_fail "luksFormat $1"
	luks_images fill "$image" "$key" "$2"
	MACHINE_DISKS+=("$image ${1:0:20}")
}

DISK_FORMAT=() # more options of luksFormat

disk_copy() { # FROM NAME
	cp --sparse=always "$E2E_DIR/$1.img" "$E2E_DIR/$2.img"
	cp -p "$E2E_DIR/$1.key" "$E2E_DIR/$2.key"
	cryptsetup luksUUID -q --uuid "$(cat /proc/sys/kernel/random/uuid)" "$E2E_DIR/$2.img" || e2e_fail "luksUUID $2"
	MACHINE_DISKS+=("$E2E_DIR/$2.img ${2:0:20}")
}

# disk_enrol ROOT NAME MOUNT [SERVICE]...: before the upload. ROOT says how the disk has been opened and mounted; enroll changes that and the disk; the broker's
# operator takes in what it wrote.
disk_enrol() {
	local root=$1 name=$2 mount=$3 device=/dev/disk/by-id/virtio-${2:0:20} d=$E2E_DIR options=() service
	for service in "${@:4}"; do options+=(--service "$service"); done
	[ -s "$d/enrol.jwk" ] || e2e_ctl enrol-key show -o "$d/enrol.jwk" >>"$d/admin.log" 2>&1 || e2e_fail "enrol-key show"
	mkdir -p "$root$mount"
	printf '%s %s none luks\n' "$name" "$device" >>"$root/etc/crypttab"
	printf '/dev/mapper/%s %s ext4 defaults 0 2\n' "$name" "$mount" >>"$root/etc/fstab"
	"$(e2e_program sevattest)" enroll "$d/$name.img" --resource "prod/disk/$name" --name "$name" --guest-device "$device" --key-file "$d/$name.key" --seal-to "$d/enrol.jwk" \
		-o "$d/$name.enrol" --recovery-out "$d/$name.recovery" --root "$root" --root-trust platform --state "$d/enroll-state" "${options[@]}" >"$d/enroll-$name.log" 2>&1 </dev/null ||
		{ cat "$d/enroll-$name.log" >&2; e2e_fail "enroll $name"; }
	e2e_ctl key import "$d/$name.enrol" --expect "$(sha256sum "$d/$name.enrol" | cut -c1-64)" >>"$d/admin.log" 2>&1 || { tail -n 5 "$d/admin.log" >&2; e2e_fail "key import $name"; }
	e2e_ctl grant add "prod/disk/$name" prod "${DISK_GRANT[@]}" >>"$d/admin.log" 2>&1 || e2e_fail "grant add $name"
}
DISK_GRANT=() # more options of the grants
