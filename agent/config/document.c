/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define FILE_MAX (1 << 20) /* octets */
/* Far more than any of our tables has. libyaml needs quadratic time for very deep nesting. */
#define DEPTH_MAX 32

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_parser_t, yaml_parser_delete)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_event_t, yaml_event_delete)

typedef struct {
	char *text;
	size_t len;
} Contents;

static void contents_clear(Contents *contents)
{
	g_free(contents->text);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Contents, contents_clear)

static bool read_file(Contents *contents, const char *path, GError **error)
{
	FILE *file = fopen(path, "re");
	int error_number;

	if (!file) {
		error_from_errno(error, errno, "%s", path);
		return false;
	}
	contents->text = g_malloc(FILE_MAX + 1);
	contents->len = fread(contents->text, 1, FILE_MAX + 1, file);
	error_number = ferror(file) ? errno : 0;
	(void)fclose(file);
	if (error_number) {
		error_from_errno(error, error_number, "%s", path);
		return false;
	}
	if (contents->len > FILE_MAX) {
		error_set(error, "%s: the file is longer than %d octets", path, FILE_MAX);
		return false;
	}
	return true;
}

/* What libyaml says of common slips helps only those who know its grammar. */
static const struct {
	const char *words; /* libyaml's context or problem */
	const char *hint;
} hints[] = {
	{ "while scanning an alias", " (a value that begins with * must be quoted)" },
	{ "while scanning an anchor", " (a value that begins with & must be quoted)" },
	{ "did not find expected node content", " (a value to be quoted?)" },
	{ "found character that cannot start any token", " (a tab, or a value to be quoted?)" },
};

static const char *hint_for(const yaml_parser_t *parser)
{
	for (size_t i = 0; i < G_N_ELEMENTS(hints); i++) {
		if (g_strcmp0(parser->context, hints[i].words) == 0 ||
		    g_strcmp0(parser->problem, hints[i].words) == 0)
			return hints[i].hint;
	}
	return "";
}

/* Where octets are no text libyaml tells their offset, else the line. */
static size_t problem_line(const yaml_parser_t *parser, const Contents *contents)
{
	size_t line = 1;

	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < MIN(parser->problem_offset, contents->len); i++)
		line += contents->text[i] == '\n';
	return line;
}

static void error_from_parser(GError **error, const char *path, const yaml_parser_t *parser,
			      const Contents *contents)
{
	const char *context = parser->context ? parser->context : "not YAML";
	const char *problem = parser->problem ? parser->problem : "out of memory";

	error_set(error, "%s:%zu: %s: %s%s", path, problem_line(parser, contents), context, problem,
		  hint_for(parser));
}

typedef struct {
	unsigned int depth;
	unsigned int documents;
} Shape;

static const char *refuse_node(const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return "anchors are not supported (a value that begins with & must be quoted)";
	if (tag)
		return "tags are not supported (a value that begins with ! must be quoted)";
	return NULL;
}

static const char *refuse_collection(Shape *shape, const yaml_char_t *anchor,
				     const yaml_char_t *tag)
{
	if (++shape->depth > DEPTH_MAX)
		return "the values are nested too deeply";
	return refuse_node(anchor, tag);
}

/* The reason, or NULL. */
static const char *refuse_event(Shape *shape, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return ++shape->documents > 1 ? "a second document begins here" : NULL;
	case YAML_ALIAS_EVENT:
		return "aliases are not supported (a value that begins with * must be quoted)";
	case YAML_SCALAR_EVENT:
		return refuse_node(event->data.scalar.anchor, event->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
		return refuse_collection(shape, event->data.sequence_start.anchor,
					 event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return refuse_collection(shape, event->data.mapping_start.anchor,
					 event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		shape->depth--;
		return NULL;
	default:
		return NULL;
	}
}

static void feed_parser(yaml_parser_t *parser, const char *text, size_t len)
{
	if (!yaml_parser_initialize(parser))
		g_error("libyaml: out of memory");
	yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
}

/* libyaml's events come one by one, so that this stops before the work grows out of bounds. */
static bool check_events(const Contents *contents, const char *path, GError **error)
{
	g_auto(yaml_parser_t) parser = { 0 };
	Shape shape = { 0 };
	bool at_end = false;

	feed_parser(&parser, contents->text, contents->len);
	while (!at_end) {
		g_auto(yaml_event_t) event = { 0 };
		const char *reason;

		if (!yaml_parser_parse(&parser, &event)) {
			error_from_parser(error, path, &parser, contents);
			return false;
		}
		reason = refuse_event(&shape, &event);
		if (reason) {
			error_set(error, "%s:%zu: %s", path, event.start_mark.line + 1, reason);
			return false;
		}
		at_end = event.type == YAML_STREAM_END_EVENT;
	}
	return true;
}

static bool load_contents(yaml_document_t *document, const Contents *contents, const char *path,
			  GError **error)
{
	g_auto(yaml_parser_t) parser = { 0 };

	feed_parser(&parser, contents->text, contents->len);
	if (yaml_parser_load(&parser, document))
		return true;
	error_from_parser(error, path, &parser, contents);
	return false;
}

bool document_load(yaml_document_t *document, const char *path, GError **error)
{
	g_auto(Contents) contents = { 0 };

	return read_file(&contents, path, error) && check_events(&contents, path, error) &&
	       load_contents(document, &contents, path, error);
}

void document_load_text(yaml_document_t *document, const char *text)
{
	g_auto(yaml_parser_t) parser = { 0 };

	feed_parser(&parser, text, strlen(text));
	if (!yaml_parser_load(&parser, document))
		g_error("%s: %s", text, parser.problem ? parser.problem : "out of memory");
}
