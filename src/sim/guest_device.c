/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel asks the server of such a device in rounds: the server says which memory of the caller it wants to read and write, and is asked
 * again with what was read. The first round knows the number of the request and one address; the second brings the structure at that address,
 * with further addresses in it; the third those; the fourth has room for what is written back. A negative result of the last becomes the
 * caller's errno, and the outputs are copied all the same: so "the table is too small" is told as the kernel tells it.
 */
#define FUSE_USE_VERSION 31
#include "sim/guest_device.h"

#include <errno.h>
#include <fuse3/cuse_lowlevel.h>
#include <fuse3/fuse_opt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define GET_REPORT 0xC0205300U
#define GET_DERIVED_KEY 0xC0205301U
#define GET_EXTENDED_REPORT 0xC0205302U
#define HEAD_SIZE 32 /* struct snp_guest_request_ioctl */
#define EXTENDED_SIZE 112
#define NODE_WAIT_MS 10000
#define SPANS_MAX 4

struct sim_guest_device {
	struct sim_driver driver;
	struct fuse_session *session;
	pthread_t thread;
	bool running;
};

/* What the caller's structures say. */
struct call {
	unsigned command;
	uint8_t head[HEAD_SIZE];
	uint8_t message[EXTENDED_SIZE];
	size_t message_size, response_size;
	uint64_t message_at, response_at, table_at;
	uint32_t table_size;
};

static uint64_t get(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 | from[i];
	return value;
}

static void put32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static struct iovec span(uint64_t address, size_t size)
{
	return (struct iovec){(void *)(uintptr_t)address, size}; /* NOLINT: an address of the caller's, never ours */
}

static int sizes_of(struct call *call)
{
	switch (call->command) {
	case GET_REPORT:
		call->message_size = SIM_REPORT_REQUEST_SIZE;
		call->response_size = SIM_RESPONSE_SIZE;
		return 0;
	case GET_DERIVED_KEY:
		call->message_size = SIM_KEY_REQUEST_SIZE;
		call->response_size = SIM_KEY_RESPONSE_SIZE;
		return 0;
	case GET_EXTENDED_REPORT:
		call->message_size = EXTENDED_SIZE;
		call->response_size = SIM_RESPONSE_SIZE;
		return 0;
	default:
		return -ENOTTY;
	}
}

/* Version 0 and null pointers are refused before anything else. */
static int head_read(struct call *call, const uint8_t *in)
{
	memcpy(call->head, in, HEAD_SIZE);
	call->message_at = get(in + 8, 8);
	call->response_at = get(in + 16, 8);
	return !in[0] || !call->message_at || !call->response_at ? -EINVAL : 0;
}

static void message_read(struct call *call, const uint8_t *in)
{
	memcpy(call->message, in, call->message_size);
	if (call->command != GET_EXTENDED_REPORT)
		return;
	call->table_at = get(in + 96, 8);
	call->table_size = (uint32_t)get(in + 104, 4);
	if (!call->table_at || !call->table_size) { /* no certificates wanted */
		call->table_at = 0;
		call->table_size = 0;
	}
}

/* All that may be written back, in the order of finish()'s buffer. */
static size_t outputs(const struct call *call, uint64_t argument, struct iovec spans[static SPANS_MAX])
{
	size_t count = 0;

	spans[count++] = span(argument, HEAD_SIZE);
	spans[count++] = span(call->message_at, call->message_size);
	spans[count++] = span(call->response_at, call->response_size);
	if (call->table_at)
		spans[count++] = span(call->table_at, call->table_size);
	return count;
}

static int append_zeros(struct buf *to, size_t until)
{
	static const uint8_t zeros[4096];

	while (to->size < until) {
		size_t size = until - to->size < sizeof(zeros) ? until - to->size : sizeof(zeros);

		if (buf_append(to, zeros, size))
			return -ENOMEM;
	}
	return 0;
}

/* The response, and the buffer for certificates with zeros behind them. */
static int answer_append(struct buf *to, const struct call *call, const struct sim_request *request)
{
	size_t end = to->size + call->response_size + call->table_size;
	int r = buf_append(to, request->response, call->response_size);

	if (!r && call->table_at)
		r = buf_append(to, request->table.data, request->table.size);
	return r ? r : append_zeros(to, end);
}

/* The caller's memory after the request. */
static int finish(fuse_req_t req, struct sim_guest_device *device, struct call *call)
{
	struct sim_request request = {.wants_key = call->command == GET_DERIVED_KEY,
		.wants_table = call->table_at != 0,
		.message = bytes_of(call->message, call->message_size),
		.table_size = call->table_size};
	CLEANUP(buf_deinit) struct buf to = BUF_NULL;
	int result = sim_driver_request(&device->driver, &request), r;

	log_debug("sev-guest: request %x: %d, firmware 0x%x, hypervisor 0x%x", call->command, result, request.firmware_error,
		request.vmm_error);
	if (result) { /* otherwise the numbers stay as the caller left them */
		put32(call->head + 24, request.firmware_error);
		put32(call->head + 28, request.vmm_error);
	}
	if (call->table_at && result)
		put32(call->message + 104, request.table_size);
	r = buf_append(&to, call->head, HEAD_SIZE);
	if (!r)
		r = buf_append(&to, call->message, call->message_size);
	if (!r && !result) /* a failed request leaves both as they are */
		r = answer_append(&to, call, &request);
	buf_deinit(&request.table);
	return r ? r : fuse_reply_ioctl(req, result, to.data, to.size);
}

static int round_of(fuse_req_t req, struct call *call, uint64_t argument, const uint8_t *in, size_t in_size, size_t out_size)
{
	struct iovec wanted[2] = {span(argument, HEAD_SIZE)}, written[SPANS_MAX];
	int r = sizes_of(call);

	if (r)
		return r;
	if (in_size < HEAD_SIZE)
		return fuse_reply_ioctl_retry(req, wanted, 1, NULL, 0);
	r = head_read(call, in);
	if (r)
		return r;
	wanted[1] = span(call->message_at, call->message_size);
	if (in_size < HEAD_SIZE + call->message_size)
		return fuse_reply_ioctl_retry(req, wanted, 2, NULL, 0);
	message_read(call, in + HEAD_SIZE);
	if (!out_size)
		return fuse_reply_ioctl_retry(req, wanted, 2, written, outputs(call, argument, written));
	return finish(req, fuse_req_userdata(req), call);
}

static void device_ioctl(fuse_req_t req, int command, void *argument, struct fuse_file_info *info UNUSED, unsigned flags, const void *in,
	size_t in_size, size_t out_size)
{
	struct call call = {.command = (unsigned)command};
	int r = flags & FUSE_IOCTL_COMPAT ? -ENOSYS : round_of(req, &call, (uint64_t)(uintptr_t)argument, in, in_size, out_size);

	if (r)
		(void)fuse_reply_err(req, -r);
}

static void device_open(fuse_req_t req, struct fuse_file_info *info)
{
	(void)fuse_reply_open(req, info);
}

static const struct cuse_lowlevel_ops operations = {.open = device_open, .ioctl = device_ioctl};

static void *loop(void *context)
{
	struct sim_guest_device *device = context;

	(void)fuse_session_loop(device->session);
	return NULL;
}

static void nap(void)
{
	const struct timespec pause = {0, 10 * 1000000L};

	(void)nanosleep(&pause, NULL);
}

static int session_open(struct sim_guest_device *device, const char *name, struct error *error)
{
	char program[] = "sevattest-sim", foreground[] = "-f", node[80];
	char *arguments[] = {program, foreground, NULL};
	const char *info_arguments[] = {node};
	const struct cuse_info info = {.dev_info_argc = 1, .dev_info_argv = info_arguments, .flags = CUSE_UNRESTRICTED_IOCTL};
	int threads;

	(void)snprintf(node, sizeof(node), "DEVNAME=%s", name);
	if (access("/dev/cuse", R_OK | W_OK))
		return error_set(error, -errno, "/dev/cuse cannot be opened (%s): modprobe cuse, as root", strerror(errno));
	device->session = cuse_lowlevel_setup(2, arguments, &info, &operations, &threads, device);
	if (!device->session)
		return error_set(error, -EIO, "CUSE refuses /dev/%s", name);
	fuse_remove_signal_handlers(device->session); /* signals are the main thread's */
	return 0;
}

static int wait_for_node(const char *name, struct error *error)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	for (unsigned waited = 0; access(path, F_OK); waited += 10) {
		if (waited >= NODE_WAIT_MS)
			return error_set(error, -EIO, "%s does not appear: is there a device of that name already?", path);
		nap();
	}
	return 0;
}

int sim_guest_device_start(const struct sim_source *source, const char *name, struct sim_guest_device **ret, struct error *error)
{
	struct sim_guest_device *device;
	int r;

	if (!*name || strlen(name) > 32 || strchr(name, '/'))
		return error_set(error, -EINVAL, "\"%s\" is no name for a device", name);
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	device->driver.source = *source;
	(void)pthread_mutex_init(&device->driver.lock, NULL);
	r = session_open(device, name, error);
	if (!r)
		r = -pthread_create(&device->thread, NULL, loop, device);
	device->running = device->session && !r;
	if (!r)
		r = wait_for_node(name, error);
	if (r) {
		sim_guest_device_stop(device);
		return r;
	}
	*ret = device;
	return 0;
}

void sim_guest_device_stop(struct sim_guest_device *device)
{
	if (!device)
		return;
	if (device->running) {
		fuse_session_exit(device->session);
		/* A signal ends its read(2), however often it has to be sent until the thread stands in it. */
		while (pthread_tryjoin_np(device->thread, NULL) == EBUSY) {
			(void)pthread_kill(device->thread, SIGUSR1);
			nap();
		}
	}
	if (device->session)
		fuse_session_destroy(device->session);
	(void)pthread_mutex_destroy(&device->driver.lock);
	free(device);
}
