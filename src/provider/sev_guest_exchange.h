/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One report through the requests of /dev/sev-guest: with the host's certificates where it has some, without where they do not fit. Never more
 * than a few requests: the firmware throttles, and a request that is given up can cost the guest its message key until the next boot.
 */
#include "provider/provider.h"
#include "provider/sev_guest_abi.h"

/* The device, or what a test puts in its place. */
struct sev_guest_transport {
	void *context;
	/* ioctl(2): 0, or the errno. */
	int (*call)(void *context, unsigned long command, struct sev_guest_request *request);
	void (*pause)(void *context, unsigned milliseconds);
};

/*
 * Fills `ret`'s report, table and note. 0, PROVIDER_E_*, -ENOMEM, with a sentence. A throttled request is sent again, byte for byte the same,
 * after growing pauses (sev_guest_pause_ms()).
 */
int sev_guest_exchange(const struct sev_guest_transport *transport, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	unsigned vmpl, struct provider_evidence *ret, struct error *error) MUST_CHECK;
