/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The person at the terminal (/dev/tty, whatever standard input and output are): secrets that are typed, and the one that is shown. */
#include <stdbool.h>

#include "base/error.h"
#include "base/secret.h"

#define TERMINAL_LINE_MAX 512 /* bytes of a passphrase, as cryptsetup has it */

bool terminal_there(void);

/* Asks without echo for one line, without its end. 0; -ENXIO: no terminal; -E2BIG; -ECANCELED: nothing was typed; -errno. */
int terminal_ask(const char *prompt, struct secret *ret, struct error *error) MUST_CHECK;

/* Shows a secret between two texts. 0, -ENXIO, -errno. */
int terminal_show(const char *before, const struct secret *secret, const char *after, struct error *error) MUST_CHECK;
