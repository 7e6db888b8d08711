/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is going to be written below a root directory: a list of edits, each a whole file with its old and its new text. A dry run prints it, plan_apply() carries
 * it out in the order of the list. Each file is written under another name, flushed and renamed, so that a kill at any time leaves the old or the new one, never
 * half of one; a list that was cut short is finished by making the plan again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"

#define PLAN_FILE_MAX ((size_t)1 << 20)
#define PLAN_EDITS_MAX 128 /* a volume has six files and one more per service */

struct plan_edit {
	char *path; /* without the root: "/etc/crypttab" */
	bool existed;
	bool removed; /* the new state is that there is none */
	mode_t mode;
	uid_t owner;
	gid_t group;
	struct buf before, after;
};

struct plan {
	char *root; /* "" for / */
	struct plan_edit *items;
	size_t count;
};

#define PLAN_NULL                                                                                                                          \
	{                                                                                                                                  \
		NULL, NULL, 0                                                                                                              \
	}

/* `root`: a directory, or NULL for /. 0, -ENOMEM. */
int plan_init(struct plan *plan, const char *root) MUST_CHECK;
void plan_deinit(struct plan *plan);

/*
 * A file as it will be: as the plan has it, else as it stands there; empty and *ret_exists false where there is none. 0; -errno with the path; -EINVAL for what is
 * no regular file, a symbolic link too; -EFBIG past PLAN_FILE_MAX.
 */
int plan_read(const struct plan *plan, const char *path, struct buf *ret, bool *ret_exists, struct error *error) MUST_CHECK;
/*
 * The file gets this text. One that exists keeps its mode and owner, a new one is root's with `mode` (who runs this, where it is not root). Nothing is added where
 * the text is that already. 0, or as plan_read().
 */
int plan_write(struct plan *plan, const char *path, mode_t mode, struct bytes text, struct error *error) MUST_CHECK;
/* The file goes away; nothing is added where there is none. 0, or as plan_read(). */
int plan_remove(struct plan *plan, const char *path, struct error *error) MUST_CHECK;

const struct plan_edit *plan_find(const struct plan *plan, const char *path); /* NULL: it stays as it is */

/* A unified diff, as patch(1) takes it. */
void plan_print(const struct plan *plan, FILE *out);
/* Makes missing directories (0755) and writes. 0, or the -errno of the first file that could not be written, with its path; those before it are done. */
int plan_apply(const struct plan *plan, struct error *error) MUST_CHECK;
