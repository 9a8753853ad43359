/* SPDX-License-Identifier: Apache-2.0 */
#include "grouping.h"

#include <string.h>

#include "test.h"

static const char hosts[] =
	"[{'host':'02:00:00:00:00:01','name':'desk','interface':'br-lan','accounts':["
	"{'address':'192.0.2.1','family':'ipv4','scope':'internet',"
	"'first_seen':'2026-01-02','last_seen':'2026-01-05',"
	"'download':{'packets':1,'octets':100},'upload':{'packets':2,'octets':10}},"
	"{'address':'2001:db8::1','family':'ipv6','scope':'local',"
	"'first_seen':'2026-01-01','last_seen':null,"
	"'download':{'packets':3,'octets':300},'upload':{'packets':0,'octets':0}}]},"
	"{'host':'02:00:00:00:00:01','name':'desk','interface':'wlan0','accounts':["
	"{'address':null,'family':'ipv4','scope':'internet',"
	"'first_seen':'2026-01-03','last_seen':'2026-01-09',"
	"'download':{'packets':5,'octets':500},'upload':{'packets':1,'octets':1}}]},"
	"{'host':'192.0.2.7','name':'192.0.2.7','interface':'wan','accounts':["
	"{'address':'192.0.2.7','family':'ipv4','scope':'internet',"
	"'first_seen':'2026-01-03','last_seen':'2026-01-03',"
	"'download':{'packets':7,'octets':700},'upload':{'packets':0,'octets':0}}]}]";

/* "KEY/.../KEY download octets" of each group, one a line */
static char *grouped(const char *by)
{
	g_autofree char *json = g_strdelimit(g_strdup(hosts), "'", '"');
	json_t *list = json_loads(json, 0, NULL), *groups, *group;
	GString *lines = g_string_new(NULL);
	Grouping grouping;
	size_t i;

	assert_true(grouping_parse(&grouping, by, NULL));
	groups = grouping_apply(&grouping, list);
	json_array_foreach(groups, i, group)
	{
		for (size_t key = 0; key < grouping.n; key++) {
			const char *value = json_string_value(
				json_object_get(group, group_key_names[grouping.keys[key]]));

			g_string_append_printf(lines, "%s ", value ? value : "-");
		}
		g_string_append_printf(lines, "%" JSON_INTEGER_FORMAT "\n",
				       json_integer_value(json_object_get(
					       json_object_get(group, "download"), "octets")));
	}
	json_decref(groups);
	json_decref(list);
	return g_string_free(lines, FALSE);
}

static void assert_grouped(const char *by, const char *expected)
{
	g_autofree char *lines = grouped(by);

	assert_string_equal(lines, expected);
}

static void sums_are_of_each_key(void **state)
{
	(void)state;
	assert_grouped("device", "02:00:00:00:00:01 900\n192.0.2.7 700\n");
	assert_grouped("interface", "br-lan 400\nwlan0 500\nwan 700\n");
	assert_grouped("family", "ipv4 1300\nipv6 300\n");
	assert_grouped("scope", "internet 1300\nlocal 300\n");
	assert_grouped("address", "192.0.2.1 100\n2001:db8::1 300\n- 500\n192.0.2.7 700\n");
}

static void several_keys_are_told_apart_in_their_order(void **state)
{
	(void)state;
	assert_grouped("scope,device", "internet 02:00:00:00:00:01 600\n"
				       "local 02:00:00:00:00:01 300\n"
				       "internet 192.0.2.7 700\n");
}

static void times_are_those_of_all(void **state)
{
	g_autofree char *json = g_strdelimit(g_strdup(hosts), "'", '"');
	json_t *list = json_loads(json, 0, NULL), *groups;
	Grouping grouping;
	const json_t *desk;

	(void)state;
	assert_true(grouping_parse(&grouping, "device", NULL));
	groups = grouping_apply(&grouping, list);
	desk = json_array_get(groups, 0);
	assert_string_equal(json_string_value(json_object_get(desk, "first_seen")), "2026-01-01");
	assert_string_equal(json_string_value(json_object_get(desk, "last_seen")), "2026-01-09");
	assert_string_equal(json_string_value(json_object_get(desk, "name")), "desk");
	json_decref(groups);
	json_decref(list);
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const texts[] = { "", "mac", "device,", "device,device", "Device" };

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		Grouping grouping;

		assert_false(grouping_parse(&grouping, texts[i], &error));
		assert_true(g_str_has_prefix(error->message, "--by: \""));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_of_each_key),
		cmocka_unit_test(several_keys_are_told_apart_in_their_order),
		cmocka_unit_test(times_are_those_of_all),
		cmocka_unit_test(what_is_no_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
