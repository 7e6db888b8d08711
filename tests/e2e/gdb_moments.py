# SPDX-License-Identifier: Apache-2.0
"""For gdb -x: lets a program stand still where it enters one of some functions, each once, until it is told to go on. The program itself is not changed.

Environment: MOMENTS=function=name,...  MOMENTS_DIR: "ready.PROGRAM" appears there when the breakpoints stand, "at.NAME" (with the process id) when the
program stands still; it goes on when "go.NAME" appears. gdb is given -p PID, or --args PROGRAM..., which is started."""
import os
import time

import gdb  # pylint: disable=import-error

FOLDER = os.environ["MOMENTS_DIR"]
MOMENTS = dict(pair.split("=") for pair in os.environ["MOMENTS"].split(","))


def tell(name, text):
    path = os.path.join(FOLDER, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def wait(name):
    end = time.monotonic() + 120
    while not os.path.exists(os.path.join(FOLDER, name)) and time.monotonic() < end:
        time.sleep(0.02)


def main():
    for command in ("set pagination off", "set confirm off", "set breakpoint pending off", "handle SIGPIPE nostop noprint pass"):
        gdb.execute(command)
    waiting = {function: gdb.Breakpoint(function) for function in MOMENTS}
    attached = gdb.selected_inferior().pid != 0
    tell("ready." + ("attached" if attached else "started"), "")
    gdb.execute("continue" if attached else "run")
    while waiting and gdb.selected_inferior().pid:
        function = gdb.newest_frame().name()
        name = MOMENTS[function]
        waiting.pop(function).delete()
        tell("at." + name, str(gdb.selected_inferior().pid))
        wait("go." + name)
        if not waiting and attached:
            break
        gdb.execute("continue")
    if attached:
        gdb.execute("detach")


main()
