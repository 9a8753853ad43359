/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix.h"

#include <arpa/inet.h>
#include <string.h>

#include "../../tests/unit/ipfix_decoder.h"
#include "test.h"

#define ENTERPRISE 32473
#define DOMAIN 7
#define EXPORT_TIME_S 1700000000
#define START_MS 1699999990000
#define END_MS 1700000000000
#define MESSAGE_SIZE 1400

static IpfixLayout layout_of(EnterpriseElements enterprise, bool layer2_octets)
{
	return (IpfixLayout){
		.observation_domain = DOMAIN,
		.enterprise_number = ENTERPRISE,
		.enterprise = enterprise,
		.layer2_octets = layer2_octets,
		.message_size = MESSAGE_SIZE,
	};
}

static IpfixEncoder *encoder_with(const IpfixLayout *layout)
{
	IpfixEncoder *encoder = ipfix_encoder_new(layout, NULL);

	assert_non_null(encoder);
	return encoder;
}

static IpfixEncoder *encoder_of(EnterpriseElements enterprise, bool layer2_octets)
{
	const IpfixLayout layout = layout_of(enterprise, layer2_octets);

	return encoder_with(&layout);
}

static GPtrArray *messages_new(void)
{
	return g_ptr_array_new_with_free_func(g_free);
}

/* Numbers the messages as a sender does. */
static void decode(Decoder *decoder, GPtrArray *messages)
{
	uint32_t sequence[2] = { decoder->sequence[0], decoder->sequence[1] };

	for (guint i = 0; i < messages->len; i++) {
		IpfixMessage *message = g_ptr_array_index(messages, i);
		uint32_t *next = &sequence[message->observation_domain != 0];
		uint32_t big_endian = GUINT32_TO_BE(*next);

		memcpy(message->data + IPFIX_SEQUENCE_OFFSET, &big_endian, sizeof(big_endian));
		*next += message->contents.records;
		if (!decoder_take(decoder, message->data, message->contents.len))
			fail_msg("%s", decoder->fault);
	}
	assert_int_equal(decoder->missing, 0);
}

static Decoder *decode_templates_of(IpfixEncoder *encoder, unsigned int records)
{
	g_autoptr(GPtrArray) messages = messages_new();
	Decoder *decoder = decoder_new();

	assert_true(ipfix_encode_templates(encoder, EXPORT_TIME_S, records | IPFIX_INTERFACES,
					   messages, NULL));
	decode(decoder, messages);
	return decoder;
}

static Decoder *decode_templates(IpfixEncoder *encoder)
{
	return decode_templates_of(encoder, IPFIX_HOSTS);
}

/* What @records become, after the templates. */
static Decoder *decode_hosts(IpfixEncoder *encoder, const HostRecord *records, size_t n)
{
	g_autoptr(GPtrArray) messages = messages_new();
	Decoder *decoder = decode_templates(encoder);

	assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, records, n, 0, messages, NULL));
	g_array_set_size(decoder->records, 0);
	decode(decoder, messages);
	return decoder;
}

/* The same of flows. */
static Decoder *decode_flows(IpfixEncoder *encoder, const FlowRecord *flows, size_t n)
{
	g_autofree IpfixFlow *records = g_new0(IpfixFlow, n);
	g_autoptr(GPtrArray) messages = messages_new();
	Decoder *decoder = decode_templates_of(encoder, IPFIX_FLOWS);

	for (size_t i = 0; i < n; i++)
		records[i].flow = &flows[i];
	assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, records, n, 0, messages, NULL));
	g_array_set_size(decoder->records, 0);
	decode(decoder, messages);
	return decoder;
}

static const DecodedRecord *record_at(const Decoder *decoder, guint i)
{
	assert_true(i < decoder->records->len);
	return &g_array_index(decoder->records, DecodedRecord, i);
}

static void set_ipv4(struct host_key *key, uint8_t last)
{
	const uint8_t address[ADDRESS_LEN] = { [10] = 0xff, 0xff, 192, 0, 2, last };

	memcpy(key->address, address, ADDRESS_LEN);
	key->ip_version = 4;
}

static void set_ipv6(struct host_key *key, uint8_t last)
{
	const uint8_t address[ADDRESS_LEN] = { 0x20, 0x01, 0x0d, 0xb8, [15] = last };

	memcpy(key->address, address, ADDRESS_LEN);
	key->ip_version = 6;
}

static void set_mac(struct host_key *key, uint8_t last)
{
	const uint8_t mac[MAC_LEN] = { 2, 0, 0, 0, 0xab, last };

	memcpy(key->mac, mac, MAC_LEN);
}

static HostRecord record_of(enum direction direction)
{
	return (HostRecord){
		.key = { .ifindex = 3, .scope = SCOPE_INTERNET },
		.direction = direction,
		.start_ms = START_MS,
		.end_ms = END_MS,
		.volume = { .packets = 5, .octets = 0x1122334455667788, .layer2_octets = 770 },
	};
}

/* @n records of all kinds, of which every seventh is empty; the volumes are sums of i. */
static HostRecord *many_records(size_t n)
{
	HostRecord *records = g_new0(HostRecord, n);

	for (size_t i = 0; i < n; i++) {
		HostRecord *record = &records[i];

		*record = record_of(i / 5 % DIRECTIONS);
		if (i / 20 % 3 != 2)
			set_mac(&record->key, (uint8_t)i);
		if (i / 10 % 3 == 0)
			set_ipv4(&record->key, (uint8_t)i);
		else if (i / 10 % 3 == 1 || i / 20 % 3 == 2)
			set_ipv6(&record->key, (uint8_t)i);
		record->volume = i % 7 ? (Volume){ i, 100 * i, 114 * i } : (Volume){ 0 };
	}
	return records;
}

/* clang-format off */
#define TIMES {0, 152, 8}, {0, 153, 8}
#define DIRECTION_AND_VERSION {0, 61, 1}, {0, 60, 1}
#define COUNTERS {0, 1, 8}, {0, 2, 8}

/* The table of README.md, "IPFIX": enterprise number, element and octets of each field. */
static const struct {
	uint16_t id;
	bool has_mac;
	DecodedField fields[9]; /* ends with element 0 */
} layouts[] = {
	{ 256, true,  { TIMES, {0, 10, 4}, DIRECTION_AND_VERSION, {0, 56, 6}, {0, 8, 4}, COUNTERS } },
	{ 257, true,  { TIMES, {0, 14, 4}, DIRECTION_AND_VERSION, {0, 80, 6}, {0, 12, 4}, COUNTERS } },
	{ 258, true,  { TIMES, {0, 10, 4}, DIRECTION_AND_VERSION, {0, 56, 6}, {0, 27, 16}, COUNTERS } },
	{ 259, true,  { TIMES, {0, 14, 4}, DIRECTION_AND_VERSION, {0, 80, 6}, {0, 28, 16}, COUNTERS } },
	{ 260, true,  { TIMES, {0, 10, 4}, DIRECTION_AND_VERSION, {0, 56, 6}, COUNTERS } },
	{ 261, true,  { TIMES, {0, 14, 4}, DIRECTION_AND_VERSION, {0, 80, 6}, COUNTERS } },
	{ 352, false, { TIMES, {0, 10, 4}, DIRECTION_AND_VERSION, {0, 8, 4}, COUNTERS } },
	{ 353, false, { TIMES, {0, 14, 4}, DIRECTION_AND_VERSION, {0, 12, 4}, COUNTERS } },
	{ 354, false, { TIMES, {0, 10, 4}, DIRECTION_AND_VERSION, {0, 27, 16}, COUNTERS } },
	{ 355, false, { TIMES, {0, 14, 4}, DIRECTION_AND_VERSION, {0, 28, 16}, COUNTERS } },
};

static const DecodedTemplate options_layouts[] = {
	{ 271, 1, 3, { {0, 10, 4}, {0, 82, 16}, {0, 83, 32} } },
	{ 272, 1, 4, { {0, 149, 4}, {0, 304, 2}, {0, 305, 4}, {0, 306, 4} } },
	{ 270, 1, 10, { {0, 149, 4}, {0, 160, 8}, {0, 41, 8}, {0, 42, 8}, {0, 40, 8},
			{0, 164, 8}, {0, 165, 8}, {0, 166, 8}, {0, 167, 8}, {0, 168, 8} } },
	{ 274, 2, 9, { {0, 346, 4}, {0, 303, 2}, {0, 339, 1}, {0, 344, 1}, {0, 345, 2},
		       {0, 342, 8}, {0, 343, 8},
		       {0, 341, DECODER_VARLEN}, {0, 340, DECODER_VARLEN} } },
};

static const DecodedField layer2_field = {0, 352, 8};
static const DecodedField enterprise_fields[] = {
	{ENTERPRISE, 1, 6}, {ENTERPRISE, 2, 1}, {ENTERPRISE, 3, 32},
};
static const DecodedField mark_field = {ENTERPRISE, 4, 4};

#define SIDES {0, 10, 4}, {0, 14, 4}, DIRECTION_AND_VERSION
#define FRAME {0, 56, 6}, {0, 80, 6}, {0, 58, 2}, {0, 59, 2}, {0, 245, 2}
#define PORTS {0, 7, 2}, {0, 11, 2}
#define PACKETS {0, 4, 1}, {0, 5, 1}, {0, 6, 1}, {0, 52, 1}, {0, 53, 1}, {0, 136, 1}, {0, 54, 4}
#define LENGTHS {0, 25, 4}, {0, 26, 4}

/* The same of flows: they have the mark where there are enterprise elements at all. */
static const DecodedTemplate flow_layouts[IPFIX_UNIFLOW_KINDS] = {
	{ 512, 0, 27, { TIMES, SIDES, FRAME, {0, 8, 4}, {0, 12, 4}, PORTS, {0, 32, 2}, PACKETS,
			LENGTHS, COUNTERS } },
	{ 513, 0, 28, { TIMES, SIDES, FRAME, {0, 27, 16}, {0, 28, 16}, PORTS, {0, 139, 2}, PACKETS,
			{0, 31, 4}, LENGTHS, COUNTERS } },
	{ 576, 0, 22, { TIMES, SIDES, {0, 8, 4}, {0, 12, 4}, PORTS, {0, 32, 2}, PACKETS,
			LENGTHS, COUNTERS } },
	{ 577, 0, 23, { TIMES, SIDES, {0, 27, 16}, {0, 28, 16}, PORTS, {0, 139, 2}, PACKETS,
			{0, 31, 4}, LENGTHS, COUNTERS } },
};
/* clang-format on */

static const uint16_t enterprise_blocks[] = {
	[ENTERPRISE_NONE] = 0,
	[ENTERPRISE_MAC] = 32,
	[ENTERPRISE_FULL] = 64,
};
static const size_t enterprise_counts[] = {
	[ENTERPRISE_NONE] = 0,
	[ENTERPRISE_MAC] = 1,
	[ENTERPRISE_FULL] = 3,
};

static DecodedTemplate expected_template(size_t layout, EnterpriseElements enterprise, bool layer2)
{
	DecodedTemplate template = { .id = layouts[layout].id };

	while (template.n < 9 && layouts[layout].fields[template.n].element) {
		template.fields[template.n] = layouts[layout].fields[template.n];
		template.n++;
	}
	if (layer2) {
		template.id += 128;
		template.fields[template.n++] = layer2_field;
	}
	if (!layouts[layout].has_mac)
		return template;
	template.id += enterprise_blocks[enterprise];
	for (size_t i = 0; i < enterprise_counts[enterprise]; i++)
		template.fields[template.n++] = enterprise_fields[i];
	return template;
}

static void assert_template(const Decoder *decoder, uint32_t domain,
			    const DecodedTemplate *expected)
{
	const DecodedTemplate *template = decoder_template(decoder, domain, expected->id);

	assert_non_null(template);
	assert_memory_equal(template, expected, sizeof(*expected));
}

static void every_template_has_the_layout_of_its_id(void **state)
{
	for (int enterprise = ENTERPRISE_MAC; enterprise <= ENTERPRISE_FULL; enterprise++) {
		for (int layer2 = 0; layer2 <= 1; layer2++) {
			g_autoptr(IpfixEncoder) encoder = encoder_of(enterprise, layer2);
			g_autoptr(Decoder) decoder = decode_templates(encoder);

			for (size_t i = 0; i < G_N_ELEMENTS(layouts); i++) {
				DecodedTemplate expected = expected_template(i, enterprise, layer2);

				assert_template(decoder, DOMAIN, &expected);
			}
			assert_template(decoder, DOMAIN, &options_layouts[0]);
			assert_template(decoder, DOMAIN, &options_layouts[1]);
			assert_int_equal(decoder->templates[1]->len, G_N_ELEMENTS(layouts) + 2);
		}
	}
}

static void every_template_of_flows_has_the_layout_of_its_id(void **state)
{
	for (int enterprise = ENTERPRISE_MAC; enterprise <= ENTERPRISE_FULL; enterprise++) {
		for (int layer2 = 0; layer2 <= 1; layer2++) {
			g_autoptr(IpfixEncoder) encoder = encoder_of(enterprise, layer2);
			g_autoptr(Decoder) decoder = decode_templates_of(encoder, IPFIX_FLOWS);

			for (size_t i = 0; i < IPFIX_UNIFLOW_KINDS; i++) {
				DecodedTemplate expected = flow_layouts[i];

				if (layer2) {
					expected.id += 128;
					expected.fields[expected.n++] = layer2_field;
				}
				if (enterprise != ENTERPRISE_NONE) {
					expected.id += 32;
					expected.fields[expected.n++] = mark_field;
				}
				assert_template(decoder, DOMAIN, &expected);
			}
			assert_int_equal(decoder->templates[1]->len, IPFIX_UNIFLOW_KINDS + 2);
		}
	}
}

static void nanoseconds_have_templates_of_their_own(void **state)
{
	IpfixLayout layout = layout_of(ENTERPRISE_NONE, false);
	g_autoptr(IpfixEncoder) encoder = NULL;
	g_autoptr(Decoder) decoder = NULL;

	layout.flow_times = FLOW_TIMES_NANOSECONDS;
	encoder = encoder_with(&layout);
	decoder = decode_templates_of(encoder, IPFIX_HOSTS | IPFIX_FLOWS);
	for (size_t i = 0; i < IPFIX_UNIFLOW_KINDS; i++) {
		DecodedTemplate expected = flow_layouts[i];

		expected.id += 512;
		expected.fields[0].element = 156;
		expected.fields[1].element = 157;
		assert_template(decoder, DOMAIN, &expected);
	}
	/* Hosts have none. */
	assert_non_null(decoder_template(decoder, DOMAIN, 256));
}

static void routes_have_templates_of_their_own(void **state)
{
	static const DecodedField fields[][3] = {
		{ { 0, 15, 4 }, { 0, 9, 1 }, { 0, 13, 1 } },
		{ { 0, 62, 16 }, { 0, 29, 1 }, { 0, 30, 1 } },
	};
	IpfixLayout layout = layout_of(ENTERPRISE_MAC, true);
	g_autoptr(IpfixEncoder) encoder = NULL;
	g_autoptr(Decoder) decoder = NULL;

	layout.flow_routes = true;
	encoder = encoder_with(&layout);
	decoder = decode_templates_of(encoder, IPFIX_FLOWS);
	for (size_t i = 0; i < IPFIX_UNIFLOW_KINDS; i++) {
		DecodedTemplate expected = flow_layouts[i];

		expected.id += 32 + 128 + 256;
		expected.fields[expected.n++] = layer2_field;
		for (size_t j = 0; j < 3; j++)
			expected.fields[expected.n++] = fields[i % 2][j];
		expected.fields[expected.n++] = mark_field;
		assert_template(decoder, DOMAIN, &expected);
	}
}

/* Those of one direction stay what they are. */
static void biflows_have_templates_of_their_own(void **state)
{
	static const DecodedField frame[] = { { 29305, 56, 6 }, { 29305, 80, 6 } };
	static const DecodedField icmp[] = { { 29305, 32, 2 }, { 29305, 139, 2 } };
	static const DecodedField middle[] = {
		{ 0, 239, 1 },	   { 29305, 61, 1 }, { 29305, 5, 1 },	{ 29305, 6, 1 },
		{ 29305, 52, 1 },  { 29305, 53, 1 }, { 29305, 136, 1 }, { 29305, 152, 8 },
		{ 29305, 153, 8 }, { 29305, 54, 4 },
	};
	static const DecodedField label = { 29305, 31, 4 };
	static const DecodedField end[] = {
		{ 29305, 25, 4 }, { 29305, 26, 4 }, { 29305, 1, 8 }, { 29305, 2, 8 }
	};
	IpfixLayout layout = layout_of(ENTERPRISE_NONE, false);
	g_autoptr(IpfixEncoder) encoder = NULL;
	g_autoptr(Decoder) decoder = NULL;

	layout.biflows = true;
	encoder = encoder_with(&layout);
	decoder = decode_templates_of(encoder, IPFIX_FLOWS);
	for (size_t i = 0; i < IPFIX_UNIFLOW_KINDS; i++) {
		const DecodedTemplate *uniflow = &flow_layouts[i];
		DecodedTemplate expected = { .id = (uint16_t)(uniflow->id + 1024) };

		assert_template(decoder, DOMAIN, uniflow);
		for (size_t j = 0; j < G_N_ELEMENTS(frame) && i < 2; j++)
			expected.fields[expected.n++] = frame[j];
		expected.fields[expected.n++] = icmp[i % 2];
		for (size_t j = 0; j < G_N_ELEMENTS(middle); j++)
			expected.fields[expected.n++] = middle[j];
		if (i % 2)
			expected.fields[expected.n++] = label;
		for (size_t j = 0; j < G_N_ELEMENTS(end); j++)
			expected.fields[expected.n++] = end[j];
		for (size_t j = 0; j < uniflow->n; j++)
			expected.fields[expected.n++] = uniflow->fields[j];
		assert_template(decoder, DOMAIN, &expected);
	}
}

static void templates_fit_into_one_message(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, true);
	g_autoptr(Decoder) hosts = decode_templates_of(encoder, IPFIX_HOSTS);
	g_autoptr(Decoder) flows = decode_templates_of(encoder, IPFIX_FLOWS);

	assert_int_equal(hosts->refreshes, 1);
	assert_int_equal(flows->refreshes, 1);
}

/* The decoder wants the options templates apart, which a second message must not bring together. */
static void all_templates_come_together(void **state)
{
	IpfixLayout layout = layout_of(ENTERPRISE_FULL, true);
	g_autoptr(IpfixEncoder) encoder = NULL;

	layout.flow_times = FLOW_TIMES_NANOSECONDS;
	layout.flow_routes = layout.biflows = true;
	encoder = encoder_with(&layout);
	for (size_t size = IPFIX_MESSAGE_MIN; size <= 2500; size++) {
		g_autoptr(Decoder) decoder = NULL;

		assert_true(ipfix_encoder_set_message_size(encoder, size, NULL));
		decoder = decode_templates_of(encoder, IPFIX_HOSTS | IPFIX_FLOWS);
		assert_int_equal(decoder->templates[1]->len,
				 G_N_ELEMENTS(layouts) + IPFIX_FLOW_KINDS + 2);
		assert_true(decoder->longest <= size);
	}
}

/* Type records of RFC 5610 come in domain 0 before any template that needs them. */
static void enterprise_elements_are_described_first(void **state)
{
	static const struct {
		uint8_t type; /* RFC 5610, 3.1: 1 unsigned8, 12 macAddress, 13 string */
		const char *name;
	} elements[] = { { 12, "hostMacAddress" }, { 1, "hostScope" }, { 13, "hostName" } };

	for (int enterprise = ENTERPRISE_MAC; enterprise <= ENTERPRISE_FULL; enterprise++) {
		g_autoptr(IpfixEncoder) encoder = encoder_of(enterprise, false);
		g_autoptr(Decoder) decoder = decode_templates(encoder);

		assert_int_equal(decoder->records->len, enterprise_counts[enterprise]);
		for (guint i = 0; i < decoder->records->len; i++) {
			const DecodedRecord *record = record_at(decoder, i);

			assert_int_equal(record->domain, 0);
			assert_true(record->message < decoder->messages->len - 1);
			assert_template(decoder, 0, &options_layouts[3]);
			assert_int_equal(decoder_value(record, 346), ENTERPRISE);
			assert_int_equal(decoder_value(record, 303), i + 1);
			assert_int_equal(decoder_value(record, 339), elements[i].type);
			assert_int_equal(record->len[7], strlen(elements[i].name));
			assert_memory_equal(record->at[7], elements[i].name, record->len[7]);
		}
	}
}

static void enterprise_elements_are_described_for_those_who_get_them(void **state)
{
	g_autoptr(IpfixEncoder) full = encoder_of(ENTERPRISE_FULL, false);
	g_autoptr(IpfixEncoder) none = encoder_of(ENTERPRISE_NONE, false);
	g_autoptr(Decoder) flows = decode_templates_of(full, IPFIX_FLOWS);
	g_autoptr(Decoder) both = decode_templates_of(full, IPFIX_HOSTS | IPFIX_FLOWS);
	g_autoptr(Decoder) nothing = decode_templates_of(none, IPFIX_HOSTS | IPFIX_FLOWS);

	assert_int_equal(flows->records->len, 1);
	assert_int_equal(decoder_value(record_at(flows, 0), 303), 4);
	assert_int_equal(decoder_value(record_at(flows, 0), 339), 3); /* unsigned32 */
	assert_memory_equal(record_at(flows, 0)->at[7], "flowMark", 8);
	assert_int_equal(both->records->len, 4);
	assert_int_equal(nothing->records->len, 0);
}

static void upload_is_encoded_octet_by_octet(void **state)
{
	static const uint8_t expected[] = {
		0x00, 0x0a, 0x00, 0x4a, 0x65, 0x53, 0xf1, 0x00, /* version, 74 octets, time */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, /* no sequence yet, domain */
		0x01, 0x20, 0x00, 0x3a,				/* set 288, 58 octets */
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x40, 0xf0, /* flowStartMilliseconds */
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, /* flowEndMilliseconds */
		0x00, 0x00, 0x00, 0x03, 0x00, 0x04,		/* interface, direction, version */
		0x02, 0x00, 0x00, 0x00, 0xab, 0x09,		/* sourceMacAddress */
		0xc0, 0x00, 0x02, 0x01,				/* sourceIPv4Address */
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, /* octetDeltaCount */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, /* packetDeltaCount */
		0x02, 0x00, 0x00, 0x00, 0xab, 0x09,		/* hostMacAddress */
	};
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(GPtrArray) messages = messages_new();
	HostRecord record = record_of(DIRECTION_UPLOAD);
	const IpfixMessage *message;

	set_ipv4(&record.key, 1);
	set_mac(&record.key, 9);
	assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, &record, 1, 0, messages, NULL));
	assert_int_equal(messages->len, 1);
	message = g_ptr_array_index(messages, 0);
	assert_int_equal(message->contents.len, sizeof(expected));
	assert_memory_equal(message->data, expected, sizeof(expected));
	assert_int_equal(message->contents.records, 1);
	assert_int_equal(message->contents.flow_records, 1);
	assert_int_equal(message->contents.packets, 5);
	assert_int_equal(message->contents.octets, record.volume.octets);
	assert_int_equal(message->observation_domain, DOMAIN);
}

static void download_names_the_host_as_destination(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_NONE, true);
	g_autoptr(Decoder) decoder = NULL;
	HostRecord record = record_of(DIRECTION_DOWNLOAD);
	const DecodedRecord *decoded;

	set_ipv6(&record.key, 1);
	set_mac(&record.key, 9);
	decoder = decode_hosts(encoder, &record, 1);
	decoded = record_at(decoder, 0);
	assert_int_equal(decoded->template->id, 259 + 128);
	assert_int_equal(decoder_value(decoded, 14), 3);
	assert_int_equal(decoder_value(decoded, 61), 1);
	assert_int_equal(decoder_value(decoded, 60), 6);
	assert_int_equal(decoder_value(decoded, 80), 0x02000000ab09);
	assert_int_equal(decoder_value(decoded, 352), 770);
	assert_memory_equal(decoded->at[decoder_find(decoded->template, 0, 28)], record.key.address,
			    ADDRESS_LEN);
}

static void assert_host_name(const char *name, const char *expected)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, false);
	g_autoptr(Decoder) decoder = NULL;
	HostRecord record = record_of(DIRECTION_DOWNLOAD);
	char padded[33] = { 0 };
	const DecodedRecord *decoded;

	set_ipv4(&record.key, 1);
	set_mac(&record.key, 9);
	record.name = name;
	decoder = decode_hosts(encoder, &record, 1);
	decoded = record_at(decoder, 0);
	memcpy(padded, decoded->at[decoder_find(decoded->template, ENTERPRISE, 3)], 32);
	assert_string_equal(padded, expected);
}

/* 32 octets. */
static void name_is_cut_on_a_character(void **state)
{
	assert_host_name(NULL, "02:00:00:00:ab:09");
	assert_host_name("desktop", "desktop");
	assert_host_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	assert_host_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	assert_host_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4",
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void host_by_mac_alone_has_no_address(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(Decoder) decoder = NULL;
	HostRecord record = record_of(DIRECTION_DOWNLOAD);

	set_mac(&record.key, 9);
	record.key.ip_version = 6;
	decoder = decode_hosts(encoder, &record, 1);
	assert_int_equal(record_at(decoder, 0)->template->id, 261 + 32);
	assert_int_equal(decoder_value(record_at(decoder, 0), 60), 6);
}

static void host_by_address_alone_has_no_mac_in_any_layout(void **state)
{
	for (int enterprise = ENTERPRISE_MAC; enterprise <= ENTERPRISE_FULL; enterprise++) {
		g_autoptr(IpfixEncoder) encoder = encoder_of(enterprise, false);
		g_autoptr(Decoder) decoder = NULL;
		HostRecord records[] = { record_of(DIRECTION_UPLOAD),
					 record_of(DIRECTION_DOWNLOAD) };

		set_ipv4(&records[0].key, 1);
		set_ipv6(&records[1].key, 1);
		decoder = decode_hosts(encoder, records, G_N_ELEMENTS(records));
		assert_int_equal(record_at(decoder, 0)->template->id, 352);
		assert_int_equal(record_at(decoder, 1)->template->id, 355);
	}
}

static void full_layout_tells_scope_and_name(void **state)
{
	static const char name[32] = "02:00:00:00:ab:09";
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, false);
	g_autoptr(Decoder) decoder = NULL;
	HostRecord record = record_of(DIRECTION_UPLOAD);
	const DecodedRecord *decoded;
	int field;

	set_ipv4(&record.key, 1);
	set_mac(&record.key, 9);
	record.key.scope = SCOPE_LOCAL;
	decoder = decode_hosts(encoder, &record, 1);
	decoded = record_at(decoder, 0);
	assert_int_equal(decoded->template->id, 256 + 64);
	field = decoder_find(decoded->template, ENTERPRISE, 2);
	assert_int_equal(*decoded->at[field], SCOPE_LOCAL);
	assert_int_equal(decoded->len[field + 1], sizeof(name));
	assert_memory_equal(decoded->at[field + 1], name, sizeof(name));
	assert_true(ipfix_encoder_templates(encoder)->scopes_apart);
}

/* A re-encoding starts over from `first` of any message, so messages must not share items. */
static void assert_messages_tile(const GPtrArray *messages, const HostRecord *records, size_t n,
				 size_t from)
{
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = g_ptr_array_index(messages, i);
		IpfixContents sum = { 0 };

		for (size_t k = message->first; k < message->first + message->items; k++) {
			sum.flow_records += !volume_is_zero(&records[k].volume);
			sum.packets += records[k].volume.packets;
			sum.octets += records[k].volume.octets;
		}
		assert_true(message->first >= from);
		assert_int_equal(sum.flow_records, message->contents.flow_records);
		assert_int_equal(sum.flow_records, message->contents.records);
		assert_int_equal(sum.packets, message->contents.packets);
		assert_int_equal(sum.octets, message->contents.octets);
		from = message->first + message->items;
	}
	assert_int_equal(from, n);
}

static void no_message_is_longer_than_its_limit(void **state)
{
	enum { N = 1000, LONGEST_RECORD = 107 };
	g_autofree HostRecord *records = many_records(N);
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, true);

	for (size_t size = IPFIX_MESSAGE_MIN; size <= IPFIX_MESSAGE_MAX; size += 1 + size / 32) {
		g_autoptr(GPtrArray) messages = messages_new();
		g_autoptr(Decoder) decoder = NULL;

		assert_true(ipfix_encoder_set_message_size(encoder, size, NULL));
		decoder = decode_templates(encoder);
		assert_true(
			ipfix_encode_hosts(encoder, EXPORT_TIME_S, records, N, 0, messages, NULL));
		decode(decoder, messages);
		assert_messages_tile(messages, records, N, 0);
		assert_true(decoder->longest <= size);
		assert_true(messages->len == 1 || decoder->longest > size - LONGEST_RECORD - 2 * 4);
		assert_int_equal(decoder_flow_records(decoder), N - (N + 6) / 7);
	}
}

static void sums_are_preserved(void **state)
{
	enum { N = 3000 };
	g_autofree HostRecord *records = many_records(N);
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, true);
	g_autoptr(Decoder) decoder = decode_hosts(encoder, records, N);
	Volume sum = { 0 };

	for (size_t i = 0; i < N; i++)
		volume_add(&sum, &records[i].volume);
	assert_int_equal(decoder_sum(decoder, 1), sum.octets);
	assert_int_equal(decoder_sum(decoder, 2), sum.packets);
	assert_int_equal(decoder_sum(decoder, 352), sum.layer2_octets);
}

static void encoding_starts_over_from_any_message(void **state)
{
	enum { N = 300 };
	g_autofree HostRecord *records = many_records(N);
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(GPtrArray) messages = messages_new();

	assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, records, N, 0, messages, NULL));
	assert_true(ipfix_encoder_set_message_size(encoder, 512, NULL));
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = g_ptr_array_index(messages, i);
		g_autoptr(GPtrArray) shorter = messages_new();

		assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, records, N, message->first,
					       shorter, NULL));
		assert_messages_tile(shorter, records, N, message->first);
	}
}

static void empty_records_make_no_message(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(GPtrArray) messages = messages_new();
	const HostRecord empty[3] = { 0 };

	assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, empty, 3, 0, messages, NULL));
	assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, empty, 0, 0, messages, NULL));
	assert_int_equal(messages->len, 0);
}

static void message_size_out_of_range_is_an_error(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	const size_t sizes[] = { 0, ipfix_encoder_templates(encoder)->min_message - 1,
				 IPFIX_MESSAGE_MAX + 1 };
	IpfixLayout layout = layout_of(ENTERPRISE_MAC, false);

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(GError) new_error = NULL;
		g_autoptr(GError) set_error = NULL;

		layout.message_size = sizes[i];
		assert_null(ipfix_encoder_new(&layout, &new_error));
		assert_non_null(new_error);
		assert_false(ipfix_encoder_set_message_size(encoder, sizes[i], &set_error));
		assert_non_null(set_error);
	}
	g_clear_pointer(&encoder, ipfix_encoder_free);
}

static void options_name_interfaces_and_sampling(void **state)
{
	static const IpfixInterface interfaces[] = {
		{ 2, "br-lan", "home" },
		{ 3, "a-name-that-is-too-long", NULL },
		{ 4, "eth0", "thirty-one octets, and then an \xc3\xa9" },
	};
	static const char cut[16] = { 'a', '-', 'n', 'a', 'm', 'e', '-', 't',
				      'h', 'a', 't', '-', 'i', 's', '-', 't' };
	static const char whole_characters[32] = "thirty-one octets, and then an ";
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_NONE, false);
	g_autoptr(Decoder) decoder = decode_templates(encoder);
	g_autoptr(GPtrArray) messages = messages_new();
	const DecodedRecord *sampling;

	assert_true(ipfix_encode_options(encoder, EXPORT_TIME_S,
					 IPFIX_HOSTS | IPFIX_FLOWS | IPFIX_INTERFACES, interfaces,
					 G_N_ELEMENTS(interfaces), messages, NULL));
	decode(decoder, messages);
	assert_int_equal(decoder->records->len, 1 + G_N_ELEMENTS(interfaces));
	assert_int_equal(decoder_flow_records(decoder), 0);
	sampling = record_at(decoder, 0);
	assert_int_equal(sampling->template->id, 272);
	assert_int_equal(decoder_value(sampling, 149), DOMAIN);
	assert_int_equal(decoder_value(sampling, 304), 1);
	assert_int_equal(decoder_value(sampling, 305), 1);
	assert_int_equal(decoder_value(sampling, 306), 0);
	assert_int_equal(decoder_value(record_at(decoder, 1), 10), 2);
	assert_string_equal(record_at(decoder, 1)->at[1], "br-lan");
	assert_string_equal(record_at(decoder, 1)->at[2], "home");
	assert_memory_equal(record_at(decoder, 2)->at[1], cut, sizeof(cut));
	assert_memory_equal(record_at(decoder, 3)->at[2], whole_characters,
			    sizeof(whole_characters));
}

/* Hosts are not sampled, and collectors multiply all that is in a domain. */
static void sampled_flows_are_in_a_domain_of_their_own(void **state)
{
	IpfixLayout layout = layout_of(ENTERPRISE_NONE, false);
	g_autoptr(GPtrArray) messages = messages_new();
	g_autoptr(IpfixEncoder) encoder = NULL;
	g_autoptr(Decoder) decoder = NULL;

	(void)state;
	layout.flow_sampling = 100;
	encoder = ipfix_encoder_new(&layout, NULL);
	decoder = decode_templates(encoder);
	assert_true(ipfix_encode_options(encoder, EXPORT_TIME_S, IPFIX_HOSTS | IPFIX_FLOWS, NULL, 0,
					 messages, NULL));
	decode(decoder, messages);
	assert_int_equal(decoder->records->len, 2);
	for (guint i = 0; i < 2; i++) {
		const DecodedRecord *sampling = record_at(decoder, i);

		assert_int_equal(decoder_value(sampling, 149), DOMAIN + i);
		assert_int_equal(decoder_value(sampling, 304), i ? 4 : 1);
		assert_int_equal(decoder_value(sampling, 305), 1);
		assert_int_equal(decoder_value(sampling, 306), i ? 99 : 0);
	}
	/* Who is told of hosts alone is told nothing of it. */
	g_ptr_array_set_size(messages, 0);
	assert_true(
		ipfix_encode_options(encoder, EXPORT_TIME_S, IPFIX_HOSTS, NULL, 0, messages, NULL));
	assert_int_equal(messages->len, 1);
}

static void statistics_are_in_domain_0(void **state)
{
	static const struct statistics_fields statistics = {
		.init_time_ms = 160,
		.exported_messages = 41,
		.exported_flow_records = 42,
		.exported_octets = 40,
		.ignored_packets = 164,
		.ignored_octets = 165,
		.not_sent_flow_records = 166,
		.not_sent_packets = 167,
		.not_sent_octets = 168,
	};
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(GPtrArray) messages = messages_new();
	g_autoptr(Decoder) decoder = decoder_new();
	const DecodedRecord *record;

	assert_true(ipfix_encode_statistics(encoder, EXPORT_TIME_S, &statistics, messages, NULL));
	decode(decoder, messages);
	assert_template(decoder, 0, &options_layouts[2]);
	record = record_at(decoder, 0);
	assert_int_equal(record->domain, 0);
	assert_int_equal(decoder_value(record, 149), DOMAIN);
	for (int i = 1; i < record->template->n; i++)
		assert_int_equal(decoder_number(record->at[i], record->len[i]),
				 record->template->fields[i].element);
}

/* Every value differs from every other, and from those of flow_ipv6(). */
static FlowRecord flow_ipv4(uint8_t protocol)
{
	return (FlowRecord){
		.key = {
			.source = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
			.destination = { [10] = 0xff, 0xff, 198, 51, 100, 2 },
			.ingress = 3,
			.egress = 4,
			.mark = 0xfedcba98,
			.source_port = htons(40000),
			.destination_port = htons(443),
			.vlan = 20,
			.customer_vlan = 30,
			.protocol = protocol,
			.traffic_class = 0xb8,
			.ip_version = 4,
			.hook = HOOK_EGRESS,
		},
		.volume = { 7, 0x1122334455667788, 5098 },
		.start_ms = START_MS,
		.end_ms = END_MS,
		.attributes = {
			.min_octets = 40,
			.max_octets = 65575,
			.tcp_flags = 0x11b,
			.min_ttl = 63,
			.max_ttl = 64,
			.fragment_id = 0xabcd,
			.source_mac = { 2, 0, 0, 0, 0xab, 1 },
			.destination_mac = { 2, 0, 0, 0, 0xab, 2 },
		},
		.end = FLOW_ENDED,
	};
}

static FlowRecord flow_ipv6(uint8_t protocol)
{
	FlowRecord flow = flow_ipv4(protocol);

	flow.key.ip_version = 6;
	memcpy(flow.key.source, (uint8_t[ADDRESS_LEN]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
	       ADDRESS_LEN);
	memcpy(flow.key.destination, (uint8_t[ADDRESS_LEN]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 2 },
	       ADDRESS_LEN);
	flow.attributes.flow_label = 0xfffff;
	flow.attributes.fragment_id = 0xdeadbeef;
	return flow;
}

static void flow_is_encoded_octet_by_octet(void **state)
{
	static const uint8_t expected[] = {
		0x02, 0x20, 0x00, 0x64,				/* set 544, 100 octets */
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x40, 0xf0, /* flowStartMilliseconds */
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, /* flowEndMilliseconds */
		0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, /* interfaces */
		0x01, 0x04,					/* direction, version */
		0x02, 0x00, 0x00, 0x00, 0xab, 0x01,		/* sourceMacAddress */
		0x02, 0x00, 0x00, 0x00, 0xab, 0x02,		/* destinationMacAddress */
		0x00, 0x00, 0x00, 0x14, 0x00, 0x1e,		/* vlanId, postVlanId, customer's */
		0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02, /* addresses */
		0x9c, 0x40, 0x01, 0xbb, 0x00, 0x00,		/* ports, no ICMP */
		0x06, 0xb8, 0x1b,	/* protocol, class, tcpControlBits */
		0x3f, 0x40, 0x03,	/* TTLs, flowEndReason */
		0x00, 0x00, 0xab, 0xcd, /* fragmentIdentification */
		0x00, 0x00, 0x00, 0x28, 0x00, 0x01, 0x00, 0x27, /* lengths */
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, /* octetDeltaCount */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, /* packetDeltaCount */
		0xfe, 0xdc, 0xba, 0x98,				/* flowMark */
	};
	const FlowRecord flow = flow_ipv4(IPPROTO_TCP);
	const IpfixFlow records[] = { { .flow = &flow } };
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(GPtrArray) messages = messages_new();
	const IpfixMessage *message;

	assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, records, 1, 0, messages, NULL));
	assert_int_equal(messages->len, 1);
	message = g_ptr_array_index(messages, 0);
	assert_int_equal(message->contents.len, IPFIX_HEADER_LEN + sizeof(expected));
	assert_memory_equal(message->data + IPFIX_HEADER_LEN, expected, sizeof(expected));
	assert_int_equal(message->contents.records, 1);
	assert_int_equal(message->contents.flow_records, 1);
	assert_int_equal(message->contents.packets, 7);
	assert_int_equal(message->contents.octets, flow.volume.octets);
}

/* RFC 7011, 6.1.10: seconds since 1900, and their fraction, of which none is less than the time. */
static void nanoseconds_are_told_as_ntp_has_them(void **state)
{
	static const struct {
		uint64_t epoch_ms;
		uint64_t ntp;
	} cases[] = {
		{ 0, UINT64_C(0x83aa7e8000000000) },
		{ 1, UINT64_C(0x83aa7e8000418938) },
		{ 500, UINT64_C(0x83aa7e8080000000) },
		{ 999, UINT64_C(0x83aa7e80ffbe76c9) },
		{ 1700000000123, UINT64_C(0xe8fe6f801f7ced92) },
	};
	IpfixLayout layout = layout_of(ENTERPRISE_NONE, false);
	g_autoptr(IpfixEncoder) encoder = NULL;

	layout.flow_times = FLOW_TIMES_NANOSECONDS;
	encoder = encoder_with(&layout);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		FlowRecord flow = flow_ipv4(IPPROTO_UDP);
		g_autoptr(Decoder) decoder = NULL;

		flow.start_ms = cases[i].epoch_ms;
		decoder = decode_flows(encoder, &flow, 1);
		assert_int_equal(decoder_value(record_at(decoder, 0), 156), cases[i].ntp);
		assert_int_equal(cases[i].ntp % (UINT64_C(1) << 32) * 1000 >> 32,
				 cases[i].epoch_ms % 1000);
	}
}

static void flow_tells_its_route(void **state)
{
	const FlowRecord flows[] = { flow_ipv4(IPPROTO_TCP), flow_ipv6(IPPROTO_TCP),
				     flow_ipv4(IPPROTO_TCP) };
	const FlowRoute routes[] = {
		{ { [10] = 0xff, 0xff, 192, 0, 2, 254 }, 24, 7 },
		{ { 0x20, 0x01, 0x0d, 0xb8, [15] = 254 }, 64, 128 },
	};
	const IpfixFlow records[] = { { .flow = &flows[0], .route = &routes[0] },
				      { .flow = &flows[1], .route = &routes[1] },
				      { .flow = &flows[2] } };
	IpfixLayout layout = layout_of(ENTERPRISE_NONE, false);
	g_autoptr(IpfixEncoder) encoder = NULL;
	g_autoptr(GPtrArray) messages = messages_new();
	g_autoptr(Decoder) decoder = NULL;
	const DecodedRecord *record;

	layout.flow_routes = true;
	encoder = encoder_with(&layout);
	decoder = decode_templates_of(encoder, IPFIX_FLOWS);
	assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, records, 3, 0, messages, NULL));
	g_array_set_size(decoder->records, 0);
	decode(decoder, messages);
	record = record_at(decoder, 0);
	assert_int_equal(decoder_value(record, 15), 0xc00002fe);
	assert_int_equal(decoder_value(record, 9), 24);
	assert_int_equal(decoder_value(record, 13), 7);
	record = record_at(decoder, 1);
	assert_memory_equal(record->at[decoder_find(record->template, 0, 62)], routes[1].next_hop,
			    ADDRESS_LEN);
	assert_int_equal(decoder_value(record, 29), 64);
	assert_int_equal(decoder_value(record, 30), 128);
	record = record_at(decoder, 2);
	assert_int_equal(decoder_value(record, 15), 0);
	assert_int_equal(decoder_value(record, 13), 0);
}

static void biflow_tells_both_directions(void **state)
{
	FlowRecord forward = flow_ipv6(IPPROTO_TCP), backward = flow_ipv6(IPPROTO_TCP);
	const FlowRoute routes[] = { { { [15] = 1 }, 48, 64 }, { { [15] = 2 }, 64, 48 } };
	const IpfixFlow flow = { &forward, &routes[0], &backward, &routes[1] };
	IpfixLayout layout = layout_of(ENTERPRISE_NONE, true);
	g_autoptr(IpfixEncoder) encoder = NULL;
	g_autoptr(GPtrArray) messages = messages_new();
	g_autoptr(Decoder) decoder = NULL;
	const DecodedRecord *record;

	forward.role = FLOW_INITIATOR;
	backward.role = FLOW_RESPONDER;
	backward.volume = (Volume){ 11, 1100, 1254 };
	backward.start_ms = START_MS + 5;
	backward.end_ms = END_MS + 5;
	backward.key.hook = HOOK_INGRESS;
	backward.key.traffic_class = 0x20;
	backward.end = FLOW_IDLE;
	backward.attributes = (struct flow_attributes){
		50, 60, 0x12, 7, 8, 99, 77, { 2, 0, 0, 0, 0xab, 5 }, { 2, 0, 0, 0, 0xab, 6 }
	};
	layout.biflows = layout.flow_routes = true;
	encoder = encoder_with(&layout);
	decoder = decode_templates_of(encoder, IPFIX_FLOWS);
	assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, &flow, 1, 0, messages, NULL));
	g_array_set_size(decoder->records, 0);
	decode(decoder, messages);
	record = record_at(decoder, 0);
	assert_int_equal(record->template->id, 513 + 128 + 256 + 1024);
	assert_int_equal(decoder_value(record, 239), 1);
	assert_int_equal(decoder_value(record, 2), 7);
	assert_int_equal(decoder_value(record, 136), FLOW_ENDED);
#define REVERSE(element) decoder_value_of(record, 29305, element)
	assert_int_equal(REVERSE(1), 1100);
	assert_int_equal(REVERSE(2), 11);
	assert_int_equal(REVERSE(352), 1254);
	assert_int_equal(REVERSE(152), START_MS + 5);
	assert_int_equal(REVERSE(153), END_MS + 5);
	assert_int_equal(REVERSE(61), 0);
	assert_int_equal(REVERSE(5), 0x20);
	assert_int_equal(REVERSE(6), 0x12);
	assert_int_equal(REVERSE(52), 7);
	assert_int_equal(REVERSE(53), 8);
	assert_int_equal(REVERSE(136), FLOW_IDLE);
	assert_int_equal(REVERSE(54), 99);
	assert_int_equal(REVERSE(31), 77);
	assert_int_equal(REVERSE(25), 50);
	assert_int_equal(REVERSE(26), 60);
	assert_int_equal(REVERSE(56), 0x02000000ab05);
	assert_int_equal(REVERSE(80), 0x02000000ab06);
#undef REVERSE
	assert_memory_equal(record->at[decoder_find(record->template, 29305, 62)],
			    routes[1].next_hop, ADDRESS_LEN);
	/* What was counted is what both have. */
	assert_int_equal(((IpfixMessage *)messages->pdata[0])->contents.flow_records, 1);
	assert_int_equal(((IpfixMessage *)messages->pdata[0])->contents.packets, 18);
	assert_int_equal(((IpfixMessage *)messages->pdata[0])->contents.octets,
			 forward.volume.octets + 1100);
}

static void flow_of_ipv6_has_its_label(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_NONE, true);
	const FlowRecord flow = flow_ipv6(IPPROTO_UDP);
	g_autoptr(Decoder) decoder = decode_flows(encoder, &flow, 1);
	const DecodedRecord *record = record_at(decoder, 0);

	assert_int_equal(record->template->id, 513 + 128);
	assert_memory_equal(record->at[decoder_find(record->template, 0, 27)], flow.key.source,
			    ADDRESS_LEN);
	assert_memory_equal(record->at[decoder_find(record->template, 0, 28)], flow.key.destination,
			    ADDRESS_LEN);
	assert_int_equal(decoder_value(record, 31), 0xfffff);
	assert_int_equal(decoder_value(record, 54), 0xdeadbeef);
	assert_int_equal(decoder_value(record, 60), 6);
	assert_int_equal(decoder_value(record, 352), 5098);
}

/* Type 8 and code 3 of ICMP are no ports of TCP, nor are ICMPv6's in IPv4. */
static void icmp_is_told_of_icmp_alone(void **state)
{
	static const struct {
		uint8_t ip_version, protocol;
		uint16_t element, icmp;
	} cases[] = {
		{ 4, IPPROTO_ICMP, 32, 0x0803 }, { 4, IPPROTO_ICMPV6, 32, 0 },
		{ 4, IPPROTO_TCP, 32, 0 },	 { 6, IPPROTO_ICMPV6, 139, 0x0803 },
		{ 6, IPPROTO_ICMP, 139, 0 },
	};
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_NONE, false);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		FlowRecord flow = cases[i].ip_version == 4 ? flow_ipv4(cases[i].protocol) :
							     flow_ipv6(cases[i].protocol);
		g_autoptr(Decoder) decoder = NULL;

		flow.key.source_port = 0;
		flow.key.destination_port = htons(0x0803);
		decoder = decode_flows(encoder, &flow, 1);
		assert_int_equal(decoder_value(record_at(decoder, 0), cases[i].element),
				 cases[i].icmp);
		assert_int_equal(decoder_value(record_at(decoder, 0), 11), 0x0803);
	}
}

static void tag_is_told_of_the_interface_where_it_was_seen(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_NONE, false);
	FlowRecord flows[] = { flow_ipv4(IPPROTO_UDP), flow_ipv4(IPPROTO_UDP) };
	g_autoptr(Decoder) decoder = NULL;

	flows[0].key.hook = HOOK_INGRESS;
	decoder = decode_flows(encoder, flows, 2);
	for (guint i = 0; i < 2; i++) {
		const DecodedRecord *record = record_at(decoder, i);

		assert_int_equal(decoder_value(record, 61), i);
		assert_int_equal(decoder_value(record, 58), i ? 0 : 20);
		assert_int_equal(decoder_value(record, 59), i ? 20 : 0);
		assert_int_equal(decoder_value(record, 245), 30);
	}
}

/* Of PPP, say. A zero MAC would be a device to some collectors. */
static void flow_without_frame_has_no_macs(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, false);
	FlowRecord flows[] = { flow_ipv4(IPPROTO_UDP), flow_ipv6(IPPROTO_UDP),
			       flow_ipv6(IPPROTO_UDP) };
	g_autoptr(Decoder) decoder = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(flows); i++) {
		memset(flows[i].attributes.source_mac, 0, MAC_LEN);
		memset(flows[i].attributes.destination_mac, 0, MAC_LEN);
		flows[i].key.vlan = 0;
		flows[i].key.customer_vlan = i == 2;
	}
	decoder = decode_flows(encoder, flows, G_N_ELEMENTS(flows));
	assert_int_equal(record_at(decoder, 0)->template->id, 576 + 32);
	assert_int_equal(record_at(decoder, 1)->template->id, 577 + 32);
	assert_int_equal(record_at(decoder, 2)->template->id, 513 + 32);
}

static void flows_begin_over_from_any_message(void **state)
{
	enum { N = 200 };
	g_autofree FlowRecord *flows = g_new(FlowRecord, N);
	IpfixFlow records[N];
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, true);
	g_autoptr(GPtrArray) messages = messages_new();

	for (size_t i = 0; i < N; i++) {
		flows[i] = i < N / 2 ? flow_ipv4(IPPROTO_TCP) : flow_ipv6(IPPROTO_TCP);
		flows[i].volume = i % 7 ? (Volume){ 1, i, i } : (Volume){ 0 };
		records[i] = (IpfixFlow){ .flow = &flows[i] };
	}
	assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, records, N, 0, messages, NULL));
	assert_true(messages->len > N / 14);
	assert_true(ipfix_encoder_set_message_size(encoder, 512, NULL));
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];
		g_autoptr(GPtrArray) shorter = messages_new();
		uint64_t octets = 0, expected = 0;

		assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, records, N, message->first,
					       shorter, NULL));
		for (guint k = 0; k < shorter->len; k++) {
			const IpfixMessage *part = shorter->pdata[k];

			octets += part->contents.octets;
			assert_true(part->contents.len <= 512);
		}
		for (size_t k = message->first; k < N; k++)
			expected += flows[k].volume.octets;
		assert_int_equal(octets, expected);
	}
}

static void ledger_and_names_are_options_with_their_templates(void **state)
{
	static const IpfixLedgerEntry entries[] = {
		{ "home", HOOK_EGRESS, "internet", { 3, 300, 342 } },
		{ "a name that is longer than that", HOOK_INGRESS, "address-limit", { 0, 0, 0 } },
	};
	static const IpfixName names[] = { { { 2, 0, 0, 0, 0, 1 }, "desktop" } };
	static const EnterpriseElements with[] = { ENTERPRISE_MAC, ENTERPRISE_NONE };

	for (size_t i = 0; i < G_N_ELEMENTS(with); i++) {
		g_autoptr(GPtrArray) messages = messages_new();
		g_autoptr(IpfixEncoder) encoder = encoder_of(with[i], false);
		g_autoptr(Decoder) decoder = decoder_new();
		const DecodedRecord *record;

		assert_true(
			ipfix_encode_ledger(encoder, EXPORT_TIME_S, entries, 2, messages, NULL));
		assert_true(ipfix_encode_names(encoder, EXPORT_TIME_S, names, 1, messages, NULL));
		decode(decoder, messages);
		/* What hostName is has a record of its own. */
		assert_int_equal(decoder->records->len, with[i] == ENTERPRISE_NONE ? 3 : 4);
		record = record_at(decoder, 0);
		assert_int_equal(record->template->id, 273);
		assert_int_equal(decoder_value(record, 149), DOMAIN);
		assert_memory_equal(record->at[decoder_find(record->template, 0, 82)], "home\0", 5);
		assert_int_equal(decoder_value(record, 61), 1);
		assert_memory_equal(record->at[decoder_find(record->template, 0, 335)],
				    "internet\0", 9);
		assert_int_equal(decoder_value(record, 86), 3);
		assert_int_equal(decoder_value(record, 85), 300);
		assert_int_equal(decoder_value(record, 353), 342);
		record = record_at(decoder, 1);
		assert_memory_equal(record->at[decoder_find(record->template, 0, 82)],
				    "a name that is l", 16);
		record = record_at(decoder, decoder->records->len - 1);
		assert_int_equal(record->template->id, with[i] == ENTERPRISE_NONE ? 276 : 275);
		assert_memory_equal(record->at[0], names[0].mac, MAC_LEN);
		assert_int_equal(record->len[1], 32);
		assert_memory_equal(record->at[1], "desktop\0", 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_template_has_the_layout_of_its_id),
		cmocka_unit_test(every_template_of_flows_has_the_layout_of_its_id),
		cmocka_unit_test(nanoseconds_have_templates_of_their_own),
		cmocka_unit_test(routes_have_templates_of_their_own),
		cmocka_unit_test(biflows_have_templates_of_their_own),
		cmocka_unit_test(templates_fit_into_one_message),
		cmocka_unit_test(all_templates_come_together),
		cmocka_unit_test(enterprise_elements_are_described_first),
		cmocka_unit_test(enterprise_elements_are_described_for_those_who_get_them),
		cmocka_unit_test(upload_is_encoded_octet_by_octet),
		cmocka_unit_test(download_names_the_host_as_destination),
		cmocka_unit_test(name_is_cut_on_a_character),
		cmocka_unit_test(host_by_mac_alone_has_no_address),
		cmocka_unit_test(host_by_address_alone_has_no_mac_in_any_layout),
		cmocka_unit_test(full_layout_tells_scope_and_name),
		cmocka_unit_test(no_message_is_longer_than_its_limit),
		cmocka_unit_test(sums_are_preserved),
		cmocka_unit_test(encoding_starts_over_from_any_message),
		cmocka_unit_test(empty_records_make_no_message),
		cmocka_unit_test(message_size_out_of_range_is_an_error),
		cmocka_unit_test(options_name_interfaces_and_sampling),
		cmocka_unit_test(sampled_flows_are_in_a_domain_of_their_own),
		cmocka_unit_test(statistics_are_in_domain_0),
		cmocka_unit_test(flow_is_encoded_octet_by_octet),
		cmocka_unit_test(nanoseconds_are_told_as_ntp_has_them),
		cmocka_unit_test(flow_tells_its_route),
		cmocka_unit_test(biflow_tells_both_directions),
		cmocka_unit_test(flow_of_ipv6_has_its_label),
		cmocka_unit_test(icmp_is_told_of_icmp_alone),
		cmocka_unit_test(tag_is_told_of_the_interface_where_it_was_seen),
		cmocka_unit_test(flow_without_frame_has_no_macs),
		cmocka_unit_test(flows_begin_over_from_any_message),
		cmocka_unit_test(ledger_and_names_are_options_with_their_templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
