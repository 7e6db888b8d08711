/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev/sev-guest: for kernels without configfs-tsm, and where a host's table of certificates breaks it. Whoever asks holds a lock on the device
 * itself, so that there is one request in flight whatever program it comes from; the kernel would queue a second one behind its own retries.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/files.h"
#include "provider/provider.h"
#include "provider/sev_guest_exchange.h"

#define LOCK_POLL_MS 50
#define LOCK_SECONDS 130 /* a request that the kernel retries for a minute, and we for another */

static void nap(void *context UNUSED, unsigned milliseconds)
{
	struct timespec left = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int device_call(void *context, unsigned long command, struct sev_guest_request *request)
{
	const int *fd = context;

	return ioctl(*fd, command, request) < 0 ? errno : 0;
}

static const char *device_path(const struct provider_config *config)
{
	return config->sev_guest ? config->sev_guest : PROVIDER_SEV_GUEST;
}

static int device_open(const char *path, int *ret_fd, struct error *error)
{
	FD_AUTO fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(error, PROVIDER_E_ABSENT, "%s is not there: `modprobe sev-guest` inside an SEV-SNP guest makes it", path);
	if (fd < 0 && (errno == ENODEV || errno == ENXIO))
		return error_set(error, PROVIDER_E_ABSENT, "%s has no driver behind it: `modprobe sev-guest`", path);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return error_set(error, PROVIDER_E_FAILED, "%s: %s: it belongs to root", path, strerror(errno));
	if (fd < 0 || fstat(fd, &st))
		return error_set(error, PROVIDER_E_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISCHR(st.st_mode))
		return error_set(error, PROVIDER_E_ABSENT, "%s is not a device", path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* The lock goes with the descriptor. */
static int device_lock(const char *path, int fd, struct error *error)
{
	for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += LOCK_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(error, PROVIDER_E_FAILED, "%s: cannot be locked: %s", path, strerror(errno));
		if (waited >= LOCK_SECONDS * 1000)
			return error_set(
				error, PROVIDER_E_TEMPORARY, "%s: another request has been in flight for %d s", path, LOCK_SECONDS);
		nap(NULL, LOCK_POLL_MS);
	}
	return 0;
}

/* Kernels before 6.11 do not say: there is no SVSM that they could run under, so it is 0. */
static unsigned own_vmpl(void)
{
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;

	if (file_read(PROVIDER_VMPL_FILE, 16, &content, NULL) || !content.size || content.data[0] < '0' || content.data[0] > '3')
		return 0;
	return (unsigned)(content.data[0] - '0');
}

static int sev_guest_probe(const struct provider_config *config, struct error *error)
{
	FD_AUTO fd = -1;

	return device_open(device_path(config), &fd, error);
}

static int sev_guest_collect(const struct provider_config *config, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	struct provider_evidence *ret, struct error *error)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct sev_guest_transport transport = {NULL, device_call, nap};
	const char *path = device_path(config);
	FD_AUTO fd = -1;
	int r;

	if (config->vmpl != PROVIDER_VMPL_OWN && (config->vmpl < 0 || config->vmpl > 3))
		return error_set(error, -EINVAL, "a report at VMPL %d cannot be had: there are 0..3", config->vmpl);
	r = device_open(path, &fd, error);
	if (!r)
		r = device_lock(path, fd, error);
	if (r)
		return r;
	transport.context = &fd;
	r = sev_guest_exchange(
		&transport, report_data, config->vmpl == PROVIDER_VMPL_OWN ? own_vmpl() : (unsigned)config->vmpl, &evidence, error);
	if (r) {
		error_prefix(error, "%s", path);
		return r;
	}
	evidence.provider = provider_sev_guest.name;
	*ret = evidence;
	evidence = (struct provider_evidence)PROVIDER_EVIDENCE_NULL;
	return 0;
}

const struct provider provider_sev_guest = {"sev-guest", sev_guest_probe, sev_guest_collect};
