/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/resource.h"

#include <errno.h>
#include <string.h>

static bool segment_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool segment_valid(struct bytes segment)
{
	if (segment.size == 0 || segment.size > KBS_SEGMENT_MAX || segment.data[0] == '.')
		return false;
	for (size_t i = 0; i < segment.size; i++) {
		if (!segment_char(segment.data[i]))
			return false;
		if (segment.data[i] == '.' && i + 1 < segment.size && segment.data[i + 1] == '.')
			return false;
	}
	return true;
}

/* Cuts the bytes before the next "/" off `rest`. False when there is no "/". */
static bool cut_segment(struct bytes *rest, struct bytes *ret)
{
	const uint8_t *slash = rest->size ? memchr(rest->data, '/', rest->size) : NULL;

	if (!slash)
		return false;
	*ret = bytes_of(rest->data, (size_t)(slash - rest->data));
	*rest = bytes_of(slash + 1, rest->size - ret->size - 1);
	return true;
}

/* The first two segments checked; the last one in *ret_tag, not checked. */
static bool split(struct bytes name, struct bytes *ret_tag)
{
	struct bytes repository;
	struct bytes type;

	if (!cut_segment(&name, &repository) || !cut_segment(&name, &type))
		return false;
	*ret_tag = name;
	return segment_valid(repository) && segment_valid(type);
}

bool kbs_resource_valid(struct bytes name)
{
	struct bytes tag;

	return split(name, &tag) && segment_valid(tag);
}

bool kbs_resource_pattern_valid(struct bytes pattern)
{
	struct bytes tag;

	return split(pattern, &tag) && (segment_valid(tag) || (tag.size == 1 && tag.data[0] == '*'));
}

bool kbs_resource_matches(const char *pattern, const char *name)
{
	size_t size = strlen(pattern);

	if (!kbs_resource_pattern_valid(bytes_of(pattern, size)) || !kbs_resource_valid(bytes_of_text(name)))
		return false;
	if (pattern[size - 1] != '*')
		return strcmp(pattern, name) == 0;
	/* Up to and with the "/" before the asterisk; the valid name has exactly one segment behind it. */
	return strncmp(pattern, name, size - 1) == 0;
}

int kbs_resource_from_text(char ret[static KBS_RESOURCE_MAX + 1], const char *text)
{
	static const char scheme[] = "kbs:///";
	size_t size;

	if (strncmp(text, scheme, sizeof(scheme) - 1) == 0)
		text += sizeof(scheme) - 1;
	size = strlen(text);
	if (!kbs_resource_valid(bytes_of(text, size)))
		return -EINVAL;
	memcpy(ret, text, size + 1);
	return 0;
}
