/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"

#define KEY(section, name, type, member, min, max, text)                                                                                   \
	{                                                                                                                                  \
		section, name, type, offsetof(struct broker_config, member), min, max, text                                                \
	}

static const struct config_key keys[] = {
	KEY("broker", "HttpSocket", CONFIG_TEXT, http_socket, 0, 0, "/run/sevattest-broker/http.sock"),
	KEY("broker", "StateDirectory", CONFIG_TEXT, state_directory, 0, 0, "/var/lib/sevattest-broker"),
	KEY("broker", "Store", CONFIG_TEXT, store, 0, 0, NULL), /* store.db in the state directory */
	KEY("broker", "KeyFile", CONFIG_TEXT, key_file, 0, 0, NULL),
	KEY("broker", "CertificateDirectory", CONFIG_TEXT, certificate_directory, 0, 0, "/etc/sevattest/certs"),
	KEY("broker", "CacheDirectory", CONFIG_TEXT, cache_directory, 0, 0, "/var/cache/sevattest"),
	KEY("broker", "CrlDirectory", CONFIG_TEXT, crl_directory, 0, 0, "/etc/sevattest/crls"),
	KEY("broker", "Threads", CONFIG_U64, threads, 0, 256, "0"),
	KEY("broker", "Debug", CONFIG_BOOL, debug, 0, 0, "no"),
	KEY("net", "Socket", CONFIG_TEXT, net_socket, 0, 0, "/run/sevattest-broker/net.sock"),
	KEY("kds", "Url", CONFIG_TEXT, kds_url, 0, 0, "https://kdsintf.amd.com"),
	KEY("kds", "CA", CONFIG_TEXT, kds_ca, 0, 0, NULL),
	KEY("admin", "Socket", CONFIG_TEXT, admin_socket, 0, 0, "/run/sevattest-broker/admin.sock"),
	KEY("admin", "User", CONFIG_LIST, admin_users, 0, 0, NULL),
};

static int default_store(struct broker_config *config)
{
	if (config->store)
		return 0;
	return asprintf(&config->store, "%s/store.db", config->state_directory) < 0 ? -ENOMEM : 0;
}

int broker_config_parse(struct broker_config *ret, const char *name, struct buf *text, struct error *error)
{
	struct broker_config config = {0};
	int r;

	/* Of httpd. A misspelt section is ours: the table refuses it. */
	config_blank(text, "http", false);
	r = config_read(&config, keys, ARRAY_SIZE(keys), name, buf_view(text), error);
	if (!r)
		r = default_store(&config);
	if (r) {
		broker_config_deinit(&config);
		return r;
	}
	*ret = config;
	return 0;
}

int broker_config_read(const char *path, struct broker_config *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = file_read(path, CONFIG_TEXT_MAX, &text, error);

	return r ? r : broker_config_parse(ret, path, &text, error);
}

void broker_config_deinit(struct broker_config *config)
{
	config_deinit(config, keys, ARRAY_SIZE(keys));
}
