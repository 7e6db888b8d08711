#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns conf/advisories.json into advisories_table.h. Usage: make_advisories.py advisories.json advisories_table.h"""
import json
import re
import sys

LINES = ["Milan", "Milan-X", "Genoa", "Genoa-X", "Bergamo", "Siena", "Turin"]  # policy_lines in policy_bits.c
PARTS = ["fmc", "bootloader", "tee", "snp", "microcode"]                       # enum policy_tcb_part
BITS = {"alias_check_complete": 5, "iommu_write_safe": 6}                      # PLATFORM_INFO


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        sys.exit(f"advisories: duplicate member among {names}")
    return dict(pairs)


def sourced(place, entry, members):
    """Every number has a source and says whether it is second-hand. Returns the latter."""
    if set(entry) != members | {"source", "second_hand"} or not entry["source"] or not isinstance(entry["second_hand"], bool):
        sys.exit(f"advisories: {place} needs {sorted(members)}, a source and second_hand")
    return entry["second_hand"]


def need(place, line, demands):
    second_hand = False
    floors = []
    for part in PARTS:
        entry = demands.pop(part, None)
        if entry is not None:
            second_hand |= sourced(f"{place}.{part}", entry, {"value"})
            if not 1 <= entry["value"] <= 255 or (part == "fmc" and line != "Turin"):
                sys.exit(f"advisories: {place}.{part} must be 1 to 255, and fmc is Turin's")
        floors.append(str(entry["value"]) if entry else "0")
    masks = []
    for member, numbers in (("platform_info", BITS), ("mitigations", {str(bit): bit for bit in range(64)})):
        mask = 0
        for name, entry in demands.pop(member, {}).items():
            second_hand |= sourced(f"{place}.{member}.{name}", entry, set())
            mask |= 1 << numbers[name]
        masks.append(f"UINT64_C(0x{mask:x})")
    if demands or (set(floors) == {"0"} and set(masks) == {"UINT64_C(0x0)"}):
        sys.exit(f"advisories: {place} has unknown members {sorted(demands)}, or demands nothing")
    return "{true, " + str(second_hand).lower() + ", {" + ", ".join(floors) + "}, " + ", ".join(masks) + "}"


def row(name, advisory):
    if not re.fullmatch(r"AMD-SB-[0-9]{4}", name) or not set(advisory) <= {"title", "cve", "note", "necessary", "sufficient", "lines"}:
        sys.exit(f"advisories: {name}: bad name or unknown member")
    if not advisory["lines"] and "note" not in advisory:
        sys.exit(f"advisories: {name} has no line and no note that says why")
    if not set(advisory["lines"]) <= set(LINES) or not all(re.fullmatch(r"CVE-\d{4}-\d+", cve) for cve in advisory["cve"]):
        sys.exit(f"advisories: {name}: unknown line or bad CVE")
    needs = [need(f"{name}.{line}", line, dict(advisory["lines"][line])) if line in advisory["lines"] else "{0}" for line in LINES]
    text = [json.dumps(name), json.dumps(advisory["title"]), json.dumps(", ".join(advisory["cve"])), json.dumps(advisory.get("note", ""))]
    flags = [str(advisory.get(flag, True)).lower() for flag in ("necessary", "sufficient")]
    return ["\t{" + ", ".join(text + flags) + ", {"] + [f"\t\t{value}, /* {line} */" for line, value in zip(LINES, needs)] + ["\t}},"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file, object_pairs_hook=no_duplicates)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", data["date"]) or not 1 <= len(data["advisories"]) <= 64:
        sys.exit("advisories: needs a date and 1 to 64 advisories")
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by make_advisories.py from conf/advisories.json. */",
           f'#define ADVISORIES_DATE "{data["date"]}"', "static const struct advisory table[] = {"]
    for name in sorted(data["advisories"]):
        out += row(name, data["advisories"][name])
    out.append("};")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
