/* SPDX-License-Identifier: Apache-2.0 */
#include "brokermessage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

typedef struct {
	int agent;
	int broker;
} Pair;

static int make_pair(void **state)
{
	int pair[2];
	Pair *made = g_new0(Pair, 1);

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	*made = (Pair){ pair[0], pair[1] };
	*state = made;
	return 0;
}

static int close_pair(void **state)
{
	const Pair *pair = *state;

	close(pair->agent);
	close(pair->broker);
	g_free(*state);
	return 0;
}

static guint count_fds(void)
{
	g_autoptr(GDir) fds = g_dir_open("/proc/self/fd", 0, NULL);
	guint n = 0;

	while (g_dir_read_name(fds))
		n++;
	return n;
}

/* @len octets of @message with @n descriptors, as no agent of ours would send them. */
static void send_raw(int socket, const BrokerMessage *message, size_t len, size_t n)
{
	union {
		char buffer[CMSG_SPACE(2 * BROKER_FDS * sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { (void *)message, len };
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
	assert_int_equal(sendmsg(socket, &header, 0), len);
}

static void what_is_sent_arrives_with_descriptors_in_their_places(void **state)
{
	const Pair *pair = *state;
	BrokerMessage sent = { .request = BROKER_LOOK, .attach.place.name = "eth0" }, message;
	BrokerFds fds, came;

	broker_fds_init(&fds);
	fds.fd[FD_NETNS] = STDIN_FILENO;
	fds.fd[FD_RESULT] = STDERR_FILENO;
	assert_true(broker_message_send(pair->agent, &sent, &fds));
	assert_true(broker_message_receive(pair->broker, &message, &came));
	assert_int_equal(message.request, BROKER_LOOK);
	assert_string_equal(message.attach.place.name, "eth0");
	for (int i = 0; i < BROKER_FDS; i++)
		assert_int_equal(came.fd[i] >= 0, i == FD_NETNS || i == FD_RESULT);
	broker_fds_close(&came);
}

static void what_is_no_message_is_refused_and_leaves_nothing_open(void **state)
{
	static const struct {
		size_t less;	 /* octets than a message has */
		uint32_t places; /* that it speaks of */
		size_t n;	 /* descriptors that come */
	} cases[] = {
		{ .less = 1 },
		{ .less = sizeof(BrokerMessage) - 1 },
		{ .less = sizeof(BrokerMessage) },
		{ .less = 1, .places = 1, .n = 1 },
		{ .less = sizeof(BrokerMessage), .n = 1 },
		{ .places = 1 },
		{ .n = 1 },
		{ .places = 1, .n = 2 },
		{ .places = 7, .n = 2 },
		{ .places = 1u << 31, .n = 1 },
		{ .places = UINT32_MAX, .n = BROKER_FDS },
		{ .places = UINT32_MAX, .n = 2 * BROKER_FDS },
		{ .places = (1u << BROKER_FDS) - 1, .n = 2 * BROKER_FDS },
	};
	const Pair *pair = *state;
	guint before = count_fds();

	skip_if_emulated(); /* descriptors for which there is no room stay open there */
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		BrokerMessage message = { .fds = cases[i].places };
		BrokerFds fds;

		send_raw(pair->agent, &message, sizeof(message) - cases[i].less, cases[i].n);
		if (broker_message_receive(pair->broker, &message, &fds))
			fail_msg("case %zu has been taken", i);
		assert_int_equal(count_fds(), before);
	}
}

static void message_that_is_too_long_is_refused(void **state)
{
	const Pair *pair = *state;
	BrokerMessage messages[2] = { { 0 } };
	BrokerFds fds;

	send_raw(pair->agent, messages, sizeof(messages[0]) + 1, 0);
	assert_false(broker_message_receive(pair->broker, messages, &fds));
}

static void who_hangs_up_says_nothing(void **state)
{
	const Pair *pair = *state;
	BrokerMessage message;
	BrokerFds fds;

	assert_int_equal(shutdown(pair->agent, SHUT_WR), 0);
	assert_false(broker_message_receive(pair->broker, &message, &fds));
}

static void request_is_one_of_ours(void **state)
{
	for (uint32_t request = 0; request < BROKER_REQUESTS; request++) {
		const BrokerMessage message = { .request = request };

		assert_true(broker_message_is_sane(&message));
	}
	assert_false(broker_message_is_sane(&(BrokerMessage){ .request = BROKER_REQUESTS }));
	assert_false(broker_message_is_sane(&(BrokerMessage){ .request = UINT32_MAX }));
}

static void text_without_an_end_is_refused(void **state)
{
	static const BrokerRequest requests[] = { BROKER_MOUNT_PINS, BROKER_UNMOUNT_PINS,
						  BROKER_ATTACH,     BROKER_DETACH,
						  BROKER_LOOK,	     BROKER_READ_OFFLOADS };
	BrokerMessage message;

	for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
		memset(&message, 'x', sizeof(message));
		message.request = requests[i];
		assert_false(broker_message_is_sane(&message));
	}
}

static void choice_that_is_none_is_refused(void **state)
{
	const BrokerMessage good = { .request = BROKER_ATTACH };
	BrokerMessage message = good;

	assert_true(broker_message_is_sane(&message));
	message.attach.options.prefer = HOOK_KINDS;
	assert_false(broker_message_is_sane(&message));
	message = good;
	message.attach.hooks.kind = (HookKind)-1;
	assert_false(broker_message_is_sane(&message));
	message = good;
	message.attach.point.number = POINT_NUMBERS;
	assert_false(broker_message_is_sane(&message));
	message = good;
	memset(&message.attach.options.last, 2, 1);
	assert_false(broker_message_is_sane(&message));
	message = good;
	memset(&message.attach.hooks.made_clsact, 0xff, 1);
	assert_false(broker_message_is_sane(&message));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_pair, close_pair)
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_arrives_with_descriptors_in_their_places),
		TEST(what_is_no_message_is_refused_and_leaves_nothing_open),
		TEST(message_that_is_too_long_is_refused),
		TEST(who_hangs_up_says_nothing),
		cmocka_unit_test(request_is_one_of_ours),
		cmocka_unit_test(text_without_an_end_is_refused),
		cmocka_unit_test(choice_that_is_none_is_refused),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
