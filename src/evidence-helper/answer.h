/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One connection: who asks, what for, the turn on the machine, the provider, the answer. */
#include "base/compiler.h"
#include "base/error.h"
#include "evidence-helper/config.h"

/* May this peer ask? Root, our own user, or [evidence] User=. 0, or -EACCES with a text, -errno. Before the sandbox: it reads passwd(5). */
int answer_admit(const struct helper_config *config, int fd, struct error *error) MUST_CHECK;

/* Narrows the process to what one request needs. -errno with a text: do not go on. */
int answer_narrow(const struct helper_config *config, struct error *error) MUST_CHECK;

/* Takes the one request of the connection and answers it. 0 when an answer went out, whatever it says; -errno or FRAME_E_* with a text. */
int answer_one(const struct helper_config *config, int fd, struct error *error) MUST_CHECK;
