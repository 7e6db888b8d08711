# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The system of a virtual machine: a Debian root and a kernel (both kept), our programs as packages would install them, the tests; then one ext4 image of it.
# Source it after tests/nspawn/roots.sh and kernel.sh. $STAGE is what `meson install` with DESTDIR made, $CACHE the simulator's certification authorities.

IMAGE_MOUNTED=()

image_unmount() {
	local i
	for i in "${IMAGE_MOUNTED[@]}"; do umount -l "$i" 2>/dev/null; done
	IMAGE_MOUNTED=()
}

# What neither a package nor enrolment brings: the tests, the simulated platform, a network of one card.
image_lay_tests() { # FOLDER VERSION
	local name unit
	mkdir -p "$1/usr/lib/sevattest-tests" "$1/etc/systemd/system/multi-user.target.wants" "$1/etc/systemd/network" "$1/var/lib"
	cp -a "$here"/inside/. "$here/../nspawn/inside/lib.sh" "$here/../nspawn/inside/app" "$1/usr/lib/sevattest-tests/"
	mv "$1"/usr/lib/sevattest-tests/units/* "$1/etc/systemd/system/" && rmdir "$1/usr/lib/sevattest-tests/units"
	# What a boot under an emulator need not wait for.
	for unit in modprobe@drm.service modprobe@efi_pstore.service proc-sys-fs-binfmt_misc.automount systemd-binfmt.service systemd-networkd-persistent-storage.service \
		systemd-tmpfiles-clean.timer sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount; do
		ln -s /dev/null "$1/etc/systemd/system/$unit"
	done
	for unit in sevattest-sim sevattest-test; do ln -s "../$unit.service" "$1/etc/systemd/system/multi-user.target.wants/"; done
	printf '[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\n' >"$1/etc/systemd/network/test.network"
	# The simulator is not for packages, and Debian 13 has another libfuse: this machine's goes along.
	name=$(ldd "$STAGE/usr/bin/sevattest-sim" | sed -n 's/.*libfuse3[^ ]* => \([^ ]*\).*/\1/p')
	[ -z "$name" ] || cp -L "$name" "$1/usr/lib/sevattest-tests/"
	cp -a "$CACHE" "$1/var/lib/sim-cache"
	# On a busy host disks come late, and nobody waits for a person here.
	mkdir -p "$1/etc/systemd/system.conf.d"
	printf '[Manager]\nDefaultDeviceTimeoutSec=600\n' >"$1/etc/systemd/system.conf.d/slow.conf"
	printf '/dev/nvme0n1 / ext4 rw 0 0\n' >"$1/etc/fstab"
}

# image_lay VERSION FOLDER: the system as a tree in FOLDER/root, to be changed before the image is made of it.
image_lay() {
	local d=$2
	rm -rf --one-file-system "$d"
	mkdir -p "$d/ours" "$d/memory" "$d/root"
	cp -a "$STAGE/usr" "$d/ours/" && [ ! -d "$STAGE/lib" ] || cp -a "$STAGE/lib/." "$d/ours/usr/lib/"
	rm -rf "$d/ours/usr/include" "$d"/ours/usr/lib/*/pkgconfig
	image_lay_tests "$d/ours" "$1"
	mount -t tmpfs -o mode=0755 tmpfs "$d/memory" || return 1
	IMAGE_MOUNTED=("$d/memory" "${IMAGE_MOUNTED[@]}")
	mkdir "$d/memory/upper" "$d/memory/work"
	mount -t overlay -o "lowerdir=$d/ours:$KERNEL_MADE/tree:$ROOTS_MADE,upperdir=$d/memory/upper,workdir=$d/memory/work" overlay "$d/root" || return 1
	IMAGE_MOUNTED=("$d/root" "${IMAGE_MOUNTED[@]}")
	systemd-sysusers --root="$d/root" 2>"$d/sysusers.log" || return 1
	(cd "$d/ours/usr/lib/systemd/system" && systemctl --root="$d/root" preset -- sevattest*) >"$d/preset.log" 2>&1 || return 1
	systemctl --root="$d/root" -q enable systemd-networkd.service
}

# image_make FOLDER: FOLDER/root.img of the tree in FOLDER/root; the tree is gone afterwards.
image_make() {
	rm -f "$1/root.img"
	truncate -s 1200M "$1/root.img"
	mkfs.ext4 -q -F -O '^has_journal' -E lazy_itable_init=1,nodiscard -d "$1/root" "$1/root.img" >"$1/mkfs.log" 2>&1 || { cat "$1/mkfs.log" >&2; return 1; }
	image_unmount
}
