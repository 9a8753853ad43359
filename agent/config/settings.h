/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML file read by tables: what a key is called, what its value must be, where it goes and what
 * stands there if the file says nothing.
 *
 * A table describes one mapping and the object that is filled from it. Its keys are dotted where
 * mappings lie in between ("hosts.max"). Lists of mappings have a table of their own, for each
 * item. The file is judged as a whole: every fault in it is reported, with its line.
 */
#ifndef FLOWTALLY_SETTINGS_H
#define FLOWTALLY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* What a value is, what it fills, and what `min` and `max` of its setting bound; first those of one
 * text (scalars), then lists, then mappings. */
typedef enum {
	SETTING_NUMBER,	  /* uint32_t; the number */
	SETTING_DURATION, /* uint64_t, milliseconds; the same */
	SETTING_SIZE,	  /* uint64_t, octets; the same */
	SETTING_BOOL,	  /* bool */
	SETTING_CHOICE,	  /* unsigned int or an enum: the index of the word in `words` */
	SETTING_TEXT,	  /* char *; its length in octets, unless `max` is 0 */
	SETTING_FLAGS,	  /* list of words, a bool each; how many words */
	SETTING_TEXTS,	  /* GPtrArray * of char *; how many */
	SETTING_PREFIXES, /* GArray * of Prefix; how many */
	SETTING_ITEMS,	  /* GPtrArray * of objects that `items` describes; how many */
	SETTING_PAIRS, /* a mapping with keys of the user's: GHashTable * of char * to char *; how many */
} SettingType;

typedef struct SettingTable SettingTable;

typedef struct {
	const char *word;
	size_t offset; /* of a bool in the table's object */
} SettingFlag;

typedef struct {
	const char *key;
	SettingType type;
	size_t offset;	      /* in the table's object; 0 for SETTING_FLAGS */
	const char *fallback; /* YAML, read if the key is absent; NULL: nothing is filled in */
	uint64_t min;
	uint64_t max;
	bool required; /* wherever the mapping is that directly holds it */
	bool secret;   /* no error shows the value */
	bool or_one;   /* SETTING_TEXTS: a text stands for the list of it alone */
	bool or_pair;  /* the same: a mapping of one key is the text "KEY: VALUE" */
	size_t line;   /* of a size_t, which then is the value's line in the file; 0: nobody asks */

	const char *const *words; /* SETTING_CHOICE; ends with NULL */
	bool (*is_valid)(
		const char *text); /* SETTING_TEXT, SETTING_TEXTS, values of SETTING_PAIRS */
	const char *form;	   /* the same; completes "... is not" */
	char *(*explain)(const char *text); /* the same; why it is not, to be freed; may be NULL */
	const SettingFlag *flags;	    /* SETTING_FLAGS; ends with a NULL word */
	const SettingTable *items;	    /* SETTING_ITEMS */
	char *(*canonical)(
		const char *key); /* SETTING_PAIRS: the same for all ways to write a key, to
					      * be freed; NULL: it is none */
	const char *key_form;	  /* the same; completes "... is not" */
} Setting;

struct SettingTable {
	const Setting *settings;
	size_t n; /* at most 64 */

	/* Of an item of a list: */
	size_t size;
	GDestroyNotify free;
	bool (*clash)(const void *a,
		      const void *b); /* whether one list cannot have both; may be NULL */
	const char *clash_reason;     /* completed by " as LIST[INDEX]" */
	bool one_key;		      /* it has exactly one of the keys */
	const char *(*fault)(
		const void *item); /* what is wrong with it as a whole; NULL: nothing */
};

/*
 * Fills @object, which is all zero, from the file at @path. Each fault becomes one line of @errors
 * (allocated strings), in the order of the file: "FILE:LINE: key: reason", or "FILE: reason" if it
 * cannot be read. False if there is any; then @object may be half filled, and is only fit to be
 * freed.
 */
bool settings_read(const SettingTable *table, const char *path, void *object, GPtrArray *errors);

/* The same of a text of ours, which is YAML, and instead of the file @path, that errors name. */
bool settings_read_text(const SettingTable *table, const char *path, const char *text, void *object,
			GPtrArray *errors);

/* Fills @object, which is all zero, as an empty file does. */
void settings_fall_back(const SettingTable *table, void *object);

#endif
