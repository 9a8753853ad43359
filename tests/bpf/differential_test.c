/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier against another reading of the same frames: each, valid or hostile, goes through both hooks and both
 * sides, and once through full tables, and through reference.h: a million readings. Frames are generated, or real ones
 * (frames.pcap: what ARP, DHCP, DNS, TCP, TLS, DTLS, VXLAN, GRE, IGMP, neighbour discovery, fragments and errors of a small
 * network look like), and half of them harmed.
 *
 * Some frames have no Ethernet header. BPF_PROG_TEST_RUN takes octets 12 and 13 for their type all the
 * same, which are part of the source address: so that has such in there.
 *
 * SEED=N repeats a run, FRAMES=N makes it longer, SLOW=N shorter.
 */
#include "meter_lab.h"
#include "reference.h"

#include <sys/random.h>

#include "pcap.h"

#define FRAMES 200000
/* Of each class there must be as many runs at least, else the generator has gone stale. */
#define RUNS_PER_CLASS 1000
/* The type of an Ethernet frame. */
#define TYPE_OFFSET 12

enum fill {
	ROOM,
	HOSTS_FULL,
	BOTH_FULL,
	FILLS,
};

static const struct {
	uint32_t ifindex;
	const char *address;
	unsigned length;
} local_prefixes[] = {
	{ LAB_IFINDEX, "192.168.2.0", 24 },
	{ LAB_IFINDEX, "198.51.100.64", 26 },
	{ LAB_IFINDEX, "10.1.2.3", 32 },
	{ LAB_IFINDEX, "2001:db8:ca2:2::", 64 },
	{ LAB_IFINDEX, "fe80::", 10 },
	{ LAB_OTHER_IFINDEX, "10.9.0.0", 16 },
	{ LAB_OTHER_IFINDEX, "2001::", 16 },
	{ LAB_IFINDEX, "8.0.2.0", 23 },
	{ LAB_IFINDEX, "2001:db8:86dd:2::", 63 },
};

static const struct {
	const char *address;
	unsigned length;
} not_internet_prefixes[] = {
	{ "10.0.0.0", 8 },	     { "172.16.0.0", 12 },     { "192.168.0.0", 16 },
	{ "100.64.0.0", 10 },	     { "169.254.0.0", 16 },    { "192.0.2.0", 24 },
	{ "203.0.113.128", 25 },     { "fe80::", 10 },	       { "fc00::", 7 },
	{ "2001:db8::", 35 },	     { "2001:db8:ca2::", 48 }, { "8.0.64.0", 18 },
	{ "2001:db8:86dd:2::", 64 },
};

/* Of the machine itself, inside and outside of these. */
static const char *const own_addresses[] = {
	"192.0.2.1", "8.0.200.7", "2001:db8:1fff::1", "2001:db8:86dd:4::1", "fe00::1",
};

static const char *const ipv4_addresses[] = {
	"192.168.2.10", "192.168.2.254", "192.168.3.1",	  "198.51.100.63",   "198.51.100.64",
	"10.1.2.3",	"10.1.2.4",	 "10.9.0.1",	  "172.15.255.255",  "172.31.255.255",
	"172.32.0.0",	"100.63.0.0",	 "100.127.0.1",	  "169.254.7.7",     "192.0.2.1",
	"192.0.3.1",	"203.0.113.127", "203.0.113.128", "8.8.8.8",	     "0.0.0.0",
	"224.0.0.251",	"239.1.2.3",	 "240.0.0.1",	  "255.255.255.255", "255.255.255.254",
	"8.0.2.10",	"8.0.3.11",	 "8.0.4.1",	  "8.0.65.1",	     "8.0.200.7",
};

static const char *const ipv6_addresses[] = {
	"2001:db8:ca2:2::10",
	"2001:db8:ca2:3::10",
	"2001:db8:ca3::1",
	"2001:db8:2000::1",
	"2001:db8:1fff::1",
	"2001:4860::8888",
	"fe80::1",
	"fec0::1",
	"fdff::1",
	"fe00::1",
	"ff02::1",
	"ff0e::7",
	"::ffff:192.168.2.1",
	"::",
	"::1",
	"2001::1",
	"2001:db8:86dd:2::10",
	"2001:db8:86dd:3::11",
	"2001:db8:86dd:4::1",
	"2001:4860:86dd::1",
	"fe80:0:86dd::1",
};

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* In the program, which may be run where the sources are not. */
__asm__(".pushsection .rodata\n"
	"frames_begin: .incbin \"tests/bpf/frames.pcap\"\n"
	"frames_end:\n"
	".popsection\n");
extern const char frames_begin[], frames_end[];

static struct pcap real_frames;
static struct reference_prefix local[ROWS(local_prefixes)];
static struct reference_prefix not_internet[ROWS(not_internet_prefixes)];
static struct reference_prefix own[ROWS(own_addresses)];
static struct lab *points[2][2][FILLS]; /* by enum link_layer, side and fill */

static uint64_t seed, random_state;
static const struct frame *suspect; /* printed should the test fail */
static uint64_t runs_of_class[LEDGER_CLASSES];
static uint64_t runs_of_flow_class[FLOW_CLASSES];

/* SplitMix64 */
static uint64_t random_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned random_below(unsigned limit)
{
	return random_bits() % limit;
}

static bool one_in(unsigned n)
{
	return random_below(n) == 0;
}

static uint16_t random_tag_protocol(void)
{
	static const uint16_t protocols[] = { ETH_P_8021Q, ETH_P_8021Q, ETH_P_8021AD, 0x9100,
					      0x9200 };

	return protocols[random_below(ROWS(protocols))];
}

static uint16_t random_ethertype(void)
{
	static const uint16_t types[] = { ETH_P_ARP, ETH_P_PPP_SES, ETH_P_MPLS_UC, ETH_P_LOOP, 38 };

	return one_in(3) ? random_bits() : types[random_below(ROWS(types))];
}

static uint8_t random_protocol(void)
{
	static const uint8_t protocols[] = { IPPROTO_TCP,  IPPROTO_TCP,	 IPPROTO_UDP,
					     IPPROTO_UDP,  IPPROTO_ICMP, IPPROTO_ICMPV6,
					     IPPROTO_SCTP, IPPROTO_GRE,	 IPPROTO_IPV6 };

	return one_in(10) ? random_bits() : protocols[random_below(ROWS(protocols))];
}

static uint8_t random_extension(void)
{
	static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS };

	if (one_in(10))
		return IPPROTO_AH;
	return one_in(5) ? IPPROTO_FRAGMENT : extensions[random_below(ROWS(extensions))];
}

static void add_macs(struct frame *frame)
{
	static const uint8_t macs[][ETH_ALEN] = {
		{ 0x02, 0, 0, 0, 0, 0x0a },
		{ 0x02, 0, 0, 0, 0, 0x01 },
		{ 0x02, 0, 0, 0, 0, 0x0b },
		{ 0x33, 0x33, 0, 0, 0, 1 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};
	unsigned unicast = 3;

	frame_add_macs(frame, macs[random_below(one_in(5) ? ROWS(macs) : unicast)],
		       macs[random_below(unicast)]);
}

static void randomise(struct frame *frame, uint32_t offset, uint32_t len)
{
	for (uint32_t i = offset; i < offset + len && i < frame->len; i++)
		frame->bytes[i] = random_bits();
}

static void add_transport(struct frame *frame, uint8_t protocol)
{
	uint32_t start = frame->len;

	if (protocol == IPPROTO_TCP) {
		frame_add_tcp(frame, 4 * random_below(11));
		randomise(frame, start + 13, 1);
	} else if (protocol == IPPROTO_UDP) {
		frame_add_udp(frame);
	} else {
		frame_add_filling(frame, random_below(8));
	}
	randomise(frame, start, 4);
}

static void add_ipv4(struct frame *frame)
{
	uint8_t protocol = random_protocol();

	frame_add_ipv4(frame, ipv4_addresses[random_below(ROWS(ipv4_addresses))],
		       ipv4_addresses[random_below(ROWS(ipv4_addresses))], protocol,
		       one_in(3) ? 4 * random_below(11) : 0);
	randomise(frame, frame->ip_offset + offsetof(struct iphdr, tos), 1);
	randomise(frame, frame->ip_offset + offsetof(struct iphdr, id), 2);
	randomise(frame, frame->ip_offset + offsetof(struct iphdr, ttl), 1);
	if (one_in(5))
		randomise(frame, frame->ip_offset + offsetof(struct iphdr, frag_off), 2);
	add_transport(frame, protocol);
}

static void add_ipv6(struct frame *frame)
{
	unsigned extensions = one_in(3) ? random_below(11) : 0;
	uint8_t protocol = random_protocol();
	uint8_t next = extensions ? random_extension() : protocol;

	frame_add_ipv6(frame, ipv6_addresses[random_below(ROWS(ipv6_addresses))],
		       ipv6_addresses[random_below(ROWS(ipv6_addresses))], next);
	frame->bytes[frame->ip_offset] |= random_below(16);
	randomise(frame, frame->ip_offset + 1, 3);
	randomise(frame, frame->ip_offset + offsetof(struct ipv6hdr, hop_limit), 1);
	while (extensions--) {
		uint32_t start = frame->len;
		bool fragment = next == IPPROTO_FRAGMENT;

		next = extensions ? random_extension() : protocol;
		frame_add_extension(frame, next, 8 + 8 * random_below(one_in(10) ? 256 : 4));
		if (fragment)
			randomise(frame, start + (one_in(2) ? 2 : 4), 6);
	}
	add_transport(frame, protocol);
}

static void make_gso(struct frame *frame)
{
	struct __sk_buff *context = &frame->context;

	context->gso_size = 1 + random_below(one_in(10) ? 65535 : 1460);
	if (!one_in(3))
		context->gso_segs =
			one_in(10) ? random_below(65536) : 1 + frame->len / context->gso_size;
}

/* What the kernel refuses is not made: less than the frame, more than 64 KiB. */
static void set_wire_len(struct frame *frame)
{
	frame->context.wire_len = frame->len + random_below(one_in(2) ? 1000 : 60000);
}

/* PPPoE or MPLS; what follows is not always what they say. */
static void add_shim(struct frame *frame)
{
	unsigned labels = 1 + random_below(4);
	const struct {
		uint8_t version_type, code;
		uint16_t session, length, protocol;
	} pppoe = { one_in(10) ? random_bits() : 0x11, one_in(10) ? random_bits() : 0,
		    random_bits(), random_bits(), htons(one_in(2) ? 0x21 : 0x57) };

	frame->shim = true;
	if (one_in(2)) {
		frame_add_be16(frame, ETH_P_PPP_SES);
		frame_add(frame, &pppoe, sizeof(pppoe));
		return;
	}
	frame_add_be16(frame, one_in(2) ? ETH_P_MPLS_UC : ETH_P_MPLS_MC);
	while (labels--) {
		frame_add_be16(frame, random_bits());
		frame_add_be16(frame,
			       (random_bits() & 0xfeff) | (labels || one_in(10) ? 0 : 0x100));
	}
}

static void add_link_layer(struct frame *frame)
{
	unsigned tags = one_in(3) ? random_below(6) : 0;

	add_macs(frame);
	while (tags--)
		frame_add_tag(frame, random_tag_protocol(), random_bits());
	if (one_in(10))
		add_shim(frame);
}

/* In octets of the source address. */
static void set_type(struct frame *frame)
{
	uint16_t type = frame->bytes[frame->ip_offset] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6;

	if (one_in(20))
		type = one_in(2) ? random_tag_protocol() : random_ethertype();
	frame_set_be16(frame, TYPE_OFFSET, type);
}

static void make_valid(struct frame *frame, enum link_layer layer)
{
	frame_clear(frame);
	frame->context.mark = random_bits();
	frame->context.ingress_ifindex = one_in(2) ? 1 : 0;
	if (layer == LINK_ETHERNET)
		add_link_layer(frame);
	if (layer == LINK_ETHERNET && !frame->shim && one_in(20))
		frame_add_be16(frame, random_ethertype());
	else if (one_in(2))
		add_ipv4(frame);
	else
		add_ipv6(frame);
	if (layer == LINK_IP)
		set_type(frame);
	frame_add_filling(frame, random_below(one_in(5) ? 2800 : 200));
	frame_finish(frame);
	if (one_in(4))
		frame_add_filling(frame, random_below(50));
	if (one_in(4))
		make_gso(frame);
	else if (one_in(20))
		frame->context.gso_segs = random_below(65536);
	if (one_in(5))
		set_wire_len(frame);
}

/* A real one, with or without its Ethernet header. */
static void take_real(struct frame *frame, enum link_layer layer)
{
	const struct pcap_frame *real = &real_frames.frames[random_below(real_frames.n)];

	frame_clear(frame);
	frame->context.mark = random_bits();
	frame->context.ingress_ifindex = one_in(2) ? 1 : 0;
	frame_add(frame, real->octets, real->len);
	frame->ip_offset = ETH_HLEN;
	frame->has_ip = true;
	if (layer == LINK_IP)
		set_type(frame);
	if (one_in(4))
		make_gso(frame);
}

static uint32_t random_place(const struct frame *frame)
{
	uint32_t headers = frame->len < 100 ? frame->len : 100;

	return random_below(one_in(5) ? frame->len : headers);
}

static void harm(struct frame *frame)
{
	uint32_t ip = frame->ip_offset;

	switch (random_below(frame->has_ip ? 7 : 2)) {
	case 0:
		frame->bytes[random_place(frame)] ^= 1 << random_below(8);
		break;
	case 1:
		frame->len = ETH_HLEN + random_below(frame->len - ETH_HLEN + 1);
		break;
	case 2:
		frame->bytes[random_place(frame)] = random_bits();
		break;
	case 3: /* version and, in IPv4, header length */
		frame->bytes[ip] = one_in(2) ? random_bits() : 0x40 | random_below(16);
		break;
	case 4: /* total length in IPv4, payload length in IPv6 */
		frame_set_be16(frame, ip + 2,
			       one_in(3) ? 0 : frame->len - ip + random_below(5) - 2);
		break;
	case 5:
		frame_set_be16(frame, ip + 4,
			       one_in(3) ? 0 : frame->len - ip - 40 + random_below(5) - 2);
		break;
	default: /* the data offset, where that is TCP without options before it */
		frame->bytes[ip + (frame->bytes[ip] >> 4 == 4 ? 32 : 52)] = random_bits();
	}
}

static void generate(struct frame *frame, enum link_layer layer)
{
	if (one_in(4))
		take_real(frame, layer);
	else
		make_valid(frame, layer);
	if (one_in(2))
		return;
	for (unsigned i = 1 + random_below(3); i; i--) {
		/* The places that harm() knows must lie in what is left. */
		if (frame->len < ETH_HLEN + 60)
			break;
		harm(frame);
	}
	if (frame->context.wire_len && frame->context.wire_len < frame->len)
		frame->context.wire_len = 0;
}

static struct reference_verdict refer(const struct frame *frame, enum link_layer layer,
				      enum side side, enum hook hook, enum fill fill)
{
	const struct reference_frame flat = {
		.bytes = frame->bytes,
		.protocol = frame->bytes[TYPE_OFFSET] << 8 | frame->bytes[TYPE_OFFSET + 1],
		.len = frame->len,
		.gso_size = frame->context.gso_size,
		.gso_segs = frame->context.gso_segs,
		.wire_len = frame->context.wire_len,
		.mark = frame->context.mark,
		.ingress_ifindex = frame->context.ingress_ifindex,
	};
	const struct reference_point point = {
		.ifindex = LAB_IFINDEX,
		.side = side,
		.layer = layer,
		.hook = hook,
		.hosts_full = fill != ROOM,
		.macs_full = fill == BOTH_FULL,
		.local = { local, ROWS(local) },
		.not_internet = { not_internet, ROWS(not_internet) },
		.own = { own, ROWS(own) },
	};

	return reference_meter(&flat, &point, LAB_NUMBER);
}

static void expect_size(struct packet_sizes *sizes, uint64_t octets, uint64_t packets)
{
	static const uint32_t bounds[] = { PACKET_SIZE_BOUNDS };
	size_t size = 0;

	while (size < ROWS(bounds) && octets > bounds[size])
		size++;
	sizes->packets[size] += packets;
}

/* All segments are as long as one can be, but for the last; of what is not IP they are alike. */
static struct packet_sizes expected_sizes(const struct reference_verdict *verdict)
{
	struct packet_sizes sizes = { .layer2_octets = verdict->layer2_octets };
	uint64_t packets = verdict->packets, longest, last;

	if (packets == 1) {
		expect_size(&sizes, verdict->layer2_octets, 1);
		return sizes;
	}
	longest = verdict->layer2_octets / packets;
	if (verdict->octets)
		longest = verdict->flow.attributes.max_octets +
			  (verdict->layer2_octets - verdict->octets) / packets;
	last = verdict->layer2_octets - (packets - 1) * longest;
	expect_size(&sizes, longest, packets - 1);
	expect_size(&sizes, last < longest ? last : longest, 1);
	return sizes;
}

static void assert_sheet(const struct lab *lab, uint32_t generation, enum hook hook,
			 const struct frame *frame, const struct reference_verdict *verdict)
{
	struct ledger_sheet sheet, expected = {
		.seen = { .frames = 1, .skb_octets = frame->len },
	};

	expected.classes[verdict->class] = (struct ledger_entry){
		.frames = 1,
		.packets = verdict->packets,
		.octets = verdict->octets,
		.layer2_octets = verdict->layer2_octets,
	};
	expected.flow_classes[verdict->flow.class] = (struct ledger_entry){
		.frames = 1,
		.packets = verdict->flow.packets,
		.octets = verdict->flow.octets,
		.layer2_octets = verdict->flow.layer2_octets,
	};
	/* The flows have the attributes that sizes are made of, unless they are counted elsewhere. */
	lab_sheet(lab, generation, hook, &sheet);
	expected.sizes =
		verdict->flow.class == FLOW_ELSEWHERE ? sheet.sizes : expected_sizes(verdict);
	assert_memory_equal(&sheet, &expected, sizeof(sheet));
	lab_clear_sheet(lab, generation, hook);
}

/* The key stands there with exactly that, and is taken out again. */
static void assert_entry(const struct lab *lab, int table, const struct reference_verdict *verdict)
{
	const struct traffic *counted, *other;
	struct meter_key key = lab_key(&verdict->key);
	struct host_traffic traffic;

	assert_true(lab_host(lab, table, &verdict->key, &traffic));
	counted = &traffic.direction[verdict->direction];
	other = &traffic.direction[!verdict->direction];
	assert_int_equal(counted->packets, verdict->packets);
	assert_int_equal(counted->octets, verdict->octets);
	assert_int_equal(counted->layer2_octets, verdict->layer2_octets);
	assert_int_equal(counted->first_ticks, counted->last_ticks);
	assert_int_equal(other->packets + other->octets + other->layer2_octets, 0);
	assert_int_equal(bpf_map_delete_elem(table, &key), 0);
}

/* The same of the flow. */
static void assert_flow(const struct lab *lab, uint32_t generation,
			const struct reference_verdict *verdict)
{
	const struct reference_flow *flow = &verdict->flow;
	int table = (flow->ip_version == 4 ? lab->flows_ipv4 : lab->flows_ipv6)[generation];
	struct flow_traffic traffic;
	union lab_flow_key key;
	uint64_t digest;

	assert_true(lab_next_flow(table, NULL, &digest, &key, &traffic));
	assert_memory_equal(&key, &flow->key, sizeof(flow->key));
	assert_int_equal(traffic.packets, flow->packets);
	assert_int_equal(traffic.octets, flow->octets);
	assert_int_equal(traffic.layer2_octets, flow->layer2_octets);
	assert_int_equal(traffic.first_ticks, traffic.last_ticks);
	assert_memory_equal(&traffic.attributes, &flow->attributes, sizeof(flow->attributes));
	assert_int_equal(bpf_map_delete_elem(table, &digest), 0);
}

static const struct host_key filler = { .ifindex = LAB_OTHER_IFINDEX };

static void assert_nothing_else(int table, bool filled)
{
	const struct meter_key expected = lab_key(&filler);
	struct meter_key key;

	if (!filled) {
		assert_true(lab_table_is_empty(table));
		return;
	}
	assert_int_equal(bpf_map_get_next_key(table, NULL, &key), 0);
	assert_memory_equal(&key, &expected, sizeof(key));
	assert_int_equal(bpf_map_get_next_key(table, &key, &key), -ENOENT);
}

static bool compare(const struct frame *frame, enum link_layer layer, enum side side,
		    enum hook hook, enum fill fill)
{
	static const struct ledger_sheet untouched;
	const struct lab *lab = points[layer][side][fill];
	uint64_t generation = random_bits() >> 1;
	uint32_t active = generation % GENERATIONS;
	struct reference_verdict verdict;
	struct ledger_sheet quiet;

	lab_set_generation(lab, generation);
	if (!lab_run(lab, hook, frame))
		return false;
	verdict = refer(frame, layer, side, hook, fill);
	runs_of_class[verdict.class]++;
	runs_of_flow_class[verdict.flow.class]++;
	assert_sheet(lab, active, hook, frame, &verdict);
	if (verdict.table == REFERENCE_HOSTS)
		assert_entry(lab, lab->hosts[active], &verdict);
	else if (verdict.table == REFERENCE_MACS)
		assert_entry(lab, lab->macs[active], &verdict);
	if (verdict.flow.class == FLOW_COUNTED)
		assert_flow(lab, active, &verdict);
	/* A later fragment of another frame is not to have its ports. */
	lab_clear_table(bpf_map__fd(lab->skel->maps.fragments));

	for (uint32_t i = 0; i < GENERATIONS; i++) {
		assert_nothing_else(lab->hosts[i], fill != ROOM);
		assert_nothing_else(lab->macs[i], fill == BOTH_FULL);
		assert_true(lab_table_is_empty(lab->flows_ipv4[i]));
		assert_true(lab_table_is_empty(lab->flows_ipv6[i]));
	}
	lab_sheet(lab, !active, hook, &quiet);
	assert_memory_equal(&quiet, &untouched, sizeof(quiet));
	return true;
}

/* False: the kernel refuses it. */
static bool compare_everywhere(const struct frame *frame, enum link_layer layer)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		for (enum hook hook = 0; hook < HOOKS; hook++) {
			if (!compare(frame, layer, side, hook, ROOM))
				return false;
		}
	}
	return compare(frame, layer, random_below(2), random_below(HOOKS),
		       HOSTS_FULL + random_below(2));
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void classifier_and_reference_agree(void **state)
{
	static struct frame frame;
	uint64_t slow = number_from("SLOW", 1);
	uint64_t frames = number_from("FRAMES", FRAMES / slow), refused = 0;

	for (uint64_t i = 0; i < frames;) {
		enum link_layer layer = one_in(4) ? LINK_IP : LINK_ETHERNET;

		generate(&frame, layer);
		suspect = &frame;
		if (compare_everywhere(&frame, layer))
			i++;
		else
			refused++;
		suspect = NULL;
	}
	print_message("# seed %#llx: %llu frames, and %llu that the kernel refused\n",
		      (unsigned long long)seed, (unsigned long long)frames,
		      (unsigned long long)refused);
	assert_true(refused <= frames / 5);
	for (enum ledger_class class = 0; frames >= FRAMES / slow && class < LEDGER_CLASSES;
	     class ++)
		assert_true(class == LEDGER_NO_HOSTS ||
			    runs_of_class[class] >= RUNS_PER_CLASS / slow);
	for (enum flow_class class = 0; frames >= FRAMES / slow && class < FLOW_CLASSES; class ++)
		assert_true(class == FLOW_LIMIT || class == FLOW_UNSAMPLED ||
			    runs_of_flow_class[class] >= RUNS_PER_CLASS / slow);
}

static int print_suspect(void **state)
{
	if (!suspect)
		return 0;
	print_message("# seed %#llx, gso_size %u, gso_segs %u, wire_len %u, %u octets:\n# ",
		      (unsigned long long)seed, suspect->context.gso_size,
		      suspect->context.gso_segs, suspect->context.wire_len, suspect->len);
	for (uint32_t i = 0; i < suspect->len; i++)
		print_message("%02x", suspect->bytes[i]);
	print_message("\n");
	return 0;
}

static struct reference_prefix parse_prefix(uint32_t ifindex, const char *address, unsigned length)
{
	struct reference_prefix prefix = { .ifindex = ifindex, .length = length };

	prefix.ip_version = strchr(address, ':') ? 6 : 4;
	assert_int_equal(
		inet_pton(prefix.ip_version == 6 ? AF_INET6 : AF_INET, address, prefix.address), 1);
	return prefix;
}

static void fill_tables(const int tables[GENERATIONS])
{
	const struct meter_key key = lab_key(&filler);
	struct host_traffic *nothing = calloc(libbpf_num_possible_cpus(), sizeof(*nothing));

	assert_non_null(nothing);
	for (unsigned i = 0; i < GENERATIONS; i++)
		assert_int_equal(bpf_map_update_elem(tables[i], &key, nothing, BPF_ANY), 0);
	free(nothing);
}

static struct lab *make_point(enum link_layer layer, enum side side, enum fill fill)
{
	struct lab *lab = lab_new((struct lab_options){ .layer = layer,
							.side = side,
							.meter = METER_ALL,
							.max_hosts = fill != ROOM,
							.max_macs = fill == BOTH_FULL });

	for (size_t i = 0; i < ROWS(local_prefixes); i++)
		lab_add_local(lab, local_prefixes[i].ifindex, local_prefixes[i].address,
			      local_prefixes[i].length);
	for (size_t i = 0; i < ROWS(not_internet_prefixes); i++)
		lab_add_not_internet(lab, not_internet_prefixes[i].address,
				     not_internet_prefixes[i].length);
	for (size_t i = 0; i < ROWS(own_addresses); i++)
		lab_add_own(lab, own_addresses[i]);
	if (fill != ROOM)
		fill_tables(lab->hosts);
	if (fill == BOTH_FULL)
		fill_tables(lab->macs);
	return lab;
}

static void make_fills(enum link_layer layer, enum side side)
{
	for (enum fill fill = 0; fill < FILLS; fill++)
		points[layer][side][fill] = make_point(layer, side, fill);
}

static int make_points(void **state)
{
	assert_true(pcap_read(&real_frames, frames_begin, (size_t)(frames_end - frames_begin)));
	uint64_t entropy = 0;

	if (getrandom(&entropy, sizeof(entropy), 0) != sizeof(entropy))
		return -1;
	random_state = seed = number_from("SEED", entropy);
	for (size_t i = 0; i < ROWS(local); i++)
		local[i] = parse_prefix(local_prefixes[i].ifindex, local_prefixes[i].address,
					local_prefixes[i].length);
	for (size_t i = 0; i < ROWS(not_internet); i++)
		not_internet[i] = parse_prefix(0, not_internet_prefixes[i].address,
					       not_internet_prefixes[i].length);
	for (size_t i = 0; i < ROWS(own); i++)
		own[i] =
			parse_prefix(0, own_addresses[i], strchr(own_addresses[i], ':') ? 128 : 32);
	for (enum link_layer layer = LINK_ETHERNET; layer <= LINK_IP; layer++) {
		for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++)
			make_fills(layer, side);
	}
	return 0;
}

static int free_points(void **state)
{
	struct lab **all = &points[0][0][0];

	for (size_t i = 0; i < sizeof(points) / sizeof(*all); i++)
		lab_free(all[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(classifier_and_reference_agree, print_suspect),
	};

	if (lab_needs_root())
		return 0;
	return cmocka_run_group_tests_name("differential", tests, make_points, free_points);
}
