/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which the main loop goes about things. */
#ifndef FLOWTALLY_PRIORITY_H
#define FLOWTALLY_PRIORITY_H

#include <glib.h>

/*
 * Whoever asks for much: behind all that meters and reports. Such sources have their turns, so that however busy some of
 * them are, all of them go on.
 */
#define PRIORITY_SERVING (G_PRIORITY_DEFAULT + 50)

#endif
