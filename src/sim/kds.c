/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kds.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/httpserver.h"
#include "io/socket.h"
#include "sim/front.h"

struct sim_kds {
	const struct sim_platform *platform;
	const char *state_path;
	struct httpserver *server; /* plain HTTP, or */
	struct sim_front *front;   /* TLS */
	atomic_uint storm;      /* the number that was set last */
	atomic_uint storm_seen; /* requests for VCEKs since */
};

enum { KDS_NOT_FOUND = 1 };

/* "?blSPL=4&teeSPL=0...": every name once, decimal values; FMC exactly where the product has it. */
static int query_read(const char *query, const struct sim_product *product, struct sim_tcb *ret)
{
	const struct {
		const char *name;
		uint8_t *to;
		bool wanted;
	} names[] = {
		{"fmcSPL=", &ret->fmc, product->has_fmc},
		{"blSPL=", &ret->bootloader, true},
		{"teeSPL=", &ret->tee, true},
		{"snpSPL=", &ret->snp, true},
		{"ucodeSPL=", &ret->microcode, true},
	};
	unsigned seen = 0, wanted = 0;
	const char *at = query ? query : "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		wanted |= names[i].wanted ? 1U << i : 0;
	while (*at) {
		size_t i = 0;
		char *end;
		unsigned long value;

		while (i < ARRAY_SIZE(names) && !text_starts_with(at, names[i].name))
			i++;
		if (i == ARRAY_SIZE(names) || seen & 1U << i)
			return KDS_NOT_FOUND;
		at += strlen(names[i].name);
		value = strtoul(at, &end, 10);
		if (end == at || value > 255 || (*end && *end != '&'))
			return KDS_NOT_FOUND;
		*names[i].to = (uint8_t)value;
		seen |= 1U << i;
		at = *end ? end + 1 : end;
	}
	return seen == wanted ? 0 : KDS_NOT_FOUND;
}

static int get_vcek(const struct sim_platform *platform, struct sim_state *state, const char *hwid, const char *query, struct buf *to)
{
	const struct sim_product *product = platform->product;
	uint8_t chip[SIM_CHIP_ID_SIZE] = {0};
	struct sim_tcb tcb = {0, 0, 0, 0, 0};

	if (strlen(hwid) != 2 * product->hwid_size || hex_decode(chip, product->hwid_size, hwid))
		return KDS_NOT_FOUND;
	if (!state->kds_any_chip && memcmp(chip, state->chip_id, sizeof(chip)) != 0 && memcmp(chip, platform->chip_id, sizeof(chip)) != 0)
		return KDS_NOT_FOUND;
	if (query_read(query, product, &tcb))
		return KDS_NOT_FOUND;
	if (!strcmp(state->kds_fault, "wrong-chip"))
		chip[0] ^= 1;
	if (!strcmp(state->kds_fault, "wrong-tcb"))
		tcb.snp ^= 1;
	memcpy(state->chip_id, chip, sizeof(chip));
	state->signer = SIM_SIGNER_VCEK;
	return sim_vek_certificate(platform, state, &tcb, clock_now(), to);
}

/* `rest` is what follows "/vcek/v1/Milan/". */
static int get_object(const struct sim_platform *platform, struct sim_state *state, bool vlek, const char *rest, const char *query,
	struct buf *to, const char **ret_type)
{
	int r;

	*ret_type = "application/x-pem-file";
	if (!strcmp(rest, "cert_chain")) {
		r = sim_ca_write(platform, vlek ? SIM_ASVK : SIM_ASK, true, to);
		return r ? r : sim_ca_write(platform, SIM_ARK, true, to);
	}
	*ret_type = "application/pkix-cert";
	if (!strcmp(rest, "crl"))
		return sim_crl(platform, state, clock_now(), to);
	return vlek ? KDS_NOT_FOUND : get_vcek(platform, state, rest, query, to);
}

/* A request with a query is for a VCEK. */
static bool in_storm(struct sim_kds *kds, const struct sim_state *state, const char *query)
{
	if (atomic_exchange(&kds->storm, state->kds_storm) != state->kds_storm)
		atomic_store(&kds->storm_seen, 0);
	return query && atomic_fetch_add(&kds->storm_seen, 1) < state->kds_storm;
}

/* What is sent instead of a VCEK. */
static int spoil(const struct sim_platform *platform, const struct sim_state *state, struct buf *body)
{
	static const char junk[] = "<html>maintenance</html>";

	if (!strcmp(state->kds_fault, "half"))
		body->size /= 2;
	if (!strcmp(state->kds_fault, "garbage")) {
		buf_deinit(body);
		return buf_append_text(body, junk);
	}
	if (!strcmp(state->kds_fault, "chain")) {
		buf_deinit(body);
		return sim_ca_write(platform, SIM_ASK, true, body);
	}
	return 0;
}

static int route(const struct sim_platform *platform, struct sim_state *state, const struct httpserver_request *request, struct buf *to,
	const char **ret_type)
{
	char prefix[64];

	for (int vlek = 0; vlek < 2; vlek++) {
		(void)snprintf(prefix, sizeof(prefix), "/%s/v1/%s/", vlek ? "vlek" : "vcek", platform->product->name);
		if (text_starts_with(request->path, prefix))
			return get_object(platform, state, vlek, request->path + strlen(prefix), request->query, to, ret_type);
	}
	return KDS_NOT_FOUND;
}

static void answer_text(struct httpserver_exchange *exchange, unsigned status, const char *text, uint32_t retry_after)
{
	struct httpserver_response response = {
		.status = status, .content_type = "text/plain", .body = bytes_of_text(text), .retry_after = retry_after};

	httpserver_answer(exchange, &response);
}

static void handle(void *context, struct httpserver_exchange *exchange, const struct httpserver_request *request)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct sim_kds *kds = context;
	struct httpserver_response response = {.status = 200};
	struct sim_state state;
	struct error error = ERROR_NULL;
	int r;

	sim_state_init(&state, kds->platform->product, kds->platform->chip_id);
	r = sim_state_read(&state, kds->state_path, &error);
	log_info("KDS: %s %s%s%s", request->method, request->path, request->query ? "?" : "", request->query ? request->query : "");
	if (!r && state.kds_delay_ms)
		(void)usleep((useconds_t)(state.kds_delay_ms * 1000));
	if (r) {
		log_error("%s", error_text(&error));
		answer_text(exchange, 500, "the simulator's state file cannot be read\n", 0);
	} else if (strcmp(request->method, "GET") != 0) {
		answer_text(exchange, 405, "Method Not Allowed\n", 0);
	} else if (in_storm(kds, &state, request->query)) {
		answer_text(exchange, 429, "Too Many Requests\n", state.kds_retry_after);
	} else if (state.kds_status) {
		answer_text(exchange, state.kds_status, state.kds_status == 429 ? "Too Many Requests\n" : "simulated failure\n",
			state.kds_retry_after);
	} else {
		r = route(kds->platform, &state, request, &body, &response.content_type);
		if (!r && request->query)
			r = spoil(kds->platform, &state, &body);
		response.body = buf_view(&body);
		if (!r)
			httpserver_answer(exchange, &response);
		else
			answer_text(exchange, r > 0 ? 404 : 500, r > 0 ? "Not Found\n" : "Internal Server Error\n", 0);
	}
}

int sim_kds_start(const struct sim_platform *platform, const char *state_path, const char *listen, const char *ca_path, uint16_t *ret_port,
	struct sim_kds **ret, struct error *error)
{
	struct httpserver_config config = {.threads = 4, .handler = handle};
	struct sim_kds *kds = calloc(1, sizeof(*kds));
	int r;

	if (!kds)
		return -ENOMEM;
	kds->platform = platform;
	kds->state_path = state_path;
	config.context = kds;
	if (ca_path) {
		r = sim_front_start(platform, &config, state_path, listen, ca_path, ret_port, &kds->front, error);
	} else {
		r = socket_listen_tcp(listen, &config.listen_fd, ret_port, error);
		if (!r)
			r = httpserver_new(&config, &kds->server, error);
	}
	if (r) {
		free(kds);
		return r;
	}
	*ret = kds;
	return 0;
}

struct sim_kds *sim_kds_stop(struct sim_kds *kds)
{
	if (kds) {
		(void)sim_front_stop(kds->front);
		(void)httpserver_free(kds->server);
		free(kds);
	}
	return NULL;
}
