#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every check of a LUKS2 header has its paragraph in sevattest-luks(8), and every paragraph a check. usage: manual.py LUKS_PROBE SOURCE"""
import os
import re
import subprocess
import sys

checks = subprocess.run([sys.argv[1], "--checks"], check=True, capture_output=True, text=True).stdout.split()
with open(os.path.join(sys.argv[2], "man", "sevattest-luks.8"), encoding="utf-8") as file:
    page = file.read().replace("\\-", "-")
written = re.findall(r"^\.B (luks\.[a-z0-9_]+)$", page, re.M)
wrong = [f"{name} is not in sevattest-luks(8)" for name in checks if name not in written]
wrong += [f"sevattest-luks(8) has {name}, which is no check" for name in written if name not in checks]
if not wrong and checks != written:
    wrong.append("sevattest-luks(8) has them in another order")
print("\n".join(wrong) if wrong else f"{len(checks)} checks of a header, each in the manual")
sys.exit(1 if wrong else 0)
