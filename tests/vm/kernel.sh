# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The kernel that the virtual machines boot: Debian 13's for clouds, unpacked, not installed. NVMe, ext4, virtio-pci and the console are built in, so there
# is no initrd. Modules are unpacked here, not by an emulated processor. Source it after tests/nspawn/roots.sh, then call kernel_make FOLDER.

KERNEL_SUITE=trixie
KERNEL_META=linux-image-cloud-amd64

# apt with lists of its own, of the archives of KERNEL_SUITE: nothing of this machine's apt is changed.
kernel_apt() { # FOLDER PROGRAM ARGUMENTS...
	local d=$1 program=$2
	shift 2
	"$program" -q -o Dir::Etc::SourceList="$d/sources" -o Dir::Etc::SourceParts=/dev/null -o Dir::State="$d/state" -o Dir::State::status="$d/state/status" -o Dir::Cache="$d/cache" \
		-o APT::Sandbox::User=root "$@"
}

kernel_fetch() { # FOLDER: $KERNEL_PACKAGE is then the package that has the files
	local d=$1
	rm -rf "$d"
	mkdir -p "$d/state/lists" "$d/cache/archives"
	: >"$d/state/status"
	roots_sources "$KERNEL_SUITE" >"$d/sources"
	[ -s "$d/sources" ] || { printf 'no archive of Debian is configured for apt\n' >&2; return 1; }
	kernel_apt "$d" apt-get update || return 1
	KERNEL_PACKAGE=$(kernel_apt "$d" apt-cache depends --important "$KERNEL_META" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	[ -n "$KERNEL_PACKAGE" ] || return 1
	(cd "$d/cache" && kernel_apt "$d" apt-get download "$KERNEL_PACKAGE")
}

# The folder in $KERNEL_MADE: vmlinuz, version, and tree/ to lay over a root.
kernel_make() { # FOLDER
	local d
	mkdir -p "$1"
	d=$(cd "$1" && pwd)/kernel.new
	KERNEL_MADE=$(find "$1" -maxdepth 1 -name "kernel-plain-$KERNEL_SUITE-*" 2>/dev/null | head -n 1)
	[ -n "$KERNEL_MADE" ] && [ -e "$KERNEL_MADE/.made" ] && return 0
	kernel_fetch "$d" >"$1/kernel.log" 2>&1 || { tail -n 20 "$1/kernel.log" >&2; return 1; }
	KERNEL_VERSION=${KERNEL_PACKAGE#linux-image-}
	KERNEL_MADE=$1/kernel-plain-$KERNEL_SUITE-$KERNEL_VERSION
	rm -rf "$KERNEL_MADE"
	mkdir -p "$KERNEL_MADE/tree/usr" "$d/all"
	dpkg-deb --fsys-tarfile "$d"/cache/"$KERNEL_PACKAGE"_*.deb | tar -C "$d/all" -x || return 1
	mv "$d/all/boot/vmlinuz-$KERNEL_VERSION" "$KERNEL_MADE/vmlinuz" || return 1
	# In a root whose /usr is merged /lib is a link: the tree must not have a folder of that name.
	if [ -d "$d/all/lib" ]; then mv "$d/all/lib" "$KERNEL_MADE/tree/usr/lib"; else mv "$d/all/usr/lib" "$KERNEL_MADE/tree/usr/lib"; fi || return 1
	printf '%s\n' "$KERNEL_VERSION" >"$KERNEL_MADE/version"
	find "$KERNEL_MADE/tree/usr/lib/modules" -name '*.ko.xz' -exec xz -d {} + || return 1
	depmod -b "$KERNEL_MADE/tree/usr" "$KERNEL_VERSION" || return 1
	rm -rf "$d"
	touch "$KERNEL_MADE/.made"
}
