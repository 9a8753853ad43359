/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>
#include <seccomp.h>

#include "kernel/classifier.h"
#include "base/error.h"
#include "kernel/mapspecs.h"
#include "kernel/namespaces.h"
#include "kernel/privileges.h"
#include "kernel/tc.h"
#include "kernel/tcx.h"
#include "kernel/ticks.h"
#include "kernel/topology.h"

#define OLDEST_KERNEL 5, 10
#define LOOPBACK_IFINDEX 1
#define BPFFS "/sys/fs/bpf"

const char *const check_state_names[CHECK_STATES] = {
	[CHECK_VALID] = "VALID",
	[CHECK_INVALID] = "INVALID",
	[CHECK_NOT_INSTALLED] = "NOT-INSTALLED",
};

typedef void (*Examination)(Check *check, const Config *config);

static void set(Check *check, CheckState state, char *found)
{
	check->state = state;
	check->found = found;
}

/* Takes over @error. */
static void set_error(Check *check, GError *error)
{
	set(check, CHECK_INVALID, g_strdup(error->message));
	g_error_free(error);
}

static void examine_kernel(Check *check, const Config *config)
{
	static const int oldest[] = { OLDEST_KERNEL };
	int major = 0, minor = 0;
	struct utsname name;

	(void)config;
	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	set(check,
	    major > oldest[0] || (major == oldest[0] && minor >= oldest[1]) ? CHECK_VALID :
									      CHECK_INVALID,
	    g_strdup_printf("%s, and needed is %d.%d", name.release, oldest[0], oldest[1]));
}

static void examine_capabilities(Check *check, const Config *config)
{
	g_autofree char *missing = privileges_missing();

	(void)config;
	if (*missing)
		set(check, CHECK_INVALID, g_strdup_printf("%s: not there", missing));
	else
		set(check, CHECK_VALID, g_strdup("CAP_BPF, CAP_NET_ADMIN"));
}

/* One map of each kind, as small as can be; false with @error set. */
static bool make_maps(int fds[MAP_KINDS], GError **error)
{
	/* Those of maps come after such as they hold. */
	static const struct {
		MapKind kind;
		MapKind inner; /* or the kind itself: it is none of maps */
	} order[] = {
		{ MAP_HOST_TABLE, MAP_HOST_TABLE },
		{ MAP_FLOW_TABLE_IPV4, MAP_FLOW_TABLE_IPV4 },
		{ MAP_FLOW_TABLE_IPV6, MAP_FLOW_TABLE_IPV6 },
		{ MAP_CONTROL, MAP_CONTROL },
		{ MAP_HOSTS, MAP_HOST_TABLE },
		{ MAP_MACS, MAP_HOST_TABLE },
		{ MAP_FLOWS_IPV4, MAP_FLOW_TABLE_IPV4 },
		{ MAP_FLOWS_IPV6, MAP_FLOW_TABLE_IPV6 },
		{ MAP_FRAGMENTS, MAP_FRAGMENTS },
		{ MAP_PAIR_TABLE, MAP_PAIR_TABLE },
		{ MAP_PAIRS, MAP_PAIR_TABLE },
		{ MAP_STAMPS, MAP_STAMPS },
		{ MAP_LEDGER, MAP_LEDGER },
		{ MAP_LOCAL_PREFIXES, MAP_LOCAL_PREFIXES },
		{ MAP_SCOPE_PREFIXES, MAP_SCOPE_PREFIXES },
		{ MAP_SCOPE_HINTS, MAP_SCOPE_HINTS },
	};

	_Static_assert(G_N_ELEMENTS(order) == MAP_KINDS, "each kind has a row");
	memset(fds, -1, MAP_KINDS * sizeof(*fds));
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		MapKind kind = order[i].kind, inner = order[i].inner;

		fds[kind] = map_create(kind, 1, inner == kind ? -1 : fds[inner], error);
		if (fds[kind] < 0)
			return false;
	}
	return true;
}

static void close_maps(const int fds[MAP_KINDS])
{
	for (int kind = 0; kind < MAP_KINDS; kind++) {
		if (fds[kind] >= 0)
			close(fds[kind]);
	}
}

static void examine_maps(Check *check, const Config *config)
{
	GError *error = NULL;
	int fds[MAP_KINDS];

	(void)config;
	if (make_maps(fds, &error))
		set(check, CHECK_VALID, g_strdup("each kind can be made"));
	else
		set_error(check, error);
	close_maps(fds);
}

/* NULL with @error set. */
static Classifier *load_classifier(GError **error)
{
	static const ClassifierPoint point = { .side = SIDE_LAN,
					       .layer = LINK_ETHERNET,
					       .meter = METER_ALL,
					       .flows_at = FLOWS_STAYING | FLOWS_LEAVING,
					       .flow_key = FLOW_BY_ALL };
	Classifier *classifier = NULL;
	int fds[MAP_KINDS];

	if (make_maps(fds, error)) {
		const int maps[CLASSIFIER_MAPS] = {
			[CLASSIFIER_CONTROL] = fds[MAP_CONTROL],
			[CLASSIFIER_HOSTS] = fds[MAP_HOSTS],
			[CLASSIFIER_MACS] = fds[MAP_MACS],
			[CLASSIFIER_FLOWS_IPV4] = fds[MAP_FLOWS_IPV4],
			[CLASSIFIER_FLOWS_IPV6] = fds[MAP_FLOWS_IPV6],
			[CLASSIFIER_FRAGMENTS] = fds[MAP_FRAGMENTS],
			[CLASSIFIER_PAIRS] = fds[MAP_PAIRS],
			[CLASSIFIER_STAMPS] = fds[MAP_STAMPS],
			[CLASSIFIER_LOCAL_PREFIXES] = fds[MAP_LOCAL_PREFIXES],
			[CLASSIFIER_SCOPE_PREFIXES] = fds[MAP_SCOPE_PREFIXES],
			[CLASSIFIER_SCOPE_HINTS] = fds[MAP_SCOPE_HINTS],
			[CLASSIFIER_LEDGER] = fds[MAP_LEDGER],
		};

		classifier = classifier_load(&point, maps, error);
	}
	close_maps(fds);
	return classifier;
}

static void examine_classifier(Check *check, const Config *config)
{
	GError *error = NULL;
	g_autoptr(Classifier) classifier = load_classifier(&error);
	int ticks = classifier ? ticks_open(&error) : -1;

	(void)config;
	if (ticks < 0) {
		set_error(check, error);
		return;
	}
	close(ticks);
	set(check, CHECK_VALID, g_strdup("the kernel takes it"));
}

static void examine_jit(Check *check, const Config *config)
{
	g_autofree char *text = NULL;

	(void)config;
	if (!g_file_get_contents("/proc/sys/net/core/bpf_jit_enable", &text, NULL, NULL))
		set(check, CHECK_NOT_INSTALLED, g_strdup("net.core.bpf_jit_enable does not exist"));
	else
		set(check, *text == '0' ? CHECK_INVALID : CHECK_VALID,
		    g_strdup_printf("net.core.bpf_jit_enable is %c", *text));
}

static void examine_tcx(Check *check, const Config *config)
{
	(void)config;
	if (tcx_is_supported())
		set(check, CHECK_VALID, g_strdup("there (Linux 6.6)"));
	else
		set(check, CHECK_NOT_INSTALLED, g_strdup("not in this kernel (Linux 6.6 has it)"));
}

/* In a network namespace of our own, which goes with the process: as a filter on its loopback interface. */
static void try_clsact(int answer)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Classifier) classifier = NULL;
	uint32_t priority = 0;
	bool made;

	if (unshare(CLONE_NEWNET) < 0) {
		dprintf(answer, "not tried: a network namespace to try it in needs CAP_SYS_ADMIN");
		return;
	}
	classifier = load_classifier(&error);
	if (!classifier || !tc_ensure_clsact(LOOPBACK_IFINDEX, "lo", &made, &error) ||
	    !tc_attach(LOOPBACK_IFINDEX, "lo", HOOK_INGRESS, TC_HANDLE,
		       classifier_program_fd(classifier, HOOK_INGRESS), &priority, &error))
		dprintf(answer, "%s", error->message);
}

/* An empty answer is good news. */
static char *ask_child(void (*try)(int answer))
{
	GString *answer = g_string_new(NULL);
	char part[256];
	int ends[2];
	ssize_t len;
	pid_t child;

	if (pipe(ends) < 0)
		return g_string_free(answer, FALSE);
	child = fork();
	if (child == 0) {
		try(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	while ((len = read(ends[0], part, sizeof(part))) > 0)
		g_string_append_len(answer, part, len);
	close(ends[0]);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	return g_string_free(answer, FALSE);
}

static void examine_clsact(Check *check, const Config *config)
{
	char *answer = ask_child(try_clsact);

	(void)config;
	if (*answer) {
		set(check, CHECK_INVALID, answer);
		return;
	}
	g_free(answer);
	set(check, CHECK_VALID, g_strdup("qdisc and filter work"));
}

static void examine_hook(Check *check, const Config *config)
{
	examine_tcx(check, config);
	if (check->state == CHECK_VALID)
		return;
	g_free(check->found);
	examine_clsact(check, config);
}

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static void examine_pins(Check *check, const Config *config)
{
	g_autofree char *pins = g_build_filename(config ? config->run : "/", "bpf", NULL);

	if (on_bpffs(pins))
		set(check, access(pins, W_OK) == 0 ? CHECK_VALID : CHECK_INVALID,
		    g_strdup_printf("%s is on a bpffs%s", pins,
				    access(pins, W_OK) == 0 ? "" : ", and not writable"));
	else if (privileges_have_sys_admin())
		set(check, CHECK_VALID, g_strdup_printf("the agent mounts one on %s", pins));
	else
		set(check, CHECK_INVALID,
		    g_strdup_printf("%s is on none, and to mount one needs CAP_SYS_ADMIN", pins));
}

static void examine_reading(Check *check, const Config *config)
{
	(void)config;
	if (privileges_must_keep_bpf())
		set(check, CHECK_NOT_INSTALLED, g_strdup("not in this kernel (Linux 5.19 has it)"));
	else
		set(check, CHECK_VALID, g_strdup("maps are read without a capability"));
}

static void examine_seccomp(Check *check, const Config *config)
{
	unsigned int level = seccomp_api_get();

	(void)config;
	set(check, level ? CHECK_VALID : CHECK_NOT_INSTALLED,
	    g_strdup_printf("level %u of libseccomp's", level));
}

static void examine_namespaces(Check *check, const Config *config)
{
	(void)config;
	if (privileges_have_sys_admin())
		set(check, CHECK_VALID, g_strdup("CAP_SYS_ADMIN"));
	else
		set(check, CHECK_INVALID, g_strdup("CAP_SYS_ADMIN: not there"));
}

static void examine_configuration(Check *check, const Config *config)
{
	if (!config)
		set(check, CHECK_INVALID, g_strdup("it has errors: see flowtally check"));
	else
		set(check, CHECK_VALID,
		    g_strdup(config->path ? config->path : "none: the defaults"));
}

static bool is_wanted_netns(const char *name, void *user_data)
{
	return config_matches_netns(user_data, name);
}

static bool is_wanted(const Link *link, void *user_data)
{
	return config_match_interface(user_data, link->netns, link->name);
}

static char *describe_overlaps(const GPtrArray *overlaps)
{
	const Overlap *first = overlaps->pdata[0];
	g_autofree char *more = overlaps->len > 1 ?
					g_strdup_printf(", and %u more", overlaps->len - 1) :
					g_strdup("");

	return g_strdup_printf("%s and %s (%s)%s", first->upper, first->lower,
			       topology_relation_names[first->relation], more);
}

/* As the configuration would have them now; an agent knows of those by hand, too. */
static void examine_interfaces(Check *check, const Config *config)
{
	GError *error = NULL;
	g_autoptr(Namespaces) namespaces = namespaces_new(NULL, NULL, &error);
	g_autoptr(GPtrArray) overlaps = NULL;

	if (!namespaces) {
		set_error(check, error);
		return;
	}
	if (config) {
		namespaces_set_filter(namespaces, is_wanted_netns, (void *)config);
		overlaps =
			topology_overlaps(namespaces_links(namespaces), is_wanted, (void *)config);
	}
	if (overlaps && overlaps->len)
		set(check, CHECK_INVALID, describe_overlaps(overlaps));
	else
		set(check, CHECK_VALID, g_strdup("no two see the same packets"));
}

static const struct {
	const char *name;
	bool required;
	Examination examine;
	const char *follows;
} examinations[] = {
	{ "kernel", true, examine_kernel, "the classifier cannot be loaded" },
	{ "capabilities", true, examine_capabilities, "run it as root or by flowtally.service" },
	{ "maps", true, examine_maps, "nothing can be counted" },
	{ "classifier", true, examine_classifier, "nothing can be counted" },
	{ "hook", true, examine_hook, "nothing can be attached" },
	{ "tcx", false, examine_tcx, "programs are attached by clsact" },
	{ "clsact", false, examine_clsact, "hook: clsact cannot be chosen" },
	{ "pins", true, examine_pins, "counters would not outlive the agent: it does not start" },
	{ "jit", false, examine_jit, "a packet costs ten times as much" },
	{ "reading", false, examine_reading, "the agent keeps CAP_BPF" },
	{ "seccomp", false, examine_seccomp, "the agent runs without its sandbox" },
	{ "namespaces", false, examine_namespaces, "NETNS:INTERFACE cannot be metered" },
	{ "configuration", true, examine_configuration, "the agent does not start" },
	{ "interfaces", false, examine_interfaces,
	  "what passes both counts twice: name one of them" },
};

static void check_free(void *data)
{
	Check *check = data;

	g_free(check->found);
	g_free(check);
}

GPtrArray *doctor_examine(const Config *config)
{
	GPtrArray *checks = g_ptr_array_new_with_free_func(check_free);

	for (size_t i = 0; i < G_N_ELEMENTS(examinations); i++) {
		Check *check = g_new0(Check, 1);

		check->name = examinations[i].name;
		check->required = examinations[i].required;
		check->follows = examinations[i].follows;
		examinations[i].examine(check, config);
		g_ptr_array_add(checks, check);
	}
	return checks;
}

bool doctor_is_fit(const GPtrArray *checks)
{
	for (guint i = 0; i < checks->len; i++) {
		const Check *check = checks->pdata[i];

		if (check->required && check->state != CHECK_VALID)
			return false;
	}
	return true;
}
