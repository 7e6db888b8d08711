/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/state.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

static const struct sim_product products[] = {
	{.name = "Milan",
		.vcek_name = "Milan-B0",
		.struct_version = 0,
		.hwid_size = 64,
		.family = 0x19,
		.model = 0x01,
		.stepping = 0x01,
		.serial = 0x10000,
		.report_version = 3,
		.platform_info = 0x25,
		.tcb = {0, 4, 0, 27, 222},
		.firmware = {1, 55, 29}},
	{.name = "Genoa",
		.vcek_name = "Genoa",
		.struct_version = 0,
		.hwid_size = 64,
		.family = 0x19,
		.model = 0x11,
		.stepping = 0x01,
		.serial = 0x20000,
		.report_version = 3,
		.platform_info = 0x25,
		.tcb = {0, 10, 0, 27, 88},
		.firmware = {1, 55, 40}},
	{.name = "Turin",
		.vcek_name = "Turin",
		.struct_version = 1,
		.hwid_size = 8,
		.has_fmc = true,
		.family = 0x1a,
		.model = 0x02,
		.stepping = 0x01,
		.serial = 0x30000,
		.report_version = 5,
		.platform_info = 0x65,
		.tcb = {1, 3, 2, 5, 97},
		.firmware = {1, 55, 65}},
};

const struct sim_product *sim_product_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		if (!strcasecmp(products[i].name, name))
			return &products[i];
	}
	return NULL;
}

void sim_state_init(struct sim_state *state, const struct sim_product *product, const uint8_t chip_id[static SIM_CHIP_ID_SIZE])
{
	*state = (struct sim_state){
		.product = product,
		.version = product->report_version,
		.policy = 0x30000,
		.platform_info = product->platform_info,
		.current = product->tcb,
		.reported = product->tcb,
		.committed = product->tcb,
		.launch = product->tcb,
		.cpuid = {product->family, product->model, product->stepping},
		.firmware = {product->firmware[0], product->firmware[1], product->firmware[2]},
		.committed_firmware = {product->firmware[0], product->firmware[1], product->firmware[2]},
		.csp_id = "CN=simulator.invalid",
		.vek_age_days = 1,
		.provider = "sev_guest",
		.guest_table_max = 0x4000,
	};
	memcpy(state->chip_id, chip_id, sizeof(state->chip_id));
	memset(state->measurement, 0x5a, sizeof(state->measurement));
	memset(state->report_id, 0x1d, sizeof(state->report_id));
}

void sim_tcb_encode(uint8_t to[static 8], const struct sim_product *product, const struct sim_tcb *tcb)
{
	memset(to, 0, 8);
	if (product->has_fmc) {
		to[0] = tcb->fmc;
		to[1] = tcb->bootloader;
		to[2] = tcb->tee;
		to[3] = tcb->snp;
	} else {
		to[0] = tcb->bootloader;
		to[1] = tcb->tee;
		to[6] = tcb->snp;
	}
	to[7] = tcb->microcode;
}

void sim_tcb_decode(struct sim_tcb *to, const struct sim_product *product, const uint8_t from[static 8])
{
	if (product->has_fmc)
		*to = (struct sim_tcb){from[0], from[1], from[2], from[3], from[7]};
	else
		*to = (struct sim_tcb){0, from[0], from[1], from[6], from[7]};
}

/* The kinds of setting; `offset` and `size` say where it goes. */
enum setting_kind {
	SETTING_HEX,
	SETTING_U32,
	SETTING_U64,
	SETTING_BOOL,
	SETTING_TEXT,
	SETTING_TCB,
	SETTING_TCB_ALL,
	SETTING_TRIPLE,
	SETTING_SIGNER,
	SETTING_AUX,
	SETTING_ERRNO,
};

struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset;
	size_t size;
	const char *help;
};

#define FIELD(member) offsetof(struct sim_state, member), sizeof(((struct sim_state *)NULL)->member)

static const struct setting settings[] = {
	{"version", SETTING_U32, FIELD(version), "report version"},
	{"guest-svn", SETTING_U32, FIELD(guest_svn), "GUEST_SVN"},
	{"policy", SETTING_U64, FIELD(policy), "guest policy; 0x80000 is DEBUG"},
	{"family-id", SETTING_HEX, FIELD(family_id), "16 bytes"},
	{"image-id", SETTING_HEX, FIELD(image_id), "16 bytes"},
	{"vmpl", SETTING_U32, FIELD(vmpl), "VMPL of `report`"},
	{"platform-info", SETTING_U64, FIELD(platform_info), "PLATFORM_INFO"},
	{"measurement", SETTING_HEX, FIELD(measurement), "48 bytes"},
	{"host-data", SETTING_HEX, FIELD(host_data), "32 bytes"},
	{"id-key-digest", SETTING_HEX, FIELD(id_key_digest), "48 bytes"},
	{"author-key-digest", SETTING_HEX, FIELD(author_key_digest), "48 bytes"},
	{"author-key", SETTING_BOOL, FIELD(author_key), "AUTHOR_KEY_EN"},
	{"report-id", SETTING_HEX, FIELD(report_id), "32 bytes"},
	{"mask-chip-key", SETTING_BOOL, FIELD(mask_chip_key), "MASK_CHIP_KEY"},
	{"mask-chip-id", SETTING_BOOL, FIELD(mask_chip_id), "CHIP_ID reads as zeros"},
	{"signer", SETTING_SIGNER, FIELD(signer), "vcek, vlek or none"},
	{"tcb", SETTING_TCB_ALL, 0, 0, "all four TCBs: bootloader,tee,snp,microcode[,fmc]"},
	{"reported-tcb", SETTING_TCB, FIELD(reported), "only this one"},
	{"current-tcb", SETTING_TCB, FIELD(current), "only this one"},
	{"committed-tcb", SETTING_TCB, FIELD(committed), "only this one"},
	{"launch-tcb", SETTING_TCB, FIELD(launch), "only this one"},
	{"cpuid", SETTING_TRIPLE, FIELD(cpuid), "family,model,stepping"},
	{"chip-id", SETTING_HEX, FIELD(chip_id), "64 bytes"},
	{"firmware", SETTING_TRIPLE, FIELD(firmware), "major,minor,build"},
	{"committed-firmware", SETTING_TRIPLE, FIELD(committed_firmware), "major,minor,build"},
	{"launch-mit", SETTING_U64, FIELD(launch_mit), "LAUNCH_MIT_VECTOR, version 5"},
	{"current-mit", SETTING_U64, FIELD(current_mit), "CURRENT_MIT_VECTOR, version 5"},
	{"csp-id", SETTING_TEXT, FIELD(csp_id), "csp_id of a VLEK"},
	{"vek-age-days", SETTING_U64, FIELD(vek_age_days), "age of the VEK's certificate"},
	{"aux", SETTING_AUX, FIELD(aux), "auxblob: full, vek, empty or junk"},
	{"aux-pem", SETTING_BOOL, FIELD(aux_pem), "PEM in the certificate table, as some hosts do"},
	{"revoke", SETTING_TEXT, FIELD(revoke), "ask or asvk: the CRL lists it"},
	{"provider", SETTING_TEXT, FIELD(provider), "name in the attribute `provider`"},
	{"privlevel-floor", SETTING_U32, FIELD(privlevel_floor), "own VMPL"},
	{"outblob-error", SETTING_ERRNO, FIELD(outblob_error), "reading outblob fails: EIO, ENXIO, ETIMEDOUT, ENOTTY, EBADMSG ..."},
	{"auxblob-error", SETTING_ERRNO, FIELD(auxblob_error), "reading auxblob fails"},
	{"mkdir-error", SETTING_ERRNO, FIELD(mkdir_error), "making an entry fails; ENXIO: no provider"},
	{"outblob-empty", SETTING_BOOL, FIELD(outblob_empty), "outblob reads as nothing, with success"},
	{"outblob-stale", SETTING_BOOL, FIELD(outblob_stale), "the report is for other report data"},
	{"outblob-file", SETTING_TEXT, FIELD(outblob_file), "outblob reads as this file (absolute path), of any length"},
	{"auxblob-file", SETTING_TEXT, FIELD(auxblob_file), "auxblob reads as this file"},
	{"inblob-lost", SETTING_BOOL, FIELD(inblob_lost), "the store of inblob fails unseen, as EBUSY does"},
	{"generation-skip", SETTING_U32, FIELD(generation_skip), "somebody else writes too"},
	{"delay-ms", SETTING_U64, FIELD(delay_ms), "time of a firmware request"},
	{"guest-errno", SETTING_ERRNO, FIELD(guest_errno), "requests of /dev/sev-guest fail: EAGAIN, EIO, ETIMEDOUT ..."},
	{"guest-vmm-error", SETTING_U32, FIELD(guest_vmm_error), "with guest-errno: the host's word; 1 invalid length, 2 busy"},
	{"guest-fw-error", SETTING_U32, FIELD(guest_fw_error), "with guest-errno: the firmware's"},
	{"guest-faults", SETTING_U32, FIELD(guest_faults), "so many requests fail, from when it was set; 0: all"},
	{"guest-boot", SETTING_U32, FIELD(guest_boot), "another number is another boot: a lost message key works again"},
	{"guest-status", SETTING_U32, FIELD(guest_status), "STATUS in the firmware's answer: 0x16, 0x27 ..."},
	{"guest-size", SETTING_U32, FIELD(guest_size), "REPORT_SIZE in the firmware's answer"},
	{"guest-table-pages", SETTING_U32, FIELD(guest_table_pages), "the host's certificates need so many pages"},
	{"guest-table-max", SETTING_U32, FIELD(guest_table_max), "the kernel takes so many bytes of certificates; 0x4000"},
	{"kds-status", SETTING_U32, FIELD(kds_status), "KDS answers only this status: 404, 429, 503 ..."},
	{"kds-retry-after", SETTING_U32, FIELD(kds_retry_after), "seconds, with kds-status"},
	{"kds-any-chip", SETTING_BOOL, FIELD(kds_any_chip), "KDS knows every chip"},
	{"kds-tls", SETTING_TEXT, FIELD(kds_tls),
		"TLS of serve --kds-tls: good, expired, future, wrong-name, foreign, self-signed, garbage, close, cut, stall or plain"},
	{"kds-fault", SETTING_TEXT, FIELD(kds_fault), "KDS answers for VCEKs: half, wrong-chip, wrong-tcb, garbage or chain"},
	{"kds-storm", SETTING_U32, FIELD(kds_storm), "so many requests for VCEKs get 429 with kds-retry-after"},
	{"kds-delay-ms", SETTING_U64, FIELD(kds_delay_ms), "time of an answer of KDS"},
};

static const struct {
	const char *name;
	int value;
} errno_names[] = {
	{"none", 0},
	{"EIO", EIO},
	{"ENXIO", ENXIO},
	{"EINVAL", EINVAL},
	{"EBUSY", EBUSY},
	{"EFBIG", EFBIG},
	{"ETXTBSY", ETXTBSY},
	{"ETIMEDOUT", ETIMEDOUT},
	{"ENOTTY", ENOTTY},
	{"EBADMSG", EBADMSG},
	{"EAGAIN", EAGAIN},
	{"EFAULT", EFAULT},
	{"EACCES", EACCES},
	{"ENOMEM", ENOMEM},
	{"EEXIST", EEXIST},
};

const char *sim_state_name(size_t index, const char **ret_help)
{
	if (index >= ARRAY_SIZE(settings))
		return NULL;
	*ret_help = settings[index].help;
	return settings[index].name;
}

/* "4,0,24,219": at least `least` numbers of at most 255. */
static int numbers(const char *text, uint8_t *to, size_t least, size_t most, size_t *ret_count)
{
	size_t count = 0;

	for (const char *at = text;; at++) {
		char *end;
		unsigned long value;

		if (!isdigit((unsigned char)*at) || count == most)
			return -EINVAL;
		value = strtoul(at, &end, 0);
		if (value > 255)
			return -EINVAL;
		to[count++] = (uint8_t)value;
		at = end;
		if (!*at)
			break;
		if (*at != ',')
			return -EINVAL;
	}
	*ret_count = count;
	return count < least ? -EINVAL : 0;
}

static int set_tcb(struct sim_state *state, const struct setting *setting, void *field, const char *value)
{
	uint8_t parts[5];
	struct sim_tcb tcb;
	size_t count;

	if (numbers(value, parts, 4, 5, &count))
		return -EINVAL;
	tcb = (struct sim_tcb){count == 5 ? parts[4] : state->product->tcb.fmc, parts[0], parts[1], parts[2], parts[3]};
	if (setting->kind == SETTING_TCB)
		*(struct sim_tcb *)field = tcb;
	else
		state->current = state->reported = state->committed = state->launch = tcb;
	return 0;
}

static int set_number(const struct setting *setting, void *field, const char *value)
{
	uint64_t number;
	int r = text_to_u64(value, setting->kind == SETTING_U32 ? UINT32_MAX : UINT64_MAX, true, &number);

	if (r)
		return r;
	if (setting->kind == SETTING_U32)
		*(uint32_t *)field = (uint32_t)number;
	else
		*(uint64_t *)field = number;
	return 0;
}

static int set_bool(bool *field, const char *value)
{
	bool yes = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcmp(value, "no") != 0 && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return -EINVAL;
	*field = yes;
	return 0;
}

/* The settings that are one word of a list. */
static int set_word(const struct setting *setting, void *field, const char *value)
{
	static const char *const aux_words[] = {"full", "vek", "empty", "junk"};

	if (setting->kind == SETTING_SIGNER) {
		enum sim_signer signer = SIM_SIGNER_NONE;

		if (strcmp(value, "vcek") == 0)
			signer = SIM_SIGNER_VCEK;
		else if (strcmp(value, "vlek") == 0)
			signer = SIM_SIGNER_VLEK;

		*(enum sim_signer *)field = signer;
		return signer == SIM_SIGNER_NONE && strcmp(value, "none") != 0 ? -EINVAL : 0;
	}
	if (setting->kind == SETTING_AUX) {
		for (size_t i = 0; i < ARRAY_SIZE(aux_words); i++) {
			if (!strcmp(aux_words[i], value)) {
				*(enum sim_aux *)field = (enum sim_aux)i;
				return 0;
			}
		}
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(errno_names); i++) {
		if (!strcmp(errno_names[i].name, value)) {
			*(int *)field = errno_names[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_field(struct sim_state *state, const struct setting *setting, const char *value)
{
	void *field = (uint8_t *)state + setting->offset;
	size_t count;

	switch (setting->kind) {
	case SETTING_HEX:
		return hex_decode(field, setting->size, value);
	case SETTING_U32:
	case SETTING_U64:
		return set_number(setting, field, value);
	case SETTING_BOOL:
		return set_bool(field, value);
	case SETTING_TEXT:
		if (strlen(value) >= setting->size)
			return -EINVAL;
		memset(field, 0, setting->size);
		memcpy(field, value, strlen(value));
		return 0;
	case SETTING_TCB:
	case SETTING_TCB_ALL:
		return set_tcb(state, setting, field, value);
	case SETTING_TRIPLE:
		return numbers(value, field, 3, 3, &count);
	default:
		return set_word(setting, field, value);
	}
}

int sim_state_set(struct sim_state *state, const char *name, const char *value, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (set_field(state, &settings[i], value))
			return error_set(error, -EINVAL, "%s: \"%.80s\" does not fit: %s", name, value, settings[i].help);
		return 0;
	}
	return error_set(error, -EINVAL, "there is no setting \"%.40s\"", name);
}

/* A new reference; an empty object when there is no file. */
static int state_load(const char *path, struct json_object **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	if (access(path, F_OK) && errno == ENOENT) {
		*ret = json_object_new_object();
		return *ret ? 0 : -ENOMEM;
	}
	r = file_read(path, SIM_STATE_TEXT_MAX, &text, error);
	if (r)
		return r;
	r = json_read(buf_view(&text), ret, error);
	if (r) {
		error_prefix(error, "%s", path);
		return r;
	}
	if (!json_object_is_type(*ret, json_type_object)) {
		(void)json_object_put(*ret);
		*ret = NULL;
		return error_set(error, -EINVAL, "%s: not a JSON object", path);
	}
	return 0;
}

static int state_apply(struct sim_state *state, struct json_object *object, struct error *error)
{
	/* The joint setting first, so that the single TCBs may refine it whatever the order in the file. */
	struct json_object *all = json_get(object, "tcb");

	if (all) {
		int r = sim_state_set(state, "tcb", json_object_get_string(all), error);

		if (r)
			return r;
	}
	json_object_object_foreach (object, name, value) {
		int r = value == all ? 0 : sim_state_set(state, name, json_object_get_string(value), error);

		if (r)
			return r;
	}
	return 0;
}

int sim_state_read(struct sim_state *state, const char *path, struct error *error)
{
	JSON_AUTO object = NULL;
	int r = state_load(path, &object, error);

	if (r)
		return r;
	r = state_apply(state, object, error);
	if (r)
		error_prefix(error, "%s", path);
	return r;
}

int sim_state_edit(const struct sim_state *base, const char *path, const char *const *names, const char *const *values, size_t count,
	struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct sim_state trial = *base;
	JSON_AUTO object = NULL;
	int r = state_load(path, &object, error);

	for (size_t i = 0; i < count && !r; i++) {
		json_object_object_del(object, names[i]);
		if (*values[i])
			r = json_add_text(object, names[i], values[i]);
	}
	if (r)
		return r;
	r = state_apply(&trial, object, error);
	if (r)
		return r;
	r = json_write(&text, object);
	if (!r)
		r = buf_append_text(&text, "\n");
	return r ? r : file_write(path, buf_view(&text), 0644, error);
}
