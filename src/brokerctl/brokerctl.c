/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest-broker: the operator's command for the key broker. */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/files.h"
#include "base/secret.h"
#include "brokerctl/ctl.h"

#define SECURE_HEAP ((size_t)4 << 20)
#define DEFAULT_SOCKET "/run/sevattest-broker/admin.sock"

struct ctl_options arg = {.socket = NULL};

/* What only some verbs take. */
enum {
	OPTION_ESCROW = 1,
	OPTION_VERIFY = 2,
	OPTION_OUTPUT = 4,
	OPTION_EXPECT = 8,
	OPTION_YES = 16,
	OPTION_REPLACE = 32,
	OPTION_ENROL = 64,
	OPTION_CHECKPOINT = 128,
};

static const struct {
	unsigned bit;
	const char *name;
} option_names[] = {
	{OPTION_ESCROW, "escrow"}, {OPTION_VERIFY, "verify"}, {OPTION_OUTPUT, "output"}, {OPTION_EXPECT, "expect"}, {OPTION_YES, "yes"},
	{OPTION_REPLACE, "replace"}, {OPTION_ENROL, "enrol"}, {OPTION_CHECKPOINT, "checkpoint"},
};

static const struct verb {
	const char *name;  /* one or two words */
	const char *words; /* what follows, for the usage text */
	const char *summary;
	size_t least;
	size_t most;
	unsigned options;
	int (*function)(size_t count, char **words);
} verbs[] = {
	{"init", "", "make the keys of a fresh store and show the escrow copy once", 0, 0, OPTION_ESCROW, init_main},
	{"status", "", "what the broker holds", 0, 0, 0, status_main},
	{"jwks", "", "the public key of the token signer, as a JWK set", 0, 0, 0, jwks_main},
	{"signing-key show", "", "the public key of the release signer: what agents pin", 0, 0, 0, signing_key_show_main},
	{"enrol-key show", "", "the public key that enrolments are sealed to, for sevattest enroll", 0, 0, OPTION_OUTPUT, enrol_key_show_main},
	{"key import", "FILE", "store the disk of an enrolment file, once its fingerprint is confirmed", 1, 1,
		OPTION_EXPECT | OPTION_YES | OPTION_REPLACE, key_import_main},
	{"pending list", "", "enrolments of guests that wait", 0, 0, 0, pending_list_main},
	{"pending show", "ID", "an enrolment that waits", 1, 1, 0, pending_show_main},
	{"pending accept", "ID", "store its disk", 1, 1, 0, pending_accept_main},
	{"pending reject", "ID", "forget it", 1, 1, 0, pending_reject_main},
	{"key put", "RESOURCE [FILE]", "store a secret from a file or standard input", 1, 2, 0, key_put_main},
	{"key get-meta", "RESOURCE", "version, size, time and grants of a secret", 1, 1, 0, key_get_meta_main},
	{"key list", "", "all secrets by name", 0, 0, 0, key_list_main},
	{"key delete", "RESOURCE", "delete a secret", 1, 1, 0, key_delete_main},
	{"policy put", "FILE", "store a policy under the name that it states", 1, 1, 0, policy_put_main},
	{"policy show", "NAME [VERSION]", "print a policy", 1, 2, 0, policy_show_main},
	{"policy list", "", "all policies", 0, 0, 0, policy_list_main},
	{"policy delete", "NAME", "delete a policy that no grant names", 1, 1, 0, policy_delete_main},
	{"grant add", "PATTERN POLICY...", "let guests that pass one of the policies have the secret", 2, 17, OPTION_ENROL, grant_add_main},
	{"grant list", "", "all grants", 0, 0, 0, grant_list_main},
	{"grant delete", "PATTERN", "delete a grant", 1, 1, 0, grant_delete_main},
	{"audit", "", "releases, refusals and changes", 0, 0, OPTION_VERIFY | OPTION_CHECKPOINT, audit_main},
};

static const struct {
	const char *name;
	const char *value;
	const char *help;
} option_help[] = {
	{"checkpoint", "TEXT", "audit --verify: a signed checkpoint of the log, which the audit must still hold"},
	{"config", "FILE", "take the admin socket's path from section [admin] of this file"},
	{"enrol", "LEVEL", "grant add: a disk that such a guest registers is refused (none), waits (pending), is taken (accept)"},
	{"escrow", "FILE", "init: write the escrow copy to a new file, not to standard output"},
	{"expect", "SHA256", "key import: the fingerprint that sevattest enroll printed"},
	{"help", NULL, "this text"},
	{"json", NULL, "print one JSON object"},
	{"output", "FILE", "enrol-key show: write the key there (also -o)"},
	{"replace", NULL, "key import: in the place of what is there"},
	{"socket", "PATH", "brokerd's admin socket (" DEFAULT_SOCKET ")"},
	{"verify", NULL, "audit: recompute every chain"},
	{"version", NULL, "the version"},
	{"yes", NULL, "key import: whatever its fingerprint is"},
};

static void print_help(void)
{
	(void)printf("sevattest-broker: the operator's command for the key broker\n\nVerbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		(void)printf("  %-16s %-18s %s\n", verbs[i].name, verbs[i].words, verbs[i].summary);
	(void)printf("\nOptions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(option_help); i++) {
		char left[40];

		(void)snprintf(left, sizeof(left), "--%s%s%s", option_help[i].name, option_help[i].value ? " " : "",
			option_help[i].value ? option_help[i].value : "");
		(void)printf("  %-22s %s\n", left, option_help[i].help);
	}
	(void)printf("\nPATTERN is a RESOURCE (repository/type/tag) or repository/type/*.\n");
}

struct admin_section {
	char *socket;
	struct config_list users;
};

static const struct config_key admin_keys[] = {
	{"admin", "Socket", CONFIG_TEXT, offsetof(struct admin_section, socket), 0, 0, DEFAULT_SOCKET},
	{"admin", "User", CONFIG_LIST, offsetof(struct admin_section, users), 0, 0, NULL},
};

/* `ret_socket` is freed by the caller. */
static int read_config(const char *path, char **ret_socket)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct admin_section section = {.socket = NULL};
	struct error error = ERROR_NULL;
	int r;

	r = file_read(path, CONFIG_TEXT_MAX, &text, &error);
	if (!r)
		config_blank(&text, "admin", true);
	if (!r)
		r = config_read(&section, admin_keys, ARRAY_SIZE(admin_keys), path, buf_view(&text), &error);
	if (r)
		return ctl_fail(EXIT_USAGE, "%s", error_text(&error));
	*ret_socket = section.socket;
	section.socket = NULL;
	config_deinit(&section, admin_keys, ARRAY_SIZE(admin_keys));
	return EXIT_YES;
}

/* How many words of the command line name this verb; 0: another one. */
static size_t match(const char *name, size_t count, char **words)
{
	const char *blank = strchr(name, ' ');
	size_t first = blank ? (size_t)(blank - name) : strlen(name);

	if (count < 1 || strlen(words[0]) != first || strncmp(words[0], name, first) != 0)
		return 0;
	if (!blank)
		return 1;
	return count >= 2 && strcmp(words[1], blank + 1) == 0 ? 2 : 0;
}

static int refuse_option(const char *verb, unsigned surplus)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
		if (surplus & option_names[i].bit)
			return ctl_fail(EXIT_USAGE, "%s takes no --%s", verb, option_names[i].name);
	}
	return EXIT_USAGE;
}

static int run_verb(size_t count, char **words, unsigned options)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		size_t taken = match(verbs[i].name, count, words);

		if (taken == 0)
			continue;
		if (count - taken < verbs[i].least || count - taken > verbs[i].most)
			return ctl_fail(EXIT_USAGE, "usage: sevattest-broker %s %s", verbs[i].name, verbs[i].words);
		if (options & ~verbs[i].options)
			return refuse_option(verbs[i].name, options & ~verbs[i].options);
		return verbs[i].function(count - taken, words + taken);
	}
	return ctl_fail(EXIT_USAGE, count ? "there is no such verb; see --help" : "a verb is missing; see --help");
}

static void take_text(const char **to, unsigned bit, unsigned *options)
{
	*to = optarg;
	*options |= bit;
}

static void take_flag(bool *to, unsigned bit, unsigned *options)
{
	*to = true;
	*options |= bit;
}

/* Those that only some verbs take. False: another one. */
static bool take_special(int c, unsigned *options)
{
	switch (c) {
	case 'e':
		take_text(&arg.escrow, OPTION_ESCROW, options);
		return true;
	case 'o':
		take_text(&arg.output, OPTION_OUTPUT, options);
		return true;
	case 'x':
		take_text(&arg.expect, OPTION_EXPECT, options);
		return true;
	case 'k':
		take_text(&arg.checkpoint, OPTION_CHECKPOINT, options);
		return true;
	case 'n':
		take_text(&arg.enrol, OPTION_ENROL, options);
		return true;
	case 'y':
		take_flag(&arg.verify, OPTION_VERIFY, options);
		return true;
	case 'Y':
		take_flag(&arg.yes, OPTION_YES, options);
		return true;
	case 'r':
		take_flag(&arg.replace, OPTION_REPLACE, options);
		return true;
	default:
		return false;
	}
}

/* 0: go on; else the exit code plus one. */
static int parse_options(int argc, char **argv, const char **ret_config, unsigned *ret_options)
{
	static const struct option options[] = {
		{"checkpoint", required_argument, NULL, 'k'},
		{"config", required_argument, NULL, 'c'},
		{"enrol", required_argument, NULL, 'n'},
		{"escrow", required_argument, NULL, 'e'},
		{"expect", required_argument, NULL, 'x'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"output", required_argument, NULL, 'o'},
		{"replace", no_argument, NULL, 'r'},
		{"socket", required_argument, NULL, 's'},
		{"verify", no_argument, NULL, 'y'},
		{"version", no_argument, NULL, 'v'},
		{"yes", no_argument, NULL, 'Y'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			*ret_config = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_YES + 1;
		case 'j':
			arg.json = true;
			break;
		case 's':
			arg.socket = optarg;
			break;
		case 'v':
			(void)printf("sevattest-broker %s\n", SEVATTEST_VERSION);
			return EXIT_YES + 1;
		default:
			if (!take_special(c, ret_options))
				return EXIT_USAGE + 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *config = NULL;
	char *socket = NULL;
	unsigned options = 0;
	int r;

	r = parse_options(argc, argv, &config, &options);
	if (r)
		return r - 1;
	if (config && !arg.socket) {
		r = read_config(config, &socket);
		if (r)
			return r;
		arg.socket = socket;
	}
	if (!arg.socket)
		arg.socket = DEFAULT_SOCKET;
	r = secret_process_init(SECURE_HEAP);
	if (r)
		r = ctl_fail(EXIT_INTERNAL, "the secure heap cannot be made: %s (RLIMIT_MEMLOCK?)", strerror(-r));
	else
		r = run_verb((size_t)(argc - optind), argv + optind, options);
	if (fflush(stdout) != 0 && r == EXIT_YES)
		r = ctl_fail(EXIT_INTERNAL, "standard output: %s", strerror(errno));
	free(socket);
	return r;
}
