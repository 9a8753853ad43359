/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include <fnmatch.h>
#include <string.h>

#include "base/error.h"

#define TEXT_MAX 255

struct Pattern {
	char *text;
	char *netns;
	const char *name; /* behind the namespace in @text */
	GRegex *regex;	  /* NULL: @name is a name or a glob */
};

/* The kernel forbids these in names, so a glob that has one fits nothing. */
#define NEVER_IN_NAMES "/: \t\n\v\f\r"

static bool is_glob(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

static bool set_netns(Pattern *pattern, GError **error)
{
	const char *colon = strchr(pattern->text, ':');
	const char *tilde = strchr(pattern->text, '~');

	/* An expression may have colons of its own. */
	if (!colon || (tilde && tilde < colon)) {
		pattern->netns = g_strdup("");
		pattern->name = pattern->text;
		return true;
	}
	pattern->netns = g_strndup(pattern->text, (gsize)(colon - pattern->text));
	pattern->name = colon + 1;
	if (*pattern->netns && !strpbrk(pattern->netns, NEVER_IN_NAMES))
		return true;
	error_set(error, "\"%s\" is no name of a network namespace", pattern->netns);
	return false;
}

static bool compile(Pattern *pattern, GError **error)
{
	g_autofree char *anchored = g_strdup_printf("\\A(?:%s)\\z", pattern->name + 1);
	g_autoptr(GError) failure = NULL;
	/* RAW: names are octets, in no character set. */
	g_autoptr(GRegex) alone = g_regex_new(pattern->name + 1, G_REGEX_RAW, 0, &failure);

	/* By itself first: the positions in an error are then those of the text. */
	if (alone)
		pattern->regex = g_regex_new(anchored, G_REGEX_RAW, 0, &failure);
	if (!pattern->regex)
		error_set(error, "%s", failure->message);
	return pattern->regex;
}

static bool parse(Pattern *pattern, GError **error)
{
	if (!*pattern->text || strlen(pattern->text) > TEXT_MAX) {
		error_set(error, "it has not 1 to %d octets", TEXT_MAX);
		return false;
	}
	if (!set_netns(pattern, error))
		return false;
	if (pattern->name[0] == '~')
		return compile(pattern, error);
	if (*pattern->name && !strpbrk(pattern->name, NEVER_IN_NAMES))
		return true;
	error_set(error, "\"%s\" is no name of an interface", pattern->name);
	return false;
}

Pattern *pattern_new(const char *text, GError **error)
{
	g_autoptr(Pattern) pattern = g_new0(Pattern, 1);

	pattern->text = g_strdup(text);
	return parse(pattern, error) ? g_steal_pointer(&pattern) : NULL;
}

void pattern_free(Pattern *pattern)
{
	if (!pattern)
		return;
	g_clear_pointer(&pattern->regex, g_regex_unref);
	g_free(pattern->netns);
	g_free(pattern->text);
	g_free(pattern);
}

const char *pattern_text(const Pattern *pattern)
{
	return pattern->text;
}

bool pattern_matches_netns(const Pattern *pattern, const char *netns)
{
	if (!*netns || !*pattern->netns)
		return *netns == *pattern->netns;
	return fnmatch(pattern->netns, netns, 0) == 0;
}

static bool matches_name(const Pattern *pattern, const char *name)
{
	if (pattern->regex)
		return g_regex_match(pattern->regex, name, 0, NULL);
	return fnmatch(pattern->name, name, 0) == 0;
}

bool pattern_matches(const Pattern *pattern, const char *netns, const char *name)
{
	if (!pattern_matches_netns(pattern, netns))
		return false;
	if (strcmp(pattern->name, name) == 0)
		return true;
	/* Loopback traffic never leaves the machine: who means it says so. */
	return strcmp(name, "lo") && matches_name(pattern, name);
}

bool pattern_is_name(const Pattern *pattern)
{
	return !pattern->regex && !is_glob(pattern->name) && !is_glob(pattern->netns);
}
