/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table is read backwards: an entry ends with its length (2 bytes, the whole entry) and its GUID (16), so the last 18 bytes say where it begins.
 *
 *     ... | data | length | GUID | data | length | GUID | table length | footer GUID | 32 bytes | end of the image, at 4 GiB
 */
#include "measure/ovmf.h"

#include <stdio.h>
#include <string.h>

#define TAIL 32       /* reset vector behind the table */
#define ENTRY_TAIL 18 /* length and GUID */
#define METADATA_HEADER 16
#define METADATA_DESCRIPTOR 12

enum known { FOOTER, RESET_BLOCK, SECRET_BLOCK, HASH_TABLE, SEV_METADATA, TDX_METADATA, IGVM_METADATA, SVSM_INFO };

static const struct {
	uint8_t guid[OVMF_GUID_SIZE];
	const char *name;
	size_t size; /* of what we read; 0: nothing */
} known[] = {
	[FOOTER] = {{0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d}, "table footer", 0},
	[RESET_BLOCK] = {{0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e}, "SEV-ES reset block", 4},
	[SECRET_BLOCK] = {{0x61, 0xb3, 0x2e, 0x4c, 0x9b, 0x7d, 0xc3, 0x4c, 0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94}, "SEV secret block", 0},
	[HASH_TABLE] = {{0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54}, "SEV hash table", 8},
	[SEV_METADATA] = {{0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc}, "SEV metadata", 4},
	[TDX_METADATA] = {{0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2}, "TDX metadata", 0},
	[IGVM_METADATA] = {{0x0e, 0xa7, 0x4f, 0x78, 0x76, 0x31, 0x77, 0x46, 0x8a, 0x20, 0x04, 0xb6, 0x86, 0x99, 0xe3, 0x74}, "IGVM metadata", 0},
	[SVSM_INFO] = {{0x12, 0xa6, 0x89, 0xa7, 0x97, 0x05, 0x4b, 0x4c, 0xa4, 0x9f, 0xcb, 0xb1, 0xfe, 0x9d, 0x1d, 0xdd}, "SVSM info", 0},
};

const char *ovmf_error_name(enum ovmf_error error)
{
	static const char *const names[] = {[OVMF_E_TOO_SMALL] = "too-small", [OVMF_E_IMAGE_SIZE] = "image-size", [OVMF_E_NO_FOOTER] = "no-footer",
		[OVMF_E_TABLE] = "bad-table", [OVMF_E_NO_METADATA] = "no-metadata", [OVMF_E_METADATA] = "bad-metadata", [OVMF_E_SECTION] = "bad-section",
		[OVMF_E_NO_RESET] = "no-reset-block", [OVMF_E_NO_KERNEL_HASHES] = "no-kernel-hashes"};

	return names[error];
}

const char *ovmf_section_name(uint32_t type)
{
	switch (type) {
	case OVMF_SEC_MEM:
		return "SNP_SEC_MEM";
	case OVMF_SECRETS:
		return "SNP_SECRETS";
	case OVMF_CPUID:
		return "CPUID";
	case OVMF_SVSM_CAA:
		return "SVSM_CAA";
	case OVMF_KERNEL_HASHES:
		return "SNP_KERNEL_HASHES";
	default:
		return "unknown";
	}
}

static bool is_guid(const uint8_t *guid, enum known which)
{
	return memcmp(guid, known[which].guid, OVMF_GUID_SIZE) == 0;
}

const char *ovmf_guid_name(const uint8_t guid[static OVMF_GUID_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (is_guid(guid, (enum known)i))
			return known[i].name;
	}
	return NULL;
}

void ovmf_guid_text(char to[static OVMF_GUID_TEXT_MAX], const uint8_t guid[static OVMF_GUID_SIZE])
{
	static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(order); i++)
		used += (size_t)snprintf(to + used, OVMF_GUID_TEXT_MAX - used, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", guid[order[i]]);
}

/* The 18 bytes that end at `end`: where the entry's length and its GUID stand. */
static uint16_t read_tail(struct bytes image, size_t end, uint8_t guid[static OVMF_GUID_SIZE])
{
	struct reader reader;
	uint16_t length;

	reader_init(&reader, bytes_of(image.data + end - ENTRY_TAIL, ENTRY_TAIL));
	length = reader_u16le(&reader);
	reader_copy(&reader, guid, OVMF_GUID_SIZE);
	return length;
}

static bool has_footer(struct bytes image)
{
	uint8_t guid[OVMF_GUID_SIZE];

	if (image.size < TAIL + ENTRY_TAIL)
		return false;
	(void)read_tail(image, image.size - TAIL, guid);
	return is_guid(guid, FOOTER);
}

bool ovmf_looks_like(struct bytes image)
{
	return has_footer(image);
}

static const struct ovmf_entry *find(const struct ovmf *ovmf, enum known which)
{
	for (size_t i = 0; i < ovmf->entry_count; i++) {
		if (is_guid(ovmf->entries[i].guid, which))
			return &ovmf->entries[i];
	}
	return NULL;
}

/* What we read may stand there once only, and whole: VMMs disagree on which of two counts. */
static int check_entry(const struct ovmf *ovmf, const struct ovmf_entry *entry, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!known[i].size || !is_guid(entry->guid, (enum known)i))
			continue;
		if (find(ovmf, (enum known)i))
			return error_set(error, OVMF_E_TABLE, "the table has two entries \"%s\"", known[i].name);
		if (entry->data.size < known[i].size)
			return error_set(error, OVMF_E_TABLE, "the entry \"%s\" has %zu bytes, not %zu", known[i].name, entry->data.size, known[i].size);
	}
	return 0;
}

static int read_table(struct bytes image, struct ovmf *ret, struct error *error)
{
	size_t end = image.size - TAIL, start;
	uint8_t guid[OVMF_GUID_SIZE];
	uint16_t length = read_tail(image, end, guid);

	if (length < ENTRY_TAIL || length > end)
		return error_set(error, OVMF_E_TABLE, "the table's length is %u", length);
	start = end - length;
	end -= ENTRY_TAIL;
	while (end > start) {
		struct ovmf_entry entry;
		int r;

		if (end - start < ENTRY_TAIL)
			return error_set(error, OVMF_E_TABLE, "%zu bytes before the first entry", end - start);
		length = read_tail(image, end, entry.guid);
		if (length < ENTRY_TAIL || length > end - start)
			return error_set(error, OVMF_E_TABLE, "an entry's length is %u, %zu bytes are left", length, end - start);
		entry.data = bytes_of(image.data + end - length, length - (size_t)ENTRY_TAIL);
		r = check_entry(ret, &entry, error);
		if (r != 0)
			return r;
		if (ret->entry_count == OVMF_ENTRIES_MAX)
			return error_set(error, OVMF_E_TABLE, "more than %d entries", OVMF_ENTRIES_MAX);
		ret->entries[ret->entry_count++] = entry;
		end -= length;
	}
	return 0;
}

static int check_section(const struct ovmf *ovmf, size_t index, struct error *error)
{
	const struct ovmf_section *section = &ovmf->sections[index];
	uint64_t end = (uint64_t)section->base + section->size;
	const char *what = NULL;

	if (strcmp(ovmf_section_name(section->type), "unknown") == 0)
		return error_set(error, OVMF_E_SECTION, "section %zu has the unknown type %xh", index, section->type);
	if (section->base % OVMF_PAGE_SIZE || section->size % OVMF_PAGE_SIZE)
		what = "is not aligned to pages";
	else if (section->size == 0)
		what = "is empty";
	else if (end > UINT64_C(1) << 32)
		what = "ends above 4 GiB";
	else if (section->type != OVMF_SEC_MEM && section->type != OVMF_SVSM_CAA && section->size != OVMF_PAGE_SIZE)
		what = "is larger than one page";
	for (size_t i = 0; !what && i < index; i++) {
		const struct ovmf_section *other = &ovmf->sections[i];

		if (section->base < (uint64_t)other->base + other->size && other->base < end)
			what = "overlaps another";
	}
	return what ? error_set(error, OVMF_E_SECTION, "section %zu (%s, %xh) %s", index, ovmf_section_name(section->type), section->base, what) : 0;
}

/* AMD's metadata: "ASEV", its length, a version, a count, and that many descriptors. */
static int read_metadata(struct bytes image, uint32_t offset, struct ovmf *ret, struct error *error)
{
	struct reader reader;
	uint32_t length, count;
	struct bytes magic;

	if (offset < METADATA_HEADER || offset > image.size)
		return error_set(error, OVMF_E_METADATA, "the metadata begin %u bytes before the end", offset);
	reader_init(&reader, bytes_of(image.data + image.size - offset, offset));
	magic = reader_bytes(&reader, 4);
	length = reader_u32le(&reader);
	ret->metadata_version = reader_u32le(&reader);
	count = reader_u32le(&reader);
	if (!reader_ok(&reader) || memcmp(magic.data, "ASEV", 4) != 0)
		return error_set(error, OVMF_E_METADATA, "the metadata do not begin with ASEV");
	if (ret->metadata_version != 1)
		return error_set(error, OVMF_E_METADATA, "the metadata have version %u, not 1", ret->metadata_version);
	if (count > OVMF_SECTIONS_MAX || length != METADATA_HEADER + METADATA_DESCRIPTOR * count)
		return error_set(error, OVMF_E_METADATA, "the metadata have %u sections in %u bytes", count, length);
	for (uint32_t i = 0; i < count; i++) {
		struct ovmf_section *section = &ret->sections[i];
		int r;

		section->base = reader_u32le(&reader);
		section->size = reader_u32le(&reader);
		section->type = reader_u32le(&reader);
		if (!reader_ok(&reader))
			return error_set(error, OVMF_E_METADATA, "the metadata's %u sections do not end before the image does", count);
		ret->section_count = i + 1;
		r = check_section(ret, i, error);
		if (r != 0)
			return r;
	}
	return 0;
}

static uint32_t entry_u32(const struct ovmf_entry *entry, size_t offset)
{
	struct reader reader;

	reader_init(&reader, entry->data);
	reader_skip(&reader, offset);
	return reader_u32le(&reader);
}

int ovmf_read(struct bytes image, struct ovmf *ret, struct error *error)
{
	const struct ovmf_entry *metadata, *hashes, *reset;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->image_size = image.size;
	if (image.size < TAIL + ENTRY_TAIL)
		return error_set(error, OVMF_E_TOO_SMALL, "%zu bytes are no firmware", image.size);
	if (image.size % OVMF_PAGE_SIZE || image.size > OVMF_IMAGE_MAX)
		return error_set(error, OVMF_E_IMAGE_SIZE, "%zu bytes are no number of pages, or too many", image.size);
	if (!has_footer(image))
		return error_set(error, OVMF_E_NO_FOOTER, "no table of GUIDs at the end: not OVMF, or not made for SEV");
	r = read_table(image, ret, error);
	if (r != 0)
		return r;
	hashes = find(ret, HASH_TABLE);
	if (hashes) {
		ret->has_hash_table = true;
		ret->hash_table_base = entry_u32(hashes, 0);
		ret->hash_table_size = entry_u32(hashes, 4);
	}
	metadata = find(ret, SEV_METADATA);
	if (!metadata)
		return error_set(error, OVMF_E_NO_METADATA, "the table has no entry \"SEV metadata\": made for SEV-ES at most");
	r = read_metadata(image, entry_u32(metadata, 0), ret, error);
	if (r != 0)
		return r;
	reset = find(ret, RESET_BLOCK);
	if (!reset)
		return error_set(error, OVMF_E_NO_RESET, "the table has no entry \"SEV-ES reset block\"");
	ret->reset_address = entry_u32(reset, 0);
	return 0;
}

int ovmf_check_vcpus(const struct ovmf *ovmf, unsigned vcpus, struct error *error)
{
	if (vcpus > 1 && ovmf->reset_address == 0)
		return error_set(error, OVMF_E_NO_RESET, "the reset address is 0: a second vCPU cannot start");
	return 0;
}

int ovmf_check_kernel_hashes(const struct ovmf *ovmf, struct error *error)
{
	bool section = false;

	for (size_t i = 0; i < ovmf->section_count; i++)
		section = section || ovmf->sections[i].type == OVMF_KERNEL_HASHES;
	if (!section)
		return error_set(error, OVMF_E_NO_KERNEL_HASHES, "no section for kernel hashes: use an AmdSev build");
	if (!ovmf->has_hash_table || ovmf->hash_table_base == 0 || ovmf->hash_table_size < OVMF_HASHES_SIZE)
		return error_set(error, OVMF_E_NO_KERNEL_HASHES, "no place for the table of kernel hashes");
	if (ovmf->hash_table_base % OVMF_PAGE_SIZE + OVMF_HASHES_SIZE > OVMF_PAGE_SIZE)
		return error_set(error, OVMF_E_NO_KERNEL_HASHES, "the table of kernel hashes crosses a page");
	return 0;
}
