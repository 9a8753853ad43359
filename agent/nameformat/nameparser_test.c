/* SPDX-License-Identifier: Apache-2.0 */
#include "nameparser.h"

#include <inttypes.h>
#include <string.h>

#include "base/mac.h"
#include "base/prefix.h"
#include "test.h"

/* "MAC[/BITS] ADDRESS NAME END", "-" for what is not there; END of leases only. */
static void write_entry(const NameEntry *entry, void *user_data)
{
	char mac[MAC_TEXT_MAX] = "-", address[PREFIX_TEXT_MAX] = "-";
	GString *text = user_data;

	if (entry->mac)
		mac_format(entry->mac, mac);
	if (entry->address)
		address_format(entry->address, address);
	g_string_append(text, mac);
	if (entry->mac && entry->mac_bits != NAME_MAC_BITS)
		g_string_append_printf(text, "/%u", entry->mac_bits);
	g_string_append_printf(text, " %s %s", address, entry->name ? entry->name : "-");
	if (entry->is_lease && entry->end_s == INT64_MAX)
		g_string_append(text, " never");
	else if (entry->is_lease)
		g_string_append_printf(text, " %" PRId64, entry->end_s);
	g_string_append_c(text, '\n');
}

/* In pieces of @piece octets. */
static char *parse(NamesKind kind, const char *octets, size_t len, size_t piece, BadLines *bad)
{
	GString *text = g_string_new(NULL);
	g_autoptr(NameParser) parser = name_parser_new(kind, write_entry, text);

	for (size_t i = 0; i < len; i += piece)
		name_parser_feed(parser, octets + i, MIN(piece, len - i));
	name_parser_end(parser);
	*bad = name_parser_bad_lines(parser);
	return g_string_free(text, FALSE);
}

/* The same whatever the pieces are. */
static BadLines assert_octets(NamesKind kind, const char *octets, size_t len, const char *expected)
{
	static const size_t pieces[] = { 1, 7, 100000 };
	BadLines bad = { 0 };

	for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
		g_autofree char *names = parse(kind, octets, len, pieces[i], &bad);

		assert_string_equal(names, expected);
	}
	return bad;
}

static void assert_names(NamesKind kind, const char *text, const char *expected)
{
	BadLines bad = assert_octets(kind, text, strlen(text), expected);

	if (bad.count)
		fail_msg("line %" PRIu64 ": %s", bad.first, bad.reason);
}

/* The only bad line is @line, and nothing is known of it. */
static void assert_bad(NamesKind kind, const char *before, const char *line)
{
	g_autofree char *text = g_strdup_printf("%s%s\n", before, line);
	BadLines bad;
	g_autofree char *names = parse(kind, text, strlen(text), 1000, &bad);
	size_t number = 1;

	for (const char *end = before; (end = strchr(end, '\n')); end++)
		number++;
	if (bad.count != 1 || bad.first != number || !bad.reason || *names)
		fail_msg("\"%s\": %" PRIu64 " bad lines, the first is %" PRIu64 "; names: %s", line,
			 bad.count, bad.first, names);
}

static void dnsmasq_leases_are_read(void **state)
{
	assert_names(
		NAMES_DNSMASQ,
		"1795687200 02:00:00:00:00:01 192.168.2.10 desktop 01:02:00:00:00:00:01\n"
		"1795687200 02:00:00:00:00:02 192.168.2.11 * *\n"
		"0 02:00:00:00:00:03 192.168.2.12 tv ff:aa\n"
		"1795687200 06-00:01 192.168.2.13 odd *\n"
		"duid 00:01:00:01:2c:3d:4e:5f:02:00:00:00:01:01\n"
		"1795687300 12345 2001:db8::10 desktop 00:01:00:01:2c:3d:4e:5f:02:00:00:00:00:01\n"
		"1795687300 T12346 2001:db8::11 phone 00:04:aa:bb\n",
		"02:00:00:00:00:01 192.168.2.10 desktop 1795687200\n"
		"02:00:00:00:00:02 192.168.2.11 - 1795687200\n"
		"02:00:00:00:00:03 192.168.2.12 tv never\n"
		"- 192.168.2.13 odd 1795687200\n"
		"02:00:00:00:00:01 2001:db8::10 desktop 1795687300\n"
		"- 2001:db8::11 phone 1795687300\n");
}

/* Without a clock dnsmasq writes how long a lease lasts. */
static void dnsmasq_lease_without_a_clock_has_no_end(void **state)
{
	assert_names(NAMES_DNSMASQ, "43200 02:00:00:00:00:01 192.168.2.10 desktop *\n",
		     "02:00:00:00:00:01 192.168.2.10 desktop never\n");
}

static void broken_dnsmasq_lines_are_counted(void **state)
{
	assert_bad(NAMES_DNSMASQ, "", "garbage");
	assert_bad(NAMES_DNSMASQ, "\n", "soon 02:00:00:00:00:01 192.168.2.10 desktop *");
	assert_bad(NAMES_DNSMASQ, "", "1795687200 02:00:00:00:00:01 192.168.2 desktop *");
	assert_bad(NAMES_DNSMASQ, "", "1795687200 02:00:00:00:00:01 192.168.2.10");
	assert_bad(NAMES_DNSMASQ, "", "99999999999999999999 02:00:00:00:00:01 192.168.2.1 a *");
}

static void odhcpd_leases_are_read(void **state)
{
	assert_names(NAMES_ODHCPD,
		     "# br-lan 000100012c3d4e5f020000000001 1a2b desktop 1795687200 10 128 "
		     "2001:db8::10/128 fd00::10/128\n"
		     "2001:db8::10\tdesktop.lan\tdesktop\n",
		     "02:00:00:00:00:01 2001:db8::10 desktop 1795687200\n"
		     "02:00:00:00:00:01 fd00::10 desktop 1795687200\n");
}

static void odhcpd_marks_are_understood(void **state)
{
	assert_names(
		NAMES_ODHCPD,
		"# br-lan 020000000002 ipv4 broken\\x20my_phone 1795687200 b 32 192.168.2.11/32\n"
		"# br-lan 020000000003 ipv4 - 1795687200 c 32 192.168.2.12/32\n"
		"# br-lan 020000000004 ipv4 tv -1 d 32 192.168.2.13/32\n"
		"# br-lan 0003000102000000000a 1 pd 0 d 60 2001:db8:0:10::/60\n"
		"# br-lan 0003000102000000000b 1 idle 1795687200 0 128 \n",
		"02:00:00:00:00:02 192.168.2.11 my_phone 1795687200\n"
		"02:00:00:00:00:03 192.168.2.12 - 1795687200\n"
		"02:00:00:00:00:04 192.168.2.13 tv never\n"
		"02:00:00:00:00:0a - pd 0\n"
		"02:00:00:00:00:0b - idle 1795687200\n");
}

static void broken_odhcpd_lines_are_counted(void **state)
{
	assert_bad(NAMES_ODHCPD, "", "# br-lan 020000000002 ipv4");
	assert_bad(NAMES_ODHCPD, "\n", "garbage");
	assert_bad(NAMES_ODHCPD, "", "# br-lan 020000000002 ipv4 tv soon b 32 192.168.2.11/32");
}

#define KEA4                                                                                       \
	"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,"     \
	"state,user_context,pool_id\n"
#define KEA6                                                                                       \
	"address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"   \
	"fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n"

static void kea_leases_are_read(void **state)
{
	assert_names(NAMES_KEA,
		     KEA4
		     "192.168.2.10,02:00:00:00:00:01,01:02,3600,1795687200,1,0,0,desktop,0,,0\n"
		     "192.168.2.11,02:00:00:00:00:02,,3600,1795687200,1,0,0,,0,,0\n"
		     "192.168.2.12,02:00:00:00:00:03,,4294967295,1795687200,1,0,0,tv.lan.,0,"
		     "{ \"a\": 1&#x2c \"b\": 2 },0\n"
		     "192.168.2.13,02:00:00:00:00:04,,3600,1795687200,1,0,0,a&#x2cb,0,,0\n",
		     "02:00:00:00:00:01 192.168.2.10 desktop 1795687200\n"
		     "02:00:00:00:00:02 192.168.2.11 - 1795687200\n"
		     "02:00:00:00:00:03 192.168.2.12 tv.lan never\n"
		     "02:00:00:00:00:04 192.168.2.13 a,b 1795687200\n");
}

static void kea_leases_of_ipv6_are_read(void **state)
{
	assert_names(
		NAMES_KEA,
		KEA6
		"2001:db8::10,00:01:00:01:2c:3d:4e:5f:02:00:00:00:00:01,4000,1795687200,1,3000,0,1,"
		"128,0,0,desktop.,,0,,,,0\n"
		"2001:db8::11,00:04:aa,4000,1795687200,1,3000,0,1,128,0,0,phone,02:00:00:00:00:02,"
		"0,"
		",1,2,0\n"
		"2001:db8:1::,00:03:00:01:02:00:00:00:00:03,4000,1795687200,1,3000,2,1,56,0,0,cpe,,"
		"0,,,,0\n",
		"02:00:00:00:00:01 2001:db8::10 desktop 1795687200\n"
		"02:00:00:00:00:02 2001:db8::11 phone 1795687200\n"
		"02:00:00:00:00:03 - cpe 1795687200\n");
}

/* Released ones have no lifetime, declined and reclaimed ones a state. */
static void kea_leases_that_are_over_say_so(void **state)
{
	assert_names(NAMES_KEA,
		     KEA4 "192.168.2.10,02:00:00:00:00:01,,0,1795687200,1,0,0,desktop,0,,0\n"
			  "192.168.2.11,02:00:00:00:00:02,,3600,1795687200,1,0,0,phone,2,,0\n"
			  "192.168.2.12,,,86400,1795687200,1,0,0,,1,,0\n",
		     "02:00:00:00:00:01 192.168.2.10 desktop 0\n"
		     "02:00:00:00:00:02 192.168.2.11 phone 0\n"
		     "- 192.168.2.12 - 0\n");
}

static void kea_columns_go_by_their_names(void **state)
{
	assert_names(NAMES_KEA,
		     "hostname,expire,address,valid_lifetime,colour,hwaddr\n"
		     "desktop,1795687200,192.168.2.10,3600,red,02:00:00:00:00:01\n",
		     "02:00:00:00:00:01 192.168.2.10 desktop 1795687200\n");
}

static void broken_kea_lines_are_counted(void **state)
{
	assert_bad(NAMES_KEA, KEA4, "garbage");
	assert_bad(NAMES_KEA, KEA4, "x,02:00:00:00:00:01,,3600,1795687200,1,0,0,desktop,0,,0");
	assert_bad(NAMES_KEA, KEA4, "192.168.2.10,02:00:00:00:00:01,,3600,soon,1,0,0,a,0,,0");
	assert_bad(NAMES_KEA, "", "garbage");
	assert_bad(NAMES_KEA, "", "address,hwaddr");
}

static void isc_leases_are_read(void **state)
{
	assert_names(NAMES_ISC,
		     "# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
		     "authoring-byte-order little-endian;\n"
		     "\n"
		     "lease 192.168.2.10 {\n"
		     "  starts 4 2026/11/26 09:50:00;\n"
		     "  ends 4 2026/11/26 10:00:00;\n"
		     "  tstp 4 2026/11/26 10:00:00;\n"
		     "  cltt 4 2026/11/26 09:50:00;\n"
		     "  binding state active;\n"
		     "  next binding state free;\n"
		     "  rewind binding state free;\n"
		     "  hardware ethernet 02:00:00:00:00:01;\n"
		     "  uid \"\\001\\002\\000}\\\";\";\n"
		     "  set vendor-class-identifier = \"MSFT 5.0\";\n"
		     "  client-hostname \"desk\\\"top \\303\\244\";\n"
		     "}\n"
		     "lease 192.168.2.11 {\n"
		     "  ends never;\n"
		     "  hardware ethernet 02:00:00:00:00:02;\n"
		     "  binding state free;\n"
		     "  client-hostname \"phone\";\n"
		     "  on expiry {\n"
		     "    execute (\"/bin/true\");\n"
		     "    client-hostname \"no\";\n"
		     "  }\n"
		     "}\n"
		     "lease 192.168.2.12 {\n"
		     "  ends epoch 1795687200; # Thu Nov 26\n"
		     "}\n",
		     "02:00:00:00:00:01 192.168.2.10 desk\"top \xc3\xa4 1795687200\n"
		     "02:00:00:00:00:02 192.168.2.11 phone 0\n"
		     "- 192.168.2.12 - 1795687200\n");
}

static void isc_leases_of_ipv6_are_read(void **state)
{
	assert_names(
		NAMES_ISC,
		"server-duid \"\\000\\001\\000\\001,=N_\\002\\000\\000\\000\\001\\001\";\n"
		"ia-na "
		"\"\\001\\000\\000\\000\\000\\001\\000\\001,=N_\\002\\000\\000\\000\\000\\001\" {\n"
		"  cltt 4 2026/11/26 09:50:00;\n"
		"  iaaddr 2001:db8::10 {\n"
		"    binding state active;\n"
		"    preferred-life 375;\n"
		"    max-life 600;\n"
		"    ends 4 2026/11/26 10:00:00;\n"
		"    set ddns-fwd-name = \"desktop.example.org\";\n"
		"  }\n"
		"}\n"
		"ia-pd \"\\001\\000\\000\\000\\000\\003\\000\\001\\002\\000\\000\\000\\000\\002\" "
		"{\n"
		"  iaprefix 2001:db8:1::/56 {\n"
		"    binding state active;\n"
		"  }\n"
		"}\n",
		"02:00:00:00:00:01 2001:db8::10 desktop.example.org 1795687200\n");
}

static void isc_lease_after_one_that_was_cut_short_is_read(void **state)
{
	const char text[] = "lease 192.168.2.10 {\n  ends never;\n  client-host\n"
			    "lease 192.168.2.11 {\n  client-hostname \"phone\";\n}\n";
	BadLines bad = assert_octets(NAMES_ISC, text, strlen(text), "- 192.168.2.11 phone never\n");

	assert_int_equal(bad.count, 2);
	assert_int_equal(bad.first, 3);
}

static void broken_isc_lines_are_counted(void **state)
{
	assert_bad(NAMES_ISC, "", "garbage");
	assert_bad(NAMES_ISC, "", "}");
	assert_bad(NAMES_ISC, "", "lease 192.168.2.300 {");
	assert_bad(NAMES_ISC, "lease 192.168.2.10 {\n", "  ends 4 some day;");
	assert_bad(NAMES_ISC, "lease 192.168.2.10 {\n", "  client-hostname \"desktop;");
	assert_bad(NAMES_ISC, "lease 192.168.2.10 {\n", "  hardware ethernet 02:00;");
	assert_bad(NAMES_ISC, "", "ia-na 5 {");
}

static void uci_hosts_are_read(void **state)
{
	assert_names(NAMES_UCI,
		     "package dhcp\n"
		     "\n"
		     "config dnsmasq\n"
		     "\toption domainneeded '1'\n"
		     "\toption name 'not a host'\n"
		     "\n"
		     "config host\n"
		     "\toption name 'desktop'\n"
		     "\toption dns '1'\n"
		     "\toption mac '02:00:00:00:00:01 02:00:00:00:00:AB'\n"
		     "\toption ip '192.168.2.10'\n"
		     "\n"
		     "config host 'phone'\n"
		     "\tlist mac '02:00:00:00:00:02'\n"
		     "\tlist mac \"02-00-00-00-00-03\"\n"
		     "\toption name \"it's\"   # a comment\n"
		     "\n"
		     "config HOST\n"
		     "\tOPTION NAME tv\n"
		     "\tOPTION MAC 2:0:0:0:0:4\n"
		     "\toption ip ignore",
		     "02:00:00:00:00:01 192.168.2.10 desktop\n"
		     "02:00:00:00:00:ab 192.168.2.10 desktop\n"
		     "02:00:00:00:00:02 - it's\n"
		     "02:00:00:00:00:03 - it's\n"
		     "02:00:00:00:00:04 - tv\n");
}

static void uci_hosts_may_lack_fields(void **state)
{
	assert_names(NAMES_UCI,
		     "config host\n"
		     "\toption mac '02:00:00:00:00:01'\n"
		     "config host\n"
		     "\toption name 'printer'\n"
		     "\toption ip '192.168.2.20'\n"
		     "config host\n"
		     "\toption name 'nobody'\n"
		     "config host\n",
		     "- 192.168.2.20 printer\n"
		     "- - nobody\n");
}

static void broken_uci_lines_are_counted(void **state)
{
	assert_bad(NAMES_UCI, "", "garbage");
	assert_bad(NAMES_UCI, "", "config");
	assert_bad(NAMES_UCI, "config host\n", "\toption mac");
	assert_bad(NAMES_UCI, "config host\n", "\toption name 'desktop");
	assert_bad(NAMES_UCI, "config host\n", "\toption mac '02:00:00:*:*:*'");
	assert_bad(NAMES_UCI, "config host\n", "\toption ip '192.168.2'");
}

static void ethers_and_hosts_are_read(void **state)
{
	assert_names(NAMES_ETHERS,
		     "# comment\n02:00:00:00:00:01 desktop # it\n\n2:0:0:0:0:2\tphone\n"
		     "02:00:00:00:00:03 192.168.2.12\n",
		     "02:00:00:00:00:01 - desktop\n02:00:00:00:00:02 - phone\n");
	assert_names(NAMES_HOSTS,
		     "127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\nfe80::1%lo0 localhost\n"
		     "192.168.2.10\tdesktop.lan desktop\n2001:DB8::10 desktop6#x\n",
		     "- 192.168.2.10 desktop.lan\n- 2001:db8::10 desktop6\n");
	assert_bad(NAMES_ETHERS, "", "desktop 02:00:00:00:00:01");
	assert_bad(NAMES_ETHERS, "", "02:00:00:00:00:01");
	assert_bad(NAMES_HOSTS, "", "192.168.2.0/24 net");
	assert_bad(NAMES_HOSTS, "", "192.168.2.1");
}

static void vendors_are_read(void **state)
{
	assert_names(NAMES_VENDORS,
		     "OUI/MA-L                                                    Organization\r\n"
		     "company_id                                                  Organization\r\n"
		     "                                                            Address\r\n"
		     "\r\n"
		     "28-6F-B9   (hex)\t\tExample Networks, Co. Ltd.\r\n"
		     "286FB9     (base 16)\t\tExample Networks, Co. Ltd.\r\n"
		     "\t\t\t\t1 Some Road\r\n"
		     "\t\t\t\tSomewhere  00000\r\n"
		     "\r\n"
		     "70-B3-D5   (hex)\t\tSmall\r\n"
		     "E75000-E75FFF     (base 16)\t\tSmall\r\n"
		     "E0-38-2D   (hex)\t\tMiddle\r\n"
		     "400000-4FFFFF     (base 16)\t\tMiddle\r\n",
		     "28:6f:b9:00:00:00/24 - Example Networks, Co. Ltd.\n"
		     "70:b3:d5:e7:50:00/36 - Small\n"
		     "e0:38:2d:40:00:00/28 - Middle\n");
	assert_bad(NAMES_VENDORS, "28-6F-B9 (hex) A\n", "400001-4FFFFF (base 16) A");
	assert_bad(NAMES_VENDORS, "28-6F-B9 (hex) A\n", "28 (base 16) A");
	assert_bad(NAMES_VENDORS, "", "28-6F (hex) A");
}

/* What all formats have in common: */

static void lines_may_end_in_any_way(void **state)
{
	assert_names(NAMES_ETHERS, "02:00:00:00:00:01 a\r\n02:00:00:00:00:02 b\r\n",
		     "02:00:00:00:00:01 - a\n02:00:00:00:00:02 - b\n");
	assert_names(NAMES_ETHERS, "02:00:00:00:00:01 a\n02:00:00:00:00:02 b",
		     "02:00:00:00:00:01 - a\n02:00:00:00:00:02 - b\n");
	assert_names(NAMES_ETHERS, "", "");
	assert_names(NAMES_ETHERS, "\n\r\n\n", "");
}

static void line_that_is_too_long_is_left_out(void **state)
{
	g_autofree char *longest = g_strnfill(LINES_MAX - strlen("02:00:00:00:00:01 a "), '#');
	g_autofree char *text =
		g_strdup_printf("02:00:00:00:00:01 a %s\r\n02:00:00:00:00:02 b #%s\n"
				"02:00:00:00:00:03 c\n",
				longest, longest);
	BadLines bad = assert_octets(NAMES_ETHERS, text, strlen(text),
				     "02:00:00:00:00:01 - a\n02:00:00:00:00:03 - c\n");

	assert_int_equal(bad.count, 1);
	assert_int_equal(bad.first, 2);
}

static void line_with_a_nul_is_left_out(void **state)
{
	const char text[] =
		"02:00:00:00:00:01 a\n02:00:00:00:00:02 b\0c\n\0\n02:00:00:00:00:03 c\n";
	BadLines bad = assert_octets(NAMES_ETHERS, text, sizeof(text) - 1,
				     "02:00:00:00:00:01 - a\n02:00:00:00:00:03 - c\n");

	assert_int_equal(bad.count, 2);
	assert_int_equal(bad.first, 2);
}

static void names_are_clean(void **state)
{
	assert_names(NAMES_ETHERS,
		     "02:00:00:00:00:01 \x1b[31mred\n"
		     "02:00:00:00:00:02 \xe2\x80\xaetfel\n"
		     "02:00:00:00:00:03 \xff\n"
		     "02:00:00:00:00:04 \x01\x02\n",
		     "02:00:00:00:00:01 - [31mred\n"
		     "02:00:00:00:00:02 - tfel\n"
		     "02:00:00:00:00:03 - \xef\xbf\xbd\n");
}

/* No sanitizer has anything to say, and it ends. */
static void any_octets_are_survived(void **state)
{
	static const char alphabet[] = "0123456789abcdef::::....  \t\t\n\n\n\r{}\"\"\\;',=#&#x2c-/"
				       "lease ia-na iaaddr config host option mac (hex) (base 16)";
	g_autoptr(GRand) random = g_rand_new_with_seed(20);
	char octets[20000];

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(octets); i++)
			octets[i] =
				round % 2 ?
					(char)g_rand_int(random) :
					alphabet[g_rand_int_range(random, 0, sizeof(alphabet) - 1)];
		for (int kind = NAMES_STATIC + 1; kind < NAMES_KINDS; kind++) {
			BadLines bad;
			g_autofree char *names = parse(kind, octets, sizeof(octets), 1000, &bad);

			assert_true(g_utf8_validate(names, -1, NULL));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dnsmasq_leases_are_read),
		cmocka_unit_test(dnsmasq_lease_without_a_clock_has_no_end),
		cmocka_unit_test(broken_dnsmasq_lines_are_counted),
		cmocka_unit_test(odhcpd_leases_are_read),
		cmocka_unit_test(odhcpd_marks_are_understood),
		cmocka_unit_test(broken_odhcpd_lines_are_counted),
		cmocka_unit_test(kea_leases_are_read),
		cmocka_unit_test(kea_leases_of_ipv6_are_read),
		cmocka_unit_test(kea_leases_that_are_over_say_so),
		cmocka_unit_test(kea_columns_go_by_their_names),
		cmocka_unit_test(broken_kea_lines_are_counted),
		cmocka_unit_test(isc_leases_are_read),
		cmocka_unit_test(isc_leases_of_ipv6_are_read),
		cmocka_unit_test(isc_lease_after_one_that_was_cut_short_is_read),
		cmocka_unit_test(broken_isc_lines_are_counted),
		cmocka_unit_test(uci_hosts_are_read),
		cmocka_unit_test(uci_hosts_may_lack_fields),
		cmocka_unit_test(broken_uci_lines_are_counted),
		cmocka_unit_test(ethers_and_hosts_are_read),
		cmocka_unit_test(vendors_are_read),
		cmocka_unit_test(lines_may_end_in_any_way),
		cmocka_unit_test(line_that_is_too_long_is_left_out),
		cmocka_unit_test(line_with_a_nul_is_left_out),
		cmocka_unit_test(names_are_clean),
		cmocka_unit_test(any_octets_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
