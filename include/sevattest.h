/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEVATTEST_H
#define SEVATTEST_H
/*
 * libsevattest: is this AMD SEV-SNP evidence genuine, and is it what a policy demands? See sevattest(3).
 *
 * The library does no I/O: it opens nothing, asks no clock and no network, reads no environment and prints nothing. Certificates, CRLs, the policy and the time are arguments.
 *
 * Return values: 0 is good. A negative value is -errno: the question could not be answered (-ENOMEM, -EINVAL, ...). A positive one is a SEVATTEST_E_* outcome: it was looked
 * at, and the answer is no. Outputs named ret_* are written only with 0. Whoever ignores a return value is told no: an absent verdict is never a yes.
 *
 * Threads: a handle may be used by many threads at once for sevattest_verify(); whoever changes it must be alone with it. A verdict never changes.
 * A handle keeps the last chains that it verified (256 at most), so that a certificate's signatures are verified once; no thread ever waits for another.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEVATTEST_API __attribute__((visibility("default")))
#define SEVATTEST_MUST_CHECK __attribute__((warn_unused_result))

#define SEVATTEST_REPORT_SIZE 1184     /* bytes of an ATTESTATION_REPORT */
#define SEVATTEST_REPORT_DATA_SIZE 64  /* bytes of REPORT_DATA */
#define SEVATTEST_EVIDENCE_MAX (1 << 20) /* bytes of evidence in any form */

/* What to verify with: certificates, CRLs, roots, a policy. */
struct sevattest;

/* An answer: a list of findings in fixed order, and what follows from it. */
struct sevattest_verdict;

/* "We looked, and no." */
enum sevattest_error {
	SEVATTEST_E_MALFORMED = 1, /* not what the function takes: see the text */
	SEVATTEST_E_LIMIT = 2,     /* too many, or too large */
};

/* May a certificate have been revoked since? */
enum sevattest_revocation {
	SEVATTEST_REVOCATION_POLICY = 0,     /* what the policy says; if-present without one */
	SEVATTEST_REVOCATION_OFF = 1,        /* not asked */
	SEVATTEST_REVOCATION_IF_PRESENT = 2, /* checked when a CRL of the right issuer was given */
	SEVATTEST_REVOCATION_REQUIRE = 3,    /* no CRL, or a stale one, is a no */
};

/* The values are the exit codes of sevattest(1). */
enum sevattest_outcome {
	SEVATTEST_YES = 0,         /* genuine; and matches the policy, if there was one: see sevattest_verdict_appraised() */
	SEVATTEST_NOT_GENUINE = 3, /* format, signature, chain, revocation, binding */
	SEVATTEST_NOT_WANTED = 4,  /* genuine, but the policy or the report data do not match */
};

enum sevattest_state { SEVATTEST_NOT_CHECKED = 0, SEVATTEST_PASSED = 1, SEVATTEST_FAILED = 2 };

/* What a finding decides. */
enum sevattest_class {
	SEVATTEST_CLASS_EVIDENCE = 0, /* must pass, else SEVATTEST_NOT_GENUINE */
	SEVATTEST_CLASS_POLICY = 1,   /* must pass, else SEVATTEST_NOT_WANTED */
	SEVATTEST_CLASS_ADVICE = 2,   /* decides nothing */
};

/* One check and how it came out. The texts belong to the verdict; those other than `check` may be NULL. Control characters are escaped. */
struct sevattest_finding {
	const char *check; /* a stable name, such as "chain.pin" or "measurement" */
	enum sevattest_state state;
	enum sevattest_class kind;
	const char *expected, *actual, *why, *fix;
};

/* The version of the library that runs, "MAJOR.MINOR.PATCH". Static. */
SEVATTEST_API const char *sevattest_version(void);

/* A new handle that trusts AMD's roots for Milan, Genoa and Turin and nothing else. 0, -ENOMEM. */
SEVATTEST_API int sevattest_new(struct sevattest **ret_handle) SEVATTEST_MUST_CHECK;

/* Releases a handle. NULL is allowed. Always returns NULL. */
SEVATTEST_API struct sevattest *sevattest_free(struct sevattest *handle);

/* Why the last function that changes the handle did not return 0; empty when it did. Borrowed until the next such call. Never NULL. */
SEVATTEST_API const char *sevattest_error_text(const struct sevattest *handle);

/*
 * Adds certificates: PEM (several, CRLs among them too), or DER objects one behind another. They are copied, and worth nothing until they chain to a trusted root.
 * 0, SEVATTEST_E_MALFORMED, SEVATTEST_E_LIMIT (64 objects, 1 MiB), -ENOMEM. What could not be taken is remembered: every later verdict says so in cert.parse and is a no.
 */
SEVATTEST_API int sevattest_add_certificates(struct sevattest *handle, const void *data, size_t size) SEVATTEST_MUST_CHECK;

/* Adds a host's certificate table (GHCB 4.1.8.1, auxblob of configfs-tsm). Empty, or all zero: there are none, and that is good. As above. */
SEVATTEST_API int sevattest_add_certificate_table(struct sevattest *handle, const void *table, size_t size) SEVATTEST_MUST_CHECK;

/* Adds CRLs of AMD's roots, PEM or DER. As above; what could not be taken makes crl.parse fail. */
SEVATTEST_API int sevattest_add_crl(struct sevattest *handle, const void *data, size_t size) SEVATTEST_MUST_CHECK;

/*
 * Trusts one more root: exactly one certificate, PEM or DER, with an RSA-4096 key. Its public key is what counts. A verdict that rests on it says so.
 * 0, SEVATTEST_E_MALFORMED, SEVATTEST_E_LIMIT (16, those of the policy among them), -ENOMEM.
 */
SEVATTEST_API int sevattest_add_trust(struct sevattest *handle, const void *certificate, size_t size) SEVATTEST_MUST_CHECK;

/*
 * Sets the policy, a JSON text as in sevattest-policy(5), instead of the one that was there. Its "trust" counts with it.
 * 0, SEVATTEST_E_MALFORMED (line and column or the member in the text; the old policy stays), SEVATTEST_E_LIMIT, -ENOMEM.
 */
SEVATTEST_API int sevattest_set_policy(struct sevattest *handle, const void *json, size_t size) SEVATTEST_MUST_CHECK;

/* 0, -EINVAL for a value that is none of the enum. */
SEVATTEST_API int sevattest_set_revocation(struct sevattest *handle, enum sevattest_revocation revocation) SEVATTEST_MUST_CHECK;

/*
 * Decodes evidence without judging it: a JSON object with "tee" and, member by member, "report". For people and logs; nothing in it is proven.
 * `evidence` is a report, an Azure HCL report, or JSON as KBS clients send it, recognised by its content. The text ends with NUL; free(3) it.
 * 0, SEVATTEST_E_MALFORMED, -ENOMEM.
 */
SEVATTEST_API int sevattest_decode(const void *evidence, size_t size, char **ret_json) SEVATTEST_MUST_CHECK;

/*
 * Verifies evidence in any of those forms at the time `now` (seconds since 1970 UTC), and, if it is genuine and there is a policy, appraises it.
 * `report_data` points to the SEVATTEST_REPORT_DATA_SIZE bytes that REPORT_DATA must be (on Azure: what the quote must be over), so that an old report is not taken for a new one; NULL leaves that NOT CHECKED.
 * 0: there is a verdict, a yes or a no, also for what is no evidence at all; release it with sevattest_verdict_free(). -ENOMEM, -EINVAL (a NULL), -EIO: there is none.
 */
SEVATTEST_API int sevattest_verify(const struct sevattest *handle, const void *evidence, size_t size, const uint8_t *report_data, int64_t now,
	struct sevattest_verdict **ret_verdict) SEVATTEST_MUST_CHECK;

/* Releases a verdict. NULL is allowed. Always returns NULL. */
SEVATTEST_API struct sevattest_verdict *sevattest_verdict_free(struct sevattest_verdict *verdict);

/* The answer. SEVATTEST_NOT_GENUINE for NULL. */
SEVATTEST_API enum sevattest_outcome sevattest_verdict_outcome(const struct sevattest_verdict *verdict);

/* 1 when a policy was applied, else 0: a SEVATTEST_YES then only means that AMD hardware made the evidence, whatever runs there. 0 for NULL. */
SEVATTEST_API int sevattest_verdict_appraised(const struct sevattest_verdict *verdict);

/* How many findings there are. 0 for NULL. */
SEVATTEST_API size_t sevattest_verdict_count(const struct sevattest_verdict *verdict);

/* The finding at `index`. 0, -ERANGE. */
SEVATTEST_API int sevattest_verdict_finding(const struct sevattest_verdict *verdict, size_t index, struct sevattest_finding *ret_finding) SEVATTEST_MUST_CHECK;

/* The finding that decides: the first one in order that had to pass and did not. 0, -ENOENT when it is a yes or NULL. */
SEVATTEST_API int sevattest_verdict_first_failed(const struct sevattest_verdict *verdict, struct sevattest_finding *ret_finding) SEVATTEST_MUST_CHECK;

/* The same answer as one JSON object, the members of `sevattest verify --json`. Borrowed. NULL for NULL. */
SEVATTEST_API const char *sevattest_verdict_json(const struct sevattest_verdict *verdict);

#ifdef __cplusplus
}
#endif
#endif
