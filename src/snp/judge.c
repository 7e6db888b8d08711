/* SPDX-License-Identifier: Apache-2.0 */
/* Chain and revocation lists at a given time. */
#include "snp/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "snp/kds.h"

static bool outside(const struct snp_window *window, int64_t now, struct snp_failure *failure)
{
	char from[32], to[32], at[32];
	bool early = now<window->not_before - SNP_NOT_BEFORE_SKEW, late = now> window->not_after;

	if (!early && !late)
		return false;
	time_format(from, window->not_before);
	time_format(to, window->not_after);
	time_format(at, now);
	if (!snp_failed(failure, "chain.validity",
		    early ? "check the clock; or the certificate is newer than the report: verify at a time (--time) within its window"
			  : "get a new one from AMD (a cloud's VLEK comes with the host's table); to judge an old report, give its time "
			    "(--time)",
		    "%s is %s", window->name, early ? "not valid yet" : "no longer valid"))
		return false;
	snp_failure_values(failure, at, "%s to %s", from, to);
	return true;
}

static bool judge_validity(const struct snp_chain *chain, int64_t now, struct verdict *verdict)
{
	struct snp_failure failure;
	bool failed = false;

	for (size_t i = 0; i < SNP_PLACES && !failed; i++)
		failed = outside(&chain->windows[i], now, &failure);
	return snp_settle(verdict, "chain.validity", failed, &failure);
}

static void note_trust(const struct snp_chain *chain, struct verdict *verdict)
{
	if (chain->operator_trust)
		finding_actual(verdict_last(verdict), "operator trust: %s", chain->pin.label);
}

bool snp_judge_chain(const struct snp_chain *chain, int64_t now, struct verdict *verdict)
{
	bool good = true;

	for (size_t i = 0; snp_chain_steps[i]; i++) {
		const char *step = snp_chain_steps[i];

		if (chain->failure.check && strcmp(step, chain->failure.check) == 0) {
			snp_failure_add(&chain->failure, FINDING_EVIDENCE, verdict);
			for (i++; snp_chain_steps[i]; i++)
				verdict_skip(verdict, snp_chain_steps[i], FINDING_EVIDENCE, "%s failed before", step);
			return false;
		}
		if (strcmp(step, "chain.validity") == 0) {
			good = judge_validity(chain, now, verdict) && good;
			continue;
		}
		verdict_pass(verdict, step, FINDING_EVIDENCE);
		if (strcmp(step, "chain.pin") == 0)
			note_trust(chain, verdict);
	}
	return good;
}

static const char *const crl_checks[] = {
	"crl.missing", "crl.parse", "crl.issuer", "crl.signature_algo", "crl.extensions", "crl.signature", "crl.fresh", "crl.revoked"};

#define KDS "https://kdsintf.amd.com"
#define CRL_FIX "" /* filled in by add_address(), which knows the product */
#define REVOKED_FIX " "

/* Where AMD serves what has to be got. Which of the two lists of a product counts is told by what it certifies. */
static void add_address(const struct snp_chain *chain, struct snp_failure *failure)
{
	enum snp_signer signer = chain->vek.present & SNP_VEK_CSP_ID ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	char path[SNP_KDS_PATH_MAX];

	if (strcmp(failure->fix, CRL_FIX) == 0 && snp_kds_crl_path(path, chain->product, signer) == 0)
		(void)snprintf(failure->fix, sizeof(failure->fix), "get the present list from AMD and give it with --crl: " KDS "%s", path);
	else if (strcmp(failure->fix, REVOKED_FIX) == 0 && snp_kds_chain_path(path, chain->product, signer) == 0)
		(void)snprintf(failure->fix, sizeof(failure->fix), "AMD has replaced this certificate, do not trust what it signed: get the present one, " KDS "%s",
			path);
}

static bool is_fresh(const struct snp_crl *crl, int64_t now)
{
	return crl->this_update - SNP_NOT_BEFORE_SKEW <= now && now < crl->next_update;
}

/* A list that names our intermediate decides, whatever others say and however old it is: nothing is ever taken off again. */
static const struct snp_crl *best_crl(const struct snp_chain *chain, int64_t now)
{
	const struct snp_crl *best = NULL;
	unsigned best_rank = 0;

	for (size_t i = 0; i < chain->crl_count; i++) {
		const struct snp_crl *crl = &chain->crls[i];
		unsigned rank = 1 + 2 * (unsigned)crl->state + (is_fresh(crl, now) ? 1U : 0U);

		if (crl->state == SNP_CRL_AUTHENTIC && crl->revoked)
			rank += 100;
		if (rank > best_rank) {
			best = crl;
			best_rank = rank;
		}
	}
	return best;
}

static bool crl_parse_failed(const struct snp_chain *chain, const struct snp_verify_input *input, struct snp_failure *failure)
{
	if (input->certs->bad_crl[0])
		return snp_failed(failure, "crl.parse", CRL_FIX, "%s", input->certs->bad_crl);
	if (chain->crl_too_many)
		return snp_failed(
			failure, "crl.parse", "give only the newest lists", "more than %d revocation lists of one root", SNP_CRLS_MAX);
	for (size_t i = 0; i < chain->crl_count; i++)
		if (chain->crls[i].state == SNP_CRL_UNREADABLE)
			return snp_failed(failure, "crl.parse", CRL_FIX, "one of the revocation lists is no X.509 CRL in DER");
	return false;
}

static bool crl_state_failed(const struct snp_crl *crl, enum snp_crl_state state, const char *root, struct snp_failure *failure)
{
	if (crl->state != state)
		return false;
	switch (state) {
	case SNP_CRL_BAD_ALGORITHM:
		return snp_failed(
			failure, "crl.signature_algo", CRL_FIX, "the list is not signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes");
	case SNP_CRL_BAD_EXTENSION:
		return snp_failed(failure, "crl.extensions", CRL_FIX, "the extension %s narrows the list in a way that is not known here",
			crl->extension);
	case SNP_CRL_BAD_SIGNATURE:
		return snp_failed(failure, "crl.signature", CRL_FIX, "the key of %s did not sign the list", root);
	case SNP_CRL_UNREADABLE:
	case SNP_CRL_OTHER_ISSUER:
	case SNP_CRL_AUTHENTIC:
	default:
		return false;
	}
}

static bool crl_fresh_failed(const struct snp_crl *crl, int64_t now, struct snp_failure *failure)
{
	char from[32], to[32] = "no stated end", at[32];

	if (is_fresh(crl, now))
		return false;
	time_format(from, crl->this_update);
	if (crl->next_update != INT64_MIN)
		time_format(to, crl->next_update);
	time_format(at, now);
	if (!snp_failed(failure, "crl.fresh", CRL_FIX, "the list is %s", now < crl->this_update ? "not in force yet" : "out of date"))
		return false;
	snp_failure_values(failure, at, "%s to %s", from, to);
	return true;
}

static bool crl_revoked_failed(const struct snp_crl *crl, const struct snp_chain *chain, struct snp_failure *failure)
{
	return crl->state == SNP_CRL_AUTHENTIC && crl->revoked &&
	       snp_failed(failure, "crl.revoked",
		       REVOKED_FIX,
		       "%s is revoked by %s", chain->windows[SNP_PLACE_INTERMEDIATE].name, crl->issuer);
}

/* One check of one list. */
static bool crl_check_failed(size_t check, const struct snp_chain *chain, const struct snp_verify_input *input, const struct snp_crl *crl,
	struct snp_failure *failure)
{
	const char *root = chain->windows[SNP_PLACE_ROOT].name;

	switch (check) {
	case 1:
		return crl_parse_failed(chain, input, failure);
	case 2:
		return !crl && snp_failed(failure, "crl.issuer", CRL_FIX, "the only list here is one of %s, the chain ends in %s",
				       chain->crl_other, root);
	case 3:
		return crl && crl_state_failed(crl, SNP_CRL_BAD_ALGORITHM, root, failure);
	case 4:
		return crl && crl_state_failed(crl, SNP_CRL_BAD_EXTENSION, root, failure);
	case 5:
		return crl && crl_state_failed(crl, SNP_CRL_BAD_SIGNATURE, root, failure);
	case 6:
		return crl && crl_fresh_failed(crl, input->now, failure);
	case 7:
		return crl && crl_revoked_failed(crl, chain, failure);
	default:
		return false;
	}
}

static bool judge_present(const struct snp_chain *chain, const struct snp_verify_input *input, struct verdict *verdict)
{
	const struct snp_crl *crl = best_crl(chain, input->now);
	const char *failed = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(crl_checks); i++) {
		struct snp_failure failure;
		bool bad;

		/* A stale list that revokes still says so. */
		if (failed && !(crl && crl->revoked && i == ARRAY_SIZE(crl_checks) - 1)) {
			verdict_skip(verdict, crl_checks[i], FINDING_EVIDENCE, "%s failed before", failed);
			continue;
		}
		bad = crl_check_failed(i, chain, input, crl, &failure);
		if (bad)
			add_address(chain, &failure);
		if (!snp_settle(verdict, crl_checks[i], bad, &failure))
			failed = crl_checks[i];
	}
	return !failed;
}

bool snp_judge_crls(const struct snp_chain *chain, const struct snp_verify_input *input, struct verdict *verdict)
{
	bool given = chain->crl_count > 0 || chain->crl_too_many || input->certs->bad_crl[0];
	const char *root = chain->windows[SNP_PLACE_ROOT].name;
	struct snp_failure failure;

	if (input->revocation == SNP_REVOCATION_OFF) {
		verdict_skip(verdict, "crl.missing", FINDING_ADVICE, "revocation is switched off");
		return true;
	}
	if (given || (input->revocation == SNP_REVOCATION_REQUIRE && chain->crl_other[0]))
		return judge_present(chain, input, verdict);
	if (input->revocation == SNP_REVOCATION_REQUIRE &&
		snp_failed(&failure, "crl.missing", CRL_FIX, "revocation is required, but no list of %s was given", root)) {
		add_address(chain, &failure);
		snp_failure_add(&failure, FINDING_EVIDENCE, verdict);
		return false;
	}
	verdict_skip(verdict, "crl.missing", FINDING_ADVICE, "no revocation list of %s was given: whether AMD has revoked %s is not known",
		root, chain->windows[SNP_PLACE_INTERMEDIATE].name);
	memset(&failure, 0, sizeof(failure));
	add_address(chain, &failure);
	finding_fix(verdict_last(verdict), "%s", failure.fix);
	return true;
}
