/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfixcollect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/error.h"
#include "base/text.h"

#define CHUNK 65536 /* octets read at once; as much as any message may have */
/* As large as the kernel lets it be: exporters send much at once. */
#define RECEIVE_BUFFER (4 << 20)
/* Sessions at the same time; further ones are left alone. */
#define SESSIONS_MAX 1024

typedef struct {
	GMainLoop *loop;
	IpfixPrinter *printer;
	Elements *elements;
	GHashTable *sessions; /* their names to Session, which it owns */
	bool is_network;
	bool broken;
	uint64_t left_out; /* datagrams or connections, as there were too many sessions */
	uint8_t *chunk;
} Collect;

typedef struct {
	Collect *collect;
	char *name; /* printable */
	IpfixReader *reader;
	int fd; /* -1: none of its own */
	guint source;
	bool was_broken;
} Session;

static void complain(const char *name, const char *why)
{
	fprintf(stderr, "flowtally: ipfix dump: %s: %s\n", name, why);
}

static void sum_up(const IpfixReader *reader, IpfixDomainCounts *sum)
{
	IpfixDomainCounts counts;

	for (size_t i = 0; ipfix_reader_domain(reader, i, &counts); i++) {
		sum->messages += counts.messages;
		sum->octets += counts.octets;
		sum->templates += counts.templates;
		sum->records += counts.records;
		sum->options += counts.options;
	}
}

static void say_sequence(const char *name, const IpfixDomainCounts *counts)
{
	if (counts->gaps)
		fprintf(stderr,
			"%s: domain %u: %" PRIu64 " gaps in the sequence, %" PRIu64
			" records are missing\n",
			name, counts->id, counts->gaps, counts->missing);
	if (counts->restarts)
		fprintf(stderr, "%s: domain %u: its sequence has begun anew %" PRIu64 " times\n",
			name, counts->id, counts->restarts);
}

static void say_unknown(const char *name, const IpfixReader *reader, size_t index,
			const IpfixDomainCounts *counts)
{
	uint16_t ids[IPFIX_READER_IDS_MAX];
	size_t n = ipfix_reader_unknown_ids(reader, index, ids);

	if (!counts->unknown_sets)
		return;
	fprintf(stderr, "%s: domain %u: %" PRIu64 " sets without a template:", name, counts->id,
		counts->unknown_sets);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s %u", i ? "," : "", ids[i]);
	fputc('\n', stderr);
}

static void say_summary(const char *name, const IpfixReader *reader)
{
	IpfixDomainCounts sum = { 0 };
	IpfixDomainCounts counts;

	sum_up(reader, &sum);
	fprintf(stderr,
		"%s: %" PRIu64 " messages of %" PRIu64 " octets: %" PRIu64 " templates, %" PRIu64
		" records, %" PRIu64 " options records\n",
		name, sum.messages, sum.octets, sum.templates, sum.records, sum.options);
	for (size_t i = 0; ipfix_reader_domain(reader, i, &counts); i++) {
		say_sequence(name, &counts);
		say_unknown(name, reader, i, &counts);
	}
}

static void session_free(gpointer data)
{
	Session *session = data;

	g_clear_handle_id(&session->source, g_source_remove);
	if (session->fd >= 0)
		(void)close(session->fd);
	(void)fflush(stdout);
	say_summary(session->name, session->reader);
	ipfix_reader_free(session->reader);
	g_free(session->name);
	g_free(session);
}

/* NULL if there are too many. */
static Session *add_session(Collect *collect, const char *name, int fd)
{
	Session *session;

	if (g_hash_table_size(collect->sessions) >= SESSIONS_MAX) {
		collect->left_out++;
		return NULL;
	}
	session = g_new0(Session, 1);
	session->collect = collect;
	session->name = g_strdup(name);
	session->reader = ipfix_reader_new(ipfix_printer_handler(collect->printer),
					   collect->printer, collect->elements);
	session->fd = fd;
	g_hash_table_insert(collect->sessions, session->name, session);
	return session;
}

/* Of a stream it is the only line; a sender of datagrams may send many that are broken. */
static void note_broken(Session *session, const GError *error)
{
	(void)fflush(stdout);
	if (!session->was_broken)
		complain(session->name, error->message);
	session->was_broken = true;
	session->collect->broken = true;
}

/* Who it is whose messages are read now. */
static void turn_to(const Session *session)
{
	ipfix_printer_set_exporter(session->collect->printer,
				   session->collect->is_network ? session->name : NULL);
}

/* False: there is nothing more to come, or nothing more is wanted. */
static bool read_stream(Session *session)
{
	Collect *collect = session->collect;
	g_autoptr(GError) error = NULL;
	ssize_t len = read(session->fd, collect->chunk, CHUNK);

	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	turn_to(session);
	if (len < 0)
		error_from_errno(&error, errno, "read");
	else if (len)
		(void)ipfix_reader_take(session->reader, collect->chunk, (size_t)len, &error);
	else
		(void)ipfix_reader_end(session->reader, &error);
	if (error)
		note_broken(session, error);
	return !error && len && !ipfix_printer_is_done(collect->printer);
}

static gboolean on_stream(int fd, GIOCondition condition, gpointer user_data)
{
	Session *session = user_data;
	Collect *collect = session->collect;

	(void)fd;
	(void)condition;
	if (read_stream(session))
		return G_SOURCE_CONTINUE;
	session->source = 0;
	if (!collect->is_network || ipfix_printer_is_done(collect->printer))
		g_main_loop_quit(collect->loop);
	else
		g_hash_table_remove(collect->sessions, session->name);
	return G_SOURCE_REMOVE;
}

static char *name_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN];

	if (address->ss_family == AF_INET)
		return g_strdup_printf("%s:%u",
				       inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof(host)),
				       ntohs(ipv4->sin_port));
	return g_strdup_printf("[%s]:%u", inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof(host)),
			       ntohs(ipv6->sin6_port));
}

static gboolean on_datagram(int fd, GIOCondition condition, gpointer user_data)
{
	Collect *collect = user_data;
	struct sockaddr_storage address = { 0 };
	socklen_t address_len = sizeof(address);
	ssize_t len = recvfrom(fd, collect->chunk, CHUNK, MSG_DONTWAIT, (struct sockaddr *)&address,
			       &address_len);
	g_autofree char *name = len < 0 ? NULL : name_of(&address);
	Session *session = name ? g_hash_table_lookup(collect->sessions, name) : NULL;
	g_autoptr(GError) error = NULL;

	(void)condition;
	if (name && !session)
		session = add_session(collect, name, -1);
	if (!session)
		return G_SOURCE_CONTINUE;
	turn_to(session);
	if (!ipfix_reader_take_message(session->reader, collect->chunk, (size_t)len, &error))
		note_broken(session, error);
	if (ipfix_printer_is_done(collect->printer))
		g_main_loop_quit(collect->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_connection(int fd, GIOCondition condition, gpointer user_data)
{
	Collect *collect = user_data;
	struct sockaddr_storage address = { 0 };
	socklen_t address_len = sizeof(address);
	int connection = accept4(fd, (struct sockaddr *)&address, &address_len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
	g_autofree char *name = NULL;
	Session *session;

	(void)condition;
	if (connection < 0)
		return G_SOURCE_CONTINUE;
	name = name_of(&address);
	session = add_session(collect, name, connection);
	if (session)
		session->source = g_unix_fd_add(connection, G_IO_IN, on_stream, session);
	else
		(void)close(connection);
	return G_SOURCE_CONTINUE;
}

static int listen_on(const IpfixSource *source, GError **error)
{
	const bool is_udp = source->from == IPFIX_COLLECT_UDP;
	struct sockaddr_storage address;
	socklen_t address_len = endpoint_to_sockaddr(&source->listen, &address);
	int fd = socket(address.ss_family,
			(is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int size = RECEIVE_BUFFER, yes = 1;

	if (fd >= 0 && is_udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	else if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, address_len) &&
	    (is_udp || !listen(fd, SOMAXCONN)))
		return fd;
	error_from_errno(error, errno, "listen on %s", source->listen_text);
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int open_file(const char *path, GError **error)
{
	g_autofree char *shown = text_escape(path);
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) :
				     fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		error_from_errno(error, errno, "%s", shown);
	return fd;
}

static gboolean on_signal(gpointer user_data)
{
	const Collect *collect = user_data;

	g_main_loop_quit(collect->loop);
	return G_SOURCE_CONTINUE;
}

static void collect_from(Collect *collect, int fd, const IpfixSource *source)
{
	g_autofree char *name = text_escape(source->path ? source->path : "");
	Session *session;
	guint listener = 0;

	if (source->from == IPFIX_COLLECT_FILE) {
		session = add_session(collect, strcmp(name, "-") ? name : "standard input", fd);
		session->source = g_unix_fd_add(fd, G_IO_IN, on_stream, session);
	} else {
		fprintf(stderr, "listening on %s\n", source->listen_text);
		listener = g_unix_fd_add(
			fd, G_IO_IN,
			source->from == IPFIX_COLLECT_UDP ? on_datagram : on_connection, collect);
	}
	g_main_loop_run(collect->loop);
	g_hash_table_remove_all(collect->sessions);
	if (listener) {
		g_source_remove(listener);
		(void)close(fd);
	}
	if (collect->left_out)
		fprintf(stderr,
			"%" PRIu64
			" %s of further exporters were left out: there are more than %d\n",
			collect->left_out,
			source->from == IPFIX_COLLECT_UDP ? "datagrams" : "connections",
			SESSIONS_MAX);
}

bool ipfix_collect(const IpfixSource *source, IpfixPrinter *printer, Elements *elements,
		   GError **error)
{
	const bool is_network = source->from != IPFIX_COLLECT_FILE;
	int fd = is_network ? listen_on(source, error) : open_file(source->path, error);
	Collect collect = { .printer = printer, .elements = elements, .is_network = is_network };
	guint signals[2];

	if (fd < 0)
		return false;
	collect.loop = g_main_loop_new(NULL, FALSE);
	collect.sessions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
	collect.chunk = g_malloc(CHUNK);
	signals[0] = g_unix_signal_add(SIGINT, on_signal, &collect);
	signals[1] = g_unix_signal_add(SIGTERM, on_signal, &collect);
	collect_from(&collect, fd, source);
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		g_source_remove(signals[i]);
	g_hash_table_unref(collect.sessions);
	g_main_loop_unref(collect.loop);
	g_free(collect.chunk);
	return !collect.broken;
}
