/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tests/unit/ipfix_decoder.h"
#include "test.h"

#define EXPORT_TIME_S 1700000000
#define MIB (1u << 20)
#define HOSTS 20 /* in each message */

/* A directory, what is made for it, and what it has lost. Messages are numbered from 1: it is the packets of their first record. */
typedef struct {
	char *path;
	Spool *spool;
	IpfixEncoder *encoder;
	SpoolTemplates *templates;
	uint32_t made;
	ExportSum lost;
	uint32_t lost_sequence; /* of the domain that is not 0 */
	bool is_full;
	char *why;
} Lab;

static void on_lost(const SpoolLoss *loss, void *user_data)
{
	Lab *lab = user_data;

	lab->lost.messages += loss->sum.messages;
	lab->lost.records += loss->sum.records;
	lab->lost.packets += loss->sum.packets;
	lab->lost.octets += loss->sum.octets;
	lab->lost_sequence += loss->steps ? sequences_next(loss->steps, 1) : 0;
	lab->is_full = loss->is_full;
	g_free(lab->why);
	lab->why = g_strdup(loss->why);
}

static void lab_open(Lab *lab, uint64_t max)
{
	g_autoptr(GError) error = NULL;

	lab->spool = spool_new(lab->path, max, on_lost, lab, &error);
	if (!lab->spool)
		fail_msg("%s", error->message);
}

static void lab_use_layout(Lab *lab, bool layer2_octets)
{
	const IpfixLayout layout = { .observation_domain = 1,
				     .enterprise_number = 32473,
				     .layer2_octets = layer2_octets,
				     .message_size = 1400 };
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);

	ipfix_encoder_free(lab->encoder);
	spool_templates_free(lab->templates);
	lab->encoder = ipfix_encoder_new(&layout, NULL);
	assert_true(ipfix_encode_templates(lab->encoder, EXPORT_TIME_S,
					   IPFIX_HOSTS | IPFIX_INTERFACES, messages, NULL));
	lab->templates = spool_templates_new(messages);
}

static Lab *lab_new(void **state)
{
	Lab *lab = g_new0(Lab, 1);

	lab->path = g_build_filename(*state, "spool", NULL);
	lab_use_layout(lab, false);
	lab_open(lab, 16 * MIB);
	return lab;
}

static void lab_reopen(Lab *lab)
{
	spool_free(lab->spool);
	lab_open(lab, 16 * MIB);
}

static void lab_free(Lab *lab)
{
	spool_free(lab->spool);
	ipfix_encoder_free(lab->encoder);
	spool_templates_free(lab->templates);
	run_command("rm -rf '%s' '%s'-*", lab->path, lab->path);
	g_free(lab->path);
	g_free(lab->why);
	g_free(lab);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

/* Each host has as many packets, and ten times the octets. */
static GPtrArray *make(Lab *lab, uint32_t number)
{
	GPtrArray *messages = g_ptr_array_new_with_free_func(g_free);
	HostRecord records[HOSTS] = { 0 };

	for (uint8_t i = 0; i < HOSTS; i++) {
		records[i].key.mac[0] = 2;
		records[i].key.mac[5] = i;
		records[i].volume = (Volume){ .packets = number, .octets = 10 * number };
	}
	assert_true(
		ipfix_encode_hosts(lab->encoder, EXPORT_TIME_S, records, HOSTS, 0, messages, NULL));
	assert_int_equal(messages->len, 1);
	return messages;
}

static bool try_to_push(Lab *lab, GError **error)
{
	g_autoptr(GPtrArray) messages = make(lab, lab->made + 1);

	if (!spool_push(lab->spool, messages->pdata[0], lab->templates, error))
		return false;
	lab->made++;
	return true;
}

static void push(Lab *lab, unsigned int n)
{
	g_autoptr(GError) error = NULL;

	while (n--) {
		if (!try_to_push(lab, &error))
			fail_msg("%s", error->message);
	}
}

static void assert_is_message(const IpfixMessage *message, uint32_t number)
{
	assert_non_null(message);
	assert_int_equal(message->contents.packets, HOSTS * number);
	assert_int_equal(message->contents.octets, HOSTS * 10 * number);
	assert_int_equal(message->contents.records, HOSTS);
	assert_int_equal(message->contents.flow_records, HOSTS);
	assert_int_equal(message->sequence_step, HOSTS);
	assert_int_equal(message->observation_domain, 1);
}

static void pop(Lab *lab, uint32_t number, SpoolPlace *place)
{
	g_autofree IpfixMessage *message = spool_pop(lab->spool, place);

	assert_is_message(message, number);
}

static void pop_and_acknowledge(Lab *lab, uint32_t first, uint32_t last)
{
	for (uint32_t number = first; number <= last; number++) {
		SpoolPlace place;

		pop(lab, number, &place);
		assert_false(place.may_be_repeated);
		spool_acknowledge(lab->spool, &place);
	}
	spool_save_position(lab->spool);
}

static void load_all(Lab *lab)
{
	while (!spool_load(lab->spool))
		;
}

static int compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In their order. */
static GPtrArray *segments(const Lab *lab)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) directory = g_dir_open(lab->path, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(directory))) {
		if (g_str_has_suffix(name, ".ipfix"))
			g_ptr_array_add(paths, g_build_filename(lab->path, name, NULL));
	}
	g_ptr_array_sort(paths, compare_paths);
	return paths;
}

static void assert_segments(const Lab *lab, guint n)
{
	g_autoptr(GPtrArray) paths = segments(lab);

	assert_int_equal(paths->len, n);
}

static void first_in_is_first_out(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	SpoolPlace place;

	assert_true(spool_is_empty(lab->spool));
	assert_null(spool_pop(lab->spool, &place));
	push(lab, 3);
	assert_int_equal(spool_waiting(lab->spool).messages, 3);
	assert_int_equal(spool_waiting(lab->spool).packets, HOSTS * (1 + 2 + 3));
	pop_and_acknowledge(lab, 1, 2);
	push(lab, 2000);
	assert_int_equal(spool_waiting(lab->spool).messages, 2001);
	pop_and_acknowledge(lab, 3, 2003);
	assert_true(spool_is_empty(lab->spool));
	assert_int_equal(spool_waiting(lab->spool).octets, 0);
	assert_segments(lab, 0);
	push(lab, 1);
	pop_and_acknowledge(lab, 2004, 2004);
}

static void each_segment_is_a_whole_file(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	g_autoptr(GPtrArray) paths = NULL;
	guint records = 0;

	push(lab, 2000);
	paths = segments(lab);
	assert_true(paths->len > 1);
	for (guint i = 0; i < paths->len; i++) {
		Decoder *decoder = decoder_new();
		g_autofree char *contents = NULL;
		const uint8_t *at;
		gsize left;
		struct stat status;

		assert_int_equal(lstat(paths->pdata[i], &status), 0);
		assert_int_equal(status.st_mode & 07777 & ~0640, 0);
		assert_true(g_file_get_contents(paths->pdata[i], &contents, &left, NULL));
		at = (const uint8_t *)contents;
		while (left) {
			size_t len = (size_t)at[2] << 8 | at[3];

			if (!decoder_take(decoder, at, len))
				fail_msg("%s", decoder->fault);
			at += len;
			left -= len;
		}
		assert_int_equal(decoder->missing, 0);
		records += decoder_flow_records(decoder);
		decoder_free(decoder);
	}
	assert_int_equal(records, 2000 * HOSTS);
}

static void all_of_it_is_there_after_a_restart(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	ExportSum before;

	push(lab, 2500);
	pop_and_acknowledge(lab, 1, 700);
	before = spool_waiting(lab->spool);
	lab_reopen(lab);
	assert_false(spool_is_empty(lab->spool));
	push(lab, 10);
	load_all(lab);
	assert_int_equal(spool_waiting(lab->spool).messages, before.messages + 10);
	assert_int_equal(spool_waiting(lab->spool).message_octets,
			 (before.messages + 10) * before.message_octets / before.messages);
	pop_and_acknowledge(lab, 701, 2510);
	assert_true(spool_is_empty(lab->spool));
	assert_segments(lab, 0);
}

/* Without a word from the process before: a copy of what it has left so far. */
static void crash(Lab *lab)
{
	g_autofree char *left = g_strconcat(lab->path, "-left", NULL);

	run_command("rm -rf '%s' && cp -a '%s' '%s'", left, lab->path, left);
	spool_free(lab->spool);
	run_command("rm -rf '%s' && mv '%s' '%s'", lab->path, left, lab->path);
	lab_open(lab, 16 * MIB);
}

static void what_may_have_been_sent_before_a_crash_is_known(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	SpoolPlace place;
	uint32_t number = 4;

	push(lab, 2000);
	pop_and_acknowledge(lab, 1, 3);
	pop(lab, 4, &place);
	pop(lab, 5, &place);
	crash(lab);
	pop(lab, 4, &place);
	assert_true(place.may_be_repeated);
	pop(lab, 5, &place);
	assert_true(place.may_be_repeated);
	/* Not much more than that. */
	for (number = 6; place.may_be_repeated; number++)
		pop(lab, number, &place);
	assert_in_range(number, 6, 400);
	/* Nor after an end in order. */
	lab_reopen(lab);
	pop(lab, 4, &place);
}

static void end_in_order_repeats_nothing(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);

	push(lab, 100);
	pop_and_acknowledge(lab, 1, 3);
	lab_reopen(lab);
	pop_and_acknowledge(lab, 4, 100);
}

static void cut_last_segment(const Lab *lab, int octets)
{
	g_autoptr(GPtrArray) paths = segments(lab);

	run_command("truncate -s -%d '%s'", octets, (char *)paths->pdata[paths->len - 1]);
}

static void torn_message_is_cut_off(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);

	push(lab, 10);
	spool_free(lab->spool);
	cut_last_segment(lab, 17);
	lab_open(lab, 16 * MIB);
	load_all(lab);
	assert_int_equal(lab->lost.messages, 1);
	assert_non_null(strstr(lab->why, "not whole"));
	assert_int_equal(spool_waiting(lab->spool).messages, 9);
	lab_reopen(lab);
	load_all(lab);
	assert_int_equal(lab->lost.messages, 1);
	push(lab, 1);
	pop_and_acknowledge(lab, 1, 9);
	pop_and_acknowledge(lab, 11, 11);
}

static void what_is_no_ipfix_is_cut_off(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	g_autoptr(GPtrArray) paths = NULL;

	push(lab, 3);
	spool_free(lab->spool);
	paths = segments(lab);
	run_command("echo 'this is no message' >>'%s'", (char *)paths->pdata[0]);
	run_command("echo nor is this >'%s/0000000001.ipfix'", lab->path);
	run_command("ln -s /etc/passwd '%s/0000000002.ipfix'", lab->path);
	run_command("mkdir '%s/0000000003.ipfix'", lab->path);
	run_command("echo mine >'%s/notes.txt'", lab->path);
	lab_open(lab, 16 * MIB);
	pop_and_acknowledge(lab, 1, 3);
	assert_true(spool_is_empty(lab->spool));
	run_command("test -s /etc/passwd && grep -q mine '%s/notes.txt'", lab->path);
}

static void position_of_nowhere_is_the_beginning(void **state)
{
	static const char *const positions[] = {
		"",
		"nonsense",
		"00000000001000000000 00000000000000000017 00000000000000000000 "
		"00000000000000000000\n",
	};
	g_autoptr(Lab) lab = lab_new(state);
	SpoolPlace place;

	push(lab, 5);
	for (size_t i = 0; i < G_N_ELEMENTS(positions); i++) {
		g_autofree char *path = g_build_filename(lab->path, "position", NULL);

		spool_free(lab->spool);
		assert_true(g_file_set_contents(path, positions[i], -1, NULL));
		lab_open(lab, 16 * MIB);
		pop(lab, 1, &place);
	}
}

/* By the file's octets: a position that was acknowledged and then is within a message. */
static void position_within_a_message_is_its_beginning(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	g_autofree char *path = g_build_filename(lab->path, "position", NULL);
	g_autofree char *text = NULL;
	SpoolPlace place;

	push(lab, 5);
	pop(lab, 1, &place);
	text = g_strdup_printf("%020u %020u %020u %020u\n", (guint)place.segment,
			       (guint)place.end + 5, 0, 0);
	spool_free(lab->spool);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	lab_open(lab, 16 * MIB);
	load_all(lab);
	assert_int_equal(spool_waiting(lab->spool).messages, 4);
	pop(lab, 2, &place);
}

static void when_it_is_full_the_oldest_go(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	ExportSum waiting;
	uint32_t first;

	spool_set_max(lab->spool, MIB);
	push(lab, 3000);
	waiting = spool_waiting(lab->spool);
	assert_true(lab->is_full);
	assert_true(waiting.message_octets <= MIB);
	assert_true(waiting.message_octets > MIB - MIB / 8);
	assert_int_equal(waiting.messages + lab->lost.messages, 3000);
	assert_int_equal(waiting.packets + lab->lost.packets, HOSTS * 3000ull * 3001 / 2);
	assert_int_equal(lab->lost_sequence, lab->lost.records);
	first = (uint32_t)lab->lost.messages + 1;
	pop_and_acknowledge(lab, first, 3000);
}

/* What has been popped of the segment that goes does not count as lost. */
static void what_is_on_its_way_is_not_lost(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	SpoolPlace first, second;
	g_autofree IpfixMessage *message = NULL;

	spool_set_max(lab->spool, MIB);
	push(lab, 500);
	pop(lab, 1, &first);
	message = spool_pop(lab->spool, &second);
	push(lab, 1000);
	assert_int_equal(spool_waiting(lab->spool).messages + lab->lost.messages, 1498);
	spool_acknowledge(lab->spool, &first);
	assert_false(spool_unpop(lab->spool, &second, message));
	assert_int_equal(spool_waiting(lab->spool).messages + lab->lost.messages, 1498);
}

static void what_is_put_back_is_the_oldest_again(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	SpoolPlace place;

	push(lab, 3);
	for (int i = 0; i < 2; i++) {
		g_autofree IpfixMessage *message = spool_pop(lab->spool, &place);

		assert_is_message(message, 1);
		assert_true(spool_unpop(lab->spool, &place, message));
		assert_int_equal(spool_waiting(lab->spool).messages, 3);
	}
	pop_and_acknowledge(lab, 1, 3);
}

static void push_front(Lab *lab, uint32_t first, uint32_t last)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

	for (uint32_t number = first; number <= last; number++) {
		g_autoptr(GPtrArray) one = make(lab, number);

		g_ptr_array_add(all, g_ptr_array_steal_index(one, 0));
	}
	assert_int_equal(spool_push_front(lab->spool, all, lab->templates, NULL), all->len);
}

static void what_is_older_goes_before(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);

	/* 1 to 3000 are in memory. */
	lab->made = 3000;
	push(lab, 1000);
	push_front(lab, 2001, 3000);
	push_front(lab, 1, 2000);
	lab_reopen(lab);
	push(lab, 1);
	pop_and_acknowledge(lab, 1, 4001);
	push_front(lab, 4002, 4002);
	pop_and_acknowledge(lab, 4002, 4002);
}

static void two_layouts_have_their_own_segments(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	g_autofree char *first = NULL, *second = NULL;
	g_autoptr(GPtrArray) announcements = NULL;

	push(lab, 2);
	first = g_strdup(spool_templates_layout(lab->templates));
	lab_use_layout(lab, true);
	second = g_strdup(spool_templates_layout(lab->templates));
	assert_string_not_equal(first, second);
	push(lab, 2);
	lab_reopen(lab);
	assert_string_equal(spool_layout(lab->spool), first);
	announcements = spool_announcements(lab->spool);
	assert_true(announcements->len > 0);
	pop_and_acknowledge(lab, 1, 2);
	assert_string_equal(spool_layout(lab->spool), second);
	pop_and_acknowledge(lab, 3, 4);
	assert_null(spool_layout(lab->spool));
}

/* How templates are cut into messages, and when, makes no difference. */
static void layout_is_what_templates_say(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(SpoolTemplates) templates = NULL;

	assert_true(ipfix_encoder_set_message_size(lab->encoder, 512, NULL));
	assert_true(ipfix_encode_templates(lab->encoder, EXPORT_TIME_S + 1,
					   IPFIX_HOSTS | IPFIX_INTERFACES, messages, NULL));
	templates = spool_templates_new(messages);
	assert_string_equal(spool_templates_layout(templates),
			    spool_templates_layout(lab->templates));
}

/* A disk that is full: no file may be longer. What has been written of a message does not stay. */
static void disk_that_takes_no_more_costs_what_comes_then(void **state)
{
	struct rlimit before, limit;
	g_autoptr(Lab) lab = lab_new(state);
	g_autoptr(GError) error = NULL;
	uint32_t made;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	push(lab, 10);
	limit = (struct rlimit){ 20000, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (try_to_push(lab, &error))
		;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(error->message, lab->path));
	made = lab->made;
	assert_in_range(made, 11, 20);
	assert_int_equal(spool_waiting(lab->spool).messages, made);
	push(lab, 10);
	pop_and_acknowledge(lab, 1, made + 10);
	assert_int_equal(lab->lost.messages, 0);
}

static void directory_is_for_one(void **state)
{
	g_autoptr(Lab) lab = lab_new(state);
	g_autoptr(GError) error = NULL;

	assert_null(spool_new(lab->path, MIB, on_lost, lab, &error));
	assert_int_equal(error->code, EWOULDBLOCK);
}

static void directory_that_cannot_be_is_an_error(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *nowhere = g_build_filename(*state, "no", "where", NULL);

	assert_null(spool_new(nowhere, MIB, NULL, NULL, &error));
	assert_non_null(strstr(error->message, nowhere));
	g_clear_error(&error);
	assert_null(spool_new("/dev/null", MIB, NULL, NULL, &error));
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(first_in_is_first_out),
		IN_DIRECTORY(each_segment_is_a_whole_file),
		IN_DIRECTORY(all_of_it_is_there_after_a_restart),
		IN_DIRECTORY(what_may_have_been_sent_before_a_crash_is_known),
		IN_DIRECTORY(end_in_order_repeats_nothing),
		IN_DIRECTORY(torn_message_is_cut_off),
		IN_DIRECTORY(what_is_no_ipfix_is_cut_off),
		IN_DIRECTORY(position_of_nowhere_is_the_beginning),
		IN_DIRECTORY(position_within_a_message_is_its_beginning),
		IN_DIRECTORY(when_it_is_full_the_oldest_go),
		IN_DIRECTORY(what_is_on_its_way_is_not_lost),
		IN_DIRECTORY(what_is_put_back_is_the_oldest_again),
		IN_DIRECTORY(what_is_older_goes_before),
		IN_DIRECTORY(two_layouts_have_their_own_segments),
		IN_DIRECTORY(layout_is_what_templates_say),
		IN_DIRECTORY(disk_that_takes_no_more_costs_what_comes_then),
		IN_DIRECTORY(directory_is_for_one),
		IN_DIRECTORY(directory_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
