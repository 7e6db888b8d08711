# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One disk for each attack of luks_images.py, all enrolled while they were good. Source it after disks.sh.

# What each of them is, from luks_images.py: "NAME CHECK WITHOUT"; CHECK is - where it opens all the same.
attacks_list() {
	local name rest
	python3 -c '
import sys
sys.path.insert(0, sys.argv[1])
import luks_images
for name, (_, check, without) in luks_images.ATTACKS.items():
    print(name, check or "-", without)' "$here" | while read -r name rest; do
		case " ${ATTACKS_ONLY[*]} " in "  " | *" $name "*) printf '%s %s\n' "$name" "$rest" ;; esac
	done
}
ATTACKS_ONLY=() # these only; all without

# attacks_late ROOT NAME FILE: in the machine, when the header was checked and before the volume is opened, FILE is written over the disk's own header.
attacks_late() {
	cp "$3" "$1/root/$2.late"
	printf '[Service]\nExecStartPre=/bin/dd if=/root/%s.late of=/dev/disk/by-id/virtio-%s conv=notrunc,fsync status=none\n' "$2" "$2" \
		>"$1/etc/systemd/system/systemd-cryptsetup@$2.service.d/late.conf"
}

attacks_make() { # ROOT
	local name check without d=$E2E_DIR
	mkdir -p "$d/genuine" "$d/forged" "$1/root/keys" && printf 'its owner'"'"'s\n' >"$d/genuine/GENUINE"
	attacks_list >"$d/attacks"
	cp "$d/attacks" "$1/root/attacks"
	# Two more, whose disks change only later. All are copies of one, with a UUID and a key of the broker's each.
	DISK_FORMAT=(--luks2-keyslots-size 2m) # a header of 2 MiB for each, not 16, is read and kept in memory
	disk_make replaced "$d/genuine" 24
	for name in replaced corrupted $(cut -d ' ' -f 1 "$d/attacks"); do
		[ "$name" = replaced ] || disk_copy replaced "$name"
		echo "$name"
	done >"$d/volumes"
	while read -r name; do
		disk_enrol "$1" "$name" "/mnt/$name"
	done <"$d/volumes"
	while read -r name check without; do
		luks_images attacks "$d/$name.img" "$d/$name.key" "$d/forged" --only "$name"
		mv "$d/forged/$name.img" "$d/$name.img"
	done <"$d/attacks"
	luks_images attacks "$d/replaced.img" "$d/replaced.key" "$d/forged" --only null-segment
	head -c 32768 "$d/forged/null-segment.img" >"$d/replaced.late"
	truncate -s 32768 "$d/corrupted.late"
	attacks_late "$1" replaced "$d/replaced.late"
	attacks_late "$1" corrupted "$d/corrupted.late"
	cp "$d"/*.key "$1/root/keys/"
	attacks_sums >"$d/images.before"
}

# Of the disks that are to be refused.
attacks_sums() {
	local name check rest
	while read -r name check rest; do [ "$check" = - ] || (cd "$E2E_DIR" && sha256sum "$name.img"); done <"$E2E_DIR/attacks"
}

# After the machine's end: not one byte was written to a disk that was refused.
attacks_untouched() { # LANE
	local sum image
	while read -r sum image; do
		if grep -q "^$sum  $image" "$E2E_DIR/images.before"; then printf 'ok %s-untouched-%s 0\n' "$1" "${image%.img}"; else printf 'FAIL %s-untouched-%s 0 the disk was written to\n' "$1" "${image%.img}"; fi
	done < <(attacks_sums)
}
