/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of the broker itself: `init`, `status`, `jwks`, `signing-key show`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "brokerctl/ctl.h"

/* The file is made before the broker is asked: a path that cannot be written must not cost the only showing of the key. */
static int open_escrow(int *ret_fd)
{
	if (!arg.escrow) {
		*ret_fd = STDOUT_FILENO;
		return EXIT_YES;
	}
	*ret_fd = open(arg.escrow, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *ret_fd < 0 ? ctl_fail(EXIT_USAGE, "%s: %s", arg.escrow, strerror(errno)) : EXIT_YES;
}

static int write_escrow(int fd, const struct secret *key)
{
	int r = fd_write_all(fd, secret_view(key));

	if (!r && arg.escrow && fsync(fd) < 0)
		r = -errno;
	if (r)
		return ctl_fail(EXIT_INTERNAL,
			"the broker is initialised, but the escrow copy could not be written: %s; copy the key file of the broker instead",
			strerror(-r));
	if (arg.escrow)
		(void)fprintf(stderr, "sevattest-broker: the escrow copy of the key-encryption key is in %s\n", arg.escrow);
	else
		(void)fprintf(stderr, "sevattest-broker: the line above is the escrow copy of the key-encryption key, shown only now\n");
	(void)fprintf(stderr, "sevattest-broker: without it nobody can restore the store; keep it apart from the store\n");
	return EXIT_YES;
}

static int show_keys(void)
{
	JSON_AUTO request = ctl_request("signing-keys");
	JSON_AUTO result = NULL;
	int r = ctl_ask(request, NULL, &result, NULL);

	if (!r && !ctl_json(result)) {
		char text[512];

		(void)fprintf(stderr, "sevattest-broker: release signer, the pin for agents: %s\n",
			ctl_show(text, json_get_object(result, "release"), "thumbprint"));
	}
	return r;
}

int init_main(size_t count, char **words)
{
	JSON_AUTO request = ctl_request("init");
	JSON_AUTO result = NULL;
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	int fd;
	int r;

	(void)count;
	(void)words;
	if (arg.json && !arg.escrow)
		return ctl_fail(EXIT_USAGE, "--json needs --escrow FILE: the key does not belong into JSON");
	r = open_escrow(&fd);
	if (r)
		return r;
	r = ctl_ask(request, NULL, &result, &key);
	if (!r)
		r = write_escrow(fd, &key);
	if (arg.escrow) {
		(void)close(fd);
		if (key.size == 0)
			(void)unlink(arg.escrow);
	}
	return r ? r : show_keys();
}

int status_main(size_t count, char **words)
{
	static const char *const members[] = {"epoch", "policies", "grants", "audit_records", "audit_failures"};
	JSON_AUTO request = ctl_request("status");
	JSON_AUTO result = NULL;
	bool initialised = false;
	char text[512];
	int r = ctl_ask(request, NULL, &result, NULL);

	(void)count;
	(void)words;
	if (r || ctl_json(result))
		return r;
	(void)json_get_bool(result, "initialised", &initialised);
	(void)printf("initialised:    %s\n", initialised ? "yes" : "no: sevattest-broker init");
	for (size_t i = 0; initialised && i < ARRAY_SIZE(members); i++)
		(void)printf("%s:%*s%s\n", members[i], (int)(15 - strlen(members[i])), "", ctl_show(text, result, members[i]));
	return EXIT_YES;
}

int ctl_ask_key(const char *which, struct json_object **ret)
{
	JSON_AUTO request = ctl_request("signing-keys");
	JSON_AUTO result = NULL;
	struct json_object *row;
	int r = ctl_ask(request, NULL, &result, NULL);

	if (r)
		return r;
	row = json_get_object(result, which);
	if (!row || !json_get_object(row, "jwk"))
		return ctl_fail(EXIT_INTERNAL, "the broker's answer has no key");
	*ret = json_object_get(row);
	return EXIT_YES;
}

static int print_object(struct json_object *object)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	if (json_write(&text, object) || buf_append_text(&text, "\n"))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	(void)fwrite(text.data, 1, text.size, stdout);
	return EXIT_YES;
}

int jwks_main(size_t count, char **words)
{
	JSON_AUTO row = NULL;
	JSON_AUTO set = json_object_new_object();
	struct json_object *keys = json_object_new_array();
	int r;

	(void)count;
	(void)words;
	if (json_add(set, "keys", keys))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = ctl_ask_key("token", &row);
	if (r)
		return r;
	if (json_push(keys, json_object_get(json_get_object(row, "jwk"))))
		return ctl_fail(EXIT_INTERNAL, "no memory");
	return print_object(set);
}

/* For people the key and its thumbprint; with --json the whole row. */
int signing_key_show_main(size_t count, char **words)
{
	JSON_AUTO row = NULL;
	char text[512];
	int r = ctl_ask_key("release", &row);

	(void)count;
	(void)words;
	if (r || ctl_json(row))
		return r;
	(void)printf("thumbprint: %s\n", ctl_show(text, row, "thumbprint"));
	return print_object(json_get_object(row, "jwk"));
}
