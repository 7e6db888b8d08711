/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/policy_diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "appraise/advisories.h"
#include "appraise/policy_model.h"
#include "base/text.h"

#define SHOWN_MAX 4 /* entries of a list that are named; of the rest the number */
#define NOT_CHECKED "not checked"

struct diff {
	const struct policy *a, *b;
	policy_diff_emit emit;
	void *context;
	int result;
};

const char *policy_effect_name(enum policy_effect effect)
{
	static const char *const names[] = {[POLICY_STRICTER] = "stricter", [POLICY_LOOSER] = "looser", [POLICY_DIFFERENT] = "different"};

	return names[effect];
}

static void change(struct diff *diff, const char *member, enum policy_effect effect, const char *before, const char *after)
{
	const struct policy_change found = {member, effect, before, after};

	if (diff->result == 0)
		diff->result = diff->emit(diff->context, &found);
}

static enum policy_effect opposite(enum policy_effect effect)
{
	return effect == POLICY_STRICTER ? POLICY_LOOSER : effect == POLICY_LOOSER ? POLICY_STRICTER : POLICY_DIFFERENT;
}

/* Something that only demands: stated is stricter than not, a larger value than a smaller one. */
static void demand(struct diff *diff, const char *member, bool a_stated, uint64_t a, bool b_stated, uint64_t b, bool larger_is_stricter)
{
	char before[32] = NOT_CHECKED, after[32] = NOT_CHECKED;

	if (a_stated == b_stated && (!a_stated || a == b))
		return;
	if (a_stated)
		(void)snprintf(before, sizeof(before), "%" PRIu64, a);
	if (b_stated)
		(void)snprintf(after, sizeof(after), "%" PRIu64, b);
	change(diff, member,
		a_stated != b_stated                 ? (b_stated ? POLICY_STRICTER : POLICY_LOOSER)
		: (b > a) == larger_is_stricter ? POLICY_STRICTER
						     : POLICY_LOOSER,
		before, after);
}

/* Lists */

/* How many entries of `list` `other` does not have, or not for as long; the first of them as text. Without memory the whole comparison fails. */
static size_t beyond(struct diff *diff, const struct allow_list *list, const struct allow_list *other, size_t width, struct buf *names)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *entry = &list->entries[i], *found = allow_find(other, entry->value, width);
		char hex[2 * ALLOW_WIDTH_MAX + 1];

		/* Of equal values the one that lasts longest counts: it stands for all. */
		if (allow_find(list, entry->value, width) != entry || (found && found->not_after >= entry->not_after))
			continue;
		hex_encode(hex, entry->value, width);
		if (++count <= SHOWN_MAX && r == 0)
			r = buf_printf(names, "%s%.16s%s%s", count > 1 ? ", " : "", hex, width > 8 ? "..." : "", found ? " for longer" : "");
	}
	if (count > SHOWN_MAX && r == 0)
		r = buf_printf(names, " and %zu more", count - SHOWN_MAX);
	if (r == 0)
		r = buf_u8(names, 0);
	if (r < 0)
		diff->result = r;
	return r < 0 ? 0 : count;
}

static void allow(struct diff *diff, const char *member, const struct allow_list *a, const struct allow_list *b, size_t width, bool denies)
{
	CLEANUP(buf_deinit) struct buf gone = BUF_NULL, new = BUF_NULL;
	enum policy_effect less = denies ? POLICY_LOOSER : POLICY_STRICTER;
	char text[64];

	if (a->stated != b->stated) {
		(void)snprintf(text, sizeof(text), "%zu listed", (a->stated ? a : b)->count);
		/* An empty list of what is denied denies nothing. */
		if (!denies || (a->stated ? a : b)->count)
			change(diff, member, b->stated ? POLICY_STRICTER : POLICY_LOOSER, a->stated ? text : NOT_CHECKED, b->stated ? text : NOT_CHECKED);
		return;
	}
	if (beyond(diff, a, b, width, &gone))
		change(diff, member, less, (const char *)gone.data, "no longer listed");
	if (beyond(diff, b, a, width, &new))
		change(diff, member, opposite(less), "not listed", (const char *)new.data);
}

static bool has_text(const struct policy_texts *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].text, text) == 0)
			return true;
	return false;
}

static void texts(struct diff *diff, const char *member, const struct policy_texts *a, const struct policy_texts *b)
{
	if (a->stated != b->stated) {
		change(diff, member, b->stated ? POLICY_STRICTER : POLICY_LOOSER, a->stated ? "listed" : NOT_CHECKED, b->stated ? "listed" : NOT_CHECKED);
		return;
	}
	for (size_t i = 0; i < a->count; i++)
		if (!has_text(b, a->items[i].text))
			change(diff, member, POLICY_STRICTER, a->items[i].text, "no longer listed");
	for (size_t i = 0; i < b->count; i++)
		if (!has_text(a, b->items[i].text))
			change(diff, member, POLICY_LOOSER, "not listed", b->items[i].text);
}

/* What the bits of a set are called; a bit without a name is shown as its number. */
struct bit_names {
	const char *const *names;
	size_t count;
};

static const char *const product_names[] = {[SNP_MILAN] = "Milan", [SNP_GENOA] = "Genoa", [SNP_TURIN] = "Turin"};
static const char *const signer_names[] = {[SNP_SIGNER_VCEK] = "vcek", [SNP_SIGNER_VLEK] = "vlek"};
static const struct bit_names products = {product_names, ARRAY_SIZE(product_names)}, signers = {signer_names, ARRAY_SIZE(signer_names)},
			      fields = {policy_tcb_fields, TCB_FIELDS}, numbers = {NULL, 0};

static void set_text(struct diff *diff, struct buf *to, const struct bit_names *names, bool stated, uint64_t mask)
{
	int r = buf_append_text(to, !stated ? NOT_CHECKED : !mask ? "none" : "");

	for (size_t i = 0; stated && i < 64 && r == 0; i++) {
		if (!((mask >> i) & 1))
			continue;
		if (to->size)
			r = buf_append_text(to, ", ");
		if (r == 0)
			r = i < names->count && names->names[i] ? buf_append_text(to, names->names[i]) : buf_printf(to, "bit %zu", i);
	}
	if (r == 0)
		r = buf_u8(to, 0);
	if (r < 0)
		diff->result = r;
}

/* Sets; `all` is what one that is not stated holds. */
static void set(struct diff *diff, const char *member, const struct policy_set *a, const struct policy_set *b, uint64_t all, bool demands,
	const struct bit_names *names)
{
	CLEANUP(buf_deinit) struct buf was = BUF_NULL, is = BUF_NULL;
	uint64_t before = a->stated ? a->mask : all, after = b->stated ? b->mask : all;
	bool more = (after & ~before) != 0, less = (before & ~after) != 0;
	enum policy_effect effect = more && less ? POLICY_DIFFERENT : more == demands ? POLICY_STRICTER : POLICY_LOOSER;

	if (before == after)
		return;
	set_text(diff, &was, names, a->stated, before);
	set_text(diff, &is, names, b->stated, after);
	change(diff, member, effect, (const char *)was.data, (const char *)is.data);
}

static const char *tri_text(enum policy_tri value)
{
	return value == POLICY_ANY ? NOT_CHECKED : value == POLICY_TRUE ? "true" : "false";
}

static void tri(struct diff *diff, const char *member, enum policy_tri a, enum policy_tri b)
{
	if (a != b)
		change(diff, member, a == POLICY_ANY ? POLICY_STRICTER : b == POLICY_ANY ? POLICY_LOOSER : POLICY_DIFFERENT, tri_text(a), tri_text(b));
}

/* A permission, which only `yes` gives. */
static void permission(struct diff *diff, const char *member, bool a, bool b)
{
	if (a != b)
		change(diff, member, b ? POLICY_LOOSER : POLICY_STRICTER, a ? "allowed" : "refused", b ? "allowed" : "refused");
}

static void version(struct diff *diff, const char *member, const struct policy_version *a, const struct policy_version *b)
{
	uint64_t before = (uint64_t)a->major << 16 | (uint64_t)a->minor << 8 | a->build;
	uint64_t after = (uint64_t)b->major << 16 | (uint64_t)b->minor << 8 | b->build;
	char was[32], is[32];

	if (a->stated == b->stated && (!a->stated || before == after))
		return;
	(void)snprintf(was, sizeof(was), "%u.%u.%u", a->major, a->minor, a->build);
	(void)snprintf(is, sizeof(is), "%u.%u.%u", b->major, b->minor, b->build);
	change(diff, member, b->stated && (!a->stated || after > before) ? POLICY_STRICTER : POLICY_LOOSER, a->stated ? was : NOT_CHECKED,
		b->stated ? is : NOT_CHECKED);
}

/* A line without a floor is refused. */
static void floors(struct diff *diff)
{
	char member[64];

	for (size_t i = 0; i < POLICY_LINES; i++) {
		const struct policy_floor *a = &diff->a->floors[i], *b = &diff->b->floors[i];

		(void)snprintf(member, sizeof(member), "snp.tcb_min.%s", policy_lines[i].name);
		if (a->stated != b->stated)
			change(diff, member, b->stated ? POLICY_LOOSER : POLICY_STRICTER, a->stated ? "a floor" : "refused", b->stated ? "a floor" : "refused");
		for (size_t part = 0; a->stated && b->stated && part < TCB_PARTS; part++) {
			(void)snprintf(member, sizeof(member), "snp.tcb_min.%s.%s", policy_lines[i].name, policy_tcb_parts[part]);
			demand(diff, member, true, a->min[part], true, b->min[part], true);
		}
	}
}

static void bits(struct diff *diff, const struct policy_bit *names, const enum policy_tri *a, const enum policy_tri *b, size_t count)
{
	char member[64];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(member, sizeof(member), "snp.%s", names[i].check);
		tri(diff, member, a[i], b[i]);
	}
}

static void identity(struct diff *diff)
{
	const struct policy *a = diff->a, *b = diff->b;

	if (a->os_identity != b->os_identity)
		change(diff, "os_identity",
			a->os_identity == POLICY_OS_UNVERIFIED   ? POLICY_STRICTER
			: b->os_identity == POLICY_OS_UNVERIFIED ? POLICY_LOOSER
								 : POLICY_DIFFERENT,
			policy_os_identity(a), policy_os_identity(b));
	set(diff, "snp.products", &a->products, &b->products, UINT64_MAX, false, &products);
	set(diff, "snp.signer", &a->signer, &b->signer, UINT64_MAX, false, &signers);
	permission(diff, "snp.masked_chip_id", policy_allows_masked_chip_id(a), policy_allows_masked_chip_id(b));
	allow(diff, "snp.chip_id", &a->chip_id, &b->chip_id, 64, false);
	allow(diff, "snp.chip_id_denied", &a->chip_id_denied, &b->chip_id_denied, 64, true);
	texts(diff, "snp.csp_id", &a->csp_id, &b->csp_id);
	allow(diff, "snp.measurement", &a->measurement, &b->measurement, 48, false);
	allow(diff, "snp.host_data", &a->host_data, &b->host_data, 32, false);
	allow(diff, "snp.id_key_digest", &a->id_key_digest, &b->id_key_digest, 48, false);
	allow(diff, "snp.author_key_digest", &a->author_key_digest, &b->author_key_digest, 48, false);
	allow(diff, "snp.family_id", &a->family_id, &b->family_id, 16, false);
	allow(diff, "snp.image_id", &a->image_id, &b->image_id, 16, false);
	demand(diff, "snp.guest_svn.min", a->guest_svn_min.stated, a->guest_svn_min.value, b->guest_svn_min.stated, b->guest_svn_min.value, true);
	demand(diff, "snp.vmpl.max", a->vmpl_max.stated, a->vmpl_max.value, b->vmpl_max.stated, b->vmpl_max.value, false);
}

static void platform(struct diff *diff)
{
	const struct policy *a = diff->a, *b = diff->b;
	const char *names[ADVISORIES_MAX];
	const struct bit_names bulletins = {names, advisories_names(names)};

	bits(diff, policy_guest_bits, a->guest_bits, b->guest_bits, POLICY_GUEST_BITS);
	version(diff, "snp.guest_policy.abi_min", &a->abi_min, &b->abi_min);
	bits(diff, policy_platform_bits, a->platform_bits, b->platform_bits, POLICY_PLATFORM_BITS);
	floors(diff);
	set(diff, "snp.tcb_fields", &a->tcb_fields, &b->tcb_fields, (UINT64_C(1) << TCB_FIELDS) - 1, true, &fields);
	set(diff, "snp.mitigations.launch", &a->mitigations_launch, &b->mitigations_launch, 0, true, &numbers);
	set(diff, "snp.mitigations.current", &a->mitigations_current, &b->mitigations_current, 0, true, &numbers);
	set(diff, "snp.advisories", &a->advisories, &b->advisories, 0, true, &bulletins);
	version(diff, "snp.firmware_min", &a->firmware_min, &b->firmware_min);
	permission(diff, "snp.provisional_firmware", a->provisional_firmware != POLICY_FALSE, b->provisional_firmware != POLICY_FALSE);
}

static const char *const log_names[] = {[EVENT_LOG_OFF] = "off", [EVENT_LOG_IF_PRESENT] = "if-present", [EVENT_LOG_REQUIRE] = "require"};

/* What is not said is off. The enumeration is not negative, which compilers say in different types. */
static size_t wanted(const struct policy_tpm *policy)
{
	return policy->event_log == EVENT_LOG_UNSTATED ? (size_t)EVENT_LOG_OFF : (size_t)policy->event_log;
}

static void tpm(struct diff *diff)
{
	const struct policy_tpm *a = &diff->a->tpm, *b = &diff->b->tpm;
	char member[32];

	for (size_t i = 0; i < ARRAY_SIZE(a->pcrs); i++) {
		(void)snprintf(member, sizeof(member), "tpm.pcrs.%zu", i);
		allow(diff, member, &a->pcrs[i], &b->pcrs[i], 32, false);
	}
	if (wanted(a) != wanted(b))
		change(diff, "tpm.event_log", wanted(b) > wanted(a) ? POLICY_STRICTER : POLICY_LOOSER, log_names[wanted(a)],
			log_names[wanted(b)]);
	tri(diff, "tpm.secure_boot", a->secure_boot, b->secure_boot);
	tri(diff, "tpm.azure.secure-boot", a->azure_secure_boot, b->azure_secure_boot);
	tri(diff, "tpm.azure.console-enabled", a->azure_console_enabled, b->azure_console_enabled);
}

static void pins(struct diff *diff, const struct snp_pins *a, const struct snp_pins *b, enum policy_effect effect)
{
	for (size_t i = 0; i < a->count; i++) {
		char hex[65];
		bool found = false;

		for (size_t j = 0; j < b->count; j++)
			found = found || (memcmp(a->items[i].spki_sha256, b->items[j].spki_sha256, 32) == 0 && a->items[i].product == b->items[j].product);
		hex_encode(hex, a->items[i].spki_sha256, 32);
		if (!found)
			change(diff, "trust", effect, effect == POLICY_LOOSER ? "not trusted" : hex, effect == POLICY_LOOSER ? hex : "no longer trusted");
	}
}

static void trust(struct diff *diff)
{
	static const char *const names[] = {[SNP_REVOCATION_OFF] = "off", [SNP_REVOCATION_IF_PRESENT] = "if-present", [SNP_REVOCATION_REQUIRE] = "require"};
	/* What is not said is if-present, at the broker and on the command line. */
	enum snp_revocation before = policy_revocation(diff->a, SNP_REVOCATION_IF_PRESENT), after = policy_revocation(diff->b, SNP_REVOCATION_IF_PRESENT);

	if (before != after)
		change(diff, "revocation", after > before ? POLICY_STRICTER : POLICY_LOOSER, names[before], names[after]);
	pins(diff, &diff->a->pins, &diff->b->pins, POLICY_STRICTER);
	pins(diff, &diff->b->pins, &diff->a->pins, POLICY_LOOSER);
}

int policy_diff(const struct policy *a, const struct policy *b, policy_diff_emit emit, void *context)
{
	struct diff diff = {.a = a, .b = b, .emit = emit, .context = context};

	identity(&diff);
	platform(&diff);
	tpm(&diff);
	trust(&diff);
	return diff.result;
}
