/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: one line of request, one JSON document back, over a UNIX stream socket.
 *
 * Clients are served from the main context without ever blocking it; one that is slow, silent or greedy
 * is cut off. The socket belongs to the agent's user, mode 0660.
 */
#ifndef FLOWTALLY_CONTROL_H
#define FLOWTALLY_CONTROL_H

#include <glib.h>
#include <jansson.h>

/* The socket's name below `run`. */
#define CONTROL_SOCKET "flowtally.sock"

typedef struct Control Control;

/* The answer to a request, a new reference; NULL: there is no such request. */
typedef json_t *(*ControlHandler)(const char *request, void *user_data);

/* A socket that an agent has left at @path is replaced; one that is answered, or another file, is an
 * error. */
Control *control_new(const char *path, ControlHandler handler, void *user_data, GError **error);
void control_free(Control *control); /* removes the socket */

/* The client's side, blocking with a time limit. Errors say what to do if no agent answers. */
json_t *control_ask(const char *path, const char *request, GError **error);

/*
 * The parts of it, for who does not want to be kept waiting (inquiry.h): a socket that is connected, with
 * the same time limit, -1 on error, @flags being those of socket(2); and the document of a whole answer.
 */
int control_connect(const char *path, int flags, GError **error);
json_t *control_read_answer(const GString *line, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_free)

#endif
