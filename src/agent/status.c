/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/clock.h"
#include "io/frame.h"
#include "io/notify.h"

struct status_connection {
	struct status_server *server;
	struct frame_link *link; /* NULL: free */
	uint64_t used;           /* by the count of the server */
	sd_event_source *source;
};

struct status_server {
	struct core *core;
	const struct life *life;
	const struct credentials *credentials;
	const struct disks *disks;
	int listen_fd, notify_fd;
	sd_event_source *listener;
	uint64_t uses;
	struct status_connection connections[STATUS_CONNECTIONS_MAX];
	char line[AGENT_STATUS_LINE_MAX];
	struct agent_status_credential rows[AGENT_MAPS_MAX + DISKS_ROWS_MAX];
	struct agent_status_broker brokers[AGENT_BROKERS_MAX];
};

static int on_listener(sd_event_source *source, int fd, uint32_t revents, void *context);

int status_new(struct core *core, int listen_fd, int notify_fd, struct status_server **ret)
{
	CLEANUP(status_freep) struct status_server *server = calloc(1, sizeof(*server));
	int r = 0;

	if (!server)
		return -ENOMEM;
	server->core = core;
	server->listen_fd = -1;
	server->notify_fd = notify_fd;
	for (size_t i = 0; i < STATUS_CONNECTIONS_MAX; i++)
		server->connections[i].server = server;
	if (listen_fd >= 0)
		r = sd_event_add_io(core->event, &server->listener, listen_fd, EPOLLIN, on_listener, server);
	if (r < 0)
		return r;
	server->listen_fd = listen_fd;
	*ret = server;
	server = NULL;
	return 0;
}

static void drop(struct status_connection *connection)
{
	connection->source = sd_event_source_disable_unref(connection->source);
	connection->link = frame_link_free(connection->link);
}

struct status_server *status_free(struct status_server *server)
{
	if (!server)
		return NULL;
	server->listener = sd_event_source_disable_unref(server->listener);
	for (size_t i = 0; i < STATUS_CONNECTIONS_MAX; i++)
		drop(&server->connections[i]);
	if (server->listen_fd >= 0)
		(void)close(server->listen_fd);
	free(server);
	return NULL;
}

void status_set_sources(struct status_server *server, const struct life *life, const struct credentials *credentials, const struct disks *disks)
{
	server->life = life;
	server->credentials = credentials;
	server->disks = disks;
}

/* What is proven depends on what the policy wants to see; without one nobody here has looked. */
static enum agent_proof proof_of(const struct policy *policy)
{
	if (!policy)
		return AGENT_PROOF_UNKNOWN;
	return strcmp(policy_os_identity(policy), "unverified") == 0 ? AGENT_PROOF_FIRMWARE : AGENT_PROOF_SYSTEM;
}

static void add_machine(const struct core *core, struct agent_status *status)
{
	const struct core_machine *machine = &core->machine;
	const struct snp_report *report = &machine->report;

	if (machine->checked)
		status->verdict = &machine->verdict;
	if (!machine->known)
		return;
	status->provider = machine->provider;
	status->measurement = bytes_of(report->measurement, sizeof(report->measurement));
	if (!bytes_all_zero(report->chip_id, sizeof(report->chip_id)))
		status->chip_id = bytes_of(report->chip_id, sizeof(report->chip_id));
	status->product = report->product == SNP_PRODUCT_UNKNOWN ? NULL : snp_product_name(report->product);
	status->signer = snp_report_signer(report) == SNP_SIGNER_VLEK ? "vlek" : "vcek";
	status->has_tcb = true;
	status->tcb = report->reported_tcb;
}

static void collect(struct status_server *server, struct agent_status *ret)
{
	const struct core *core = server->core;
	size_t rows = 0;

	*ret = (struct agent_status){
		.version = SEVATTEST_VERSION,
		.started = core->started,
		.proof = proof_of(core->config->policy),
		.root_trust = core->config->settings.root_trust,
		.policy = core->config->policy ? policy_name(core->config->policy) : NULL,
		.counters = core->counters,
		.attest_duration = core->attest_duration,
	};
	add_machine(core, ret);
	if (server->life)
		life_status(server->life, ret, server->brokers);
	if (server->credentials)
		credentials_status(server->credentials, ret, server->rows, &rows);
	if (server->disks)
		disks_status(server->disks, ret, server->rows, &rows);
	ret->credentials = server->rows;
	ret->credential_count = rows;
}

void status_tell(struct status_server *server)
{
	char line[AGENT_STATUS_LINE_MAX], text[AGENT_STATUS_LINE_MAX + 16];
	struct agent_status status;

	collect(server, &status);
	agent_status_line(&status, clock_now(), line);
	if (strcmp(line, server->line) == 0)
		return;
	memcpy(server->line, line, sizeof(line));
	(void)snprintf(text, sizeof(text), "STATUS=%s\n", line);
	notify_send(server->notify_fd, text);
}

/* 0, or why the connection must end. */
static int answer(struct status_connection *connection)
{
	struct frame_header header;
	struct bytes payload;
	int r;

	while ((r = frame_link_next(connection->link, &header, &payload)) == 0) {
		CLEANUP(buf_deinit) struct buf text = BUF_NULL;
		struct agent_status status;

		collect(connection->server, &status);
		r = agent_status_answer(&status, payload, clock_now(), &text);
		if (!r)
			r = frame_link_queue(connection->link, FRAME_STATUS_RESPONSE, header.id, buf_view(&text));
		if (r)
			return r;
	}
	return r == -EAGAIN ? 0 : r;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct status_connection *connection = context;
	short events = (short)((revents & EPOLLIN ? POLLIN : 0) | (revents & EPOLLOUT ? POLLOUT : 0) |
			       (revents & (EPOLLHUP | EPOLLERR) ? POLLHUP : 0));
	int r = frame_link_work(connection->link, events);
	int answered = answer(connection);

	connection->used = ++connection->server->uses;

	(void)fd;
	if (!r && !answered)
		r = frame_link_work(connection->link, 0);
	if (r || answered) {
		drop(connection);
		return 0;
	}
	events = frame_link_events(connection->link);
	(void)sd_event_source_set_io_events(source, (events & POLLIN ? EPOLLIN : 0U) | (events & POLLOUT ? EPOLLOUT : 0U));
	return 0;
}

/* A free one, else the one that has been silent for longest: whoever holds them all locks nobody out. */
static struct status_connection *make_room(struct status_server *server)
{
	struct status_connection *oldest = &server->connections[0];

	for (size_t i = 0; i < STATUS_CONNECTIONS_MAX; i++) {
		struct status_connection *connection = &server->connections[i];

		if (!connection->link)
			return connection;
		if (connection->used < oldest->used)
			oldest = connection;
	}
	drop(oldest);
	return oldest;
}

static int on_listener(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct status_server *server = context;
	struct status_connection *connection;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	if (accepted < 0)
		return 0;
	connection = make_room(server);
	connection->used = ++server->uses;
	if (frame_link_new(&connection->link, accepted, FRAME_BIT(FRAME_STATUS_REQUEST))) {
		(void)close(accepted);
		return 0;
	}
	if (sd_event_add_io(server->core->event, &connection->source, accepted, EPOLLIN, on_connection, connection) < 0)
		drop(connection);
	return 0;
}
