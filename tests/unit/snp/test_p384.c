/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two backends agree on everything: edge values of r, s, key and digest, and thousands of good and spoiled signatures from a stated seed.
 * SEVATTEST_P384_SIGNATURES=500000 makes it a long run of a million; SEVATTEST_P384_SEED chooses others.
 */
#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snp/p384.h"

#define SIGNATURES 2000 /* each good once and spoiled once */
#define SEED 20260601u
#define KEY_LIFE 64     /* signatures with one key */

struct sample {
	uint8_t key[96], digest[48], r[48], s[48];
};

/* xorshift: the same sequence everywhere. */
static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void fill_random(uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(next_random() >> 24);
}

static EVP_PKEY *sign_key;

static void key_of(EVP_PKEY *key, uint8_t to[static 96])
{
	uint8_t point[97];
	size_t size = 0;

	ck_assert_int_eq(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size), 1);
	ck_assert_uint_eq(size, sizeof(point));
	memcpy(to, point + 1, 96);
}

static void sign(struct sample *to)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(sign_key, NULL);
	uint8_t der[128];
	const uint8_t *at = der;
	size_t size = sizeof(der);
	ECDSA_SIG *signature;

	ck_assert_int_eq(EVP_PKEY_sign_init(context), 1);
	ck_assert_int_eq(EVP_PKEY_sign(context, der, &size, to->digest, 48), 1);
	signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(signature), to->r, 48), 48);
	ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(signature), to->s, 48), 48);
	ECDSA_SIG_free(signature);
	EVP_PKEY_CTX_free(context);
	key_of(sign_key, to->key);
}

/* What both say, or a failed test. */
static int both(const struct sample *sample)
{
	int openssl = p384_openssl_verify(sample->key, sample->digest, sample->r, sample->s);
	int nettle = p384_nettle_verify(sample->key, sample->digest, sample->r, sample->s);

	ck_assert_int_eq(openssl, nettle);
	ck_assert_int_eq(p384_nettle_key_good(sample->key), nettle != P384_E_BAD_KEY);
	return openssl;
}

/* The order n and the prime p, offset by `add`, big endian. */
static void number(uint8_t to[static 48], bool order, int add)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
	BIGNUM *value = BN_new();

	if (order)
		ck_assert_int_eq(EC_GROUP_get_order(group, value, NULL), 1);
	else
		ck_assert_int_eq(EC_GROUP_get_curve(group, value, NULL, NULL, NULL), 1);
	ck_assert_int_eq(add < 0 ? BN_sub_word(value, (BN_ULONG)-add) : BN_add_word(value, (BN_ULONG)add), 1);
	ck_assert_int_eq(BN_bn2binpad(value, to, 48), 48);
	BN_free(value);
	EC_GROUP_free(group);
}

static void edge(uint8_t to[static 48], size_t which)
{
	memset(to, 0, 48);
	if (which == 1)
		to[47] = 1;
	else if (which >= 2 && which <= 5)
		number(to, true, (int)which - 3); /* n-1, n, n+1, n+2 */
	else if (which == 6)
		memset(to, 0xff, 48);
}

START_TEST(edges_of_signature)
{
	struct sample good = {0};
	size_t tried = 0;

	fill_random(good.digest, 48);
	sign(&good);
	ck_assert_int_eq(both(&good), 0);
	for (size_t i = 0; i < 7; i++) {
		for (size_t j = 0; j < 8; j++) {
			struct sample sample = good;

			edge(sample.r, i);
			if (j < 7)
				edge(sample.s, j);
			ck_assert_int_eq(both(&sample), P384_E_BAD_SIGNATURE);
			sample = good;
			edge(sample.s, i);
			ck_assert_int_eq(both(&sample), P384_E_BAD_SIGNATURE);
			tried += 2;
		}
	}
	ck_assert_uint_eq(tried, 112);
}
END_TEST

/* Both say of the key alone what they say of it with a signature. */
static void bad_key(const struct sample *sample)
{
	ck_assert_int_eq(both(sample), P384_E_BAD_KEY);
	ck_assert(!p384_openssl_key_good(sample->key) && !p384_nettle_key_good(sample->key) && !p384_key_good(sample->key));
}

START_TEST(edges_of_key)
{
	struct sample good = {0}, sample;

	fill_random(good.digest, 48);
	sign(&good);
	ck_assert(p384_openssl_key_good(good.key) && p384_nettle_key_good(good.key));
	sample = good; /* off the curve */
	sample.key[95] ^= 1;
	bad_key(&sample);
	sample = good; /* what would stand for infinity */
	memset(sample.key, 0, 96);
	bad_key(&sample);
	for (int add = 0; add < 3; add++) { /* coordinates of p and above */
		sample = good;
		number(sample.key, false, add);
		bad_key(&sample);
		sample = good;
		number(sample.key + 48, false, add);
		bad_key(&sample);
	}
	memset(sample.key, 0xff, 96);
	bad_key(&sample);
}
END_TEST

START_TEST(edges_of_digest)
{
	struct sample sample = {0};

	sign(&sample);
	ck_assert_int_eq(both(&sample), 0);
	memset(sample.digest, 0xff, 48);
	ck_assert_int_eq(both(&sample), P384_E_BAD_SIGNATURE);
	sign(&sample);
	ck_assert_int_eq(both(&sample), 0);
	memset(sample.digest, 0, 48);
	ck_assert_int_eq(both(&sample), P384_E_BAD_SIGNATURE);
	number(sample.digest, true, 0); /* congruent to zero */
	sign(&sample);
	ck_assert_int_eq(both(&sample), 0);
	memset(sample.digest, 0, 48);
	ck_assert_int_eq(both(&sample), 0);
}
END_TEST

static void spoil(struct sample *sample)
{
	uint8_t *const fields[] = {sample->digest, sample->r, sample->s, sample->key};
	size_t which = next_random() % 4, at = next_random() % 48;

	fields[which][at] ^= (uint8_t)(1U << next_random() % 8);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Small and large numbers where random ones never come: leading zeros and ones in the digest, and in r and s of a spoiled signature. */
static void spoil_widely(struct sample *sample)
{
	uint8_t *const fields[] = {sample->digest, sample->r, sample->s};

	memset(fields[next_random() % 3], next_random() % 2 ? 0 : 0xff, 1 + next_random() % 47);
}

START_TEST(seeded)
{
	uint64_t count = setting("SEVATTEST_P384_SIGNATURES", SIGNATURES), seed = setting("SEVATTEST_P384_SEED", SEED), good = 0, bad = 0;

	random_state = seed;
	for (uint64_t i = 0; i < count; i++) {
		struct sample sample = {0}, before;

		if (i % KEY_LIFE == 0) {
			EVP_PKEY_free(sign_key);
			sign_key = EVP_EC_gen("P-384");
		}
		fill_random(sample.digest, 48);
		if (i % 8 == 0)
			memset(sample.digest, i % 16 ? 0 : 0xff, 1 + next_random() % 48);
		sign(&sample);
		good += both(&sample) == 0;
		before = sample;
		if (i % 4 == 0)
			spoil_widely(&sample);
		if (memcmp(&before, &sample, sizeof(sample)) == 0)
			spoil(&sample);
		bad += both(&sample) != 0;
	}
	(void)printf("seed %llu: %llu good and %llu spoiled signatures, both backends agree on all\n", (unsigned long long)seed, (unsigned long long)good,
		(unsigned long long)bad);
	ck_assert_uint_eq(good, count);
	ck_assert_uint_eq(bad, count);
}
END_TEST

START_TEST(built_in)
{
	struct sample sample = {0};

	ck_assert(strcmp(p384_backend(), "nettle") == 0 || strcmp(p384_backend(), "openssl") == 0);
	fill_random(sample.digest, 48);
	sign(&sample);
	ck_assert_int_eq(p384_verify(sample.key, sample.digest, sample.r, sample.s), 0);
	sample.s[0] ^= 1;
	ck_assert_int_eq(p384_verify(sample.key, sample.digest, sample.r, sample.s), P384_E_BAD_SIGNATURE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("p384");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	random_state = SEED;
	sign_key = EVP_EC_gen("P-384");
	tcase_set_timeout(all, getenv("SEVATTEST_P384_SIGNATURES") ? 0 : 100);
	tcase_add_test(all, edges_of_signature);
	tcase_add_test(all, edges_of_key);
	tcase_add_test(all, edges_of_digest);
	tcase_add_test(all, seeded);
	tcase_add_test(all, built_in);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	EVP_PKEY_free(sign_key);
	return failed ? 1 : 0;
}
