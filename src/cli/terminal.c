/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/files.h"

#define TERMINAL "/dev/tty"

static int open_terminal(void)
{
	return open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

bool terminal_there(void)
{
	FD_AUTO fd = open_terminal();

	return fd >= 0;
}

/* Byte by byte into locked memory: stdio would keep a copy. */
static int read_line(int fd, struct secret *line)
{
	size_t size = 0;

	for (;;) {
		uint8_t *at = line->data + size;
		ssize_t got = read(fd, at, 1);

		if (got < 0)
			return errno == EINTR ? -ECANCELED : -errno;
		if (got == 0 || *at == '\n')
			break;
		if (++size == line->size)
			return -E2BIG;
	}
	if (!size)
		return -ECANCELED;
	secret_truncate(line, size);
	return 0;
}

/* Ctrl-C must not leave a terminal without echo: it waits until the line is in. */
static int ask(int fd, const char *prompt, struct secret *line)
{
	struct termios was, quiet;
	sigset_t held, before;
	int r;

	if (tcgetattr(fd, &was) < 0)
		return -errno;
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_lflag |= ECHONL | ICANON;
	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &held, &before);
	r = fd_write_all(fd, bytes_of_text(prompt));
	if (!r && tcsetattr(fd, TCSAFLUSH, &quiet) < 0)
		r = -errno;
	if (!r)
		r = read_line(fd, line);
	(void)tcsetattr(fd, TCSAFLUSH, &was);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int terminal_ask(const char *prompt, struct secret *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret line = SECRET_NULL;
	FD_AUTO fd = open_terminal();
	int r;

	if (fd < 0)
		return error_set(error, -ENXIO, "there is no terminal to ask on");
	r = secret_alloc(&line, TERMINAL_LINE_MAX + 1);
	if (!r)
		r = ask(fd, prompt, &line);
	if (r)
		return error_set(error, r, "nothing was typed, or too much: %s", strerror(-r));
	/* Ctrl-C came in as a character. */
	if (memchr(line.data, 3, line.size))
		return error_set(error, -ECANCELED, "interrupted");
	*ret = secret_steal(&line);
	return 0;
}

int terminal_show(const char *before, const struct secret *secret, const char *after, struct error *error)
{
	FD_AUTO fd = open_terminal();
	int r;

	if (fd < 0)
		return error_set(error, -ENXIO, "there is no terminal to show it on");
	r = fd_write_all(fd, bytes_of_text(before));
	if (!r)
		r = fd_write_all(fd, secret_view(secret));
	if (!r)
		r = fd_write_all(fd, bytes_of_text(after));
	return r ? error_set(error, r, "%s: %s", TERMINAL, strerror(-r)) : 0;
}
