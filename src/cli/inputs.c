/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories that the command line names. */
#include "cli/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "cli/cli.h"

#define DIRECTORY_FILES_MAX 256 /* a directory of one chip's certificates, not a cache of a fleet */

/* White space may stand before JSON. */
static size_t text_start(struct bytes data)
{
	size_t i = 0;

	while (i < data.size && (data.data[i] == ' ' || data.data[i] == '\t' || data.data[i] == '\r' || data.data[i] == '\n'))
		i++;
	return i;
}

static bool holds(struct bytes data, const char *text)
{
	return data.size && memmem(data.data, data.size, text, strlen(text)) != NULL;
}

/* The first entry's offset and length are below the largest table: random bytes are not. */
static bool looks_like_table(struct bytes data)
{
	struct reader reader;
	uint32_t offset, length;

	reader_init(&reader, data);
	reader_skip(&reader, 16);
	offset = reader_u32le(&reader);
	length = reader_u32le(&reader);
	return reader_ok(&reader) && offset <= SNP_TABLE_SIZE_MAX && length <= SNP_TABLE_SIZE_MAX;
}

enum input_kind input_recognise(struct bytes data)
{
	size_t start = text_start(data);

	/* A certificate table may hold PEM, but text has no NUL; evidence as JSON may hold it in a string. */
	if (holds(data, "-----BEGIN ") && !memchr(data.data, 0, data.size) && data.data[start] != '{')
		return INPUT_PEM;
	if (data.size == SNP_REPORT_SIZE)
		return INPUT_REPORT;
	if (data.size >= 4 && !memcmp(data.data, "HCLA", 4))
		return INPUT_HCL;
	if (start < data.size && data.data[start] == '{')
		return INPUT_JSON;
	if (data.size >= 2 && data.data[0] == 0x30 && (data.data[1] & 0x80))
		return INPUT_DER;
	return looks_like_table(data) ? INPUT_TABLE : INPUT_UNKNOWN;
}

static int add_bytes(struct snp_certs *certs, struct bytes data, struct verdict *verdict, struct error *error)
{
	if (input_recognise(data) == INPUT_TABLE)
		return snp_certs_add_table(certs, data, verdict);
	return snp_certs_add(certs, data, error);
}

/* What does not parse is remembered in the set, and the verdict says so; only a full set is an error here. */
static int settle(int r, const char *path, struct error *error)
{
	if (r == SNP_CERTS_E_LIMIT)
		return error_set(error, -E2BIG, "%s: too many or too large certificates", path);
	return r < 0 ? r : 0;
}

static int add_file(struct snp_certs *certs, const char *path, bool in_directory, struct verdict *verdict, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error ignored = ERROR_NULL;
	enum input_kind kind;
	int r;

	r = file_read(path, CERTS_FILE_MAX, &data, error);
	if (r < 0)
		return r;
	kind = input_recognise(buf_view(&data));
	/* A directory may hold reports and notes beside the certificates. */
	if (in_directory && kind != INPUT_PEM && kind != INPUT_DER)
		return 0;
	return settle(add_bytes(certs, buf_view(&data), verdict, &ignored), path, error);
}

static int is_regular(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && (entry->d_type == DT_REG || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

static int add_directory(struct snp_certs *certs, const char *path, struct verdict *verdict, struct error *error)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_regular, alphasort), r = 0;

	if (count < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (count > DIRECTORY_FILES_MAX)
		r = error_set(error, -E2BIG, "%s: more than %d files", path, DIRECTORY_FILES_MAX);
	for (int i = 0; i < count; i++) {
		char name[PATH_MAX];
		struct stat status;

		if (r == 0 && snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) >= (int)sizeof(name))
			r = error_set(error, -ENAMETOOLONG, "%s: the path is too long", path);
		if (r == 0 && stat(name, &status) == 0 && S_ISREG(status.st_mode))
			r = add_file(certs, name, true, verdict, error);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int inputs_add_certs(struct snp_certs *certs, const char *path, struct verdict *verdict, struct error *error)
{
	struct stat status;

	if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return add_directory(certs, path, verdict, error);
	return add_file(certs, path, false, verdict, error);
}

int inputs_add_crl(struct snp_certs *certs, const char *path, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error ignored = ERROR_NULL;
	int r;

	r = file_read(path, CERTS_FILE_MAX, &data, error);
	if (r < 0)
		return r;
	return settle(snp_certs_add_crl(certs, buf_view(&data), &ignored), path, error);
}

int inputs_add_trust(struct snp_pins *pins, const char *path, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	int r;

	r = file_read(path, CERTS_FILE_MAX, &data, error);
	if (r < 0)
		return r;
	r = snp_pins_add_certificate(pins, buf_view(&data), error);
	if (r < 0)
		error_prefix(error, "%s", path);
	return r;
}

int inputs_verify(struct verify_subject *subject, struct snp_verified *ret, struct verdict *verdict, struct error *error)
{
	const struct snp_verify_input input = {
		.report = subject->data,
		.certs = subject->certs,
		.revocation = subject->revocation,
		.extra_pins = subject->pins,
		.now = subject->now,
		.allow_masked_chip_id = subject->allow_masked_chip_id,
	};
	enum input_kind kind = input_recognise(subject->data);
	int r;

	if (kind == INPUT_JSON || kind == INPUT_HCL)
		return inputs_verify_evidence(subject, ret, verdict, error);
	r = snp_verify(&input, ret, verdict);
	if (r < 0)
		return error_set(error, r, "the verification could not run: %s", strerror(-r));
	claims_from_verified(&subject->claims, ret, subject->now);
	return 0;
}
