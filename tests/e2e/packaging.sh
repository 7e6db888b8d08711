#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each installed file belongs to exactly one package of conf/packaging, each line of a list matches something, and each package has its list.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ -d "${SEVATTEST_STAGE:-}" ] || { printf 'SKIP: SEVATTEST_STAGE names no installed tree\n'; exit 77; }
python3 - "$SEVATTEST_STAGE" conf/packaging/debian <<'PY'
import pathlib, re, sys
stage, folder = map(pathlib.Path, sys.argv[1:])
# As dh_install reads them: a star does not cross a folder. /lib is a link to /usr/lib on every system of today.
def expression(line):
    return re.compile("".join("[^/]*" if c == "*" else re.escape(c) for c in line) + r"\Z")
lists = {p.stem: [l for l in p.read_text().split("\n") if l] for p in folder.glob("*.install")}
packages = set(re.findall(r"^Package: (\S+)$", (folder / "control").read_text(), re.M))
faults = [f"{name}: in control or as a list, not both" for name in packages ^ lists.keys()]
rows = [(name, line, expression(line)) for name, lines in lists.items() for line in lines]
used, count = set(), 0
for path in stage.rglob("*"):
    if path.is_dir() and not path.is_symlink():
        continue
    name = re.sub(r"^lib/", "usr/lib/", str(path.relative_to(stage)))
    owners = [(package, line) for package, line, e in rows if e.match(name)]
    used.update(owners)
    count += 1
    if len({package for package, _ in owners}) != 1:
        faults.append(f"{name}: of {sorted({p for p, _ in owners}) or 'no package'}")
faults += [f"{name}: {line} matches nothing" for name, line, _ in rows if (name, line) not in used]
print("\n".join(faults) or f"{count} files, {len(packages)} packages")
sys.exit(bool(faults) or count < 40)
PY
