/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl at the first fetch instead of at every start. It brings some twenty-five libraries, whose loading costs more time than a whole
 * verification, and most verbs of sevattest(1) never fetch. Linked in place of libcurl, this file has the functions that fetch.c calls and
 * passes each on. Daemons that fetch for a living link libcurl itself: their sandbox would not let them load it later.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define LIBRARY "libcurl.so.4" /* the ABI since 2006 */

static struct {
	CURLcode (*global_init)(long flags);
	const char *(*strerror)(CURLcode code);
	CURL *(*init)(void);
	CURLcode (*setopt)(CURL *curl, CURLoption option, ...);
	CURLcode (*getinfo)(CURL *curl, CURLINFO info, ...);
	CURLcode (*perform)(CURL *curl);
	void (*cleanup)(CURL *curl);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
	void (*slist_free_all)(struct curl_slist *list);
} real;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

/* POSIX's own way from an object to a function pointer. */
static bool find(void *library, const char *name, void *to)
{
	void *symbol = dlsym(library, name);

	*(void **)to = symbol;
	return symbol != NULL;
}

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	loaded = library && find(library, "curl_global_init", &real.global_init) && find(library, "curl_easy_strerror", &real.strerror) &&
		 find(library, "curl_easy_init", &real.init) && find(library, "curl_easy_setopt", &real.setopt) &&
		 find(library, "curl_easy_getinfo", &real.getinfo) && find(library, "curl_easy_perform", &real.perform) &&
		 find(library, "curl_easy_cleanup", &real.cleanup) && find(library, "curl_slist_append", &real.slist_append) &&
		 find(library, "curl_slist_free_all", &real.slist_free_all);
}

/* The first that fetch.c calls; without it nothing else is. */
CURLcode curl_global_init(long flags)
{
	(void)pthread_once(&once, load);
	return loaded ? real.global_init(flags) : CURLE_FAILED_INIT;
}

const char *curl_easy_strerror(CURLcode code)
{
	return loaded ? real.strerror(code) : LIBRARY " cannot be loaded: install libcurl 4";
}

CURL *curl_easy_init(void)
{
	return loaded ? real.init() : NULL;
}

/* The number of an option says what type its argument has. */
CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	CURLcode r;
	va_list arguments;

	va_start(arguments, option);
	if (option < CURLOPTTYPE_OBJECTPOINT)
		r = real.setopt(curl, option, va_arg(arguments, long));
	else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
		r = real.setopt(curl, option, va_arg(arguments, curl_off_t));
	else
		r = real.setopt(curl, option, va_arg(arguments, void *));
	va_end(arguments);
	return r;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	CURLcode r;
	va_list arguments;

	va_start(arguments, info);
	r = real.getinfo(curl, info, va_arg(arguments, void *));
	va_end(arguments);
	return r;
}

CURLcode curl_easy_perform(CURL *curl)
{
	return real.perform(curl);
}

void curl_easy_cleanup(CURL *curl)
{
	if (curl)
		real.cleanup(curl);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *line)
{
	return real.slist_append(list, line);
}

void curl_slist_free_all(struct curl_slist *list)
{
	if (list)
		real.slist_free_all(list);
}
