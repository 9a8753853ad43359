/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a user's password fits its bcrypt hash.
 *
 * bcrypt is slow on purpose, tens of milliseconds and more, and cannot be done in parts: it would keep the main
 * loop from its sweeps for as long. So this is the one place of the agent with a thread of its own, which
 * calls crypt_r() and touches nothing else. Its queue is bounded. Answers come from the main loop.
 *
 * What has been found out is remembered, so that a scraper with a password costs one computation: by an HMAC of
 * the question under a random key of this process, never by the password.
 */
#ifndef FLOWTALLY_PASSWORDS_H
#define FLOWTALLY_PASSWORDS_H

#include <stdbool.h>

#include <glib.h>

typedef struct Passwords Passwords;

typedef enum {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_ASKED,	  /* the answer comes by the callback */
	PASSWORD_REFUSED, /* too many wait */
} PasswordVerdict;

/* From the main loop: PASSWORD_RIGHT or PASSWORD_WRONG. */
typedef void (*PasswordDone)(PasswordVerdict verdict, void *user_data);

/* The thread starts with the first question. */
Passwords *passwords_new(void);
void passwords_free(
	Passwords *passwords); /* waits for the computation that runs; who waits is told nothing */

typedef struct {
	const char *user;
	const char *password;
	const char *hash;
	bool user_exists; /* false: @hash is another one, so that it takes as long, and the answer is no */
} PasswordQuestion;

/* Everything asked is copied. */
PasswordVerdict passwords_check(Passwords *passwords, const PasswordQuestion *asked,
				PasswordDone done, void *user_data);

/* Whoever waits by this @user_data does so no longer. */
void passwords_cancel(Passwords *passwords, void *user_data);

/* Whether @hash is one of bcrypt, of a cost that can be waited for (4 to 16). */
bool passwords_is_hash(const char *hash);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Passwords, passwords_free)

#endif
