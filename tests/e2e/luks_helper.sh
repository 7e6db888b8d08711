#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sevattest-luks with real LUKS2 images on loop devices and an agent made here, which says yes, no, nothing, and worse: see luks_helper.py.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
e2e_begin luks-helper

[ "$(id -u)" -eq 0 ] || e2e_skip "sevattest-luks is root's, and so are block devices"
command -v cryptsetup >/dev/null || e2e_skip "cryptsetup is not installed"
losetup -f >/dev/null 2>&1 || e2e_skip "no loop device can be had here"
helper=$(e2e_program sevattest-luks) || exit 1
python3 ./luks_helper.py "$E2E_DIR" "$helper" || e2e_fail "sevattest-luks"
E2E_CHECKS=$((E2E_CHECKS + 1))
e2e_end
