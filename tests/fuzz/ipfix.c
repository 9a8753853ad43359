/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX that is read and printed, in the form that the first octet says: as a stream, in pieces of how many octets the
 * second says, or, where that is 0, as datagrams, each with a length of two octets before it.
 */
#include "cli/ipfixprinter.h"
#include "export/ipfix_reader.h"
#include "fuzz.h"

#define RECORDS_MAX 1000

static Elements *elements;
static FILE *sink;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	sink = fopen("/dev/null", "w");
	FUZZ_ASSERT(sink);
	return 0;
}

static bool note(bool success, const GError *error)
{
	FUZZ_ASSERT(success == !error);
	if (error)
		fuzz_assert_line(error->message);
	return success;
}

static void read_stream(IpfixReader *reader, const uint8_t *data, size_t size, size_t piece)
{
	g_autoptr(GError) error = NULL;

	for (size_t at = 0; at < size; at += piece)
		if (!note(ipfix_reader_take(reader, data + at, MIN(piece, size - at), &error),
			  error))
			return;
	(void)note(ipfix_reader_end(reader, &error), error);
}

static void read_datagrams(IpfixReader *reader, const uint8_t *data, size_t size)
{
	while (size > 2) {
		size_t len = MIN((size_t)(data[0] << 8 | data[1]), size - 2);
		g_autoptr(GError) error = NULL;

		(void)note(ipfix_reader_take_message(reader, data + 2, len, &error), error);
		data += 2 + len;
		size -= 2 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forms[] = { "text", "table", "json" };
	IpfixPrinter *printer;
	IpfixReader *reader;

	if (size < 2)
		return 0;
	elements = elements_new(32473);
	printer = ipfix_printer_new(forms[data[0] % G_N_ELEMENTS(forms)], sink, RECORDS_MAX,
				    elements, NULL);
	reader = ipfix_reader_new(ipfix_printer_handler(printer), printer, elements);
	if (data[1])
		read_stream(reader, data + 2, size - 2, data[1]);
	else
		read_datagrams(reader, data + 2, size - 2);
	ipfix_reader_free(reader);
	ipfix_printer_free(printer);
	elements_free(elements);
	return 0;
}
