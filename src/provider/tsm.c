/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configfs-tsm (Linux 6.7 and later): an entry is made, two attributes are written, two blobs are read, the entry is removed.
 *
 * Two things make this more than reading a file. The store of inblob happens at close(2) and its result is lost, so `generation` is the
 * only witness that our bytes, and only ours, are in: it must have moved by exactly our two writes, and the report must carry our report
 * data. And an entry outlives the process: it is removed on every path, and those of dead processes are cleaned by their names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/files.h"
#include "base/text.h"
#include "provider/provider.h"

#define ENTRY_PREFIX "sevattest-"
#define ENTRY_NAME_SIZE 64
#define ENTRY_STALE_SECONDS 300 /* of a process that is gone; a throttled request lasts a minute */
#define ENTRY_TRIES 4
#define REPORT_SIZE 1184
#define REPORT_DATA_OFFSET 0x50
#define CERT_TABLE_MAX ((size_t)256 << 10) /* the kernel asks the host for 16 KiB today */
#define TEXT_MAX 256                       /* of a text attribute; names and numbers */
#define OUR_WRITES 2                       /* privlevel and inblob */

struct entry {
	const char *root;
	int root_fd;
	int fd;
	char name[ENTRY_NAME_SIZE];
};

#define ENTRY_NULL                                                                                                                         \
	{                                                                                                                                  \
		NULL, -1, -1,                                                                                                              \
		{                                                                                                                          \
			0                                                                                                                  \
		}                                                                                                                          \
	}

static void entry_close(struct entry *entry)
{
	if (entry->fd >= 0)
		(void)close(entry->fd);
	if (*entry->name)
		(void)unlinkat(entry->root_fd, entry->name, AT_REMOVEDIR);
	if (entry->root_fd >= 0)
		(void)close(entry->root_fd);
	*entry = (struct entry)ENTRY_NULL;
}

static bool entry_stale(int root_fd, const char *name)
{
	struct stat st;
	char *end;
	long pid;

	if (!text_starts_with(name, ENTRY_PREFIX))
		return false;
	pid = strtol(name + strlen(ENTRY_PREFIX), &end, 10);
	if (pid <= 1 || pid > INT32_MAX || *end != '-')
		return false;
	/* A process of another PID namespace looks dead as well: its entry must also be old. */
	return kill((pid_t)pid, 0) && errno == ESRCH && !fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       time(NULL) - st.st_mtime > ENTRY_STALE_SECONDS;
}

/* Best effort: what cannot be removed harms nobody. */
static void clean_stale(int root_fd)
{
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *item;

	if (!directory) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((item = readdir(directory))) {
		if (entry_stale(root_fd, item->d_name))
			(void)unlinkat(root_fd, item->d_name, AT_REMOVEDIR);
	}
	(void)closedir(directory);
}

static int root_open(struct entry *entry, struct error *error)
{
	entry->root_fd = open(entry->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (entry->root_fd >= 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(error, PROVIDER_E_ABSENT,
			"%s is not there: it needs Linux 6.7, configfs mounted, and `modprobe sev-guest` inside an SEV-SNP guest",
			entry->root);
	if (errno == ENOTCONN)
		return error_set(error, PROVIDER_E_FAILED,
			"%s: the file system behind it is gone (a simulator that was killed?); unmount it", entry->root);
	return error_set(error, PROVIDER_E_FAILED, "%s: %s", entry->root, strerror(errno));
}

static int mkdir_failed(const struct entry *entry, int code, struct error *error)
{
	switch (code) {
	case ENXIO:
		return error_set(error, PROVIDER_E_ABSENT,
			"%s: the kernel has no report provider loaded (`modprobe sev-guest`; not an SEV-SNP guest?)", entry->root);
	case EACCES:
	case EPERM:
	case EROFS:
		return error_set(error, PROVIDER_E_FAILED, "%s: %s: making an entry needs root and a writable configfs", entry->root,
			strerror(code));
	case EBUSY:
	case EAGAIN:
	case EINTR:
		return error_set(error, PROVIDER_E_TEMPORARY, "%s: busy; try again", entry->root);
	default:
		return error_set(error, PROVIDER_E_FAILED, "%s: cannot make an entry: %s", entry->root, strerror(code));
	}
}

static int entry_make(struct entry *entry, struct error *error)
{
	for (int i = 0; i < ENTRY_TRIES; i++) {
		uint32_t random;
		int r = random_bytes(&random, sizeof(random));

		if (r)
			return r;
		(void)snprintf(entry->name, sizeof(entry->name), ENTRY_PREFIX "%ld-%08x", (long)getpid(), random);
		if (!mkdirat(entry->root_fd, entry->name, 0700))
			break;
		*entry->name = 0;
		if (errno != EEXIST || i == ENTRY_TRIES - 1)
			return mkdir_failed(entry, errno, error);
	}
	entry->fd = openat(entry->root_fd, entry->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return entry->fd < 0 ? error_set(error, PROVIDER_E_FAILED, "%s/%s: %s", entry->root, entry->name, strerror(errno)) : 0;
}

/* Reads to the end: stat sizes are 0 here. -errno of open or read; -EFBIG past `max`. */
static int attribute_read(const struct entry *entry, const char *name, size_t max, struct buf *to)
{
	FD_AUTO fd = openat(entry->fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t block[4096];

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t size = read(fd, block, sizeof(block));

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return size ? -errno : 0;
		if (to->size + (size_t)size > max)
			return -EFBIG;
		if (buf_append(to, block, (size_t)size))
			return -ENOMEM;
	}
}

/* A text attribute without its newline, as printable text. */
static int attribute_text(const struct entry *entry, const char *name, char to[static TEXT_MAX])
{
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	int r = attribute_read(entry, name, TEXT_MAX / 4 - 1, &content); /* each byte may become \xNN */

	if (r)
		return r;
	while (content.size && content.data[content.size - 1] == '\n')
		content.size--;
	text_printable(to, TEXT_MAX, buf_view(&content));
	return 0;
}

static int attribute_u64(const struct entry *entry, const char *name, uint64_t *ret)
{
	char text[TEXT_MAX];
	int r = attribute_text(entry, name, text);

	return r ? r : text_to_u64(text, UINT64_MAX, false, ret);
}

/* One write, then close: only then is it stored. */
static int attribute_write(const struct entry *entry, const char *name, const void *data, size_t size)
{
	int fd = openat(entry->fd, name, O_WRONLY | O_CLOEXEC), r = 0;
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, data, size);
	if (written < 0)
		r = -errno;
	else if ((size_t)written != size)
		r = -EIO; /* a second write would be a second store */
	if (close(fd) && !r)
		r = -errno;
	return r;
}

/* What an errno of the kernel means to a person. */
static const struct meaning {
	int code;
	int outcome;
	const char *why;
} meanings[] = {
	{EBUSY, PROVIDER_E_TEMPORARY, "busy; try again"},
	{EAGAIN, PROVIDER_E_TEMPORARY, "busy; try again"},
	{EINTR, PROVIDER_E_TEMPORARY, "busy; try again"},
	{EINVAL, PROVIDER_E_FAILED, "the firmware or the kernel refused the request (VMPL below the guest's own, or no key to sign with)"},
	{EIO, PROVIDER_E_PASS,
		"the request to the firmware failed; a host with more than 16 KiB of certificates breaks this interface, see the kernel "
		"log"},
	{ENXIO, PROVIDER_E_FAILED, "the provider went away, or the firmware answered with an error; see the kernel log"},
	{ETIMEDOUT, PROVIDER_E_FAILED,
		"the host throttled the request until the kernel gave up; the guest's message key may be disabled now: restart the guest"},
	{ENOTTY, PROVIDER_E_FAILED, "the guest's message key (VMPCK) is disabled after an earlier error: restart the guest"},
	{EBADMSG, PROVIDER_E_FAILED,
		"the host or the firmware sent a message that does not authenticate; the message key is disabled now: restart the guest"},
	{EFAULT, PROVIDER_E_PASS, "unexpected; some kernels of the 6.12 series do this, see the kernel log"},
	{EFBIG, PROVIDER_E_WRONG, "more bytes than the interface allows"},
	{ENOTCONN, PROVIDER_E_FAILED, "the file system behind it is gone (a simulator that was killed?); unmount it"},
	{ECONNABORTED, PROVIDER_E_FAILED, "the file system behind it is gone (a simulator that was killed?); unmount it"},
	{ETXTBSY, PROVIDER_E_FAILED, "opened for reading and writing at once"},
	{EACCES, PROVIDER_E_FAILED, "permission denied: reading and writing an entry needs root"},
	{EPERM, PROVIDER_E_FAILED, "permission denied: reading and writing an entry needs root"},
	{ENOENT, PROVIDER_E_TEMPORARY, "the entry has no such attribute, or somebody removed the entry"},
};

static int attribute_failed(const struct entry *entry, const char *name, int r, struct error *error)
{
	static const struct meaning unknown = {0, PROVIDER_E_FAILED, "unexpected; see the kernel log"};
	const struct meaning *meaning = &unknown;

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].code == -r)
			meaning = &meanings[i];
	return error_set(error, meaning->outcome, "%s/%s/%s: %s: %s", entry->root, entry->name, name, strerror(-r), meaning->why);
}

/* Opens the root, makes an entry and sees who answers in it. */
static int entry_open(const struct provider_config *config, struct entry *entry, struct error *error)
{
	char provider[TEXT_MAX];
	int r;

	entry->root = config->tsm_root ? config->tsm_root : PROVIDER_TSM_ROOT;
	r = root_open(entry, error);
	if (r)
		return r;
	clean_stale(entry->root_fd);
	r = entry_make(entry, error);
	if (r)
		return r;
	r = attribute_text(entry, "provider", provider);
	if (r == -ENOENT)
		return error_set(error, PROVIDER_E_ABSENT, "%s is not configfs-tsm: an entry has no attribute `provider`", entry->root);
	if (r)
		return attribute_failed(entry, "provider", r, error);
	if (strcmp(provider, "sev_guest") != 0)
		return error_set(error, PROVIDER_E_ABSENT, "%s: the provider is \"%s\", not AMD's sev_guest", entry->root, provider);
	return 0;
}

static int tsm_probe(const struct provider_config *config, struct error *error)
{
	CLEANUP(entry_close) struct entry entry = ENTRY_NULL;

	return entry_open(config, &entry, error);
}

/* Writes what is asked: the VMPL as decimal text, then the report data. */
static int request_write(const struct entry *entry, int vmpl, const uint8_t *report_data, struct error *error)
{
	uint64_t floor = 0;
	char text[16];
	int r = attribute_u64(entry, "privlevel_floor", &floor);

	if (r && r != -ENOENT)
		return attribute_failed(entry, "privlevel_floor", r, error);
	if (vmpl != PROVIDER_VMPL_OWN && (vmpl > 3 || (uint64_t)vmpl < floor))
		return error_set(error, -EINVAL,
			"a report at VMPL %d cannot be had here: this guest runs at VMPL %llu and may ask for %llu..3", vmpl,
			(unsigned long long)floor, (unsigned long long)floor);
	(void)snprintf(text, sizeof(text), "%u", vmpl == PROVIDER_VMPL_OWN ? (unsigned)floor : (unsigned)vmpl);
	r = attribute_write(entry, "privlevel", text, strlen(text));
	if (r)
		return attribute_failed(entry, "privlevel", r, error);
	r = attribute_write(entry, "inblob", report_data, PROVIDER_REPORT_DATA_SIZE);
	return r ? attribute_failed(entry, "inblob", r, error) : 0;
}

/* The certificate table is the host's word and optional: without it the report stands all the same. */
static void table_read(const struct entry *entry, struct provider_evidence *evidence)
{
	int r = attribute_read(entry, "auxblob", CERT_TABLE_MAX, &evidence->cert_table);

	if (!r)
		return;
	buf_deinit(&evidence->cert_table);
	(void)snprintf(evidence->note, sizeof(evidence->note), "the host's certificates could not be read: %s", strerror(-r));
}

/* Is it the answer to our question, and to no other? */
static int answer_check(const struct entry *entry, uint64_t generation_before, const uint8_t *report_data,
	const struct provider_evidence *evidence, struct error *error)
{
	uint64_t generation;
	int r = attribute_u64(entry, "generation", &generation);

	if (r)
		return attribute_failed(entry, "generation", r, error);
	if (generation != generation_before + OUR_WRITES)
		return error_set(error, PROVIDER_E_WRONG,
			"%s/%s: generation is %llu after our %d writes to %llu: a write was lost or somebody else wrote", entry->root,
			entry->name, (unsigned long long)generation, OUR_WRITES, (unsigned long long)generation_before);
	if (!evidence->report.size)
		return error_set(error, PROVIDER_E_WRONG, "%s/%s/outblob is empty: the host or the firmware gave no report", entry->root,
			entry->name);
	if (evidence->report.size != REPORT_SIZE)
		return error_set(error, PROVIDER_E_WRONG, "%s/%s/outblob has %zu bytes: a report has %d", entry->root, entry->name,
			evidence->report.size, REPORT_SIZE);
	if (memcmp(evidence->report.data + REPORT_DATA_OFFSET, report_data, PROVIDER_REPORT_DATA_SIZE) != 0)
		return error_set(error, PROVIDER_E_WRONG, "%s/%s/outblob is a report for other report data than was asked for", entry->root,
			entry->name);
	return 0;
}

static int tsm_collect(const struct provider_config *config, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	struct provider_evidence *ret, struct error *error)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	CLEANUP(entry_close) struct entry entry = ENTRY_NULL;
	uint64_t generation;
	int r = entry_open(config, &entry, error);

	if (r)
		return r;
	r = attribute_u64(&entry, "generation", &generation);
	if (r)
		return attribute_failed(&entry, "generation", r, error);
	r = request_write(&entry, config->vmpl, report_data, error);
	if (r)
		return r;
	r = attribute_read(&entry, "outblob", CERT_TABLE_MAX, &evidence.report);
	if (r)
		return attribute_failed(&entry, "outblob", r, error);
	table_read(&entry, &evidence);
	r = answer_check(&entry, generation, report_data, &evidence, error);
	if (r)
		return r;
	evidence.provider = provider_tsm.name;
	*ret = evidence;
	evidence = (struct provider_evidence)PROVIDER_EVIDENCE_NULL;
	return 0;
}

const struct provider provider_tsm = {"tsm", tsm_probe, tsm_collect};
