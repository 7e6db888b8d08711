/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * `sevattest doctor`: every precondition of this machine, looked at, each with what to do. A list of rooms (machine, configuration, broker, units, volumes, console,
 * dumps, preflight), each a function that adds findings to one verdict. Looking changes nothing. What is on disk is looked at below a root directory, so that an
 * image can be judged before it boots; the network is always the real one.
 *
 * A `fix` that begins with "run: " is a command for a shell, for exactly this root; any other is for a person. To add a check: a function in its room, and its row
 * in tests/e2e/doctor.sh.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/error.h"
#include "base/finding.h"
#include "io/agent_conf.h"

#define DOCTOR_TEXT_MAX ((size_t)1 << 20) /* of any file that is looked at as text */

enum doctor_platform { DOCTOR_HERE, DOCTOR_AZURE, DOCTOR_AWS, DOCTOR_GCP, DOCTOR_KVM };

struct doctor_options {
	const char *root;              /* NULL: / */
	const char *config;            /* agent.conf, below the root; NULL: AGENT_CONF_FILE */
	enum doctor_platform platform; /* other than HERE: the source machine, before it is moved there */
	int64_t now;                   /* Unix seconds */
	int64_t build_time;            /* no clock is right that is behind it; 0: not known */
};

/* 0 or -EINVAL. */
int doctor_platform_parse(const char *text, enum doctor_platform *ret, struct error *error) MUST_CHECK;

/* Looks at everything. 0, with every finding in *ret; -ENOMEM. */
int doctor_run(const struct doctor_options *options, struct verdict *ret, struct error *error) MUST_CHECK;

/*
 * EXIT_YES when all that is mandatory passed; else by the first that did not: EXIT_USAGE for the configuration's text, EXIT_UNREACHABLE for the broker's
 * network, EXIT_UNSUPPORTED for the machine.
 */
int doctor_exit(const struct verdict *verdict);
