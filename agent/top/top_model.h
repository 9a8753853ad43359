/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `flowtally top` shows, without a terminal: the documents of the agent in, rows in an order out.
 *
 * A row is a device on an interface, or one of the addresses of one device, with what it has used since
 * it was first seen and how fast it was over the last seconds; or one of the flows of one device, with what was seen of it. Devices beyond `hosts.max` are one row
 * an interface. All texts are printable.
 */
#ifndef FLOWTALLY_TOP_MODEL_H
#define FLOWTALLY_TOP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "rates.h"
#include "records.h"
#include "top_devices.h"

typedef struct TopModel TopModel;

/* What rows are. */
typedef enum {
	TOP_DEVICES,
	TOP_ADDRESSES, /* of one device, by family and scope */
	TOP_FLOWS,     /* of one device, a conversation a row */
	TOP_VIEWS,
} TopView;

/* By what they are sorted: texts from A, numbers from the largest. */
typedef enum {
	TOP_BY_TOTAL, /* of both directions; this and the next two are rates */
	TOP_BY_DOWNLOAD,
	TOP_BY_UPLOAD,
	TOP_BY_NAME,
	TOP_BY_PLACE,
	TOP_BY_DOWNLOADED, /* volumes */
	TOP_BY_UPLOADED,
	TOP_KEYS,
} TopKey;

typedef struct {
	const char *key;  /* tells rows apart, for as long as there is the device */
	const char *name; /* of a device, or an address, or the protocol and far end of a flow */
	const char
		*host; /* the device's MAC or address; the address; NULL: of several, or a flow */
	const char *place;  /* a device's interface, an address's scope, the near end of a flow */
	const char *family; /* of an address or a flow, NULL of a device */
	TopFigures figures;
} TopRow;

/* How things are; the texts are borrowed until the model changes. */
typedef struct {
	TopView view;
	const char *device; /* its name, where rows are its addresses or flows */
	TopKey key;
	RateWindow window; /* of the key, if that is a rate */
	bool reversed;
	bool frozen; /* rows stay where they are; new ones come last */
	bool paused; /* documents are taken in, and not shown */
	TopFamily family;
	const char *interface; /* NULL: all */
	const char *filter;    /* "" is none */
	bool has_selection;
	guint selected;	      /* the number of the row */
	guint devices;	      /* without filter and choice */
	uint64_t time_ms;     /* of the document that is shown */
	uint64_t measured_ms; /* since the first document */
	TopFigures total;     /* of the rows */
	uint64_t
		flows_ms; /* where rows are flows: of the document that is shown; 0: there is none yet */
	bool flows_metered; /* by any interface */
	bool flows_cut;	    /* there are more than are asked for */
} TopState;

TopModel *top_model_new(void);
void top_model_free(TopModel *model);

/* A document "hosts" or "live"; fails, changing nothing, if it is none. */
bool top_model_add(TopModel *model, const json_t *document, GError **error);

const TopState *top_model_state(const TopModel *model);

/* What is to be asked for, the caller's to free, and its document; NULL: no flows are shown. */
char *top_model_flows_request(TopModel *model);
bool top_model_add_flows(TopModel *model, const json_t *document, GError **error);

/* Of const TopRow; borrowed until the model changes. */
const GPtrArray *top_model_rows(const TopModel *model);

/* The addresses of a device, by the key of its row; of TopRow, the caller's to unref. */
GPtrArray *top_model_addresses(const TopModel *model, const char *key);

/* With another key the order begins with what is natural for it, and is frozen anew if it was. */
void top_model_sort(TopModel *model, TopKey key, RateWindow window);
void top_model_reverse(TopModel *model);
void top_model_freeze(TopModel *model, bool frozen);
void top_model_pause(TopModel *model, bool paused);

/* Rows of which the name, address or place has @text in it, whatever the case of letters. Each view has
 * its own filter. */
void top_model_filter(TopModel *model, const char *text);

void top_model_choose_interface(TopModel *model, const char *interface);
void top_model_next_interface(TopModel *model);
void top_model_choose_family(TopModel *model, TopFamily family);

/* Moves the selection, which stays with its row wherever that goes; the first move selects the first row. */
void top_model_select(TopModel *model, int rows);
void top_model_unselect(TopModel *model);

/* To the addresses or flows of the device that is selected, else of the first; from one of them to the other; and back. */
void top_model_enter(TopModel *model, TopView view);
void top_model_leave(TopModel *model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TopModel, top_model_free)

#endif
