#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where reports come from: the provider `sev-guest` on a device that the simulator serves by CUSE, the provider `tsm` on the kernel's own configfs-tsm, behind
# which the test module tsmsim asks the simulator; `auto` between them; faults; users without rights; and the evidence helper in its unit's sandbox.
# Lane `providers` of tests/vm/run; the kernel's tree needs the module of module.sh.
. ./vm.sh

SIM=/var/lib/sim/platform
TSM=/sys/kernel/config/tsm/report
DEVICE=/dev/sev-guest
DATA=$(printf 'd7%.0s' {1..64})
export LD_LIBRARY_PATH=/usr/lib/sevattest-tests

# sound [SETTING VALUE]...: the platform has these settings and no other, after another boot: a message key that was lost is whole.
set_sim() {
	local text="{\"guest-boot\":\"$BOOT\""
	while [ $# -gt 1 ]; do
		text="$text,\"$1\":\"$2\""
		shift 2
	done
	printf '%s}\n' "$text" >"$SIM/state.new" && mv "$SIM/state.new" "$SIM/state.json"
}
sound() {
	BOOT=${EPOCHREALTIME/[.,]/}
	BOOT=$((BOOT / 1000 % 1000000000))
	set_sim "$@"
}

# One more simulator on the same platform, beside the one that plays configfs-tsm by FUSE for the other scenarios.
serve() { # ARGUMENTS...
	systemd-run --quiet --collect --unit sim-more -p Environment=LD_LIBRARY_PATH=/usr/lib/sevattest-tests -p Type=exec -p "StandardError=append:$T/sim.log" \
		/usr/bin/sevattest-sim serve "$SIM" --verbose "$@" || fail "a second simulator"
}
unserve() { systemctl stop sim-more.service; }

report() { # PROVIDER ARGUMENTS...: $T/report.bin, $T/certs.pem
	rm -f "$T/report.bin" "$T/certs.pem"
	sevattest report --provider "$@" --report-data "$DATA" -o "$T/report.bin" --certs-out "$T/certs.pem"
}
genuine() { sevattest verify "$T/report.bin" --certs "$T/certs.pem" --trust "$SIM/ark.pem" --report-data "$DATA"; }
byte() { od -An -tu1 -j "$1" -N 1 "$T/report.bin" | tr -d ' '; }
said() { CHECKS=$((CHECKS + 1)); grep -qF -- "$1" "$T/out" || { cat "$T/out"; fail "not said: $1"; }; say "ok: it says: $1"; }

# asked COMMAND...: how many requests of the device that command made.
asked() {
	local before
	before=$(grep -c 'sev-guest: request' "$T/sim.log")
	"$@"
	ASKED=$(($(grep -c 'sev-guest: request' "$T/sim.log") - before))
}

absent() {
	expect 7 "no source of evidence" report auto
	said "$TSM is not there"
	said "$DEVICE is not there"
	expect 7 "no device" report sev-guest
	expect 7 "no configfs-tsm" report tsm
	modprobe tsm || fail "modprobe tsm"
	[ -d $TSM ] || mount -t configfs configfs /sys/kernel/config
	equal "the folder is there" yes "$([ -d $TSM ] && echo yes)"
	expect 7 "a folder without a provider behind it is none" report auto
	said "no report provider"
}

device() {
	sound
	serve --sev-guest sev-guest
	within 20 "the device is there" test -c $DEVICE
	equal "only root may open it" "600 root:root" "$(stat -c '%a %U:%G' $DEVICE)"
	expect 0 "a report" report sev-guest
	expect 0 "it is genuine, with the host's certificates" genuine
	equal "at the guest's own VMPL" 0 "$(byte 48)"
	expect 0 "another VMPL" report sev-guest --vmpl 3
	equal "it is that" 3 "$(byte 48)"
	set_sim aux empty
	expect 0 "a host without certificates" report sev-guest
	equal "there are none" "" "$(cat "$T/certs.pem" 2>/dev/null)"
	expect 0 "auto takes it" report auto
	said "passed over: tsm: "
}

# The interface itself, by somebody who shares no code with us.
interface() {
	sound
	expect 0 "the three requests" python3 sev_guest_client.py $DEVICE
	cat "$T/out"
}

throttled() {
	local start
	sound guest-errno EAGAIN guest-vmm-error 2 guest-faults 2
	start=$(date +%s%3N)
	asked expect 0 "a host that throttles twice" report sev-guest
	start=$(($(date +%s%3N) - start))
	equal "three requests" 3 $ASKED
	equal "with pauses of 2 and 4 s" yes "$([ $start -ge 6000 ] && echo yes)"
	expect 0 "the report is good" genuine
}

table() {
	sound guest-table-pages 6 guest-table-max 0x8000
	asked expect 0 "a table of six pages" report sev-guest
	equal "one more try with that size" 2 $ASKED
	expect 0 "with certificates" genuine
	set_sim guest-table-pages 6
	asked expect 0 "a kernel that takes four pages" report sev-guest
	said "certificates are left out"
	equal "refused at once, then without" 3 $ASKED
	equal "no certificates" "" "$(cat "$T/certs.pem" 2>/dev/null)"
	set_sim aux junk
	expect 0 "a table of junk: the report stands" report sev-guest
	said "malformed"
}

# fault CODE WORDS SETTING...: that outcome, with one request.
fault() {
	local code=$1 words=$2
	shift 2
	sound "$@"
	asked expect "$code" "$*" report sev-guest
	said "$words"
	equal "asked once" 1 $ASKED
}

faults() {
	fault 7 "hypervisor 0x100" guest-errno EIO guest-vmm-error 0x100
	asked expect 7 "from then on the key is gone" report sev-guest
	said "VMPCK"
	sound
	expect 0 "until the next boot" report sev-guest
	fault 7 "gave up" guest-errno ETIMEDOUT guest-vmm-error 2
	fault 7 "VMPL 0 is below" privlevel-floor 1
	fault 7 "no key to sign" guest-status 0x27
	fault 3 "1184 bytes" guest-size 1183
	fault 3 "other report data" outblob-stale yes
}

unprivileged() {
	sound
	chmod 755 "$T"
	for provider in sev-guest auto; do
		expect 7 "an ordinary user, $provider" setpriv --reuid nobody --regid nogroup --clear-groups sevattest report --provider $provider --report-data "$DATA" -o /dev/null
		said "$DEVICE: Permission denied: it belongs to root"
	done
}

one_at_a_time() {
	local i pids=() status=0
	sound delay-ms 300
	for i in 1 2 3 4; do
		sevattest report --provider sev-guest --report-data "$DATA" -o "$T/parallel-$i" >"$T/parallel-$i.log" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || status=1; done
	equal "four at once all get theirs" 0 $status
}

# From here on with the kernel's own configfs-tsm.
configfs() {
	sound
	unserve
	modprobe tsmsim || fail "modprobe tsmsim"
	equal "nobody behind the module" 7 "$(report tsm >"$T/out" 2>&1; echo $?)"
	said "went away"
	serve --sev-guest sev-guest --tsmsim /dev/tsmsim
	within 20 "the device is there again" test -c $DEVICE
	expect 0 "a report through the kernel" report tsm
	expect 0 "it is genuine, with the host's certificates" genuine
	expect 0 "another VMPL" report tsm --vmpl 2
	equal "it is that" 2 "$(byte 48)"
	expect 0 "auto takes it" report auto
	equal "and passes nothing over" "" "$(grep 'passed over' "$T/out")"
	equal "no entry stays" "" "$(ls -A $TSM)"
	expect 2 "no such VMPL" report tsm --vmpl 4
	expect 0 "five in a row" sh -c "for i in 1 2 3 4 5; do sevattest report --provider tsm --report-data $DATA -o /dev/null || exit 1; done"
	equal "no entry stays" "" "$(ls -A $TSM)"
	equal "/dev/null is what it was" "character special file" "$(stat -c %F /dev/null)"
	expect 7 "an ordinary user" setpriv --reuid nobody --regid nogroup --clear-groups sevattest report --provider tsm --report-data "$DATA" -o /dev/null
	said "needs root"
}

# What the genuine configfs does, which tests/unit/provider expects of the look-alike: errors and counting (spec: configfs-tsm).
semantics() {
	local e=$TSM/semantics r
	sound
	mkdir $e || fail "mkdir"
	trap "rmdir $e" EXIT
	equal "provider" sev_guest "$(cat $e/provider)"
	equal "generation of a new entry" 0 "$(cat $e/generation)"
	equal "outblob before inblob" "Invalid argument" "$(cat $e/outblob 2>&1 >/dev/null | sed 's/.*: //')"
	head -c 65 /dev/zero >$e/inblob 2>/dev/null
	r=$?
	equal "65 bytes are refused" 1 $r
	head -c 32 /dev/zero >$e/inblob
	equal "32 are taken, and then no report" "Invalid argument" "$(cat $e/outblob 2>&1 >/dev/null | sed 's/.*: //')"
	printf 9 2>/dev/null >$e/privlevel
	r=$?
	equal "VMPL 9 is refused" 1 $r
	printf 2 >$e/privlevel
	head -c 64 /dev/zero >$e/inblob
	equal "each accepted write counts, and the one of 65 bytes as one of none" 4 "$(cat $e/generation)"
	equal "a report" 1184 "$(wc -c <$e/outblob)"
	equal "one request for a generation" "$(sha256sum <$e/outblob)" "$(sha256sum <$e/outblob)"
	equal "with certificates" yes "$([ "$(wc -c <$e/auxblob)" -gt 3000 ] && echo yes)"
	trap - EXIT
	rmdir $e
}

tsm_fault() { # CODE WORDS SETTING...
	local code=$1 words=$2
	shift 2
	sound "$@"
	expect "$code" "$*" report tsm
	said "$words"
	equal "no entry stays" "" "$(ls -A $TSM)"
}

tsm_faults() {
	tsm_fault 7 "16 KiB" outblob-error EIO
	tsm_fault 7 "went away" outblob-error ENXIO
	tsm_fault 7 "throttled" outblob-error ETIMEDOUT
	tsm_fault 7 "VMPCK" outblob-error ENOTTY
	tsm_fault 5 "busy" outblob-error EBUSY
	tsm_fault 3 "outblob is empty" outblob-empty yes
	tsm_fault 3 "other report data" outblob-stale yes
	head -c 40000 /dev/zero >"$T/large"
	tsm_fault 3 "more bytes" outblob-file "$T/large"
	head -c 1183 /dev/zero >"$T/short"
	tsm_fault 3 "1183 bytes" outblob-file "$T/short"
	sound auxblob-file "$T/large"
	expect 0 "certificates past the kernel's limit: the report stands" report tsm
	said "could not be read"
}

# A host whose certificates break configfs-tsm does not break the machine.
falls_back() {
	sound outblob-error EIO
	expect 0 "auto goes on to the device" report auto
	said "passed over: tsm: "
	said "16 KiB"
	expect 0 "the report is genuine" genuine
	set_sim outblob-stale yes
	expect 3 "not where configfs-tsm lies" report auto
	said "other report data"
}

# sevattest-evidence under its unit: both providers, the device alone among devices.
helper() {
	local etc=/etc/sevattest/agent.conf.d/30-provider.conf provider
	sound
	sed -i '/^TsmRoot/d' /etc/sevattest/agent.conf
	for provider in tsm sev-guest; do
		printf '[evidence]\nProvider = %s\n' $provider >$etc
		systemctl restart sevattestd.service
		within 90 "the agent has its evidence by $provider" sh -c "sevattest status --json | grep -q '\"provider\":\"$provider\"'"
	done
	rm $etc
	set_sim outblob-error EIO
	mark
	systemctl restart sevattestd.service
	within 90 "the agent has evidence in spite of configfs-tsm" sh -c 'sevattest status --json | grep -q "\"provider\":\"sev-guest\""'
	within 10 "why is in the journal" sh -c "journalctl --no-pager -q --after-cursor=\"\$(cat $T/cursor)\" | grep -q 'evidence by sev-guest; passed over: tsm'"
}

for name in absent device interface throttled table faults unprivileged one_at_a_time configfs semantics tsm_faults falls_back helper; do case_run ${name//_/-} $name; done
scenario_end
