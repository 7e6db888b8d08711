#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cases of agent_luks.sh against one running sevattestd: what each header, file, configuration and peer comes to, at luks.sock and at cryptsetup.sock.

usage: agent_luks.py SETTINGS.json"""
import json
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time

import ask_disk
import luks_header
import memory_scan

NULL = 'segments.0.encryption="cipher_null-ecb"'
with open(sys.argv[1], encoding="utf-8") as settings:
    S = json.load(settings)
D = S["dir"]
checks = 0


def path(*parts):
    return os.path.join(D, *parts)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


KEY = read("key")


def expect(what, condition, more=""):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"FAILED: {what}: {more}")
    print(f"ok: {what}", flush=True)


class Options:
    def __init__(self, volume, **more):
        self.volume, self.raw, self.half, self.timeout, self.out = volume, None, False, 30, None
        self.__dict__.update(more)


def luks(volume="data", **more):
    """What sevattest-luks is told."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path("luks.sock"))
        return ask_disk.ask_luks(peer, Options(volume, **more))


def cgroup_of(volume):
    escaped = re.sub("[^A-Za-z0-9_.:]", lambda c: f"\\x{ord(c.group()):02x}", volume)
    return os.path.join(S["cgroup"], "system-systemd\\x2dcryptsetup.slice", f"systemd-cryptsetup@{escaped}.service")


def key(volume="data", cgroup=None, name=None, uid=None, timeout=30):
    """What systemd-cryptsetup gets: (words, the key). A child, since the control group is a process's."""
    cgroup = cgroup_of(volume) if cgroup is None else cgroup
    os.makedirs(cgroup, exist_ok=True)
    out = path("got")
    if os.path.exists(out):
        os.unlink(out)
    end, begin = os.pipe()
    child = os.fork()
    if child == 0:
        text = "?"
        try:
            with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
            if uid:
                os.setgid(uid)
                os.setuid(uid)
            peer = socket.socket(socket.AF_UNIX)
            bound = f"{secrets.randbits(64):x}/cryptsetup/{volume}" if name is None else name
            if bound:
                peer.bind("\0" + bound)
            peer.connect(path("cryptsetup.sock"))
            text = ask_disk.ask_key(peer, Options(volume, out=None if uid else out, timeout=timeout))
        except Exception as error:  # pylint: disable=broad-except
            text = type(error).__name__
        os.write(begin, text.encode())
        os._exit(0)
    os.close(begin)
    with os.fdopen(end) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text, read("got") if os.path.exists(out) else b""


def log():
    return read("agent.log").decode(errors="replace")


def said(words, since=0):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if re.search(words, log()[since:]):
            return True
        time.sleep(0.02)
    return False


def status(page="/status"):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path("status.sock"))
        sock.sendall(struct.pack("<IHHI", len(page), 7, 0, 1) + page.encode())
        data = sock.recv(12)
        left = struct.unpack("<I", data[:4])[0] - len(data[12:])
        while left > 0:
            part = sock.recv(1 << 16)
            data, left = data + part, left - len(part)
    return data.decode(errors="replace")


def row(volume="data"):
    text = status()
    return next(one for one in json.loads(text[text.index('{"'):])["keys"] if one["kind"] == "disk" and one["id"] == volume)


def opens(what, copy="primary", volume="data"):
    got = luks(volume)
    expect(f"{what}: open {copy}", got == f"open {copy}", got)


def gives(what, volume="data"):
    got = key(volume)
    expect(f"{what}: the key", got[1] == KEY, got[0])


def refused(what, check, words, volume="data"):
    """At luks.sock, in the journal and in the status."""
    got = luks(volume)
    expect(f"{what}: refused by {check}", got.startswith(f"refused {check}: ") and words in got, got)
    expect("  in the journal", said(f"refused volume [^ ]*: {check}: "), log()[-600:])


def withheld(what, check, volume="data"):
    """At cryptsetup.sock."""
    since = len(log())
    got = key(volume)
    expect(f"{what}: no key, by {check}", got == ("refused", b"") and said(f"refused volume [^ ]*: {check}: ", since), f"{got[0]} {log()[since:]}")


def place(name, volume="data", mode=0o640):
    target = path("luks", volume + ".header")
    if os.path.isdir(target) and not os.path.islink(target):
        os.rmdir(target)
    elif os.path.lexists(target):
        os.unlink(target)
    shutil.copyfile(path(name), target + ".new")
    os.chmod(target + ".new", mode)
    os.rename(target + ".new", target)
    return target


def volume_file(resource, *lines, volume="data", mode=0o644):
    target = path("volumes", volume)
    if os.path.lexists(target):
        os.unlink(target)
    with open(target, "w", encoding="ascii") as file:
        file.write("\n".join(["[volume]", "Device = /dev/disk/by-id/virtio-data", f"Resource = {resource}", *lines]) + "\n")
    os.chmod(target, mode)


def put(resource, name):
    subprocess.run([S["broker"], "--socket", S["admin"], "key", "put", resource, path(name)], check=True, capture_output=True)


def forgotten(what):
    """A sanitizer's shadow of the memory is larger than any machine."""
    with open(f"/proc/{S['agent']}/status", encoding="ascii") as file:
        sanitized = int(re.search(r"VmSize:\s+(\d+)", file.read()).group(1)) > 1 << 30
    expect(what, sanitized or memory_scan.scan(S["agent"], [KEY]) == [False])


def boot():
    """Checked, the key given once, and gone from here."""
    expect("a volume that nobody has asked for is in the status", row()["state"] == "not asked for" and row()["resource"] == "prod/disk/data", row())
    place("copy")
    opens("the header that cryptsetup made")
    expect("the status knows it", row()["state"] == "header good" and row()["version"] == 1 and "checked_at" in row(), row())
    withheld("the header file is not what sevattest-luks makes of it", "disk.header_kept")
    place("good")
    gives("the listed header in both places")
    now = row()
    expect("the status says when", now["state"] == "key given" and now["served"] == 1 and "served_at" in now and "check" not in now, now)
    expect("the log names it", "gave the key of volume data: prod/disk/data, version 1" in log())
    gives("asked again, fetched again")
    expect("a question in two parts", luks(half=True) == "open primary")
    expect("the metrics count it", 'sevattest_agent_disks{state="header good"} 1' in status("/metrics"), status("/metrics"))
    expect("the page shows it", "disk data" in status("/") and "header good" in status("/"))
    gives("the key")
    time.sleep(0.3)
    forgotten("the key is not in the agent's memory any more")
    os.kill(S["agent"], 1)
    expect("a reload", said("configuration read again"))
    time.sleep(0.5)
    forgotten("a new proof does not bring it back")


def copies():
    """The listed one of two, whatever the sequence numbers say."""
    for which, other in (("secondary", "primary"), ("primary", "secondary")):
        luks_header.main("edit", path("copy"), path("hostile"), which, NULL, "seqid=+5")
        place("hostile")
        opens(f"the {which} header has a higher sequence number and no cipher", other)
        withheld("the same file, unchanged", "disk.header_kept")
        luks_header.main("rebuild", path("hostile"), other, path("rebuilt"))
        place("rebuilt")
        gives("what sevattest-luks makes of it")
        luks_header.main("spoil", path("copy"), path("hostile"), which)
        place("hostile")
        opens(f"the {which} header is damaged", other)


ATTACKS = (
    ("null segment", "luks.segment_cipher", "cipher_null", NULL),
    ("null key slot", "luks.keyslot_cipher", "cipher_null", 'keyslots.0.area.encryption="cipher_null-ecb"'),
    ("linear segment", "luks.segment_type", "linear", 'segments.0.type="linear"'),
    ("second segment", "luks.segments", "2 segments", 'segments.1={"type":"linear","offset":"1048576","size":"4096"}'),
    ("re-encryption demanded", "luks.requirements", "requirements", 'config.requirements={"mandatory":["online-reencrypt"]}'),
    ("a derivation that never ends", "luks.keyslot_cost", "4000000000", "keyslots.0.kdf.iterations=4000000000"),
    ("foreign token", "luks.tokens", "systemd-tpm2", 'tokens.0={"type":"systemd-tpm2","keyslots":["0"]}'),
    ("persistent flags", "luks.flags", "discards", 'config.flags=["allow-discards"]'),
    ("another sector size", "luks.listed", "", "segments.0.sector_size=512"),
    ("another label", "luks.listed", "", "label=evil"),
    ("a key slot's salt", "luks.listed", "", f'keyslots.0.kdf.salt="{"A" * 43}="'),
)


def attacks():
    """Headers that the host might write, before the check and after it."""
    for what, check, words, change in ATTACKS:
        luks_header.main("edit", path("copy"), path("hostile"), "both", change)
        place("hostile")
        refused(what, check, words)
        now = row()
        expect("  in the status, with a fix", now["state"] == "refused" and now["check"] == check and len(now["fix"]) > 10, now)
        luks_header.main("rebuild", path("hostile"), "primary", path("rebuilt"))
        place("rebuilt")
        withheld("  put there after the check", check)
    expect("the metrics count it by check", 'sevattest_agent_disk_check_failed{check="luks.listed"} 1' in status("/metrics"))
    place("swapped")
    refused("swapped container with the same UUID", "luks.listed", "")
    place("good")
    opens("the genuine one")
    put("prod/disk/data", "resource-next")
    place("copy")
    refused("rolled-back header", "luks.listed", "")
    place("next")
    opens("the header that the broker lists by now")
    expect("its version", row()["version"] == 2, row())
    put("prod/disk/data", "resource-both")
    for name in ("copy", "next"):
        place(name)
        opens(f"both are listed, {name}")
    put("prod/disk/data", "resource")


def bad_file(what, words):
    refused(what, "disk.header_file", words)
    withheld(what, "disk.header_file")


def files():
    """What may lie where the header file should."""
    target = place("good")
    os.unlink(target)
    bad_file("no header file", "No such file")
    os.symlink(path("good"), target)
    bad_file("a symbolic link", "symbolic link")
    os.unlink(target)
    os.mkfifo(target)
    bad_file("a pipe", "not a file")
    os.unlink(target)
    os.mkdir(target)
    bad_file("a folder", "not a file")
    place("good", mode=0o666)
    bad_file("a file that all may write", "others than root")
    os.chown(place("good"), 65534, 0)
    bad_file("another user's file", "others than root")
    os.truncate(place("good"), (16 << 20) + 1)
    bad_file("16 MiB and one byte", "more than")
    for what, data, check in (("a file that ends in the key slots", read("good")[:200000], "luks.whole"), ("an empty file", b"", "luks.header"),
                              ("noise", os.urandom(294912), "luks.header"), ("half a header", read("good")[:9000], "luks.header")):
        with open(path("odd"), "wb") as file:
            file.write(data)
        place("odd")
        refused(what, check, "")
        withheld(what, check)
    with open(path("odd"), "wb") as file:
        file.write(read("good") + bytes(4096))
    place("odd")
    opens("more than the header's area")
    withheld("more than the header's area", "disk.header_kept")
    place("good")


def bad_volume(what, check, words):
    refused(what, check, words)
    withheld(what, check)


def volumes():
    """What is said of the volume, and what the broker has for it."""
    refused("a volume without a file", "disk.configured", "no guarded volume has this name", volume="nosuch")
    withheld("a volume without a file", "disk.configured", volume="nosuch")
    refused("a name that systemd cannot ask for", "disk.configured", "longer than 79", volume="a" * 80)
    volume_file("prod/disk/data", "Colour = blue")
    bad_volume("an unknown line in the volume's file", "disk.configured", "Colour")
    volume_file("prod/disk")
    bad_volume("no resource", "disk.configured", "no name of a resource")
    volume_file("prod/disk/data", mode=0o666)
    bad_volume("a volume's file that all may write", "disk.configured", "others may write it")
    os.unlink(path("volumes", "data"))
    os.symlink(path("resource"), path("volumes", "data"))
    bad_volume("a symbolic link as a volume's file", "disk.configured", "not a file")
    volume_file("prod/disk/other")
    bad_volume("a resource that no grant covers", "disk.released", "403")
    volume_file("prod/disk/version")
    bad_volume("another version of the disk resource", "disk.resource", "disk resource")
    volume_file("prod/disk/plain")
    bad_volume("a key without headers", "luks.listed", "")
    volume_file("prod/disk/plain", f"KeyCheck = {S['check']}")
    opens("the same with KeyCheck=")
    gives("the same with KeyCheck=")
    volume_file("prod/disk/data", f"KeyCheck = {S['check'][::-1]}")
    bad_volume("another key than KeyCheck= says", "disk.key_check", "another key than KeyCheck=")
    volume_file("prod/disk/data", f"KeyCheck = {S['check']}")
    opens("the key that KeyCheck= says")
    volume_file("prod/disk/data", volume="my-data_1+x")
    place("good", "my-data_1+x")
    opens("a volume that came later, whose name needs escapes", volume="my-data_1+x")
    gives("a volume whose name needs escapes", volume="my-data_1+x")
    expect("it has its row", row("my-data_1+x")["state"] == "key given", row("my-data_1+x"))
    volume_file("prod/disk/data")


def foreign(what, words, **claim):
    since = len(log())
    got = key(**claim)
    expect(f"{what}: nothing", got == ("refused", b"") and said(words, since), f"{got[0]} {log()[since:]}")


def peers():
    """Who is not who he says he is, and what is no request."""
    gives("before")
    before = row()
    evil = os.path.join(S["cgroup"], "evil.service")
    foreign("another unit's control group", "calls itself systemd-cryptsetup@data.service but is in the control group of evil.service", cgroup=evil)
    foreign("a group of that name below another unit's", "is in the control group of evil.service", cgroup=os.path.join(evil, "systemd-cryptsetup@data.service"))
    foreign("another volume's systemd-cryptsetup", "is in the control group of systemd-cryptsetup@other.service", cgroup=cgroup_of("other"))
    foreign("nobody's control group", "is in no unit's control group", cgroup=S["cgroup"])
    os.chmod(path("cryptsetup.sock"), 0o666)
    foreign("an ordinary user in the right control group", "only root's requests are served", uid=65534)
    os.chmod(path("cryptsetup.sock"), 0o600)
    expect("the socket is root's", key(uid=65534)[0] == "PermissionError")
    for name in ("", "1/unit/systemd-cryptsetup@data.service/data", "1/cryptsetup-tpm2/data", "1/cryptsetup-pkcs11/data", "1/cryptsetup-fido2/data",
                 "1/cryptsetup-fido2-salt/data", "01/cryptsetup/data", "1F/cryptsetup/data", "/cryptsetup/data", "1/cryptsetup/data/", "1/cryptsetup/../data",
                 "1/cryptsetup/.data", "1/cryptsetup/", "1/cryptsetup/" + "a" * 94):
        foreign(f"the address \"{name:.48}\"", "disk.peer: ", name=name)
    expect("an address of 109 bytes is none", key(name="1/cryptsetup/" + "a" * 95)[0] == "OSError")
    gives("and systemd-cryptsetup of the volume")
    now = row()
    expect("the others changed nothing of the volume's row", now["state"] == "key given" and now["served"] == before["served"] + 1 and "check" not in now, now)
    os.chmod(path("luks.sock"), 0o666)
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            got = luks()
        except OSError as error:
            got = "closed" if isinstance(error, (BrokenPipeError, ConnectionResetError)) else str(error)
        os._exit(0 if got in ("closed", "reset") else 1)
    expect("an ordinary user at luks.sock", os.waitpid(child, 0)[1] == 0 and said("luks.sock: process [0-9]* of user 65534"))
    os.chmod(path("luks.sock"), 0o600)
    for what, raw in (("another type", b"\4\0\0\0\7\0\0\0\1\0\0\0data"), ("an answer", b"\4\0\0\0\x0e\0\0\0\1\0\0\0data"), ("reserved bits", b"\4\0\0\0\x0d\0\1\0\1\0\0\0data"),
                      ("4 GiB announced", b"\xff\xff\xff\xff\x0d\0\0\0\1\0\0\0"), ("no name", bytes([0, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0])),
                      ("a name with a slash", b"\4\0\0\0\x0d\0\0\0\1\0\0\0../x"), ("HTTP", b"GET / HTTP/1.1\r\n\r\n")):
        got = luks(raw=raw.hex())
        expect(f"luks.sock: {what}: closed", got in ("closed", "reset"), got)
    got = luks(raw=b"\4\0\0\0\x0d\0".hex(), timeout=0.5)
    expect("luks.sock: half a request waits", got == "waiting", got)
    opens("and a good one")


def emergency():
    """With the service of the emergency shell nothing is given."""
    for place_of in ("system.slice/emergency.service", "systemd/system.slice/emergency.service", "unified/system.slice/rescue.service"):
        os.makedirs(path("groups", place_of))
        refused(f"{place_of} runs", "disk.emergency", "emergency or rescue mode")
        withheld(f"{place_of} runs", "disk.emergency")
        shutil.rmtree(path("groups"))
    opens("afterwards")
    gives("afterwards")


for part in (boot, copies, attacks, files, volumes, peers, emergency):
    print(f"--- {part.__name__}")
    part()
print(f"{checks} checks")
