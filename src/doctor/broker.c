/* SPDX-License-Identifier: Apache-2.0 */
/* The way to each broker, step by step: its name, its port, its certificate, its protocol. The first step that fails is the one to mend. */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "doctor/look.h"
#include "io/fetch.h"

#define CONNECT_MS 5000
#define TOTAL_MS 15000
#define ANSWER_MAX ((size_t)64 << 10)
#define CLOCK_SLACK 300 /* seconds between the broker's clock and ours */
#define HELLO "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":\"\"}"

struct address {
	char host[256], port[8];
};

/* "https://HOST[:PORT][/...]", HOST in brackets for IPv6. */
static bool parse_url(const char *url, struct address *ret)
{
	const char *host = url + strlen("https://"), *end, *port;
	size_t size;

	if (!text_starts_with(url, "https://"))
		return false;
	end = host + strcspn(host, "/?#");
	if (*host == '[') {
		const char *bracket = memchr(host, ']', (size_t)(end - host));

		if (!bracket)
			return false;
		size = (size_t)(bracket - host) - 1;
		port = bracket[1] == ':' ? bracket + 2 : NULL;
		host++;
	} else {
		const char *colon = memchr(host, ':', (size_t)(end - host));

		size = (size_t)((colon ? colon : end) - host);
		port = colon ? colon + 1 : NULL;
	}
	if (!size || size >= sizeof(ret->host) || (port && (end - port <= 0 || end - port >= (int)sizeof(ret->port))))
		return false;
	(void)snprintf(ret->host, sizeof(ret->host), "%.*s", (int)size, host);
	(void)snprintf(ret->port, sizeof(ret->port), "%.*s", port ? (int)(end - port) : 3, port ? port : "443");
	return true;
}

static void fail(struct look *look, const char *check, const char *url, const char *actual, const char *why, const char *fix)
{
	struct finding *finding = look_failed(look, check);

	finding_expected(finding, "%s", url);
	finding_actual(finding, "%s", actual);
	finding_why(finding, "%s", why);
	finding_fix(finding, "%s", fix);
}

static int connect_one(const struct addrinfo *address)
{
	FD_AUTO fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int problem = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&poller, 1, CONNECT_MS) == 0)
		return -ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 ? -errno : -problem;
}

static bool look_at_port(struct look *look, const char *url, const struct address *address, const struct addrinfo *list)
{
	int r = -EHOSTUNREACH;

	for (; list && r; list = list->ai_next)
		r = connect_one(list);
	if (r == 0) {
		look_passed(look, "broker.tcp", "%s port %s", address->host, address->port);
		return true;
	}
	fail(look, "broker.tcp", url, strerror(-r), "no key comes from a broker that cannot be reached",
		"is sevattest-httpd running there, and does a firewall let this machine out to that port?");
	return false;
}

static bool look_at_name(struct look *look, const char *url)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	struct address address;
	bool open;
	int r;

	if (!parse_url(url, &address)) {
		fail(look, "conf.broker", url, "not a URL https://HOST[:PORT]", "sevattest-netd does not start with it",
			"correct Url= in section [broker]");
		return false;
	}
	r = getaddrinfo(address.host, address.port, &hints, &list);
	if (r) {
		fail(look, "broker.dns", url, gai_strerror(r), "the broker's name has no address here",
			"does /etc/resolv.conf name a server that knows it? An address in Url= needs no server");
		return false;
	}
	look_passed(look, "broker.dns", "%s", address.host);
	open = look_at_port(look, url, &address, list);
	freeaddrinfo(list);
	return open;
}

static void tls_failed(struct look *look, const char *url, int r, const struct error *error)
{
	if (r == FETCH_E_CERTIFICATE)
		fail(look, "broker.tls", url, error_text(error),
			"somebody answered whose certificate is not one of the configured authority, for this name and time",
			"is CA= the authority of that broker, has its certificate expired (renew it there), does it name this host, and is "
			"the clock right?");
	else if (r == FETCH_E_TLS)
		fail(look, "broker.tls", url, error_text(error), "somebody answered who does not speak TLS 1.2 or newer",
			"is this the port of sevattest-httpd, with Certificate= set?");
	else
		fail(look, "broker.protocol", url, error_text(error), "TLS stands, but the answer is no KBS answer",
			"is this the broker's port, and is sevattest-brokerd running there?");
}

static void look_at_clock(struct look *look, const char *url, int64_t date)
{
	int64_t difference = look->options->now - date;
	struct finding *finding;

	if (!date)
		return;
	if (difference <= CLOCK_SLACK && difference >= -CLOCK_SLACK) {
		look_passed(look, "clock.broker", "%+lld s", (long long)difference);
		return;
	}
	finding = look_failed(look, "clock.broker");
	finding_expected(finding, "within %d s of %s", CLOCK_SLACK, url);
	finding_actual(finding, "%+lld s", (long long)difference);
	finding_why(finding, "certificates and sessions are judged by the broker's clock");
	finding_fix(finding, "run: timedatectl set-ntp true");
}

static void look_at_answer(struct look *look, const char *url, const struct fetch_response *response)
{
	JSON_AUTO object = NULL;
	char actual[64];

	if (response->status == 200 && json_read(buf_view(&response->body), &object, NULL) == 0 && json_get_text(object, "nonce", NULL)) {
		look_passed(look, "broker.protocol", "%s", url);
		look_at_clock(look, url, response->date);
		return;
	}
	(void)snprintf(actual, sizeof(actual), "HTTP status %u%s", response->status, response->status == 200 ? " without a nonce" : "");
	fail(look, "broker.protocol", url, actual, "a key broker answers POST /kbs/v0/auth with a challenge",
		"is this the broker's port, and is sevattest-brokerd running there?");
}

static void look_at_tls(struct look *look, const char *url)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	CLEANUP(fetch_freep) struct fetcher *fetcher = NULL;
	char ca[PATH_MAX], target[FETCH_URL_MAX];
	size_t size = strlen(url);
	struct fetch_config config = {.ca_file = ca, .total_timeout_ms = TOTAL_MS, .body_max = ANSWER_MAX};
	struct fetch_request request = {.method = "POST", .url = target, .body = bytes_of_text(HELLO)};
	struct error error = ERROR_NULL;
	int r;

	while (size && url[size - 1] == '/')
		size--;
	if (snprintf(ca, sizeof(ca), "%s%s", look->root, look->settings.ca) >= (int)sizeof(ca) ||
		snprintf(target, sizeof(target), "%.*s/kbs/v0/auth", (int)size, url) >= (int)sizeof(target))
		return;
	r = fetch_new(&config, &fetcher, &error);
	if (r) {
		fail(look, "conf.ca", look->settings.ca, error_text(&error), "without its authority no broker is trusted",
			"put the PEM certificate of the broker's authority there");
		return;
	}
	r = fetch(fetcher, &request, &response, &error);
	if (r) {
		tls_failed(look, url, r, &error);
		return;
	}
	look_passed(look, "broker.tls", "%s", look->settings.ca);
	look_at_answer(look, url, &response);
}

void room_broker(struct look *look)
{
	for (size_t i = 0; look->configured && look->settings.ca && i < look->settings.urls.count; i++) {
		if (look_at_name(look, look->settings.urls.items[i]))
			look_at_tls(look, look->settings.urls.items[i]);
	}
}
