/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl takes much from its surroundings by default: proxies, the system's certificates, SSLKEYLOGFILE, .netrc. set_fixed() is the
 * place that takes all of it away; what is not named there keeps curl's default of "off".
 */
#include "io/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/files.h"
#include "base/text.h"

#define CA_MAX ((size_t)4 << 20)       /* a whole distribution's bundle has 220 KiB */
#define HEADERS_MAX ((size_t)64 << 10) /* of an answer: curl itself stops at 300 KiB */

struct fetcher {
	CURL *curl;
	struct buf own_ca;
	struct bytes ca;
	bool allow_http;
	bool has_ca;
	const char *header;
	size_t body_max; /* of the exchange that runs */
	size_t config_body_max;
	unsigned total_timeout_ms;
	char curl_text[CURL_ERROR_SIZE];
	/* The exchange that runs. */
	struct fetch_response *response;
	size_t header_bytes;
	bool too_large;
	bool no_memory;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void curl_init(void)
{
	/* libcurl would write the session keys of every connection to that file. */
	(void)unsetenv("SSLKEYLOGFILE");
	curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void fetch_response_deinit(struct fetch_response *response)
{
	buf_deinit(&response->body);
	explicit_bzero(response, sizeof(*response));
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
	struct fetcher *fetcher = context;

	(void)one; /* always 1 */
	if (size > fetcher->body_max - fetcher->response->body.size) {
		fetcher->too_large = true;
		return 0;
	}
	if (buf_append(&fetcher->response->body, data, size)) {
		fetcher->no_memory = true;
		return 0;
	}
	return size;
}

/* Takes "Name: value" apart: true when the name fits, the trimmed value then in `ret`. */
static bool header_value(struct bytes line, const char *name, struct bytes *ret)
{
	size_t name_size = strlen(name);
	const uint8_t *at = line.data + name_size + 1;
	const uint8_t *end = line.data + line.size;

	if (line.size <= name_size || line.data[name_size] != ':' || strncasecmp((const char *)line.data, name, name_size) != 0)
		return false;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*ret = bytes_of(at, (size_t)(end - at));
	return true;
}

/* The first one counts. A value that does not fit or holds a control character is left out: the caller then misses it. */
static void take_text(char *to, size_t to_size, struct bytes value)
{
	if (to[0] != '\0' || value.size >= to_size)
		return;
	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] < 0x20 || value.data[i] == 0x7f)
			return;
	memcpy(to, value.data, value.size);
	to[value.size] = '\0';
}

static void take_retry_after(struct fetch_response *response, struct bytes value)
{
	char text[12] = "";
	uint64_t seconds;

	take_text(text, sizeof(text), value);
	if (!text_to_u64(text, UINT32_MAX, false, &seconds))
		response->retry_after = (uint32_t)seconds;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), the only form that servers write today. */
static void take_date(struct fetch_response *response, struct bytes value)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char text[32] = "", month[4] = "", rfc3339[32];
	const char *at;

	take_text(text, sizeof(text), value);
	if (strlen(text) != sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1 || strcmp(text + 25, " GMT") != 0)
		return;
	memcpy(month, text + 8, 3);
	at = strstr(months, month);
	if (!at || (at - months) % 3 != 0)
		return;
	/* Whether the rest are digits where they have to be is seen when it is read. */
	(void)snprintf(rfc3339, sizeof(rfc3339), "%.4s-%02d-%.2sT%.8sZ", text + 12, (int)(at - months) / 3 + 1, text + 5, text + 17);
	if (time_parse(rfc3339, &response->date))
		response->date = 0;
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
	struct fetcher *fetcher = context;
	struct fetch_response *response = fetcher->response;
	struct bytes line = bytes_of(data, size);
	struct bytes value;

	(void)one;
	fetcher->header_bytes += size;
	if (fetcher->header_bytes > HEADERS_MAX) {
		fetcher->too_large = true;
		return 0;
	}
	if (size >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		/* A new status line: what an interim answer said does not count. */
		response->set_cookie[0] = '\0';
		response->content_type[0] = '\0';
		response->retry_after = 0;
		response->date = 0;
	} else if (header_value(line, "set-cookie", &value)) {
		take_text(response->set_cookie, sizeof(response->set_cookie), value);
	} else if (header_value(line, "content-type", &value)) {
		take_text(response->content_type, sizeof(response->content_type), value);
	} else if (header_value(line, "retry-after", &value)) {
		take_retry_after(response, value);
	} else if (header_value(line, "date", &value)) {
		take_date(response, value);
	}
	return size;
}

static CURLcode set_trust(struct fetcher *fetcher)
{
	struct curl_blob ca = {
		.data = (void *)(uintptr_t)fetcher->ca.data, .len = fetcher->ca.size, .flags = CURL_BLOB_NOCOPY};
	CURL *c = fetcher->curl;
	CURLcode r;

	/* NULL takes away the paths that curl was compiled with. */
	r = curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	if (!r)
		r = curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (!r && fetcher->has_ca)
		r = curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
	if (!r)
		r = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	if (!r)
		r = curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (!r)
		r = curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return r;
}

static CURLcode set_fixed(struct fetcher *fetcher, const struct fetch_config *config)
{
	long connect_ms = config->connect_timeout_ms ? (long)config->connect_timeout_ms : FETCH_CONNECT_MS;
	CURL *c = fetcher->curl;
	CURLcode r = set_trust(fetcher);

#define SET(option, value) r = r ? r : curl_easy_setopt(c, option, value)
	/* Where to: one of two schemes, no detour. */
	SET(CURLOPT_PROTOCOLS_STR, config->allow_http ? "http,https" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	/* How long, how much. */
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_MAXCONNECTS, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_ACCEPT_ENCODING, NULL);
	/* What comes back. */
	SET(CURLOPT_ERRORBUFFER, fetcher->curl_text);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, fetcher);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, fetcher);
	SET(CURLOPT_USERAGENT, "sevattest");
#undef SET
	return r;
}

int fetch_read_ca(const char *path, struct buf *ret, struct error *error)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	CLEANUP(buf_deinit) struct buf ca = BUF_NULL;
	int r = file_read(path, CA_MAX, &ca, error);

	if (r)
		return r;
	if (ca.size < sizeof(begin) || !memmem(ca.data, ca.size, begin, sizeof(begin) - 1))
		return error_set(error, -EINVAL, "%s: no PEM certificate in it", path);
	*ret = ca;
	ca = (struct buf)BUF_NULL;
	return 0;
}

int fetch_new(const struct fetch_config *config, struct fetcher **ret, struct error *error)
{
	CLEANUP(fetch_freep) struct fetcher *fetcher = NULL;
	int r;

	if (!config->ca_file && !config->ca_pem.size && !config->allow_http)
		return error_set(error, -EINVAL, "no certification authority given for HTTPS");
	(void)pthread_once(&curl_once, curl_init);
	if (curl_ready)
		return error_set(error, -EIO, "libcurl: %s", curl_easy_strerror(curl_ready));
	fetcher = calloc(1, sizeof(*fetcher));
	if (!fetcher)
		return -ENOMEM;
	fetcher->allow_http = config->allow_http;
	fetcher->header = config->header;
	fetcher->config_body_max = config->body_max && config->body_max < FETCH_BODY_MAX ? config->body_max : FETCH_BODY_MAX;
	fetcher->total_timeout_ms = config->total_timeout_ms ? config->total_timeout_ms : FETCH_TOTAL_MS;
	if (config->ca_file) {
		r = fetch_read_ca(config->ca_file, &fetcher->own_ca, error);
		if (r)
			return r;
	}
	fetcher->ca = config->ca_file ? buf_view(&fetcher->own_ca) : config->ca_pem;
	fetcher->has_ca = fetcher->ca.size > 0;
	fetcher->curl = curl_easy_init();
	if (!fetcher->curl)
		return -ENOMEM;
	if (set_fixed(fetcher, config))
		return error_set(error, -EIO, "libcurl lacks an option that we need");
	*ret = fetcher;
	fetcher = NULL;
	return 0;
}

struct fetcher *fetch_free(struct fetcher *fetcher)
{
	if (!fetcher)
		return NULL;
	curl_easy_cleanup(fetcher->curl);
	buf_deinit(&fetcher->own_ca);
	free(fetcher);
	return NULL;
}

/* A header line, wiped after use: a bearer token is a credential. */
static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	CLEANUP(buf_deinit) struct buf line = BUF_NULL;
	struct curl_slist *longer;

	if (!value)
		return 0;
	if (strpbrk(value, "\r\n"))
		return -EINVAL;
	if (buf_printf(&line, "%s: %s", name, value) || buf_append(&line, "", 1))
		return -ENOMEM;
	longer = curl_slist_append(*list, (const char *)line.data);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static void headers_free(struct curl_slist **list)
{
	for (struct curl_slist *item = *list; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	curl_slist_free_all(*list);
}

/* As it stands: the program's own text, not a peer's. */
static int add_fixed(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer = header ? curl_slist_append(*list, header) : *list;

	if (header && !longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int set_headers(struct curl_slist **list, const char *fixed, const struct fetch_request *request)
{
	const char *type = request->content_type;
	int r;

	if (!type && request->body.size > 0)
		type = "application/json";
	r = add_header(list, "Content-Type", type);
	if (!r)
		r = add_header(list, "Cookie", request->cookie);
	if (!r)
		r = add_header(list, "Authorization", request->authorization);
	if (!r)
		r = add_fixed(list, fixed);
	/* Without this curl waits a second for "100 Continue" before a large body. */
	return r ? r : add_header(list, "Expect", "");
}

static CURLcode set_request(CURL *c, const struct fetch_request *request, struct curl_slist *headers)
{
	bool is_get = strcmp(request->method, "GET") == 0;
	CURLcode r;

	r = curl_easy_setopt(c, CURLOPT_URL, request->url);
	if (is_get && request->body.size == 0) {
		r = r ? r : curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
		r = r ? r : curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, NULL);
	} else {
		r = r ? r : curl_easy_setopt(c, CURLOPT_POST, 1L);
		r = r ? r : curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
		r = r ? r : curl_easy_setopt(c, CURLOPT_POSTFIELDS, request->body.size ? (const char *)request->body.data : "");
		r = r ? r : curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, strcmp(request->method, "POST") == 0 ? NULL : request->method);
	}
	return r ? r : curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
}

/* "https://host:port", without what follows: paths name resources, which do not belong into messages. */
static void url_origin(const char *url, char to[static 256])
{
	const char *host = strstr(url, "://");
	size_t size = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;

	if (size >= 256)
		size = 255;
	text_printable(to, 256, bytes_of(url, size));
}

static int outcome_of(CURLcode code, bool began)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		return began ? FETCH_E_PROTOCOL : FETCH_E_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_E_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return FETCH_E_CERTIFICATE;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
		return FETCH_E_TLS;
	default:
		return FETCH_E_PROTOCOL;
	}
}

static int explain(const struct fetcher *fetcher, CURLcode code, const char *url, struct error *error)
{
	const char *detail = fetcher->curl_text[0] ? fetcher->curl_text : curl_easy_strerror(code);
	char printable[CURL_ERROR_SIZE];
	char origin[256];
	int outcome;

	url_origin(url, origin);
	if (fetcher->no_memory)
		return error_set(error, -ENOMEM, "%s: no memory for the answer", origin);
	/* It says so too of a header line past its own limit, which a peer can send. */
	if (code == CURLE_OUT_OF_MEMORY)
		return error_set(error, FETCH_E_TOO_LARGE, "%s: a header line of the answer is too long, or there is no memory for it", origin);
	if (fetcher->too_large)
		return error_set(error, FETCH_E_TOO_LARGE, "%s: the answer is larger than %zu bytes", origin, fetcher->body_max);
	if (code == CURLE_SSL_CACERT_BADFILE)
		return error_set(error, -EINVAL, "the file of certification authorities holds none that OpenSSL can read");
	if (code == CURLE_URL_MALFORMAT)
		return error_set(error, -EINVAL, "%s: not a URL", origin);
	outcome = outcome_of(code, fetcher->header_bytes > 0);
	text_printable(printable, sizeof(printable), bytes_of_text(detail));
	return error_set(error, outcome, "%s: %s: %s", origin, fetch_outcome_text(outcome), printable);
}

static int perform(struct fetcher *fetcher, const struct fetch_request *request, struct fetch_response *response, struct error *error)
{
	CLEANUP(headers_free) struct curl_slist *headers = NULL;
	char origin[256];
	long status = 0;
	long connects = 1;
	CURLcode code;
	int r;

	r = set_headers(&headers, fetcher->header, request);
	if (r)
		return error_set(error, r, "a header value that cannot be sent");
	fetcher->response = response;
	fetcher->header_bytes = 0;
	fetcher->too_large = false;
	fetcher->no_memory = false;
	fetcher->curl_text[0] = '\0';
	fetcher->body_max = request->body_max && request->body_max < fetcher->config_body_max ? request->body_max : fetcher->config_body_max;
	code = set_request(fetcher->curl, request, headers);
	if (!code)
		code = curl_easy_setopt(fetcher->curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout_ms ? request->timeout_ms : fetcher->total_timeout_ms));
	if (!code)
		code = curl_easy_perform(fetcher->curl);
	fetcher->response = NULL;
	(void)curl_easy_setopt(fetcher->curl, CURLOPT_HTTPHEADER, NULL);
	(void)curl_easy_setopt(fetcher->curl, CURLOPT_POSTFIELDS, NULL);
	if (code)
		return explain(fetcher, code, request->url, error);
	(void)curl_easy_getinfo(fetcher->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(fetcher->curl, CURLINFO_NUM_CONNECTS, &connects);
	url_origin(request->url, origin);
	if (status < 200 || status > 599)
		return error_set(error, FETCH_E_PROTOCOL, "%s: status %ld", origin, status);
	if (status >= 300 && status < 400)
		return error_set(error, FETCH_E_REDIRECT, "%s: answered with a redirect (%ld), which is never followed", origin, status);
	response->status = (unsigned)status;
	response->reused = connects == 0;
	return 0;
}

/* libcurl is told the same; but for it "unsupported protocol" may also be a peer that does not speak HTTP. */
static int check_scheme(const struct fetcher *fetcher, const char *url, struct error *error)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return fetcher->has_ca ? 0 : error_set(error, -EINVAL, "no certification authority given for HTTPS");
	if (fetcher->allow_http && strncasecmp(url, "http://", 7) == 0)
		return 0;
	return error_set(error, -EINVAL, "only https:// is allowed here%s", fetcher->allow_http ? ", or http://" : "");
}

int fetch(struct fetcher *fetcher, const struct fetch_request *request, struct fetch_response *ret, struct error *error)
{
	struct fetch_response response = FETCH_RESPONSE_NULL;
	int r;

	if (strlen(request->url) > FETCH_URL_MAX)
		return error_set(error, -EINVAL, "a URL of more than %d bytes", FETCH_URL_MAX);
	r = check_scheme(fetcher, request->url, error);
	if (r)
		return r;
	r = perform(fetcher, request, &response, error);
	if (r) {
		fetch_response_deinit(&response);
		return r;
	}
	*ret = response;
	return 0;
}
