/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: /metrics for Prometheus, /-/healthy and /-/ready for whoever supervises, and a page that
 * leads there.
 *
 * libmicrohttpd reads requests and writes answers, without threads, from the main loop by its epoll descriptor.
 * The listening sockets are ours, so that a reload moves them without touching connections. Clients are
 * strangers: their number is bounded, in all and of one address, and so are the header and the time of a
 * request; whoever is beyond it is refused or cut off. Everything here comes after the sweeps, and a
 * request for metrics waits, suspended, while scrape.h makes them, as one with a password does while
 * passwords.h looks.
 */
#ifndef FLOWTALLY_HTTP_H
#define FLOWTALLY_HTTP_H

#include <stdbool.h>

#include <glib.h>

#include "config/config.h"
#include "report/httpview.h"
#include "scrape.h"

typedef struct Http Http;

/* Whether /-/ready answers that it is. */
typedef bool (*HttpReady)(void *user_data);

/* Listens nowhere yet. @scrape must outlive it. */
Http *http_new(Scrape *scrape, HttpReady is_ready, void *user_data);
void http_free(Http *http);

/* Listeners that stay keep their sockets, and connections last unless the web configuration has changed.
 * What fails, and what works again, is logged once. @config may go right after. */
void http_set_config(Http *http, const Config *config);

/* Once more what could not be listened at. */
void http_retry(Http *http);

const HttpView *http_view(Http *http); /* valid until the next call */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Http, http_free)

#endif
