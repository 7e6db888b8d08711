/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What brokerd has once there is a key-encryption key and an initialised store: the keys, the catalog, the audit, the appraiser. Before
 * `init` there is none, and every request of a guest is answered with 503.
 */
#include <stdbool.h>

#include "base/error.h"
#include "base/secret.h"
#include "broker/appraiser.h"
#include "broker/audit.h"
#include "broker/catalog.h"
#include "broker/config.h"
#include "broker/keys.h"
#include "broker/recent.h"
#include "broker/signing.h"
#include "broker/state.h"
#include "broker/store.h"

struct live {
	struct store *store;
	struct keys keys;
	struct state_file *state;
	struct catalog *catalog;
	struct audit *audit;
	struct signing signing;
	struct appraiser *appraiser;
	struct recent recent;
};

/* Where `live` is seen by all threads; set once. */
struct live_slot {
	const struct broker_config *config;
	const char *credentials; /* $CREDENTIALS_DIRECTORY, or NULL */
	const char *version;
	int64_t started; /* Unix seconds */
	struct live *live;
};

struct live *live_get(struct live_slot *slot);

/*
 * At start: 0 with slot->live set, or unset when nothing was initialised yet. -EBADMSG when store, state and key do not belong together.
 */
int live_start(struct live_slot *slot, struct error *error) MUST_CHECK;
/* For `init`: makes or takes the key-encryption key, fills the store, sets slot->live. -EEXIST when there is something already. */
int live_init(struct live_slot *slot, int64_t now, struct secret *ret_escrow, struct error *error) MUST_CHECK;
/* After all threads but the audit's have ended. */
void live_end(struct live_slot *slot);
