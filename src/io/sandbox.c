/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allow list is made of four tables: what every program needs, and what a profile adds. Whoever adds a call says there what for.
 * Arguments are looked at where the call alone is too much: mmap and mprotect without PROT_EXEC, clone only for threads, socket only for
 * AF_UNIX (netd: and IP), prctl only for thread names. clone3 hides its flags in memory: it gets ENOSYS, upon which the C library takes clone.
 */
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/landlock.h"
#include "io/sandbox_hooks.h"

/* clang-format off */
static const int calls_all[] = {
	/* existing descriptors */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(lseek), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(pipe2), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(signalfd4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(shutdown), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	/* waiting */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(futex), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield),
	/* memory; mmap and mprotect have rules of their own */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
	SCMP_SYS(membarrier),
	/* time, randomness, who am I */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname),
	SCMP_SYS(sysinfo), SCMP_SYS(getrusage), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu),
	/* signals and threads; clone has a rule of its own */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack), SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static const int calls_accept[] = {SCMP_SYS(accept), SCMP_SYS(accept4)};

static const int calls_unix[] = {SCMP_SYS(connect)};

/* SQLite with its journal, atomic files. Where they may lie is Landlock's matter and the unit's. */
static const int calls_files[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(flock), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(statfs),
	SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(chmod), SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat), SCMP_SYS(fchown), SCMP_SYS(umask), SCMP_SYS(utimensat), SCMP_SYS(fadvise64), SCMP_SYS(sync_file_range),
};

/* tsm.c looks whether the maker of an entry lives (kill has a rule of its own), and removes entries. */
static const int calls_devices[] = {SCMP_SYS(rmdir)};

/* A peer's process id may be used again: a pidfd says whether it still is that process. */
static const int calls_peer[] = {SCMP_SYS(pidfd_open)};

/* The C library's name service and libcurl: pairs of sockets wake its threads, and both kinds of address are asked for at once. */
static const int calls_net[] = {SCMP_SYS(connect), SCMP_SYS(sendmmsg)};

/* The C library looks after resolv.conf and hosts each time. Opening is read-only: see allow_net(). */
static const int calls_look[] = {SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2)};

/* clang-format on */

enum { GROUP_ACCEPT = 1, GROUP_UNIX = 2, GROUP_FILES = 4, GROUP_DEVICES = 8, GROUP_PEER = 16, GROUP_NET = 32, GROUP_MAPPER = 64 };

static const unsigned profiles[] = {
	[SANDBOX_BROKERD] = GROUP_ACCEPT | GROUP_UNIX | GROUP_FILES,
	[SANDBOX_HTTPD] = GROUP_ACCEPT,
	[SANDBOX_CONNECTOR] = GROUP_UNIX,
	[SANDBOX_NETD] = GROUP_ACCEPT | GROUP_NET,
	[SANDBOX_EVIDENCE] = GROUP_FILES | GROUP_DEVICES,
	[SANDBOX_AGENT] = GROUP_ACCEPT | GROUP_UNIX | GROUP_FILES | GROUP_PEER,
	[SANDBOX_LUKS] = GROUP_UNIX | GROUP_FILES | GROUP_MAPPER,
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static int allow_with_arguments(scmp_filter_ctx filter)
{
	static const unsigned long ioctls[] = {FIONBIO, FIONREAD, TCGETS}; /* TCGETS: isatty() of stdio */
	int r;

	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	if (!r) /* abort() raises in its own process only */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	if (!r) /* reading a limit */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
	for (size_t i = 0; i < ARRAY_SIZE(ioctls) && !r; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ioctls[i]));
	return r;
}

/* Signal 0 only asks. SNP_GET_REPORT, SNP_GET_DERIVED_KEY (not ours) and SNP_GET_EXT_REPORT are the requests 0, 1 and 2 of linux/sev-guest.h. */
static int allow_devices(scmp_filter_ctx filter)
{
	static const unsigned long ioctls[] = {_IOC(_IOC_READ | _IOC_WRITE, 'S', 0, 32), _IOC(_IOC_READ | _IOC_WRITE, 'S', 2, 32)};
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, SCMP_A1(SCMP_CMP_EQ, 0, 0));

	for (size_t i = 0; i < ARRAY_SIZE(ioctls) && !r; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ioctls[i]));
	return r ? r : allow(filter, calls_devices, ARRAY_SIZE(calls_devices));
}

static int allow_net(scmp_filter_ctx filter)
{
	static const unsigned write_flags = O_ACCMODE | O_CREAT | O_TRUNC;
	int r = allow(filter, calls_net, ARRAY_SIZE(calls_net));

	if (!r)
		r = allow(filter, calls_look, ARRAY_SIZE(calls_look));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, write_flags, O_RDONLY));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, write_flags, O_RDONLY));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_INET, 0));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_INET6, 0));
	return r ? r : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
}

static int build(scmp_filter_ctx filter, enum sandbox_profile profile)
{
	unsigned groups = profiles[profile];
	int r;

	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!r) /* a binary tree: the list is long */
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = allow(filter, calls_all, ARRAY_SIZE(calls_all));
	if (!r)
		r = allow_with_arguments(filter);
	if (!r && (groups & GROUP_ACCEPT))
		r = allow(filter, calls_accept, ARRAY_SIZE(calls_accept));
	if (!r && (groups & GROUP_FILES))
		r = allow(filter, calls_files, ARRAY_SIZE(calls_files));
	if (!r && (groups & GROUP_DEVICES))
		r = allow_devices(filter);
	if (!r && (groups & GROUP_PEER))
		r = allow(filter, calls_peer, ARRAY_SIZE(calls_peer));
	if (!r && (groups & GROUP_MAPPER)) /* only with /dev/mapper/control, which is open before or not at all */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, DM_TABLE_STATUS));
	if (!r && (groups & GROUP_UNIX))
		r = allow(filter, calls_unix, ARRAY_SIZE(calls_unix));
	if (!r && (groups & GROUP_UNIX))
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	if (!r && (groups & GROUP_NET))
		r = allow_net(filter);
	return r;
}

static int enter_seccomp(enum sandbox_profile profile, struct error *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return error_set(error, -ENOMEM, "seccomp: no memory");
	r = build(filter, profile);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r ? error_set(error, r, "seccomp: %s", strerror(-r)) : 0;
}

/* What a program asks for. */
struct request {
	enum sandbox_profile profile;
	const struct sandbox_path *paths;
	size_t count;
	const uint16_t *ports;
	size_t port_count;
	struct sandbox_state *ret;
};

static int narrow(const void *context, struct error *error)
{
	static const struct rlimit no_core = {0, 0};
	const struct request *request = context;
	int abi;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_set(error, -errno, "sandbox: %s", strerror(errno));
	r = landlock_enter(request->paths, request->count, request->ports, request->port_count, &abi, error);
	if (r)
		return r;
	r = enter_seccomp(request->profile, error);
	if (r)
		return r;
	*request->ret = (struct sandbox_state){.seccomp = true, .landlock_abi = abi};
	return 0;
}

int sandbox_enter_net(enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, const uint16_t *ports, size_t port_count,
	struct sandbox_state *ret, struct error *error)
{
	const struct request request = {profile, paths, count, ports, port_count, ret};

	sandbox_hooks_try(narrow, &request, profile);
	return narrow(&request, error);
}

int sandbox_enter(
	enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, struct sandbox_state *ret, struct error *error)
{
	return sandbox_enter_net(profile, paths, count, NULL, 0, ret, error);
}
