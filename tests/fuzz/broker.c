/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent that was taken over may send to its broker: requests, one behind the other. Each begins with two octets: how many
 * descriptors come along, and how much shorter than a message it is (255: one octet longer); what is missing of the last is zero. The
 * broker has no capabilities here, and must answer each message that is one.
 */
#include <sys/socket.h>

#include <bpf/libbpf.h>

#include "kernel/broker.h"
#include "kernel/brokermessage.h"
#include "kernel/privileges.h"

#include "fuzz.h"

#define REQUESTS_MAX 4
#define HEAD 2
/* Of a message as fuzzers make it; the text of an error is no part of a request. */
#define BODY offsetof(BrokerMessage, ok)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	libbpf_set_print(NULL);
	FUZZ_ASSERT(privileges_drop(NULL));
	return 0;
}

static void send_request(int socket, const BrokerMessage *message, size_t n, size_t less)
{
	union {
		char buffer[CMSG_SPACE(2 * BROKER_FDS * sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { (void *)message,
			      less == 255 ? sizeof(*message) + 1 : sizeof(*message) - less };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	if (n) {
		header.msg_control = control.buffer;
		header.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
	}
	for (size_t i = 0; i < n; i++)
		((int *)(void *)CMSG_DATA(&control.header))[i] = STDERR_FILENO;
	FUZZ_ASSERT(sendmsg(socket, &header, 0) > 0);
}

static void check_replies(int socket, size_t requests)
{
	BrokerMessage reply;
	BrokerFds fds;
	size_t replies = 0;

	while (broker_message_receive(socket, &reply, &fds)) {
		FUZZ_ASSERT(memchr(reply.error, 0, sizeof(reply.error)));
		FUZZ_ASSERT(reply.ok || *reply.error);
		broker_fds_close(&fds);
		replies++;
	}
	FUZZ_ASSERT(replies <= requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One more for the octet behind it. */
	BrokerMessage messages[2];
	size_t requests = 0;
	int pair[2];

	FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	for (; size > HEAD && requests < REQUESTS_MAX; requests++) {
		size_t len = MIN(size - HEAD, BODY);

		memset(messages, 0, sizeof(messages));
		memcpy(messages, data + HEAD, len);
		send_request(pair[0], messages, data[0] % (2 * BROKER_FDS), data[1]);
		data += HEAD + len;
		size -= HEAD + len;
	}
	FUZZ_ASSERT(shutdown(pair[0], SHUT_WR) == 0);
	broker_serve(pair[1]);
	close(pair[1]);
	check_replies(pair[0], requests);
	close(pair[0]);
	return 0;
}
