/* SPDX-License-Identifier: Apache-2.0 */
/* Every fuzzer in one program without libFuzzer: `fuzz_replay NAME DIR...` gives each file of the directories to one of them, in a heap block of its exact size. */
#include <dirent.h>
#include <stdio.h>

#include "base/files.h"
#include "fuzz.h"

#define FILE_MAX ((size_t)1 << 20)

/* FUZZERS is X(name) for each, from meson.build. */
#define X(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZERS
#undef X

static const struct {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
} fuzzers[] = {
#define X(name) {#name, fuzz_##name},
	FUZZERS
#undef X
};

static int replay(size_t which, const char *folder, const char *name)
{
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	char path[4096];
	struct bytes exact;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path) || file_read(path, FILE_MAX, &content, NULL)) {
		(void)fprintf(stderr, "%s/%s cannot be read\n", folder, name);
		return -1;
	}
	exact = fuzz_copy(buf_view(&content));
	(void)fuzzers[which].run(exact.data, exact.size);
	fuzz_free(exact);
	return 0;
}

static int replay_folder(size_t which, const char *folder, unsigned *count)
{
	struct dirent **entries;
	int r = 0, found = scandir(folder, &entries, NULL, alphasort);

	if (found < 0) {
		perror(folder);
		return -1;
	}
	for (int i = 0; i < found; i++) {
		if (r == 0 && entries[i]->d_name[0] != '.') {
			r = replay(which, folder, entries[i]->d_name);
			(*count)++;
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(fuzzers); i++)
		(void)puts(fuzzers[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	if (argc < 2)
		return list();
	for (size_t i = 0; i < ARRAY_SIZE(fuzzers); i++) {
		if (strcmp(fuzzers[i].name, argv[1]) != 0)
			continue;
		for (int j = 2; j < argc; j++)
			if (replay_folder(i, argv[j], &count) < 0)
				return 1;
		(void)printf("replay: %s %u inputs\n", argv[1], count);
		return count ? 0 : 1;
	}
	(void)fprintf(stderr, "no such fuzzer: %s\n", argv[1]);
	return 2;
}
