#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The metrics of the systems that flowtally replaces: their names and labels, and what they should have counted.

load lib

setup() {
	setup_lab 3
	NAMES="[{ static: { \"$DESKTOP\": desk, \"$PHONE\": desk } }]"
}

teardown() {
	teardown_lab
}

# start COMPAT [SETTING]...
start() {
	local compat=$1

	shift
	write_config collectors='[]' "$@"
	echo "metrics: { compat: [$compat] }" >>"$WORK/flowtally.yaml"
	start_agent
}

ping_from() {
	lab_in "$LAB" "$1" ping -q -c "$2" -i 0.01 "${3:-$LAB_INTERNET}"
}

lines_of() {
	grep -E "^($1)" "$WORK/flowtally.prom" | sort
}

@test "mezoura: an address each, with its device and its name, and the internet alone" {
	start mezoura hosts="{ names: $NAMES }"
	ping_from desktop 3
	ping_from desktop 2 "$LAB_INTERNET6"
	ping_from desktop 7 "$LAB_ROUTER"
	ping_from tv 1
	wait_sweeps
	diff - <(lines_of node_nat_traffic) <<-END
		node_nat_traffic_download_pkts{mac="$DESKTOP",hostname="desk",ip="192.168.2.10"} 3
		node_nat_traffic_download_pkts{mac="$DESKTOP",hostname="desk-v6",ip="2001:db8:ca2:2::10"} 2
		node_nat_traffic_download_pkts{mac="$TV",hostname="$TV",ip="192.168.2.12"} 1
		node_nat_traffic_download{mac="$DESKTOP",hostname="desk",ip="192.168.2.10"} 294
		node_nat_traffic_download{mac="$DESKTOP",hostname="desk-v6",ip="2001:db8:ca2:2::10"} 236
		node_nat_traffic_download{mac="$TV",hostname="$TV",ip="192.168.2.12"} 98
		node_nat_traffic_upload_pkts{mac="$DESKTOP",hostname="desk",ip="192.168.2.10"} 3
		node_nat_traffic_upload_pkts{mac="$DESKTOP",hostname="desk-v6",ip="2001:db8:ca2:2::10"} 2
		node_nat_traffic_upload_pkts{mac="$TV",hostname="$TV",ip="192.168.2.12"} 1
		node_nat_traffic_upload{mac="$DESKTOP",hostname="desk",ip="192.168.2.10"} 294
		node_nat_traffic_upload{mac="$DESKTOP",hostname="desk-v6",ip="2001:db8:ca2:2::10"} 236
		node_nat_traffic_upload{mac="$TV",hostname="$TV",ip="192.168.2.12"} 98
	END
	same '' "$(lines_of 'host_|network_')"
}

@test "iptables: devices of one name are one, by family and direction, and interfaces count for themselves" {
	start iptables hosts="{ names: $NAMES }"
	ping_from desktop 3
	ping_from phone 4
	ping_from phone 2 "$LAB_INTERNET6"
	wait_sweeps
	diff - <(lines_of host_) <<-END
		host_bytes_total{ipv="4",direction="in",host="desk"} 588
		host_bytes_total{ipv="4",direction="out",host="desk"} 588
		host_bytes_total{ipv="6",direction="in",host="desk"} 208
		host_bytes_total{ipv="6",direction="out",host="desk"} 208
		host_packets_total{ipv="4",direction="in",host="desk"} 7
		host_packets_total{ipv="4",direction="out",host="desk"} 7
		host_packets_total{ipv="6",direction="in",host="desk"} 2
		host_packets_total{ipv="6",direction="out",host="desk"} 2
	END
	# shellcheck disable=SC2016  # the dollars are awk's
	router awk '$1 == "br-lan:" {
		print "network_bytes_total{interface=\"br-lan\",direction=\"rx\"} " $2
		print "network_bytes_total{interface=\"br-lan\",direction=\"tx\"} " $10
		print "network_packets_total{interface=\"br-lan\",direction=\"rx\"} " $3
		print "network_packets_total{interface=\"br-lan\",direction=\"tx\"} " $11
	}' /proc/net/dev | diff - <(lines_of network_)
	same '' "$(lines_of node_nat_traffic)"
}

@test "both pass promtool and OpenMetrics' own parser, beside flowtally's" {
	start 'mezoura, iptables' hosts="{ names: $NAMES }"
	ping_from desktop 3
	wait_sweeps
	promtool check metrics <"$WORK/flowtally.prom"
	router curl -sS -H 'Accept: application/openmetrics-text' http://127.0.0.1:14739/metrics >"$WORK/openmetrics"
	/usr/bin/python3 -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
names = {family.name for family in text_string_to_metric_families(open(sys.argv[1]).read())}
assert {"node_nat_traffic_upload", "host_bytes", "network_packets"} <= names, names' "$WORK/openmetrics"
}

@test "by default there are none" {
	write_config collectors='[]'
	start_agent
	ping_from desktop 3
	wait_sweeps
	same '' "$(lines_of 'node_|host_|network_')"
}
