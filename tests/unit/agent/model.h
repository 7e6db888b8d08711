/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Agents as they could be: attested, in trouble, refused, and full of hostile text. For the tests of what is rendered. */
#include "agent/status_model.h"

#define MODEL_NOW INT64_C(1780272000) /* 2026-06-01T00:00:00Z */
#define MODEL_TIME "2026-06-01T00:00:00Z"

enum model_kind { MODEL_STARTING, MODEL_ATTESTED, MODEL_TROUBLE, MODEL_REFUSED, MODEL_HOSTILE };

/* The texts are static; the verdict is freed by model_deinit(). */
struct model {
	struct agent_status status;
	struct verdict verdict;
	struct agent_status_broker brokers[3];
	struct agent_status_credential credentials[4];
};

void model_init(struct model *model, enum model_kind kind, int64_t now);
void model_deinit(struct model *model);
