/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How the catalog makes its snapshots; who uses them includes catalog.h. */
#include "broker/catalog.h"

/*
 * Takes over `manifest` (also on failure). Policies that `before` (may be NULL) has at the same version are shared with it. One that does
 * not load is told to `complain` and left out. 0 or -ENOMEM.
 */
int snapshot_new(struct store *store, struct manifest *manifest, const struct snapshot *before, void (*complain)(const char *text),
	struct snapshot **ret) MUST_CHECK;
