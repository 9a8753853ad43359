/* SPDX-License-Identifier: Apache-2.0 */
#include "interval.h"

#include <string.h>

#include "test.h"

#define FIRST "2026-11-28T10:00:00.000Z"
#define BEFORE "2026-11-28T12:00:00.000Z"
#define AFTER "2026-11-28T12:00:05.000Z"

/* @address "": none. What is uploaded is a tenth of @octets, and a packet has ten of them. */
static json_t *account(const char *address, const char *first_seen, int octets)
{
	return json_pack("{s:s*, s:s, s:s, s:s, s:{s:i,s:i,s:i}, s:{s:i,s:i,s:i}}", "address",
			 *address ? address : NULL, "family", "ipv4", "scope", "internet",
			 "first_seen", first_seen, "download", "packets", octets / 10, "octets",
			 octets, "layer2_octets", octets * 2, "upload", "packets", octets / 100,
			 "octets", octets / 10, "layer2_octets", octets / 5);
}

/* Takes over the accounts, up to NULL. */
static json_t *host(const char *label, json_t *first, json_t *second)
{
	json_t *accounts = json_pack("[o, o*]", first, second);

	return json_pack("{s:s, s:s, s:s, s:{}, s:{}, s:o}", "host", label, "name", "desk",
			 "interface", "br-lan", "download", "upload", "accounts", accounts);
}

/* Takes over the hosts. */
static json_t *document(const char *time, json_t *first, json_t *second)
{
	return json_pack("{s:i, s:s, s:[o*, o*], s:[]}", "schema", 1, "time", time, "hosts", first,
			 second, "overflow");
}

static void add_overflow(json_t *document, const char *interface, int octets)
{
	json_array_append_new(json_object_get(document, "overflow"),
			      json_pack("{s:s, s:{s:i}, s:{s:i}, s:{s:i}}", "interface", interface,
					"download", "octets", octets, "upload", "octets", 0,
					"device_limit", "octets", 2 * octets));
}

/* Takes over both. */
static json_t *between(json_t *before, json_t *after)
{
	json_t *interval = interval_between(before, after);

	json_decref(before);
	json_decref(after);
	return interval;
}

static json_int_t octets_of(const json_t *object, const char *direction)
{
	return json_integer_value(json_object_get(json_object_get(object, direction), "octets"));
}

/* "HOST octets [ADDRESS octets]..." of each host, one a line, of what has been downloaded. Takes over @interval. */
static void assert_used(json_t *interval, const char *expected)
{
	g_autoptr(GString) lines = g_string_new(NULL);
	const json_t *one, *part;
	size_t i, j;

	json_array_foreach(json_object_get(interval, "hosts"), i, one)
	{
		g_string_append_printf(lines, "%s %" JSON_INTEGER_FORMAT,
				       json_string_value(json_object_get(one, "host")),
				       octets_of(one, "download"));
		json_array_foreach(json_object_get(one, "accounts"), j, part)
		{
			const char *address = json_string_value(json_object_get(part, "address"));

			g_string_append_printf(lines, " %s %" JSON_INTEGER_FORMAT,
					       address ? address : "-",
					       octets_of(part, "download"));
		}
		g_string_append_c(lines, '\n');
	}
	json_decref(interval);
	assert_string_equal(lines->str, expected);
}

static void only_what_was_used_in_between_is_told(void **state)
{
	json_t *before = document(
		BEFORE,
		host("A", account("192.0.2.1", FIRST, 1000), account("192.0.2.2", FIRST, 2000)),
		host("B", account("192.0.2.3", FIRST, 500), NULL));
	json_t *after = document(
		AFTER,
		host("A", account("192.0.2.1", FIRST, 1300), account("192.0.2.2", FIRST, 2000)),
		host("B", account("192.0.2.3", FIRST, 500), NULL));
	json_t *interval = between(before, after);
	const json_t *first = json_array_get(json_object_get(interval, "hosts"), 0);

	assert_string_equal(json_string_value(json_object_get(interval, "since")), BEFORE);
	assert_string_equal(json_string_value(json_object_get(interval, "time")), AFTER);
	assert_int_equal(octets_of(first, "upload"), 30);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "desk");
	assert_used(interval, "A 300 192.0.2.1 300\n");
}

static void documents_stay_as_they_are(void **state)
{
	json_t *before = document(BEFORE, host("A", account("", FIRST, 1000), NULL), NULL);
	json_t *after = document(AFTER, host("A", account("", FIRST, 1300), NULL), NULL);
	json_t *copy = json_deep_copy(after);

	json_decref(interval_between(before, after));
	assert_true(json_equal(after, copy));
	json_decref(before);
	json_decref(after);
	json_decref(copy);
}

/* It may have been seen a moment before the document that does not have it. */
static void who_has_come_counts_in_whole(void **state)
{
	assert_used(between(document(BEFORE, NULL, NULL),
			    document(AFTER,
				     host("A", account("192.0.2.1", "2026-11-28T12:00:03.000Z", 70),
					  NULL),
				     host("B", account("192.0.2.2", "2026-11-28T11:59:59.990Z", 30),
					  NULL))),
		    "A 70 192.0.2.1 70\nB 30 192.0.2.2 30\n");
}

/* The sums of another agent, or those of a device that is another one by now. */
static void who_was_there_before_but_was_not_told_counts_for_nothing(void **state)
{
	assert_used(
		between(document(BEFORE, NULL, NULL),
			document(AFTER, host("A", account("192.0.2.1", FIRST, 7000), NULL), NULL)),
		"");
}

static void who_began_anew_counts_for_what_there_is(void **state)
{
	json_t *before = document(BEFORE, host("A", account("", FIRST, 1000), NULL),
				  host("B", account("", FIRST, 10), NULL));
	json_t *after =
		document(AFTER, host("A", account("", "2026-11-28T12:00:02.000Z", 40), NULL),
			 host("B", account("", "2026-11-28T12:00:02.000Z", 60), NULL));

	assert_used(between(before, after), "A 40 - 40\nB 60 - 60\n");
}

/* A crash of the machine: the sums are those of some minutes ago. */
static void what_went_back_counts_for_nothing(void **state)
{
	assert_used(between(document(BEFORE, host("A", account("", FIRST, 1000), NULL), NULL),
			    document(AFTER, host("A", account("", FIRST, 990), NULL), NULL)),
		    "");
}

static void aged_address_is_part_of_its_mac(void **state)
{
	json_t *before = document(
		BEFORE, host("A", account("", FIRST, 50), account("192.0.2.1", FIRST, 1000)),
		host("B", account("192.0.2.2", FIRST, 1000), NULL));
	json_t *after = document(AFTER, host("A", account("", FIRST, 1060), NULL),
				 host("B", account("", FIRST, 1000), NULL));

	assert_used(between(before, after), "A 10 - 10\n");
}

static void aged_address_may_come_back(void **state)
{
	json_t *before = document(
		BEFORE, host("A", account("", FIRST, 50), account("192.0.2.1", FIRST, 1000)), NULL);
	json_t *after = document(AFTER,
				 host("A", account("", FIRST, 1050),
				      account("192.0.2.1", "2026-11-28T12:00:02.000Z", 1100)),
				 NULL);

	assert_used(between(before, after), "A 1100 192.0.2.1 1100\n");
}

/* Several MACs of one device. */
static void accounts_that_look_alike_are_added_up(void **state)
{
	json_t *before = document(
		BEFORE, host("A", account("", FIRST, 100), account("", FIRST, 1000)), NULL);
	json_t *after =
		document(AFTER, host("A", account("", FIRST, 110), account("", FIRST, 1020)), NULL);

	assert_used(between(before, after), "A 30 - 30\n");
}

static void overflow_is_of_the_interval_too(void **state)
{
	json_t *before = document(BEFORE, NULL, NULL), *after = document(AFTER, NULL, NULL);
	json_t *interval;
	const json_t *overflow;

	add_overflow(before, "br-lan", 100);
	add_overflow(before, "eth1", 100);
	add_overflow(before, "eth2", 100);
	add_overflow(after, "br-lan", 130);
	add_overflow(after, "eth1", 100);
	add_overflow(after, "eth2", 90);
	add_overflow(after, "eth3", 100);
	interval = between(before, after);
	assert_int_equal(json_array_size(json_object_get(interval, "overflow")), 1);
	overflow = json_array_get(json_object_get(interval, "overflow"), 0);
	assert_string_equal(json_string_value(json_object_get(overflow, "interface")), "br-lan");
	assert_int_equal(octets_of(overflow, "download"), 30);
	assert_int_equal(octets_of(overflow, "device_limit"), 60);
	json_decref(interval);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_used_in_between_is_told),
		cmocka_unit_test(documents_stay_as_they_are),
		cmocka_unit_test(who_has_come_counts_in_whole),
		cmocka_unit_test(who_was_there_before_but_was_not_told_counts_for_nothing),
		cmocka_unit_test(who_began_anew_counts_for_what_there_is),
		cmocka_unit_test(what_went_back_counts_for_nothing),
		cmocka_unit_test(aged_address_is_part_of_its_mac),
		cmocka_unit_test(aged_address_may_come_back),
		cmocka_unit_test(accounts_that_look_alike_are_added_up),
		cmocka_unit_test(overflow_is_of_the_interval_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
