/* SPDX-License-Identifier: Apache-2.0 */
/* The members "tpm" and "trust" of a policy. */
#include "appraise/policy_fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PIN_PEM_MAX 8192 /* a PEM certificate with a 4096-bit key is 2.3 KiB */

static int read_bank(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[] = {"sha256"};
	struct policy_tpm *tpm = to;
	size_t choice;
	int r;

	r = policy_read_choice(reader, value, names, ARRAY_SIZE(names), &choice);
	if (r < 0)
		return r;
	tpm->bank_stated = true;
	return 0;
}

/* Any process of the guest can reset 16 and 23, and 17..22 belong to a dynamic launch: none of them proves a boot. */
static int refuse_resettable(struct policy_reader *reader, struct json_object *value)
{
	json_object_object_foreach (value, name, unused) {
		uint64_t number;

		(void)unused;
		if (text_to_u64(name, 23, false, &number) < 0 || number < 16)
			continue;
		if (policy_push(reader, name, 0) < 0)
			return -EINVAL;
		return policy_error(reader, "PCRs 16 to 23 can be reset after boot and prove nothing");
	}
	return 0;
}

static int read_pcrs(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[16] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"};
	struct policy_tpm *tpm = to;
	struct policy_member rows[16];
	int r;

	if (!json_object_is_type(value, json_type_object))
		return policy_error(reader, "must be an object");
	r = refuse_resettable(reader, value);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t offset = offsetof(struct policy_tpm, pcrs) + i * sizeof(struct allow_list);

		rows[i] = (struct policy_member){names[i], policy_read_hex32, offset, MEMBER_OPTIONAL};
	}
	tpm->pcrs_stated = true;
	return policy_read_object(reader, value, rows, ARRAY_SIZE(rows), tpm);
}

static int read_event_log(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[] = {"off", "if-present", "require"};
	struct policy_tpm *tpm = to;
	size_t choice;
	int r;

	r = policy_read_choice(reader, value, names, ARRAY_SIZE(names), &choice);
	if (r < 0)
		return r;
	tpm->event_log = choice == 0 ? EVENT_LOG_OFF : choice == 1 ? EVENT_LOG_IF_PRESENT : EVENT_LOG_REQUIRE;
	return 0;
}

static int read_azure(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const struct policy_member members[] = {
		{"secure-boot", policy_read_tri, offsetof(struct policy_tpm, azure_secure_boot), MEMBER_OPTIONAL},
		{"console-enabled", policy_read_tri, offsetof(struct policy_tpm, azure_console_enabled), MEMBER_OPTIONAL},
	};
	struct policy_tpm *tpm = to;

	tpm->azure_stated = true;
	return policy_read_object(reader, value, members, ARRAY_SIZE(members), to);
}

int policy_read_tpm(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const struct policy_member members[] = {
		{"bank", read_bank, 0, MEMBER_OPTIONAL},
		{"pcrs", read_pcrs, 0, MEMBER_OPTIONAL},
		{"event_log", read_event_log, 0, MEMBER_OPTIONAL},
		{"secure_boot", policy_read_tri, offsetof(struct policy_tpm, secure_boot), MEMBER_OPTIONAL},
		{"azure", read_azure, 0, MEMBER_OPTIONAL},
	};
	struct policy_tpm *tpm = to;
	int r;

	r = policy_read_object(reader, value, members, ARRAY_SIZE(members), tpm);
	if (r < 0)
		return r;
	if (tpm->pcrs_stated && !tpm->bank_stated)
		return policy_error(reader, "\"pcrs\" needs \"bank\": \"sha256\"");
	tpm->stated = true;
	return 0;
}

/* One anchor: where it came from, what to call it, which product it may speak for. */
struct pin_text {
	const char *spki_sha256, *pem, *label, *product;
};

static int pin_hex(struct policy_reader *reader, struct json_object *value, void *to)
{
	return policy_read_string(reader, value, 64, to);
}

static int pin_pem(struct policy_reader *reader, struct json_object *value, void *to)
{
	return policy_read_string(reader, value, PIN_PEM_MAX, to);
}

static int pin_label(struct policy_reader *reader, struct json_object *value, void *to)
{
	return policy_read_string(reader, value, sizeof(((struct snp_pins *)NULL)->items[0].label) - 1, to);
}

static int pin_product(struct policy_reader *reader, struct json_object *value, void *to)
{
	static const char *const names[] = {"Milan", "Genoa", "Turin"};
	size_t choice;
	int r;

	r = policy_read_choice(reader, value, names, ARRAY_SIZE(names), &choice);
	if (r < 0)
		return r;
	*(const char **)to = names[choice];
	return 0;
}

static int add_pin(struct policy_reader *reader, const struct pin_text *text, struct snp_pins *pins)
{
	struct error error = ERROR_NULL;
	size_t at = pins->count;
	uint8_t digest[32];
	int r;

	if (!text->pem == !text->spki_sha256)
		return policy_error(reader, "needs either \"pem\" or \"spki_sha256\"");
	if (at == SNP_PINS_MAX)
		return policy_error(reader, "more than %d anchors", SNP_PINS_MAX);
	if (text->pem) {
		r = snp_pins_add_certificate(pins, bytes_of_text(text->pem), &error);
		if (r == -ENOMEM)
			return r;
		if (r != 0)
			return policy_error(reader, "not a certificate that can be an anchor: %s", error_text(&error));
	} else {
		if (hex_decode(digest, sizeof(digest), text->spki_sha256) < 0)
			return policy_error(reader, "must be a PEM certificate or 64 hex digits (SHA-256 of the public key)");
		memcpy(pins->items[at].spki_sha256, digest, sizeof(digest));
		(void)snprintf(pins->items[at].label, sizeof(pins->items[at].label), "key %.16s", text->spki_sha256);
		pins->items[at].product = SNP_PRODUCT_UNKNOWN;
		pins->count = at + 1;
	}
	if (text->label)
		(void)snprintf(pins->items[at].label, sizeof(pins->items[at].label), "%s", text->label);
	for (enum snp_product product = SNP_MILAN; text->product && product <= SNP_TURIN; product++) {
		if (!strcmp(text->product, snp_product_name(product)))
			pins->items[at].product = product;
	}
	return 0;
}

static int read_pin(struct policy_reader *reader, struct json_object *value, struct snp_pins *pins)
{
	static const struct policy_member members[] = {
		{"spki_sha256", pin_hex, offsetof(struct pin_text, spki_sha256), MEMBER_OPTIONAL},
		{"pem", pin_pem, offsetof(struct pin_text, pem), MEMBER_OPTIONAL},
		{"label", pin_label, offsetof(struct pin_text, label), MEMBER_OPTIONAL},
		{"product", pin_product, offsetof(struct pin_text, product), MEMBER_OPTIONAL},
	};
	struct pin_text text = {0};
	const char *alone;
	int r;

	if (json_object_is_type(value, json_type_object)) {
		r = policy_read_object(reader, value, members, ARRAY_SIZE(members), &text);
	} else {
		r = policy_read_string(reader, value, PIN_PEM_MAX, &alone);
		if (r == 0 && text_starts_with(alone, "-----BEGIN"))
			text.pem = alone;
		else if (r == 0)
			text.spki_sha256 = alone;
	}
	return r < 0 ? r : add_pin(reader, &text, pins);
}

int policy_read_trust(struct policy_reader *reader, struct json_object *value, void *to)
{
	size_t count;

	if (!json_object_is_type(value, json_type_array))
		return policy_error(reader, "must be a list");
	count = json_object_array_length(value);
	for (size_t i = 0; i < count; i++) {
		int r;

		r = policy_push(reader, NULL, i);
		if (r == 0)
			r = read_pin(reader, json_object_array_get_idx(value, i), to);
		if (r < 0)
			return r;
		policy_pop(reader);
	}
	return 0;
}
