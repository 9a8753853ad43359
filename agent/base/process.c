/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#define STAT_MAX 4096

/* What stands behind the name, which may hold anything, also parentheses. */
static bool parse_stat(ProcessUse *use, const char *stat)
{
	const char *fields = strrchr(stat, ')');
	uint64_t user, system, resident_pages, ticks = (uint64_t)sysconf(_SC_CLK_TCK);

	/* Fields 14, 15, 23 and 24, of which the first here is 3 (proc(5)). */
	if (!fields || sscanf(fields + 1,
			      " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64
			      " %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64,
			      &user, &system, &use->virtual_octets, &resident_pages) != 4)
		return false;
	use->cpu_ms = (user + system) * 1000 / ticks;
	use->resident_octets = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static bool read_stat(ProcessUse *use)
{
	char stat[STAT_MAX];
	FILE *file = fopen("/proc/self/stat", "re");
	size_t len;

	if (!file)
		return false;
	len = fread(stat, 1, sizeof(stat) - 1, file);
	(void)fclose(file);
	stat[len] = '\0';
	return parse_stat(use, stat);
}

/* Without the one by which they are counted. */
static bool count_fds(ProcessUse *use)
{
	g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);

	if (!directory)
		return false;
	use->open_fds = 0;
	while (g_dir_read_name(directory))
		use->open_fds++;
	if (use->open_fds)
		use->open_fds--;
	return true;
}

bool process_use(ProcessUse *use)
{
	struct rlimit limit;
	ProcessUse read;

	if (!read_stat(&read) || !count_fds(&read) || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return false;
	read.max_fds = limit.rlim_cur;
	*use = read;
	return true;
}

void process_begin(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE };
	sigset_t none;

	for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void process_end(int status)
{
#ifdef __SANITIZE_ADDRESS__
	__lsan_do_leak_check();
#endif
	_exit(status);
}
