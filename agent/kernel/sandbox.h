/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent may ask of the kernel: a seccomp filter, which lets through what a program does that
 * reads files, waits, and talks over sockets, and of bpf(2) what reads and writes the maps that it holds.
 * It can start no program, and attach, mount or trace nothing. All else fails with EPERM.
 */
#ifndef FLOWTALLY_SANDBOX_H
#define FLOWTALLY_SANDBOX_H

#include <stdbool.h>

#include <glib.h>

/* For good. A kernel without seccomp is no error; that is said in the log. */
bool sandbox_enter(GError **error);

#endif
