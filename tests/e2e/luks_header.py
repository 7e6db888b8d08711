#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LUKS2 headers as their owner and as their attacker write them, by Python's own means.

usage: luks_header.py digest FILE [COPY]...            what the broker lists: SHA-256 of canonical JSON, one line for each copy (primary, secondary)
       luks_header.py resource KEYFILE FILE...         the disk resource for a key and the primary headers of files
       luks_header.py rebuild FILE COPY OUT            OUT: that copy in both places, as sevattest-luks makes it
       luks_header.py edit FILE OUT COPIES CHANGE...   OUT: changed copies (primary, secondary, both), valid checksums; CHANGE is path.to.member=JSON, or
                                                       seqid=+N, uuid=TEXT, label=TEXT; a last member that begins with "-" is removed
       luks_header.py spoil FILE OUT COPY              OUT: that copy with one bit of its JSON changed and the old checksum"""
import base64
import hashlib
import json
import struct
import sys

MAGIC = (b"LUKS\xba\xbe", b"SKUL\xba\xbe")
NAMES = {"primary": 0, "secondary": 1}


class Disk:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.size = struct.unpack_from(">Q", self.data, 8)[0]

    def copy(self, which):
        return self.data[which * self.size:(which + 1) * self.size]

    def json(self, which):
        return json.loads(self.copy(which)[4096:].split(b"\0")[0])

    def text(self, which, at, size):
        return bytes(self.copy(which)[at:at + size]).split(b"\0")[0].decode()

    def put(self, which, copy):
        """Magic, offset and checksum are those of the place."""
        copy = bytearray(copy)
        copy[0:6] = MAGIC[which]
        struct.pack_into(">Q", copy, 256, which * self.size)
        copy[448:512] = bytes(64)
        copy[448:480] = hashlib.sha256(copy).digest()
        self.data[which * self.size:(which + 1) * self.size] = copy

    def put_json(self, which, value):
        text = json.dumps(value, separators=(",", ":")).encode()
        copy = self.copy(which)
        copy[4096:] = text.ljust(self.size - 4096, b"\0")
        self.put(which, copy)

    def digest(self, which):
        value = self.json(which)
        parts = {name: value.get(name) for name in ("segments", "keyslots", "digests", "config", "tokens")}
        parts |= {"hdr_size": self.size, "label": self.text(which, 24, 48), "uuid": self.text(which, 168, 40), "subsystem": self.text(which, 208, 48)}
        return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def area(self):
        return 2 * self.size + int(self.json(0)["config"]["keyslots_size"])

    def write(self, path, size=None):
        with open(path, "wb") as file:
            file.write(self.data[:size])


def change(disk, which, words):
    name, value = words.split("=", 1)
    copy = disk.copy(which)
    if name == "seqid":
        struct.pack_into(">Q", copy, 16, struct.unpack_from(">Q", copy, 16)[0] + int(value))
        disk.put(which, copy)
    elif name in ("uuid", "label"):
        at, size = {"uuid": (168, 40), "label": (24, 48)}[name]
        copy[at:at + size] = value.encode().ljust(size, b"\0")
        disk.put(which, copy)
    else:
        *path, last = name.split(".")
        root = node = disk.json(which)
        for part in path:
            node = node[part]
        if last.startswith("-"):
            del node[last[1:]]
        else:
            node[last] = json.loads(value)
        disk.put_json(which, root)


def main(verb, *words):
    if verb == "digest":
        disk = Disk(words[0])
        for name in words[1:] or ["primary"]:
            print(disk.digest(NAMES[name]))
    elif verb == "resource":
        with open(words[0], "rb") as file:
            key = base64.b64encode(file.read()).decode()
        print(json.dumps({"sevattest-disk": 1, "key": key, "headers": [Disk(path).digest(0) for path in words[1:]]}), end="")
    elif verb == "rebuild":
        disk = Disk(words[0])
        copy = disk.copy(NAMES[words[1]])
        disk.put(0, copy)
        disk.put(1, copy)
        area = disk.area()
        unused = bytearray(area - 2 * disk.size)
        for slot in disk.json(NAMES[words[1]])["keyslots"].values():
            at, size = int(slot["area"]["offset"]), int(slot["area"]["size"])
            unused[at - 2 * disk.size:at - 2 * disk.size + size] = disk.data[at:at + size]
        disk.data[2 * disk.size:area] = unused
        disk.write(words[2], disk.area())
    elif verb == "edit":
        disk = Disk(words[0])
        for which in (0, 1) if words[2] == "both" else (NAMES[words[2]],):
            for one in words[3:]:
                change(disk, which, one)
        disk.write(words[1])
    elif verb == "spoil":
        disk = Disk(words[0])
        disk.data[NAMES[words[2]] * disk.size + 4100] ^= 1
        disk.write(words[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
