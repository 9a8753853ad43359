/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/error.h"

/* What `ip netns` makes below it. */
#define PARENT_DIRECTORY "/run"

typedef struct {
	Netns *netns; /* NULL: the own one */
	Links *links;
	bool gone; /* its name is: to be left */
} Namespace;

struct Namespaces {
	LinksCallback on_change;
	void *user_data;
	NamespacesFilter filter;
	void *filter_data;
	GPtrArray *all;	    /* of Namespace; the own one is the first */
	GPtrArray *links;   /* of Link: of all */
	GHashTable *faults; /* char * -> char * */
	int mounts;	    /* the table of what is mounted where; -1: not watched */
	int directory;	    /* inotify; -1: not watched */
	guint sources[2];
};

static const Netns *netns_of(const Namespace *namespace)
{
	return namespace->netns ? namespace->netns : netns_own();
}

static void namespace_free(void *data)
{
	Namespace *namespace = data;

	links_free(namespace->links);
	netns_close(namespace->netns);
	g_free(namespace);
}

static void gather_links(Namespaces *namespaces)
{
	g_ptr_array_set_size(namespaces->links, 0);
	for (guint i = 0; i < namespaces->all->len; i++) {
		const Namespace *namespace = namespaces->all->pdata[i];
		const GPtrArray *links = links_all(namespace->links);

		for (guint j = 0; j < links->len && !namespace->gone; j++)
			g_ptr_array_add(namespaces->links, links->pdata[j]);
	}
}

/* Some Links have changed. */
static void on_links(void *user_data)
{
	Namespaces *namespaces = user_data;

	gather_links(namespaces);
	namespaces->on_change(namespaces->user_data);
}

/* Takes over @netns. */
static bool add(Namespaces *namespaces, Netns *netns, GError **error)
{
	Namespace *namespace = g_new0(Namespace, 1);

	namespace->netns = netns;
	namespace->links = links_new(netns_of(namespace), namespaces->on_change ? on_links : NULL,
				     namespaces, error);
	if (!namespace->links) {
		namespace_free(namespace);
		return false;
	}
	g_ptr_array_add(namespaces->all, namespace);
	return true;
}

static const Namespace *find_by_id(const Namespaces *namespaces, uint32_t id)
{
	for (guint i = 0; i < namespaces->all->len; i++) {
		const Namespace *namespace = namespaces->all->pdata[i];

		if (netns_of(namespace)->id == id)
			return namespace;
	}
	return NULL;
}

static char *other_name_of(const Namespace *namespace)
{
	if (!namespace->netns)
		return g_strdup("is the agent's own network namespace: its interfaces are named "
				"without it");
	return g_strdup_printf("is the network namespace %s under another name",
			       namespace->netns->name);
}

/* Why the namespace @name, which is asked for, is not followed; NULL: it is, or there is none. */
static char *follow(Namespaces *namespaces, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Netns) netns = netns_open(name, &error);
	const Namespace *same = netns ? find_by_id(namespaces, netns->id) : NULL;

	if (same && !same->gone)
		return strcmp(netns_of(same)->name, name) ? other_name_of(same) : NULL;
	if (same)
		return NULL; /* once it has been left */
	if (netns && add(namespaces, g_steal_pointer(&netns), &error))
		return NULL;
	return error->code == ENOENT ? NULL : g_strdup(error->message);
}

/* Whether @namespace still is what its name stands for. */
static bool has_its_name(const Namespace *namespace)
{
	g_autoptr(Netns) now = netns_open(namespace->netns->name, NULL);

	return now && now->id == namespace->netns->id;
}

static bool is_asked_for(const Namespaces *namespaces, const char *name)
{
	return namespaces->filter && namespaces->filter(name, namespaces->filter_data);
}

/* Returns whether any has become so. */
static bool mark_gone(Namespaces *namespaces)
{
	bool any = false;

	for (guint i = 1; i < namespaces->all->len; i++) {
		Namespace *namespace = namespaces->all->pdata[i];
		bool before = namespace->gone;

		namespace->gone = !is_asked_for(namespaces, namespace->netns->name) ||
				  !has_its_name(namespace);
		any |= namespace->gone && !before;
	}
	return any;
}

static bool is_known_fault(const Namespaces *namespaces, const char *name, const char *reason)
{
	return !g_strcmp0(g_hash_table_lookup(namespaces->faults, name), reason);
}

/* Returns whether there is a new one, or a new fault. */
static bool follow_named(Namespaces *namespaces)
{
	g_autoptr(GDir) directory = g_dir_open(NETNS_DIRECTORY, 0, NULL);
	guint before = namespaces->all->len;
	bool any = false;
	const char *name;

	while (directory && (name = g_dir_read_name(directory))) {
		char *fault = is_asked_for(namespaces, name) ? follow(namespaces, name) : NULL;

		any |= !is_known_fault(namespaces, name, fault);
		if (fault)
			g_hash_table_insert(namespaces->faults, g_strdup(name), fault);
		else
			g_hash_table_remove(namespaces->faults, name);
	}
	return any || namespaces->all->len != before;
}

static gboolean has_no_name(gpointer name, gpointer fault, gpointer user_data)
{
	g_autofree char *path = g_build_filename(NETNS_DIRECTORY, name, NULL);

	(void)fault;
	(void)user_data;
	return access(path, F_OK) < 0;
}

/* Returns whether anything has changed. */
static bool update(Namespaces *namespaces)
{
	bool changed = mark_gone(namespaces);

	changed |= follow_named(namespaces);
	changed |= g_hash_table_foreach_remove(namespaces->faults, has_no_name, NULL) > 0;
	gather_links(namespaces);
	return changed;
}

/* The directory is made when the first namespace is named. */
static void watch_directory(Namespaces *namespaces)
{
	(void)inotify_add_watch(namespaces->directory, NETNS_DIRECTORY,
				IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
}

static gboolean on_names(int fd, GIOCondition condition, void *user_data)
{
	Namespaces *namespaces = user_data;
	char events[4096];

	(void)condition;
	if (fd == namespaces->directory) {
		while (read(fd, events, sizeof(events)) > 0)
			;
	}
	watch_directory(namespaces);
	if (update(namespaces))
		namespaces->on_change(namespaces->user_data);
	return G_SOURCE_CONTINUE;
}

/* A name comes as a link, or as a file on which a namespace is mounted. */
static bool watch_names(Namespaces *namespaces, GError **error)
{
	namespaces->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	namespaces->directory = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (namespaces->mounts < 0 || namespaces->directory < 0) {
		error_from_errno(error, errno, "watch the network namespaces");
		return false;
	}
	(void)inotify_add_watch(namespaces->directory, PARENT_DIRECTORY, IN_CREATE | IN_ONLYDIR);
	watch_directory(namespaces);
	namespaces->sources[0] =
		g_unix_fd_add(namespaces->mounts, G_IO_PRI | G_IO_ERR, on_names, namespaces);
	namespaces->sources[1] =
		g_unix_fd_add(namespaces->directory, G_IO_IN, on_names, namespaces);
	return true;
}

Namespaces *namespaces_new(LinksCallback on_change, void *user_data, GError **error)
{
	g_autoptr(Namespaces) namespaces = g_new0(Namespaces, 1);

	namespaces->on_change = on_change;
	namespaces->user_data = user_data;
	namespaces->all = g_ptr_array_new_with_free_func(namespace_free);
	namespaces->links = g_ptr_array_new();
	namespaces->faults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	namespaces->mounts = -1;
	namespaces->directory = -1;
	if (!add(namespaces, NULL, error) || (on_change && !watch_names(namespaces, error)))
		return NULL;
	gather_links(namespaces);
	return g_steal_pointer(&namespaces);
}

void namespaces_free(Namespaces *namespaces)
{
	if (!namespaces)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(namespaces->sources); i++)
		g_clear_handle_id(&namespaces->sources[i], g_source_remove);
	if (namespaces->mounts >= 0)
		close(namespaces->mounts);
	if (namespaces->directory >= 0)
		close(namespaces->directory);
	g_ptr_array_unref(namespaces->all);
	g_ptr_array_unref(namespaces->links);
	g_hash_table_unref(namespaces->faults);
	g_free(namespaces);
}

void namespaces_set_filter(Namespaces *namespaces, NamespacesFilter filter, void *user_data)
{
	namespaces->filter = filter;
	namespaces->filter_data = user_data;
	(void)update(namespaces);
}

bool namespaces_leave(Namespaces *namespaces)
{
	guint before = namespaces->all->len;

	for (guint i = namespaces->all->len; i-- > 0;) {
		const Namespace *namespace = namespaces->all->pdata[i];

		if (namespace->gone)
			g_ptr_array_remove_index(namespaces->all, i);
	}
	return namespaces->all->len < before && update(namespaces);
}

const GPtrArray *namespaces_links(const Namespaces *namespaces)
{
	return namespaces->links;
}

const Link *namespaces_find(const Namespaces *namespaces, uint64_t interface)
{
	const Namespace *namespace = find_by_id(namespaces, interface_netns_id(interface));

	if (!namespace || namespace->gone)
		return NULL;
	return links_by_ifindex(namespace->links, interface_ifindex(interface));
}

const Netns *namespaces_of(const Namespaces *namespaces, uint64_t interface)
{
	const Namespace *namespace = find_by_id(namespaces, interface_netns_id(interface));

	return namespace ? netns_of(namespace) : NULL;
}

bool namespaces_read_counters(const Namespaces *namespaces, uint64_t interface,
			      LinkCounters *counters, GError **error)
{
	const Namespace *namespace = find_by_id(namespaces, interface_netns_id(interface));

	if (namespace)
		return links_read_counters(namespace->links, interface_ifindex(interface), counters,
					   error);
	g_set_error(error, FLOWTALLY_ERROR, ENODEV,
		    "interface %u: read counters: its network namespace is gone",
		    interface_ifindex(interface));
	return false;
}

GHashTable *namespaces_faults(const Namespaces *namespaces)
{
	return namespaces->faults;
}
