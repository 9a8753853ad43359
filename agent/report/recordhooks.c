/* SPDX-License-Identifier: Apache-2.0 */
#include "recordhooks.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>
#include <jansson.h>

#include "base/error.h"
#include "base/process.h"
#include "kernel/privileges.h"
#include "kernel/program.h"

#define NOBODY 65534
#define PIECE 65536
#define ERROR_MAX 256
#define MAX_OUTPUT (64u << 20) /* of a hook, in octets */

/* Before the array. */
typedef struct {
	uint32_t first;
	uint32_t n;
	uint32_t len;
} Request;

typedef struct {
	uint32_t len;
	uint32_t failures;
	uint32_t is_dropped;
	char error[ERROR_MAX]; /* "": none */
} Reply;

typedef struct {
	Program *program;
	char *name;
	uint64_t timeout_ms;
	bool drops;
} Hook;

/* An array that is on its way. */
typedef struct {
	char *array;
	size_t len;
	RecordHooksDone done;
	void *user_data;
} Waiting;

struct RecordHooks {
	pid_t pid;
	int fd; /* -1: the process has ended */
	guint readable;
	guint writable; /* 0: there is nothing to write */
	GByteArray *out;
	GByteArray *in;
	GQueue waiting; /* of Waiting */
	size_t waiting_octets;
};

/* --- the process */

static void hook_free(gpointer data)
{
	Hook *hook = data;

	program_free(hook->program);
	g_free(hook->name);
	g_free(hook);
}

/* What define() has written. NULL: there is no memory for a script. */
static Hook *hook_new(const json_t *definition)
{
	const char *command = json_string_value(json_object_get(definition, "command"));
	const char *shell = json_string_value(json_object_get(definition, "shell"));
	Hook *hook = g_new0(Hook, 1);

	hook->program = command ? program_new(command) : program_new_script(shell, NULL);
	hook->name = g_strdup(json_string_value(json_object_get(definition, "name")));
	hook->timeout_ms = (uint64_t)json_integer_value(json_object_get(definition, "timeout"));
	hook->drops = json_is_true(json_object_get(definition, "drops"));
	if (hook->program)
		return hook;
	hook_free(hook);
	return NULL;
}

static bool is_array_of_objects(const GByteArray *text, GError **error)
{
	json_error_t why;
	json_t *array = json_loadb((const char *)text->data, text->len, 0, &why), *item;
	bool ok = json_is_array(array);
	size_t i;

	if (!array) {
		error_set(error, "what it writes is no JSON: line %d: %s", why.line, why.text);
		return false;
	}
	json_array_foreach(array, i, item) ok = ok && json_is_object(item);
	json_decref(array);
	if (!ok)
		error_set(error, "what it writes is no array of objects");
	return ok;
}

static bool run_hook(const Hook *hook, int fd, const GByteArray *input, GByteArray *output,
		     GError **error)
{
	const ProgramBounds bounds = { hook->timeout_ms, MAX_OUTPUT, fd };

	return program_run(hook->program, input->data, input->len, &bounds, output, error) &&
	       is_array_of_objects(output, error);
}

/* What comes of @array replaces it. */
static void run_hooks(const GPtrArray *hooks, int fd, const Request *request, GByteArray **array,
		      Reply *reply)
{
	for (uint32_t i = request->first; i - request->first < request->n && i < hooks->len; i++) {
		const Hook *hook = g_ptr_array_index(hooks, i);
		g_autoptr(GByteArray) output = g_byte_array_new();
		g_autoptr(GError) error = NULL;

		if (run_hook(hook, fd, *array, output, &error)) {
			g_byte_array_unref(*array);
			*array = g_steal_pointer(&output);
			continue;
		}
		reply->failures++;
		(void)g_snprintf(reply->error, sizeof(reply->error), "hook %s: %s", hook->name,
				 error->message);
		if (hook->drops) {
			reply->is_dropped = true;
			g_byte_array_set_size(*array, 0);
			return;
		}
	}
}

static bool read_all(int fd, void *to, size_t len)
{
	while (len) {
		ssize_t n = TEMP_FAILURE_RETRY(read(fd, to, len));

		if (n <= 0)
			return false;
		to = (uint8_t *)to + n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const void *from, size_t len)
{
	while (len) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, from, len));

		if (n <= 0)
			return false;
		from = (const uint8_t *)from + n;
		len -= (size_t)n;
	}
	return true;
}

static bool serve(int fd, const GPtrArray *hooks)
{
	g_autoptr(GByteArray) array = g_byte_array_new();
	Request request;
	Reply reply = { 0 };

	if (!read_all(fd, &request, sizeof(request)))
		return false;
	g_byte_array_set_size(array, request.len);
	if (!read_all(fd, array->data, request.len))
		return false;
	run_hooks(hooks, fd, &request, &array, &reply);
	reply.len = array->len;
	return write_all(fd, &reply, sizeof(reply)) && write_all(fd, array->data, array->len);
}

/* NULL: they cannot be had. */
static GPtrArray *read_definitions(int fd)
{
	g_autoptr(GPtrArray) hooks = g_ptr_array_new_with_free_func(hook_free);
	g_autofree char *text = NULL;
	json_t *definitions, *definition;
	uint32_t len;
	size_t i;

	if (!read_all(fd, &len, sizeof(len)))
		return NULL;
	text = g_malloc(len);
	if (!read_all(fd, text, len))
		return NULL;
	definitions = json_loadb(text, len, 0, NULL);
	json_array_foreach(definitions, i, definition)
	{
		Hook *hook = hook_new(definition);

		if (!hook)
			return NULL;
		g_ptr_array_add(hooks, hook);
	}
	json_decref(definitions);
	return g_steal_pointer(&hooks);
}

/* Programs of the user's have no business with what is ours. */
static void give_up_privileges(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		_exit(EXIT_FAILURE);
	if (!privileges_drop(NULL))
		_exit(EXIT_FAILURE);
}

static void G_GNUC_NORETURN serve_all(int fd)
{
	GPtrArray *hooks;

	process_begin();
	program_own_orphans();
	give_up_privileges();
	if (chdir("/") < 0)
		_exit(EXIT_FAILURE);
	hooks = read_definitions(fd);
	while (hooks && serve(fd, hooks))
		;
	if (hooks)
		g_ptr_array_unref(hooks);
	process_end(EXIT_SUCCESS);
}

/* --- the agent's side */

static const char ended_text[] = "the process that runs hooks has ended";

static void settle_oldest(RecordHooks *hooks, const RecordHooksResult *result)
{
	Waiting *waiting = g_queue_pop_head(&hooks->waiting);
	const RecordHooksResult unchanged = {
		.array = waiting->array, .len = waiting->len, .failures = 1, .error = ended_text
	};

	hooks->waiting_octets -= waiting->len;
	waiting->done(result ? result : &unchanged, waiting->user_data);
	g_free(waiting->array);
	g_free(waiting);
}

static void hang_up(RecordHooks *hooks)
{
	if (hooks->fd < 0)
		return;
	if (hooks->readable)
		g_source_remove(hooks->readable);
	if (hooks->writable)
		g_source_remove(hooks->writable);
	hooks->readable = hooks->writable = 0;
	/* Other processes of ours have it open, too. */
	(void)shutdown(hooks->fd, SHUT_RDWR);
	close(hooks->fd);
	hooks->fd = -1;
	/* It ends what it runs, and then itself. */
	(void)TEMP_FAILURE_RETRY(waitpid(hooks->pid, NULL, 0));
	while (!g_queue_is_empty(&hooks->waiting))
		settle_oldest(hooks, NULL);
}

/* False: the reply is not complete yet. */
static bool take_reply(RecordHooks *hooks)
{
	Reply reply;
	RecordHooksResult result;

	if (hooks->in->len < sizeof(reply))
		return false;
	memcpy(&reply, hooks->in->data, sizeof(reply));
	if (hooks->in->len - sizeof(reply) < reply.len)
		return false;
	reply.error[sizeof(reply.error) - 1] = '\0';
	result = (RecordHooksResult){
		.array = (const char *)hooks->in->data + sizeof(reply),
		.len = reply.len,
		.failures = reply.failures,
		.is_dropped = reply.is_dropped,
		.error = *reply.error ? reply.error : NULL,
	};
	if (!g_queue_is_empty(&hooks->waiting))
		settle_oldest(hooks, &result);
	g_byte_array_remove_range(hooks->in, 0, (guint)(sizeof(reply) + reply.len));
	return true;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
	RecordHooks *hooks = user_data;
	uint8_t piece[PIECE];
	ssize_t n = read(fd, piece, sizeof(piece));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		hooks->readable = 0;
		hang_up(hooks);
		return G_SOURCE_REMOVE;
	}
	g_byte_array_append(hooks->in, piece, (guint)n);
	while (take_reply(hooks))
		;
	return G_SOURCE_CONTINUE;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
	RecordHooks *hooks = user_data;
	ssize_t n = send(fd, hooks->out->data, MIN(hooks->out->len, PIECE), MSG_NOSIGNAL);

	if (n > 0)
		g_byte_array_remove_range(hooks->out, 0, (guint)n);
	/* What fails will be found out by reading. */
	if (hooks->out->len && (n >= 0 || errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	hooks->writable = 0;
	return G_SOURCE_REMOVE;
}

/* Returns in the agent alone: the process, whose other end @fd is then; -1: there is none. */
static pid_t fork_process(int *fd, GError **error)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_from_errno(error, errno, "start the process that runs hooks");
		return -1;
	}
	pid = fork();
	if (!pid) {
		close(pair[0]);
		serve_all(pair[1]);
	}
	close(pair[1]);
	*fd = pair[0];
	if (pid > 0)
		return pid;
	error_from_errno(error, errno, "start the process that runs hooks");
	close(pair[0]);
	return -1;
}

RecordHooks *record_hooks_start(GError **error)
{
	RecordHooks *hooks;
	int fd;
	pid_t pid = fork_process(&fd, error);

	if (pid < 0)
		return NULL;
	hooks = g_new0(RecordHooks, 1);
	hooks->pid = pid;
	hooks->fd = fd;
	hooks->out = g_byte_array_new();
	hooks->in = g_byte_array_new();
	g_queue_init(&hooks->waiting);
	return hooks;
}

static json_t *definition_of(const HookConfig *hook)
{
	return json_pack("{s:s, s:s*, s:s*, s:I, s:b}", "name",
			 hook->name	       ?:
				 hook->command ?:
						 "shell",
			 "command", hook->command, "shell", hook->shell, "timeout",
			 (json_int_t)hook->timeout_ms, "drops",
			 hook->on_failure == HOOK_FAILURE_DROP);
}

bool record_hooks_define(RecordHooks *hooks, const GPtrArray *programs, GError **error)
{
	json_t *definitions = json_array();
	g_autofree char *text = NULL;
	uint32_t len;
	bool ok;

	if (!programs->len) {
		json_decref(definitions);
		hang_up(hooks);
		return true;
	}
	for (guint i = 0; i < programs->len; i++)
		json_array_append_new(definitions, definition_of(programs->pdata[i]));
	text = json_dumps(definitions, JSON_COMPACT);
	len = (uint32_t)strlen(text);
	json_decref(definitions);
	/* It reads at once. */
	ok = write_all(hooks->fd, &len, sizeof(len)) && write_all(hooks->fd, text, len);
	if (!ok) {
		error_from_errno(error, errno, "tell the process that runs hooks");
		return false;
	}
	(void)fcntl(hooks->fd, F_SETFL, O_NONBLOCK);
	hooks->readable = g_unix_fd_add(hooks->fd, G_IO_IN | G_IO_HUP, on_readable, hooks);
	return true;
}

void record_hooks_free(RecordHooks *hooks)
{
	if (!hooks)
		return;
	hang_up(hooks);
	g_byte_array_unref(hooks->out);
	g_byte_array_unref(hooks->in);
	g_free(hooks);
}

bool record_hooks_pass(RecordHooks *hooks, uint32_t first, uint32_t n, const char *array,
		       size_t len, RecordHooksDone done, void *user_data, const char **why)
{
	const Request request = { first, n, (uint32_t)len };
	Waiting *waiting;

	if (hooks->fd < 0 || len > RECORD_HOOKS_QUEUE_MAX - hooks->waiting_octets) {
		*why = hooks->fd < 0 ? ended_text : "hooks do not follow";
		return false;
	}
	waiting = g_new(Waiting, 1);
	*waiting = (Waiting){ g_memdup2(array, len), len, done, user_data };
	g_queue_push_tail(&hooks->waiting, waiting);
	hooks->waiting_octets += len;
	g_byte_array_append(hooks->out, (const uint8_t *)&request, sizeof(request));
	g_byte_array_append(hooks->out, (const uint8_t *)array, (guint)len);
	if (!hooks->writable)
		hooks->writable = g_unix_fd_add(hooks->fd, G_IO_OUT, on_writable, hooks);
	return true;
}

size_t record_hooks_waiting(const RecordHooks *hooks)
{
	return hooks->waiting.length;
}
