#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at a status page in headless Chromium, over WebDriver: at 360 and 1280 pixels, in light and in dark, and with scripts switched off.

usage: status_browser.py DIRECTORY SCREENSHOTS NAME URL WORDS

Checks that WORDS are the heading; that nothing reaches past the right edge; that the one style sheet took effect under the Content-Security-Policy and nothing was
blocked or loaded besides the page; that every text has a contrast of 4.5 to what is behind it (WCAG AA); that the text is the same without JavaScript."""
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

directory, shots, name, url, words = sys.argv[1:6]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage"]

# Runs in the page. Returns what is wrong, and what was seen.
PROBE = r"""
const wrong = [], width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) wrong.push(`the page is ${document.documentElement.scrollWidth} wide on ${width}`);
const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const parse = text => { const m = text.match(/[\d.]+/g).map(Number); return {r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1}; };
const light = c => 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
const behind = element => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0) return c; } return {r: 255, g: 255, b: 255}; };
let texts = 0;
for (const details of document.querySelectorAll("details")) details.open = true;
for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (box.width === 0 || box.height === 0 || box.width <= 1) continue;
    if (Math.ceil(box.right) > width + 1) wrong.push(`${element.tagName} "${element.textContent.slice(0, 40)}" reaches to ${box.right} of ${width}`);
    if (![...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    texts++;
    const a = light(parse(style.color)), b = light(behind(element)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)} of "${element.textContent.slice(0, 40)}"`);
    if (parseFloat(style.fontSize) < 12) wrong.push(`"${element.textContent.slice(0, 40)}" has ${style.fontSize}`);
}
if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
if (document.querySelectorAll("script, link, img, iframe, form").length) wrong.push("something else than text is in the page");
if (!document.documentElement.lang || !document.title) wrong.push("no language or no title");
if (getComputedStyle(document.querySelector(".banner")).borderLeftWidth === "0px") wrong.push("the style sheet has no effect");
const loaded = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.endsWith("/favicon.ico"));
if (loaded.length) wrong.push(`loaded ${loaded}`);
return {wrong, texts, heading: document.querySelector("h1").textContent, height: document.documentElement.scrollHeight, text: document.body.innerText};
"""


class Driver:
    def __init__(self, scripts):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.profile = os.path.join(directory, f"profile-{os.getpid()}-{self.port}")
        self.log = open(os.path.join(directory, "chromedriver.out"), "ab")
        self.process = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=self.log, stderr=self.log)
        self.session = ""
        preferences = {} if scripts else {"profile.managed_default_content_settings.javascript": 2}
        options = {"args": FLAGS + [f"--user-data-dir={self.profile}"], "prefs": preferences}
        for attempt in range(200):
            try:
                self.session = "/session/" + self.call("/session", {"capabilities": {"alwaysMatch": {
                    "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]
                break
            except OSError:
                if attempt == 199 or self.process.poll() is not None:
                    raise
                time.sleep(0.05)
            except RuntimeError:
                self.end()
                raise

    def call(self, path, body=None, method=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.session}{path}", None if body is None else json.dumps(body).encode(),
                                         {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def devtools(self, command, **parameters):
        return self.call("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def close(self):
        try:
            self.call("", method="DELETE")
        except (OSError, RuntimeError):
            pass
        self.end()

    def end(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)


def start(scripts):
    """A browser; on a machine that is busy or short of memory the first one may not come up."""
    for attempt in range(3):
        try:
            return Driver(scripts)
        except RuntimeError as error:
            if "session not created" not in str(error) or attempt == 2:
                raise
            time.sleep(2)
    raise AssertionError


def look(driver, problems):
    """All four views with scripts on. Returns the text of the page."""
    seen = None
    for scheme in ("light", "dark"):
        driver.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for width in (360, 1280):
            driver.size(width, 900)
            driver.call("/url", {"url": url})
            seen = driver.call("/execute/sync", {"script": PROBE, "args": []})
            problems += [f"{scheme}, {width}: {problem}" for problem in seen["wrong"]]
            if seen["heading"] != words:
                problems.append(f"{scheme}, {width}: the heading is {seen['heading']!r}")
            if seen["texts"] < 5:
                problems.append(f"{scheme}, {width}: only {seen['texts']} texts")
            driver.call("/refresh", {})
            driver.size(width, seen["height"])
            with open(os.path.join(shots, f"{name}-{width}-{scheme}.png"), "wb") as file:
                file.write(base64.b64decode(driver.call("/screenshot")))
    for line in driver.call("/se/log", {"type": "browser"}):
        if "favicon" not in line["message"] and not line["message"].startswith(f"{url} - Failed to load resource: the server responded with a status of 503"):
            problems.append(f"the browser complains: {line['message']}")
    return seen["text"]


def without_scripts():
    """The text that a person sees with JavaScript switched off; and proof that it is off."""
    driver = start(scripts=False)
    try:
        driver.size(360, 900)
        driver.call("/url", {"url": "data:text/html,<title>off</title><script>document.title='on'</script>"})
        if driver.call("/title") != "off":
            raise RuntimeError("JavaScript is not switched off")
        driver.call("/url", {"url": url})
        element = driver.call("/element", {"using": "css selector", "value": "body"})
        return driver.call(f"/element/{next(iter(element.values()))}/text")
    finally:
        driver.close()


def main():
    problems = []
    driver = start(scripts=True)
    try:
        look(driver, problems)
    finally:
        driver.close()
    text = without_scripts()
    for expected in (words, "as of"):
        if expected not in text:
            problems.append(f"without JavaScript {expected!r} is missing in {text!r}")
    for problem in problems:
        print("FAIL:", problem)
    print(f"{name}: looked at in light and dark, 360 and 1280 pixels wide, and without JavaScript; {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
