/* SPDX-License-Identifier: Apache-2.0 */
/* Records as YAML, and the IPFIX that becomes of them. */
#include "export/ipfix_writer.h"
#include "export/recordfile.h"
#include "fuzz.h"

#define EXPORT_TIME_S 1700000000
#define MESSAGE_SIZE 1400

static Elements *elements;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	elements = elements_new(32473);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(RecordFile) file = record_file_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	bool is_good = record_file_read(file, fuzz_file(data, size), elements, &error) &&
		       ipfix_write_messages(file, EXPORT_TIME_S, MESSAGE_SIZE, messages, &error);

	FUZZ_ASSERT(is_good == !error);
	if (error)
		fuzz_assert_line(error->message);
	return 0;
}
