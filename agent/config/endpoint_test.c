/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "test.h"

static Endpoint parsed(const char *text)
{
	Endpoint endpoint = { 0 };

	if (!endpoint_parse(&endpoint, text))
		fail_msg("%s is refused", text);
	return endpoint;
}

static void ipv4_is_as_the_kernel_takes_it(void **state)
{
	const Endpoint endpoint = parsed("192.0.2.1:4739");
	struct sockaddr_storage storage;
	const struct sockaddr_in *address = (const struct sockaddr_in *)&storage;

	assert_int_equal(endpoint_to_sockaddr(&endpoint, &storage), sizeof(*address));
	assert_int_equal(address->sin_family, AF_INET);
	assert_int_equal(ntohs(address->sin_port), 4739);
	assert_int_equal(ntohl(address->sin_addr.s_addr), 0xc0000201);
}

static void ipv6_is_as_the_kernel_takes_it(void **state)
{
	const Endpoint endpoint = parsed("[2001:db8::1]:1");
	struct sockaddr_storage storage;
	const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&storage;
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(endpoint_to_sockaddr(&endpoint, &storage), sizeof(*address));
	assert_int_equal(address->sin6_family, AF_INET6);
	assert_int_equal(ntohs(address->sin6_port), 1);
	assert_non_null(inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text)));
	assert_string_equal(text, "2001:db8::1");
}

static void what_is_no_endpoint_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		":1",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"localhost:1",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[127.0.0.1]:80",
		"[::1:80",
		"\"127.0.0.1:80\"",
		"127.0.0.1:8 0",
		"127.0.0.1:+8",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		Endpoint endpoint;

		if (endpoint_parse(&endpoint, texts[i]))
			fail_msg("%s is taken", texts[i]);
	}
}

static void loopback_is_known(void **state)
{
	static const struct {
		const char *text;
		bool loopback;
	} cases[] = {
		{ "127.0.0.1:1", true }, { "127.9.9.9:1", true },    { "[::1]:1", true },
		{ "0.0.0.0:1", false },	 { "192.0.2.127:1", false }, { "[::]:1", false },
		{ "[::2]:1", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const Endpoint endpoint = parsed(cases[i].text);

		assert_int_equal(endpoint_is_loopback(&endpoint), cases[i].loopback);
	}
}

static void spelling_makes_no_difference(void **state)
{
	const Endpoint a = parsed("[2001:db8:0::1]:80"), b = parsed("[2001:DB8::1]:80"),
		       c = parsed("[2001:db8::1]:81");

	assert_true(endpoint_equal(&a, &b));
	assert_false(endpoint_equal(&a, &c));
}

static void host_and_port_are_split(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: it is not taken */
		uint16_t port;
	} cases[] = {
		{ "collector.example:4739", "collector.example", 4739 },
		{ "localhost:1", "localhost", 1 },
		{ "a_b-1.example.:2", "a_b-1.example.", 2 },
		{ "192.0.2.1:4739", "192.0.2.1", 4739 },
		{ "[2001:db8::1]:4739", "2001:db8::1", 4739 },
		{ "", NULL, 0 },
		{ "collector.example", NULL, 0 },
		{ "collector.example:", NULL, 0 },
		{ "collector.example:0", NULL, 0 },
		{ "collector.example:ipfix", NULL, 0 },
		{ "collector..example:1", NULL, 0 },
		{ ".:1", NULL, 0 },
		{ "-a.example:1", NULL, 0 },
		{ "a b:1", NULL, 0 },
		{ "a/b:1", NULL, 0 },
		{ "127.0.0:1", NULL, 0 },
		{ "192.0.2.256:1", NULL, 0 },
		{ "2001:db8::1:47", NULL, 0 },
		{ "[localhost]:1", NULL, 0 },
		{ "[::1:1", NULL, 0 },
		{ ":1", NULL, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *host = NULL;
		uint16_t port = 0;

		if (endpoint_split(cases[i].text, &host, &port) != !!cases[i].host)
			fail_msg("%s", cases[i].text);
		assert_int_equal(port, cases[i].port);
		assert_true(!g_strcmp0(host, cases[i].host));
	}
}

static void source_may_lack_a_port(void **state)
{
	static const struct {
		const char *text, *same;
		uint16_t port;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1:1", 0 },
		{ "192.0.2.1:4739", "192.0.2.1:1", 4739 },
		{ "2001:db8::1", "[2001:db8::1]:1", 0 },
		{ "[2001:db8::1]", "[2001:db8::1]:1", 0 },
		{ "[2001:db8::1]:9", "[2001:db8::1]:1", 9 },
	};
	static const char *const wrong[] = { "",	   "localhost",	  "192.0.2.1:0",
					     "192.0.2.1:", "[192.0.2.1]", "[]" };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const Endpoint same = parsed(cases[i].same);
		Endpoint endpoint;

		assert_true(endpoint_parse_source(&endpoint, cases[i].text));
		assert_int_equal(endpoint.port, cases[i].port);
		assert_true(prefix_equal(&endpoint.host, &same.host));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		Endpoint endpoint;

		if (endpoint_parse_source(&endpoint, wrong[i]))
			fail_msg("%s is taken", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_as_the_kernel_takes_it),
		cmocka_unit_test(ipv6_is_as_the_kernel_takes_it),
		cmocka_unit_test(what_is_no_endpoint_is_refused),
		cmocka_unit_test(loopback_is_known),
		cmocka_unit_test(spelling_makes_no_difference),
		cmocka_unit_test(host_and_port_are_split),
		cmocka_unit_test(source_may_lack_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
