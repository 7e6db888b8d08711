/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from the other sockets: only daemons inherit any, and libsystemd costs a command-line program the loading of seven libraries. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "io/socket.h"

int socket_inherited(const char *name, int *ret_fd)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names);
	int r = -ENOENT;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		if (r && strcmp(names[i], name) == 0) {
			*ret_fd = SD_LISTEN_FDS_START + i;
			r = 0;
		}
		free(names[i]);
	}
	free(names);
	return r;
}
