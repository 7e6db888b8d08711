/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/advisories.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "appraise/lines.h"
#include "base/text.h"

/* Defines ADVISORIES_DATE and `static const struct advisory table[]`, sorted by name. */
#include "appraise/advisories_table.h"

_Static_assert(ARRAY_SIZE(table) <= ADVISORIES_MAX, "a policy holds them as a mask");

size_t advisories_names(const char *ret_names[static ADVISORIES_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		ret_names[i] = table[i].name;
	return ARRAY_SIZE(table);
}

const struct advisory *advisory_at(size_t index)
{
	return &table[index];
}

const char *advisories_date(void)
{
	return ADVISORIES_DATE;
}

const char *advisory_state_text(enum advisory_state state)
{
	static const char *const texts[] = {
		[ADVISORY_FIXED] = "fixed", [ADVISORY_NOT_FIXED] = "not fixed", [ADVISORY_NOT_PROVABLE] = "not provable"};

	return texts[state];
}

uint64_t policy_tcb_field_mask(const struct policy *policy)
{
	return policy && policy->tcb_fields.stated ? policy->tcb_fields.mask : (UINT64_C(1) << TCB_FIELDS) - 1;
}

static void settle(struct advisory_answer *answer, enum advisory_state state, const char *fix)
{
	answer->state = state;
	answer->fix = fix;
}

/* True when a TCB falls short. */
static bool short_of_tcb(const struct advisory_need *need, const char *line, const struct claims *claims, uint64_t fields, struct advisory_answer *answer)
{
	for (enum policy_tcb_field field = TCB_REPORTED; field < TCB_FIELDS; field++) {
		const struct snp_tcb *tcb = tcb_of(&claims->report, field);
		size_t part = tcb_first_below(tcb, need->min);
		uint8_t parts[TCB_PARTS];

		if (!(fields & (UINT64_C(1) << field)) || part == TCB_PARTS)
			continue;
		tcb_to_parts(tcb, parts);
		(void)snprintf(answer->why, sizeof(answer->why), "%s: %s of the %s TCB is %u, the fix came with %u", line, policy_tcb_parts[part],
			policy_tcb_fields[field], parts[part], need->min[part]);
		settle(answer, ADVISORY_NOT_FIXED, tcb_fix(field));
		return true;
	}
	return false;
}

/* True when a bit decides: it is 0, or the report is too old to have it. */
static bool short_of_platform(const struct advisory_need *need, const struct claims *claims, struct advisory_answer *answer)
{
	for (size_t i = 0; i < POLICY_PLATFORM_BITS; i++) {
		const struct policy_bit *bit = &policy_platform_bits[i];

		if (!((need->platform_info >> bit->bit) & 1))
			continue;
		if (claims->report.version < bit->from_version) {
			(void)snprintf(answer->why, sizeof(answer->why), "report version %u does not tell %s, version %u does", claims->report.version,
				bit->check, bit->from_version);
			settle(answer, ADVISORY_NOT_PROVABLE, "let the host update its SNP firmware");
			return true;
		}
		if (!((claims->report.platform_info >> bit->bit) & 1)) {
			(void)snprintf(answer->why, sizeof(answer->why), "%s is 0: %s", bit->check, bit->clear);
			settle(answer, ADVISORY_NOT_FIXED, "let the host update its firmware and restart");
			return true;
		}
	}
	return false;
}

static bool short_of_mitigations(const struct advisory_need *need, const struct claims *claims, struct advisory_answer *answer)
{
	uint64_t current = need->mitigations & ~claims->report.current_mit_vector, launch = need->mitigations & ~claims->report.launch_mit_vector;
	uint64_t missing = current ? current : launch;

	if (!need->mitigations)
		return false;
	if (!claims->report.has_mit_vectors) {
		(void)snprintf(answer->why, sizeof(answer->why), "report version %u has no mitigation vector, version 5 has", claims->report.version);
		settle(answer, ADVISORY_NOT_PROVABLE, "let the host update its SNP firmware");
		return true;
	}
	if (!missing)
		return false;
	(void)snprintf(answer->why, sizeof(answer->why), "bit %d of the %s mitigation vector is 0", __builtin_ctzll(missing), current ? "current" : "launch");
	settle(answer, ADVISORY_NOT_FIXED, current ? "let the host update its firmware" : tcb_fix(TCB_LAUNCH));
	return true;
}

/* What one line makes of it. A proof that it is not fixed outweighs what cannot be told. */
static void judge_line(const struct advisory *advisory, size_t line, const struct claims *claims, uint64_t fields, struct advisory_answer *answer)
{
	const struct advisory_need *need = &advisory->lines[line];
	struct advisory_answer other = *answer;

	answer->second_hand |= need->second_hand;
	other.second_hand = answer->second_hand;
	if (!need->stated) {
		(void)snprintf(answer->why, sizeof(answer->why), "no number is established for %s%s%s", policy_lines[line].name,
			*advisory->note ? "; " : "", advisory->note);
		settle(answer, ADVISORY_NOT_PROVABLE, "");
	} else if (short_of_tcb(need, policy_lines[line].name, claims, fields, answer)) {
		/* said */
	} else if (short_of_platform(need, claims, answer)) {
		if (answer->state == ADVISORY_NOT_PROVABLE && short_of_mitigations(need, claims, &other) && other.state == ADVISORY_NOT_FIXED)
			*answer = other;
	} else if (!short_of_mitigations(need, claims, answer)) {
		settle(answer, advisory->sufficient ? ADVISORY_FIXED : ADVISORY_NOT_PROVABLE, "");
		(void)snprintf(answer->why, sizeof(answer->why), "%s", advisory->sufficient ? "" : advisory->note);
	}
	if (answer->state == ADVISORY_NOT_FIXED && !advisory->necessary) {
		(void)snprintf(answer->why, sizeof(answer->why), "%s", advisory->note);
		answer->state = ADVISORY_NOT_PROVABLE;
	}
}

void advisory_judge(const struct advisory *advisory, const struct claims *claims, uint64_t fields, struct advisory_answer *ret)
{
	const struct advisory_answer start = {.advisory = advisory, .state = ADVISORY_NOT_PROVABLE, .fix = ""};
	bool known = false;

	*ret = start;
	(void)snprintf(ret->why, sizeof(ret->why), "the chip's silicon line is not known");
	for (size_t i = 0; i < POLICY_LINES; i++) {
		struct advisory_answer answer = start;

		if (!line_may_be(&policy_lines[i], claims))
			continue;
		judge_line(advisory, i, claims, fields, &answer);
		ret->second_hand |= answer.second_hand;
		if (!known) {
			*ret = answer;
		} else if (answer.state != ret->state) {
			(void)snprintf(ret->why, sizeof(ret->why), "it depends on the silicon line, which the report does not name");
			settle(ret, ADVISORY_NOT_PROVABLE, "let the host update its SNP firmware: report version 3 and later name the line");
			break;
		}
		known = true;
	}
	/* A check of nothing has not passed. */
	if (!fields && ret->state == ADVISORY_FIXED) {
		(void)snprintf(ret->why, sizeof(ret->why), "snp.tcb_fields is empty: no TCB was looked at");
		settle(ret, ADVISORY_NOT_PROVABLE, "");
	}
}

static int add_answer(struct json_object *to, const struct advisory_answer *answer)
{
	int r = json_add_text(to, "advisory", answer->advisory->name);

	if (r == 0)
		r = json_add_text(to, "title", answer->advisory->title);
	if (r == 0 && *answer->advisory->cve)
		r = json_add_text(to, "cve", answer->advisory->cve);
	if (r == 0)
		r = json_add_text(to, "state", advisory_state_text(answer->state));
	if (r == 0 && *answer->why)
		r = json_add_text(to, "why", answer->why);
	if (r == 0 && *answer->fix)
		r = json_add_text(to, "fix", answer->fix);
	return r < 0 ? r : json_add_bool(to, "second_hand", answer->second_hand);
}

struct json_object *advisories_to_json(const struct claims *claims, uint64_t fields)
{
	struct json_object *object = json_object_new_object(), *items = json_object_new_array();
	int r = json_add_text(object, "date", ADVISORIES_DATE), added = json_add(object, "items", items);

	r = r < 0 ? r : added;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++) {
		struct json_object *item = json_object_new_object();
		struct advisory_answer answer;

		advisory_judge(&table[i], claims, fields, &answer);
		r = json_push(items, item);
		if (r == 0)
			r = add_answer(item, &answer);
	}
	if (r == 0)
		return object;
	(void)json_object_put(object);
	return NULL;
}
