#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README.md maps the tree: every folder of src/ and of tests/ and every installed program is in it, and for each folder of src/ the header that one reads first
is there and says what the room is for. usage: readme.py SOURCE_DIR STAGE"""
import os
import re
import sys

ROW = re.compile(r"^\| `(src/[\w-]+)` \|.*\| `([\w.]+)` \|$", re.M)


def folders(path):
    return sorted(name for name in os.listdir(path) if os.path.isdir(os.path.join(path, name)) and not name.startswith(("_", ".")))


def main():
    root, stage = sys.argv[1:3]
    text = open(os.path.join(root, "README.md"), encoding="utf-8").read()
    first = dict(ROW.findall(text))
    problems = []
    for name in folders(os.path.join(root, "src")):
        header = first.get(f"src/{name}")
        path = os.path.join(root, "src", name, header or "")
        if not header or not os.path.exists(path):
            problems.append(f"src/{name} has no row that names the header to read first" if not header else f"src/{name}/{header}: there is no such file")
        elif not re.match(r"/\* SPDX.*\n#pragma once\n/\*", open(path, encoding="utf-8").read()):
            problems.append(f"src/{name}/{header} does not begin with what the room is for")
    problems += [f"{row}: there is no such folder" for row in first if not os.path.isdir(os.path.join(root, row))]
    problems += [f"tests/{name} is not there" for name in folders(os.path.join(root, "tests")) if f"`{name}`" not in text]
    programs = [name for place in ("usr/bin", "usr/sbin") for name in sorted(os.listdir(os.path.join(stage, place)))]
    problems += [f"the program {name} is not there" for name in programs if not re.search(rf"^\| `{name}` \|", text, re.M)]
    for problem in problems:
        print(f"README.md: {problem}")
    print(f"readme: {len(first)} folders, {len(programs)} programs, {len(problems)} problems")
    return 1 if problems or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
