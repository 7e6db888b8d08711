/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handshake costs the broker: drives whole handshakes, from /auth to the first key, and further keys of a kept session over TLS connections that stay
 * open, against programs that run already, and reads what CPU and memory those programs used. The report is signed in here, by the simulator's code, so that
 * it costs the broker nothing and the clock can stand still meanwhile. Every key is compared with the expected one. Prints one "name value" per line.
 *
 * usage: bench_broker PLATFORM URL CA RESOURCE SECRET HANDSHAKES CONNECTIONS BROKERD_PID HTTPD_PID
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/secret.h"
#include "base/text.h"
#include "evidence/evidence.h"
#include "io/fetch.h"
#include "jose/jwk.h"
#include "kbs/client.h"
#include "sim/report.h"

#define HANDSHAKES_MAX 100000
#define CONNECTIONS_MAX 64
#define RESOURCES_PER_HANDSHAKE 4 /* further keys are cheap: so many more for a figure as steady */
#define LATENCIES_MAX 1000

enum { BROKERD, HTTPD, PROGRAMS };
static const char *const program_names[] = {"brokerd", "httpd"};

static struct bench {
	struct sim_platform platform;
	struct sim_state state;
	struct buf table;
	struct buf secret;
	const char *url, *ca, *resource;
	size_t handshakes, connections;
	uint64_t pids[PROGRAMS];
} bench;

/* One connection with its session. */
struct guest {
	pthread_t thread;
	struct fetcher *fetcher;
	struct jwk *key;
	struct kbs_client *client;
	size_t rounds;
	bool keep; /* the session: only further keys */
	double *latencies; /* of each round in milliseconds; NULL: not wanted */
	double signing; /* seconds of the current round that went into evidence */
	struct error error;
	int result;
};

static double seconds(clockid_t clock)
{
	struct timespec at;

	(void)clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int give_evidence(struct guest *guest)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t report[SIM_REPORT_SIZE];
	double start = seconds(CLOCK_MONOTONIC);
	int r = sim_report(&bench.platform, &bench.state, 0, kbs_client_report_data(guest->client), report);

	if (!r)
		r = evidence_from_report(&evidence, bytes_of(report, sizeof(report)), buf_view(&bench.table));
	if (!r)
		r = evidence_write_kbs(&evidence, &text);
	if (!r)
		r = kbs_client_evidence(guest->client, buf_view(&text), bytes_of(NULL, 0));
	guest->signing += seconds(CLOCK_MONOTONIC) - start;
	return r;
}

static int exchange(struct guest *guest)
{
	CLEANUP(fetch_response_deinit) struct fetch_response answer = FETCH_RESPONSE_NULL;
	char url[FETCH_URL_MAX], cookie[KBS_CLIENT_COOKIE_MAX + 1];
	struct kbs_http_response response;
	struct kbs_http_request request;
	struct fetch_request out;
	int r = kbs_client_request(guest->client, &request);

	if (r || request.cookie.size > KBS_CLIENT_COOKIE_MAX)
		return -1;
	(void)snprintf(url, sizeof(url), "%s%s", bench.url, request.path);
	memcpy(cookie, request.cookie.size ? (const char *)request.cookie.data : "", request.cookie.size);
	cookie[request.cookie.size] = 0;
	out = (struct fetch_request){.method = request.method, .url = url, .content_type = request.content_type, .body = request.body,
		.cookie = request.cookie.size ? cookie : NULL};
	r = fetch(guest->fetcher, &out, &answer, &guest->error);
	if (r)
		return r;
	response = (struct kbs_http_response){.status = answer.status, .set_cookie = bytes_of_text(answer.set_cookie),
		.retry_after = answer.retry_after, .body = buf_view(&answer.body)};
	return kbs_client_response(guest->client, &response, (int64_t)seconds(CLOCK_MONOTONIC));
}

/* One key, with or without a handshake before it. */
static int get_key(struct guest *guest)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	int r = kbs_client_get(guest->client, bench.resource);

	while (!r && kbs_client_want(guest->client) != KBS_CLIENT_DONE) {
		if (kbs_client_want(guest->client) == KBS_CLIENT_EVIDENCE)
			r = give_evidence(guest);
		else if (kbs_client_want(guest->client) == KBS_CLIENT_SEND)
			r = exchange(guest);
		else
			return error_set(&guest->error, -1, "%s", kbs_client_error(guest->client));
	}
	if (!r)
		r = kbs_client_take(guest->client, &secret);
	if (!r && !bytes_equal(secret_view(&secret), buf_view(&bench.secret)))
		return error_set(&guest->error, -1, "another key than the stored one");
	return r;
}

static int new_client(struct guest *guest)
{
	struct kbs_client_config config = {.tee = KBS_TEE_SNP, .guest_key = guest->key};

	guest->client = kbs_client_free(guest->client);
	return kbs_client_new(&config, &guest->client);
}

static void *work(void *context)
{
	struct guest *guest = context;

	for (size_t i = 0; i < guest->rounds && !guest->result; i++) {
		double start = seconds(CLOCK_MONOTONIC);

		guest->signing = 0;
		if (!guest->keep)
			guest->result = new_client(guest);
		if (!guest->result)
			guest->result = get_key(guest);
		if (guest->latencies)
			guest->latencies[i] = 1000 * (seconds(CLOCK_MONOTONIC) - start - guest->signing);
	}
	return NULL;
}

static int guests_open(struct guest *guests, size_t count)
{
	struct fetch_config config = {.ca_file = bench.ca};

	for (size_t i = 0; i < count; i++) {
		if (fetch_new(&config, &guests[i].fetcher, &guests[i].error) || jwk_generate(JWK_P256, 0, &guests[i].key))
			return -1;
	}
	return 0;
}

static void guests_close(struct guest *guests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)kbs_client_free(guests[i].client);
		(void)jwk_free(guests[i].key);
		(void)fetch_free(guests[i].fetcher);
	}
}

/* All guests at once, `rounds` in sum. */
static int run(struct guest *guests, size_t count, size_t rounds, bool keep)
{
	for (size_t i = 0; i < count; i++) {
		guests[i].rounds = rounds / count;
		guests[i].keep = keep;
		if (pthread_create(&guests[i].thread, NULL, work, &guests[i]))
			return -1;
	}
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(guests[i].thread, NULL);
	for (size_t i = 0; i < count; i++) {
		if (guests[i].result) {
			(void)fprintf(stderr, "bench_broker: %s\n", error_text(&guests[i].error));
			return -1;
		}
	}
	return 0;
}

/* User and system time of all threads: fields 14 and 15 of /proc/PID/stat; the name may hold anything, so from its end. */
static double cpu_of(uint64_t pid)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char path[64];
	unsigned long user = 0, system = 0;
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	if (file_read(path, 4096, &text, NULL) || buf_append(&text, "", 1))
		return 0;
	at = strrchr((const char *)text.data, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double peak_mib_of(uint64_t pid)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	unsigned long kib = 0;
	char path[64];
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/status", pid);
	if (file_read(path, 65536, &text, NULL) || buf_append(&text, "", 1))
		return 0;
	at = strstr((const char *)text.data, "VmHWM:");
	return at && sscanf(at, "VmHWM: %lu", &kib) == 1 ? (double)kib / 1024 : 0;
}

/* Runs and prints keys per CPU second, and how the CPU was shared. */
static int measure(struct guest *guests, size_t rounds, bool keep, const char *name)
{
	double before[PROGRAMS], used[PROGRAMS], wall = seconds(CLOCK_MONOTONIC), sum = 0;

	for (size_t i = 0; i < PROGRAMS; i++)
		before[i] = cpu_of(bench.pids[i]);
	rounds -= rounds % bench.connections;
	if (run(guests, bench.connections, rounds, keep))
		return -1;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	for (size_t i = 0; i < PROGRAMS; i++) {
		used[i] = cpu_of(bench.pids[i]) - before[i];
		sum += used[i];
	}
	if (sum <= 0)
		return -1;
	(void)printf("%s_per_cpu_s %.0f\n%s_cpu_us %.0f\n%s_wall_us %.0f\n", name, (double)rounds / sum, name, 1e6 * sum / (double)rounds, name,
		1e6 * wall / (double)rounds);
	for (size_t i = 0; i < PROGRAMS; i++)
		(void)printf("%s_%s_cpu_us %.0f\n", name, program_names[i], 1e6 * used[i] / (double)rounds);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* One guest alone, so that nobody waits in a queue; without the time of signing. */
static int latency(struct guest *guest)
{
	static double latencies[LATENCIES_MAX];
	size_t count = bench.handshakes < LATENCIES_MAX ? bench.handshakes : LATENCIES_MAX;

	guest->latencies = latencies;
	if (run(guest, 1, count, false))
		return -1;
	guest->latencies = NULL;
	qsort(latencies, count, sizeof(latencies[0]), by_value);
	(void)printf("broker_p50_ms %.2f\nbroker_p99_ms %.2f\n", latencies[count / 2], latencies[count * 99 / 100]);
	return 0;
}

static int number(const char *text, uint64_t max, uint64_t *ret)
{
	return text_to_u64(text, max, false, ret);
}

static int load(char **argv)
{
	struct error error = ERROR_NULL;
	uint64_t handshakes, connections;
	int r;

	bench.url = argv[2];
	bench.ca = argv[3];
	bench.resource = argv[4];
	r = number(argv[6], HANDSHAKES_MAX, &handshakes) || number(argv[7], CONNECTIONS_MAX, &connections) ||
	    number(argv[8], INT32_MAX, &bench.pids[BROKERD]) || number(argv[9], INT32_MAX, &bench.pids[HTTPD]);
	if (r || connections == 0 || handshakes < connections)
		return -1;
	bench.handshakes = handshakes;
	bench.connections = connections;
	r = sim_platform_open(argv[1], &bench.platform, &error);
	if (!r)
		sim_state_init(&bench.state, bench.platform.product, bench.platform.chip_id);
	if (!r)
		r = sim_certificate_table(&bench.platform, &bench.state, time(NULL), &bench.table);
	if (!r)
		r = file_read(argv[5], 65536, &bench.secret, &error);
	if (r)
		(void)fprintf(stderr, "bench_broker: %s\n", error_text(&error));
	return r;
}

int main(int argc, char **argv)
{
	static struct guest guests[CONNECTIONS_MAX];
	int r = argc == 10 && secret_process_init((size_t)4 << 20) == 0 ? load(argv) : -1;

	if (!r)
		r = guests_open(guests, bench.connections);
	/* Not counted: each connection's TLS handshake, and the first look at the chip. */
	if (!r)
		r = run(guests, bench.connections, 2 * bench.connections, false);
	if (!r)
		r = measure(guests, bench.handshakes, false, "broker_first_key");
	if (!r)
		r = measure(guests, RESOURCES_PER_HANDSHAKE * bench.handshakes, true, "broker_resource");
	if (!r)
		r = latency(&guests[0]);
	if (r) {
		(void)fprintf(stderr, "usage: bench_broker PLATFORM URL CA RESOURCE SECRET HANDSHAKES CONNECTIONS BROKERD_PID HTTPD_PID\n");
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < PROGRAMS; i++)
		(void)printf("%s_peak_rss_mib %.1f\n", program_names[i], peak_mib_of(bench.pids[i]));
	guests_close(guests, bench.connections);
	buf_deinit(&bench.table);
	buf_deinit(&bench.secret);
	sim_platform_deinit(&bench.platform);
	return EXIT_SUCCESS;
}
