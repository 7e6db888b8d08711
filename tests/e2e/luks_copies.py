#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent eye on the two copies of a LUKS2 header.

    luks_copies.py list IMAGE                 a line for each whole copy: "primary DIGEST SEQID"
    luks_copies.py only primary|secondary IMAGE OUT    the header area with that copy in both places
    luks_copies.py judge IMAGE DISK.json      is there a whole copy that DISK lists, and does DISK's key open the disk with each such copy? (cryptsetup does)
    luks_copies.py all IMAGE DIGEST       is every whole copy this one, and is there one?
    luks_copies.py token|segment|slot|flags|requirement IMAGE   plants something foreign in both copies
"""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

MAGIC = {"primary": b"LUKS\xba\xbe", "secondary": b"SKUL\xba\xbe"}
SIZES = [16384 << n for n in range(9)]
AREA = 16 << 20


def checksum(copy):
    return hashlib.sha256(copy[:448] + bytes(64) + copy[512:]).digest()


def copy_at(data, offset, which):
    """The bytes of a whole copy, or None."""
    if data[offset:offset + 6] != MAGIC[which]:
        return None
    size = struct.unpack(">Q", data[offset + 8:offset + 16])[0]
    copy = data[offset:offset + size]
    if size not in SIZES or len(copy) != size or checksum(copy) != copy[448:480]:
        return None
    return copy


def copies(data):
    found = {}
    first = copy_at(data, 0, "primary")
    if first:
        found["primary"] = first
    for size in SIZES:
        second = copy_at(data, size, "secondary")
        if second:
            found["secondary"] = second
            break
    return found


def metadata(copy):
    return json.loads(copy[4096:].split(b"\0", 1)[0])


def digest(copy):
    def text(at, size):
        return copy[at:at + size].split(b"\0", 1)[0].decode()
    document = metadata(copy)
    name = {"uuid": text(168, 40), "label": text(24, 48), "subsystem": text(208, 48), "hdr_size": len(copy)}
    name |= {part: document.get(part) for part in ("segments", "keyslots", "digests", "config", "tokens")}
    return hashlib.sha256(json.dumps(name, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def seqid(copy):
    return struct.unpack(">Q", copy[16:24])[0]


def place(copy, which):
    copy = bytearray(copy)
    copy[0:6] = MAGIC[which]
    copy[256:264] = struct.pack(">Q", 0 if which == "primary" else len(copy))
    copy[448:512] = checksum(bytes(copy)) + bytes(32)
    return bytes(copy)


def with_only(data, copy):
    return place(copy, "primary") + place(copy, "secondary") + data[2 * len(copy):]


def opens(data, size, key):
    """cryptsetup's word on a header, in a sparse file as long as the disk."""
    with tempfile.TemporaryDirectory() as folder:
        image, keyfile = os.path.join(folder, "image"), os.path.join(folder, "key")
        with open(image, "wb") as file:
            file.write(data)
            file.truncate(size)
        with open(keyfile, "wb") as file:
            file.write(key)
        return subprocess.run(["cryptsetup", "open", "--test-passphrase", image, "--key-file", keyfile], capture_output=True).returncode == 0


def read(path):
    with open(path, "rb") as file:
        data = file.read(AREA)
        return data, file.seek(0, 2)


def judge(path, disk_path):
    data, size = read(path)
    disk = json.load(open(disk_path))
    disk = disk.get("disk", disk)
    key = base64.b64decode(disk["key"])
    listed = {which: copy for which, copy in copies(data).items() if digest(copy) in disk["headers"]}
    if not listed:
        sys.exit(f"no copy is listed: on the disk {[digest(c)[:8] for c in copies(data).values()]}, listed {[h[:8] for h in disk['headers']]}")
    for which, copy in listed.items():
        if not opens(with_only(data, copy), size, key):
            sys.exit(f"the {which} copy is listed, and the listed key does not open it")
    print(" ".join(listed))


def plant(what, path):
    data, _ = read(path)
    for which, copy in copies(data).items():
        document = metadata(copy)
        if what == "token":
            document["tokens"]["7"] = {"type": "clevis", "keyslots": ["0"], "jwe": {}}
        elif what == "segment":
            document["segments"]["0"]["encryption"] = "cipher_null-ecb"
        elif what == "slot":
            document["keyslots"]["0"]["kdf"]["memory"] = 4 << 20
        elif what == "flags":
            document["config"]["flags"] = ["allow-discards"]
        elif what == "requirement":
            document["config"]["requirements"] = {"mandatory": ["online-reencrypt-v2"]}
        text = json.dumps(document, separators=(",", ":")).encode()
        copy = place(copy[:4096] + text + bytes(len(copy) - 4096 - len(text)), which)
        with open(path, "r+b") as file:
            file.seek(0 if which == "primary" else len(copy))
            file.write(copy)


def main():
    verb = sys.argv[1]
    if verb == "list":
        for which, copy in copies(read(sys.argv[2])[0]).items():
            print(which, digest(copy), seqid(copy))
    elif verb == "all":
        sys.exit({digest(copy) for copy in copies(read(sys.argv[2])[0]).values()} != {sys.argv[3]})
    elif verb == "only":
        data, size = read(sys.argv[3])
        with open(sys.argv[4], "wb") as file:
            file.write(with_only(data, copies(data)[sys.argv[2]]))
            file.truncate(size)
    elif verb == "judge":
        judge(sys.argv[2], sys.argv[3])
    else:
        plant(verb, sys.argv[2])


main()
