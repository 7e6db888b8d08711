#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No function past 100 lines, measured with ctags over src/. usage: functions.py SOURCE_DIR"""
import json
import subprocess
import sys

LIMIT = 100

out = subprocess.run(["ctags", "-R", "--languages=C", "--kinds-C=f", "--fields=+ne", "--output-format=json", "-f", "-", sys.argv[1] + "/src"],
                     capture_output=True, text=True, check=True).stdout
rows = [json.loads(line) for line in out.splitlines()]
sizes = sorted(((row["end"] - row["line"] + 1, row["path"], row["name"]) for row in rows if "end" in row), reverse=True)
if not sizes:
    sys.exit("no functions found")
for size, path, name in sizes:
    if size > LIMIT:
        print(f"{path}: {name}() has {size} lines")
print(f"{len(sizes)} functions: median {sizes[len(sizes) // 2][0]}, 95% {sizes[len(sizes) // 20][0]}, longest {sizes[0][0]} ({sizes[0][2]})")
sys.exit(sizes[0][0] > LIMIT)
