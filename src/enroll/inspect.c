/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/inspect.h"

#include <string.h>

#include "base/text.h"
#include "luks/allow.h"
#include "luks/choose.h"

void inspection_deinit(struct inspection *inspection)
{
	luks_header_deinit(&inspection->header);
	verdict_deinit(&inspection->verdict);
}

/* cryptsetup takes the copy with the higher sequence number; so will whoever edits this disk. */
static int read_header(struct bytes area, struct inspection *ret, int *ret_reason)
{
	CLEANUP(luks_header_deinit) struct luks_header second = LUKS_HEADER_NULL;
	struct error error = ERROR_NULL;
	int first = luks_find(area, LUKS_PRIMARY, &ret->header, &error), other = luks_find(area, LUKS_SECONDARY, &second, NULL);

	if (first < 0 || other < 0)
		return first < 0 ? first : other;
	*ret_reason = first;
	(void)memcpy(ret->reason, error.text, sizeof(ret->reason));
	if (other || (!first && second.seqid <= ret->header.seqid))
		return 0;
	luks_header_deinit(&ret->header);
	ret->header = second;
	second.metadata = NULL;
	*ret_reason = 0;
	return 0;
}

int inspect(const struct volume *volume, struct inspection *ret, struct error *error)
{
	CLEANUP(inspection_deinit) struct inspection seen = INSPECTION_NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	int reason = 0, r = volume_read(volume, &area, error);

	if (!r)
		r = read_header(buf_view(&area), &seen, &reason);
	if (r)
		return r;
	if (seen.header.metadata) {
		seen.kind = INSPECT_LUKS2;
		r = luks_allow(&seen.header, LUKS_PRIMARY, &seen.verdict);
	} else if (reason == LUKS_E_VERSION) {
		seen.kind = INSPECT_LUKS1;
	} else if (luks_looks_like(buf_view(&area))) {
		seen.kind = INSPECT_DAMAGED;
	} else {
		r = contents_probe(volume->fd, seen.contents, error);
		seen.kind = seen.contents[0] ? INSPECT_OTHER : INSPECT_NOTHING;
	}
	if (r < 0)
		return r;
	*ret = seen;
	seen = (struct inspection)INSPECTION_NULL;
	return 0;
}

static int advise_luks1(const char *device, struct buf *to)
{
	return buf_printf(to,
		"%s is LUKS1. With the volume closed:\n"
		"  1. cryptsetup luksHeaderBackup --header-backup-file FILE %s\n"
		"  2. cryptsetup convert --type luks2 %s\n"
		"  3. cryptsetup luksDump %s          (if it says a cipher other than aes-xts-plain64 or a key of less than 512 bits:\n"
		"     cryptsetup reencrypt --cipher aes-xts-plain64 --key-size 512 %s)\n"
		"  4. sevattest enroll again\n"
		"Where step 2 refuses, because the header of LUKS1 leaves too little room: make a new disk (sevattest enroll --format) and copy the contents.\n",
		device, device, device, device, device);
}

static int advise_plain(const struct inspection *inspection, const char *device, struct buf *to)
{
	bool table = !strcmp(inspection->contents, "gpt") || !strcmp(inspection->contents, "dos");

	if (table)
		return buf_printf(to, "%s has a partition table (%s): name the partition that is to be encrypted.\n", device, inspection->contents);
	return buf_printf(to,
		"%s is not encrypted: it has %s. Unmounted, and with a backup:\n"
		"  1. make the file system at least 32 MiB smaller than the device (ext4: e2fsck -f %s; resize2fs %s SIZE)\n"
		"  2. cryptsetup reencrypt --encrypt --type luks2 --cipher aes-xts-plain64 --key-size 512 --reduce-device-size 32M %s\n"
		"  3. sevattest enroll again\n"
		"Or make a new disk (sevattest enroll --format) and copy the contents. --format --force makes this one anew and destroys what is on it.\n",
		device, inspection->contents, device, device, device);
}

int inspect_advice(const struct inspection *inspection, const char *device, struct buf *to)
{
	char shown[512];

	text_printable(shown, sizeof(shown), bytes_of_text(device));
	switch (inspection->kind) {
	case INSPECT_LUKS1:
		return advise_luks1(shown, to);
	case INSPECT_DAMAGED:
		return buf_printf(to,
			"%s has a LUKS header that cannot be read: %s.\n"
			"  1. cryptsetup repair %s            (or cryptsetup luksHeaderRestore, from a backup)\n"
			"  2. sevattest enroll again\n",
			shown, inspection->reason, shown);
	case INSPECT_OTHER:
		return advise_plain(inspection, shown, to);
	case INSPECT_NOTHING:
		return buf_printf(to,
			"%s has nothing on it that is known: no LUKS header, no file system.\n"
			"  A new disk: sevattest enroll --format %s ...\n"
			"  A disk of dm-crypt without a header (\"plain\"): make a new disk and copy the contents, there is no way to convert it.\n",
			shown, shown);
	default:
		return 0;
	}
}
