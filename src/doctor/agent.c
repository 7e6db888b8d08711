/* SPDX-License-Identifier: Apache-2.0 */
/* What sevattestd itself says, where it can be asked: is this machine proven, and whom did it refuse? A unit that was refused shows nothing of it. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/json.h"
#include "doctor/look.h"
#include "io/frame.h"
#include "io/http_frame.h"
#include "io/socket.h"

#define TIMEOUT_MS 5000 /* it answers from memory */

/* GET /status over its socket. 0 and a document, or -errno or a frame's outcome. */
static int ask(const char *socket, struct json_object **ret, struct error *error)
{
	struct http_frame_response response = {0};
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct frame_header header;
	FD_AUTO fd = -1;
	int r = socket_connect_unix(socket, TIMEOUT_MS, &fd, error);

	if (!r)
		r = frame_send(fd, FRAME_STATUS_REQUEST, 1, bytes_of_text("/status"));
	if (!r)
		r = frame_receive(fd, FRAME_BIT(FRAME_STATUS_RESPONSE), &header, &payload);
	if (!r)
		r = http_frame_response_decode(buf_view(&payload), &response) || response.status != 200 ? -EPROTO : 0;
	return r ? r : json_read(response.body, ret, error);
}

static void look_at_state(struct look *look, struct json_object *status)
{
	const char *state = json_get_text(status, "state", NULL), *reason = json_get_text(status, "reason", NULL),
		   *fix = json_get_text(status, "fix", NULL);
	bool proven = false;
	struct finding *finding;

	if (json_get_bool(status, "proven", &proven) && proven) {
		look_passed(look, "agent.proven", NULL);
		return;
	}
	finding = look_failed(look, "agent.proven");
	finding_expected(finding, "attested");
	finding_actual(finding, "%s", state ? state : "unknown");
	finding_why(finding, "%s", reason ? reason : "no broker has taken this machine's evidence yet");
	finding_fix(finding, "%s", fix ? fix : "sevattest status, and journalctl -u sevattestd -b, tell more");
}

static void look_at_key(struct look *look, struct json_object *key)
{
	const char *refusal = json_get_text(key, "refusal", NULL), *fix = json_get_text(key, "fix", NULL),
		   *unit = json_get_text(key, "unit", NULL);
	const char *id = json_get_text(key, "id", NULL), *resource = json_get_text(key, "resource", NULL);
	const char *refused_at = json_get_text(key, "refused_at", NULL), *served_at = json_get_text(key, "served_at", NULL);
	struct finding *finding;

	/* Times of one form: they sort as texts. A key that was given since is no trouble any more. */
	if (!refusal || (served_at && refused_at && strcmp(served_at, refused_at) > 0))
		return;
	finding = look_failed(look, "agent.refused");
	finding_expected(finding, "%s", resource ? resource : "a key");
	finding_actual(finding, "%s%s%s was refused", unit ? unit : "", unit && id ? "/" : "", id ? id : "");
	finding_why(finding, "%s", refusal);
	finding_fix(finding, "%s",
		fix ? fix : "on the broker: sevattest-broker audit tells why; the key is asked for again when the unit is started");
}

void room_agent(struct look *look)
{
	JSON_AUTO status = NULL;
	struct json_object *keys;
	struct error error = ERROR_NULL;
	struct stat info;
	char path[PATH_MAX];

	/* A machine that does not run has none. */
	if (snprintf(path, sizeof(path), "%s" AGENT_STATUS_SOCKET, look->root) >= (int)sizeof(path) || stat(path, &info) < 0)
		return;
	if (ask(path, &status, &error)) {
		struct finding *finding = look_failed(look, "agent.answers");

		finding_actual(finding, "%s: %s", path, error_text(&error)[0] ? error_text(&error) : "no answer");
		finding_why(finding, "nobody hands out keys");
		finding_fix(finding, "systemctl status sevattestd, and journalctl -u sevattestd -b, tell why it does not run");
		return;
	}
	look_at_state(look, status);
	keys = json_get_array(status, "keys");
	for (size_t i = 0; keys && i < json_object_array_length(keys); i++)
		look_at_key(look, json_object_array_get_idx(keys, i));
}
