/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <check.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/files.h"
#include "base/text.h"

void jose_setup(void)
{
	ck_assert_int_eq(secret_process_init((size_t)4 << 20), 0);
}

static const char *folder(const char *variable)
{
	const char *path = getenv(variable);

	return path ? path : "";
}

void vectors_need(void)
{
	char path[4096];
	DIR *directory;

	(void)snprintf(path, sizeof(path), "%s/kbs", folder("SEVATTEST_VECTORS"));
	directory = opendir(path);
	if (!directory) {
		(void)fprintf(stderr, "SKIP: no test vectors in '%s'\n", path);
		exit(77);
	}
	(void)closedir(directory);
}

static struct json_object *load(const char *directory, const char *between, const char *name)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *json = NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", directory, between, name);
	ck_assert_msg(file_read(path, (size_t)4 << 20, &text, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(json_read(buf_view(&text), &json, &error) == 0, "%s: %s", path, error_text(&error));
	return json;
}

struct json_object *vector_json(const char *name)
{
	return load(folder("SEVATTEST_VECTORS"), "kbs", name);
}

struct json_object *data_json(const char *name)
{
	return load(folder("SEVATTEST_TESTDATA"), "data", name);
}

struct json_object *json_of(const char *format, ...)
{
	struct json_object *json = NULL;
	struct error error = ERROR_NULL;
	char *text = NULL;
	va_list args;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	ck_assert_int_gt(size, 0);
	for (char *at = text; *at; at++)
		*at = *at == '\'' ? '"' : *at;
	ck_assert_msg(json_read(bytes_of_text(text), &json, &error) == 0, "%s: %s", text, error_text(&error));
	free(text);
	return json;
}

void member_hex(struct buf *to, struct json_object *object, const char *member)
{
	const char *text = json_get_text(object, member, NULL);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(hex_decode_any(to, (size_t)1 << 20, text), 0);
}

struct jwk *private_key(enum jwk_kind kind)
{
	struct jwk *key = NULL;

	ck_assert_int_eq(jwk_generate(kind, kind == JWK_RSA ? 2048 : 0, &key), 0);
	return key;
}

struct jwk *public_part(const struct jwk *key)
{
	JSON_AUTO json = NULL;
	struct jwk *public = NULL;

	ck_assert_int_eq(jwk_export_public(key, &json), 0);
	ck_assert_int_eq(jwk_import(json, JWK_PUBLIC, &public, NULL), 0);
	return public;
}
