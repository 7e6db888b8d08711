/* SPDX-License-Identifier: Apache-2.0 */
/* What an OVMF image says, as JSON. */
#include <errno.h>
#include <stdio.h>

#include "measure/ovmf.h"

static int add_number(struct json_object *to, const char *member, uint32_t value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "0x%x", value);
	return json_add_text(to, member, text);
}

static int add_entry(struct json_object *list, const struct ovmf_entry *entry)
{
	struct json_object *item = json_object_new_object();
	const char *name = ovmf_guid_name(entry->guid);
	char guid[OVMF_GUID_TEXT_MAX];
	int r = json_push(list, item);

	ovmf_guid_text(guid, entry->guid);
	if (r == 0)
		r = json_add_text(item, "guid", guid);
	if (r == 0)
		r = json_add_text(item, "name", name ? name : "unknown");
	return r < 0 ? r : json_add_u64(item, "length", entry->data.size);
}

static int add_section(struct json_object *list, const struct ovmf_section *section)
{
	struct json_object *item = json_object_new_object();
	int r = json_push(list, item);

	if (r == 0)
		r = json_add_text(item, "type", ovmf_section_name(section->type));
	if (r == 0)
		r = add_number(item, "base", section->base);
	return r < 0 ? r : add_number(item, "size", section->size);
}

static int add_lists(struct json_object *to, const struct ovmf *ovmf)
{
	struct json_object *entries = json_object_new_array(), *sections = json_object_new_array();
	int r = json_add(to, "entries", entries);

	if (json_add(to, "sections", sections) < 0)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < ovmf->entry_count; i++)
		r = add_entry(entries, &ovmf->entries[i]);
	for (size_t i = 0; r == 0 && i < ovmf->section_count; i++)
		r = add_section(sections, &ovmf->sections[i]);
	return r;
}

struct json_object *ovmf_to_json(const struct ovmf *ovmf)
{
	struct json_object *object = json_object_new_object();
	struct error error = ERROR_NULL;
	int r = json_add_u64(object, "size", ovmf->image_size);

	if (r == 0)
		r = add_number(object, "reset_address", ovmf->reset_address);
	if (r == 0 && ovmf->has_hash_table)
		r = add_number(object, "hash_table_base", ovmf->hash_table_base);
	if (r == 0 && ovmf->has_hash_table)
		r = add_number(object, "hash_table_size", ovmf->hash_table_size);
	if (r == 0)
		r = json_add_bool(object, "kernel_hashes", ovmf_check_kernel_hashes(ovmf, &error) == 0);
	if (r == 0)
		r = add_lists(object, ovmf);
	if (r == 0)
		return object;
	(void)json_object_put(object);
	return NULL;
}
