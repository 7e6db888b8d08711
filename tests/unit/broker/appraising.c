/* SPDX-License-Identifier: Apache-2.0 */
#include "appraising.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../snp/vectors.h"
#include "base/files.h"
#include "base/text.h"
#include "scratch.h"
#include "snp/roots.h"

#define VECTORS_TIME "2026-06-01T00:00:00Z"

static const char *const places[] = {"certs", "crls", "cache"};

static char *path_of(const struct appraising *a, const char *place, const char *name)
{
	char *path = NULL;

	ck_assert_int_gt(asprintf(&path, "%s/%s%s%s", a->folder, place, name ? "/" : "", name ? name : ""), 0);
	return path;
}

static void find_pin(struct appraising *a)
{
	CLEANUP(buf_deinit) struct buf ark = BUF_NULL;
	struct snp_pins pins = {.count = 0};

	ck_assert_int_eq(sim_ca_write(&a->platform, SIM_ARK, false, &ark), 0);
	ck_assert_int_eq(snp_pins_add_certificate(&pins, buf_view(&ark), NULL), 0);
	hex_encode(a->pin, pins.items[0].spki_sha256, sizeof(pins.items[0].spki_sha256));
}

void appraising_open(struct appraising *a, const char *platform)
{
	struct error error = ERROR_NULL;

	memset(a, 0, sizeof(*a));
	scratch_folder(a->folder);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = path_of(a, places[i], NULL);

		ck_assert_int_eq(mkdir(path, 0700), 0);
		*(i == 0 ? &a->config.certificate_directory : i == 1 ? &a->config.crl_directory : &a->config.cache_directory) = path;
	}
	ck_assert_msg(sim_platform_make(platform, sim_product_find("milan"), "appraiser", NULL, time(NULL), &error) == 0, "%s", error_text(&error));
	ck_assert_msg(sim_platform_open(platform, &a->platform, &error) == 0, "%s", error_text(&error));
	sim_state_init(&a->state, a->platform.product, a->platform.chip_id);
	find_pin(a);
	ck_assert_msg(appraiser_new(&a->config, &a->appraiser, &error) == 0, "%s", error_text(&error));
}

static void remove_place(const struct appraising *a, const char *place)
{
	char *path = path_of(a, place, NULL);
	DIR *folder = opendir(path);
	struct dirent *entry;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			appraising_forget(a, place, entry->d_name);
	(void)closedir(folder);
	ck_assert_int_eq(rmdir(path), 0);
	free(path);
}

void appraising_close(struct appraising *a)
{
	appraising_no_policies(a);
	a->appraiser = appraiser_free(a->appraiser);
	sim_platform_deinit(&a->platform);
	json_putp(&a->details);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		remove_place(a, places[i]);
	free(a->config.certificate_directory);
	free(a->config.crl_directory);
	free(a->config.cache_directory);
	ck_assert_int_eq(rmdir(a->folder), 0);
}

void appraising_no_policies(struct appraising *a)
{
	for (size_t i = 0; i < a->policy_count; i++) {
		(void)policy_free(a->policies[i].policy);
		free(a->policies[i].name);
	}
	a->policy_count = 0;
}

void appraising_policy(struct appraising *a, const char *name, const char *more, const char *more_snp)
{
	static const char no_floor[] = "{\"Milan\":{\"snp\":0},\"Milan-X\":{\"snp\":0},\"Genoa\":{\"snp\":0},\"Genoa-X\":{\"snp\":0},\"Bergamo\":{\"snp\":0}}";
	struct catalog_policy *policy = &a->policies[a->policy_count];
	struct error error = ERROR_NULL;
	char *text = NULL;

	ck_assert_uint_lt(a->policy_count, APPRAISING_POLICIES);
	ck_assert_int_gt(asprintf(&text, "{\"version\":1,\"name\":\"%s\",\"os_identity\":\"unverified\"%s,\"snp\":{\"guest_policy\":{\"debug\":false},\"tcb_min\":%s%s}}",
				 name, more, no_floor, more_snp),
		0);
	*policy = (struct catalog_policy){.refs = 1, .version = 7, .name = strdup(name)};
	ck_assert_msg(policy_read(bytes_of_text(text), &policy->policy, &error) == 0, "%s: %s", name, error_text(&error));
	free(text);
	a->pointers[a->policy_count] = policy;
	a->granted[a->policy_count++] = true;
}

const char *appraising_trust(const struct appraising *a)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), ",\"trust\":[\"%s\"]", a->pin);
	return text;
}

void appraising_file(const struct appraising *a, const char *where, const char *name, struct bytes content)
{
	char *path = path_of(a, where, name);
	struct error error = ERROR_NULL;

	ck_assert_msg(file_write(path, content, 0600, &error) == 0, "%s", error_text(&error));
	free(path);
}

void appraising_forget(const struct appraising *a, const char *where, const char *name)
{
	char *path = path_of(a, where, name);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
}

void appraising_reload(struct appraising *a)
{
	struct error error = ERROR_NULL;

	ck_assert_msg(appraiser_reload(a->appraiser, &error) == 0, "%s", error_text(&error));
}

static const char *ask(struct appraising *a, const struct kbs_appraise_input *input)
{
	static char passed[APPRAISING_POLICIES * (KBS_POLICY_NAME_MAX + 2)];
	size_t used = 0;
	const struct snapshot snapshot = {.refs = 1, .policies = a->pointers, .granted = a->granted, .policy_count = a->policy_count};

	json_putp(&a->details);
	a->details = NULL;
	ck_assert_int_eq(appraiser_run(a->appraiser, &snapshot, input, &a->answer, &a->details), 0);
	passed[0] = 0;
	for (size_t i = 0; i < a->answer.passed_count; i++) {
		ck_assert_uint_eq(a->answer.passed[i].version, 7);
		used += (size_t)snprintf(passed + used, sizeof(passed) - used, "%s%s", i ? " " : "", a->answer.passed[i].name);
	}
	return passed;
}

const char *appraising_ask(struct appraising *a)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	CLEANUP(buf_deinit) struct buf table = BUF_NULL, text = BUF_NULL;
	JSON_AUTO json = NULL;
	uint8_t report[SIM_REPORT_SIZE], report_data[KBS_REPORT_DATA_SIZE];
	struct kbs_appraise_input input = {.tee = KBS_TEE_SNP, .report_data = report_data, .nonce = "", .now = time(NULL)};

	memset(report_data, 0x5c, sizeof(report_data));
	ck_assert_int_eq(sim_report(&a->platform, &a->state, 0, report_data, report), 0);
	ck_assert_int_eq(sim_certificate_table(&a->platform, &a->state, time(NULL), &table), 0);
	ck_assert_int_eq(evidence_from_report(&evidence, bytes_of(report, sizeof(report)), buf_view(&table)), 0);
	ck_assert_int_eq(evidence_write_kbs(&evidence, &text), 0);
	ck_assert_int_eq(json_read(buf_view(&text), &json, NULL), 0);
	input.primary_evidence = json;
	return ask(a, &input);
}

const char *appraising_ask_vector(struct appraising *a, const char *file, enum kbs_tee tee, struct bytes report_data)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO json = NULL;
	struct kbs_appraise_input input = {.tee = tee, .report_data = report_data.data, .nonce = ""};

	ck_assert_uint_eq(report_data.size, KBS_REPORT_DATA_SIZE);
	vectors_read(file, &text);
	ck_assert_int_eq(json_read(buf_view(&text), &json, NULL), 0);
	ck_assert_int_eq(time_parse(VECTORS_TIME, &input.now), 0);
	input.primary_evidence = json;
	return ask(a, &input);
}
