/* SPDX-License-Identifier: Apache-2.0 */
#include "scrape.h"

#include <zlib.h>

#include "base/priority.h"

#define FRESH_MS 1000
/* zlib's own numbers: gzip instead of its own format, and what most agree on for speed. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_LEVEL 4
#define GZIP_MEMORY 8
#define OUT_STEP 65536 /* octets by which the output grows */

typedef struct {
	ScrapeDone done;
	void *user_data;
} Waiter;

/* What is made for one format, compressed or not. */
typedef struct {
	Scrape *scrape;
	PrometheusFormat format;
	bool gzip;
	GBytes *ready; /* NULL: nothing that is fresh */
	guint expiry;  /* takes it away */
	/* In the making: */
	Exposition *exposition; /* NULL: nothing is */
	gint64 start_us;
	z_stream stream;
	GString *slice;
	GByteArray *body;
	GArray *waiters; /* of Waiter */
} Product;

#define PRODUCTS (2 * PROMETHEUS_FORMATS)

struct Scrape {
	ScrapeBegin begin;
	void *user_data;
	Product products[PRODUCTS];
	guint source; /* makes the next slice; 0: there is nothing to make */
	uint64_t duration_ns;
};

Scrape *scrape_new(ScrapeBegin begin, void *user_data)
{
	Scrape *scrape = g_new0(Scrape, 1);

	scrape->begin = begin;
	scrape->user_data = user_data;
	for (int i = 0; i < PRODUCTS; i++) {
		Product *product = &scrape->products[i];

		product->scrape = scrape;
		product->format = (PrometheusFormat)(i / 2);
		product->gzip = i % 2;
		product->slice = g_string_new(NULL);
		product->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
	}
	return scrape;
}

static gboolean on_expired(gpointer user_data)
{
	Product *product = user_data;

	product->expiry = 0;
	g_clear_pointer(&product->ready, g_bytes_unref);
	return G_SOURCE_REMOVE;
}

static void compress_slice(Product *product, int flush)
{
	z_stream *stream = &product->stream;
	GByteArray *body = product->body;

	stream->next_in = (Bytef *)product->slice->str;
	stream->avail_in = (uInt)product->slice->len;
	do {
		guint before = body->len;

		g_byte_array_set_size(body, before + OUT_STEP);
		stream->next_out = body->data + before;
		stream->avail_out = OUT_STEP;
		(void)deflate(stream, flush);
		g_byte_array_set_size(body, before + OUT_STEP - stream->avail_out);
	} while (!stream->avail_out);
}

static void take_slice(Product *product, bool is_last)
{
	if (product->gzip)
		compress_slice(product, is_last ? Z_FINISH : Z_NO_FLUSH);
	else
		g_byte_array_append(product->body, (const guint8 *)product->slice->str,
				    (guint)product->slice->len);
}

static void drop(Product *product)
{
	if (!product->exposition)
		return;
	if (product->gzip)
		(void)deflateEnd(&product->stream);
	g_clear_pointer(&product->exposition, exposition_free);
	g_clear_pointer(&product->body, g_byte_array_unref);
	/* What it had grown to for one slice is not kept. */
	g_string_free(product->slice, TRUE);
	product->slice = g_string_new(NULL);
}

static void begin(Product *product)
{
	Scrape *scrape = product->scrape;

	product->start_us = g_get_monotonic_time();
	product->exposition = scrape->begin(product->format, scrape->user_data);
	product->body = g_byte_array_new();
	product->stream = (z_stream){ 0 };
	if (product->gzip && deflateInit2(&product->stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
					  GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		g_error("zlib: out of memory");
}

/* A waiter may ask again at once, so the list of those that are told is apart. */
static void finish(Product *product)
{
	gint64 duration_us = g_get_monotonic_time() - product->start_us;
	g_autoptr(GArray) waiters = g_steal_pointer(&product->waiters);
	g_autoptr(GBytes) body = g_byte_array_free_to_bytes(g_steal_pointer(&product->body));

	product->scrape->duration_ns = (uint64_t)duration_us * 1000;
	product->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
	drop(product);
	product->ready = g_bytes_ref(body);
	product->expiry = g_timeout_add(FRESH_MS, on_expired, product);
	for (guint i = 0; i < waiters->len; i++) {
		const Waiter *waiter = &g_array_index(waiters, Waiter, i);

		waiter->done(body, waiter->user_data);
	}
}

static bool make_slice(Product *product)
{
	bool more;

	g_string_truncate(product->slice, 0);
	more = exposition_step(product->exposition, product->slice);
	take_slice(product, !more);
	if (!more)
		finish(product);
	return more;
}

/* One slice of one product each time; whoever was first is done first. */
static gboolean on_idle(gpointer user_data)
{
	Scrape *scrape = user_data;
	Product *next = NULL;

	for (int i = 0; i < PRODUCTS; i++) {
		Product *product = &scrape->products[i];

		if (product->exposition && (!next || product->start_us < next->start_us))
			next = product;
	}
	if (next) {
		(void)make_slice(next);
		return G_SOURCE_CONTINUE;
	}
	scrape->source = 0;
	return G_SOURCE_REMOVE;
}

GBytes *scrape_get(Scrape *scrape, PrometheusFormat format, bool gzip, ScrapeDone done,
		   void *user_data)
{
	Product *product = &scrape->products[2 * (int)format + gzip];
	const Waiter waiter = { done, user_data };

	if (product->ready)
		return g_bytes_ref(product->ready);
	if (!product->exposition)
		begin(product);
	g_array_append_val(product->waiters, waiter);
	if (!scrape->source)
		scrape->source = g_idle_add_full(PRIORITY_SERVING, on_idle, scrape, NULL);
	return NULL;
}

void scrape_cancel(Scrape *scrape, void *user_data)
{
	for (int i = 0; i < PRODUCTS; i++) {
		GArray *waiters = scrape->products[i].waiters;

		for (guint j = waiters->len; j--;) {
			if (g_array_index(waiters, Waiter, j).user_data == user_data)
				g_array_remove_index_fast(waiters, j);
		}
	}
}

uint64_t scrape_duration_ns(const Scrape *scrape)
{
	return scrape->duration_ns;
}

void scrape_free(Scrape *scrape)
{
	if (!scrape)
		return;
	g_clear_handle_id(&scrape->source, g_source_remove);
	for (int i = 0; i < PRODUCTS; i++) {
		Product *product = &scrape->products[i];

		drop(product);
		g_clear_handle_id(&product->expiry, g_source_remove);
		g_clear_pointer(&product->ready, g_bytes_unref);
		g_string_free(product->slice, TRUE);
		g_array_unref(product->waiters);
	}
	g_free(scrape);
}
