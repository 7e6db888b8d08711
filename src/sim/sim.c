/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevattest-sim: a software SNP platform for tests and demonstrations. Its reports prove nothing: they verify only where an operator pins
 * DIR/ark.pem.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "io/clock.h"
#include "sim/guest_device.h"
#include "sim/kds.h"
#include "sim/report.h"
#include "sim/tsm_fs.h"
#include "sim/tsm_module.h"

#define SETTINGS_MAX 96
#define NAMED_MAX 8
#define SECRET_HEAP ((size_t)64 << 10)

/* Options of a verb that are not settings, by position in its list. */
struct arguments {
	const char *named[NAMED_MAX];
	const char *setting_names[SETTINGS_MAX];
	const char *setting_values[SETTINGS_MAX];
	size_t settings;
	char **words;
	int word_count;
};

static int usage_error(const char *text)
{
	(void)fprintf(stderr, "sevattest-sim: %s (see --help)\n", text);
	return EXIT_USAGE;
}

static int fail(int r, const struct error *error)
{
	if (!r)
		return EXIT_YES;
	log_error("%s", *error->text ? error->text : strerror(-r));
	switch (r) {
	case -EINVAL:
	case -EEXIST:
		return EXIT_USAGE;
	case -ENOENT:
	case -EACCES:
	case -EPERM:
	case -ENODEV:
		return EXIT_UNSUPPORTED;
	default:
		return EXIT_INTERNAL;
	}
}

/*
 * Reads `--name value` for the verb's own names (ending in NULL; "name!" takes no value) and, with `with_settings`, for every setting.
 */
static int arguments_read(struct arguments *arguments, int argc, char **argv, const char *const *names, bool with_settings)
{
	struct option options[NAMED_MAX + SETTINGS_MAX + 1] = {{NULL, 0, NULL, 0}};
	static char bare[NAMED_MAX][32];
	size_t named = 0, count = 0;
	const char *help;
	int index = 0, c;

	for (; names[named]; named++, count++) {
		size_t size = strlen(names[named]);
		bool flag = names[named][size - 1] == '!';

		(void)snprintf(bare[named], sizeof(bare[named]), "%.*s", (int)(flag ? size - 1 : size), names[named]);
		options[count] = (struct option){bare[named], flag ? no_argument : required_argument, NULL, 1};
	}
	for (size_t i = 0; with_settings && i < SETTINGS_MAX && sim_state_name(i, &help); i++, count++)
		options[count] = (struct option){sim_state_name(i, &help), required_argument, NULL, 2};
	optind = 1;
	while ((c = getopt_long(argc, argv, "o:", options, &index)) != -1) {
		if (c == 'o') {
			arguments->named[0] = optarg; /* -o is the first name by convention */
		} else if (c == 1) {
			arguments->named[index] = optarg ? optarg : "yes";
		} else if (c == 2 && arguments->settings < SETTINGS_MAX) {
			arguments->setting_names[arguments->settings] = options[index].name;
			arguments->setting_values[arguments->settings++] = optarg;
		} else {
			return EXIT_USAGE;
		}
	}
	arguments->words = argv + optind;
	arguments->word_count = argc - optind;
	return 0;
}

/* Opens DIR and reads the state: product defaults, state file, options. */
static int platform_start(const struct arguments *arguments, const char *state_path, struct sim_platform *platform, struct sim_state *state,
	struct error *error)
{
	int r = sim_platform_open(arguments->words[0], platform, error);

	if (r)
		return r;
	sim_state_init(state, platform->product, platform->chip_id);
	r = sim_state_read(state, state_path, error);
	for (size_t i = 0; i < arguments->settings && !r; i++)
		r = sim_state_set(state, arguments->setting_names[i], arguments->setting_values[i], error);
	return r;
}

static void state_path_of(char to[static 320], const struct arguments *arguments, const char *given)
{
	(void)snprintf(to, 320, "%s%s", given ? given : arguments->words[0], given ? "" : "/state.json");
}

static int verb_init(int argc, char **argv)
{
	static const char *const names[] = {"product", "chip-seed", "ca-from", NULL};
	struct arguments arguments = {.settings = 0};
	struct error error = ERROR_NULL;
	const struct sim_product *product;

	if (arguments_read(&arguments, argc, argv, names, false) || arguments.word_count != 1)
		return usage_error("init DIR [--product milan|genoa|turin] [--chip-seed TEXT] [--ca-from DIR]");
	product = sim_product_find(arguments.named[0] ? arguments.named[0] : "milan");
	if (!product)
		return usage_error("--product is milan, genoa or turin");
	return fail(sim_platform_make(arguments.words[0], product, arguments.named[1], arguments.named[2], clock_now(), &error), &error);
}

static int write_table(const struct sim_platform *platform, const struct sim_state *state, const char *path, struct error *error)
{
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	int r = sim_certificate_table(platform, state, clock_now(), &table);

	return r ? r : file_write(path, buf_view(&table), 0644, error);
}

static int write_vek(const struct sim_platform *platform, const struct sim_state *state, const char *path, struct error *error)
{
	CLEANUP(buf_deinit) struct buf der = BUF_NULL;
	int r = sim_vek_certificate(platform, state, &state->reported, clock_now(), &der);

	return r ? r : file_write(path, buf_view(&der), 0644, error);
}

static int verb_report(int argc, char **argv)
{
	static const char *const names[] = {"out", "report-data", "table", "vek", "state", NULL};
	struct arguments arguments = {.settings = 0};
	uint8_t data[SIM_REPORT_DATA_SIZE] = {0}, report[SIM_REPORT_SIZE];
	struct error error = ERROR_NULL;
	struct sim_platform platform;
	struct sim_state state;
	char path[320];
	int r;

	if (arguments_read(&arguments, argc, argv, names, true) || arguments.word_count != 1 || !arguments.named[0])
		return usage_error("report DIR -o FILE [--report-data HEX] [--table FILE] [--vek FILE] [--SETTING VALUE]...");
	if (arguments.named[1] && hex_decode(data, sizeof(data), arguments.named[1]))
		return usage_error("--report-data is 64 bytes in hex");
	state_path_of(path, &arguments, arguments.named[4]);
	r = platform_start(&arguments, path, &platform, &state, &error);
	if (r)
		return fail(r, &error);
	r = sim_report(&platform, &state, state.vmpl, data, report);
	if (!r)
		r = file_write(arguments.named[0], bytes_of(report, sizeof(report)), 0644, &error);
	if (!r && arguments.named[2])
		r = write_table(&platform, &state, arguments.named[2], &error);
	if (!r && arguments.named[3])
		r = write_vek(&platform, &state, arguments.named[3], &error);
	sim_platform_deinit(&platform);
	return fail(r, &error);
}

static int verb_sign(int argc, char **argv)
{
	static const char *const names[] = {"state", NULL};
	CLEANUP(buf_deinit) struct buf report = BUF_NULL;
	struct arguments arguments = {.settings = 0};
	struct error error = ERROR_NULL;
	struct sim_platform platform;
	struct sim_state state;
	char path[320];
	int r;

	if (arguments_read(&arguments, argc, argv, names, true) || arguments.word_count != 2)
		return usage_error("sign DIR FILE");
	state_path_of(path, &arguments, arguments.named[0]);
	r = file_read(arguments.words[1], SIM_REPORT_SIZE, &report, &error);
	if (!r && report.size != SIM_REPORT_SIZE)
		r = error_set(&error, -EINVAL, "%s: %zu bytes; a report has %d", arguments.words[1], report.size, SIM_REPORT_SIZE);
	if (!r)
		r = platform_start(&arguments, path, &platform, &state, &error);
	if (r)
		return fail(r, &error);
	r = sim_report_sign(&platform, &state, report.data);
	if (!r)
		r = file_write(arguments.words[1], buf_view(&report), 0644, &error);
	sim_platform_deinit(&platform);
	return fail(r, &error);
}

static int verb_crl(int argc, char **argv)
{
	static const char *const names[] = {"out", "state", NULL};
	CLEANUP(buf_deinit) struct buf crl = BUF_NULL;
	struct arguments arguments = {.settings = 0};
	struct error error = ERROR_NULL;
	struct sim_platform platform;
	struct sim_state state;
	char path[320];
	int r;

	if (arguments_read(&arguments, argc, argv, names, true) || arguments.word_count != 1 || !arguments.named[0])
		return usage_error("crl DIR -o FILE [--revoke ask|asvk]");
	state_path_of(path, &arguments, arguments.named[1]);
	r = platform_start(&arguments, path, &platform, &state, &error);
	if (r)
		return fail(r, &error);
	r = sim_crl(&platform, &state, clock_now(), &crl);
	if (!r)
		r = file_write(arguments.named[0], buf_view(&crl), 0644, &error);
	sim_platform_deinit(&platform);
	return fail(r, &error);
}

static int verb_set(int argc, char **argv)
{
	static const char *const names[] = {"state", NULL};
	struct arguments arguments = {.settings = 0};
	struct error error = ERROR_NULL;
	struct sim_platform platform;
	struct sim_state base;
	char path[320];
	int r;

	if (arguments_read(&arguments, argc, argv, names, true) || arguments.word_count != 1 || !arguments.settings)
		return usage_error("set DIR --SETTING VALUE... (an empty value goes back to the default)");
	state_path_of(path, &arguments, arguments.named[0]);
	r = sim_platform_open(arguments.words[0], &platform, &error);
	if (r)
		return fail(r, &error);
	sim_state_init(&base, platform.product, platform.chip_id);
	r = sim_state_edit(&base, path, arguments.setting_names, arguments.setting_values, arguments.settings, &error);
	sim_platform_deinit(&platform);
	return fail(r, &error);
}

/* What `serve` serves; NULL and 0 what was not asked for. */
struct service {
	const char *mount, *device, *module, *kds_listen, *kds_tls;
	uint16_t port;
	struct sim_kds *kds;
	struct sim_guest_device *guest_device;
	struct sim_module *tsm_module;
};

static void on_ready(void *context)
{
	const struct service *service = context;

	if (service->mount)
		(void)printf("tsm %s\n", service->mount);
	if (service->device)
		(void)printf("sev-guest /dev/%s\n", service->device);
	if (service->module)
		(void)printf("tsmsim %s\n", service->module);
	if (service->port)
		(void)printf("kds %s://127.0.0.1:%u\n", service->kds_tls ? "https" : "http", service->port);
	(void)printf("ready\n");
	(void)fflush(stdout);
}

static void on_wake(int number)
{
	(void)number;
}

/* The servers' threads inherit the mask, so that the signal finds the thread that waits. SIGUSR1 only ends a call of theirs. */
static void signals_block(sigset_t *signals)
{
	const struct sigaction wake = {.sa_handler = on_wake};

	(void)sigaction(SIGUSR1, &wake, NULL);
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static int service_start(struct service *service, const struct sim_source *source, struct error *error)
{
	int r = service->kds_tls ? secret_process_init(SECRET_HEAP) : 0; /* TLS keys */

	if (!r && service->kds_listen)
		r = sim_kds_start(
			source->platform, source->state_path, service->kds_listen, service->kds_tls, &service->port, &service->kds, error);
	if (!r && service->device)
		r = sim_guest_device_start(source, service->device, &service->guest_device, error);
	if (!r && service->module)
		r = sim_module_start(source, service->module, &service->tsm_module, error);
	return r;
}

static void service_stop(struct service *service)
{
	sim_module_stop(service->tsm_module);
	sim_guest_device_stop(service->guest_device);
	(void)sim_kds_stop(service->kds);
}

/* Until a signal comes. */
static int service_run(
	struct service *service, const struct sim_source *source, bool allow_other, const sigset_t *signals, struct error *error)
{
	int signal_number;

	if (service->mount) {
		(void)pthread_sigmask(SIG_UNBLOCK, signals, NULL);
		return sim_tsm_serve(source->platform, source->state_path, service->mount, allow_other, on_ready, service, error);
	}
	on_ready(service);
	(void)sigwait(signals, &signal_number);
	return 0;
}

#define SERVE_USAGE                                                                                                                        \
	"DIR [--mount MNT] [--sev-guest NAME] [--tsmsim PATH] [--kds-listen 127.0.0.1:PORT [--kds-tls CA-OUT]] [--state FILE] "            \
	"[--allow-other] [--verbose]"

static int verb_serve(int argc, char **argv)
{
	static const char *const names[] = {
		"mount", "kds-listen", "state", "allow-other!", "verbose!", "kds-tls", "sev-guest", "tsmsim", NULL};
	struct arguments arguments = {.settings = 0};
	struct error error = ERROR_NULL;
	struct service service = {.port = 0};
	struct sim_platform platform;
	struct sim_state state;
	struct sim_source source;
	sigset_t signals;
	char path[320];
	int r;

	if (arguments_read(&arguments, argc, argv, names, false) || arguments.word_count != 1 ||
		!(arguments.named[0] || arguments.named[1] || arguments.named[6] || arguments.named[7]))
		return usage_error("serve " SERVE_USAGE);
	log_init("sevattest-sim", arguments.named[4] ? LOG_DEBUG : LOG_NOTICE);
	state_path_of(path, &arguments, arguments.named[2]);
	r = platform_start(&arguments, path, &platform, &state, &error);
	if (r)
		return fail(r, &error);
	source = (struct sim_source){&platform, path};
	service.mount = arguments.named[0];
	service.kds_listen = arguments.named[1];
	service.kds_tls = arguments.named[5];
	service.device = arguments.named[6];
	service.module = arguments.named[7];
	signals_block(&signals);
	r = service_start(&service, &source, &error);
	if (!r)
		r = service_run(&service, &source, arguments.named[3] != NULL, &signals, &error);
	service_stop(&service);
	sim_platform_deinit(&platform);
	return fail(r, &error);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
} verbs[] = {
	{"init", verb_init, "DIR [--product milan|genoa|turin] [--chip-seed TEXT] [--ca-from DIR]"},
	{"report", verb_report, "DIR -o FILE [--report-data HEX] [--table FILE] [--vek FILE] [--state FILE] [--SETTING VALUE]..."},
	{"sign", verb_sign, "DIR FILE [--state FILE]"},
	{"crl", verb_crl, "DIR -o FILE [--revoke ask|asvk] [--state FILE]"},
	{"set", verb_set, "DIR [--state FILE] --SETTING VALUE... (an empty value goes back to the default)"},
	{"serve", verb_serve, SERVE_USAGE},
};

static int help(void)
{
	const char *text, *name;

	(void)printf("A software SNP platform for tests and demonstrations. Its reports verify only where DIR/ark.pem is pinned.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		(void)printf("  sevattest-sim %-7s %s\n", verbs[i].name, verbs[i].usage);
	(void)printf("\nSettings (options of report, crl, sign and set; members of DIR/state.json, which is read for every request):\n");
	for (size_t i = 0; (name = sim_state_name(i, &text)); i++)
		(void)printf("  --%-20s %s\n", name, text);
	return EXIT_YES;
}

int main(int argc, char **argv)
{
	log_init("sevattest-sim", LOG_NOTICE);
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
		return help();
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(verbs[i].name, argv[1]))
			return verbs[i].run(argc - 1, argv + 1);
	}
	return usage_error("init, report, sign, crl, set or serve");
}
