/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structure of a certificate (RFC 5280, 4.1), narrowed to what AMD issues: version 3, names of printable strings, no unique identifiers.
 * Everything is read once, in order, from bounded views; nothing is copied but the common names. cert_key.c does what costs time.
 */
#include "snp/cert.h"

#include <string.h>

#include "base/text.h"

#define NAME_PARTS_MAX 16
#define EXTENSIONS_MAX 32 /* a VEK has 13, and room for what is to come */
#define SERIAL_MAX 20     /* RFC 5280, 4.1.2.2 */
#define VERSION_3 2

/* 1.3.6.1.4.1.3704.1 */
static const uint8_t amd_arc[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};

struct extension {
	struct bytes oid, value;
	bool critical;
};

static bool is_oid(struct bytes oid, const void *wanted, size_t size)
{
	return bytes_equal(oid, bytes_of(wanted, size));
}

/* The octets behind AMD's arc; empty for a foreign one. */
static struct bytes amd_oid(struct bytes oid)
{
	if (oid.size <= sizeof(amd_arc) || memcmp(oid.data, amd_arc, sizeof(amd_arc)) != 0)
		return bytes_of(NULL, 0);
	return bytes_from(oid, sizeof(amd_arc));
}

static struct bytes read_string(struct reader *reader)
{
	static const uint8_t tags[] = {DER_UTF8_STRING, DER_PRINTABLE_STRING, DER_IA5_STRING};
	struct bytes text = bytes_of(NULL, 0);

	for (size_t i = 0; i < sizeof(tags); i++)
		if (der_next_is(reader, tags[i]))
			text = der_read(reader, tags[i], NULL);
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			reader_fail(reader);
	if (text.size == 0)
		reader_fail(reader);
	return text;
}

/* A Name, and its common name if it has exactly one. */
static struct bytes read_name(struct reader *reader, char ret_common[static SNP_NAME_MAX])
{
	struct bytes whole, contents = der_read(reader, DER_SEQUENCE, &whole), common = bytes_of(NULL, 0);
	size_t parts = 0, commons = 0;
	struct reader name;

	reader_init(&name, contents);
	while (der_more(&name)) {
		struct reader set = der_enter(&name, DER_SET), part = der_enter(&set, DER_SEQUENCE);
		struct bytes oid = der_oid(&part), text = read_string(&part);

		if (is_oid(oid, oid_common_name, sizeof(oid_common_name))) {
			common = text;
			commons++;
		}
		der_leave(&set, &part);
		der_leave(&name, &set);
		if (++parts > NAME_PARTS_MAX)
			reader_fail(&name);
	}
	der_leave(reader, &name);
	ret_common[0] = '\0';
	if (commons == 1 && reader_ok(reader))
		text_printable(ret_common, SNP_NAME_MAX, common);
	return whole;
}

static void read_validity(struct reader *reader, struct snp_cert *cert)
{
	struct reader validity = der_enter(reader, DER_SEQUENCE);

	cert->not_before = der_time(&validity);
	cert->not_after = der_time(&validity);
	der_leave(reader, &validity);
}

static void read_spki(struct reader *reader, struct snp_cert *cert)
{
	static const uint8_t rsa[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
	static const uint8_t p384[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
	struct bytes algorithm, bits, contents = der_read(reader, DER_SEQUENCE, &cert->spki);
	struct reader spki, key;

	reader_init(&spki, contents);
	algorithm = der_read(&spki, DER_SEQUENCE, NULL);
	bits = der_bits(&spki);
	der_leave(reader, &spki);
	if (is_oid(algorithm, p384, sizeof(p384)) && bits.size == 97 && bits.data[0] == 4) {
		cert->key_kind = SNP_KEY_P384;
		cert->key = bytes_from(bits, 1);
	} else if (is_oid(algorithm, rsa, sizeof(rsa))) {
		struct reader outer;
		struct bytes modulus;

		reader_init(&outer, bits);
		key = der_enter(&outer, DER_SEQUENCE);
		modulus = der_unsigned(&key);
		/* A first octet of zero, then the modulus with its highest bit set: exactly 4096 bits. */
		if (der_number(&key) == 65537 && reader_done(&key) && reader_done(&outer) && modulus.size == SNP_RSA_SIZE + 1 && modulus.data[0] == 0) {
			cert->key_kind = SNP_KEY_RSA4096;
			cert->key = bytes_from(modulus, 1);
		}
	}
}

static void read_extension(struct reader *reader, struct extension *ret)
{
	struct reader extension = der_enter(reader, DER_SEQUENCE);

	ret->oid = der_oid(&extension);
	ret->critical = der_next_is(&extension, DER_BOOLEAN) && der_true(&extension);
	ret->value = der_read(&extension, DER_OCTET_STRING, NULL);
	der_leave(reader, &extension);
}

static void read_constraints(struct bytes value, struct snp_cert *cert)
{
	struct reader r, inside;
	bool ca = false;

	reader_init(&r, value);
	inside = der_enter(&r, DER_SEQUENCE);
	if (der_next_is(&inside, DER_BOOLEAN))
		ca = der_true(&inside);
	if (ca && der_next_is(&inside, DER_INTEGER)) {
		cert->path_length = der_number(&inside);
		cert->has_path_length = true;
	}
	der_leave(&r, &inside);
	cert->constraints = !reader_done(&r) ? SNP_CONSTRAINTS_BAD : ca ? SNP_CONSTRAINTS_CA : SNP_CONSTRAINTS_NO_CA;
}

/* Bit 0 is the highest of the first octet. Unused bits must be zero; bit 8 (decipherOnly) means nothing here. */
static void read_usage(struct bytes value, struct snp_cert *cert)
{
	struct bytes bits;
	struct reader r;
	unsigned unused;

	reader_init(&r, value);
	bits = der_read(&r, DER_BIT_STRING, NULL);
	if (!reader_done(&r) || bits.size < 2 || bits.size > 3 || bits.data[0] > 7)
		return;
	unused = bits.data[0];
	if (bits.data[bits.size - 1] & ((1U << unused) - 1))
		return;
	for (unsigned i = 0; i < 8; i++)
		if (bits.data[1] & (0x80U >> i))
			cert->key_usage |= 1U << i;
}

static void read_extensions(struct reader *reader, struct snp_cert *cert)
{
	struct reader outer = der_enter(reader, DER_EXPLICIT(3)), list;
	size_t count = 0;

	cert->extensions = der_read(&outer, DER_SEQUENCE, NULL);
	der_leave(reader, &outer);
	reader_init(&list, cert->extensions);
	while (der_more(&list)) {
		struct extension extension;

		read_extension(&list, &extension);
		if (++count > EXTENSIONS_MAX)
			reader_fail(&list);
		if (!reader_ok(&list))
			break;
		if (amd_oid(extension.oid).size > 0)
			cert->role = SNP_ROLE_VEK;
		else if (is_oid(extension.oid, oid_basic_constraints, sizeof(oid_basic_constraints)))
			read_constraints(extension.value, cert);
		else if (is_oid(extension.oid, oid_key_usage, sizeof(oid_key_usage)))
			read_usage(extension.value, cert);
	}
	if (count == 0)
		reader_fail(reader);
	der_leave(reader, &list);
}

static void read_tbs(struct reader *reader, struct snp_cert *cert)
{
	struct bytes contents = der_read(reader, DER_SEQUENCE, &cert->tbs);
	struct reader tbs, version;

	reader_init(&tbs, contents);
	version = der_enter(&tbs, DER_EXPLICIT(0));
	if (der_number(&version) != VERSION_3)
		reader_fail(&tbs);
	der_leave(&tbs, &version);
	cert->serial = der_unsigned(&tbs);
	if (cert->serial.size > SERIAL_MAX)
		reader_fail(&tbs);
	cert->algorithm = der_read(&tbs, DER_SEQUENCE, NULL);
	cert->issuer_name = read_name(&tbs, cert->issuer);
	read_validity(&tbs, cert);
	cert->subject_name = read_name(&tbs, cert->subject);
	read_spki(&tbs, cert);
	read_extensions(&tbs, cert);
	der_leave(reader, &tbs);
}

/* For the algorithms that are not AMD's: whatever they are, OpenSSL has to be able to read them too. */
static bool algorithm_readable(struct bytes algorithm)
{
	static const uint8_t null[] = {DER_NULL, 0};
	struct reader r;

	reader_init(&r, algorithm);
	(void)der_oid(&r);
	if (der_next_is(&r, DER_SEQUENCE))
		(void)der_read(&r, DER_SEQUENCE, NULL);
	else if (der_next_is(&r, DER_OID))
		(void)der_oid(&r);
	else if (der_more(&r))
		return bytes_equal(bytes_of(r.at, reader_left(&r)), bytes_of(null, sizeof(null)));
	return reader_done(&r);
}

static bool spki_readable(struct bytes spki)
{
	struct reader r, inside;

	reader_init(&r, spki);
	inside = der_enter(&r, DER_SEQUENCE);
	return algorithm_readable(der_read(&inside, DER_SEQUENCE, NULL));
}

int snp_cert_parse(struct bytes der, struct snp_cert *ret)
{
	struct snp_cert cert = {.der = der, .role = SNP_ROLE_INTERMEDIATE};
	struct reader r, outer;
	struct bytes algorithm;

	reader_init(&r, der);
	outer = der_enter(&r, DER_SEQUENCE);
	read_tbs(&outer, &cert);
	algorithm = der_read(&outer, DER_SEQUENCE, NULL);
	cert.signature = der_bits(&outer);
	der_leave(&r, &outer);
	if (!reader_done(&r) || !algorithm_readable(cert.algorithm) || !algorithm_readable(algorithm) || !spki_readable(cert.spki))
		return SNP_CERT_E_PARSE;
	cert.algorithm_good = der_is_pss384(algorithm) && bytes_equal(algorithm, cert.algorithm);
	if (cert.role != SNP_ROLE_VEK && text_starts_with(cert.subject, "ARK-"))
		cert.role = SNP_ROLE_ROOT;
	*ret = cert;
	return 0;
}

void snp_cert_read_vek(const struct snp_cert *cert, struct snp_vek *ret)
{
	struct reader list;

	memset(ret, 0, sizeof(*ret));
	ret->spl_reserved_zero = true;
	ret->not_before = cert->not_before;
	ret->not_after = cert->not_after;
	reader_init(&list, cert->extensions);
	while (der_more(&list)) {
		struct extension extension;
		struct bytes oid;

		read_extension(&list, &extension);
		oid = amd_oid(extension.oid);
		if (oid.size > 0)
			snp_vek_read_extension(ret, oid, extension.value);
	}
}

bool snp_cert_named_issuer(const struct snp_cert *cert, const struct snp_cert *issuer)
{
	return bytes_equal(cert->issuer_name, issuer->subject_name);
}

static bool comes_again(struct reader behind, struct bytes oid)
{
	while (der_more(&behind)) {
		struct extension extension;

		read_extension(&behind, &extension);
		if (bytes_equal(extension.oid, oid))
			return true;
	}
	return false;
}

const char *snp_cert_bad_extension(const struct snp_cert *cert, char to[static SNP_NAME_MAX])
{
	struct reader list;

	_Static_assert(SNP_NAME_MAX >= DER_OID_TEXT_MAX, "an OID as text has to fit");
	reader_init(&list, cert->extensions);
	while (der_more(&list)) {
		struct extension e;
		bool known;

		read_extension(&list, &e);
		known = is_oid(e.oid, oid_basic_constraints, sizeof(oid_basic_constraints)) || is_oid(e.oid, oid_key_usage, sizeof(oid_key_usage));
		if ((e.critical && !known) || (amd_oid(e.oid).size == 0 && comes_again(list, e.oid))) {
			der_oid_text(to, e.oid);
			return to;
		}
	}
	return NULL;
}
