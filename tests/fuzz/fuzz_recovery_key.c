/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody typed as a recovery key: what is taken has the one form in which it was shown, and that form is taken again and stays. The first byte 1: the rest is
 * a key, and its text is read back whatever the case, without the dashes.
 *
 * planted: reader collect
 */
#include "enroll/recovery_key.h"
#include "fuzz.h"

static void again(const struct secret *text)
{
	CLEANUP(secret_deinit) struct secret back = SECRET_NULL;

	if (text->size != RECOVERY_KEY_TEXT || recovery_key_read(secret_view(text), &back) || !bytes_equal(secret_view(text), secret_view(&back)))
		abort();
}

static void whole(struct bytes key)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret back = SECRET_NULL;
	char typed[RECOVERY_KEY_TEXT];
	size_t size = 0;

	if (recovery_key_format(bytes_of(key.data, RECOVERY_KEY_BYTES), &text))
		abort();
	again(&text);
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] != '-')
			typed[size++] = (char)(text.data[i] | (text.data[i] >= 'A' ? 0x20 : 0));
	}
	if (recovery_key_read(bytes_of(typed, size), &back) || !bytes_equal(secret_view(&text), secret_view(&back)))
		abort();
	secret_deinit(&back);
	if (recovery_key_read(bytes_of(typed, size - 1), &back) != RECOVERY_KEY_E_FORM)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	static bool ready;
	int r;

	if (!ready)
		fuzz_secrets();
	ready = true;
	if (size > RECOVERY_KEY_BYTES && data[0] == 1)
		whole(bytes_of(data + 1, size - 1));
	r = recovery_key_read(bytes_of(data, size), &text);
	if (r < 0 || (r && text.data))
		abort();
	if (!r)
		again(&text);
	return 0;
}
