/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of the control socket (control.h), blocking. Its time limit is for silence, not for the whole
 * answer: a long one may take long. Errors say what to do if no agent answers.
 */
#ifndef FLOWTALLY_CONTROL_ASK_H
#define FLOWTALLY_CONTROL_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>
#include <jansson.h>

/* An answer of more octets is none. */
#define CONTROL_ANSWER_MAX (1 << 30)

/* A code of EINVAL says that the request was wrong, and the message why. */
json_t *control_ask(const char *path, const char *request, GError **error);

/*
 * The same in the pieces in which it comes, for who does not want to keep it: @take is called for each until one ends with
 * a newline, or @take returns false with @error set. What is in them is the caller's to judge.
 */
typedef bool (*ControlTake)(const char *octets, size_t len, void *user_data, GError **error);
bool control_ask_pieces(const char *path, const char *request, ControlTake take, void *user_data,
			GError **error);

/* The same as a whole for a text; @type is the caller's to free. */
GBytes *control_ask_text(const char *path, const char *request, char **type, GError **error);

/*
 * The parts of it, for who does not want to be kept waiting (inquiry.h): a socket that is connected, with
 * the same time limit, -1 on error, @flags being those of socket(2); whether a document is an answer and
 * not an error; and the document of a whole answer.
 */
int control_connect(const char *path, int flags, GError **error);
bool control_check_answer(const json_t *document, const char *path, GError **error);
json_t *control_read_answer(const GString *line, const char *path, GError **error);
void control_broken_off(const char *path, GError **error);

#endif
