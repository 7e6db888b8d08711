/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and file names of the key service's objects, and its answers. What is read must be written the same; an answer is never two things. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/kds_object.h"

static void names(const char *text)
{
	struct kds_object object;
	char path[SNP_KDS_PATH_MAX], file[KDS_FILE_NAME_MAX];

	if (kds_object_parse(text, &object) == 0 && (kds_object_path(&object, path) || strcmp(path, text) != 0))
		abort();
	if (kds_object_from_file(text, &object) == 0) {
		kds_object_file(&object, file);
		if (strcmp(file, text) != 0 || strchr(file, '/'))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kds_object chain = kds_object_chain(SNP_MILAN, SNP_SIGNER_VCEK), crl = kds_object_crl(SNP_GENOA, SNP_SIGNER_VLEK), vek;
	struct bytes input = bytes_of(data, size);
	char text[512];
	int is_chain, is_crl;

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	text[size < sizeof(text) ? size : sizeof(text) - 1] = '\0';
	names(text);
	is_chain = kds_object_check(&chain, input, NULL) == 0;
	is_crl = kds_object_check(&crl, input, NULL) == 0;
	if (is_chain && is_crl)
		abort();
	if (kds_object_of_vek(input, &vek) == 0 && (kds_object_check(&vek, input, NULL) || is_chain || is_crl))
		abort();
	return 0;
}
