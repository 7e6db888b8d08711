/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our JOSE on files, so that a shell can hold it against another implementation. For tests only: keys lie in files and come back on stdout.
 *
 *   jose_tool encrypt KEY.jwk < PLAIN          flattened JWE
 *   jose_tool decrypt KEY.jwk < JWE            plain
 *   jose_tool sign KEY.jwk compact|detached < PAYLOAD
 *   jose_tool verify KEY.jwk < JWS             payload
 *   jose_tool thumbprint KEY.jwk
 *   jose_tool jwks KEY.jwk
 *   jose_tool release KEY.jwk NONCE RESOURCE VERSION < JWE     the answer with its signature
 *
 * Exit 0; 1 when refused, with the reason on stderr; 2 for wrong use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/json.h"
#include "jose/jwe.h"
#include "jose/jws.h"
#include "kbs/release.h"
#include "kbs/token.h"

struct job {
	struct jwk *key;
	char **more; /* arguments after the key, NULL at the end */
	struct buf input;
	struct buf output;
	struct error error;
};

static int read_input(struct job *job)
{
	return file_read("-", (size_t)4 << 20, &job->input, &job->error);
}

static int do_encrypt(struct job *job)
{
	JSON_AUTO jwe = NULL;
	int r = read_input(job);

	if (r == 0)
		r = jwe_encrypt(&jwe, job->key, buf_view(&job->input));
	return r ? r : json_write(&job->output, jwe);
}

static int do_decrypt(struct job *job)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	JSON_AUTO jwe = NULL;
	int r = read_input(job);

	if (r == 0)
		r = json_read(buf_view(&job->input), &jwe, &job->error);
	if (r == 0)
		r = jwe_decrypt(&plain, job->key, jwe, &job->error);
	return r ? r : buf_append(&job->output, plain.data, plain.size);
}

static int do_sign(struct job *job)
{
	bool detached = job->more[0] && strcmp(job->more[0], "detached") == 0;
	int r = read_input(job);

	return r ? r : jws_sign(&job->output, job->key, detached ? JWS_DETACHED : JWS_COMPACT, NULL, buf_view(&job->input));
}

static int do_verify(struct job *job)
{
	int r = read_input(job);

	return r ? r : jws_verify(&job->output, job->key, buf_view(&job->input), NULL, &job->error);
}

static int do_thumbprint(struct job *job)
{
	char text[JWK_THUMBPRINT_SIZE];
	int r = jwk_thumbprint(job->key, text);

	return r ? r : buf_append_text(&job->output, text);
}

static int do_jwks(struct job *job)
{
	JSON_AUTO set = NULL;
	int r = token_jwks(&set, job->key);

	return r ? r : json_write(&job->output, set);
}

static int do_release(struct job *job)
{
	CLEANUP(buf_deinit) struct buf signature = BUF_NULL;
	JSON_AUTO jwe = NULL;
	int r = read_input(job);

	if (!job->more[0] || !job->more[1] || !job->more[2])
		return error_set(&job->error, -1, "release KEY NONCE RESOURCE VERSION");
	if (r == 0)
		r = json_read(buf_view(&job->input), &jwe, &job->error);
	if (r == 0)
		r = release_sign(&signature, job->key, job->more[0], job->more[1], strtoull(job->more[2], NULL, 10), jwe);
	if (r == 0)
		r = json_add_text(jwe, "sevattest-sig", (const char *)signature.data);
	return r ? r : json_write(&job->output, jwe);
}

static const struct {
	const char *name;
	enum jwk_part part;
	int (*run)(struct job *job);
} verbs[] = {
	{"encrypt", JWK_PUBLIC, do_encrypt}, {"decrypt", JWK_PRIVATE, do_decrypt},       {"sign", JWK_PRIVATE, do_sign},
	{"verify", JWK_PUBLIC, do_verify},   {"thumbprint", JWK_PUBLIC, do_thumbprint}, {"jwks", JWK_PUBLIC, do_jwks},
	{"release", JWK_PRIVATE, do_release},
};

static int key_read(const char *path, enum jwk_part part, struct job *job)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO json = NULL;
	int r = file_read(path, JWK_TEXT_MAX, &text, &job->error);

	if (r == 0)
		r = json_read(buf_view(&text), &json, &job->error);
	return r ? r : jwk_import(json, part, &job->key, &job->error);
}

int main(int argc, char **argv)
{
	struct job job = {NULL, argv + 3, BUF_NULL, BUF_NULL, ERROR_NULL};
	int r = -1;

	if (argc < 3 || secret_process_init((size_t)4 << 20))
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		r = key_read(argv[2], verbs[i].part, &job);
		if (r == 0)
			r = verbs[i].run(&job);
	}
	if (r)
		(void)fprintf(stderr, "jose_tool: %d %s\n", r, error_text(&job.error));
	else if (job.output.size && fwrite(job.output.data, job.output.size, 1, stdout) != 1)
		r = 1;
	jwk_free(job.key);
	buf_deinit(&job.input);
	buf_deinit(&job.output);
	return r ? 1 : 0;
}
