/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sevattest recover`: what a person does when the broker is gone, with the recovery key in hand. Nothing calls it by itself. The header is judged as strictly
 * as at boot, except that no broker says whether it is the listed one: its digest is shown, to be compared.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/enroll.h"
#include "enroll/foreign.h"
#include "enroll/slots.h"
#include "io/volume_conf.h"
#include "luks/allow.h"
#include "luks/choose.h"
#include "luks/digest.h"
#include "luks/rebuild.h"

#define SECURE_HEAP ((size_t)4 << 20)

struct recover_options {
	const char *device, *key_file, *open;
};

/* Both copies ought to be alike. Where they differ, the newer one is judged and used, and that is said. */
static int compare_copies(struct bytes area, enum luks_copy *ret, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header first = LUKS_HEADER_NULL;
	CLEANUP(luks_header_deinit) struct luks_header second = LUKS_HEADER_NULL;
	uint8_t one[SHA256_SIZE], other[SHA256_SIZE];
	bool has_first = !luks_find(area, LUKS_PRIMARY, &first, NULL) && !luks_digest(&first, one);
	bool has_second = !luks_find(area, LUKS_SECONDARY, &second, NULL) && !luks_digest(&second, other);

	if (!has_first && !has_second)
		return error_set(error, EXIT_EVIDENCE, "neither copy of the header can be read");
	*ret = !has_first || (has_second && second.seqid > first.seqid) ? LUKS_SECONDARY : LUKS_PRIMARY;
	if (has_first && has_second && !memcmp(one, other, SHA256_SIZE))
		return EXIT_YES;
	fprintf(stderr, "Warning: the two copies of the header differ, or one is damaged; the %s one is used. Something was interrupted, or the disk was tampered with.\n",
		luks_copy_name(*ret));
	return EXIT_YES;
}

/* The header that is going to be used, in both places; refused when the allow-list does not take it. */
static int take_header(const struct volume *volume, struct buf *ret_area, struct luks_header *ret, struct error *error)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	enum luks_copy which;
	int r = volume_read(volume, &area, error);

	if (r)
		return EXIT_INTERNAL;
	r = compare_copies(buf_view(&area), &which, error);
	if (r)
		return r;
	r = luks_find(buf_view(&area), which, ret, error);
	if (!r)
		r = luks_allow(ret, which, &verdict);
	if (r == LUKS_E_REFUSED) {
		verdict_print(&verdict, stderr, false, output_colour(stderr));
		return error_set(error, EXIT_EVIDENCE, "the header is not one that may be used: nothing was opened");
	}
	if (!r)
		r = luks_rebuild(buf_view(&area), which, ret_area);
	return r ? error_set(error, EXIT_INTERNAL, "cannot read the header") : EXIT_YES;
}

static void tell(const struct luks_header *header, int slot)
{
	char digest[2 * SHA256_SIZE + 1];
	uint8_t bytes[SHA256_SIZE];
	const char *kind = "a passphrase";

	if (foreign_marked(header, LUKS_TOKEN_RECOVERY) & UINT32_C(1) << slot)
		kind = "the recovery key";
	else if (foreign_marked(header, LUKS_TOKEN_OURS) & UINT32_C(1) << slot)
		kind = "the key at the broker";
	if (luks_digest(header, bytes))
		return;
	hex_encode(digest, bytes, sizeof(bytes));
	printf("uuid    %s\nheader  %s\nslot    %d, %s\n", header->uuid, digest, slot, kind);
}

static int open_it(const struct recover_options *options, struct slots *slots, const struct luks_header *header, const struct secret *key, struct error *error)
{
	int slot, r = slots_test(slots, secret_view(key), &slot, error);

	if (r)
		return r == SLOTS_E_KEY ? EXIT_USAGE : EXIT_INTERNAL;
	tell(header, slot);
	if (!options->open) {
		printf("It opens the disk. --open VOLUME does so; `sevattest enroll %s --anew ...` gives it to a broker again.\n", options->device);
		return EXIT_YES;
	}
	r = slots_activate(slots, options->device, options->open, secret_view(key), error);
	if (r)
		return r == -ENOTSUP || r == -ENODEV ? EXIT_UNSUPPORTED : EXIT_INTERNAL;
	printf("It is open as /dev/mapper/%s.\n", options->open);
	return EXIT_YES;
}

static int recover(const struct recover_options *options, struct error *error)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	SLOTS_AUTO slots = NULL;
	int r = slots_available(error);

	if (r)
		return EXIT_UNSUPPORTED;
	r = volume_open(options->device, false, false, &volume, error);
	if (r)
		return r == VOLUME_E_BUSY ? EXIT_UNREACHABLE : EXIT_USAGE;
	r = take_header(&volume, &area, &header, error);
	if (!r)
		r = enroll_authority(options->key_file, options->device, &key, error);
	if (!r && slots_open(buf_view(&area), volume.size, &slots, error))
		r = EXIT_INTERNAL;
	return r ? r : open_it(options, slots, &header, &key, error);
}

int recover_main(int argc, char **argv)
{
	struct recover_options options = {.open = NULL};
	const struct cli_option rows[] = {
		{"key-file", 0, OPTION_TEXT, &options.key_file, "FILE", "the recovery key, or a passphrase of the disk (default: asks on the terminal)"},
		{"open", 0, OPTION_TEXT, &options.open, "VOLUME", "open the disk as /dev/mapper/VOLUME"},
	};
	const struct cli_usage usage = {
		"recover DEVICE [OPTIONS]",
		"Opens a guarded disk with its recovery key, by hand, after the same checks of its header as at boot.",
		rows,
		ARRAY_SIZE(rows),
		1,
		1,
	};
	struct error error = ERROR_NULL;
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	if (options.open && !volume_name_valid(options.open))
		return output_error(EXIT_USAGE, "recover: --open: not a name for a volume");
	options.device = arguments[0];
	if (secret_process_init(SECURE_HEAP))
		return output_error(EXIT_INTERNAL, "recover: no locked memory for secrets (RLIMIT_MEMLOCK?)");
	r = recover(&options, &error);
	return r ? output_error(r, "recover: %s", error_text(&error)) : EXIT_YES;
}
