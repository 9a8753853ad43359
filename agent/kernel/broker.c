/* SPDX-License-Identifier: Apache-2.0 */
#include "broker.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process.h"
#include "brokermessage.h"
#include "netlink.h"
#include "netns.h"
#include "pinfs.h"
#include "privileges.h"
#include "ticks.h"

/* The process has one, or none. */
static int broker_socket = -1;
static pid_t broker_pid;

/* --- what is done */

/* @in is borrowed; what is put in @out is the caller's. */
typedef bool (*Service)(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
			GError **error);

static bool put_result(BrokerFds *out, int fd)
{
	out->fd[FD_RESULT] = fd;
	return fd >= 0;
}

static bool make_map(BrokerMessage *message, const BrokerFds *in, BrokerFds *out, GError **error)
{
	if (message->map.kind < MAP_KINDS)
		return put_result(out, map_create(message->map.kind, message->map.max_entries,
						  in->fd[FD_INNER], error));
	error_set(error, "make a map: there is no such kind");
	return false;
}

static bool load_ticks(BrokerMessage *message, const BrokerFds *in, BrokerFds *out, GError **error)
{
	(void)message;
	(void)in;
	return put_result(out, ticks_open(error));
}

static bool open_netlink_socket(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
				GError **error)
{
	if (!netns_enter(in->fd[FD_NETNS], error))
		return false;
	out->fd[FD_RESULT] = netlink_socket(NETLINK_ROUTE, message->netlink.len, error);
	netns_leave(in->fd[FD_NETNS]);
	return out->fd[FD_RESULT] >= 0;
}

static bool mount_pins(BrokerMessage *message, const BrokerFds *in, BrokerFds *out, GError **error)
{
	(void)in;
	(void)out;
	return pinfs_mount(message->directory, error);
}

static bool unmount_pins(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
			 GError **error)
{
	(void)in;
	(void)out;
	(void)error;
	pinfs_unmount(message->directory);
	return true;
}

/* The numbers that they have here, instead of the asker's. */
static void take_links(BrokerMessage *message, const BrokerFds *in)
{
	Hooks *hooks = &message->attach.hooks;

	for (int hook = 0; hook < HOOKS; hook++)
		hooks->links[hook] = hooks->kind == HOOK_KIND_TCX ? in->fd[FD_LINKS + hook] : -1;
}

static bool attach(BrokerMessage *message, const BrokerFds *in, GError **error)
{
	g_autoptr(Classifier) classifier =
		classifier_load(&message->attach.point, in->fd + FD_MAPS, error);
	int programs[HOOKS];

	take_links(message, in);
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
static bool serve_attach(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
			 GError **error)
{
	bool attached = attach(message, in, error);

	for (int hook = 0; hook < HOOKS; hook++) {
		if (in->fd[FD_LINKS + hook] < 0)
			out->fd[FD_LINKS + hook] = message->attach.hooks.links[hook];
	}
	return attached;
}

static bool serve_detach(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
			 GError **error)
{
	(void)out;
	take_links(message, in);
	return hooks_detach(in->fd[FD_NETNS], &message->attach.place, &message->attach.hooks,
			    error);
}

static bool serve_look(BrokerMessage *message, const BrokerFds *in, BrokerFds *out, GError **error)
{
	(void)out;
	(void)error;
	take_links(message, in);
	message->attach.state =
		hooks_look(in->fd[FD_NETNS], &message->attach.place, &message->attach.hooks);
	return true;
}

static bool read_offloads(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
			  GError **error)
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

static bool serve_checked(BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
			  GError **error)
{
	if (broker_message_is_sane(message))
		return services[message->request](message, in, out, error);
	error_set(error, "the privileged process was asked for what makes no sense");
	return false;
}

static void serve(BrokerMessage *message, const BrokerFds *in, BrokerFds *out)
{
	g_autoptr(GError) error = NULL;

	broker_fds_init(out);
	message->ok = serve_checked(message, in, out, &error);
	message->error_number = error ? error->code : 0;
	g_strlcpy(message->error, error ? error->message : "", sizeof(message->error));
}

/* --- how it is asked for */

static bool is_of_pins(const BrokerMessage *message)
{
	return (message->request == BROKER_MOUNT_PINS || message->request == BROKER_UNMOUNT_PINS) &&
	       broker_message_is_sane(message);
}

/* The directory that is asked for first, before anything of strangers is read, is the only one for ever. */
static bool is_only_directory(char only[BROKER_PATH_LEN], const BrokerMessage *message)
{
	if (!*only)
		g_strlcpy(only, message->directory, BROKER_PATH_LEN);
	return g_str_equal(only, message->directory);
}

void broker_serve(int socket)
{
	char directory[BROKER_PATH_LEN] = "";
	BrokerMessage message;
	BrokerFds in, out;

	while (broker_message_receive(socket, &message, &in)) {
		if (is_of_pins(&message) && !is_only_directory(directory, &message))
			message.request = BROKER_REQUESTS;
		serve(&message, &in, &out);
		(void)broker_message_send(socket, &message, &out);
		broker_fds_close(&in);
		broker_fds_close(&out);
	}
}

static void G_GNUC_NORETURN serve_all(int socket)
{
	process_begin();
	broker_serve(socket);
	process_end(EXIT_SUCCESS);
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

static bool exchange(BrokerMessage *message, const BrokerFds *in, BrokerFds *out)
{
	return broker_message_send(broker_socket, message, in) &&
	       broker_message_receive(broker_socket, message, out);
}

/* @out is the caller's, also where the request has failed. */
static bool call(BrokerRequest request, BrokerMessage *message, const BrokerFds *in, BrokerFds *out,
		 GError **error)
{
	message->request = request;
	if (broker_socket < 0) {
		serve(message, in, out);
	} else if (!exchange(message, in, out)) {
		g_set_error_literal(error, FLOWTALLY_ERROR, errno,
				    errno == EMFILE ? g_strerror(EMFILE) :
						      "the privileged process has ended");
		return false;
	}
	if (!message->ok)
		g_set_error_literal(error, FLOWTALLY_ERROR, message->error_number, message->error);
	return message->ok;
}

/* A request whose reply is one descriptor. */
static int call_for_fd(BrokerRequest request, BrokerMessage *message, const BrokerFds *in,
		       GError **error)
{
	BrokerFds out;

	return call(request, message, in, &out, error) ? out.fd[FD_RESULT] : -1;
}

int broker_make_map(MapKind kind, uint32_t max_entries, int inner_fd, GError **error)
{
	BrokerMessage message = { .map = { kind, max_entries } };
	BrokerFds in;

	broker_fds_init(&in);
	in.fd[FD_INNER] = inner_fd;
	return call_for_fd(BROKER_MAKE_MAP, &message, &in, error);
}

int broker_load_ticks(GError **error)
{
	BrokerMessage message = { 0 };
	BrokerFds in;

	broker_fds_init(&in);
	return call_for_fd(BROKER_LOAD_TICKS, &message, &in, error);
}

int broker_netlink_socket(int netns_fd, int len, GError **error)
{
	BrokerMessage message = { .netlink = { len } };
	BrokerFds in;

	broker_fds_init(&in);
	in.fd[FD_NETNS] = netns_fd;
	return call_for_fd(BROKER_NETLINK_SOCKET, &message, &in, error);
}

static bool call_for_directory(BrokerRequest request, const char *directory, GError **error)
{
	BrokerMessage message = { 0 };
	BrokerFds in, out;

	if (g_strlcpy(message.directory, directory, BROKER_PATH_LEN) >= BROKER_PATH_LEN) {
		error_from_errno(error, ENAMETOOLONG, "%s", directory);
		return false;
	}
	broker_fds_init(&in);
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

static BrokerMessage message_for(const HooksPlace *place, const Hooks *hooks, int netns_fd,
				 BrokerFds *in)
{
	const BrokerMessage message = { .attach = { .place = *place, .hooks = *hooks } };

	broker_fds_init(in);
	in->fd[FD_NETNS] = netns_fd;
	memcpy(in->fd + FD_LINKS, hooks->links, sizeof(hooks->links));
	return message;
}

/* What the reply says of the hooks; links that were there keep the descriptors that they have here. */
static void take_hooks(Hooks *hooks, const BrokerMessage *message, const BrokerFds *out)
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
	BrokerFds in, out;
	BrokerMessage message = message_for(place, hooks, netns_fd, &in);
	bool attached;

	message.attach.options = *options;
	message.attach.point = *point;
	memcpy(in.fd + FD_MAPS, maps, CLASSIFIER_MAPS * sizeof(*maps));
	broker_fds_init(&out);
	attached = call(BROKER_ATTACH, &message, &in, &out, error);
	take_hooks(hooks, &message, &out);
	return attached;
}

bool broker_detach(int netns_fd, const HooksPlace *place, Hooks *hooks, GError **error)
{
	BrokerFds in, out;
	BrokerMessage message = message_for(place, hooks, netns_fd, &in);
	bool detached;

	broker_fds_init(&out);
	detached = call(BROKER_DETACH, &message, &in, &out, error);
	take_hooks(hooks, &message, &out);
	return detached;
}

HooksState broker_look(int netns_fd, const HooksPlace *place, const Hooks *hooks)
{
	BrokerFds in, out;
	BrokerMessage message = message_for(place, hooks, netns_fd, &in);

	if (call(BROKER_LOOK, &message, &in, &out, NULL))
		return message.attach.state;
	return (HooksState){ .before = { -1, -1 } };
}

bool broker_read_offloads(int netns_fd, const char *name, OffloadSet *offloads, GError **error)
{
	BrokerMessage message = { 0 };
	BrokerFds in, out;

	g_strlcpy(message.offloads.name, name, sizeof(message.offloads.name));
	broker_fds_init(&in);
	in.fd[FD_NETNS] = netns_fd;
	if (!call(BROKER_READ_OFFLOADS, &message, &in, &out, error)) {
		g_prefix_error(error, "%s: ", name);
		return false;
	}
	*offloads = message.offloads.found;
	return true;
}
