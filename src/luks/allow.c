/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of checks. Where a header fails several, the first is what a person is told, so the order goes from what an attack is to what it merely disturbs: an
 * unknown member comes last, because most attacks have one.
 */
#include "luks/allow.h"

#include <errno.h>
#include <string.h>

#include "base/hooks.h"
#include "luks/check.h"

#define NOT_OURS "Do not use the disk as it is: whoever wrote this header controls the disk. Restore the header that was enrolled (sevattest recover), or enroll again"
#define ENROLL_LISTS "run sevattest enroll on the source machine: it lists what it does not take, with the command that removes it"
#define CONVERT_SLOT "cryptsetup luksConvertKey --pbkdf pbkdf2 --pbkdf-force-iterations 1000 DEVICE for a random key, --pbkdf argon2id for a passphrase; then sevattest enroll again"
#define FINISH "finish it on a trusted machine (cryptsetup reencrypt --resume-only DEVICE), then sevattest enroll again"

const struct luks_check luks_checks[] = {
	{"luks.reencryption", "no re-encryption under way", "cryptsetup would go on with what the header says and could decrypt the disk in place", FINISH,
		luks_check_reencryption},
	{"luks.requirements", "no requirements", "the header demands something of cryptsetup that is not known to be safe", FINISH, luks_check_requirements},
	{"luks.segments", "exactly one segment, number 0", "a part of the device would be used in another way than the rest", NOT_OURS, luks_check_segments},
	{"luks.segment_type", "a segment of type crypt", "the disk, or a part of it, would be used in clear", NOT_OURS, luks_check_segment_type},
	{"luks.segment_cipher", "encryption " LUKS_CIPHER,
		"the disk would be opened with a cipher of the host's choice, with cipher_null in clear: the key fits all the same",
		NOT_OURS ". Was it made with another cipher, re-encrypt it first (cryptsetup reencrypt --cipher " LUKS_CIPHER " --key-size 512 DEVICE)",
		luks_check_segment_cipher},
	{"luks.integrity", "no integrity of the segment", "the disk would be opened through dm-integrity, which is not supported",
		"make the disk without --integrity, then sevattest enroll", luks_check_integrity},
	{"luks.segment_size", "a segment of dynamic size", "a part of the device would be left out, for the host to choose", NOT_OURS, luks_check_segment_size},
	{"luks.segment_iv", "iv_tweak 0", "sectors would be read with the wrong initialisation vector, and written ones repeat those of others", NOT_OURS,
		luks_check_segment_iv},
	{"luks.segment_offset", "a segment behind both headers and the area of the key slots, at a multiple of 4096 bytes",
		"the contents would lie over the key slots, where writing to the disk changes how it is opened", NOT_OURS, luks_check_segment_offset},
	{"luks.sector_size", "sectors of 512 or 4096 bytes", "contents would be encrypted in units that dm-crypt has not, or that were not enrolled", NOT_OURS,
		luks_check_segment_sector},
	{"luks.keyslots", "key slots with numbers 0 to 31, one at least", "without a key slot the volume key comes from nowhere", NOT_OURS, luks_check_slots},
	{"luks.keyslot_type", "key slots of type luks2", "the slot is of a kind that is not known to be safe", "cryptsetup luksKillSlot DEVICE NUMBER, then sevattest enroll again",
		luks_check_slot_type},
	{"luks.keyslot_key_size", "a volume key of 64 bytes (AES-256 in XTS)", "the volume would have a weaker key than the enrolled one",
		NOT_OURS ". Was it made with another size, re-encrypt it first (cryptsetup reencrypt --key-size 512 DEVICE)", luks_check_slot_key_size},
	{"luks.keyslot_cipher", "key material encrypted with " LUKS_CIPHER " and 64 bytes of key",
		"with cipher_null the slot takes every key, and the volume key is one that the host knows", NOT_OURS, luks_check_slot_cipher},
	{"luks.keyslot_area", "key material of type raw, whole, inside the area of the key slots", "key material would be read from, and written over, the contents or the header",
		NOT_OURS, luks_check_slot_area},
	{"luks.keyslot_overlap", "key slots apart from each other", "wiping one slot would destroy another, or leave it", NOT_OURS, luks_check_slot_overlap},
	{"luks.keyslot_af", "anti-forensic splitter luks1, sha256, 4000 stripes", "the volume key would be put together in a way that was not enrolled", ENROLL_LISTS,
		luks_check_slot_af},
	{"luks.keyslot_kdf", "pbkdf2 with sha256, or argon2id, and a salt of 32 bytes", "the key would be derived in a way that is not known to be safe", CONVERT_SLOT, luks_check_kdf},
	{"luks.keyslot_cost", "a derivation of at most some seconds and 1 GiB: pbkdf2 1000 to 20000000 iterations, argon2id 32 to 1048576 KiB, memory times passes 16 GiB, 1 to 4 threads",
		"opening would hang the boot or take all memory", CONVERT_SLOT, luks_check_kdf_cost},
	{"luks.keyslot_priority", "no priority, or 0, 1, 2", "the slot has a priority that does not exist", NOT_OURS, luks_check_slot_priority},
	{"luks.digests", "exactly one digest", "a second digest lets a key slot give another volume key than the enrolled one", ENROLL_LISTS, luks_check_digests},
	{"luks.digest_form", "a digest pbkdf2, sha256, with a salt of 32 bytes and a value of 32, or of 20 where it was LUKS1", "the volume key would be recognised in a way that is not known to be safe", ENROLL_LISTS,
		luks_check_digest_form},
	{"luks.digest_cost", "1000 to 20000000 iterations of the digest", "opening would hang the boot", NOT_OURS, luks_check_digest_cost},
	{"luks.digest_keyslots", "a digest that names each key slot once, and no other", "a slot without it, or one that is not there, opens as something else", ENROLL_LISTS,
		luks_check_digest_slots},
	{"luks.digest_segments", "a digest for segment 0", "the volume key would not be compared with the one that was enrolled", NOT_OURS, luks_check_digest_segments},
	{"luks.tokens", "no tokens but " LUKS_TOKEN_OURS " and " LUKS_TOKEN_RECOVERY ", each for one key slot",
		"a token makes cryptsetup try another way to the key first, by code that reads what the host wrote",
		"cryptsetup token remove --token-id NUMBER DEVICE, then sevattest enroll again; systemd-cryptenroll --wipe-slot= for its own", luks_check_tokens},
	{"luks.flags", "no persistent flags", "the header changes how the disk is opened (discards tell the host which sectors are in use)",
		"cryptsetup refresh --persistent VOLUME without options takes them out; discard belongs into crypttab, where it is measured; then sevattest enroll again",
		luks_check_flags},
	{"luks.area", "a JSON area as large as the header says, and at most 16 MiB with the area of the key slots", "the header says other sizes than it has, or too large ones",
		"make the disk with cryptsetup's default sizes, then sevattest enroll", luks_check_area},
	{"luks.uuid", "a UUID in lower-case hex", "the UUID becomes part of names in the system", "cryptsetup luksUUID --uuid UUID DEVICE, then sevattest enroll again", luks_check_uuid},
	{"luks.members", "the members that cryptsetup writes for such a disk, and no others", "an unknown member may change how cryptsetup opens the disk", NOT_OURS,
		luks_check_members},
};
const size_t luks_checks_count = ARRAY_SIZE(luks_checks);

const char *luks_copy_name(enum luks_copy which)
{
	return which == LUKS_PRIMARY ? "primary" : "secondary";
}

static void add_failure(const struct luks_check *check, enum luks_copy which, const struct luks_deviation *deviation, struct verdict *verdict)
{
	struct finding *finding;

	verdict_fail(verdict, check->name, FINDING_EVIDENCE, "%s header, %s: %s", luks_copy_name(which), deviation->where, check->why);
	finding = verdict_last(verdict);
	finding_expected(finding, "%s", check->expected);
	finding_actual(finding, "%s", deviation->actual);
	finding_fix(finding, "%s", check->fix);
}

int luks_allow(const struct luks_header *header, enum luks_copy which, struct verdict *ret)
{
	bool allowed = true;

	for (size_t i = 0; i < luks_checks_count; i++) {
		struct luks_deviation deviation = {0};

		if (luks_checks[i].holds(header, &deviation) || hook_disabled(luks_checks[i].name)) {
			verdict_pass(ret, luks_checks[i].name, FINDING_EVIDENCE);
			continue;
		}
		allowed = false;
		add_failure(&luks_checks[i], which, &deviation, ret);
	}
	if (ret->out_of_memory)
		return -ENOMEM;
	return allowed ? 0 : LUKS_E_REFUSED;
}
