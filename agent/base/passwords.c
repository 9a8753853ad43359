/* SPDX-License-Identifier: Apache-2.0 */
#include "passwords.h"

#include <crypt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WAITING_MAX 32
#define WRONG_MAX 128
#define KEY_LEN 32
#define COST_MIN 4
#define COST_MAX 16
#define ALPHABET "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define HASH_LEN 60 /* "$2y$10$", a salt of 22 and what came of it, 31 */

typedef struct {
	char *password; /* overwritten and freed in the thread */
	char *hash;
	char *digest; /* what it is remembered by */
	bool exists;  /* the user */
	bool right;   /* the answer */
	PasswordDone done;
	void *user_data;
} Question;

struct Passwords {
	guchar key[KEY_LEN];
	GThreadPool *pool;     /* NULL: nothing has been asked yet */
	GAsyncQueue *answered; /* of Question, which the thread is done with */
	/* Sets of digests. There is one right password a user, and however many wrong ones. */
	GHashTable *right;
	GHashTable *wrong;
	GPtrArray *waiting; /* of Question */
};

static void question_free(gpointer data)
{
	Question *question = data;

	g_free(question->hash);
	g_free(question->digest);
	g_free(question);
}

Passwords *passwords_new(void)
{
	Passwords *passwords = g_new0(Passwords, 1);

	/* The agent is long past the moment at which the kernel has too few random numbers. */
	if (getrandom(passwords->key, sizeof(passwords->key), 0) != sizeof(passwords->key))
		g_error("getrandom: no random numbers");
	passwords->right = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	passwords->wrong = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	passwords->waiting = g_ptr_array_new_with_free_func(question_free);
	passwords->answered = g_async_queue_new();
	return passwords;
}

/* Whatever the texts are, this takes as long for all of their length. */
static bool equal_in_constant_time(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char difference = 0;

	if (len != strlen(b))
		return false;
	for (size_t i = 0; i < len; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return !difference;
}

static bool fits(const char *password, const char *hash)
{
	struct crypt_data *data = g_new0(struct crypt_data, 1);
	const char *result = crypt_r(password, hash, data);
	bool right = result && equal_in_constant_time(result, hash);

	explicit_bzero(data, sizeof(*data));
	g_free(data);
	return right;
}

static void forget(char **password)
{
	if (*password)
		explicit_bzero(*password, strlen(*password));
	g_clear_pointer(password, g_free);
}

/* Guesses push out guesses only. */
static void remember(Passwords *passwords, const Question *question)
{
	GHashTableIter iter;

	if (question->right) {
		g_hash_table_add(passwords->right, g_strdup(question->digest));
		return;
	}
	g_hash_table_iter_init(&iter, passwords->wrong);
	if (g_hash_table_size(passwords->wrong) >= WRONG_MAX &&
	    g_hash_table_iter_next(&iter, NULL, NULL))
		g_hash_table_iter_remove(&iter);
	g_hash_table_add(passwords->wrong, g_strdup(question->digest));
}

static gboolean on_answered(gpointer user_data)
{
	Passwords *passwords = user_data;
	Question *question;

	while ((question = g_async_queue_try_pop(passwords->answered))) {
		PasswordVerdict verdict = question->right ? PASSWORD_RIGHT : PASSWORD_WRONG;

		remember(passwords, question);
		if (question->done)
			question->done(verdict, question->user_data);
		g_ptr_array_remove_fast(passwords->waiting, question);
	}
	return G_SOURCE_REMOVE;
}

/* In the thread. */
static void compute(gpointer data, gpointer user_data)
{
	Question *question = data;
	Passwords *passwords = user_data;

	question->right = fits(question->password, question->hash) && question->exists;
	forget(&question->password);
	g_async_queue_push(passwords->answered, question);
	(void)g_idle_add_full(G_PRIORITY_DEFAULT, on_answered, passwords, NULL);
}

/* Fields have their lengths before them, so that no two questions look alike. */
static char *digest_of(const Passwords *passwords, const PasswordQuestion *asked)
{
	g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, passwords->key, KEY_LEN);
	const char *fields[] = { asked->user, asked->password, asked->hash,
				 asked->user_exists ? "1" : "0" };

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		const uint64_t len = strlen(fields[i]);

		g_hmac_update(hmac, (const guchar *)&len, sizeof(len));
		g_hmac_update(hmac, (const guchar *)fields[i], (gssize)len);
	}
	return g_strdup(g_hmac_get_string(hmac));
}

static bool has_thread(Passwords *passwords)
{
	g_autoptr(GError) error = NULL;

	if (!passwords->pool)
		passwords->pool = g_thread_pool_new(compute, passwords, 1, TRUE, &error);
	if (!passwords->pool)
		g_warning("passwords cannot be checked: %s", error->message);
	return passwords->pool;
}

PasswordVerdict passwords_check(Passwords *passwords, const PasswordQuestion *asked,
				PasswordDone done, void *user_data)
{
	g_autofree char *digest = digest_of(passwords, asked);
	Question *question;

	if (g_hash_table_contains(passwords->right, digest))
		return PASSWORD_RIGHT;
	if (g_hash_table_contains(passwords->wrong, digest))
		return PASSWORD_WRONG;
	if (passwords->waiting->len >= WAITING_MAX || !has_thread(passwords))
		return PASSWORD_REFUSED;
	question = g_new0(Question, 1);
	question->password = g_strdup(asked->password);
	question->hash = g_strdup(asked->hash);
	question->digest = g_steal_pointer(&digest);
	question->exists = asked->user_exists;
	question->done = done;
	question->user_data = user_data;
	g_ptr_array_add(passwords->waiting, question);
	(void)g_thread_pool_push(passwords->pool, question, NULL);
	return PASSWORD_ASKED;
}

void passwords_cancel(Passwords *passwords, void *user_data)
{
	for (guint i = 0; i < passwords->waiting->len; i++) {
		Question *question = passwords->waiting->pdata[i];

		if (question->user_data == user_data)
			question->done = NULL;
	}
}

void passwords_free(Passwords *passwords)
{
	if (!passwords)
		return;
	if (passwords->pool)
		g_thread_pool_free(passwords->pool, TRUE, TRUE);
	while (g_source_remove_by_user_data(passwords))
		;
	/* Those that the thread never came to still have theirs. */
	for (guint i = 0; i < passwords->waiting->len; i++)
		forget(&((Question *)passwords->waiting->pdata[i])->password);
	g_async_queue_unref(passwords->answered);
	g_ptr_array_unref(passwords->waiting);
	g_hash_table_unref(passwords->right);
	g_hash_table_unref(passwords->wrong);
	explicit_bzero(passwords->key, sizeof(passwords->key));
	g_free(passwords);
}

/* Two digits: at more than this each question takes seconds, at less bcrypt refuses. */
static bool is_cost(const char *text)
{
	return g_ascii_isdigit(text[0]) && g_ascii_isdigit(text[1]) && text[2] == '$' &&
	       atoi(text) >= COST_MIN && atoi(text) <= COST_MAX;
}

bool passwords_is_hash(const char *hash)
{
	static const char *const prefixes[] = { "$2a$", "$2b$", "$2y$" };

	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		if (g_str_has_prefix(hash, prefixes[i]))
			return strlen(hash) == HASH_LEN && is_cost(hash + strlen(prefixes[i])) &&
			       strspn(hash + strlen("$2y$10$"), ALPHABET) ==
				       HASH_LEN - strlen("$2y$10$");
	}
	return false;
}
