/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document whose last member is a long list, read while it comes: what is in the list is handed on object by object,
 * so that nobody must keep a million of them.
 */
#ifndef FLOWTALLY_LISTREADER_H
#define FLOWTALLY_LISTREADER_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>
#include <jansson.h>

typedef struct ListReader ListReader;

/* All are borrowed for the call. False with the error set: it is enough. */
typedef struct {
	bool (*head)(json_t *head, void *user_data, GError **error); /* with an empty list */
	/* Each object of the list as it was written, in one line. */
	bool (*item)(const char *text, size_t len, void *user_data, GError **error);
} ListTake;

/* @take must outlive the reader. */
ListReader *list_reader_new(const ListTake *take, void *user_data);
void list_reader_free(ListReader *reader);

/* What comes next; false with @error set if it is no such document. */
bool list_reader_feed(ListReader *reader, const char *octets, size_t len, GError **error);

/* No more comes. A document without any list has been its head. */
bool list_reader_end(ListReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ListReader, list_reader_free)

#endif
