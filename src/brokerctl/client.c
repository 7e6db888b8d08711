/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to brokerd: one for each question; answers are bounded by the frames and read strictly. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "brokerctl/ctl.h"
#include "io/frame.h"
#include "io/socket.h"

#define TIMEOUT_MS 60000 /* audit --verify of a large audit takes its time */
#define REQUEST_ID 1

int ctl_fail(int code, const char *format, ...)
{
	char text[1024];
	char printable[1024];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	text_printable(printable, sizeof(printable), bytes_of_text(text));
	(void)fprintf(stderr, "sevattest-broker: %s\n", printable);
	return code;
}

struct json_object *ctl_request(const char *verb)
{
	struct json_object *request = json_object_new_object();

	if (request && json_add_text(request, "verb", verb)) {
		json_putp(&request);
		return NULL;
	}
	return request;
}

static int send_request(int fd, struct json_object *request, const struct secret *secret)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = secret ? json_add_bool(request, "secret", true) : 0;

	if (!r)
		r = json_write(&text, request);
	if (!r)
		r = frame_send(fd, FRAME_ADMIN_REQUEST, REQUEST_ID, buf_view(&text));
	if (!r && secret)
		r = frame_send(fd, FRAME_ADMIN_SECRET, REQUEST_ID, secret_view(secret));
	return r;
}

/* What brokerd says, as an exit code; the text of a refusal is printed. */
static int read_response(struct bytes text, struct json_object **ret)
{
	JSON_AUTO response = NULL;
	struct json_object *result;
	struct error error = ERROR_NULL;
	const char *reason;
	uint64_t code;

	if (json_read(text, &response, &error))
		return ctl_fail(EXIT_INTERNAL, "the broker's answer: %s", error_text(&error));
	if (!json_get_u64(response, "exit", EXIT_UNSUPPORTED, &code))
		return ctl_fail(EXIT_INTERNAL, "the broker's answer has no exit code");
	reason = json_get_text(response, "error", NULL);
	result = json_get_object(response, "result");
	if (result)
		*ret = json_object_get(result);
	if (code != EXIT_YES)
		return ctl_fail((int)code, "%s", reason ? reason : "refused");
	return EXIT_YES;
}

static int receive(int fd, struct json_object **ret, struct secret *ret_key)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct frame_header header;
	int r;

	r = frame_receive_header(fd, FRAME_BIT(FRAME_ADMIN_RESPONSE) | (ret_key ? FRAME_BIT(FRAME_ADMIN_KEY) : 0), &header);
	if (r == -EPIPE || r == -ECONNRESET)
		return ctl_fail(EXIT_REFUSED, "the broker closed the connection: is this user an administrator ([admin] User=)?");
	if (!r && header.id != REQUEST_ID)
		r = FRAME_E_ID;
	if (!r && header.type == FRAME_ADMIN_KEY)
		r = frame_receive_secret(fd, &header, ret_key);
	else if (!r)
		r = frame_receive_body(fd, &header, &text);
	if (r == -EPROTO)
		return ctl_fail(EXIT_UNREACHABLE, "the broker went away in the middle of its answer");
	if (r)
		return ctl_fail(r == -EAGAIN ? EXIT_UNREACHABLE : EXIT_INTERNAL, "the broker's answer: %s",
			r > 0 ? frame_error_text(r) : strerror(-r));
	return header.type == FRAME_ADMIN_KEY ? EXIT_YES : read_response(buf_view(&text), ret);
}

int ctl_ask(struct json_object *request, const struct secret *secret, struct json_object **ret, struct secret *ret_key)
{
	struct error error = ERROR_NULL;
	FD_AUTO fd = -1;
	int r;

	*ret = NULL;
	if (!request)
		return ctl_fail(EXIT_INTERNAL, "no memory");
	r = socket_connect_unix(arg.socket, TIMEOUT_MS, &fd, &error);
	if (r)
		return ctl_fail(EXIT_UNREACHABLE, "%s (is sevattest-brokerd running?)", error_text(&error));
	r = send_request(fd, request, secret);
	/* A peer that turned us away has closed already: its end tells more than our broken pipe. */
	if (r && r != -EPIPE && r != -ECONNRESET)
		return ctl_fail(EXIT_INTERNAL, "the request cannot be sent: %s", strerror(-r));
	return receive(fd, ret, ret_key);
}

/* Moves the rows of one page. 0, -ENOMEM, or -EPROTO for an answer that would go on for ever. */
static int take_page(struct json_object *page, const char *member, const char *name, struct json_object *rows, char *after,
	size_t after_size, bool *ret_more)
{
	struct json_object *list = json_get_array(page, member);
	size_t count = list ? json_object_array_length(list) : 0;
	int r = 0;

	*ret_more = false;
	(void)json_get_bool(page, "more", ret_more);
	for (size_t i = 0; i < count && !r; i++)
		r = json_push(rows, json_object_get(json_object_array_get_idx(list, i)));
	if (r || !*ret_more)
		return r;
	if (count > 0) {
		const char *last = json_get_text(json_object_array_get_idx(list, count - 1), name, NULL);

		if (last && strcmp(last, after) > 0 && snprintf(after, after_size, "%s", last) < (int)after_size)
			return 0;
	}
	return -EPROTO;
}

int ctl_list(const char *verb, const char *member, const char *name, struct json_object **ret)
{
	JSON_AUTO rows = json_object_new_array();
	char after[1024] = "";
	bool more = true;

	while (more) {
		JSON_AUTO request = ctl_request(verb);
		JSON_AUTO page = NULL;
		int r;

		if (after[0] && request && json_add_text(request, "after", after))
			return ctl_fail(EXIT_INTERNAL, "no memory");
		r = ctl_ask(request, NULL, &page, NULL);
		if (r)
			return r;
		r = take_page(page, member, name, rows, after, sizeof(after), &more);
		if (r)
			return ctl_fail(EXIT_INTERNAL, "the broker's answer: %s", strerror(-r));
	}
	*ret = rows;
	rows = NULL;
	return EXIT_YES;
}

bool ctl_json(struct json_object *object)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	if (!arg.json)
		return false;
	r = object ? json_write(&text, object) : buf_append_text(&text, "{}");
	if (!r)
		r = buf_append_text(&text, "\n");
	if (!r)
		(void)fwrite(text.data, 1, text.size, stdout);
	return true;
}

const char *ctl_show(char to[static 512], struct json_object *object, const char *member)
{
	struct json_object *value = json_get(object, member);
	const char *text = json_get_text(object, member, NULL);
	uint64_t number;

	if (text)
		text_printable(to, 512, bytes_of_text(text));
	else if (value && json_is_u64(value, UINT64_MAX, &number))
		(void)snprintf(to, 512, "%" PRIu64, number);
	else
		(void)snprintf(to, 512, "-");
	return to;
}
