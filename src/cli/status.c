/* SPDX-License-Identifier: Apache-2.0 */
/* `sevattest status`: what sevattestd says about itself, over its status socket, for people or as JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/cli.h"
#include "io/agent_conf.h"
#include "io/frame.h"
#include "io/http_frame.h"
#include "io/socket.h"

#define TIMEOUT_MS 5000 /* the agent answers from memory */

/* One request and its answer. 0, or -errno or a frame's outcome with a message. */
static int ask(const char *socket, struct buf *payload, struct http_frame_response *ret, struct error *error)
{
	struct frame_header header;
	FD_AUTO fd = -1;
	int r = socket_connect_unix(socket, TIMEOUT_MS, &fd, error);

	if (r)
		return r;
	r = frame_send(fd, FRAME_STATUS_REQUEST, 1, bytes_of_text("/status"));
	if (!r)
		r = frame_receive(fd, FRAME_BIT(FRAME_STATUS_RESPONSE), &header, payload);
	if (!r)
		r = http_frame_response_decode(buf_view(payload), ret) ? -EPROTO : 0;
	if (r)
		return error_set(error, r, "%s: no answer: %s", socket, r > 0 ? frame_error_text(r) : strerror(-r));
	return 0;
}

static const char *text_of(struct json_object *object, const char *member, const char *otherwise)
{
	const char *text = json_get_text(object, member, NULL);

	return text ? text : otherwise;
}

static uint64_t number_of(struct json_object *object, const char *member)
{
	uint64_t value = 0;

	return json_get_u64(object, member, UINT64_MAX, &value) ? value : 0;
}

static bool flag_of(struct json_object *object, const char *member)
{
	bool value = false;

	return json_get_bool(object, member, &value) && value;
}

static void print_row(const char *name, const char *value)
{
	if (value)
		(void)printf("  %-14s %s\n", name, value);
}

static void print_head(struct json_object *root, bool proven)
{
	const char *state = text_of(root, "state", "unknown");
	struct json_object *platform = json_get_object(root, "platform");

	if (proven)
		(void)printf("This machine is proven.\n");
	else if (strcmp(state, "attested") == 0)
		(void)printf("The proof has expired.\n");
	else
		(void)printf("This machine is not proven: %s.\n", state);
	print_row("state", state);
	print_row("since", text_of(root, "since", NULL));
	print_row("valid until", text_of(root, "attested_until", NULL));
	print_row("next attempt", text_of(root, "next_attempt", NULL));
	print_row("reason", text_of(root, "reason", NULL));
	print_row("what to do", text_of(root, "fix", NULL));
	print_row("platform", text_of(platform, "name", NULL));
	print_row("evidence from", text_of(platform, "provider", NULL));
	print_row("", text_of(platform, "means", NULL));
	print_row("policy", text_of(json_get_object(root, "check"), "policy", NULL));
	print_row("measurement", text_of(json_get_object(root, "report"), "measurement", NULL));
}

static bool decides_against(struct json_object *finding)
{
	return strcmp(text_of(finding, "class", ""), "advice") != 0 && strcmp(text_of(finding, "state", ""), "passed") != 0;
}

static void print_findings(struct json_object *findings)
{
	size_t count = findings ? json_object_array_length(findings) : 0, failed = 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *finding = json_object_array_get_idx(findings, i);

		if (!decides_against(finding))
			continue;
		if (failed++ == 0)
			(void)printf("\nFailed checks\n");
		(void)printf("  %-14s %s\n", text_of(finding, "check", "?"), text_of(finding, "why", text_of(finding, "state", "")));
		if (text_of(finding, "expected", NULL))
			(void)printf("  %-14s expected: %s\n", "", text_of(finding, "expected", ""));
		if (text_of(finding, "actual", NULL))
			(void)printf("  %-14s actual: %s\n", "", text_of(finding, "actual", ""));
		if (text_of(finding, "fix", NULL))
			(void)printf("  %-14s what to do: %s\n", "", text_of(finding, "fix", ""));
	}
}

static void print_disk(struct json_object *disk)
{
	uint64_t version = number_of(disk, "version");

	(void)printf("  volume %s: %s", text_of(disk, "id", "?"), text_of(disk, "resource", "?"));
	if (version)
		(void)printf(" version %" PRIu64, version);
	(void)printf("\n    %s", text_of(disk, "state", "?"));
	if (text_of(disk, "checked_at", NULL))
		(void)printf("; header checked %s", text_of(disk, "checked_at", ""));
	if (text_of(disk, "served_at", NULL))
		(void)printf("; key given %s", text_of(disk, "served_at", ""));
	if (number_of(disk, "waiting"))
		(void)printf("; %" PRIu64 " waiting", number_of(disk, "waiting"));
	(void)printf("\n");
	if (text_of(disk, "refused_at", NULL))
		(void)printf("    refused %s: %s: %s\n", text_of(disk, "refused_at", ""), text_of(disk, "check", "?"), text_of(disk, "refusal", ""));
	if (text_of(disk, "fix", NULL))
		(void)printf("    what to do: %s\n", text_of(disk, "fix", ""));
}

static void print_key(struct json_object *key)
{
	const char *unit = text_of(key, "unit", "disk");
	uint64_t served = number_of(key, "served"), version = number_of(key, "version"), waiting = number_of(key, "waiting");

	(void)printf("  %s %s: %s", unit, text_of(key, "id", "?"), text_of(key, "resource", "?"));
	if (version)
		(void)printf(" version %" PRIu64, version);
	(void)printf("\n    served %" PRIu64 " times%s%s", served, served ? ", last " : "", text_of(key, "served_at", ""));
	if (waiting)
		(void)printf("; %" PRIu64 " waiting", waiting);
	if (text_of(key, "refused_at", NULL))
		(void)printf("; refused %s: %s", text_of(key, "refused_at", ""), text_of(key, "refusal", ""));
	(void)printf("\n");
}

static void print_keys(struct json_object *keys)
{
	size_t count = keys ? json_object_array_length(keys) : 0;

	(void)printf("\nKeys\n");
	if (count == 0)
		(void)printf("  no service and no disk is configured to get one\n");
	for (size_t i = 0; i < count; i++) {
		struct json_object *key = json_object_array_get_idx(keys, i);

		if (strcmp(text_of(key, "kind", ""), "disk") == 0)
			print_disk(key);
		else
			print_key(key);
	}
}

static void print_brokers(struct json_object *brokers)
{
	size_t count = brokers ? json_object_array_length(brokers) : 0;

	if (count)
		(void)printf("\nBrokers\n");
	for (size_t i = 0; i < count; i++) {
		struct json_object *broker = json_object_array_get_idx(brokers, i);
		const char *why = text_of(broker, "why", NULL);

		(void)printf("  %s: %s %s%s%s\n", text_of(broker, "origin", "?"), text_of(broker, "last", "?"), text_of(broker, "at", ""),
			why ? ": " : "", why ? why : "");
	}
}

/* The failed check that weighs most: evidence before policy. */
static int exit_of_findings(struct json_object *findings)
{
	size_t count = findings ? json_object_array_length(findings) : 0;
	int code = EXIT_REFUSED;

	for (size_t i = 0; i < count; i++) {
		struct json_object *finding = json_object_array_get_idx(findings, i);

		if (!decides_against(finding))
			continue;
		if (strcmp(text_of(finding, "class", ""), "evidence") == 0)
			return EXIT_EVIDENCE;
		code = EXIT_POLICY;
	}
	return code;
}

static int exit_of(struct json_object *root)
{
	if (flag_of(root, "proven"))
		return EXIT_YES;
	if (strcmp(text_of(root, "state", ""), "refused") != 0)
		return EXIT_UNREACHABLE;
	return exit_of_findings(json_get_array(json_get_object(root, "check"), "findings"));
}

static int print(struct json_object *root, bool json)
{
	if (json)
		return output_json(json_object_get(root), exit_of(root));
	print_head(root, flag_of(root, "proven"));
	print_findings(json_get_array(json_get_object(root, "check"), "findings"));
	print_keys(json_get_array(root, "keys"));
	print_brokers(json_get_array(root, "brokers"));
	return exit_of(root);
}

int status_main(int argc, char **argv)
{
	const char *socket = NULL;
	bool json = false;
	const struct cli_option rows[] = {
		{"socket", 0, OPTION_TEXT, &socket, "PATH", "the agent's status socket (" AGENT_STATUS_SOCKET ")"},
		{"json", 0, OPTION_FLAG, &json, NULL, "print the agent's JSON"},
	};
	const struct cli_usage usage = {"status [OPTIONS]",
		"Says whether this machine is proven, by what and until when, which keys went to whom, and what failed.\n"
		"Exit: 0 proven, 5 not yet, or no agent, 6 refused by the broker, 3 or 4 by a check here.",
		rows, ARRAY_SIZE(rows), 0, 0};
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct http_frame_response response = {0};
	struct error error = ERROR_NULL;
	JSON_AUTO root = NULL;
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	r = ask(socket ? socket : AGENT_STATUS_SOCKET, &payload, &response, &error);
	if (r)
		return output_error(EXIT_UNREACHABLE,
			"status: the agent cannot be asked: %s\n  Is it running? systemctl status sevattestd; journalctl -u sevattestd -b",
			error_text(&error));
	if (response.status == 200)
		r = json_read(response.body, &root, &error);
	if (r || !root)
		return output_error(EXIT_UNREACHABLE, "status: the agent's answer is none: %s", error_text(&error));
	return print(root, json);
}
