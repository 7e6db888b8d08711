/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sevattest-broker(1): what the verbs share. A verb parses its words, asks brokerd, prints. */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"

struct ctl_options {
	const char *socket; /* of brokerd */
	const char *escrow; /* init --escrow */
	const char *output; /* enrol-key show --output */
	const char *expect; /* key import --expect */
	const char *enrol;  /* grant add --enrol */
	const char *checkpoint; /* audit --verify --checkpoint */
	bool verify;        /* audit --verify */
	bool yes;           /* key import --yes */
	bool replace;       /* key import --replace */
	bool json;
};

extern struct ctl_options arg;

/* Each returns an exit code. `words` are what stands after the verb. */
int init_main(size_t count, char **words);
int status_main(size_t count, char **words);
int jwks_main(size_t count, char **words);
int signing_key_show_main(size_t count, char **words);
int enrol_key_show_main(size_t count, char **words);
int key_import_main(size_t count, char **words);
int pending_list_main(size_t count, char **words);
int pending_show_main(size_t count, char **words);
int pending_accept_main(size_t count, char **words);
int pending_reject_main(size_t count, char **words);
int key_put_main(size_t count, char **words);
int key_get_meta_main(size_t count, char **words);
int key_list_main(size_t count, char **words);
int key_delete_main(size_t count, char **words);
int policy_put_main(size_t count, char **words);
int policy_show_main(size_t count, char **words);
int policy_list_main(size_t count, char **words);
int policy_delete_main(size_t count, char **words);
int grant_add_main(size_t count, char **words);
int grant_list_main(size_t count, char **words);
int grant_delete_main(size_t count, char **words);
int audit_main(size_t count, char **words);

/* Prints "sevattest-broker: text" to standard error and returns `code`. */
int ctl_fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);

/* A request of the verb, to which the caller adds members. NULL without memory. */
struct json_object *ctl_request(const char *verb);

/*
 * Asks brokerd and waits. `secret` may be NULL. Returns the exit code; what went wrong is printed already. On EXIT_YES, and when brokerd
 * gave one, *ret is its result (caller puts it; NULL otherwise). `ret_key` (may be NULL) takes the escrow copy.
 */
int ctl_ask(struct json_object *request, const struct secret *secret, struct json_object **ret, struct secret *ret_key);

/*
 * Asks again and again for the pages of a listing and appends their rows to one array. `member` is the array in the answers, `name` the
 * member of a row after which the next page begins.
 */
int ctl_list(const char *verb, const char *member, const char *name, struct json_object **ret);

/* One of the broker's public keys, "release", "token" or "enrol": {"jwk", "thumbprint"}. Exit code; *ret is put by the caller. */
int ctl_ask_key(const char *which, struct json_object **ret);

/* With --json: prints the one object (NULL: {}) and returns true. */
bool ctl_json(struct json_object *object);
/* A member as printable text for people; "-" when it is absent. `to` has 512 bytes. */
const char *ctl_show(char to[static 512], struct json_object *object, const char *member);
