/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/enrolment.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "jose/jwe.h"

#define FORMAT_MEMBER "sevattest-enrol"
#define FORMAT 1
#define DISK_MEMBER "\"disk\""
#define PLAIN_MAX ((size_t)8 << 10) /* everything beside the disk has less than 1 KiB */

void kbs_enrolment_deinit(struct kbs_enrolment *enrolment)
{
	secret_deinit(&enrolment->disk);
	*enrolment = (struct kbs_enrolment)KBS_ENROLMENT_NULL;
}

/* Names */

static bool letter_or_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool volume_name_valid(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || name[0] == '-')
		return false;
	for (const char *p = name; *p; p++) {
		if (!letter_or_digit(*p) && !strchr("_.+-", *p))
			return false;
	}
	return true;
}

static bool uuid_valid(const char *uuid)
{
	return uuid[0] != '\0' && uuid[strspn(uuid, "0123456789abcdefABCDEF-")] == '\0';
}

static bool device_valid(const char *device)
{
	if (device[0] != '/')
		return false;
	for (const char *p = device; *p; p++) {
		/* Without quotes and backslashes it can be written into JSON, a terminal and a log as it is. */
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
			return false;
	}
	return true;
}

bool kbs_volume_valid(const struct kbs_volume *volume)
{
	return volume_name_valid(volume->name) && uuid_valid(volume->uuid) && device_valid(volume->device);
}

/* The one object in `json`, from brace to brace: its size, 0 when there is none. Strings are stepped over, nothing is decoded. */
static size_t object_size(struct bytes json)
{
	bool in_text = false;
	size_t depth = 0;

	if (json.size == 0 || json.data[0] != '{')
		return 0;
	for (size_t i = 0; i < json.size; i++) {
		uint8_t c = json.data[i];

		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && c == '{')
			depth++;
		else if (!in_text && c == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Sealing */

static int write_ticket(struct buf *to, const struct kbs_enrolment *enrolment)
{
	int r;

	if (!enrolment->has_ticket)
		return 0;
	r = buf_printf(to, ",\"replaces\":%llu,\"ticket\":\"", (unsigned long long)enrolment->replaces);
	if (r == 0)
		r = base64_encode(to, BASE64_URL, bytes_of(enrolment->ticket, sizeof(enrolment->ticket)));
	return r ? r : buf_append_text(to, "\"");
}

static int write_plain(struct secret *ret, const struct kbs_enrolment *enrolment)
{
	CLEANUP(buf_deinit) struct buf head = BUF_NULL;
	char created[32];
	int r;

	time_format(created, enrolment->created);
	r = buf_printf(&head,
		"{\"" FORMAT_MEMBER "\":%d,\"resource\":\"%s\",\"created\":\"%s\",\"volume\":{\"name\":\"%s\",\"uuid\":\"%s\",\"device\":\"%s\"}", FORMAT,
		enrolment->resource, created, enrolment->volume.name, enrolment->volume.uuid, enrolment->volume.device);
	if (r == 0)
		r = write_ticket(&head, enrolment);
	if (r == 0)
		r = buf_append_text(&head, "," DISK_MEMBER ":");
	if (r == 0)
		r = secret_alloc(ret, head.size + enrolment->disk.size + 1);
	if (r)
		return r;
	memcpy(ret->data, head.data, head.size);
	memcpy(ret->data + head.size, enrolment->disk.data, enrolment->disk.size);
	ret->data[head.size + enrolment->disk.size] = '}';
	return 0;
}

int kbs_enrolment_seal(const struct jwk *key, const struct kbs_enrolment *enrolment, struct buf *ret)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO jwe = NULL;
	int r;

	if (jwk_alg(key) != JWK_ECDH_ES_A256KW || !kbs_resource_valid(bytes_of_text(enrolment->resource)) || !kbs_volume_valid(&enrolment->volume))
		return -EINVAL;
	if (enrolment->disk.size > KBS_ENROLMENT_DISK_MAX || object_size(secret_view(&enrolment->disk)) != enrolment->disk.size ||
		enrolment->disk.size == 0 || enrolment->replaces > KBS_ENROLMENT_VERSION_MAX)
		return -EINVAL;
	r = write_plain(&plain, enrolment);
	if (r == 0)
		r = jwe_encrypt_typed(&jwe, key, KBS_ENROLMENT_TYP, secret_view(&plain));
	if (r == 0)
		r = json_write(&text, jwe);
	if (r == 0)
		r = buf_append_text(&text, "\n");
	return r ? r : buf_append(ret, text.data, text.size);
}

/* Opening */

static int content(struct error *error, const char *what)
{
	return error_set(error, KBS_ENROLMENT_E_CONTENT, "it opens, and is no enrolment: %s", what);
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind `at`: blanks, ':', blanks. SIZE_MAX when something else stands there. */
static size_t after_colon(struct bytes text, size_t at)
{
	while (at < text.size && blank(text.data[at]))
		at++;
	if (at == text.size || text.data[at] != ':')
		return SIZE_MAX;
	for (at++; at < text.size && blank(text.data[at]); at++)
		;
	return at;
}

/*
 * Where the object of the outermost member "disk" is. Only names and nesting are followed; whether the rest is JSON, and whether there is a
 * second such member, is for json_read(), which gets the text without the object.
 */
static bool find_disk(struct bytes text, size_t *ret_at, size_t *ret_size)
{
	const size_t name_size = strlen(DISK_MEMBER);
	bool in_text = false;
	size_t depth = 0;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (!in_text && depth == 1 && text.size - i > name_size && memcmp(text.data + i, DISK_MEMBER, name_size) == 0) {
			size_t at = after_colon(text, i + name_size);
			size_t size = at < text.size ? object_size(bytes_from(text, at)) : 0;

			if (size) {
				*ret_at = at;
				*ret_size = size;
				return true;
			}
		}
		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && (c == '{' || c == '['))
			depth++;
		else if (!in_text && (c == '}' || c == ']'))
			depth--; /* may wrap: then it is not JSON either */
	}
	return false;
}

/* Everything beside the disk, which is null there. */
static int read_outside(struct bytes text, size_t at, size_t size, struct json_object **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf outside = BUF_NULL;
	struct bytes tail = bytes_from(text, at + size);
	int r = buf_append(&outside, text.data, at);

	if (r == 0)
		r = buf_append_text(&outside, "null");
	if (r == 0)
		r = buf_append(&outside, tail.data, tail.size);
	if (r == 0)
		r = json_read(buf_view(&outside), ret, NULL);
	return r && r != -ENOMEM ? content(error, "not strict JSON") : r;
}

static bool copy_text(char *to, size_t room, struct json_object *object, const char *member)
{
	size_t size;
	const char *text = json_get_text(object, member, &size);

	if (!text || size >= room)
		return false;
	memcpy(to, text, size + 1);
	return true;
}

static bool only_members(struct json_object *object, const char *const *names, size_t count)
{
	json_object_object_foreach (object, name, value) {
		bool known = false;

		(void)value;
		for (size_t i = 0; i < count; i++)
			known = known || strcmp(names[i], name) == 0;
		if (!known)
			return false;
	}
	return true;
}

static bool read_volume(struct json_object *object, struct kbs_volume *ret)
{
	static const char *const names[] = {"name", "uuid", "device"};

	return object && only_members(object, names, ARRAY_SIZE(names)) && copy_text(ret->name, sizeof(ret->name), object, "name") &&
		copy_text(ret->uuid, sizeof(ret->uuid), object, "uuid") && copy_text(ret->device, sizeof(ret->device), object, "device") &&
		kbs_volume_valid(ret);
}

/* Both or neither: a version without proof means nothing, and a ticket is for one version. */
static bool read_ticket(struct json_object *object, struct kbs_enrolment *ret)
{
	size_t size;
	const char *text = json_get_text(object, "ticket", &size);

	if (!json_get(object, "ticket") && !json_get(object, "replaces"))
		return true;
	ret->has_ticket = true;
	return text && json_get_u64(object, "replaces", KBS_ENROLMENT_VERSION_MAX, &ret->replaces) &&
		base64_decode_exact(ret->ticket, sizeof(ret->ticket), BASE64_URL, bytes_of(text, size)) == 0;
}

static int read_members(struct json_object *object, struct kbs_enrolment *ret, struct error *error)
{
	static const char *const names[] = {FORMAT_MEMBER, "resource", "created", "volume", "replaces", "ticket", "disk"};
	const char *created = json_get_text(object, "created", NULL);
	uint64_t format;

	if (!json_object_is_type(object, json_type_object) || !json_get_u64(object, FORMAT_MEMBER, UINT64_MAX, &format))
		return content(error, "\"" FORMAT_MEMBER "\" is not there");
	if (format != FORMAT)
		return content(error, "a later format than this program knows");
	if (!only_members(object, names, ARRAY_SIZE(names)))
		return content(error, "a member that is not known");
	if (!copy_text(ret->resource, sizeof(ret->resource), object, "resource") || !kbs_resource_valid(bytes_of_text(ret->resource)))
		return content(error, "\"resource\" is no name of a resource");
	if (!created || time_parse(created, &ret->created))
		return content(error, "\"created\" is no time");
	if (!read_volume(json_get_object(object, "volume"), &ret->volume))
		return content(error, "\"volume\" is not a name, a UUID and a device");
	if (!read_ticket(object, ret))
		return content(error, "\"ticket\" and \"replaces\" are not those of a guest");
	return 0;
}

int kbs_enrolment_decode(const struct secret *plain, struct kbs_enrolment *ret, struct error *error)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment read = KBS_ENROLMENT_NULL;
	struct bytes text = secret_view(plain);
	JSON_AUTO object = NULL;
	size_t at, size;
	int r;

	if (text.size > PLAIN_MAX)
		return content(error, "too large");
	if (!find_disk(text, &at, &size))
		return content(error, "\"disk\" is not there");
	if (size > KBS_ENROLMENT_DISK_MAX)
		return content(error, "\"disk\" is too large");
	r = read_outside(text, at, size, &object, error);
	if (r == 0)
		r = read_members(object, &read, error);
	if (r == 0)
		r = secret_copy_in(&read.disk, text.data + at, size);
	if (r)
		return r;
	*ret = read;
	read = (struct kbs_enrolment)KBS_ENROLMENT_NULL;
	return 0;
}

int kbs_enrolment_open(const struct jwk *key, struct bytes text, struct kbs_enrolment *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	JSON_AUTO object = NULL;
	int r;

	if (text.size > KBS_ENROLMENT_TEXT_MAX)
		return error_set(error, KBS_ENROLMENT_E_MALFORMED, "larger than an enrolment can be");
	r = json_read(text, &object, error);
	if (r)
		return r == -ENOMEM ? r : KBS_ENROLMENT_E_MALFORMED;
	if (!json_object_is_type(object, json_type_object))
		return error_set(error, KBS_ENROLMENT_E_MALFORMED, "not a JSON object");
	r = jwe_decrypt_typed(&plain, key, KBS_ENROLMENT_TYP, object, error);
	if (r > 0)
		return r == JWE_E_OPEN ? KBS_ENROLMENT_E_KEY : KBS_ENROLMENT_E_MALFORMED;
	return r ? r : kbs_enrolment_decode(&plain, ret, error);
}

int kbs_enrolment_fingerprint(uint8_t ret[static SHA256_SIZE], struct bytes text)
{
	return sha256(ret, text);
}
