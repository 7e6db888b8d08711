#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other programs as cli_help.py has it for `sevattest`: --help and the manual page name the same options and verbs; and the keys of broker.conf
are the same, with the same defaults, in conf/broker.conf, in broker.conf(5) and in the programs, which accept each of them and no other.

Environment: SEVATTEST_BROKER, SEVATTEST_BROKERD, SEVATTEST_HTTPD, SEVATTEST_NETD, SEVATTEST_EVIDENCE, SEVATTEST_LUKS, SEVATTEST_SIM the programs. Argument: the folder of the sources."""
import os
import re
import subprocess
import sys
import tempfile

SOURCE = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
OPTION = re.compile(r"(?<![a-z0-9-])--([a-z][a-z0-9-]*)")
PROGRAMS = {name: os.environ.get(name.upper().replace("-", "_"), name)
            for name in ("sevattest-broker", "sevattest-brokerd", "sevattest-httpd", "sevattest-netd", "sevattest-evidence", "sevattest-luks", "sevattest-sim")}
failures = []
counts = {}


def fail(text):
    failures.append(text)


def run(name, *arguments):
    done = subprocess.run([PROGRAMS[name], *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def page(name):
    with open(os.path.join(SOURCE, "man", name), encoding="utf-8") as file:
        return file.read().replace("\\-", "-").replace("\\&", "")


def sections(text):
    """{"OPTIONS": its lines} of a page."""
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith(".SH "):
            name = line[4:].strip().strip('"')
            found[name] = []
        elif name:
            found[name].append(line)
    return found


def same(what, left, left_name, right, right_name):
    counts[what] = len(left | right)
    if not left & right:
        fail(f"{what}: nothing was found to compare")
    for word in sorted(left ^ right):
        fail(f"{what}: {word} is only in {left_name if word in left else right_name}")


def options(name, manual, parts):
    """Options of --help against those that head a paragraph of the page's `parts`; and each must really be known to the program."""
    code, text, _ = run(name, "--help")
    if code != 0:
        fail(f"{name} --help: exit {code}")
    shown = set(OPTION.findall(text))
    heads = [line for part in parts for line in sections(page(manual)).get(part, []) if line.startswith((".B ", ".BI ", ".BR "))]
    same(f"{name}: options", shown, "--help", {word for line in heads for word in OPTION.findall(line)}, manual)
    return shown


def broker_verbs():
    text = run("sevattest-broker", "--help")[1].split("Verbs:\n", 1)[1].split("\n\n", 1)[0]
    shown = {line[2:18].strip(): line[19:37].strip() for line in text.splitlines()}  # as the program pads them
    manual = {}
    for line in sections(page("sevattest-broker.1"))["VERBS"]:
        head = re.match(r"\.SS ([a-z -]*[a-z])(?: ([A-Z\[].*))?$", line)
        if head:
            manual[head.group(1)] = head.group(2) or ""
    same("sevattest-broker: verbs", set(shown), "--help", set(manual), "sevattest-broker.1")
    for verb in shown.keys() & manual.keys():
        if shown[verb] != manual[verb]:
            fail(f"sevattest-broker {verb}: words are {shown[verb]!r} in --help, {manual[verb]!r} in the page")
        code, _, error = run("sevattest-broker", "--socket", "/nonexistent/admin.sock", *verb.split(), *["x"] * 40)
        if code != 2 or "usage:" not in error:
            fail(f"sevattest-broker {verb} with 40 words: exit {code}, {error!r}")


def sim_verbs():
    """The synopsis of the page holds each verb with exactly the options that the program's usage names."""
    text = run("sevattest-sim", "--help")[1]
    usage = {line.split()[1]: set(OPTION.findall(line)) for line in text.splitlines() if line.startswith("  sevattest-sim ")}
    synopsis = {line.split()[2]: set(OPTION.findall(line)) for line in sections(page("sevattest-sim.1"))["SYNOPSIS"] if line.startswith(".B sevattest-sim")}
    same("sevattest-sim: verbs", set(usage), "--help", set(synopsis), "sevattest-sim.1")
    for verb in usage.keys() & synopsis.keys():
        if usage[verb] != synopsis[verb]:
            fail(f"sevattest-sim {verb}: only one of --help and page names {sorted(usage[verb] ^ synopsis[verb])}")
    settings = set(re.findall(r"^  --([a-z-]+) ", text, re.M))
    heads = {word for line in sections(page("sevattest-sim.1"))["SETTINGS"] if line.startswith(".BI --") for word in OPTION.findall(line)}
    same("sevattest-sim: settings", settings, "--help", heads, "sevattest-sim.1")
    described = {line[3:].strip() for line in sections(page("sevattest-sim.1"))["DESCRIPTION"] if line.startswith(".B ")}
    for verb in usage:
        if verb not in described:
            fail(f"sevattest-sim {verb}: not described in the page")


def known(name, option):
    """Not "unrecognized": the program's own parser knows it."""
    return "unrecognized" not in run(name, f"--{option}", "--help")[2] and "unrecognized" not in run(name, f"--{option}=x", "--help")[2]


def example_keys():
    """{("http", "Listen"): "127.0.0.1:8080"} of conf/broker.conf, the commented ones too."""
    keys, section = {}, None
    with open(os.path.join(SOURCE, "conf", "broker.conf"), encoding="utf-8") as file:
        for line in file:
            head = re.match(r"\[([a-z]+)\]", line)
            pair = re.match(r"(?:# )?([A-Z][A-Za-z]+) =(.*)", line)
            if head:
                section = head.group(1)
            elif pair:
                keys[section, pair.group(1)] = pair.group(2).strip()
    return keys


def page_keys():
    keys = {}
    for name, lines in sections(page("broker.conf.5")).items():
        part = re.fullmatch(r"SECTION \[([a-z]+)\]", name)
        for line in lines if part else []:
            pair = re.match(r'\.(?:B|BR) ([A-Z][A-Za-z]+)=\s*(.*)', line)
            if pair:
                keys[part.group(1), pair.group(1)] = pair.group(2).strip('" ')
    return keys


def program_keys():
    """The tables in the sources: what the programs accept, with the defaults."""
    keys = {}
    row = r'KEY\("([a-z]+)", "(\w+)", (CONFIG_\w+), \w+(?:, \d+, \d+)?, (?:"([^"]*)"|(\w+))\)'
    for path, table in (("src/broker/config.c", "keys"), ("src/httpd/config.c", "broker_keys"), ("src/netd/config.c", "broker_keys")):
        with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
            text = file.read()
        block = text.split(f"struct config_key {table}[] = {{", 1)[1].split("\n};", 1)[0]
        found = re.findall(row, block)
        if len(found) != block.count("KEY("):
            fail(f"{path}: {len(found)} of {block.count('KEY(')} rows are understood")
        for section, name, kind, default, constant in found:
            if constant and constant != "NULL":
                default = re.search(rf'#define {constant} "([^"]*)"', text).group(1)
            keys[section, name] = (kind, default)
    return keys


def values(keys):
    return {f"[{section}] {name}" for section, name in keys}


def configuration():
    example, manual, programs = example_keys(), page_keys(), program_keys()
    same("broker.conf: example and page", values(example), "conf/broker.conf", values(manual), "broker.conf.5")
    same("broker.conf: page and programs", values(manual), "broker.conf.5", values(programs), "the programs")
    for key, (_, default) in programs.items():
        for place, keys in (("conf/broker.conf", example), ("broker.conf.5", manual)):
            if default and key in keys and keys[key] != default:
                fail(f"{place}: {key[1]} is {keys[key]!r} by default, {default!r} in the program")


def owner(section):
    return {"http": ["sevattest-httpd"], "broker": ["sevattest-brokerd"], "admin": ["sevattest-brokerd", "sevattest-broker"]}.get(section, ["sevattest-netd"])


def judge(name, text, folder):
    """Exit code and messages of a program that cannot come up with this configuration, because its folders are not there."""
    path = os.path.join(folder, "broker.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return run(name, *([f"--broker={path}"] if name == "sevattest-netd" else ["--config", path]), *(["status"] if name == "sevattest-broker" else []))


def accepted():
    """Each key alone is accepted by its owner; misspelt it is a usage error that names the line."""
    base = {"http": "Certificate = /nonexistent/c\nPrivateKey = /nonexistent/k\nListen = 127.0.0.1:0\nBroker = /nonexistent/s\n",
            "broker": "StateDirectory = /nonexistent\nHttpSocket = /nonexistent/h\n", "admin": "Socket = /nonexistent/a\n",
            "net": "Socket = /nonexistent/n\n", "kds": "CA = /nonexistent/ca\n"}
    with tempfile.TemporaryDirectory() as folder:
        for (section, key), (kind, default) in program_keys().items():
            value = default or "/nonexistent/x"
            kept = "".join(line + "\n" for line in base[section].splitlines() if not line.startswith(key + " "))
            # brokerd must never come up here, whichever section is tried.
            other = {"admin": "[broker]\nStateDirectory = /nonexistent\n", "kds": "[net]\nSocket = /nonexistent/n\n"}.get(section, "")
            for name in owner(section):
                for spelt, good in ((key, True), (key + "x", False), (key.lower(), False)):
                    code, _, error = judge(name, f"{other}[{section}]\n{kept}{spelt} = {value if spelt != 'Socket' else '/nonexistent/a'}\n", folder)
                    if good and ("unknown" in error or code == 2 and "nonexistent" not in error):
                        fail(f"{name}: {key} is not accepted: {error!r}")
                    if not good and (code != 2 or f"'{spelt}'" not in error or ".conf:" not in error):
                        fail(f"{name}: {spelt} = ... : exit {code}, {error!r}")
                if kind != "CONFIG_LIST":
                    code, _, error = judge(name, f"{other}[{section}]\n{kept}{key} = {value}\n{key} = {value}\n", folder)
                    if code != 2 or "twice" not in error:
                        fail(f"{name}: {key} given twice: exit {code}, {error!r}")
            counts[f"{section} keys tried"] = counts.get(f"{section} keys tried", 0) + 1
        # And one file for all: what the others own is passed over.
        everything = "".join(f"[{section}]\n{lines}\n" for section, lines in base.items())
        for name in ("sevattest-broker", "sevattest-brokerd", "sevattest-httpd", "sevattest-netd"):
            code, _, error = judge(name, everything, folder)
            if code == 0 or "unknown" in error or "nonexistent" not in error:
                fail(f"{name}: a file with everybody's sections: exit {code}, {error!r}")


def main():
    for name, manual, parts in (("sevattest-broker", "sevattest-broker.1", ["OPTIONS"]), ("sevattest-brokerd", "sevattest-brokerd.8", ["OPTIONS"]),
                                ("sevattest-httpd", "sevattest-httpd.8", ["OPTIONS"]), ("sevattest-netd", "sevattest-netd.8", ["OPTIONS"]),
                                ("sevattest-evidence", "sevattest-evidence.8", ["OPTIONS"]), ("sevattest-luks", "sevattest-luks.8", ["OPTIONS"])):
        for option in options(name, manual, parts):
            if not known(name, option):
                fail(f"{name}: --{option} is in --help and not known")
        if "unrecognized" not in run(name, "--no-such-option")[2]:
            fail(f"{name}: an unknown option is not refused")
    broker_verbs()
    sim_verbs()
    configuration()
    accepted()
    for what, count in counts.items():
        print(f"{what}: {count}")
    for failure in failures:
        print("FAIL:", failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
