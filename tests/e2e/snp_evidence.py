#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The KBS evidence of TEE `snp` from a binary report and a certificate table, independent of our own writer. For tests only.

    snp_evidence.py REPORT [TABLE]      primary_evidence on stdout

The form is serde's of the sev crate, which every CoCo client sends: byte arrays as lists of numbers, integers little endian.
"""
import json
import struct
import sys
import uuid

CERTIFICATES = {
    "63da758d-e664-4564-adc5-f4b93be8accd": "VCEK",
    "a8074bc2-a25a-483e-aae6-39c045a0b8a1": "VLEK",
    "4ab7b379-bbac-4fe4-a02f-05aef327c782": "ASK",
    "c0b406a4-a803-4952-9743-3fb6014cd0ae": "ARK",
    "92f81bc3-5811-4d3d-97ff-d19f88dc67ea": "CRL",
}


def number(report, offset, size):
    return int.from_bytes(report[offset : offset + size], "little")


def tcb(raw, turin):
    if turin:
        return {"fmc": raw[0], "bootloader": raw[1], "tee": raw[2], "snp": raw[3], "microcode": raw[7]}
    return {"fmc": None, "bootloader": raw[0], "tee": raw[1], "snp": raw[6], "microcode": raw[7]}


def report_json(report):
    if len(report) != 1184:
        sys.exit(f"a report has 1184 bytes, this one {len(report)}")
    version = number(report, 0, 4)
    chip = report[0x1A0:0x1E0]
    turin = report[0x188] == 0x1A if version >= 3 else not any(chip[8:])
    result = {"version": version, "guest_svn": number(report, 4, 4), "policy": number(report, 8, 8)}

    def octets(name, offset, size):
        result[name] = list(report[offset : offset + size])

    def firmware(name, offset):
        build, minor, major = report[offset : offset + 3]
        result[name] = {"major": major, "minor": minor, "build": build}

    def parts(name, offset):
        result[name] = tcb(report[offset : offset + 8], turin)

    octets("family_id", 0x10, 16)
    octets("image_id", 0x20, 16)
    result["vmpl"] = number(report, 0x30, 4)
    result["sig_algo"] = number(report, 0x34, 4)
    parts("current_tcb", 0x38)
    result["plat_info"] = number(report, 0x40, 8)
    result["key_info"] = number(report, 0x48, 4)
    octets("report_data", 0x50, 64)
    octets("measurement", 0x90, 48)
    octets("host_data", 0xC0, 32)
    octets("id_key_digest", 0xE0, 48)
    octets("author_key_digest", 0x110, 48)
    octets("report_id", 0x140, 32)
    octets("report_id_ma", 0x160, 32)
    parts("reported_tcb", 0x180)
    for name, offset in (("cpuid_fam_id", 0x188), ("cpuid_mod_id", 0x189), ("cpuid_step", 0x18A)):
        result[name] = report[offset] if version >= 3 else None
    octets("chip_id", 0x1A0, 64)
    parts("committed_tcb", 0x1E0)
    firmware("current", 0x1E8)
    firmware("committed", 0x1EC)
    parts("launch_tcb", 0x1F0)
    result["signature"] = {"r": list(report[0x2A0:0x2E8]), "s": list(report[0x2E8:0x330])}
    for name, offset in (("launch_mit_vector", 0x1F8), ("current_mit_vector", 0x200)):
        result[name] = number(report, offset, 8) if version >= 5 else None
    return result


def chain_json(table):
    chain = []
    for offset in range(0, len(table) - 23, 24):
        guid, start, size = struct.unpack_from("<16sII", table, offset)
        if not any(guid):
            break
        name = CERTIFICATES.get(str(uuid.UUID(bytes=guid)))
        chain.append({"cert_type": name or {"OTHER": str(uuid.UUID(bytes=guid))}, "data": list(table[start : start + size])})
    return chain or None


def read(path):
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    evidence = {
        "attestation_report": report_json(read(sys.argv[1])),
        "cert_chain": chain_json(read(sys.argv[2])) if len(sys.argv) > 2 else None,
    }
    json.dump(evidence, sys.stdout, separators=(",", ":"))
