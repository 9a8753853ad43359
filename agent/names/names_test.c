/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mac.h"
#include "nameformat/nameparser.h"
#include "base/prefix.h"
#include "test.h"

/* What is waited for comes within this time, or never. */
#define PATIENCE_US (10 * G_USEC_PER_SEC)

typedef struct {
	char *directory;
	Config config;
	Names *names;
} Lab;

static char *path_of(const Lab *lab, const char *name)
{
	return g_build_filename(lab->directory, name, NULL);
}

static void write_file(const Lab *lab, const char *name, const char *text)
{
	g_autofree char *path = path_of(lab, name);

	assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* As programs do that keep their file open. */
static void append_file(const Lab *lab, const char *name, const char *text)
{
	g_autofree char *path = path_of(lab, name);
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void free_item(gpointer data)
{
	NamesConfig *item = data;

	g_clear_pointer(&item->pairs, g_hash_table_unref);
	g_free((char *)item->path);
	g_free(item);
}

static void add_file(Lab *lab, NamesKind kind, const char *name)
{
	NamesConfig *item = g_new0(NamesConfig, 1);

	item->kind = kind;
	item->path = path_of(lab, name);
	g_ptr_array_add(lab->config.hosts.names, item);
}

static void add_static(Lab *lab, const char *key, const char *name)
{
	NamesConfig *item = g_new0(NamesConfig, 1);

	item->pairs = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_insert(item->pairs, (gpointer)key, (gpointer)name);
	g_ptr_array_add(lab->config.hosts.names, item);
}

static int make_lab(void **state)
{
	Lab *lab = g_new0(Lab, 1);

	if (make_directory((void **)&lab->directory) < 0)
		return -1;
	lab->config.hosts.max = 100;
	lab->config.hosts.names = g_ptr_array_new_with_free_func(free_item);
	lab->config.hosts.vendors = path_of(lab, "oui.txt");
	*state = lab;
	return 0;
}

static int remove_lab(void **state)
{
	Lab *lab = *state;

	names_free(lab->names);
	g_ptr_array_unref(lab->config.hosts.names);
	g_free(lab->config.hosts.vendors);
	remove_directory((void **)&lab->directory);
	g_free(lab);
	return 0;
}

static struct host_key key_of(uint8_t mac, const char *address)
{
	struct host_key key = { .mac = { mac ? 2 : 0, 0, 0, 0, 0, mac } };
	Prefix prefix;

	if (address) {
		assert_true(prefix_parse(&prefix, address, NULL));
		memcpy(key.address, prefix.address, ADDRESS_LEN);
	}
	return key;
}

static const char *name_of(const Lab *lab, uint8_t mac, const char *address)
{
	const struct host_key key = key_of(mac, address), *keys = &key;

	return names_find(lab->names, &keys, 1);
}

static NamesStatus status_of(const Lab *lab, size_t index)
{
	NamesStatus status;

	assert_true(names_status(lab->names, index, &status));
	return status;
}

/* Runs the loop until @condition, which is evaluated each time. */
#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		gint64 deadline = g_get_monotonic_time() + PATIENCE_US;                            \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (g_get_monotonic_time() > deadline)                                     \
				fail_msg("in vain: %s", #condition);                               \
			if (!g_main_context_iteration(NULL, FALSE))                                \
				g_usleep(1000);                                                    \
		}                                                                                  \
	} while (0)

static bool is_called(const Lab *lab, uint8_t mac, const char *name)
{
	return !g_strcmp0(name_of(lab, mac, NULL), name);
}

static bool has_error(const Lab *lab, size_t index, const char *end)
{
	const char *error = status_of(lab, index).error;

	return end ? error && g_str_has_suffix(error, end) : !error;
}

static void static_names_are_known_at_once(void **state)
{
	Lab *lab = *state;

	add_static(lab, "02:00:00:00:00:01", "desktop");
	add_static(lab, "2001:db8::2", "phone");
	lab->names = names_new(&lab->config);
	assert_string_equal(name_of(lab, 1, NULL), "desktop");
	assert_string_equal(name_of(lab, 0, "2001:db8::2"), "phone");
	assert_null(name_of(lab, 2, "192.0.2.1"));
	assert_string_equal(status_of(lab, 0).kind, "static");
	assert_int_equal(status_of(lab, 0).entries, 1);
}

static void first_source_wins_and_there_the_mac(void **state)
{
	Lab *lab = *state;
	const struct host_key with_mac = key_of(1, "192.0.2.1"), other = key_of(1, "192.0.2.2");
	const struct host_key *keys[] = { &with_mac, &other };

	write_file(lab, "ethers", "02:00:00:00:00:01 by-mac\n");
	write_file(lab, "hosts", "192.0.2.2 by-address\n192.0.2.3 third\n");
	add_file(lab, NAMES_HOSTS, "hosts");
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(status_of(lab, 0).entries == 2 && status_of(lab, 1).entries == 1);
	assert_string_equal(names_find(lab->names, keys, 2), "by-address");
	assert_string_equal(names_find(lab->names, keys, 1), "by-mac");
	assert_string_equal(name_of(lab, 1, "192.0.2.3"), "third");
}

static void file_is_followed_however_it_changes(void **state)
{
	Lab *lab = *state;
	g_autofree char *path = path_of(lab, "ethers");

	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(has_error(lab, 0, "ethers: No such file or directory"));
	/* by rename */
	write_file(lab, "ethers", "02:00:00:00:00:01 first\n");
	WAIT_FOR(is_called(lab, 1, "first"));
	assert_null(status_of(lab, 0).error);
	write_file(lab, "ethers", "02:00:00:00:00:01 second\n");
	WAIT_FOR(is_called(lab, 1, "second"));
	/* in place */
	append_file(lab, "ethers", "02:00:00:00:00:02 other\n");
	WAIT_FOR(is_called(lab, 2, "other"));
	assert_int_equal(truncate(path, 0), 0);
	WAIT_FOR(is_called(lab, 1, NULL));
	append_file(lab, "ethers", "02:00:00:00:00:01 third\n");
	WAIT_FOR(is_called(lab, 1, "third"));
	assert_int_equal(unlink(path), 0);
	WAIT_FOR(has_error(lab, 0, "ethers: No such file or directory"));
	assert_null(name_of(lab, 1, NULL));
}

static void directories_come_and_go(void **state)
{
	Lab *lab = *state;
	g_autofree char *outer = path_of(lab, "a"), *inner = path_of(lab, "a/b");
	g_autofree char *file = path_of(lab, "a/b/ethers"), *other = path_of(lab, "c");

	add_file(lab, NAMES_ETHERS, "a/b/ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(has_error(lab, 0, "ethers: No such file or directory"));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(g_mkdir(outer, 0755), 0);
		/* So that each comes by itself. */
		for (int i = 0; i < 10; i++)
			g_main_context_iteration(NULL, FALSE);
		assert_int_equal(g_mkdir(inner, 0755), 0);
		write_file(lab, "a/b/ethers", "02:00:00:00:00:01 desktop\n");
		WAIT_FOR(is_called(lab, 1, "desktop"));
		assert_int_equal(unlink(file), 0);
		WAIT_FOR(is_called(lab, 1, NULL));
		assert_int_equal(rmdir(inner), 0);
		assert_int_equal(rmdir(outer), 0);
	}
	assert_int_equal(g_mkdir(outer, 0755), 0);
	assert_int_equal(g_mkdir(inner, 0755), 0);
	write_file(lab, "a/b/ethers", "02:00:00:00:00:01 again\n");
	WAIT_FOR(is_called(lab, 1, "again"));
	assert_int_equal(g_rename(inner, other), 0);
	WAIT_FOR(is_called(lab, 1, NULL));
	assert_int_equal(g_rename(other, inner), 0);
	WAIT_FOR(is_called(lab, 1, "again"));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(inner), 0);
}

/* Which would block for ever if it was opened as a file is. */
static void fifo_and_directory_are_faults_and_old_names_stay(void **state)
{
	Lab *lab = *state;
	g_autofree char *path = path_of(lab, "ethers");

	write_file(lab, "ethers", "02:00:00:00:00:01 desktop\n");
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(is_called(lab, 1, "desktop"));
	/* So that it never is absent. */
	{
		g_autofree char *fifo = path_of(lab, "fifo");

		assert_int_equal(mkfifo(fifo, 0600), 0);
		assert_int_equal(g_rename(fifo, path), 0);
	}
	WAIT_FOR(has_error(lab, 0, "ethers: not a regular file"));
	assert_string_equal(name_of(lab, 1, NULL), "desktop");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(g_mkdir(path, 0755), 0);
	WAIT_FOR(has_error(lab, 0, "ethers: not a regular file"));
	assert_int_equal(rmdir(path), 0);
	write_file(lab, "ethers", "02:00:00:00:00:01 phone\n");
	WAIT_FOR(is_called(lab, 1, "phone"));
	assert_null(status_of(lab, 0).error);
}

static void file_that_is_too_long_is_a_fault(void **state)
{
	Lab *lab = *state;
	g_autofree char *path = path_of(lab, "ethers");

	write_file(lab, "ethers", "02:00:00:00:00:01 desktop\n");
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(is_called(lab, 1, "desktop"));
	assert_int_equal(truncate(path, (256 << 20) + 1), 0);
	WAIT_FOR(has_error(lab, 0, "ethers: longer than 256 MiB"));
	assert_string_equal(name_of(lab, 1, NULL), "desktop");
}

static void entries_are_bounded(void **state)
{
	g_autoptr(GString) text = g_string_new(NULL);
	Lab *lab = *state;

	for (int i = 1; i <= 101; i++)
		g_string_append_printf(text, "02:00:00:00:00:%02x host%d\n", i, i);
	write_file(lab, "ethers", text->str);
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(has_error(lab, 0, "more than 100 entries (hosts.max): the others are left out"));
	assert_int_equal(status_of(lab, 0).entries, 100);
	assert_string_equal(name_of(lab, 100, NULL), "host100");
	assert_null(name_of(lab, 101, NULL));
	lab->config.hosts.max = 101;
	names_set_config(lab->names, &lab->config);
	/* Until then the names stay. */
	assert_string_equal(name_of(lab, 100, NULL), "host100");
	WAIT_FOR(has_error(lab, 0, NULL));
	assert_string_equal(name_of(lab, 101, NULL), "host101");
}

static void bad_lines_are_counted(void **state)
{
	Lab *lab = *state;

	write_file(lab, "ethers", "garbage\n02:00:00:00:00:01 desktop\n\n:\n");
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(is_called(lab, 1, "desktop"));
	assert_int_equal(status_of(lab, 0).bad_lines, 2);
	assert_null(status_of(lab, 0).error);
}

#define KEA_HEAD "address,hwaddr,valid_lifetime,expire,hostname,state\n"

/* Kea moves its leases to other files now and then. */
static void files_that_belong_to_keas_are_read_before_it(void **state)
{
	Lab *lab = *state;

	write_file(lab, "kea.2",
		   KEA_HEAD "192.0.2.1,02:00:00:00:00:01,3600,4000000000,old,0\n"
			    "192.0.2.2,02:00:00:00:00:02,3600,4000000000,phone,0\n");
	write_file(lab, "kea", KEA_HEAD "192.0.2.1,02:00:00:00:00:01,3600,4000000001,new,0\n");
	add_file(lab, NAMES_KEA, "kea");
	lab->names = names_new(&lab->config);
	WAIT_FOR(is_called(lab, 2, "phone"));
	assert_string_equal(name_of(lab, 1, NULL), "new");
	write_file(lab, "kea.1", KEA_HEAD "192.0.2.3,02:00:00:00:00:03,3600,4000000000,tv,0\n");
	WAIT_FOR(is_called(lab, 3, "tv"));
	assert_null(status_of(lab, 0).error);
}

static void vendor_is_that_of_the_smallest_block(void **state)
{
	const uint8_t large[MAC_LEN] = { 0x70, 0xb3, 0xd4, 0, 0, 1 };
	const uint8_t small[MAC_LEN] = { 0x70, 0xb3, 0xd5, 0xe7, 0x50, 1 };
	const uint8_t private[MAC_LEN] = { 0x72, 0xb3, 0xd5, 0xe7, 0x50, 1 };
	Lab *lab = *state;
	NamesStatus status;

	lab->names = names_new(&lab->config);
	assert_null(names_vendor(lab->names, large));
	WAIT_FOR(!names_status(lab->names, 0, &status));
	write_file(lab, "oui36.txt",
		   "70-B3-D5 (hex) Small\nE75000-E75FFF (base 16) Small Things\n"
		   "72-B3-D5 (hex) Nobody\nE75000-E75FFF (base 16) Nobody\n");
	write_file(lab, "oui.txt",
		   "70-B3-D4 (hex) Large\n70B3D4 (base 16) Large Ltd.\n"
		   "70-B3-D5 (hex) IEEE\n70B3D5 (base 16) IEEE\n");
	WAIT_FOR(names_vendor(lab->names, small));
	assert_string_equal(names_vendor(lab->names, small), "Small Things");
	assert_string_equal(names_vendor(lab->names, large), "Large Ltd.");
	assert_null(names_vendor(lab->names, private));
	status = status_of(lab, 0);
	assert_string_equal(status.kind, "vendors");
	assert_int_equal(status.entries, 4);
}

static void sources_change_with_the_configuration(void **state)
{
	Lab *lab = *state;

	write_file(lab, "ethers", "02:00:00:00:00:01 desktop\n");
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(is_called(lab, 1, "desktop"));
	add_static(lab, "02:00:00:00:00:01", "static");
	names_set_config(lab->names, &lab->config);
	assert_string_equal(name_of(lab, 1, NULL), "desktop");
	g_ptr_array_remove_index(lab->config.hosts.names, 0);
	names_set_config(lab->names, &lab->config);
	assert_string_equal(name_of(lab, 1, NULL), "static");
	g_ptr_array_set_size(lab->config.hosts.names, 0);
	names_set_config(lab->names, &lab->config);
	assert_null(name_of(lab, 1, NULL));
}

/* Each piece of a large file is a turn of the loop. */
static void large_file_leaves_the_loop_to_others(void **state)
{
	g_autoptr(GString) text = g_string_new(NULL);
	Lab *lab = *state;
	int turns = 0;

	while (text->len < 2000000)
		g_string_append(text, "garbage that is no line of this format, again and again\n");
	g_string_append(text, "02:00:00:00:00:01 desktop\n");
	write_file(lab, "ethers", text->str);
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR(turns++ > 1000 || is_called(lab, 1, "desktop"));
	assert_in_range(turns, 2000000 / 65536, 1000);
	assert_int_equal(
		status_of(lab, 0).bad_lines,
		(text->len - strlen("02:00:00:00:00:01 desktop\n")) /
			strlen("garbage that is no line of this format, again and again\n"));
}

/* Whoever never stops writing is read all the same. */
static void file_that_never_rests_is_read(void **state)
{
	g_autoptr(GString) text = g_string_new("02:00:00:00:00:01 desktop\n");
	Lab *lab = *state;

	while (text->len < 300000)
		g_string_append(text, "# nothing\n");
	write_file(lab, "ethers", text->str);
	add_file(lab, NAMES_ETHERS, "ethers");
	lab->names = names_new(&lab->config);
	WAIT_FOR((append_file(lab, "ethers", "# more\n"), is_called(lab, 1, "desktop")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_lab, remove_lab)
	const struct CMUnitTest tests[] = {
		TEST(static_names_are_known_at_once),
		TEST(first_source_wins_and_there_the_mac),
		TEST(file_is_followed_however_it_changes),
		TEST(directories_come_and_go),
		TEST(fifo_and_directory_are_faults_and_old_names_stay),
		TEST(file_that_is_too_long_is_a_fault),
		TEST(entries_are_bounded),
		TEST(bad_lines_are_counted),
		TEST(files_that_belong_to_keas_are_read_before_it),
		TEST(vendor_is_that_of_the_smallest_block),
		TEST(sources_change_with_the_configuration),
		TEST(large_file_leaves_the_loop_to_others),
		TEST(file_that_never_rests_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
