/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where evidence comes from: one vtable, a file per interface. `auto` takes the first that works and says why the others were passed over.
 * Providers have no network: a host that hands over no certificates leaves them to whoever asks AMD for them. Every path can be configured.
 *
 * To add one: a file with a `const struct provider`, its row in provider.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

#define PROVIDER_REPORT_DATA_SIZE 64
#define PROVIDER_VMPL_OWN (-1)
#define PROVIDER_TSM_ROOT "/sys/kernel/config/tsm/report"
#define PROVIDER_SEV_GUEST "/dev/sev-guest"
#define PROVIDER_VMPL_FILE "/sys/devices/system/cpu/sev/vmpl" /* the guest's own VMPL, for sev-guest; Linux 6.11 */

/* Outcomes; each comes with a sentence. The programs' exit codes: provider_exit(). */
enum {
	PROVIDER_E_ABSENT = 1, /* not on this machine: `auto` goes on */
	PROVIDER_E_TEMPORARY,  /* busy or interrupted: try again */
	PROVIDER_E_FAILED,     /* it is there and cannot be used; the sentence says what to do */
	PROVIDER_E_WRONG,      /* what it gave is not what was asked for: never use it */
	PROVIDER_E_PASS, /* of collect(): this interface broke, another may work: `auto` goes on. provider_collect() says FAILED instead */
};

struct provider_config {
	const char *name;      /* "auto", "tsm", "sev-guest"; NULL is "auto" */
	const char *tsm_root;  /* NULL: PROVIDER_TSM_ROOT */
	const char *sev_guest; /* NULL: PROVIDER_SEV_GUEST */
	int vmpl;              /* 0..3, or PROVIDER_VMPL_OWN */
};

#define PROVIDER_CONFIG_DEFAULT                                                                                                            \
	{                                                                                                                                  \
		NULL, NULL, NULL, PROVIDER_VMPL_OWN                                                                                        \
	}

/* What came of one request: as received, nothing is verified but that it answers the request. */
struct provider_evidence {
	const char *provider;  /* name of the one that gave it */
	struct buf report;     /* SNP_REPORT_SIZE bytes */
	struct buf cert_table; /* the host's certificate table (GHCB); often empty */
	char note[256];        /* why others were passed over, or what is missing; "" */
};

#define PROVIDER_EVIDENCE_NULL                                                                                                             \
	{                                                                                                                                  \
		NULL, BUF_NULL, BUF_NULL,                                                                                                  \
		{                                                                                                                          \
			0                                                                                                                  \
		}                                                                                                                          \
	}

void provider_evidence_deinit(struct provider_evidence *evidence);

struct provider {
	const char *name;
	/* Cheap and harmless: does it work here? 0, PROVIDER_E_*, -errno. */
	int (*probe)(const struct provider_config *config, struct error *error);
	/* One report over exactly these bytes. Blocks: a host that throttles may hold it for a minute. 0, PROVIDER_E_*, -errno. */
	int (*collect)(const struct provider_config *config, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
		struct provider_evidence *ret, struct error *error);
};

extern const struct provider provider_tsm;
extern const struct provider provider_sev_guest;

/* By `config->name`. -EINVAL for a name that does not exist. */
int provider_collect(const struct provider_config *config, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	struct provider_evidence *ret, struct error *error) MUST_CHECK;

/* enum exit_code for an outcome of provider_collect(). */
int provider_exit(int outcome);
