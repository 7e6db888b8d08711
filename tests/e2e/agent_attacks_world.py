# SPDX-License-Identifier: Apache-2.0
"""One lane of agent_attacks.py: a sevattestd of its own between a hostile netd, a hostile evidence helper and a credential client that asks as systemd
does. An attack is one run of it: attacked first, honest afterwards."""
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import hostile_frames as hf

HERE = os.path.dirname(os.path.abspath(__file__))
ATTACK_SECONDS, HONEST_SECONDS = 1.5, 20


class Broken(Exception):
    """What should not be."""


def wait_for(what, seconds, look):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.03)
    raise Broken(f"{what}: not within {seconds} s")


def listens(path):
    with open("/proc/net/unix", encoding="utf-8") as file:
        return any(line.split()[3] == "00010000" and line.rstrip().endswith(" " + path) for line in file if line.count(" ") > 6 and not line.startswith("Num"))


def key_check(key):
    return hashlib.sha256(HKDF(hashes.SHA256(), 32, None, b"sevattest key check v1").derive(key)).hexdigest()


class Lane:
    def __init__(self, settings, name):
        self.s, self.name = settings, name
        self.dir = os.path.join(settings["dir"], "lane-" + name)
        os.makedirs(self.path("refusal"))
        self.processes = []
        self.set_net({"attack": "honest"})
        self.set_evidence({"attack": "honest"})
        self.netd = self.start("hostile_netd", sys.executable, os.path.join(HERE, "hostile_netd.py"), self.path("net.sock"), settings["net"],
                               self.path("net.json"))
        self.evidence = self.start("hostile_evidence", sys.executable, os.path.join(HERE, "hostile_evidence.py"), self.path("evidence.sock"),
                                   settings["evidence"], self.path("evidence.json"))
        for sock in ("net.sock", "evidence.sock"):
            wait_for(sock, 10, lambda path=self.path(sock): listens(path))
        self.agent = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, name, *command, environment=None):
        with open(self.path(name + ".log"), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.processes.append(process)
        return process

    def set_file(self, name, given):
        with open(self.path(name + ".new"), "w", encoding="utf-8") as file:
            json.dump(given, file)
        os.rename(self.path(name + ".new"), self.path(name))

    def set_net(self, given):
        self.set_file("net.json", given)

    def set_evidence(self, given):
        self.set_file("evidence.json", given)

    def configure(self, pin, checks, policy, extra):
        lines = ["[broker]", f"Url = {self.s['broker']}", f"CA = {self.s['ca']}"]
        lines += [f"BrokerKey = {pin}"] if pin else []
        lines += [f"KeyCheck = prod/app/db {key_check(self.s['keys']['db'])}"] if checks else []
        lines += ["[agent]", f"NetSocket = {self.path('net.sock')}", f"EvidenceSocket = {self.path('evidence.sock')}",
                  f"CredentialsSocket = {self.path('credentials.sock')}", f"StatusSocket = {self.path('status.sock')}",
                  f"LuksSocket = {self.path('luks.sock')}", f"CryptsetupSocket = {self.path('cryptsetup.sock')}", f"Volumes = {self.path('volumes')}",
                  f"Luks = {self.path('luks')}", f"ControlGroups = {self.path('groups')}",
                  f"StateDirectory = {self.path('refusal')}", f"CacheDirectory = {self.path('cache')}", "RetryMax = 1"]
        lines += [f"Policy = {policy}"] if policy else []
        lines += extra or ["[credentials]", "Map = app.service/db prod/app/db"]
        with open(self.path("agent.conf"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    # The agent

    def log(self):
        with open(self.path("agent.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start_agent(self, pin="broker", checks=False, policy=None, extra=None, keep_cache=False):
        if not keep_cache:
            subprocess.run(["rm", "-rf", self.path("cache")], check=True)
        os.makedirs(self.path("cache"), exist_ok=True)
        if os.path.exists(self.path("agent.log")):
            os.unlink(self.path("agent.log"))
        pins = {"broker": self.s["pin"], "attacker": self.path("net.json.jwk"), None: None}
        self.configure(pins[pin], checks, self.s["policy"].get(policy), extra)
        self.agent = self.start("agent", self.s["programs"]["sevattestd"], "--config", self.path("agent.conf"))
        wait_for("ready", 15, lambda: "ready" in self.log() or self.agent.poll() is not None)
        self.alive()

    def alive(self):
        if self.agent.poll() is not None:
            raise Broken(f"sevattestd ended with {self.agent.returncode}: {self.log()[-2000:]}")

    def reload(self):
        self.agent.send_signal(signal.SIGHUP)

    def stop_agent(self):
        """Its exit code counts: a sanitizer speaks at the end."""
        if not self.agent:
            return
        agent, self.agent = self.agent, None
        agent.send_signal(signal.SIGTERM)
        try:
            code = agent.wait(15)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()
            raise Broken("sevattestd does not end at SIGTERM") from None
        self.processes.remove(agent)
        if code:
            raise Broken(f"sevattestd ended with {code}: {self.log()[-2000:]}")

    def status(self, path="/status"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(self.path("status.sock"))
            sock.sendall(hf.frame(7, 1, path.encode()))
            data = hf.receive_frame(sock)[2]
        return data[data.index(b'{"'):].decode() if path == "/status" else data.decode("latin-1")

    def ask_start(self, *options, unit="app.service", credential="db", timeout=ATTACK_SECONDS):
        cgroup = os.path.join(self.s["cgroup"], self.name + ".slice", unit)
        os.makedirs(cgroup, exist_ok=True)
        out = self.path("got")
        if os.path.exists(out):
            os.unlink(out)
        command = [sys.executable, os.path.join(HERE, "ask_credential.py"), self.path("credentials.sock"), unit, credential, "--timeout", str(timeout), "--out", out]
        command += options if "--cgroup" in options else ["--cgroup", cgroup, *options]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def ask_end(self, process, seconds=60):
        """(what came, the key or nothing)"""
        text = process.communicate(timeout=seconds)[0].strip()
        try:
            with open(self.path("got"), "rb") as file:
                return text, file.read()
        except FileNotFoundError:
            return text, b""

    def ask(self, *options, **more):
        return self.ask_end(self.ask_start(*options, **more))

    # What must come of it

    def expect_nothing(self, got):
        text, key = got
        if key or text == "empty" or not re.match(r"waiting$|refused$", text):
            raise Broken(f"the client got {text!r}")
        return text

    def expect_key(self, got, key="db"):
        if got[1] != self.s["keys"][key]:
            raise Broken(f"the client got {got[0]!r} instead of the key {key}: {self.log()[-1500:]}")

    def expect_said(self, words):
        """In the journal, in the line that is returned, and in /status."""
        try:
            wait_for(f"{words!r} in the journal", 5, lambda: re.search(words, self.log()))
        except Broken as error:
            raise Broken(f"{error}; there is: {self.log()[-1500:]}") from None
        said = next(line for line in self.log().splitlines() if re.search(words, line))
        wait_for(f"{words!r} in /status ({self.status()})", 5, lambda: re.search(words, json.dumps(json.loads(self.status()), ensure_ascii=False)))
        return re.sub("^sevattestd: (refused: )?(prod/app/db: )?", "", said)

    def attacked(self, words):
        """A client waits until the check has spoken, and a moment longer: (its words, what the client has by then)."""
        client = self.ask_start(timeout=60)
        try:
            said = self.expect_said(words)
            try:
                outcome = self.expect_nothing(self.ask_end(client, 0.4))
            except subprocess.TimeoutExpired:
                outcome = "waiting"
        finally:
            client.kill()
            client.wait()
        if os.path.exists(self.path("got")):
            raise Broken("the client has got something")
        self.alive()
        return said, outcome

    def recover(self, at_once=False):
        """With honest neighbours the key is served without a hand; after a refusal in ten seconds, and at_once with a reload."""
        self.set_net({"attack": "honest"})
        self.set_evidence({"attack": "honest"})
        if at_once:
            self.reload()
        end = time.monotonic() + HONEST_SECONDS
        while True:
            got = self.ask(timeout=HONEST_SECONDS)
            if got[1] == self.s["keys"]["db"]:
                return
            if time.monotonic() > end:
                self.expect_key(got)
            time.sleep(0.3)

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        for log in ("hostile_netd.log", "hostile_evidence.log"):
            with open(self.path(log), encoding="utf-8", errors="replace") as file:
                text = file.read()
            if "BROKEN" in text or "Traceback" in text:
                raise Broken(f"{log}: {text[-1500:]}")


def raw_status(lane, data, seconds=5):
    """Bytes to status.sock; everything that comes until its end, at most so many seconds."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(seconds)
        sock.connect(lane.path("status.sock"))
        got = b""
        try:
            sock.sendall(data)
            while True:
                part = sock.recv(1 << 16)
                if not part:
                    return got, True
                got += part
        except TimeoutError:
            return got, False
        except (ConnectionResetError, BrokenPipeError):
            return got, True


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def status_request(path, number=1):
    return struct.pack("<IHHI", len(path), 7, 0, number) + path.encode()
