# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One boot of a virtual machine. $KERNEL_MADE is the kernel; world_serve answers what the guest asks for; $MACHINE_DISKS has its further disks.

MACHINE_DISKS=()  # "FILE SERIAL" each: in the guest /dev/disk/by-id/virtio-SERIAL. What the guest writes stays.
MACHINE_MEMORY=1024 # MiB
MACHINE_SECONDS=${SEVATTEST_VM_SECONDS:-600} # of one boot

# The root on NVMe, all else on virtio: with more than one of a kind names are not stable. Without -cx16 kernel 6.12 falls over under this emulator.
machine_command() { # FOLDER SCENARIO
	local d=$1 disk n=0
	MACHINE=(qemu-system-x86_64 -M q35 -accel tcg -cpu 'qemu64,-cx16,-svm' -smp 1 -m "$MACHINE_MEMORY" -nodefaults -no-user-config -display none -no-reboot
		-serial "file:$d/console-$2" -device virtio-serial-pci
		-chardev "file,id=results,path=$d/results-$2" -device virtserialport,chardev=results,name=results
		-chardev "file,id=journal,path=$d/journal-$2" -device virtserialport,chardev=journal,name=journal
		-chardev "pipe,id=host,path=$d/host" -device virtserialport,chardev=host,name=host
		-netdev "user,id=net,restrict=on,ipv6=off,guestfwd=tcp:$WORLD_ADDRESS:8080-cmd:$here/relay.py $E2E_DIR/port" -device virtio-net-pci,netdev=net,romfile=
		-drive "if=none,id=root,format=raw,file=$d/root.img,cache=unsafe" -device nvme,drive=root,serial=root
		-kernel "$KERNEL_MADE/vmlinuz" -append "root=/dev/nvme0n1 rw console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off audit=0 apparmor=0 lsm=landlock,yama systemd.show_status=error TERM=dumb modprobe.blacklist=ahci,psmouse,pcspkr,i2c_i801,iTCO_wdt,lpc_ich,powernow_k8,acpi_cpufreq sevattest_scenario=$2 sevattest_seconds=$MACHINE_SECONDS")
	for disk in "${MACHINE_DISKS[@]}"; do
		n=$((n + 1))
		MACHINE+=(-drive "if=none,id=d$n,format=raw,file=${disk% *},cache=unsafe" -device "virtio-blk-pci,drive=d$n,serial=${disk##* }")
	done
}

# machine_boot FOLDER SCENARIO: until the machine is off. Prints the result lines; 1 when a case failed or the machine did not come to its end.
machine_boot() {
	local d=$1 scenario=$2 pid line status=0
	rm -f "$d/host.in" "$d/host.out" "$d/results-$scenario"
	mkfifo "$d/host.in" "$d/host.out" || return 1
	machine_command "$d" "$scenario"
	timeout -k 5 "$MACHINE_SECONDS" "${MACHINE[@]}" >"$d/qemu-$scenario.log" 2>&1 </dev/null &
	pid=$!
	E2E_PIDS+=("$pid")
	exec 8<>"$d/host.in" 7<>"$d/host.out"
	while kill -0 "$pid" 2>/dev/null; do
		read -r -t 1 -u 7 line || continue
		# shellcheck disable=SC2086
		if world_serve $line; then printf 'done\n' >&8; else printf 'cannot\n' >&8; fi
	done
	exec 8>&- 7>&-
	wait "$pid"
	machine_report "$d" "$scenario" || status=1
	return $status
}

machine_report() { # FOLDER SCENARIO
	local line status=0 label=$2
	# Two lanes may run the same scenario.
	case ${1##*/} in main | "$2") ;; *) label=${1##*/}-$2 ;; esac
	while IFS= read -r line; do
		case $line in
		'ok '* | 'SKIP '* | 'FAIL '*) printf '%s\n' "$line" | sed "s/^\([A-Z]*[a-z]*\) /\1 $label-/" ;;
		'system '* | '    '* | 'figure:'* | 'note:'*) printf '%s\n' "$line" ;;
		esac
		case $line in 'FAIL '*) status=1 ;; esac
	done < <(tr -d '\r' <"$d/results-$2")
	if ! grep -q '^end 0' "$1/results-$2"; then
		[ $status = 1 ] || printf 'FAIL %s-boot 0 the machine did not come to its end\n' "$label"
		tail -n 30 "$1/qemu-$2.log" "$1/console-$2"
		tail -n 80 "$1/journal-$2"
		status=1
	fi
	return $status
}
