/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sandbox_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the test has put there: a file that everybody may read, a folder that everybody may write, a listening socket of each kind. */
#define FILE_TO_READ "/srv/sevattest-acts/file"
#define FOLDER_TO_FILL "/srv/sevattest-acts/open"
#define SOCKET_TO_REACH "/srv/sevattest-acts/listener.sock"
#define PORT_TO_REACH 7777

static pid_t sibling; /* of the same user, willing to be traced: only the sandbox is between */
static uint8_t sibling_memory[64];
static int tcp_fd = -1; /* a socket that was there before the sandbox */

/* Acts: 0, or errno. */
static int outcome(long r)
{
	return r < 0 ? errno : 0;
}

static int act_open(void)
{
	return outcome(open(FILE_TO_READ, O_RDONLY | O_CLOEXEC));
}

static int act_create(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%d", FOLDER_TO_FILL, (int)getpid());
	return outcome(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
}

static int act_exec(void)
{
	static char program[] = "/bin/true";
	char *arguments[] = {program, NULL};

	return outcome(execv(program, arguments));
}

static int act_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int reach_port(int fd)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT_TO_REACH), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return outcome(connect(fd, (const struct sockaddr *)&address, sizeof(address)));
}

static int act_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : reach_port(fd);
}

static int act_connect_old(void)
{
	return reach_port(tcp_fd);
}

static int act_listen(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno;
	return outcome(listen(fd, 1));
}

static int act_connect_unix(void)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_TO_REACH};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : outcome(connect(fd, (const struct sockaddr *)&address, sizeof(address)));
}

static int act_netlink(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int act_ptrace(void)
{
	return outcome(ptrace(PTRACE_SEIZE, sibling, NULL, NULL));
}

static int act_read_memory(void)
{
	uint8_t to[sizeof(sibling_memory)];
	struct iovec local = {to, sizeof(to)};
	struct iovec remote = {sibling_memory, sizeof(sibling_memory)};

	return outcome(process_vm_readv(sibling, &local, 1, &remote, 1, 0));
}

static int act_open_memory(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)sibling);
	return outcome(open(path, O_RDONLY | O_CLOEXEC));
}

static int act_map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int act_make_executable(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? errno : outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int act_unshare(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int act_kill(void)
{
	return outcome(kill(sibling, 0));
}

static const struct {
	const char *name;
	int (*function)(void);
} acts[] = {
	{"open", act_open},
	{"create", act_create},
	{"exec", act_exec},
	{"fork", act_fork},
	{"connect", act_connect},
	{"connect-old", act_connect_old},
	{"listen", act_listen},
	{"connect-unix", act_connect_unix},
	{"netlink", act_netlink},
	{"ptrace", act_ptrace},
	{"read-memory", act_read_memory},
	{"open-memory", act_open_memory},
	{"map-executable", act_map_executable},
	{"make-executable", act_make_executable},
	{"unshare", act_unshare},
	{"kill", act_kill},
};

static pid_t start_sibling(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;)
		(void)pause();
}

/* The act in a child of its own: 0 or errno; -1: the child did not come so far. */
static int try(int (*act)(void), sandbox_narrow_fn narrow, const void *request)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (narrow && narrow(request, NULL))
			_exit(255);
		_exit(act());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return -1;
	return WEXITSTATUS(status);
}

static void try_all(FILE *report, sandbox_narrow_fn narrow, const void *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		int inside = try(acts[i].function, narrow, request);
		int outside = try(acts[i].function, NULL, NULL);

		(void)fprintf(report, "%s %d %d\n", acts[i].name, inside, outside);
		(void)fflush(report); /* a child would write what is left once more */
	}
}

void sandbox_hooks_try(sandbox_narrow_fn narrow, const void *request, enum sandbox_profile profile)
{
	const char *directory = getenv("SEVATTEST_TEST_ACTS");
	char path[PATH_MAX];
	FILE *report;

	if (!directory || snprintf(path, sizeof(path), "%s/%s.%d", directory, program_invocation_short_name, (int)profile) >= (int)sizeof(path))
		return;
	report = fopen(path, "we");
	if (!report)
		return;
	tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sibling = start_sibling();
	try_all(report, narrow, request);
	(void)kill(sibling, SIGKILL);
	(void)waitpid(sibling, NULL, 0);
	if (tcp_fd >= 0)
		(void)close(tcp_fd);
	(void)fclose(report);
}
