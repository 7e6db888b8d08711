/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator says about a volume: what was read is an absolute path and a word, what was refused has left nothing behind and says why.
 *
 * planted: config volume_conf_parse
 */
#include "fuzz.h"
#include "io/volume_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct volume_conf conf = VOLUME_CONF_NULL;
	struct error error = ERROR_NULL;
	int r = volume_conf_parse("volume", bytes_of(data, size), &conf, &error);

	if (r == 0 && (conf.device[0] != '/' || !conf.resource[0] || strchr(conf.resource, ' ')))
		abort();
	if (r != 0 && (conf.device || conf.resource || !error_text(&error)[0]))
		abort();
	volume_conf_deinit(&conf);
	return 0;
}
