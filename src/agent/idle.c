/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/idle.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define QUIET_MS 1000

struct idle {
	sd_event *event;
	sd_event_source *timer;
};

int idle_new(sd_event *event, struct idle **ret)
{
	struct idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return -ENOMEM;
	idle->event = sd_event_ref(event);
	*ret = idle;
	return 0;
}

struct idle *idle_free(struct idle *idle)
{
	if (!idle)
		return NULL;
	idle->timer = sd_event_source_disable_unref(idle->timer);
	sd_event_unref(idle->event);
	free(idle);
	return NULL;
}

/* Only what is mapped from a file and cannot have been written: text and constants. They are read from the file again. */
static int give_back(struct dl_phdr_info *info, size_t size, void *context)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)context;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t begin = (uintptr_t)info->dlpi_addr + part->p_vaddr;
		uintptr_t end = (begin + part->p_memsz + page - 1) & ~(page - 1);

		begin &= ~(page - 1);
		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

static int on_quiet(sd_event_source *source, uint64_t usec, void *context)
{
	struct idle *idle = context;

	(void)source;
	(void)usec;
	idle->timer = sd_event_source_disable_unref(idle->timer);
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(give_back, NULL);
	return 0;
}

void idle_touch(struct idle *idle)
{
	idle->timer = sd_event_source_disable_unref(idle->timer);
	(void)sd_event_add_time_relative(idle->event, &idle->timer, CLOCK_MONOTONIC, (uint64_t)QUIET_MS * 1000, 100000, on_quiet, idle);
}
