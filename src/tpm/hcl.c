/* SPDX-License-Identifier: Apache-2.0 */
#include "tpm/hcl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "tpm/row.h"

#define MAGIC 0x48434c41 /* "HCLA" */
#define RUNTIME_OFFSET 0x4c0
#define CLAIMS_OFFSET 0x4d4
#define RUNTIME_HEADER_SIZE (CLAIMS_OFFSET - RUNTIME_OFFSET)
#define REPORT_DATA_OFFSET 0x50
#define REPORT_DATA_SIZE 64
#define TYPE_SNP 2
#define TYPE_TDX 4
#define HASH_SHA256 1
#define HASH_SHA512 3

const char *const hcl_check_names[] = {"hcl.header", "hcl.runtime", "hcl.type", "hcl.binding", "hcl.claims", NULL};

/* What to do when the check of the same place fails. */
static const char *const fixes[] = {
	"read NV index 01400001h of the VM's vTPM again, whole: tpm2_nvread -C o 0x01400001",
	"read NV index 01400001h of the VM's vTPM again, whole: tpm2_nvread -C o 0x01400001",
	"use an Azure confidential VM of an SEV-SNP size (DCas, ECas)",
	"take report and claims together, from one reading of the vTPM; if it fails again, do not trust them",
	"take the evidence again; if it fails again, Azure's format has changed and needs a newer sevattest",
};

struct layout {
	uint32_t magic, version, report_size, data_size, runtime_version, report_type, hash_type, claims_size;
};

bool hcl_looks_like(struct bytes input)
{
	return input.size >= 4 && memcmp(input.data, "HCLA", 4) == 0;
}

static void read_layout(struct bytes input, struct layout *to)
{
	struct reader r;

	reader_init(&r, input);
	to->magic = reader_u32be(&r);           /* 000h */
	to->version = reader_u32le(&r);         /* 004h */
	to->report_size = reader_u32le(&r);     /* 008h: all used bytes */
	reader_skip(&r, RUNTIME_OFFSET - 12);   /* 00Ch request type, status, reserved; 020h report */
	to->data_size = reader_u32le(&r);       /* 4C0h: from here to the end of the claims */
	to->runtime_version = reader_u32le(&r); /* 4C4h */
	to->report_type = reader_u32le(&r);     /* 4C8h */
	to->hash_type = reader_u32le(&r);       /* 4CCh */
	to->claims_size = reader_u32le(&r);     /* 4D0h */
}

static bool claims_fit(struct bytes input, const struct layout *layout)
{
	return input.size >= CLAIMS_OFFSET && layout->claims_size > 0 && layout->claims_size <= HCL_CLAIMS_MAX &&
	       layout->claims_size <= input.size - CLAIMS_OFFSET;
}

static bool judge_header(struct bytes input, const struct layout *layout, struct row_fault *fault)
{
	if (input.size < RUNTIME_OFFSET)
		return row_differs(fault, "it ends inside the header or the hardware report", "at least 1216 bytes", "%zu bytes", input.size);
	if (layout->magic != MAGIC)
		return row_differs(fault, "it does not begin with HCLA", "48434c41", "%08" PRIx32, layout->magic);
	if (layout->version != 1 && layout->version != 2)
		return row_differs(fault, "its header version is neither 1 nor 2", "1 or 2", "%" PRIu32, layout->version);
	if (layout->report_size < CLAIMS_OFFSET || layout->report_size > CLAIMS_OFFSET + HCL_CLAIMS_MAX)
		return row_differs(fault, "its size field is impossible", "the size of what is used: 1236 and the claims", "%" PRIu32, layout->report_size);
	if (layout->report_size > input.size && claims_fit(input, layout))
		return row_differs(fault, "its size field points past the end", "a size inside what was sent", "%" PRIu32 " of %zu bytes", layout->report_size, input.size);
	return true;
}

static bool judge_runtime(struct bytes input, const struct layout *layout, struct row_fault *fault)
{
	if (!claims_fit(input, layout))
		return row_differs(fault, "the runtime claims are empty, too long, or cut off", "claims inside what was sent", "%" PRIu32 " bytes from 1236 on, of %zu",
			layout->claims_size, input.size);
	if (layout->data_size != RUNTIME_HEADER_SIZE + layout->claims_size)
		return row_differs(fault, "the sizes of the runtime data contradict each other", "its size is that of the claims and 20",
			"%" PRIu32 ", with claims of %" PRIu32, layout->data_size, layout->claims_size);
	if (layout->runtime_version != 1)
		return row_differs(fault, "the runtime data is not of version 1", "1", "%" PRIu32, layout->runtime_version);
	if (layout->hash_type < HASH_SHA256 || layout->hash_type > HASH_SHA512)
		return row_differs(fault, "the hash type is none of SHA-256, SHA-384 and SHA-512", "1 to 3", "%" PRIu32, layout->hash_type);
	return true;
}

static bool judge_type(const struct layout *layout, struct row_fault *fault)
{
	if (layout->report_type == TYPE_SNP)
		return true;
	return row_differs(fault, layout->report_type == TYPE_TDX ? "it holds an Intel TDX report, which this program does not verify" : "it holds no SEV-SNP report",
		"type 2, SEV-SNP", "type %" PRIu32 "%s", layout->report_type, layout->report_type == TYPE_TDX ? ", Intel TDX" : "");
}

/* REPORT_DATA = hash of the claims' exact bytes, then zeros. Azure has only ever produced SHA-256. */
static bool judge_binding(const struct layout *layout, const struct hcl *hcl, struct row_fault *fault)
{
	const uint8_t *report_data = hcl->report.data + REPORT_DATA_OFFSET;
	char expected[2 * SHA256_SIZE + 1], actual[2 * REPORT_DATA_SIZE + 1];
	uint8_t hash[SHA256_SIZE];

	if (layout->hash_type != HASH_SHA256)
		return row_differs(fault, "the claims are said to be hashed with SHA-384 or SHA-512, which Azure does not do", "1, SHA-256", "%" PRIu32, layout->hash_type);
	if (sha256(hash, hcl->claims) < 0)
		return row_fails(fault, "the hash could not be computed");
	if (memcmp(hash, report_data, sizeof(hash)) == 0 && bytes_all_zero(report_data + sizeof(hash), REPORT_DATA_SIZE - sizeof(hash)))
		return true;
	hex_encode(expected, hash, sizeof(hash));
	hex_encode(actual, report_data, REPORT_DATA_SIZE);
	(void)row_differs(fault, "REPORT_DATA is not the SHA-256 of the runtime claims: the claims were altered, or are another VM's", "", "%s", actual);
	(void)snprintf(fault->expected, sizeof(fault->expected), "%s, then 32 zeros", expected);
	return false;
}

static bool read_ak(struct json_object *key, struct hcl *ret, struct row_fault *fault)
{
	const char *kty = json_get_text(key, "kty", NULL), *e = json_get_text(key, "e", NULL);
	size_t size = 0;
	const char *n = json_get_text(key, "n", &size);

	if (!kty || strcmp(kty, "RSA") != 0)
		return row_differs(fault, "HCLAkPub is no RSA key", "RSA", "%.32s", kty ? kty : "no kty");
	if (!e || strcmp(e, "AQAB") != 0)
		return row_differs(fault, "HCLAkPub has another exponent than 65537", "AQAB", "%.32s", e ? e : "no e");
	if (!n || base64_decode_exact(ret->ak_modulus, HCL_AK_SIZE, BASE64_URL, bytes_of(n, size)) < 0 || !(ret->ak_modulus[0] & 0x80))
		return row_differs(fault, "HCLAkPub is not a 2048 bit modulus in base64url", "342 characters", "%zu", n ? size : 0);
	return true;
}

static bool find_ak(struct json_object *claims, struct hcl *ret, struct row_fault *fault)
{
	struct json_object *keys = json_get_array(claims, "keys"), *ak = NULL;

	if (!keys)
		return row_fails(fault, "the claims have no list of keys");
	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		struct json_object *key = json_object_array_get_idx(keys, i);
		const char *kid = json_get_text(key, "kid", NULL);

		if (!kid || strcmp(kid, "HCLAkPub") != 0)
			continue;
		if (ak)
			return row_fails(fault, "two keys are named HCLAkPub");
		ak = key;
	}
	return ak ? read_ak(ak, ret, fault) : row_fails(fault, "no key is named HCLAkPub");
}

static bool judge_claims(struct hcl *ret, struct row_fault *fault)
{
	JSON_AUTO claims = NULL;
	const char *user_data;

	if (json_read(ret->claims, &claims, NULL) < 0 || !json_object_is_type(claims, json_type_object))
		return row_fails(fault, "the runtime claims are no strict JSON object");
	if (!find_ak(claims, ret, fault))
		return false;
	user_data = json_get_text(claims, "user-data", NULL);
	ret->has_user_data = user_data && hex_decode(ret->user_data, HCL_USER_DATA_SIZE, user_data) == 0;
	return true;
}

static bool settle(struct verdict *verdict, size_t index, bool good, const struct row_fault *fault)
{
	static const struct rows rows = {hcl_check_names, fixes, "the HCL report"};

	return rows_settle(&rows, verdict, index, good, fault);
}

bool hcl_check(struct bytes input, struct hcl *ret, struct verdict *verdict)
{
	struct layout layout = {0};
	struct row_fault fault;
	struct hcl out = {0};

	read_layout(input, &layout);
	if (!settle(verdict, 0, judge_header(input, &layout, &fault), &fault) || !settle(verdict, 1, judge_runtime(input, &layout, &fault), &fault) ||
		!settle(verdict, 2, judge_type(&layout, &fault), &fault))
		return false;
	out.version = layout.version;
	out.report_type = layout.report_type;
	out.hash_type = layout.hash_type;
	out.report = bytes_of(input.data + HCL_REPORT_OFFSET, HCL_REPORT_SIZE);
	/* They fit, unless a test switched hcl.runtime off. */
	out.claims = claims_fit(input, &layout) ? bytes_of(input.data + CLAIMS_OFFSET, layout.claims_size) : bytes_of(NULL, 0);
	if (!settle(verdict, 3, judge_binding(&layout, &out, &fault), &fault) || !settle(verdict, 4, judge_claims(&out, &fault), &fault))
		return false;
	*ret = out;
	return true;
}
