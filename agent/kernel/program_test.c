/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "test.h"

#define TIMEOUT_MS 10000
#define MAX_OUTPUT (1 << 20)

/* What a script makes of @input; NULL: it fails, for @error. */
static char *run(const char *script, const char *input, uint64_t timeout_ms, GError **error)
{
	g_autoptr(GByteArray) output = g_byte_array_new();
	g_autoptr(Program) program = program_new_script(script, NULL);
	const ProgramBounds bounds = { timeout_ms, MAX_OUTPUT, -1 };
	bool ok;

	assert_non_null(program);
	ok = program_run(program, input, strlen(input), &bounds, output, error);
	g_byte_array_append(output, (const uint8_t *)"", 1);
	return ok ? g_strdup((const char *)output->data) : NULL;
}

static void program_reads_and_writes(void **state)
{
	g_autofree char *result = run("cat; echo end", "[1, 2]", TIMEOUT_MS, NULL);

	assert_string_equal(result, "[1, 2]end\n");
}

static void script_has_the_interpreter_it_names(void **state)
{
	g_autofree char *result =
		run("#!/usr/bin/awk -f\n{ print $2 }\n", "one two", TIMEOUT_MS, NULL);

	assert_string_equal(result, "two\n");
}

static void much_goes_both_ways(void **state)
{
	g_autofree char *input = g_strnfill(900000, 'x');
	g_autofree char *result = run("cat", input, TIMEOUT_MS, NULL);

	assert_string_equal(result, input);
}

static void who_reads_nothing_is_no_trouble(void **state)
{
	g_autofree char *input = g_strnfill(900000, 'x');
	g_autofree char *result = run("echo done", input, TIMEOUT_MS, NULL);

	assert_string_equal(result, "done\n");
}

static void program_has_nothing_of_ours(void **state)
{
	g_autofree char *result = NULL;

	assert_true(g_setenv("FLOWTALLY_SECRET", "x", TRUE));
	result = run("env | grep -vE '^(PWD|SHLVL|_|PATH|LANG)='; ls /proc/self/fd | wc -l", "",
		     TIMEOUT_MS, NULL);
	/* ls has one more, for the directory, and so has a shell for its script. */
	assert_true(atoi(result) <= 5);
}

static void failure_is_an_error(void **state)
{
	static const struct {
		const char *script;
		const char *why;
	} cases[] = {
		{ "exit 3", "it ended with status 3" },
		{ "kill -9 $$", "it was ended by signal 9" },
		{ "#!/no/such/interpreter\n", "it could not be run (status 127)" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		assert_null(run(cases[i].script, "", TIMEOUT_MS, &error));
		assert_string_equal(error->message, cases[i].why);
	}
}

static void what_takes_too_long_is_killed_with_all_its_children(void **state)
{
	static const char *const scripts[] = { "sleep 1000 & sleep 1000", "exec >&-; sleep 1000" };

	for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
		g_autoptr(GError) error = NULL;

		assert_null(run(scripts[i], "", 200, &error));
		assert_int_equal(error->code, ETIMEDOUT);
	}
}

static bool is_running(const char *command)
{
	g_autofree char *pgrep = g_strdup_printf("pgrep -f '^%s$' >/dev/null", command);

	return system(pgrep) == 0;
}

/* By a session of its own, and once more. */
static void what_has_left_the_session_is_killed(void **state)
{
	static const struct {
		const char *script;
		uint64_t timeout_ms;
	} cases[] = {
		{ "setsid $LONG >/dev/null 2>&1 & sleep 1000", 300 },
		{ "setsid $LONG >/dev/null 2>&1 & exit 0", TIMEOUT_MS },
		{ "setsid sh -c 'setsid $LONG & setsid $LONG & $LONG' >/dev/null 2>&1 & exit 0",
		  TIMEOUT_MS },
	};
	/* No other process has that. */
	g_autofree char *command = g_strdup_printf("sleep 4711.%d", getpid());

	skip_if_emulated(); /* orphans are init's there */
	program_own_orphans();
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *script =
			g_strdup_printf("export LONG='%s'; %s", command, cases[i].script);

		g_free(run(script, "", cases[i].timeout_ms, NULL));
		assert_false(is_running(command));
	}
}

static void number_of_processes_is_bounded(void **state)
{
	g_autofree char *result = run("ulimit -p 2>/dev/null || ulimit -u", "", TIMEOUT_MS, NULL);

	assert_true(atoi(result) > 0 && atoi(result) <= 1024);
}

static void endless_output_is_an_error(void **state)
{
	g_autoptr(GError) error = NULL;

	assert_null(run("yes", "", TIMEOUT_MS, &error));
	assert_int_equal(error->code, EFBIG);
}

static void missing_program_is_an_error(void **state)
{
	const ProgramBounds bounds = { TIMEOUT_MS, MAX_OUTPUT, -1 };
	g_autoptr(Program) program = program_new("/no/such/program");
	g_autoptr(GByteArray) output = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	assert_false(program_run(program, "", 0, &bounds, output, &error));
	assert_int_equal(error->code, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_reads_and_writes),
		cmocka_unit_test(script_has_the_interpreter_it_names),
		cmocka_unit_test(much_goes_both_ways),
		cmocka_unit_test(who_reads_nothing_is_no_trouble),
		cmocka_unit_test(program_has_nothing_of_ours),
		cmocka_unit_test(failure_is_an_error),
		cmocka_unit_test(what_takes_too_long_is_killed_with_all_its_children),
		cmocka_unit_test(what_has_left_the_session_is_killed),
		cmocka_unit_test(number_of_processes_is_bounded),
		cmocka_unit_test(endless_output_is_an_error),
		cmocka_unit_test(missing_program_is_an_error),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
