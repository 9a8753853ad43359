/* SPDX-License-Identifier: Apache-2.0 */
#include "broker.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "brokermessage.h"
#include "test.h"

/* The reply to @request from a broker that has nothing else to do. */
static BrokerMessage ask(const BrokerMessage *request)
{
	BrokerMessage message = *request;
	BrokerFds fds;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	broker_fds_init(&fds);
	assert_true(broker_message_send(pair[0], &message, &fds));
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	broker_serve(pair[1]);
	close(pair[1]);
	assert_true(broker_message_receive(pair[0], &message, &fds));
	broker_fds_close(&fds);
	close(pair[0]);
	return message;
}

/* What links there are is no part of such a request, and must not be written into it. */
static void directory_is_read_as_it_was_sent(void **state)
{
	BrokerMessage request = { .request = BROKER_MOUNT_PINS };
	g_autofree char *expected = NULL;
	BrokerMessage reply;

	memset(request.directory, 'x', 400);
	reply = ask(&request);
	assert_false(reply.ok);
	expected = g_strdup_printf("%s: mount a bpffs: it is no empty directory of ours",
				   request.directory);
	assert_string_equal(reply.error, expected);
}

static void what_makes_no_sense_is_refused_and_the_next_one_served(void **state)
{
	BrokerMessage request = { .request = BROKER_REQUESTS };
	BrokerMessage reply = ask(&request);

	assert_false(reply.ok);
	assert_string_equal(reply.error,
			    "the privileged process was asked for what makes no sense");
	request = (BrokerMessage){ .request = BROKER_MAKE_MAP, .map = { MAP_KINDS, 1 } };
	reply = ask(&request);
	assert_false(reply.ok);
	assert_string_equal(reply.error, "make a map: there is no such kind");
}

/* Both in one conversation. */
static void second_directory_for_pins_is_refused(void **state)
{
	static const struct {
		uint32_t request;
		const char *directory;
		const char *error;
	} steps[] = {
		{ BROKER_MOUNT_PINS, "/no/such/bpf",
		  "/no/such/bpf: mount a bpffs: it is no empty directory of ours" },
		{ BROKER_MOUNT_PINS, "/no/other/bpf",
		  "the privileged process was asked for what makes no sense" },
		{ BROKER_UNMOUNT_PINS, "/no/other/bpf",
		  "the privileged process was asked for what makes no sense" },
		{ BROKER_UNMOUNT_PINS, "/no/such/bpf", "" },
	};
	BrokerMessage message;
	BrokerFds fds;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	broker_fds_init(&fds);
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		message = (BrokerMessage){ .request = steps[i].request };
		g_strlcpy(message.directory, steps[i].directory, sizeof(message.directory));
		assert_true(broker_message_send(pair[0], &message, &fds));
	}
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	broker_serve(pair[1]);
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		assert_true(broker_message_receive(pair[0], &message, &fds));
		assert_string_equal(message.error, steps[i].error);
	}
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directory_is_read_as_it_was_sent),
		cmocka_unit_test(what_makes_no_sense_is_refused_and_the_next_one_served),
		cmocka_unit_test(second_directory_for_pins_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
