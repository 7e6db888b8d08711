/* SPDX-License-Identifier: Apache-2.0 */
/* `sevattest enroll`: gives a disk a random key that only the broker has, in steps that a power cut cannot hurt. */
#include "cli/enroll.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "io/volume_conf.h"

#define SECURE_HEAP ((size_t)4 << 20)
#define WAIT_SECONDS_MAX 604800
#define JWK_FILE_MAX ((size_t)16 << 10)

static int usage(struct error *error, const char *text)
{
	return error_set(error, EXIT_USAGE, "%s", text);
}

/* The broker's enrolment key, as `sevattest-broker enrol-key show` writes it, with or without --json. */
static int read_seal_key(struct enroll_options *options, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = NULL;
	int r = file_read(options->seal_to, JWK_FILE_MAX, &text, error);

	if (!r)
		r = json_read(buf_view(&text), &object, error);
	if (!r)
		r = jwk_import(json_get_object(object, "jwk") ? json_get_object(object, "jwk") : object, JWK_PUBLIC, &options->seal_key, error);
	if (!r && jwk_kind(options->seal_key) != JWK_P256)
		r = error_set(error, -EINVAL, "an enrolment key is a key of P-256 (sevattest-broker enrol-key show)");
	if (r) {
		error_prefix(error, "--seal-to %s", options->seal_to);
		return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
	}
	return EXIT_YES;
}

/* A volume is named after its resource unless told otherwise: prod/disk/data is /dev/mapper/data. */
static int name_volume(struct enroll_options *options, struct error *error)
{
	const char *last = strrchr(options->resource, '/');
	const char *name = options->name ? options->name : last ? last + 1 : "";

	if (!volume_name_valid(name))
		return usage(error, "--name: a volume's name is 1 to 127 letters, digits and '_', '.', '+', '-', and does not begin with '.' or '-'");
	(void)snprintf(options->volume, sizeof(options->volume), "%s", name);
	return EXIT_YES;
}

static int check_broker(const struct enroll_options *options, struct error *error)
{
	if (options->seal_to && (!options->out || !strcmp(options->out, "-")))
		return usage(error, "--seal-to needs -o FILE: what is sealed to the broker goes there");
	if (options->seal_to && options->session.broker)
		return usage(error, "--seal-to is for a machine that does not speak to the broker; --broker is for the guest itself");
	if (options->seal_to && options->rotate)
		return usage(error, "--rotate needs the broker after each step: run it on the guest, with --broker");
	if (!options->seal_to && options->out)
		return usage(error, "-o goes with --seal-to");
	if (!options->seal_to && !options->dry_run && (!options->session.broker || !options->session.ca || !options->session.broker_key))
		return usage(error, "--broker URL, --ca FILE and --broker-key JWK are needed on the guest, or --seal-to BROKER.jwk -o FILE on the source machine");
	return EXIT_YES;
}

static int check_options(struct enroll_options *options, struct error *error)
{
	if (options->recovery && options->no_recovery)
		return usage(error, "--recovery and --no-recovery exclude each other");
	if (options->recovery_out && options->no_recovery)
		return usage(error, "--recovery-out and --no-recovery exclude each other");
	if (options->resume && (options->restart || options->dry_run))
		return usage(error, "--resume goes on with what was interrupted: no --restart, no --dry-run");
	if (options->rotate && (options->format || options->remove_slots || options->remove_foreign || options->anew))
		return usage(error, "--rotate changes the broker's key and nothing else");
	if (options->force && !options->format)
		return usage(error, "--force goes with --format");
	if (options->sector_size.given && options->sector_size.value != 512 && options->sector_size.value != 4096)
		return usage(error, "--sector-size is 512 or 4096");
	if (options->poll.given && (options->poll.value < 1 || options->poll.value > 3600))
		return usage(error, "--poll is 1 to 3600 seconds");
	if (options->wait.given && (options->wait.value < 1 || options->wait.value > WAIT_SECONDS_MAX))
		return usage(error, "--wait is 1 to 604800 seconds: longer the broker does not keep what nobody accepted");
	if (options->guest_device && options->guest_device[0] != '/')
		return usage(error, "--guest-device is a path: /dev/disk/by-id/...");
	if (options->system_only && (options->no_system || options->rotate || options->resume || options->restart || options->format || options->seal_to))
		return usage(error, "--system-only writes the system's files and nothing else");
	return options->system_only ? EXIT_YES : check_broker(options, error);
}

static int prepare_options(struct enroll_options *options, struct error *error)
{
	int r = check_options(options, error);

	if (r)
		return r;
	if (!options->resource_text || kbs_resource_from_text(options->resource, options->resource_text))
		return usage(error, "--resource REPOSITORY/TYPE/TAG is needed: where the broker keeps the key");
	if (root_trust_parse(options->root_trust_text, &options->root_trust, error)) {
		error_prefix(error, "--root-trust");
		return EXIT_USAGE;
	}
	r = name_volume(options, error);
	if (!r && options->seal_to)
		r = read_seal_key(options, error);
	return r;
}

static int run(struct enroll_options *options)
{
	struct error error = ERROR_NULL;
	int r = prepare_options(options, &error);

	if (!r && secret_process_init(SECURE_HEAP))
		r = error_set(&error, EXIT_INTERNAL, "no locked memory for secrets (RLIMIT_MEMLOCK?)");
	if (!r)
		r = enroll_system_names(options, &error);
	if (!r)
		r = enroll_disk(options, &error);
	device_names_deinit(&options->names);
	options->seal_key = jwk_free(options->seal_key);
	return r ? output_error(r, "enroll: %s", error_text(&error)) : EXIT_YES;
}

int enroll_main(int argc, char **argv)
{
	struct enroll_options options = {.state = NULL};
	const struct cli_option rows[] = {
		{"resource", 0, OPTION_TEXT, &options.resource_text, "NAME", "where the broker keeps the key: REPOSITORY/TYPE/TAG"},
		{"name", 0, OPTION_TEXT, &options.name, "VOLUME", "name of the open volume, /dev/mapper/VOLUME (default: the TAG)"},
		{"guest-device", 0, OPTION_TEXT, &options.guest_device, "PATH", "the device as the guest will see it: /dev/disk/by-id/..."},
		{"key-file", 0, OPTION_TEXT, &options.key_file, "FILE", "a passphrase or key of the disk (default: asks on the terminal)"},
		{"seal-to", 0, OPTION_TEXT, &options.seal_to, "JWK", "on the source machine: seal the key to this enrolment key of the broker"},
		{"out", 'o', OPTION_TEXT, &options.out, "FILE", "with --seal-to: for `sevattest-broker key import FILE`"},
		{"format", 0, OPTION_FLAG, &options.format, NULL, "make a new, empty encrypted disk; refuses where anything is on it"},
		{"force", 0, OPTION_FLAG, &options.force, NULL, "with --format: whatever is on it is lost"},
		{"sector-size", 0, OPTION_U64, &options.sector_size, "BYTES", "with --format: 512 or 4096 (default: the device's)"},
		{"anew", 0, OPTION_FLAG, &options.anew, NULL, "enrol again a disk that was enrolled (elsewhere, or its key is lost)"},
		{"rotate", 0, OPTION_FLAG, &options.rotate, NULL, "give an enrolled disk a new key"},
		{"resume", 0, OPTION_FLAG, &options.resume, NULL, "go on with what was interrupted"},
		{"restart", 0, OPTION_FLAG, &options.restart, NULL, "forget what was interrupted, and begin anew"},
		{"recovery", 0, OPTION_FLAG, &options.recovery, NULL, "make a recovery key and show it once (the default)"},
		{"no-recovery", 0, OPTION_FLAG, &options.no_recovery, NULL, "make none: without the broker the contents are lost"},
		{"recovery-out", 0, OPTION_TEXT, &options.recovery_out, "FILE", "write the recovery key here, mode 0600, instead of showing it"},
		{"remove-foreign", 0, OPTION_FLAG, &options.remove_foreign, NULL, "take away tokens, flags and slots that may not be there"},
		{"remove-slots", 0, OPTION_FLAG, &options.remove_slots, NULL, "take away every key slot but ours and the recovery key's"},
		{"dry-run", 0, OPTION_FLAG, &options.dry_run, NULL, "say what would be done; write nothing"},
		{"no-system", 0, OPTION_FLAG, &options.no_system, NULL, "leave crypttab, fstab and drop-ins alone"},
		{"system-only", 0, OPTION_FLAG, &options.system_only, NULL, "write these, for a disk that is enrolled; change nothing on it"},
		{"service", 0, OPTION_TEXTS, &options.services, "UNIT", "a service whose data are on the disk: never starts without it"},
		{"root-trust", 0, OPTION_TEXT, &options.root_trust_text, "KIND", "what binds the guest's root to the measurement: luks, verity, initrd, platform"},
		{"root", 0, OPTION_TEXT, &options.root, "DIR", "the guest's root directory, for crypttab, fstab and drop-ins (default: /)"},
		{"state", 0, OPTION_TEXT, &options.state, "DIR", "where --resume finds its state (" STATE_DIRECTORY ")"},
		{"poll", 0, OPTION_U64, &options.poll, "SECONDS", "between two looks whether the operator has accepted (5)"},
		{"wait", 0, OPTION_U64, &options.wait, "SECONDS", "for the operator, at most (86400)"},
		SESSION_OPTION_ROWS(options.session),
		COLLECT_OPTION_ROWS(options.session.collect),
	};
	const struct cli_usage usage_of = {
		"enroll DEVICE --resource NAME {--seal-to JWK -o FILE | --broker URL --ca FILE --broker-key JWK} [OPTIONS]",
		"Gives a LUKS2 disk, or with --format an empty one, a random key that only the broker has.",
		rows,
		ARRAY_SIZE(rows),
		1,
		1,
	};
	char **arguments;
	int count, r = options_parse(&usage_of, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	options.device = arguments[0];
	return run(&options);
}
