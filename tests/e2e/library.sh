#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The library as others use it: the program of sevattest(3), built with nothing but what pkg-config says about the installed files, and Python through ctypes. Both
# judge genuine and spoiled reports, and say what the command says.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
e2e_begin library

here=$(cd "$(dirname "$0")" && pwd)
vectors=${SEVATTEST_VECTORS:-$here/../../../shared/vectors}
sevattest=$(e2e_program sevattest) || exit 1
[ -e "$vectors/index.json" ] || e2e_skip "no test vectors at $vectors"
command -v pkg-config >/dev/null || e2e_skip "no pkg-config"

stage=${SEVATTEST_STAGE:-}
if [ -z "$stage" ]; then
	stage=$E2E_DIR/stage
	DESTDIR=$stage meson install -C "${SEVATTEST_BUILD:?a build directory}" --no-rebuild --quiet >"$E2E_DIR/install.log" 2>&1 || e2e_fail "meson install"
fi
pc=$(find "$stage" -name sevattest.pc)
[ -n "$pc" ] || e2e_fail "no sevattest.pc was installed"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$stage
library=$(find "$stage" -name 'libsevattest.so.0')
[ -n "$library" ] || e2e_fail "no libsevattest.so.0 was installed"

# The example is the one of the manual page.
page=$(find "$stage" -name 'sevattest.3*' | head -n 1)
python3 - "$page" >"$E2E_DIR/example.c" <<'PYTHON' || e2e_fail "the example of $page"
import gzip, sys
opened = gzip.open if sys.argv[1].endswith(".gz") else open
page = opened(sys.argv[1], "rt", encoding="utf-8").read()
code = page.split(".SH EXAMPLE")[1].split(".nf\n")[1].split(".fi\n")[0]
print(code.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\"), end="")
PYTHON
read -r -a flags < <(pkg-config --cflags --libs sevattest) || e2e_fail "pkg-config"
e2e_expect 0 "the example builds" cc -std=c17 -Wall -Wextra -Werror -o "$E2E_DIR/example" "$E2E_DIR/example.c" "${flags[@]}"
printf '#include <sevattest.h>\nint main() { return sevattest_version()[0] == 0; }\n' >"$E2E_DIR/plus.cc"
command -v c++ >/dev/null && e2e_expect 0 "the header is good C++" c++ -Wall -Werror -o "$E2E_DIR/plus" "$E2E_DIR/plus.cc" "${flags[@]}"

# Versioned symbols, and nothing else is exported.
wrong=$(nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /^sevattest_[a-z_]+@@SEVATTEST_[0-9]+$/')
[ -z "$wrong" ] || e2e_fail "exported without a version: $wrong"
E2E_CHECKS=$((E2E_CHECKS + 1))

export LD_LIBRARY_PATH=${library%/*}
report=$vectors/reports/v5-turin-vcek-vmpl0-azure-aci-85da705e.bin
cat "$vectors/certs/v5-turin-vcek-vmpl0-azure-aci-85da705e.vcek.der" >"$E2E_DIR/vek.der"
{ openssl x509 -inform der -in "$E2E_DIR/vek.der" && cat "$vectors/certs/ca/turin-vcek-chain.pem"; } >"$E2E_DIR/certs.pem"
openssl x509 -inform der -in "$E2E_DIR/vek.der" -noout -checkend 0 >/dev/null || e2e_skip "the genuine certificate has expired by this machine's clock"
policy='{"version": 1, "name": "p", "os_identity": "unverified", "revocation": "off", "snp": {"guest_policy": {"debug": false}, "products": ["PRODUCT"]}}'
printf '%s' "${policy/PRODUCT/Turin}" >"$E2E_DIR/good.json"
printf '%s' "${policy/PRODUCT/Milan}" >"$E2E_DIR/other.json"
python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[0x90] ^= 1; open(sys.argv[2], "wb").write(d)' "$report" "$E2E_DIR/spoiled.bin"
e2e_expect 0 "a genuine report, wanted" "$E2E_DIR/example" "$report" "$E2E_DIR/certs.pem" "$E2E_DIR/good.json"
e2e_expect 4 "genuine, not wanted" "$E2E_DIR/example" "$report" "$E2E_DIR/certs.pem" "$E2E_DIR/other.json"
e2e_expect_text "products: "
e2e_expect 3 "one bit of the report flipped" "$E2E_DIR/example" "$E2E_DIR/spoiled.bin" "$E2E_DIR/certs.pem" "$E2E_DIR/good.json"
e2e_expect_text "report.signature: "
e2e_expect 3 "no certificates" "$E2E_DIR/example" "$report" /dev/null "$E2E_DIR/good.json"
e2e_expect 3 "a malformed policy" "$E2E_DIR/example" "$report" "$E2E_DIR/certs.pem" /dev/null
e2e_expect_text "could not tell: "

e2e_expect 0 "Python through ctypes" python3 "$here/library_ctypes.py" "$library" "$sevattest" "$report" "$E2E_DIR/certs.pem" "$E2E_DIR/good.json" "$E2E_DIR/other.json"
e2e_end
