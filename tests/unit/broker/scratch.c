/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 16 /* open directories */

static char base[] = "/tmp/broker-test-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	(void)remove(path); /* the rest goes all the same */
	return 0;
}

/* The write end is open in the program and in every child of it: reading ends when the last of them is gone. */
_Noreturn static void wait_and_remove(const int ends[static 2])
{
	char byte;

	(void)setsid();
	(void)close(ends[1]);
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd); /* or the runner would wait for us */
	while (read(ends[0], &byte, 1) > 0)
		;
	(void)nftw(base, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

void scratch_begin(void)
{
	int ends[2];
	pid_t child;

	if (!mkdtemp(base) || pipe2(ends, O_CLOEXEC)) {
		perror(base);
		exit(EXIT_FAILURE);
	}
	child = fork();
	if (child == 0)
		wait_and_remove(ends);
	(void)close(ends[0]);
}

void scratch_folder(char ret[static 64])
{
	(void)snprintf(ret, 64, "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(ret));
}
