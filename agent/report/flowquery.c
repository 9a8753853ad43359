/* SPDX-License-Identifier: Apache-2.0 */
#include "flowquery.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "flowjson.h"
#include "flowlog.h"

#define FLOWS "flows"
#define RECORDS "records"
#define FLUSH "flush"
#define ALL "all"
#define SORT "sort="
#define LIMIT "limit="
#define FROM "from="
#define AS "as="
#define FLOWLOG "flowlog"
#define BLANK ' '

const char *const flow_order_names[FLOW_ORDERS] = {
	[FLOWS_BY_OCTETS] = "octets", [FLOWS_BY_PACKETS] = "packets",	[FLOWS_BY_END] = "end",
	[FLOWS_BY_START] = "start",   [FLOWS_BY_DURATION] = "duration",
};

bool flow_order_parse(FlowOrder *order, const char *name)
{
	for (int i = 0; i < FLOW_ORDERS; i++) {
		if (!strcmp(name, flow_order_names[i])) {
			*order = (FlowOrder)i;
			return true;
		}
	}
	return false;
}

void flow_query_done(FlowQuery *query)
{
	g_clear_pointer(&query->filter, flowfilter_free);
}

/* What is behind @word, if @request begins with it; else NULL. */
static const char *behind(const char *request, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(request, word, len) != 0 || (request[len] && request[len] != BLANK))
		return NULL;
	request += len;
	while (*request == BLANK)
		request++;
	return request;
}

bool flow_query_is(const char *request)
{
	return behind(request, FLOWS) != NULL;
}

bool flow_query_is_records(const char *request)
{
	return behind(request, RECORDS) != NULL;
}

bool flow_query_is_flush(const char *request)
{
	return behind(request, FLUSH) != NULL;
}

static bool refuse(GError **error, const char *what, const char *why)
{
	g_autofree char *text = text_printable(why);

	g_set_error(error, FLOWTALLY_ERROR, EINVAL, "%s%s", what, text);
	return false;
}

static bool parse_order(FlowQuery *query, const char *value, GError **error)
{
	return flow_order_parse(&query->order, value) ||
	       refuse(error, "there is no such order: ", value);
}

static bool parse_limit(FlowQuery *query, const char *value, GError **error)
{
	guint64 limit;

	if (!g_ascii_string_to_unsigned(value, 10, 0, UINT32_MAX, &limit, NULL))
		return refuse(error, "there is no such limit: ", value);
	query->limit = (uint32_t)limit;
	return true;
}

static bool parse_from(FlowQuery *query, const char *value, GError **error)
{
	guint64 from;

	if (!g_ascii_string_to_unsigned(value, 10, 0, INT64_MAX, &from, NULL))
		return refuse(error, "there is no such number: ", value);
	query->from = from;
	return true;
}

static void append_own(GString *text, const FlowRecord *flow, const FlowContext *context)
{
	flow_json_append(text, flow, context->flow_key, context->names);
}

static void append_log(GString *text, const FlowRecord *flow, const FlowContext *context)
{
	flow_log_append(text, flow, context->now_ms, context->names);
}

static bool parse_form(FlowQuery *query, const char *value, GError **error)
{
	query->append = append_log;
	return !strcmp(value, FLOWLOG) || refuse(error, "there is no such form: ", value);
}

FlowContext flow_context(const View *view)
{
	return (FlowContext){
		.flow_key = config_flow_key(view->config),
		.now_ms = (uint64_t)g_get_real_time() / 1000,
	};
}

typedef struct {
	const char *name;
	bool (*parse)(FlowQuery *query, const char *value, GError **error);
} Option;

/* Up to one without a name. */
static const Option flow_options[] = {
	{ SORT, parse_order },
	{ LIMIT, parse_limit },
	{ AS, parse_form },
	{ NULL, NULL },
};
static const Option record_options[] = {
	{ FROM, parse_from },
	{ LIMIT, parse_limit },
	{ AS, parse_form },
	{ NULL, NULL },
};

/* Takes the options off the beginning of @text. */
static bool parse_options(FlowQuery *query, const Option *options, const char **text,
			  GError **error)
{
	for (; options->name; options++) {
		g_autofree char *value = NULL;
		size_t len;

		if (!g_str_has_prefix(*text, options->name))
			continue;
		*text += strlen(options->name);
		len = strcspn(*text, " ");
		value = g_strndup(*text, len);
		*text += len + strspn(*text + len, " ");
		if (!options->parse(query, value, error))
			return false;
	}
	return true;
}

static bool parse_filter(FlowQuery *query, const char *text, const View *view, GError **error)
{
	g_autoptr(InterfaceNames) names = interface_names_new(view);
	g_autoptr(GError) fault = NULL;

	query->filter = flowfilter_new(text, interface_names_find, names, &fault);
	return query->filter || refuse(error, "filter: ", fault->message);
}

/* @text is what is behind the first word. */
static bool parse(FlowQuery *query, const Option *options, const char *text, const View *view,
		  GError **error)
{
	*query = (FlowQuery){
		.order = FLOWS_BY_OCTETS,
		.limit = UINT32_MAX,
		.from = UINT64_MAX,
		.append = append_own,
	};
	return parse_options(query, options, &text, error) &&
	       (!*text || parse_filter(query, text, view, error));
}

bool flow_query_parse(FlowQuery *query, const char *request, const View *view, GError **error)
{
	return parse(query, flow_options, behind(request, FLOWS), view, error);
}

bool flow_query_parse_records(FlowQuery *query, const char *request, const View *view,
			      GError **error)
{
	return parse(query, record_options, behind(request, RECORDS), view, error);
}

bool flow_query_parse_flush(FlowQuery *query, const char *request, const View *view, GError **error)
{
	const char *text = behind(request, FLUSH);

	*query = (FlowQuery){ .limit = UINT32_MAX };
	return !strcmp(text, ALL) || parse_filter(query, text, view, error);
}

bool flow_query_matches(const FlowRecord *flow, void *query)
{
	const FlowFilter *filter = ((const FlowQuery *)query)->filter;

	return !filter || flowfilter_matches(filter, flow);
}

uint64_t flow_query_rank(const FlowQuery *query, const FlowRecord *flow)
{
	switch (query->order) {
	case FLOWS_BY_PACKETS:
		return flow->volume.packets;
	case FLOWS_BY_END:
		return flow->end_ms;
	case FLOWS_BY_START:
		return flow->start_ms;
	case FLOWS_BY_DURATION:
		return flow->start_ms ? flow->end_ms - flow->start_ms : 0;
	default:
		return flow->volume.octets;
	}
}
