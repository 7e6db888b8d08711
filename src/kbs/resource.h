/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Resource names: {repository}/{type}/{tag}. Three segments, each of [A-Za-z0-9._-]{1,128} without a leading dot and without "..",
 * compared byte for byte; nothing is decoded or normalised (spec/kbs.md section 14, spec/attacks.md section 6).
 */
#include <stdbool.h>

#include "base/bytes.h"

#define KBS_SEGMENT_MAX 128
#define KBS_RESOURCE_MAX (3 * KBS_SEGMENT_MAX + 2) /* without the NUL */

bool kbs_resource_valid(struct bytes name);

/* A grant's pattern: an exact name, or "repository/type" followed by a final segment of one asterisk. */
bool kbs_resource_pattern_valid(struct bytes pattern);
bool kbs_resource_matches(const char *pattern, const char *name);

/* "r/t/tag" or "kbs:///r/t/tag" (an empty host only) to the name. 0 or -EINVAL. */
int kbs_resource_from_text(char ret[static KBS_RESOURCE_MAX + 1], const char *text) MUST_CHECK;
