/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/files.h"
#include "base/text.h"
#include "io/fetch.h"

#define KDS_PATH_MAX 512 /* a VCEK path has about 220 characters */
#define KDS_TOTAL_MS 30000

struct kds {
	struct fetcher *fetcher;
	char *base_url;
	char *cache_dir;
};

int kds_new(const struct kds_config *config, struct kds **ret, struct error *error)
{
	struct fetch_config fetch_config = {
		.ca_file = config->ca_file,
		.allow_http = config->allow_http,
		.total_timeout_ms = config->total_timeout_ms ? config->total_timeout_ms : KDS_TOTAL_MS,
		.body_max = KDS_ANSWER_MAX,
	};
	CLEANUP(kds_freep) struct kds *kds = calloc(1, sizeof(*kds));
	int r;

	if (!kds)
		return -ENOMEM;
	kds->base_url = strdup(config->base_url ? config->base_url : KDS_BASE_URL);
	kds->cache_dir = config->cache_dir ? strdup(config->cache_dir) : NULL;
	if (!kds->base_url || (config->cache_dir && !kds->cache_dir))
		return -ENOMEM;
	if (kds->cache_dir && mkdir(kds->cache_dir, 0755) < 0 && errno != EEXIST)
		return error_set(error, -errno, "%s: %s", kds->cache_dir, strerror(errno));
	r = fetch_new(&fetch_config, &kds->fetcher, error);
	if (r)
		return r;
	*ret = kds;
	kds = NULL;
	return 0;
}

struct kds *kds_free(struct kds *kds)
{
	if (!kds)
		return NULL;
	(void)fetch_free(kds->fetcher);
	free(kds->base_url);
	free(kds->cache_dir);
	free(kds);
	return NULL;
}

/* The file of a cached object: a digest of its whole URL, so that two mirrors never mix and no path of anyone's becomes a file name. */
static int cache_file(const struct kds *kds, const char *path, char *to, size_t to_size)
{
	CLEANUP(buf_deinit) struct buf url = BUF_NULL;
	char hex[2 * SHA256_SIZE + 1];
	uint8_t digest[SHA256_SIZE];
	int r;

	r = buf_printf(&url, "%s%s", kds->base_url, path);
	if (!r)
		r = sha256(digest, buf_view(&url));
	if (r)
		return r;
	hex_encode(hex, digest, sizeof(digest));
	r = snprintf(to, to_size, "%s/kds-%s", kds->cache_dir, hex);
	return r < 0 || (size_t)r >= to_size ? -ENAMETOOLONG : 0;
}

static bool from_cache(const struct kds *kds, const char *path, int64_t now, int64_t max_age, struct buf *ret)
{
	char file[4096];
	struct stat st;

	if (!kds->cache_dir || max_age <= 0 || cache_file(kds, path, file, sizeof(file)))
		return false;
	/* A time stamp in the future is as good as none. */
	if (stat(file, &st) < 0 || st.st_size == 0 || st.st_mtime > now || now - st.st_mtime > max_age)
		return false;
	return file_read(file, KDS_ANSWER_MAX, ret, NULL) == 0;
}

/* A cache that cannot be written is none: the object is there all the same. */
static void to_cache(const struct kds *kds, const char *path, struct bytes object)
{
	char file[4096];

	if (kds->cache_dir && object.size > 0 && !cache_file(kds, path, file, sizeof(file)) && file_write(file, object, 0644, NULL))
		(void)unlink(file);
}

static int outcome_of(int fetched)
{
	if (fetched < 0)
		return fetched;
	return fetched == FETCH_E_UNREACHABLE || fetched == FETCH_E_TIMEOUT || fetched == FETCH_E_PROTOCOL ? KDS_E_UNREACHABLE
													   : KDS_E_REFUSED;
}

static int judge_status(unsigned status, const char *base_url, struct error *error)
{
	if (status == 200)
		return 0;
	if (status == 404)
		return error_set(error, KDS_E_NOT_FOUND, "%s: knows no such chip, TCB or product (404)", base_url);
	if (status == 429)
		return error_set(error, KDS_E_BUSY, "%s: too many requests (429)", base_url);
	if (status >= 500)
		return error_set(error, KDS_E_UNREACHABLE, "%s: status %u", base_url, status);
	return error_set(error, KDS_E_REFUSED, "%s: status %u", base_url, status);
}

int kds_get(
	struct kds *kds, const char *path, int64_t now, int64_t max_age, struct buf *ret, uint32_t *ret_retry_after, struct error *error)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	char url[FETCH_URL_MAX + 1];
	struct fetch_request request = {.method = "GET", .url = url};
	int r;

	if (path[0] != '/' || strlen(path) > KDS_PATH_MAX)
		return error_set(error, -EINVAL, "not a KDS path");
	if (ret_retry_after)
		*ret_retry_after = 0;
	if (from_cache(kds, path, now, max_age, ret))
		return 0;
	r = snprintf(url, sizeof(url), "%s%s", kds->base_url, path);
	if (r < 0 || (size_t)r >= sizeof(url))
		return error_set(error, -EINVAL, "%s: too long", kds->base_url);
	r = fetch(kds->fetcher, &request, &response, error);
	if (r)
		return outcome_of(r);
	if (ret_retry_after)
		*ret_retry_after = response.retry_after;
	r = judge_status(response.status, kds->base_url, error);
	if (r)
		return r;
	to_cache(kds, path, buf_view(&response.body));
	*ret = response.body;
	response.body = (struct buf)BUF_NULL;
	return 0;
}

void kds_forget(struct kds *kds, const char *path)
{
	char file[4096];

	if (kds->cache_dir && !cache_file(kds, path, file, sizeof(file)))
		(void)unlink(file);
}
