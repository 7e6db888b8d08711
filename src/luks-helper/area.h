/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The begin of a disk, read once: what is judged is what was copied, and what was copied is what is opened. */
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

/*
 * Both headers and the area of the key slots, as large as either header says, at most LUKS_AREA_MAX. Where no header can be read, twice the largest legal one, so
 * that whoever judges can say what is wrong with it. 0; -errno of reading.
 */
int area_read(int fd, const char *device, struct buf *ret, struct error *error) MUST_CHECK;
