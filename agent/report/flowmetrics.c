/* SPDX-License-Identifier: Apache-2.0 */
#include "flowmetrics.h"

#include <string.h>

#include "base/protocol.h"
#include "base/text.h"
#include "metering/observation.h"

/* What is being made: series, and where they are found again. */
typedef struct {
	GStringChunk *texts;
	GArray *series;
	GHashTable *indexes; /* char * -> index + 1 */
	GHashTable *points;  /* of Point, by their names in reports */
} Making;

static Making begin(const View *view, GStringChunk *texts, guint size)
{
	Making making = {
		.texts = texts,
		.series = g_array_new(FALSE, FALSE, size),
		.indexes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.points = g_hash_table_new(g_str_hash, g_str_equal),
	};

	for (guint i = 0; i < view->points->len; i++) {
		Point *point = view->points->pdata[i];

		g_hash_table_insert(making.points, (gpointer)point->report_name, point);
	}
	return making;
}

static GArray *end(Making *making)
{
	g_hash_table_unref(making->indexes);
	g_hash_table_unref(making->points);
	return making->series;
}

/* The index of the series called @key, which it takes over; it is new where that is the length. */
static guint find(Making *making, char *key)
{
	guint index = GPOINTER_TO_UINT(g_hash_table_lookup(making->indexes, key));

	if (index) {
		g_free(key);
		return index - 1;
	}
	g_hash_table_insert(making->indexes, key, GUINT_TO_POINTER(making->series->len + 1));
	return making->series->len;
}

static const char *label(Making *making, const char *name)
{
	g_autofree char *text = text_escape(name);

	return g_string_chunk_insert_const(making->texts, text);
}

/* Where it was counted. */
static const char *counted_at(const FlowPath *path)
{
	return path->hook == HOOK_EGRESS ? path->egress : path->ingress;
}

static ProtocolSeries *find_protocol(Making *making, const FlowPath *path)
{
	const char *interface = counted_at(path);
	guint index =
		find(making, g_strdup_printf("%d %d %s", path->hook, path->protocol, interface));

	if (index == making->series->len) {
		char text[PROTOCOL_TEXT_MAX];
		const ProtocolSeries added = {
			.interface = label(making, interface),
			.direction = hook_names[path->hook],
			.protocol = label(making, protocol_format(path->protocol, text)),
		};

		g_array_append_val(making->series, added);
	}
	return &g_array_index(making->series, ProtocolSeries, index);
}

GArray *flow_metrics_protocols(const View *view, GStringChunk *texts)
{
	const GPtrArray *rows = view->flow_sums ? flow_sums_rows(view->flow_sums) : NULL;
	Making making = begin(view, texts, sizeof(ProtocolSeries));

	for (guint i = 0; rows && i < rows->len; i++) {
		const FlowSum *sum = rows->pdata[i];

		volume_add(&find_protocol(&making, &sum->path)->volume, &sum->volume);
	}
	return end(&making);
}

/* That of the point, or, where that is gone, what its name says. */
static const char *netns_of(Making *making, const char *interface)
{
	const Point *point = g_hash_table_lookup(making->points, interface);
	g_autofree char *netns = NULL;
	const char *colon;

	if (point)
		return label(making, point->netns);
	colon = strrchr(interface, ':');
	netns = g_strndup(interface, colon ? (gsize)(colon - interface) : 0);
	return label(making, netns);
}

static PairSeries *find_pair(Making *making, const FlowPath *path)
{
	/* No name of an interface has a slash. */
	guint index =
		find(making, g_strdup_printf("%d %s/%s", path->hook, path->ingress, path->egress));

	if (index == making->series->len) {
		const PairSeries added = {
			.ingress = label(making, path->ingress),
			.egress = label(making, path->egress),
			.netns = netns_of(making, counted_at(path)),
			.direction = hook_names[path->hook],
		};

		g_array_append_val(making->series, added);
	}
	return &g_array_index(making->series, PairSeries, index);
}

GArray *flow_metrics_pairs(const View *view, GStringChunk *texts)
{
	const GPtrArray *rows = view->flow_sums ? flow_sums_rows(view->flow_sums) : NULL;
	const GPtrArray *pairs = view->flow_sums ? flow_sums_pairs(view->flow_sums) : NULL;
	Making making = begin(view, texts, sizeof(PairSeries));

	for (guint i = 0; rows && i < rows->len; i++) {
		const FlowSum *sum = rows->pdata[i];

		volume_add(&find_pair(&making, &sum->path)->volume, &sum->volume);
	}
	for (guint i = 0; pairs && i < pairs->len; i++) {
		const PairSum *pair = pairs->pdata[i];

		if (!volume_is_zero(&pair->limit))
			volume_add(&find_pair(&making, &pair->path)->limit, &pair->limit);
	}
	return end(&making);
}

GArray *flow_metrics_latencies(const View *view, GStringChunk *texts)
{
	const GPtrArray *pairs = view->flow_sums ? flow_sums_pairs(view->flow_sums) : NULL;
	Making making = begin(view, texts, sizeof(PairSeries));

	for (guint i = 0; pairs && i < pairs->len; i++) {
		const PairSum *pair = pairs->pdata[i];
		PairSeries *series;

		if (!pair->latency_frames)
			continue;
		series = find_pair(&making, &pair->path);
		series->latency_ns += pair->latency_ns;
		series->latency_frames += pair->latency_frames;
	}
	return end(&making);
}
