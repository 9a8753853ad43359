/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to the agent (control.h) by a client that has more to do than to wait: the answer comes to it
 * from its main context.
 */
#ifndef FLOWTALLY_INQUIRY_H
#define FLOWTALLY_INQUIRY_H

#include <glib.h>
#include <jansson.h>

typedef struct Inquiry Inquiry;

/* The answer, or NULL and why there is none; both are borrowed for the call, which may free the inquiry. */
typedef void (*InquiryDone)(json_t *document, const GError *error, void *user_data);

/* @done is called once, from the main context, unless the inquiry is freed before. The limit is for silence. */
Inquiry *inquiry_new(const char *path, const char *request, unsigned int limit_ms, InquiryDone done,
		     void *user_data);
void inquiry_free(Inquiry *inquiry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inquiry, inquiry_free)

#endif
