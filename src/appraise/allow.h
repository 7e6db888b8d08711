/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An allow-list of byte strings of one width, looked up by binary search: 100,000 measurements cost 17 comparisons. A list that is stated
 * and empty allows nothing; one that is not stated is not checked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define ALLOW_WIDTH_MAX 64
#define ALLOW_ENTRIES_MAX 150000 /* half as much again as a policy is meant to list; each has 80 bytes */
#define ALLOW_FOREVER INT64_MAX

/* `value` is padded with zeros. `label` is owned and may be NULL. The entry counts while now < not_after. */
struct allow_entry {
	uint8_t value[ALLOW_WIDTH_MAX];
	char *label;
	int64_t not_after;
};

struct allow_list {
	bool stated;
	size_t count;
	struct allow_entry *entries;
};

void allow_deinit(struct allow_list *list);

/* Room for `count` entries, zeroed; sets `stated`. 0, -E2BIG, -ENOMEM. */
int allow_init(struct allow_list *list, size_t count) MUST_CHECK;

/* Brings the entries into the order that allow_find() needs. */
void allow_sort(struct allow_list *list);

/*
 * The entry for the first `size` bytes of `value`, or NULL. Of entries with one value the one that lasts longest is given; the caller
 * looks at its not_after.
 */
const struct allow_entry *allow_find(const struct allow_list *list, const uint8_t *value, size_t size);
