# SPDX-License-Identifier: Apache-2.0
"""What the seams of bad_input.py share: the programs under test, the kinds of bad input, and judges of an exit code and of an HTTP status."""
import json
import os
import socket
import ssl
import subprocess
import time

KINDS = ["truncated", "oversized", "wrong type", "duplicate", "nested", "utf-8", "NUL", "stall", "close"]
DEPTH = 10000


class Refused(Exception):
    """Not what should have come."""


class NotApplicable(Exception):
    """Why a cell makes no sense."""


def not_applicable(why):
    def cell():
        raise NotApplicable(why)
    return cell


def spoil(base, member, kind, limit):
    """The JSON object `base` with one of its members made bad; `limit` is the size that the reader allows."""
    text = json.dumps(base).encode()
    value = json.dumps(base[member]).encode()
    name = json.dumps(member).encode()
    pair = name + b": " + value
    if pair not in text:
        raise Refused(f"the test cannot find {member}")
    if kind == "truncated":
        return text[:-len(text) // 3]
    if kind == "oversized":
        return text[:1] + b" " * limit + text[1:]
    if kind == "wrong type":
        return text.replace(pair, name + b": [{}]" if not isinstance(base[member], list) else name + b": 1")
    if kind == "duplicate":
        return text.replace(pair, pair + b", " + pair, 1)
    bad = {"nested": b"[" * DEPTH + b"]" * DEPTH, "utf-8": b'"\xff\xfe\xc0\xaf"', "NUL": b'"a\0b"'}[kind]
    return text.replace(pair, name + b": " + bad)


class World:
    def __init__(self, settings):
        self.__dict__.update(settings)  # programs, pids, dir, ports, sockets, names of files
        self.failures = []
        self.tls = ssl.create_default_context(cafile=self.ca)

    # programs

    def gone(self):
        """Names of programs under test that do not live any more."""
        names = []
        for name, pid in self.pids.items():
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                        names.append(name)
            except OSError:
                names.append(name)
        return " ".join(names)

    def run(self, program, *arguments, stdin=b"", seconds=90):
        done = subprocess.run([self.programs[program], *arguments], input=stdin, capture_output=True, timeout=seconds, cwd=self.dir)
        return done.returncode, done.stdout, done.stderr

    def exits(self, codes, program, *arguments, says=None, **more):
        """The documented exit code and a message that a person can read on any terminal."""
        codes = codes if isinstance(codes, tuple) else (codes,)
        code, out, err = self.run(program, *arguments, **more)
        text = err.decode(errors="replace")
        if code not in codes:
            raise Refused(f"exit {code} instead of {codes}: {text[-300:]!r}")
        said = text + out.decode(errors="replace")
        if code != 0 and not said.strip():
            raise Refused(f"exit {code} without a word")
        if len(text) > 4000 or any(not c.isprintable() and c not in "\n\t" for c in text):
            raise Refused(f"exit {code}, and a message that is none: {text[:300]!r}")
        if says and says not in said:
            raise Refused(f"exit {code}, but not {says!r}: {said[-300:]!r}")
        return f"exit {code}"

    def interrupted(self, program, *arguments, stdin=None):
        """Waits for input that does not come, without work, and ends when it is told to."""
        with subprocess.Popen([self.programs[program], *arguments], stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd=self.dir) as child:
            time.sleep(1)
            if child.poll() is not None:
                text = child.stderr.read().decode(errors="replace")
                return self.judged_early(child.returncode, text)
            with open(f"/proc/{child.pid}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            child.terminate()
            child.wait(10)
            if int(fields[11]) + int(fields[12]) > 50:  # user and system time, in hundredths
                raise Refused("it works while it waits")
            return "waits"

    @staticmethod
    def judged_early(code, text):
        if code in (2, 3, 5) and text.strip():
            return f"exit {code}"
        raise Refused(f"exit {code}: {text[-300:]!r}")

    def get(self, *more):
        return self.run("sevattest", "get", "prod/app/key", "--tsm-root", self.tsm, "--broker", self.broker, "--ca", self.ca, "--broker-key", self.broker_key,
                        "-o", f"{self.dir}/got", *more)

    def unharmed(self):
        """None, or what is wrong with the broker."""
        code, out, err = self.run("sevattest-broker", "--socket", self.admin, "audit", "--verify")
        if code != 0 or b"intact" not in out:
            return f"audit --verify: exit {code}: {err.decode()}"
        code, _, err = self.get()
        if code != 0:
            return f"get: exit {code}: {err.decode()}"
        with open(f"{self.dir}/got", "rb") as got, open(self.secret, "rb") as secret:
            return None if got.read() == secret.read() else "another key than was stored"

    def file(self, content, name="input"):
        path = f"{self.dir}/{name}"
        with open(path, "wb") as file:
            file.write(content)
        return path

    # HTTP

    def connect(self, port, tls, seconds=30):
        raw = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        return self.tls.wrap_socket(raw, server_hostname="127.0.0.1") if tls else raw

    def http(self, port, tls, data):
        """Status (0: closed without an answer), head and body of what `data` is answered with."""
        with self.connect(port, tls) as connection:
            connection.sendall(data)
            answer = b""
            try:
                while True:
                    block = connection.recv(65536)
                    if not block:
                        break
                    answer += block
            except (ConnectionResetError, ssl.SSLError):
                pass
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0
        head, _, body = answer.partition(b"\r\n\r\n")
        return status, head, body

    def answers(self, statuses, port, tls, data):
        """One of these statuses; what refuses in the protocol's place has the protocol's error body."""
        try:
            status, _, body = self.http(port, tls, data)
        except (ConnectionResetError, BrokenPipeError):
            status, body = 0, b""
        if status not in statuses:
            raise Refused(f"status {status} instead of {statuses}: {body[:200]!r}")
        if tls and status >= 400 and not body.lstrip().startswith(b"<"):  # the HTTP library's own pages
            error = json.loads(body)
            if not error.get("type") or not error.get("detail"):
                raise Refused(f"status {status} without type and detail")
        return status or "closed"

    def stalls(self, port, tls, data):
        """Half a request, then silence: others are served meanwhile, and the connection ends by itself."""
        with self.connect(port, tls) as connection:
            connection.sendall(data)
            start = time.monotonic()
            if self.http(self.status_port, False, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[0] != 200:
                raise Refused("nobody else is served meanwhile")
            if time.monotonic() - start > 2:
                raise Refused("others wait")
            connection.settimeout(15)
            try:
                while connection.recv(65536):
                    pass
            except socket.timeout:
                raise Refused("still open after 15 seconds") from None
            except OSError:
                pass
        return f"ended {time.monotonic() - start:.0f}s"

    def hangs_up(self, port, tls, data):
        """Half a request, then the end; many times, so that a leak of connections would show."""
        for _ in range(80):
            connection = self.connect(port, tls)
            connection.sendall(data)
            connection.close()
        return "served on"

    def unix(self, path, seconds=20):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(seconds)
        connection.connect(path)
        return connection


def fifo(path):
    if os.path.exists(path):
        os.unlink(path)
    os.mkfifo(path)
    return path
