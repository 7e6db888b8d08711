# SPDX-License-Identifier: Apache-2.0
"""LUKS2 headers for tests, after the LUKS2 On-Disk Format Specification 1.1: read, change and write both copies, open and make key slots, encrypt the payload. Without
device-mapper, so that a disk can be filled, and attacked, on any machine. Standard library and libcrypto (AES-XTS)."""
import base64
import copy
import ctypes
import ctypes.util
import hashlib
import json
import os
import struct

BINARY = 4096
MAGICS = (b"LUKS\xba\xbe", b"SKUL\xba\xbe")
STRIPES = 4000
KEY_SIZE = 64
FORM = ">6sHQQ48s32s64s40s48sQ184x64s"


def canonical(value):
    """RFC 8785 for what these documents hold: member names and texts in ASCII, integers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Header:
    """One copy. `document` is the JSON; write() makes offset, magic and checksum right for its place."""

    def __init__(self, data):
        fields = struct.unpack_from(FORM, data)
        magic, version, self.size, self.seqid, label, algorithm, self.salt, uuid, subsystem, self.offset, checksum = fields
        assert magic in MAGICS and version == 2 and algorithm.rstrip(b"\0") == b"sha256", "no LUKS2 header"
        self.label, self.uuid, self.subsystem = (text.rstrip(b"\0").decode() for text in (label, uuid, subsystem))
        whole = bytearray(data[:self.size])
        whole[448:512] = bytes(64)
        assert hashlib.sha256(whole).digest() == checksum[:32], "wrong checksum"
        self.document = json.loads(bytes(whole[BINARY:]).rstrip(b"\0"))

    def clone(self):
        return copy.deepcopy(self)

    def write(self, place):
        """The bytes of this copy: place 0 is the primary, 1 the secondary."""
        text = json.dumps(self.document, separators=(",", ":")).encode()
        assert len(text) < self.size - BINARY
        whole = bytearray(self.size)
        struct.pack_into(FORM, whole, 0, MAGICS[place], 2, self.size, self.seqid, self.label.encode(), b"sha256", self.salt, self.uuid.encode(), self.subsystem.encode(),
                         place * self.size, bytes(64))
        whole[BINARY:BINARY + len(text)] = text
        whole[448:480] = hashlib.sha256(whole).digest()
        return bytes(whole)

    def digest(self):
        """By which a broker lists the header."""
        parts = {name: self.document.get(name) for name in ("segments", "keyslots", "digests", "config", "tokens")}
        return hashlib.sha256(canonical({"uuid": self.uuid, "label": self.label, "subsystem": self.subsystem, "hdr_size": self.size, **parts})).hexdigest()

    @property
    def area(self):
        """Bytes of both headers and the key slots."""
        return 2 * self.size + int(self.document["config"]["keyslots_size"])

    @property
    def segment(self):
        return self.document["segments"]["0"]


def read(path, place=0):
    with open(path, "rb") as file:
        if place:
            file.seek(read(path).size)
        return Header(file.read(4 << 20))


def write(path, primary, secondary=None):
    with open(path, "r+b") as file:
        file.write(primary.write(0))
        file.write((secondary or primary).write(1))


class Xts:
    """AES-256-XTS over sectors; the tweak is the little-endian number of the 512-byte sector (plain64)."""

    def __init__(self, key, encrypt):
        assert len(key) == KEY_SIZE
        self.library = library = ctypes.CDLL(ctypes.util.find_library("crypto"))
        library.EVP_CIPHER_CTX_new.restype = library.EVP_aes_256_xts.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(library.EVP_CIPHER_CTX_new())
        self.encrypt = int(encrypt)
        assert library.EVP_CipherInit_ex(self.context, ctypes.c_void_p(library.EVP_aes_256_xts()), None, key, None, self.encrypt) == 1

    def run(self, data, sector_size=512, first=0):
        out = ctypes.create_string_buffer(len(data))
        written, address = ctypes.c_int(), ctypes.addressof(out)
        source = (ctypes.c_char * len(data)).from_buffer_copy(data)
        for at in range(0, len(data), sector_size):
            tweak = struct.pack("<QQ", first + at // 512, 0)
            assert self.library.EVP_CipherInit_ex(self.context, None, None, None, tweak, self.encrypt) == 1
            assert self.library.EVP_CipherUpdate(self.context, ctypes.c_void_p(address + at), ctypes.byref(written), ctypes.c_void_p(ctypes.addressof(source) + at), sector_size) == 1
        return out.raw

    def __del__(self):
        self.library.EVP_CIPHER_CTX_free(self.context)


def diffuse(block):
    parts = [block[at:at + 32] for at in range(0, len(block), 32)]
    return b"".join(hashlib.sha256(struct.pack(">I", number) + part).digest()[:len(part)] for number, part in enumerate(parts))


def xor(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def af_split(key, stripes=STRIPES):
    """The anti-forensic splitter of LUKS1 with SHA-256."""
    material, block = [], bytes(len(key))
    for _ in range(stripes - 1):
        material.append(os.urandom(len(key)))
        block = diffuse(xor(block, material[-1]))
    return b"".join(material) + xor(block, key)


def af_merge(material, size=KEY_SIZE):
    block = bytes(size)
    for at in range(0, len(material) - size, size):
        block = diffuse(xor(block, material[at:at + size]))
    return xor(block, material[-size:])


def derive(slot, key):
    kdf = slot["kdf"]
    assert kdf["type"] == "pbkdf2", "only pbkdf2 is known here"
    return hashlib.pbkdf2_hmac(kdf["hash"], key, base64.b64decode(kdf["salt"]), kdf["iterations"], slot["area"]["key_size"])


def digest_of(digest, volume_key):
    return base64.b64encode(hashlib.pbkdf2_hmac(digest["hash"], volume_key, base64.b64decode(digest["salt"]), digest["iterations"], 32)).decode()


def unlock(path, key):
    """The volume key, by any slot with pbkdf2 that the key fits."""
    header = read(path)
    (digest,) = header.document["digests"].values()
    for slot in header.document["keyslots"].values():
        if slot["kdf"]["type"] != "pbkdf2":
            continue
        with open(path, "rb") as file:
            file.seek(int(slot["area"]["offset"]))
            material = file.read(KEY_SIZE * STRIPES)
        if slot["area"]["encryption"] == "aes-xts-plain64":
            material = Xts(derive(slot, key), False).run(material)
        volume_key = af_merge(material)
        if digest_of(digest, volume_key) == digest["digest"]:
            return volume_key
    raise ValueError("the key opens no slot")


def new_slot(number, header, offset, key, volume_key, iterations=1000):
    """Adds a slot to the document, and gives what has to stand in its area."""
    slot = {"type": "luks2", "key_size": KEY_SIZE, "af": {"type": "luks1", "stripes": STRIPES, "hash": "sha256"},
            "area": {"type": "raw", "offset": str(offset), "size": "258048", "encryption": "aes-xts-plain64", "key_size": KEY_SIZE},
            "kdf": {"type": "pbkdf2", "hash": "sha256", "iterations": iterations, "salt": base64.b64encode(os.urandom(32)).decode()}}
    header.document["keyslots"][str(number)] = slot
    (digest,) = header.document["digests"].values()
    digest["keyslots"] = sorted(header.document["keyslots"])
    return Xts(derive(slot, key), True).run(af_split(volume_key))


def free_place(header):
    """Of a slot in the key slots' area: its number and offset."""
    slots = header.document["keyslots"]
    taken = [(int(slot["area"]["offset"]), int(slot["area"]["size"])) for slot in slots.values()]
    offset = max((begin + size for begin, size in taken), default=2 * header.size)
    assert offset + 258048 <= header.area, "no room for another key slot"
    return next(str(number) for number in range(32) if str(number) not in slots), offset


def put(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def fill(path, payload, volume_key=None):
    """Writes the file `payload` into the segment: encrypted, or in clear without a key."""
    segment = read(path).segment
    xts = Xts(volume_key, True) if volume_key else None
    with open(payload, "rb") as source, open(path, "r+b") as target:
        target.seek(int(segment["offset"]))
        done = 0
        while data := source.read(1 << 20):
            target.write(xts.run(data, segment["sector_size"], done // 512) if xts else data)
            done += len(data)


def payload_size(path):
    return os.path.getsize(path) - int(read(path).segment["offset"])


def payload(path, volume_key, size):
    """The first bytes of the segment, decrypted."""
    segment = read(path).segment
    with open(path, "rb") as file:
        file.seek(int(segment["offset"]))
        return Xts(volume_key, False).run(file.read(size), segment["sector_size"])
