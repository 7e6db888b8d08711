/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the rooms share: the machine as a tree of files below a root, the settings of its agent, and fixes as commands for a shell. */
#include "base/bytes.h"
#include "doctor/doctor.h"
#include "enroll/plan.h"
#include "io/root_trust.h"

/* Of agent.conf: what somebody looks at here. */
struct look_settings {
	struct config_list urls, key_checks, ignored;
	char *ca, *broker_key, *policy, *root_trust, *provider, *tsm_root, *sev_guest;
};

struct look {
	const struct doctor_options *options;
	const char *root; /* "" or DIR, without a slash at its end */
	bool live;        /* the root is / : units are started, and not only enabled */
	struct look_settings settings;
	bool configured; /* `settings` are those of the file */
	char *cmdline;   /* of the running kernel, or of the image's next boot; "" */
	bool has_cmdline; /* it was found */
	struct verdict *verdict;
};

/* The rooms. Each adds what it finds. */
void room_machine(struct look *look);
void room_conf(struct look *look); /* reads the settings too */
void conf_deinit(struct look *look);
void room_broker(struct look *look);
void room_units(struct look *look);
void room_agent(struct look *look);
void room_volumes(struct look *look);
void room_console(struct look *look);
void room_dumps(struct look *look);
void room_preflight(struct look *look);

/* Files below the root. A text is the caller's to free; NULL where there is none that can be read. */
char *look_text(const struct look *look, const char *path);
bool look_exists(const struct look *look, const char *path); /* also a link that points nowhere from here */
bool look_is_masked(const struct look *look, const char *unit);
/* The first entry of a directory, sorted, for which `match` holds, as "DIRECTORY/NAME" to free; NULL when there is none. */
char *look_find(const struct look *look, const char *directory, bool (*match)(const char *name));
/* All entries, sorted, without hidden ones; look_names_free(). An absent directory has none. */
char **look_names(const struct look *look, const char *directory, size_t *ret_count);
void look_names_free(char **names, size_t count);

/*
 * A word of the kernel's command line: NAME alone or NAME=VALUE. *ret (or NULL) points behind "=" or at the end of the word. Of several the last one, which is
 * the one that the kernel, systemd and dracut follow, and where a fix puts its own.
 */
bool look_cmdline(const struct look *look, const char *name, const char **ret);
/* Is it exactly "NAME=VALUE"? */
bool look_cmdline_is(const struct look *look, const char *name, const char *value);
/* "6.1.0-x" as 6 * 1000 + 1; 0 when it is none. */
unsigned look_kernel(const struct look *look, char to[static 128]);
/* The version of systemd by its own library; 0 when it is not found. */
unsigned look_systemd(const struct look *look);

/* Findings. The first is for what is as it should be; `actual` may be NULL. */
void look_passed(struct look *look, const char *check, const char *actual, ...) PRINTF_LIKE(3, 4);
/* For what could not be looked at, and therefore did not pass. */
void look_unknown(struct look *look, const char *check, const char *why, ...) PRINTF_LIKE(3, 4);
/* The finding of a mandatory check, or of advice, that failed: fill in expected, actual, why and fix. */
struct finding *look_failed(struct look *look, const char *check);
struct finding *look_advice(struct look *look, const char *check);

/* A fix as a command: "run: systemctl --root=DIR VERB UNIT", live with --now. */
void fix_systemctl(struct finding *finding, const struct look *look, const char *verb, const char *units);
/* "run: ..." that makes all edits of a plan. */
void fix_plan(struct finding *finding, const struct plan *plan);
/* A word is put on the kernel's command line, where this machine keeps that of its next boot. */
void fix_cmdline(struct finding *finding, const struct look *look, const char *word);
/* The text as one word of a shell, appended. */
int fix_quote(struct buf *to, const char *text) MUST_CHECK;
