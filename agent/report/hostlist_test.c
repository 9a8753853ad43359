/* SPDX-License-Identifier: Apache-2.0 */
#include "hostlist.h"

#include "test_view.h"

/* All slices, of which each but the last has more behind it. Takes over @list. */
static json_t *document_of(HostList *list, unsigned int *slices)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *document;

	for (*slices = 1; hostlist_step(list, text); ++*slices)
		;
	hostlist_free(list);
	assert_ptr_equal(strchr(text->str, '\n'), text->str + text->len - 1);
	document = json_loads(text->str, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	return document;
}

static json_t *hosts_document(const Network *network)
{
	unsigned int slices;

	return document_of(hostlist_new(&network->view, hosts_copy(network->hosts), NULL), &slices);
}

static void without_hosts_there_is_an_empty_list(void **state)
{
	json_t *document = hosts_document(*state);

	assert_int_equal(json_array_size(member(document, "hosts")), 0);
	json_decref(document);
}

static void host_has_its_accounts(void **state)
{
	Network *network = *state;
	json_t *document;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "br-lan", 1, "2001:db8::1", SCOPE_LOCAL, 10, 20);
	add_traffic(network, "br-lan", 1, NULL, SCOPE_INTERNET, 1, 2);
	document = hosts_document(network);
	assert_int_equal(json_array_size(member(document, "hosts")), 1);
	assert_text(document, "hosts/0/host", "02:00:00:00:00:01");
	assert_text(document, "hosts/0/interface", "br-lan");
	assert_integer(document, "hosts/0/upload/octets", 111);
	assert_integer(document, "hosts/0/download/packets", 6);
	assert_integer(document, "hosts/0/download/layer2_octets", 306);
	assert_int_equal(json_array_size(member(document, "hosts/0/accounts")), 3);
	assert_true(json_is_null(member(document, "hosts/0/accounts/0/address")));
	assert_text(document, "hosts/0/accounts/1/address", "192.0.2.1");
	assert_text(document, "hosts/0/accounts/1/family", "ipv4");
	assert_text(document, "hosts/0/accounts/2/scope", "local");
	assert_integer(document, "hosts/0/accounts/2/download/octets", 20);
	json_decref(document);
}

static void hosts_are_apart_by_interface(void **state)
{
	Network *network = *state;
	json_t *document;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "wlan0", 1, "192.0.2.1", SCOPE_INTERNET, 10, 20);
	add_traffic(network, "wlan0", 0, "192.0.2.1", SCOPE_INTERNET, 10, 20);
	add_traffic(network, "wlan0", 0, "192.0.2.2", SCOPE_INTERNET, 10, 20);
	document = hosts_document(network);
	assert_int_equal(json_array_size(member(document, "hosts")), 4);
	assert_text(document, "hosts/2/host", "192.0.2.2");
	json_decref(document);
}

static void times_are_rfc_3339(void **state)
{
	Network *network = *state;
	json_t *document;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	document = hosts_document(network);
	assert_integer(document, "schema", 1);
	assert_text(document, "time", "2023-11-14T22:13:30.001Z");
	assert_text(document, "hosts/0/first_seen", "2023-11-14T22:13:21.000Z");
	assert_text(document, "hosts/0/last_seen", "2023-11-14T22:13:23.000Z");
	json_decref(document);
}

/* When 31 bits of seconds are over. */
static void time_goes_on_after_2038(void **state)
{
	Network *network = *state;
	json_t *document;

	network->view.sweep_ms = 2208988800123;
	document = hosts_document(network);
	assert_text(document, "time", "2040-01-01T00:00:00.123Z");
	json_decref(document);
}

static void overflow_is_by_interface(void **state)
{
	Network *network = *state;
	json_t *document;

	add_sheets(network, "br-lan", 0);
	hosts_set_max(network->hosts, 0);
	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 10, 20);
	document = hosts_document(network);
	assert_text(document, "overflow/0/interface", "br-lan");
	assert_integer(document, "overflow/0/download/octets", 20);
	assert_integer(document, "overflow/0/upload/packets", 1);
	assert_integer(document, "overflow/0/device_limit/octets", 200);
	json_decref(document);
}

static void strange_names_are_valid_utf8(void **state)
{
	Network *network = *state;
	json_t *document;

	add_traffic(network, "eth\xff\033", 1, "192.0.2.1", SCOPE_INTERNET, 1, 2);
	document = hosts_document(network);
	assert_text(document, "hosts/0/interface", "eth\\xff\\x1b");
	json_decref(document);
}

static void host_has_the_name_that_it_was_given(void **state)
{
	Network *network = *state;
	json_t *document;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 1, 2);
	add_traffic(network, "br-lan", 2, "192.0.2.2", SCOPE_INTERNET, 1, 2);
	add_traffic(network, "wg0", 0, "192.0.2.3", SCOPE_INTERNET, 1, 2);
	add_name(network, "02:00:00:00:00:01", "<b>\"a\\b\"</b> \xc3\xa4");
	document = hosts_document(network);
	assert_text(document, "hosts/0/host", "02:00:00:00:00:01");
	assert_text(document, "hosts/0/name", "<b>\"a\\b\"</b> \xc3\xa4");
	assert_true(json_is_null(member(document, "hosts/0/vendor")));
	assert_true(json_is_true(member(document, "hosts/0/private_mac")));
	assert_text(document, "hosts/1/name", "02:00:00:00:00:02");
	assert_text(document, "hosts/2/name", "192.0.2.3");
	assert_true(json_is_false(member(document, "hosts/2/private_mac")));
	json_decref(document);
}

static void what_has_come_since_says_since_when(void **state)
{
	Network *network = *state;
	uint64_t since_ms = TEST_START_MS;
	unsigned int slices;
	json_t *document;

	add_sheets(network, "br-lan", 0);
	document = document_of(hostlist_new(&network->view, hosts_copy(network->hosts), &since_ms),
			       &slices);
	assert_text(document, "since", "2023-11-14T22:13:20.000Z");
	assert_null(json_object_get(document, "overflow"));
	json_decref(document);
	since_ms = 0;
	document = document_of(hostlist_new(&network->view, hosts_copy(network->hosts), &since_ms),
			       &slices);
	assert_true(json_is_null(member(document, "since")));
	json_decref(document);
}

/* Of one with more addresses than a slice has, too. */
static void many_hosts_come_in_slices(void **state)
{
	Network *network = *state;
	char address[sizeof("10.0.255.255")];
	unsigned int slices;
	json_t *document;

	for (unsigned int i = 0; i < 2000; i++) {
		(void)g_snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
		add_traffic(network, "br-lan", i < 1000 ? 1 : 2 + i % 200, address, SCOPE_INTERNET,
			    100, 1000);
	}
	document = document_of(hostlist_new(&network->view, hosts_copy(network->hosts), NULL),
			       &slices);
	assert_true(slices >= 10);
	assert_int_equal(json_array_size(member(document, "hosts")), 201);
	assert_int_equal(json_array_size(member(document, "hosts/0/accounts")), 1000);
	assert_integer(document, "hosts/0/download/octets", 1000000);
	assert_int_equal(json_array_size(member(document, "hosts/200/accounts")), 5);
	json_decref(document);
}

/* Sweeps and other clients come in between. */
static void slices_are_of_the_moment_at_which_they_began(void **state)
{
	Network *network = *state;
	HostList *list;
	unsigned int slices;
	json_t *document;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 1000);
	list = hostlist_new(&network->view, hosts_copy(network->hosts), NULL);
	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 1000);
	add_traffic(network, "br-lan", 2, "192.0.2.2", SCOPE_INTERNET, 100, 1000);
	network->view.sweep_ms += 1000;
	document = document_of(list, &slices);
	assert_int_equal(json_array_size(member(document, "hosts")), 1);
	assert_integer(document, "hosts/0/download/octets", 1000);
	assert_text(document, "time", "2023-11-14T22:13:30.001Z");
	json_decref(document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_hosts_there_is_an_empty_list),
		TEST(host_has_its_accounts),
		TEST(hosts_are_apart_by_interface),
		TEST(times_are_rfc_3339),
		TEST(time_goes_on_after_2038),
		TEST(overflow_is_by_interface),
		TEST(strange_names_are_valid_utf8),
		TEST(host_has_the_name_that_it_was_given),
		TEST(what_has_come_since_says_since_when),
		TEST(many_hosts_come_in_slices),
		TEST(slices_are_of_the_moment_at_which_they_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
