# SPDX-License-Identifier: Apache-2.0
"""Seams of bad_input.py where we ask and a peer answers: the host's configfs-tsm, a hostile broker, a hostile key service of AMD."""
import http.client
import http.server
import json
import os
import signal
import ssl
import subprocess
import threading
import time

from bad_input_files import policy_of, several
from bad_input_net import JSON_KINDS
from bad_input_world import DEPTH, Refused, spoil

MIB = 1 << 20


def firmware(world):
    """What reading outblob and auxblob gives. A report that is none is wrong evidence (3); certificates that are none are left out, and said so."""
    def setting(*pairs):
        world.exits(0, "sevattest-sim", "set", world.platform, *pairs)

    def report(codes, *pairs, says=None):
        path = f"{world.dir}/out.bin"
        setting(*pairs)
        try:
            result = world.exits(codes, "sevattest", "report", "--tsm-root", world.tsm, "-o", path, says=says)
        finally:
            os.unlink(f"{world.platform}/state.json")
        if os.listdir(world.tsm):
            raise Refused("an entry is left in configfs")
        if codes != 0 and os.path.exists(path):
            raise Refused("a file was written")
        if codes == 0:
            os.unlink(path)
        return result

    def sound(name):
        world.run("sevattest-sim", "report", world.platform, "-o", f"{world.dir}/r.bin", "--table", f"{world.dir}/t.bin", "--report-data", "00" * 64)
        with open(f"{world.dir}/{name}.bin", "rb") as file:
            return file.read()

    def both(out, aux):
        return several(report(3, "--outblob-file", world.file(out, "outblob")), report(0, "--auxblob-file", world.file(aux, "auxblob"), says="certificate"))

    def twice(table):
        """A table that lists its first certificate twice."""
        end = table.index(b"\0" * 24)
        moved = b""
        for at in (0, *range(0, end, 24)):
            moved += table[at:at + 16] + (int.from_bytes(table[at + 16:at + 20], "little") + 24).to_bytes(4, "little") + table[at + 20:at + 24]
        return moved + table[end:]

    def stall():
        """The firmware is slow: whoever waits works on nothing, and ends when he is told to."""
        setting("--delay-ms", "3000")
        try:
            result = world.interrupted("sevattest", "report", "--tsm-root", world.tsm, "-o", f"{world.dir}/out.bin")
        finally:
            os.unlink(f"{world.platform}/state.json")
        time.sleep(3)
        for name in os.listdir(world.tsm):  # of the process that was ended; the next one clears what is old
            os.rmdir(f"{world.tsm}/{name}")
        return several(result, world.exits(0, "sevattest", "report", "--tsm-root", world.tsm, "-o", f"{world.dir}/out.bin"))

    def close():
        """The file system goes away in the middle of a request."""
        mount = f"{world.dir}/gone.tsm"
        os.makedirs(mount, exist_ok=True)
        with subprocess.Popen([world.programs["sevattest-sim"], "serve", world.platform, "--mount", mount], stdout=subprocess.PIPE) as second:
            while (line := second.stdout.readline()) and not line.startswith(b"ready"):
                pass
            if not line:
                raise Refused("the second simulator did not start")
            setting("--delay-ms", "3000")
            timer = threading.Timer(0.7, second.send_signal, (signal.SIGKILL,))
            timer.start()
            try:
                return several(world.exits(7, "sevattest", "report", "--tsm-root", mount, "-o", f"{world.dir}/never.bin", says="is gone"),
                               world.exits(7, "sevattest", "report", "--tsm-root", mount, "-o", f"{world.dir}/never.bin", says="is gone"))
            finally:
                os.unlink(f"{world.platform}/state.json")
                subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    nested = b"[" * DEPTH
    cells = {
        "truncated": lambda: both(sound("r")[:600], sound("t")[:-100]),
        "oversized": lambda: both(sound("r") + b"\0" * 300000, sound("t") + b"\0" * 300000),
        "wrong type": lambda: both(b'{"report": 1}'.ljust(1184), b"-----BEGIN NOTHING-----\n" * 9),
        "duplicate": lambda: several(report(3, "--outblob-file", world.file(sound("r") * 2, "outblob")),
                                     report(0, "--auxblob-file", world.file(twice(sound("t")), "auxblob"))),
        "nested": lambda: both(nested[:1184], b"\x30\x80" * DEPTH),
        "utf-8": lambda: both(b"\xff" * 1184, b"\xff\xfe" * 700),
        "NUL": lambda: several(report(3, "--outblob-file", world.file(b"\0" * 1184, "outblob")), report(3, "--outblob-file", world.file(b"", "outblob")),
                               report(0, "--auxblob-file", world.file(b"\0" * 4096, "auxblob"))),
        "stall": stall,
        "close": close,
    }
    return "configfs-tsm", cells, lambda: report(0, "--delay-ms", "1")


class Hostile(http.server.ThreadingHTTPServer):
    """A server of whose answers one is not what it should be. `pick` tells by the path whether this is the one; `answer` makes bytes, None: none ever."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, upstream, pick, answer, tls=None):
        self.upstream, self.pick, self.answer, self.tls_context, self.hit = upstream, pick, answer, tls, 0
        super().__init__(("127.0.0.1", 0), Handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    @property
    def port(self):
        return self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = self.server.upstream()
        upstream.request(self.command, self.path, body or None, {name: value for name, value in self.headers.items() if name.lower() != "host"})
        answer = upstream.getresponse()
        return answer.status, [(name, value) for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection", "date")], answer.read()

    def do_GET(self):  # pylint: disable=invalid-name
        status, headers, body = self.forward()
        self.close_connection = True
        if self.server.pick(self.path):
            self.server.hit += 1
            self.server.answer(self, status, headers, body)
        else:
            self.send(status, headers, body)

    do_POST = do_GET

    def send(self, status, headers, body, length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Later:
    """A cell that takes as long as our longest time-out: begun early, asked for at its place in the matrix."""

    def __init__(self, function):
        self.value, self.error = None, None
        self.thread = threading.Thread(target=self.run, args=(function,), daemon=True)
        self.thread.start()

    def run(self, function):
        try:
            self.value = function()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def result(self):
        self.thread.join()
        if self.error:
            raise self.error
        return self.value


def as_body(change):
    return lambda handler, status, headers, body: handler.send(status, headers, change(body))


def stalling(handler, status, headers, body):
    handler.send(status, headers, body[:len(body) // 2], len(body))
    time.sleep(75)


def closing(handler, status, headers, body):
    handler.send(status, headers, body[:len(body) // 2], len(body))


def broker(world, name, path, member, codes):
    """One of the broker's three answers to `sevattest get`, all others being those of the true broker."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{world.hostile}.pem", f"{world.hostile}.key")

    def upstream():
        return http.client.HTTPSConnection("127.0.0.1", world.port, context=world.tls)

    def get(answer, wanted):
        server = Hostile(upstream, lambda asked: asked.startswith(path), answer, tls)
        out = f"{world.dir}/hostile.{server.port}"
        try:
            result = world.exits(wanted, "sevattest", "get", "prod/app/key", "--tsm-root", world.tsm, "--broker", f"https://127.0.0.1:{server.port}",
                                 "--ca", world.ca, "--broker-key", world.broker_key, "-o", out)
        finally:
            server.shutdown()
            server.server_close()
        if not server.hit:
            raise Refused("the answer was never asked for")
        if wanted != 0 and os.path.exists(out):
            raise Refused("a file was written")
        if wanted == 0:
            os.unlink(out)
        return result

    def spoilt(kind):
        return as_body(lambda body: spoil(json.loads(body), member, kind, 5 * MIB))
    cells = {kind: lambda kind=kind: get(spoilt(kind), codes) for kind in JSON_KINDS}
    cells["oversized"] = lambda: several(get(spoilt("oversized"), (5, 6)),
                                         get(lambda handler, status, headers, body: handler.send(status, headers + [("X-A", "a" * 300000)], body), 5))
    cells["wrong type"] = lambda: several(get(spoilt("wrong type"), codes), get(as_body(lambda body: b"<html>"), codes), get(as_body(lambda body: b""), codes))
    cells["stall"] = Later(lambda: get(stalling, 5)).result
    cells["close"] = lambda: several(get(closing, 5), get(lambda handler, *_: handler.connection.close(), 5))
    return f"broker's {name}", cells, lambda: get(as_body(lambda body: body), 0)


def key_service(world):
    """AMD's key service. Its answers are asked for where the host gives no certificates."""
    def upstream():
        return http.client.HTTPConnection(world.kds.split("//")[1])

    def no_table(on):
        if on:
            world.exits(0, "sevattest-sim", "set", world.platform, "--aux", "empty")
        else:
            os.unlink(f"{world.platform}/state.json")

    def ask(path, answer, codes):
        server = Hostile(upstream, lambda asked: path in asked, answer)
        try:
            result = world.exits(codes, "sevattest", "report", "--tsm-root", world.tsm, "--kds", f"http://127.0.0.1:{server.port}",
                                 "-o", f"{world.dir}/kds.{server.port}", "--certs-out", f"{world.dir}/kds.{server.port}.pem")
        finally:
            server.shutdown()
            server.server_close()
        if not server.hit:
            raise Refused("the answer was never asked for")
        return result

    def report(path, answer, codes):
        no_table(True)
        try:
            return ask(path, answer, codes)
        finally:
            no_table(False)

    def both(change, codes=5):
        return several(*(report(path, as_body(change), codes) for path in ("/Milan/", "/cert_chain")))
    other = policy_of(world)["trust"][0].encode()
    no_table(True)
    slow = Later(lambda: ask("/Milan/", stalling, 5))
    time.sleep(2)  # by now it has read the table, which is what must be empty
    no_table(False)
    cells = {
        "truncated": lambda: both(lambda body: body[:len(body) // 2]),
        "oversized": lambda: both(lambda body: body + b"\0" * (5 * MIB)),
        "wrong type": lambda: several(both(lambda body: b'{"error": 1}'), both(lambda body: b"<html>"), both(lambda body: other)),
        "duplicate": lambda: report("/cert_chain", as_body(lambda body: body * 2), (0, 5)),
        "nested": lambda: both(lambda body: b"\x30\x80" * DEPTH),
        "utf-8": lambda: both(lambda body: b"\xff\xfe" * 500),
        "NUL": lambda: several(both(lambda body: b"\0" * 1000), both(lambda body: b"")),
        "stall": slow.result,
        "close": lambda: several(report("/Milan/", closing, 5), report("/cert_chain", closing, 5)),
    }
    return "key service", cells, lambda: report("/Milan/", as_body(lambda body: body), 0)


def seams(world):
    made = [firmware(world), key_service(world), broker(world, "challenge", "/kbs/v0/auth", "nonce", 6), broker(world, "token", "/kbs/v0/attest", "token", 6),
            broker(world, "release", "/kbs/v0/resource", "ciphertext", 6)]
    time.sleep(2)  # what waits by now needs nothing that other seams change
    return made
