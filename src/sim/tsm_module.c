/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/tsm_module.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"

#define FILE_MAX ((size_t)4 << 20) /* of outblob-file and auxblob-file */

struct sim_module {
	struct sim_source source;
	int fd;
	pthread_t thread;
	bool running;
	atomic_bool stop;
};

/* A hostile host's answer, if the state names a file. */
static int replace(struct buf *blob, const char *path, struct error *error)
{
	if (!*path)
		return 0;
	buf_deinit(blob);
	return file_read(path, FILE_MAX, blob, error);
}

static int blobs(const struct sim_module *module, struct bytes request, struct buf *report, struct buf *table)
{
	struct error error = ERROR_NULL;
	struct sim_state state;
	struct reader reader;
	uint32_t vmpl, size;
	int r = sim_source_state(&module->source, &state);

	reader_init(&reader, request);
	vmpl = reader_u32le(&reader);
	size = reader_u32le(&reader);
	if (!r)
		r = sim_firmware_tsm(&module->source, &state, vmpl, reader_bytes(&reader, size), report, table);
	if (!r)
		r = replace(report, state.outblob_file, &error);
	if (!r)
		r = replace(table, state.auxblob_file, &error);
	if (*error.text)
		log_error("%s", error_text(&error));
	return r;
}

static int answer(const struct sim_module *module, struct bytes request)
{
	CLEANUP(buf_deinit) struct buf report = BUF_NULL;
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	CLEANUP(buf_deinit) struct buf to = BUF_NULL;
	int result = blobs(module, request, &report, &table), r;

	log_debug("tsmsim: %d, %zu and %zu bytes", result, report.size, table.size);
	if (result) {
		buf_deinit(&report);
		buf_deinit(&table);
	}
	r = buf_u32le(&to, (uint32_t)-result);
	if (!r)
		r = buf_u32le(&to, (uint32_t)report.size);
	if (!r)
		r = buf_u32le(&to, (uint32_t)table.size);
	if (!r)
		r = buf_append(&to, report.data, report.size);
	if (!r)
		r = buf_append(&to, table.data, table.size);
	if (!r && write(module->fd, to.data, to.size) < 0)
		r = -errno; /* the one who asked went away */
	return r;
}

static void *loop(void *context)
{
	struct sim_module *module = context;
	uint8_t request[SIM_MODULE_REQUEST_SIZE];

	while (!atomic_load(&module->stop)) {
		ssize_t size = read(module->fd, request, sizeof(request));
		int r;

		if (size < 0 && errno == EINTR)
			continue;
		if (size != sizeof(request)) {
			log_error("tsmsim: %s", size < 0 ? strerror(errno) : "a short request");
			break;
		}
		r = answer(module, bytes_of(request, sizeof(request)));
		if (r)
			log_warning("tsmsim: the answer was not taken: %s", strerror(-r));
	}
	return NULL;
}

int sim_module_start(const struct sim_source *source, const char *path, struct sim_module **ret, struct error *error)
{
	struct sim_module *module = calloc(1, sizeof(*module));
	int r = 0;

	if (!module)
		return -ENOMEM;
	module->source = *source;
	module->fd = open(path, O_RDWR | O_CLOEXEC);
	if (module->fd < 0)
		r = error_set(
			error, -errno, "%s: %s: it needs the module tests/vm/tsmsim, and one simulator at a time", path, strerror(errno));
	if (!r)
		r = -pthread_create(&module->thread, NULL, loop, module);
	if (r) {
		sim_module_stop(module);
		return r;
	}
	module->running = true;
	*ret = module;
	return 0;
}

void sim_module_stop(struct sim_module *module)
{
	const struct timespec pause = {0, 10 * 1000000L};

	if (!module)
		return;
	if (module->running) {
		atomic_store(&module->stop, true);
		/* A signal ends its read(2), however often it has to be sent until the thread stands in it. */
		while (pthread_tryjoin_np(module->thread, NULL) == EBUSY) {
			(void)pthread_kill(module->thread, SIGUSR1);
			(void)nanosleep(&pause, NULL);
		}
	}
	if (module->fd >= 0)
		(void)close(module->fd);
	free(module);
}
