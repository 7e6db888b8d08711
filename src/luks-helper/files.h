/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The files of a volume in the run directory: VOLUME.header, a copy of the disk's header area that sevattestd and systemd-cryptsetup read, and VOLUME.ok, which the
 * udev rule looks for. Only root may write there; sevattestd's group may read.
 */
#include <limits.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

/* "RUN/VOLUME.SUFFIX". 0, -ENAMETOOLONG. */
int files_path(char ret[static PATH_MAX], const char *run, const char *volume, const char *suffix) MUST_CHECK;
/* Removes the header, the mark, and what a killed `check` was writing. 0, also when nothing was there; -errno. */
int files_remove(const char *run, const char *volume, struct error *error) MUST_CHECK;
/* Removes the mark alone. 0, -errno. */
int files_unmark(const char *run, const char *volume, struct error *error) MUST_CHECK;
/* Makes the header under another name, 0640 and of the directory's group, and renames it into place. 0, -errno. */
int files_write_header(const char *run, const char *volume, struct bytes header, struct error *error) MUST_CHECK;
/* Makes the mark. 0, -errno. */
int files_mark(const char *run, const char *volume, struct error *error) MUST_CHECK;
