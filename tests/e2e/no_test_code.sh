#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing of the fuzzers and of their planted over-reads is in what is installed: neither a symbol nor the name of the switch. The same search must find them in the
# program that replays their seeds, else it would find them nowhere.
set -u
cd "$(dirname "$0")/../.." || exit 1
STAGE=${SEVATTEST_STAGE:-}
REPLAY=${SEVATTEST_BUILD:-build/check/gcc}/tests/fuzz/fuzz_replay
[ -d "$STAGE" ] || { printf 'SKIP: SEVATTEST_STAGE names no installed tree\n'; exit 77; }
[ -x "$REPLAY" ] || { printf '%s was not built\n' "$REPLAY"; exit 1; }

# Symbols of either table, and the strings of the file.
test_code() { { nm -a "$1"; nm -D "$1"; strings "$1"; } 2>/dev/null | grep -E 'LLVMFuzzer|fuzz_|__wrap_|planted|SEVATTEST_PLANTED|SEVATTEST_ENROLL_CUT'; }

[ -n "$(test_code "$REPLAY")" ] || { printf 'the search finds nothing in %s, where something is\n' "$REPLAY"; exit 1; }
count=0
while IFS= read -r -d '' file; do
	[ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
	count=$((count + 1))
	if test_code "$file"; then
		printf '%s has test code in it\n' "$file"
		exit 1
	fi
done < <(find "$STAGE" -type f -print0)
[ "$count" -ge 3 ] || { printf 'only %d programs and libraries in %s\n' "$count" "$STAGE"; exit 1; }
printf 'no test code in %d programs and libraries\n' "$count"
