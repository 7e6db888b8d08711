#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The three requests of linux/sev-guest.h, written from the kernel's header and nothing of ours. usage: sev_guest_client.py DEVICE"""
import array
import errno
import fcntl
import struct
import sys

GET_REPORT, GET_DERIVED_KEY, GET_EXT_REPORT = 0xC0205300, 0xC0205301, 0xC0205302
device = open(sys.argv[1], "rb+", buffering=0)
checks = 0


def check(what, expected, got):
    global checks
    checks += 1
    if expected != got:
        sys.exit(f"{what}: {got!r} instead of {expected!r}")


def at(memory):
    return memory.buffer_info()[0]


def call(number, message, size, version=1):
    """errno (0: good), the response, the two numbers. What the kernel writes into the message stays there."""
    response = array.array("B", bytes(size))
    request = array.array("B", struct.pack("<B7xQQII", version, at(message) if message else 0, at(response), 0, 0))
    try:
        fcntl.ioctl(device, number, request)
        code = 0
    except OSError as error:
        code = error.errno
    return code, response.tobytes(), struct.unpack("<II", request[24:32].tobytes())


def report(vmpl=0):
    """struct snp_report_req"""
    return array.array("B", bytes(range(64)) + struct.pack("<I28x", vmpl))


def extended(table, size):
    """struct snp_ext_report_req"""
    return array.array("B", report().tobytes() + struct.pack("<QI4x", at(table) if table else 0, size))


def certs_len(message):
    return struct.unpack("<I", message[104:108].tobytes())[0]


def key(fields, vmpl):
    """struct snp_derived_key_req"""
    return array.array("B", struct.pack("<IIQIIQ", 0, 0, fields, vmpl, 0, 0))


code, data, numbers = call(GET_REPORT, report(1), 4000)
check("SNP_GET_REPORT", (0, (0, 0)), (code, numbers))
check("its header", (0, 1184), (int.from_bytes(data[0:4], "little"), int.from_bytes(data[4:8], "little")))
check("its report data", bytes(range(64)), data[32 + 0x50:32 + 0x90])
check("its VMPL", 1, data[32 + 0x30])
code, data, _ = call(GET_REPORT, report(4), 4000)
check("VMPL 4: a status, not an errno", (0, 0x16, 0), (code, data[0], data[32]))
check("version 0", errno.EINVAL, call(GET_REPORT, report(), 4000, 0)[0])
check("no message", errno.EINVAL, call(GET_REPORT, None, 4000)[0])
check("an unknown request", errno.ENOTTY, call(0xC0205303, report(), 4000)[0])

table = array.array("B", bytes(0x4000))
wanted = extended(table, 0x4000)
code, data, numbers = call(GET_EXT_REPORT, wanted, 4000)
check("SNP_GET_EXT_REPORT", (0, (0, 0), 0x4000), (code, numbers, certs_len(wanted)))
check("a table", True, any(table[:24]))
check("a report with it", bytes(range(64)), data[32 + 0x50:32 + 0x90])
wanted = extended(table, 0x1000)
code, data, numbers = call(GET_EXT_REPORT, wanted, 4000)
check("one page is too little", (errno.EIO, (0, 1)), (code, numbers))
check("it says how much it needs", True, certs_len(wanted) > 0x1000 and certs_len(wanted) % 4096 == 0)
code, _, _ = call(GET_EXT_REPORT, wanted, 4000)
check("with that it works", 0, code)
for size in (0x1001, 0x5000):
    check(f"a table of {size:#x} bytes", errno.EINVAL, call(GET_EXT_REPORT, extended(table, size), 4000)[0])
wanted = extended(None, 0)
check("no table wanted", 0, call(GET_EXT_REPORT, wanted, 4000)[0])

code, first, numbers = call(GET_DERIVED_KEY, key(9, 0), 64)
check("SNP_GET_DERIVED_KEY", (0, (0, 0), 0), (code, numbers, first[0]))
check("a key", True, any(first[32:64]))
check("the same for the same", first, call(GET_DERIVED_KEY, key(9, 0), 64)[1])
check("another VMPL, another key", False, first == call(GET_DERIVED_KEY, key(9, 1), 64)[1])
check("an unknown field: a status and no key", (0x16, bytes(32)), (lambda data: (data[0], data[32:64]))(call(GET_DERIVED_KEY, key(64, 0), 64)[1]))
print(f"{checks} checks of the interface")
