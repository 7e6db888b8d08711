/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "sim/pki.h"

#define DAY (24 * 60 * 60)
#define YEAR (365 * DAY)
#define AUTHORITY "sevattest-sim KDS TLS"

/* An authority: its key, and the name it signs with. */
struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static void authority_deinit(struct authority *authority)
{
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

const char *sim_tls_name(size_t kind)
{
	static const char *const names[SIM_TLS_KINDS] = {"good", "expired", "future", "wrong-name", "foreign", "self-signed"};

	return kind < SIM_TLS_KINDS ? names[kind] : NULL;
}

void sim_tls_deinit(struct sim_tls *tls)
{
	buf_deinit(&tls->authority);
	for (size_t i = 0; i < SIM_TLS_KINDS; i++) {
		buf_deinit(&tls->certificates[i]);
		secret_deinit(&tls->keys[i]);
	}
}

static int extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int ok;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok ? 0 : -EIO;
}

static int authority_make(int64_t now, struct authority *ret)
{
	int r;

	ret->key = EVP_EC_gen("P-256");
	ret->certificate = ret->key ? sim_certificate_new(AUTHORITY, AUTHORITY, 1, ret->key, now - YEAR, 10) : NULL;
	if (!ret->certificate)
		return -ENOMEM;
	r = extend(ret->certificate, ret->certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (!r)
		r = extend(ret->certificate, ret->certificate, NID_subject_key_identifier, "hash");
	return r ? r : X509_sign(ret->certificate, ret->key, EVP_sha256()) > 0 ? 0 : -EIO;
}

static int pem_certificate(X509 *certificate, struct buf *to)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long size;

	if (!bio || !PEM_write_bio_X509(bio, certificate))
		return -ENOMEM;
	size = BIO_get_mem_data(bio, &text);
	return size > 0 ? buf_append(to, text, (size_t)size) : -EIO;
}

static int pem_key(EVP_PKEY *key, struct secret *ret)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long size;

	if (!bio || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return -ENOMEM;
	size = BIO_get_mem_data(bio, &text);
	return size > 0 ? secret_copy_in(ret, text, (size_t)size) : -EIO;
}

/* A server's certificate of this kind, and its key. */
static int server_make(const struct authority *authority, enum sim_tls_kind kind, int64_t now, struct buf *ret_certificate, struct secret *ret_key)
{
	CLEANUP(sim_pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	int64_t start = kind == SIM_TLS_EXPIRED ? now - 2 * YEAR : kind == SIM_TLS_FUTURE ? now + DAY : now - DAY;
	bool alone = kind == SIM_TLS_SELF_SIGNED;
	CLEANUP(sim_x509_freep) X509 *certificate =
		key ? sim_certificate_new("sevattest-sim KDS", alone ? "sevattest-sim KDS" : AUTHORITY, 2 + (uint32_t)kind, key, start, 1) : NULL;
	X509 *issuer = alone ? certificate : authority->certificate;
	int r;

	if (!certificate)
		return -ENOMEM;
	r = extend(certificate, issuer, NID_subject_alt_name, kind == SIM_TLS_WRONG_NAME ? "IP:127.0.0.2,DNS:other.example" : "IP:127.0.0.1,DNS:localhost");
	if (!r && X509_sign(certificate, alone ? key : authority->key, EVP_sha256()) <= 0)
		r = -EIO;
	if (!r)
		r = pem_certificate(certificate, ret_certificate);
	return r ? r : pem_key(key, ret_key);
}

int sim_tls_make(int64_t now, struct sim_tls *ret)
{
	CLEANUP(authority_deinit) struct authority good = {NULL, NULL}, foreign = {NULL, NULL};
	CLEANUP(sim_tls_deinit) struct sim_tls made = {.authority = BUF_NULL};
	int r = authority_make(now, &good);

	if (!r)
		r = authority_make(now, &foreign);
	if (!r)
		r = pem_certificate(good.certificate, &made.authority);
	for (size_t i = 0; !r && i < SIM_TLS_KINDS; i++)
		r = server_make(i == SIM_TLS_FOREIGN ? &foreign : &good, (enum sim_tls_kind)i, now, &made.certificates[i], &made.keys[i]);
	ERR_clear_error();
	if (r)
		return r;
	*ret = made;
	made = (struct sim_tls){.authority = BUF_NULL};
	return 0;
}
