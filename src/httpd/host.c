/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/host.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_SIZE 256 /* a DNS name has at most 253 characters */

/* Only digits, or nothing. */
static bool is_port(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

/* Copies the name without brackets and port. False when it is no host. */
static bool split(const char *host, char to[static NAME_MAX_SIZE], bool *ret_bracketed)
{
	const char *end;

	*ret_bracketed = host[0] == '[';
	if (*ret_bracketed) {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return false;
	} else {
		end = host + strcspn(host, ":");
	}
	if (end == host || (size_t)(end - host) >= NAME_MAX_SIZE)
		return false;
	memcpy(to, host, (size_t)(end - host));
	to[end - host] = '\0';
	if (*ret_bracketed)
		end++;
	return *end == '\0' || is_port(end + 1);
}

static bool is_listed(const char *name, const struct config_list *names)
{
	for (size_t i = 0; names && i < names->count; i++)
		if (strcasecmp(name, names->items[i]) == 0)
			return true;
	return false;
}

bool host_allowed(const char *host, bool any_address, const struct config_list *names)
{
	char name[NAME_MAX_SIZE];
	struct in6_addr v6;
	struct in_addr v4;
	bool bracketed;

	if (!host || !split(host, name, &bracketed))
		return false;
	if (bracketed)
		return inet_pton(AF_INET6, name, &v6) == 1 && (any_address || IN6_IS_ADDR_LOOPBACK(&v6));
	if (inet_pton(AF_INET, name, &v4) == 1)
		return any_address || ntohl(v4.s_addr) >> 24 == 127;
	return strcasecmp(name, "localhost") == 0 || is_listed(name, names);
}
