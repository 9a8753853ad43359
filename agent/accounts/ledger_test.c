/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <string.h>

#include "test.h"

static const LinkBounds nothing;

/* Both hooks alike. */
static LinkBounds link_at(uint64_t frames, uint64_t octets)
{
	LinkBounds link;

	for (int hook = 0; hook < HOOKS; hook++) {
		link.frames[hook] = (Bounds){ frames, frames };
		link.octets[hook] = (Bounds){ octets, octets };
	}
	return link;
}

/* @frames frames of 100 octets, each of which was @segments segments with 40 octets of headers. */
static void see(struct ledger_sheet sheets[HOOKS], uint64_t frames, uint64_t segments)
{
	memset(sheets, 0, HOOKS * sizeof(*sheets));
	for (int hook = 0; hook < HOOKS; hook++) {
		sheets[hook].seen.frames = frames;
		sheets[hook].seen.skb_octets = 100 * frames;
		sheets[hook].classes[LEDGER_INTERNET] = (struct ledger_entry){
			.frames = frames,
			.packets = frames * segments,
			.octets = frames * (86 + 40 * (segments - 1)),
			.layer2_octets = frames * (100 + 40 * (segments - 1)),
		};
	}
}

static LedgerRow first_row(const Ledger *ledger)
{
	g_autoptr(GArray) rows = ledger_list(ledger);

	return g_array_index(rows, LedgerRow, 0);
}

static void interface_that_counts_frames_balances(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds before = link_at(1000, 50000), now = link_at(1010, 51000);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &before);
	see(sheets, 10, 5);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
	assert_int_equal(first_row(ledger).link_frames.low, 10);
	assert_int_equal(first_row(ledger).total.packets, 50);
	assert_true(ledger_is_balanced(ledger));
}

static void interface_that_counts_segments_balances(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(50, 10 * (100 + 160));

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 5);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
	assert_string_equal(first_row(ledger).explanation, "the interface counts segments");
}

static void frame_check_sequence_may_be_counted(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(10, 1040);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
}

static void vlan_tags_in_metadata_may_be_counted(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(10, 1012);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	sheets[HOOK_INGRESS].seen.tagged = 3;
	sheets[HOOK_EGRESS].seen.tagged = 3;
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
}

static void bridge_counts_no_ethernet_headers(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(10, 860);

	(void)state;
	ledger_attach(ledger, "br-lan", 7, &nothing);
	see(sheets, 10, 5);
	ledger_add(ledger, "br-lan", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
}

static void octets_alone_are_never_in_flight(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(5);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(10, 999);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_false(first_row(ledger).balanced);
	assert_int_equal(first_row(ledger).octets_difference, -1);
}

static void missing_frame_is_found(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(11, 1100);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_false(first_row(ledger).balanced);
	assert_int_equal(first_row(ledger).frames_difference, 1);
	assert_int_equal(first_row(ledger).octets_difference, 100);
	assert_false(ledger_is_balanced(ledger));
}

static void class_that_was_forgotten_is_found(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(1000);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(10, 1000);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	sheets[HOOK_INGRESS].classes[LEDGER_INTERNET].frames--;
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_false(first_row(ledger).balanced);
}

static void interface_with_an_excuse_may_count_what_it_likes(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(11, 2000);

	(void)state;
	ledger_attach(ledger, "wg0", 7, &nothing);
	ledger_excuse(ledger, "wg0", "it is encrypted");
	see(sheets, 10, 1);
	ledger_add(ledger, "wg0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
	assert_int_equal(first_row(ledger).frames_difference, 1);
	assert_string_equal(first_row(ledger).explanation, "it is encrypted");
	/* But not for what we have lost ourselves. */
	sheets[HOOK_INGRESS].seen.frames++;
	ledger_add(ledger, "wg0", 7, sheets, &now);
	assert_false(first_row(ledger).balanced);
}

static void what_was_read_around_the_flip_bounds_the_comparison(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(9, 900);

	(void)state;
	now.frames[HOOK_INGRESS].high = now.frames[HOOK_EGRESS].high = 12;
	now.octets[HOOK_INGRESS].high = now.octets[HOOK_EGRESS].high = 1200;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
}

static void frames_in_flight_are_forgiven_while_there_is_traffic(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(5);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(14, 1400);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_true(first_row(ledger).balanced);
	see(sheets, 0, 1);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_false(first_row(ledger).balanced);
}

static void attachments_add_up(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds first = link_at(10, 1000), second = link_at(510, 51000),
		   now = link_at(520, 52000);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, &first);
	ledger_detach(ledger, "eth0", 7);
	assert_false(ledger_is_attached(ledger, "eth0", 7));
	ledger_attach(ledger, "eth0", 7, &second);
	ledger_add(ledger, "eth0", 7, sheets, &now);
	assert_int_equal(first_row(ledger).sheet.seen.frames, 20);
	assert_int_equal(first_row(ledger).link_frames.high, 20);
	assert_true(first_row(ledger).balanced);
}

static void interfaces_of_one_name_add_up(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds first = link_at(500, 50000), second = link_at(20, 2000),
		   now = link_at(530, 53000);

	(void)state;
	ledger_attach(ledger, "home", 7, &first);
	ledger_attach(ledger, "home", 8, &nothing);
	see(sheets, 30, 1);
	ledger_add(ledger, "home", 7, sheets, &now);
	see(sheets, 20, 1);
	ledger_add(ledger, "home", 8, sheets, &second);
	assert_int_equal(first_row(ledger).sheet.seen.frames, 50);
	assert_int_equal(first_row(ledger).link_frames.low, 50);
	assert_true(first_row(ledger).balanced);
	ledger_detach(ledger, "home", 7);
	assert_true(ledger_is_attached(ledger, "home", 8));
	assert_true(first_row(ledger).balanced);
}

/* Its last frames are read when another of its name is there already. */
static void interface_made_anew_balances(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(3, 300);

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	ledger_attach(ledger, "eth0", 8, &nothing);
	see(sheets, 3, 1);
	ledger_add(ledger, "eth0", 8, sheets, &now);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, NULL);
	ledger_detach(ledger, "eth0", 7);
	now = link_at(5, 500);
	see(sheets, 2, 1);
	ledger_add(ledger, "eth0", 8, sheets, &now);
	assert_int_equal(first_row(ledger).link_frames.low, 15);
	assert_true(first_row(ledger).balanced);
}

static void interface_that_is_gone_is_taken_at_our_word(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];

	(void)state;
	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	ledger_add(ledger, "eth0", 7, sheets, NULL);
	assert_true(first_row(ledger).balanced);
}

static void what_no_host_has_is_ignored_traffic(void **state)
{
	g_autoptr(Ledger) ledger = ledger_new(0);
	struct ledger_sheet sheets[HOOKS];

	(void)state;
	see(sheets, 10, 1);
	sheets[HOOK_INGRESS].classes[LEDGER_NOT_IP] =
		(struct ledger_entry){ .frames = 2, .packets = 2, .layer2_octets = 84 };
	ledger_add(ledger, "eth0", 7, sheets, NULL);
	assert_int_equal(ledger_ignored(ledger).packets, 2);
	assert_int_equal(ledger_ignored(ledger).layer2_octets, 84);
}

static void sums_outlive_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(Ledger) ledger = ledger_new(0), loaded = ledger_new(0);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	struct ledger_sheet sheets[HOOKS];
	LinkBounds now = link_at(10, 1000);

	ledger_attach(ledger, "eth0", 7, &nothing);
	see(sheets, 10, 1);
	sheets[HOOK_INGRESS].sizes = (struct packet_sizes){ { [1] = 10 }, 1000 };
	ledger_add(ledger, "eth0", 7, sheets, &now);
	ledger_save(ledger, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_true(ledger_load(loaded, reader, NULL));
	assert_true(ledger_is_attached(loaded, "eth0", 7));
	now = link_at(20, 2000);
	ledger_add(loaded, "eth0", 7, sheets, &now);
	assert_true(first_row(loaded).balanced);
	assert_int_equal(first_row(loaded).link_frames.low, 20);
	assert_true(first_row(loaded).meters_sizes);
	assert_int_equal(first_row(loaded).sheet.sizes.packets[1], 20);
	assert_int_equal(first_row(loaded).sheet.sizes.layer2_octets, 2000);
}

/* A file as version 0.1 wrote it: a row an interface, with nine classes. */
static void sums_of_0_1_are_taken_over(void **state)
{
	struct {
		char interface[64];
		struct {
			uint64_t frames, skb_octets, tagged;
			struct ledger_entry classes[9];
		} sheets[HOOKS];
		LinkBounds closed;
	} old = { .interface = "eth0", .closed = link_at(3, 300) };
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	g_autoptr(Ledger) ledger = ledger_new(0);

	for (int hook = 0; hook < HOOKS; hook++) {
		old.sheets[hook].frames = 3;
		old.sheets[hook].skb_octets = 300;
		old.sheets[hook].classes[LEDGER_MALFORMED] = (struct ledger_entry){ 3, 3, 0, 300 };
	}
	totals_writer_begin(writer, 3, sizeof(old));
	totals_writer_add(writer, &old);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_true(ledger_load(ledger, reader, NULL));
	assert_int_equal(first_row(ledger).total.frames, 3);
	assert_int_equal(first_row(ledger).sheet.classes[LEDGER_OUTSIDE].frames, 0);
	assert_true(first_row(ledger).balanced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_that_counts_frames_balances),
		cmocka_unit_test(interface_that_counts_segments_balances),
		cmocka_unit_test(frame_check_sequence_may_be_counted),
		cmocka_unit_test(vlan_tags_in_metadata_may_be_counted),
		cmocka_unit_test(bridge_counts_no_ethernet_headers),
		cmocka_unit_test(octets_alone_are_never_in_flight),
		cmocka_unit_test(missing_frame_is_found),
		cmocka_unit_test(class_that_was_forgotten_is_found),
		cmocka_unit_test(interface_with_an_excuse_may_count_what_it_likes),
		cmocka_unit_test(what_was_read_around_the_flip_bounds_the_comparison),
		cmocka_unit_test(frames_in_flight_are_forgiven_while_there_is_traffic),
		cmocka_unit_test(attachments_add_up),
		cmocka_unit_test(interfaces_of_one_name_add_up),
		cmocka_unit_test(interface_made_anew_balances),
		cmocka_unit_test(interface_that_is_gone_is_taken_at_our_word),
		cmocka_unit_test(what_no_host_has_is_ignored_traffic),
		cmocka_unit_test_setup_teardown(sums_of_0_1_are_taken_over, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(sums_outlive_the_process, make_directory,
						remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
