/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool as it is found: one segment, and the position before it, of as many octets as the first octet says. Half of what is
 * popped is acknowledged, and then another process finds the rest.
 */
#include "export/spool.h"

#include <glib/gstdio.h>

#include "fuzz.h"

#define MAX_OCTETS (16u << 20)

static char *directory, *segment, *position;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	directory = g_dir_make_tmp("flowtally-fuzz-XXXXXX", NULL);
	FUZZ_ASSERT(directory);
	segment = g_build_filename(directory, "0000000007.ipfix", NULL);
	position = g_build_filename(directory, "position", NULL);
	return 0;
}

static void on_lost(const SpoolLoss *loss, void *user_data)
{
	ExportSum *lost = user_data;

	fuzz_assert_line(loss->why);
	export_sum_add(lost, &loss->sum);
}

/* Whatever is in it, each message that it has found is popped or lost. */
static void drain(unsigned int share)
{
	ExportSum lost = { 0 }, popped = { 0 }, found;
	g_autoptr(Spool) spool = spool_new(directory, MAX_OCTETS, on_lost, &lost, NULL);
	g_autoptr(GPtrArray) announcements = NULL;
	IpfixMessage *message;
	SpoolPlace place;

	FUZZ_ASSERT(spool);
	while (!spool_load(spool))
		;
	found = spool_found(spool);
	announcements = spool_announcements(spool);
	while ((message = spool_pop(spool, &place))) {
		export_sum_add_contents(&popped, &message->contents);
		if (popped.messages % share == 0)
			spool_acknowledge(spool, &place);
		g_free(message);
	}
	export_sum_add(&popped, &lost);
	FUZZ_ASSERT(popped.messages == found.messages);
	FUZZ_ASSERT(spool_is_empty(spool));
	spool_save_position(spool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;

	if (!size)
		return 0;
	len = MIN(*data, size - 1);
	FUZZ_ASSERT(g_file_set_contents(position, (const char *)data + 1, (gssize)len, NULL));
	FUZZ_ASSERT(g_file_set_contents(segment, (const char *)data + 1 + len,
					(gssize)(size - 1 - len), NULL));
	drain(2);
	drain(1);
	(void)g_unlink(segment);
	return 0;
}
