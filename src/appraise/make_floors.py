#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns conf/tcb-floors.json into floors_table.h. Usage: make_floors.py tcb-floors.json floors_table.h"""
import json
import re
import sys

LINES = ["Milan", "Milan-X", "Genoa", "Genoa-X", "Bergamo", "Siena", "Turin"]  # policy_lines in policy_bits.c
PARTS = ["fmc", "bootloader", "tee", "snp", "microcode"]                       # enum policy_tcb_part


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        sys.exit(f"tcb-floors: duplicate member among {names}")
    return dict(pairs)


def row(line, parts):
    values = []
    for part in PARTS:
        entry = parts.pop(part, {"value": 0, "source": "no floor"})
        if set(entry) != {"value", "source"} or not entry["source"] or not 0 <= entry["value"] <= 255:
            sys.exit(f"tcb-floors: {line}.{part} needs a value of 0..255 and a source")
        values.append(str(entry["value"]))
    if parts:
        sys.exit(f"tcb-floors: {line} has unknown parts {sorted(parts)}")
    return "{true, {" + ", ".join(values) + "}}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file, object_pairs_hook=no_duplicates)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", data["date"]) or not 1 <= len(data["floors"]) <= 16:
        sys.exit("tcb-floors: needs a date and 1 to 16 floors")
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by make_floors.py from conf/tcb-floors.json. */",
           "static const struct named_floor named_floors[] = {"]
    for name, floor in data["floors"].items():
        if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
            sys.exit(f"tcb-floors: bad name {name!r}")
        lines = dict(floor["lines"])
        rows = [row(line, dict(lines.pop(line))) if line in lines else "{false, {0}}" for line in LINES]
        if lines:
            sys.exit(f"tcb-floors: {name} has unknown lines {sorted(lines)}")
        out += [f'\t{{"{name}", "{data["date"]}", {{'] + [f"\t\t{text}, /* {line} */" for line, text in zip(LINES, rows)] + ["\t}},"]
    out.append("};")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
