/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "base/inquiry.h"
#include "top_columns.h"
#include "top_model.h"
#include "top_plain.h"
#include "top_screen.h"

/* The document that is asked for: like "hosts", with sums as of this moment. */
#define REQUEST "live"

#define SAMPLE_MS 1000
#define LIMIT_MS 5000 /* how long an answer may take */
#define INTERVAL_S 2  /* of what is printed */

typedef enum {
	OUTPUT_TABLE,
	OUTPUT_JSON,
	OUTPUT_CSV,
} Output;

typedef struct {
	char *config_path;
	char *run;
	char *output;
	char *sort;
	char *interface;
	char *family;
	char *filter;
	char *units;
	gint window_s;
	gint limit;
	gint interval_s; /* 0: none is said, and the like */
	gint count;
	gboolean once;
	gboolean reversed;
	gboolean bytes;
} Options;

typedef struct {
	Options options;
	Output output;
	TopUnits units;
	TopModel *model;
	char *path;	  /* of the agent's socket */
	Inquiry *inquiry; /* NULL: none is under way */
	Inquiry *flows_inquiry;
	char *trouble; /* why there was no answer, NULL where there was */
	GMainLoop *loop;
	int status;
	bool has_screen;
	bool is_editing; /* the filter */
	bool shows_help;
	size_t help_first;   /* the line that comes first */
	gint printed;	     /* how many documents, ... */
	uint64_t printed_ms; /* ... and the time of the last, or of the first that was read */
} Top;

/* --- the command line */

static const char *const output_names[] = { "table", "json", "csv", NULL };
static const char *const family_names[] = { "all", "ipv4", "ipv6", NULL };
static const char *const key_names[] = {
	"total", "download", "upload", "name", "interface", "downloaded", "uploaded", NULL,
};
static const gint window_lengths[RATE_WINDOWS] = { 2, 10, 40 };

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_free(options->run);
	g_free(options->output);
	g_free(options->sort);
	g_free(options->interface);
	g_free(options->family);
	g_free(options->filter);
	g_free(options->units);
}

static GOptionContext *context_new(Options *options)
{
	const GOptionEntry entries[] = {
		ASK_AGENT_OPTIONS(&options->config_path, &options->run),
		{ "sort", 's', 0, G_OPTION_ARG_STRING, &options->sort,
		  "total (the default), download, upload, name, interface, downloaded or uploaded",
		  "KEY" },
		{ "window", 'w', 0, G_OPTION_ARG_INT, &options->window_s,
		  "Sort by the rate over 2 (the default), 10 or 40 seconds", "SECONDS" },
		{ "reverse", 0, 0, G_OPTION_ARG_NONE, &options->reversed,
		  "Sort the other way round", NULL },
		{ "interface", 'i', 0, G_OPTION_ARG_STRING, &options->interface,
		  "Show the devices of one interface", "NAME" },
		{ "family", 'f', 0, G_OPTION_ARG_STRING, &options->family,
		  "Count all (the default), ipv4 or ipv6", "FAMILY" },
		{ "filter", 0, 0, G_OPTION_ARG_STRING, &options->filter,
		  "Show what has TEXT in its name or addresses", "TEXT" },
		{ "bytes", 0, 0, G_OPTION_ARG_NONE, &options->bytes,
		  "Give rates in bytes instead of bits", NULL },
		{ "units", 'u', 0, G_OPTION_ARG_STRING, &options->units,
		  "Give bytes as si (the default; GB), iec (GiB) or bytes", "UNITS" },
		{ "once", 0, 0, G_OPTION_ARG_NONE, &options->once,
		  "Print the rates once, without a screen", NULL },
		{ "interval", 0, 0, G_OPTION_ARG_INT, &options->interval_s,
		  "Print every SECONDS (2), without a screen", "SECONDS" },
		{ "count", 0, 0, G_OPTION_ARG_INT, &options->count,
		  "Print N times, without a screen; else until it is ended", "N" },
		{ "output", 'o', 0, G_OPTION_ARG_STRING, &options->output,
		  "Print a table (the default), json or csv, without a screen", "FORMAT" },
		{ "limit", 'n', 0, G_OPTION_ARG_INT, &options->limit,
		  "Print the first N devices only", "N" },
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context, "Shows who is using the link now.");
	return context;
}

/* The number of @word, which is NULL for the first one; -1: there is no such word. */
static int find_word(const char *option, const char *word, const char *const *words, GError **error)
{
	g_autofree char *list = NULL;

	for (int i = 0; words[i]; i++) {
		if (!word || !strcmp(word, words[i]))
			return i;
	}
	list = g_strjoinv(", ", (char **)words);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: \"%s\" is none of %s",
		    option, word, list);
	return -1;
}

static int find_window(gint seconds, GError **error)
{
	for (int i = 0; i < RATE_WINDOWS; i++) {
		if (!seconds || seconds == window_lengths[i])
			return i;
	}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--window: %d is none of 2, 10, 40", seconds);
	return -1;
}

static bool is_at_least(const char *option, gint value, gint least, GError **error)
{
	if (value >= least)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: %d is less than %d",
		    option, value, least);
	return false;
}

static bool choose_numbers(const Options *options, GError **error)
{
	return is_at_least("interval", options->interval_s, 0, error) &&
	       is_at_least("count", options->count, 0, error) &&
	       is_at_least("limit", options->limit, 0, error);
}

static bool choose_units(Top *top, GError **error)
{
	const char *name = top->options.units ? top->options.units : "si";

	top->units.octets = top->options.bytes;
	if (text_parse_units(name, &top->units.units))
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--units: \"%s\" is none of si, iec, bytes", name);
	return false;
}

static bool choose_rows(Top *top, GError **error)
{
	const Options *options = &top->options;
	int key = find_word("sort", options->sort, key_names, error);
	int window = key < 0 ? -1 : find_window(options->window_s, error);
	int family = window < 0 ? -1 : find_word("family", options->family, family_names, error);

	if (family < 0)
		return false;
	top_model_sort(top->model, (TopKey)key, (RateWindow)window);
	if (options->reversed)
		top_model_reverse(top->model);
	top_model_choose_family(top->model, (TopFamily)family);
	if (options->interface)
		top_model_choose_interface(top->model, options->interface);
	if (options->filter)
		top_model_filter(top->model, options->filter);
	return true;
}

static bool choose(Top *top, int argc, char **argv, GError **error)
{
	int output = find_word("output", top->options.output, output_names, error);

	if (output < 0)
		return false;
	top->output = (Output)output;
	if (argc > 1) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
			    "unexpected argument: %s", argv[1]);
		return false;
	}
	return choose_numbers(&top->options, error) && choose_units(top, error) &&
	       choose_rows(top, error);
}

static bool parse(Top *top, int argc, char **argv)
{
	g_autoptr(GOptionContext) context = context_new(&top->options);
	g_autoptr(GError) error = NULL;

	g_set_prgname("flowtally top");
	if (g_option_context_parse(context, &argc, &argv, &error) &&
	    choose(top, argc, argv, &error))
		return true;
	ask_complain("top", error->message);
	return false;
}

/* --- without a screen */

static void print_json(const Top *top, size_t limit)
{
	json_t *document = top_plain_document(top->model, limit);

	/* Of several each is a line. */
	(void)json_dumpf(document, stdout, top->options.count == 1 ? JSON_INDENT(2) : JSON_COMPACT);
	putchar('\n');
	json_decref(document);
}

static void print(const Top *top)
{
	size_t limit = top->options.limit == G_MAXINT ? SIZE_MAX : (size_t)top->options.limit;

	switch (top->output) {
	case OUTPUT_JSON:
		print_json(top, limit);
		break;
	case OUTPUT_CSV:
		top_plain_csv(top->model, limit, !top->printed, stdout);
		break;
	case OUTPUT_TABLE:
	default:
		if (top->printed)
			putchar('\n');
		top_plain_table(top->model, limit, &top->units, stdout,
				table_terminal_width(stdout));
		break;
	}
}

static void end(Top *top, int status)
{
	top->status = status;
	g_main_loop_quit(top->loop);
}

/* The agent's times are a sample late or early. */
static bool is_due(const Top *top)
{
	uint64_t interval_ms = (uint64_t)top->options.interval_s * 1000;

	return top_model_state(top->model)->time_ms + SAMPLE_MS / 2 >=
	       top->printed_ms + interval_ms;
}

static void print_if_due(Top *top)
{
	if (!is_due(top))
		return;
	print(top);
	top->printed++;
	top->printed_ms = top_model_state(top->model)->time_ms;
	if (fflush(stdout) || ferror(stdout)) {
		ask_complain("stdout", g_strerror(errno));
		end(top, EXIT_FAILURE);
	} else if (top->printed == top->options.count) {
		end(top, EXIT_SUCCESS);
	}
}

/* --- keys */

static void on_sort(Top *top, int key)
{
	top_model_sort(top->model, (TopKey)key, top_model_state(top->model)->window);
}

static void on_window(Top *top, int window)
{
	top_model_sort(top->model, top_model_state(top->model)->key, (RateWindow)window);
}

static void on_column(Top *top, int step)
{
	const TopColumn *column = top_column_beside(top_model_state(top->model), step);

	top_model_sort(top->model, column->key, column->window);
}

static void on_reverse(Top *top, int argument)
{
	top_model_reverse(top->model);
}

static void on_freeze(Top *top, int argument)
{
	top_model_freeze(top->model, !top_model_state(top->model)->frozen);
}

static void on_pause(Top *top, int argument)
{
	top_model_pause(top->model, !top_model_state(top->model)->paused);
}

static void on_filter(Top *top, int argument)
{
	top->is_editing = true;
}

static void on_bytes(Top *top, int argument)
{
	top->units.octets = !top->units.octets;
}

static void on_units(Top *top, int argument)
{
	top->units.units = (top->units.units + 1) % TEXT_UNITS;
}

static void on_interface(Top *top, int argument)
{
	top_model_next_interface(top->model);
}

static void on_family(Top *top, int argument)
{
	top_model_choose_family(top->model,
				(top_model_state(top->model)->family + 1) % TOP_FAMILIES);
}

static void on_move(Top *top, int rows)
{
	top_model_select(top->model, rows);
}

static void on_page(Top *top, int pages)
{
	top_model_select(top->model, pages * MAX(top_screen_rows(), 1));
}

static void on_end(Top *top, int direction)
{
	top_model_select(top->model, 0);
	top_model_select(top->model, direction * (G_MAXINT / 2));
}

static void ask_for_flows(Top *top);

static void on_enter(Top *top, int view)
{
	top_model_enter(top->model, (TopView)view);
	/* What is under way is of another device. */
	g_clear_pointer(&top->flows_inquiry, inquiry_free);
	ask_for_flows(top);
}

/* To flows, or from them to addresses. */
static void on_flows(Top *top, int argument)
{
	on_enter(top, top_model_state(top->model)->view == TOP_FLOWS ? TOP_ADDRESSES : TOP_FLOWS);
}

/* One step back: from the addresses or flows, the selection, the filter. */
static void on_back(Top *top, int argument)
{
	const TopState *state = top_model_state(top->model);

	if (state->view != TOP_DEVICES)
		top_model_leave(top->model);
	else if (state->has_selection)
		top_model_unselect(top->model);
	else
		top_model_filter(top->model, "");
}

static void on_help(Top *top, int argument)
{
	top->shows_help = true;
	top->help_first = 0;
}

static void on_quit(Top *top, int argument)
{
	end(top, EXIT_SUCCESS);
}

typedef struct {
	gunichar key;
	void (*act)(Top *top, int argument);
	int argument;
} Key;

static const Key keys[] = {
	{ 't', on_sort, TOP_BY_TOTAL },
	{ 'd', on_sort, TOP_BY_DOWNLOAD },
	{ 'u', on_sort, TOP_BY_UPLOAD },
	{ 'n', on_sort, TOP_BY_NAME },
	{ 'D', on_sort, TOP_BY_DOWNLOADED },
	{ 'U', on_sort, TOP_BY_UPLOADED },
	{ '1', on_window, RATE_2S },
	{ '2', on_window, RATE_10S },
	{ '3', on_window, RATE_40S },
	{ '<', on_column, -1 },
	{ '>', on_column, 1 },
	{ 'r', on_reverse, 0 },
	{ 'o', on_freeze, 0 },
	{ ' ', on_pause, 0 },
	{ 'P', on_pause, 0 },
	{ '/', on_filter, 0 },
	{ 'b', on_bytes, 0 },
	{ 'B', on_units, 0 },
	{ 'i', on_interface, 0 },
	{ 'a', on_family, 0 },
	{ SCREEN_KEY_UP, on_move, -1 },
	{ SCREEN_KEY_DOWN, on_move, 1 },
	{ 'k', on_move, -1 },
	{ 'j', on_move, 1 },
	{ SCREEN_KEY_PAGE_UP, on_page, -1 },
	{ SCREEN_KEY_PAGE_DOWN, on_page, 1 },
	{ SCREEN_KEY_HOME, on_end, -1 },
	{ SCREEN_KEY_END, on_end, 1 },
	{ SCREEN_KEY_ENTER, on_enter, TOP_ADDRESSES },
	{ 'f', on_flows, 0 },
	{ SCREEN_KEY_LEFT, on_back, 0 },
	{ SCREEN_KEY_ESCAPE, on_back, 0 },
	{ SCREEN_KEY_BACKSPACE, on_back, 0 },
	{ '?', on_help, 0 },
	{ 'h', on_help, 0 },
	{ 'q', on_quit, 0 },
};

static const ScreenHelp help[] = {
	{ "d  u  t", "sort by download, by upload, by both together" },
	{ "1  2  3", "over 2, 10 or 40 seconds" },
	{ "D  U", "sort by the volume downloaded, uploaded" },
	{ "n", "sort by name" },
	{ "<  >", "sort by the column to the left, to the right" },
	{ "r", "reverse the order" },
	{ "o", "freeze the order, or let it go" },
	{ "space, P", "pause, or go on" },
	{ "/", "filter by a part of a name or address; Escape: by none" },
	{ "b", "rates in bits or in bytes" },
	{ "B", "bytes as GB, as GiB, as they are" },
	{ "i", "the next interface, then all of them" },
	{ "a", "IPv4, IPv6, then both" },
	{ "up, down, j, k", "select a device; also by pages, Home, End" },
	{ "Enter, right", "the addresses of that device, or of the first" },
	{ "f", "its flows, and from there its addresses" },
	{ "Escape, left", "back" },
	{ "q", "quit" },
};

static void erase_last(Top *top)
{
	const char *filter = top_model_state(top->model)->filter;
	const char *last = g_utf8_find_prev_char(filter, filter + strlen(filter));
	g_autofree char *rest = last ? g_strndup(filter, (gsize)(last - filter)) : g_strdup("");

	top_model_filter(top->model, rest);
}

static void type(Top *top, gunichar character)
{
	char octets[7] = "";
	g_autofree char *text = NULL;

	g_unichar_to_utf8(character, octets);
	text = g_strconcat(top_model_state(top->model)->filter, octets, NULL);
	top_model_filter(top->model, text);
}

static void edit(Top *top, gunichar key)
{
	switch (key) {
	case SCREEN_KEY_ESCAPE:
		top_model_filter(top->model, "");
		top->is_editing = false;
		break;
	case SCREEN_KEY_ENTER:
		top->is_editing = false;
		break;
	case SCREEN_KEY_BACKSPACE:
		erase_last(top);
		break;
	default:
		if (key < SCREEN_KEY_UP)
			type(top, key);
		break;
	}
}

/* To the next page, or back. */
static void leave_help(Top *top, gunichar key)
{
	top->help_first += (size_t)MAX(top_screen_rows(), 1);
	top->shows_help =
		key != SCREEN_KEY_ESCAPE && key != 'q' && top->help_first < G_N_ELEMENTS(help);
}

static void press(Top *top, gunichar key)
{
	if (key == SCREEN_KEY_OTHER)
		return;
	if (top->is_editing) {
		edit(top, key);
		return;
	}
	if (top->shows_help) {
		leave_help(top, key);
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (keys[i].key == key)
			keys[i].act(top, keys[i].argument);
	}
}

/* --- the screen */

static void draw(const Top *top)
{
	const Screen screen = {
		.model = top->model,
		.units = &top->units,
		.trouble = top->trouble,
		.is_editing = top->is_editing,
		.help = top->shows_help ? help : NULL,
		.n_help = G_N_ELEMENTS(help),
		.help_first = top->help_first,
	};

	top_screen_draw(&screen);
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer user_data)
{
	Top *top = user_data;
	gunichar key;

	while (top_screen_key(&key))
		press(top, key);
	if (condition & (G_IO_HUP | G_IO_ERR)) {
		end(top, EXIT_SUCCESS);
		return G_SOURCE_REMOVE;
	}
	draw(top);
	return G_SOURCE_CONTINUE;
}

static gboolean on_resize(gpointer user_data)
{
	top_screen_resize();
	draw(user_data);
	return G_SOURCE_CONTINUE;
}

static gboolean on_stop(gpointer user_data)
{
	end(user_data, EXIT_SUCCESS);
	return G_SOURCE_CONTINUE;
}

/* --- the agent */

static void take_failure(Top *top, const char *reason)
{
	if (top->has_screen) {
		g_free(top->trouble);
		top->trouble = text_printable(reason);
		draw(top);
		return;
	}
	ask_complain("top", reason);
	end(top, EXIT_FAILURE);
}

static void on_answer(json_t *document, const GError *error, void *user_data)
{
	Top *top = user_data;
	g_autoptr(GError) fault = NULL;

	g_clear_pointer(&top->inquiry, inquiry_free);
	if (!document || !top_model_add(top->model, document, &fault)) {
		take_failure(top, document ? fault->message : error->message);
		return;
	}
	g_clear_pointer(&top->trouble, g_free);
	if (top->has_screen)
		draw(top);
	else
		print_if_due(top);
}

static void on_flows_answer(json_t *document, const GError *error, void *user_data)
{
	Top *top = user_data;
	g_autoptr(GError) fault = NULL;

	g_clear_pointer(&top->flows_inquiry, inquiry_free);
	if (!document || !top_model_add_flows(top->model, document, &fault))
		take_failure(top, document ? fault->message : error->message);
	else
		draw(top);
}

/* Where they are shown. */
static void ask_for_flows(Top *top)
{
	g_autofree char *request = top_model_flows_request(top->model);

	if (request && !top->flows_inquiry)
		top->flows_inquiry =
			inquiry_new(top->path, request, LIMIT_MS, on_flows_answer, top);
}

static gboolean on_second(gpointer user_data)
{
	Top *top = user_data;

	ask_for_flows(top);
	if (!top->inquiry)
		top->inquiry = inquiry_new(top->path, REQUEST, LIMIT_MS, on_answer, top);
	return G_SOURCE_CONTINUE;
}

/* The first document, from which rates are counted; there is nothing to show without it. */
static bool read_first(Top *top)
{
	g_autoptr(GError) error = NULL;
	json_t *document;
	bool added;

	top->path = ask_find_agent(top->options.config_path, top->options.run);
	document = top->path ? ask_agent("top", top->path, REQUEST) : NULL;
	if (!document)
		return false;
	added = top_model_add(top->model, document, &error);
	json_decref(document);
	if (!added)
		ask_complain("top", error->message);
	top->printed_ms = top_model_state(top->model)->time_ms;
	return added;
}

/* --- together */

static bool wants_screen(const Options *options)
{
	return !options->once && !options->interval_s && !options->count && !options->output &&
	       isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void run_screen(Top *top)
{
	g_autoptr(GError) error = NULL;

	/* Before ncurses takes the signal for itself. */
	g_unix_signal_add(SIGWINCH, on_resize, top);
	g_unix_signal_add(SIGINT, on_stop, top);
	g_unix_signal_add(SIGTERM, on_stop, top);
	if (!top_screen_open(&error)) {
		ask_complain("top", error->message);
		top->status = EXIT_FAILURE;
		return;
	}
	top->has_screen = true;
	g_unix_fd_add(STDIN_FILENO, G_IO_IN, on_input, top);
	draw(top);
	g_main_loop_run(top->loop);
	top_screen_close();
}

static void run_plain(Top *top)
{
	if (top->options.once)
		top->options.count = 1;
	if (!top->options.interval_s)
		top->options.interval_s = INTERVAL_S;
	g_main_loop_run(top->loop);
}

static void run(Top *top)
{
	if (!read_first(top)) {
		top->status = EXIT_FAILURE;
		return;
	}
	g_timeout_add(SAMPLE_MS, on_second, top);
	if (wants_screen(&top->options))
		run_screen(top);
	else
		run_plain(top);
}

int cli_top(int argc, char **argv)
{
	Top top = {
		.model = top_model_new(),
		.loop = g_main_loop_new(NULL, FALSE),
		.status = CLI_USAGE,
		.options.limit = G_MAXINT,
	};

	if (parse(&top, argc, argv))
		run(&top);
	options_done(&top.options);
	inquiry_free(top.inquiry);
	inquiry_free(top.flows_inquiry);
	g_main_loop_unref(top.loop);
	top_model_free(top.model);
	g_free(top.trouble);
	g_free(top.path);
	return top.status;
}
