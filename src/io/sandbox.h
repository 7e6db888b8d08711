/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A program narrows itself: no new privileges, no core dump, Landlock where the kernel has it, and a system-call allow list. What is outside
 * the list fails with EPERM. It works for root and for ordinary users and cannot be switched off by the environment; builds with a
 * sanitizer, whose run-time needs more, take sandbox_none.c instead.
 *
 * Call it in main() once configuration, keys and listening sockets are open and before the first thread: Landlock covers the calling thread
 * and those that it makes later.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

/* All: memory without new executable pages, threads, poll, signals, clocks, existing descriptors. None: exec, fork, ptrace, mount, new namespaces, bpf. */
enum sandbox_profile {
	SANDBOX_BROKERD, /* + accept on AF_UNIX, files below the given paths (SQLite) */
	SANDBOX_HTTPD,   /* + accept on TCP, connect to AF_UNIX; no file is opened any more */
	SANDBOX_NETD,    /* + connect to TCP and UDP, files below the given paths (cache, resolver) */
	SANDBOX_PURE,    /* nothing more: existing descriptors only */
};

/* What stays reachable under Landlock. Missing paths are ignored: what does not exist needs no right. */
struct sandbox_path {
	const char *path;
	bool writable;
};

/* What took effect, for a line in the log. */
struct sandbox_state {
	bool seccomp;
	int landlock_abi; /* 0: the kernel has none */
};

/* 0, or -errno with a message: the program must not go on. */
int sandbox_enter(enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, struct sandbox_state *ret, struct error *error) MUST_CHECK;
