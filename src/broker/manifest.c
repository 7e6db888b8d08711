/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#define MAGIC "SEVATMAN"
#define MAGIC_SIZE 8
#define FORMAT 2
#define FORMAT_WITHOUT_ENROL 1
#define FLAG_DELETED 1
#define ENTRY_MIN (1 + 1 + 2 + 8 + 4 + 8 + 32)
#define GRANT_MIN (2 + 8 + 1)

static void entry_deinit(struct manifest_entry *entry)
{
	free(entry->name);
	*entry = (struct manifest_entry){0};
}

static void grant_deinit(struct manifest_grant *grant)
{
	free(grant->pattern);
	for (size_t i = 0; i < grant->policy_count; i++)
		free(grant->policies[i]);
	*grant = (struct manifest_grant){0};
}

void manifest_deinit(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->entry_count; i++)
		entry_deinit(&manifest->entries[i]);
	for (size_t i = 0; i < manifest->grant_count; i++)
		grant_deinit(&manifest->grants[i]);
	free(manifest->entries);
	free(manifest->grants);
	*manifest = (struct manifest)MANIFEST_NULL;
}

static int entry_copy(struct manifest_entry *ret, const struct manifest_entry *from)
{
	*ret = *from;
	ret->name = strdup(from->name);
	return ret->name ? 0 : -ENOMEM;
}

static int grant_copy(struct manifest_grant *ret, const struct manifest_grant *from)
{
	*ret = (struct manifest_grant){.pattern = strdup(from->pattern), .time = from->time, .enrol = from->enrol};
	if (!ret->pattern)
		return -ENOMEM;
	for (size_t i = 0; i < from->policy_count; i++) {
		ret->policies[i] = strdup(from->policies[i]);
		if (!ret->policies[i]) {
			grant_deinit(ret);
			return -ENOMEM;
		}
		ret->policy_count++;
	}
	return 0;
}

int manifest_copy(struct manifest *ret, const struct manifest *from)
{
	struct manifest copy = {.epoch = from->epoch};
	int r = 0;

	memcpy(copy.id, from->id, sizeof(copy.id));
	copy.entries = calloc(from->entry_count + 1, sizeof(*copy.entries));
	copy.grants = calloc(from->grant_count + 1, sizeof(*copy.grants));
	if (!copy.entries || !copy.grants)
		r = -ENOMEM;
	for (size_t i = 0; i < from->entry_count && !r; i++) {
		r = entry_copy(&copy.entries[i], &from->entries[i]);
		copy.entry_count += r ? 0 : 1;
	}
	for (size_t i = 0; i < from->grant_count && !r; i++) {
		r = grant_copy(&copy.grants[i], &from->grants[i]);
		copy.grant_count += r ? 0 : 1;
	}
	if (r) {
		manifest_deinit(&copy);
		return r;
	}
	*ret = copy;
	return 0;
}

static int compare_keys(
	enum store_kind kind_a, const char *name_a, uint64_t version_a, enum store_kind kind_b, const char *name_b, uint64_t version_b)
{
	int by_name;

	if (kind_a != kind_b)
		return kind_a < kind_b ? -1 : 1;
	by_name = strcmp(name_a, name_b);
	if (by_name)
		return by_name;
	return version_a == version_b ? 0 : version_a < version_b ? -1 : 1;
}

/* The place of the first entry that is not before the key. */
static size_t lower_bound(const struct manifest *manifest, enum store_kind kind, const char *name, uint64_t version)
{
	size_t low = 0;
	size_t high = manifest->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct manifest_entry *entry = &manifest->entries[middle];

		if (compare_keys(entry->kind, entry->name, entry->version, kind, name, version) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct manifest_entry *manifest_find(const struct manifest *manifest, enum store_kind kind, const char *name)
{
	size_t at = lower_bound(manifest, kind, name, UINT64_MAX);
	const struct manifest_entry *entry = at > 0 ? &manifest->entries[at - 1] : NULL;

	return entry && entry->kind == kind && strcmp(entry->name, name) == 0 ? entry : NULL;
}

const struct manifest_entry *manifest_find_version(
	const struct manifest *manifest, enum store_kind kind, const char *name, uint64_t version)
{
	size_t at = lower_bound(manifest, kind, name, version);
	const struct manifest_entry *entry = at < manifest->entry_count ? &manifest->entries[at] : NULL;

	return entry && compare_keys(entry->kind, entry->name, entry->version, kind, name, version) == 0 ? entry : NULL;
}

const struct manifest_entry *manifest_entries(const struct manifest *manifest, enum store_kind kind, size_t *ret_count)
{
	size_t first = lower_bound(manifest, kind, "", 0);
	size_t end = first;

	while (end < manifest->entry_count && manifest->entries[end].kind == kind)
		end++;
	*ret_count = end - first;
	return manifest->entries + first;
}

int manifest_put(struct manifest *manifest, const struct manifest_entry *entry)
{
	size_t at = lower_bound(manifest, entry->kind, entry->name, entry->version);
	struct manifest_entry copy;
	struct manifest_entry *grown;
	int r;

	r = entry_copy(&copy, entry);
	if (r)
		return r;
	if (manifest_find_version(manifest, entry->kind, entry->name, entry->version)) {
		entry_deinit(&manifest->entries[at]);
		manifest->entries[at] = copy;
		return 0;
	}
	grown = manifest->entry_count < MANIFEST_ENTRIES_MAX ? realloc(manifest->entries, (manifest->entry_count + 1) * sizeof(*grown))
							     : NULL;
	if (!grown) {
		entry_deinit(&copy);
		return manifest->entry_count < MANIFEST_ENTRIES_MAX ? -ENOMEM : -ENOSPC;
	}
	memmove(grown + at + 1, grown + at, (manifest->entry_count - at) * sizeof(*grown));
	grown[at] = copy;
	manifest->entries = grown;
	manifest->entry_count++;
	return 0;
}

void manifest_remove(struct manifest *manifest, enum store_kind kind, const char *name, uint64_t version)
{
	size_t at = lower_bound(manifest, kind, name, version);

	if (!manifest_find_version(manifest, kind, name, version))
		return;
	entry_deinit(&manifest->entries[at]);
	memmove(manifest->entries + at, manifest->entries + at + 1, (manifest->entry_count - at - 1) * sizeof(*manifest->entries));
	manifest->entry_count--;
}

static size_t grant_bound(const struct manifest *manifest, const char *pattern)
{
	size_t low = 0;
	size_t high = manifest->grant_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(manifest->grants[middle].pattern, pattern) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct manifest_grant *manifest_find_grant(const struct manifest *manifest, const char *pattern)
{
	size_t at = grant_bound(manifest, pattern);

	return at < manifest->grant_count && strcmp(manifest->grants[at].pattern, pattern) == 0 ? &manifest->grants[at] : NULL;
}

int manifest_put_grant(struct manifest *manifest, const struct manifest_grant *grant)
{
	size_t at = grant_bound(manifest, grant->pattern);
	struct manifest_grant copy;
	struct manifest_grant *grown;
	int r;

	if (grant->policy_count == 0 || grant->policy_count > MANIFEST_POLICIES_MAX)
		return -EINVAL;
	r = grant_copy(&copy, grant);
	if (r)
		return r;
	if (manifest_find_grant(manifest, grant->pattern)) {
		grant_deinit(&manifest->grants[at]);
		manifest->grants[at] = copy;
		return 0;
	}
	grown = manifest->grant_count < MANIFEST_GRANTS_MAX ? realloc(manifest->grants, (manifest->grant_count + 1) * sizeof(*grown))
							    : NULL;
	if (!grown) {
		grant_deinit(&copy);
		return manifest->grant_count < MANIFEST_GRANTS_MAX ? -ENOMEM : -ENOSPC;
	}
	memmove(grown + at + 1, grown + at, (manifest->grant_count - at) * sizeof(*grown));
	grown[at] = copy;
	manifest->grants = grown;
	manifest->grant_count++;
	return 0;
}

bool manifest_remove_grant(struct manifest *manifest, const char *pattern)
{
	size_t at = grant_bound(manifest, pattern);

	if (!manifest_find_grant(manifest, pattern))
		return false;
	grant_deinit(&manifest->grants[at]);
	memmove(manifest->grants + at, manifest->grants + at + 1, (manifest->grant_count - at - 1) * sizeof(*manifest->grants));
	manifest->grant_count--;
	return true;
}

static int put_text(struct buf *to, const char *text)
{
	size_t size = strlen(text);
	int r;

	if (size == 0 || size > STORE_NAME_MAX)
		return -EINVAL;
	r = buf_u16le(to, (uint16_t)size);
	return r ? r : buf_append(to, text, size);
}

static int encode_entry(struct buf *to, const struct manifest_entry *entry)
{
	int r;

	r = buf_u8(to, (uint8_t)entry->kind);
	if (!r)
		r = buf_u8(to, entry->deleted ? FLAG_DELETED : 0);
	if (!r)
		r = put_text(to, entry->name);
	if (!r)
		r = buf_u64le(to, entry->version);
	if (!r)
		r = buf_u32le(to, entry->size);
	if (!r)
		r = buf_u64le(to, (uint64_t)entry->time);
	if (!r)
		r = buf_append(to, entry->digest, sizeof(entry->digest));
	return r;
}

static int encode_grant(struct buf *to, const struct manifest_grant *grant)
{
	int r;

	r = put_text(to, grant->pattern);
	if (!r)
		r = buf_u64le(to, (uint64_t)grant->time);
	if (!r)
		r = buf_u8(to, (uint8_t)grant->enrol);
	if (!r)
		r = buf_u8(to, (uint8_t)grant->policy_count);
	for (size_t i = 0; i < grant->policy_count && !r; i++)
		r = put_text(to, grant->policies[i]);
	return r;
}

int manifest_encode(struct buf *to, const struct manifest *manifest, struct bytes key)
{
	size_t before = to->size;
	uint8_t mac[SHA256_SIZE];
	int r;

	r = buf_append_text(to, MAGIC);
	if (!r)
		r = buf_u32le(to, FORMAT);
	if (!r)
		r = buf_append(to, manifest->id, sizeof(manifest->id));
	if (!r)
		r = buf_u64le(to, manifest->epoch);
	if (!r)
		r = buf_u32le(to, (uint32_t)manifest->entry_count);
	if (!r)
		r = buf_u32le(to, (uint32_t)manifest->grant_count);
	for (size_t i = 0; i < manifest->entry_count && !r; i++)
		r = encode_entry(to, &manifest->entries[i]);
	for (size_t i = 0; i < manifest->grant_count && !r; i++)
		r = encode_grant(to, &manifest->grants[i]);
	if (!r)
		r = hmac_sha256(mac, key, bytes_of(to->data + before, to->size - before));
	if (!r)
		r = buf_append(to, mac, sizeof(mac));
	if (r)
		to->size = before;
	return r;
}

/* A name as an owned string; NULL (and a failed reader) when it is empty, too long or holds a NUL. -ENOMEM in *ret_error. */
static char *read_text(struct reader *reader, int *ret_error)
{
	struct bytes text = reader_bytes(reader, reader_u16le(reader));
	char *copy;

	if (text.size == 0 || text.size > STORE_NAME_MAX || memchr(text.data, 0, text.size)) {
		reader_fail(reader);
		return NULL;
	}
	copy = strndup((const char *)text.data, text.size);
	if (!copy)
		*ret_error = -ENOMEM;
	return copy;
}

static int decode_entry(struct reader *reader, struct manifest *manifest)
{
	struct manifest_entry *entry = &manifest->entries[manifest->entry_count];
	const struct manifest_entry *before = manifest->entry_count ? entry - 1 : NULL;
	uint8_t flags;
	int r = 0;

	entry->kind = (enum store_kind)reader_u8(reader);
	flags = reader_u8(reader);
	entry->deleted = flags & FLAG_DELETED;
	entry->name = read_text(reader, &r);
	manifest->entry_count++;
	entry->version = reader_u64le(reader);
	entry->size = reader_u32le(reader);
	entry->time = (int64_t)reader_u64le(reader);
	reader_copy(reader, entry->digest, sizeof(entry->digest));
	if (r)
		return r;
	if (!reader_ok(reader) || !entry->name || entry->kind < STORE_KEY || entry->kind > STORE_PENDING || (flags & ~FLAG_DELETED) ||
		entry->version == 0)
		return MANIFEST_E_FORMAT;
	if (before && compare_keys(before->kind, before->name, before->version, entry->kind, entry->name, entry->version) >= 0)
		return MANIFEST_E_FORMAT;
	return 0;
}

static int decode_grant(struct reader *reader, uint32_t format, struct manifest *manifest)
{
	struct manifest_grant *grant = &manifest->grants[manifest->grant_count];
	const struct manifest_grant *before = manifest->grant_count ? grant - 1 : NULL;
	size_t count;
	int r = 0;

	grant->pattern = read_text(reader, &r);
	manifest->grant_count++;
	grant->time = (int64_t)reader_u64le(reader);
	grant->enrol = format == FORMAT_WITHOUT_ENROL ? MANIFEST_ENROL_NONE : (enum manifest_enrol)reader_u8(reader);
	count = reader_u8(reader);
	if (r)
		return r;
	if (!reader_ok(reader) || !grant->pattern || count == 0 || count > MANIFEST_POLICIES_MAX || grant->enrol > MANIFEST_ENROL_ACCEPT)
		return MANIFEST_E_FORMAT;
	if (before && strcmp(before->pattern, grant->pattern) >= 0)
		return MANIFEST_E_FORMAT;
	for (size_t i = 0; i < count; i++) {
		grant->policies[i] = read_text(reader, &r);
		if (!grant->policies[i])
			return r ? r : MANIFEST_E_FORMAT;
		grant->policy_count++;
	}
	return 0;
}

static int decode_body(struct reader *reader, struct manifest *manifest)
{
	struct bytes magic = reader_bytes(reader, MAGIC_SIZE);
	uint32_t format = reader_u32le(reader);
	uint32_t entries;
	uint32_t grants;
	int r = 0;

	reader_copy(reader, manifest->id, sizeof(manifest->id));
	manifest->epoch = reader_u64le(reader);
	entries = reader_u32le(reader);
	grants = reader_u32le(reader);
	if (!reader_ok(reader) || memcmp(magic.data, MAGIC, MAGIC_SIZE) != 0 ||
		(format != FORMAT && format != FORMAT_WITHOUT_ENROL) || manifest->epoch == 0)
		return MANIFEST_E_FORMAT;
	if (entries > MANIFEST_ENTRIES_MAX || grants > MANIFEST_GRANTS_MAX || entries > reader_left(reader) / ENTRY_MIN ||
		grants > reader_left(reader) / GRANT_MIN)
		return MANIFEST_E_FORMAT;
	manifest->entries = calloc((size_t)entries + 1, sizeof(*manifest->entries));
	manifest->grants = calloc((size_t)grants + 1, sizeof(*manifest->grants));
	if (!manifest->entries || !manifest->grants)
		return -ENOMEM;
	for (uint32_t i = 0; i < entries && !r; i++)
		r = decode_entry(reader, manifest);
	for (uint32_t i = 0; i < grants && !r; i++)
		r = decode_grant(reader, format, manifest);
	if (r)
		return r;
	return reader_done(reader) ? 0 : MANIFEST_E_FORMAT;
}

int manifest_decode(struct bytes input, struct bytes key, struct manifest *ret)
{
	struct manifest manifest = MANIFEST_NULL;
	uint8_t mac[SHA256_SIZE];
	struct reader reader;
	struct bytes body;
	int r;

	if (input.size < sizeof(mac) || input.size > STORE_MANIFEST_MAX)
		return MANIFEST_E_FORMAT;
	body = bytes_of(input.data, input.size - sizeof(mac));
	r = hmac_sha256(mac, key, body);
	if (r)
		return r;
	if (!bytes_equal_secret(mac, input.data + body.size, sizeof(mac)))
		return MANIFEST_E_FORGED;
	reader_init(&reader, body);
	r = decode_body(&reader, &manifest);
	if (r) {
		manifest_deinit(&manifest);
		return r;
	}
	*ret = manifest;
	return 0;
}

int manifest_read_row(struct store *store, const struct manifest_entry *entry, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf row = BUF_NULL;
	uint8_t digest[SHA256_SIZE];
	int r;

	if (entry->deleted)
		return MANIFEST_E_ABSENT;
	r = store_read(store, entry->kind, entry->name, entry->version, &row);
	if (r)
		return r == STORE_E_ABSENT ? MANIFEST_E_ABSENT : r;
	r = sha256(digest, buf_view(&row));
	if (r)
		return r;
	if (memcmp(digest, entry->digest, sizeof(digest)) != 0)
		return MANIFEST_E_FORGED;
	buf_deinit(ret);
	*ret = row;
	row = (struct buf)BUF_NULL;
	return 0;
}
