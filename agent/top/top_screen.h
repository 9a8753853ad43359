/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen of `flowtally top`: the only file that includes ncurses. There is one terminal, so it is no
 * object.
 */
#ifndef FLOWTALLY_TOP_SCREEN_H
#define FLOWTALLY_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "top_columns.h"
#include "top_model.h"

/* Keys that are no characters; they lie beyond those of Unicode. */
enum {
	SCREEN_KEY_UP = 0x110000,
	SCREEN_KEY_DOWN,
	SCREEN_KEY_PAGE_UP,
	SCREEN_KEY_PAGE_DOWN,
	SCREEN_KEY_HOME,
	SCREEN_KEY_END,
	SCREEN_KEY_ENTER,
	SCREEN_KEY_LEFT,
	SCREEN_KEY_ESCAPE,
	SCREEN_KEY_BACKSPACE,
	SCREEN_KEY_OTHER,
};

/* A line of the help. */
typedef struct {
	const char *keys;
	const char *text;
} ScreenHelp;

/* What the screen is to show, besides the model. */
typedef struct {
	const TopModel *model;
	const TopUnits *units;
	const char *trouble;	/* why the agent does not answer, or NULL */
	bool is_editing;	/* the filter of the model */
	const ScreenHelp *help; /* NULL: rows are shown */
	size_t n_help;
	size_t help_first; /* the line of it that comes first */
} Screen;

/* Fails where the terminal cannot do it, saying so. */
bool top_screen_open(GError **error);

/* The terminal is as it was before. */
void top_screen_close(void);

void top_screen_draw(const Screen *screen);
void top_screen_resize(void); /* after SIGWINCH */

/* How many rows there is room for. */
int top_screen_rows(void);

/* The next key that has been pressed, without waiting; false: none. */
bool top_screen_key(gunichar *key);

#endif
