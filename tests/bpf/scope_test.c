/* SPDX-License-Identifier: Apache-2.0 */
/* What classifiers find of addresses in the kernel, as scope.h sets it. */
#include "kernel/scope.h"

#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/maps.h"
#include "kernel/netns.h"
#include "test.h"

#define NETNS 0xf0000123u
#define OTHER_NETNS 0xf0000124u
#define HOST_LEN 128 /* the whole address, IPv4 being mapped */

typedef struct {
	char *parent;
	char *dir; /* in there */
	Scope *scope;
} Lab;

static int make_lab(void **state)
{
	Lab *lab = g_new0(Lab, 1);

	*state = lab;
	lab->parent = g_dir_make_tmp("flowtally-test-XXXXXX", NULL);
	lab->dir = g_build_filename(lab->parent, "bpf", NULL);
	if (!maps_prepare(lab->dir, NULL))
		return -1;
	lab->scope = scope_open(lab->dir, NULL);
	return lab->scope ? 0 : -1;
}

static int remove_lab(void **state)
{
	Lab *lab = *state;

	scope_close(lab->scope);
	maps_remove(lab->dir);
	(void)rmdir(lab->parent);
	g_free(lab->parent);
	g_free(lab->dir);
	g_free(lab);
	return 0;
}

static GArray *prefixes_of(const char *text)
{
	GArray *prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
	Prefix prefix;

	assert_true(prefix_parse(&prefix, text, NULL));
	g_array_append_val(prefixes, prefix);
	return prefixes;
}

/* The one address of a namespace; NULL: it is not there. */
static void set_homes(const Lab *lab, const char *address, const char *other_address)
{
	g_autoptr(GHashTable) homes =
		g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);

	if (address)
		g_hash_table_insert(homes, GUINT_TO_POINTER(scope_home(NETNS)),
				    prefixes_of(address));
	if (other_address)
		g_hash_table_insert(homes, GUINT_TO_POINTER(scope_home(OTHER_NETNS)),
				    prefixes_of(other_address));
	assert_true(scope_set_homes(lab->scope, homes, NULL));
}

/* As the classifier does it. */
static bool is_found(const Lab *lab, uint32_t point, const char *address)
{
	g_autoptr(GArray) prefixes = prefixes_of(address);
	const Prefix *prefix = &g_array_index(prefixes, Prefix, 0);
	struct local_prefix key = {
		.length = LOCAL_PREFIX_LENGTH(HOST_LEN),
		.point = point,
		.ip_version = prefix_is_ipv4(prefix) ? 4 : 6,
	};
	uint8_t value;

	memcpy(key.address, prefix->address, ADDRESS_LEN);
	return bpf_map_lookup_elem(scope_map_fd(lab->scope, SCOPE_MAP_LOCAL), &key, &value) == 0;
}

/* Of the addresses that begin with these two octets. */
static uint8_t hint_of(const Lab *lab, bool ipv6, uint8_t first, uint8_t second)
{
	const uint8_t octets[] = { first, second };
	uint8_t words[sizeof(uint64_t)];
	uint16_t start;
	uint32_t index;

	memcpy(&start, octets, sizeof(start));
	index = start + (ipv6 ? SCOPE_HINTS : 0);
	start = index % sizeof(words);
	index /= sizeof(words);
	assert_int_equal(
		bpf_map_lookup_elem(scope_map_fd(lab->scope, SCOPE_MAP_HINTS), &index, words), 0);
	return words[start];
}

static void our_own_namespace_is_no_home(void **state)
{
	(void)state;
	assert_int_equal(scope_home(netns_own()->id), 0);
	assert_true(scope_home(NETNS) && scope_home(NETNS) != scope_home(OTHER_NETNS));
	/* And no point. */
	assert_true(scope_home(1) >= POINT_NUMBERS);
}

static void addresses_of_each_namespace_are_its_own(void **state)
{
	Lab *lab = *state;

	set_homes(lab, "192.0.2.1", "2001:db8::1");
	assert_true(is_found(lab, scope_home(NETNS), "192.0.2.1"));
	assert_false(is_found(lab, scope_home(NETNS), "192.0.2.2"));
	assert_false(is_found(lab, scope_home(NETNS), "2001:db8::1"));
	assert_true(is_found(lab, scope_home(OTHER_NETNS), "2001:db8::1"));
	assert_int_equal(hint_of(lab, false, 192, 0), HINT_ASK_TRIE);
	assert_int_equal(hint_of(lab, true, 0x20, 0x01), HINT_ASK_TRIE);
	assert_int_equal(hint_of(lab, false, 192, 1), HINT_INTERNET);
}

static void far_ends_leave_the_hints_of_namespaces(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) not_internet = prefixes_of("10.0.0.0/8"), own = prefixes_of("198.51.0.1");

	set_homes(lab, "10.1.2.3", NULL);
	assert_true(scope_set_far_ends(lab->scope, not_internet, own, NULL));
	assert_int_equal(hint_of(lab, false, 10, 1), HINT_ASK_TRIE);
	assert_int_equal(hint_of(lab, false, 10, 2), HINT_LOCAL);
	assert_int_equal(hint_of(lab, false, 198, 51), HINT_ASK_TRIE);
	set_homes(lab, NULL, NULL);
	assert_int_equal(hint_of(lab, false, 10, 1), HINT_LOCAL);
}

static void what_changes_is_replaced(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) local = prefixes_of("192.0.2.0/24");

	assert_true(scope_set_local(lab->scope, 5, local, NULL));
	set_homes(lab, "192.0.2.1", "192.0.2.1");
	set_homes(lab, "192.1.2.1", "192.0.2.1");
	assert_false(is_found(lab, scope_home(NETNS), "192.0.2.1"));
	assert_true(is_found(lab, scope_home(NETNS), "192.1.2.1"));
	assert_true(is_found(lab, scope_home(OTHER_NETNS), "192.0.2.1"));
	assert_int_equal(hint_of(lab, false, 192, 1), HINT_ASK_TRIE);
	/* Also what an agent before has left of a namespace that has gone since. */
	scope_close(lab->scope);
	lab->scope = scope_open(lab->dir, NULL);
	assert_non_null(lab->scope);
	set_homes(lab, NULL, "192.0.2.1");
	assert_false(is_found(lab, scope_home(NETNS), "192.1.2.1"));
	assert_true(is_found(lab, scope_home(OTHER_NETNS), "192.0.2.1"));
	assert_int_equal(hint_of(lab, false, 192, 1), HINT_INTERNET);
	/* Points are no namespaces. */
	assert_true(is_found(lab, 5, "192.0.2.9"));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, make_lab, remove_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_namespace_is_no_home),
		IN_LAB(addresses_of_each_namespace_are_its_own),
		IN_LAB(far_ends_leave_the_hints_of_namespaces),
		IN_LAB(what_changes_is_replaced),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
