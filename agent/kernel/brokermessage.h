/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent and its broker (broker.h) say to each other over a pair of sockets of SOCK_SEQPACKET: a message of one
 * length, with descriptors. What the agent asks for may be anything, were it taken over.
 */
#ifndef FLOWTALLY_BROKERMESSAGE_H
#define FLOWTALLY_BROKERMESSAGE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "classifier.h"
#include "hooks.h"
#include "offload.h"

#define BROKER_PATH_LEN 1024
#define BROKER_ERROR_LEN 512

typedef enum {
	BROKER_MAKE_MAP,
	BROKER_LOAD_TICKS,
	BROKER_NETLINK_SOCKET,
	BROKER_MOUNT_PINS,
	BROKER_UNMOUNT_PINS,
	BROKER_ATTACH,
	BROKER_DETACH,
	BROKER_LOOK,
	BROKER_READ_OFFLOADS,
	BROKER_REQUESTS,
} BrokerRequest;

/* Descriptors that go along, each in its place. */
typedef enum {
	FD_NETNS, /* of requests: -1 is the own one */
	FD_INNER,
	FD_MAPS,
	FD_LINKS = FD_MAPS + CLASSIFIER_MAPS,
	FD_RESULT = FD_LINKS + HOOKS, /* of replies */
	BROKER_FDS,
} BrokerFdPlace;

typedef struct {
	int fd[BROKER_FDS]; /* -1: none */
} BrokerFds;

/* A request, and what of it the reply changes. */
typedef struct {
	uint32_t request; /* BrokerRequest */
	uint32_t fds;	  /* a bit for each place that is taken */
	union {
		struct {
			uint32_t kind;
			uint32_t max_entries;
		} map;
		struct {
			int len;
		} netlink;
		char directory[BROKER_PATH_LEN];
		struct {
			HooksPlace place;
			HooksOptions options;
			ClassifierPoint point;
			Hooks hooks;
			HooksState state;
		} attach;
		struct {
			char name[IF_NAMESIZE];
			OffloadSet found;
		} offloads;
	};
	bool ok;
	int error_number;
	char error[BROKER_ERROR_LEN]; /* empty unless a request has failed with a word of why */
} BrokerMessage;

void broker_fds_init(BrokerFds *fds); /* to none */
void broker_fds_close(const BrokerFds *fds);

bool broker_message_send(int socket, BrokerMessage *message, const BrokerFds *fds);

/* False: the other side has hung up, or what it sends is no message (EPIPE), or there is no room for its descriptors (EMFILE);
 * none of these stays open. */
bool broker_message_receive(int socket, BrokerMessage *message, BrokerFds *fds);

/* Whether the request can be read for what it is: there is such a one, texts end, and what is chosen from a list is in
 * it. */
bool broker_message_is_sane(const BrokerMessage *message);

#endif
