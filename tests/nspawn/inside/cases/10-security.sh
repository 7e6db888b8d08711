#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The exposure that systemd-analyze sees in each unit, with every item that is left, against the limit for it. That the settings are in force is the
# matter of the case `sandbox`.
. ./lib.sh

declare -A LIMITS=([sevattestd.service]=1.0 [sevattest-netd-agent.service]=1.5 [sevattest-netd-broker.service]=1.5 [sevattest-httpd-agent.service]=1.5
	[sevattest-httpd-broker.service]=1.5 [sevattest-brokerd.service]=1.0 [sevattest-evidence@.service]=1.8 [sevattest-luks@.service]=1.0)
folder=$T/units
mkdir -p "$folder"
seen=0
for unit in "${!LIMITS[@]}"; do
	path=/usr/lib/systemd/system/$unit
	[ -e "$path" ] || fail "$unit is not installed"
	cp "$path" "$folder/${unit/@./@x.}"
	systemd-analyze security --offline=true --no-pager "$folder/${unit/@./@x.}" >"$T/security" 2>&1 || { cat "$T/security"; fail "systemd-analyze security $unit"; }
	figure=$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p' "$T/security")
	[ -n "$figure" ] || { cat "$T/security"; fail "no figure for $unit"; }
	say "figure: exposure of $unit: $figure (at most ${LIMITS[$unit]})"
	# The mark, the name, the words, and the weight where there is one.
	grep -F '✗' "$T/security" | sed 's/^ *✗ */note:     /'
	equal "$unit is at most ${LIMITS[$unit]}" yes "$(awk -v got="$figure" -v most="${LIMITS[$unit]}" 'BEGIN { print got <= most ? "yes" : "no, " got }')"
	seen=$((seen + 1))
done
equal "all units were judged" ${#LIMITS[@]} $seen

# A unit that systemd does not understand in part would be weaker than it looks.
units=()
for unit in /usr/lib/systemd/system/sevattest*.{service,socket,path,target}; do units+=("${unit/@./@x.}"); done
systemd-analyze verify --man=no "${units[@]}" 2>&1 | grep -F sevattest | grep -v 'is not executable' >"$T/verify"
[ ! -s "$T/verify" ] || { cat "$T/verify"; fail "systemd-analyze verify has something to say"; }
say "ok: systemd-analyze verify is silent about ${#units[@]} units"
done_with_checks
