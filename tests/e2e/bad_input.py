#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input at each seam: nine kinds of it at every place where bytes of somebody else come in. Each cell wants a clear refusal (exit code or status as
documented), the programs alive; after each seam the audit verifies and the key is still released. The matrix is printed; a cell that is missing is a
failure, one that makes no sense says why. Before its bad kinds each seam takes the same input sound, so that nothing else can be what was refused.

usage: bad_input.py WORLD.json       (made by bad_input.sh)"""
import json
import sys
import time

import bad_input_enrol
import bad_input_files
import bad_input_net
import bad_input_peers
from bad_input_world import KINDS, NotApplicable, Refused, World


def seams(world):
    """[(name, {kind: function}, control)] in the order of the matrix."""
    return [*bad_input_net.seams(world), *bad_input_files.seams(world), *bad_input_enrol.seams(world), *bad_input_peers.seams(world)]


def run_cell(world, function):
    """What is printed in the matrix, and whether it is a failure."""
    try:
        shown, bad = str(function()), False
    except NotApplicable as why:
        return "not applicable", why.args[0], False
    except Refused as wrong:
        shown, bad = f"WRONG: {wrong}", True
    except Exception as wrong:  # pylint: disable=broad-except
        shown, bad = f"WRONG: {type(wrong).__name__}: {wrong}", True
    gone = world.gone()
    if gone:
        return f"{shown}; ended: {gone}", "", True
    return shown, "", bad


def run_seam(world, name, cells, control):
    """One row: {kind: text}. Failures are collected in the world."""
    row, start = {}, time.monotonic()
    shown, _, bad = run_cell(world, control)
    print(f"{name}: sound: {shown}", flush=True)
    if bad:
        world.failures.append(f"{name}, sound input: {shown}")
    for kind in KINDS:
        if kind not in cells:
            world.failures.append(f"{name}, {kind}: the cell is missing")
            row[kind] = "MISSING"
            continue
        row[kind], why, bad = run_cell(world, cells[kind])
        print(f"  {kind:12} {row[kind]}{': ' if why else ''}{why}", flush=True)
        if bad:
            world.failures.append(f"{name}, {kind}: {row[kind]}")
        if world.gone():
            raise SystemExit(f"FAIL: a program has ended: {world.gone()}")
    for extra in cells.keys() - set(KINDS):
        world.failures.append(f"{name}: there is no kind {extra}")
    trouble = world.unharmed()
    if trouble:
        world.failures.append(f"after {name}: {trouble}")
    print(f"  then: {trouble or 'audit intact, key released'} ({time.monotonic() - start:.0f} s)", flush=True)
    return row


def short(text):
    """"exit 3 exit 2" as "exit 3,2"."""
    words = text.split(" exit ")
    return "n/a" if text == "not applicable" else ",".join(words) if text.startswith("exit ") else text


def show(rows):
    table = [["", *KINDS], *([name, *(short(row[kind]) for kind in KINDS)] for name, row in rows.items())]
    widths = [max(len(line[i]) for line in table) for i in range(len(KINDS) + 1)]
    print()
    for line in table:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths)).rstrip())


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        world = World(json.load(file))
    only = sys.argv[2:]
    rows = {}
    for name, cells, control in seams(world):
        if not only or name in only:
            rows[name] = run_seam(world, name, cells, control)
    show(rows)
    for failure in world.failures:
        print("FAIL:", failure)
    cells = [text for row in rows.values() for text in row.values()]
    print(f"{len(rows)} seams, {len(KINDS)} kinds, {len(cells)} cells: {sum(text != 'not applicable' for text in cells)} tried, "
          f"{sum(text == 'not applicable' for text in cells)} not applicable, {len(world.failures)} failures")
    return 1 if world.failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
