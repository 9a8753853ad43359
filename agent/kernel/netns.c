/* SPDX-License-Identifier: Apache-2.0 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define OWN_PATH "/proc/thread-self/ns/net"

const Netns *netns_own(void)
{
	static Netns own = { .name = "", .fd = -1 };
	struct stat file;

	if (!own.id && stat(OWN_PATH, &file) == 0)
		own.id = (uint32_t)file.st_ino;
	return &own;
}

/* A name is made as a file that nobody may read, and becomes a namespace by a mount. */
static bool is_netns(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

Netns *netns_open(const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(NETNS_DIRECTORY, name, NULL);
	g_autoptr(Netns) netns = g_new0(Netns, 1);
	struct stat file;

	netns->name = g_intern_string(name);
	netns->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (netns->fd < 0 || !is_netns(netns->fd) || fstat(netns->fd, &file) < 0) {
		bool not_yet = netns->fd >= 0 || errno == ENOENT || errno == EACCES;
		int reason = not_yet ? ENOENT : errno;

		g_set_error(error, FLOWTALLY_ERROR, reason, "%s: %s", path,
			    reason == ENOENT ? "no such network namespace" : g_strerror(reason));
		return NULL;
	}
	netns->id = (uint32_t)file.st_ino;
	return g_steal_pointer(&netns);
}

void netns_close(Netns *netns)
{
	if (!netns)
		return;
	if (netns->fd >= 0)
		close(netns->fd);
	g_free(netns);
}

/* Where netns_leave() returns to. */
static int home(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(OWN_PATH, O_RDONLY | O_CLOEXEC);
	return fd;
}

bool netns_enter(int fd, GError **error)
{
	if (fd < 0)
		return true;
	if (home() >= 0 && setns(fd, CLONE_NEWNET) == 0)
		return true;
	if (errno == EPERM)
		g_set_error_literal(error, FLOWTALLY_ERROR, EPERM,
				    "to enter the network namespace needs CAP_SYS_ADMIN");
	else
		error_from_errno(error, errno, "enter the network namespace");
	return false;
}

void netns_leave(int fd)
{
	/* To count on in a namespace that is not ours would be wrong from here on. */
	if (fd >= 0 && setns(home(), CLONE_NEWNET) < 0)
		g_error("return from a network namespace: %s", g_strerror(errno));
}

char *interface_name(const char *netns, const char *name)
{
	return *netns ? g_strdup_printf("%s:%s", netns, name) : g_strdup(name);
}
