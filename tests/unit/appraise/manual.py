#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every check of the table is a heading in sevattest-policy(5), or one of the bits named under its heading.
Usage: manual.py POLICY_PROBE SOURCE_ROOT"""
import subprocess
import sys


def main():
    names = subprocess.run([sys.argv[1], "--checks"], check=True, capture_output=True, text=True).stdout.split()
    with open(f"{sys.argv[2]}/man/sevattest-policy.5", encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    words = set(page.replace(",", " ").replace("(", " ").replace(")", " ").split())
    missing = [name for name in names if name not in words]
    for name in missing:
        print(f"{name} is not described")
    print(f"{len(names)} checks, {len(missing)} missing")
    return 1 if missing or len(names) < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
