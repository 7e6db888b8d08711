/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One folder for all that a test program writes. It goes when the program has ended, also by SIGKILL and by a time-out of its runner: a process of its own session
 * waits for the end of the program and its children.
 */

/* In main(), before anything is forked. */
void scratch_begin(void);
/* A fresh folder below it, for mkdtemp(3)'s users: writes its path, NUL-terminated, to `ret`. */
void scratch_folder(char ret[static 64]);
