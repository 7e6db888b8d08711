# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the end-to-end tests: a temporary directory, programs in the background that end by their own process id, certificates, the simulator and
# the broker. Source it, then call e2e_begin NAME. Programs come from $SEVATTEST_BUILD (a build directory), else from PATH.
#
# A test that cannot run says so with e2e_skip (exit 77, as meson wants it).

E2E_PIDS=()
E2E_MOUNTS=()
E2E_CHECKS=0

# e2e_program NAME: the path of one of our programs.
e2e_program() {
	local folder
	if [ -n "${SEVATTEST_BUILD:-}" ]; then
		for folder in sim cli httpd netd agent evidence-helper luks-helper broker brokerctl; do
			if [ -x "$SEVATTEST_BUILD/src/$folder/$1" ]; then
				printf '%s\n' "$SEVATTEST_BUILD/src/$folder/$1"
				return
			fi
		done
	fi
	[ -x "/usr/lib/sevattest/$1" ] && printf '%s\n' "/usr/lib/sevattest/$1" && return
	command -v "$1" || { printf 'e2e: %s is not built (SEVATTEST_BUILD=%s) and not installed\n' "$1" "${SEVATTEST_BUILD:-}" >&2; return 1; }
}

e2e_begin() {
	E2E_NAME=$1
	E2E_DIR=$(mktemp -d "${TMPDIR:-/tmp}/sevattest-$1.XXXXXX") || exit 1
	trap e2e_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

e2e_say() { printf '%s\n' "$*"; }
e2e_skip() { printf 'SKIP: %s\n' "$*"; exit 77; }

# e2e_fail TEXT: ends the test; the logs of the programs go to standard error.
e2e_fail() {
	local log
	printf 'FAILED: %s: %s\n' "$E2E_NAME" "$*" >&2
	for log in "$E2E_DIR"/*.log; do
		[ -s "$log" ] && { printf -- '--- %s\n' "${log##*/}"; tail -n 20 "$log"; } >&2
	done
	exit 1
}

# Ends what was started here, newest first, by process id; then mounts and the directory.
e2e_cleanup() {
	local status=$? i
	trap - EXIT
	for ((i = ${#E2E_PIDS[@]} - 1; i >= 0; i--)); do e2e_stop "${E2E_PIDS[i]}"; done
	for i in "${E2E_MOUNTS[@]}"; do
		if grep -q " $i " /proc/self/mountinfo 2>/dev/null; then umount -l "$i" 2>/dev/null || fusermount3 -uz "$i" 2>/dev/null; fi
	done
	if [ -n "${E2E_KEEP:-}" ]; then printf 'kept: %s\n' "$E2E_DIR" >&2; else rm -rf "$E2E_DIR"; fi
	exit "$status"
}

# e2e_background NAME COMMAND...: output goes to $E2E_DIR/NAME.out and NAME.log; the process id to $E2E_PID.
e2e_background() {
	local name=$1
	shift
	"$@" >"$E2E_DIR/$name.out" 2>"$E2E_DIR/$name.log" </dev/null &
	E2E_PID=$!
	E2E_PIDS+=("$E2E_PID")
}

# e2e_stop PID: TERM, five seconds of patience, KILL. Only our own children.
e2e_stop() {
	local i
	kill -TERM "$1" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

# e2e_wait PID WHAT COMMAND...: until COMMAND is true; at most ten seconds, not longer than PID lives.
e2e_wait() {
	local pid=$1 what=$2 i
	shift 2
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		kill -0 "$pid" 2>/dev/null || e2e_fail "$what: the program ended"
		sleep 0.05
	done
	e2e_fail "$what: not within ten seconds"
}

# e2e_jq [--arg NAME VALUE]... EXPRESSION [FILE]: is it true of what there is? jq 1.6 -e is content where there is no input, or no result: a server that is not up
# yet would then have answered well.
e2e_jq() {
	local options=()
	while [ "${1#--arg}" != "$1" ]; do
		options+=("$1" "$2" "$3")
		shift 3
	done
	jq -n -e "${options[@]}" "[inputs | ($1)] | length > 0 and all" "${@:2}"
}

# A killed program leaves its socket file behind, so the file proves nothing: the kernel's list says whether somebody listens there.
e2e_listens() { grep -q -- " 00010000 .* $1\$" /proc/net/unix; }
e2e_wait_socket() { e2e_wait "$2" "socket $1" e2e_listens "$1"; }
e2e_wait_line() { e2e_wait "$3" "\"$2\" in ${1##*/}" grep -q -- "$2" "$1"; }
e2e_port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
e2e_wait_port() { e2e_wait "$2" "port $1" e2e_port_open "$1"; }

# A TCP port that nobody listens on now.
e2e_free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		e2e_port_open "$port" 2>/dev/null || { printf '%s\n' "$port"; return; }
	done
}

# e2e_expect CODE WHAT COMMAND...: the exit code must be CODE. Output in $E2E_DIR/last.out and last.err.
e2e_expect() {
	local code=$1 what=$2 got
	shift 2
	"$@" >"$E2E_DIR/last.out" 2>"$E2E_DIR/last.err" </dev/null
	got=$?
	E2E_CHECKS=$((E2E_CHECKS + 1))
	if [ "$got" != "$code" ]; then
		cat "$E2E_DIR/last.out" "$E2E_DIR/last.err" >&2
		e2e_fail "$what: exit $got instead of $code"
	fi
	e2e_say "ok: $what"
}

# e2e_expect_text WORDS: in what the last e2e_expect printed.
e2e_expect_text() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	grep -q -F -- "$1" "$E2E_DIR/last.out" "$E2E_DIR/last.err" || {
		cat "$E2E_DIR/last.out" "$E2E_DIR/last.err" >&2
		e2e_fail "\"$1\" was not said"
	}
}

e2e_same() {
	E2E_CHECKS=$((E2E_CHECKS + 1))
	cmp -s "$1" "$2" || e2e_fail "$1 and $2 differ"
}

# e2e_ca NAME: a TLS certification authority, $E2E_DIR/NAME.pem and NAME.key.
e2e_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign -keyout "$E2E_DIR/$1.key" -out "$E2E_DIR/$1.pem" 2>/dev/null || e2e_fail "openssl: CA $1"
	chmod 600 "$E2E_DIR/$1.key"
}

# e2e_certificate CA NAME [SAN]: a server's certificate (chain) and key, $E2E_DIR/NAME.pem and NAME.key.
e2e_certificate() {
	local san=${3:-IP:127.0.0.1,DNS:localhost} d=$E2E_DIR
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$d/$2.key" -out "$d/$2.csr" 2>/dev/null &&
		printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n' "$san" >"$d/$2.ext" &&
		openssl x509 -req -in "$d/$2.csr" -CA "$d/$1.pem" -CAkey "$d/$1.key" -CAcreateserial -days 2 -extfile "$d/$2.ext" -out "$d/$2.pem" 2>/dev/null ||
		e2e_fail "openssl: certificate $2"
	rm -f "$d/$2.csr" "$d/$2.ext"
	chmod 600 "$d/$2.key"
}

# e2e_sim_init NAME [OPTIONS...]: a platform in $E2E_DIR/NAME. $SEVATTEST_SIM_CACHE, a directory, keeps the slow CA keys between tests.
e2e_sim_init() {
	local name=$1 product=milan cache i sim
	shift
	sim=$(e2e_program sevattest-sim) || exit 1
	for ((i = 1; i <= $#; i++)); do [ "${!i}" = --product ] && { i=$((i + 1)); product=${!i}; }; done
	if [ -n "${SEVATTEST_SIM_CACHE:-}" ]; then
		cache=$SEVATTEST_SIM_CACHE/$product
		mkdir -p "$SEVATTEST_SIM_CACHE"
		"$sim" init "$cache" --product "$product" --chip-seed cache || e2e_fail "sevattest-sim init $cache"
		set -- "$@" --ca-from "$cache"
	fi
	"$sim" init "$E2E_DIR/$name" "$@" || e2e_fail "sevattest-sim init $name"
}

# e2e_sim_serve NAME: configfs-tsm on $E2E_DIR/NAME.tsm, KDS on a free port ($E2E_KDS). Skips where FUSE cannot be had.
e2e_sim_serve() {
	local sim mount=$E2E_DIR/$1.tsm
	sim=$(e2e_program sevattest-sim) || exit 1
	[ -r /dev/fuse ] && [ -w /dev/fuse ] || e2e_skip "/dev/fuse cannot be opened: load the module fuse and run as root"
	mkdir -p "$mount" 2>/dev/null || true # a killed simulator leaves a mount that answers nothing; serve replaces it
	E2E_MOUNTS+=("$mount")
	e2e_background "sim-$1" "$sim" serve "$E2E_DIR/$1" --mount "$mount" --kds-listen 127.0.0.1:0 --verbose
	E2E_SIM_PID=$E2E_PID
	e2e_wait_line "$E2E_DIR/sim-$1.out" '^ready' "$E2E_PID"
	E2E_KDS=$(sed -n 's/^kds //p' "$E2E_DIR/sim-$1.out")
	E2E_TSM=$mount
}

# e2e_sim_set NAME --SETTING VALUE...: changes a running platform.
e2e_sim_set() {
	local name=$1
	shift
	"$(e2e_program sevattest-sim)" set "$E2E_DIR/$name" "$@" || e2e_fail "sevattest-sim set $*"
}

# e2e_httpd_start NAME BROKER_SOCKET CERTIFICATE KEY: TLS on a free port ($E2E_HTTPD_PORT), status on another.
e2e_httpd_start() {
	E2E_HTTPD_PORT=$(e2e_free_port)
	E2E_STATUS_PORT=$(e2e_free_port)
	printf '[http]\nListen = 127.0.0.1:%s\nStatusListen = 127.0.0.1:%s\nCertificate = %s\nPrivateKey = %s\nBroker = %s\n' \
		"$E2E_HTTPD_PORT" "$E2E_STATUS_PORT" "$3" "$4" "$2" >"$E2E_DIR/$1.conf"
	e2e_background "$1" "$(e2e_program sevattest-httpd)" --config "$E2E_DIR/$1.conf"
	E2E_HTTPD_PID=$E2E_PID
	e2e_wait_port "$E2E_HTTPD_PORT" "$E2E_PID"
}

# e2e_broker_start NAME CA: brokerd and httpd with a fresh store in $E2E_DIR/NAME; $E2E_BROKER is its URL, $E2E_BROKER_KEY the release signer's JWK. `e2e_ctl`
# speaks to it. CA is an authority of e2e_ca. $E2E_HTTPD_SETTINGS: more lines for section [http].
e2e_broker_start() {
	local d=$E2E_DIR/$1
	mkdir -p "$d/state" "$d/certs" "$d/cache" "$d/crls"
	chmod 700 "$d/state"
	E2E_HTTPD_PORT=$(e2e_free_port)
	E2E_STATUS_PORT=$(e2e_free_port)
	[ -f "$E2E_DIR/$1-tls.pem" ] || e2e_certificate "$2" "$1-tls"
	{
		printf '[broker]\nHttpSocket = %s\nStateDirectory = %s\nCertificateDirectory = %s\nCacheDirectory = %s\nCrlDirectory = %s\nThreads = 2\n' \
			"$d/http.sock" "$d/state" "$d/certs" "$d/cache" "$d/crls"
		printf '[admin]\nSocket = %s\n' "$d/admin.sock"
		# Without a netd of its own (e2e_broker_netd) it asks nobody for certificates.
		printf '[net]\nSocket = %s\n[kds]\nUrl = %s\n' "$d/net.sock" "${E2E_BROKER_KDS:-off}"
		printf '[http]\nListen = 127.0.0.1:%s\nStatusListen = 127.0.0.1:%s\nCertificate = %s\nPrivateKey = %s\nBroker = %s\n' \
			"$E2E_HTTPD_PORT" "$E2E_STATUS_PORT" "$E2E_DIR/$1-tls.pem" "$E2E_DIR/$1-tls.key" "$d/http.sock"
		printf '%s\n' "${E2E_HTTPD_SETTINGS:-}"
	} >"$d/broker.conf"
	E2E_ADMIN=$d/admin.sock
	E2E_BROKER=https://127.0.0.1:$E2E_HTTPD_PORT
	E2E_BROKER_KEY=$d/release.jwk
	e2e_background "$1-brokerd" "$(e2e_program sevattest-brokerd)" --config "$d/broker.conf"
	E2E_BROKERD_PID=$E2E_PID
	e2e_wait_socket "$d/http.sock" "$E2E_PID"
	e2e_wait_socket "$d/admin.sock" "$E2E_PID"
	e2e_background "$1-httpd" "$(e2e_program sevattest-httpd)" --config "$d/broker.conf"
	E2E_HTTPD_PID=$E2E_PID
	e2e_wait_port "$E2E_HTTPD_PORT" "$E2E_PID"
	[ -s "$d/escrow" ] || e2e_ctl init --escrow "$d/escrow" >/dev/null 2>"$E2E_DIR/$1-init.log" || e2e_fail "sevattest-broker init"
	e2e_ctl --json signing-key show >"$E2E_BROKER_KEY" || e2e_fail "sevattest-broker signing-key show"
}

# e2e_broker_netd NAME: the way of that broker to $E2E_BROKER_KDS, which was set before e2e_broker_start.
e2e_broker_netd() {
	e2e_background "$1-netd" "$(e2e_program sevattest-netd)" --broker="$E2E_DIR/$1/broker.conf"
	E2E_NETD_PID=$E2E_PID
	e2e_wait_socket "$E2E_DIR/$1/net.sock" "$E2E_PID"
}

e2e_ctl() { "$(e2e_program sevattest-broker)" --socket "$E2E_ADMIN" "$@"; }

# e2e_policy NAME ARK [MEASUREMENT]: a policy of a simulated platform, strict enough that each change of the guest fails one member.
e2e_policy() {
	python3 - "$@" <<'EOF'
import json, sys
name, ark = sys.argv[1:3]
measurement = sys.argv[3] if len(sys.argv) > 3 else "5a" * 48
print(json.dumps({"version": 1, "name": name, "os_identity": "kernel-hashes", "trust": [open(ark).read()], "revocation": "off",
    "snp": {"measurement": [measurement], "signer": ["vcek"], "vmpl": {"max": 0}, "guest_policy": {"debug": False, "migrate_ma": False}, "tcb_min": "entrysign"}}))
EOF
}

e2e_end() { e2e_say "$E2E_NAME: $E2E_CHECKS checks passed"; exit 0; }
