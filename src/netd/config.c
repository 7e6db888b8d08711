/* SPDX-License-Identifier: Apache-2.0 */
#include "netd/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "io/agent_conf.h"

#define KDS_URL "https://kdsintf.amd.com"
#define KDS_CA "/etc/ssl/certs/ca-certificates.crt" /* AMD's service has a certificate of a public authority; what it gives proves itself */
#define IMDS_URL "http://169.254.169.254"

#define KEY(section, name, type, member, text)                                                                                             \
	{                                                                                                                                  \
		section, name, type, offsetof(struct netd_config, member), 0, 0, text                                                      \
	}

static const struct config_key agent_keys[] = {
	KEY("net", "Socket", CONFIG_TEXT, socket, AGENT_NET_SOCKET),
	KEY("broker", "Url", CONFIG_LIST, broker_urls, NULL),
	KEY("broker", "CA", CONFIG_TEXT, broker_ca, NULL),
	KEY("broker", "BrokerKey", CONFIG_TEXT, broker_key, NULL),
	KEY("kds", "Url", CONFIG_TEXT, kds_url, KDS_URL),
	KEY("kds", "CA", CONFIG_TEXT, kds_ca, KDS_CA),
	KEY("imds", "Url", CONFIG_TEXT, imds_url, IMDS_URL),
};

static const struct config_key broker_keys[] = {
	KEY("net", "Socket", CONFIG_TEXT, socket, "/run/sevattest-broker/net.sock"),
	KEY("kds", "Url", CONFIG_TEXT, kds_url, KDS_URL),
	KEY("kds", "CA", CONFIG_TEXT, kds_ca, KDS_CA),
};

static int add_origin(struct netd_config *config, enum origin_kind kind, const char *name, const char *url, const char *ca, struct error *error)
{
	struct netd_origin *origin = &config->origins[config->origin_count];
	int r;

	if (!url || strcmp(url, "off") == 0)
		return 0;
	r = rules_url(kind, url, error);
	if (r)
		return r;
	if (rules_is_https(url) && (!ca || !*ca))
		return error_set(error, -EINVAL, "%s: CA= is missing: the certification authority that its certificate must have", url);
	(void)snprintf(origin->name, sizeof(origin->name), "%s", name);
	origin->kind = kind;
	origin->url = url;
	origin->ca = rules_is_https(url) ? ca : NULL;
	config->origin_count++;
	return 0;
}

static int add_origins(struct netd_config *config, struct error *error)
{
	char name[16];
	int r = 0;

	if (config->broker_urls.count > NETD_BROKERS_MAX)
		return error_set(error, -EINVAL, "[broker] has more than %d Url= lines", NETD_BROKERS_MAX);
	for (size_t i = 0; i < config->broker_urls.count && !r; i++) {
		(void)snprintf(name, sizeof(name), "broker-%u", (unsigned)(i + 1));
		r = add_origin(config, ORIGIN_BROKER, name, config->broker_urls.items[i], config->broker_ca, error);
	}
	if (!r)
		r = add_origin(config, ORIGIN_KDS, "kds", config->kds_url, config->kds_ca, error);
	return r ? r : add_origin(config, ORIGIN_IMDS, "imds", config->imds_url, NULL, error);
}

int netd_config_read(const char *path, bool agent, struct netd_config *ret, struct error *error)
{
	const struct config_key *keys = agent ? agent_keys : broker_keys;
	struct netd_config config = {.agent = agent};
	int r = agent_conf_read(path, &config, keys, agent ? ARRAY_SIZE(agent_keys) : ARRAY_SIZE(broker_keys), error);

	if (!r) {
		r = add_origins(&config, error);
		if (r)
			error_prefix(error, "%s", path);
	}
	if (r) {
		netd_config_deinit(&config);
		return r;
	}
	*ret = config;
	return 0;
}

void netd_config_drop(struct netd_config *config, size_t at)
{
	config->origin_count--;
	for (size_t i = at; i < config->origin_count; i++)
		config->origins[i] = config->origins[i + 1];
}

void netd_config_deinit(struct netd_config *config)
{
	config_deinit(config, config->agent ? agent_keys : broker_keys, config->agent ? ARRAY_SIZE(agent_keys) : ARRAY_SIZE(broker_keys));
}
