/* SPDX-License-Identifier: Apache-2.0 */
#include "broker.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "netlink.h"
#include "netns.h"
#include "pinfs.h"
#include "privileges.h"
#include "ticks.h"

#define PATH_LEN 1024
#define MESSAGE_LEN 512

typedef enum {
	BROKER_MAKE_MAP,
	BROKER_LOAD_TICKS,
	BROKER_NETLINK_SOCKET,
	BROKER_MOUNT_PINS,
	BROKER_UNMOUNT_PINS,
	BROKER_ATTACH,
	BROKER_DETACH,
	BROKER_LOOK,
	BROKER_READ_OFFLOADS,
	BROKER_REQUESTS,
} BrokerRequest;

/* Descriptors that go along, each in its place. */
typedef enum {
	FD_NETNS, /* of requests: -1 is the own one */
	FD_INNER,
	FD_MAPS,
	FD_LINKS = FD_MAPS + CLASSIFIER_MAPS,
	FD_RESULT = FD_LINKS + HOOKS, /* of replies */
	FDS,
} FdPlace;

typedef struct {
	int fd[FDS]; /* -1: none */
} Fds;

/* A request, and what of it the reply changes. */
typedef struct {
	uint32_t request; /* BrokerRequest */
	uint32_t fds;	  /* a bit for each place that is taken */
	union {
		struct {
			uint32_t kind;
			uint32_t max_entries;
		} map;
		struct {
			int len;
		} netlink;
		char directory[PATH_LEN];
		struct {
			HooksPlace place;
			HooksOptions options;
			ClassifierPoint point;
			Hooks hooks;
			HooksState state;
		} attach;
		struct {
			char name[IF_NAMESIZE];
			OffloadSet found;
		} offloads;
	};
	bool ok;
	int error_number;
	char error[MESSAGE_LEN]; /* empty unless a request has failed with a word of why */
} Message;

/* The process has one, or none. */
static int broker_socket = -1;
static pid_t broker_pid;

/* --- what is done */

/* @in is borrowed; what is put in @out is the caller's. */
typedef bool (*Service)(Message *message, const Fds *in, Fds *out, GError **error);

static bool put_result(Fds *out, int fd)
{
	out->fd[FD_RESULT] = fd;
	return fd >= 0;
}

static bool make_map(Message *message, const Fds *in, Fds *out, GError **error)
{
	if (message->map.kind < MAP_KINDS)
		return put_result(out, map_create(message->map.kind, message->map.max_entries,
						  in->fd[FD_INNER], error));
	error_set(error, "make a map: there is no such kind");
	return false;
}

static bool load_ticks(Message *message, const Fds *in, Fds *out, GError **error)
{
	(void)message;
	(void)in;
	return put_result(out, ticks_open(error));
}

static bool open_netlink_socket(Message *message, const Fds *in, Fds *out, GError **error)
{
	if (!netns_enter(in->fd[FD_NETNS], error))
		return false;
	out->fd[FD_RESULT] = netlink_socket(NETLINK_ROUTE, message->netlink.len, error);
	netns_leave(in->fd[FD_NETNS]);
	return out->fd[FD_RESULT] >= 0;
}

static bool mount_pins(Message *message, const Fds *in, Fds *out, GError **error)
{
	(void)in;
	(void)out;
	return pinfs_mount(message->directory, error);
}

static bool unmount_pins(Message *message, const Fds *in, Fds *out, GError **error)
{
	(void)in;
	(void)out;
	(void)error;
	pinfs_unmount(message->directory);
	return true;
}

static bool attach(Message *message, const Fds *in, GError **error)
{
	g_autoptr(Classifier) classifier =
		classifier_load(&message->attach.point, in->fd + FD_MAPS, error);
	int programs[HOOKS];

	if (!classifier) {
		g_prefix_error(error, "%s: ", message->attach.place.name);
		return false;
	}
	for (int hook = 0; hook < HOOKS; hook++)
		programs[hook] = classifier_program_fd(classifier, hook);
	return hooks_attach(in->fd[FD_NETNS], &message->attach.place, &message->attach.options,
			    programs, &message->attach.hooks, error);
}

/* The links that there were stay with whoever asks; new ones are handed over. */
static bool serve_attach(Message *message, const Fds *in, Fds *out, GError **error)
{
	bool attached = attach(message, in, error);

	for (int hook = 0; hook < HOOKS; hook++) {
		if (in->fd[FD_LINKS + hook] < 0)
			out->fd[FD_LINKS + hook] = message->attach.hooks.links[hook];
	}
	return attached;
}

static bool serve_detach(Message *message, const Fds *in, Fds *out, GError **error)
{
	(void)out;
	return hooks_detach(in->fd[FD_NETNS], &message->attach.place, &message->attach.hooks,
			    error);
}

static bool serve_look(Message *message, const Fds *in, Fds *out, GError **error)
{
	(void)out;
	(void)error;
	message->attach.state =
		hooks_look(in->fd[FD_NETNS], &message->attach.place, &message->attach.hooks);
	return true;
}

static bool read_offloads(Message *message, const Fds *in, Fds *out, GError **error)
{
	bool read;

	(void)out;
	if (!netns_enter(in->fd[FD_NETNS], error))
		return false;
	read = offload_read(message->offloads.name, &message->offloads.found, error);
	netns_leave(in->fd[FD_NETNS]);
	return read;
}

static const Service services[BROKER_REQUESTS] = {
	[BROKER_MAKE_MAP] = make_map,
	[BROKER_LOAD_TICKS] = load_ticks,
	[BROKER_NETLINK_SOCKET] = open_netlink_socket,
	[BROKER_MOUNT_PINS] = mount_pins,
	[BROKER_UNMOUNT_PINS] = unmount_pins,
	[BROKER_ATTACH] = serve_attach,
	[BROKER_DETACH] = serve_detach,
	[BROKER_LOOK] = serve_look,
	[BROKER_READ_OFFLOADS] = read_offloads,
};

static bool is_sane(const Message *message)
{
	switch (message->request) {
	case BROKER_ATTACH:
	case BROKER_DETACH:
	case BROKER_LOOK:
		return memchr(message->attach.place.name, 0, sizeof(message->attach.place.name)) &&
		       message->attach.options.prefer < HOOK_KINDS &&
		       message->attach.hooks.kind < HOOK_KINDS &&
		       message->attach.point.number < POINT_NUMBERS;
	case BROKER_MOUNT_PINS:
	case BROKER_UNMOUNT_PINS:
		return memchr(message->directory, 0, sizeof(message->directory));
	case BROKER_READ_OFFLOADS:
		return memchr(message->offloads.name, 0, sizeof(message->offloads.name));
	default:
		return message->request < BROKER_REQUESTS;
	}
}

static bool serve_checked(Message *message, const Fds *in, Fds *out, GError **error)
{
	if (is_sane(message)) {
		memcpy(message->attach.hooks.links, in->fd + FD_LINKS,
		       sizeof(message->attach.hooks.links));
		return services[message->request](message, in, out, error);
	}
	error_set(error, "the privileged process was asked for what makes no sense");
	return false;
}

static void no_fds(Fds *fds)
{
	memset(fds->fd, -1, sizeof(fds->fd));
}

static void serve(Message *message, const Fds *in, Fds *out)
{
	g_autoptr(GError) error = NULL;

	no_fds(out);
	message->ok = serve_checked(message, in, out, &error);
	message->error_number = error ? error->code : 0;
	g_strlcpy(message->error, error ? error->message : "", sizeof(message->error));
}

/* --- how it is asked for */

static bool send_message(int socket, Message *message, const Fds *fds)
{
	union {
		char buffer[CMSG_SPACE(sizeof(Fds))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int *next = (int *)(void *)CMSG_DATA(&control.header);
	size_t n = 0;

	message->fds = 0;
	for (int i = 0; i < FDS; i++) {
		if (fds->fd[i] < 0)
			continue;
		message->fds |= 1u << i;
		next[n++] = fds->fd[i];
	}
	if (n) {
		header.msg_control = control.buffer;
		header.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
	}
	return TEMP_FAILURE_RETRY(sendmsg(socket, &header, MSG_NOSIGNAL)) ==
	       (ssize_t)sizeof(*message);
}

/* Puts the descriptors that came, in the order of their places, where they belong. */
static bool place_fds(uint32_t places, struct msghdr *header, Fds *fds)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(header);
	const int *came = control ? (const int *)(const void *)CMSG_DATA(control) : NULL;
	size_t n = control ? (control->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	size_t next = 0;

	for (int i = 0; i < FDS && next < n; i++) {
		if (places & 1u << i)
			fds->fd[i] = came[next++];
	}
	return next == n && (size_t)__builtin_popcount(places) == n;
}

static bool receive_message(int socket, Message *message, Fds *fds)
{
	union {
		char buffer[CMSG_SPACE(sizeof(Fds))];
		struct cmsghdr header;
	} control;
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.buffer,
				 .msg_controllen = sizeof(control.buffer) };
	ssize_t len = TEMP_FAILURE_RETRY(recvmsg(socket, &header, MSG_CMSG_CLOEXEC));

	no_fds(fds);
	return len == (ssize_t)sizeof(*message) && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	       place_fds(message->fds, &header, fds);
}

static void close_fds(const Fds *fds)
{
	for (int i = 0; i < FDS; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
}

static void G_GNUC_NORETURN serve_all(int socket)
{
	/* Ctrl-C is for the agent; it ends us. */
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 };
	Message message;
	Fds in, out;

	for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	while (receive_message(socket, &message, &in)) {
		serve(&message, &in, &out);
		(void)send_message(socket, &message, &out);
		close_fds(&in);
		close_fds(&out);
	}
	_exit(EXIT_SUCCESS);
}

/* Returns in the agent alone. */
static void fork_broker(const int pair[2])
{
	broker_pid = fork();
	if (broker_pid)
		return;
	close(pair[0]);
	privileges_keep_for_broker();
	serve_all(pair[1]);
}

bool broker_start(GError **error)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		error_from_errno(error, errno, "start the privileged process");
		return false;
	}
	fork_broker(pair);
	close(pair[1]);
	if (broker_pid < 0) {
		error_from_errno(error, errno, "start the privileged process");
		close(pair[0]);
		return false;
	}
	broker_socket = pair[0];
	return true;
}

void broker_stop(void)
{
	if (broker_socket < 0)
		return;
	close(broker_socket);
	broker_socket = -1;
	(void)waitpid(broker_pid, NULL, 0);
}

int broker_fd(void)
{
	return broker_socket;
}

static bool exchange(Message *message, const Fds *in, Fds *out)
{
	return send_message(broker_socket, message, in) &&
	       receive_message(broker_socket, message, out);
}

/* @out is the caller's, also where the request has failed. */
static bool call(BrokerRequest request, Message *message, const Fds *in, Fds *out, GError **error)
{
	message->request = request;
	if (broker_socket < 0) {
		serve(message, in, out);
	} else if (!exchange(message, in, out)) {
		g_set_error_literal(error, FLOWTALLY_ERROR, EPIPE,
				    "the privileged process has ended");
		return false;
	}
	if (!message->ok)
		g_set_error_literal(error, FLOWTALLY_ERROR, message->error_number, message->error);
	return message->ok;
}

/* A request whose reply is one descriptor. */
static int call_for_fd(BrokerRequest request, Message *message, const Fds *in, GError **error)
{
	Fds out;

	return call(request, message, in, &out, error) ? out.fd[FD_RESULT] : -1;
}

int broker_make_map(MapKind kind, uint32_t max_entries, int inner_fd, GError **error)
{
	Message message = { .map = { kind, max_entries } };
	Fds in;

	no_fds(&in);
	in.fd[FD_INNER] = inner_fd;
	return call_for_fd(BROKER_MAKE_MAP, &message, &in, error);
}

int broker_load_ticks(GError **error)
{
	Message message = { 0 };
	Fds in;

	no_fds(&in);
	return call_for_fd(BROKER_LOAD_TICKS, &message, &in, error);
}

int broker_netlink_socket(int netns_fd, int len, GError **error)
{
	Message message = { .netlink = { len } };
	Fds in;

	no_fds(&in);
	in.fd[FD_NETNS] = netns_fd;
	return call_for_fd(BROKER_NETLINK_SOCKET, &message, &in, error);
}

static bool call_for_directory(BrokerRequest request, const char *directory, GError **error)
{
	Message message = { 0 };
	Fds in, out;

	if (g_strlcpy(message.directory, directory, PATH_LEN) >= PATH_LEN) {
		error_from_errno(error, ENAMETOOLONG, "%s", directory);
		return false;
	}
	no_fds(&in);
	return call(request, &message, &in, &out, error);
}

bool broker_mount_pins(const char *directory, GError **error)
{
	return call_for_directory(BROKER_MOUNT_PINS, directory, error);
}

void broker_unmount_pins(const char *directory)
{
	(void)call_for_directory(BROKER_UNMOUNT_PINS, directory, NULL);
}

static Message message_for(const HooksPlace *place, const Hooks *hooks, int netns_fd, Fds *in)
{
	const Message message = { .attach = { .place = *place, .hooks = *hooks } };

	no_fds(in);
	in->fd[FD_NETNS] = netns_fd;
	memcpy(in->fd + FD_LINKS, hooks->links, sizeof(hooks->links));
	return message;
}

/* What the reply says of the hooks; links that were there keep the descriptors that they have here. */
static void take_hooks(Hooks *hooks, const Message *message, const Fds *out)
{
	int links[HOOKS];

	for (int hook = 0; hook < HOOKS; hook++)
		links[hook] = out->fd[FD_LINKS + hook] >= 0 ? out->fd[FD_LINKS + hook] :
							      hooks->links[hook];
	*hooks = message->attach.hooks;
	memcpy(hooks->links, links, sizeof(links));
}

bool broker_attach(int netns_fd, const HooksPlace *place, const HooksOptions *options,
		   const ClassifierPoint *point, const int maps[CLASSIFIER_MAPS], Hooks *hooks,
		   GError **error)
{
	Fds in, out;
	Message message = message_for(place, hooks, netns_fd, &in);
	bool attached;

	message.attach.options = *options;
	message.attach.point = *point;
	memcpy(in.fd + FD_MAPS, maps, CLASSIFIER_MAPS * sizeof(*maps));
	no_fds(&out);
	attached = call(BROKER_ATTACH, &message, &in, &out, error);
	take_hooks(hooks, &message, &out);
	return attached;
}

bool broker_detach(int netns_fd, const HooksPlace *place, Hooks *hooks, GError **error)
{
	Fds in, out;
	Message message = message_for(place, hooks, netns_fd, &in);
	bool detached;

	no_fds(&out);
	detached = call(BROKER_DETACH, &message, &in, &out, error);
	take_hooks(hooks, &message, &out);
	return detached;
}

HooksState broker_look(int netns_fd, const HooksPlace *place, const Hooks *hooks)
{
	Fds in, out;
	Message message = message_for(place, hooks, netns_fd, &in);

	if (call(BROKER_LOOK, &message, &in, &out, NULL))
		return message.attach.state;
	return (HooksState){ .before = { -1, -1 } };
}

bool broker_read_offloads(int netns_fd, const char *name, OffloadSet *offloads, GError **error)
{
	Message message = { 0 };
	Fds in, out;

	g_strlcpy(message.offloads.name, name, sizeof(message.offloads.name));
	no_fds(&in);
	in.fd[FD_NETNS] = netns_fd;
	if (!call(BROKER_READ_OFFLOADS, &message, &in, &out, error)) {
		g_prefix_error(error, "%s: ", name);
		return false;
	}
	*offloads = message.offloads.found;
	return true;
}
