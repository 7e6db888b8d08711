/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/firmware.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "io/clock.h"

#define STATUS_PARAMETER 0x16
#define REPORT_AT 32
#define KEY_AT 32
#define PAGE 4096
#define VMM_INVALID_LENGTH 1
#define FIELDS_KNOWN 0x3f
#define MIX_SIZE 168

int sim_source_state(const struct sim_source *source, struct sim_state *ret)
{
	struct error error = ERROR_NULL;

	sim_state_init(ret, source->platform->product, source->platform->chip_id);
	if (sim_state_read(ret, source->state_path, &error)) {
		log_error("%s", error_text(&error));
		return -EIO;
	}
	return 0;
}

static void nap(uint64_t milliseconds)
{
	struct timespec time = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};

	(void)nanosleep(&time, NULL); /* a signal ends it early, and the service with it */
}

/* A report over these bytes, or over others when the state says so. */
static int make_report(const struct sim_source *source, const struct sim_state *state, uint32_t vmpl, const uint8_t *report_data,
	uint8_t report[static SIM_REPORT_SIZE])
{
	uint8_t data[SIM_REPORT_DATA_SIZE];

	memcpy(data, report_data, sizeof(data));
	data[0] ^= state->outblob_stale ? 1 : 0;
	return sim_report(source->platform, state, vmpl, data, report);
}

int sim_firmware_tsm(const struct sim_source *source, const struct sim_state *state, uint32_t vmpl, struct bytes report_data,
	struct buf *to_report, struct buf *to_table)
{
	uint8_t report[SIM_REPORT_SIZE];
	int r;

	if (report_data.size != SIM_REPORT_DATA_SIZE || vmpl < state->privlevel_floor)
		return -EINVAL;
	nap(state->delay_ms);
	if (state->outblob_error)
		return -state->outblob_error;
	buf_deinit(to_report);
	buf_deinit(to_table);
	r = make_report(source, state, vmpl, report_data.data, report);
	if (!r && !state->outblob_empty)
		r = buf_append(to_report, report, sizeof(report));
	if (!r)
		r = sim_certificate_table(source->platform, state, clock_now(), to_table);
	return r;
}

static uint32_t get32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void put32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

/*
 * Does this request show the fault of the state? What leaves the sequence of messages in doubt costs the key: the driver wipes it and says
 * ENOTTY from then on (spec 3.2).
 */
static int fault(struct sim_driver *driver, const struct sim_state *state, struct sim_request *request)
{
	if (driver->boot != state->guest_boot || driver->fault_limit != state->guest_faults || driver->fault_errno != state->guest_errno) {
		driver->key_gone = driver->key_gone && driver->boot == state->guest_boot;
		driver->boot = state->guest_boot;
		driver->fault_limit = state->guest_faults;
		driver->fault_errno = state->guest_errno;
		driver->fault_seen = 0;
	}
	if (driver->key_gone)
		return -ENOTTY;
	if (!state->guest_errno || (state->guest_faults && driver->fault_seen >= state->guest_faults))
		return 0;
	driver->fault_seen++;
	request->vmm_error = state->guest_vmm_error;
	request->firmware_error = state->guest_fw_error;
	driver->key_gone = state->guest_errno == ETIMEDOUT || state->guest_errno == EBADMSG ||
			   (state->guest_errno == EIO && state->guest_vmm_error != VMM_INVALID_LENGTH && state->guest_vmm_error != 2);
	return -state->guest_errno;
}

/* MSG_REPORT_REQ and its answer (spec 3.1). */
static int answer_report(const struct sim_source *source, const struct sim_state *state, struct sim_request *request)
{
	const uint8_t *message = request->message.data;
	uint32_t vmpl = get32(message + 64), select = get32(message + 68), status = state->guest_status;

	if (vmpl > 3 || vmpl < state->privlevel_floor || select > 2 || !bytes_all_zero(message + 72, 24))
		status = STATUS_PARAMETER;
	put32(request->response, status);
	if (status)
		return 0;
	put32(request->response + 4, state->guest_size ? state->guest_size : SIM_REPORT_SIZE);
	return make_report(source, state, vmpl, message, request->response + REPORT_AT);
}

/* The host's certificates, as many pages as it likes. */
static int answer_table(const struct sim_source *source, const struct sim_state *state, struct sim_request *request)
{
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	uint32_t need;
	int r = sim_certificate_table(source->platform, state, clock_now(), &table);

	if (r)
		return r;
	need = state->guest_table_pages ? state->guest_table_pages * PAGE : (uint32_t)((table.size + PAGE - 1) / PAGE * PAGE);
	if (need > request->table_size) {
		request->table_size = need;
		request->vmm_error = VMM_INVALID_LENGTH;
		return -EIO;
	}
	return buf_append(&request->table, table.data, table.size);
}

/* What is mixed into a derived key (spec 9). */
static int mix(const struct sim_state *state, const uint8_t *message, uint8_t to[static MIX_SIZE])
{
	static const uint8_t none[32];
	uint32_t root = get32(message), fields = get32(message + 8), vmpl = get32(message + 16), svn = get32(message + 20);

	memset(to, 0, MIX_SIZE);
	if (root & ~7U || get32(message + 4) || fields & ~(uint32_t)FIELDS_KNOWN || get32(message + 12) || vmpl > 3 ||
		vmpl < state->privlevel_floor || svn > state->guest_svn)
		return STATUS_PARAMETER;
	put32(to, root & 1);
	put32(to + 8, fields);
	put32(to + 16, vmpl);
	put32(to + 20, fields & 0x10 ? svn : 0);
	memcpy(to + 24, fields & 0x20 ? message + 24 : none, 8);
	put32(to + 32, fields & 1 ? (uint32_t)state->policy : 0);
	memcpy(to + 40, fields & 2 ? state->image_id : none, 16);
	memcpy(to + 56, fields & 4 ? state->family_id : none, 16);
	memcpy(to + 72, fields & 8 ? state->measurement : none, 32);
	memcpy(to + 104, state->host_data, 32);
	memcpy(to + 136, state->author_key ? state->author_key_digest : state->id_key_digest, 32);
	return 0;
}

/* SP 800-108, one block of HMAC-SHA-256 (spec 9). The root is this platform's seed. */
static int answer_key(const struct sim_source *source, const struct sim_state *state, struct sim_request *request)
{
	static const uint8_t counter[] = {1, 0, 0, 0}, bits[] = {0, 1, 0, 0};
	uint8_t text[4 + sizeof("gmsg-keyreq") + MIX_SIZE + 4], mixed[MIX_SIZE];
	unsigned size = 0;
	int status = mix(state, request->message.data, mixed);

	put32(request->response, status ? (uint32_t)status : state->guest_status);
	if (status || state->guest_status)
		return 0;
	memcpy(text, counter, 4);
	memcpy(text + 4, "gmsg-keyreq", sizeof("gmsg-keyreq"));
	memcpy(text + 4 + sizeof("gmsg-keyreq"), mixed, MIX_SIZE);
	memcpy(text + sizeof(text) - 4, bits, 4);
	if (!HMAC(EVP_sha256(), source->platform->seed, sizeof(source->platform->seed), text, sizeof(text), request->response + KEY_AT,
		    &size))
		return -ENOMEM;
	return 0;
}

static int serve(struct sim_driver *driver, struct sim_request *request)
{
	struct sim_state state;
	int r = sim_source_state(&driver->source, &state);

	if (r)
		return r;
	if (request->wants_table && (request->table_size % PAGE || request->table_size > state.guest_table_max))
		return -EINVAL;
	r = fault(driver, &state, request);
	if (r)
		return r;
	nap(state.delay_ms);
	if (request->wants_key)
		return answer_key(&driver->source, &state, request);
	if (request->wants_table) {
		r = answer_table(&driver->source, &state, request);
		if (r)
			return r;
	}
	return answer_report(&driver->source, &state, request);
}

int sim_driver_request(struct sim_driver *driver, struct sim_request *request)
{
	int r;

	(void)pthread_mutex_lock(&driver->lock);
	r = serve(driver, request);
	(void)pthread_mutex_unlock(&driver->lock);
	return r;
}
