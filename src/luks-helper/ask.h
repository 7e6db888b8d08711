/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The question to sevattestd whether a volume may be opened, and its answer, for which there is no time-out: the broker may be away for hours. */
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "io/luks_frame.h"

/*
 * Asks over the socket until there is a definite answer. An agent that is not there, that starts again, or that has not decided is waited for; what is waited for
 * is said at once and then once a minute, in the log and in STATUS=. `notify_fd` as of notify_open(). 0 and the answer, whose texts point into *ret_payload; -EPROTO
 * with a message: what answers there is not sevattestd; -EACCES: we may not ask; -errno.
 */
int ask(const char *path, const char *volume, int notify_fd, struct buf *ret_payload, struct luks_frame_response *ret, struct error *error) MUST_CHECK;
