/* SPDX-License-Identifier: Apache-2.0 */
#include "filterwords.h"

#include "accounts/flowfilter.h"

static void accept_interface(const char *name, GArray *indexes, void *user_data)
{
	const uint32_t any = 1;

	(void)name;
	(void)user_data;
	g_array_append_val(indexes, any);
}

char *filter_words_join(char **words, GError **error)
{
	g_autofree char *text = g_strjoinv(" ", words);
	g_autoptr(FlowFilter) filter = flowfilter_new(text, accept_interface, NULL, error);

	if (!filter) {
		g_prefix_error(error, "filter: ");
		return NULL;
	}
	/* A request is one line. */
	g_strdelimit(text, "\r\n", ' ');
	return g_steal_pointer(&text);
}

bool filter_words_check_of_packets(const char *text, GError **error)
{
	g_autoptr(FlowFilter) filter =
		flowfilter_new_of_packets(text, accept_interface, NULL, error);

	if (!filter)
		g_prefix_error(error, "filter: ");
	return filter;
}
