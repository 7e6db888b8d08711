/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is on a device, as libblkid recognises it: a file system, a partition table, a RAID. The library is loaded when this is asked. A guess for people, and
 * the question whether a device is empty before it is made anew.
 */
#include "base/error.h"

#define CONTENTS_NAME_MAX 64

/*
 * `fd` is open for reading. *ret: the type ("ext4", "gpt"), "something that is not known" where there are several, or "" for nothing. 0, -ENOSYS without
 * the library, -EIO.
 */
int contents_probe(int fd, char ret[static CONTENTS_NAME_MAX], struct error *error) MUST_CHECK;
