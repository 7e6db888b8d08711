/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "io/agent_conf.h"
#include "io/root_trust.h"
#include "io/volume_conf.h"

#define KEY(section, name, type, member, min, max, text)                                                                                   \
	{                                                                                                                                  \
		section, name, type, offsetof(struct agent_settings, member), min, max, text                                               \
	}

static const struct config_key keys[] = {
	KEY("broker", "Url", CONFIG_LIST, urls, 0, 0, NULL),
	KEY("broker", "CA", CONFIG_TEXT, ca, 0, 0, NULL),
	KEY("broker", "BrokerKey", CONFIG_TEXT, broker_key, 0, 0, NULL),
	KEY("broker", "KeyCheck", CONFIG_LIST, key_checks, 0, 0, NULL),
	KEY("broker", "EvidenceVersion", CONFIG_U64, evidence_version, 0, 2, "1"),
	KEY("agent", "NetSocket", CONFIG_TEXT, net_socket, 0, 0, AGENT_NET_SOCKET),
	KEY("agent", "EvidenceSocket", CONFIG_TEXT, evidence_socket, 0, 0, AGENT_EVIDENCE_SOCKET),
	KEY("agent", "CredentialsSocket", CONFIG_TEXT, credentials_socket, 0, 0, AGENT_CREDENTIALS_SOCKET),
	KEY("agent", "StatusSocket", CONFIG_TEXT, status_socket, 0, 0, AGENT_STATUS_SOCKET),
	KEY("agent", "LuksSocket", CONFIG_TEXT, luks_socket, 0, 0, AGENT_LUKS_SOCKET),
	KEY("agent", "CryptsetupSocket", CONFIG_TEXT, cryptsetup_socket, 0, 0, AGENT_CRYPTSETUP_SOCKET),
	KEY("agent", "Volumes", CONFIG_TEXT, volumes, 0, 0, VOLUME_CONF_DIRECTORY),
	KEY("agent", "Luks", CONFIG_TEXT, luks, 0, 0, "/run/sevattest-luks"),
	KEY("agent", "ControlGroups", CONFIG_TEXT, control_groups, 0, 0, "/sys/fs/cgroup"),
	KEY("agent", "Policy", CONFIG_TEXT, policy, 0, 0, NULL),
	KEY("agent", "KeyAlgorithm", CONFIG_TEXT, key_algorithm, 0, 0, "P-256"),
	KEY("agent", "Reattest", CONFIG_SECONDS, reattest, 1, 604800, "1h"),
	KEY("agent", "RetryMax", CONFIG_SECONDS, retry_max, 1, 3600, "60"),
	KEY("agent", "StateDirectory", CONFIG_TEXT, state_directory, 0, 0, "/run/sevattest-state"),
	KEY("agent", "CacheDirectory", CONFIG_TEXT, cache_directory, 0, 0, "/var/cache/sevattest"),
	KEY("agent", "RootTrust", CONFIG_TEXT, root_trust, 0, 0, NULL),
	KEY("credentials", "Map", CONFIG_LIST, maps, 0, 0, NULL),
	KEY("credentials", "Prefetch", CONFIG_BOOL, prefetch, 0, 0, "yes"),
};

struct agent_config *agent_config_free(struct agent_config *config)
{
	if (!config)
		return NULL;
	config_deinit(&config->settings, keys, ARRAY_SIZE(keys));
	config->broker_key = jwk_free(config->broker_key);
	config->policy = policy_free(config->policy);
	free(config->maps);
	free(config->key_checks);
	free(config);
	return NULL;
}

/* The two words of a line "FIRST SECOND". 0 or -EINVAL. */
static int two_words(const char *line, struct bytes *ret_first, struct bytes *ret_second)
{
	size_t first = strcspn(line, " \t");
	const char *second = line + first + strspn(line + first, " \t");
	size_t size = strcspn(second, " \t");

	if (first == 0 || size == 0 || second[size])
		return -EINVAL;
	*ret_first = bytes_of(line, first);
	*ret_second = bytes_of(second, size);
	return 0;
}

static int resource_of(char to[static KBS_RESOURCE_MAX + 1], struct bytes text)
{
	char name[KBS_RESOURCE_MAX + 16];

	if (text.size >= sizeof(name))
		return -EINVAL;
	memcpy(name, text.data, text.size);
	name[text.size] = 0;
	return kbs_resource_from_text(to, name);
}

/* "UNIT/ID REPOSITORY/TYPE/TAG" */
static int parse_map(struct agent_map *to, const char *line)
{
	struct bytes name, resource, unit, id;
	const uint8_t *slash;

	if (two_words(line, &name, &resource))
		return -EINVAL;
	slash = memchr(name.data, '/', name.size);
	if (!slash)
		return -EINVAL;
	unit = bytes_of(name.data, (size_t)(slash - name.data));
	id = bytes_of(slash + 1, name.size - unit.size - 1);
	if (!unit_name_valid(unit) || !unit_credential_valid(id) || resource_of(to->resource, resource))
		return -EINVAL;
	memcpy(to->unit, unit.data, unit.size);
	to->unit[unit.size] = 0;
	memcpy(to->id, id.data, id.size);
	to->id[id.size] = 0;
	return 0;
}

static int read_maps(struct agent_config *config, struct error *error)
{
	const struct config_list *list = &config->settings.maps;

	if (!list->count)
		return 0;
	config->maps = calloc(list->count, sizeof(*config->maps));
	if (!config->maps)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		struct agent_map *map = &config->maps[i];

		if (parse_map(map, list->items[i]))
			return error_set(error, -EINVAL, "[credentials] Map=%s: written UNIT/ID REPOSITORY/TYPE/TAG", list->items[i]);
		if (agent_config_resource(config, map->unit, map->id))
			return error_set(error, -EINVAL, "[credentials] Map=%s: %s/%s is mapped twice", list->items[i], map->unit, map->id);
		config->map_count++;
	}
	return 0;
}

/* "REPOSITORY/TYPE/TAG SHA256" */
static int parse_key_check(struct agent_key_check *to, const char *line)
{
	char hex[2 * SHA256_SIZE + 1];
	struct bytes resource, digest;

	if (two_words(line, &resource, &digest) || digest.size != 2 * SHA256_SIZE || resource_of(to->resource, resource))
		return -EINVAL;
	memcpy(hex, digest.data, digest.size);
	hex[digest.size] = 0;
	return hex_decode(to->digest, sizeof(to->digest), hex);
}

static int read_key_checks(struct agent_config *config, struct error *error)
{
	const struct config_list *list = &config->settings.key_checks;

	if (!list->count)
		return 0;
	config->key_checks = calloc(list->count, sizeof(*config->key_checks));
	if (!config->key_checks)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		if (parse_key_check(&config->key_checks[i], list->items[i]))
			return error_set(error, -EINVAL, "[broker] KeyCheck=%s: written REPOSITORY/TYPE/TAG and 64 hex digits", list->items[i]);
		if (agent_config_key_check(config, config->key_checks[i].resource))
			return error_set(error, -EINVAL, "[broker] KeyCheck=%s: the resource has one already", list->items[i]);
		config->key_check_count++;
	}
	return 0;
}

/* A JWK, or an object whose member `jwk` is one, as `sevattest-broker signing-key show --json` prints it. */
static int read_broker_key(struct agent_config *config, struct error *error)
{
	const char *path = config->settings.broker_key;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct json_object *inner;
	JSON_AUTO object = NULL;
	int r;

	if (!path)
		return 0;
	r = file_read(path, JWK_TEXT_MAX, &text, error);
	if (!r)
		r = json_read(buf_view(&text), &object, error);
	inner = json_get_object(object, "jwk");
	if (!r)
		r = jwk_import(inner ? inner : object, JWK_PUBLIC, &config->broker_key, error);
	if (!r && jwk_alg(config->broker_key) != JWK_ES256)
		r = error_set(error, JWK_E_ALG, "not a key that signs (ES256)");
	if (r)
		error_prefix(error, "[broker] BrokerKey=%s", path);
	return r > 0 ? -EINVAL : r;
}

static int read_policy(struct agent_config *config, struct error *error)
{
	const char *path = config->settings.policy;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	if (!path)
		return 0;
	r = file_read(path, POLICY_TEXT_MAX, &text, error);
	if (!r)
		r = policy_read(buf_view(&text), &config->policy, error);
	if (r)
		error_prefix(error, "[agent] Policy=%s", path);
	return r;
}

static int read_key_kind(struct agent_config *config, struct error *error)
{
	static const struct {
		const char *name;
		enum jwk_kind kind;
	} kinds[] = {{"P-256", JWK_P256}, {"P-521", JWK_P521}, {"RSA", JWK_RSA}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, config->settings.key_algorithm) == 0) {
			config->key_kind = kinds[i].kind;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "[agent] KeyAlgorithm=%s: P-256, P-521 or RSA", config->settings.key_algorithm);
}

static int check(const struct agent_config *config, struct error *error)
{
	const struct config_list *urls = &config->settings.urls;
	enum root_trust root_trust;

	if (root_trust_parse(config->settings.root_trust, &root_trust, error)) {
		error_prefix(error, "[agent]");
		return -EINVAL;
	}
	if (urls->count == 0)
		return error_set(error, -EINVAL, "[broker] Url= says where the key broker is, and none is given");
	if (urls->count > AGENT_BROKERS_MAX)
		return error_set(error, -EINVAL, "[broker] Url=: at most %d brokers", AGENT_BROKERS_MAX);
	return 0;
}

int agent_config_new(const char *path, struct agent_config **ret, struct error *error)
{
	static int (*const steps[])(struct agent_config *config, struct error *error) = {
		read_key_kind, read_maps, read_key_checks, read_broker_key, read_policy};
	CLEANUP(agent_config_freep) struct agent_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	r = agent_conf_read(path, &config->settings, keys, ARRAY_SIZE(keys), error);
	if (!r)
		r = check(config, error);
	for (size_t i = 0; !r && i < ARRAY_SIZE(steps); i++)
		r = steps[i](config, error);
	if (r)
		return r;
	*ret = config;
	config = NULL;
	return 0;
}

const char *agent_config_resource(const struct agent_config *config, const char *unit, const char *id)
{
	for (size_t i = 0; i < config->map_count; i++) {
		const struct agent_map *map = &config->maps[i];

		if (strcmp(map->unit, unit) == 0 && strcmp(map->id, id) == 0)
			return map->resource;
	}
	return NULL;
}

const uint8_t *agent_config_key_check(const struct agent_config *config, const char *resource)
{
	for (size_t i = 0; i < config->key_check_count; i++) {
		if (strcmp(config->key_checks[i].resource, resource) == 0)
			return config->key_checks[i].digest;
	}
	return NULL;
}

void agent_config_warn(const struct agent_config *config)
{
	for (size_t i = 0; i < config->map_count && !config->broker_key; i++) {
		const struct agent_map *map = &config->maps[i];

		if (!agent_config_key_check(config, map->resource))
			log_warning("%s/%s: neither BrokerKey= nor a KeyCheck= for %s: whoever owns sevattest-netd chooses this key", map->unit, map->id,
				map->resource);
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

/* Policy and key are files: what is in them may have changed, so the session is made anew whenever there is one of them. */
bool agent_config_same_source(const struct agent_config *a, const struct agent_config *b)
{
	return !a->policy && !b->policy && !a->broker_key && !b->broker_key && a->key_kind == b->key_kind &&
	       same_list(&a->settings.urls, &b->settings.urls) && same_list(&a->settings.key_checks, &b->settings.key_checks) &&
	       same_text(a->settings.net_socket, b->settings.net_socket) &&
	       same_text(a->settings.evidence_socket, b->settings.evidence_socket);
}
