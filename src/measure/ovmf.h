/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * OVMF firmware images: the table of GUIDs at their end (edk2 ResetVectorVtf0) and AMD's metadata that it points to, which say what a VMM adds to the
 * launch digest besides the image. Stricter than every VMM: what two of them would read differently is refused.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

#define OVMF_IMAGE_MAX ((size_t)16 << 20) /* images have 2 to 4 MiB */
#define OVMF_PAGE_SIZE 4096
#define OVMF_ENTRIES_MAX 64  /* real tables have at most 8 */
#define OVMF_SECTIONS_MAX 64 /* real ones have 7 */
#define OVMF_GUID_SIZE 16
#define OVMF_GUID_TEXT_MAX 37
#define OVMF_HASHES_SIZE 176 /* table of kernel hashes, padded */

enum ovmf_error {
	OVMF_E_TOO_SMALL = 1,
	OVMF_E_IMAGE_SIZE, /* no multiple of a page, or too large */
	OVMF_E_NO_FOOTER,
	OVMF_E_TABLE,
	OVMF_E_NO_METADATA,
	OVMF_E_METADATA,
	OVMF_E_SECTION,
	OVMF_E_NO_RESET,
	OVMF_E_NO_KERNEL_HASHES,
};

enum ovmf_section_type {
	OVMF_SEC_MEM = 1,
	OVMF_SECRETS = 2,
	OVMF_CPUID = 3,
	OVMF_SVSM_CAA = 4,
	OVMF_KERNEL_HASHES = 0x10,
};

/* An entry of the table; `data` is a view into the image. */
struct ovmf_entry {
	uint8_t guid[OVMF_GUID_SIZE]; /* as in the file: the first three fields little endian */
	struct bytes data;
};

struct ovmf_section {
	uint32_t base, size, type;
};

struct ovmf {
	size_t image_size;
	struct ovmf_entry entries[OVMF_ENTRIES_MAX]; /* from the footer upwards, the footer not among them */
	size_t entry_count;
	uint32_t reset_address; /* where the other vCPUs start */
	bool has_hash_table;
	uint32_t hash_table_base, hash_table_size;
	uint32_t metadata_version;
	struct ovmf_section sections[OVMF_SECTIONS_MAX]; /* in file order, which is the order of measuring */
	size_t section_count;
};

/* True when the image ends with the footer of a GUID table. Cheap: for telling files apart. */
bool ovmf_looks_like(struct bytes image);

/* 0, or an OVMF_E_* with the reason in `error`. What was read until then stays in *ret, which is for showing only. */
int ovmf_read(struct bytes image, struct ovmf *ret, struct error *error) MUST_CHECK;

/* Can kernel hashes be put into this image? 0, OVMF_E_NO_KERNEL_HASHES with the reason. */
int ovmf_check_kernel_hashes(const struct ovmf *ovmf, struct error *error) MUST_CHECK;

/* Can it start this many vCPUs? 0, OVMF_E_NO_RESET. */
int ovmf_check_vcpus(const struct ovmf *ovmf, unsigned vcpus, struct error *error) MUST_CHECK;

/* "no-footer" and so on; the classes of the specification. Static. */
const char *ovmf_error_name(enum ovmf_error error);
/* "SNP_SECRETS", or "unknown". Static. */
const char *ovmf_section_name(uint32_t type);
/* "SEV metadata", or NULL for a GUID that we do not know. Static. */
const char *ovmf_guid_name(const uint8_t guid[static OVMF_GUID_SIZE]);
void ovmf_guid_text(char to[static OVMF_GUID_TEXT_MAX], const uint8_t guid[static OVMF_GUID_SIZE]);

/* Everything that was read, for people and programs. NULL without memory; the caller puts it. */
struct json_object *ovmf_to_json(const struct ovmf *ovmf);
