# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The test module tsmsim for the kernel of the virtual machines, built by that kernel's own compiler in a root that is only unpacked, never configured.
# Source it after tests/nspawn/roots.sh and kernel.sh, then call module_make FOLDER after kernel_make FOLDER: $KERNEL_MADE/tree then holds the module too.

MODULE_TOOLS=(bash dash coreutils base-files sed grep mawk findutils make diffutils libelf1t64)

# module_root FOLDER VERSION: compiler and headers in $MODULE_ROOT.
module_root() {
	local options=() line
	MODULE_ROOT=$1/headers-$2
	[ -e "$MODULE_ROOT/.made" ] && return 0
	rm -rf --one-file-system "$1"/headers-*
	while IFS= read -r line; do options+=(--aptopt="$line"); done < <(roots_apt_options)
	roots_sources "$KERNEL_SUITE" | mmdebstrap --quiet --mode=root --variant=extract --format=directory "${options[@]}" \
		--include="linux-headers-$2,$(IFS=, && printf '%s' "${MODULE_TOOLS[*]}")" "$KERNEL_SUITE" "$MODULE_ROOT" - || return 1
	ln -sf mawk "$MODULE_ROOT/usr/bin/awk"
	touch "$MODULE_ROOT/.made"
}

module_build() { # FOLDER VERSION NAME
	local d=$MODULE_ROOT/build
	rm -rf "$d"
	mkdir -p "$d"
	cp "$here"/tsmsim/* "$d/"
	chroot "$MODULE_ROOT" /usr/bin/env -i PATH=/usr/bin:/bin make -C /build KERNEL="/usr/src/linux-headers-$2" || return 1
	mkdir -p "$KERNEL_MADE/tree/usr/lib/modules/$2/extra"
	rm -f "$KERNEL_MADE"/tree/usr/lib/modules/"$2"/extra/tsmsim*.ko "$KERNEL_MADE"/tsmsim-*
	cp "$d/tsmsim.ko" "$KERNEL_MADE/tree/usr/lib/modules/$2/extra/" || return 1
	depmod -b "$KERNEL_MADE/tree/usr" "$2" || return 1
	touch "$KERNEL_MADE/$3"
}

# Built once for each kernel and each text of the module. 1, with the end of the log, when it cannot be.
module_make() { # FOLDER
	local version name
	version=$(cat "$KERNEL_MADE/version")
	name=$(cat "$here"/tsmsim/* | sha256sum)
	name=tsmsim-${name:0:12}
	[ -e "$KERNEL_MADE/$name" ] && return 0
	{ module_root "$1" "$version" && module_build "$1" "$version" "$name"; } >"$1/module.log" 2>&1 || { tail -n 20 "$1/module.log" >&2; return 1; }
}
