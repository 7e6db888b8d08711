/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a narrowed process may no longer do. Each act is tried twice in a child of its own: without the sandbox it must succeed (else the
 * test proves nothing), inside it must fail with EPERM or, where Landlock refuses, EACCES.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/sandbox.h"

static char directory[] = "/tmp/test_sandbox.XXXXXX"; /* the one that BROKERD may write */
static char outside[] = "/tmp/test_sandbox.XXXXXX";

/* Acts: 0, or errno. */
static int outcome(long r)
{
	return r < 0 ? errno : 0;
}

static int act_open(void)
{
	return outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int act_create_outside(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/file", outside);
	return outcome(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int act_create_inside(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/file", directory);
	return outcome(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int act_read_inside(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/there", directory);
	return outcome(open(path, O_RDONLY | O_CLOEXEC));
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

static int act_tcp_socket(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int act_netlink_socket(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int act_unix_socket(void)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/* A socket that was there before: an accepted one could be turned outward by connecting it anew. */
static int tcp_fd = -1;
static struct sockaddr_in tcp_address = {.sin_family = AF_INET};

static int act_connect(void)
{
	return outcome(connect(tcp_fd, (const struct sockaddr *)&tcp_address, sizeof(tcp_address)));
}

/* A port that is none of the program's origins'. */
static struct sockaddr_in other_address = {.sin_family = AF_INET};

static int act_connect_other(void)
{
	return outcome(connect(tcp_fd, (const struct sockaddr *)&other_address, sizeof(other_address)));
}

static int act_bind(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};

	return outcome(bind(tcp_fd, (const struct sockaddr *)&any, sizeof(any)));
}

static int act_listen(void)
{
	return outcome(listen(tcp_fd, 1));
}

static int act_datagram(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : outcome(sendto(fd, "", 1, 0, (const struct sockaddr *)&tcp_address, sizeof(tcp_address)));
}

/* Nobody waits there: EAGAIN is what an allowed call says. */
static int unix_listener = -1;

static int act_accept(void)
{
	int r = outcome(accept4(unix_listener, NULL, NULL, SOCK_CLOEXEC));

	return r == EAGAIN ? 0 : r;
}

static int act_ptrace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int act_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int act_make_executable(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? -1 : outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int act_kill_parent(void)
{
	return outcome(kill(getppid(), 0));
}

static int act_read_sibling(void)
{
	char from[1];
	char to[1];
	struct iovec local = {to, 1};
	struct iovec remote = {from, 1};

	return outcome(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static int act_unshare(void)
{
	return outcome(unshare(CLONE_FS));
}

static int act_dumpable(void)
{
	return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int act_clone3(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static void *nothing(void *argument)
{
	return argument;
}

static int act_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int act_memory(void)
{
	void *memory = malloc((size_t)8 << 20);

	if (!memory)
		return errno;
	memset(memory, 1, (size_t)8 << 20);
	free(memory);
	return 0;
}

enum { DENIED, ALLOWED };

#define NO_SANDBOX 200
#define NO_ENTRY 201

static int enter(enum sandbox_profile profile, struct sandbox_state *ret)
{
	struct sandbox_path paths[] = {{directory, profile == SANDBOX_BROKERD}};
	const uint16_t port = ntohs(tcp_address.sin_port);

	if (profile == SANDBOX_NETD)
		return sandbox_enter_net(profile, paths, 1, &port, 1, ret, NULL);
	return sandbox_enter(profile, paths, profile == SANDBOX_BROKERD ? 1 : 0, ret, NULL);
}

/* The errno that an act gets in a child of its own. */
static int try(int (*act)(void), bool narrowed, enum sandbox_profile profile)
{
	struct sandbox_state state;
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (narrowed && enter(profile, &state))
			_exit(NO_ENTRY);
		if (narrowed && !state.seccomp)
			_exit(NO_SANDBOX);
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const struct {
	const char *name;
	int (*act)(void);
	int in[4]; /* by profile */
} acts[] = {
	{"open a file", act_open, {DENIED, DENIED, DENIED, DENIED}},
	{"create a file in a foreign directory", act_create_outside, {DENIED, DENIED, DENIED, DENIED}},
	{"create a file in the own directory", act_create_inside, {ALLOWED, DENIED, DENIED, DENIED}},
	{"execute a program", act_exec, {DENIED, DENIED, DENIED, DENIED}},
	{"fork", act_fork, {DENIED, DENIED, DENIED, DENIED}},
	{"fork by clone3", act_clone3, {DENIED, DENIED, DENIED, DENIED}},
	{"read a file in the own directory", act_read_inside, {ALLOWED, DENIED, DENIED, ALLOWED}},
	{"make a TCP socket", act_tcp_socket, {DENIED, DENIED, DENIED, ALLOWED}},
	{"bind a TCP port", act_bind, {DENIED, DENIED, DENIED, DENIED}},
	{"listen on a TCP socket", act_listen, {DENIED, DENIED, DENIED, DENIED}},
	{"send a datagram", act_datagram, {DENIED, DENIED, DENIED, ALLOWED}},
	{"accept a connection", act_accept, {ALLOWED, ALLOWED, DENIED, ALLOWED}},
	{"make a netlink socket", act_netlink_socket, {DENIED, DENIED, DENIED, DENIED}},
	{"make an AF_UNIX socket", act_unix_socket, {ALLOWED, DENIED, ALLOWED, DENIED}},
	{"connect a TCP socket that it has", act_connect, {DENIED, DENIED, DENIED, ALLOWED}},
	{"connect to another TCP port", act_connect_other, {DENIED, DENIED, DENIED, DENIED}},
	{"ptrace", act_ptrace, {DENIED, DENIED, DENIED, DENIED}},
	{"map executable memory", act_executable_memory, {DENIED, DENIED, DENIED, DENIED}},
	{"make memory executable", act_make_executable, {DENIED, DENIED, DENIED, DENIED}},
	{"signal another process", act_kill_parent, {DENIED, DENIED, DENIED, DENIED}},
	{"read a process's memory", act_read_sibling, {DENIED, DENIED, DENIED, DENIED}},
	{"unshare", act_unshare, {DENIED, DENIED, DENIED, DENIED}},
	{"become dumpable", act_dumpable, {DENIED, DENIED, DENIED, DENIED}},
	{"start a thread", act_thread, {ALLOWED, ALLOWED, ALLOWED, ALLOWED}},
	{"use memory", act_memory, {ALLOWED, ALLOWED, ALLOWED, ALLOWED}},
};

static int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

	return abi < 0 ? 0 : (int)abi;
}

/* Some acts are Landlock's to refuse in a profile that needs the call for other things. */
static bool needs_landlock(int (*act)(void), enum sandbox_profile profile)
{
	if (profile == SANDBOX_BROKERD)
		return act == act_open || act == act_create_outside || act == act_connect || act == act_connect_other;
	if (profile == SANDBOX_NETD)
		return act == act_open || act == act_connect_other;
	return profile == SANDBOX_CONNECTOR && (act == act_connect || act == act_connect_other);
}

START_TEST(acts_by_profile)
{
	size_t i = (size_t)_i % ARRAY_SIZE(acts);
	enum sandbox_profile profile = (enum sandbox_profile)((size_t)_i / ARRAY_SIZE(acts));
	int free_run = try(acts[i].act, false, profile);
	int narrow_run = try(acts[i].act, true, profile);

	ck_assert_msg(free_run == 0, "control: %s: %s", acts[i].name, strerror(free_run));
	ck_assert_msg(narrow_run != NO_ENTRY, "the sandbox could not be entered");
	if (narrow_run == NO_SANDBOX) /* a build with a sanitizer */
		return;
	if (acts[i].in[profile] == ALLOWED) {
		ck_assert_msg(narrow_run == 0, "%s: refused: %s", acts[i].name, strerror(narrow_run));
	} else if (!needs_landlock(acts[i].act, profile)) {
		ck_assert_msg(narrow_run == EPERM || narrow_run == ENOSYS, "%s: %s", acts[i].name, strerror(narrow_run));
	} else if (landlock_abi() >= (acts[i].act == act_connect || acts[i].act == act_connect_other ? 4 : 1)) {
		ck_assert_msg(narrow_run == EACCES, "%s: %s", acts[i].name, strerror(narrow_run));
	}
}
END_TEST

/* "Name:\tvalue" of /proc/PID/status; -1 when it cannot be read. */
static int status_field(pid_t pid, const char *name)
{
	char path[64];
	char line[256];
	int value = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = atoi(line + strlen(name) + 1);
	(void)fclose(file);
	return value;
}

/* Looked at from outside, while the child waits. */
START_TEST(marks_on_the_process)
{
	struct sandbox_state state;
	struct error error = ERROR_NULL;
	int ends[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	if (pid == 0) {
		int r = sandbox_enter(SANDBOX_HTTPD, NULL, 0, &state, &error);

		(void)close(ends[0]);
		byte = r ? 'e' : state.seccomp ? 'y' : 'n';
		(void)!write(ends[1], &byte, 1);
		(void)!read(ends[1], &byte, 1);
		_exit(0);
	}
	(void)close(ends[1]);
	ck_assert_int_eq((int)read(ends[0], &byte, 1), 1);
	ck_assert_int_ne(byte, 'e');
	if (byte == 'y') {
		ck_assert_int_eq(status_field(pid, "NoNewPrivs"), 1);
		ck_assert_int_eq(status_field(pid, "Seccomp"), 2);
	}
	(void)close(ends[0]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

static void listen_somewhere(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (const struct sockaddr *)address, size) < 0 || listen(listener, 64) < 0 ||
		getsockname(listener, (struct sockaddr *)address, &size) < 0)
		exit(EXIT_FAILURE);
}

static void make_sockets(void)
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};

	listen_somewhere(&tcp_address);
	listen_somewhere(&other_address);
	unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (unix_listener < 0 || bind(unix_listener, (const struct sockaddr *)&unnamed, sizeof(sa_family_t)) < 0 || listen(unix_listener, 1) < 0)
		exit(EXIT_FAILURE);
}

static void make_file(void)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/there", directory);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		exit(EXIT_FAILURE);
	(void)close(fd);
}

static void remove_directory(const char *path)
{
	char file[128];

	(void)snprintf(file, sizeof(file), "%s/file", path);
	(void)unlink(file);
	(void)snprintf(file, sizeof(file), "%s/there", path);
	(void)unlink(file);
	(void)rmdir(path);
}

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *cases = tcase_create("sandbox");
	SRunner *runner;
	int failed;

	if (!mkdtemp(directory) || !mkdtemp(outside))
		return EXIT_FAILURE;
	make_sockets();
	make_file();
	tcase_set_timeout(cases, 20);
	tcase_add_loop_test(cases, acts_by_profile, 0, (int)(4 * ARRAY_SIZE(acts)));
	tcase_add_test(cases, marks_on_the_process);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	remove_directory(directory);
	remove_directory(outside);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
