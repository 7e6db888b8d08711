#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest doctor on a made root directory, with the real broker: a healthy one passes whole; then one fault after another is put into it, each is found by exactly
# its check, and the fix that is printed, run as it is printed, makes the root healthy again.
cd "$(dirname "$0")" || exit 1
TESTS=$PWD
. ./lib.sh
e2e_begin doctor
sevattest=$(e2e_program sevattest) || exit 1
command -v systemctl >/dev/null || e2e_skip "systemctl is not installed"
command -v cryptsetup >/dev/null || e2e_skip "cryptsetup is not installed"
D=$E2E_DIR
R=$D/root
HASH=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

# put PATH TEXT [MODE]: a file of the root.
put() {
	mkdir -p "$R${1%/*}"
	printf '%s\n' "$2" >"$R$1"
	chmod "${3:-644}" "$R$1"
}

# The healthy machine: a dm-verity root, and a guarded data volume; nothing here is written by the program that is tested.
make_machine() {
	put /proc/sys/kernel/osrelease 6.12.0-cloud
	put /proc/sys/kernel/core_pattern core
	put /proc/self/mountinfo "22 1 253:0 / / rw shared:1 - ext4 /dev/mapper/root ro"
	put /proc/cmdline "ro quiet roothash=$HASH"
	put /etc/kernel/cmdline "ro quiet panic=30 systemd.import_credentials=no"
	put /sys/kernel/security/lsm lockdown,capability,landlock
	put /sys/dev/block/253:0/dm/uuid CRYPT-VERITY-1f36-root
	put /sys/dev/block/253:0/dm/name root
	put /usr/lib/systemd/libsystemd-shared-252.so ""
	put /etc/initramfs-tools/initramfs.conf MODULES=most
	put /etc/initramfs-tools/modules "# none"
	put /etc/shadow 'root:!*:19000:0:99999:7:::
app:$y$x:19000::::::' 600
	put /dev/sev-guest "" 600
	mkdir -p "$R/sys/kernel/config/tsm" "$R/usr/lib/udev/rules.d" "$R/usr/lib/systemd/system" "$R/etc/systemd/system/sockets.target.wants"
	ln -s "$E2E_TSM" "$R/sys/kernel/config/tsm/report"
	cp "$TESTS"/../../systemd/98-sevattest.rules "$R/usr/lib/udev/rules.d/"
	cp "$TESTS"/../../systemd/*.socket "$R/usr/lib/systemd/system/"
	put /usr/lib/systemd/system/kdump-tools.service $'[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target'
	local unit
	for unit in net evidence credentials status luks cryptsetup; do
		systemctl --root="$R" enable "sevattest-$unit.socket" 2>/dev/null || e2e_fail "systemctl enable sevattest-$unit.socket"
	done
}

make_volume() {
	put /dev/vdb ""
	truncate -s 20M "$R/dev/vdb"
	head -c 32 /dev/urandom >"$D/key"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-size 512 --cipher aes-xts-plain64 "$R/dev/vdb" "$D/key" ||
		e2e_fail "cryptsetup luksFormat"
	mkdir -p "$R/dev/disk/by-id" "$R/dev/disk/by-uuid"
	ln -s ../../vdb "$R/dev/disk/by-id/virtio-data"
	ln -s ../../vdb "$R/dev/disk/by-uuid/1f36"
	put /etc/sevattest/volumes/data $'[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = prod/disk/data'
	put /etc/crypttab $'# disks\ndata /dev/disk/by-id/virtio-data /run/sevattest/cryptsetup.sock luks,_netdev,nofail,headless=yes,header=/run/sevattest-luks/data.header,discard'
	put /etc/fstab $'# file systems\nUUID=aa / ext4 defaults 0 1\n/dev/mapper/data /srv/data ext4 defaults,_netdev,nofail,x-systemd.device-timeout=infinity 0 2'
	put '/etc/systemd/system/sevattest-luks@data.service.d/device.conf' '# By `sevattest enroll`.
[Unit]
BindsTo=dev-disk-by\x2did-virtio\x2ddata.device
After=dev-disk-by\x2did-virtio\x2ddata.device'
	put '/etc/systemd/system/systemd-cryptsetup@data.service.d/sevattest.conf' '# By `sevattest enroll`.
[Unit]
Requires=sevattest-luks@%i.service
After=sevattest-luks@%i.service

[Service]
ExecStartPost=/usr/lib/sevattest/sevattest-luks verify %I'
}

conf() { # URL [LINES]
	put /etc/sevattest/agent.conf "[broker]
Url = $1
CA = /etc/sevattest/ca.pem
BrokerKey = /etc/sevattest/release.jwk
[agent]
Policy = /etc/sevattest/policy.json
RootTrust = verity
${2:-}"
}

make_conf() {
	mkdir -p "$R/etc/sevattest"
	cp "$D/operator.pem" "$R/etc/sevattest/ca.pem"
	cp "$E2E_BROKER_KEY" "$R/etc/sevattest/release.jwk"
	e2e_policy prod "$D/plat/ark.pem" >"$R/etc/sevattest/policy.json"
	conf "$E2E_BROKER"
}

# doctor [OPTIONS]: the checks that did not pass, advice too, in $ALL; the last one's fix in $FIX; the exit code in $CODE.
doctor() {
	local line
	"$sevattest" doctor --root "$R" "$@" >"$D/doctor.out" 2>"$D/doctor.log"
	CODE=$?
	ALL='' FIX=''
	while IFS= read -r line; do
		case $line in
		"FAILED  "* | "note    "* | "-       "*) ALL="${ALL:+$ALL }${line:8}" FIX='' ;;
		"        fix:      "*) FIX=${line#"        fix:      "} ;;
		esac
	done <"$D/doctor.out"
}

# wrong WHAT: what the doctor said was not what it ought to say.
wrong() {
	cat "$D/doctor.out" "$D/doctor.log" >&2
	e2e_fail "$1"
}

healthy() { # WHAT [OPTIONS]
	local what=$1
	shift
	doctor "$@"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$CODE" = 0 ] && [ -z "$ALL" ] || wrong "$what: exit $CODE, not passed: $ALL"
	e2e_say "ok: $what"
}

# fault CHECK EXIT WHAT COMMAND: after COMMAND exactly CHECK fails; its fix is run as it stands, and all is well. $OPTIONS for doctor.
OPTIONS=()
SEEN=' ' # the checks that were seen failing
fault() {
	local check=$1 code=$2 what=$3
	eval "$4" || e2e_fail "$what: could not be made"
	doctor "${OPTIONS[@]}"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$ALL" = "$check" ] && [ "$CODE" = "$code" ] || wrong "$what: exit $CODE (not $code), found by \"$ALL\" (not $check)"
	SEEN+="$check "
	case $FIX in
	"run: "*) bash -c "${FIX#run: }" >"$D/fix.log" 2>&1 || e2e_fail "$what: the fix failed: $FIX" ;;
	*) e2e_fail "$what: the fix is no command: $FIX" ;;
	esac
	healthy "$what: found by $check, repaired by its fix" "${OPTIONS[@]}"
}

# by_hand CHECK EXIT WHAT COMMAND WORDS: the same where the fix is for a person; it has WORDS, and the test puts the file back.
by_hand() {
	local check=$1 code=$2 what=$3
	rm -rf "$D/saved" && cp -a "$R" "$D/saved"
	eval "$4" || e2e_fail "$what: could not be made"
	doctor "${OPTIONS[@]}"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$ALL" = "$check" ] && [ "$CODE" = "$code" ] || wrong "$what: exit $CODE (not $code), found by \"$ALL\" (not $check)"
	SEEN+="$check "
	case $FIX in *"$5"*) ;; *) e2e_fail "$what: the fix is \"$FIX\"" ;; esac
	rm -rf "$R" && mv "$D/saved" "$R"
	healthy "$what: found by $check" "${OPTIONS[@]}"
}

e2e_sim_init plat
e2e_sim_serve plat
e2e_ca operator
e2e_ca stranger
e2e_broker_start broker operator
make_machine
make_volume
make_conf

healthy "a healthy machine"
e2e_expect 0 "as a table" "$sevattest" doctor --root "$R" --all
e2e_expect_text "volume.header"
e2e_expect_text "nothing that has to be mended"

# the same as JSON
expect_json() { # EXIT FAILED
	"$sevattest" doctor --root "$R" --json >"$D/doctor.json"
	local code=$?
	python3 - "$D/doctor.json" "$2" <<'PY' || e2e_fail "the JSON form"
import json, sys
report = json.load(open(sys.argv[1]))
failed = [f["check"] for f in report["findings"] if f["state"] != "passed"]
assert set(report) == {"ok", "findings"} and report["ok"] == (not failed), report["ok"]
assert " ".join(failed) == sys.argv[2], failed
assert len(report["findings"]) > 20 and all(f["why"] and f["fix"] for f in report["findings"] if f["state"] == "failed")
PY
	[ "$code" = "$1" ] || e2e_fail "the JSON form: exit $code instead of $1"
	E2E_CHECKS=$((E2E_CHECKS + 1))
}
expect_json 0 ""
mv "$R/etc/crypttab" "$R/etc/crypttab.away"
expect_json 7 "volume.crypttab"
mv "$R/etc/crypttab.away" "$R/etc/crypttab"

# every key that the example configuration names is one
python3 - "$TESTS/../../conf/agent.conf" >"$D/all.conf" <<'PY'
import re, sys
for line in open(sys.argv[1]):
    found = re.match(r"#? ?(\w+) =", line)
    if line.startswith("["):
        print(line.strip())
    elif found and found.group(1) not in ("RootTrust", "Policy", "BrokerKey", "CA", "Url", "TsmRoot", "SevGuest", "Provider"):
        print(found.group(1) + " = 1")
PY
mkdir -p "$R/etc/sevattest/agent.conf.d"
cp "$D/all.conf" "$R/etc/sevattest/agent.conf.d/all.conf"
healthy "every key of the example"
rm "$R/etc/sevattest/agent.conf.d/all.conf"

UNITS=$R/etc/systemd/system
CMDLINE=$R/etc/kernel/cmdline

# the system's files
fault volume.crypttab 7 "a crypttab line without header=" "sed -i 's/,header=[^,]*//' $R/etc/crypttab"
fault volume.crypttab 7 "a crypttab line with the disk's UUID" "sed -i 's|/dev/disk/by-id/virtio-data|UUID=1f36|' $R/etc/crypttab"
fault volume.crypttab 7 "a crypttab line that asks a person" "sed -i 's|/run/sevattest/cryptsetup.sock|none|; s|headless=yes|tries=3|' $R/etc/crypttab"
fault volume.crypttab 7 "no crypttab line" "sed -i '/^data/d' $R/etc/crypttab"
fault volume.crypttab 7 "no crypttab" "rm $R/etc/crypttab"
fault volume.fstab 7 "an fstab line without nofail" "sed -i 's/,nofail//' $R/etc/fstab"
fault volume.fstab 7 "an fstab line with the default timeout" "sed -i 's/,x-systemd.device-timeout=infinity//' $R/etc/fstab"
by_hand volume.fstab 7 "a volume below what sevattestd needs" "sed -i 's| /srv/data | /var |' $R/etc/fstab" "elsewhere"
by_hand volume.fstab 7 "a volume at /tmp" "sed -i 's| /srv/data | /tmp |' $R/etc/fstab" "elsewhere"
fault volume.drop-ins 7 "no drop-in of systemd-cryptsetup@" "rm -r '$UNITS/systemd-cryptsetup@data.service.d'"
fault volume.drop-ins 7 "a drop-in that waits for another device" "sed -i 's/virtio/wwn/' '$UNITS/sevattest-luks@data.service.d/device.conf'"
fault initrd.crypttab 7 "a socket for initramfs-tools" "echo 'root2 /dev/disk/by-id/x /run/sevattest/cryptsetup.sock luks,initramfs' >>$R/etc/crypttab"
fault units.enabled 7 "a socket that is not enabled" "systemctl --root=$R disable sevattest-credentials.socket sevattest-luks.socket 2>$D/made.log"
by_hand units.udev 7 "no udev rule" "rm $R/usr/lib/udev/rules.d/*" "install the package"
by_hand volume.device 7 "a disk that is not attached" "rm $R/dev/disk/by-id/virtio-data" "attach the disk"
by_hand volume.conf 7 "a volume's entry that others may write" "chmod 666 $R/etc/sevattest/volumes/data" "0644"
by_hand volume.conf 7 "a volume's entry that is none" "echo Bogus=1 >>$R/etc/sevattest/volumes/data" "mend the file"
by_hand volume.header 7 "a header with a foreign token" "echo '{\"type\":\"foreign\",\"keyslots\":[\"0\"]}' | cryptsetup token import $R/dev/vdb" "token"
by_hand volume.header 7 "a disk without a header" "dd if=/dev/zero of=$R/dev/vdb bs=4096 count=8 conv=notrunc" "cryptsetup repair"

# the console, and what is written to disks
fault console.getty 7 "a login on the serial console" "sed -i 's/\$/ console=ttyS0,115200/' $CMDLINE"
fault console.getty 7 "a login that was enabled by hand" "mkdir -p $UNITS/getty.target.wants && ln -s /x '$UNITS/getty.target.wants/serial-getty@hvc0.service'"
fault console.sulogin 7 "a shell without a password" "mkdir -p $UNITS/emergency.service.d && printf '[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=1\n' >$UNITS/emergency.service.d/x.conf"
fault console.root 7 "root has a password" "sed -i 's/^root:!\*/root:\$y\$j9T\$abc/' $R/etc/shadow"
fault console.root 7 "root's password is empty" "sed -i 's/^root:[^:]*:/root::/' $R/etc/shadow"
fault console.initrd 7 "a shell in the initrd" "sed -i 's/ panic=30//' $CMDLINE"
fault systemd.credentials 7 "credentials of the host" "sed -i 's/ systemd.import_credentials=no//' $CMDLINE"
fault dump.kdump 7 "kdump" "systemctl --root=$R enable kdump-tools.service"
fault dump.hibernation 7 "hibernation" "sed -i 's/\$/ resume=UUID=1/' $CMDLINE"
fault dump.swap 7 "swap in the clear" "echo 'UUID=77 none swap sw 0 0' >>$R/etc/fstab"
fault dump.cores 0 "cores of services" "echo '|/usr/lib/systemd/systemd-coredump %P' >$R/proc/sys/kernel/core_pattern"
fault volume.services 0 "a service that starts without its disk" "sed -i 's|/srv/data|/var/lib/mysql|' $R/etc/fstab; echo '[Service]' >$R/usr/lib/systemd/system/mariadb.service"

by_hand console.sulogin 7 "a shell without a password, by the command line" "sed -i 's/\$/ systemd.setenv=SYSTEMD_SULOGIN_FORCE=1/' $CMDLINE" "SYSTEMD_SULOGIN_FORCE"
by_hand initrd.cryptopts 7 "a crypttab on the command line" "sed -i 's/\$/ cryptopts=target=root,source=LABEL=x/' $CMDLINE" "take cryptopts= off"
by_hand dump.swap 7 "swap in the clear that no line of fstab has" \
	"printf 'Filename Type Size Used Priority\n/dev/dm-7 partition 1048572 0 -2\n/dev/vda3 partition 1048572 0 -3\n' >$R/proc/swaps;
	mkdir -p $R/sys/class/block/dm-7/dm; echo CRYPT-PLAIN-swap >$R/sys/class/block/dm-7/dm/uuid" "swapoff"
by_hand dump.swap 7 "swap on a mapping that encrypts nothing" \
	"printf 'Filename Type Size Used Priority\n/dev/dm-7 partition 1048572 0 -2\n' >$R/proc/swaps; mkdir -p $R/sys/class/block/dm-7/dm;
	echo LVM-x >$R/sys/class/block/dm-7/dm/uuid" "swapoff"
# of dracut, which asks for another word; a word that is there counts for nothing before a later one
put /usr/lib/dracut/dracut-functions.sh ""
fault console.initrd 7 "dracut's shell" true
fault console.initrd 7 "dracut's shell, asked for" "sed -i 's/rd.shell=0/rd.shell=0 rd.shell=1/' $CMDLINE"
rm -r "$R/usr/lib/dracut"

grep -q 'RequiresMountsFor=/var/lib/mysql' "$UNITS/mariadb.service.d/50-sevattest-data.conf" || e2e_fail "the drop-in of mariadb.service is another"

# the machine
fault device.mode 7 "a device that others may open" "chmod 666 $R/dev/sev-guest"
fault root.trust 7 "RootTrust= is not set" "sed -i '/^RootTrust/d' $R/etc/sevattest/agent.conf"
rm -r "$R/etc/sevattest/agent.conf.d" && conf "$E2E_BROKER"
by_hand root.trust 7 "a dm-verity root whose hash nothing names" "sed -i s/roothash=/x=/ $R/proc/cmdline" "encrypt the root"
by_hand root.trust 7 "a root in the clear" "echo '22 1 8:1 / / rw - ext4 /dev/sda1 rw' >$R/proc/self/mountinfo; mkdir -p $R/sys/dev/block/8:1" "encrypt the root"
by_hand kernel.version 7 "an old kernel" "echo 5.10.0 >$R/proc/sys/kernel/osrelease" "install a kernel"
fault kernel.landlock 0 "a kernel without Landlock" "echo capability,yama,apparmor >$R/sys/kernel/security/lsm"
grep -q 'lsm=landlock,capability,yama,apparmor$' "$CMDLINE" || e2e_fail "the fix leaves out modules that are there: $(cat "$CMDLINE")"
fault kernel.landlock 0 "a command line that leaves Landlock out" "sed -i 's/lsm=landlock,/lsm=/' $CMDLINE"
sed -i 's/ lsm=[^ ]*//g' "$CMDLINE"
put /sys/kernel/security/lsm lockdown,capability,landlock
by_hand kernel.landlock 0 "modules that are a command" "echo \"capability';id;'\" >$R/sys/kernel/security/lsm" "in front of the modules"
by_hand provider 7 "no source of evidence" "rm $R/sys/kernel/config/tsm/report" "confidential VM"

# the configuration
by_hand conf.agent 2 "a misspelt key" "echo 'Reattset = 1h' >>$R/etc/sevattest/agent.conf" "agent.conf(5)"
by_hand conf.policy 2 "a policy that is none" "echo '{\"version\": 2}' >$R/etc/sevattest/policy.json" "policy check"
by_hand conf.broker-key 2 "no pin of the broker" "sed -i /^BrokerKey/d $R/etc/sevattest/agent.conf" "signing-key show"
by_hand conf.broker-key 2 "a pin that is none" "echo '{}' >$R/etc/sevattest/release.jwk" "signing-key show"
by_hand conf.broker 2 "no broker" "sed -i /^Url/d $R/etc/sevattest/agent.conf" "Url="
by_hand conf.ca 2 "an authority that is none" "echo >$R/etc/sevattest/ca.pem" "PEM"

# the way to the broker: the real one, and others in its place
free=$(e2e_free_port)
by_hand broker.tcp 5 "nobody listens" "conf https://127.0.0.1:$free" "sevattest-httpd"
by_hand broker.dns 5 "a name that nobody has" "conf https://broker.invalid:8080" "resolv.conf"
by_hand broker.tls 5 "another authority" "cp $D/stranger.pem $R/etc/sevattest/ca.pem" "CA="
by_hand broker.tls 5 "TLS is not spoken there" "conf https://127.0.0.1:$E2E_STATUS_PORT" "Certificate="
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old -keyout "$D/old.key" -out "$D/old.csr" 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1\n' >"$D/old.ext"
openssl x509 -req -in "$D/old.csr" -CA "$D/operator.pem" -CAkey "$D/operator.key" -CAcreateserial -days -1 -extfile "$D/old.ext" -out "$D/old.pem" 2>/dev/null ||
	e2e_fail "openssl: an expired certificate"
e2e_certificate operator elsewhere DNS:elsewhere
for name in old elsewhere; do
	chmod 600 "$D/$name.key"
	e2e_httpd_start "httpd-$name" "$D/broker/http.sock" "$D/$name.pem" "$D/$name.key"
	by_hand broker.tls 5 "a certificate that is $name" "conf https://127.0.0.1:$E2E_HTTPD_PORT" "expired"
done
e2e_certificate operator other
port=$(e2e_free_port)
e2e_background other openssl s_server -quiet -www -accept "127.0.0.1:$port" -cert "$D/other.pem" -key "$D/other.key"
e2e_wait_port "$port" "$E2E_PID"
by_hand broker.protocol 5 "something else behind TLS" "conf https://127.0.0.1:$port" "sevattest-brokerd"

# somebody who speaks the protocol and has another clock
python3 - "$D/other.pem" "$D/other.key" >"$D/past.port" 2>"$D/past.log" <<'PY' &
import http.server, ssl, sys
class Past(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return "Thu, 01 Jan 2026 00:00:00 GMT"
    def do_POST(self):
        body = b'{"nonce":"AA==","extra-params":""}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Past)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
PY
E2E_PIDS+=("$!")
e2e_wait "$!" "the server of the past" test -s "$D/past.port"
conf "https://127.0.0.1:$(cat "$D/past.port")"
doctor
FIX=${FIX#run: }
[ "$ALL $CODE" = "clock.broker 7" ] && [ "$FIX" = "timedatectl set-ntp true" ] || wrong "another clock at the broker: exit $CODE, found by \"$ALL\""
conf "$E2E_BROKER"
SEEN+='clock.broker '
healthy "another clock at the broker: found by clock.broker"

# the agent's own word, where it runs
. ./agent_lib.sh
cp "$E2E_BROKER_KEY" "$D/release.jwk"
agent_conf '[credentials]' 'Map = app.service/key prod/disk/data'
sed -i "s|^StatusSocket = .*|StatusSocket = $R/run/sevattest/status.sock|" "$D/agent.conf"
mkdir -p "$R/run/sevattest"
e2e_ctl policy put "$R/etc/sevattest/policy.json" >/dev/null 2>&1 || e2e_fail "policy put"
printf key >"$D/secret" && e2e_ctl key put prod/disk/data "$D/secret" >/dev/null && e2e_ctl grant add prod/disk/data prod >/dev/null || e2e_fail "key put, grant add"
agent_start_evidence
agent_start_netd
agent_start
proven() { "$sevattest" status --socket "$R/run/sevattest/status.sock"; }
e2e_wait "$AGENT_PID" "the agent is proven" proven
healthy "an agent that is proven"
# whoever asks from outside the unit's control group is refused, and the unit's row says so
ANSWER=$(python3 "$TESTS/ask_credential.py" "$D/credentials.sock" app.service key)
[ "$ANSWER" = refused ] || e2e_fail "a key for nobody: $ANSWER"
doctor
[ "$ALL $CODE" = "agent.refused 7" ] || wrong "a service that was refused: exit $CODE, found by \"$ALL\""
grep -q 'app.service/key was refused' "$D/doctor.out" || wrong "the service that was refused is not named"
e2e_say "ok: a service that was refused: found by agent.refused"
can_group() {
	local root
	for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ -e "$root/cgroup.procs" ] && mkdir "$root/sevattest$$.probe" 2>/dev/null && rmdir "$root/sevattest$$.probe" && return
	done
	return 1
}
if can_group; then
	agent_cgroups
	sleep 1.1 # times are whole seconds
	ask app.service key
	[ "$ANSWER" = "key 3" ] || e2e_fail "the key of app.service: $ANSWER"
	healthy "a service that was refused and has its key since"
fi
e2e_sim_set plat --measurement "$(printf 'a5%.0s' {1..48})"
kill -HUP "$AGENT_PID"
unproven() { ! proven; }
e2e_wait "$AGENT_PID" "the agent is refused" unproven
doctor
[ "$ALL $CODE" = "agent.proven 7" ] || wrong "an agent that is refused: exit $CODE, found by \"$ALL\""
e2e_say "ok: an agent that is refused: found by agent.proven"
kill -KILL "$AGENT_PID" # one that ends takes its socket with it
wait "$AGENT_PID" 2>/dev/null
doctor
[ "$ALL $CODE" = "agent.answers 7" ] || wrong "an agent that is gone: exit $CODE, found by \"$ALL\""
rm "$R/run/sevattest/status.sock"
healthy "no agent"
SEEN+='agent.refused agent.proven agent.answers '
E2E_CHECKS=$((E2E_CHECKS + 3))

# before the move: a source machine, which has no evidence, no agent and no broker yet
conf_there() {
	put /boot/config-6.12.0-cloud "$(printf 'CONFIG_%s\n' AMD_MEM_ENCRYPT=y HYPERV=m HYPERV_STORAGE=m HYPERV_NET=m TCG_CRB=y PCI_HYPERV=m BLK_DEV_NVME=m ENA_ETHERNET=m \
		SEV_GUEST=m GVE=m SCSI_VIRTIO=m VIRTIO_PCI=y VIRTIO_BLK=m VIRTIO_NET=m)"
	put /etc/cloud/cloud.cfg "datasource: {}"
	put /etc/cloud/cloud.cfg.d/90.cfg "datasource_list: [ NoCloud, Azure, Ec2, GCE ]"
	mkdir -p "$R/sys/firmware/efi" "$R/dev/disk/by-partuuid"
	ln -sf ../../vdb "$R/dev/disk/by-partuuid/aa-01"
	rm -r "$R/etc/sevattest/agent.conf" "$R/sys/kernel/config/tsm"
	sed -i 's|by-id/virtio-data|by-partuuid/aa-01|' "$R/etc/sevattest/volumes/data" "$R/etc/crypttab"
	sed -i 's|by\\x2did-virtio\\x2ddata|by\\x2dpartuuid-aa\\x2d01|' "$R/etc/systemd/system/sevattest-luks@data.service.d/device.conf"
}
conf_there
for platform in azure aws gcp kvm; do healthy "before the move to $platform" --preflight "$platform"; done
declare -A DRIVER=([azure]=HYPERV_NET [aws]=ENA_ETHERNET [gcp]=GVE [kvm]=VIRTIO_NET) SOURCE=([azure]=Azure [aws]=Ec2 [gcp]=GCE)
for platform in azure aws gcp kvm; do
	OPTIONS=(--preflight "$platform")
	put /etc/cloud/cloud.cfg.d/90.cfg "datasource_list: [ NoCloud, Azure, Ec2, GCE ]"
	by_hand preflight.drivers 7 "$platform: a kernel without a driver" "sed -i /CONFIG_${DRIVER[$platform]}=/d $R/boot/config-6.12.0-cloud" "cloud kernel"
	fault preflight.initrd 7 "$platform: an initrd for this machine only" "echo MODULES=dep >$R/etc/initramfs-tools/initramfs.conf"
	put /etc/initramfs-tools/modules "# none"
	put /etc/initramfs-tools/initramfs.conf MODULES=most
	[ -z "${SOURCE[$platform]:-}" ] ||
		fault preflight.cloud-init 7 "$platform: cloud-init is told to ask others" "echo 'datasource_list: [ NoCloud ]' >$R/etc/cloud/cloud.cfg.d/90.cfg"
done
put /etc/cloud/cloud.cfg.d/90.cfg "datasource_list: [ Ec2 ]"
OPTIONS=(--preflight aws)
by_hand preflight.uefi 7 "a machine that boots by BIOS" "rmdir $R/sys/firmware/efi" "grub-efi"
by_hand preflight.device 0 "a disk by the name that this platform gave it" \
	"sed -i 's|by-partuuid/aa-01|by-id/virtio-data|' $R/etc/sevattest/volumes/data $R/etc/crypttab
	sed -i 's|by.x2dpartuuid-aa.x2d01|by\\\\x2did-virtio\\\\x2ddata|' '$UNITS/sevattest-luks@data.service.d/device.conf'" "GPT partition"
by_hand preflight.fstab 7 "a name that moves" "sed -i 's/^UUID=aa/\\/dev\\/vda1/' $R/etc/fstab" "UUID="
by_hand preflight.kernel 7 "an old kernel" "echo 5.10.0 >$R/proc/sys/kernel/osrelease; mv $R/boot/config-6.12.0-cloud $R/boot/config-5.10.0" "newer kernel"
fault preflight.console 0 "nothing on the serial console" "sed -i 's/ console=ttyS0,115200//' $CMDLINE"
fault console.initrd 7 "a shell in the initrd, before the move" "sed -i 's/ panic=30//' $CMDLINE"
put /usr/lib/dracut/dracut-functions.sh ""
sed -i 's/$/ rd.shell=0/' "$CMDLINE"
fault preflight.initrd 7 "an initrd of dracut for this machine only" true
rm -r "$R/usr/lib/dracut" "$R/etc/dracut.conf.d"
OPTIONS=()

# nothing at all: what cannot be looked at is said, and does not pass
R=$D/empty
mkdir "$R"
empty() { # EXIT CHECKS [OPTIONS]
	local code=$1 checks=$2
	shift 2
	doctor "$@"
	E2E_CHECKS=$((E2E_CHECKS + 1))
	[ "$ALL" = "$checks" ] && [ "$CODE" = "$code" ] || wrong "an empty root: exit $CODE, not passed: $ALL"
	e2e_say "ok: an empty root $*: not passed: $checks"
}
empty 2 "conf.agent kernel.version kernel.landlock provider units.enabled console.cmdline console.root console.initrd systemd.credentials dump.swap"
empty 7 "preflight.kernel preflight.drivers preflight.initrd preflight.uefi preflight.console console.cmdline console.root console.initrd systemd.credentials dump.swap" \
	--preflight aws
SEEN+='console.cmdline '

# every check that the program has was seen failing above
declare -A EXCEPT=(
	[clock.build]="this machine's clock would have to stand; tests/unit/doctor has it"
	[units.sockets]="only of the running system, /, which no test here may change")
mapfile -t CHECKS < <(grep -ohE '\<(look_(failed|advice|passed|unknown|at_part)|fail|verdict_add)\(look(->verdict)?, "[a-z.-]+"' "$TESTS"/../../src/doctor/*.c | cut -d'"' -f2 | sort -u)
[ ${#CHECKS[@]} -gt 40 ] || e2e_fail "only ${#CHECKS[@]} checks were found in src/doctor"
for check in "${CHECKS[@]}"; do
	E2E_CHECKS=$((E2E_CHECKS + 1))
	if [ -n "${EXCEPT[$check]:-}" ]; then
		case $SEEN in *" $check "*) e2e_fail "$check is no exception: it was seen failing" ;; esac
	else
		case $SEEN in *" $check "*) ;; *) e2e_fail "no fault of this test is found by $check" ;; esac
	fi
done
e2e_say "ok: each of ${#CHECKS[@]} checks was seen failing, but for ${!EXCEPT[*]}"

e2e_expect 2 "a platform that nobody has" "$sevattest" doctor --preflight sgx
e2e_expect 2 "a root that is none" "$sevattest" doctor --root /nonexistent
e2e_expect 2 "a root that would be a command" "$sevattest" doctor --root "/tmp/\$(id)"
e2e_end
