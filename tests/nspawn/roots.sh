# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian systems to boot, made from packages by mmdebstrap: 12 has systemd 252, 13 has systemd 257. A root is kept under a name made of its
# recipe, so that another recipe makes another root. Source it, then call roots_make VERSION FOLDER.

declare -A ROOTS_SUITE=([12]=bookworm [13]=trixie)

# The programs that the tests leave as they are packaged, then what ours link, then what the test scripts use, then what a virtual machine's boot needs
# (tests/vm has the same roots).
ROOTS_PACKAGES=(systemd systemd-sysv udev nginx postgresql
	libssl3 libcurl4 libmicrohttpd12 libjson-c5 libinih1 libsqlite3-0 libseccomp2 libsystemd0 libtss2-esys-3.0.2-0 libtss2-tctildr0 libpq5
	fuse3 openssl curl jq procps python3-minimal iproute2
	cryptsetup-bin dmsetup e2fsprogs kmod)
declare -A ROOTS_MORE=([12]='' [13]=systemd-cryptsetup)

# One line "deb URI SUITE COMPONENT" for each archive of Debian that this machine's own apt uses, with SUITE's name in place of its own.
roots_sources() { # SUITE
	local own row origin uri codename component rest
	own=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
	apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|' 'Created-By: Packages' | sort -u | while IFS='|' read -r origin uri codename component rest; do
		case $origin:$codename in Debian:"$own"*) printf 'deb %s %s %s\n' "$uri" "${codename/#$own/$1}" "$component" ;; esac
	done
}

# How this machine's apt reaches its archives: proxies, time-outs, whether their dates count.
roots_apt_options() { apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|Check-)'; }

# Nothing of a boot that the tests do not need, and no setting of the machine that made the root.
roots_trim() { # FOLDER
	local unit
	for unit in getty.target systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
		e2scrub_reap.service logrotate.timer man-db.timer ldconfig.service systemd-hwdb-update.service systemd-journal-catalog-update.service \
		systemd-timesyncd.service nginx.service postgresql.service; do
		ln -sfn /dev/null "$1/etc/systemd/system/$unit"
	done
	rm -f "$1"/etc/systemd/system/{nginx,postgresql}.service # installed, started by the tests alone
	rm -f "$1"/etc/systemd/system/multi-user.target.wants/{nginx,postgresql}.service
	printf '0123456789abcdef0123456789abcdef\n' >"$1/etc/machine-id"
	printf 'localhost\n' >"$1/etc/hostname"
	rm -f "$1/etc/resolv.conf" "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap
	touch -r "$1/usr" "$1/etc/.updated" "$1/var/.updated"
}

# The folder of the root in $ROOTS_MADE; 1 and a reason on standard error when it cannot be made.
roots_make() { # VERSION FOLDER
	local suite=${ROOTS_SUITE[$1]} recipe key sources options=() line packages=("${ROOTS_PACKAGES[@]}")
	[ -z "${ROOTS_MORE[$1]}" ] || packages+=("${ROOTS_MORE[$1]}")
	recipe=$(printf '%s\n' "$suite" "${packages[@]}" && declare -f roots_trim)
	key=$(printf '%s' "$recipe" | sha256sum)
	ROOTS_MADE=$2/debian-$1-${key:0:12}
	[ -e "$ROOTS_MADE/.made" ] && return 0
	sources=$(roots_sources "$suite")
	if [ -z "$sources" ]; then
		apt-get -q update >/dev/null 2>&1
		sources=$(roots_sources "$suite")
	fi
	[ -n "$sources" ] || { printf 'no archive of Debian is configured for apt\n' >&2; return 1; }
	while IFS= read -r line; do options+=(--aptopt="$line"); done < <(roots_apt_options)
	mkdir -p "$2"
	rm -rf "$2/debian-$1-"*
	printf '%s\n' "$sources" | mmdebstrap --quiet --mode=root --variant=essential --format=directory "${options[@]}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--include="$(IFS=, && printf '%s' "${packages[*]}")" "$suite" "$ROOTS_MADE" - >"$2/debian-$1.log" 2>&1 || {
		tail -n 20 "$2/debian-$1.log" >&2
		rm -rf "$ROOTS_MADE"
		return 1
	}
	roots_trim "$ROOTS_MADE"
	touch "$ROOTS_MADE/.made"
}
