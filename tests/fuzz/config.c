/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration, ours and linux-flow-exporter's; where the first octet is odd, the web configuration. */
#include "config/config.h"
#include "config/webconfig.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	return 0;
}

static void assert_lines(const GPtrArray *lines)
{
	for (guint i = 0; lines && i < lines->len; i++)
		fuzz_assert_line(g_ptr_array_index(lines, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	bool is_good;

	if (!size)
		return 0;
	if (*data % 2) {
		WebConfig *web = web_config_read(fuzz_file(data + 1, size - 1), errors);

		is_good = web;
		web_config_unref(web);
	} else {
		g_autoptr(Config) config = config_read(fuzz_file(data + 1, size - 1), errors);
		g_autoptr(GPtrArray) warnings = config ? config_warnings(config) : NULL;

		assert_lines(warnings);
		is_good = config;
	}
	FUZZ_ASSERT(is_good == !errors->len);
	assert_lines(errors);
	return 0;
}
