/* SPDX-License-Identifier: Apache-2.0 */
/* Before the volume is opened: copy the header, ask, and leave the one header that was agreed on. */
#include <errno.h>
#include <string.h>

#include "base/files.h"
#include "base/log.h"
#include "io/notify.h"
#include "luks-helper/area.h"
#include "luks-helper/ask.h"
#include "luks-helper/files.h"
#include "luks-helper/helper.h"
#include "luks/rebuild.h"

static int log_and(int exit_code, const struct error *error, int r)
{
	log_error("%s", error->text[0] ? error_text(error) : strerror(r < 0 ? -r : EPROTO));
	return exit_code;
}

/* What systemd-cryptsetup gets: the listed copy in both places, so that it cannot prefer another. */
static int leave_agreed(const struct helper *helper, struct bytes area, enum luks_frame_copy copy, struct error *error)
{
	CLEANUP(buf_deinit) struct buf agreed = BUF_NULL;
	int r = luks_rebuild(area, copy == LUKS_FRAME_SECONDARY ? LUKS_SECONDARY : LUKS_PRIMARY, &agreed);

	if (r)
		return error_set(error, r < 0 ? r : -EPROTO, "%s: the header that sevattestd chose cannot be rebuilt", helper->volume);
	return files_write_header(helper->run, helper->volume, buf_view(&agreed), error);
}

/* Without the header systemd-cryptsetup has nothing to open; what cannot be removed is said, and the unit has failed all the same. */
static int leave_nothing(const struct helper *helper, int exit_code)
{
	struct error error = ERROR_NULL;

	if (files_remove(helper->run, helper->volume, &error))
		log_error("%s", error_text(&error));
	return exit_code;
}

static int refuse(const struct helper *helper, const struct luks_frame_response *answer)
{
	log_error("%s is not opened: %.*s: %.*s", helper->volume, (int)answer->check.size, (const char *)answer->check.data, (int)answer->reason.size,
		(const char *)answer->reason.data);
	if (answer->fix.size)
		log_error("fix: %.*s", (int)answer->fix.size, (const char *)answer->fix.data);
	return leave_nothing(helper, EXIT_REFUSED);
}

static int copy_and_ask(const struct helper *helper, int device, int notify_fd)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL, payload = BUF_NULL;
	struct luks_frame_response answer;
	struct error error = ERROR_NULL;
	int r = area_read(device, helper->conf.device, &area, &error);

	if (r)
		return log_and(EXIT_UNREACHABLE, &error, r);
	r = files_write_header(helper->run, helper->volume, buf_view(&area), &error);
	if (!r)
		r = ask(helper->socket, helper->volume, notify_fd, &payload, &answer, &error);
	if (!r && answer.verdict != LUKS_FRAME_OPEN)
		return refuse(helper, &answer);
	if (!r)
		r = leave_agreed(helper, buf_view(&area), answer.copy, &error);
	if (r)
		return leave_nothing(helper, log_and(EXIT_INTERNAL, &error, r));
	log_notice("%s may be opened with its %s header, %zu bytes copied from %s", helper->volume, answer.copy == LUKS_FRAME_SECONDARY ? "secondary" : "primary",
		area.size, helper->conf.device);
	notify_send(notify_fd, "STATUS=agreed");
	return EXIT_YES;
}

int helper_check(const struct helper *helper)
{
	struct error error = ERROR_NULL;
	FD_AUTO device = -1, notify_fd = notify_open();
	unsigned major, minor;
	int r = files_remove(helper->run, helper->volume, &error);

	if (r)
		return log_and(EXIT_INTERNAL, &error, r);
	r = helper_open_device(helper, &device, &major, &minor, &error);
	if (r)
		return log_and(r == -ENOTBLK ? EXIT_USAGE : EXIT_UNREACHABLE, &error, r);
	r = helper_narrow(helper, &error);
	if (r)
		return log_and(EXIT_INTERNAL, &error, r);
	return copy_and_ask(helper, device, notify_fd);
}
