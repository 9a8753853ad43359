/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces, and which interface is meant among those of all of them.
 *
 * A process may look into another namespace only by entering it (CAP_SYS_ADMIN), and the thread then
 * is in it. So that is done for single calls: a socket that is opened in there stays there.
 */
#ifndef FLOWTALLY_NETNS_H
#define FLOWTALLY_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* Where `ip netns` keeps the named ones. */
#define NETNS_DIRECTORY "/run/netns"

typedef struct {
	const char *name; /* "": the one we are in; interned */
	uint32_t id;	  /* the inode in nsfs: no two that exist at one time have the same */
	int fd;		  /* keeps it alive; -1: the one we are in */
} Netns;

/* The one that the process is in. */
const Netns *netns_own(void);

/* ENOENT in error->code: there is none of this name, or none yet. */
Netns *netns_open(const char *name, GError **error);
void netns_close(Netns *netns); /* not of netns_own() */

/* The thread is in the namespace @fd until netns_leave(); -1 stands for the own one and changes nothing.
 * EPERM in error->code: CAP_SYS_ADMIN is missing. */
bool netns_enter(int fd, GError **error);
void netns_leave(int fd);

/* Which interface of the machine: its namespace's id and its ifindex there. */
static inline uint64_t interface_id(uint32_t netns_id, uint32_t ifindex)
{
	return (uint64_t)netns_id << 32 | ifindex;
}

static inline uint32_t interface_netns_id(uint64_t id)
{
	return (uint32_t)(id >> 32);
}

static inline uint32_t interface_ifindex(uint64_t id)
{
	return (uint32_t)id;
}

/* "NETNS:NAME", or NAME in the own namespace; the caller's to free. */
char *interface_name(const char *netns, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Netns, netns_close)

#endif
