/* SPDX-License-Identifier: Apache-2.0 */
/* Is what stands in /etc/sevattest readable, and does the root file system deserve keys? */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/policy.h"
#include "base/files.h"
#include "base/text.h"
#include "doctor/look.h"
#include "io/volume_conf.h"
#include "jose/jwk.h"

#define KEY(section, name, type, member)                                                                                                   \
	{                                                                                                                                  \
		section, name, type, offsetof(struct look_settings, member), 0, UINT64_MAX, NULL                                           \
	}
#define OTHER(section, name) KEY(section, name, CONFIG_LIST, ignored)

/* Every key of the sections that sevattestd and sevattest-evidence read: a misspelt one is found. What nobody looks at here is not judged further. */
static const struct config_key keys[] = {
	KEY("broker", "Url", CONFIG_LIST, urls),
	KEY("broker", "CA", CONFIG_TEXT, ca),
	KEY("broker", "BrokerKey", CONFIG_TEXT, broker_key),
	KEY("broker", "KeyCheck", CONFIG_LIST, key_checks),
	OTHER("broker", "EvidenceVersion"),
	KEY("agent", "Policy", CONFIG_TEXT, policy),
	KEY("agent", "RootTrust", CONFIG_TEXT, root_trust),
	OTHER("agent", "NetSocket"),
	OTHER("agent", "EvidenceSocket"),
	OTHER("agent", "CredentialsSocket"),
	OTHER("agent", "StatusSocket"),
	OTHER("agent", "LuksSocket"),
	OTHER("agent", "CryptsetupSocket"),
	OTHER("agent", "Volumes"),
	OTHER("agent", "Luks"),
	OTHER("agent", "ControlGroups"),
	OTHER("agent", "KeyAlgorithm"),
	OTHER("agent", "Reattest"),
	OTHER("agent", "RetryMax"),
	OTHER("agent", "StateDirectory"),
	OTHER("agent", "CacheDirectory"),
	OTHER("credentials", "Map"),
	OTHER("credentials", "Prefetch"),
	KEY("evidence", "Provider", CONFIG_TEXT, provider),
	KEY("evidence", "TsmRoot", CONFIG_TEXT, tsm_root),
	KEY("evidence", "SevGuest", CONFIG_TEXT, sev_guest),
	OTHER("evidence", "Vmpl"),
	OTHER("evidence", "Lock"),
	OTHER("evidence", "User"),
	OTHER("evidence", "Wait"),
};

void conf_deinit(struct look *look)
{
	config_deinit(&look->settings, keys, ARRAY_SIZE(keys));
}

static void fail(struct look *look, const char *check, const char *why, const struct error *error, const char *fix)
{
	struct finding *finding = look_failed(look, check);

	finding_actual(finding, "%s", error_text(error));
	finding_why(finding, "%s", why);
	finding_fix(finding, "%s", fix);
}

static void read_settings(struct look *look)
{
	const char *path = look->options->config ? look->options->config : AGENT_CONF_FILE;
	struct error error = ERROR_NULL;
	enum root_trust unused;
	char name[PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", look->root, path);
	if (agent_conf_read(name, &look->settings, keys, ARRAY_SIZE(keys), &error) ||
		root_trust_parse(look->settings.root_trust, &unused, &error)) {
		fail(look, "conf.agent", "sevattestd does not start with it", &error,
			"correct the line that is named; agent.conf(5) has the keys");
		return;
	}
	look->configured = true;
	look_passed(look, "conf.agent", "%s", path);
}

static void look_at_broker(struct look *look)
{
	struct finding *finding;

	if (look->settings.urls.count && look->settings.ca) {
		look_passed(look, "conf.broker", "%s", look->settings.urls.items[0]);
		return;
	}
	finding = look_failed(look, "conf.broker");
	finding_expected(finding, "[broker] Url= and CA=");
	finding_actual(finding, "%s", look->settings.urls.count ? "no CA=" : "no Url=");
	finding_why(finding, "a broker is known by its address and the authority of its certificate, and by nothing else");
	finding_fix(finding, "put Url= and CA= of your broker into section [broker] of %s%s", look->root, AGENT_CONF_FILE);
}

static void look_at_policy(struct look *look)
{
	struct policy *policy = NULL;
	struct error error = ERROR_NULL;
	char *text;

	if (!look->settings.policy)
		return; /* the broker's decides */
	text = look_text(look, look->settings.policy);
	if (!text)
		(void)error_set(&error, -ENOENT, "%s cannot be read", look->settings.policy);
	if (!text || policy_read(bytes_of_text(text), &policy, &error))
		fail(look, "conf.policy", "sevattestd does not start with it", &error,
			"sevattest policy check FILE names the place; or leave Policy= away");
	else
		look_passed(look, "conf.policy", "%s", look->settings.policy);
	policy_free(policy);
	free(text);
}

static int read_jwk(const struct look *look, struct error *error)
{
	char *text = look_text(look, look->settings.broker_key);
	JSON_AUTO object = NULL;
	struct jwk *jwk = NULL;
	int r = text ? json_read(bytes_of_text(text), &object, error)
		     : error_set(error, -ENOENT, "%s cannot be read", look->settings.broker_key);

	if (!r)
		r = jwk_import(json_get_object(object, "jwk") ? json_get_object(object, "jwk") : object, JWK_PUBLIC, &jwk, error);
	jwk_free(jwk);
	free(text);
	return r;
}

/* Every volume without a digest of its own key takes what the network says, unless the broker's signature is demanded. */
static bool all_checked(const struct look *look)
{
	struct config_list volumes = {NULL, 0};
	char directory[PATH_MAX];
	bool all;

	(void)snprintf(directory, sizeof(directory), "%s" VOLUME_CONF_DIRECTORY, look->root);
	if (volume_conf_list(directory, &volumes, NULL))
		return false;
	all = volumes.count > 0 || look->settings.key_checks.count > 0;
	for (size_t i = 0; i < volumes.count && all; i++) {
		CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;

		all = volume_conf_read(directory, volumes.items[i], &conf, NULL) == 0 && conf.has_key_check;
	}
	volume_conf_list_deinit(&volumes);
	return all;
}

static void look_at_pin(struct look *look)
{
	struct error error = ERROR_NULL;

	if (look->settings.broker_key && read_jwk(look, &error)) {
		fail(look, "conf.broker-key", "sevattestd does not start without the key that it is to check releases with", &error,
			"sevattest-broker signing-key show, on the broker, prints it: put it into that file");
	} else if (look->settings.broker_key || all_checked(look)) {
		look_passed(look, "conf.broker-key", "%s", look->settings.broker_key ? look->settings.broker_key : "KeyCheck=");
	} else {
		(void)error_set(&error, 0, "neither BrokerKey= nor KeyCheck=");
		fail(look, "conf.broker-key",
			"a release is encrypted to this machine, but anybody can encrypt: without a pin whoever owns sevattest-netd "
			"chooses the keys",
			&error, "set BrokerKey= in section [broker] to the file that sevattest-broker signing-key show prints");
	}
}

/* What would be true: for a fix. */
static enum root_trust root_trust_seen(const struct look *look)
{
	for (enum root_trust trust = ROOT_TRUST_LUKS; trust <= ROOT_TRUST_PLATFORM; trust++) {
		char shown[ROOT_TRUST_TEXT_MAX];

		if (root_trust_check(look->root, trust, shown, NULL) == 0)
			return trust;
	}
	return ROOT_TRUST_NONE;
}

static void look_at_root(struct look *look)
{
	char shown[ROOT_TRUST_TEXT_MAX];
	enum root_trust stated = ROOT_TRUST_NONE, seen;
	struct error error = ERROR_NULL;
	struct finding *finding;
	int r = root_trust_parse(look->settings.root_trust, &stated, &error);

	if (!r)
		r = root_trust_check(look->root, stated, shown, &error);
	if (r == 0) {
		look_passed(look, "root.trust", "%s: %s", root_trust_name(stated), shown);
		return;
	}
	if (r < 0) {
		look_unknown(look, "root.trust", "%s", error_text(&error));
		return;
	}
	finding = look_failed(look, "root.trust");
	finding_expected(finding, "RootTrust= in [agent], and a root that is what it says");
	finding_actual(finding, "%s", error_text(&error));
	finding_why(finding, "the host owns the disk: keys given to a system whose root it may write are the host's");
	seen = root_trust_seen(look);
	if (seen == ROOT_TRUST_NONE)
		finding_fix(finding,
			"encrypt the root with a key of the broker, or make it dm-verity with its root hash on the measured command line");
	else
		finding_fix(finding, "run: mkdir -p %s%s.d && printf '[agent]\\nRootTrust = %s\\n' >%s%s.d/root-trust.conf", look->root,
			AGENT_CONF_FILE, root_trust_name(seen), look->root, AGENT_CONF_FILE);
}

void room_conf(struct look *look)
{
	/* The source machine may have none yet. */
	if (look->options->platform != DOCTOR_HERE && !look_exists(look, AGENT_CONF_FILE))
		return;
	read_settings(look);
	if (!look->configured)
		return;
	look_at_broker(look);
	look_at_policy(look);
	look_at_pin(look);
	if (look->options->platform == DOCTOR_HERE)
		look_at_root(look);
}
