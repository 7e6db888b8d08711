# SPDX-License-Identifier: Apache-2.0
"""Attackers inside the machine: a helper for evidence that somebody has taken over, and hostile clients of credentials.sock and status.sock."""
import os
import re
import secrets
import socket
import struct
import time

from agent_attacks_world import Broken, descriptors, raw_status, resident_kib, status_request, wait_for

CONNECTIONS_MAX = 256  # CREDENTIALS_MAX of src/agent/credentials.h


def evidence(given, words, **configuration):
    def run(lane):
        lane.set_evidence(given)
        lane.start_agent(**configuration)
        said, outcome = lane.attacked(words)
        lane.recover(at_once=True)
        lane.stop_agent()
        return said, outcome
    return run


def claims(words, *options, uid=None, mode=None, **more):
    """A client of credentials.sock that is not who it says; who is gets the key in the same run."""
    def run(lane):
        lane.start_agent()
        lane.expect_key(lane.ask(timeout=15))
        if mode:
            os.chmod(lane.path("credentials.sock"), mode)
            os.chmod(lane.dir, 0o755)
        if options[:1] == ("--cgroup",):
            os.makedirs(options[1].replace("CGROUP", lane.s["cgroup"]), exist_ok=True)
        outcome = lane.expect_nothing(lane.ask(*(option.replace("CGROUP", lane.s["cgroup"]) for option in options), *(["--uid", str(uid)] if uid else []), **more))
        wait_for(f"{words} in {lane.log()[-500:]}", 5, lambda: re.search(words, lane.log()))
        if '"peers_refused":0' in lane.status().replace(" ", ""):
            raise Broken("/status does not count it")
        lane.expect_key(lane.ask(timeout=15))
        lane.stop_agent()
        return re.search(words, lane.log()).group(0), outcome
    return run


def mode_of_socket(lane):
    lane.start_agent()
    lane.expect_key(lane.ask(timeout=15))
    os.chmod(lane.dir, 0o755)
    text, key = lane.ask("--uid", "65534")
    if key or "PermissionError" not in text:
        raise Broken(f"an unprivileged client got {text!r}")
    lane.stop_agent()
    return "the mode of the socket", "no way in"


def connect(lane, name=None):
    sock = socket.socket(socket.AF_UNIX)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 10, 0))
    if name:
        sock.bind("\0" + name)
    sock.connect(lane.path("credentials.sock"))
    return sock


def quiet(lane, before):
    """Everything that the clients held is given back, and the key is served."""
    lane.alive()
    wait_for(f"{before} descriptors again", 10, lambda: descriptors(lane.agent.pid) <= before)
    lane.expect_key(lane.ask(timeout=15))


def flood(hold):
    """Connections that claim nothing or hold without reading: while they last others wait, afterwards nothing is left of them."""
    def run(lane):
        lane.start_agent()
        lane.expect_key(lane.ask(timeout=15))
        before, memory = descriptors(lane.agent.pid), resident_kib(lane.agent.pid)
        held = []
        for i in range(CONNECTIONS_MAX + 100 if hold else 2000):
            sock = connect(lane, f"{secrets.randbits(64):x}/unit/app.service/db")
            if hold:
                held.append(sock)
                continue
            sock.close()
        client = lane.ask_start(timeout=30)
        time.sleep(0.5)
        lane.alive()
        if descriptors(lane.agent.pid) > before + CONNECTIONS_MAX:
            raise Broken(f"{descriptors(lane.agent.pid)} descriptors: more than {CONNECTIONS_MAX} connections are taken")
        for sock in held:
            sock.close()
        lane.expect_key(lane.ask_end(client))
        quiet(lane, before)
        if resident_kib(lane.agent.pid) > memory + 65536:
            raise Broken(f"memory grew from {memory} to {resident_kib(lane.agent.pid)} KiB")
        lane.stop_agent()
        return f"{CONNECTIONS_MAX} at a time, each asked who it is", "key later"
    return run


def half_open(lane):
    """Connections are held while there is trouble, also those of clients that have gone."""
    lane.set_net({"attack": "field", "where": "auth", "fields": {"status": 503}})
    lane.start_agent()
    before = descriptors(lane.agent.pid)
    held = [connect(lane, f"{secrets.randbits(64):x}/unit/app.service/db") for i in range(100)]
    for sock in held[::2]:
        sock.close()
    client = lane.ask_start(timeout=30)
    lane.set_net({"attack": "honest"})
    for sock in held[1::2]:
        sock.close()
    lane.expect_key(lane.ask_end(client))
    quiet(lane, before + 4)  # the way to netd and the clocks of the loop are opened when they are first needed
    lane.stop_agent()
    return "is in the control group of", "key later"


def bad_status(data, closed=True):
    def run(lane):
        lane.start_agent()
        lane.expect_key(lane.ask(timeout=15))
        before = descriptors(lane.agent.pid)
        got, ended = raw_status(lane, data, 2)
        if ended != closed or (closed and got):
            raise Broken(f"{len(got)} bytes, {'closed' if ended else 'open'}")
        lane.status()
        quiet(lane, before)
        lane.stop_agent()
        return "connection closed" if closed else "404", "no page"
    return run


def status_crowd(lane):
    """All connections taken and silent: who asks still gets an answer."""
    lane.start_agent()
    lane.expect_key(lane.ask(timeout=15))
    before = descriptors(lane.agent.pid)
    held = []
    for _ in range(64):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect(lane.path("status.sock"))
    for _ in range(5):
        lane.status()
    for sock in held:
        sock.close()
    quiet(lane, before)
    lane.stop_agent()
    return "the one silent for longest goes", "a page"


def status_flood(lane):
    """Requests without end from clients that read nothing: memory stays bounded, others are answered."""
    lane.start_agent()
    lane.expect_key(lane.ask(timeout=15))
    before, memory = descriptors(lane.agent.pid), resident_kib(lane.agent.pid)
    held = []
    for _ in range(4):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(lane.path("status.sock"))
        sock.setblocking(False)
        held.append(sock)
        try:
            for number in range(1, 20000):
                sock.send(status_request("/", number))
        except OSError:
            pass
    lane.status()
    if resident_kib(lane.agent.pid) > memory + 131072:
        raise Broken(f"memory grew from {memory} to {resident_kib(lane.agent.pid)} KiB")
    for sock in held:
        sock.close()
    quiet(lane, before)
    lane.stop_agent()
    return "bounded backlog", "a page"


def clients():
    yield "another unit's claim", claims("calls itself app.service but is in the control group of evil.service", "--cgroup", "CGROUP/evil.service")
    yield "root in no unit's control group", claims("is in no unit's control group", "--cgroup", "CGROUP")
    yield "a group inside another unit's", claims("is in the control group of evil.service", "--cgroup", "CGROUP/evil.service/app.service")
    yield "an unprivileged process with a fitting name", mode_of_socket
    yield "the same, where the socket is open to all", claims("only root's requests are served", uid=65534, mode=0o666)
    yield "no address", claims("not bound to an abstract address", "--name", "")
    for name in ("zz/unit/app.service/db", "1/disk/app.service/db", "1/unit/app.service", "01/unit/app.service/db", "1/unit/app.service/db/x", "/unit/app.service/db",
                 "1/unit/../db", "1/unit/app.service/..", "1/unit/app.service/", "1/unit//db", "1/unit/app.target/db"):
        yield f"address {name:.40}", claims("peer's address", "--name", name)
    yield "an address of 107 bytes", claims("is in the control group of app.service", "--name", "1/unit/" + "a" * 89 + ".service/db")
    yield "2000 connections, closed at once", flood(False)
    yield "more connections than are taken, reading nothing", flood(True)
    yield "100 connections held during trouble", half_open


def status_clients():
    for name, data in (("another frame type", struct.pack("<IHHI", 1, 9, 0, 1) + b"/"), ("an answer", struct.pack("<IHHI", 1, 8, 0, 1) + b"/"),
                       ("reserved bits", struct.pack("<IHHI", 1, 7, 1, 1) + b"/"), ("4 GiB announced", struct.pack("<IHHI", 0xffffffff, 7, 0, 1)),
                       ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")):
        yield name, bad_status(data)
    for path in ("/../../etc/passwd", "", "status", "/status\0", "/" + "a" * 60):
        yield f"path {path!r:.30}", bad_status(status_request(path), closed=False)
    yield "64 connections that say nothing", status_crowd
    yield "80000 requests, no answer read", status_flood


def noise(lane):
    """A broken table is the host's doing: it is left out, and the key service asked."""
    lane.set_evidence({"attack": "table"})
    lane.start_agent()
    lane.expect_key(lane.ask(timeout=20))
    lane.stop_agent()
    return "left out, the key service is asked", "genuine key"


def attacks(settings):
    for name, run in clients():
        yield "credentials", name, run
    for name, run in status_clients():
        yield "status", name, run
    other = {"attack": "other-chip", "sim": settings["programs"]["sevattest-sim"], "platform": settings["files"]["platform2"]}
    helper = "sevattest-evidence does not answer"
    yield "evidence", "report of another request", evidence({"attack": "wrong-data"}, "own check report_data failed")
    yield "evidence", "report of another request, Policy=", evidence({"attack": "wrong-data"}, "own check report_data failed", policy="plain")
    yield "evidence", "another chip's report, the chip pinned", evidence(other, "own check chip_id failed", policy="chip")
    yield "evidence", "one bit of the measurement", evidence({"attack": "changed", "at": 0x90}, "own check report.signature failed", policy="plain")
    yield "evidence", "one bit of the signature", evidence({"attack": "changed", "at": 0x2a0}, "own check report.signature failed", policy="plain")
    yield "evidence", "one bit of the signature, no Policy=", evidence({"attack": "changed", "at": 0x2a0}, "broker answered 4.. to attest")
    yield "evidence", "garbage of a report's size", evidence({"attack": "garbage"}, "own check report_data failed|is no report")
    yield "evidence", "100 bytes", evidence({"attack": "short"}, "is no report")
    yield "evidence", "no bytes and no error", evidence({"attack": "empty"}, f"{helper}|is no report")
    yield "evidence", "a table of noise", noise
    yield "evidence", "an error with control characters", evidence({"attack": "error", "text": "\x1b[2Jx\ny"}, f"{helper}|no evidence")
    yield "evidence", "an error and a report", evidence({"attack": "error-and-report"}, helper)
    yield "evidence", "an unknown outcome", evidence({"attack": "outcome"}, helper)
    for kind in ("trailing", "no-payload", "type", "wrong-id", "oversize", "half", "close"):
        yield "evidence", f"frame: {kind}", evidence({"attack": kind}, helper)
