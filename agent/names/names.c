/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <errno.h>
#include <string.h>

#include "filewatch.h"
#include "base/mac.h"
#include "nameformat/nameparser.h"
#include "nametable.h"
#include "base/prefix.h"
#include "base/text.h"

/* The registries have about 60,000. */
#define VENDORS_MAX (1 << 20)

typedef struct {
	NamesKind kind;
	char *path; /* NULL: the configuration */
	size_t max;
	FileWatch *watch;
	NameTable *table;
	uint64_t bad_lines;
	char *error;	/* NULL: the last reading went well */
	bool is_absent; /* that was the error */
	char *said;	/* the last bad line in the log; NULL: none was */

	/* Of the reading that is under way: */
	NameTable *next;
	NameParser *parser; /* of the current file; NULL: there is none */
	char *file;
	uint64_t next_bad_lines;
	char *first_bad; /* "FILE:LINE: reason" */
} Source;

struct Names {
	GPtrArray *sources; /* of Source; the last one is that of vendors */
};

/*
 * The files that belong to one source are read before it, where they exist. Kea now and then moves its log
 * to ".1" and writes what still holds to ".2".
 */
static const struct {
	const char *suffix; /* of the source's path; NULL: beside it ... */
	const char *name;   /* ... by that name */
} companions[NAMES_KINDS][3] = {
	[NAMES_KEA] = { { ".2", NULL }, { ".1", NULL } },
	[NAMES_VENDORS] = { { NULL, "mam.txt" }, { NULL, "oui36.txt" }, { NULL, "iab.txt" } },
};

#define FILES_MAX (G_N_ELEMENTS(companions[0]) + 1)

static void take_entry(const NameEntry *entry, void *user_data)
{
	name_table_add(user_data, entry);
}

static void on_begin(void *user_data)
{
	Source *source = user_data;

	g_clear_pointer(&source->next, name_table_free);
	g_clear_pointer(&source->parser, name_parser_free);
	g_clear_pointer(&source->first_bad, g_free);
	source->next_bad_lines = 0;
	source->next = name_table_new(source->max);
}

static void end_file(Source *source)
{
	BadLines bad;

	if (!source->parser)
		return;
	name_parser_end(source->parser);
	bad = name_parser_bad_lines(source->parser);
	if (bad.count && !source->first_bad)
		source->first_bad = g_strdup_printf("%s:%" G_GUINT64_FORMAT ": %s", source->file,
						    bad.first, bad.reason);
	source->next_bad_lines += bad.count;
	g_clear_pointer(&source->parser, name_parser_free);
}

static void on_open(const char *path, void *user_data)
{
	Source *source = user_data;

	end_file(source);
	g_free(source->file);
	source->file = g_strdup(path);
	source->parser = name_parser_new(source->kind, take_entry, source->next);
}

static void on_take(const char *octets, size_t len, void *user_data)
{
	Source *source = user_data;

	name_parser_feed(source->parser, octets, len);
}

static void say_bad_lines(Source *source)
{
	if (source->first_bad && g_strcmp0(source->first_bad, source->said))
		g_warning("%s (lines left out: %" G_GUINT64_FORMAT ")", source->first_bad,
			  source->next_bad_lines);
	g_free(source->said);
	source->said = g_steal_pointer(&source->first_bad);
}

static void set_error(Source *source, const char *error)
{
	bool is_new = g_strcmp0(source->error, error);

	if (is_new && error && !(source->kind == NAMES_VENDORS && source->is_absent))
		g_warning("%s", error);
	else if (is_new && !error)
		g_message("%s is read", source->path);
	if (is_new) {
		g_free(source->error);
		source->error = g_strdup(error);
	}
}

static void replace_table(Source *source, NameTable *table)
{
	name_table_free(source->table);
	source->table = table;
	source->bad_lines = source->next_bad_lines;
}

static void on_finish(void *user_data)
{
	Source *source = user_data;
	g_autofree char *error = NULL;
	size_t left_out;

	end_file(source);
	left_out = name_table_left_out(source->next);
	if (left_out)
		error = g_strdup_printf("%s: more than %zu entries (hosts.max): the others are "
					"left out",
					source->path, source->max);
	replace_table(source, g_steal_pointer(&source->next));
	source->is_absent = false;
	set_error(source, error);
	say_bad_lines(source);
}

/* Where a file has gone, so have its names. */
static void on_fail(const GError *error, void *user_data)
{
	Source *source = user_data;

	g_clear_pointer(&source->parser, name_parser_free);
	g_clear_pointer(&source->next, name_table_free);
	g_clear_pointer(&source->first_bad, g_free);
	source->is_absent = error->code == ENOENT;
	if (source->is_absent) {
		source->next_bad_lines = 0;
		replace_table(source, name_table_new(source->max));
	}
	set_error(source, error->message);
}

static const FileWatchCallbacks callbacks = {
	.begin = on_begin,
	.open = on_open,
	.take = on_take,
	.finish = on_finish,
	.fail = on_fail,
};

static char *companion_path(const char *path, const char *suffix, const char *name)
{
	g_autofree char *directory = g_path_get_dirname(path);

	return suffix ? g_strconcat(path, suffix, NULL) : g_build_filename(directory, name, NULL);
}

static void watch_files(Source *source)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	for (size_t i = 0; i < FILES_MAX - 1; i++) {
		const char *suffix = companions[source->kind][i].suffix;
		const char *name = companions[source->kind][i].name;

		if (suffix || name)
			g_ptr_array_add(paths, companion_path(source->path, suffix, name));
	}
	g_ptr_array_add(paths, g_strdup(source->path));
	source->watch =
		file_watch_new((const char *const *)paths->pdata, paths->len, &callbacks, source);
}

static void source_free(gpointer data)
{
	Source *source = data;

	if (!source)
		return;
	file_watch_free(source->watch);
	name_table_free(source->table);
	name_table_free(source->next);
	name_parser_free(source->parser);
	g_free(source->path);
	g_free(source->file);
	g_free(source->first_bad);
	g_free(source->said);
	g_free(source->error);
	g_free(source);
}

static Source *source_new(NamesKind kind, const char *path, size_t max)
{
	Source *source = g_new0(Source, 1);

	source->kind = kind;
	source->path = g_strdup(path);
	source->max = max;
	source->table = name_table_new(max);
	return source;
}

/* The keys are MACs or addresses, which has been checked. */
static void add_static(NameTable *table, const char *key, const char *name)
{
	uint8_t mac[MAC_LEN], address[ADDRESS_LEN];
	NameEntry entry = { .mac_bits = NAME_MAC_BITS, .name = name };

	if (mac_parse(mac, key))
		entry.mac = mac;
	else if (name_parse_address(address, key))
		entry.address = address;
	name_table_add(table, &entry);
}

static Source *static_source_new(GHashTable *pairs)
{
	Source *source = source_new(NAMES_STATIC, NULL, SIZE_MAX);
	GHashTableIter iter;
	gpointer key, name;

	g_hash_table_iter_init(&iter, pairs);
	while (g_hash_table_iter_next(&iter, &key, &name))
		add_static(source->table, key, name);
	return source;
}

/* The one of @sources, which then lacks it. */
static Source *take_source(GPtrArray *sources, NamesKind kind, const char *path)
{
	for (guint i = 0; sources && i < sources->len; i++) {
		Source *source = sources->pdata[i];

		if (source->kind == kind && !g_strcmp0(source->path, path))
			return g_ptr_array_steal_index(sources, i);
	}
	return NULL;
}

static Source *file_source(Names *names, GPtrArray *before, NamesKind kind, const char *path,
			   size_t max)
{
	Source *source = take_source(before, kind, path);

	if (source) {
		source->max = max;
		file_watch_read(source->watch);
	} else {
		source = source_new(kind, path, max);
		watch_files(source);
	}
	return source;
}

void names_set_config(Names *names, const Config *config)
{
	g_autoptr(GPtrArray) before = names->sources;

	names->sources = g_ptr_array_new_with_free_func(source_free);
	for (guint i = 0; i < config->hosts.names->len; i++) {
		const NamesConfig *item = config->hosts.names->pdata[i];

		g_ptr_array_add(names->sources, item->pairs ?
							static_source_new(item->pairs) :
							file_source(names, before, item->kind,
								    item->path, config->hosts.max));
	}
	g_ptr_array_add(names->sources, file_source(names, before, NAMES_VENDORS,
						    config->hosts.vendors, VENDORS_MAX));
}

Names *names_new(const Config *config)
{
	Names *names = g_new0(Names, 1);

	names_set_config(names, config);
	return names;
}

void names_free(Names *names)
{
	if (!names)
		return;
	g_ptr_array_unref(names->sources);
	g_free(names);
}

static bool has_address(const struct host_key *key)
{
	static const uint8_t none[ADDRESS_LEN];

	return memcmp(key->address, none, ADDRESS_LEN);
}

static const char *find_in(const NameTable *table, const struct host_key *const *keys, size_t n,
			   int64_t now_s)
{
	const char *name = NULL;

	for (size_t i = 0; i < n && !name; i++) {
		/* Mostly all keys of a host have the same MAC. */
		if (!mac_is_zero(keys[i]->mac) &&
		    !(i && !memcmp(keys[i]->mac, keys[i - 1]->mac, MAC_LEN)))
			name = name_table_find_mac(table, keys[i]->mac, NAME_MAC_BITS);
	}
	for (size_t i = 0; i < n && !name; i++) {
		if (has_address(keys[i]))
			name = name_table_find_address(table, keys[i]->address, now_s);
	}
	return name;
}

const char *names_find(const Names *names, const struct host_key *const *keys, size_t n)
{
	int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
	const char *name = NULL;

	for (guint i = 0; i + 1 < names->sources->len && !name; i++) {
		const Source *source = names->sources->pdata[i];

		name = find_in(source->table, keys, n, now_s);
	}
	return name;
}

const char *names_vendor(const Names *names, const uint8_t mac[MAC_LEN])
{
	static const unsigned int blocks[] = { 36, 28, 24 };
	const Source *vendors = names->sources->pdata[names->sources->len - 1];
	const char *vendor = NULL;

	if (mac_is_zero(mac) || mac_is_private(mac))
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(blocks) && !vendor; i++)
		vendor = name_table_find_mac(vendors->table, mac, blocks[i]);
	return vendor;
}

/* Vendors, where they are not installed, are nothing to speak of. */
static bool is_shown(const Source *source)
{
	return source->kind != NAMES_VENDORS || !source->is_absent;
}

bool names_status(const Names *names, size_t index, NamesStatus *status)
{
	const Source *source = index < names->sources->len ? names->sources->pdata[index] : NULL;

	if (!source || !is_shown(source))
		return false;
	*status = (NamesStatus){
		.kind = names_kind_words[source->kind],
		.path = source->path,
		.entries = name_table_entries(source->table),
		.bad_lines = source->bad_lines,
		.reading = source->next,
		.error = source->error,
	};
	return true;
}
