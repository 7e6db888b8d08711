# SPDX-License-Identifier: Apache-2.0
"""The part of enrol_broker.sh that speaks: `online` against the running broker, `restarts` starting, killing and tampering itself. The environment is that script's."""
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric import ec

from enrol_guest import Guest, b64, disk, enrolment, public_jwk, seal, signed, unb64

E = os.environ
count = 0
K1, K2 = b"k" * 32, b"l" * 32


def check(what, condition, *shown):
    global count
    count += 1
    if not condition:
        sys.exit(f"FAILED: {what}: {shown}")
    print(f"ok: {what}")


def ctl(*words, code=0, given=None):
    done = subprocess.run([E["CTL"], "--socket", E["ADMIN"], *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL if given is None else None, input=given)
    check("sevattest-broker " + " ".join(word[:30] for word in words) + f": exit {code}", done.returncode == code, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def js(*words):
    return json.loads(ctl("--json", *words))


def records():
    """Of what was done; a checkpoint may come at any time."""
    return [row["record"] for row in js("audit")["records"] if row["record"] and row["record"]["event"] != "checkpoint"]


def guest():
    return Guest(E["BROKER_URL"], E["BROKER_CA"], E["SIM"], E["PLAT"])


def refused(what, answer, status, kind):
    check(f"{what}: {status} {kind}", answer[0] == status and answer[1]["type"].endswith("/" + kind), answer)


def version(resource):
    rows = {row["resource"]: row["version"] for row in js("key", "list")["resources"]}
    return rows.get(resource, 0)


def write(name, data):
    path = os.path.join(E["FOLDER"], name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def imports():
    key = json.load(open(os.path.join(E["FOLDER"], "broker.jwk")))
    good = seal(key, enrolment("src/disk/data", disk(K1)))
    path, fingerprint = write("good.enrol", good), hashlib.sha256(good).hexdigest()
    said = ctl("key", "import", path, code=2)
    check("what is shown before anything is stored", all(word in said for word in (
        "src/disk/data", "9f0e8d7c-0000-4000-8000-000000000001", "/dev/disk/by-id/virtio-data", fingerprint, disk()["headers"][0], "--expect")), said)
    check("and nothing was stored", version("src/disk/data") == 0)
    ctl("key", "import", path, "--expect", "0" * 64, code=6)
    ctl("key", "import", path, "--expect", fingerprint[:-1], code=6)
    check("nor with another fingerprint", version("src/disk/data") == 0)
    ctl("key", "import", path, "--expect", fingerprint.upper())
    check("imported", version("src/disk/data") == 1)
    ctl("key", "import", path, "--expect", fingerprint, code=6)
    ctl("key", "import", path, "--expect", fingerprint, "--replace")
    check("replaced", version("src/disk/data") == 2)
    last = [record for record in records() if record.get("verb") == "key-import"][-1]
    check("on record with its fingerprint", last["fingerprint"] == fingerprint and last["version"] == 2, last)
    stranger = ec.generate_private_key(ec.SECP256R1())
    for name, text, words in (
            ("another key", seal(public_jwk(stranger), enrolment("src/disk/x", disk())), "not sealed to this broker's enrolment key"),
            ("one character", good.replace(b'"tag": "', b'"tag": "A' if b'"tag": "A' not in good else b'"tag": "B')[:-1] + b"}", ""),
            ("another type", seal(key, enrolment("src/disk/x", disk()), typ="JWT"), "typ"),
            ("no type, as a release has it", seal(key, enrolment("src/disk/x", disk()), typ=None), "typ"),
            ("no disk", seal(key, enrolment("src/disk/x", {"password": "x"})), "not a disk resource"),
            ("a disk without headers", seal(key, enrolment("src/disk/x", disk(headers=()))), "not a disk resource"),
            ("no name", seal(key, enrolment("src/disk", disk())), "resource"),
            ("a name for a terminal", seal(key, {**enrolment("src/disk/x", disk()), "volume": {"name": "\x1b[2J", "uuid": "0", "device": "/x"}}), "volume"),
            ("a later format", seal(key, {**enrolment("src/disk/x", disk()), "sevattest-enrol": 2}), "later format"),
            ("made by a guest", seal(key, enrolment("src/disk/x", disk(), replaces=0, ticket="A" * 43)), "only the guest"),
            ("nothing", b"", ""), ("no JSON", b"\0" * 100, ""), ("too large", b" " * 70000, "")):
        said = ctl("key", "import", write("bad.enrol", text), "--yes", code=2)
        check(f"import refused: {name}", words in said and "\x1b" not in said, said)
    check("nothing came of these", version("src/disk/x") == 0)
    ctl("key", "import", write("y.enrol", seal(key, enrolment("src/disk/y", disk(K1, ("a", "b"))))), "--yes")
    check("confirmed with --yes", version("src/disk/y") == 1)
    ctl("key", "put", "src/disk/app", given="a password")
    ctl("key", "import", write("app.enrol", seal(key, enrolment("src/disk/app", disk()))), "--yes", code=6)
    ctl("key", "import", "/nonexistent", "--yes", code=2)


def registers():
    one = guest().attest()
    name = "prod/disk/data"
    before = len(records())
    body = one.make(name, disk(K1, ("h1",)))
    answer = one.post(name, body)
    check("registered", answer == (200, {"sevattest-enrol": "accepted", "version": 1}), answer)
    record = records()[-1]
    check("on record", record["event"] == "enrolled" and record["resource"] == name and record["version"] == 1 and record["policy"] == "prod" and
          record["nonce"] == one.nonce and record["fingerprint"] == hashlib.sha256(body).hexdigest() and len(records()) == before + 1, record)
    status, secret = one.get(name)
    check("a guest has it as it was sealed", status == 200 and json.loads(secret) == disk(K1, ("h1",)), secret)
    refused("replayed", one.post(name, body), 409, "EnrolmentConflict")
    check("the same disk again is the same version", one.register(name, disk(K1, ("h1",))) == (200, {"sevattest-enrol": "accepted", "version": 1}))
    # A rotation as enroll does it; each step by a guest that attested anew.
    for step, (key, headers) in enumerate(((K1, ("h1", "h2")), (K2, ("h2", "h3")), (K2, ("h3",)))):
        answer = guest().attest().register(name, disk(key, headers))
        check(f"rotation, step {step}", answer == (200, {"sevattest-enrol": "accepted", "version": step + 2}), answer)
    refused("a step that locks the disk out", one.register(name, disk(K2, ("h9",))), 409, "EnrolmentConflict")
    refused("another key for the same header", one.register(name, disk(K1, ("h3",))), 409, "EnrolmentConflict")
    refused("no disk", one.register(name, {"password": "x"}), 400, "EnrolmentInvalid")
    check("unchanged by all of it", version(name) == 4)
    token = {"Authorization": "Bearer " + one.token}
    status, ticket = one.ticket(name, headers=token)
    check("a ticket by token", status == 200 and ticket["replaces"] == 4, ticket)
    answer = one.post(name, seal(ticket["key"], enrolment(name, disk(K2, ("h3", "h4")), replaces=4, ticket=ticket["ticket"])), headers=token)
    check("registered by token", answer[0] == 200, answer)
    # Two tickets for one state: the first wins.
    first, second = one.make(name, disk(K2, ("h4",))), guest().attest()
    late = second.make(name, disk(K2, ("h3",)))
    check("the first of two", one.post(name, first)[0] == 200)
    refused("the second of two", second.post(name, late), 409, "EnrolmentConflict")
    # Deleted and made anew: what was made for before does not come back.
    late = one.make(name, disk(K2, ("h4", "h5")))
    ctl("key", "delete", name)
    refused("made for what was deleted", one.post(name, late), 409, "EnrolmentConflict")
    late = one.make(name, disk(K1, ("n1",)))
    ctl("key", "put", name, given="an application's password")
    refused("the operator's key", one.post(name, late), 403, "PolicyDeny")
    refused("no ticket for what is no disk", one.ticket(name), 403, "PolicyDeny")
    check("it is still the operator's", one.get(name)[1] == b"an application's password")
    ctl("key", "delete", name)
    check("a disk where one was deleted", one.register(name, disk(K1, ("n1",)))[0] == 200)


def attacks():
    """By whoever has the network path: the cookie, the token, every message, and the public key."""
    victim, name = guest().attest(), "prod/disk/victim"
    check("the victim's disk", victim.register(name, disk(K1, ("v1",)))[0] == 200)
    status, ticket = victim.ticket(name)
    key = ticket["key"]
    mine = disk(b"x" * 32, ("v1",))
    refused("without a ticket", victim.post(name, seal(key, enrolment(name, mine))), 400, "EnrolmentInvalid")
    for what, guess in (("zeros", bytes(32)), ("the nonce", hashlib.sha256(victim.nonce.encode()).digest()), ("chance", os.urandom(32))):
        refused(f"with a ticket of {what}", victim.post(name, seal(key, enrolment(name, mine, replaces=1, ticket=b64(guess)))), 409, "EnrolmentConflict")
    attacker = guest().attest()
    status, own = attacker.ticket(name)
    refused("with the ticket of another session", victim.post(name, seal(key, enrolment(name, mine, replaces=1, ticket=own["ticket"]))), 409, "EnrolmentConflict")
    refused("with the cookie of another session", attacker.post(name, seal(key, enrolment(name, mine, replaces=1, ticket=ticket["ticket"]))), 409, "EnrolmentConflict")
    genuine = seal(key, enrolment(name, disk(K1, ("v1", "v2")), replaces=1, ticket=ticket["ticket"]))
    refused("at another resource", victim.post("prod/disk/elsewhere", genuine), 400, "EnrolmentInvalid")
    inside = seal(key, enrolment("prod/disk/elsewhere", mine, replaces=0, ticket=ticket["ticket"]))
    refused("with the ticket of another resource", victim.post("prod/disk/elsewhere", inside), 409, "EnrolmentConflict")
    refused("with another version", victim.post(name, seal(key, enrolment(name, mine, replaces=0, ticket=ticket["ticket"]))), 409, "EnrolmentConflict")
    message = json.loads(genuine)
    for member in message:
        changed = bytearray(unb64(message[member]))
        changed[len(changed) // 2] ^= 1
        refused(f"tampered: {member}", victim.post(name, json.dumps({**message, member: b64(bytes(changed))}).encode()), 400, "EnrolmentInvalid")
    stranger = public_jwk(ec.generate_private_key(ec.SECP256R1()))
    refused("sealed to another key", victim.post(name, seal(stranger, enrolment(name, mine, replaces=1, ticket=ticket["ticket"]))), 400, "EnrolmentInvalid")
    refused("without a session", victim.post(name, genuine, cookie="kbs-session-id=x"), 401, "TokenNotFound")
    refused("with a forged token", victim.post(name, genuine, headers={"Authorization": "Bearer a.b.c"}), 401, "TokenVerifierError")
    refused("too large", victim.post(name, b" " * 65537), 413, "EnrolmentInvalid")
    refused("empty", victim.post(name, b""), 400, "EnrolmentInvalid")
    refused("no grant with enrolments", victim.post("none/disk/a", genuine), 403, "PolicyDeny")
    refused("no ticket there either", victim.ticket("none/disk/a"), 403, "PolicyDeny")
    refused("no grant at all", victim.post("unknown/disk/a", genuine), 403, "PolicyDeny")
    refused("a grant for a policy that did not pass", victim.post("other/disk/a", genuine), 403, "PolicyDeny")
    refused("a name that cannot be", victim.post("prod/disk", genuine), 404, "InvalidRequestPath")
    check("after all of it the victim's disk is its own", json.loads(victim.get(name)[1]) == disk(K1, ("v1",)))
    check("and the genuine one is taken", victim.post(name, genuine) == (200, {"sevattest-enrol": "accepted", "version": 2}))
    denied = [record for record in records() if record["event"] == "denied" and record.get("nonce") == victim.nonce]
    check("each refusal of the session is on record", len(denied) >= 18, len(denied))
    pin = json.load(open(os.path.join(E["FOLDER"], "broker", "release.jwk")))["jwk"]
    status, given, _ = victim.request("GET", "enrol-ticket/" + name, cookie=victim.cookie)
    check("a ticket is signed as a ticket", signed(pin, given, victim.nonce, "enrol-ticket/" + name, 2))
    check("and as no release", not signed(pin, given, victim.nonce, name, 2) and not signed(pin, given, victim.nonce, "enrol-ticket/" + name, 3))
    policy = json.load(open(os.path.join(E["FOLDER"], "policy.json")))
    late = victim.make(name, disk(K1, ("v2",)))
    ctl("policy", "put", write("policy2.json", json.dumps({**policy, "snp": {**policy["snp"], "vmpl": {"max": 1}}}).encode()))
    refused("a policy that has changed", victim.post(name, late), 401, "TokenVerifierError")
    ctl("grant", "add", name, "prod")
    ctl("grant", "delete", "prod/disk/*")
    one = guest().attest()
    refused("the grant was taken back", one.ticket(name), 403, "PolicyDeny")
    ctl("grant", "add", "prod/disk/*", "prod", "--enrol", "accept")
    check("two grants: what either allows", one.ticket(name)[0] == 200)


def waits():
    one, name = guest().attest(), "wait/disk/data"
    body = one.make(name, disk(K1, ("w1",)))
    status, answer = one.post(name, body)
    check("it waits", status == 202 and answer["sevattest-enrol"] == "pending", answer)
    number = answer["id"]
    check("sent again it is the same", one.post(name, body) == (202, answer))
    check("nobody has it", one.get(name)[0] == 404)
    row = js("pending", "list")["pending"]
    check("pending list", len(row) == 1 and row[0]["id"] == number and row[0]["fingerprint"] == hashlib.sha256(body).hexdigest() and row[0]["policy"] == "prod", row)
    said = ctl("pending", "show", str(number))
    check("pending show", all(word in said for word in (name, "virtio-data", hashlib.sha256(body).hexdigest(), hashlib.sha256(b"w1").hexdigest())) and K1.decode() not in said, said)
    waiting = [record for record in records() if record["event"] == "enrol-pending"]
    check("on record, once", len(waiting) == 1 and waiting[0]["id"] == number, waiting)
    ctl("pending", "show", "999999", code=6)
    ctl("pending", "accept", "x", code=2)
    ctl("pending", "accept", str(number))
    check("accepted", version(name) == 1 and js("pending", "list")["pending"] == [])
    check("and given", json.loads(one.get(name)[1]) == disk(K1, ("w1",)))
    ctl("pending", "accept", str(number), code=6)
    numbers = [one.post(name, one.make(name, disk(K1, ("w1", f"w{i}"))))[1].get("id") for i in range(2, 6)]
    check("four wait", all(numbers), numbers)
    refused("and no fifth", one.post(name, one.make(name, disk(K1, ("w1", "w7")))), 429, "EnrolmentsFull")
    ctl("pending", "reject", str(numbers[0]))
    ctl("pending", "reject", str(numbers[0]), code=6)
    ctl("pending", "accept", str(numbers[1]))
    ctl("pending", "accept", str(numbers[2]), code=6)  # made for what is no more
    check("the others are stale", [row.get("stale") for row in js("pending", "list")["pending"]] == [True, True])
    for number in numbers[2:]:
        ctl("pending", "reject", str(number))
    check("nothing waits", js("pending", "list")["pending"] == [])
    events = [record.get("verb") for record in records()]
    check("the operator's doings are on record", events.count("pending-accept") == 2 and events.count("pending-reject") == 3, events)


class Brokerd:
    def __enter__(self):
        self.log = open(os.path.join(E["FOLDER"], "brokerd-again.log"), "ab")
        self.process = subprocess.Popen([E["BROKERD"], "--config", E["CONF"]], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        for _ in range(400):
            if self.process.poll() is not None:
                break
            if subprocess.run([E["CTL"], "--socket", E["ADMIN"], "status"], capture_output=True).returncode == 0:
                return self
            time.sleep(0.05)
        sys.exit(f"FAILED: brokerd does not start: {self.process.poll()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()


def patiently(call):
    """Until httpd has found brokerd again."""
    for _ in range(100):
        try:
            return call()
        except AssertionError:
            time.sleep(0.05)
    return call()


def killed():
    """kill -9 while a disk is registered: an answer that was given holds, and no version is without its record."""
    name, step, acknowledged, lost = "prod/disk/killed", 0, 0, 0
    chance = random.Random(int(E.get("SEED", "7")))
    for turn in range(int(E.get("KILLS", "15"))):
        with Brokerd() as broker:
            one = patiently(lambda: guest().attest())
            status, secret = one.get(name)
            current = json.loads(secret)["headers"] if status == 200 else []
            step += 1
            wanted = disk(K1, (f"k{step - 1}", f"k{step}"))
            if current:
                wanted["headers"][0] = current[-1]
            body, got = one.make(name, wanted), []
            thread = threading.Thread(target=lambda: got.append(post_quietly(one, name, body)))
            thread.start()
            time.sleep(chance.random() ** 3 * 0.1)  # many early, some after the answer
            broker.kill()
            thread.join()
        with Brokerd():
            one = patiently(lambda: guest().attest())
            now = version(name)
            if got[0] and got[0][0] == 200:
                acknowledged = got[0][1]["version"]
            lost += not (got[0] and got[0][0] == 200)
            if now < acknowledged or now > acknowledged + 1:
                check("versions", False, now, acknowledged)
            acknowledged = max(acknowledged, now)
            written = {record["version"] for record in records_quietly() if record.get("resource") == name and record["event"] == "enrolled"}
            if not set(range(1, now + 1)) <= written:
                check("every version has its record", False, now, written)
            if now and json.loads(one.get(name)[1])["sevattest-disk"] != 1:
                check("it can be had", False)
    check(f"killed {turn + 1} times, {lost} without an answer: what was answered holds, and is on record", lost > 0)
    with Brokerd():
        ctl("audit", "--verify")


def post_quietly(one, name, body):
    try:
        return one.post(name, body)
    except OSError:
        return None


def records_quietly():
    done = subprocess.run([E["CTL"], "--socket", E["ADMIN"], "--json", "audit"], capture_output=True, text=True, check=True)
    return [row["record"] for row in json.loads(done.stdout)["records"] if row["record"]]


def sql(*statements):
    database = sqlite3.connect(E["STORE"])
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def tampered():
    name = "wait/disk/tampered"
    with Brokerd():
        one = patiently(lambda: guest().attest())
        numbers = [one.post(name, one.make(name, disk(K1, (f"t{i}",))))[1]["id"] for i in range(3)]
        other = one.post("wait/disk/other", one.make("wait/disk/other", disk(K2, ("o",))))[1]["id"]
    folder = os.path.dirname(E["STORE"])
    safe = folder + ".safe"
    shutil.copytree(folder, safe)

    def restore():
        shutil.rmtree(folder)
        shutil.copytree(safe, folder)
    with Brokerd():
        check("what waits survives a restart", [row["id"] for row in js("pending", "list")["pending"]] == sorted(numbers + [other]) or
              {row["id"] for row in js("pending", "list")["pending"]} == {*numbers, other})
    for what, statement in (("changed", f"UPDATE item SET data = zeroblob(100) WHERE kind = 4 AND version = {numbers[0]}"),
                            ("removed", f"DELETE FROM item WHERE kind = 4 AND version = {numbers[0]}"),
                            ("exchanged", f"UPDATE item SET data = (SELECT data FROM item WHERE kind = 4 AND version = {other}) WHERE kind = 4 AND version = {numbers[0]}"),
                            ("exchanged with another of its own", f"UPDATE item SET data = (SELECT data FROM item WHERE kind = 4 AND version = {numbers[1]}) WHERE kind = 4 AND version = {numbers[0]}")):
        sql(statement)
        with Brokerd():
            said = ctl("pending", "accept", str(numbers[0]), code=1)
            check(f"a waiting row that was {what} is refused", "changed by somebody else" in said and version(name) == 0, said)
            check("and shown as damaged", any(row.get("damaged") for row in js("pending", "list")["pending"]))
        restore()
    sql(f"INSERT INTO item (kind, name, version, data) SELECT 4, name, 99999, data FROM item WHERE kind = 4 AND version = {numbers[0]}")
    with Brokerd():
        check("a row that was put in is not there", 99999 not in [row["id"] for row in js("pending", "list")["pending"]])
        ctl("pending", "accept", "99999", code=6)
        ctl("pending", "accept", str(numbers[0]))
    # Rolled back to before the acceptance: the state directory knows better.
    shutil.copy(os.path.join(safe, "store.db"), E["STORE"])
    for name_of in ("store.db-wal", "store.db-shm"):
        if os.path.exists(os.path.join(folder, name_of)):
            os.unlink(os.path.join(folder, name_of))
    done = subprocess.run([E["BROKERD"], "--config", E["CONF"]], capture_output=True, text=True, timeout=30)
    check("a store of before is refused", done.returncode == 1 and "rolled back" in done.stderr, done)
    restore()
    for what, statement in (("a row of a disk", "UPDATE item SET data = zeroblob(100) WHERE kind = 3 AND name = 'prod/disk/killed'"),
                            ("a disk for another", "UPDATE item SET data = (SELECT data FROM item WHERE kind = 3 AND name = 'prod/disk/victim') WHERE kind = 3 AND name = 'prod/disk/killed'")):
        sql(statement)
        with Brokerd():
            one = patiently(lambda: guest().attest())
            status, answer = one.ticket("prod/disk/killed")
            check(f"{what}, changed: no ticket", status == 500, status, answer)
        restore()
    sql("UPDATE item SET data = zeroblob(100) WHERE kind = 1 AND name = 'enrol'")
    done = subprocess.run([E["BROKERD"], "--config", E["CONF"]], capture_output=True, text=True, timeout=30)
    check("an enrolment key that was changed", done.returncode == 1 and "enrol key" in done.stderr, done)
    restore()
    sql("DELETE FROM item WHERE kind = 1 AND name = 'enrol'")
    done = subprocess.run([E["BROKERD"], "--config", E["CONF"]], capture_output=True, text=True, timeout=30)
    check("one that was removed is not made anew", done.returncode == 1 and "enrol key" in done.stderr, done)
    restore()


if sys.argv[1] == "online":
    imports()
    registers()
    attacks()
    waits()
    ctl("audit", "--verify")
else:
    killed()
    tampered()
with open(os.path.join(E["FOLDER"], "count"), "w", encoding="utf-8") as file:
    file.write(str(count))
