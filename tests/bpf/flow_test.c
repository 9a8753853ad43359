/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows in the classifier, as far as it takes more than one packet to see what becomes of them:
 * differential_test.c compares the key and the counters of each packet with those of another program.
 */
#include "meter_lab.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))
#define PAYLOAD 100
#define EVERYWHERE (FLOWS_ENTERING | FLOWS_STAYING | FLOWS_LEAVING)

static const uint8_t gateway_mac[ETH_ALEN] = { 0x02, [5] = 0xfe };
static const uint8_t device_mac[ETH_ALEN] = { 0x02, [5] = 0x01 };
static const uint8_t other_mac[ETH_ALEN] = { 0x02, [5] = 0x02 };

static const int families[] = { 4, 6 };

/* A packet from the device to the internet, where a test says nothing else. */
struct sample {
	int family; /* 4 or 6 */
	const char *source;
	const char *destination;
	uint8_t protocol;
	uint16_t source_port;
	uint16_t destination_port; /* of ICMP, type and code */
	uint8_t traffic_class;
	uint8_t ttl;
	uint16_t tcp_flags;
	uint32_t id;	     /* of IPv6, in a fragment header, if there is one */
	unsigned fragment;   /* its offset in octets, a multiple of 8 */
	bool more_fragments; /* with it or an offset it is a fragment */
	uint32_t flow_label;
	const uint8_t *source_mac;
	uint16_t tags[2];
	unsigned payload;
	uint32_t mark;
	uint32_t ingress_ifindex;
	uint32_t gso_size;
	uint32_t gso_segs;
};

static struct sample sample_of(int family)
{
	return (struct sample){
		.family = family,
		.source = family == 4 ? "192.168.2.10" : "2001:db8:2::10",
		.destination = family == 4 ? "198.51.100.7" : "2620:fe::7",
		.protocol = IPPROTO_TCP,
		.source_port = 40001,
		.destination_port = 443,
		.ttl = 64,
		.source_mac = device_mac,
		.payload = PAYLOAD,
	};
}

static bool is_fragment(const struct sample *sample)
{
	return sample->fragment || sample->more_fragments;
}

static bool is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void add_ipv4(struct frame *frame, const struct sample *sample)
{
	uint8_t *ip;

	frame_add_ipv4(frame, sample->source, sample->destination, sample->protocol, 0);
	ip = frame->bytes + frame->ip_offset;
	ip[offsetof(struct iphdr, ttl)] = sample->ttl;
	ip[offsetof(struct iphdr, tos)] = sample->traffic_class;
	frame_set_be16(frame, frame->ip_offset + offsetof(struct iphdr, id), (uint16_t)sample->id);
	frame_set_be16(frame, frame->ip_offset + offsetof(struct iphdr, frag_off),
		       (uint16_t)(sample->fragment / 8 | (sample->more_fragments ? 0x2000 : 0)));
}

static void add_ipv6(struct frame *frame, const struct sample *sample)
{
	uint32_t start =
		htonl(6u << 28 | (uint32_t)sample->traffic_class << 20 | sample->flow_label);

	frame_add_ipv6(frame, sample->source, sample->destination,
		       is_fragment(sample) ? IPPROTO_FRAGMENT : sample->protocol);
	memcpy(frame->bytes + frame->ip_offset, &start, sizeof(start));
	frame->bytes[frame->ip_offset + offsetof(struct ipv6hdr, hop_limit)] = sample->ttl;
	if (!is_fragment(sample))
		return;
	frame_add_be16(frame, (uint16_t)(sample->protocol << 8));
	frame_add_be16(frame, (uint16_t)(sample->fragment | (sample->more_fragments ? 1 : 0)));
	frame_add_be16(frame, (uint16_t)(sample->id >> 16));
	frame_add_be16(frame, (uint16_t)sample->id);
}

static void add_transport(struct frame *frame, const struct sample *sample)
{
	static const uint8_t not_ports[] = { 0xde, 0xad, 0xbe, 0xef };
	uint32_t at = frame->len;

	if (sample->fragment) {
		frame_add(frame, not_ports, sizeof(not_ports));
		return;
	}
	if (is_icmp(sample->protocol)) {
		frame_add_be16(frame, sample->destination_port);
		frame_add_filling(frame, 6);
		return;
	}
	if (sample->protocol == IPPROTO_TCP) {
		frame_add_tcp(frame, 0);
		frame_set_be16(frame, at + 12, 0x5000 | sample->tcp_flags);
	} else {
		frame_add_udp(frame);
	}
	frame_set_be16(frame, at, sample->source_port);
	frame_set_be16(frame, at + 2, sample->destination_port);
}

static void build(struct frame *frame, const struct sample *sample)
{
	frame_clear(frame);
	frame_add_macs(frame, gateway_mac, sample->source_mac);
	for (size_t i = 0; i < ROWS(sample->tags) && sample->tags[i]; i++)
		frame_add_tag(frame, ETH_P_8021Q, sample->tags[i]);
	if (sample->family == 4)
		add_ipv4(frame, sample);
	else
		add_ipv6(frame, sample);
	add_transport(frame, sample);
	frame_add_filling(frame, sample->payload);
	frame_finish(frame);
	frame->context.mark = sample->mark;
	frame->context.ingress_ifindex = sample->ingress_ifindex;
	frame->context.gso_size = sample->gso_size;
	frame->context.gso_segs = sample->gso_segs;
}

static void run(const struct lab *lab, enum hook hook, const struct sample *sample)
{
	struct frame frame;

	build(&frame, sample);
	assert_true(lab_run(lab, hook, &frame));
}

static struct lab *new_lab(struct lab_options options)
{
	if (!options.meter)
		options.meter = METER_HOSTS | METER_FLOWS;
	return lab_new(options);
}

static int table_of(const struct lab *lab, int family, uint32_t generation)
{
	return (family == 4 ? lab->flows_ipv4 : lab->flows_ipv6)[generation];
}

/* Of the flow whose source port is @source_port; false: there is none. */
static bool find_flow(int table, uint16_t source_port, union lab_flow_key *key,
		      struct flow_traffic *traffic)
{
	const uint64_t *previous = NULL;
	uint64_t digest;

	while (lab_next_flow(table, previous, &digest, key, traffic)) {
		if (key->start.source_port == htons(source_port))
			return true;
		previous = &digest;
	}
	return false;
}

/* There is one flow of the family, and this is it. */
static struct flow_traffic only_flow(const struct lab *lab, int family, union lab_flow_key *key)
{
	int table = table_of(lab, family, 0);
	struct flow_traffic traffic;
	uint64_t digest;

	assert_int_equal(lab_table_size(table), 1);
	assert_true(lab_next_flow(table, NULL, &digest, key, &traffic));
	return traffic;
}

static uint64_t flows_added(const struct lab *lab)
{
	struct meter_control control;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(lab->skel->maps.data_control), &zero, &control), 0);
	return control.flows_added;
}

static struct ledger_sheet sheet_of(const struct lab *lab, enum hook hook)
{
	struct ledger_sheet sheet;
	uint64_t frames = 0, flow_frames = 0;

	lab_sheet(lab, 0, hook, &sheet);
	for (int i = 0; i < LEDGER_CLASSES; i++)
		frames += sheet.classes[i].frames;
	for (int i = 0; i < FLOW_CLASSES; i++)
		flow_frames += sheet.flow_classes[i].frames;
	assert_int_equal(frames, sheet.seen.frames);
	assert_true(!flow_frames || flow_frames == frames);
	return sheet;
}

/* @frames frames were seen, so many of them in @class of flows. */
static void assert_flow_class(const struct lab *lab, enum hook hook, enum flow_class class,
			      uint64_t frames)
{
	const struct ledger_sheet sheet = sheet_of(lab, hook);

	assert_int_equal(sheet.flow_classes[class].frames, frames);
}

/* What the packets of a flow make of it */

static void packets_of_one_flow_add_up(void **state)
{
	const unsigned headers[] = { [4] = 20 + 20, [6] = 40 + 20 };
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		int family = families[i];
		struct sample first = sample_of(family), second = first, third = first;
		struct flow_traffic traffic;
		union lab_flow_key key;

		first.tcp_flags = 0x02;
		second.tcp_flags = 0x118;
		second.ttl = 5;
		second.payload = 0;
		third.tcp_flags = 0x01;
		third.ttl = 200;
		third.payload = 1000;
		run(lab, HOOK_EGRESS, &first);
		run(lab, HOOK_EGRESS, &second);
		run(lab, HOOK_EGRESS, &third);
		traffic = only_flow(lab, family, &key);
		assert_int_equal(traffic.packets, 3);
		assert_int_equal(traffic.octets, 3 * headers[family] + PAYLOAD + 1000);
		assert_int_equal(traffic.layer2_octets,
				 3 * (ETH_HLEN + headers[family]) + PAYLOAD + 1000);
		assert_int_equal(traffic.attributes.min_octets, headers[family]);
		assert_int_equal(traffic.attributes.max_octets, headers[family] + 1000);
		assert_int_equal(traffic.attributes.min_ttl, 5);
		assert_int_equal(traffic.attributes.max_ttl, 200);
		assert_int_equal(traffic.attributes.tcp_flags, 0x11b);
	}
	assert_int_equal(flows_added(lab), 2);
	assert_flow_class(lab, HOOK_EGRESS, FLOW_COUNTED, 6);
	lab_free(lab);
}

static void some_attributes_are_of_the_first_packet(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample first = sample_of(families[i]), second;
		struct flow_traffic traffic;
		union lab_flow_key key;

		first.id = 0x1234;
		first.flow_label = 0xabcde;
		first.more_fragments = true;
		second = first;
		second.source_mac = other_mac;
		second.id = 0x4321;
		second.flow_label = 0x12345;
		run(lab, HOOK_EGRESS, &first);
		run(lab, HOOK_EGRESS, &second);
		traffic = only_flow(lab, families[i], &key);
		assert_int_equal(traffic.packets, 2);
		assert_memory_equal(traffic.attributes.source_mac, device_mac, MAC_LEN);
		assert_memory_equal(traffic.attributes.destination_mac, gateway_mac, MAC_LEN);
		assert_int_equal(traffic.attributes.fragment_id, 0x1234);
		assert_int_equal(traffic.attributes.flow_label, families[i] == 6 ? 0xabcde : 0);
	}
	lab_free(lab);
}

static void times_are_those_of_the_first_and_the_last_packet(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });
	struct sample sample = sample_of(4);
	struct flow_traffic begun, traffic;
	union lab_flow_key key;

	run(lab, HOOK_EGRESS, &sample);
	begun = only_flow(lab, 4, &key);
	assert_int_equal(begun.first_ticks, begun.last_ticks);
	do {
		run(lab, HOOK_EGRESS, &sample);
		traffic = only_flow(lab, 4, &key);
		assert_int_equal(traffic.first_ticks, begun.first_ticks);
	} while (traffic.last_ticks == begun.last_ticks);
	assert_true(traffic.last_ticks - begun.last_ticks < UINT32_MAX / 2);
	lab_free(lab);
}

static void each_generation_has_flows_of_its_own(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);
		const int tables[] = { table_of(lab, families[i], 0),
				       table_of(lab, families[i], 1) };
		struct flow_traffic traffic;
		union lab_flow_key key;

		sample.tcp_flags = 0x02;
		lab_set_generation(lab, 0);
		run(lab, HOOK_EGRESS, &sample);
		run(lab, HOOK_EGRESS, &sample);
		lab_set_generation(lab, 1);
		sample.tcp_flags = 0x10;
		run(lab, HOOK_EGRESS, &sample);
		assert_true(find_flow(tables[1], sample.source_port, &key, &traffic));
		assert_int_equal(traffic.packets, 1);
		assert_int_equal(traffic.attributes.tcp_flags, 0x10);
		assert_true(find_flow(tables[0], sample.source_port, &key, &traffic));
		assert_int_equal(traffic.packets, 2);
		assert_int_equal(traffic.attributes.tcp_flags, 0x02);
		lab_set_generation(lab, 2);
		run(lab, HOOK_EGRESS, &sample);
		assert_true(find_flow(tables[0], sample.source_port, &key, &traffic));
		assert_int_equal(traffic.packets, 3);
	}
	lab_free(lab);
}

static void segments_are_packets_of_the_flow(void **state)
{
	const unsigned headers[] = { [4] = 20 + 20, [6] = 40 + 20 };
	struct lab *lab = new_lab((struct lab_options){ .flows_at = EVERYWHERE });

	for (enum hook hook = 0; hook < HOOKS; hook++) {
		for (size_t i = 0; i < ROWS(families); i++) {
			unsigned header = headers[families[i]];
			struct sample sample = sample_of(families[i]);
			struct flow_traffic traffic;
			union lab_flow_key key;

			/* Two of 1000 octets, and one of 500. */
			sample.payload = 2500;
			sample.gso_size = 1000;
			sample.gso_segs = 3;
			lab_clear(lab);
			run(lab, hook, &sample);
			traffic = only_flow(lab, families[i], &key);
			assert_int_equal(traffic.packets, 3);
			assert_int_equal(traffic.octets, 3 * header + 2500);
			assert_int_equal(traffic.layer2_octets, 3 * (ETH_HLEN + header) + 2500);
			assert_int_equal(traffic.attributes.min_octets, header + 500);
			assert_int_equal(traffic.attributes.max_octets, header + 1000);
			/* All are full; and one that is smaller than all of these. */
			sample.payload = 3000;
			run(lab, hook, &sample);
			sample.payload = 10;
			sample.gso_size = sample.gso_segs = 0;
			run(lab, hook, &sample);
			traffic = only_flow(lab, families[i], &key);
			assert_int_equal(traffic.packets, 7);
			assert_int_equal(traffic.octets, 7 * header + 5510);
			assert_int_equal(traffic.attributes.min_octets, header + 10);
			assert_int_equal(traffic.attributes.max_octets, header + 1000);
		}
	}
	lab_free(lab);
}

/* Fragments */

static void other_id(struct sample *sample)
{
	sample->id++;
}

static void other_protocol(struct sample *sample)
{
	sample->protocol = IPPROTO_TCP;
}

static void other_source(struct sample *sample)
{
	sample->source = sample->family == 4 ? "192.168.2.11" : "2001:db8:2::11";
}

static void other_destination(struct sample *sample)
{
	sample->destination = sample->family == 4 ? "198.51.100.8" : "2620:fe::8";
}

static void nothing_else(struct sample *sample)
{
}

static struct sample first_fragment_of(int family)
{
	struct sample sample = sample_of(family);

	sample.protocol = IPPROTO_UDP;
	sample.id = 77;
	sample.more_fragments = true;
	return sample;
}

static struct sample later_fragment_of(int family)
{
	struct sample sample = first_fragment_of(family);

	sample.fragment = 1480;
	sample.more_fragments = false;
	return sample;
}

/* Counted to the flow of the first one, or to one without ports. */
static void assert_fragments(const struct lab *lab, int family, bool together)
{
	int table = table_of(lab, family, 0);
	struct flow_traffic traffic;
	union lab_flow_key key;

	assert_int_equal(lab_table_size(table), together ? 1 : 2);
	assert_true(find_flow(table, 40001, &key, &traffic));
	assert_int_equal(key.start.destination_port, htons(443));
	assert_int_equal(traffic.packets, together ? 2 : 1);
	if (together)
		return;
	assert_true(find_flow(table, 0, &key, &traffic));
	assert_int_equal(key.start.destination_port, 0);
	assert_int_equal(traffic.packets, 1);
}

static void later_fragments_have_the_ports_of_their_first_one(void **state)
{
	static const struct {
		void (*differ)(struct sample *sample);
		enum hook hook; /* of the later one */
		bool together;
	} rows[] = {
		{ nothing_else, HOOK_INGRESS, true },	    { other_id, HOOK_INGRESS, false },
		{ other_protocol, HOOK_INGRESS, false },    { other_source, HOOK_INGRESS, false },
		{ other_destination, HOOK_INGRESS, false }, { nothing_else, HOOK_EGRESS, false },
	};
	struct lab *lab = new_lab((struct lab_options){ .flows_at = EVERYWHERE });

	for (size_t i = 0; i < ROWS(families) * ROWS(rows); i++) {
		int family = families[i % ROWS(families)];
		struct sample first = first_fragment_of(family), later = later_fragment_of(family);

		/* What was seen of those before is not of these. */
		first.id = later.id = (uint32_t)(1000 + 10 * i);
		rows[i / ROWS(families)].differ(&later);
		lab_clear(lab);
		run(lab, HOOK_INGRESS, &first);
		run(lab, rows[i / ROWS(families)].hook, &later);
		assert_fragments(lab, family, rows[i / ROWS(families)].together);
	}
	lab_free(lab);
}

static void fragments_without_a_first_one_have_no_ports(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample later = later_fragment_of(families[i]);
		struct sample first = first_fragment_of(families[i]);

		run(lab, HOOK_EGRESS, &later);
		run(lab, HOOK_EGRESS, &first);
		assert_fragments(lab, families[i], false);
	}
	lab_free(lab);
}

/* Of all interfaces the fragments are in one table. */
static void fragments_of_another_interface_are_others(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });
	int fragments = bpf_map__fd(lab->skel->maps.fragments);

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample first = first_fragment_of(families[i]);
		struct sample later = later_fragment_of(families[i]);
		struct fragment_ports ports;
		struct fragment_key key;

		run(lab, HOOK_EGRESS, &first);
		assert_int_equal(bpf_map_get_next_key(fragments, NULL, &key), 0);
		assert_int_equal(bpf_map_lookup_elem(fragments, &key, &ports), 0);
		assert_int_equal(key.point, LAB_NUMBER << POINT_NUMBER_SHIFT | POINT_EGRESS);
		assert_int_equal(bpf_map_delete_elem(fragments, &key), 0);
		key.point = LAB_OTHER_NUMBER << POINT_NUMBER_SHIFT | POINT_EGRESS;
		assert_int_equal(bpf_map_update_elem(fragments, &key, &ports, BPF_NOEXIST), 0);
		run(lab, HOOK_EGRESS, &later);
		assert_fragments(lab, families[i], false);
		assert_int_equal(bpf_map_delete_elem(fragments, &key), 0);
	}
	lab_free(lab);
}

static void fragments_outlive_a_generation(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample first = first_fragment_of(families[i]);
		struct sample later = later_fragment_of(families[i]);
		struct flow_traffic traffic;
		union lab_flow_key key;

		lab_set_generation(lab, 0);
		run(lab, HOOK_EGRESS, &first);
		lab_set_generation(lab, 1);
		run(lab, HOOK_EGRESS, &later);
		assert_true(find_flow(table_of(lab, families[i], 1), 40001, &key, &traffic));
		assert_int_equal(lab_table_size(table_of(lab, families[i], 1)), 1);
	}
	lab_free(lab);
}

static void fragments_of_icmp_have_its_type_and_code(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample first = first_fragment_of(families[i]), later;
		union lab_flow_key key;

		first.protocol = families[i] == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		first.destination_port = 0x8001;
		later = first;
		later.fragment = 1480;
		run(lab, HOOK_EGRESS, &first);
		run(lab, HOOK_EGRESS, &later);
		assert_int_equal(only_flow(lab, families[i], &key).packets, 2);
		assert_int_equal(key.start.destination_port, htons(0x8001));
		assert_int_equal(key.start.source_port, 0);
	}
	lab_free(lab);
}

/* Room */

static void flows_without_room_are_in_the_ledger_alone(void **state)
{
	const unsigned room = 4, more = 3;
	struct lab *lab = new_lab((struct lab_options){ .max_flows = room });
	struct ledger_sheet sheet;

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);
		struct flow_traffic traffic;
		union lab_flow_key key;

		lab_clear(lab);
		for (unsigned n = 0; n < room + more; n++) {
			sample.source_port = (uint16_t)(1000 + n);
			run(lab, HOOK_EGRESS, &sample);
		}
		assert_int_equal(lab_table_size(table_of(lab, families[i], 0)), room);
		assert_int_equal(flows_added(lab), room);
		assert_flow_class(lab, HOOK_EGRESS, FLOW_COUNTED, room);
		assert_flow_class(lab, HOOK_EGRESS, FLOW_LIMIT, more);
		sheet = sheet_of(lab, HOOK_EGRESS);
		assert_int_equal(sheet.flow_classes[FLOW_LIMIT].octets * room,
				 sheet.flow_classes[FLOW_COUNTED].octets * more);
		/* Those that have it keep it. */
		sample.source_port = 1000;
		run(lab, HOOK_EGRESS, &sample);
		assert_true(find_flow(table_of(lab, families[i], 0), 1000, &key, &traffic));
		assert_int_equal(traffic.packets, 2);
		assert_int_equal(flows_added(lab), room);
		assert_flow_class(lab, HOOK_EGRESS, FLOW_COUNTED, room + 1);
	}
	lab_free(lab);
}

static void run_times(const struct lab *lab, const struct sample *sample, int times)
{
	while (times-- > 0)
		run(lab, HOOK_EGRESS, sample);
}

static uint64_t sum_of_packets(int table)
{
	const uint64_t *previous = NULL;
	struct flow_traffic traffic;
	union lab_flow_key key;
	uint64_t digest, sum = 0;

	for (; lab_next_flow(table, previous, &digest, &key, &traffic); previous = &digest)
		sum += traffic.packets;
	return sum;
}

/* With a secret that makes a factor of the digest 0 for this key, so that the other one does not matter. */
static void spoil_secrets(struct lab *lab, const union lab_flow_key *key, int half)
{
	lab->secrets[half] = -(uint64_t)key->halves[half];
	lab_set_generation(lab, 0);
}

static void flow_of_the_same_digest_is_in_the_ledger_alone(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample first = sample_of(families[i]), second = first, other = first;
		int table = table_of(lab, families[i], 0);
		struct flow_traffic traffic;
		struct ledger_sheet sheet;
		union lab_flow_key key;

		second.source_port++;
		second.payload = 1000;
		other.mark = 1;
		other.protocol = IPPROTO_UDP;
		lab_clear(lab);
		run(lab, HOOK_EGRESS, &first);
		(void)only_flow(lab, families[i], &key);
		lab_clear(lab);
		spoil_secrets(lab, &key, 1); /* the ports are in half 0 */
		run_times(lab, &first, 2);
		run_times(lab, &second, 3);
		run_times(lab, &first, 4);
		run_times(lab, &other, 5);
		sheet = sheet_of(lab, HOOK_EGRESS);
		assert_int_equal(lab_table_size(table), 2);
		assert_int_equal(flows_added(lab), 2);
		assert_true(find_flow(table, first.source_port, &key, &traffic));
		assert_int_equal(sum_of_packets(table), 11);
		assert_int_equal(sheet.flow_classes[FLOW_COUNTED].frames, 11);
		assert_int_equal(sheet.flow_classes[FLOW_LIMIT].frames, 3);
		assert_int_equal(sheet.flow_classes[FLOW_LIMIT].packets, 3);
		assert_int_equal(sheet.flow_classes[FLOW_LIMIT].octets,
				 3 * (families[i] == 4 ? 1040 : 1060));
		assert_false(find_flow(table, second.source_port, &key, &traffic));
	}
	lab_free(lab);
}

/* The agent sets to zero what it does not delete. */
static void place_without_packets_is_the_next_flow_s(void **state)
{
	static const uint8_t zeros[sizeof(struct flow_ipv6)];
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample first = sample_of(families[i]), second = first;
		int table = table_of(lab, families[i], 0);
		struct flow_traffic traffic;
		union lab_flow_key key;
		uint64_t digest;

		second.source_port++;
		second.source_mac = other_mac;
		lab_clear(lab);
		run(lab, HOOK_EGRESS, &first);
		(void)only_flow(lab, families[i], &key);
		lab_clear(lab);
		spoil_secrets(lab, &key, 1);
		run(lab, HOOK_EGRESS, &first);
		assert_true(lab_next_flow(table, NULL, &digest, &key, &traffic));
		assert_int_equal(bpf_map_update_elem(table, &digest, zeros, BPF_EXIST), 0);
		run_times(lab, &second, 2);
		traffic = only_flow(lab, families[i], &key);
		assert_int_equal(key.start.source_port, htons(second.source_port));
		assert_int_equal(traffic.packets, 2);
		assert_memory_equal(traffic.attributes.source_mac, other_mac, MAC_LEN);
		assert_int_equal(flows_added(lab), 1);
		assert_flow_class(lab, HOOK_EGRESS, FLOW_COUNTED, 3);
	}
	lab_free(lab);
}

static void remove_tables(const struct lab *lab)
{
	for (uint32_t place = 0; place < FLOW_PLACES(lab->cpus); place++) {
		(void)bpf_map_delete_elem(bpf_map__fd(lab->skel->maps.flows_ipv4), &place);
		(void)bpf_map_delete_elem(bpf_map__fd(lab->skel->maps.flows_ipv6), &place);
	}
}

/* Nobody wants flows any more, but the classifier is there still. */
static void without_tables_all_flows_are_in_the_ledger_alone(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ .side = SIDE_WAN });
	struct ledger_sheet sheet;

	lab_add_local(lab, LAB_IFINDEX, "192.168.2.0", 24);
	remove_tables(lab);
	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);

		run(lab, HOOK_EGRESS, &sample);
	}
	assert_flow_class(lab, HOOK_EGRESS, FLOW_LIMIT, 2);
	assert_int_equal(flows_added(lab), 0);
	sheet = sheet_of(lab, HOOK_EGRESS);
	assert_int_equal(sheet.classes[LEDGER_INTERNET].frames, 1);
	assert_int_equal(sheet.classes[LEDGER_ROUTER].frames, 1);
	lab_free(lab);
}

/* flows.key */

static void use_udp_lite(struct sample *sample)
{
	sample->protocol = IPPROTO_UDPLITE;
}

static void use_udp(struct sample *sample)
{
	sample->protocol = IPPROTO_UDP;
}

static void use_icmp(struct sample *sample)
{
	sample->protocol = sample->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	sample->source_port = 0;
	sample->destination_port = 0x0800;
}

static void other_source_port(struct sample *sample)
{
	sample->source_port++;
}

static void other_destination_port(struct sample *sample)
{
	sample->destination_port++;
}

static void other_type(struct sample *sample)
{
	sample->destination_port = 0x0900;
}

static void other_code(struct sample *sample)
{
	sample->destination_port = 0x0801;
}

static void other_dscp(struct sample *sample)
{
	sample->traffic_class = 46 << 2;
}

static void other_mark(struct sample *sample)
{
	sample->mark = 0xcafe;
}

/* `lo` is there everywhere; BPF_PROG_TEST_RUN takes any number. */
static void other_interface(struct sample *sample)
{
	sample->ingress_ifindex = 1;
}

static void with_a_tag(struct sample *sample)
{
	sample->tags[0] = 7;
}

static void with_tags(struct sample *sample)
{
	sample->tags[0] = 6;
	sample->tags[1] = 1;
}

static void other_customer_tag(struct sample *sample)
{
	sample->tags[0] = 6;
	sample->tags[1] = 2;
}

/* Two packets that differ in one part of the key alone. */
static const struct {
	enum flow_key_part part;
	void (*both)(struct sample *sample);
	void (*differ)(struct sample *sample);
} differences[] = {
	{ FLOW_BY_INTERFACES, nothing_else, other_interface },
	{ FLOW_BY_ADDRESSES, nothing_else, other_source },
	{ FLOW_BY_ADDRESSES, nothing_else, other_destination },
	{ FLOW_BY_PROTOCOL, use_udp, use_udp_lite },
	{ FLOW_BY_PORTS, nothing_else, other_source_port },
	{ FLOW_BY_PORTS, nothing_else, other_destination_port },
	{ FLOW_BY_ICMP, use_icmp, other_type },
	{ FLOW_BY_ICMP, use_icmp, other_code },
	{ FLOW_BY_TRAFFIC_CLASS, nothing_else, other_dscp },
	{ FLOW_BY_MARK, nothing_else, other_mark },
	{ FLOW_BY_VLAN, nothing_else, with_a_tag },
	{ FLOW_BY_VLAN, with_tags, other_customer_tag },
};

/* How many flows they are where @left_out is. */
static void run_difference(const struct lab *lab, size_t row, int family, uint8_t left_out)
{
	struct sample sample = sample_of(family);
	bool together = differences[row].part & left_out;
	int table = table_of(lab, family, 0);

	differences[row].both(&sample);
	lab_clear(lab);
	run(lab, HOOK_EGRESS, &sample);
	differences[row].differ(&sample);
	run(lab, HOOK_EGRESS, &sample);
	if (lab_table_size(table) != (together ? 1 : 2))
		fail_msg("row %zu, IPv%d, without %d: %u flows", row, family, left_out,
			 lab_table_size(table));
	assert_flow_class(lab, HOOK_EGRESS, FLOW_COUNTED, 2);
}

static void run_differences(uint8_t left_out)
{
	struct lab *lab = new_lab((struct lab_options){ .flow_key = left_out });

	for (size_t row = 0; row < ROWS(differences); row++) {
		for (size_t i = 0; i < ROWS(families); i++)
			run_difference(lab, row, families[i], left_out);
	}
	lab_free(lab);
}

static void each_part_of_the_key_tells_flows_apart(void **state)
{
	run_differences(0);
}

/* In which half of a word they do; the tests above change the last one. */
static void each_part_of_an_address_tells_flows_apart(void **state)
{
	static const char *const addresses[] = { "2001:db8:2::10", "2001:db9:2::10",
						 "2001:db8:3::10", "2001:db8:2::1:0:10",
						 "2001:db8:2::11" };
	struct lab *lab = new_lab((struct lab_options){ 0 });
	struct sample sample = sample_of(6);
	unsigned flows = 0;

	for (size_t source = 0; source < ROWS(addresses); source++) {
		for (size_t destination = 0; destination < ROWS(addresses); destination++) {
			sample.source = addresses[source];
			sample.destination = addresses[destination];
			run(lab, HOOK_EGRESS, &sample);
			assert_int_equal(lab_table_size(table_of(lab, 6, 0)), ++flows);
		}
	}
	assert_flow_class(lab, HOOK_EGRESS, FLOW_COUNTED, flows);
	lab_free(lab);
}

static void flows_merge_that_differ_in_what_is_left_out(void **state)
{
	for (unsigned part = 1; part & FLOW_BY_ALL; part <<= 1)
		run_differences((uint8_t)part);
}

/* Of all the key's parts the point and the family remain. */
static void what_is_left_out_is_zero(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ .flow_key = FLOW_BY_ALL });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);
		union lab_flow_key key, zero = { 0 };

		sample.traffic_class = 46 << 2;
		sample.mark = 0xcafe;
		sample.ingress_ifindex = 1;
		sample.tags[0] = 7;
		run(lab, HOOK_EGRESS, &sample);
		(void)only_flow(lab, families[i], &key);
		assert_int_equal(key.start.point, LAB_NUMBER << POINT_NUMBER_SHIFT | POINT_EGRESS);
		key.start.point = 0;
		assert_memory_equal(&key, &zero,
				    families[i] == 4 ? sizeof(key.ipv4) : sizeof(key.ipv6));
	}
	lab_free(lab);
}

static void congestion_is_no_part_of_the_key(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ 0 });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);
		union lab_flow_key key;

		for (uint8_t ecn = 0; ecn < 4; ecn++) {
			sample.traffic_class = 46 << 2 | ecn;
			run(lab, HOOK_EGRESS, &sample);
		}
		assert_int_equal(only_flow(lab, families[i], &key).packets, 4);
		assert_int_equal(key.start.traffic_class, 46 << 2);
	}
	lab_free(lab);
}

/* flows-at */

static void through(struct sample *sample)
{
}

static void to_the_router(struct sample *sample)
{
	sample->destination = sample->family == 4 ? "192.168.2.1" : "2001:db8:2::1";
}

static void to_many(struct sample *sample)
{
	sample->destination = sample->family == 4 ? "224.0.0.251" : "ff02::fb";
}

static void packets_belong_to_flows_where_they_are_wanted(void **state)
{
	static const struct {
		uint8_t flows_at;
		enum flow_class through, to_the_router, to_many, leaving;
	} rows[] = {
		{ FLOWS_ENTERING, FLOW_COUNTED, FLOW_COUNTED, FLOW_COUNTED, FLOW_ELSEWHERE },
		{ FLOWS_STAYING, FLOW_ELSEWHERE, FLOW_COUNTED, FLOW_COUNTED, FLOW_ELSEWHERE },
		{ FLOWS_LEAVING, FLOW_ELSEWHERE, FLOW_ELSEWHERE, FLOW_ELSEWHERE, FLOW_COUNTED },
		{ FLOWS_STAYING | FLOWS_LEAVING, FLOW_ELSEWHERE, FLOW_COUNTED, FLOW_COUNTED,
		  FLOW_COUNTED },
		{ FLOWS_ENTERING | FLOWS_LEAVING, FLOW_COUNTED, FLOW_COUNTED, FLOW_COUNTED,
		  FLOW_COUNTED },
		{ FLOWS_ENTERING | FLOWS_STAYING, FLOW_COUNTED, FLOW_COUNTED, FLOW_COUNTED,
		  FLOW_ELSEWHERE },
		{ 0 /* the default */, FLOW_ELSEWHERE, FLOW_COUNTED, FLOW_COUNTED, FLOW_COUNTED },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct lab *lab = new_lab((struct lab_options){ .flows_at = rows[i].flows_at });
		const struct {
			enum hook hook;
			void (*send)(struct sample *sample);
			enum flow_class class;
		} cases[] = {
			{ HOOK_INGRESS, through, rows[i].through },
			{ HOOK_INGRESS, to_the_router, rows[i].to_the_router },
			{ HOOK_INGRESS, to_many, rows[i].to_many },
			{ HOOK_EGRESS, through, rows[i].leaving },
			{ HOOK_EGRESS, to_the_router, rows[i].leaving },
			{ HOOK_EGRESS, to_many, rows[i].leaving },
		};

		lab_add_own(lab, "192.168.2.1");
		lab_add_own(lab, "2001:db8:2::1");
		for (size_t j = 0; j < ROWS(cases) * ROWS(families); j++) {
			enum flow_class class = cases[j / ROWS(families)].class;
			enum hook hook = cases[j / ROWS(families)].hook;
			int family = families[j % ROWS(families)];
			struct sample sample = sample_of(family);

			cases[j / ROWS(families)].send(&sample);
			lab_clear(lab);
			run(lab, hook, &sample);
			assert_flow_class(lab, hook, class, 1);
			assert_int_equal(lab_table_size(table_of(lab, family, 0)),
					 class == FLOW_COUNTED);
		}
		lab_free(lab);
	}
}

/* The agent's addresses are others' there, and those of yet another namespace are, too. */
static void in_another_namespace_its_own_packets_stay(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ .home = LAB_HOME });

	lab_add_own(lab, "192.168.2.1");
	lab_add_own(lab, "2001:db8:2::1");
	lab_add_home(lab, LAB_HOME + 1, "192.168.2.1");
	lab_add_home(lab, LAB_HOME + 1, "2001:db8:2::1");
	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);

		to_the_router(&sample);
		lab_clear(lab);
		run(lab, HOOK_INGRESS, &sample);
		assert_flow_class(lab, HOOK_INGRESS, FLOW_ELSEWHERE, 1);
		lab_add_home(lab, LAB_HOME, sample.destination);
		lab_clear(lab);
		run(lab, HOOK_INGRESS, &sample);
		assert_flow_class(lab, HOOK_INGRESS, FLOW_COUNTED, 1);
		sample = sample_of(families[i]);
		lab_clear(lab);
		run(lab, HOOK_INGRESS, &sample);
		assert_flow_class(lab, HOOK_INGRESS, FLOW_ELSEWHERE, 1);
	}
	lab_free(lab);
}

static void the_point_and_the_other_interface_are_in_the_key(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ .flows_at = EVERYWHERE });

	for (size_t i = 0; i < ROWS(families); i++) {
		struct sample sample = sample_of(families[i]);
		union lab_flow_key key;

		sample.ingress_ifindex = 1;
		run(lab, HOOK_INGRESS, &sample);
		(void)only_flow(lab, families[i], &key);
		assert_int_equal(key.start.point, LAB_NUMBER << POINT_NUMBER_SHIFT);
		assert_int_equal(key.start.other_ifindex, 0);
		lab_clear(lab);
		run(lab, HOOK_EGRESS, &sample);
		(void)only_flow(lab, families[i], &key);
		assert_int_equal(key.start.point, LAB_NUMBER << POINT_NUMBER_SHIFT | POINT_EGRESS);
		assert_int_equal(key.start.other_ifindex, 1);
		lab_clear(lab);
	}
	lab_free(lab);
}

/* flows.sampling */

static void assert_sampled(const struct lab *lab, uint64_t all, uint64_t one_of)
{
	struct ledger_sheet sheet;
	uint64_t counted;

	lab_sheet(lab, 0, HOOK_EGRESS, &sheet);
	counted = sheet.flow_classes[FLOW_COUNTED].packets;
	assert_int_equal(counted + sheet.flow_classes[FLOW_UNSAMPLED].packets, all);
	/* Half as many and twice as many are a hundred times less likely than anything. */
	assert_in_range(counted, all / one_of / 2, all / one_of * 2);
}

static void packets_are_sampled_by_chance(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ .sampling = 10 });
	struct sample sample = sample_of(4);

	(void)state;
	for (int i = 0; i < 5000; i++)
		run(lab, HOOK_EGRESS, &sample);
	assert_sampled(lab, 5000, 10);
	lab_free(lab);
}

/* A conversation is taken as a whole. */
static void flows_are_sampled_in_both_directions(void **state)
{
	struct lab *lab = new_lab((struct lab_options){
		.sampling = 4, .sampling_of = SAMPLE_FLOWS, .max_flows = 4096 });
	uint64_t before = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct sample sample = sample_of(i % 2 ? 4 : 6), reverse;
		struct ledger_sheet sheet;
		uint64_t counted;

		sample.source_port = (uint16_t)(1000 + i);
		reverse = sample;
		reverse.source = sample.destination;
		reverse.destination = sample.source;
		reverse.source_port = sample.destination_port;
		reverse.destination_port = sample.source_port;
		run(lab, HOOK_EGRESS, &sample);
		run(lab, HOOK_EGRESS, &reverse);
		run(lab, HOOK_EGRESS, &sample);
		lab_sheet(lab, 0, HOOK_EGRESS, &sheet);
		counted = sheet.flow_classes[FLOW_COUNTED].packets - before;
		assert_true(counted == 0 || counted == 3);
		before += counted;
	}
	assert_sampled(lab, 3000, 4);
	lab_free(lab);
}

/* interfaces[].meter */

static void build_arp(struct frame *frame)
{
	frame_clear(frame);
	frame_add_macs(frame, gateway_mac, device_mac);
	frame_add_be16(frame, ETH_P_ARP);
	frame_add_filling(frame, 28);
}

static void build_malformed(struct frame *frame)
{
	const struct sample sample = sample_of(4);

	build(frame, &sample);
	frame_set_ipv4_length(frame, 60000);
}

/* One frame of each kind, as it leaves. */
static struct ledger_sheet run_each_kind(const struct lab *lab)
{
	struct sample sample = sample_of(4);
	struct frame frame;

	run(lab, HOOK_EGRESS, &sample);
	sample = sample_of(6);
	run(lab, HOOK_EGRESS, &sample);
	to_many(&sample);
	run(lab, HOOK_EGRESS, &sample);
	build_arp(&frame);
	assert_true(lab_run(lab, HOOK_EGRESS, &frame));
	build_malformed(&frame);
	assert_true(lab_run(lab, HOOK_EGRESS, &frame));
	return sheet_of(lab, HOOK_EGRESS);
}

static void assert_other_kinds(const struct ledger_sheet *sheet)
{
	assert_int_equal(sheet->seen.frames, 5);
	assert_int_equal(sheet->classes[LEDGER_MULTICAST].frames, 1);
	assert_int_equal(sheet->classes[LEDGER_NOT_IP].frames, 1);
	assert_int_equal(sheet->classes[LEDGER_MALFORMED].frames, 1);
}

static void assert_flow_kinds(const struct ledger_sheet *sheet)
{
	assert_int_equal(sheet->flow_classes[FLOW_COUNTED].frames, 3);
	assert_int_equal(sheet->flow_classes[FLOW_NOT_IP].frames, 1);
	assert_int_equal(sheet->flow_classes[FLOW_MALFORMED].frames, 1);
}

static void where_flows_alone_are_metered_there_are_no_hosts(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		struct lab *lab =
			new_lab((struct lab_options){ .side = side, .meter = METER_FLOWS });
		struct ledger_sheet sheet;

		lab_add_local(lab, LAB_IFINDEX, "0.0.0.0", 0);
		lab_add_local(lab, LAB_IFINDEX, "::", 0);
		sheet = run_each_kind(lab);
		assert_int_equal(sheet.classes[LEDGER_NO_HOSTS].frames, 2);
		assert_other_kinds(&sheet);
		assert_flow_kinds(&sheet);
		assert_true(lab_table_is_empty(lab->hosts[0]));
		assert_true(lab_table_is_empty(lab->macs[0]));
		lab_free(lab);
	}
}

static void where_both_are_metered_neither_misses_anything(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		struct lab *lab = new_lab((struct lab_options){ .side = side });
		struct ledger_sheet sheet;

		lab_add_local(lab, LAB_IFINDEX, "0.0.0.0", 0);
		lab_add_local(lab, LAB_IFINDEX, "::", 0);
		sheet = run_each_kind(lab);
		assert_int_equal(sheet.classes[LEDGER_INTERNET].frames, 2);
		assert_other_kinds(&sheet);
		assert_flow_kinds(&sheet);
		assert_int_equal(lab_table_size(lab->hosts[0]), 2);
		lab_free(lab);
	}
}

static void where_hosts_alone_are_metered_there_are_no_flows(void **state)
{
	struct lab *lab = new_lab((struct lab_options){ .meter = METER_HOSTS });
	const struct ledger_sheet sheet = run_each_kind(lab);
	static const struct ledger_entry nothing[FLOW_CLASSES];

	assert_other_kinds(&sheet);
	assert_memory_equal(sheet.flow_classes, nothing, sizeof(nothing));
	assert_true(lab_table_is_empty(lab->flows_ipv4[0]));
	assert_true(lab_table_is_empty(lab->flows_ipv6[0]));
	assert_int_equal(flows_added(lab), 0);
	lab_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_sampled_by_chance),
		cmocka_unit_test(flows_are_sampled_in_both_directions),
		cmocka_unit_test(packets_of_one_flow_add_up),
		cmocka_unit_test(some_attributes_are_of_the_first_packet),
		cmocka_unit_test(times_are_those_of_the_first_and_the_last_packet),
		cmocka_unit_test(each_generation_has_flows_of_its_own),
		cmocka_unit_test(segments_are_packets_of_the_flow),
		cmocka_unit_test(later_fragments_have_the_ports_of_their_first_one),
		cmocka_unit_test(fragments_without_a_first_one_have_no_ports),
		cmocka_unit_test(fragments_of_another_interface_are_others),
		cmocka_unit_test(fragments_outlive_a_generation),
		cmocka_unit_test(fragments_of_icmp_have_its_type_and_code),
		cmocka_unit_test(flows_without_room_are_in_the_ledger_alone),
		cmocka_unit_test(flow_of_the_same_digest_is_in_the_ledger_alone),
		cmocka_unit_test(place_without_packets_is_the_next_flow_s),
		cmocka_unit_test(without_tables_all_flows_are_in_the_ledger_alone),
		cmocka_unit_test(each_part_of_the_key_tells_flows_apart),
		cmocka_unit_test(each_part_of_an_address_tells_flows_apart),
		cmocka_unit_test(flows_merge_that_differ_in_what_is_left_out),
		cmocka_unit_test(what_is_left_out_is_zero),
		cmocka_unit_test(congestion_is_no_part_of_the_key),
		cmocka_unit_test(packets_belong_to_flows_where_they_are_wanted),
		cmocka_unit_test(in_another_namespace_its_own_packets_stay),
		cmocka_unit_test(the_point_and_the_other_interface_are_in_the_key),
		cmocka_unit_test(where_flows_alone_are_metered_there_are_no_hosts),
		cmocka_unit_test(where_both_are_metered_neither_misses_anything),
		cmocka_unit_test(where_hosts_alone_are_metered_there_are_no_flows),
	};

	if (lab_needs_root())
		return 0;
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
