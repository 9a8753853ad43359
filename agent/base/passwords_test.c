/* SPDX-License-Identifier: Apache-2.0 */
#include "passwords.h"

#include "test.h"

/* Of "right", at the lowest cost, for speed. */
#define HASH "$2y$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC"
#define MANY 100

typedef struct {
	Passwords *passwords;
	unsigned int right, wrong;
} Bench;

static int make_bench(void **state)
{
	Bench *bench = g_new0(Bench, 1);

	bench->passwords = passwords_new();
	*state = bench;
	return 0;
}

static int remove_bench(void **state)
{
	Bench *bench = *state;

	passwords_free(bench->passwords);
	g_free(bench);
	return 0;
}

static void on_done(PasswordVerdict verdict, void *user_data)
{
	Bench *bench = user_data;

	if (verdict == PASSWORD_RIGHT)
		bench->right++;
	else
		bench->wrong++;
}

static PasswordVerdict ask(Bench *bench, const char *user, const char *password, bool exists)
{
	const PasswordQuestion question = { user, password, HASH, exists };

	return passwords_check(bench->passwords, &question, on_done, bench);
}

static void wait_for(const Bench *bench, unsigned int answers)
{
	while (bench->right + bench->wrong < answers)
		(void)g_main_context_iteration(NULL, TRUE);
}

static void right_and_wrong_are_told_apart(void **state)
{
	Bench *bench = *state;

	assert_int_equal(ask(bench, "alice", "right", true), PASSWORD_ASKED);
	assert_int_equal(ask(bench, "alice", "wrong", true), PASSWORD_ASKED);
	assert_int_equal(ask(bench, "alice", "", true), PASSWORD_ASKED);
	wait_for(bench, 3);
	assert_int_equal(bench->right, 1);
}

static void unknown_user_is_wrong_with_whatever_password(void **state)
{
	Bench *bench = *state;

	assert_int_equal(ask(bench, "mallory", "right", false), PASSWORD_ASKED);
	wait_for(bench, 1);
	assert_int_equal(bench->wrong, 1);
	/* Nor does this tell anything of the user that exists. */
	assert_int_equal(ask(bench, "mallory", "right", true), PASSWORD_ASKED);
	wait_for(bench, 2);
	assert_int_equal(bench->right, 1);
}

static void answers_are_remembered(void **state)
{
	Bench *bench = *state;

	(void)ask(bench, "alice", "right", true);
	(void)ask(bench, "alice", "wrong", true);
	wait_for(bench, 2);
	assert_int_equal(ask(bench, "alice", "right", true), PASSWORD_RIGHT);
	assert_int_equal(ask(bench, "alice", "wrong", true), PASSWORD_WRONG);
	assert_int_equal(ask(bench, "bob", "right", true), PASSWORD_ASKED);
	/* "ab" + "c" is not "a" + "bc". */
	assert_int_equal(ask(bench, "alicer", "ight", true), PASSWORD_ASKED);
	wait_for(bench, 4);
}

static void guesses_do_not_push_out_who_is_right(void **state)
{
	Bench *bench = *state;
	unsigned int asked = 1;

	(void)ask(bench, "alice", "right", true);
	for (int i = 0; i < 5 * MANY; i++) {
		g_autofree char *guess = g_strdup_printf("%d", i);

		wait_for(bench, asked);
		assert_int_equal(ask(bench, "alice", guess, true), PASSWORD_ASKED);
		asked++;
	}
	wait_for(bench, asked);
	assert_int_equal(ask(bench, "alice", "right", true), PASSWORD_RIGHT);
	assert_int_equal(ask(bench, "alice", "499", true), PASSWORD_WRONG);
}

static void too_many_are_refused(void **state)
{
	Bench *bench = *state;
	unsigned int asked = 0, refused = 0;

	/* Answers come from the loop only, so nobody leaves meanwhile. */
	for (int i = 0; i < MANY; i++) {
		g_autofree char *guess = g_strdup_printf("%d", i);

		if (ask(bench, "alice", guess, true) == PASSWORD_ASKED)
			asked++;
		else
			refused++;
	}
	assert_true(asked > 1);
	assert_true(refused > 1);
	wait_for(bench, asked);
	assert_int_equal(ask(bench, "alice", "right", true), PASSWORD_ASKED);
}

static void who_has_gone_is_not_told(void **state)
{
	Bench *bench = *state, other = { .passwords = bench->passwords };

	(void)ask(&other, "alice", "wrong", true);
	passwords_cancel(bench->passwords, &other);
	(void)ask(bench, "alice", "right", true);
	wait_for(bench, 1);
	assert_int_equal(other.wrong, 0);
}

static void end_comes_at_any_time(void **state)
{
	Bench *bench = *state;

	for (int i = 0; i < 10; i++) {
		g_autofree char *guess = g_strdup_printf("%d", i);

		(void)ask(bench, "alice", guess, true);
	}
	/* remove_bench() frees it, and a sanitizer sees what is left. */
}

static void only_bcrypt_is_a_hash(void **state)
{
	assert_true(passwords_is_hash(HASH));
	assert_true(
		passwords_is_hash("$2b$10$abcdefghijklmnopqrstuuavxL5h0jumlj.blYBQ5793ijBjdZr1G"));
	assert_false(passwords_is_hash(""));
	assert_false(passwords_is_hash("secret"));
	assert_false(passwords_is_hash("$2y$04$abcdefghijklmnopqrstuu"));
	assert_false(passwords_is_hash(HASH "x"));
	assert_false(passwords_is_hash("$2y$99$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJ"
				       "iC"));
	assert_false(passwords_is_hash("$6$salt$x"));
	assert_false(passwords_is_hash("$1$abcdefgh$abcdefghijklmnopqrstuv"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, remove_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(right_and_wrong_are_told_apart),
		TEST(unknown_user_is_wrong_with_whatever_password),
		TEST(answers_are_remembered),
		TEST(guesses_do_not_push_out_who_is_right),
		TEST(too_many_are_refused),
		TEST(who_has_gone_is_not_told),
		TEST(end_comes_at_any_time),
		cmocka_unit_test(only_bcrypt_is_a_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
