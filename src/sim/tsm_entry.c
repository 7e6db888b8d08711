/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it copies the kernel (fs/configfs/file.c, drivers/virt/coco/guest/report.c):
 * - text attributes: each write(2) is one store, whatever the offset; binary attributes: write(2) collects and close(2) stores, its result
 *   discarded;
 * - every accepted store moves the write generation; a read of outblob or auxblob makes one firmware request per generation and serves both
 *   from it.
 */
#include "sim/tsm_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/log.h"

#define TEXT_ATTRIBUTE_MAX 4095
#define OUTBLOB_MAX ((size_t)32 << 10) /* TSM_REPORT_OUTBLOB_MAX of 6.7 */
#define FILE_MAX ((size_t)4 << 20)     /* of outblob-file and auxblob-file */

const struct tsm_attribute_kind tsm_attributes[TSM_ATTRIBUTE_COUNT] = {
	[TSM_GENERATION] = {"generation", 0444, false},
	[TSM_PROVIDER] = {"provider", 0444, false},
	[TSM_INBLOB] = {"inblob", 0200, true},
	[TSM_OUTBLOB] = {"outblob", 0444, true},
	[TSM_AUXBLOB] = {"auxblob", 0444, true},
	[TSM_PRIVLEVEL] = {"privlevel", 0200, false},
	[TSM_PRIVLEVEL_FLOOR] = {"privlevel_floor", 0444, false},
};

void tsm_entry_unref(struct tsm_entry *entry)
{
	if (--entry->references)
		return;
	buf_deinit(&entry->outblob);
	buf_deinit(&entry->auxblob);
	free(entry);
}

/* A hostile host's answer: no limit of the kernel's holds for it. */
static int read_file(struct tsm_file *file, const char *path)
{
	struct error error = ERROR_NULL;
	int r = file_read(path, FILE_MAX, &file->content, &error);

	if (r)
		log_error("%s", error_text(&error));
	return r;
}

/* tsm_report_read(): one request per generation. */
static int read_blob(struct tsm_file *file, const struct sim_source *source, const struct sim_state *state)
{
	struct tsm_entry *entry = file->entry;
	const char *instead = file->attribute == TSM_OUTBLOB ? state->outblob_file : state->auxblob_file;
	const struct buf *blob = file->attribute == TSM_OUTBLOB ? &entry->outblob : &entry->auxblob;
	int r;

	if (!entry->inblob_size)
		return -EINVAL;
	if (entry->read_generation != entry->write_generation) {
		r = sim_firmware_tsm(
			source, state, entry->privlevel, bytes_of(entry->inblob, entry->inblob_size), &entry->outblob, &entry->auxblob);
		if (r)
			return r;
		entry->read_generation = entry->write_generation;
	}
	if (file->attribute == TSM_AUXBLOB && state->auxblob_error)
		return -state->auxblob_error;
	if (*instead)
		return read_file(file, instead);
	if (blob->size > OUTBLOB_MAX)
		return -EFBIG;
	return buf_append(&file->content, blob->data, blob->size);
}

static int fill(struct tsm_file *file, const struct sim_source *source)
{
	struct sim_state state;
	int r = sim_source_state(source, &state);

	if (r)
		return r;
	switch (file->attribute) {
	case TSM_GENERATION:
		return buf_printf(&file->content, "%llu\n", (unsigned long long)file->entry->write_generation);
	case TSM_PROVIDER:
		return buf_printf(&file->content, "%s\n", state.provider);
	case TSM_PRIVLEVEL_FLOOR:
		return buf_printf(&file->content, "%u\n", state.privlevel_floor);
	default:
		return read_blob(file, source, &state);
	}
}

int tsm_file_read(struct tsm_file *file, const struct sim_source *source, void *to, size_t size, size_t at)
{
	size_t take;
	int r;

	if (file->wrote)
		return -ETXTBSY;
	if (!file->filled) {
		r = fill(file, source);
		if (r)
			return r;
		file->filled = true;
	}
	if (at >= file->content.size)
		return 0;
	take = file->content.size - at < size ? file->content.size - at : size;
	memcpy(to, file->content.data + at, take);
	return (int)take;
}

static int advance(struct tsm_entry *entry, uint64_t by)
{
	if (entry->write_generation + 1 == entry->read_generation)
		return -EBUSY; /* 2^64 writes later */
	entry->write_generation += by;
	return 0;
}

/* kstrtouint(): any base by prefix, one newline at the end. */
static int store_privlevel(struct tsm_file *file, const struct sim_source *source, const char *data, size_t size)
{
	char text[32], *end;
	struct sim_state state;
	unsigned long value;
	int r = sim_source_state(source, &state);

	if (r)
		return r;
	if (size && data[size - 1] == '\n')
		size--;
	if (!size || size >= sizeof(text) || data[0] < '0' || data[0] > '9')
		return -EINVAL;
	memcpy(text, data, size);
	text[size] = 0;
	value = strtoul(text, &end, 0);
	if (*end || value > 3 || value < state.privlevel_floor)
		return -EINVAL;
	r = advance(file->entry, 1);
	if (!r)
		file->entry->privlevel = (unsigned)value;
	return r;
}

int tsm_file_write(struct tsm_file *file, const struct sim_source *source, const void *data, size_t size, size_t at)
{
	int r;

	if (file->attribute == TSM_PRIVLEVEL) {
		r = store_privlevel(file, source, data, size < TEXT_ATTRIBUTE_MAX ? size : TEXT_ATTRIBUTE_MAX);
		return r ? r : (int)size;
	}
	if (file->filled)
		return -ETXTBSY;
	if (at != file->content.size)
		return -EINVAL;
	file->wrote = true; /* before the size is looked at: what is too long stores nothing at all, and counts */
	if (at + size > SIM_REPORT_DATA_SIZE)
		return -EFBIG;
	r = buf_append(&file->content, data, size);
	return r ? r : (int)size;
}

/* close(2). What the store says is lost, as in the kernel: the result of this function goes to nobody. */
void tsm_file_close(struct tsm_file *file, const struct sim_source *source)
{
	struct sim_state state;

	if (!file->wrote || file->attribute != TSM_INBLOB)
		return;
	file->wrote = false;
	if (sim_source_state(source, &state) || state.inblob_lost || advance(file->entry, 1 + (uint64_t)state.generation_skip))
		return;
	if (file->content.size)
		memcpy(file->entry->inblob, file->content.data, file->content.size);
	file->entry->inblob_size = file->content.size;
	return;
}
