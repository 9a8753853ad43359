/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/error.h"
#include "test.h"

/* Somewhere in loopback, where no other run listens: the address is of this process. */
static Endpoint own_endpoint(void)
{
	const unsigned int pid = (unsigned int)getpid();
	g_autofree char *text = g_strdup_printf("127.%u.%u.%u:14739", 1 + (pid >> 16) % 250,
						pid >> 8 & 255, 1 + pid % 250);
	Endpoint endpoint;

	assert_true(endpoint_parse(&endpoint, text));
	return endpoint;
}

static int connect_to(const Endpoint *endpoint)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&address, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void on_accepted(int fd, const struct sockaddr *peer, socklen_t len, void *user_data)
{
	assert_int_equal(peer->sa_family, AF_INET);
	assert_int_equal(len, sizeof(struct sockaddr_in));
	close(fd);
	(*(unsigned int *)user_data)++;
}

static void connections_are_handed_on(void **state)
{
	const Endpoint endpoint = own_endpoint();
	unsigned int accepted = 0;
	g_autoptr(Listener) listener = listener_new(&endpoint, on_accepted, &accepted, NULL);
	int first, second;

	assert_non_null(listener);
	first = connect_to(&endpoint);
	second = connect_to(&endpoint);
	assert_true(first >= 0 && second >= 0);
	while (accepted < 2)
		(void)g_main_context_iteration(NULL, TRUE);
	close(first);
	close(second);
}

static void taken_address_is_an_error(void **state)
{
	const Endpoint endpoint = own_endpoint();
	unsigned int accepted = 0;
	g_autoptr(Listener) listener = listener_new(&endpoint, on_accepted, &accepted, NULL);
	g_autoptr(GError) error = NULL;

	assert_non_null(listener);
	assert_null(listener_new(&endpoint, on_accepted, &accepted, &error));
	assert_int_equal(error->code, EADDRINUSE);
}

static void nobody_listens_any_more(void **state)
{
	const Endpoint endpoint = own_endpoint();
	unsigned int accepted = 0;

	listener_free(listener_new(&endpoint, on_accepted, &accepted, NULL));
	assert_int_equal(connect_to(&endpoint), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_handed_on),
		cmocka_unit_test(taken_address_is_an_error),
		cmocka_unit_test(nobody_listens_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
