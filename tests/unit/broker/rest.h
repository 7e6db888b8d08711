/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A folder of its own for each test, with a fresh store, keys and a state file; and a way into the database past the store. */
#include "broker/keys.h"
#include "broker/state.h"
#include "broker/store.h"

struct rest {
	char folder[64];
	char database[96];
	struct store *store;
	struct keys keys;
	struct state_file *state;
};

void rest_open(struct rest *rest);
/* Closes and opens again, as a restart does. */
void rest_reopen(struct rest *rest);
void rest_close(struct rest *rest); /* removes the folder */
/* What a hostile database does: one SQL statement on the file. */
void rest_tamper(const struct rest *rest, const char *sql);
/* A copy of the database, and back. */
void rest_backup(const struct rest *rest);
void rest_rollback(struct rest *rest);
