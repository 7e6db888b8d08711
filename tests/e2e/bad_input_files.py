# SPDX-License-Identifier: Apache-2.0
"""Seams of bad_input.py where a person hands us a file: the operator's command, evidence, policies, configuration."""
import json
import os
import socket
import subprocess
import threading

from bad_input_net import JSON_KINDS, Session
from bad_input_world import DEPTH, fifo, spoil

MIB = 1 << 20


def policy_of(world):
    with open(world.policy, encoding="utf-8") as file:
        return json.load(file)


def closing(world, content):
    """A FIFO whose writer ends in the middle."""
    path = fifo(f"{world.dir}/fifo")

    def write():
        with open(path, "wb") as file:
            file.write(content)
    threading.Thread(target=write, daemon=True).start()
    return path


def silent(world):
    """A FIFO whose writer holds it open and never writes; the descriptor lives as long as the test."""
    path = fifo(f"{world.dir}/fifo")
    os.open(path, os.O_RDWR | os.O_NONBLOCK)
    return path


def several(*results):
    return " ".join(dict.fromkeys(str(result) for result in results))


def operator(world):
    policy = policy_of(world)

    def ctl(codes, *arguments, **more):
        return world.exits(codes, "sevattest-broker", "--socket", world.admin, *arguments, **more)

    def put(content, code=2):
        return ctl(code, "policy", "put", world.file(content))

    def stall():
        with subprocess.Popen([world.programs["sevattest-broker"], "--socket", world.admin, "key", "put", "prod/app/key"], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE) as waiting:
            ctl(0, "status", seconds=5)
            waiting.terminate()
            waiting.wait(5)
        return "others on"

    def hung_up(answer, code):
        """brokerd goes away in the middle of its answer."""
        path = f"{world.dir}/gone.sock"
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)

            def serve():
                peer, _ = listener.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            return world.exits(code, "sevattest-broker", "--socket", path, "status")
    cells = {kind: lambda kind=kind: put(spoil(policy, "snp", kind, 20 * MIB)) for kind in JSON_KINDS}
    cells["oversized"] = lambda: several(put(spoil(policy, "snp", "oversized", 20 * MIB)), ctl(2, "key", "put", "prod/app/big", world.file(b"x" * (MIB + 1))),
                                         ctl(2, "key", "put", "prod/app/big", stdin=b"x" * (MIB + 1)), ctl(2, "key", "put", "prod/app/" + "x" * 5000, world.secret))
    cells["wrong type"] = lambda: several(put(spoil(policy, "snp", "wrong type", 0)), put(b"[]"), ctl(2, "grant", "add", "prod", "prod"),
                                          ctl(2, "key", "put", "prod/app/x", world.dir), ctl(2, "policy", "put", "/dev/null"))
    cells["utf-8"] = lambda: several(put(spoil(policy, "snp", "utf-8", 0)), ctl(2, "key", "put", b"prod/app/\xff\xfe", world.secret),
                                     ctl(2, "grant", "add", "prod/app/key", b"\xff"))
    cells["stall"] = stall
    cells["close"] = lambda: several(hung_up(b"", 6), hung_up(b"\x40\0\0\0\4\0", 5), ctl(2, "policy", "put", "-", stdin=json.dumps(policy).encode()[:-40]))
    return "operator's files", cells, lambda: put(json.dumps(policy).encode(), 0)


def evidence(world, verb, code, *options):
    """`verify` and `show` of evidence as JSON and as it came from the firmware."""
    state = {}

    def sound():
        if not state:
            session = Session(world)
            state["json"] = session.attestation(session.auth()[0])["tee-evidence"]["primary_evidence"]
            with open(f"{world.dir}/r.bin", "rb") as file:
                state["bin"] = file.read()
        return state

    def judged(content, codes):
        return world.exits(codes, "sevattest", verb, world.file(content), *options)

    def binary(kind):
        """The firmware's form knows no members, no nesting and no text."""
        report = sound()["bin"]
        return {"truncated": report[:600], "oversized": report + b"\0" * 64, "NUL": b"\0" * len(report), "utf-8": b"\xff" * len(report)}.get(kind)

    def both(kind):
        spoilt = spoil(sound()["json"], "attestation_report", kind, 5 * MIB)
        results = [judged(spoilt, (2, code) if kind == "oversized" else code)]
        if binary(kind):
            results.append(judged(binary(kind), code))
        return several(*results)
    cells = {kind: lambda kind=kind: both(kind) for kind in JSON_KINDS}
    cells["stall"] = lambda: world.interrupted("sevattest", verb, silent(world), *options)
    cells["close"] = lambda: world.exits(code, "sevattest", verb, closing(world, sound()["bin"][:600]), *options)
    return f"{verb} FILE", cells, lambda: several(judged(json.dumps(sound()["json"]).encode(), 0), judged(sound()["bin"], 0 if verb == "show" else (0, 3)))


def check(world):
    policy = policy_of(world)

    def judged(content, code=2):
        return world.exits(code, "sevattest", "policy", "check", world.file(content))
    cells = {kind: lambda kind=kind: judged(spoil(policy, "snp", kind, 20 * MIB)) for kind in JSON_KINDS}
    cells["stall"] = lambda: world.interrupted("sevattest", "policy", "check", silent(world))
    cells["close"] = lambda: world.exits(2, "sevattest", "policy", "check", closing(world, json.dumps(policy).encode()[:-40]))
    return "policy check FILE", cells, lambda: judged(json.dumps(policy).encode(), 0)


def options_of(world):
    """What --policy, --trust and --certs name."""
    policy = policy_of(world)

    evidence_file = f"{world.dir}/evidence.json"

    def sound():
        session = Session(world)
        made = session.attestation(session.auth()[0])["tee-evidence"]["primary_evidence"]
        world.file(json.dumps(made).encode(), "evidence.json")
        return several(*(verify(option, content, 0) for option, content in (
            ("--trust", policy["trust"][0].encode()), ("--policy", json.dumps(policy).encode()), ("--certs", policy["trust"][0].encode()))))

    def verify(option, content, codes=2):
        trust = [] if option == "--trust" else ["--trust", f"{world.platform}/ark.pem"]
        return world.exits(codes, "sevattest", "verify", evidence_file, *trust, option, world.file(content) if isinstance(content, bytes) else content)

    def all_of(kind):
        pem = policy["trust"][0].encode()
        bad = {"truncated": pem[:-300], "oversized": b"x" * (20 * MIB), "wrong type": b"{}", "duplicate": None, "nested": b"\x30\x80" * DEPTH,
               "utf-8": b"\xff\xfe" * 500, "NUL": b"\0" * 1000}[kind]
        results = [verify("--policy", spoil(policy, "snp", kind, 20 * MIB))]
        if bad is not None:
            results += [verify("--trust", bad), verify("--certs", bad, 2 if kind == "oversized" else 3)]
        return several(*results)
    cells = {kind: lambda kind=kind: all_of(kind) for kind in JSON_KINDS}
    cells["stall"] = lambda: several(*(world.interrupted("sevattest", "verify", evidence_file, option, silent(world)) for option in ("--policy", "--trust")))
    cells["close"] = lambda: several(*(verify(option, closing(world, b"-----BEGIN")) for option in ("--policy", "--trust")))
    return "verify's options", cells, sound


def configuration(world):
    """The three programs on one file. With a sound one brokerd finds its place taken (5), httpd its port (1), and the operator's command works."""
    sections = {"sevattest-brokerd": ("broker", "Threads", "StateDirectory"), "sevattest-httpd": ("http", "Threads", "Certificate"),
                "sevattest-broker": ("admin", "Socket", "Socket")}
    with open(world.config, encoding="utf-8") as file:
        text = file.read()

    def judged(program, content, codes=2):
        path = content if isinstance(content, str) else world.file(content)
        return world.exits(codes, program, "--config", path, *(["status"] if program == "sevattest-broker" else []), seconds=20)

    def spoilt(program, kind):
        section, number, key = sections[program]
        head = f"[{section}]\n"
        value = {"truncated": f"{key}\n", "oversized": f"{key} = " + "x" * 300000, "wrong type": f"{number} = many\n" if number != key else "Sockets = x\n",
                 "duplicate": f"{key} = /a\n{key} = /a\n", "nested": "[" * DEPTH + section + "]" * DEPTH, "utf-8": f"{key} = \xff\xfe\n",
                 "NUL": f"{key} = /a\0b\n"}[kind]
        return text.replace(head, head + value, 1).encode("latin-1")
    cells = {kind: lambda kind=kind: several(*(judged(program, spoilt(program, kind)) for program in sections)) for kind in JSON_KINDS}
    cells["duplicate"] = lambda: several(*(judged(program, spoilt(program, "duplicate")) for program in sections))
    cells["stall"] = lambda: several(*(world.interrupted(program, "--config", silent(world), *(["status"] if program == "sevattest-broker" else []))
                                       for program in sections))
    cells["close"] = lambda: several(*(judged(program, closing(world, f"[{sections[program][0]}]\nKe".encode())) for program in sections))

    def sound():
        content = text.encode()
        return several(judged("sevattest-brokerd", content, 5), judged("sevattest-httpd", content, 1), judged("sevattest-broker", content, 0))
    return "configuration", cells, sound


def seams(world):
    ark = f"{world.platform}/ark.pem"
    return [operator(world), evidence(world, "verify", 3, "--trust", ark), evidence(world, "show", 3), check(world), options_of(world), configuration(world)]
