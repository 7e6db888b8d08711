/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An agent waits for an hour and works for a tenth of a second. What a burst of work has brought into memory is given back when it is over:
 * free heap to the kernel, and the pages of program and libraries, which come back from the page cache when they are needed.
 */
#include <systemd/sd-event.h>

#include "base/compiler.h"

struct idle;

int idle_new(sd_event *event, struct idle **ret) MUST_CHECK;
struct idle *idle_free(struct idle *idle);
DEFINE_CLEANUP(struct idle *, idle_free)

/* Something has happened: the next quiet moment is worth a look. */
void idle_touch(struct idle *idle);
