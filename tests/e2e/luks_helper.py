#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sevattest-luks against images of cryptsetup on loop devices and an agent that is made here. usage: luks_helper.py DIRECTORY PROGRAM"""
import concurrent.futures
import hashlib
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

WORK, PROGRAM = sys.argv[1:3]
REQUEST, RESPONSE = 13, 14
MIB = 1 << 20
GROUP = 54321  # the run directory's; the header must get it
SECCOMP = b"seccomp_load" in open(PROGRAM, "rb").read()  # builds with a sanitizer have none
checks = 0


def frame(payload, kind=RESPONSE, number=1, size=None, zero=0):
    return struct.pack("<IHHI", len(payload) if size is None else size, kind, zero, number) + payload


def yes(copy=0):
    return frame(bytes([0, copy, 0, 0]))


def no(text):
    return frame(b"\1\0\0\0" + text)


class Place:
    """Directories of one case, a device, and the agent's socket."""

    def __init__(self, name):
        self.name, self.dir = name, os.path.join(WORK, name)
        self.run, self.volumes, self.socket = (os.path.join(self.dir, one) for one in ("run", "volumes", "luks.sock"))
        os.makedirs(self.volumes)
        os.mkdir(self.run, 0o750)
        os.chown(self.run, 0, GROUP)
        self.loop, self.started = None, []

    def image(self, *options, size=20 * MIB, key=b"k" * 32):
        path = os.path.join(self.dir, "disk")
        with open(path, "wb") as file:
            file.truncate(size)
        with open(path + ".key", "wb") as file:
            file.write(key)
        subprocess.run(["cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", *options, path, path + ".key"],
                       check=True, stdout=subprocess.DEVNULL)
        return path

    def device(self, path):
        """A loop device that goes when this process ends, however it does."""
        name = subprocess.run(["losetup", "-f", "--show", path], check=True, capture_output=True, text=True).stdout.strip()
        self.loop = os.open(name, os.O_RDONLY)
        subprocess.run(["losetup", "-d", name], check=True)  # with somebody at it, that is "when the last one closes it"
        return name

    def conf(self, device, mode=0o644, name="data"):
        path = os.path.join(self.volumes, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"[volume]\nDevice = {device}\nResource = prod/disk/data\n")
        os.chmod(path, mode)

    def usual(self, *options):
        disk = self.image("--luks2-metadata-size", "16k", "--luks2-keyslots-size", "256k", *options, size=2 * MIB)
        self.conf(self.device(disk))
        return disk

    def start(self, verb="check", volume="data", **environment):
        process = subprocess.Popen([PROGRAM, verb, volume, "--volumes", self.volumes, "--run", self.run, "--socket", self.socket], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment})
        self.started.append(process)
        return process

    def end(self):
        for process in self.started:
            process.kill()
            process.wait()

    def listen(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        server = socket.socket(socket.AF_UNIX)
        server.bind(self.socket)
        server.listen()
        server.settimeout(60)
        return server

    def header(self):
        return os.path.join(self.run, "data.header")

    def left(self):
        return sorted(os.listdir(self.run))


def ok(place, what, condition, more=""):
    global checks
    checks += 1
    if not condition:
        raise AssertionError(f"{place.name}: {what} {more}")


def take(place, server):
    """The next question: the connection, after the frame was looked at."""
    peer, _ = server.accept()
    peer.settimeout(60)
    data = b""
    while len(data) < 16:
        part = peer.recv(4096)
        if not part:
            break
        data += part
    ok(place, "the question is one frame with the name", data == frame(b"data", REQUEST), repr(data))
    return peer


def end(place, process, code, *words, timeout=60):
    text = process.communicate(timeout=timeout)[0]
    ok(place, f"exit {process.returncode} instead of {code}", process.returncode == code, text)
    for word in words:
        ok(place, f"\"{word}\" was not said", word in text, text)
    return text


def answer(place, data, code, *words):
    server = place.listen()
    process = place.start()
    peer = take(place, server)
    ok(place, "while it waits, the header is there", place.left() == ["data.header"], str(place.left()))
    peer.sendall(data)
    text = end(place, process, code, *words)
    server.close()
    return text


def copies(data):
    size, = struct.unpack(">Q", data[8:16])
    return data[:size], data[size:2 * size]


def document(copy):
    return json.loads(copy[4096:].split(b"\0", 1)[0])


def seal(copy):
    """The checksum made right."""
    copy = bytearray(copy)
    copy[448:512] = bytes(64)
    copy[448:480] = hashlib.sha256(copy).digest()
    return bytes(copy)


def change(disk, which, edit):
    """Edits the JSON of one copy (0, 1) on the disk and raises its sequence number."""
    with open(disk, "r+b") as file:
        data = file.read(8 * MIB)
        size = len(copies(data)[0])
        copy = bytearray(copies(data)[which])
        value = document(bytes(copy))
        edit(value)
        text = json.dumps(value, separators=(",", ":")).encode()
        copy[4096:] = text + bytes(size - 4096 - len(text))
        copy[16:24] = struct.pack(">Q", struct.unpack(">Q", copy[16:24])[0] + 1)
        file.seek(which * size)
        file.write(seal(bytes(copy)))


def agreed(place, disk, which):
    """The file: the chosen copy twice, the key material of its slots, and cryptsetup takes it."""
    with open(place.header(), "rb") as file:
        made = file.read()
    with open(disk, "rb") as file:
        original = file.read(len(made))
    first, second = copies(made)
    chosen = copies(original)[which]
    ok(place, "both places have the chosen copy", document(first) == document(second) == document(chosen))
    ok(place, "sequence numbers agree", first[16:24] == second[16:24] == chosen[16:24])
    ok(place, "checksums are right", seal(first) == first and seal(second) == second)
    ok(place, "magic and offset are those of the place", first[:6] == b"LUKS\xba\xbe" and second[:6] == b"SKUL\xba\xbe" and second[256:264] == first[8:16])
    expected = bytearray(len(made) - 2 * len(first))
    for slot in document(chosen)["keyslots"].values():
        at, size = (int(slot["area"][name]) for name in ("offset", "size"))
        expected[at - 2 * len(first):at - 2 * len(first) + size] = original[at:at + size]
    ok(place, "the key material of its slots is the disk's, and nothing else is there", made[2 * len(first):] == expected)
    room = os.stat(place.header()).st_blocks * 512
    ok(place, "the file takes no more room than that", room <= sum(1 for at in range(0, len(made), 4096) if any(made[at:at + 4096])) * 4096, f"{room} bytes")
    info = os.stat(place.header())
    ok(place, "mode and owner", (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o640, 0, GROUP), oct(info.st_mode))
    dump = subprocess.run(["cryptsetup", "luksDump", place.header()], capture_output=True, text=True, check=False)
    ok(place, "cryptsetup reads it", dump.returncode == 0, dump.stderr)
    return len(made)


def case_yes(place):
    disk = place.usual()
    for name in ("data.ok", "data.header", "data.header.new"):  # of another boot
        open(os.path.join(place.run, name), "w", encoding="ascii").close()
    answer(place, yes(), 0, "may be opened with its primary header")
    ok(place, "nothing else is left", place.left() == ["data.header"])
    ok(place, "size", agreed(place, disk, 0) == 294912)
    key = subprocess.run(["cryptsetup", "open", "--test-passphrase", "--key-file", disk + ".key", place.header()], check=False)
    ok(place, "the key opens it", key.returncode == 0)
    end(place, place.start("clean"), 0)
    ok(place, "clean removes all", place.left() == [])
    end(place, place.start("clean"), 0)


def case_secondary(place):
    disk = place.usual()
    change(disk, 0, lambda value: value["segments"]["0"].update(encryption="cipher_null-ecb"))
    answer(place, yes(1), 0, "secondary header")
    agreed(place, disk, 1)
    with open(place.header(), "rb") as file:
        ok(place, "the other copy is nowhere", b"cipher_null" not in file.read())


def case_default_size(place):
    disk = place.image()
    place.conf(place.device(disk))
    answer(place, yes(), 0)
    ok(place, "16 MiB", agreed(place, disk, 0) == 16 * MIB)


def case_large_header(place):
    disk = place.image("--luks2-metadata-size", "64k", "--luks2-keyslots-size", "512k", size=4 * MIB)
    place.conf(place.device(disk))
    answer(place, yes(), 0)
    ok(place, "size", agreed(place, disk, 0) == 131072 + 524288)


def case_primary_broken(place):
    disk = place.usual()
    with open(disk, "r+b") as file:
        file.write(b"X" * 512)
    server = place.listen()
    process = place.start()
    peer = take(place, server)
    ok(place, "the size is the other copy's", os.path.getsize(place.header()) == 294912)
    peer.sendall(yes(1))
    end(place, process, 0)


def case_both_broken(place):
    disk = place.usual()
    with open(disk, "r+b") as file:
        file.write(bytes(32768))
    server = place.listen()
    process = place.start()
    peer = take(place, server)
    ok(place, "the agent gets what there is", os.path.getsize(place.header()) == 2 * MIB)
    peer.sendall(no(b"luks.header\nno LUKS header\n"))
    end(place, process, 6, "luks.header: no LUKS header")
    peer_yes = place.listen()
    process = place.start()
    take(place, peer_yes).sendall(yes())
    end(place, process, 1, "cannot be rebuilt")
    ok(place, "nothing is left", place.left() == [])


def case_size_lie(place):
    """A header that says it is larger than allowed is copied as far as two headers, for the agent to refuse."""
    disk = place.usual()
    for which in (0, 1):
        change(disk, which, lambda value: value["config"].update(keyslots_size=str(1 << 40)))
    server = place.listen()
    process = place.start()
    peer = take(place, server)
    ok(place, "both headers", os.path.getsize(place.header()) == 32768, str(os.path.getsize(place.header())))
    peer.sendall(no(b"luks.area\ntoo large\n"))
    end(place, process, 6)


def case_no(place):
    place.usual()
    text = answer(place, no("luks.segment_cipher\nthe segment says cipher_null-ecb\nrestore the header\nthen enroll again".encode()), 6,
                  "data is not opened: luks.segment_cipher: the segment says cipher_null-ecb", "fix: restore the header")
    ok(place, "the log is one line a message", "\x1b" not in text)
    ok(place, "nothing is left", place.left() == [])


def case_copied_once(place):
    """The disk is changed after the copy: what was asked about is what is left."""
    disk = place.usual()
    with open(disk, "rb") as file:
        before = file.read(294912)
    server = place.listen()
    process = place.start()
    peer = take(place, server)
    with open(disk, "r+b") as file:
        file.write(os.urandom(294912))
    peer.sendall(yes())
    end(place, process, 0)
    with open(place.header(), "rb") as file:
        ok(place, "the copy stands", document(copies(file.read())[0]) == document(copies(before)[0]))


def case_agent_late(place):
    place.usual()
    process = place.start()
    time.sleep(3.5)
    server = place.listen()
    take(place, server).sendall(yes())
    text = end(place, process, 0, "waiting for")
    ok(place, "said once", text.count("waiting for") == 1, text)


def case_agent_restarts(place):
    place.usual()
    server = place.listen()
    process = place.start()
    take(place, server).close()
    take(place, server).close()
    server.close()
    server = place.listen()
    peer = take(place, server)
    peer.sendall(yes()[:9])  # killed in the middle
    peer.close()
    peer = take(place, server)
    peer.sendall(yes()[:14])
    peer.close()
    take(place, server).sendall(yes())
    end(place, process, 0)


def case_half_frame(place):
    """Half an answer and then nothing: after ten seconds another connection is tried."""
    place.usual()
    server = place.listen()
    process = place.start()
    hung = take(place, server)
    hung.sendall(yes()[:14])
    begin = time.monotonic()
    take(place, server).sendall(yes())
    ok(place, "not before its time", time.monotonic() - begin > 8)
    end(place, process, 0)
    hung.close()


def case_silence(place):
    place.usual()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(os.path.join(place.dir, "notify"))
    told.settimeout(30)
    server = place.listen()
    process = place.start(NOTIFY_SOCKET=os.path.join(place.dir, "notify"))
    peer = take(place, server)
    status = told.recv(4096).decode()
    ok(place, "the status says what is waited for", "STATUS=waiting: sevattestd has not decided" in status, status)
    time.sleep(1)
    ok(place, "it waits", process.poll() is None)
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        state = file.read()
    ok(place, "it has narrowed itself", not SECCOMP or ("Seccomp:\t2" in state and "NoNewPrivs:\t1" in state))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    ok(place, "SIGTERM ends it", process.returncode == -signal.SIGTERM)
    end(place, place.start("clean"), 0)
    ok(place, "and clean cleans", place.left() == [])
    peer.close()


BAD = {
    "a type of another socket": frame(b"\0\0\0\0", kind=12),
    "its own question": frame(b"data", kind=REQUEST),
    "no type": frame(b"\0\0\0\0", kind=999),
    "reserved bits": frame(b"\0\0\0\0", zero=1),
    "another number": frame(b"\0\0\0\0", number=2),
    "oversize": frame(b"", size=0x7fffffff),
    "one more than allowed": frame(b"\1\0\0\0c\nr\n" + b"f" * 4093),
    "nothing in it": frame(b""),
    "cut off": frame(b"\0\0\0"),
    "a third verdict": frame(b"\2\0\0\0"),
    "a third copy": frame(b"\0\2\0\0"),
    "yes, with a reason not to": frame(b"\0\0\0\0c\nr\n"),
    "yes, with bits": frame(b"\0\0\1\0"),
    "no, without a reason": frame(b"\1\0\0\0"),
    "no, with one line": frame(b"\1\0\0\0check"),
    "no, of the second copy": frame(b"\1\1\0\0c\nr\n"),
    "bytes that are no text": frame(b"\1\0\0\0c\n\xff\xfe\n"),
    "a terminal's sequence": frame(b"\1\0\0\0c\n\x1b[2J\n"),
    "NUL in a text": frame(b"\1\0\0\0c\nr\0\n"),
    "noise": bytes(range(1, 255)),
    "HTTP": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}


def case_bad_answers(place):
    place.usual()
    for what, data in BAD.items():
        server = place.listen()
        process = place.start()
        take(place, server).sendall(data)
        end(place, process, 1, "the answer is" if what != "another number" else "another question")
        ok(place, f"{what}: nothing is left", place.left() == [])
        server.close()


def case_devices(place):
    disk = place.usual()
    place.conf(disk)
    end(place, place.start(), 2, "not a block device")
    place.conf("/dev/null")
    end(place, place.start(), 2, "not a block device")
    os.mkfifo(os.path.join(place.dir, "pipe"))
    place.conf(os.path.join(place.dir, "pipe"))
    end(place, place.start(), 2, "not a block device")
    place.conf("/dev/disk/by-id/none")
    end(place, place.start(), 5, "No such file")
    place.conf("/dev/disk/by-uuid/x")
    end(place, place.start(), 2, "by-id")
    ok(place, "the agent was never asked for", place.left() == [])


def case_usage(place):
    place.usual()
    end(place, place.start(volume="other"), 2, "No such file")
    end(place, place.start(volume="../data"), 2, "no name of a volume")
    end(place, place.start(volume=".."), 2, "no name of a volume")
    end(place, place.start("open"), 2, "no verb")
    place.conf("/dev/loop0", mode=0o666)
    end(place, place.start(), 2, "others may write")
    for words in ([], ["check"], ["check", "data", "more"], ["--none"], ["check", "data", "--none"]):
        got = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)
        ok(place, f"{words} is usage", got.returncode == 2 and got.stderr, got.stderr)
    got = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=False)
    ok(place, "--help", got.returncode == 0 and "verify VOLUME" in got.stdout and "--socket" in got.stdout)


def case_run_directory(place):
    place.usual()
    os.symlink("/etc/passwd", os.path.join(place.run, "data.header.new"))
    answer(place, yes(), 0)
    ok(place, "a link in the way is removed, not followed", os.stat("/etc/passwd").st_size > 0 and place.left() == ["data.header"])
    os.unlink(place.header())
    os.mkdir(place.header())
    end(place, place.start(), 1, "data.header")
    os.rmdir(place.header())
    os.rename(place.run, place.run + ".away")
    end(place, place.start(), 1, "data.header")


def case_verify(place):
    """What can be seen without device-mapper; the rest is in tests/vm."""
    place.usual()
    try:
        os.close(os.open("/dev/mapper/control", os.O_RDWR))
    except OSError:
        end(place, place.start("verify"), 7, "device-mapper")
        return
    end(place, place.start("verify"), 1, "there is no such mapping" if os.path.exists(place.header()) else "the agreed header")


def main():
    cases = {name[5:]: value for name, value in globals().items() if name.startswith("case_")}
    failures = []
    os.chmod(WORK, 0o755)

    def one(name):
        place = Place(name)
        try:
            cases[name](place)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(f"{name}: {type(error).__name__}: {error}")
        else:
            print(f"ok: {name}", flush=True)
        finally:
            place.end()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(one, cases))
    for failure in failures:
        print("FAILED:", failure)
    print(f"{len(cases)} cases, {checks} checks, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
