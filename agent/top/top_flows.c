/* SPDX-License-Identifier: Apache-2.0 */
#include "top_flows.h"

#include <string.h>

#include "base/error.h"
#include "base/mac.h"
#include "base/prefix.h"
#include "base/text.h"

#define ADDRESS_BITS (ADDRESS_LEN * 8)
#define FLOWS_REQUEST "flows sort=octets limit=%d %s"

/* What a document says of one flow. */
typedef struct {
	uint64_t start_ms; /* 0: nothing came since its last record */
	uint64_t end_ms;
	uint64_t packets;
	uint64_t octets;
} Reading;

/* One flow, which is one direction of a conversation as one hook sees it. */
typedef struct {
	char *key;	   /* of the conversation, ... */
	char *far, *near;  /* ... and what that has of texts */
	char *family_name; /* "" is none */
	TopFamily family;
	enum direction direction;
	enum hook hook;
	Reading last;
	uint64_t packets; /* all that was seen */
	uint64_t octets;
	uint64_t grown[DIRECTIONS]; /* octets of `rates`; what left unseen is estimated */
	Rates *rates;
	bool in_document;
} Counter;

static void counter_free(gpointer data)
{
	Counter *counter = data;

	g_free(counter->key);
	g_free(counter->far);
	g_free(counter->near);
	g_free(counter->family_name);
	rates_free(counter->rates);
	g_free(counter);
}

static void flow_free(gpointer data)
{
	TopFlow *flow = data;

	g_free(flow->key);
	g_free(flow->far);
	g_free(flow->near);
	g_free(flow->family_name);
	g_free(flow);
}

TopFlows *top_flows_new(void)
{
	TopFlows *flows = g_new0(TopFlows, 1);

	flows->flows = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, flow_free);
	flows->counters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, counter_free);
	flows->addresses = g_array_new(FALSE, FALSE, sizeof(Prefix));
	return flows;
}

void top_flows_free(TopFlows *flows)
{
	if (!flows)
		return;
	g_hash_table_unref(flows->flows);
	g_hash_table_unref(flows->counters);
	g_array_unref(flows->addresses);
	g_free(flows->mac);
	g_free(flows);
}

/* --- the request */

static bool is_mac(const char *text)
{
	uint8_t mac[MAC_LEN];

	return mac_parse(mac, text);
}

/* What is none, a text for people, say, is left out. */
static void append_address(TopFlows *flows, GString *filter, const char *text)
{
	Prefix prefix;

	if (flows->addresses->len == TOP_FLOWS_ADDRESSES || !prefix_parse(&prefix, text, NULL))
		return;
	g_string_append_printf(filter, "%s%s", flows->addresses->len ? " " : "host [", text);
	g_array_append_val(flows->addresses, prefix);
}

char *top_flows_request(TopFlows *flows, const char *host, const GPtrArray *addresses)
{
	g_autoptr(GString) filter = g_string_new(NULL);

	g_array_set_size(flows->addresses, 0);
	g_free(flows->mac);
	flows->mac = is_mac(host) ? g_strdup(host) : NULL;
	if (!flows->mac)
		append_address(flows, filter, host);
	for (guint i = 0; i < addresses->len; i++) {
		if (strcmp(addresses->pdata[i], host))
			append_address(flows, filter, addresses->pdata[i]);
	}
	if (filter->len)
		g_string_append_c(filter, ']');
	if (flows->mac)
		g_string_append_printf(filter, "%smac %s", filter->len ? " or " : "", flows->mac);
	return filter->len ? g_strdup_printf(FLOWS_REQUEST, TOP_FLOWS_MAX, filter->str) : NULL;
}

/* --- reading */

static uint64_t number_of(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* "" if there is none. */
static char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text_printable(text ? text : "");
}

static bool holds(const Prefix *prefix, const Prefix *address)
{
	for (unsigned int bit = 0; bit < prefix->length; bit++) {
		unsigned int mask = 0x80U >> (bit % 8);

		if ((prefix->address[bit / 8] ^ address->address[bit / 8]) & mask)
			return false;
	}
	return true;
}

static bool is_own_address(const TopFlows *flows, const json_t *object, const char *side)
{
	const char *text = json_string_value(json_object_get(object, side));
	Prefix address;

	if (!text || !prefix_parse(&address, text, NULL) || address.length != ADDRESS_BITS)
		return false;
	for (guint i = 0; i < flows->addresses->len; i++) {
		if (holds(&g_array_index(flows->addresses, Prefix, i), &address))
			return true;
	}
	return false;
}

static bool is_own_mac(const TopFlows *flows, const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text && flows->mac && !strcmp(text, flows->mac);
}

/* An address says more than a MAC, which may be that of a router on the way. False: it is none of the device's. */
static bool find_direction(const TopFlows *flows, const json_t *object, enum direction *direction)
{
	if (is_own_address(flows, object, "source"))
		*direction = DIRECTION_UPLOAD;
	else if (is_own_address(flows, object, "destination"))
		*direction = DIRECTION_DOWNLOAD;
	else if (is_own_mac(flows, object, "source_mac"))
		*direction = DIRECTION_UPLOAD;
	else if (is_own_mac(flows, object, "destination_mac"))
		*direction = DIRECTION_DOWNLOAD;
	else
		return false;
	return true;
}

/* All that tells flows apart: the members of the Flow Key. */
static char *flow_key_of(const json_t *object)
{
	static const char *const members[] = {
		"family",	    "source",	 "destination",	  "protocol",  "source_port",
		"destination_port", "icmp_type", "icmp_code",	  "direction", "ingress_index",
		"egress_index",	    "vlan",	 "customer_vlan", "mark",      "traffic_class",
	};
	GString *key = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
		const json_t *member = json_object_get(object, members[i]);

		if (json_is_string(member))
			g_string_append(key, json_string_value(member));
		else if (json_is_integer(member))
			g_string_append_printf(key, "%" JSON_INTEGER_FORMAT,
					       json_integer_value(member));
		g_string_append_c(key, '\n');
	}
	return g_string_free(key, FALSE);
}

/* "192.0.2.1:443", "[2001:db8::1]:443" */
static char *end_of(const json_t *object, const char *side)
{
	g_autofree char *port_name = g_strconcat(side, "_port", NULL);
	g_autofree char *address = text_of(object, side);

	if (!json_object_get(object, port_name))
		return g_steal_pointer(&address);
	return g_strdup_printf(strchr(address, ':') ? "[%s]:%" G_GUINT64_FORMAT :
						      "%s:%" G_GUINT64_FORMAT,
			       address, number_of(object, port_name));
}

static char *protocol_of(const json_t *object)
{
	g_autofree char *name = text_of(object, "protocol_name");

	if (*name)
		return g_steal_pointer(&name);
	return json_object_get(object, "protocol") ?
		       g_strdup_printf("%" G_GUINT64_FORMAT, number_of(object, "protocol")) :
		       g_strdup("-");
}

static Counter *counter_new(const json_t *object, enum direction direction)
{
	bool is_upload = direction == DIRECTION_UPLOAD;
	g_autofree char *protocol = protocol_of(object);
	g_autofree char *far = end_of(object, is_upload ? "destination" : "source");
	g_autofree char *hook = text_of(object, "direction");
	Counter *counter = g_new0(Counter, 1);

	counter->far = g_strdup_printf("%s %s", protocol, *far ? far : "-");
	counter->near = end_of(object, is_upload ? "source" : "destination");
	counter->family_name = text_of(object, "family");
	counter->family = top_family_of(counter->family_name);
	counter->key = g_strdup_printf("%s\n%s", counter->near, counter->far);
	counter->direction = direction;
	counter->hook = strcmp(hook, "egress") ? HOOK_INGRESS : HOOK_EGRESS;
	counter->rates = rates_new();
	return counter;
}

/* --- counting */

static void sample(Counter *counter, uint64_t ms)
{
	rates_add(counter->rates, ms, counter->grown);
}

/*
 * What came before its last record is not known, but for a flow that began while we looked. Even if there is nothing but
 * one packet it came within the shortest window.
 */
static void begin(const TopFlows *all, Counter *counter, const Reading *now, uint64_t ms)
{
	uint64_t *grown = &counter->grown[counter->direction];
	uint64_t before_ms = MIN(now->start_ms - 1, ms - rate_windows[RATE_2S]);

	counter->packets = now->packets;
	counter->octets = now->octets;
	if (now->start_ms) {
		if (all->start_ms && all->start_ms < now->start_ms)
			before_ms = MIN(before_ms, all->start_ms);
		sample(counter, before_ms);
		sample(counter, now->start_ms);
		*grown = now->octets;
		sample(counter, now->end_ms);
	}
	*grown = now->octets;
	sample(counter, ms);
}

/* Octets that are taken to have left with a record since the last document. */
static uint64_t estimate_unseen(const TopFlows *all, const Counter *counter, const Reading *now,
				uint64_t ms)
{
	double expected = rates_over(counter->rates, counter->direction, RATE_2S) *
			  (double)(ms - all->last_ms) / 1000;

	if (now->end_ms <= all->last_ms || expected < (double)now->octets)
		return 0;
	return (uint64_t)expected - now->octets;
}

static void go_on(const TopFlows *all, Counter *counter, const Reading *now, uint64_t ms)
{
	bool was_reported = now->octets < counter->last.octets ||
			    (counter->last.start_ms && now->start_ms != counter->last.start_ms);
	uint64_t octets = now->octets - (was_reported ? 0 : counter->last.octets);
	uint64_t unseen = was_reported ? estimate_unseen(all, counter, now, ms) : 0;

	counter->octets += octets;
	counter->packets += now->packets - (was_reported ? 0 : counter->last.packets);
	counter->grown[counter->direction] += octets + unseen;
	sample(counter, ms);
}

static Reading read_flow(const json_t *object, uint64_t ms)
{
	Reading reading = {
		.start_ms = number_of(object, "start_ms"),
		.end_ms = MIN(number_of(object, "end_ms"), ms),
		.packets = number_of(object, "packets"),
		.octets = number_of(object, "octets"),
	};

	reading.start_ms = MIN(reading.start_ms, reading.end_ms);
	return reading;
}

static void take_flow(TopFlows *all, const json_t *object, uint64_t ms)
{
	const Reading now = read_flow(object, ms);
	enum direction direction;
	Counter *counter;
	char *key;

	if (!find_direction(all, object, &direction))
		return;
	key = flow_key_of(object);
	counter = g_hash_table_lookup(all->counters, key);
	if (counter) {
		go_on(all, counter, &now, ms);
		g_free(key);
	} else {
		counter = counter_new(object, direction);
		begin(all, counter, &now, ms);
		g_hash_table_insert(all->counters, key, counter);
	}
	counter->last = now;
	counter->in_document = true;
}

static void mark_absent(gpointer key, gpointer value, gpointer user_data)
{
	((Counter *)value)->in_document = false;
}

static void take_document(TopFlows *all, const json_t *document, uint64_t ms)
{
	const json_t *list = json_object_get(document, "flows"), *object;
	size_t i;

	if (ms < all->last_ms) {
		g_hash_table_remove_all(all->counters);
		all->start_ms = 0;
	}
	all->metered = json_is_true(json_object_get(document, "metered"));
	all->cut = json_array_size(list) >= TOP_FLOWS_MAX;
	g_hash_table_foreach(all->counters, mark_absent, NULL);
	json_array_foreach((json_t *)list, i, object) take_flow(all, object, ms);
	if (!all->start_ms)
		all->start_ms = ms;
	all->last_ms = ms;
}

bool top_flows_add(TopFlows *all, const json_t *document, GError **error)
{
	const char *time = json_string_value(json_object_get(document, "time"));
	uint64_t ms = time ? text_time_ms(time) : 0;

	if (ms <= rate_windows[RATE_2S] || !json_is_array(json_object_get(document, "flows"))) {
		error_set(error, "the agent's answer is no list of flows with its time");
		return false;
	}
	/* No sweep has come between. */
	if (ms != all->last_ms)
		take_document(all, document, ms);
	return true;
}

/* --- what is shown */

static gboolean is_gone(gpointer key, gpointer value, gpointer user_data)
{
	return !((const Counter *)value)->in_document;
}

static TopFlow *find_or_add(TopFlows *all, const Counter *counter)
{
	TopFlow *flow = g_hash_table_lookup(all->flows, counter->key);

	if (flow)
		return flow;
	flow = g_new0(TopFlow, 1);
	flow->key = g_strdup(counter->key);
	flow->far = g_strdup(counter->far);
	flow->near = g_strdup(counter->near);
	flow->family_name = g_strdup(counter->family_name);
	flow->family = counter->family;
	g_hash_table_insert(all->flows, flow->key, flow);
	return flow;
}

static void show_counter(gpointer key, gpointer value, gpointer user_data)
{
	const Counter *counter = value;
	TopFigures *figures = &find_or_add(user_data, counter)->by_hook[counter->hook];
	enum direction direction = counter->direction;

	figures->packets[direction] += counter->packets;
	figures->octets[direction] += counter->octets;
	for (int window = 0; window < RATE_WINDOWS; window++)
		figures->rate[direction][window] +=
			rates_over(counter->rates, direction, (RateWindow)window);
}

/* Of each direction those of the hook that has seen more. */
static void show_flow(gpointer key, gpointer value, gpointer user_data)
{
	TopFlow *flow = value;

	for (int direction = 0; direction < DIRECTIONS; direction++) {
		const TopFigures *in = &flow->by_hook[HOOK_INGRESS],
				 *out = &flow->by_hook[HOOK_EGRESS];
		const TopFigures *more = in->octets[direction] > out->octets[direction] ? in : out;

		flow->shown.packets[direction] = more->packets[direction];
		flow->shown.octets[direction] = more->octets[direction];
		memcpy(flow->shown.rate[direction], more->rate[direction],
		       sizeof(flow->shown.rate[direction]));
	}
}

void top_flows_show(TopFlows *all)
{
	g_hash_table_remove_all(all->flows);
	g_hash_table_foreach_remove(all->counters, is_gone, NULL);
	g_hash_table_foreach(all->counters, show_counter, all);
	g_hash_table_foreach(all->flows, show_flow, NULL);
	all->shown_ms = all->last_ms;
}
