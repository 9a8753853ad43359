/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX that is read (export/ipfix_reader.h), printed: as text with headers and templates, as tables of records, or as JSON, a
 * record a line:
 *
 *     {"ipfix":{"message":1,"domain":7,"template":256,"exportTime":"..."},"octetDeltaCount":41,...}
 *
 * "ipfix" of an options record also has "scope", the names of its first members, and of one that came over a network
 * "exporter". What a record has more than once is an array. Whatever is read, what is printed cannot harm a terminal.
 */
#ifndef FLOWTALLY_IPFIXPRINTER_H
#define FLOWTALLY_IPFIXPRINTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <glib.h>

#include "elements/elements.h"
#include "export/ipfix_reader.h"

typedef struct IpfixPrinter IpfixPrinter;

/*
 * To @file, up to @max records; @form: "text", "table" or "json", NULL: the first. NULL with @error set: there is no such form.
 * @elements must outlive it.
 */
IpfixPrinter *ipfix_printer_new(const char *form, FILE *file, uint64_t max,
				const Elements *elements, GError **error);
void ipfix_printer_free(IpfixPrinter *printer);

/* For readers with the printer as user_data. */
const IpfixHandler *ipfix_printer_handler(const IpfixPrinter *printer);

/* Who has sent what is read from now on; it is printable. NULL: nobody, it is a file. */
void ipfix_printer_set_exporter(IpfixPrinter *printer, const char *exporter);

/* All that was asked for is printed. */
bool ipfix_printer_is_done(const IpfixPrinter *printer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpfixPrinter, ipfix_printer_free)

#endif
