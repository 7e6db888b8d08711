/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/files.h"
#include "base/text.h"

#define KEK_PREFIX "sevattest-kek-1:"
#define CHECK_SIZE 4
#define CODED_SIZE 48 /* base64url of 36 bytes */

static const char *const purposes[KEYS_PURPOSES] = {
	[KEYS_RESOURCE] = "sevattest broker resource 1",
	[KEYS_WRAP] = "sevattest broker wrap 1",
	[KEYS_MANIFEST] = "sevattest broker manifest 1",
	[KEYS_STATE] = "sevattest broker state 1",
	[KEYS_AUDIT] = "sevattest broker audit 1",
	[KEYS_SESSION] = "sevattest broker session 1",
};

void keys_deinit(struct keys *keys)
{
	secret_deinit(&keys->kek);
	for (size_t i = 0; i < KEYS_PURPOSES; i++)
		secret_deinit(&keys->of[i]);
}

int keys_init(struct keys *ret, struct secret *kek)
{
	struct keys keys = KEYS_NULL;
	int r = kek->size == KEYS_KEK_SIZE ? 0 : -EINVAL;

	for (size_t i = 0; i < KEYS_PURPOSES && !r; i++)
		r = hkdf_sha256(&keys.of[i], AEAD_KEY_SIZE, secret_view(kek), bytes_of_text(purposes[i]));
	if (r) {
		keys_deinit(&keys);
		return r;
	}
	keys.kek = secret_steal(kek);
	*ret = keys;
	return 0;
}

/* The first bytes of a hash over a label and the key: tells a typing error, says nothing usable about the key. */
static int checksum(uint8_t ret[static CHECK_SIZE], struct bytes kek)
{
	uint8_t mac[SHA256_SIZE];
	int r = hmac_sha256(mac, kek, bytes_of_text("sevattest broker kek checksum 1"));

	if (!r)
		memcpy(ret, mac, CHECK_SIZE);
	return r;
}

int keys_kek_to_text(struct bytes kek, struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf plain = BUF_NULL;
	CLEANUP(buf_deinit) struct buf coded = BUF_NULL;
	uint8_t check[CHECK_SIZE];
	int r;

	r = checksum(check, kek);
	if (!r)
		r = buf_reserve(&plain, KEYS_KEK_SIZE + CHECK_SIZE);
	if (!r)
		r = buf_append(&plain, kek.data, kek.size);
	if (!r)
		r = buf_append(&plain, check, sizeof(check));
	if (!r)
		r = buf_reserve(&coded, KEYS_KEK_TEXT_MAX);
	if (!r)
		r = buf_append_text(&coded, KEK_PREFIX);
	if (!r)
		r = base64_encode(&coded, BASE64_URL, buf_view(&plain));
	if (!r)
		r = buf_append_text(&coded, "\n");
	if (!r)
		r = secret_copy_in(&text, coded.data, coded.size);
	if (!r)
		*ret = secret_steal(&text);
	return r;
}

int keys_kek_from_text(struct bytes text, struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret kek = SECRET_NULL;
	const size_t prefix = sizeof(KEK_PREFIX) - 1;
	uint8_t check[CHECK_SIZE];
	int r;

	if (text.size > 0 && text.data[text.size - 1] == '\n')
		text.size--;
	if (text.size != prefix + CODED_SIZE || memcmp(text.data, KEK_PREFIX, prefix) != 0)
		return KEYS_E_FORMAT;
	r = secret_alloc(&kek, KEYS_KEK_SIZE + CHECK_SIZE);
	if (r)
		return r;
	if (base64_decode_exact(kek.data, kek.size, BASE64_URL, bytes_of(text.data + prefix, CODED_SIZE)))
		return KEYS_E_FORMAT;
	r = checksum(check, bytes_of(kek.data, KEYS_KEK_SIZE));
	if (r)
		return r;
	if (!bytes_equal_secret(check, kek.data + KEYS_KEK_SIZE, CHECK_SIZE))
		return KEYS_E_FORMAT;
	secret_truncate(&kek, KEYS_KEK_SIZE);
	*ret = secret_steal(&kek);
	return 0;
}

int keys_kek_load(const char *path, const char *credentials, struct secret *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	char file[PATH_MAX];
	int r;

	if (!path && !credentials)
		return error_set(error, -ENOENT, "no key-encryption key: neither KeyFile= nor the credential " KEYS_CREDENTIAL);
	if (snprintf(file, sizeof(file), "%s%s", path ? path : credentials, path ? "" : "/" KEYS_CREDENTIAL) >= (int)sizeof(file))
		return error_set(error, -ENAMETOOLONG, "the path of the key-encryption key is too long");
	/* systemd's own directory is for this unit only, whatever its mode says. */
	r = file_read_secret(file, KEYS_KEK_TEXT_MAX, !path, &text, error);
	if (r)
		return r;
	r = keys_kek_from_text(secret_view(&text), ret);
	if (r == KEYS_E_FORMAT)
		return error_set(error, -EINVAL, "%s: not a key-encryption key (\"" KEK_PREFIX "...\"), or mistyped", file);
	return r;
}

/* A link never replaces what is there, and the file has its content and mode before it has its name. */
static int link_into_place(int fd, const char *path)
{
	char from[64];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int sync_directory(const char *directory)
{
	FD_AUTO fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int keys_kek_save(const char *path, struct bytes kek, struct error *error)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	char copy[PATH_MAX];
	const char *directory;
	FD_AUTO fd = -1;
	int r;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return error_set(error, -ENAMETOOLONG, "%s: too long", path);
	directory = dirname(copy);
	r = keys_kek_to_text(kek, &text);
	if (r)
		return error_set(error, r, "%s: %s", path, strerror(-r));
	fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(error, -errno, "%s: %s", directory, strerror(errno));
	r = fd_write_all(fd, secret_view(&text));
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (!r)
		r = link_into_place(fd, path);
	if (!r)
		r = sync_directory(directory);
	return r ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}
