#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts sevattestd some times and prints the median time from READY=1 to the first key, and its memory when idle. usage: ready_to_key.py DIR PROGRAM CGROUP"""
import os
import re
import socket
import statistics
import subprocess
import sys
import time

RUNS = 5
IDLE_SECONDS = 3


def enter(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def key(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.bind("\0" + f"{time.monotonic_ns():x}/unit/app.service/key1")
    peer.settimeout(20)
    peer.connect(path)
    data = b""
    while part := peer.recv(65536):
        data += part
    return len(data)


def run(folder, program):
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.settimeout(20)
    notify.bind("\0sevattest-bench-%d" % os.getpid())
    environment = dict(os.environ, NOTIFY_SOCKET="@sevattest-bench-%d" % os.getpid())
    with open(os.path.join(folder, "agent.log"), "ab") as log:
        agent = subprocess.Popen([program, "--config", os.path.join(folder, "agent.conf")], env=environment, stderr=log)
    while b"READY=1" not in notify.recv(4096):
        pass
    begin = time.monotonic()
    size = key(os.path.join(folder, "credentials.sock"))
    took = 1000 * (time.monotonic() - begin)
    if size != 32:
        sys.exit(f"a key of {size} bytes came")
    return agent, took


def main():
    folder, program, cgroup = sys.argv[1:]
    enter(cgroup)
    times = []
    for i in range(RUNS):
        agent, took = run(folder, program)
        times.append(took)
        if i == RUNS - 1:
            time.sleep(IDLE_SECONDS)
            with open(f"/proc/{agent.pid}/smaps_rollup", encoding="ascii") as file:
                pss = int(re.search(r"^Pss: *(\d+)", file.read(), re.M).group(1))
        agent.terminate()
        agent.wait()
    print(f"ready_to_key_ms {statistics.median(times):.0f}\nagent_idle_pss_mib {pss / 1024:.2f}")


main()
