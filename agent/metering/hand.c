/* SPDX-License-Identifier: Apache-2.0 */
#include "hand.h"

#include <string.h>

#include "base/error.h"
#include "accounts/ledger.h"
#include "kernel/netns.h"

void hand_request_init(HandRequest *request)
{
	*request = (HandRequest){ .names = g_ptr_array_new_with_free_func(g_free) };
}

void hand_request_done(HandRequest *request)
{
	g_clear_pointer(&request->names, g_ptr_array_unref);
	g_clear_pointer(&request->how.alias, g_free);
}

/* --- as one line */

char *hand_request_write(const HandRequest *request)
{
	json_t *names = json_array();
	json_t *object = json_pack(
		"{s:b, s:b, s:b, s:o, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:s*}", "detach",
		request->detach, "dry", request->dry, "force", request->force, "names", names,
		"meter", (int)interface_config_meter(&request->how), "side", (int)request->how.side,
		"hook", (int)request->how.hook, "order", (int)request->how.order, "priority",
		(json_int_t)request->how.priority, "handle", (json_int_t)request->how.handle,
		"limit", (json_int_t)request->how.limit, "alias", request->how.alias);
	char *text, *line;

	for (guint i = 0; i < request->names->len; i++)
		json_array_append_new(names, json_string(request->names->pdata[i]));
	text = json_dumps(object, JSON_COMPACT);
	line = g_strconcat(HAND_REQUEST_PREFIX, text, NULL);
	free(text);
	json_decref(object);
	return line;
}

static bool is_sane(int side, int hook, int order, json_int_t limit)
{
	return side >= 0 && side <= SIDE_CHOICE_WAN && hook >= 0 && hook <= HOOK_CHOICE_CLSACT &&
	       order >= 0 && order <= HOOK_ORDER_LAST && limit >= 0 && limit <= CONFIG_MAX_HOSTS;
}

static bool unpack(HandRequest *request, json_t *object)
{
	json_int_t priority, handle, limit;
	int detach, dry, force, meter, side, hook, order;
	const char *alias = NULL;
	json_t *names, *name;
	size_t i;

	if (json_unpack(object, "{s:b, s:b, s:b, s:o, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s?s}",
			"detach", &detach, "dry", &dry, "force", &force, "names", &names, "meter",
			&meter, "side", &side, "hook", &hook, "order", &order, "priority",
			&priority, "handle", &handle, "limit", &limit, "alias", &alias) ||
	    !is_sane(side, hook, order, limit) || meter < 0 || meter > METER_ALL)
		return false;
	request->detach = detach;
	request->dry = dry;
	request->force = force;
	request->how = (InterfaceConfig){
		.side = (SideChoice)side,
		.hook = (HookChoice)hook,
		.order = (HookOrder)order,
		.priority = (uint32_t)priority,
		.handle = (uint32_t)handle,
		.limit = (uint32_t)limit,
		.alias = g_strdup(alias),
	};
	interface_config_set_meter(&request->how, (uint8_t)meter);
	json_array_foreach(names, i, name)
	{
		if (json_is_string(name))
			g_ptr_array_add(request->names, g_strdup(json_string_value(name)));
	}
	return true;
}

bool hand_request_read(HandRequest *request, const char *line, GError **error)
{
	json_t *object = json_loads(line + strlen(HAND_REQUEST_PREFIX), 0, NULL);
	bool read = object && unpack(request, object);

	json_decref(object);
	if (!read)
		error_set(error, "the request cannot be understood");
	return read;
}

/* --- which interfaces */

/* The expression that @text is if it is no name and no glob: "ns0:eth.*" is "ns0:~eth.*". */
static Pattern *as_expression(const char *text)
{
	const char *colon = strchr(text, ':');
	g_autofree char *netns = colon ? g_strndup(text, (gsize)(colon + 1 - text)) : g_strdup("");
	g_autofree char *expression = g_strconcat(netns, "~", colon ? colon + 1 : text, NULL);

	return pattern_new(expression, NULL);
}

static bool matches(const char *text, const char *netns, const char *name)
{
	g_autoptr(Pattern) glob = pattern_new(text, NULL);
	g_autoptr(Pattern) expression = as_expression(text);

	return (glob && pattern_matches(glob, netns, name)) ||
	       (expression && pattern_matches(expression, netns, name));
}

bool hand_request_names_netns(const HandRequest *request, const char *netns)
{
	for (guint i = 0; i < request->names->len; i++) {
		g_autoptr(Pattern) expression = as_expression(request->names->pdata[i]);

		if (expression && pattern_matches_netns(expression, netns))
			return true;
	}
	return false;
}

/* --- doing it */

static void add_results(json_t *results, const Link *link, bool changed)
{
	g_autofree char *name = interface_name(link->netns, link->name);

	for (int hook = 0; hook < HOOKS; hook++)
		json_array_append_new(results,
				      json_pack("{s:s, s:s, s:b}", "interface", name, "hook",
						hook == HOOK_INGRESS ? "ingress" : "egress",
						"changed", changed));
}

static bool serve_link(const HandRequest *request, Metering *metering, const Link *link,
		       json_t *results, GError **error)
{
	const ByHand options = {
		.replace = request->force,
		.dry = request->dry,
		.priority = request->detach ? request->how.priority : 0,
		.handle = request->detach ? request->how.handle : 0,
	};
	bool changed = false;

	if (!metering_by_hand(metering, link, request->detach ? NULL : &request->how, options,
			      &changed, error))
		return false;
	add_results(results, link, changed);
	return true;
}

static bool is_netns_open(const Namespaces *namespaces, const char *text)
{
	const GPtrArray *links = namespaces_links(namespaces);
	g_autoptr(Pattern) expression = as_expression(text);

	for (guint i = 0; i < links->len && expression; i++) {
		if (pattern_matches_netns(expression, ((const Link *)links->pdata[i])->netns))
			return true;
	}
	return false;
}

static void say_nothing_fits(const Namespaces *namespaces, const char *text, GError **error)
{
	g_autoptr(Pattern) pattern = pattern_new(text, NULL);
	g_autoptr(GError) why = NULL;
	g_autofree char *netns = g_strndup(text, strcspn(text, ":"));
	const char *fault = g_hash_table_lookup(namespaces_faults(namespaces), netns);
	g_autoptr(Pattern) expression = as_expression(text);

	if (!pattern && !expression) {
		pattern = pattern_new(text, &why);
		error_set(error, "%s: %s", text, why->message);
	} else if (strchr(text, ':') && fault) {
		error_set(error, "%s: %s", netns, fault);
	} else if (!is_netns_open(namespaces, text)) {
		error_set(error, "%s: no such network namespace", text);
	} else {
		error_set(error, "%s: no such interface", text);
	}
}

static bool serve_name(const HandRequest *request, Metering *metering, const Namespaces *namespaces,
		       const char *text, json_t *results, GError **error)
{
	const GPtrArray *links = namespaces_links(namespaces);
	bool any = false;

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (!matches(text, link->netns, link->name))
			continue;
		any = true;
		if (!serve_link(request, metering, link, results, error))
			return false;
	}
	if (!any)
		say_nothing_fits(namespaces, text, error);
	return any;
}

json_t *hand_serve(const HandRequest *request, Metering *metering, const Namespaces *namespaces)
{
	json_t *results = json_array();
	json_t *answer = json_pack("{s:i, s:o}", "schema", 1, "results", results);
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < request->names->len && !error; i++)
		(void)serve_name(request, metering, namespaces, request->names->pdata[i], results,
				 &error);
	if (error)
		json_object_set_new(answer, "fault", json_string(error->message));
	return answer;
}
