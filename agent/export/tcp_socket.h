/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TCP and TLS have in common.
 */
#ifndef FLOWTALLY_TCP_SOCKET_H
#define FLOWTALLY_TCP_SOCKET_H

#include <stdint.h>

/* A far end that is gone is found; little lies in the kernel that would be lost with the connection. */
void tcp_socket_set_options(int fd);

/* Octets that the kernel has, and of which the far end has not said that it has them. */
uint64_t tcp_socket_unacknowledged(int fd);

/* Throws away what has come. 0, or why no more will: ENOTCONN is its proper end. */
int tcp_socket_drain(int fd);

#endif
