/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mac.h"
#include "test.h"

/* Tests run in the root of the source tree. */
#define SAMPLE "config/flowtally.yaml"
#define MANUAL "man/flowtally.yaml.5.scd"

#define NAME_63 "123456789012345678901234567890123456789012345678901234567890123"
#define PATH_89                                                                                    \
	"/23456789012345678901234567890123456789012345678901234567890123456789012345678901234567"  \
	"89"

static void *directory; /* of the files below, for the whole run */

static char *write_file(const char *contents, size_t len)
{
	char *path = g_build_filename(directory, "test.yaml", NULL);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(contents, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* What config_read() says of @contents, without the file's name, one error a line. */
static char *errors_in(const char *contents, size_t len)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path = write_file(contents, len);
	g_autoptr(Config) config = config_read(path, errors);
	GString *lines = g_string_new(NULL);

	assert_true((config == NULL) == (errors->len > 0));
	for (guint i = 0; i < errors->len; i++) {
		const char *line = errors->pdata[i];

		assert_true(g_str_has_prefix(line, path));
		assert_null(strchr(line, '\n'));
		assert_true(g_utf8_validate(line, -1, NULL));
		g_string_append_printf(lines, "%s%s", i ? "\n" : "", line + strlen(path) + 1);
	}
	return g_string_free(lines, FALSE);
}

static void assert_errors(const char *yaml, const char *expected)
{
	g_autofree char *errors = errors_in(yaml, strlen(yaml));

	if (strcmp(errors, expected))
		fail_msg("%s\n-- gave --\n%s\n-- not --\n%s", yaml, errors, expected);
}

static Config *config_of(const char *yaml)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path = write_file(yaml, strlen(yaml));
	Config *config = config_read(path, errors);

	if (!config)
		fail_msg("%s\n-- gave --\n%s", yaml, (char *)errors->pdata[0]);
	return config;
}

/* Every key, by the YAML that leads to its value, with values that are right and wrong for it. */
static const struct {
	const char *key;
	const char *before;
	const char *good[6];
	const char *bad[18];
} keys[] = {
	{ "interval",
	  "interval: ",
	  { "100ms", "1h", "60m", "\"10s\"" },
	  { "99ms", "3600001ms", "2h", "1d", "0", "10", "s", "10 s", "-1s", "1.5s", "10S",
	    "8825400613783079d" } },
	{ "interfaces", "interfaces: ", { "[]", "[{match: a}]" }, { "{match: a}", "br-lan" } },
	{ "interfaces[0].match",
	  "interfaces:\n  - match: ",
	  { "br-lan", "\"*\"", "ns0:eth[0-9]", "~eth\\d+" },
	  { "a/b", "\"eth0:\"", "a b", "\"a\\tb\"", "~eth[", "a:b:c" } },
	{ "interfaces[0].exclude",
	  "interfaces:\n  - match: a\n    exclude: ",
	  { "[]", "[lo, \"veth*\", \"~ppp\\\\d\", 'ns0:*']" },
	  { "lo", "{lo: true}" } },
	{ "interfaces[0].exclude[0]",
	  "interfaces:\n  - match: a\n    exclude:\n    - ",
	  { "lo", "\"*\"", "ns0:lo", "~lo" },
	  { "a/b", "~(", "'a:'", "[lo]" } },
	{ "interfaces[0].meter",
	  "interfaces:\n  - match: a\n    meter: ",
	  { "[hosts]", "[]", "[flows]", "[flows, hosts]" },
	  { "hosts", "{hosts: true}" } },
	{ "interfaces[0].meter[0]",
	  "interfaces:\n  - match: a\n    meter:\n    - ",
	  { "hosts", "flows" },
	  { "tunnels", "Hosts", "1" } },
	{ "interfaces[0].flows-at",
	  "interfaces:\n  - match: a\n    flows-at: ",
	  { "[entering]", "[staying, leaving]", "[entering, staying, leaving]" },
	  { "[]", "leaving", "{leaving: true}", "[leaving, leaving]" } },
	{ "interfaces[0].flows-at[0]",
	  "interfaces:\n  - match: a\n    flows-at:\n    - ",
	  { "entering", "staying", "leaving" },
	  { "passing", "Leaving", "1" } },
	{ "interfaces[0].side",
	  "interfaces:\n  - match: a\n    side: ",
	  { "auto", "lan", "wan", "'wan'" },
	  { "north", "LAN", "0", "\"\"" } },
	{ "interfaces[0].hook",
	  "interfaces:\n  - match: a\n    hook: ",
	  { "auto", "tcx", "clsact" },
	  { "xdp", "TCX", "0" } },
	{ "interfaces[0].order",
	  "interfaces:\n  - match: a\n    order: ",
	  { "first", "last" },
	  { "1", "middle" } },
	{ "interfaces[0].local",
	  "interfaces:\n  - match: a\n    local: ",
	  { "[]", "[192.168.3.0/24, 2001:db8:ca2:3::/64]" },
	  { "192.168.3.0/24", "auto" } },
	{ "interfaces[0].local[0]",
	  "interfaces:\n  - match: a\n    local:\n    - ",
	  { "192.168.3.0/24", "::/0" },
	  { "192.168.3.1/24", "lan" } },
	{ "interfaces[0].alias",
	  "interfaces:\n  - match: a\n    alias: ",
	  { "home", "B\u00fcro 2", NAME_63, "\"5\"" },
	  { "\"a\\nb\"", "\"\\e[31m\"", "\"a\\u0080\"", NAME_63 "4", NAME_63 "\u00fc" } },
	{ "hosts", "hosts: ", { "{}" }, { "65536", "[max]" } },
	{ "hosts.local",
	  "hosts:\n  local: ",
	  { "[]", "[192.168.2.0/24, 2001:db8:ca2:2::/64]" },
	  { "192.168.2.0/24", "auto" } },
	{ "hosts.local[0]",
	  "hosts:\n  local:\n  - ",
	  { "192.168.2.0/24", "192.168.2.1", "::/0", "::1" },
	  { "192.168.2.1/24", "192.168.2.0/33", "2001:db8::/129", "foo", "[10.0.0.0/8]",
	    "\"10.0.0.0/8\\n\"" } },
	{ "hosts.not-internet",
	  "hosts:\n  not-internet: ",
	  { "[]", "[10.0.0.0/8]" },
	  { "10.0.0.0/8", "none" } },
	{ "hosts.not-internet[0]",
	  "hosts:\n  not-internet:\n  - ",
	  { "10.0.0.0/8", "fe80::/10" },
	  { "10.0.0.0/6", "fe80::1/10", "10/8" } },
	{ "hosts.max",
	  "hosts:\n  max: ",
	  { "1", "8", "16777216", "\"8\"" },
	  { "0", "16777217", "-1", "+8", "8.0", "0x8", "1e3", "many", "64k", "4294967297" } },
	{ "hosts.address-age",
	  "hosts:\n  address-age: ",
	  { "1s", "7d", "366d" },
	  { "999ms", "367d", "7", "never" } },
	{ "hosts.merge",
	  "hosts:\n  merge: ",
	  { "[]", "[{mac: '02:00:00:00:00:01', also: ['02:00:00:00:00:02']}]" },
	  { "02:00:00:00:00:01", "{mac: '02:00:00:00:00:01'}" } },
	{ "hosts.merge[0].mac",
	  "hosts:\n  merge:\n  - also: ['02:00:00:00:00:02']\n    mac: ",
	  { "\"02:00:00:00:00:01\"", "02-AB-CD-ef-00-01" },
	  { "desktop", "\"02:00:00:00:00\"", "192.0.2.1" } },
	{ "hosts.merge[0].also",
	  "hosts:\n  merge:\n  - mac: '02:00:00:00:00:01'\n    also: ",
	  { "['02:00:00:00:00:02', '02:00:00:00:00:03']" },
	  { "[]", "'02:00:00:00:00:02'" } },
	{ "hosts.merge[0].also[0]",
	  "hosts:\n  merge:\n  - mac: '02:00:00:00:00:01'\n    also:\n    - ",
	  { "\"02:00:00:00:00:02\"" },
	  { "desktop", "\"02:00:00:00:00:02:03\"" } },
	{ "flows", "flows: ", { "{}" }, { "131072", "[max]" } },
	{ "flows.max", "flows:\n  max: ", { "1", "16777216" }, { "0", "16777217", "128k" } },
	{ "flows.active-timeout",
	  "flows:\n  active-timeout: ",
	  { "100ms", "30m", "1d" },
	  { "99ms", "0s", "86400001ms", "60", "never" } },
	{ "flows.idle-timeout",
	  "flows:\n  idle-timeout: ",
	  { "100ms", "15s", "1d" },
	  { "99ms", "0s", "25h", "15" } },
	{ "flows.routing", "flows:\n  routing: ", { "true", "false" }, { "1", "yes", "[]" } },
	{ "flows.finished-timeout",
	  "flows:\n  finished-timeout: ",
	  { "0s", "5s", "1d" },
	  { "-1s", "2d", "5" } },
	{ "flows.sampling",
	  "flows:\n  sampling: ",
	  { "1:1", "1:100", "1:1000000" },
	  { "100", "1:0", "2:3", "1:1000001", "1:-5", "[1, 2]" } },
	{ "flows.sampling-of",
	  "flows:\n  sampling-of: ",
	  { "packets", "flows" },
	  { "hosts", "1" } },
	{ "flows.key",
	  "flows:\n  key: ",
	  { "[addresses]", "[mark, vlan]",
	    "[interfaces, addresses, protocol, ports, icmp, traffic-class, mark, vlan]" },
	  { "[]", "addresses", "{addresses: true}", "[ports, ports]" } },
	{ "flows.key[0]",
	  "flows:\n  key:\n  - ",
	  { "traffic-class", "interfaces", "icmp" },
	  { "port", "tos", "MAC", "1" } },
	{ "metrics", "metrics: ", { "{}" }, { "1024", "[idle]" } },
	{ "metrics.max-hosts", "metrics:\n  max-hosts: ", { "0", "16777216" }, { "-1", "all" } },
	{ "metrics.max-flows", "metrics:\n  max-flows: ", { "0", "65536" }, { "65537", "-1" } },
	{ "metrics.idle",
	  "metrics:\n  idle: ",
	  { "1s", "24h", "366d" },
	  { "0s", "999ms", "367d", "24" } },
	{ "metrics.compat",
	  "metrics:\n  compat: ",
	  { "[]", "[mezoura]", "[iptables, mezoura, packet-exporter, linux-flow-exporter]" },
	  { "mezoura", "{mezoura: true}" } },
	{ "metrics.compat[0]",
	  "metrics:\n  compat:\n  - ",
	  { "mezoura", "iptables", "packet-exporter", "linux-flow-exporter" },
	  { "Mezoura", "blog", "1", "packet_exporter" } },
	{ "history", "history: ", { "{}" }, { "62d", "[keep]" } },
	{ "history.keep", "history:\n  keep: ", { "0s", "1h", "366d" }, { "367d", "62", "ever" } },
	{ "history.max-mib", "history:\n  max-mib: ", { "1", "65536" }, { "0", "64MiB" } },
	{ "hosts.names",
	  "hosts:\n  names: ",
	  { "[]", "[{hosts: /etc/hosts}, {hosts: /etc/other}, {ethers: /etc/hosts}]" },
	  { "{hosts: /etc/hosts}", "/etc/hosts" } },
	{ "hosts.names[0]",
	  "hosts:\n  names:\n  - ",
	  { "hosts: /etc/hosts", "{static: {}}" },
	  { "/etc/hosts", "{}", "{hosts: /etc/hosts, ethers: /etc/ethers}", "[hosts]" } },
	{ "hosts.names[1]",
	  "hosts:\n  names:\n  - hosts: /etc/hosts\n  - ",
	  { "hosts: /etc/other", "kea: /etc/hosts" },
	  { "hosts: /etc/hosts" } },
	{ "hosts.names[0].kea",
	  "hosts:\n  names:\n  - kea: ",
	  { "/var/lib/kea/kea-leases4.csv" },
	  { "leases.csv", "/var/lib/kea/", "\"\"", "[]", "{}" } },
	{ "hosts.names[0].static",
	  "hosts:\n  names:\n  - static: ",
	  { "{}", "{02:00:00:00:00:0a: a, \"02-00-00-00-00-0B\": b, 192.168.2.77: c, "
		  "\"2001:db8::1\": d}" },
	  { "desktop", "[]", "{desktop: 02:00:00:00:00:01}", "{192.168.2.0/24: net}",
	    "{02:00:00:00:00: a}", "{\"\": a}", "{[a]: b}" } },
	{ "hosts.names[0].static.02:00:00:00:00:01",
	  "hosts:\n  names:\n  - static:\n      02:00:00:00:00:01: ",
	  { "desktop", "5", "B\u00fcro 2", "\"<b>\\\"\"" },
	  { "\"\"", "\" a\"", "\"\\e[2J\"", "\"a\\nb\"", "\"a\\u202eb\"", "[a]", "{a: b}" } },
	{ "hosts.vendors",
	  "hosts:\n  vendors: ",
	  { "/usr/share/ieee-data/oui.txt" },
	  { "oui.txt", "/usr/share/ieee-data/", "[]", "false" } },
	{ "export", "export: ", { "{}" }, { "ipfix", "[ipfix]" } },
	{ "export.ipfix", "export:\n  ipfix: ", { "{}" }, { "true", "[collectors]" } },
	{ "export.ipfix.observation-domain",
	  "export:\n  ipfix:\n    observation-domain: ",
	  { "0", "4294967295" },
	  { "-1", "4294967296", "one" } },
	{ "export.ipfix.enterprise-number",
	  "export:\n  ipfix:\n    enterprise-number: ",
	  { "1", "4294967295" },
	  { "0", "4294967296", "IANA" } },
	{ "export.ipfix.template-refresh",
	  "export:\n  ipfix:\n    template-refresh: ",
	  { "1s", "300s", "5m" },
	  { "999ms", "300001ms", "301s", "6m", "1d", "60" } },
	{ "export.ipfix.message-size",
	  "export:\n  ipfix:\n    message-size: ",
	  { "96", "65535" },
	  { "95", "65536", "1400B" } },
	{ "export.ipfix.collectors",
	  "export:\n  ipfix:\n    collectors: ",
	  { "[]", "[{address: '192.0.2.1:1'}]" },
	  { "192.0.2.1:4739", "{address: '192.0.2.1:1'}" } },
	{ "export.ipfix.groups",
	  "export:\n  ipfix:\n    groups: ",
	  { "[]", "[{collectors: [{address: '192.0.2.1:1'}]}]" },
	  { "failover", "{mode: hash}" } },
	{ "export.ipfix.groups[0].mode",
	  "export:\n  ipfix:\n    groups:\n      - collectors: [{address: 192.0.2.1:1}]\n        "
	  "mode: ",
	  { "all", "failover", "hash" },
	  { "Hash", "[all]", "round-robin" } },
	{ "export.ipfix.groups[0].collectors",
	  "export:\n  ipfix:\n    groups:\n      - collectors: ",
	  { "[{address: '192.0.2.1:1'}]" },
	  { "[]", "192.0.2.1:4739", "{address: '192.0.2.1:1'}" } },
	{ "export.ipfix.groups[0].collectors[0].address",
	  "export:\n  ipfix:\n    groups:\n      - collectors:\n          - address: ",
	  { "192.0.2.1:1" },
	  { "192.0.2.1" } },
	{ "export.ipfix.collectors[0].address",
	  "export:\n  ipfix:\n    collectors:\n      - address: ",
	  { "192.0.2.1:1", "192.0.2.1:65535", "\"[2001:db8::1]:4739\"", "\"[::ffff:192.0.2.1]:2\"",
	    "localhost:4739", "collector.example.:1" },
	  { "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "localhost", "localhost:0",
	    "collector..example:1", "192.0.2.256:1", "'a b:1'", "2001:db8::1:4739",
	    "'[2001:db8::1]'", "'[192.0.2.1]:4739'", "'[fe80::1%eth0]:4739'", ":4739", "'[:1'",
	    "'[]:1'", "'192.0.2.1:'" } },
	{ "export.ipfix.collectors[0].transport",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        transport: ",
	  { "udp", "tcp", "sctp" },
	  { "UDP", "17", "tls", "dtls" } },
	{ "export.ipfix.collectors[0].local",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        local: ",
	  { "192.0.2.2", "192.0.2.2:4739", "'2001:db8::2'", "'[2001:db8::2]:4739'" },
	  { "eth0", "192.0.2.2:0", "localhost", "':4739'", "192.0.2.0/24" } },
	{ "export.ipfix.collectors[0].queue-mib",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        queue-mib: ",
	  { "1", "4096" },
	  { "0", "4097", "8MiB" } },
	{ "export.ipfix.collectors[0].rate-mib",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        rate-mib: ",
	  { "0", "4096" },
	  { "-1", "4097", "fast" } },
	{ "export.ipfix.collectors[0].spool.path",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        transport: "
	  "tcp\n"
	  "        spool:\n          path: ",
	  { "/tmp", "/tmp/flowtally-spool", "/tmp/flowtally-spool/", "/var/lib/flowtally/spool" },
	  { "spool", "/dev/null", "/dev/null/spool", "/no/where/spool", "[/tmp]" } },
	{ "export.ipfix.collectors[0].spool.max-size",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        transport: "
	  "tcp\n"
	  "        spool:\n          path: /tmp\n          max-size: ",
	  { "1048576", "1MiB", "1024KiB", "3GiB", "16TiB" },
	  { "0", "1023KiB", "1GB", "17TiB", "1 MiB", "MiB", "20000000000000000000" } },
	{ "export.ipfix.collectors[0].records",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        records: ",
	  { "[hosts]", "[flows]", "[statistics]", "[statistics, hosts]" },
	  { "[]", "hosts", "{hosts: true}" } },
	{ "export.ipfix.collectors[0].records[0]",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        records:\n"
	  "        - ",
	  { "hosts", "flows", "statistics" },
	  { "flow", "all", "[hosts]" } },
	{ "export.ipfix.collectors[0].enterprise",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        enterprise: ",
	  { "mac", "none", "full" },
	  { "all", "0", "false" } },
	{ "export.ipfix.collectors[0].layer2-octets",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        "
	  "layer2-octets: ",
	  { "true", "false" },
	  { "yes", "1", "True", "on" } },
	{ "export.ipfix.collectors[0].flow-times",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        "
	  "flow-times: ",
	  { "milliseconds", "nanoseconds" },
	  { "microseconds", "ns", "true" } },
	{ "export.ipfix.collectors[0].biflow",
	  "export:\n  ipfix:\n    collectors:\n      - address: 192.0.2.1:1\n        biflow: ",
	  { "true", "false" },
	  { "yes", "1", "both" } },
	{ "export.json-lines",
	  "export:\n  json-lines: ",
	  { "[]", "[{path: /a}]", "[{path: /a}, {path: \"-\"}]" },
	  { "/a", "{path: /a}", "[/a]" } },
	{ "export.json-lines[0].path",
	  "export:\n  json-lines:\n    - path: ",
	  { "/var/log/a b/flows.json", "\"-\"", "/dev/stdout" },
	  { "flows.json", "/", "/var/", "--" } },
	{ "export.json-lines[0].records",
	  "export:\n  json-lines:\n    - path: /a\n      records: ",
	  { "[flows]", "[hosts]", "[hosts, flows]" },
	  { "[]", "flows", "[statistics]" } },
	{ "export.json-lines[0].form",
	  "export:\n  json-lines:\n    - path: /a\n      form: ",
	  { "json", "flowlog" },
	  { "csv", "zap" } },
	{ "export.textfile", "export:\n  textfile: ", { "{path: /a}" }, { "/a", "[/a]" } },
	{ "export.textfile.path",
	  "export:\n  textfile:\n    path: ",
	  { "/tmp/prom_c", "/var/lib/a b/flowtally.prom" },
	  { "flowtally.prom", "./a", "/", "/var/lib/" } },
	{ "export.http", "export:\n  http: ", { "{listen: []}" }, { "/a", "[/a]" } },
	{ "export.http.listen",
	  "export:\n  http:\n    listen: ",
	  { "127.0.0.1:14739", "[]", "\"[::]:8080\"", "['0.0.0.0:9999', '[::1]:80']" },
	  { "9999", "':9999'", "localhost:1", "127.0.0.1:0", "[127.0.0.1:1, here]" } },
	{ "export.http.web-config",
	  "export:\n  http:\n    web-config: ",
	  { "/dev/null" }, /* nothing is said in it */
	  { "web.yaml", "/", "/nonexistent/web.yaml" } },
	{ "state", "state: ", { "/", "/var/lib/flowtally/" }, { "flowtally", "~/state" } },
	{ "run", "run: ", { "/run", PATH_89 }, { "run", PATH_89 "0" } },
};

/* Wrong for each of them. */
static const char *const never_good[] = { "", "~", "null", "{a: 1}", "[[]]", "\"a\\0b\"" };

static size_t line_of_value(const char *before)
{
	size_t line = 1;

	for (; *before; before++)
		line += *before == '\n';
	return line;
}

/* @value is refused by an error with the line and the key of the value, or of an item in it. */
static void assert_refused(const char *key, const char *before, const char *value)
{
	g_autofree char *yaml = g_strconcat(before, value, "\n", NULL);
	g_autofree char *start = g_strdup_printf("%zu: %s", line_of_value(before), key);
	g_autofree char *errors = errors_in(yaml, strlen(yaml));

	if (!g_str_has_prefix(errors, start) || !strchr(":[.", errors[strlen(start)]))
		fail_msg("%s\n-- gave --\n%s", yaml, errors);
}

static void every_key_takes_its_values(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(keys[i].good) && keys[i].good[j]; j++) {
			g_autofree char *yaml =
				g_strconcat(keys[i].before, keys[i].good[j], "\n", NULL);

			assert_errors(yaml, "");
		}
	}
}

static void every_key_refuses_other_values_with_line_and_key(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(keys[i].bad) && keys[i].bad[j]; j++)
			assert_refused(keys[i].key, keys[i].before, keys[i].bad[j]);
	}
}

static void every_key_refuses_empty_values_and_wrong_types(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(never_good); j++)
			assert_refused(keys[i].key, keys[i].before, never_good[j]);
	}
}

static void every_key_is_refused_when_given_twice(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *last_line = strrchr(keys[i].before, '\n');
		const char *name = last_line ? last_line + 1 : keys[i].before;
		g_autofree char *indented = g_strdelimit(g_strdup(name), "-", ' ');
		g_autofree char *yaml = NULL, *expected = NULL;
		size_t line = line_of_value(keys[i].before);

		if (!strchr(name, ':'))
			continue; /* the item of a list has no name */
		/* Only the dash that begins an item is replaced. */
		memcpy(indented + strspn(name, " -"), name + strspn(name, " -"),
		       strlen(name) - strspn(name, " -"));
		yaml = g_strconcat(keys[i].before, keys[i].good[0], "\n", indented, keys[i].good[0],
				   "\n", NULL);
		expected = g_strdup_printf("%zu: %s: the key is given twice, first in line %zu",
					   line + 1, keys[i].key, line);
		assert_errors(yaml, expected);
	}
}

#define SPOOLED(transport, path)                                                                   \
	"{address: '192.0.2.1:1', transport: " transport ", spool: {path: " path "}}"

static void a_spool_is_of_one_collector_that_tells_what_has_arrived(void **state)
{
	static const struct {
		const char *collectors, *error;
	} cases[] = {
		{ SPOOLED("udp", "/tmp/a"),
		  "3: export.ipfix.collectors[0].spool.path: only the transports tcp, tls and sctp "
		  "have a use for it: of datagrams nobody says whether they have arrived" },
		{ SPOOLED("tcp", "/tmp/a") ", " SPOOLED("sctp", "/tmp/./a/"),
		  "3: export.ipfix.collectors[1].spool.path: the same as of "
		  "export.ipfix.collectors[0]" },
		{ SPOOLED("tcp", "/no/where"),
		  "3: export.ipfix.collectors[0].spool.path: cannot be made: /no: No such file or "
		  "directory" },
		{ "{address: '192.0.2.1:1', transport: tcp, spool: {max-size: 1MiB}}",
		  "3: export.ipfix.collectors[0].spool.path: the key is missing" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *yaml = g_strdup_printf("export:\n  ipfix:\n    collectors: [%s]",
							cases[i].collectors);

		assert_errors(yaml, cases[i].error);
	}
}

static void a_spool_has_a_size(void **state)
{
	g_autoptr(Config) config =
		config_of("export: {ipfix: {collectors: [" SPOOLED("tcp", "/tmp/a") "]}}");
	const CollectorConfig *collector = config->ipfix.collectors->pdata[0];

	assert_string_equal(collector->spool_path, "/tmp/a");
	assert_int_equal(collector->spool_max_octets, 256 << 20);
}

static void an_unknown_key_is_refused_with_those_that_are_known(void **state)
{
	static const struct {
		const char *yaml, *errors;
	} cases[] = {
		{ "intervall: 10s", "1: intervall: unknown key; known here: interval, interfaces, "
				    "hosts, flows, metrics, history, export, "
				    "state, run" },
		{ "interfaces:\n- match: a\n  sides: lan",
		  "3: interfaces[0].sides: unknown key; known here: match, exclude, meter, "
		  "flows-at, side, "
		  "hook, order, local, alias" },
		{ "hosts:\n  name: {}",
		  "2: hosts.name: unknown key; known here: local, not-internet, max, "
		  "address-age, merge, names, vendors" },
		{ "hosts:\n  names:\n  - nis: /etc/nis",
		  "3: hosts.names[0].nis: unknown key; known here: static, dnsmasq, odhcpd, kea, "
		  "isc, uci, ethers, hosts" },
		{ "export:\n  https: {}",
		  "2: export.https: unknown key; known here: ipfix, json-lines, textfile, http" },
		{ "export:\n  http: {port: 1}",
		  "2: export.http.port: unknown key; known here: listen, web-config" },
		{ "export:\n  ipfix:\n    collector: 1",
		  "3: export.ipfix.collector: unknown key; known here: observation-domain, "
		  "enterprise-number, template-refresh, message-size, templates, collectors, "
		  "groups" },
		{ "export:\n  ipfix:\n    collectors: [{address: '192.0.2.1:1', port: 1}]",
		  "3: export.ipfix.collectors[0].port: unknown key; known here: address, "
		  "transport, local, tls, queue-mib, rate-mib, spool, "
		  "records, enterprise, layer2-octets, flow-times, biflow, format, templates" },
		{ "export:\n  textfile: {path: /a, mode: 1}",
		  "2: export.textfile.mode: unknown key; known here: path" },
		{ "hosts.max: 5", "1: hosts.max: unknown key; known here: interval, interfaces, "
				  "hosts, flows, metrics, history, export, "
				  "state, run" },
		{ "hosts:\n  ma: 5",
		  "2: hosts.ma: unknown key; known here: local, not-internet, max, "
		  "address-age, merge, names, vendors" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_errors(cases[i].yaml, cases[i].errors);
}

static void a_required_key_that_is_missing_is_an_error(void **state)
{
	assert_errors("interfaces:\n  - side: lan\n", "2: interfaces[0].match: the key is missing");
	assert_errors("interfaces:\n  - {}\n", "2: interfaces[0].match: the key is missing");
	assert_errors("export:\n  ipfix:\n    collectors:\n      - transport: udp\n",
		      "4: export.ipfix.collectors[0].address: the key is missing");
	assert_errors("export:\n  json-lines:\n  - form: json\n",
		      "3: export.json-lines[0].path: the key is missing");
	assert_errors("export:\n  textfile: {}\n", "2: export.textfile.path: the key is missing");
}

static void reasons_say_what_was_found_and_what_is_expected(void **state)
{
	static const struct {
		const char *yaml, *errors;
	} cases[] = {
		{ "interfaces:\n- match: a\n  side: north",
		  "3: interfaces[0].side: \"north\" is none of auto, lan, wan" },
		{ "interfaces: [{match: a, meter: [flow]}]",
		  "1: interfaces[0].meter[0]: \"flow\" is none of hosts, flows, sizes, latency" },
		{ "interfaces: [{match: a, flows-at: [passing]}]",
		  "1: interfaces[0].flows-at[0]: \"passing\" is none of entering, staying, "
		  "leaving" },
		{ "flows: {key: [tos]}",
		  "1: flows.key[0]: \"tos\" is none of interfaces, addresses, protocol, ports, "
		  "icmp, traffic-class, mark, vlan" },
		{ "flows: {sampling: 100}",
		  "1: flows.sampling: \"100\" is not 1:N, with N from 1 to 1000000" },
		{ "hosts: {max: {a: 1}}",
		  "1: hosts.max: a mapping is not an integer from 1 to 16777216" },
		{ "hosts: {max: [1, 2]}",
		  "1: hosts.max: a list of length 2 is not an integer from 1 to 16777216" },
		{ "interval: 2h", "1: interval: \"2h\" is not a duration from 100ms to 1h (an "
				  "integer and ms, s, m, "
				  "h or d)" },
		{ "interval:", "1: interval: an empty value is not a duration from 100ms to 1h (an "
			       "integer and ms, s, m, h or d)" },
		{ "run: run", "1: run: \"run\" is not the absolute path of a directory (1 to 89 "
			      "octets)" },
		{ "hosts: {local: [10.0.0.1/8]}", "1: hosts.local[0]: \"10.0.0.1/8\" is not a "
						  "prefix: it has bits beyond 10.0.0.0/8" },
		{ "? [a]\n: 1", "1: a list of length 1 is not a key" },
		{ "? {a: 1}\n: 1", "1: a mapping is not a key" },
		{ "~: 1", "1: an empty value is not a key" },
		{ "hosts: {? \"m\\0\" : 1}", "1: hosts.: a text with a NUL in it is not a key" },
		{ "- interval: 1s", "1: a list of length 1 is not a mapping of keys to values" },
		{ "10s", "1: \"10s\" is not a mapping of keys to values" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_errors(cases[i].yaml, cases[i].errors);
}

#define PATTERN "[NETNS:] and an interface's name, a glob, or a regular expression behind \"~\""

static void all_errors_are_reported_in_the_order_of_the_file(void **state)
{
	assert_errors("interval: 10\n"
		      "interfaces:\n"
		      "  - alias: x\n"
		      "    side: north\n"
		      "  - 5\n"
		      "  - match: a b\n"
		      "hosts:\n"
		      "  max: 0\n"
		      "  local: [10.0.0.1/8, foo]\n"
		      "export:\n"
		      "  textfile: {}\n"
		      "tunnels: {}\n",
		      "1: interval: \"10\" is not a duration from 100ms to 1h (an integer and ms, "
		      "s, m, h or d)\n"
		      "3: interfaces[0].match: the key is missing\n"
		      "4: interfaces[0].side: \"north\" is none of auto, lan, wan\n"
		      "5: interfaces[1]: \"5\" is not a mapping\n"
		      "6: interfaces[2].match: \"a b\" is not " PATTERN
		      ": \"a b\" is no name of an "
		      "interface\n"
		      "8: hosts.max: \"0\" is not an integer from 1 to 16777216\n"
		      "9: hosts.local[0]: \"10.0.0.1/8\" is not a prefix: it has bits beyond "
		      "10.0.0.0/8\n"
		      "9: hosts.local[1]: \"foo\" is not a prefix such as 192.0.2.0/24 or "
		      "2001:db8::/48\n"
		      "11: export.textfile.path: the key is missing\n"
		      "12: tunnels: unknown key; known here: interval, interfaces, hosts, flows, "
		      "metrics, "
		      "history, export, "
		      "state, run");
}

static void what_an_error_shows_of_the_file_is_short_and_harmless(void **state)
{
	g_autofree char *many = g_strnfill(100000, 'x');
	g_autofree char *long_key = g_strconcat("hosts: {", many, ": 1}", NULL);
	g_autofree char *long_value = g_strconcat("interval: ", many, NULL);
	g_autofree char *of_key = errors_in(long_key, strlen(long_key));
	g_autofree char *of_value = errors_in(long_value, strlen(long_value));

	assert_true(strlen(of_key) < 300);
	assert_true(strlen(of_value) < 300);
	assert_errors("hosts: {\"\\e[2J\\n\": 1}",
		      "1: hosts.\\x1b[2J\\x0a: unknown key; known here: local, not-internet, "
		      "max, address-age, merge, names, vendors");
	assert_errors("hosts: {local: [\"\\e[2J\"]}",
		      "1: hosts.local[0]: \"\\x1b[2J\" is not a prefix such as 192.0.2.0/24 or "
		      "2001:db8::/48");
}

static void two_interfaces_with_one_match_clash(void **state)
{
	assert_errors("interfaces:\n- match: eth*\n- match: eth0\n- match: 'eth*'\n  side: lan\n",
		      "4: interfaces[2]: the same match as interfaces[0]");
	assert_errors("interfaces:\n- {match: 'e*', exclude: [eth0]}\n- match: 'e*'\n", "");
}

static void an_item_with_a_fault_clashes_with_none(void **state)
{
	assert_errors("interfaces:\n- side: lan\n- match: eth0\n- eth1\n- match: eth2\n",
		      "2: interfaces[0].match: the key is missing\n"
		      "4: interfaces[2]: \"eth1\" is not a mapping");
	assert_errors("hosts:\n  merge:\n"
		      "  - {mac: '02:00:00:00:00:01'}\n"
		      "  - {mac: '02:00:00:00:00:01', also: ['02:00:00:00:00:02']}\n",
		      "3: hosts.merge[0].also: the key is missing");
	assert_errors("export:\n  ipfix:\n    collectors:\n"
		      "    - {transport: udp}\n    - address: 192.0.2.1:1\n",
		      "4: export.ipfix.collectors[0].address: the key is missing");
}

static void two_collectors_with_one_address_and_layout_clash(void **state)
{
#define COLLECTORS "export:\n  ipfix:\n    collectors:\n"
#define CLASH                                                                                      \
	"the same address, transport, format, templates, enterprise, layer2-octets, flow-times "   \
	"and biflow "                                                                              \
	"as "                                                                                      \
	"export.ipfix.collectors[0]"
	assert_errors(COLLECTORS "    - address: 192.0.2.1:1\n    - address: 192.0.2.1:1\n",
		      "5: export.ipfix.collectors[1]: " CLASH);
	assert_errors(COLLECTORS "    - address: '[2001:db8::1]:1'\n"
				 "    - address: '[2001:DB8:0::1]:1'\n      records: [hosts]\n",
		      "5: export.ipfix.collectors[1]: " CLASH);
	assert_errors(COLLECTORS "    - address: 192.0.2.1:1\n"
				 "    - address: 192.0.2.1:2\n"
				 "    - address: 192.0.2.2:1\n"
				 "    - {address: '192.0.2.1:1', enterprise: none}\n"
				 "    - {address: '192.0.2.1:1', layer2-octets: true}\n"
				 "    - {address: '192.0.2.1:1', flow-times: nanoseconds}\n"
				 "    - {address: '192.0.2.1:1', biflow: true}\n",
		      "");
#undef CLASH
#undef COLLECTORS
}

static void collectors_of_groups_clash_with_all_others(void **state)
{
#define IPFIX "export:\n  ipfix:\n    collectors: [{address: '192.0.2.1:1'}]\n    groups:\n"
#define GROUP                                                                                      \
	"    - {mode: failover, collectors: [{address: '192.0.2.2:1'}, {address: "                 \
	"'192.0.2.3:1'}]}\n"
#define CLASH                                                                                      \
	"the same address, transport, format, templates, enterprise, layer2-octets, flow-times "   \
	"and biflow as "
	assert_errors(IPFIX GROUP "    - collectors: [{address: '192.0.2.4:1'}]\n"
				  "    - collectors:\n"
				  "      - address: 192.0.2.1:1\n"
				  "        enterprise: none\n",
		      "");
	assert_errors(IPFIX GROUP "    - collectors:\n"
				  "      - address: 192.0.2.4:1\n"
				  "      - address: 192.0.2.1:1\n"
				  "    - collectors:\n"
				  "      - address: 192.0.2.3:1\n",
		      "8: export.ipfix.groups[1].collectors[1].address: " CLASH
		      "export.ipfix.collectors[0]\n"
		      "10: export.ipfix.groups[2].collectors[0].address: " CLASH
		      "export.ipfix.groups[0].collectors[1]");
#undef CLASH
#undef GROUP
#undef IPFIX
}

static void one_of_a_group_can_have_each_record(void **state)
{
#define GROUP(mode, second)                                                                        \
	"export:\n  ipfix:\n    groups:\n"                                                         \
	"    - mode: " mode "\n"                                                                   \
	"      collectors: [{address: '192.0.2.1:1'}, {" second "}]\n"
	assert_errors(GROUP("hash", "address: '192.0.2.1:1', transport: tcp"),
		      "4: export.ipfix.groups[0]: two of its collectors have the same address");
	assert_errors(
		GROUP("failover", "address: '192.0.2.2:1', records: [flows]"),
		"4: export.ipfix.groups[0]: of hosts and flows, all of its collectors need the "
		"same in records: one of them has each");
	assert_errors(GROUP("failover", "address: '192.0.2.2:1', records: [flows, hosts, names]"),
		      "");
	assert_errors(GROUP("all", "address: '192.0.2.1:1', transport: tcp, records: [flows]"), "");
#undef GROUP
}

static void collectors_of_groups_are_in_the_list_of_all(void **state)
{
	g_autoptr(Config) config =
		config_of("export:\n  ipfix:\n    collectors: [{address: 'a:1'}]\n    groups:\n"
			  "    - collectors: [{address: 'b:1'}]\n"
			  "    - {mode: hash, collectors: [{address: 'c:1'}, {address: 'd:1', "
			  "biflow: true}]}\n");
	const CollectorConfig *const *collectors =
		(const CollectorConfig *const *)config->ipfix.collectors->pdata;

	assert_int_equal(config->ipfix.collectors->len, 4);
	assert_null(collectors[0]->group);
	assert_int_equal(collectors[1]->group->mode, GROUP_ALL);
	assert_string_equal(collectors[1]->address, "b:1");
	assert_int_equal(collectors[2]->group->mode, GROUP_HASH);
	assert_int_equal(collectors[2]->group->index, 1);
	assert_ptr_equal(collectors[2]->group, collectors[3]->group);
	assert_string_equal(collectors[3]->address, "d:1");
	assert_true(config_wants_biflows(config));
}

static void a_mac_is_of_one_device(void **state)
{
#define MERGE "hosts:\n  merge:\n"
#define FIRST "  - {mac: '02:00:00:00:00:01', also: ['02:00:00:00:00:0a']}\n"
#define CLASH "4: hosts.merge[1]: the same MAC as hosts.merge[0]"
	assert_errors(MERGE FIRST "  - {mac: '02:00:00:00:00:0A', also: ['02:00:00:00:00:03']}\n",
		      CLASH);
	assert_errors(MERGE FIRST "  - {mac: '02:00:00:00:00:03', also: ['02-00-00-00-00-01']}\n",
		      CLASH);
	assert_errors(MERGE FIRST "  - {mac: '02:00:00:00:00:03', also: ['02:00:00:00:00:04']}\n",
		      "");
#undef CLASH
#undef FIRST
#undef MERGE
}

static void a_word_stands_in_a_list_once(void **state)
{
	assert_errors("interfaces:\n- match: a\n  meter: [hosts, hosts]\n",
		      "3: interfaces[0].meter[1]: \"hosts\" is in the list already");
}

static void lists_are_bounded(void **state)
{
	GString *yaml = g_string_new("hosts: {local: [10.0.0.0");

	for (int i = 0; i < 1024; i++)
		g_string_append(yaml, ", 10.0.0.0");
	g_string_append(yaml, "]}");
	assert_errors(yaml->str,
		      "1: hosts.local: a list of length 1025 is not a list of at most 1024 "
		      "prefixes");
	g_string_free(yaml, TRUE);
}

static void what_is_not_one_plain_yaml_document_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *yaml, *errors;
	} cases[] = {
		{ "interval: 1s\nhosts: [1\nrun: /a\n",
		  "3: while parsing a flow sequence: did not find expected ',' or ']'" },
		{ "hosts:\n\tmax: 5\n",
		  "2: while scanning for the next token: found character that cannot start any "
		  "token (a tab, or a value to be quoted?)" },
		{ "interfaces:\n- match: *\n",
		  "2: while scanning an alias: did not find expected alphabetic or numeric "
		  "character (a value that begins with * must be quoted)" },
		{ "interfaces:\n- match: *eth\n",
		  "2: aliases are not supported (a value that begins with * must be quoted)" },
		{ "hosts:\n  local: &l [10.0.0.0/8]\n",
		  "2: anchors are not supported (a value that begins with & must be quoted)" },
		{ "hosts: &h\n  max: 5\n",
		  "1: anchors are not supported (a value that begins with & must be quoted)" },
		{ "hosts:\n  max: !!int 5\n",
		  "2: tags are not supported (a value that begins with ! must be quoted)" },
		{ "run: !include /etc/run\n",
		  "1: tags are not supported (a value that begins with ! must be quoted)" },
		{ "interval: 1s\n---\ninterval: 2s\n", "2: a second document begins here" },
		{ "run: /a\nstate: /\xe9t\xe9\n", "2: not YAML: invalid trailing UTF-8 octet" },
		{ "run: /a\n\nstate: \"/\x01\"\n",
		  "3: not YAML: control characters are not allowed" },
		{ "run: \"/a\n", "2: while scanning a quoted scalar: found unexpected end of "
				 "stream" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_errors(cases[i].yaml, cases[i].errors);
}

/* Each takes libyaml minutes if it is let. */
static void deep_nesting_and_many_anchors_end_at_once(void **state)
{
	static const char *const patterns[] = { "[", "{", "- ", "? ", "? [", "{a: ", "- &a " };

	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
		GString *yaml = g_string_new(NULL);
		g_autofree char *errors = NULL;
		gint64 start = g_get_monotonic_time();

		while (yaml->len + strlen(patterns[i]) <= 1 << 20)
			g_string_append(yaml, patterns[i]);
		errors = errors_in(yaml->str, yaml->len);
		assert_true(g_str_has_prefix(errors, "1: "));
		assert_true(g_get_monotonic_time() - start < 5 * G_TIME_SPAN_SECOND);
		g_string_free(yaml, TRUE);
	}
}

static void a_file_of_one_mebibyte_is_read_and_one_octet_more_refused(void **state)
{
	g_autofree char *spaces = g_strnfill((1 << 20) + 1, '\n');
	g_autofree char *errors = NULL;

	memcpy(spaces, "hosts: 5", 8);
	errors = errors_in(spaces, 1 << 20);
	assert_string_equal(errors, "1: hosts: \"5\" is not a mapping");
	g_free(errors);
	errors = errors_in(spaces, (1 << 20) + 1);
	assert_string_equal(errors, " the file is longer than 1048576 octets");
}

static void assert_unreadable(const char *path, const char *expected)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);

	assert_null(config_read(path, errors));
	assert_int_equal(errors->len, 1);
	assert_string_equal(errors->pdata[0], expected);
}

static void a_file_that_cannot_be_read_is_one_error(void **state)
{
	assert_unreadable("/nonexistent/a.yaml", "/nonexistent/a.yaml: No such file or directory");
	assert_unreadable("/proc", "/proc: Is a directory");
	assert_unreadable("/dev/zero", "/dev/zero: the file is longer than 1048576 octets");
}

/* Comparing configurations as text names what differs, if anything does. */
static void print_prefixes(GString *out, const char *name, const GArray *prefixes)
{
	for (guint i = 0; i < prefixes->len; i++) {
		char text[PREFIX_TEXT_MAX];

		g_string_append_printf(out, "%s %s\n", name,
				       prefix_format(&g_array_index(prefixes, Prefix, i), text));
	}
}

static void print_merge(GString *out, const GPtrArray *merge)
{
	char text[MAC_TEXT_MAX];

	for (guint i = 0; i < merge->len; i++) {
		const MergedMacs *item = merge->pdata[i];

		g_string_append_printf(out, "%s is also", mac_format(item->mac, text));
		for (guint j = 0; j < item->also->len; j++)
			g_string_append_printf(
				out, " %s",
				mac_format((const uint8_t *)item->also->data + j * MAC_LEN, text));
		g_string_append_c(out, '\n');
	}
}

static void print_pair(gpointer key, gpointer value, gpointer out)
{
	g_string_append_printf(out, "name %s %s\n", (char *)key, (char *)value);
}

static char *config_print(const Config *config)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "interval %" G_GUINT64_FORMAT "\n", config->interval_ms);
	for (guint i = 0; i < config->interfaces->len; i++) {
		const InterfaceConfig *item = config->interfaces->pdata[i];

		g_string_append_printf(
			out, "interface %s exclude %u hosts %d side %d hook %d order %d alias %s\n",
			pattern_text(item->match), item->exclude->len, item->meter_hosts,
			item->side, item->hook, item->order, item->alias ? item->alias : "-");
		if (item->meter_flows)
			g_string_append_printf(out, "flows at %d\n",
					       interface_config_flows_at(item));
		if (item->local)
			print_prefixes(out, "local here", item->local);
	}
	g_string_append_printf(out, "local is set %d\n", config->hosts.local_is_set);
	print_prefixes(out, "local", config->hosts.local);
	print_prefixes(out, "not-internet", config->hosts.not_internet);
	g_string_append_printf(
		out,
		"max %u age %" PRIu64 " shown %u of flows %u idle %" PRIu64 " compat %d %d %d %d\n",
		config->hosts.max, config->hosts.address_age_ms, config->metrics.max_hosts,
		config->metrics.max_flows, config->metrics.idle_ms, config->metrics.compat_mezoura,
		config->metrics.compat_iptables, config->metrics.compat_packet_exporter,
		config->metrics.compat_linux_flow_exporter);
	g_string_append_printf(
		out, "flows %u active %" PRIu64 " idle %" PRIu64 " finished %" PRIu64 " key %d\n",
		config->flows.max, config->flows.timeouts.active_ms, config->flows.timeouts.idle_ms,
		config->flows.timeouts.ended_ms, config_flow_key(config));
	g_string_append_printf(out, "history %" PRIu64 " of %u MiB\n", config->history.keep_ms,
			       config->history.max_mib);
	print_merge(out, config->hosts.merge);
	for (guint i = 0; i < config->hosts.names->len; i++) {
		const NamesConfig *item = config->hosts.names->pdata[i];

		g_string_append_printf(out, "names %s %s\n", names_kind_words[item->kind],
				       item->path ? item->path : "-");
		if (item->pairs)
			g_hash_table_foreach(item->pairs, print_pair, out);
	}
	g_string_append_printf(out, "vendors %s\n", config->hosts.vendors);
	g_string_append_printf(out,
			       "domain %u enterprise %u refresh %" G_GUINT64_FORMAT " size %u\n",
			       config->ipfix.observation_domain, config->ipfix.enterprise_number,
			       config->ipfix.template_refresh_ms, config->ipfix.message_size);
	for (guint i = 0; i < config->ipfix.collectors->len; i++) {
		const CollectorConfig *item = config->ipfix.collectors->pdata[i];

		g_string_append_printf(out,
				       "collector %s transport %d hosts %d flows %d statistics %d "
				       "enterprise %d layer2 %d\n",
				       item->address, item->transport, item->records_hosts,
				       item->records_flows, item->records_statistics,
				       item->enterprise, item->layer2_octets);
	}
	for (guint i = 0; i < config->json_lines->len; i++) {
		const JsonLinesConfig *item = config->json_lines->pdata[i];

		g_string_append_printf(out, "lines %s flows %d hosts %d form %d\n", item->path,
				       item->records_flows, item->records_hosts, item->form);
	}
	g_string_append_printf(out, "textfile %s state %s run %s\n",
			       config->textfile ? config->textfile : "-", config->state,
			       config->run);
	return g_string_free(out, FALSE);
}

static const char defaults[] =
	"interval 10000\n"
	"interface * exclude 0 hosts 1 side 0 hook 0 order 0 alias -\n"
	"local is set 0\n"
	"not-internet 10.0.0.0/8\n"
	"not-internet 172.16.0.0/12\n"
	"not-internet 192.168.0.0/16\n"
	"not-internet 100.64.0.0/10\n"
	"not-internet 169.254.0.0/16\n"
	"not-internet 127.0.0.0/8\n"
	"not-internet 224.0.0.0/4\n"
	"not-internet 255.255.255.255/32\n"
	"not-internet fe80::/10\n"
	"not-internet fc00::/7\n"
	"not-internet ff00::/8\n"
	"not-internet ::1/128\n"
	"max 65536 age 604800000 shown 1024 of flows 1000 idle 86400000 compat 0 0 0 0\n"
	"flows 131072 active 60000 idle 15000 finished 5000 key 255\n"
	"history 5356800000 of 64 MiB\n"
	"vendors /usr/share/ieee-data/oui.txt\n"
	"domain 1 enterprise 32473 refresh 60000 size 1400\n"
	"textfile - state /var/lib/flowtally run /run/flowtally\n";

static void assert_config(const char *yaml, const char *expected)
{
	g_autoptr(Config) config = config_of(yaml);
	g_autofree char *printed = config_print(config);

	assert_string_equal(printed, expected);
}

static void a_file_that_says_nothing_gives_the_defaults(void **state)
{
	static const char *const nothing[] = { "",
					       "# nothing\n",
					       "---\n",
					       "~\n",
					       "{}\n",
					       "\n\n",
					       "export: {ipfix: {collectors: []}}\n" };

	for (size_t i = 0; i < G_N_ELEMENTS(nothing); i++)
		assert_config(nothing[i], defaults);
}

static void without_a_file_there_is_no_path_and_the_defaults_apply(void **state)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Config) config = NULL;
	g_autofree char *printed = NULL;

	if (g_file_test(CONFIG_DEFAULT_PATH, G_FILE_TEST_EXISTS))
		skip();
	config = config_read(NULL, errors);
	assert_non_null(config);
	assert_null(config->path);
	printed = config_print(config);
	assert_string_equal(printed, defaults);
}

static void every_key_reaches_its_place(void **state)
{
	assert_config(
		"interval: 250ms\n"
		"interfaces:\n"
		"  - {match: br-lan, meter: [hosts], side: lan, alias: home, "
		"local: [192.168.3.0/24]}\n"
		"  - {match: eth0, meter: [flows], flows-at: [leaving, entering]}\n"
		"  - {match: 'ns0:wan*', exclude: [ns0:wan1, lo], meter: [], side: wan, "
		"hook: clsact, order: last}\n"
		"hosts:\n"
		"  local: [192.168.2.0/24, 2001:db8:ca2:2::/64]\n"
		"  not-internet: [198.51.100.0/24]\n"
		"  max: 8\n"
		"  address-age: 1h\n"
		"  merge:\n"
		"    - {mac: '02:00:00:00:00:0A', also: ['02:00:00:00:00:0b', "
		"'02-00-00-00-00-0C']}\n"
		"  names:\n"
		"    - static: {02-00-00-00-00-0A: desktop}\n"
		"    - kea: /var/lib/kea/kea-leases4.csv\n"
		"    - uci: /etc/config/dhcp\n"
		"  vendors: /opt/oui.txt\n"
		"flows: {max: 7, active-timeout: 30m, idle-timeout: 500ms, finished-timeout: 0s, "
		"key: [addresses, traffic-class]}\n"
		"metrics: {max-hosts: 9, max-flows: 10, idle: 1m, compat: [iptables, "
		"linux-flow-exporter]}\n"
		"history: {keep: 48h, max-mib: 2}\n"
		"export:\n"
		"  ipfix:\n"
		"    observation-domain: 7\n"
		"    enterprise-number: 28972\n"
		"    template-refresh: 2m\n"
		"    message-size: 512\n"
		"    collectors:\n"
		"      - address: 192.0.2.1:4739\n"
		"      - address: '[2001:db8::1]:2055'\n"
		"        transport: udp\n"
		"        records: [hosts]\n"
		"        enterprise: full\n"
		"        layer2-octets: true\n"
		"      - {address: '192.0.2.1:4739', records: [statistics], enterprise: none}\n"
		"  textfile:\n"
		"    path: /tmp/prom_c\n"
		"state: /mnt/state\n"
		"run: /run/other\n",
		"interval 250\n"
		"interface br-lan exclude 0 hosts 1 side 1 hook 0 order 0 alias home\n"
		"local here 192.168.3.0/24\n"
		"interface eth0 exclude 0 hosts 0 side 0 hook 0 order 0 alias -\n"
		"flows at 5\n"
		"interface ns0:wan* exclude 2 hosts 0 side 2 hook 2 order 1 alias -\n"
		"local is set 1\n"
		"local 192.168.2.0/24\n"
		"local 2001:db8:ca2:2::/64\n"
		"not-internet 198.51.100.0/24\n"
		"max 8 age 3600000 shown 9 of flows 10 idle 60000 compat 0 1 0 1\n"
		"flows 7 active 1800000 idle 500 finished 0 key 34\n"
		"history 172800000 of 2 MiB\n"
		"02:00:00:00:00:0a is also 02:00:00:00:00:0b 02:00:00:00:00:0c\n"
		"names static -\n"
		"name 02:00:00:00:00:0a desktop\n"
		"names kea /var/lib/kea/kea-leases4.csv\n"
		"names uci /etc/config/dhcp\n"
		"vendors /opt/oui.txt\n"
		"domain 7 enterprise 28972 refresh 120000 size 512\n"
		"collector 192.0.2.1:4739 transport 0 hosts 1 flows 1 statistics 1 enterprise 0 "
		"layer2 0\n"
		"collector [2001:db8::1]:2055 transport 0 hosts 1 flows 0 statistics 0 enterprise "
		"2 "
		"layer2 1\n"
		"collector 192.0.2.1:4739 transport 0 hosts 0 flows 0 statistics 1 enterprise 1 "
		"layer2 0\n"
		"textfile /tmp/prom_c state /mnt/state run /run/other\n");
}

static void item_with_one_key_has_exactly_one(void **state)
{
	assert_errors("hosts:\n  names:\n  - {}\n  - hosts: /a\n    ethers: /b\n",
		      "3: hosts.names[0]: 0 keys instead of exactly one of static, dnsmasq, "
		      "odhcpd, kea, isc, "
		      "uci, ethers, hosts\n"
		      "4: hosts.names[1]: 2 keys instead of exactly one of static, dnsmasq, "
		      "odhcpd, kea, isc, "
		      "uci, ethers, hosts");
}

static void one_host_is_not_named_twice_however_it_is_written(void **state)
{
	assert_errors(
		"hosts:\n"
		"  names:\n"
		"  - static:\n"
		"      02:00:00:00:00:0a: desktop\n"
		"      02-00-00-00-00-0A: phone\n"
		"      \"2001:db8::1\": tv\n"
		"      \"2001:DB8:0::1\": [tv]\n",
		"5: hosts.names[0].static.02-00-00-00-00-0A: the key is given twice, first in line "
		"4\n"
		"7: hosts.names[0].static.2001:DB8:0::1: the key is given twice, first in line 6");
}

static void an_empty_list_of_local_prefixes_is_not_the_default(void **state)
{
	g_autoptr(Config) config = config_of("hosts: {local: []}");

	assert_true(config->hosts.local_is_set);
	assert_int_equal(config->hosts.local->len, 0);
}

static void listeners_may_be_one_several_or_none(void **state)
{
	g_autoptr(Config) nothing = config_of("");
	g_autoptr(Config) one = config_of("export: {http: {listen: '192.0.2.1:9999'}}");
	g_autoptr(Config) two = config_of("export: {http: {listen: ['127.0.0.1:1', '[::1]:2']}}");
	g_autoptr(Config) none = config_of("export: {http: {listen: []}}");

	assert_int_equal(nothing->http.listen->len, 1);
	assert_string_equal(nothing->http.listen->pdata[0], "127.0.0.1:14739");
	assert_null(nothing->http.web);
	assert_int_equal(one->http.listen->len, 1);
	assert_string_equal(one->http.listen->pdata[0], "192.0.2.1:9999");
	assert_int_equal(two->http.listen->len, 2);
	assert_string_equal(two->http.listen->pdata[1], "[::1]:2");
	assert_int_equal(none->http.listen->len, 0);
}

static void environment_stands_for_the_listeners(void **state)
{
	g_autoptr(Config) config = NULL;
	g_autoptr(Config) empty = NULL;

	g_setenv(CONFIG_LISTEN_VARIABLE, "127.0.0.1:1 , [::1]:2", TRUE);
	config = config_of("export: {http: {listen: []}}");
	g_setenv(CONFIG_LISTEN_VARIABLE, "", TRUE);
	empty = config_of("export: {http: {listen: []}}");
	g_unsetenv(CONFIG_LISTEN_VARIABLE);
	assert_int_equal(config->http.listen->len, 2);
	assert_string_equal(config->http.listen->pdata[0], "127.0.0.1:1");
	assert_string_equal(config->http.listen->pdata[1], "[::1]:2");
	assert_int_equal(empty->http.listen->len, 0);
}

static void environment_that_is_wrong_is_an_error(void **state)
{
	static const char *const wrong[] = { "9999",	   "\"127.0.0.1:1\"", "'127.0.0.1:1'",
					     "host:1",	   "127.0.0.1:1,",    " ",
					     "\x1b[2J:80", "127.0.0.1:1;2" };

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(Config) config = NULL;
		g_autofree char *path = write_file("", 0);

		g_setenv(CONFIG_LISTEN_VARIABLE, wrong[i], TRUE);
		config = config_read(path, errors);
		g_unsetenv(CONFIG_LISTEN_VARIABLE);
		assert_null(config);
		assert_int_equal(errors->len, 1);
		assert_true(g_str_has_prefix(errors->pdata[0], CONFIG_LISTEN_VARIABLE ": "));
		assert_null(strchr(errors->pdata[0], '\x1b'));
	}
}

static void open_listener_is_warned_of(void **state)
{
	static const struct {
		const char *listen;
		bool warned;
	} cases[] = {
		{ "[]", false },	  { "127.0.0.2:1", false },
		{ "['[::1]:1']", false }, { "0.0.0.0:1", true },
		{ "['[::]:1']", true },	  { "['127.0.0.1:1', '192.0.2.1:1']", true },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *yaml =
			g_strdup_printf("export: {http: {listen: %s}}", cases[i].listen);
		g_autoptr(Config) config = config_of(yaml);
		g_autoptr(GPtrArray) warnings = config_warnings(config);

		if ((warnings->len != 0) != cases[i].warned)
			fail_msg("%s: %u", cases[i].listen, warnings->len);
	}
}

static void the_path_is_that_of_the_file(void **state)
{
	g_autoptr(Config) config = config_of("");

	assert_true(g_str_has_suffix(config->path, "/test.yaml"));
}

static char *contents_of(const char *path)
{
	char *contents = NULL;

	if (!g_file_get_contents(path, &contents, NULL, NULL))
		fail_msg("%s: cannot be read", path);
	return contents;
}

static void the_sample_file_is_the_defaults(void **state)
{
	g_autofree char *sample = contents_of(SAMPLE);

	assert_config(sample, defaults);
}

/* "#key", "#- key" and "#  key" are settings, "# Word" is prose. */
static bool is_commented_setting(const char *line)
{
	const char *text = line + strspn(line, " ");

	if (*text++ != '#')
		return false;
	return g_ascii_islower(*text) || g_str_has_prefix(text, "- ") ||
	       (g_str_has_prefix(text, "  ") && text[strspn(text, " ")] != '#');
}

static void the_settings_that_the_sample_comments_out_are_right(void **state)
{
	g_autofree char *sample = contents_of(SAMPLE);
	g_auto(GStrv) lines = g_strsplit(sample, "\n", -1);
	g_autofree char *yaml = NULL;
	g_autoptr(Config) config = NULL;

	for (char **line = lines; *line; line++) {
		char *mark = strchr(*line, '#');

		if (is_commented_setting(*line))
			memmove(mark, mark + 1, strlen(mark));
	}
	yaml = g_strjoinv("\n", lines);
	config = config_of(yaml);
	assert_int_equal(config->interfaces->len, 3);
	assert_true(config->hosts.local_is_set);
	assert_int_equal(config->hosts.names->len, 8);
	assert_int_equal(config->ipfix.collectors->len, 3);
	assert_non_null(config->textfile);
}

static void the_sample_and_the_manual_have_every_key(void **state)
{
	g_autofree char *sample = contents_of(SAMPLE);
	g_autofree char *manual = contents_of(MANUAL);

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *dot = strrchr(keys[i].key, '.');
		g_autofree char *in_sample = g_strconcat(dot ? dot + 1 : keys[i].key, ":", NULL);

		/* Neither items nor keys of the user's. */
		if (g_str_has_suffix(keys[i].key, "]") || strstr(keys[i].key, ".static."))
			continue;
		if (!strstr(sample, in_sample) || !strstr(manual, dot ? dot + 1 : keys[i].key))
			fail_msg("%s is not in both", keys[i].key);
	}
}

static void a_sample_cut_short_anywhere_never_gives_a_broken_error(void **state)
{
	g_autofree char *sample = contents_of(SAMPLE);

	/* At each octet it would take longer than all other tests. */
	for (size_t len = strlen(sample); len >= 11; len -= 11) {
		g_autofree char *errors = errors_in(sample, len);

		assert_true(errors[0] == '\0' || g_ascii_isdigit(errors[0]));
	}
}

static const char *match_of(const Config *config, const char *name)
{
	const InterfaceConfig *interface = config_match_interface(config, "", name);

	return interface ? pattern_text(interface->match) : NULL;
}

static void the_first_item_that_fits_an_interface_applies(void **state)
{
	g_autoptr(Config) config = config_of("interfaces: [{match: br-lan}, {match: eth0}, "
					     "{match: 'eth*'}, {match: 'wlan[01]'}]");

	assert_string_equal(match_of(config, "br-lan"), "br-lan");
	assert_string_equal(match_of(config, "eth0"), "eth0");
	assert_string_equal(match_of(config, "eth1"), "eth*");
	assert_string_equal(match_of(config, "wlan1"), "wlan[01]");
	assert_null(match_of(config, "wlan2"));
	assert_null(match_of(config, "br-lan2"));
	assert_null(match_of(config, "wan"));
}

static void a_glob_never_means_the_loopback_interface(void **state)
{
	g_autoptr(Config) globs = config_of("interfaces: [{match: 'l?'}, {match: '*'}]");
	g_autoptr(Config) named = config_of("interfaces: [{match: '*'}, {match: lo}]");

	assert_null(match_of(globs, "lo"));
	assert_string_equal(match_of(globs, "lx"), "l?");
	assert_string_equal(match_of(named, "lo"), "lo");
}

static void an_item_does_not_apply_to_what_it_excludes(void **state)
{
	g_autoptr(Config) config =
		config_of("interfaces: [{match: 'eth*', exclude: [eth1, '~eth[5-7]', 'ns0:eth2']}, "
			  "{match: 'et*', exclude: [eth6]}]");

	assert_string_equal(match_of(config, "eth0"), "eth*");
	assert_string_equal(match_of(config, "eth1"), "et*");
	assert_string_equal(match_of(config, "eth2"), "eth*");
	assert_string_equal(match_of(config, "eth50"), "eth*");
	assert_string_equal(match_of(config, "eth5"), "et*");
	assert_null(match_of(config, "eth6"));
}

static void interfaces_of_other_namespaces_are_meant_by_the_namespace(void **state)
{
	g_autoptr(Config) config = config_of(
		"interfaces: [{match: 'ns1:*', meter: []}, {match: 'ns*:eth0', side: wan}, "
		"{match: eth0, side: lan}]");

	assert_int_equal(config_match_interface(config, "ns0", "eth0")->side, SIDE_CHOICE_WAN);
	assert_int_equal(config_match_interface(config, "", "eth0")->side, SIDE_CHOICE_LAN);
	assert_null(config_match_interface(config, "ns1", "eth0"));
	assert_null(config_match_interface(config, "other", "eth0"));
	assert_true(config_matches_netns(config, "ns0"));
	assert_true(config_matches_netns(config, ""));
	assert_false(config_matches_netns(config, "other"));
}

static void an_interface_that_meters_nothing_is_left_alone(void **state)
{
	g_autoptr(Config) config =
		config_of("interfaces: [{match: 'veth*', meter: []}, {match: '*'}]");

	assert_null(match_of(config, "veth0"));
	assert_string_equal(match_of(config, "eth0"), "*");
}

static void an_empty_list_of_interfaces_fits_none(void **state)
{
	g_autoptr(Config) config = config_of("interfaces: []");

	assert_null(match_of(config, "eth0"));
}

static void an_interface_that_meters_flows_alone_is_metered(void **state)
{
	g_autoptr(Config) config = config_of("interfaces: [{match: eth0, meter: [flows]}]");

	assert_string_equal(match_of(config, "eth0"), "eth0");
	assert_false(config_match_interface(config, "", "eth0")->meter_hosts);
	for (uint8_t meter = 1; meter <= METER_ALL; meter++) {
		InterfaceConfig interface = { 0 };

		interface_config_set_meter(&interface, meter);
		assert_int_equal(interface_config_meter(&interface), meter);
		assert_true(interface_config_meters(&interface));
	}
	assert_string_equal(config_meter_name(3), "latency");
	assert_null(config_meter_name(4));
}

/* Without anybody who wants flows no tables are made for them. */
static void flows_are_wanted_if_an_item_says_so(void **state)
{
	g_autoptr(Config) nobody = config_of("");
	g_autoptr(Config) somebody =
		config_of("interfaces: [{match: br-lan}, {match: eth0, meter: [hosts, flows]}]");

	assert_false(config_meters_flows(nobody));
	assert_true(config_meters_flows(somebody));
}

/* Each word of `flows.key` alone, and its bit in enum flow_key_part. */
static void each_part_of_the_key_is_its_own(void **state)
{
	static const struct {
		const char *word;
		uint8_t part;
	} parts[] = {
		{ "interfaces", FLOW_BY_INTERFACES },
		{ "addresses", FLOW_BY_ADDRESSES },
		{ "protocol", FLOW_BY_PROTOCOL },
		{ "ports", FLOW_BY_PORTS },
		{ "icmp", FLOW_BY_ICMP },
		{ "traffic-class", FLOW_BY_TRAFFIC_CLASS },
		{ "mark", FLOW_BY_MARK },
		{ "vlan", FLOW_BY_VLAN },
	};
	uint8_t all = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *yaml = g_strdup_printf("flows: {key: [%s]}", parts[i].word);
		g_autoptr(Config) config = config_of(yaml);

		assert_int_equal(config_flow_key(config), parts[i].part);
		all |= parts[i].part;
	}
	assert_int_equal(all, FLOW_BY_ALL);
}

static void each_place_of_flows_is_its_own(void **state)
{
	static const struct {
		const char *words;
		uint8_t flows_at;
	} cases[] = {
		{ "entering", FLOWS_ENTERING },
		{ "staying", FLOWS_STAYING },
		{ "leaving", FLOWS_LEAVING },
	};
	g_autoptr(Config) nothing = config_of("interfaces: [{match: a, meter: [flows]}]");

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *yaml =
			g_strdup_printf("interfaces: [{match: a, flows-at: [%s]}]", cases[i].words);
		g_autoptr(Config) config = config_of(yaml);

		assert_int_equal(interface_config_flows_at(config->interfaces->pdata[0]),
				 cases[i].flows_at);
	}
	assert_int_equal(interface_config_flows_at(nothing->interfaces->pdata[0]),
			 FLOWS_STAYING | FLOWS_LEAVING);
}

static int make_group_directory(void **state)
{
	return make_directory(&directory);
}

static int remove_group_directory(void **state)
{
	return remove_directory(&directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_takes_its_values),
		cmocka_unit_test(every_key_refuses_other_values_with_line_and_key),
		cmocka_unit_test(every_key_refuses_empty_values_and_wrong_types),
		cmocka_unit_test(every_key_is_refused_when_given_twice),
		cmocka_unit_test(a_spool_is_of_one_collector_that_tells_what_has_arrived),
		cmocka_unit_test(a_spool_has_a_size),
		cmocka_unit_test(an_unknown_key_is_refused_with_those_that_are_known),
		cmocka_unit_test(a_required_key_that_is_missing_is_an_error),
		cmocka_unit_test(reasons_say_what_was_found_and_what_is_expected),
		cmocka_unit_test(all_errors_are_reported_in_the_order_of_the_file),
		cmocka_unit_test(what_an_error_shows_of_the_file_is_short_and_harmless),
		cmocka_unit_test(two_interfaces_with_one_match_clash),
		cmocka_unit_test(an_item_with_a_fault_clashes_with_none),
		cmocka_unit_test(two_collectors_with_one_address_and_layout_clash),
		cmocka_unit_test(collectors_of_groups_clash_with_all_others),
		cmocka_unit_test(one_of_a_group_can_have_each_record),
		cmocka_unit_test(collectors_of_groups_are_in_the_list_of_all),
		cmocka_unit_test(a_mac_is_of_one_device),
		cmocka_unit_test(a_word_stands_in_a_list_once),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(what_is_not_one_plain_yaml_document_is_refused_with_its_line),
		cmocka_unit_test(deep_nesting_and_many_anchors_end_at_once),
		cmocka_unit_test(a_file_of_one_mebibyte_is_read_and_one_octet_more_refused),
		cmocka_unit_test(a_file_that_cannot_be_read_is_one_error),
		cmocka_unit_test(a_file_that_says_nothing_gives_the_defaults),
		cmocka_unit_test(without_a_file_there_is_no_path_and_the_defaults_apply),
		cmocka_unit_test(every_key_reaches_its_place),
		cmocka_unit_test(item_with_one_key_has_exactly_one),
		cmocka_unit_test(one_host_is_not_named_twice_however_it_is_written),
		cmocka_unit_test(an_empty_list_of_local_prefixes_is_not_the_default),
		cmocka_unit_test(listeners_may_be_one_several_or_none),
		cmocka_unit_test(environment_stands_for_the_listeners),
		cmocka_unit_test(environment_that_is_wrong_is_an_error),
		cmocka_unit_test(open_listener_is_warned_of),
		cmocka_unit_test(the_path_is_that_of_the_file),
		cmocka_unit_test(the_sample_file_is_the_defaults),
		cmocka_unit_test(the_settings_that_the_sample_comments_out_are_right),
		cmocka_unit_test(the_sample_and_the_manual_have_every_key),
		cmocka_unit_test(a_sample_cut_short_anywhere_never_gives_a_broken_error),
		cmocka_unit_test(the_first_item_that_fits_an_interface_applies),
		cmocka_unit_test(a_glob_never_means_the_loopback_interface),
		cmocka_unit_test(an_item_does_not_apply_to_what_it_excludes),
		cmocka_unit_test(interfaces_of_other_namespaces_are_meant_by_the_namespace),
		cmocka_unit_test(an_interface_that_meters_nothing_is_left_alone),
		cmocka_unit_test(an_empty_list_of_interfaces_fits_none),
		cmocka_unit_test(an_interface_that_meters_flows_alone_is_metered),
		cmocka_unit_test(flows_are_wanted_if_an_item_says_so),
		cmocka_unit_test(each_part_of_the_key_is_its_own),
		cmocka_unit_test(each_place_of_flows_is_its_own),
	};

	return cmocka_run_group_tests(tests, make_group_directory, remove_group_directory);
}
