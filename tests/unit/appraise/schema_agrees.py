#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""conf/policy.schema.json and policy_read() must accept and refuse the same documents.
Usage: schema_agrees.py POLICY_PROBE SOURCE_ROOT. Exit 77: python3-jsonschema is missing."""
import glob
import json
import os
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(77)


def strict_pairs(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate member")
    return result


def schema_accepts(validator, path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file, object_pairs_hook=strict_pairs)
    except (ValueError, RecursionError):
        return False
    return validator.is_valid(document)


def main():
    probe, root = sys.argv[1:3]
    with open(f"{root}/conf/policy.schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    with open(f"{root}/conf/advisories.json", encoding="utf-8") as file:
        bulletins = sorted(json.load(file)["advisories"])
    if schema["properties"]["snp"]["properties"]["advisories"]["items"]["enum"] != bulletins:
        sys.exit("the schema's bulletins are not those of conf/advisories.json")
    vectors = os.environ.get("SEVATTEST_VECTORS", "")
    sets = {
        "templates": glob.glob(f"{root}/conf/policies/*.json"),
        "good": glob.glob(f"{root}/tests/unit/appraise/policies/good-*.json"),
        "bad": glob.glob(f"{root}/tests/unit/appraise/policies/bad-*.json"),
        "hostile": glob.glob(f"{vectors}/hostile/policies/*.json"),
    }
    failures = 0
    for name, files in sets.items():
        if not files and name != "hostile":
            sys.exit(f"no files in set {name}")
        lines = subprocess.run([probe, *sorted(files)], check=True, capture_output=True, text=True).stdout.splitlines() if files else []
        if len(lines) != len(files):
            sys.exit(f"{name}: {len(files)} files, {len(lines)} answers")
        for path, line in zip(sorted(files), lines):
            reads = line.startswith("good")
            fits = schema_accepts(validator, path)
            wanted = name != "bad"
            if reads != wanted or fits != wanted:
                print(f"{path}: schema says {fits}, policy_read says {line}, expected {wanted}")
                failures += 1
        print(f"{name}: {len(files)} documents" + ("" if files else " (SKIP: no vectors)"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
