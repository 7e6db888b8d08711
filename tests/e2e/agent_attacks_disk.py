# SPDX-License-Identifier: Apache-2.0
"""Attackers around an encrypted volume: the netd of agent_attacks_net.py again, with sevattest-luks and systemd-cryptsetup as those who ask, and hostile clients of
luks.sock and cryptsetup.sock. The volume is neither said to be good nor is its key given; with an honest netd both happen."""
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time

import agent_attacks_net as net
from agent_attacks_world import HERE, Broken, descriptors, resident_kib, wait_for

CONNECTIONS_MAX = 64  # DISKS_CONNECTIONS_MAX of src/agent/disks.h
NO_MAPS = ["[credentials]", "Prefetch = no"]
DISK_KEY_CHECK = "the broker gave another key than KeyCheck= of the volume"


def prepare(lane, check=False):
    """The volume's configuration and the header file that sevattest-luks would have left."""
    for name in ("volumes", "luks"):
        os.makedirs(lane.path(name), exist_ok=True)
    with open(lane.path("volumes/data"), "w", encoding="ascii") as file:
        file.write("[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = prod/disk/data\n" + (f"KeyCheck = {lane.s['disk']['check']}\n" if check else ""))
    os.chmod(lane.path("volumes/data"), 0o644)
    shutil.copyfile(lane.s["disk"]["header"], lane.path("luks/data.header"))
    os.chmod(lane.path("luks/data.header"), 0o640)


def ask(lane, what, *options, timeout=60):
    command = [sys.executable, os.path.join(HERE, "ask_disk.py"), what, lane.path("luks.sock" if what == "luks" else "cryptsetup.sock"), "data", "--timeout", str(timeout)]
    if what == "key":
        group = os.path.join(lane.s["cgroup"], lane.name + ".slice", "systemd-cryptsetup@data.service")
        os.makedirs(group, exist_ok=True)
        if os.path.exists(lane.path("disk-key")):
            os.unlink(lane.path("disk-key"))
        command += ["--out", lane.path("disk-key"), *([] if "--cgroup" in options else ["--cgroup", group])]
    return subprocess.Popen(command + list(options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(process, seconds):
    """What it said, or "waiting"."""
    try:
        return process.communicate(timeout=seconds)[0].strip()
    except subprocess.TimeoutExpired:
        return "waiting"
    finally:
        process.kill()
        process.wait()


def opens(lane, seconds=20):
    """The genuine volume: good, and its key."""
    until = time.monotonic() + seconds
    while True:
        said, given = end(ask(lane, "luks"), seconds), end(ask(lane, "key"), seconds)
        if said == "open primary" and given == f"key {len(lane.s['disk']['key'])}":
            break
        if time.monotonic() > until:
            raise Broken(f"the volume does not open: {said!r}, {given!r}: {lane.log()[-1500:]}")
        time.sleep(0.3)
    with open(lane.path("disk-key"), "rb") as file:
        if file.read() != lane.s["disk"]["key"]:
            raise Broken("another key was given")


def hostile_netd(given, configuration, words):
    def run(lane):
        pinned = configuration.get("pin", "broker")
        prepare(lane, check=pinned is None)
        lane.set_net(given)
        lane.start_agent(pin=pinned, extra=NO_MAPS)
        luks, key = ask(lane, "luks"), ask(lane, "key")
        try:
            said = lane.expect_said(words)
        finally:
            answers = end(luks, 0.6), end(key, 0.6)
        if not re.match("refused |waiting$", answers[0]) or answers[1] not in ("refused", "waiting") or os.path.exists(lane.path("disk-key")):
            raise Broken(f"sevattest-luks was told {answers[0]!r}, systemd-cryptsetup got {answers[1]!r}")
        lane.alive()
        lane.set_net({"attack": "honest"})
        lane.reload()
        opens(lane)
        lane.stop_agent()
        return re.sub("^sevattestd: ", "", said), answers[1]
    return run


def genuine_agent(lane):
    prepare(lane)
    lane.start_agent(extra=NO_MAPS)
    opens(lane)


def claims(words, *options, uid=None, mode=None):
    """A client of cryptsetup.sock that is not who it says."""
    def run(lane):
        genuine_agent(lane)
        if mode:
            os.chmod(lane.path("cryptsetup.sock"), mode)
            os.chmod(lane.dir, 0o755)
        options_now = [option.replace("CGROUP", lane.s["cgroup"]) for option in options]
        if "--cgroup" in options_now:
            os.makedirs(options_now[options_now.index("--cgroup") + 1], exist_ok=True)
        got = end(ask(lane, "key", *options_now, *(["--uid", str(uid)] if uid else [])), 20)
        if got != "refused" or os.path.exists(lane.path("disk-key")):
            raise Broken(f"the client got {got!r}")
        wait_for(f"{words} in {lane.log()[-500:]}", 5, lambda: re.search(words, lane.log()))
        opens(lane)
        lane.stop_agent()
        return re.search(words, lane.log()).group(0), got
    return run


def connect(lane, name, bound=None):
    sock = socket.socket(socket.AF_UNIX)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 10, 0))
    if bound:
        sock.bind("\0" + bound)
    sock.connect(lane.path(name))
    return sock


def quiet(lane, before, memory):
    lane.alive()
    wait_for(f"{before} descriptors again", 10, lambda: descriptors(lane.agent.pid) <= before)
    opens(lane)
    if resident_kib(lane.agent.pid) > memory + 65536:
        raise Broken(f"memory grew from {memory} to {resident_kib(lane.agent.pid)} KiB")
    lane.stop_agent()


def crowd(name, request=b"", bound=False):
    """More connections than are taken, of clients that hold and read nothing: the others wait, afterwards nothing is left of them."""
    def run(lane):
        genuine_agent(lane)
        before, memory = descriptors(lane.agent.pid), resident_kib(lane.agent.pid)
        held = [connect(lane, name, f"{secrets.randbits(64):x}/cryptsetup/data" if bound else None) for _ in range(CONNECTIONS_MAX + 20)]
        for sock in held:
            sock.sendall(request) if request else None
        time.sleep(0.5)
        lane.alive()
        if descriptors(lane.agent.pid) > before + CONNECTIONS_MAX:
            raise Broken(f"{descriptors(lane.agent.pid)} descriptors: more than {CONNECTIONS_MAX} connections are taken")
        lane.status()
        for sock in held:
            sock.close()
        quiet(lane, before, memory)
        return f"{CONNECTIONS_MAX} at a time", "key later"
    return run


def no_request(data):
    def run(lane):
        genuine_agent(lane)
        before, memory = descriptors(lane.agent.pid), resident_kib(lane.agent.pid)
        with connect(lane, "luks.sock") as sock:
            sock.settimeout(5)
            sock.sendall(data)
            try:
                got = sock.recv(4096)
            except ConnectionResetError:
                got = b""
        if got:
            raise Broken(f"an answer: {got!r}")
        quiet(lane, before, memory)
        return "connection closed", "no answer"
    return run


def clients():
    yield "another unit's claim", claims("calls itself systemd-cryptsetup@data.service but is in the control group of evil.service", "--cgroup", "CGROUP/evil.service")
    yield "root in no unit's control group", claims("is in no unit's control group", "--cgroup", "CGROUP")
    yield "a group inside another unit's", claims("is in the control group of evil.service", "--cgroup", "CGROUP/evil.service/systemd-cryptsetup@data.service")
    yield "another user, where the socket is open to all", claims("only root's requests are served", uid=65534, mode=0o666)
    for name in ("", "1/unit/app.service/data", "1/cryptsetup-tpm2/data", "1/cryptsetup/../data", "01/cryptsetup/data", "1/cryptsetup/data/x", "1/cryptsetup/"):
        yield f"address {name:.40}", claims("disk.peer: the peer", "--name", name)
    yield "84 connections to luks.sock, saying nothing", crowd("luks.sock")
    yield "84 connections to luks.sock, half a request", crowd("luks.sock", struct.pack("<IHHI", 4, 13, 0, 1) + b"da")
    yield "84 connections to cryptsetup.sock", crowd("cryptsetup.sock", bound=True)
    for name, data in (("an answer", struct.pack("<IHHI", 4, 14, 0, 1) + b"data"), ("reserved bits", struct.pack("<IHHI", 4, 13, 1, 1) + b"data"),
                       ("4 GiB announced", struct.pack("<IHHI", 0xffffffff, 13, 0, 1)), ("../name", struct.pack("<IHHI", 7, 13, 0, 1) + b"../name")):
        yield f"luks.sock: {name}", no_request(data)


def attacks(_settings):
    chosen = [*net.substitution(), *list(net.stripping())[:3], *[row for row in net.jwe_members() if "one character" in row[0]], *net.redirections()]
    for name, given, configuration, words in chosen:
        given = {**given, "path": "/kbs/v0/resource/prod/disk/other"} if "path" in given else given
        yield "disk, netd", name, hostile_netd(given, configuration, words.replace(net.KEY_CHECK, DISK_KEY_CHECK))
    for status in (403, 503):
        yield "disk, netd", f"resource: status {status}", hostile_netd(net.field("resource", status=status), net.PIN, f"answered {status}")
    yield "disk, netd", "frame: close", hostile_netd(net.broken_frame("close"), net.PIN, net.NETD)
    for name, run in clients():
        yield "disk, clients", name, run
