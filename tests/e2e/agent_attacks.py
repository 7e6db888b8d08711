#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every attack of agent_attacks_*.py and prints the table: attack, refused by, served nothing. For agent_attacks.sh.

usage: agent_attacks.py SETTINGS.json [WORD]...      only attacks whose group or name has one of the words"""
import concurrent.futures
import json
import queue
import sys
import time

import agent_attacks_disk
import agent_attacks_local
import agent_attacks_net
import agent_attacks_replay
from agent_attacks_world import Broken, Lane

LANES = 2
PATIENT = ("own key signed by the attacker", "cookie removed", "frame: close", "auth: status 403", "wait for an hour")  # after these nothing is reloaded


def one_net(lane, _group, name, given, configuration, words):
    lane.set_net(given)
    lane.start_agent(**configuration)
    said, outcome = lane.attacked(words)
    lane.recover(at_once=name not in PATIENT)
    lane.stop_agent()
    return said, outcome


def rows_of(settings):
    for row in agent_attacks_net.attacks(settings):
        yield row[0], row[1], lambda lane, row=row: one_net(lane, *row)
    for module in (agent_attacks_replay, agent_attacks_local, agent_attacks_disk):
        for group, name, run in module.attacks(settings):
            yield group, name, run


def run_all(settings, words):
    lanes, results = queue.Queue(), []
    for i in range(LANES):
        lanes.put(Lane(settings, str(i)))

    def run(row):
        group, name, attack = row
        lane, start = lanes.get(), time.monotonic()
        try:
            said, outcome = attack(lane)
            return group, name, said, outcome, time.monotonic() - start, None
        except Exception as error:  # whatever goes wrong is a failure of this row
            return group, name, "", "", time.monotonic() - start, f"{type(error).__name__}: {error}"
        finally:
            try:
                lane.set_net({"attack": "honest"})
                lane.set_evidence({"attack": "honest"})
                lane.stop_agent()
            except Broken as error:
                print(f"BROKEN {group}: {name}: {error}", flush=True)
                results.append((group, name, "", "", 0, str(error)))
            lanes.put(lane)

    rows = [row for row in rows_of(settings) if not words or any(word in f"{row[0]}: {row[1]}" for word in words)]
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        for result in pool.map(run, rows):
            group, name, said, outcome, seconds, failure = result
            print(f"  {group:14} {name:52.52} {said or 'NOT REFUSED':90.90} {outcome:10} {seconds:5.1f} s", flush=True)
            if failure:
                print(f"BROKEN {group}: {name}: {failure}", flush=True)
            results.append(result)
    for _ in range(LANES):
        lanes.get().close()
    return results


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    settings["keys"] = {name: bytes.fromhex(value) for name, value in settings["keys"].items()}
    settings["disk"]["key"] = bytes.fromhex(settings["disk"]["key"])
    print(f"  {'who attacks':14} {'attack':52} {'refused by':90} {'the client'}")
    results = run_all(settings, sys.argv[2:])
    failed = [result for result in results if result[5]]
    print(f"{len(results) - len(failed)} attacks refused, {len(failed)} not as they should be")
    return 1 if failed or not results else 0


sys.exit(main())
