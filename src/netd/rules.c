/* SPDX-License-Identifier: Apache-2.0 */
#include "netd/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"

#define HOST_MAX 253
#define BROKER_PREFIX "/kbs/v0/"

static const char *const imds_paths[] = {
	"/metadata/THIM/amd/certification", /* Azure: VCEK and chain of the host */
};

/* The parts of a URL that may be an origin; views into it. */
struct parts {
	bool https;
	struct bytes host; /* without brackets */
	struct bytes port; /* digits; empty: the scheme's */
	struct bytes prefix;
};

static bool all_of(struct bytes text, const char *set)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] == 0 || !strchr(set, text.data[i]))
			return false;
	return true;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX_LOWER "0123456789abcdef"

static bool split_host(const char *at, struct parts *parts, const char **ret_rest)
{
	bool bracket = *at == '[';
	size_t size = bracket ? strcspn(++at, "]") : strcspn(at, ":/");
	const char *rest = at + size + (bracket && at[size] ? 1 : 0);

	parts->host = bytes_of(at, size);
	if (size == 0 || size > HOST_MAX || (bracket && !at[size]) || !all_of(parts->host, bracket ? HEX_LOWER "ABCDEF:." : LETTERS DIGITS ".-"))
		return false;
	if (*rest == ':') {
		parts->port = bytes_of(rest + 1, strspn(rest + 1, DIGITS));
		rest += 1 + parts->port.size;
		if (parts->port.size == 0 || parts->port.size > 5)
			return false;
	}
	*ret_rest = rest;
	return true;
}

static bool split(const char *url, struct parts *ret)
{
	struct parts parts = {0};
	const char *rest;

	if (text_starts_with(url, "https://"))
		parts.https = true;
	else if (!text_starts_with(url, "http://"))
		return false;
	if (!split_host(url + (parts.https ? 8 : 7), &parts, &rest))
		return false;
	parts.prefix = bytes_of_text(rest);
	if (parts.prefix.size && (rest[0] != '/' || rest[parts.prefix.size - 1] == '/' || !all_of(parts.prefix, LETTERS DIGITS "/._~-")))
		return false;
	*ret = parts;
	return true;
}

static bool copy_host(const struct parts *parts, char to[static HOST_MAX + 1])
{
	if (parts->host.size > HOST_MAX)
		return false;
	memcpy(to, parts->host.data, parts->host.size);
	to[parts->host.size] = '\0';
	return true;
}

/* 127.0.0.0/8, ::1, "localhost". */
static bool is_loopback(const struct parts *parts)
{
	char host[HOST_MAX + 1];
	struct in6_addr v6;
	struct in_addr v4;

	if (!copy_host(parts, host))
		return false;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(host, "localhost") == 0;
}

/* 169.254.0.0/16 and fe80::/10: never routed. */
static bool is_link_local(const struct parts *parts)
{
	char host[HOST_MAX + 1];
	struct in6_addr v6;
	struct in_addr v4;

	if (!copy_host(parts, host))
		return false;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 16 == 0xa9fe;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LINKLOCAL(&v6);
}

static uint16_t port_of(const struct parts *parts)
{
	uint32_t port = 0;

	if (parts->port.size == 0)
		return parts->https ? 443 : 80;
	for (size_t i = 0; i < parts->port.size; i++)
		port = port * 10 + (uint32_t)(parts->port.data[i] - '0');
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

int rules_url(enum origin_kind kind, const char *url, struct error *error)
{
	struct parts parts;

	if (strlen(url) > FETCH_URL_MAX - FETCH_FRAME_PATH_MAX || !split(url, &parts) || port_of(&parts) == 0)
		return error_set(error, -EINVAL, "'%s': an origin is written https://host, https://host:port or with a path, no slash at its end", url);
	if (parts.https && kind != ORIGIN_IMDS)
		return 0;
	if (kind == ORIGIN_BROKER)
		return error_set(error, -EINVAL, "'%s': a broker is asked over https:// only", url);
	if (kind == ORIGIN_KDS)
		return is_loopback(&parts) ? 0 : error_set(error, -EINVAL, "'%s': plain http:// only on loopback", url);
	if (!parts.https && (is_link_local(&parts) || is_loopback(&parts)))
		return 0;
	return error_set(error, -EINVAL, "'%s': the metadata service is asked over http:// on a link-local address, 169.254.169.254", url);
}

uint16_t rules_port(const char *url)
{
	struct parts parts;

	return split(url, &parts) ? port_of(&parts) : 0;
}

bool rules_is_https(const char *url)
{
	return text_starts_with(url, "https://");
}

static struct bytes take(struct bytes *rest, char end)
{
	const uint8_t *at = rest->size ? memchr(rest->data, end, rest->size) : NULL;
	size_t size = at ? (size_t)(at - rest->data) : rest->size;
	struct bytes part = bytes_of(rest->data, size);

	*rest = bytes_from(*rest, at ? size + 1 : size);
	return part;
}

/* Segments of the characters of resource names, none empty, none of dots alone. */
static bool broker_path(struct bytes path)
{
	const size_t prefix = sizeof(BROKER_PREFIX) - 1;
	struct bytes rest;

	if (path.size <= prefix || memcmp(path.data, BROKER_PREFIX, prefix) != 0 || path.data[path.size - 1] == '/')
		return false;
	rest = bytes_from(path, prefix);
	while (rest.size) {
		struct bytes segment = take(&rest, '/');

		if (segment.size == 0 || all_of(segment, ".") || !all_of(segment, LETTERS DIGITS "._-"))
			return false;
	}
	return true;
}

/* "fmcSPL=04&blSPL=10&...": at most five of them. */
static bool kds_query(struct bytes query)
{
	static const char *const names[] = {"fmcSPL", "blSPL", "teeSPL", "snpSPL", "ucodeSPL"};
	unsigned seen = 0;

	while (query.size) {
		struct bytes value = take(&query, '&');
		struct bytes name = take(&value, '=');
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && !bytes_equal(name, bytes_of_text(names[i])))
			i++;
		if (i == ARRAY_SIZE(names) || (seen & 1U << i) || value.size == 0 || value.size > 3 || !all_of(value, DIGITS))
			return false;
		seen |= 1U << i;
	}
	return seen != 0;
}

/* The product's name is the caller's: a new one needs no new netd. */
static bool kds_path(struct bytes path)
{
	struct bytes query = path, object, product, kind, version;
	bool has_query;

	path = take(&query, '?');
	has_query = query.size > 0;
	(void)take(&path, '/');
	kind = take(&path, '/');
	version = take(&path, '/');
	product = take(&path, '/');
	object = path;
	if (!(bytes_equal(kind, bytes_of_text("vcek")) || bytes_equal(kind, bytes_of_text("vlek"))) || !bytes_equal(version, bytes_of_text("v1")))
		return false;
	if (product.size == 0 || product.size > 16 || !all_of(product, LETTERS DIGITS))
		return false;
	if (bytes_equal(object, bytes_of_text("cert_chain")) || bytes_equal(object, bytes_of_text("crl")))
		return !has_query;
	return kind.data[1] == 'c' && (object.size == 16 || object.size == 128) && all_of(object, HEX_LOWER) && kds_query(query);
}

static bool imds_path(struct bytes path)
{
	for (size_t i = 0; i < ARRAY_SIZE(imds_paths); i++)
		if (bytes_equal(path, bytes_of_text(imds_paths[i])))
			return true;
	return false;
}

bool rules_request(enum origin_kind kind, const struct fetch_frame_request *request, const char **ret_why)
{
	bool path = kind == ORIGIN_BROKER ? broker_path(request->path) : kind == ORIGIN_KDS ? kds_path(request->path) : imds_path(request->path);

	*ret_why = "this path may not be asked there";
	if (!path)
		return false;
	*ret_why = "this method may not be used there";
	if (request->method != HTTP_GET && !(kind == ORIGIN_BROKER && request->method == HTTP_POST))
		return false;
	*ret_why = "no headers and no body may be sent there";
	return kind == ORIGIN_BROKER ||
	       (request->cookie.size == 0 && request->authorization.size == 0 && request->content_type.size == 0 && request->body.size == 0);
}
