/* SPDX-License-Identifier: Apache-2.0 */
#include "recordhooks.h"

#include <string.h>
#include <unistd.h>

#include "test.h"

#define TIMEOUT_MS 10000

typedef struct {
	GPtrArray *results; /* of char * */
	uint32_t failures;
	uint32_t dropped;
	char *error;
	char *refused; /* why the last one was */
} Seen;

static void note(const RecordHooksResult *result, void *user_data)
{
	Seen *seen = user_data;

	g_ptr_array_add(seen->results, g_strndup(result->array, result->len));
	seen->failures += result->failures;
	seen->dropped += result->is_dropped;
	if (result->error) {
		g_free(seen->error);
		seen->error = g_strdup(result->error);
	}
}

static Seen *seen_new(void)
{
	Seen *seen = g_new0(Seen, 1);

	seen->results = g_ptr_array_new_with_free_func(g_free);
	return seen;
}

static void seen_free(Seen *seen)
{
	g_ptr_array_unref(seen->results);
	g_free(seen->error);
	g_free(seen->refused);
	g_free(seen);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Seen, seen_free)

static RecordHooks *start(HookConfig *configs, size_t n)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	RecordHooks *hooks;

	for (size_t i = 0; i < n; i++)
		g_ptr_array_add(list, &configs[i]);
	hooks = record_hooks_start(NULL);
	assert_non_null(hooks);
	assert_true(record_hooks_define(hooks, list, NULL));
	return hooks;
}

static HookConfig shell(const char *script)
{
	return (HookConfig){ .shell = (char *)script, .timeout_ms = TIMEOUT_MS };
}

static bool pass(RecordHooks *hooks, uint32_t first, uint32_t n, const char *array, Seen *seen)
{
	const char *why = NULL;
	bool passed = record_hooks_pass(hooks, first, n, array, strlen(array), note, seen, &why);

	g_free(seen->refused);
	seen->refused = g_strdup(why);
	return passed;
}

static void wait_for(const RecordHooks *hooks)
{
	while (record_hooks_waiting(hooks))
		g_main_context_iteration(NULL, TRUE);
}

static const char *result(const Seen *seen, guint i)
{
	assert_true(i < seen->results->len);
	return g_ptr_array_index(seen->results, i);
}

static void hooks_run_one_after_the_other(void **state)
{
	HookConfig configs[] = { shell("tr 1 2"), shell("tr 2 3"), shell("tr 3 4") };
	g_autoptr(RecordHooks) hooks = start(configs, G_N_ELEMENTS(configs));
	g_autoptr(Seen) seen = seen_new();

	assert_true(pass(hooks, 0, 3, "[{\"a\":1}]", seen));
	assert_true(pass(hooks, 1, 1, "[{\"a\":1},{\"a\":2}]", seen));
	assert_true(pass(hooks, 0, 0, "[]", seen));
	wait_for(hooks);
	assert_string_equal(result(seen, 0), "[{\"a\":4}]");
	assert_string_equal(result(seen, 1), "[{\"a\":1},{\"a\":3}]");
	assert_string_equal(result(seen, 2), "[]");
	assert_int_equal(seen->failures, 0);
	assert_null(seen->error);
}

static void record_goes_on_past_a_hook_that_fails(void **state)
{
	static const struct {
		const char *script;
		const char *why;
	} cases[] = {
		{ "cat >/dev/null; exit 1", "hook shell: it ended with status 1" },
		{ "echo oops",
		  "hook shell: what it writes is no JSON: line 1: '[' or '{' expected" },
		{ "echo 5,", "hook shell: what it writes is no JSON" },
		{ "echo {}", "hook shell: what it writes is no array of objects" },
		{ "echo [1]", "hook shell: what it writes is no array of objects" },
		{ "true", "hook shell: what it writes is no JSON" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		HookConfig configs[] = { shell(cases[i].script), shell("tr 1 2") };
		g_autoptr(RecordHooks) hooks = start(configs, G_N_ELEMENTS(configs));
		g_autoptr(Seen) seen = seen_new();

		assert_true(pass(hooks, 0, 2, "[{\"a\":1}]", seen));
		wait_for(hooks);
		assert_string_equal(result(seen, 0), "[{\"a\":2}]");
		assert_int_equal(seen->failures, 1);
		assert_true(g_str_has_prefix(seen->error, cases[i].why));
	}
}

static void hook_may_have_records_dropped(void **state)
{
	HookConfig configs[] = { shell("exit 1"), shell("cat") };
	g_autoptr(RecordHooks) hooks = NULL;
	g_autoptr(Seen) seen = seen_new();

	configs[0].on_failure = HOOK_FAILURE_DROP;
	hooks = start(configs, G_N_ELEMENTS(configs));
	assert_true(pass(hooks, 0, 2, "[{\"a\":1}]", seen));
	wait_for(hooks);
	assert_string_equal(result(seen, 0), "");
	assert_int_equal(seen->dropped, 1);
	assert_int_equal(seen->failures, 1);
}

static void hook_that_hangs_is_ended(void **state)
{
	HookConfig configs[] = { shell("sleep 1000"), shell("cat") };
	g_autoptr(RecordHooks) hooks = NULL;
	g_autoptr(Seen) seen = seen_new();

	configs[0].timeout_ms = 200;
	hooks = start(configs, G_N_ELEMENTS(configs));
	assert_true(pass(hooks, 0, 2, "[{\"a\":1}]", seen));
	wait_for(hooks);
	assert_string_equal(result(seen, 0), "[{\"a\":1}]");
	assert_string_equal(seen->error, "hook shell: it has not ended: Connection timed out");
}

static void large_arrays_come_back_whole(void **state)
{
	HookConfig configs[] = { shell("cat") };
	g_autoptr(RecordHooks) hooks = start(configs, G_N_ELEMENTS(configs));
	g_autoptr(Seen) seen = seen_new();
	GString *array = g_string_new("[");
	g_autofree char *text = NULL;

	for (int i = 0; i < 50000; i++)
		g_string_append_printf(array, "%s{\"flow\":%d}", i ? "," : "", i);
	g_string_append_c(array, ']');
	text = g_string_free(array, FALSE);
	assert_true(pass(hooks, 0, 1, text, seen));
	wait_for(hooks);
	assert_string_equal(result(seen, 0), text);
}

static void queue_is_bounded(void **state)
{
	HookConfig configs[] = { shell("cat") };
	g_autoptr(RecordHooks) hooks = start(configs, G_N_ELEMENTS(configs));
	g_autoptr(Seen) seen = seen_new();
	g_autofree char *array = g_strnfill(RECORD_HOOKS_QUEUE_MAX / 2, ' ');

	array[0] = '[';
	array[RECORD_HOOKS_QUEUE_MAX / 2 - 1] = ']';
	assert_true(pass(hooks, 0, 1, array, seen));
	assert_true(pass(hooks, 0, 1, array, seen));
	assert_false(pass(hooks, 0, 1, "[]", seen));
	assert_string_equal(seen->refused, "hooks do not follow");
	wait_for(hooks);
	assert_true(pass(hooks, 0, 1, "[]", seen));
	wait_for(hooks);
	assert_int_equal(seen->results->len, 3);
}

static void process_is_nobodys_and_has_no_capability(void **state)
{
	HookConfig configs[] = { shell(
		"printf '[{\"uid\":%d,\"caps\":\"%s\",\"new\":\"%s\"}]' $(id -u) "
		"$(sed -n 's/^CapEff:.//p' /proc/self/status) "
		"$(sed -n 's/^NoNewPrivs:.//p' /proc/self/status)") };
	g_autoptr(RecordHooks) hooks = start(configs, G_N_ELEMENTS(configs));
	g_autoptr(Seen) seen = seen_new();
	g_autofree char *expected =
		g_strdup_printf("[{\"uid\":%u,\"caps\":\"0000000000000000\",\"new\":\"1\"}]",
				geteuid() ? geteuid() : 65534);

	assert_true(pass(hooks, 0, 1, "[]", seen));
	wait_for(hooks);
	assert_string_equal(result(seen, 0), expected);
}

static void what_waits_at_the_end_is_handed_back(void **state)
{
	HookConfig configs[] = { shell("sleep 1000") };
	RecordHooks *hooks = start(configs, G_N_ELEMENTS(configs));
	g_autoptr(Seen) seen = seen_new();

	assert_true(pass(hooks, 0, 1, "[{\"a\":1}]", seen));
	record_hooks_free(hooks);
	assert_string_equal(result(seen, 0), "[{\"a\":1}]");
	assert_non_null(seen->error);
}

static void without_hooks_there_is_no_process(void **state)
{
	g_autoptr(RecordHooks) hooks = start(NULL, 0);
	g_autoptr(Seen) seen = seen_new();

	assert_false(pass(hooks, 0, 1, "[]", seen));
	assert_string_equal(seen->refused, "the process that runs hooks has ended");
	assert_int_equal(seen->results->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_run_one_after_the_other),
		cmocka_unit_test(record_goes_on_past_a_hook_that_fails),
		cmocka_unit_test(hook_may_have_records_dropped),
		cmocka_unit_test(hook_that_hangs_is_ended),
		cmocka_unit_test(large_arrays_come_back_whole),
		cmocka_unit_test(queue_is_bounded),
		cmocka_unit_test(process_is_nobodys_and_has_no_capability),
		cmocka_unit_test(what_waits_at_the_end_is_handed_back),
		cmocka_unit_test(without_hooks_there_is_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
