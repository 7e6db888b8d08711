/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One entry of the configfs-tsm look-alike and its attributes, without the file system around them (tsm_fs.c).
 */
#include <sys/types.h>

#include "sim/firmware.h"

#define TSM_NAME_SIZE 64

struct tsm_entry {
	char name[TSM_NAME_SIZE];
	unsigned references; /* the directory itself, and every open file */
	uint8_t inblob[SIM_REPORT_DATA_SIZE];
	size_t inblob_size;
	unsigned privlevel;
	uint64_t write_generation, read_generation;
	struct buf outblob, auxblob;
};

enum tsm_attribute {
	TSM_GENERATION,
	TSM_PROVIDER,
	TSM_INBLOB,
	TSM_OUTBLOB,
	TSM_AUXBLOB,
	TSM_PRIVLEVEL,
	TSM_PRIVLEVEL_FLOOR,
	TSM_ATTRIBUTE_COUNT
};

struct tsm_attribute_kind {
	const char *name;
	mode_t mode;
	bool binary;
};

extern const struct tsm_attribute_kind tsm_attributes[TSM_ATTRIBUTE_COUNT];

/* One open file: what a read filled, or what writes collected. */
struct tsm_file {
	struct tsm_entry *entry;
	enum tsm_attribute attribute;
	struct buf content;
	bool filled;
	bool wrote;
};

void tsm_entry_unref(struct tsm_entry *entry);

/* read(2), write(2) and close(2): sizes, or -errno as the kernel gives it. */
int tsm_file_read(struct tsm_file *file, const struct sim_source *source, void *to, size_t size, size_t at) MUST_CHECK;
int tsm_file_write(struct tsm_file *file, const struct sim_source *source, const void *data, size_t size, size_t at) MUST_CHECK;
void tsm_file_close(struct tsm_file *file, const struct sim_source *source);
