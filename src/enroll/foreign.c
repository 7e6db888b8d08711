/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "luks/allow.h"

static bool slot_number(const char *text, uint64_t *ret)
{
	return !text_to_u64(text, LUKS_SLOTS_MAX - 1, false, ret);
}

static bool is_type(struct json_object *token, const char *type)
{
	const char *is = json_get_text(token, "type", NULL);

	return is && !strcmp(is, type);
}

uint32_t foreign_marked(const struct luks_header *header, const char *type)
{
	uint32_t marked = 0;

	json_object_object_foreach (json_get_object(header->metadata, "tokens"), name, token) {
		struct json_object *slots = is_type(token, type) ? json_get_array(token, "keyslots") : NULL;

		(void)name;
		for (size_t i = 0; slots && i < json_object_array_length(slots); i++) {
			struct json_object *item = json_object_array_get_idx(slots, i);
			uint64_t slot;

			if (json_object_is_type(item, json_type_string) && slot_number(json_object_get_string(item), &slot))
				marked |= UINT32_C(1) << slot;
		}
	}
	return marked;
}

uint32_t foreign_slots(const struct luks_header *header)
{
	uint32_t all = 0;
	uint64_t slot;

	json_object_object_foreach (json_get_object(header->metadata, "keyslots"), name, unused) {
		(void)unused;
		if (slot_number(name, &slot))
			all |= UINT32_C(1) << slot;
	}
	return all;
}

/* The allow-list asked about a header that has this one slot only: no rule is written twice. */
static int slot_allowed(const struct luks_header *header, const char *name, bool *ret)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(luks_header_deinit) struct luks_header one = *header;
	int r;

	one.metadata = NULL;
	if (json_object_deep_copy(header->metadata, &one.metadata, NULL))
		return -ENOMEM;
	json_object_object_foreach (json_get_object(header->metadata, "keyslots"), other, unused) {
		(void)unused;
		if (strcmp(other, name) != 0)
			json_object_object_del(json_get_object(one.metadata, "keyslots"), other);
	}
	r = luks_allow(&one, LUKS_PRIMARY, &verdict);
	if (r < 0)
		return r;
	*ret = true;
	for (size_t i = 0; i < verdict.count; i++) {
		if (verdict.items[i].state != FINDING_PASSED && text_starts_with(verdict.items[i].check, "luks.keyslot"))
			*ret = false;
	}
	return 0;
}

uint32_t foreign_slots_refused(const struct luks_header *header)
{
	uint32_t refused = 0;
	uint64_t slot;

	json_object_object_foreach (json_get_object(header->metadata, "keyslots"), name, unused) {
		bool allowed = true;

		(void)unused;
		if (slot_number(name, &slot) && !slot_allowed(header, name, &allowed) && !allowed)
			refused |= UINT32_C(1) << slot;
	}
	return refused;
}

int foreign_remove_tokens(struct slots *slots, const struct luks_header *header, struct error *error)
{
	json_object_object_foreach (json_get_object(header->metadata, "tokens"), name, token) {
		uint64_t id;
		int r;

		if (is_type(token, LUKS_TOKEN_OURS) || is_type(token, LUKS_TOKEN_RECOVERY) || !slot_number(name, &id))
			continue;
		r = slots_remove_token(slots, (int)id, error);
		if (r)
			return r;
	}
	if (json_get(json_get_object(header->metadata, "config"), "flags"))
		return slots_clear_flags(slots, error);
	return 0;
}

static const char *slot_kind(const struct luks_header *header, uint64_t slot)
{
	if (foreign_marked(header, LUKS_TOKEN_OURS) & UINT32_C(1) << slot)
		return "the key at the broker";
	if (foreign_marked(header, LUKS_TOKEN_RECOVERY) & UINT32_C(1) << slot)
		return "a recovery key";
	return "a passphrase or key file";
}

int foreign_describe(const struct luks_header *header, struct buf *to)
{
	int r = 0;

	json_object_object_foreach (json_get_object(header->metadata, "keyslots"), name, value) {
		const char *kdf = json_get_text(json_get_object(value, "kdf"), "type", NULL);
		char shown[32];
		uint64_t slot;

		text_printable(shown, sizeof(shown), bytes_of_text(kdf ? kdf : "?"));
		if (!r && slot_number(name, &slot))
			r = buf_printf(to, "slot %d: %s (%s)\n", (int)slot, slot_kind(header, slot), shown);
	}
	json_object_object_foreach (json_get_object(header->metadata, "tokens"), id, token) {
		const char *type = json_get_text(token, "type", NULL);
		char shown[64];
		uint64_t number;

		text_printable(shown, sizeof(shown), bytes_of_text(type ? type : "?"));
		if (!r && slot_number(id, &number))
			r = buf_printf(to, "token %d: %s\n", (int)number, shown);
	}
	return r;
}
