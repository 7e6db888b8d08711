#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--help and the manual page must name the same verbs and the same options.

Environment: SEVATTEST the program. Argument: the folder man/ (default: beside the sources)."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SEVATTEST", "sevattest")
MAN = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "man")
OPTION = re.compile(r"--([a-z][a-z0-9-]*)")


def output(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"sevattest {' '.join(arguments)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def verbs_of(text):
    """The names under "Verbs:"."""
    block = text.split("Verbs:\n", 1)[1].split("\n\n", 1)[0]
    return [line.split()[0].rstrip(":") for line in block.splitlines() if line.startswith("  ")]


def man_sections():
    """{"verify": set of options} from the .SS headings of VERBS."""
    sections, name = {}, None
    with open(os.path.join(MAN, "sevattest.1"), encoding="utf-8") as file:
        for line in file:
            if line.startswith(".SH"):
                name = None
            if line.startswith(".SS "):
                words = line[4:].split()
                name = " ".join(w for w in words if re.fullmatch(r"[a-z]+", w))
                sections[name] = set()
            elif name and line.startswith((".BI \\-\\-", ".B \\-\\-", ".BI \\-", ".B \\-")):
                sections[name] |= set(OPTION.findall(line.replace("\\-", "-")))
    return sections


def main():
    top = verbs_of(output("--help"))
    verbs = []
    for verb in top:
        text = output(verb, "--help")
        if "Verbs:\n" in text:
            verbs += [f"{verb} {sub}" for sub in verbs_of(text)]
        else:
            verbs.append(verb)
    sections = man_sections()
    failures = [f"{verb}: not in sevattest(1)" for verb in verbs if verb not in sections]
    failures += [f"{name}: in sevattest(1), unknown to the program" for name in sections if name not in verbs]
    for verb in verbs:
        help_options = set(OPTION.findall(output(*verb.split(), "--help").split("Options:", 1)[-1])) - {"help"}
        help_options = {o for o in help_options if o}
        for option in sorted(help_options ^ sections.get(verb, help_options)):
            failures.append(f"{verb}: --{option} is only in {'--help' if option in help_options else 'sevattest(1)'}")
    for failure in failures:
        print("FAIL:", failure)
    print(f"{len(verbs)} verbs, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
