/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/files.h"
#include "io/agent_conf.h"

#define KEY(section, name, type, member, min, max, text)                                                                                   \
	{                                                                                                                                  \
		section, name, type, offsetof(struct httpd_config, member), min, max, text                                                 \
	}

static const struct config_key broker_keys[] = {
	KEY("http", "Listen", CONFIG_TEXT, listen, 0, 0, "127.0.0.1:8080"),
	KEY("http", "Certificate", CONFIG_TEXT, certificate, 0, 0, NULL),
	KEY("http", "PrivateKey", CONFIG_TEXT, private_key, 0, 0, NULL),
	KEY("http", "Broker", CONFIG_TEXT, broker, 0, 0, "/run/sevattest-broker/http.sock"),
	KEY("http", "StatusListen", CONFIG_TEXT, status_listen, 0, 0, "127.0.0.1:9465"),
	KEY("http", "StatusHost", CONFIG_LIST, status_hosts, 0, 0, NULL),
	KEY("http", "Threads", CONFIG_U64, threads, 1, 64, "1"),
	KEY("http", "Connections", CONFIG_U64, connections, 1, 100000, "1000"),
	KEY("http", "ConnectionsPerAddress", CONFIG_U64, connections_per_address, 1, 100000, "64"),
	KEY("http", "RequestsPerSecond", CONFIG_U64, requests_per_second, 0, 1000000, "100"),
	KEY("http", "RequestBurst", CONFIG_U64, request_burst, 1, 1000000, "400"),
	KEY("http", "IdleTimeout", CONFIG_SECONDS, idle_timeout, 1, 3600, "30"),
	KEY("http", "RequestTimeout", CONFIG_SECONDS, request_timeout, 1, 3600, "30"),
	KEY("http", "BrokerTimeout", CONFIG_SECONDS, broker_timeout, 1, 3600, "30"),
};

static const struct config_key agent_keys[] = {
	KEY("status", "Listen", CONFIG_TEXT, status_listen, 0, 0, "127.0.0.1:9464"),
	KEY("status", "Host", CONFIG_LIST, status_hosts, 0, 0, NULL),
	KEY("status", "Socket", CONFIG_TEXT, broker, 0, 0, AGENT_STATUS_SOCKET),
	KEY("status", "Timeout", CONFIG_SECONDS, broker_timeout, 1, 3600, "5"),
};

static int read_broker(const char *path, struct httpd_config *config, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = file_read(path, CONFIG_TEXT_MAX, &text, error);

	if (r)
		return r;
	config_blank(&text, "http", true);
	r = config_read(config, broker_keys, ARRAY_SIZE(broker_keys), path, buf_view(&text), error);
	if (!r && (!config->certificate || !config->private_key))
		r = error_set(error, -EINVAL, "%s: section [http] needs Certificate= and PrivateKey=", path);
	return r;
}

static int read_agent(const char *path, struct httpd_config *config, struct error *error)
{
	int r = agent_conf_read(path, config, agent_keys, ARRAY_SIZE(agent_keys), error);

	if (!r && strcmp(config->status_listen, "off") == 0)
		r = error_set(error, -EINVAL, "%s: [status] Listen=off leaves nothing to do: disable this service instead", path);
	return r;
}

int httpd_config_read(const char *path, bool agent, struct httpd_config *ret, struct error *error)
{
	struct httpd_config config = {.agent = agent};
	int r;

	if (agent)
		r = read_agent(path ? path : AGENT_CONF_FILE, &config, error);
	else
		r = read_broker(path ? path : HTTPD_CONFIG_FILE, &config, error);
	if (r) {
		httpd_config_deinit(&config);
		return r;
	}
	*ret = config;
	return 0;
}

void httpd_config_deinit(struct httpd_config *config)
{
	if (config->agent)
		config_deinit(config, agent_keys, ARRAY_SIZE(agent_keys));
	else
		config_deinit(config, broker_keys, ARRAY_SIZE(broker_keys));
}
