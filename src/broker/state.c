/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/state.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/files.h"
#include "base/secret.h"

#define MAGIC "SEVASTAT"
#define MAGIC_SIZE 8
#define FORMAT 1

struct state_file {
	char path[PATH_MAX];
	struct secret key;
	pthread_mutex_t lock;
	struct state state;
};

int state_encode(struct buf *to, const struct state *state, struct bytes key)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	uint8_t mac[SHA256_SIZE];
	int r;

	r = buf_append_text(&body, MAGIC);
	if (!r)
		r = buf_u32le(&body, FORMAT);
	if (!r)
		r = buf_append(&body, state->id, sizeof(state->id));
	if (!r)
		r = buf_u64le(&body, state->epoch);
	if (!r)
		r = buf_append(&body, state->audit.incarnation, sizeof(state->audit.incarnation));
	if (!r)
		r = buf_u64le(&body, state->audit.sequence);
	if (!r)
		r = buf_append(&body, state->audit.chain, sizeof(state->audit.chain));
	if (!r)
		r = hmac_sha256(mac, key, buf_view(&body));
	if (!r)
		r = buf_append(&body, mac, sizeof(mac));
	return r ? r : buf_append(to, body.data, body.size);
}

int state_decode(struct bytes input, struct bytes key, struct state *ret)
{
	struct state state = {0};
	uint8_t mac[SHA256_SIZE];
	struct reader reader;
	struct bytes magic;
	uint32_t format;
	int r;

	if (input.size != STATE_SIZE)
		return STATE_E_FORMAT;
	r = hmac_sha256(mac, key, bytes_of(input.data, input.size - sizeof(mac)));
	if (r)
		return r;
	if (!bytes_equal_secret(mac, input.data + input.size - sizeof(mac), sizeof(mac)))
		return STATE_E_FORGED;
	reader_init(&reader, bytes_of(input.data, input.size - sizeof(mac)));
	magic = reader_bytes(&reader, MAGIC_SIZE);
	format = reader_u32le(&reader);
	reader_copy(&reader, state.id, sizeof(state.id));
	state.epoch = reader_u64le(&reader);
	reader_copy(&reader, state.audit.incarnation, sizeof(state.audit.incarnation));
	state.audit.sequence = reader_u64le(&reader);
	reader_copy(&reader, state.audit.chain, sizeof(state.audit.chain));
	if (!reader_done(&reader) || memcmp(magic.data, MAGIC, MAGIC_SIZE) != 0 || format != FORMAT)
		return STATE_E_FORMAT;
	*ret = state;
	return 0;
}

static int state_path(const char *directory, char path[static PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/state", directory) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

bool state_exists(const char *directory)
{
	char path[PATH_MAX];

	return state_path(directory, path) == 0 && access(path, F_OK) == 0;
}

static int load(struct state_file *file, struct error *error)
{
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	int r;

	if (access(file->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = file_read(file->path, STATE_SIZE, &content, error);
	if (r)
		return r;
	r = state_decode(buf_view(&content), secret_view(&file->key), &file->state);
	if (r > 0)
		return error_set(error, -EBADMSG, "%s: %s", file->path,
			r == STATE_E_FORGED ? "changed by somebody else, or of another key-encryption key" : "damaged");
	return r;
}

int state_open(const char *directory, struct bytes key, struct state_file **ret, struct error *error)
{
	struct state_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return error_set(error, -ENOMEM, "no memory");
	(void)pthread_mutex_init(&file->lock, NULL);
	r = state_path(directory, file->path);
	if (!r)
		r = secret_copy_in(&file->key, key.data, key.size);
	if (r)
		(void)error_set(error, r, "%s: %s", directory, strerror(-r));
	else
		r = load(file, error);
	if (r) {
		(void)state_close(file);
		return r;
	}
	*ret = file;
	return 0;
}

struct state_file *state_close(struct state_file *file)
{
	if (!file)
		return NULL;
	secret_deinit(&file->key);
	(void)pthread_mutex_destroy(&file->lock);
	free(file);
	return NULL;
}

void state_get(struct state_file *file, struct state *ret)
{
	(void)pthread_mutex_lock(&file->lock);
	*ret = file->state;
	(void)pthread_mutex_unlock(&file->lock);
}

/* With the lock held. */
static int save(struct state_file *file, const struct state *next, struct error *error)
{
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	int r;

	r = state_encode(&content, next, secret_view(&file->key));
	if (r)
		return error_set(error, r, "%s: %s", file->path, strerror(-r));
	r = file_write(file->path, buf_view(&content), 0600, error);
	if (!r)
		file->state = *next;
	return r;
}

int state_set_epoch(struct state_file *file, const uint8_t id[static MANIFEST_ID_SIZE], uint64_t epoch, struct error *error)
{
	struct state next;
	int r;

	(void)pthread_mutex_lock(&file->lock);
	next = file->state;
	memcpy(next.id, id, sizeof(next.id));
	next.epoch = epoch;
	if (epoch < file->state.epoch)
		r = error_set(error, -EINVAL, "%s: the epoch may not go back", file->path);
	else
		r = save(file, &next, error);
	(void)pthread_mutex_unlock(&file->lock);
	return r;
}

int state_set_audit(struct state_file *file, const struct state_audit *audit, struct error *error)
{
	struct state next;
	int r;

	(void)pthread_mutex_lock(&file->lock);
	next = file->state;
	next.audit = *audit;
	r = save(file, &next, error);
	(void)pthread_mutex_unlock(&file->lock);
	return r;
}
