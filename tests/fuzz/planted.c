/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: over-reads of one byte, planted with the linker's --wrap (meson.build) into what the parsers read through, and switched on by SEVATTEST_PLANTED=SEAM.
 * They prove that a fuzzer sees such a bug: `run --planted` fails when it does not. No product code knows of them; only the libFuzzer programs are linked with this.
 */
#include "planted.h"

#include "base/config.h"
#include "base/error.h"
#include "base/json_scan.h"
#include "base/text.h"

bool planted(const char *seam)
{
	static const char *chosen;

	if (!chosen)
		chosen = getenv("SEVATTEST_PLANTED") ? getenv("SEVATTEST_PLANTED") : "";
	/* For a fuzzer that does not say what its parser reads through. */
	if (strcmp(chosen, "any") == 0)
		return strcmp(seam, "reader") == 0 || strcmp(seam, "scan") == 0;
	return strcmp(chosen, seam) == 0;
}

/* A whole text is looked at as UTF-8 before it is parsed: that look, the next one, is not where the bug is. */
static bool spare_utf8;

SEAM(bool, utf8_valid, struct bytes text)
{
	if (spare_utf8)
		text.size--;
	spare_utf8 = false;
	return __real_utf8_valid(text);
}

/* "reader": the bounded reader ends one byte too late. */
SEAM(void, reader_init, struct reader *reader, struct bytes input)
{
	__real_reader_init(reader, planted("reader") ? longer(input) : input);
}

/* "scan": so does the scanner of JSON. */
SEAM(int, json_scan, struct bytes text, struct json_object **ret, struct error *error)
{
	spare_utf8 = planted("scan") && text.data;
	return __real_json_scan(spare_utf8 ? longer(text) : text, ret, error);
}

/* "config": and the line splitter of configurations. */
SEAM(int, config_read, void *into, const struct config_key *keys, size_t key_count, const char *name, struct bytes text, struct error *error)
{
	spare_utf8 = planted("config") && text.data;
	return __real_config_read(into, keys, key_count, name, spare_utf8 ? longer(text) : text, error);
}

/*
 * "base64": the decoder takes one character more; "base64-exact": only where a size is demanded. "base64-text": it looks behind the NUL of a text that a JSON
 * document holds.
 */
static void peek(const uint8_t *at)
{
	volatile uint8_t byte = *at;

	(void)byte;
}

SEAM(int, base64_decode, struct buf *to, enum base64_kind kind, struct bytes text)
{
	if (planted("base64-text") && text.data)
		peek(text.data + text.size + 1);
	return __real_base64_decode(to, kind, planted("base64") ? longer(text) : text);
}

/* base64_decode_exact() lives beside base64_decode(), so the linker does not see that call. */
SEAM(int, base64_decode_exact, void *to, size_t size, enum base64_kind kind, struct bytes text)
{
	if (planted("base64-text") && text.data)
		peek(text.data + text.size + 1);
	return __real_base64_decode_exact(to, size, kind, planted("base64-exact") ? longer(text) : text);
}

/* "hex": the decoders look behind the NUL. */
SEAM(int, hex_decode, void *to, size_t size, const char *text)
{
	if (planted("hex"))
		peek((const uint8_t *)text + strlen(text) + 1);
	return __real_hex_decode(to, size, text);
}

SEAM(int, hex_decode_any, struct buf *to, size_t max, const char *text)
{
	if (planted("hex"))
		peek((const uint8_t *)text + strlen(text) + 1);
	return __real_hex_decode_any(to, max, text);
}

/* "encode": the encoder of hex reads one byte past its field. */
SEAM(void, hex_encode, char *to, const void *data, size_t size)
{
	if (planted("encode"))
		peek((const uint8_t *)data + size);
	__real_hex_encode(to, data, size);
}
