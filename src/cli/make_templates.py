#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns conf/policies/*.json into templates_table.h. Usage: make_templates.py templates_table.h FILE..."""
import json
import os
import sys


def main():
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by make_templates.py from conf/policies. */",
           "static const struct policy_template policy_templates[] = {"]
    for path in sorted(sys.argv[2:]):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        json.loads(text)
        name = os.path.splitext(os.path.basename(path))[0]
        out.append(f'\t{{"{name}",')
        out += ["\t\t" + json.dumps(line + "\n") for line in text.splitlines()]
        out.append("\t},")
    out.append("};")
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
