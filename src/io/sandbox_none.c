/* SPDX-License-Identifier: Apache-2.0 */
/* For builds with a sanitizer: its run-time reads /proc, maps shadow memory and, for leaks, traces the process. */
#include "io/sandbox.h"

int sandbox_enter(
	enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, struct sandbox_state *ret, struct error *error)
{
	(void)profile;
	(void)paths;
	(void)count;
	(void)error;
	*ret = (struct sandbox_state){.seccomp = false, .landlock_abi = 0};
	return 0;
}

int sandbox_enter_net(enum sandbox_profile profile, const struct sandbox_path *paths, size_t count, const uint16_t *ports, size_t port_count,
	struct sandbox_state *ret, struct error *error)
{
	(void)ports;
	(void)port_count;
	return sandbox_enter(profile, paths, count, ret, error);
}
