/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/peer_name.h"

#include <string.h>

#define HEX_MAX 16 /* a u64 */

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool ends_with(struct bytes text, const char *suffix)
{
	size_t size = strlen(suffix);

	return text.size > size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

/* The view of what stands before `c`; the reader is after it. Fails when it is not there. */
static struct bytes until(struct reader *reader, uint8_t c)
{
	size_t left = reader_left(reader);
	const uint8_t *end = left ? memchr(reader->at, c, left) : NULL;
	struct bytes part;

	if (!end) {
		reader_fail(reader);
		return bytes_of(NULL, 0);
	}
	part = reader_bytes(reader, (size_t)(end - reader->at));
	reader_skip(reader, 1);
	return part;
}

static bool number_valid(struct bytes number)
{
	if (number.size == 0 || number.size > HEX_MAX || (number.size > 1 && number.data[0] == '0'))
		return false;
	for (size_t i = 0; i < number.size; i++) {
		if (!is_hex(number.data[i]))
			return false;
	}
	return true;
}

/* `from` fits: it was judged. */
static void copy_text(char *to, struct bytes from)
{
	if (from.size)
		memcpy(to, from.data, from.size);
	to[from.size] = 0;
}

/* "UNIT/ID" */
static int parse_credential(struct reader *reader, struct peer_name *ret)
{
	struct bytes unit = until(reader, '/');
	struct bytes id = reader_bytes(reader, reader_left(reader));

	if (!reader_done(reader))
		return PEER_NAME_E_FORM;
	if (!unit_name_valid(unit))
		return PEER_NAME_E_UNIT;
	if (!unit_credential_valid(id))
		return PEER_NAME_E_ID;
	copy_text(ret->unit, unit);
	copy_text(ret->id, id);
	return 0;
}

/* What is left. A volume's name has no "/". */
static int parse_volume(struct reader *reader, struct peer_name *ret)
{
	struct bytes volume = reader_bytes(reader, reader_left(reader));

	if (!reader_done(reader))
		return PEER_NAME_E_FORM;
	if (volume.size > PEER_ID_MAX || !unit_volume_valid(volume))
		return PEER_NAME_E_VOLUME;
	copy_text(ret->id, volume);
	return 0;
}

int peer_name_parse(struct bytes name, enum peer_kind kind, struct peer_name *ret)
{
	static const struct {
		const char *literal;
		int (*parse)(struct reader *reader, struct peer_name *ret);
	} kinds[] = {[PEER_CREDENTIAL] = {"unit", parse_credential}, [PEER_VOLUME] = {"cryptsetup", parse_volume}};
	struct peer_name parsed = {.kind = kind};
	struct bytes number, literal;
	struct reader reader;
	int r;

	if (name.size == 0 || name.data[0] != 0)
		return PEER_NAME_E_ABSENT;
	if (name.size > PEER_NAME_SIZE_MAX)
		return PEER_NAME_E_FORM;
	reader_init(&reader, name);
	reader_skip(&reader, 1);
	number = until(&reader, '/');
	literal = until(&reader, '/');
	if (!reader_ok(&reader) || !number_valid(number) || !bytes_equal(literal, bytes_of_text(kinds[kind].literal)))
		return PEER_NAME_E_FORM;
	r = kinds[kind].parse(&reader, &parsed);
	if (!r)
		*ret = parsed;
	return r;
}

const char *peer_name_error_text(int outcome)
{
	switch (outcome) {
	case PEER_NAME_E_ABSENT:
		return "the peer is not bound to an abstract address: systemd is";
	case PEER_NAME_E_FORM:
		return "the peer's address is not of the form that systemd uses for this socket";
	case PEER_NAME_E_UNIT:
		return "the peer's address names no unit that systemd could start";
	case PEER_NAME_E_ID:
		return "the peer's address names no valid credential";
	case PEER_NAME_E_VOLUME:
		return "the peer's address names no valid volume";
	}
	return "unknown";
}

int peer_name_unit(const struct peer_name *name, char to[static UNIT_SYSTEM_MAX + 1])
{
	if (name->kind == PEER_VOLUME)
		return unit_name_instance(to, "systemd-cryptsetup", bytes_of_text(name->id));
	copy_text(to, bytes_of_text(name->unit));
	return 0;
}

/* Control groups */

/*
 * One path: "/system.slice/app.service/...". Slices come first; the first other part is the unit. systemd puts "_" before a part that would
 * collide with a file of the kernel, also before one that begins with "_".
 */
static int path_unit(struct bytes path, char ret[static UNIT_SYSTEM_MAX + 1])
{
	struct reader reader;

	if (path.size == 0 || path.data[0] != '/')
		return PEER_CGROUP_E_FORM;
	if (ends_with(path, " (deleted)"))
		return PEER_CGROUP_E_DIFFERENT;
	reader_init(&reader, path);
	reader_skip(&reader, 1);
	while (reader_left(&reader)) {
		const uint8_t *end = memchr(reader.at, '/', reader_left(&reader));
		struct bytes part = reader_bytes(&reader, end ? (size_t)(end - reader.at) : reader_left(&reader));

		reader_skip(&reader, end ? 1 : 0);
		if (ends_with(part, ".slice"))
			continue;
		if (part.size > 1 && part.data[0] == '_')
			part = bytes_from(part, 1);
		if (!unit_name_is_systemd(part))
			return PEER_CGROUP_E_NONE;
		copy_text(ret, part);
		return 0;
	}
	return PEER_CGROUP_E_NONE;
}

/* "0::PATH" (cgroup v2) or "N:name=systemd:PATH" (v1); the controllers' own hierarchies of v1 say nothing about units. */
static int line_unit(struct bytes line, bool *ret_counts, char unit[static UNIT_SYSTEM_MAX + 1])
{
	struct bytes number, controllers, path;
	struct reader reader;

	reader_init(&reader, line);
	number = until(&reader, ':');
	controllers = until(&reader, ':');
	path = reader_bytes(&reader, reader_left(&reader));
	if (!reader_done(&reader) || number.size == 0)
		return PEER_CGROUP_E_FORM;
	*ret_counts = bytes_equal(controllers, bytes_of_text("name=systemd")) ||
		      (controllers.size == 0 && bytes_equal(number, bytes_of_text("0")));
	return *ret_counts ? path_unit(path, unit) : 0;
}

int peer_cgroup_unit(struct bytes text, char ret[static UNIT_SYSTEM_MAX + 1])
{
	char found[UNIT_SYSTEM_MAX + 1] = "", unit[UNIT_SYSTEM_MAX + 1];
	struct reader reader;

	reader_init(&reader, text);
	while (reader_left(&reader)) {
		bool counts = false;
		int r = line_unit(until(&reader, '\n'), &counts, unit);

		if (r == PEER_CGROUP_E_NONE)
			continue; /* a hierarchy that systemd does not use here */
		if (r || !reader_ok(&reader))
			return r ? r : PEER_CGROUP_E_FORM;
		if (!counts)
			continue;
		if (found[0] && strcmp(found, unit) != 0)
			return PEER_CGROUP_E_DIFFERENT;
		memcpy(found, unit, sizeof(found));
	}
	if (!found[0])
		return PEER_CGROUP_E_NONE;
	memcpy(ret, found, sizeof(found));
	return 0;
}
