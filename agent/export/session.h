/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to one collector, and the transport sessions over it, one after the other: its name is resolved anew for
 * each, the addresses that come of it are tried in turn, and what fails is tried again, first at once and then
 * after pauses of up to a minute (RFC 7011, section 10.4.4). Over UDP, where nothing fails for long, whoever starts
 * the session starts it again.
 */
#ifndef FLOWTALLY_SESSION_H
#define FLOWTALLY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "transport.h"

typedef struct Session Session;

typedef enum {
	SESSION_CLOSED, /* until it is started */
	SESSION_RESOLVING,
	SESSION_CONNECTING, /* and agreeing on keys */
	SESSION_OPEN,
	SESSION_WAITING, /* for the next attempt */
	SESSION_STATES,
} SessionState;

extern const char *const session_state_names[SESSION_STATES];

/* on_open and on_writable come from the main context only. */
typedef struct {
	/* Not where session_start() has opened it already. */
	void (*on_open)(void *user_data);
	void (*on_writable)(void *user_data);
	/* It has ended, or was not opened; session_transport(), if it was, is still there for this call. */
	void (*on_end)(const GError *error, void *user_data);
} SessionEvents;

typedef struct {
	SessionState state;
	uint64_t since_ms; /* in this state; since the epoch, 0: it has always been */
	uint64_t until_ms; /* of SESSION_WAITING */
	uint64_t opened;   /* how often it has been */
	const char *peer;  /* the address that is tried, or spoken to; NULL: none */
} SessionStatus;

/* @config must outlive the session, or be replaced before it goes. */
Session *session_new(const CollectorConfig *config, const SessionEvents *events, void *user_data);
void session_free(Session *session);

/* Of another configuration that has the same session. */
void session_set_config(Session *session, const CollectorConfig *config);

/* Where @old has sent from, this one sends from, too, if it can. */
void session_take_port(Session *session, const Session *old);

void session_start(Session *session); /* if it is closed */

/* Another one in the place of one that is open, of which there is nothing to say. */
void session_renew(Session *session);

/* Nobody listens at the address that was tried: of several, the next one is tried when it is started again, and it is
 * closed. False: there is but one. */
bool session_rotate(Session *session);

/* What transport_send() has said: on_end() is called, also if @error is of no one. */
void session_fail(Session *session, const GError *error);

/* NULL unless it is open. */
Transport *session_transport(const Session *session);

/* Whether it may be open soon. */
bool session_is_coming(const Session *session);

/* Valid until the main context runs. */
SessionStatus session_status(const Session *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

#endif
