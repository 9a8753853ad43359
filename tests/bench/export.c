/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to export records: encoded and sent, to one collector and to three, beside a bare loop of
 * libfixbuf and send() over the same records as they lie in memory, which is the floor.
 *
 * All take turns, round by round, and what is told is the median over the rounds, in nanoseconds of this thread a
 * record and in records a second of it, and of the quotients of each round. Beside it stand the instructions of a
 * record, as callgrind counts them, without those of the kernel: "export once flows|hosts bare|one|three" is what it
 * looks into.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <fixbuf/public.h>
#include <glib.h>

#include "export/exporting.h"

#define ROUNDS 21
#define RECORDS 20000
#define COLLECTORS 3
#define MESSAGE_SIZE 1400
#define DOMAIN 1
#define ENTERPRISE 32473
#define INTERNAL_ID 1000 /* any */
#define MAX_RATIO 1.2	 /* what the project promises of one collector */

enum way {
	BARE,
	TO_ONE,
	TO_THREE,
	WAYS,
};

static const char *const ways[WAYS] = { "bare", "one", "three" };

enum kind {
	KIND_FLOWS,
	KIND_HOSTS,
	KINDS,
};

static const char *const kinds[KINDS] = { "flows", "hosts" };

/* libfixbuf with nothing around it. */
typedef struct {
	fBuf_t *buffer;
	fbExporter_t *exporter;
	uint8_t area[MESSAGE_SIZE];
	int socket;
	const RecordKind *kind;
	uint8_t *records;
	uint16_t id;
} Bare;

typedef struct {
	enum kind kind;
	int sinks[COLLECTORS];
	CollectorConfig collectors[COLLECTORS];
	GArray *flows; /* of FlowRecord; or NULL */
	HostDelta *hosts;
	Config configs[WAYS];
	Exporting *exporting[WAYS];
	Bare bare;
} Bench;

static void die(const char *what)
{
	fprintf(stderr, "export: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Takes what comes and throws it away, as it is never read. */
static int sink_new(char **address)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sink < 0 || bind(sink, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(sink, (struct sockaddr *)&at, &len) < 0)
		die("sink");
	*address = g_strdup_printf("127.0.0.1:%u", ntohs(at.sin_port));
	return sink;
}

static FlowRecord flow_at(uint32_t i)
{
	FlowRecord flow = {
		.key = {
			.source = { [10] = 0xff, 0xff, 10, 1, (uint8_t)(i >> 8), (uint8_t)i },
			.destination = { [10] = 0xff, 0xff, 198, 51, 100, 7 },
			.source_port = htons((uint16_t)(1024 + i % 50000)),
			.destination_port = htons(443),
			.ingress = 2,
			.egress = 3,
			.protocol = IPPROTO_TCP,
			.ip_version = 4,
			.hook = HOOK_EGRESS,
		},
		.volume = { 3, 300 + i, 342 + i },
		.start_ms = 1700000000000,
		.end_ms = 1700000003000,
		.end = FLOW_ENDED,
	};

	flow.attributes.source_mac[5] = 1;
	return flow;
}

static HostDelta host_at(uint32_t i)
{
	return (HostDelta){
		.key = {
			.address = { [10] = 0xff, 0xff, 10, 1, (uint8_t)(i >> 8), (uint8_t)i },
			.ifindex = 2,
			.mac = { 2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i },
			.ip_version = 4,
			.scope = SCOPE_INTERNET,
		},
		.volume = { [DIRECTION_UPLOAD] = { 3, 300 + i, 342 + i } },
	};
}

static void make_records(Bench *bench)
{
	if (bench->kind == KIND_FLOWS)
		bench->flows = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	else
		bench->hosts = g_new0(HostDelta, RECORDS);
	for (uint32_t i = 0; i < RECORDS; i++) {
		FlowRecord flow = flow_at(i);

		if (bench->kind == KIND_FLOWS)
			g_array_append_val(bench->flows, flow);
		else
			bench->hosts[i] = host_at(i);
	}
}

static void make_exporting(Bench *bench, enum way way, unsigned int collectors)
{
	Config *config = &bench->configs[way];

	*config = (Config){
		.interval_ms = 10000,
		.ipfix = {
			.observation_domain = DOMAIN,
			.enterprise_number = ENTERPRISE,
			.template_refresh_ms = 60000,
			.message_size = MESSAGE_SIZE,
			.collectors = g_ptr_array_new(),
		},
	};
	for (unsigned int i = 0; i < collectors; i++)
		g_ptr_array_add(config->ipfix.collectors, &bench->collectors[i]);
	bench->exporting[way] = exporting_new(config, NULL);
}

static void fill_bare(Bench *bench, uint8_t *to, uint32_t i)
{
	const FlowRecord flow = flow_at(i);
	const IpfixFlow both = { .flow = &flow };
	const HostDelta delta = host_at(i);
	const HostRecord host = { .key = delta.key,
				  .direction = DIRECTION_UPLOAD,
				  .start_ms = 1700000000000,
				  .end_ms = 1700000010000,
				  .volume = delta.volume[DIRECTION_UPLOAD] };

	if (bench->kind == KIND_FLOWS)
		flow_fields_fill((struct flow_fields *)(void *)to, &both);
	else
		host_fields_fill((struct host_fields *)(void *)to, &host, false);
}

static void append(fbTemplate_t *template, const char *name, size_t len)
{
	fbInfoElementSpec_t spec = { (char *)name, (uint16_t)len, 0 };
	GError *error = NULL;

	if (!fbTemplateAppendSpec(template, &spec, 0, &error))
		die(error->message);
}

/* What libfixbuf calls internal: all members, and what lies between them. */
static fbTemplate_t *template_of_kind(fbInfoModel_t *model, const RecordKind *kind)
{
	fbTemplate_t *template = fbTemplateAlloc(model);
	size_t end = 0;

	for (const RecordField *field = kind->fields; field->name; field++) {
		if (field->offset > end)
			append(template, "paddingOctets", field->offset - end);
		append(template, field->name, field->len);
		end = field->offset + field->len;
	}
	if (end < kind->len)
		append(template, "paddingOctets", kind->len - end);
	return template;
}

static fbTemplate_t *template_of(fbInfoModel_t *model, const Template *from)
{
	fbTemplate_t *template = fbTemplateAlloc(model);

	for (guint i = 0; i < from->fields->len; i++) {
		const TemplateField *field = &g_array_index(from->fields, TemplateField, i);

		append(template, field->from->name, field->len);
	}
	return template;
}

static void make_bare(Bench *bench)
{
	const IpfixLayout layout = { .observation_domain = DOMAIN,
				     .enterprise_number = ENTERPRISE,
				     .enterprise = ENTERPRISE_NONE,
				     .message_size = MESSAGE_SIZE };
	g_autoptr(Templates) templates = templates_new(&layout);
	const GPtrArray *list = bench->kind == KIND_FLOWS ? templates->flows : templates->hosts;
	const Template *record = g_ptr_array_index(list, 0);
	fbInfoModel_t *model = fbInfoModelAlloc();
	fbInfoElement_t ours[] = {
		FB_IE_INIT_FULL("hostMacAddress", ENTERPRISE, 1, 6, 0, 0, 0, FB_MAC_ADDR, NULL),
		FB_IE_INIT_FULL("hostScope", ENTERPRISE, 2, 1, 0, 0, 0, FB_UINT_8, NULL),
		FB_IE_INIT_FULL("hostName", ENTERPRISE, 3, FB_IE_VARLEN, 0, 0, 0, FB_STRING, NULL),
		FB_IE_INIT_FULL("flowMark", ENTERPRISE, 4, 4, FB_IE_F_ENDIAN, 0, 0, FB_UINT_32,
				NULL),
		FB_IE_NULL,
	};
	fbSession_t *session;
	GError *error = NULL;
	Bare *bare = &bench->bare;

	fbInfoModelAddElementArray(model, ours);
	session = fbSessionAlloc(model);
	fbSessionSetDomain(session, DOMAIN);
	bare->kind = record->kind;
	bare->id = record->id;
	if (!fbSessionAddTemplate(session, TRUE, INTERNAL_ID, template_of_kind(model, record->kind),
				  &error) ||
	    !fbSessionAddTemplate(session, FALSE, record->id, template_of(model, record), &error))
		die(error->message);
	bare->exporter = fbExporterAllocBuffer(bare->area, MESSAGE_SIZE);
	bare->buffer = fBufAllocForExport(session, bare->exporter);
	fBufSetAutomaticMode(bare->buffer, FALSE);
	bare->records = g_malloc0((size_t)RECORDS * record->kind->len);
	for (uint32_t i = 0; i < RECORDS; i++)
		fill_bare(bench, bare->records + (size_t)i * record->kind->len, i);
}

/* To the first sink, which is another than that of our collectors but for its port. */
static void connect_bare(Bench *bench)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);

	if (getsockname(bench->sinks[0], (struct sockaddr *)&to, &len) < 0)
		die("sink");
	bench->bare.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bench->bare.socket < 0 || connect(bench->bare.socket, (struct sockaddr *)&to, len) < 0)
		die("connect");
}

static void emit(Bare *bare)
{
	GError *error = NULL;

	if (!fBufEmit(bare->buffer, &error))
		die(error->message);
	if (send(bare->socket, bare->area, fbExporterGetMsgLen(bare->exporter), 0) < 0)
		die("send");
}

static void export_bare(Bare *bare)
{
	GError *error = NULL;

	if (!fBufSetInternalTemplate(bare->buffer, INTERNAL_ID, &error) ||
	    !fBufSetExportTemplate(bare->buffer, bare->id, &error))
		die(error->message);
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint8_t *record = bare->records + (size_t)i * bare->kind->len;

		if (fBufAppend(bare->buffer, record, bare->kind->len, &error))
			continue;
		g_clear_error(&error);
		emit(bare);
		if (!fBufAppend(bare->buffer, record, bare->kind->len, &error))
			die(error->message);
	}
	emit(bare);
}

static void export_ours(Bench *bench, enum way way)
{
	static const GArray *none;
	const ExportReport report = {
		.now_ms = 1700000010000,
		.start_ms = 1700000000000,
		.end_ms = 1700000010000,
		.deltas = bench->hosts,
		.deltas_n = bench->hosts ? RECORDS : 0,
		.flows = bench->flows ? bench->flows : none,
	};

	exporting_begin(bench->exporting[way], &report);
	while (exporting_step(bench->exporting[way]))
		;
}

/* Callgrind finds it by its name. */
__attribute__((noinline)) static void export_once(Bench *bench, enum way way)
{
	if (way == BARE)
		export_bare(&bench->bare);
	else
		export_ours(bench, way);
}

static void bench_init(Bench *bench, enum kind kind)
{
	bench->kind = kind;
	make_records(bench);
	for (unsigned int i = 0; i < COLLECTORS; i++) {
		CollectorConfig *collector = &bench->collectors[i];

		collector->records_flows = kind == KIND_FLOWS;
		collector->records_hosts = kind == KIND_HOSTS;
		collector->enterprise = ENTERPRISE_NONE;
		bench->sinks[i] = sink_new(&collector->address);
	}
	make_exporting(bench, TO_ONE, 1);
	make_exporting(bench, TO_THREE, COLLECTORS);
	make_bare(bench);
	connect_bare(bench);
}

static double clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(*values), compare_doubles);
	return values[ROUNDS / 2];
}

/* Of a record, counted in a process of its own; 0: there is no callgrind. */
static double instructions(enum kind kind, enum way way)
{
	static const char counted[] = "Collected : ";
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL), *said = NULL;
	const char *const argv[] = { "valgrind",
				     "--tool=callgrind",
				     "--callgrind-out-file=/dev/null",
				     "--toggle-collect=export_once",
				     self,
				     "once",
				     kinds[kind],
				     ways[way],
				     NULL };
	const char *number;

	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said,
			  NULL, NULL))
		return 0;
	number = strstr(said, counted);
	return number ? strtod(number + strlen(counted), NULL) / RECORDS : 0;
}

static void compare(enum kind kind)
{
	static double ns[WAYS][ROUNDS], ratios[WAYS][ROUNDS];
	Bench bench = { 0 };

	bench_init(&bench, kind);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (enum way way = 0; way < WAYS; way++) {
			double start = clock_ns();

			export_once(&bench, way);
			ns[way][round] = (clock_ns() - start) / RECORDS;
			ratios[way][round] = ns[way][round] / ns[BARE][round];
		}
	}
	for (enum way way = 0; way < WAYS; way++) {
		double record_ns = median(ns[way]), ratio = median(ratios[way]);

		printf("%s, %-27s %8.0f %11.0f %8.2f %13.0f", kinds[kind],
		       way == BARE   ? "libfixbuf and send() alone" :
		       way == TO_ONE ? "to one collector" :
				       "to three collectors",
		       record_ns, 1e9 / record_ns, ratio, instructions(kind, way));
		if (way == TO_ONE)
			printf("   %s: at most %.1f times the floor",
			       ratio <= MAX_RATIO ? "pass" : "FAIL", MAX_RATIO);
		printf("\n");
	}
}

static int find(const char *const words[], int n, const char *word)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(words[i], word))
			return i;
	}
	fprintf(stderr, "export: %s?\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "once")) {
		Bench bench = { 0 };

		bench_init(&bench, (enum kind)find(kinds, KINDS, argv[2]));
		export_once(&bench, (enum way)find(ways, WAYS, argv[3]));
		return 0;
	}
	printf("\n%-34s %8s %11s %8s %13s\n", "a record, encoded and sent", "ns", "a second",
	       "of bare", "instructions");
	compare(KIND_FLOWS);
	compare(KIND_HOSTS);
	return 0;
}
