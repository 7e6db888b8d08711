# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a fresh Debian 12 needs, for tests/check and tests/demo. Source it, then call packages_install LIST...

PACKAGES_BUILD=(gcc libc6-dev dpkg-dev meson ninja-build pkg-config libssl-dev libjson-c-dev nettle-dev libgmp-dev libinih-dev libcurl4-openssl-dev libmicrohttpd-dev
	libsystemd-dev libseccomp-dev libsqlite3-dev libfuse3-dev libcryptsetup-dev libblkid-dev check python3)
PACKAGES_RUN=(fuse3 openssl curl jq procps xxd)
PACKAGES_TEST=(clang clang-tidy cppcheck libclang-rt-14-dev llvm jose sqlite3 python3-jsonschema python3-cryptography mandoc universal-ctags git gdb strace binutils iproute2 cryptsetup-bin e2fsprogs
	mmdebstrap systemd-container qemu-system-x86 e2fsprogs kmod
	prometheus chromium chromium-driver python3-prometheus-client)

packages_missing() {
	local name
	for name in "$@"; do
		# `install ok` also covers a package on hold.
		dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^.i' || printf '%s\n' "$name"
	done
}

# Installs what is missing; does nothing, and needs no right, where all is there.
packages_install() {
	local missing=()
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		printf 'These packages are missing, and installing them needs root:\n  apt-get install %s\n' "${missing[*]}" >&2
		return 1
	fi
	printf 'Installing %d packages with apt-get ...\n' "${#missing[@]}"
	apt-get -q update >/tmp/sevattest-apt.$$ 2>&1 &&
		DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" >>/tmp/sevattest-apt.$$ 2>&1 || {
		tail -n 20 /tmp/sevattest-apt.$$ >&2
		rm -f /tmp/sevattest-apt.$$
		printf 'apt-get could not install: %s\n' "${missing[*]}" >&2
		return 1
	}
	rm -f /tmp/sevattest-apt.$$
}
