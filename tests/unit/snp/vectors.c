/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"

const char *vectors_folder(void)
{
	const char *folder = getenv("SEVATTEST_VECTORS");
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/index.json", folder ? folder : "");
	if (!folder || access(path, R_OK) != 0) {
		(void)fprintf(stderr, "SKIP: there are no vectors at SEVATTEST_VECTORS=%s\n", folder ? folder : "");
		exit(77);
	}
	return folder;
}

void vectors_read(const char *path, struct buf *ret)
{
	struct error error = ERROR_NULL;
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s/%s", vectors_folder(), path);
	ck_assert_msg(file_read(full, (size_t)8 << 20, ret, &error) == 0, "%s", error_text(&error));
}

/* Read once for all tests of the process. */
struct json_object *vectors_objects(void)
{
	static struct json_object *index;

	if (!index) {
		CLEANUP(buf_deinit) struct buf text = BUF_NULL;

		vectors_read("index.json", &text);
		index = json_tokener_parse((const char *)(buf_append(&text, "", 1) == 0 ? text.data : NULL));
		ck_assert_ptr_nonnull(index);
	}
	return json_get_array(index, "objects");
}

const char *vectors_text(struct json_object *entry, const char *member)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(entry, member, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static void add_certs(struct vector_case *c)
{
	struct json_object *list = json_get_array(c->entry, "certs");
	const char *crl = vectors_text(c->entry, "crl"), *trust = vectors_text(c->entry, "trust");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		CLEANUP(buf_deinit) struct buf data = BUF_NULL;

		vectors_read(json_object_get_string(json_object_array_get_idx(list, i)), &data);
		ck_assert_int_ge(snp_certs_add(&c->certs, buf_view(&data), NULL), 0);
	}
	if (crl) {
		CLEANUP(buf_deinit) struct buf data = BUF_NULL;

		vectors_read(crl, &data);
		ck_assert_int_ge(snp_certs_add_crl(&c->certs, buf_view(&data), NULL), 0);
	}
	if (trust) {
		CLEANUP(buf_deinit) struct buf data = BUF_NULL;

		vectors_read(trust, &data);
		ck_assert_int_eq(snp_pins_add_certificate(&c->pins, buf_view(&data), NULL), 0);
	}
}

void vector_case_init(struct vector_case *c, struct json_object *entry)
{
	const char *time = vectors_text(entry, "time"), *revocation = vectors_text(entry, "revocation");

	memset(c, 0, sizeof(*c));
	c->entry = entry;
	snp_certs_init(&c->certs);
	vectors_read(vectors_text(entry, "file"), &c->report);
	add_certs(c);
	c->input.report = buf_view(&c->report);
	c->input.certs = &c->certs;
	c->input.extra_pins = &c->pins;
	if (revocation && strcmp(revocation, "require") == 0)
		c->input.revocation = SNP_REVOCATION_REQUIRE;
	else
		c->input.revocation = vectors_text(entry, "crl") ? SNP_REVOCATION_IF_PRESENT : SNP_REVOCATION_OFF;
	if (!time)
		time = vectors_text(entry, "verify_time");
	c->input.now = 0;
	if (time)
		ck_assert_int_eq(time_parse(time, &c->input.now), 0);
}

void vector_case_deinit(struct vector_case *c)
{
	buf_deinit(&c->report);
	snp_certs_deinit(&c->certs);
}

/* Does one line of steps.map, "oracle ours...", map `step` to `ours`? Sets *listed when it is about `step`. */
static bool line_maps(char *line, const char *step, const char *ours, bool *listed)
{
	char *save = NULL, *word = strtok_r(line, " \t\n", &save);

	if (!word || word[0] == '#' || strcmp(word, step) != 0)
		return false;
	*listed = true;
	while ((word = strtok_r(NULL, " \t\n", &save)))
		if (strcmp(word, ours) == 0)
			return true;
	return false;
}

static bool one_step_is(const char *step, const char *ours)
{
	FILE *map = fopen(getenv("SEVATTEST_STEPS"), "re");
	bool listed = false, found = false;
	char line[256];

	ck_assert_msg(map != NULL, "steps.map is not at SEVATTEST_STEPS");
	while (!found && fgets(line, sizeof(line), map))
		found = line_maps(line, step, ours, &listed);
	(void)fclose(map);
	return found || (!listed && strcmp(step, ours) == 0);
}

bool vectors_step_is(const char *step, const char *ours)
{
	char copy[256], *save = NULL;

	(void)snprintf(copy, sizeof(copy), "%s", step);
	for (char *one = strtok_r(copy, " |", &save); one; one = strtok_r(NULL, " |", &save))
		if (one_step_is(one, ours))
			return true;
	return false;
}
