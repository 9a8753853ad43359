/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define PIECE 65536
#define NOT_STARTED 127	   /* as a shell says it */
#define PROCESSES_MAX 1024 /* that the user may have, with those of others */
#define ROUNDS_MAX 1000	   /* of looking for what has been left behind */

typedef struct {
	pid_t pid;
	int to;	  /* its standard input, -1: all has been written */
	int from; /* its standard output */
	const uint8_t *input;
	size_t left; /* of it */
	gint64 deadline_us;
	const ProgramBounds *bounds;
	GByteArray *output;
} Run;

static void close_if_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* All descriptors but the standard ones and that of the script, which its interpreter opens. */
static void close_rest(int script)
{
	if (script < 0) {
		(void)close_range(STDERR_FILENO + 1, ~0u, 0);
		return;
	}
	if (script > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, (unsigned int)script - 1, 0);
	(void)close_range((unsigned int)script + 1, ~0u, 0);
}

/* One that only starts others comes to an end. */
static void limit_processes(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NPROC, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max = MIN(limit.rlim_max, PROCESSES_MAX);
	(void)setrlimit(RLIMIT_NPROC, &limit);
}

static void G_GNUC_NORETURN become(const Program *program, int in, int out)
{
	static char *const environment[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)"LANG=C.UTF-8", NULL
	};
	char *const arguments[] = { program->path, NULL };

	(void)setsid();
	limit_processes();
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
		for (int signal_number = 1; signal_number < NSIG; signal_number++)
			(void)signal(signal_number, SIG_DFL);
		close_rest(program->script);
		execve(program->path, arguments, environment);
	}
	_exit(NOT_STARTED);
}

/* The descriptors of @run are ours in any case. */
static bool start(Run *run, const Program *program, GError **error)
{
	int in[2], out[2];

	if (access(program->path, X_OK) < 0) {
		error_from_errno(error, errno, "%s", program->path);
		return false;
	}
	if (pipe2(in, O_CLOEXEC) < 0) {
		error_from_errno(error, errno, "pipe");
		return false;
	}
	if (pipe2(out, O_CLOEXEC) < 0) {
		error_from_errno(error, errno, "pipe");
		close(in[0]);
		close(in[1]);
		return false;
	}
	run->to = in[1];
	run->from = out[0];
	(void)fcntl(run->to, F_SETFL, O_NONBLOCK);
	(void)fcntl(run->from, F_SETFL, O_NONBLOCK);
	run->pid = fork();
	if (!run->pid)
		become(program, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (run->pid < 0)
		error_from_errno(error, errno, "fork");
	return run->pid > 0;
}

/* Who does not want all of it has enough. */
static void give(Run *run)
{
	ssize_t n = write(run->to, run->input, MIN(run->left, PIECE));

	if (n > 0) {
		run->input += n;
		run->left -= (size_t)n;
	}
	if (!run->left || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_if_open(&run->to);
}

static void take(Run *run)
{
	uint8_t piece[PIECE];
	ssize_t n = read(run->from, piece, sizeof(piece));

	if (n > 0)
		g_byte_array_append(run->output, piece, (guint)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_if_open(&run->from);
}

static int ms_left(const Run *run)
{
	gint64 left = (run->deadline_us - g_get_monotonic_time()) / 1000;

	return (int)CLAMP(left, 0, G_MAXINT);
}

/* Until it has said all that it has to say. */
static bool converse(Run *run, guint before, GError **error)
{
	while (run->from >= 0) {
		struct pollfd fds[] = { { run->from, POLLIN, 0 },
					{ run->to, POLLOUT, 0 },
					{ run->bounds->while_open, POLLRDHUP, 0 } };
		int left = ms_left(run);

		if (!left) {
			error_from_errno(error, ETIMEDOUT, "it has not ended");
			return false;
		}
		if (poll(fds, G_N_ELEMENTS(fds), left) < 0)
			continue;
		if (fds[2].revents) {
			error_from_errno(error, ECANCELED, "nobody waits for it");
			return false;
		}
		if (fds[1].revents)
			give(run);
		if (fds[0].revents)
			take(run);
		if (run->output->len - before > run->bounds->max_output) {
			error_from_errno(error, EFBIG, "it writes more than %zu octets",
					 run->bounds->max_output);
			return false;
		}
	}
	return true;
}

static bool has_ended(const Run *run)
{
	siginfo_t end = { 0 };

	/* Its number stays its own. */
	return waitid(P_PID, (id_t)run->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid;
}

/* It may have closed its output and go on all the same. */
static bool wait_for_end(Run *run)
{
	struct pollfd hang_up = { run->bounds->while_open, POLLRDHUP, 0 };

	while (!has_ended(run)) {
		if (!ms_left(run) || poll(&hang_up, 1, 1) > 0)
			return false;
	}
	return true;
}

/* 0: there is no such process. */
static pid_t parent_of(const char *pid)
{
	g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
	g_autofree char *stat = NULL;
	const char *behind_name;
	int parent;

	if (!g_file_get_contents(path, &stat, NULL, NULL))
		return 0;
	/* Names may have anything in them. */
	behind_name = strrchr(stat, ')');
	return behind_name && sscanf(behind_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* How many there were. */
static unsigned int kill_children(void)
{
	g_autoptr(GDir) processes = g_dir_open("/proc", 0, NULL);
	unsigned int n = 0;
	const char *pid;

	while (processes && (pid = g_dir_read_name(processes))) {
		if (g_ascii_isdigit(*pid) && parent_of(pid) == getpid() &&
		    kill((pid_t)g_ascii_strtoll(pid, NULL, 10), SIGKILL) == 0)
			n++;
	}
	return n;
}

/* What has left the session is our child once its parent has ended (program_own_orphans()). */
static void end_orphans(void)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		pid_t ended;

		do
			ended = waitpid(-1, NULL, WNOHANG);
		while (ended > 0);
		if (ended < 0 || !kill_children())
			return;
		(void)TEMP_FAILURE_RETRY(waitpid(-1, NULL, 0));
	}
}

/* With all that it has started. */
static int end(const Run *run)
{
	int status = 0, owns_orphans = 0;

	(void)kill(run->pid, SIGKILL);
	(void)kill(-run->pid, SIGKILL);
	(void)TEMP_FAILURE_RETRY(waitpid(run->pid, &status, 0));
	if (prctl(PR_GET_CHILD_SUBREAPER, &owns_orphans) == 0 && owns_orphans)
		end_orphans();
	return status;
}

static bool has_succeeded(int status, GError **error)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_STARTED)
		error_set(error, "it could not be run (status %d)", NOT_STARTED);
	else if (WIFEXITED(status))
		error_set(error, "it ended with status %d", WEXITSTATUS(status));
	else
		error_set(error, "it was ended by signal %d", WTERMSIG(status));
	return false;
}

bool program_run(const Program *program, const void *input, size_t len, const ProgramBounds *bounds,
		 GByteArray *output, GError **error)
{
	Run run = {
		.to = -1,
		.from = -1,
		.input = input,
		.left = len,
		.deadline_us = g_get_monotonic_time() + (gint64)bounds->timeout_ms * 1000,
		.bounds = bounds,
		.output = output,
	};
	bool ok = start(&run, program, error), ended = false;
	int status = 0;

	if (ok) {
		ok = converse(&run, output->len, error);
		close_if_open(&run.to);
		ended = ok && wait_for_end(&run);
		status = end(&run);
		if (ok && !ended)
			error_from_errno(error, ETIMEDOUT, "it has not ended");
		ok = ok && ended && has_succeeded(status, error);
	}
	close_if_open(&run.to);
	close_if_open(&run.from);
	return ok;
}

void program_own_orphans(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, left));

		if (n < 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return true;
}

Program *program_new(const char *path)
{
	Program *program = g_new0(Program, 1);

	program->path = g_strdup(path);
	program->script = -1;
	return program;
}

Program *program_new_script(const char *script, GError **error)
{
	g_autoptr(Program) program = program_new(NULL);
	int fd = memfd_create("flowtally-hook", 0);

	program->script = fd;
	program->path = g_strdup_printf("/proc/self/fd/%d", fd);
	if (fd >= 0 && (g_str_has_prefix(script, "#!") || write_all(fd, "#!/bin/sh\n")) &&
	    write_all(fd, script) && fchmod(fd, 0555) == 0)
		return g_steal_pointer(&program);
	error_from_errno(error, errno, "keep a script in memory");
	return NULL;
}

void program_free(Program *program)
{
	if (!program)
		return;
	if (program->script >= 0)
		close(program->script);
	g_free(program->path);
	g_free(program);
}
