#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one violation of each rule of tests/lint in a copy of the sources, and expects that it is refused, with the words that name it. A lint that lets
everything pass looks like a clean tree.

usage: planted.py SOURCE_DIR BUILD_DIR"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
HARD = ["-O2", "-fstack-protector-strong", "-fPIE", "-pie", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]
CODE = "#include <stdio.h>\n#include <string.h>\nint main(int c, char **v) { char b[64]; snprintf(b, (size_t)c, \"%s\", v[0]); strcpy(b, v[0]); return puts(b); }\n"

# What is appended to which source (a new file where there is none), and what the lint must say.
SOURCES = [
    ("an upper layer", "src/snp/tcb.c", '#include "kbs/messages.h"\n', "snp/ may not include kbs/"),
    ("a sibling", "src/jose/jws.c", '#include "snp/report.h"\n', "jose/ may not include snp/"),
    ("another program", "src/netd/rules.c", '#include "broker/store.h"\n', "netd/ may not include broker/"),
    ("io in a pure layer", "src/kbs/token.c", '#include "io/clock.h"\n', "kbs/ may not include io/"),
    ("a header without its layer", "src/tpm/hcl.c", '#include "hcl.h"\n', "write the layer too"),
    ("no such layer", "src/tpm/hcl.c", '#include "misc/misc.h"\n', "no such layer"),
    ("curl", "src/cli/get.c", "#include <curl/curl.h>\n", "<curl/curl.h> belongs only in"),
    ("nettle", "src/snp/chain.c", "#include <nettle/ecdsa.h>\n", "<nettle/ecdsa.h> belongs only in"),
    ("microhttpd", "src/broker/serve.c", "#include <microhttpd.h>\n", "<microhttpd.h> belongs only in"),
    ("sqlite", "src/broker/audit.c", "#include <sqlite3.h>\n", "<sqlite3.h> belongs only in"),
    ("tss2", "src/tpm/quote.c", "#include <tss2/tss2_esys.h>\n", "<tss2/tss2_esys.h> belongs only in"),
    ("json-c", "src/appraise/check.c", "#include <json-c/json.h>\n", "<json-c/json.h> belongs only in"),
    ("fuse", "src/provider/tsm.c", "#include <fuse3/fuse.h>\n", "<fuse3/fuse.h> belongs only in"),
    ("a library that the house does not use", "src/cli/get.c", "#include <zlib.h>\n", "is of no library that this house uses"),
    ("no SPDX line", "src/tpm/planted.c", "int planted;\n", "the first line is not the SPDX line"),
    ("no #pragma once", "src/tpm/planted.h", SPDX, "no #pragma once"),
    ("#if in a source", "src/tpm/hcl.c", "#ifdef TEST\n#endif\n", "#if in a .c file"),
    ("too long", "src/tpm/hcl.c", "\n" * 700, "more than 700 lines"),
    ("strcpy", "src/tpm/hcl.c", "strcpy(a, b);\n", "strcpy() is not used"),
    ("system", "src/cli/get.c", "system(a);\n", "system() is not used"),
]
# A function's body in an object of a pure archive, and the symbol or variable that the lint must name.
SYMBOLS = [
    ("open", "#include <fcntl.h>\nint f(const char *p, int g) { return open(p, g); }", "open()"),
    ("open, fortified", "#include <fcntl.h>\nint f(const char *p, int g) { return open(p, g); }", "__open_2()"),
    ("read, fortified", "#include <unistd.h>\nlong f(int d, unsigned long n) { char b[8]; long r = read(d, b, n); return r + b[0]; }", "__read_chk()"),
    ("socket", "#include <sys/socket.h>\nint f(void) { return socket(1, 1, 0); }", "socket()"),
    ("time", "#include <time.h>\nlong f(void) { return time(0); }", "time()"),
    ("clock_gettime", "#include <time.h>\nint f(struct timespec *t) { return clock_gettime(0, t); }", "clock_gettime()"),
    ("getenv", "#include <stdlib.h>\nchar *f(void) { return getenv(\"A\"); }", "getenv()"),
    ("environ", "extern char **environ;\nchar *f(void) { return environ[0]; }", "environ()"),
    ("printf, fortified", "#include <stdio.h>\nint f(int a) { return printf(\"%d\", a); }", "__printf_chk()"),
    ("fprintf outside finding.c", "#include <stdio.h>\nint f(FILE *o, int a) { return fprintf(o, \"%d\", a); }", "fprintf_chk()"),
    ("stderr", "#include <stdio.h>\nFILE *f(void) { return stderr; }", "stderr()"),
    ("a variable", "static int count; int f(void) { return ++count; }", "keeps a variable, count"),
    ("a variable with a value", "int limit = 3;", "keeps a variable, limit"),
    ("a variable of a thread", "static _Thread_local int mine; int f(void) { return ++mine; }", "keeps a variable, mine"),
]
# What is added to the flags of a program that is as it should be, its name, and what the lint must say.
PROGRAMS = [
    ("PIE", ["-no-pie", "-fno-pie"], "sevattestd", "not position independent"),
    ("RELRO", ["-Wl,-z,norelro"], "sevattestd", "no RELRO segment"),
    ("BIND_NOW", ["-Wl,-z,lazy"], "sevattestd", "no BIND_NOW"),
    ("NX", ["-Wl,-z,execstack"], "sevattestd", "the stack may be executed"),
    ("stack protector", ["-fno-stack-protector"], "sevattestd", "no stack protector"),
    ("fortify", ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=0"], "sevattestd", "no _FORTIFY_SOURCE"),
    ("RPATH", ["-Wl,-rpath,/tmp"], "sevattestd", "RPATH"),
    ("curl in the agent", ["-Wl,--no-as-needed", "-lcurl"], "sevattestd", "needs libcurl.so.4"),
    ("microhttpd in brokerd", ["-Wl,--no-as-needed", "-lmicrohttpd"], "sevattest-brokerd", "needs libmicrohttpd.so.12"),
    ("sqlite in httpd", ["-Wl,--no-as-needed", "-lsqlite3"], "sevattest-httpd", "needs libsqlite3.so.0"),
    ("a program that nobody knows", [], "sevattest-planted", "is not in the table"),
]

count = 0
failures = []


def check(name, words, command, clean=False):
    """The command must fail and say the words; a clean one must not."""
    global count
    count += 1
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if clean:
        if done.returncode:
            failures.append(f"{name}: refused: {done.stdout[-400:]}{done.stderr[-400:]}")
    elif done.returncode == 0:
        failures.append(f"{name}: not refused")
    elif words not in done.stdout + done.stderr:
        failures.append(f"{name}: refused, but not with '{words}': {done.stdout[-400:]}{done.stderr[-400:]}")


def lint(script):
    return [sys.executable, os.path.join(HERE, script)]


def sources(root, work):
    copy = os.path.join(work, "tree")
    shutil.copytree(os.path.join(root, "src"), os.path.join(copy, "src"))
    check("the tree itself", "", [*lint("layers.py"), copy], clean=True)
    for name, path, text, words in SOURCES:
        file = os.path.join(copy, path)
        before = open(file, encoding="utf-8").read() if os.path.exists(file) else None
        with open(file, "a", encoding="utf-8") as out:
            out.write(text)
        check(name, words, [*lint("layers.py"), copy])
        if before is None:
            os.unlink(file)
        else:
            with open(file, "w", encoding="utf-8") as out:
                out.write(before)
    with open(os.path.join(copy, "src/tpm/hcl.c"), "a", encoding="utf-8") as out:
        out.write("static int planted(int a)\n{\n" + "\ta++;\n" * 98 + "\treturn a;\n}\n")
    check("a function of 102 lines", "planted() has", [*lint("functions.py"), copy])


def symbols(root, build, work):
    """One pure archive is another one; the rest of the build is as it is."""
    fake = os.path.join(work, "build")
    for folder, _, names in os.walk(os.path.join(build, "src")):
        for name in names:
            if name.endswith(".a"):
                place = os.path.join(fake, os.path.relpath(folder, build))
                os.makedirs(place, exist_ok=True)
                # Ours are thin: they hold paths, which say nothing elsewhere.
                objects = subprocess.run(["ar", "t", os.path.join(folder, name)], capture_output=True, text=True, check=True).stdout.split()
                subprocess.run(["ar", "rc", os.path.join(place, name), *objects], check=True)
    check("the pure archives themselves", "", [*lint("layers.py"), root, fake], clean=True)
    archive = os.path.join(fake, "src/tpm/libtpm.a")
    source, thing = os.path.join(work, "planted.c"), os.path.join(work, "planted.o")
    for name, code, words in SYMBOLS:
        with open(source, "w", encoding="utf-8") as out:
            out.write(code + "\n")
        level = "3" if "fortified" in name or "fprintf" in name else "0"
        subprocess.run(["cc", "-O2", "-c", "-U_FORTIFY_SOURCE", f"-D_FORTIFY_SOURCE={level}", source, "-o", thing], check=True)
        os.unlink(archive)
        subprocess.run(["ar", "rc", archive, thing], check=True)
        check(f"pure: {name}", words, [*lint("layers.py"), root, fake])


def programs(work):
    source = os.path.join(work, "program.c")
    with open(source, "w", encoding="utf-8") as out:
        out.write(CODE)
    for name, flags, program, words in [("", [], "sevattestd", ""), *PROGRAMS]:
        path = os.path.join(work, program)
        subprocess.run(["cc", source, "-w", *HARD, *flags, "-o", path], check=True)
        check(f"program: {name or 'a good one'}", words, [*lint("programs.py"), work, path], clean=not name)
    empty = os.path.join(work, "empty")
    os.mkdir(empty)
    check("nothing installed", "install first", [*lint("programs.py"), empty])


def main():
    root, build = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="sevattest-lint-") as work:
        sources(root, work)
        symbols(root, build, work)
        programs(work)
    for failure in failures:
        print(f"FAIL: {failure}")
    print(f"planted: {count} trials, {len(failures)} failures")
    return 1 if failures or count < len(SOURCES) + len(SYMBOLS) + len(PROGRAMS) else 0


if __name__ == "__main__":
    sys.exit(main())
