/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whom a request to a status page is meant for. A web page elsewhere can make its visitor's browser ask 127.0.0.1 under a name of its own
 * (DNS rebinding) and read the answer; the browser then sends that name in Host. So only names that nobody else can own are answered:
 * "localhost" and loopback addresses; other literal addresses where the port is open to others anyway; and what the operator has listed.
 */
#include <stdbool.h>

#include "base/config.h"

/* `host` is the header's value, with or without a port; NULL: there was none, which no browser does. */
bool host_allowed(const char *host, bool any_address, const struct config_list *names);
