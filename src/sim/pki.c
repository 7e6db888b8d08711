/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/pki.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

#define DAY 86400
#define CA_YEARS 25
#define FILE_MAX ((size_t)32 << 10) /* a 4096-bit key in PEM has 3.3 KiB */

static const char *const ca_names[SIM_CA_COUNT] = {"ark", "ask", "asvk"};
static const uint32_t ca_serials[SIM_CA_COUNT] = {0, 1, 0x101};

static void path_of(char *to, size_t size, const char *dir, const char *name, const char *suffix)
{
	(void)snprintf(to, size, "%s/%s%s", dir, name, suffix);
}

static void ca_subject(char to[static 64], const struct sim_product *product, enum sim_ca which)
{
	static const char *const forms[SIM_CA_COUNT] = {"ARK-", "SEV-", "SEV-VLEK-"};

	(void)snprintf(to, 64, "%s%s", forms[which], product->name);
}

X509_NAME *sim_name_new(const char *common_name)
{
	static const struct {
		int nid;
		int type;
		const char *value;
	} parts[] = {
		{NID_organizationalUnitName, V_ASN1_UTF8STRING, "Engineering"},
		{NID_countryName, V_ASN1_PRINTABLESTRING, "US"},
		{NID_localityName, V_ASN1_UTF8STRING, "Santa Clara"},
		{NID_stateOrProvinceName, V_ASN1_UTF8STRING, "CA"},
		{NID_organizationName, V_ASN1_UTF8STRING, "Advanced Micro Devices"},
	};
	X509_NAME *name = X509_NAME_new();
	int ok = name != NULL;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && ok; i++)
		ok = X509_NAME_add_entry_by_NID(name, parts[i].nid, parts[i].type, (const unsigned char *)parts[i].value, -1, -1, 0);
	if (ok)
		ok = X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)common_name, -1, -1, 0);
	if (!ok) {
		X509_NAME_free(name);
		return NULL;
	}
	return name;
}

/* The same day and second of another year, as AMD's validities run. */
static time_t years_later(time_t start, unsigned years)
{
	struct tm date;

	if (!gmtime_r(&start, &date))
		return start;
	date.tm_year += (int)years;
	return timegm(&date);
}

X509 *sim_certificate_new(const char *subject, const char *issuer, uint32_t serial, EVP_PKEY *key, int64_t not_before, unsigned years)
{
	X509 *certificate = X509_new();
	X509_NAME *subject_name = sim_name_new(subject), *issuer_name = sim_name_new(issuer);
	time_t start = (time_t)not_before, end = years_later(start, years);
	int ok = certificate && subject_name && issuer_name && X509_set_version(certificate, X509_VERSION_3) &&
		 ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) && X509_set_subject_name(certificate, subject_name) &&
		 X509_set_issuer_name(certificate, issuer_name) && ASN1_TIME_set(X509_getm_notBefore(certificate), start) &&
		 ASN1_TIME_set(X509_getm_notAfter(certificate), end) && X509_set_pubkey(certificate, key);

	X509_NAME_free(subject_name);
	X509_NAME_free(issuer_name);
	if (!ok) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	int ok;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return ok ? 0 : -EIO;
}

/* The extensions in the order of AMD's certificates. */
static int ca_extensions(X509 *certificate, X509 *ark, const struct sim_product *product, enum sim_ca which)
{
	char point[96];
	int r = 0;

	(void)snprintf(
		point, sizeof(point), "URI:https://kdsintf.amd.com/%s/v1/%s/crl", which == SIM_ASVK ? "vlek" : "vcek", product->name);
	if (which == SIM_ARK) {
		r = add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
		if (!r)
			r = add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
		if (!r)
			r = add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
	} else {
		r = add_extension(certificate, ark, NID_subject_key_identifier, "hash");
		if (!r)
			r = add_extension(certificate, ark, NID_authority_key_identifier, "keyid:always");
		if (!r)
			r = add_extension(certificate, ark, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
		if (!r)
			r = add_extension(certificate, ark, NID_key_usage, "critical,keyCertSign");
	}
	return r ? r : add_extension(certificate, ark ? ark : certificate, NID_crl_distribution_points, point);
}

static int ca_make(struct sim_platform *platform, enum sim_ca which, int64_t now)
{
	X509 *certificate = NULL;
	char subject[64], issuer[64];
	int r = -EIO;

	ca_subject(subject, platform->product, which);
	ca_subject(issuer, platform->product, SIM_ARK);
	platform->ca_key[which] = EVP_RSA_gen(4096);
	if (platform->ca_key[which])
		certificate = sim_certificate_new(
			subject, issuer, platform->product->serial + ca_serials[which], platform->ca_key[which], now - 400 * DAY, CA_YEARS);
	if (certificate)
		r = ca_extensions(certificate, platform->ca[SIM_ARK], platform->product, which);
	if (!r)
		r = sim_pss_sign_spelled_out(certificate, platform->ca_key[SIM_ARK]);
	if (r)
		X509_free(certificate);
	else
		platform->ca[which] = certificate;
	return r;
}

/* What a memory BIO collected, appended to `to`. */
static int bio_append(BIO *bio, struct buf *to)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return size <= 0 ? -EIO : buf_append(to, data, (size_t)size);
}

int sim_ca_write(const struct sim_platform *platform, enum sim_ca which, bool pem, struct buf *to)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int r = -EIO;

	if (bio && (pem ? PEM_write_bio_X509(bio, platform->ca[which]) : i2d_X509_bio(bio, platform->ca[which])))
		r = bio_append(bio, to);
	BIO_free(bio);
	return r;
}

/* The CA's private keys: test material that nothing real trusts, in files of mode 0600. */
static int ca_store(const struct sim_platform *platform, enum sim_ca which, struct error *error)
{
	CLEANUP(buf_deinit) struct buf certificate = BUF_NULL, key = BUF_NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char path[320];
	int r = -EIO;

	if (bio && PEM_write_bio_PrivateKey(bio, platform->ca_key[which], NULL, NULL, 0, NULL, NULL))
		r = bio_append(bio, &key);
	BIO_free(bio);
	if (!r)
		r = sim_ca_write(platform, which, true, &certificate);
	if (r)
		return error_set(error, r, "cannot write the CA's certificate and key");
	path_of(path, sizeof(path), platform->dir, ca_names[which], ".key");
	r = file_write(path, buf_view(&key), 0600, error);
	if (r)
		return r;
	path_of(path, sizeof(path), platform->dir, ca_names[which], ".pem");
	return file_write(path, buf_view(&certificate), 0644, error);
}

static int ca_load(struct sim_platform *platform, const char *dir, enum sim_ca which, struct error *error)
{
	CLEANUP(buf_deinit) struct buf certificate = BUF_NULL, key = BUF_NULL;
	BIO *bio;
	char path[320];
	int r;

	path_of(path, sizeof(path), dir, ca_names[which], ".pem");
	r = file_read(path, FILE_MAX, &certificate, error);
	if (r)
		return r;
	path_of(path, sizeof(path), dir, ca_names[which], ".key");
	r = file_read(path, FILE_MAX, &key, error);
	if (r)
		return r;
	bio = BIO_new_mem_buf(certificate.data, (int)certificate.size);
	platform->ca[which] = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(key.data, (int)key.size);
	platform->ca_key[which] = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!platform->ca[which] || !platform->ca_key[which])
		return error_set(error, -EINVAL, "%s: not the certificate and key of a simulated platform", path);
	return 0;
}

static int platform_derive(struct sim_platform *platform)
{
	uint8_t mix[5 + sizeof(platform->seed)] = {'c', 'h', 'i', 'p', 0};
	int r;

	memcpy(mix + 5, platform->seed, sizeof(platform->seed));
	r = sha512(platform->chip_id, bytes_of(mix, sizeof(mix)));
	memset(platform->chip_id + platform->product->hwid_size, 0, SIM_CHIP_ID_SIZE - platform->product->hwid_size);
	return r;
}

static int platform_read(struct sim_platform *platform, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = NULL;
	const char *product, *seed;
	char path[320];
	int r;

	path_of(path, sizeof(path), platform->dir, "platform", ".json");
	r = file_read(path, FILE_MAX, &text, error);
	if (!r)
		r = json_read(buf_view(&text), &object, error);
	if (r) {
		error_prefix(error, "no simulated platform in %s (make one with `sevattest-sim init %s`)", platform->dir, platform->dir);
		return r;
	}
	product = json_get_text(object, "product", NULL);
	seed = json_get_text(object, "seed", NULL);
	platform->product = product ? sim_product_find(product) : NULL;
	if (!platform->product || !seed || hex_decode(platform->seed, sizeof(platform->seed), seed))
		return error_set(error, -EINVAL, "%s: product or seed missing", path);
	return platform_derive(platform);
}

static int platform_write(const struct sim_platform *platform, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char seed[2 * sizeof(platform->seed) + 1], path[320];
	int r;

	hex_encode(seed, platform->seed, sizeof(platform->seed));
	path_of(path, sizeof(path), platform->dir, "platform", ".json");
	r = buf_printf(&text, "{\"product\": \"%s\", \"seed\": \"%s\"}\n", platform->product->name, seed);
	return r ? r : file_write(path, buf_view(&text), 0644, error);
}

int sim_platform_open(const char *dir, struct sim_platform *ret, struct error *error)
{
	int r;

	*ret = (struct sim_platform){.product = NULL};
	(void)snprintf(ret->dir, sizeof(ret->dir), "%s", dir);
	r = platform_read(ret, error);
	for (int i = 0; i < SIM_CA_COUNT && !r; i++)
		r = ca_load(ret, dir, (enum sim_ca)i, error);
	if (r)
		sim_platform_deinit(ret);
	return r;
}

static int platform_fill(struct sim_platform *platform, const char *seed, const char *ca_from, int64_t now, struct error *error)
{
	int r = seed ? sha256(platform->seed, bytes_of_text(seed)) : random_bytes(platform->seed, sizeof(platform->seed));

	for (int i = 0; i < SIM_CA_COUNT && !r; i++) {
		r = ca_from ? ca_load(platform, ca_from, (enum sim_ca)i, error) : ca_make(platform, (enum sim_ca)i, now);
		if (!r)
			r = ca_store(platform, (enum sim_ca)i, error);
	}
	return r ? r : platform_write(platform, error); /* last: its presence says that the rest is whole */
}

int sim_platform_make(
	const char *dir, const struct sim_product *product, const char *seed, const char *ca_from, int64_t now, struct error *error)
{
	struct sim_platform platform;
	char path[320];
	int r;

	path_of(path, sizeof(path), dir, "platform", ".json");
	if (strlen(dir) >= sizeof(platform.dir))
		return error_set(error, -ENAMETOOLONG, "the name of the directory is too long");
	if (!access(path, F_OK)) {
		r = sim_platform_open(dir, &platform, error);
		if (r)
			return r;
		if (platform.product && platform.product != product)
			r = error_set(error, -EEXIST, "%s already holds a %s platform", dir, platform.product->name);
		sim_platform_deinit(&platform);
		return r;
	}
	if (mkdir(dir, 0755) && errno != EEXIST)
		return error_set(error, -errno, "cannot make %s: %s", dir, strerror(errno));
	platform = (struct sim_platform){.product = product};
	(void)snprintf(platform.dir, sizeof(platform.dir), "%s", dir);
	r = platform_fill(&platform, seed, ca_from, now, error);
	sim_platform_deinit(&platform);
	return r ? error_set(error, r, "cannot make a platform in %s", dir) : 0;
}

void sim_platform_deinit(struct sim_platform *platform)
{
	for (int i = 0; i < SIM_CA_COUNT; i++) {
		X509_free(platform->ca[i]);
		EVP_PKEY_free(platform->ca_key[i]);
		platform->ca[i] = NULL;
		platform->ca_key[i] = NULL;
	}
}
