/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/config.h"

#include <errno.h>
#include <stddef.h>

#include "base/config.h"
#include "base/files.h"

#define KEY(name, type, member, min, max, text)                                                                                            \
	{                                                                                                                                  \
		"http", name, type, offsetof(struct httpd_config, member), min, max, text                                                  \
	}

static const struct config_key keys[] = {
	KEY("Listen", CONFIG_TEXT, listen, 0, 0, "127.0.0.1:8080"),
	KEY("Certificate", CONFIG_TEXT, certificate, 0, 0, NULL),
	KEY("PrivateKey", CONFIG_TEXT, private_key, 0, 0, NULL),
	KEY("Broker", CONFIG_TEXT, broker, 0, 0, "/run/sevattest-broker/http.sock"),
	KEY("StatusListen", CONFIG_TEXT, status_listen, 0, 0, "127.0.0.1:9465"),
	KEY("Threads", CONFIG_U64, threads, 1, 64, "1"),
	KEY("Connections", CONFIG_U64, connections, 1, 100000, "1000"),
	KEY("ConnectionsPerAddress", CONFIG_U64, connections_per_address, 1, 100000, "64"),
	KEY("RequestsPerSecond", CONFIG_U64, requests_per_second, 0, 1000000, "100"),
	KEY("RequestBurst", CONFIG_U64, request_burst, 1, 1000000, "400"),
	KEY("IdleTimeout", CONFIG_SECONDS, idle_timeout, 1, 3600, "30"),
	KEY("RequestTimeout", CONFIG_SECONDS, request_timeout, 1, 3600, "30"),
	KEY("BrokerTimeout", CONFIG_SECONDS, broker_timeout, 1, 3600, "30"),
};

int httpd_config_read(const char *path, struct httpd_config *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct httpd_config config = {0};
	int r;

	r = file_read(path, CONFIG_TEXT_MAX, &text, error);
	if (r)
		return r;
	config_blank(&text, "http", true);
	r = config_read(&config, keys, ARRAY_SIZE(keys), path, buf_view(&text), error);
	if (!r && (!config.certificate || !config.private_key))
		r = error_set(error, -EINVAL, "%s: section [http] needs Certificate= and PrivateKey=", path);
	if (r) {
		httpd_config_deinit(&config);
		return r;
	}
	*ret = config;
	return 0;
}

void httpd_config_deinit(struct httpd_config *config)
{
	config_deinit(config, keys, ARRAY_SIZE(keys));
}
