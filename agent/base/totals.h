/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file in which sums outlive the process: below `run` (memory) after every sweep, below `state`
 * (disk) for a reboot.
 *
 * It is a header and tables of fixed-size rows, in host byte order, closed by a CRC; whoever owns a
 * table describes its rows. A file of another layout, cut short or damaged is refused as a whole.
 */
#ifndef FLOWTALLY_TOTALS_H
#define FLOWTALLY_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* The name of an interface in reports, with the final NUL: as long as `alias` may be. */
#define TOTALS_NAME_MAX 64

/* The same of a network namespace's name, which is a file's. */
#define TOTALS_NETNS_MAX 256

typedef struct TotalsWriter TotalsWriter;
typedef struct TotalsReader TotalsReader;

/* Which tables a file can hold; a number means one kind of row for ever. */
typedef enum {
	TOTALS_PERIOD = 1,
	TOTALS_ACCOUNTS = 2,
	TOTALS_LEDGER_0_1 = 3,	    /* of version 0.1 */
	TOTALS_ATTACHMENTS_0_1 = 4, /* the same; 5 were its points */
	/* 6 were collectors, before they had names and connections that break */
	TOTALS_FAILURES = 7,
	TOTALS_LEDGER = 8,
	TOTALS_LEDGER_CLASSES = 9,
	TOTALS_ATTACHMENTS = 10,
	/* 11 were points, before there were flows */
	TOTALS_BY_HAND = 12,
	TOTALS_HIDDEN = 13,
	TOTALS_FLOWS = 14,
	/* 16 were points, before flows were sampled */
	TOTALS_LEDGER_FLOW_CLASSES = 17,
	TOTALS_FLOW_RECORDS = 18,
	TOTALS_LEDGER_FLOWS = 19,
	TOTALS_PACKET_SIZES = 20,
	TOTALS_FLOW_SUMS = 21,
	TOTALS_FLOW_PAIRS = 22,
	TOTALS_FLOW_SERIES = 23,
	TOTALS_POINTS = 24,
	TOTALS_JSON_LINES = 25,
	/* 26 were collectors, before what was made had an account */
	TOTALS_COLLECTORS = 27,
	TOTALS_FLUSHED_FLOWS = 28,
	TOTALS_FILE_FAILURES = 29,
} TotalsTable;

TotalsWriter *totals_writer_new(void);
void totals_writer_free(TotalsWriter *writer);
void totals_writer_begin(TotalsWriter *writer, TotalsTable table, size_t row_size);
void totals_writer_add(TotalsWriter *writer, const void *row); /* of row_size octets; copied */
bool totals_writer_replace(TotalsWriter *writer, const char *path, GError **error);

/* ENOENT in error->code: there is no such file. */
TotalsReader *totals_reader_new(const char *path, GError **error);
void totals_reader_free(TotalsReader *reader);
/* The rows of @table, borrowed, aligned for any type; none is no error, rows of another size are.
 */
bool totals_reader_rows(TotalsReader *reader, TotalsTable table, size_t row_size, const void **rows,
			size_t *n, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TotalsWriter, totals_writer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TotalsReader, totals_reader_free)

#endif
