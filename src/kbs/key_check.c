/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/key_check.h"

int key_check_digest(uint8_t ret[static SHA256_SIZE], struct bytes key)
{
	CLEANUP(secret_deinit) struct secret derived = SECRET_NULL;
	int r = hkdf_sha256(&derived, SHA256_SIZE, key, bytes_of_text(KEY_CHECK_INFO));

	return r ? r : sha256(ret, secret_view(&derived));
}
