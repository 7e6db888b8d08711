/* SPDX-License-Identifier: Apache-2.0 */
#include "tpm/hcl.h"

#include <string.h>

#include "base/crypto.h"
#include "base/hooks.h"
#include "base/json.h"
#include "base/text.h"

#define HEADER_SIZE 0x20
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

static const char *judge_header(struct bytes input, const struct layout *layout)
{
	if (input.size < RUNTIME_OFFSET)
		return "it ends inside the header or the hardware report";
	if (layout->magic != 0x48434c41)
		return "it does not begin with HCLA";
	if (layout->version != 1 && layout->version != 2)
		return "its header version is neither 1 nor 2";
	if (layout->report_size < CLAIMS_OFFSET || layout->report_size > CLAIMS_OFFSET + HCL_CLAIMS_MAX)
		return "its size field is impossible";
	if (layout->report_size > input.size && claims_fit(input, layout))
		return "its size field points past the end";
	return NULL;
}

static const char *judge_runtime(struct bytes input, const struct layout *layout)
{
	if (!claims_fit(input, layout))
		return "the runtime claims are empty, too long, or cut off";
	if (layout->data_size != RUNTIME_HEADER_SIZE + layout->claims_size)
		return "the sizes of the runtime data contradict each other";
	if (layout->runtime_version != 1)
		return "the runtime data is not of version 1";
	if (layout->hash_type < HASH_SHA256 || layout->hash_type > HASH_SHA512)
		return "the hash type is none of SHA-256, SHA-384 and SHA-512";
	return NULL;
}

static const char *judge_type(const struct layout *layout)
{
	if (layout->report_type == TYPE_SNP)
		return NULL;
	return layout->report_type == TYPE_TDX ? "it holds an Intel TDX report, which this program does not verify" : "it holds no SEV-SNP report";
}

/* REPORT_DATA = hash of the claims' exact bytes, then zeros. Azure has only ever produced SHA-256. */
static const char *judge_binding(const struct layout *layout, const struct hcl *hcl)
{
	const uint8_t *report_data = hcl->report.data + REPORT_DATA_OFFSET;
	uint8_t hash[SHA256_SIZE];

	if (layout->hash_type != HASH_SHA256)
		return "the claims are said to be hashed with SHA-384 or SHA-512, which Azure does not do";
	if (sha256(hash, hcl->claims) < 0)
		return "the hash could not be computed";
	if (memcmp(hash, report_data, sizeof(hash)) != 0 || !bytes_all_zero(report_data + sizeof(hash), REPORT_DATA_SIZE - sizeof(hash)))
		return "REPORT_DATA is not the SHA-256 of the runtime claims: the claims were altered, or are another VM's";
	return NULL;
}

static const char *read_ak(struct json_object *key, struct hcl *ret)
{
	const char *kty = json_get_text(key, "kty", NULL), *e = json_get_text(key, "e", NULL);
	size_t size = 0;
	const char *n = json_get_text(key, "n", &size);

	if (!kty || strcmp(kty, "RSA") != 0)
		return "HCLAkPub is no RSA key";
	if (!e || strcmp(e, "AQAB") != 0)
		return "HCLAkPub has another exponent than 65537";
	if (!n || base64_decode_exact(ret->ak_modulus, HCL_AK_SIZE, BASE64_URL, bytes_of(n, size)) < 0 || !(ret->ak_modulus[0] & 0x80))
		return "HCLAkPub is not a 2048 bit modulus in base64url";
	return NULL;
}

static const char *find_ak(struct json_object *claims, struct hcl *ret)
{
	struct json_object *keys = json_get_array(claims, "keys"), *ak = NULL;

	if (!keys)
		return "the claims have no list of keys";
	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		struct json_object *key = json_object_array_get_idx(keys, i);
		const char *kid = json_get_text(key, "kid", NULL);

		if (!kid || strcmp(kid, "HCLAkPub") != 0)
			continue;
		if (ak)
			return "two keys are named HCLAkPub";
		ak = key;
	}
	return ak ? read_ak(ak, ret) : "no key is named HCLAkPub";
}

static const char *judge_claims(struct hcl *ret)
{
	JSON_AUTO claims = NULL;
	const char *why, *user_data;

	if (json_read(ret->claims, &claims, NULL) < 0 || !json_object_is_type(claims, json_type_object))
		return "the runtime claims are no strict JSON object";
	why = find_ak(claims, ret);
	if (why)
		return why;
	user_data = json_get_text(claims, "user-data", NULL);
	ret->has_user_data = user_data && hex_decode(ret->user_data, HCL_USER_DATA_SIZE, user_data) == 0;
	return NULL;
}

/* Rows in order until one fails; the rest is not checked. */
static bool settle(struct verdict *verdict, size_t index, const char *why)
{
	if (!why || hook_disabled(hcl_check_names[index])) {
		verdict_pass(verdict, hcl_check_names[index], FINDING_EVIDENCE);
		return true;
	}
	verdict_fail(verdict, hcl_check_names[index], FINDING_EVIDENCE, "the HCL report cannot be used: %s", why);
	finding_fix(verdict_last(verdict), "%s", fixes[index]);
	for (size_t i = index + 1; hcl_check_names[i]; i++)
		verdict_skip(verdict, hcl_check_names[i], FINDING_EVIDENCE, "not reached: %s failed", hcl_check_names[index]);
	return false;
}

bool hcl_check(struct bytes input, struct hcl *ret, struct verdict *verdict)
{
	struct layout layout = {0};
	struct hcl out = {0};

	read_layout(input, &layout);
	if (!settle(verdict, 0, judge_header(input, &layout)) || !settle(verdict, 1, judge_runtime(input, &layout)) ||
		!settle(verdict, 2, judge_type(&layout)))
		return false;
	out.version = layout.version;
	out.report_type = layout.report_type;
	out.hash_type = layout.hash_type;
	out.report = bytes_of(input.data + HCL_REPORT_OFFSET, HCL_REPORT_SIZE);
	/* They fit, unless a test switched hcl.runtime off. */
	out.claims = claims_fit(input, &layout) ? bytes_of(input.data + CLAIMS_OFFSET, layout.claims_size) : bytes_of(NULL, 0);
	if (!settle(verdict, 3, judge_binding(&layout, &out)) || !settle(verdict, 4, judge_claims(&out)))
		return false;
	*ret = out;
	return true;
}
