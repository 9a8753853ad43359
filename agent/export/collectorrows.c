/* SPDX-License-Identifier: Apache-2.0 */
#include "collectorrows.h"

#include <string.h>

#include "collector.h"

#define ADDRESS_MAX 272 /* a host's name, a port and the final NUL */

/* Of collector_row.layout. */
enum {
	ROW_LAYER2_OCTETS = 1 << 0,
	ROW_NANOSECONDS = 1 << 1,
	ROW_BIFLOW = 1 << 2,
	ROW_NETFLOW9 = 1 << 3,
};
/* Above it: what tells lists of templates from each other, 0 for none. */
#define ROW_TEMPLATES_SHIFT 8
#define ROW_TRANSPORT_SHIFT 4

/* The account of a collector in the file of sums. */
struct collector_row {
	char address[ADDRESS_MAX]; /* NUL padded */
	uint32_t enterprise;
	uint32_t layout; /* what else tells records from others */
	CollectorAccount account;
};
_Static_assert(sizeof(struct collector_row) == 792, "collector_row is on disk");

static uint32_t sum_of_templates(const CollectorConfig *config)
{
	uint32_t sum = 0;

	for (guint i = 0; config->chosen && i < config->chosen->len; i++) {
		const TemplateConfig *template = g_ptr_array_index(config->chosen, i);

		sum = sum * 31 + template->id;
	}
	return sum;
}

static uint32_t row_layout(const CollectorConfig *config)
{
	return (config->layer2_octets ? ROW_LAYER2_OCTETS : 0) |
	       (config->flow_times == FLOW_TIMES_NANOSECONDS ? ROW_NANOSECONDS : 0) |
	       (config->biflow ? ROW_BIFLOW : 0) |
	       (config->format == EXPORT_NETFLOW9 ? ROW_NETFLOW9 : 0) |
	       config->transport << ROW_TRANSPORT_SHIFT |
	       sum_of_templates(config) << ROW_TEMPLATES_SHIFT;
}

void collector_rows_save(const GPtrArray *collectors, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_COLLECTORS, sizeof(struct collector_row));
	for (guint i = 0; i < collectors->len; i++) {
		const Collector *collector = g_ptr_array_index(collectors, i);
		const CollectorConfig *config = collector_config(collector);
		struct collector_row row = { .enterprise = config->enterprise,
					     .layout = row_layout(config),
					     .account = *collector_account(collector) };

		g_strlcpy(row.address, config->address, sizeof(row.address));
		totals_writer_add(writer, &row);
	}
}

static bool row_has_address(const struct collector_row *row, const CollectorConfig *config)
{
	return !strncmp(row->address, config->address, sizeof(row->address));
}

static bool row_is_of(const struct collector_row *row, const CollectorConfig *config)
{
	return row_has_address(row, config) && row->enterprise == config->enterprise &&
	       row->layout == row_layout(config);
}

static bool row_is_configured(const struct collector_row *row, const GPtrArray *collectors)
{
	for (guint i = 0; i < collectors->len; i++) {
		if (row_is_of(row, collector_config(g_ptr_array_index(collectors, i))))
			return true;
	}
	return false;
}

/* The one that is the same as @collector's, or else one of its address whose layout nobody has any more. */
static const struct collector_row *find_row(const struct collector_row *rows, size_t n,
					    const GPtrArray *collectors,
					    const CollectorConfig *collector)
{
	const struct collector_row *other = NULL;

	for (size_t i = 0; i < n; i++) {
		if (row_is_of(&rows[i], collector))
			return &rows[i];
		if (!other && row_has_address(&rows[i], collector) &&
		    !row_is_configured(&rows[i], collectors))
			other = &rows[i];
	}
	return other;
}

bool collector_rows_load(const GPtrArray *collectors, TotalsReader *reader, GError **error)
{
	const void *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_COLLECTORS, sizeof(struct collector_row), &rows, &n,
				error))
		return false;
	for (guint i = 0; i < collectors->len; i++) {
		Collector *collector = g_ptr_array_index(collectors, i);
		const struct collector_row *row =
			find_row(rows, n, collectors, collector_config(collector));

		if (row)
			collector_set_account(collector, &row->account);
	}
	return true;
}
