/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How we are, for the service manager: sd_notify(3)'s protocol, which is a datagram to the socket that
 * NOTIFY_SOCKET names. Spoken here and not by libsystemd, which routers do not have.
 */
#ifndef FLOWTALLY_NOTIFY_H
#define FLOWTALLY_NOTIFY_H

#include <stdint.h>

/* Lines such as "READY=1\nSTATUS=..."; does nothing where nobody asks. */
void notify_manager(const char *state);

/* How often "WATCHDOG=1" must be said (WATCHDOG_USEC), in milliseconds; 0: never. */
uint64_t notify_watchdog_ms(void);

#endif
