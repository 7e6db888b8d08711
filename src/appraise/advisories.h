/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AMD's bulletins: is each one fixed on the machine that made a report? What a line must show stands in conf/advisories.json, dated, with a source
 * per number, compiled in by make_advisories.py; never in code.
 *
 * AMD publishes no such verdict, and not every fix leaves a trace in a report. So there are three answers, and "not provable" is a no wherever a policy
 * asks: it is not known to be fixed.
 */
#include "appraise/claims.h"
#include "appraise/policy_model.h"
#include "base/json.h"

enum advisory_state { ADVISORY_FIXED, ADVISORY_NOT_FIXED, ADVISORY_NOT_PROVABLE };

/* What one silicon line must show; all of it. */
struct advisory_need {
	bool stated;      /* false: nothing is established for this line */
	bool second_hand; /* a number was not read in AMD's own bulletin */
	uint8_t min[TCB_PARTS];
	uint64_t platform_info; /* bits that must be 1 */
	uint64_t mitigations;   /* bits that must be 1 in both vectors */
};

struct advisory {
	const char *name, *title, *cve, *note; /* static; `note` may be empty */
	bool necessary;                        /* falling short proves that it is not fixed */
	bool sufficient;                       /* meeting the demands proves that it is fixed */
	struct advisory_need lines[POLICY_LINES];
};

#define ADVISORY_TEXT_MAX 320

struct advisory_answer {
	const struct advisory *advisory;
	enum advisory_state state;
	bool second_hand;
	char why[ADVISORY_TEXT_MAX]; /* what decides; never empty unless fixed */
	const char *fix;             /* static; empty when fixed or nothing helps */
};

#define ADVISORIES_MAX 64 /* a policy holds them as a mask */

/* In order of their names. Returns how many. */
size_t advisories_names(const char *ret_names[static ADVISORIES_MAX]);
/* `index` below advisories_names(). */
const struct advisory *advisory_at(size_t index);
const char *advisories_date(void);
const char *advisory_state_text(enum advisory_state state); /* "fixed", "not fixed", "not provable" */

/* The part of `fields` (1 << enum policy_tcb_field) that the policy states, else all four. */
uint64_t policy_tcb_field_mask(const struct policy *policy);

/*
 * Judges one bulletin. `fields` are the TCBs that must have the lowest parts. Where the silicon line is not certain (no CPUID before report version 3;
 * Bergamo and Siena) all lines that it may be must agree, else it is not provable.
 */
void advisory_judge(const struct advisory *advisory, const struct claims *claims, uint64_t fields, struct advisory_answer *ret);

/* {"date", "items": [{"advisory", "title", "cve", "state", "why", "fix", "second_hand"}]}, of all. NULL without memory; the caller puts it. */
struct json_object *advisories_to_json(const struct claims *claims, uint64_t fields);
