/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/refusal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"

static int path_of(const struct core *core, char to[static PATH_MAX])
{
	return snprintf(to, PATH_MAX, "%s/" REFUSAL_FILE, core->config->settings.state_directory) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

void refusal_write(const struct core *core, const char *why)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	char path[PATH_MAX];

	if (path_of(core, path) || buf_printf(&text, "%s\n", why) || file_write(path, buf_view(&text), 0644, &error))
		log_error("the refusal cannot be written down: %s", error.text[0] ? error_text(&error) : "the path is too long");
}

void refusal_remove(const struct core *core)
{
	char path[PATH_MAX];

	if (!path_of(core, path) && unlink(path) < 0 && errno != ENOENT)
		log_error("%s: %s", path, strerror(errno));
}
