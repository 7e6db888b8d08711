/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A program narrows itself: no new privileges, no core dump, Landlock where the kernel has it, and a system-call allow list. What is
 * outside the list fails with EPERM. It works for root and for ordinary users and cannot be switched off by the environment; builds with a
 * sanitizer, whose run-time needs more, take sandbox_none.c instead.
 *
 * Call it in main() once configuration, keys and listening sockets are open and before the first thread: Landlock covers the calling thread
 * and those that it makes later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * All: memory without new executable pages, threads, poll, signals to oneself, clocks, existing descriptors. None: exec, fork, ptrace,
 * mount, namespaces, bpf, sockets of any family but AF_UNIX, except where a profile says so.
 */
enum sandbox_profile {
	SANDBOX_BROKERD,   /* + accept, AF_UNIX sockets, files below the given paths (SQLite: with temp_store in memory, /dev/urandom given) */
	SANDBOX_HTTPD,     /* + accept. No socket is made, none connected, no file opened: inbound only */
	SANDBOX_CONNECTOR, /* + AF_UNIX sockets and connect: httpd's child that hands over connections to brokerd */
	SANDBOX_NETD,      /* + accept, IP sockets and connect (sandbox_enter_net()), reading below the given paths. No bind, no listen */
	SANDBOX_EVIDENCE,  /* + files below the given paths, the requests of /dev/sev-guest. No socket is made: one connection is there */
	SANDBOX_AGENT,     /* + accept, AF_UNIX sockets, files below the given paths, pidfd_open: who a peer is */
	SANDBOX_LUKS,      /* + AF_UNIX sockets, files below the given paths, device-mapper's request for a table */
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

/*
 * The same for a profile with IP sockets: where the kernel has Landlock ABI 4, TCP goes to these ports only. With sandbox_enter() it goes to
 * none.
 */
int sandbox_enter_net(enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, const uint16_t *ports, size_t port_count,
	struct sandbox_state *ret, struct error *error) MUST_CHECK;

/* 0, or -errno with a message: the program must not go on. */
int sandbox_enter(enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, struct sandbox_state *ret,
	struct error *error) MUST_CHECK;
