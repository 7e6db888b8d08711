/* SPDX-License-Identifier: Apache-2.0 */
/* An event log for people: what it has, and what it replays to. */
#include <errno.h>
#include <stdio.h>

#include "tpm/event_log.h"

const char *event_type_name(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{0x1, "EV_POST_CODE"},
		{0x3, "EV_NO_ACTION"},
		{0x4, "EV_SEPARATOR"},
		{0x5, "EV_ACTION"},
		{0x6, "EV_EVENT_TAG"},
		{0x7, "EV_S_CRTM_CONTENTS"},
		{0x8, "EV_S_CRTM_VERSION"},
		{0x9, "EV_CPU_MICROCODE"},
		{0xa, "EV_PLATFORM_CONFIG_FLAGS"},
		{0xb, "EV_TABLE_OF_DEVICES"},
		{0xd, "EV_IPL"},
		{0x11, "EV_NONHOST_INFO"},
		{0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
		{0x80000002, "EV_EFI_VARIABLE_BOOT"},
		{0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
		{0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
		{0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
		{0x80000006, "EV_EFI_GPT_EVENT"},
		{0x80000007, "EV_EFI_ACTION"},
		{0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
		{0x80000009, "EV_EFI_HANDOFF_TABLES"},
		{0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
		{0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
		{0x8000000c, "EV_EFI_VARIABLE_BOOT2"},
		{0x80000010, "EV_EFI_HCRTM_EVENT"},
		{0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"},
		{0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return NULL;
}

/* How many events of each type there are, in the order of their first. */
static int add_types(struct json_object *to, struct bytes input, struct error *error)
{
	struct json_object *types = json_object_new_object();
	struct event_log log;
	struct event event;
	int r = json_add(to, "types", types);

	if (r == 0)
		r = event_log_open(&log, input, error);
	while (r == 0) {
		char number[16];
		const char *name;
		uint64_t count = 0;

		r = event_log_next(&log, &event, error);
		if (r != 0)
			break;
		name = event_type_name(event.type);
		(void)snprintf(number, sizeof(number), "0x%x", event.type);
		(void)json_get_u64(types, name ? name : number, UINT32_MAX, &count);
		r = json_add_u64(types, name ? name : number, count + 1);
	}
	return r == EVENT_LOG_END ? 0 : r;
}

static int add_pcrs(struct json_object *to, const struct event_replay *replay)
{
	struct json_object *pcrs = json_object_new_object();
	int r = json_add(to, "pcrs", pcrs);

	for (unsigned i = 0; r == 0 && i < EVENT_LOG_PCRS; i++) {
		char name[12];

		(void)snprintf(name, sizeof(name), "%u", i);
		if (replay->pcr_mask & (1u << i))
			r = json_add_hex(pcrs, name, replay->pcrs[i], sizeof(replay->pcrs[i]));
	}
	return r;
}

static int add_all(struct json_object *to, struct bytes input, struct error *error)
{
	static const char *const secure_boot[] = {[SECURE_BOOT_NOT_TOLD] = "not told", [SECURE_BOOT_OFF] = "off", [SECURE_BOOT_ON] = "on",
		[SECURE_BOOT_CONTRADICTORY] = "contradictory"};
	struct event_replay replay;
	struct event_log log;
	int r = event_log_open(&log, input, error);

	if (r == 0)
		r = json_add_text(to, "form", log.agile ? "crypto agile" : "SHA-1 only");
	if (r == 0)
		r = add_types(to, input, error);
	if (r != 0 || !log.agile)
		return r;
	r = event_log_replay(input, &replay, error);
	if (r == 0)
		r = json_add_u64(to, "events", replay.events);
	if (r == 0)
		r = json_add_text(to, "secure_boot", secure_boot[replay.secure_boot]);
	return r ? r : add_pcrs(to, &replay);
}

int event_log_to_json(struct bytes input, struct json_object **ret_object, struct error *error)
{
	JSON_AUTO object = json_object_new_object();
	int r = object ? add_all(object, input, error) : -ENOMEM;

	if (r != 0)
		return r;
	*ret_object = object;
	object = NULL;
	return 0;
}
