/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence-helper/config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "io/agent_conf.h"
#include "provider/provider.h"

#define KEY(name, type, member, min, max, text)                                                                                            \
	{                                                                                                                                  \
		"evidence", name, type, offsetof(struct helper_config, member), min, max, text                                             \
	}

static const struct config_key keys[] = {
	KEY("Provider", CONFIG_TEXT, provider, 0, 0, "auto"),
	KEY("TsmRoot", CONFIG_TEXT, tsm_root, 0, 0, PROVIDER_TSM_ROOT),
	KEY("SevGuest", CONFIG_TEXT, sev_guest, 0, 0, PROVIDER_SEV_GUEST),
	KEY("Vmpl", CONFIG_TEXT, vmpl, 0, 0, "own"),
	KEY("Lock", CONFIG_TEXT, lock, 0, 0, "/run/sevattest-evidence/lock"),
	KEY("User", CONFIG_TEXT, user, 0, 0, "sevattest"),
	KEY("Wait", CONFIG_SECONDS, wait, 1, 600, "90"),
};

int helper_config_read(const char *path, struct helper_config *ret, struct error *error)
{
	struct helper_config config = {.vmpl_number = PROVIDER_VMPL_OWN};
	int r = agent_conf_read(path, &config, keys, ARRAY_SIZE(keys), error);

	if (r)
		return r;
	if (strlen(config.vmpl) == 1 && config.vmpl[0] >= '0' && config.vmpl[0] <= '3')
		config.vmpl_number = config.vmpl[0] - '0';
	else if (strcmp(config.vmpl, "own") != 0) {
		(void)error_set(error, 0, "%s: Vmpl= in section [evidence] is 0 to 3, or own", path);
		helper_config_deinit(&config);
		return -EINVAL;
	}
	*ret = config;
	return 0;
}

void helper_config_deinit(struct helper_config *config)
{
	config_deinit(config, keys, ARRAY_SIZE(keys));
}
