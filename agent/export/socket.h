/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all exporting sockets have in common: families of addresses, where they send from, and that they never block.
 */
#ifndef FLOWTALLY_SOCKET_H
#define FLOWTALLY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <glib.h>

#include "config/endpoint.h"

typedef struct {
	struct sockaddr_storage storage;
	socklen_t len;
} SocketAddress;

#define SOCKET_ADDRESS_TEXT_MAX 64

/* As a collector's address is written. */
const char *socket_address_format(const SocketAddress *address, char text[SOCKET_ADDRESS_TEXT_MAX]);

/* What differs between the families. */
typedef struct {
	int family;
	int level;
	int discover;	   /* option: path MTU discovery ... */
	int always;	   /* ... to set DF on all packets */
	int mtu;	   /* option: of the path */
	size_t header_len; /* of IP, in octets */
} SocketFamily;

const SocketFamily *socket_family_find(int family); /* NULL: not one of ours */

/* Where a socket is to send from; all zero: as routes say, from any port. */
typedef struct {
	bool is_set;
	Endpoint place;	    /* where it is set; a port of 0 is any */
	uint16_t port_hint; /* that an earlier socket had: this one, too, if that is possible */
} SocketSource;

/* Non-blocking, and bound as @source says; the caller closes it. -1: error. */
int socket_new(int family, int type, int protocol, const SocketSource *source, GError **error);

uint16_t socket_local_port(int fd);

/* The longest IP packet that the path takes as far as the kernel knows, or 0 if it does not. */
size_t socket_path_mtu(int fd, const SocketFamily *family);

/* Forbids fragmentation (DF), and asks for a buffer that holds much of a report. */
bool socket_prepare_datagrams(int fd, const SocketFamily *family, GError **error);

/* 0, or the errno that waits on the socket, which then is gone. */
int socket_take_error(int fd);

#endif
