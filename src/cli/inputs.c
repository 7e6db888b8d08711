/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories that the command line names. */
#include "cli/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "cli/cli.h"

#define DIRECTORY_FILES_MAX 256 /* a directory of one chip's certificates, not a cache of a fleet */

/* White space may stand before PEM and JSON. */
static size_t text_start(struct bytes data)
{
	size_t i = 0;

	while (i < data.size && (data.data[i] == ' ' || data.data[i] == '\t' || data.data[i] == '\r' || data.data[i] == '\n'))
		i++;
	return i;
}

static bool holds_text(struct bytes data, const char *text)
{
	return memmem(data.data, data.size, text, strlen(text)) != NULL;
}

enum input_kind input_recognise(struct bytes data)
{
	size_t start = text_start(data);

	if (data.size == SNP_REPORT_SIZE)
		return INPUT_REPORT;
	if (data.size >= 4 && !memcmp(data.data, "HCLA", 4))
		return INPUT_HCL;
	if (start < data.size && data.data[start] == '{')
		return INPUT_JSON;
	if (holds_text(data, "-----BEGIN X509 CRL-----"))
		return INPUT_PEM_CRL;
	if (holds_text(data, "-----BEGIN CERTIFICATE-----") && (data.data[start] == '-' || data.data[start] > ' '))
		return memchr(data.data, '\0', data.size) ? INPUT_TABLE : INPUT_PEM;
	if (data.size >= 2 && data.data[0] == 0x30 && (data.data[1] & 0x80))
		return INPUT_DER;
	if (data.size >= 24)
		return INPUT_TABLE;
	return INPUT_UNKNOWN;
}

static int add_file(struct snp_certs *certs, const char *path, struct verdict *verdict, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	int r;

	r = file_read(path, CERTS_FILE_MAX, &data, error);
	if (r < 0)
		return r;
	if (input_recognise(buf_view(&data)) == INPUT_TABLE)
		return snp_certs_add_table(certs, buf_view(&data), verdict);
	return snp_certs_add(certs, buf_view(&data), error);
}
