# SPDX-License-Identifier: Apache-2.0
"""Attacks that need more than one session: answers of an older one, an older version of a key, keys that outlive their proof; the controls in which the very
same attack succeeds because nothing is pinned; and a netd that dies."""
import glob
import os
import re
import time

from agent_attacks_net import JWE, SIGNATURE
from agent_attacks_world import Broken, listens, wait_for

ALL = ["auth", "attest", "resource"]


def begin(lane, **configuration):
    """One honest session. hostile_netd.py counts sessions over the life of a lane."""
    lane.set_net({"attack": "honest"})
    lane.start_agent(**configuration)
    lane.expect_key(lane.ask(timeout=15))


def refused(lane, words, given):
    """After the honest session the attack, in a session that the agent begins because it is told to."""
    lane.set_net(given)
    lane.reload()
    wait_for("the reload", 10, lambda: "configuration read again" in lane.log())
    # Where nothing has changed a reload keeps the keys until they are fetched again.
    wait_for(f"{words!r} in the journal", 10, lambda: re.search(words, lane.log()))
    said, outcome = lane.attacked(words)
    lane.recover(at_once=True)
    lane.stop_agent()
    return said, outcome


def session(lane):
    """The number of the last session, as hostile_netd.py counts."""
    with open(lane.path("hostile_netd.log"), encoding="utf-8") as file:
        return int(re.findall(r" session (\d+)$", file.read(), re.MULTILINE)[-1])


def replay(where, words, **configuration):
    def run(lane):
        begin(lane, **configuration)
        return refused(lane, words, {"attack": "replay", "where": where, "session": session(lane)})
    return run


def old_challenge(lane):
    """Harmless, and this shows it: the report is new, and the broker verifies it anew. It takes its challenge for 300 s only."""
    begin(lane)
    lane.set_net({"attack": "replay", "where": ["auth"], "session": session(lane)})
    lane.reload()
    wait_for("the reload", 10, lambda: "configuration read again" in lane.log())
    lane.expect_key(lane.ask(timeout=15))
    lane.stop_agent()
    return "nothing: the broker verifies a new report", "genuine key"


def control(pin):
    """The attack itself is sound: where nothing is pinned, or the attacker is, his key is what the client gets."""
    def run(lane):
        lane.set_net({"attack": "substitute", "signature": "own"})
        lane.start_agent(pin=pin)
        text, key = lane.ask(timeout=15)
        if key != b"the attacker's own key, 32 bytes":
            raise Broken(f"the control got {text!r}: the attack does not do what it says")
        if (pin is None) != ("whoever owns sevattest-netd chooses this key" in lane.log()):
            raise Broken("the agent does not say what it cannot know")
        lane.stop_agent()
        return "nothing: a control, without the check", "the attacker's key"
    return run


def harmless(given):
    """Changes that nothing depends on: the genuine key comes all the same."""
    def run(lane):
        lane.set_net(given)
        lane.start_agent()
        lane.expect_key(lane.ask(timeout=20))
        lane.stop_agent()
        return "nothing: it changes nothing", "genuine key"
    return run


def killed(lane):
    """netd dies while a client waits, and comes back."""
    lane.set_net({"attack": "frame", "kind": "stall", "where": "resource"})
    lane.start_agent()
    client = lane.ask_start(timeout=30)
    wait_for("a request under way", 10, lambda: "frame resource" in open(lane.path("hostile_netd.log"), encoding="utf-8").read())
    lane.netd.kill()
    lane.netd.wait()
    lane.expect_said("netd does not answer|netd cannot be asked")
    wait_for("netd is gone", 5, lambda: not listens(lane.path("net.sock")))
    time.sleep(1)
    lane.set_net({"attack": "honest"})
    lane.processes.remove(lane.netd)
    lane.netd = lane.start("hostile_netd", *lane.netd.args)
    lane.expect_key(lane.ask_end(client))
    lane.stop_agent()
    return "netd cannot be asked", "key later"


def outlives(lane):
    """Handshakes are answered, keys are not: what was released once is not served for ever. A proof counts for twice Reattest=."""
    begin(lane, extra=["Reattest = 2", "[credentials]", "Map = app.service/db prod/app/db"])
    lane.set_net({"attack": "field", "where": "resource", "fields": {"status": 503}})
    lane.expect_key(lane.ask())
    time.sleep(6)
    outcome = lane.expect_nothing(lane.ask())
    lane.expect_said("answered 503 to the resource")
    lane.recover(at_once=True)
    lane.stop_agent()
    return "the proof of its release has expired", outcome


def silent(lane):
    """The longest time-out of an exchange: 22 s. Nobody waits for longer, and nothing of it is left."""
    lane.set_net({"attack": "frame", "kind": "stall", "where": "resource"})
    lane.start_agent()
    outcome = lane.expect_nothing(lane.ask())
    wait_for("the time-out", 40, lambda: "no answer in time" in lane.log())
    lane.expect_said("netd does not answer: Connection timed out")
    lane.recover(at_once=True)
    lane.stop_agent()
    return "netd does not answer: Connection timed out", outcome


def cache_files(lane):
    lane.start_agent(policy="plain")
    lane.expect_key(lane.ask(timeout=15))
    lane.stop_agent()
    files = sorted(glob.glob(lane.path("cache/*")), key=os.path.getsize)
    if len(files) != 2:
        raise Broken(f"{len(files)} files in the cache instead of VEK and chain")
    return files


def cached(lane):
    """Who writes the disk writes the cache: a VEK of this chip and TCB that AMD did not sign. It is thrown away and fetched."""
    vek, _chain = cache_files(lane)
    with open(vek, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    lane.start_agent(policy="plain", keep_cache=True)
    lane.expect_key(lane.ask(timeout=15))
    wait_for("the check", 5, lambda: "certificates refused: chain.signature" in lane.log())
    lane.stop_agent()
    return "certificates refused: chain.signature", "genuine key"


def cached_pipe(lane):
    """A file that would hold whoever opens it."""
    for path in cache_files(lane):
        os.unlink(path)
        os.mkfifo(path)
    lane.start_agent(policy="plain", keep_cache=True)
    lane.expect_key(lane.ask(timeout=15))
    lane.stop_agent()
    return "not a file: passed over", "genuine key"


def attacks(_settings):
    check = {"pin": None, "checks": True}
    yield "control", "own key, BrokerKey= is the attacker's", control("attacker")
    yield "control", "own key, neither BrokerKey= nor KeyCheck=", control(None)
    yield "replay", "an old challenge", old_challenge
    yield "replay", "an old attestation answer", replay(["attest"], SIGNATURE)
    yield "replay", "an old key answer", replay(["resource"], SIGNATURE)
    yield "replay", "an old key answer, KeyCheck= only", replay(["resource"], JWE, **check)
    yield "replay", "a whole old session", replay(ALL, f"{SIGNATURE}|{JWE}")
    yield "replay", "a whole old session, KeyCheck= only", replay(ALL, JWE, **check)
    yield "harmless", "the broker's extension removed from the challenge", harmless({"attack": "member", "where": "auth", "member": "extra-params.sevattest"})
    yield "harmless", "a member beside the JWE", harmless({"attack": "member", "where": "resource", "member": "key", "value": "x"})
    yield "harmless", "an answer in pieces of 256 bytes", harmless({"attack": "frame", "kind": "slow", "where": "resource"})
    yield "harmless", "an answer twice", harmless({"attack": "frame", "kind": "twice", "where": "resource"})
    yield "netd", "killed while a client waits", killed
    yield "life", "a key that outlives its proof", outlives
    yield "life", "silence where the key is asked for", silent
    yield "disk", "a forged certificate in the cache", cached
    yield "disk", "a pipe in the cache", cached_pipe
