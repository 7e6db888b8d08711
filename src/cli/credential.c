/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest credential add: a unit gets a key. A line of Map= for sevattestd and a drop-in for the unit, nothing in the unit itself. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "base/unit_name.h"
#include "cli/cli.h"
#include "io/agent_conf.h"
#include "kbs/resource.h"

#define UNIT_DIRECTORY "/etc/systemd/system"

struct add_options {
	const char *as, *config, *units, *socket;
	bool json;
	const char *unit, *id;
	char resource[KBS_RESOURCE_MAX + 1];
};

/* What is in [credentials] already. */
struct credentials_section {
	struct config_list maps;
	bool prefetch;
};

static const struct config_key keys[] = {
	{"credentials", "Map", CONFIG_LIST, offsetof(struct credentials_section, maps), 0, 0, NULL},
	{"credentials", "Prefetch", CONFIG_BOOL, offsetof(struct credentials_section, prefetch), 0, 0, NULL},
};

/* Of an ID: what needs no quoting in a unit file. systemd takes more; nobody needs it. */
static bool plain(const char *text)
{
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
			return false;
	}
	return true;
}

/* Of a path: absolute, without what unit files give a meaning to. */
static bool plain_path(const char *text)
{
	if (*text != '/' || strlen(text) >= PATH_MAX)
		return false;
	for (; *text; text++) {
		if (!isgraph((unsigned char)*text) || strchr("%:\"'\\$;#", *text))
			return false;
	}
	return true;
}

static int check_names(struct add_options *options, const char *resource, struct error *error)
{
	if (!unit_name_valid(bytes_of_text(options->unit)))
		return error_set(error, -EINVAL, "%s: not a service, socket, mount or swap unit, written as systemctl shows it", options->unit);
	if (strstr(options->unit, "@."))
		return error_set(error, -EINVAL, "%s: name the instance: it is what asks for the credential", options->unit);
	if (!unit_credential_valid(bytes_of_text(options->id)) || !plain(options->id))
		return error_set(error, -EINVAL, "%s: a credential's ID has letters, digits, '.', '_' and '-'", options->id);
	if (strlen(options->unit) + strlen(options->id) > UNIT_BOTH_MAX)
		return error_set(error, -EINVAL,
			"the names of unit and credential have more than %d characters together: systemd could not ask for it (\"Protocol error\")",
			UNIT_BOTH_MAX);
	if (kbs_resource_from_text(options->resource, resource))
		return error_set(error, -EINVAL, "%s: a resource is named REPOSITORY/TYPE/TAG", resource);
	if (options->as && !plain_path(options->as))
		return error_set(error, -EINVAL, "--as %s: an absolute path without blanks and quotes", options->as);
	if (!plain_path(options->socket) || options->config[0] != '/')
		return error_set(error, -EINVAL, "--socket and --config take absolute paths");
	return 0;
}

/* "UNIT/ID RESOURCE": is it this unit's and credential's? Then the resource. */
static const char *mapped_to(const char *line, const struct add_options *options)
{
	size_t unit = strlen(options->unit), id = strlen(options->id);

	if (strncmp(line, options->unit, unit) != 0 || line[unit] != '/' || strncmp(line + unit + 1, options->id, id) != 0)
		return NULL;
	line += unit + 1 + id;
	return *line == ' ' || *line == '\t' ? line + strspn(line, " \t") : NULL;
}

/* 1: the very line is there already. */
static int check_present(const struct add_options *options, struct error *error)
{
	struct credentials_section section = {.prefetch = false};
	int r = agent_conf_read(options->config, &section, keys, ARRAY_SIZE(keys), error);

	for (size_t i = 0; !r && i < section.maps.count; i++) {
		const char *resource = mapped_to(section.maps.items[i], options);

		if (resource && strcmp(resource, options->resource) == 0)
			r = 1;
		else if (resource)
			r = error_set(error, -EEXIST, "%s/%s is mapped to %s already; change that line of Map=", options->unit, options->id, resource);
	}
	config_deinit(&section, keys, ARRAY_SIZE(keys));
	return r;
}

static int make_directory(const char *path, struct error *error)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? error_set(error, -errno, "%s: %s", path, strerror(errno)) : 0;
}

static int write_map(const struct add_options *options, char path[static PATH_MAX], struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char directory[PATH_MAX];
	int r;

	if (snprintf(directory, sizeof(directory), "%s.d", options->config) >= (int)sizeof(directory) ||
		snprintf(path, PATH_MAX, "%s/50-%s-%s.conf", directory, options->unit, options->id) >= PATH_MAX)
		return error_set(error, -ENAMETOOLONG, "%s: too long", options->config);
	r = buf_printf(&text, "# By `sevattest credential add`.\n[credentials]\nMap = %s/%s %s\n", options->unit, options->id, options->resource);
	if (!r)
		r = make_directory(directory, error);
	return r ? r : file_write(path, buf_view(&text), 0644, error);
}

/* [Service], [Socket], [Mount] or [Swap] */
static void section_of(const char *unit, char to[static 16])
{
	(void)snprintf(to, 16, "%s", strrchr(unit, '.') + 1);
	to[0] = (char)toupper((unsigned char)to[0]);
}

static int write_drop_in(const struct add_options *options, char path[static PATH_MAX], struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char directory[PATH_MAX], section[16];
	int r;

	section_of(options->unit, section);
	if (snprintf(directory, sizeof(directory), "%s/%s.d", options->units, options->unit) >= (int)sizeof(directory) ||
		snprintf(path, PATH_MAX, "%s/50-sevattest-%s.conf", directory, options->id) >= PATH_MAX)
		return error_set(error, -ENAMETOOLONG, "%s: too long", options->units);
	r = buf_printf(&text,
		"# By `sevattest credential add`: %s.\n[Unit]\nRequires=sevattest-credentials.socket\nAfter=sevattest-credentials.socket\n\n[%s]\n"
		"LoadCredential=%s:%s\n",
		options->resource, section, options->id, options->socket);
	if (!r && options->as)
		r = buf_printf(&text, "BindReadOnlyPaths=%%d/%s:%s\n", options->id, options->as);
	if (!r)
		r = make_directory(directory, error);
	return r ? r : file_write(path, buf_view(&text), 0644, error);
}

/*
 * systemd would make a missing target an empty file that anyone may read, which other programs may take for an empty password. One that nobody may
 * read takes its place.
 */
static int prepare_target(const char *path, struct error *error)
{
	FD_AUTO fd = -1;
	struct stat st;

	if (stat(path, &st) == 0)
		return S_ISREG(st.st_mode) ? 0 : error_set(error, -EINVAL, "--as %s: not a file", path);
	if (errno != ENOENT)
		return error_set(error, -errno, "--as %s: %s", path, strerror(errno));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	return fd < 0 ? error_set(error, -errno, "--as %s: %s", path, strerror(errno)) : 0;
}

static int print(const struct add_options *options, const char *map, const char *drop_in)
{
	struct json_object *object;

	if (!options->json) {
		printf("%s: %s/%s is %s\n%s\n", map, options->unit, options->id, options->resource, drop_in);
		if (options->as)
			printf("%s reads it as %s\n", options->unit, options->as);
		printf("Now: systemctl daemon-reload; systemctl reload sevattestd; systemctl restart %s\n", options->unit);
		return EXIT_YES;
	}
	object = json_object_new_object();
	if (!object || json_add_text(object, "map", map) || json_add_text(object, "drop_in", drop_in)) {
		(void)json_object_put(object);
		object = NULL;
	}
	return output_json(object, EXIT_YES);
}

static int add(struct add_options *options, const char *resource, struct error *error)
{
	char map[PATH_MAX], drop_in[PATH_MAX];
	int r = check_names(options, resource, error);

	if (!r)
		r = check_present(options, error);
	if (r < 0)
		return r;
	if (r)
		(void)snprintf(map, sizeof(map), "%s", options->config);
	else
		r = write_map(options, map, error);
	if (r >= 0 && options->as)
		r = prepare_target(options->as, error);
	if (r >= 0)
		r = write_drop_in(options, drop_in, error);
	return r < 0 ? r : print(options, map, drop_in);
}

static int add_main(int argc, char **argv)
{
	struct add_options options = {.config = NULL};
	const struct cli_option rows[] = {
		{"as", 0, OPTION_TEXT, &options.as, "PATH", "the unit finds the key at this path, which other units see as before"},
		{"config", 0, OPTION_TEXT, &options.config, "FILE", "agent.conf(5); the line goes into FILE.d (" AGENT_CONF_FILE ")"},
		{"units", 0, OPTION_TEXT, &options.units, "DIR", "where the drop-in goes (" UNIT_DIRECTORY ")"},
		{"socket", 0, OPTION_TEXT, &options.socket, "PATH", "sevattestd's (" AGENT_CREDENTIALS_SOCKET ")"},
		{"json", 0, OPTION_FLAG, &options.json, NULL, "print the names of both files as JSON"},
	};
	const struct cli_usage usage = {"credential add UNIT ID RESOURCE [OPTIONS]",
		"Gives a unit a key of the broker as its credential ID: writes a line of Map= and a drop-in.", rows, ARRAY_SIZE(rows), 3, 3};
	struct error error = ERROR_NULL;
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	options.config = options.config ? options.config : AGENT_CONF_FILE;
	options.units = options.units ? options.units : UNIT_DIRECTORY;
	options.socket = options.socket ? options.socket : AGENT_CREDENTIALS_SOCKET;
	options.unit = arguments[0];
	options.id = arguments[1];
	r = add(&options, arguments[2], &error);
	if (r < 0)
		return output_error(r == -EEXIST ? EXIT_USAGE : output_exit_of(r), "credential add: %s", error.text[0] ? error_text(&error) : strerror(-r));
	return r;
}

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: sevattest credential VERB [ARGUMENTS]\n\nVerbs:\n"
		     "  add UNIT ID RESOURCE: gives a unit a key of the broker\n"
		     "\n  sevattest credential VERB --help prints the options of a verb. See sevattest(1), sevattestd(8).\n");
}

int credential_main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return EXIT_YES;
	}
	if (!strcmp(argv[1], "add"))
		return add_main(argc - 1, argv + 1);
	return output_error(EXIT_USAGE, "unknown verb \"credential %s\": see sevattest credential --help", argv[1]);
}
