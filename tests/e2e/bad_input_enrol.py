# SPDX-License-Identifier: Apache-2.0
"""Seams of bad_input.py where disks come in: what an attested guest posts, and the file that the operator imports. Each kind twice: the sealed message, and what is sealed."""
import json

from bad_input_net import JSON_KINDS, half, request
from bad_input_world import fifo, spoil
from enrol_guest import Guest, disk, encrypt, enrolment

NAME = "prod/disk/data"
LIMIT = 64 << 10


def sealed(jwk, plain):
    return json.dumps(encrypt(jwk, plain)).encode()


def several(*results):
    return " ".join(dict.fromkeys(str(result) for result in results))


def registration(world):
    state = {}

    def guest():
        if not state:
            state["guest"] = Guest(world.broker, world.ca, world.programs["sevattest-sim"], world.platform).attest()
        return state["guest"]

    def inside():
        status, ticket = guest().ticket(NAME)
        assert status == 200, (status, ticket)
        return ticket["key"], enrolment(NAME, disk(), replaces=ticket["replaces"], ticket=ticket["ticket"])

    def message(body):
        return request("POST", "/kbs/v0/resource/" + NAME, body, f"Cookie: {guest().cookie}")

    def post(body, *statuses):
        return world.answers(statuses, world.port, True, message(body))

    def both(kind):
        key, plain = inside()
        outer = 413 if kind == "oversized" else 400
        return several(post(spoil(encrypt(key, json.dumps(plain).encode()), "tag", kind, LIMIT), outer), post(sealed(key, spoil(plain, "volume", kind, 9000)), 400),
                       post(sealed(key, spoil(plain, "disk", kind, 9000)), 400))

    def sound():
        key, plain = inside()
        return sealed(key, json.dumps(plain).encode())
    cells = {kind: lambda kind=kind: both(kind) for kind in JSON_KINDS}
    cells["stall"] = lambda: world.stalls(world.port, True, half(message(sound())))
    cells["close"] = lambda: world.hangs_up(world.port, True, message(sound())[:-5])
    return "POST /resource", cells, lambda: post(sound(), 200)


def enrolment_file(world):
    def key():
        code, out, err = world.run("sevattest-broker", "--socket", world.admin, "--json", "enrol-key", "show")
        assert code == 0, err
        return json.loads(out)["jwk"]

    def take(content, code):
        return world.exits(code, "sevattest-broker", "--socket", world.admin, "key", "import", world.file(content), "--yes", "--replace")

    def both(kind):
        jwk, plain = key(), enrolment("prod/disk/file", disk())
        return several(take(spoil(encrypt(jwk, json.dumps(plain).encode()), "tag", kind, LIMIT), 2), take(sealed(jwk, spoil(plain, "volume", kind, 9000)), 2),
                       take(sealed(jwk, spoil(plain, "disk", kind, 9000)), 2))

    def silent():
        path = fifo(f"{world.dir}/fifo")
        with open(path, "r+b", buffering=0):
            return world.interrupted("sevattest-broker", "--socket", world.admin, "key", "import", path, "--yes")
    cells = {kind: lambda kind=kind: both(kind) for kind in JSON_KINDS}
    cells["stall"] = silent
    cells["close"] = lambda: world.exits(2, "sevattest-broker", "--socket", world.admin, "key", "import", "-", "--yes",
                                         stdin=half(sealed(key(), json.dumps(enrolment("prod/disk/file", disk())).encode())))
    return "enrolment file", cells, lambda: take(sealed(key(), json.dumps(enrolment("prod/disk/file", disk())).encode()), 0)


def seams(world):
    return [registration(world), enrolment_file(world)]
