/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Grants are the only thing that opens the store: an exact resource, or `repository/type/` and a star, and the policies of which one must
 * pass. There is no default and no other wildcard.
 */
#include <stdbool.h>

#include "base/bytes.h"
#include "broker/manifest.h"

#define GRANTS_PER_RESOURCE 2 /* the exact one and the one of its repository and type */

/* The grants that cover a resource: 0, 1 or 2 of them, borrowed from the manifest. An invalid name has none. */
size_t grants_covering(const struct manifest *manifest, const char *resource, const struct manifest_grant *ret[static GRANTS_PER_RESOURCE]);

/* Does a grant that covers the resource name this policy? */
bool grants_allow(const struct manifest *manifest, const char *resource, const char *policy);

/* Is the policy named by any grant? */
bool grants_name_policy(const struct manifest *manifest, const char *policy);
