# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The world of one virtual machine, on the host: a broker, a simulated platform, the guest's configuration, and what the guest may ask for while it runs.
# Source it after tests/e2e/lib.sh; all is below $E2E_DIR.

WORLD_ADDRESS=10.0.2.100

# world_broker: a broker whose certificate is for the address at which the guest sees it.
world_broker() {
	e2e_ca operator
	e2e_ca other
	e2e_certificate operator broker-tls "IP:$WORLD_ADDRESS"
	e2e_certificate other wrong-tls "IP:$WORLD_ADDRESS"
	e2e_broker_start broker operator
	world_connect
}

world_connect() { printf '%s' "$E2E_HTTPD_PORT" >"$E2E_DIR/port.new" && mv "$E2E_DIR/port.new" "$E2E_DIR/port"; }

# world_tls CERTIFICATE: the same broker behind that certificate; without an argument nobody listens.
world_tls() {
	rm -f "$E2E_DIR/port"
	e2e_stop "$E2E_HTTPD_PID"
	[ $# -gt 0 ] || return 0
	e2e_httpd_start "broker-httpd-$1" "$E2E_DIR/broker/http.sock" "$E2E_DIR/$1.pem" "$E2E_DIR/$1.key"
	world_connect
}

# world_unsigned: the same broker, but what it releases arrives without its signature.
world_unsigned() {
	world_tls broker-tls
	e2e_background unsign "$here/unsign.py" "$E2E_DIR/broker-tls.pem" "$E2E_DIR/broker-tls.key" "$E2E_HTTPD_PORT"
	e2e_wait_line "$E2E_DIR/unsign.out" '^port' "$E2E_PID"
	sed -n 's/^port //p' "$E2E_DIR/unsign.out" >"$E2E_DIR/port.new" && mv "$E2E_DIR/port.new" "$E2E_DIR/port"
}

# world_policy [MEASUREMENT]
world_policy() {
	e2e_policy prod "$E2E_DIR/platform/ark.pem" "$@" >"$E2E_DIR/policy.json"
	e2e_ctl policy put "$E2E_DIR/policy.json" >>"$E2E_DIR/admin.log" 2>&1 || e2e_fail "policy put"
}

world_key() { # RESOURCE FILE
	e2e_ctl key put "$1" "$2" >>"$E2E_DIR/admin.log" 2>&1 && e2e_ctl grant add "$1" prod >>"$E2E_DIR/admin.log" 2>&1 || e2e_fail "key put $1"
}

# world_guest ROOT: what the operator writes in the guest: where the broker is, and whom to trust.
world_guest() {
	local etc=$1/etc/sevattest
	e2e_sim_init platform
	mkdir -p "$1/var/lib/sim/tsm" "$etc/agent.conf.d" "$etc/volumes"
	cp -a "$E2E_DIR/platform" "$1/var/lib/sim/platform"
	cp "$E2E_DIR/operator.pem" "$etc/broker-ca.pem"
	cp "$E2E_BROKER_KEY" "$etc/release.jwk"
	printf '[broker]\nUrl = https://%s:8080\nCA = /etc/sevattest/broker-ca.pem\nBrokerKey = /etc/sevattest/release.jwk\n[kds]\nUrl = off\n[evidence]\nTsmRoot = /var/lib/sim/tsm\n[agent]\nRetryMax = 2\n' \
		"$WORLD_ADDRESS" >"$etc/agent.conf"
	mkdir -p "$1/etc/systemd/system/sevattest-evidence@.service.d"
	printf '[Service]\nReadWritePaths=/var/lib/sim/tsm\n' >"$1/etc/systemd/system/sevattest-evidence@.service.d/sim.conf"
}

# world_serve WORDS...: what the guest asked for (`host` of inside/vm.sh).
world_serve() {
	case $1 in
	broker)
		case $2 in
		stop) world_tls ;;
		start) world_tls broker-tls ;;
		wrong-certificate) world_tls wrong-tls ;;
		unsigned) world_unsigned ;;
		*) return 1 ;;
		esac
		;;
	policy) case $2 in good) world_policy ;; wrong) world_policy "$(printf 'ee%.0s' {1..48})" ;; *) return 1 ;; esac ;;
	*) return 1 ;;
	esac
}
