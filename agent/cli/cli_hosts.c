/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cli_ask.h"
#include "base/text.h"

static json_int_t total_of(const json_t *host, const char *unit)
{
	return ask_integer(json_object_get(host, "download"), unit) +
	       ask_integer(json_object_get(host, "upload"), unit);
}

static gint descending(json_int_t a, json_int_t b)
{
	return (a < b) - (a > b);
}

static gint by_total(gconstpointer a, gconstpointer b)
{
	return descending(total_of(*(const json_t *const *)a, "octets"),
			  total_of(*(const json_t *const *)b, "octets"));
}

static gint by_download(gconstpointer a, gconstpointer b)
{
	return descending(ask_integer(*(const json_t *const *)a, "download/octets"),
			  ask_integer(*(const json_t *const *)b, "download/octets"));
}

static gint by_upload(gconstpointer a, gconstpointer b)
{
	return descending(ask_integer(*(const json_t *const *)a, "upload/octets"),
			  ask_integer(*(const json_t *const *)b, "upload/octets"));
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return g_ascii_strcasecmp(ask_string(*(const json_t *const *)a, "name"),
				  ask_string(*(const json_t *const *)b, "name"));
}

static const AskOrder orders[] = {
	{ "total", by_total },	 { "download", by_download },
	{ "upload", by_upload }, { "name", by_name },
	{ NULL, NULL },
};

static char *name_and_host(const json_t *host, const char *path)
{
	const char *name = ask_string(host, "name"), *label = ask_string(host, "host");

	return strcmp(name, label) ? g_strdup_printf("%s (%s)", name, label) : g_strdup(label);
}

/* Each once, in the order of the accounts; the caller's to unref. */
static GPtrArray *addresses_of(const json_t *host)
{
	GPtrArray *addresses = g_ptr_array_new();
	const json_t *account;
	size_t i;

	json_array_foreach(json_object_get(host, "accounts"), i, account)
	{
		const char *address = json_string_value(json_object_get(account, "address"));

		if (address &&
		    !g_ptr_array_find_with_equal_func(addresses, address, g_str_equal, NULL))
			g_ptr_array_add(addresses, (gpointer)address);
	}
	return addresses;
}

static char *first_address(const json_t *host, const char *path)
{
	g_autoptr(GPtrArray) addresses = addresses_of(host);

	if (!addresses->len)
		return g_strdup("-");
	if (addresses->len == 1)
		return g_strdup(addresses->pdata[0]);
	return g_strdup_printf("%s +%u", (const char *)addresses->pdata[0], addresses->len - 1);
}

static char *all_addresses(const json_t *host, const char *path)
{
	g_autoptr(GPtrArray) addresses = addresses_of(host);

	g_ptr_array_add(addresses, NULL);
	return g_strjoinv(" ", (char **)addresses->pdata);
}

/* A MAC that is made up has no vendor. */
static char *vendor(const json_t *host, const char *path)
{
	const char *text = ask_string(host, path);

	if (*text)
		return g_strdup(text);
	return g_strdup(json_is_true(json_object_get(host, "private_mac")) ? "(private MAC)" : "-");
}

static char *packets(const json_t *host, const char *path)
{
	return g_strdup_printf("%" JSON_INTEGER_FORMAT, total_of(host, "packets"));
}

/* The first fields of a row, and the last one, are of a host; those in between of a group, too. */
#define TABLE_KEYS 3
#define CSV_KEYS 4
#define LAST_KEYS 1

static const AskField table_fields[] = {
	{ { "HOST", TABLE_LEFT, 0 }, NULL, name_and_host },
	{ { "INTERFACE", TABLE_LEFT, 2 }, "interface", ask_plain },
	{ { "ADDRESSES", TABLE_LEFT, 3 }, NULL, first_address },
	{ { "DOWNLOAD", TABLE_RIGHT, 0 }, "download/octets", ask_octets },
	{ { "UPLOAD", TABLE_RIGHT, 0 }, "upload/octets", ask_octets },
	{ { "PACKETS", TABLE_RIGHT, 4 }, NULL, packets },
	{ { "LAST SEEN", TABLE_LEFT, 1 }, "last_seen", ask_time },
	{ { "VENDOR", TABLE_LEFT, 5 }, "vendor", vendor },
};

static const AskField csv_fields[] = {
	{ { .title = "host" }, "host", ask_plain },
	{ { .title = "name" }, "name", ask_plain },
	{ { .title = "interface" }, "interface", ask_plain },
	{ { .title = "addresses" }, NULL, all_addresses },
	{ { .title = "download_packets" }, "download/packets", ask_plain },
	{ { .title = "download_octets" }, "download/octets", ask_plain },
	{ { .title = "download_layer2_octets" }, "download/layer2_octets", ask_plain },
	{ { .title = "upload_packets" }, "upload/packets", ask_plain },
	{ { .title = "upload_octets" }, "upload/octets", ask_plain },
	{ { .title = "upload_layer2_octets" }, "upload/layer2_octets", ask_plain },
	{ { .title = "first_seen" }, "first_seen", ask_plain },
	{ { .title = "last_seen" }, "last_seen", ask_plain },
	{ { .title = "vendor" }, "vendor", ask_plain },
};

static void print_overflow(const json_t *document)
{
	const json_t *overflow;
	size_t i;

	json_array_foreach(json_object_get(document, "overflow"), i, overflow)
	{
		json_int_t octets =
			total_of(overflow, "octets") + ask_integer(overflow, "device_limit/octets");
		g_autofree char *text = ask_volume((uint64_t)octets);
		g_autofree char *interface = text_printable(ask_string(overflow, "interface"));

		if (octets)
			printf("%s: %s of devices beyond hosts.max are in no row above\n",
			       interface, text);
	}
}

static void print_table(const json_t *document)
{
	ask_print_list(json_object_get(document, "hosts"), table_fields,
		       G_N_ELEMENTS(table_fields));
	print_overflow(document);
}

static void print_csv(const json_t *document, AskCsv csv)
{
	ask_print_csv(json_object_get(document, "hosts"), csv_fields, G_N_ELEMENTS(csv_fields),
		      csv);
}

static char *group_name_and_device(const json_t *group, const char *path)
{
	const char *name = ask_string(group, "name"), *device = ask_string(group, "device");

	return strcmp(name, device) ? g_strdup_printf("%s (%s)", name, device) : g_strdup(device);
}

static char *plain_or_dash(const json_t *item, const char *path)
{
	char *text = ask_plain(item, path);

	if (text[0])
		return text;
	g_free(text);
	return g_strdup("-");
}

static const AskField group_fields[GROUP_KEYS] = {
	[GROUP_DEVICE] = { { "DEVICE", TABLE_LEFT, 0 }, "device", group_name_and_device },
	[GROUP_ADDRESS] = { { "ADDRESS", TABLE_LEFT, 0 }, "address", plain_or_dash },
	[GROUP_INTERFACE] = { { "INTERFACE", TABLE_LEFT, 0 }, "interface", ask_plain },
	[GROUP_FAMILY] = { { "FAMILY", TABLE_LEFT, 0 }, "family", ask_plain },
	[GROUP_SCOPE] = { { "SCOPE", TABLE_LEFT, 0 }, "scope", ask_plain },
};

static const AskField group_csv_fields[GROUP_KEYS] = {
	[GROUP_DEVICE] = { { .title = "device" }, "device", ask_plain },
	[GROUP_ADDRESS] = { { .title = "address" }, "address", ask_plain },
	[GROUP_INTERFACE] = { { .title = "interface" }, "interface", ask_plain },
	[GROUP_FAMILY] = { { .title = "family" }, "family", ask_plain },
	[GROUP_SCOPE] = { { .title = "scope" }, "scope", ask_plain },
};

/* The fields of a grouping's keys, and behind them the @n of @rest; the caller's to unref. */
static GArray *fields_of(const Grouping *grouping, const AskField *of_keys, const AskField *rest,
			 size_t n)
{
	GArray *fields = g_array_new(FALSE, FALSE, sizeof(AskField));

	for (size_t i = 0; i < grouping->n; i++)
		g_array_append_val(fields, of_keys[grouping->keys[i]]);
	g_array_append_vals(fields, rest, (guint)n);
	return fields;
}

static void print_groups(const json_t *document, const Grouping *grouping)
{
	const AskField *rest = table_fields + TABLE_KEYS;
	g_autoptr(GArray) fields = fields_of(grouping, group_fields, rest,
					     G_N_ELEMENTS(table_fields) - TABLE_KEYS - LAST_KEYS);

	ask_print_list(json_object_get(document, "groups"),
		       (const AskField *)(const void *)fields->data, fields->len);
	print_overflow(document);
}

static void print_groups_csv(const json_t *document, const Grouping *grouping, AskCsv csv)
{
	const AskField *rest = csv_fields + CSV_KEYS;
	g_autoptr(GArray) fields = fields_of(grouping, group_csv_fields, rest,
					     G_N_ELEMENTS(csv_fields) - CSV_KEYS - LAST_KEYS);

	ask_print_csv(json_object_get(document, "groups"),
		      (const AskField *)(const void *)fields->data, fields->len, csv);
}

int cli_hosts(int argc, char **argv)
{
	static const Question question = {
		.request = "hosts",
		.summary = "Shows what each device has used. Octets are IP octets.",
		.list = "hosts",
		.orders = orders,
		.print = print_table,
		.print_csv = print_csv,
		.has_spans = true,
		.print_groups = print_groups,
		.print_groups_csv = print_groups_csv,
	};

	return ask(&question, argc, argv);
}
