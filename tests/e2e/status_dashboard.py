#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every expression of the dashboards is one that Prometheus takes, and every metric in them is one that it has scraped.

usage: status_dashboard.py PROMETHEUS DASHBOARD..."""
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

base, files = sys.argv[1], sys.argv[2:]
problems, count = [], 0


def ask(path, **parameters):
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def missing(names):
    """Those that Prometheus has never scraped, after a while for the last scrapes to arrive."""
    for _ in range(50):
        left = names - set(ask("label/__name__/values")["data"])
        if not left:
            break
        time.sleep(0.2)
    return left


wanted = {}
for path in files:
    with open(path, encoding="utf-8") as file:
        dashboard = json.load(file)
    if not dashboard["title"] or not dashboard["uid"] or dashboard["schemaVersion"] < 36:
        problems.append(f"{path}: no title, no uid or an old schema")
    places = set()
    for panel in dashboard["panels"]:
        place = (panel["gridPos"]["x"], panel["gridPos"]["y"])
        if place in places:
            problems.append(f"{path}: two panels at {place}")
        places.add(place)
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "1m")
            count += 1
            answer = ask("query", query=expression)
            if answer["status"] != "success":
                problems.append(f"{path}: {panel['title']}: {answer.get('error')}")
            for name in re.findall(r"\b(?:sevattest_[a-z_]+|up)\b(?=[{\[ )]|$)", expression):
                wanted.setdefault(name, f"{path}: {panel['title']}")
problems += [f"{wanted[name]}: no metric {name}" for name in sorted(missing(set(wanted)))]
if count < 10:
    problems.append(f"only {count} expressions")
for problem in problems:
    print("FAIL:", problem)
print(f"{count} expressions of {len(files)} dashboards are good" if not problems else f"{len(problems)} problems")
sys.exit(1 if problems else 0)
