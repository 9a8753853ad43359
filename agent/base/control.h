/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: one line of request, one JSON document back in one line, over a UNIX stream socket. To
 * some requests a text comes behind the document. Long documents are made in parts.
 *
 * Clients are served from the main context without ever blocking it; one that is silent or takes nothing is cut off.
 * One that must wait, for a text or for its turn, gets a space now and then, which may stand before any document, so
 * that neither side takes the other for dead. The socket belongs to the agent's user, mode 0660.
 */
#ifndef FLOWTALLY_CONTROL_H
#define FLOWTALLY_CONTROL_H

#include <stdbool.h>
#include <sys/un.h>

#include <glib.h>
#include <jansson.h>

/* The socket's name below `run`. */
#define CONTROL_SOCKET "flowtally.sock"

typedef struct Control Control;

/* The answer to a request, a new reference; NULL: there is no such request. */
typedef json_t *(*ControlHandler)(const char *request, void *user_data);

typedef struct ControlClient ControlClient;

/* Texts, which are behind a document that says of which "type" they are and how many "octets". */
typedef struct {
	/* Whether @request is for one: then control_answer_text() is called, now or later. */
	bool (*begin)(const char *request, ControlClient *client, void *user_data);
	/* It must not be called any more: the client has gone. */
	void (*cancel)(ControlClient *client, void *user_data);
} ControlTexts;

/*
 * Documents of many parts: each is made when the client has taken the one before. CONTROL_PARTED_MAX are in the making
 * at once, whatever clients do with them, and who comes later waits in order: that bounds the memory.
 */
typedef struct {
	bool (*is_for)(const char *request, void *user_data);
	/* It is its turn: a new object, NULL on error, as by control_error(). */
	void *(*begin)(const char *request, void *user_data, GError **error);
	/* Appends the next part; false: it was the last, and a newline ends it. */
	bool (*step)(void *answer, GString *part);
	void (*free)(void *answer);
} ControlParts;

#define CONTROL_PARTED_MAX 4

/* A socket that an agent has left at @path is replaced; one that is answered, or another file, is an
 * error. */
Control *control_new(const char *path, ControlHandler handler, void *user_data, GError **error);
void control_free(Control *control); /* removes the socket */

/* Requests that are for neither go on to the handler. Both must outlive @control; @parts are several, and behind them
 * one without is_for. */
void control_set_texts(Control *control, const ControlTexts *texts);
void control_set_parts(Control *control, const ControlParts *parts);

/* Who has sent the request that the handler has just been given: "user 0 (process 4711)", as the kernel knows it; the
 * caller's to free. */
char *control_requester(const Control *control);

/* For how long a client may keep us waiting: with its request, and then until it takes more of the answer; 5000. */
void control_set_limit(Control *control, unsigned int limit_ms);

/* The document that tells of it; a code of EINVAL says that the request was wrong. */
json_t *control_error(const GError *error);

void control_answer_text(ControlClient *client, const char *type, GBytes *text);

/* For those who connect to it. */
bool control_address(struct sockaddr_un *address, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_free)

#endif
