/* SPDX-License-Identifier: Apache-2.0 */
/* Files that know names; the first octet says which kind, the second in pieces of how many octets it comes. */
#include "base/text.h"
#include "fuzz.h"
#include "nameformat/nameparser.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	return 0;
}

static void check_entry(const NameEntry *entry, void *user_data)
{
	uint64_t *found = user_data;

	++*found;
	if (entry->name) {
		fuzz_assert_line(entry->name);
		FUZZ_ASSERT(strlen(entry->name) <= 255);
	}
}

static uint64_t parse(NamesKind kind, const char *text, size_t len, size_t piece)
{
	uint64_t found = 0;
	g_autoptr(NameParser) parser = name_parser_new(kind, check_entry, &found);
	BadLines bad;

	for (size_t at = 0; at < len; at += piece)
		name_parser_feed(parser, text + at, MIN(piece, len - at));
	name_parser_end(parser);
	bad = name_parser_bad_lines(parser);
	FUZZ_ASSERT(!bad.count == !bad.first);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	NamesKind kind;

	if (size < 2)
		return 0;
	kind = (NamesKind)(1 + data[0] % (NAMES_KINDS - 1));
	/* However it is cut, it is the same. */
	FUZZ_ASSERT(parse(kind, (const char *)data + 2, size - 2, 1 + data[1]) ==
		    parse(kind, (const char *)data + 2, size - 2, size));
	return 0;
}
