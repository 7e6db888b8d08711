/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/grants.h"

#include <string.h>

#include "kbs/resource.h"

/* "r/t/tag" to "r/t/<star>". `to` has room for KBS_RESOURCE_MAX + 2. */
static void widen(char *to, const char *resource)
{
	size_t keep = (size_t)(strrchr(resource, '/') - resource) + 1;

	memcpy(to, resource, keep);
	to[keep] = '*';
	to[keep + 1] = 0;
}

size_t grants_covering(const struct manifest *manifest, const char *resource, const struct manifest_grant *ret[static GRANTS_PER_RESOURCE])
{
	char wide[KBS_RESOURCE_MAX + 2];
	size_t count = 0;

	if (!kbs_resource_valid(bytes_of_text(resource)))
		return 0;
	widen(wide, resource);
	ret[count] = manifest_find_grant(manifest, resource);
	count += ret[count] ? 1 : 0;
	ret[count] = manifest_find_grant(manifest, wide);
	count += ret[count] ? 1 : 0;
	return count;
}

static bool names(const struct manifest_grant *grant, const char *policy)
{
	for (size_t i = 0; i < grant->policy_count; i++)
		if (strcmp(grant->policies[i], policy) == 0)
			return true;
	return false;
}

bool grants_allow(const struct manifest *manifest, const char *resource, const char *policy)
{
	const struct manifest_grant *grants[GRANTS_PER_RESOURCE + 1] = {NULL};
	size_t count = grants_covering(manifest, resource, grants);
	bool allowed = false;

	for (size_t i = 0; i < count; i++)
		allowed = allowed || names(grants[i], policy);
	return allowed;
}

bool grants_name_policy(const struct manifest *manifest, const char *policy)
{
	for (size_t i = 0; i < manifest->grant_count; i++)
		if (names(&manifest->grants[i], policy))
			return true;
	return false;
}
