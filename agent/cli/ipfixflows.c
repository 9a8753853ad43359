/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfixflows.h"

#include <string.h>

enum {
	TCP_CONTROL_BITS = 6,
	SOURCE_IPV4_ADDRESS = 8,
	DESTINATION_IPV4_ADDRESS = 12,
	SOURCE_IPV6_ADDRESS = 27,
	DESTINATION_IPV6_ADDRESS = 28,
	IP_VERSION = 60,
	FLOW_DIRECTION = 61,
};

/* Where an element's value is in a flow; IANA's numbers. */
static const struct {
	uint16_t number;
	const char *member;
} members[] = {
	{ 1, "octets" },
	{ 2, "packets" },
	{ 4, "protocol" },
	{ 5, "traffic_class" },
	{ TCP_CONTROL_BITS, "tcp_flags" },
	{ 7, "source_port" },
	{ 10, "ingress_index" },
	{ 11, "destination_port" },
	{ 14, "egress_index" },
	{ 31, "flow_label" },
	{ 52, "min_ttl" },
	{ 53, "max_ttl" },
	{ 54, "fragment_id" },
	{ 56, "source_mac" },
	{ 58, "vlan" },
	{ 80, "destination_mac" },
	{ 150, "start" },
	{ 151, "end" },
	{ 152, "start" },
	{ 153, "end" },
	{ 154, "start" },
	{ 155, "end" },
	{ 156, "start" },
	{ 157, "end" },
	{ 245, "customer_vlan" },
};

static void clear_input(gpointer data)
{
	g_free(((RecordFileInput *)data)->text);
}

static void add(GArray *inputs, uint16_t number, char *text)
{
	const RecordFileInput input = { number, text };

	g_array_append_val(inputs, input);
}

static bool is(const json_t *flow, const char *member, const char *word)
{
	return !g_strcmp0(json_string_value(json_object_get(flow, member)), word);
}

static void add_member(GArray *inputs, const json_t *flow, uint16_t number, const char *member)
{
	const json_t *value = json_object_get(flow, member);
	json_int_t integer = json_integer_value(value);

	/* A flow without a packet since its last record has not begun anew. */
	if (!value && !strcmp(member, "start"))
		value = json_object_get(flow, "end");
	/* One octet of them is as many as linux-flow-exporter sends. */
	if (number == TCP_CONTROL_BITS)
		integer &= 0xff;
	if (json_is_string(value))
		add(inputs, number, g_strdup(json_string_value(value)));
	else if (json_is_integer(value))
		add(inputs, number, g_strdup_printf("%" JSON_INTEGER_FORMAT, integer));
}

static GArray *inputs_of(const json_t *flow)
{
	GArray *inputs = g_array_new(FALSE, FALSE, sizeof(RecordFileInput));
	const bool is_ipv6 = is(flow, "family", "ipv6");

	g_array_set_clear_func(inputs, clear_input);
	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		add_member(inputs, flow, members[i].number, members[i].member);
	add_member(inputs, flow, is_ipv6 ? SOURCE_IPV6_ADDRESS : SOURCE_IPV4_ADDRESS, "source");
	add_member(inputs, flow, is_ipv6 ? DESTINATION_IPV6_ADDRESS : DESTINATION_IPV4_ADDRESS,
		   "destination");
	add(inputs, IP_VERSION, g_strdup(is_ipv6 ? "6" : "4"));
	add(inputs, FLOW_DIRECTION, g_strdup(is(flow, "direction", "egress") ? "1" : "0"));
	return inputs;
}

static bool has(const RecordFileTemplate *template, uint16_t number)
{
	for (guint i = 0; i < template->fields->len; i++) {
		const Element *element =
			&g_array_index(template->fields, RecordFileField, i).element;

		if (!element->enterprise && element->number == number)
			return true;
	}
	return false;
}

/* Zeros for addresses would be a lie. */
static bool takes(const RecordFileTemplate *template, const json_t *flow)
{
	const bool ipv4 =
		has(template, SOURCE_IPV4_ADDRESS) || has(template, DESTINATION_IPV4_ADDRESS);
	const bool ipv6 =
		has(template, SOURCE_IPV6_ADDRESS) || has(template, DESTINATION_IPV6_ADDRESS);

	return ipv4 == ipv6 || (is(flow, "family", "ipv6") ? ipv6 : ipv4);
}

bool ipfix_flows_add(RecordFile *file, const RecordFileTemplate *template, const json_t *flows,
		     size_t *left_out, GError **error)
{
	RecordFileSet *set = record_file_add_set(file, template);
	const json_t *flow;
	size_t i;

	json_array_foreach(flows, i, flow)
	{
		g_autoptr(GArray) inputs = NULL;

		if (!takes(template, flow)) {
			(*left_out)++;
			continue;
		}
		inputs = inputs_of(flow);
		if (!record_file_add_record(set, (const RecordFileInput *)(void *)inputs->data,
					    inputs->len, error))
			return false;
	}
	return true;
}
