/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli.h"
#include "cli_ask.h"
#include "base/text.h"

static char *errors_total(const json_t *collector, const char *path)
{
	json_int_t sum = 0;
	const char *reason;
	const json_t *count;

	json_object_foreach(ask_member(collector, path), reason, count) sum +=
		json_integer_value(count);
	return g_strdup_printf("%" JSON_INTEGER_FORMAT, sum);
}

static char *session_state(const json_t *collector, const char *path)
{
	g_autofree char *until = ask_time(collector, "until");

	if (!*ask_string(collector, "until"))
		return ask_plain(collector, path);
	return g_strdup_printf("%s until %s", ask_string(collector, path), until);
}

static const AskField interface_fields[] = {
	{ { "INTERFACE", TABLE_LEFT, 0 }, "interface", ask_plain },
	{ { "NAME", TABLE_LEFT, 2 }, "name", ask_plain },
	{ { "IFINDEX", TABLE_RIGHT, 3 }, "ifindex", ask_plain },
	{ { "SIDE", TABLE_LEFT, 1 }, "side", ask_plain },
	{ { "HOOK", TABLE_LEFT, 4 }, "hook", ask_plain },
	{ { "ATTACHED", TABLE_LEFT, 0 }, "attached", ask_plain },
};

static const AskField fault_fields[] = {
	{ { "INTERFACE", TABLE_LEFT, 0 }, "interface", ask_plain },
	{ { "FAULT", TABLE_LEFT, 0 }, "fault", ask_plain },
};

static const AskField offload_fields[] = {
	{ { "INTERFACE", TABLE_LEFT, 0 }, "interface", ask_plain },
	{ { "OFFLOAD", TABLE_LEFT, 0 }, "kind", ask_plain },
	{ { "WHAT FOLLOWS", TABLE_LEFT, 0 }, "consequence", ask_plain },
};

static const AskField overlap_fields[] = {
	{ { "OVERLAP", TABLE_LEFT, 0 }, "advice", ask_plain },
};

static const AskField table_fields[] = {
	{ { "TABLE", TABLE_LEFT, 0 }, "table", ask_plain },
	{ { "ENTRIES", TABLE_RIGHT, 0 }, "entries", ask_plain },
	{ { "LIMIT", TABLE_RIGHT, 0 }, "limit", ask_plain },
};

static const AskField names_fields[] = {
	{ { "NAMES", TABLE_LEFT, 0 }, "kind", ask_plain },
	{ { "FILE", TABLE_LEFT, 1 }, "path", ask_plain },
	{ { "ENTRIES", TABLE_RIGHT, 0 }, "entries", ask_plain },
	{ { "BAD LINES", TABLE_RIGHT, 0 }, "bad_lines", ask_plain },
	{ { "ERROR", TABLE_LEFT, 0 }, "error", ask_plain },
};

static const AskField collector_fields[] = {
	{ { "COLLECTOR", TABLE_LEFT, 0 }, "collector", ask_plain },
	{ { "BY", TABLE_LEFT, 7 }, "transport", ask_plain },
	{ { "SESSION", TABLE_LEFT, 2 }, "state", session_state },
	{ { "MESSAGES", TABLE_RIGHT, 3 }, "messages", ask_plain },
	{ { "RECORDS", TABLE_RIGHT, 0 }, "records", ask_plain },
	{ { "SENT", TABLE_RIGHT, 4 }, "octets", ask_octets },
	{ { "ERRORS", TABLE_RIGHT, 0 }, "errors", errors_total },
	{ { "DROPPED", TABLE_RIGHT, 0 }, "dropped_records", ask_plain },
	{ { "REPEATED", TABLE_RIGHT, 5 }, "repeated_records", ask_plain },
	{ { "QUEUED", TABLE_RIGHT, 6 }, "queued", ask_plain },
	{ { "SPOOLED", TABLE_RIGHT, 8 }, "spooled", ask_plain },
	{ { "LAST SENT", TABLE_LEFT, 1 }, "last_sent", ask_time },
};

static const AskField account_fields[] = {
	{ { "ACCOUNT", TABLE_LEFT, 0 }, "collector", ask_plain },
	{ { "OF", TABLE_LEFT, 0 }, "of", ask_plain },
	{ { "MADE", TABLE_RIGHT, 0 }, "made", ask_plain },
	{ { "SENT", TABLE_RIGHT, 0 }, "sent", ask_plain },
	{ { "QUEUED", TABLE_RIGHT, 0 }, "queued", ask_plain },
	{ { "SPOOLED", TABLE_RIGHT, 0 }, "spooled", ask_plain },
	{ { "MOVED", TABLE_RIGHT, 0 }, "moved", ask_plain },
	{ { "DROPPED", TABLE_RIGHT, 0 }, "dropped", ask_plain },
	{ { "FOR", TABLE_LEFT, 1 }, "reasons", ask_plain },
};

static const AskField collector_fault_fields[] = {
	{ { "COLLECTOR", TABLE_LEFT, 0 }, "collector", ask_plain },
	{ { "LAST ERROR", TABLE_LEFT, 0 }, "last_error", ask_plain },
};

static char *whether_active(const json_t *collector, const char *path)
{
	return g_strdup(json_is_true(ask_member(collector, path)) ? "yes" : "no");
}

static const AskField group_fields[] = {
	{ { "GROUP", TABLE_RIGHT, 0 }, "group", ask_plain },
	{ { "MODE", TABLE_LEFT, 0 }, "mode", ask_plain },
	{ { "COLLECTOR", TABLE_LEFT, 0 }, "collector", ask_plain },
	{ { "ACTIVE", TABLE_LEFT, 0 }, "active", whether_active },
};

/* The lists of the document, a table each; empty ones are left out. */
static const struct {
	const char *member;
	const AskField *fields;
	size_t n;
} lists[] = {
	{ "interfaces", interface_fields, G_N_ELEMENTS(interface_fields) },
	{ "faults", fault_fields, G_N_ELEMENTS(fault_fields) },
	{ "offloads", offload_fields, G_N_ELEMENTS(offload_fields) },
	{ "overlaps", overlap_fields, G_N_ELEMENTS(overlap_fields) },
	{ "tables", table_fields, G_N_ELEMENTS(table_fields) },
	{ "names", names_fields, G_N_ELEMENTS(names_fields) },
	{ "collectors", collector_fields, G_N_ELEMENTS(collector_fields) },
};

static void print_line(const char *what, const char *text)
{
	g_autofree char *printable = text_printable(text);

	printf("%-15s%s\n", what, printable);
}

static const char *string_or(const json_t *object, const char *path, const char *otherwise)
{
	const char *text = ask_string(object, path);

	return *text ? text : otherwise;
}

static void print_agent(const json_t *document)
{
	g_autofree char *start = ask_time(document, "start");
	g_autofree char *running =
		g_strdup_printf("%s, running since %s", ask_string(document, "version"), start);

	print_line("flowtally", running);
	print_line("configuration", string_or(document, "config", "none: the defaults"));
	if (json_is_false(json_object_get(document, "reload_successful")))
		print_line("", "the last reload was refused (see the log)");
}

static void print_sweep(const json_t *document)
{
	g_autofree char *last = ask_time(document, "last_sweep");
	g_autofree char *text =
		g_strdup_printf("%s, took %.1f ms, %" JSON_INTEGER_FORMAT " errors", last,
				(double)ask_integer(document, "sweep_duration_ns") / 1e6,
				ask_integer(document, "sweep_errors"));
	bool is_first =
		!*ask_string(document, "last_sweep") && !ask_integer(document, "sweep_errors");

	print_line("last sweep", is_first ? last : text);
}

static void print_json_lines(const json_t *document)
{
	const json_t *output;
	size_t i;

	json_array_foreach(json_object_get(document, "json_lines"), i, output)
	{
		g_autofree char *text = g_strdup_printf(
			"%s: %" JSON_INTEGER_FORMAT " written, %" JSON_INTEGER_FORMAT " dropped",
			ask_string(output, "path"), ask_integer(output, "written"),
			ask_integer(output, "dropped"));

		print_line(i ? "" : "lines of JSON", text);
		if (*ask_string(output, "last_error"))
			print_line("", ask_string(output, "last_error"));
		if (*ask_string(output, "last_hook_error"))
			print_line("", ask_string(output, "last_hook_error"));
	}
}

static void print_files(const json_t *document)
{
	const json_t *textfile = json_object_get(document, "textfile");

	if (json_is_object(textfile)) {
		print_line("textfile", ask_string(textfile, "path"));
		if (*ask_string(textfile, "last_error"))
			print_line("", ask_string(textfile, "last_error"));
	}
	print_json_lines(document);
	print_line("sums on disk", string_or(document, "state_error", "in order"));
}

static char *http_terms(const json_t *http)
{
	return g_strdup_printf(
		"%s, %s", json_is_true(json_object_get(http, "tls")) ? "TLS" : "no TLS",
		json_is_true(json_object_get(http, "authentication")) ? "with authentication" :
									"no authentication");
}

static void print_http(const json_t *document)
{
	const json_t *http = json_object_get(document, "http");
	g_autofree char *terms = http_terms(http);
	const json_t *listener;
	size_t i;

	json_array_foreach(json_object_get(http, "listeners"), i, listener)
	{
		const char *error = ask_string(listener, "last_error");
		g_autofree char *text = g_strdup_printf("%s (%s)", ask_string(listener, "address"),
							*error ? error : terms);

		print_line("HTTP", text);
	}
	if (*ask_string(http, "last_error"))
		print_line("HTTP", ask_string(http, "last_error"));
}

static void print_awaited(const json_t *document)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(document, "awaited"), i, name)
		print_line("awaited", json_string_value(name));
}

/* "queue 120, broken 3": those of @member that are not 0 */
static char *losses_by_reason(const json_t *account, const char *member)
{
	GString *text = g_string_new(NULL);
	const char *reason;
	const json_t *sum;

	json_object_foreach(json_object_get(account, "dropped_for"), reason, sum)
	{
		json_int_t count = ask_integer(sum, member);

		if (count)
			g_string_append_printf(text, "%s%s %" JSON_INTEGER_FORMAT,
					       text->len ? ", " : "", reason, count);
	}
	return g_string_free(text, FALSE);
}

static json_t *account_row(const json_t *collector, const char *of, const char *member)
{
	static const char *const fates[] = {
		"made", "sent", "queued", "spooled", "moved", "dropped"
	};
	const json_t *account = json_object_get(collector, "account");
	g_autofree char *reasons = losses_by_reason(account, member);
	json_t *row = json_object();

	json_object_set(row, "collector", json_object_get(collector, "collector"));
	json_object_set_new(row, "of", json_string(of));
	json_object_set_new(row, "reasons", json_string(reasons));
	for (size_t i = 0; i < G_N_ELEMENTS(fates); i++)
		json_object_set(row, fates[i],
				json_object_get(json_object_get(account, fates[i]), member));
	return row;
}

/* In full, for who adds up. */
static void print_accounts(const json_t *document)
{
	json_t *rows = json_array();
	json_t *collector;
	size_t i;

	json_array_foreach(json_object_get(document, "collectors"), i, collector)
	{
		json_array_append_new(rows, account_row(collector, "records", "records"));
		json_array_append_new(rows, account_row(collector, "traffic, octets", "octets"));
	}
	if (json_array_size(rows)) {
		putchar('\n');
		ask_print_list(rows, account_fields, G_N_ELEMENTS(account_fields));
	}
	json_decref(rows);
}

static bool has_fault(const json_t *collector)
{
	return *ask_string(collector, "last_error");
}

static bool has_group(const json_t *collector)
{
	return *ask_string(collector, "mode");
}

/* What only some collectors have. */
static void print_collectors(const json_t *document, bool (*is_meant)(const json_t *collector),
			     const AskField *fields, size_t n)
{
	json_t *some = json_array();
	json_t *collector;
	size_t i;

	json_array_foreach(json_object_get(document, "collectors"), i, collector)
	{
		if (is_meant(collector))
			json_array_append(some, collector);
	}
	if (json_array_size(some)) {
		putchar('\n');
		ask_print_list(some, fields, n);
	}
	json_decref(some);
}

/* Of what flows amount to. */
static void print_pair_overflow(const json_t *document)
{
	json_int_t packets = ask_integer(document, "pair_overflow/limit/packets");
	json_int_t frames = ask_integer(document, "pair_overflow/latency_frames");
	g_autofree char *text = g_strdup_printf(
		"%" JSON_INTEGER_FORMAT " packets without a flow and %" JSON_INTEGER_FORMAT
		" latencies are of pairs of interfaces that found no room",
		packets, frames);

	if (packets || frames)
		print_line("pairs", text);
}

static void print_status(const json_t *document)
{
	print_agent(document);
	print_sweep(document);
	print_line("ledger", json_is_true(json_object_get(document, "balanced")) ?
				     "balanced" :
				     "NOT BALANCED (see flowtally ledger)");
	print_files(document);
	print_http(document);
	if (!json_array_size(json_object_get(document, "interfaces")))
		print_line("interfaces", "none is metered");
	print_awaited(document);
	print_pair_overflow(document);
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		const json_t *list = json_object_get(document, lists[i].member);

		if (!json_array_size(list))
			continue;
		putchar('\n');
		ask_print_list(list, lists[i].fields, lists[i].n);
	}
	print_collectors(document, has_group, group_fields, G_N_ELEMENTS(group_fields));
	print_accounts(document);
	/* Apart from the other columns, so that it is never left out. */
	print_collectors(document, has_fault, collector_fault_fields,
			 G_N_ELEMENTS(collector_fault_fields));
}

int cli_status(int argc, char **argv)
{
	static const Question question = {
		.request = "status",
		.summary = "Shows how the agent is: interfaces, tables, collectors.",
		.print = print_status,
	};

	return ask(&question, argc, argv);
}
