#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library exports what its header declares, what its map lists and what sevattest(3) documents; nothing else. usage: exports.py LIBRARY HEADER MAP MAN"""
import re
import subprocess
import sys

library, header, version_map, man = sys.argv[1:]
exported = {line.split()[-1].split("@")[0] for line in subprocess.run(
    ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout.splitlines() if " A " not in line}
text = open(header, encoding="utf-8").read()
declared = set(re.findall(r"SEVATTEST_API[^;]*?(sevattest_\w+)\(", text))
listed = set(re.findall(r"^\t(sevattest_\w+);", open(version_map, encoding="utf-8").read(), re.M))
page = open(man, encoding="utf-8").read()
synopsis = page.split(".SH SYNOPSIS")[1].split(".SH ")[0]
documented = set(re.findall(r"(sevattest_\w+)\(", synopsis))


def prototypes(source):
    """name -> parameters, without blanks and attributes"""
    source = re.sub(r"/\*.*?\*/", "", source, flags=re.S)
    return {name: re.sub(r"\s+", "", parameters) for name, parameters in re.findall(r"(sevattest_\w+)\(([^;]*?)\)[^;()]*;", source)}


wrong = 0
for name, found in (("exported", exported), ("listed in the map", listed), ("documented", documented)):
    for symbol in sorted(declared ^ found):
        print(f"{symbol}: {'declared, not ' + name if symbol in declared else name + ', not declared'}")
        wrong += 1
in_header = prototypes(text)
for name, parameters in prototypes(synopsis).items():
    if parameters != in_header.get(name):
        print(f"{name}: the page has other parameters than the header: ({parameters}) and ({in_header.get(name)})")
        wrong += 1
for value in re.findall(r"^\t(SEVATTEST_\w+) = ", text, re.M):
    if value not in page:
        print(f"{value}: not in the page")
        wrong += 1
print(f"{len(declared)} functions, {wrong} wrong")
sys.exit(1 if wrong or not declared else 0)
