/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/allow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void allow_deinit(struct allow_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].label);
	free(list->entries);
	*list = (struct allow_list){0};
}

int allow_init(struct allow_list *list, size_t count)
{
	if (count > ALLOW_ENTRIES_MAX)
		return -E2BIG;
	list->entries = calloc(count ? count : 1, sizeof(list->entries[0]));
	if (!list->entries)
		return -ENOMEM;
	list->count = count;
	list->stated = true;
	return 0;
}

/* By value, and among equal values the longest lasting first. */
static int compare(const void *left, const void *right)
{
	const struct allow_entry *a = left, *b = right;
	int order = memcmp(a->value, b->value, sizeof(a->value));

	if (order)
		return order;
	return (a->not_after < b->not_after) - (a->not_after > b->not_after);
}

void allow_sort(struct allow_list *list)
{
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(list->entries[0]), compare);
}

const struct allow_entry *allow_find(const struct allow_list *list, const uint8_t *value, size_t size)
{
	uint8_t padded[ALLOW_WIDTH_MAX] = {0};
	size_t low = 0, high = list->count;

	if (size > sizeof(padded))
		return NULL;
	memcpy(padded, value, size);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(list->entries[middle].value, padded, sizeof(padded)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->count || memcmp(list->entries[low].value, padded, sizeof(padded)) != 0)
		return NULL;
	return &list->entries[low];
}
