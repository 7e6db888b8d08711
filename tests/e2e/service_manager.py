#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for the service manager in front of one daemon: makes its sockets, takes its notifications, keeps its descriptor store, and starts it again
whenever it ends. What it passes on is what systemd passes on (sd_listen_fds(3), sd_notify(3)).

usage: service_manager.py DIRECTORY --socket NAME=PATH... [--kills N --seed N --within S] -- COMMAND...

Writes DIRECTORY/manager.pid of the daemon at each start. SIGUSR1 kills the daemon with SIGKILL, SIGTERM ends both. With --kills it kills the daemon that
often, each time at a moment of the first S seconds after its start."""
import argparse
import array
import fcntl
import os
import random
import select
import signal
import socket
import sys
import time

FIRST = 3  # SD_LISTEN_FDS_START


class Manager:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.listeners = [self.listen(*text.split("=", 1)) for text in options.socket]
        self.store = []  # [name, fd]
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_path = os.path.join(options.directory, "notify")
        self.notify.bind(self.notify_path)
        self.kills = options.kills
        self.child = None
        self.ending = False
        self.stored = self.starts = 0

    @staticmethod
    def listen(name, path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(64)
        return name, listener

    def start(self):
        self.starts += 1
        passed = [(name, listener.fileno()) for name, listener in self.listeners] + [(name, fd) for name, fd in self.store]
        names = ":".join(name for name, _ in passed)

        def prepare():
            # First out of the way, so that no number is overwritten before it is copied.
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for _, fd in passed]
            for i, fd in enumerate(high):
                os.dup2(fd, FIRST + i, inheritable=True)
            os.closerange(FIRST + len(passed), 1024)
            os.environ["LISTEN_PID"] = str(os.getpid())

        pid = os.fork()
        if pid == 0:
            try:
                prepare()
                os.environ["LISTEN_FDS"] = str(len(passed))
                os.environ["LISTEN_FDNAMES"] = names
                os.environ["NOTIFY_SOCKET"] = self.notify_path
                os.execvp(self.options.command[0], self.options.command)
            finally:
                os._exit(127)
        self.child = pid
        self.kill_at = time.monotonic() + self.random.uniform(0, self.options.within) if self.kills > 0 else None
        with open(os.path.join(self.options.directory, "manager.pid"), "w", encoding="ascii") as file:
            file.write(str(pid))

    def take_notification(self):
        data, ancillary, _, _ = self.notify.recvmsg(4096, 1024)
        fds = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
        fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
        if fields.get("FDSTORE") == "1":
            self.store += [[fields.get("FDNAME", "stored"), fd] for fd in fds]
            self.stored += len(fds)
            print(f"holds {len(self.store)}", flush=True)
        elif fields.get("FDSTOREREMOVE") == "1":
            self.remove(lambda name, _: name == fields.get("FDNAME"))
        for key in ("STATUS", "READY"):
            if key in fields:
                print(f"{key}={fields[key]}", flush=True)

    def remove(self, condition):
        for entry in list(self.store):
            if condition(*entry):
                self.store.remove(entry)
                os.close(entry[1])

    def reap(self):
        pid, status = os.waitpid(self.child, os.WNOHANG)
        if pid == 0:
            return
        # As systemd does: messages of the dead are read before anything else.
        while select.select([self.notify], [], [], 0)[0]:
            self.take_notification()
        print(f"ended {status} stored {len(self.store)}", flush=True)
        self.child = None
        if not self.ending:
            self.start()

    def run(self):
        signal.signal(signal.SIGTERM, self.end)
        signal.signal(signal.SIGUSR1, lambda *_: self.child and os.kill(self.child, signal.SIGKILL))
        signal.signal(signal.SIGHUP, lambda *_: self.child and os.kill(self.child, signal.SIGHUP))
        self.start()
        while self.child:
            poller = select.poll()
            poller.register(self.notify, select.POLLIN)
            for _, fd in self.store:
                poller.register(fd, 0)  # only its end
            ended = {fd for fd, events in poller.poll(5) if events & (select.POLLHUP | select.POLLERR)}
            # Before the messages: they close descriptors and bring new ones by the same numbers.
            self.remove(lambda _, fd: fd in ended)
            while select.select([self.notify], [], [], 0)[0]:
                self.take_notification()
            if self.kill_at and time.monotonic() >= self.kill_at:
                self.kill_at = None
                self.kills -= 1
                os.kill(self.child, signal.SIGKILL)
                if self.kills == 0:
                    print("last kill", flush=True)
            self.reap()
        print(f"starts {self.starts} stored {self.stored}", flush=True)

    def end(self, *_):
        self.ending = True
        if self.child:
            os.kill(self.child, signal.SIGTERM)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--socket", action="append", default=[])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--within", type=float, default=1)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    Manager(options).run()


sys.exit(main())
