/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which certificate stands in which place is guessed from names and extensions, for nothing depends on the guess: a wrong one makes a step
 * fail. What counts is the pinned key: the root's certificate is a hint that has to carry it, and signs itself, so that its dates and
 * extensions are AMD's too.
 */
#include "snp/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "snp/cache_internal.h"
#include "snp/kds.h"

const char *const snp_chain_steps[] = {"cert.parse", "chain.missing", "chain.names", "vek.kind", "chain.pin", "chain.signature_algo",
	"chain.ca", "chain.extensions", "chain.validity", "chain.signature", "chain.intermediate", "vek.key", NULL};

#define KDS "https://kdsintf.amd.com"
#define FETCH_FIX "get the certificates of this chip from AMD (" KDS ") and give them with --certs"
#define FORGED_FIX "these certificates do not come from AMD: find out who handed them over, and get AMD's own (" KDS ")"

struct heap {
	struct snp_cert certs[SNP_CERTS_MAX];
	size_t count;
};

/* The three that were chosen, and what is being found out about them. */
struct judge {
	const struct snp_verify_input *input;
	const struct snp_report *report;
	const struct snp_cert *places[SNP_PLACES];
	struct snp_chain *chain;
};

static int heap_fill(struct heap *heap, const struct snp_verify_input *input, struct snp_chain *chain)
{
	const struct snp_certs *certs = input->certs;
	size_t used = 0;

	for (size_t i = 0; i < certs->count; i++) {
		int r;

		if (certs->items[i].kind != SNP_ITEM_CERTIFICATE)
			continue;
		r = snp_cert_parse(certs->items[i].der, &heap->certs[heap->count]);
		if (r < 0)
			return r;
		if (r > 0 && !chain->failure.check)
			(void)snp_failed(&chain->failure, "cert.parse", "give whole certificates, PEM or DER: " FETCH_FIX,
				"%zu bytes that claim to be a certificate are no X.509 certificate in exact DER", certs->items[i].der.size);
		if (r == 0) {
			const char *name = heap->certs[heap->count++].subject;

			if (used < sizeof(chain->given))
				used += (size_t)snprintf(chain->given + used, sizeof(chain->given) - used, "%s%s", used ? ", " : "", name);
		}
	}
	return 0;
}

static bool hwid_fits(const struct snp_vek *vek, const struct snp_report *report)
{
	return vek->hwid_size > 0 && memcmp(vek->hwid, report->chip_id, vek->hwid_size) == 0;
}

/* How well a VEK fits the report: its kind before its chip before its TCB. */
static unsigned vek_score(const struct snp_cert *cert, const struct snp_report *report)
{
	unsigned wanted = snp_report_signer(report) == SNP_SIGNER_VLEK ? SNP_VEK_CSP_ID : SNP_VEK_HWID;
	struct snp_vek vek;
	struct snp_tcb tcb;

	snp_cert_read_vek(cert, &vek);
	tcb = snp_tcb_decode(report->reported_tcb.raw, vek.product);
	return (vek.present & wanted ? 4U : 0U) + (hwid_fits(&vek, report) ? 2U : 0U) + (snp_tcb_equal(&tcb, &vek.tcb) ? 1U : 0U);
}

static const struct snp_cert *find_vek(const struct heap *heap, const struct snp_report *report)
{
	const struct snp_cert *best = NULL;
	unsigned best_score = 0;

	for (size_t i = 0; i < heap->count; i++) {
		unsigned score;

		if (heap->certs[i].role != SNP_ROLE_VEK)
			continue;
		score = vek_score(&heap->certs[i], report);
		if (!best || score > best_score) {
			best = &heap->certs[i];
			best_score = score;
		}
	}
	return best;
}

/* The certificate that `child` names as its issuer; of several, the one whose key signed it. Else the first in `role`. */
static const struct snp_cert *find_issuer(const struct heap *heap, const struct snp_cert *child, enum snp_cert_role role)
{
	const struct snp_cert *named = NULL, *other = NULL;

	for (size_t i = 0; i < heap->count; i++) {
		const struct snp_cert *cert = &heap->certs[i];

		if (cert == child && role != SNP_ROLE_ROOT)
			continue;
		if (role == SNP_ROLE_ROOT && cert->role != SNP_ROLE_ROOT)
			continue;
		if (cert->role == role && !other)
			other = cert;
		if (child && snp_cert_named_issuer(child, cert) && (!named || snp_cert_signed_by(child, cert)))
			named = cert;
	}
	return named ? named : other;
}

#define FIX_MAX 448

/* Where AMD serves what is missing, as an address to copy: nothing of this is secret, but a VLEK is given to its cloud only. */
static void fetch_fix(char to[static FIX_MAX], const struct snp_report *report, bool vek)
{
	enum snp_signer signer = (enum snp_signer)snp_report_signer(report);
	char path[SNP_KDS_PATH_MAX];
	bool known;

	if (vek && signer == SNP_SIGNER_VLEK) {
		(void)snprintf(to, FIX_MAX,
			"a cloud's VLEK comes with the host's certificate table only: save that table with the report, and give it with "
			"--certs");
		return;
	}
	known = vek ? snp_kds_vcek_path(path, report->product, report->chip_id, &report->reported_tcb) == 0
		    : snp_kds_chain_path(path, report->product, signer) == 0;
	if (known)
		(void)snprintf(to, FIX_MAX, "get it from AMD and give the file with --certs: " KDS "%s", path);
	else
		(void)snprintf(to, FIX_MAX, FETCH_FIX);
}

/* Switched off, it is found out at the next step, which cannot do without either. */
static bool missing(struct judge *j, const char *what, bool vek)
{
	struct snp_chain *chain = j->chain;
	char fix[FIX_MAX];

	fetch_fix(fix, j->report, vek);
	if (!snp_failed(&chain->failure, "chain.missing", fix, "no %s among the certificates (given: %s)", what,
		    chain->given[0] ? chain->given : "none"))
		(void)snp_failed(&chain->failure, "chain.names", fix, "there is no %s whose name could fit", what);
	(void)snprintf(chain->failure.actual, sizeof(chain->failure.actual), "%s", chain->given[0] ? chain->given : "none");
	return true;
}

/* True when a place stays empty. */
static bool choose(const struct heap *heap, struct judge *judge)
{
	const struct snp_cert *vek = find_vek(heap, judge->report);
	const struct snp_cert *intermediate = find_issuer(heap, vek, SNP_ROLE_INTERMEDIATE);
	const struct snp_cert *root = find_issuer(heap, intermediate, SNP_ROLE_ROOT);
	bool vlek = snp_report_signer(judge->report) == SNP_SIGNER_VLEK;

	if (!intermediate)
		return missing(judge,
			vek ? (vlek ? "ASVK (the issuer of the VLEK)" : "ASK (the issuer of the VCEK)") : (vlek ? "VLEK" : "VCEK"), !vek);
	if (!root)
		return missing(judge, "AMD root (ARK)", false);
	judge->places[SNP_PLACE_VEK] = vek;
	judge->places[SNP_PLACE_INTERMEDIATE] = intermediate;
	judge->places[SNP_PLACE_ROOT] = root;
	return false;
}

static enum snp_product product_behind(const char *name, const char *prefix)
{
	if (!text_starts_with(name, prefix))
		return SNP_PRODUCT_UNKNOWN;
	return snp_product_from_name(name + strlen(prefix), strlen(name + strlen(prefix)));
}

/* The product and kind of an intermediate, by its subject. */
static enum snp_product intermediate_product(const struct snp_cert *cert, bool *ret_vlek)
{
	enum snp_product product = product_behind(cert->subject, "SEV-VLEK-");

	*ret_vlek = product != SNP_PRODUCT_UNKNOWN;
	return *ret_vlek ? product : product_behind(cert->subject, "SEV-");
}

static bool step_names(struct judge *j)
{
	const struct snp_cert *vek = j->places[SNP_PLACE_VEK], *intermediate = j->places[SNP_PLACE_INTERMEDIATE],
			      *root = j->places[SNP_PLACE_ROOT];
	struct snp_failure *failure = &j->chain->failure;
	enum snp_product product;
	bool vlek;

	if (!vek) {
		char fix[FIX_MAX];

		fetch_fix(fix, j->report, true);
		if (!snp_failed(failure, "chain.names", fix,
			    "only CA certificates were given (%s): none has AMD's extensions of a VCEK or VLEK", j->chain->given))
			return missing(j, "VCEK or VLEK", true);
		(void)snprintf(failure->actual, sizeof(failure->actual), "%s", j->chain->given);
		return true;
	}
	product = intermediate_product(intermediate, &vlek);
	if (intermediate->role != SNP_ROLE_INTERMEDIATE || product == SNP_PRODUCT_UNKNOWN) {
		if (snp_failed(failure, "chain.names", FORGED_FIX,
			    "the VEK is issued by %s, which is neither an ASK (SEV-...) nor an ASVK (SEV-VLEK-...)",
			    intermediate->subject)) {
			snp_failure_values(failure, intermediate->subject, "SEV-{product} or SEV-VLEK-{product}");
			return true;
		}
	}
	if (product != product_behind(root->subject, "ARK-")) {
		if (snp_failed(failure, "chain.names", FORGED_FIX, "the intermediate %s and the root %s are not of one product",
			    intermediate->subject, root->subject)) {
			snp_failure_values(failure, root->subject, "ARK-%s", snp_product_name(product));
			return true;
		}
	}
	return false;
}

static bool step_kind(struct judge *j)
{
	bool vlek = snp_report_signer(j->report) == SNP_SIGNER_VLEK;
	struct snp_failure *failure = &j->chain->failure;
	unsigned present;

	snp_cert_read_vek(j->places[SNP_PLACE_VEK], &j->chain->vek);
	present = j->chain->vek.present & (SNP_VEK_HWID | SNP_VEK_CSP_ID);
	if (present != (vlek ? SNP_VEK_HWID : SNP_VEK_CSP_ID))
		return false;
	if (!snp_failed(failure, "vek.kind", vlek ? "a cloud's VLEK comes with the host's certificate table only" : FETCH_FIX,
		    "the report says that a %s signed it, the certificate is a %s", vlek ? "VLEK" : "VCEK", vlek ? "VCEK" : "VLEK"))
		return false;
	snp_failure_values(failure, vlek ? "hwID, no csp_id: a VCEK" : "csp_id, no hwID: a VLEK", "%s", vlek ? "VLEK" : "VCEK");
	return true;
}

static bool step_pin(struct judge *j, const uint8_t digest[static 32])
{
	const struct snp_cert *root = j->places[SNP_PLACE_ROOT];
	enum snp_product product = product_behind(root->subject, "ARK-");
	const struct snp_pin *pin = snp_pin_find(j->input->extra_pins, digest);
	struct snp_chain *chain = j->chain;
	char hex[65];

	chain->product = product;
	if (pin) {
		chain->pin = *pin;
		chain->operator_trust = pin < snp_amd_pins || pin >= snp_amd_pins + ARRAY_SIZE(snp_amd_pins);
	}
	if (pin && (pin->product == SNP_PRODUCT_UNKNOWN || pin->product == product))
		return false;
	hex_encode(hex, digest, 32);
	if (pin) {
		if (!snp_failed(&chain->failure, "chain.pin", FORGED_FIX, "the key of the root %s is pinned for %s only", root->subject,
			    snp_product_name(pin->product)))
			return false;
	} else if (!snp_failed(&chain->failure, "chain.pin",
			   "if this root is yours (a simulator's), give it with --trust; else: " FORGED_FIX,
			   "the chain ends in a root that calls itself %s, but its key is neither AMD's nor one that you trust",
			   root->subject)) {
		return false;
	}
	snp_failure_values(
		&chain->failure, hex, "SHA-256 of the public key of AMD's ARK-%s, or of a trusted root", snp_product_name(product));
	return true;
}

static bool step_algorithm(struct judge *j)
{
	for (size_t i = 0; i < SNP_PLACES; i++) {
		if (j->places[i]->algorithm_good)
			continue;
		if (snp_failed(&j->chain->failure, "chain.signature_algo", FORGED_FIX,
			    "the signature on %s is not of the only kind that AMD uses", j->places[i]->subject)) {
			snp_failure_values(&j->chain->failure, "another algorithm or other parameters",
				"RSASSA-PSS with SHA-384, MGF1 with SHA-384, salt of 48 bytes, trailer 1");
			return true;
		}
	}
	return false;
}

static const char *ca_objection(const struct snp_cert *cert, bool intermediate)
{
	if (cert->constraints != SNP_CONSTRAINTS_CA)
		return "is not marked as a certification authority (basicConstraints)";
	if (!(cert->key_usage & SNP_USAGE_CERT_SIGN))
		return "may not sign certificates (keyUsage)";
	if (intermediate && cert->has_path_length && cert->path_length > 0)
		return "allows further authorities below it (pathlen)";
	return cert->key_kind == SNP_KEY_RSA4096 ? NULL : "has a key that is not RSA of 4096 bits";
}

static bool step_ca(struct judge *j)
{
	for (size_t i = SNP_PLACE_INTERMEDIATE; i < SNP_PLACES; i++) {
		const char *objection = ca_objection(j->places[i], i == SNP_PLACE_INTERMEDIATE);

		if (objection && snp_failed(&j->chain->failure, "chain.ca", FORGED_FIX, "%s %s", j->places[i]->subject, objection))
			return true;
	}
	if (j->places[SNP_PLACE_VEK]->constraints == SNP_CONSTRAINTS_CA || j->places[SNP_PLACE_VEK]->constraints == SNP_CONSTRAINTS_BAD)
		return snp_failed(&j->chain->failure, "chain.ca", FORGED_FIX, "the VEK is marked as a certification authority");
	return false;
}

static bool step_extensions(struct judge *j)
{
	for (size_t i = 0; i < SNP_PLACES; i++) {
		char oid[SNP_NAME_MAX];

		if (snp_cert_bad_extension(j->places[i], oid) &&
			snp_failed(&j->chain->failure, "chain.extensions", "a newer kind of certificate needs a newer sevattest",
				"%s has the extension %s twice, or marked critical without being known here", j->places[i]->subject, oid))
			return true;
	}
	return false;
}

/* The root's two signatures were verified before, on these very bytes. */
static bool pair_is_known(const struct judge *j)
{
	return j->input->cache &&
	       snp_vek_cache_has_pair(j->input->cache, j->places[SNP_PLACE_INTERMEDIATE]->der, j->places[SNP_PLACE_ROOT]->der);
}

static bool step_signature(struct judge *j)
{
	bool known = pair_is_known(j), all = true;

	for (size_t i = 0; i < SNP_PLACES; i++) {
		const struct snp_cert *child = j->places[i], *issuer = j->places[i == SNP_PLACE_ROOT ? i : i + 1];
		bool named = snp_cert_named_issuer(child, issuer);

		if (named && ((known && i != SNP_PLACE_VEK) || snp_cert_signed_by(child, issuer)))
			continue;
		if (!snp_failed(&j->chain->failure, "chain.signature", FETCH_FIX,
			    named ? "the key of %2$s did not sign the certificate %1$s"
				  : "%1$s is not issued by %2$s, the only certificate here for that place",
			    child->subject, issuer->subject)) {
			all = false;
			continue;
		}
		snp_failure_values(&j->chain->failure, issuer->subject, "%s", child->issuer);
		return true;
	}
	if (j->input->cache && all && !known)
		snp_vek_cache_put_pair(j->input->cache, j->places[SNP_PLACE_INTERMEDIATE]->der, j->places[SNP_PLACE_ROOT]->der);
	return false;
}

/* Now the intermediate's subject is what the root has signed, and says whether it is an ASK or an ASVK. */
static bool step_intermediate(struct judge *j)
{
	bool wanted = snp_report_signer(j->report) == SNP_SIGNER_VLEK, vlek;

	(void)intermediate_product(j->places[SNP_PLACE_INTERMEDIATE], &vlek);
	if (vlek == wanted)
		return false;
	if (!snp_failed(&j->chain->failure, "chain.intermediate", FETCH_FIX, "%s is the issuer of %s, the report is signed by a %s",
		    j->places[SNP_PLACE_INTERMEDIATE]->subject, vlek ? "VLEKs" : "VCEKs", wanted ? "VLEK" : "VCEK"))
		return false;
	snp_failure_values(&j->chain->failure, j->places[SNP_PLACE_INTERMEDIATE]->subject, wanted ? "SEV-VLEK-%s" : "SEV-%s",
		snp_product_name(j->chain->product));
	return true;
}

static bool step_key(struct judge *j)
{
	return !snp_cert_key_p384(j->places[SNP_PLACE_VEK], j->chain->key) &&
	       snp_failed(&j->chain->failure, "vek.key", FORGED_FIX,
		       "the VEK's key is not on the curve P-384, the only one with which firmware signs");
}

static void fill_windows(struct judge *j)
{
	for (size_t i = 0; i < SNP_PLACES; i++) {
		struct snp_window *window = &j->chain->windows[i];

		memcpy(window->name, j->places[i]->subject, sizeof(window->name));
		window->not_before = j->places[i]->not_before;
		window->not_after = j->places[i]->not_after;
	}
	j->chain->found = true;
}

static int judge_crls(struct judge *j)
{
	const struct snp_certs *certs = j->input->certs;
	struct snp_chain *chain = j->chain;

	for (size_t i = 0; i < certs->count; i++) {
		struct snp_crl crl;
		int r;

		if (certs->items[i].kind != SNP_ITEM_CRL)
			continue;
		r = snp_crl_judge(certs->items[i].der, j->places[SNP_PLACE_ROOT], j->places[SNP_PLACE_INTERMEDIATE], &crl);
		if (r < 0)
			return r;
		if (crl.state == SNP_CRL_OTHER_ISSUER)
			memcpy(chain->crl_other, crl.issuer, sizeof(crl.issuer));
		else if (chain->crl_count == SNP_CRLS_MAX)
			chain->crl_too_many = true;
		else
			chain->crls[chain->crl_count++] = crl;
	}
	return 0;
}

static int judge_steps(struct judge *j)
{
	uint8_t digest[32];
	int r;

	if (step_names(j))
		return 0;
	fill_windows(j);
	if (step_kind(j))
		return 0;
	r = snp_cert_spki(j->places[SNP_PLACE_ROOT], digest);
	if (r < 0)
		return r;
	if (step_pin(j, digest) || step_algorithm(j) || step_ca(j) || step_extensions(j) || step_signature(j) || step_intermediate(j) ||
		step_key(j))
		return 0;
	return judge_crls(j);
}

int snp_chain_judge(const struct snp_verify_input *input, const struct snp_report *report, struct snp_chain *ret)
{
	struct heap heap;
	struct judge judge = {.input = input, .report = report, .chain = ret};
	int r;

	heap.count = 0;
	memset(ret, 0, sizeof(*ret));
	if (input->certs->bad_certificate[0] && snp_failed(&ret->failure, "cert.parse", "give whole certificates, PEM or DER: " FETCH_FIX, "%s",
							input->certs->bad_certificate))
		return 0;
	r = heap_fill(&heap, input, ret);
	if (r < 0 || ret->failure.check)
		return r;
	if (choose(&heap, &judge))
		return 0;
	return judge_steps(&judge);
}
