/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An appraiser with directories of its own, a list of policies that all have a grant, and evidence: of the simulated platform, made anew for every question, or
 * out of the vectors. Everything asserts.
 */
#include "base/json.h"
#include "broker/appraiser.h"
#include "evidence/evidence.h"
#include "sim/report.h"

#define APPRAISING_POLICIES 24

struct appraising {
	char folder[64];
	struct broker_config config;
	struct appraiser *appraiser;
	struct sim_platform platform;
	struct sim_state state; /* may be changed between two questions */
	char pin[65];           /* SHA-256 of the platform's root, as a policy's "trust" has it */
	struct catalog_policy policies[APPRAISING_POLICIES];
	struct catalog_policy *pointers[APPRAISING_POLICIES];
	bool granted[APPRAISING_POLICIES];
	size_t policy_count;
	/* of the last question */
	struct kbs_appraised answer;
	struct json_object *details;
};

/* `platform` is a directory that keeps the simulated platform between runs: its CA keys take seconds. */
void appraising_open(struct appraising *a, const char *platform);
void appraising_close(struct appraising *a);

/*
 * A policy for `name`, granted. `more` are further members of the document, each with a comma before it; `more_snp` the same for "snp". The measurement is the
 * simulator's, no floor.
 */
void appraising_policy(struct appraising *a, const char *name, const char *more, const char *more_snp);
/* "trust" with the platform's pin, for `more`. */
const char *appraising_trust(const struct appraising *a);
/* Forgets the policies. */
void appraising_no_policies(struct appraising *a);

/* A file in "certs", "crls" or "cache". */
void appraising_file(const struct appraising *a, const char *where, const char *name, struct bytes content);
void appraising_forget(const struct appraising *a, const char *where, const char *name);
/* The directories are read again. */
void appraising_reload(struct appraising *a);

/* Asks with new evidence of the platform as `state` says. The names of the policies that passed, separated by blanks. */
const char *appraising_ask(struct appraising *a);
/* The same with a file of the vectors, at a time when it was good. */
const char *appraising_ask_vector(struct appraising *a, const char *file, enum kbs_tee tee, struct bytes report_data);
