/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in recorded transport sessions: each file is one, IPFIX messages as they came, and is judged strictly, as
 * by unit/ipfix_decoder.h. A line of JSON for each:
 *
 *   streams FILE...
 *
 * messages, records, flow_records; octets and packets, sums over them; templates: how often they were told; missing:
 * records, by gaps in the sequence; cut: octets of a last message that is not whole; fault: null, or what is wrong.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "../unit/ipfix_decoder.h"

#define HEADER_LEN 16

static bool print_stream(const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *contents = NULL;
	Decoder *decoder;
	const uint8_t *at;
	gsize left;

	if (!g_file_get_contents(path, &contents, &left, &error)) {
		fprintf(stderr, "streams: %s\n", error->message);
		return false;
	}
	decoder = decoder_new();
	at = (const uint8_t *)contents;
	while (left >= HEADER_LEN) {
		size_t len = (size_t)at[2] << 8 | at[3];

		if (len > left || !decoder_take(decoder, at, len))
			break;
		at += len;
		left -= len;
	}
	printf("{\"messages\":%u,\"records\":%u,\"flow_records\":%zu,\"octets\":%" PRIu64
	       ",\"packets\":%" PRIu64 ",\"templates\":%zu,\"missing\":%" PRIu32
	       ",\"cut\":%zu,\"fault\":",
	       decoder->messages->len, decoder->records->len, decoder_flow_records(decoder),
	       decoder_sum(decoder, 1), decoder_sum(decoder, 2), decoder->refreshes,
	       decoder->missing, (size_t)left);
	printf(decoder->fault[0] ? "\"%s\"}\n" : "null}\n", decoder->fault);
	decoder_free(decoder);
	return true;
}

int main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;

	for (int i = 1; i < argc; i++) {
		if (!print_stream(argv[i]))
			status = EXIT_FAILURE;
	}
	return status;
}
