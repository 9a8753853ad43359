/* SPDX-License-Identifier: Apache-2.0 */
#include "top_screen.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "top_plain.h"

#define ESCAPE_DELAY_MS 25
#define WIDE 80 /* columns from which on there is room for more than what is needed */

enum line {
	LINE_HEAD,
	LINE_CHOICE,
	LINE_TITLES,
	LINE_ROWS,
};

enum pair {
	PAIR_TITLE = 1,
	PAIR_TROUBLE,
};

static SCREEN *terminal;
static bool is_coloured;
static guint first_row; /* at the top of the screen */

/* --- the terminal */

static void start_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	is_coloured = has_colors() && !(no_color && *no_color) && start_color() == OK;
	if (!is_coloured)
		return;
	use_default_colors();
	init_pair(PAIR_TITLE, COLOR_CYAN, -1);
	init_pair(PAIR_TROUBLE, COLOR_RED, -1);
}

static bool is_able(const char *name, GError **error)
{
	if (name && *name && strcmp(name, "dumb"))
		return true;
	error_set(error, "TERM is \"%s\": a screen takes a better terminal (--once does without)",
		  name ? name : "");
	return false;
}

bool top_screen_open(GError **error)
{
	const char *name = getenv("TERM");

	if (!is_able(name, error))
		return false;
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		g_autofree char *text = text_printable(name);

		error_set(error, "TERM is \"%s\", which is not known here (--once does without)",
			  text);
		return false;
	}
	start_colours();
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	(void)set_escdelay(ESCAPE_DELAY_MS);
	return true;
}

void top_screen_close(void)
{
	if (!terminal)
		return;
	(void)endwin();
	delscreen(terminal);
	terminal = NULL;
}

void top_screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		(void)resizeterm(size.ws_row, size.ws_col);
	/* What the terminal has made of the old picture is anyone's guess. */
	(void)clearok(stdscr, TRUE);
}

int top_screen_rows(void)
{
	return MAX(LINES - LINE_ROWS - 1, 0);
}

/* --- keys */

static const struct {
	wint_t code;
	gunichar key;
} special_keys[] = {
	{ KEY_UP, SCREEN_KEY_UP },	   { KEY_DOWN, SCREEN_KEY_DOWN },
	{ KEY_PPAGE, SCREEN_KEY_PAGE_UP }, { KEY_NPAGE, SCREEN_KEY_PAGE_DOWN },
	{ KEY_HOME, SCREEN_KEY_HOME },	   { KEY_END, SCREEN_KEY_END },
	{ KEY_ENTER, SCREEN_KEY_ENTER },   { KEY_LEFT, SCREEN_KEY_LEFT },
	{ KEY_RIGHT, SCREEN_KEY_ENTER },   { KEY_BACKSPACE, SCREEN_KEY_BACKSPACE },
};

static const struct {
	wint_t character;
	gunichar key;
} control_characters[] = {
	{ '\r', SCREEN_KEY_ENTER },	  { '\n', SCREEN_KEY_ENTER },
	{ '\033', SCREEN_KEY_ESCAPE },	  { '\b', SCREEN_KEY_BACKSPACE },
	{ '\177', SCREEN_KEY_BACKSPACE },
};

static gunichar key_of_code(wint_t code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(special_keys); i++) {
		if (special_keys[i].code == code)
			return special_keys[i].key;
	}
	return SCREEN_KEY_OTHER;
}

static gunichar key_of_character(wint_t character)
{
	for (size_t i = 0; i < G_N_ELEMENTS(control_characters); i++) {
		if (control_characters[i].character == character)
			return control_characters[i].key;
	}
	return g_unichar_isprint(character) ? character : SCREEN_KEY_OTHER;
}

bool top_screen_key(gunichar *key)
{
	wint_t code;

	switch (get_wch(&code)) {
	case KEY_CODE_YES:
		*key = key_of_code(code);
		return true;
	case OK:
		*key = key_of_character(code);
		return true;
	default:
		return false;
	}
}

/* --- the picture */

static attr_t title_attributes(void)
{
	return A_BOLD | (is_coloured ? (attr_t)COLOR_PAIR(PAIR_TITLE) : 0);
}

static attr_t trouble_attributes(void)
{
	return A_BOLD | (is_coloured ? (attr_t)COLOR_PAIR(PAIR_TROUBLE) : 0);
}

/* As the terminal can show it: UTF-8, or "?" for what is not ASCII. Takes over @text. */
static char *in_charset(char *text)
{
	if (g_get_charset(NULL))
		return text;
	for (char *character = text; *character; character++) {
		if (*character & 0x80)
			*character = '?';
	}
	return text;
}

/* What is printable, cut to @width columns. */
static void put(int line, int column, const char *text, int width, attr_t attributes)
{
	g_autofree char *cut = in_charset(text_cut(text, (size_t)MAX(width, 0)));

	(void)attrset((int)attributes);
	(void)mvaddstr(line, column, cut);
	(void)attrset(A_NORMAL);
}

static void put_line(int line, const char *text, attr_t attributes)
{
	put(line, 0, text, COLS, attributes);
}

static void put_right(int line, int column, const char *text, int width, attr_t attributes)
{
	int padding = MAX(width - (int)text_width(text), 0);

	put(line, column + padding, text, width, attributes);
}

/* They are as old as the agent's last sweep, which is not worth a word if it is of this second. */
static void append_flows(const TopState *state, guint rows, GString *line)
{
	if (!state->flows_ms) {
		g_string_append_printf(line, "flows of %s", state->device);
		return;
	}
	g_string_append_printf(line, "%u%s %s of %s", rows, state->flows_cut ? " of many" : "",
			       rows == 1 && !state->flows_cut ? "flow" : "flows", state->device);
	if (!state->paused && state->time_ms >= state->flows_ms + 2000)
		g_string_append_printf(line, ", %u s ago",
				       (unsigned int)((state->time_ms - state->flows_ms) / 1000));
}

static void append_rows(const Screen *screen, GString *line)
{
	const TopState *state = top_model_state(screen->model);
	guint rows = top_model_rows(screen->model)->len;
	g_autofree char *devices = top_plain_devices(state);

	if (state->view == TOP_ADDRESSES)
		g_string_append_printf(line, "addresses of %s", state->device);
	else if (state->view == TOP_FLOWS)
		append_flows(state, rows, line);
	else if (rows != state->devices)
		g_string_append_printf(line, "%u of %s", rows, devices);
	else
		g_string_append(line, devices);
}

static void draw_head(const Screen *screen)
{
	const TopState *state = top_model_state(screen->model);
	const double *down = state->total.rate[DIRECTION_DOWNLOAD],
		     *up = state->total.rate[DIRECTION_UPLOAD];
	g_autofree char *time = top_plain_time(state);
	g_autofree char *down_text = top_rate(down[state->window], screen->units);
	g_autofree char *up_text = top_rate(up[state->window], screen->units);
	g_autoptr(GString) line = g_string_new(COLS >= WIDE ? "flowtally top  " : "");

	g_string_append_printf(line, "%s  ", time);
	if (screen->trouble) {
		g_string_append_printf(line, "%s; trying again", screen->trouble);
	} else {
		g_string_append_printf(line, "down %s  up %s  ", down_text, up_text);
		append_rows(screen, line);
	}
	put_line(LINE_HEAD, line->str, screen->trouble ? trouble_attributes() : A_BOLD);
}

static const char *name_of_key(const TopState *state)
{
	static const char *const names[TOP_KEYS] = {
		[TOP_BY_TOTAL] = "total",
		[TOP_BY_DOWNLOAD] = "download",
		[TOP_BY_UPLOAD] = "upload",
		[TOP_BY_NAME] = "name",
		[TOP_BY_DOWNLOADED] = "volume of download",
		[TOP_BY_UPLOADED] = "volume of upload",
	};

	static const char *const places[TOP_VIEWS] = {
		[TOP_DEVICES] = "interface",
		[TOP_ADDRESSES] = "scope",
		[TOP_FLOWS] = "near end",
	};

	return state->key == TOP_BY_PLACE ? places[state->view] : names[state->key];
}

/* What is special comes first: a narrow terminal cuts the line. */
static void draw_choice(const Screen *screen)
{
	static const char *const families[TOP_FAMILIES] = {
		[TOP_ALL_FAMILIES] = "IPv4 and IPv6",
		[TOP_IPV4] = "IPv4 only",
		[TOP_IPV6] = "IPv6 only",
	};
	const TopState *state = top_model_state(screen->model);
	g_autoptr(GString) line = g_string_new(NULL);

	if (state->paused)
		g_string_append(line, "paused, ");
	if (state->frozen)
		g_string_append(line, "order frozen, ");
	if (*state->filter)
		g_string_append_printf(line, "only \"%s\", ", state->filter);
	g_string_append_printf(line, "%s, %s, by %s%s over %u s",
			       state->interface ? state->interface : "all interfaces",
			       families[state->family], name_of_key(state),
			       state->reversed ? ", reversed," : "",
			       (unsigned int)(rate_windows[state->window] / 1000));
	put_line(LINE_CHOICE, line->str, state->paused || state->frozen ? A_BOLD : A_NORMAL);
}

static void draw_cell(int line, int x, size_t i, const char *text, size_t width, attr_t attributes)
{
	if (top_columns[i].column.align == TABLE_RIGHT)
		put_right(line, x, text, (int)width, attributes);
	else
		put(line, x, text, (int)width, attributes);
}

static void draw_titles(const Screen *screen, const size_t widths[TOP_COLUMNS])
{
	const TopState *state = top_model_state(screen->model);
	int x = 0;

	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		const TopColumn *column = &top_columns[i];
		bool is_sorted = top_is_sorted_by(state, column);

		if (!widths[i])
			continue;
		draw_cell(LINE_TITLES, x, i, top_title(column, state->view), widths[i],
			  title_attributes() | (is_sorted ? A_UNDERLINE : 0));
		x += (int)widths[i] + TOP_GAP;
	}
}

static char *cell_text(const Screen *screen, const TopRow *row, size_t i, size_t width)
{
	return i ? top_cell(row, &top_columns[i], screen->units) : top_name(row, width);
}

static void draw_row(const Screen *screen, int line, const TopRow *row, bool is_selected,
		     const size_t widths[TOP_COLUMNS])
{
	attr_t attributes = is_selected ? A_REVERSE : A_NORMAL;
	int x = 0;

	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		g_autofree char *text = NULL;

		if (!widths[i])
			continue;
		text = cell_text(screen, row, i, widths[i]);
		draw_cell(line, x, i, text, widths[i], attributes);
		x += (int)widths[i] + TOP_GAP;
	}
	if (is_selected)
		(void)mvchgat(line, 0, -1, A_REVERSE, 0, NULL);
}

/* As little as it takes to have the selection in sight; without one, the first rows are. */
static void keep_in_sight(const TopState *state, guint room)
{
	if (!state->has_selection)
		first_row = 0;
	else if (state->selected < first_row)
		first_row = state->selected;
	else if (state->selected >= first_row + room)
		first_row = state->selected - room + 1;
}

/* Why there are no rows; NULL: there is nothing to be said. */
static const char *why_nothing(const TopState *state)
{
	if (state->view != TOP_FLOWS)
		return NULL;
	if (!state->flows_ms)
		return "the agent is asked for flows";
	if (!state->flows_metered)
		return "no interface meters flows (meter: [hosts, flows] in flowtally.yaml)";
	return *state->filter ? NULL : "it has no flows now";
}

static void draw_rows(const Screen *screen)
{
	const TopState *state = top_model_state(screen->model);
	const GPtrArray *rows = top_model_rows(screen->model);
	guint room = (guint)top_screen_rows();
	size_t widths[TOP_COLUMNS];

	top_fit(state->view, screen->units, (size_t)COLS, widths);
	draw_titles(screen, widths);
	keep_in_sight(state, MAX(room, 1));
	if (!rows->len && room && why_nothing(state))
		put_line(LINE_ROWS, why_nothing(state), A_NORMAL);
	for (guint i = 0; i < room && first_row + i < rows->len; i++)
		draw_row(screen, LINE_ROWS + (int)i, rows->pdata[first_row + i],
			 state->has_selection && state->selected == first_row + i, widths);
}

static bool help_goes_on(const Screen *screen)
{
	return screen->help_first + (size_t)top_screen_rows() < screen->n_help;
}

static void draw_help(const Screen *screen)
{
	size_t n = MIN(screen->n_help - screen->help_first, (size_t)top_screen_rows());

	for (size_t i = 0; i < n; i++) {
		const ScreenHelp *help = &screen->help[screen->help_first + i];

		put(LINE_ROWS + (int)i, 2, help->keys, COLS - 2, A_BOLD);
		put(LINE_ROWS + (int)i, 20, help->text, COLS - 20, A_NORMAL);
	}
}

static const char *foot_text(const Screen *screen)
{
	if (!screen->help)
		return "? help  q quit  space pause  / filter  enter addresses  f flows  "
		       "d u t sort  o freeze  b bits or bytes";
	return help_goes_on(screen) ? "any key: more  Escape: back" : "any key: back";
}

static void draw_foot(const Screen *screen)
{
	g_autofree char *typed =
		g_strdup_printf("filter: %s", top_model_state(screen->model)->filter);

	if (screen->is_editing) {
		put_line(LINES - 1, typed, A_BOLD);
		return;
	}
	put_line(LINES - 1, foot_text(screen), A_NORMAL);
}

void top_screen_draw(const Screen *screen)
{
	(void)erase();
	draw_head(screen);
	draw_choice(screen);
	if (screen->help)
		draw_help(screen);
	else
		draw_rows(screen);
	draw_foot(screen);
	(void)curs_set(screen->is_editing ? 1 : 0);
	(void)refresh();
}
