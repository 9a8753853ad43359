#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The metrics of the systems that flowtally replaces: their names and labels, and what they should have counted; and
# flowtally's own of the same.

load lib
load flows

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

# ping_from NODE COUNT [OPTION]... [ADDRESS]
ping_from() {
	local node=$1 count=$2

	shift 2
	lab_in "$LAB" "$node" ping -q -c "$count" -i 0.01 "${@:-$LAB_INTERNET}"
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

# --- flows

# start_flows METER METRICS [KEY: MAPPING]...: both sides of the router are metered; METRICS is `metrics`, what
# follows is added to the configuration.
start_flows() {
	local meter=$1 metrics=$2

	shift 2
	write_config
	configure 200ms "match: br-lan, meter: $meter" "match: wan, meter: $meter"
	{
		echo "metrics: $metrics"
		printf '%s\n' "$@"
	} >>"$WORK/flowtally.yaml"
	start_agent
}

index_of() {
	lab_ip "$LAB" router -j link show "$1" | jq '.[].ifindex'
}

# sum_of METRIC [LABEL]: of all series, or of those that have this label
sum_of() {
	awk -F ' ' -v metric="$1" -v label="${2:-}" '
		index($1, metric "{") == 1 && (label == "" || index($0, label)) { sum += $NF }
		END { printf "%d\n", sum }' "$WORK/flowtally.prom"
}

# Packets and frame octets that the ledger has counted to flows, on all interfaces, and only in DIRECTION.
flow_sum() {
	ask ledger -o json | jq -r --arg direction "${1:-}" '[.sheets[] | select($direction == "" or .direction == $direction) |
		.flow_classes.counted // empty] | "\(map(.packets) | add) \(map(.layer2_octets) | add)"'
}

# Packets and IP octets of all flows that nfcapd has.
nfdump_flow_sum() {
	nfdump -q -N -6 -R "$WORK/nfcapd-4739" -o 'fmt:%pr %pkt %byt' 'not proto 0' |
		awk 'NF == 3 { packets += $2; octets += $3 } END { printf "%d %d\n", packets, octets }'
}

# Of three protocols and both families, through the router, to it and from it.
send_some() {
	start_sink
	ping_from desktop 5
	ping_from desktop 3 "$LAB_INTERNET6"
	ping_from phone 4 "$LAB_ROUTER"
	tcp_transfer desktop upload 300000 "$LAB_INTERNET"
	udp_to "$LAB_INTERNET" 10 300 1400
}

# The value of one series.
value_of() {
	awk -v series="$1" '{ name = $0; sub(/ [^ ]*$/, "", name) } name == series { print $NF }' "$WORK/flowtally.prom"
}

# value_of_label LABEL METRIC: of its first series
value_of_label() {
	lines_of "$2" | sed -n "s/.*[{,]$1=\"\([^\"]*\)\".*/\1/p" | head -n 1
}

# Takes datagrams at port 9 of the internet, so that nobody says that the port is closed.
start_sink() {
	spawn internet /dev/null /usr/bin/python3 -c '
import socket
receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
receiver.bind(("::", 9))
while True:
    receiver.recv(2048)'
	eventually 5 sink_listens
}

sink_listens() {
	internet cat /proc/net/udp6 | grep -q ':0009 '
}

@test "native: packets and octets by interface and protocol, and by pair of interfaces, are those of the ledger" {
	start_flows '[flows]' '{}'
	send_some
	wait_sweeps
	same "$(flow_sum)" "$(sum_of flowtally_protocol_packets_total) $(sum_of flowtally_protocol_bytes_total)"
	same "$(flow_sum)" "$(sum_of flowtally_pair_packets_total) $(sum_of flowtally_pair_bytes_total)"
	diff - <(lines_of 'flowtally_(protocol|pair)_.*(icmp|udp|,egress=""|ingress="",)' | grep -v _limit_) <<-END
		flowtally_pair_bytes_total{ingress="",egress="br-lan",netns="",direction="transmit"} 392
		flowtally_pair_bytes_total{ingress="br-lan",egress="",netns="",direction="receive"} 392
		flowtally_pair_packets_total{ingress="",egress="br-lan",netns="",direction="transmit"} 4
		flowtally_pair_packets_total{ingress="br-lan",egress="",netns="",direction="receive"} 4
		flowtally_protocol_bytes_total{interface="br-lan",direction="receive",protocol="icmp"} 392
		flowtally_protocol_bytes_total{interface="br-lan",direction="transmit",protocol="icmp"} 882
		flowtally_protocol_bytes_total{interface="br-lan",direction="transmit",protocol="ipv6-icmp"} 354
		flowtally_protocol_bytes_total{interface="wan",direction="transmit",protocol="icmp"} 490
		flowtally_protocol_bytes_total{interface="wan",direction="transmit",protocol="ipv6-icmp"} 354
		flowtally_protocol_bytes_total{interface="wan",direction="transmit",protocol="udp"} 1836
		flowtally_protocol_packets_total{interface="br-lan",direction="receive",protocol="icmp"} 4
		flowtally_protocol_packets_total{interface="br-lan",direction="transmit",protocol="icmp"} 9
		flowtally_protocol_packets_total{interface="br-lan",direction="transmit",protocol="ipv6-icmp"} 3
		flowtally_protocol_packets_total{interface="wan",direction="transmit",protocol="icmp"} 5
		flowtally_protocol_packets_total{interface="wan",direction="transmit",protocol="ipv6-icmp"} 3
		flowtally_protocol_packets_total{interface="wan",direction="transmit",protocol="udp"} 3
	END
	same '' "$(lines_of 'linux_flow_exporter|total_|flowtally_packet_size|flowtally_pair_latency')"
	promtool check metrics <"$WORK/flowtally.prom"
}

@test "native: packets by size are all that the hooks saw, and latencies those of what was forwarded" {
	local direction

	start_flows '[sizes, latency]' '{}'
	ping_from desktop 2 -s 22 "$LAB_INTERNET"
	ping_from desktop 3 -s 300 "$LAB_INTERNET"
	ping_from desktop 4 -s 1400 "$LAB_INTERNET"
	ping_from phone 1 "$LAB_ROUTER"
	wait_sweeps
	diff - <(lines_of 'flowtally_packet_size_bytes.*"wan".*transmit') <<-'END'
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="+Inf"} 9
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="1024"} 5
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="128"} 2
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="1518"} 9
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="256"} 2
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="512"} 5
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="64"} 2
		flowtally_packet_size_bytes_bucket{interface="wan",direction="transmit",le="9018"} 9
		flowtally_packet_size_bytes_count{interface="wan",direction="transmit"} 9
		flowtally_packet_size_bytes_sum{interface="wan",direction="transmit"} 6922
	END
	for direction in receive transmit; do
		same "$(sum_of "flowtally_interface_${direction}_packets_total") $(sum_of "flowtally_interface_${direction}_bytes_total")" \
			"$(sum_of flowtally_packet_size_bytes_count "direction=\"$direction\"") $(sum_of flowtally_packet_size_bytes_sum "direction=\"$direction\"")"
	done
	lines_of flowtally_pair_latency_seconds >"$WORK/latency"
	same 4 "$(wc -l <"$WORK/latency")"
	grep -q 'flowtally_pair_latency_seconds_sum{ingress="br-lan",egress="wan",netns=""} 0\.0*[1-9]' "$WORK/latency"
	same 9 "$(value_of 'flowtally_pair_latency_seconds_count{ingress="br-lan",egress="wan",netns=""}')"
	same '' "$(lines_of 'flowtally_protocol|flowtally_pair_packets')"
	promtool check metrics <"$WORK/flowtally.prom"
}

@test "native: interfaces of another namespace are named with it, and linux-flow-exporter's have their own numbers" {
	local interface=$LAB-desktop:eth0 index

	write_config
	configure 200ms "match: \"$interface\", meter: [flows], flows-at: [entering, leaving]"
	echo 'metrics: { compat: [linux-flow-exporter] }' >>"$WORK/flowtally.yaml"
	start_agent
	ping_from desktop 4
	wait_sweeps
	index=$(value_of_label ifindex flowtally_interface_info)
	((index >= 1 << 30))
	same 4 "$(value_of "flowtally_pair_packets_total{ingress=\"$interface\",egress=\"\",netns=\"$LAB-desktop\",direction=\"receive\"}")"
	same 4 "$(value_of "flowtally_pair_packets_total{ingress=\"\",egress=\"$interface\",netns=\"$LAB-desktop\",direction=\"transmit\"}")"
	same 4 "$(value_of "flowtally_protocol_packets_total{interface=\"$interface\",direction=\"transmit\",protocol=\"icmp\"}")"
	same "linux_flow_exporter_total_pkts{ingressIfindex=\"0\",egressIfindex=\"$index\"} 4" "$(lines_of linux_flow_exporter_total_pkts)"
}

@test "linux-flow-exporter: what has left, by ifindexes, of all protocols" {
	local lan wan sum

	start_nfcapd
	start_flows '[flows, latency]' '{ compat: [linux-flow-exporter] }'
	lan=$(index_of br-lan)
	wan=$(index_of wan)
	send_some
	wait_sweeps
	same "$(flow_sum transmit)" "$(sum_of linux_flow_exporter_total_pkts) $(sum_of linux_flow_exporter_total_bytes)"
	same "0 $lan
$lan $wan
$wan $lan" "$(lines_of linux_flow_exporter_total_pkts | awk -F '"' '{ print $2, $4 }' | sort -n)"
	same 4 "$(value_of "linux_flow_exporter_total_pkts{ingressIfindex=\"0\",egressIfindex=\"$lan\"}")"
	same 392 "$(value_of "linux_flow_exporter_total_bytes{ingressIfindex=\"0\",egressIfindex=\"$lan\"}")"
	same "0 0" "$(sum_of linux_flow_exporter_overflow_pkts) $(sum_of linux_flow_exporter_overflow_bytes)"
	(($(value_of "linux_flow_exporter_total_latency_nanoseconds{ingressIfindex=\"$lan\",egressIfindex=\"$wan\"}") > 1000))
	same 0 "$(value_of "linux_flow_exporter_total_latency_nanoseconds{ingressIfindex=\"0\",egressIfindex=\"$lan\"}")"
	same "$(value_of "linux_flow_exporter_total_pkts{ingressIfindex=\"$lan\",egressIfindex=\"$wan\"}")" \
		"$(value_of 'flowtally_pair_packets_total{ingress="br-lan",egress="wan",netns="",direction="transmit"}')"
	sum=$(sum_of linux_flow_exporter_total_pkts)
	stop_agent
	stop_collectors
	same "$sum" "$(nfdump -q -N -6 -R "$WORK/nfcapd-4739" -o 'fmt:%pkt' 'not proto 0 and flowdir egress' |
		awk '{ sum += $1 } END { print sum }')"
}

@test "linux-flow-exporter: what found no room is in the total and told apart" {
	local total

	start_flows '[flows]' '{ compat: [linux-flow-exporter] }' 'flows: { max: 8 }'
	start_sink
	udp_flows 40
	eventually 5 sums_are 40 flowtally_interface_transmit_packets_total '"wan"'
	wait_sweeps
	total=$(sum_of linux_flow_exporter_total_pkts)
	same 40 "$total"
	(($(sum_of linux_flow_exporter_overflow_pkts) > 0))
	same "$(ask ledger -o json | jq -r '[.sheets[] | select(.direction == "transmit") | .flow_classes.limit] |
		"\(map(.packets) | add) \(map(.layer2_octets) | add)"')" \
		"$(sum_of linux_flow_exporter_overflow_pkts) $(sum_of linux_flow_exporter_overflow_bytes)"
	same "$(sum_of linux_flow_exporter_overflow_pkts) $(sum_of linux_flow_exporter_overflow_bytes)" \
		"$(sum_of flowtally_pair_limit_packets_total) $(sum_of flowtally_pair_limit_bytes_total)"
	same 40 "$(($(sum_of flowtally_pair_packets_total) + $(sum_of flowtally_pair_limit_packets_total)))"
	# There was room for the pairs.
	same 'flowtally_pair_limit_overflow_packets_total 0' "$(lines_of flowtally_pair_limit_overflow_packets_total)"
}

# sums_are N METRIC [LABEL]
sums_are() {
	same "$1" "$(sum_of "${@:2}")"
}

@test "packet-exporter: a series for each pair of ends, at the interface where packets came in" {
	start_flows '[flows]' '{ compat: [packet-exporter] }'
	start_sink
	ping_from desktop 2
	ping_from desktop 2 -s 300 "$LAB_INTERNET6"
	ping_from phone 4 "$LAB_ROUTER"
	udp_to "$LAB_INTERNET" 10 1400 300
	udp_to "$LAB_INTERNET6" 1000
	wait_sweeps
	diff - <(lines_of total_packets) <<-END
		total_packets{source="192.168.2.10:0",dest="$LAB_INTERNET:0",interface="br-lan",protocol="1"} 2
		total_packets{source="192.168.2.11:0",dest="$LAB_ROUTER:0",interface="br-lan",protocol="1"} 4
		total_packets{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17"} 3
		total_packets{source="192.168.2.1:0",dest="192.168.2.11:0",interface="",protocol="1"} 4
		total_packets{source="$LAB_INTERNET:0",dest="192.168.2.10:0",interface="wan",protocol="1"} 2
		total_packets{source="[2001:db8:ca2:2::10]:0",dest="[$LAB_INTERNET6]:0",interface="br-lan",protocol="58"} 2
		total_packets{source="[2001:db8:ca2:2::11]:40000",dest="[$LAB_INTERNET6]:9",interface="br-lan",protocol="17"} 1
		total_packets{source="[$LAB_INTERNET6]:0",dest="[2001:db8:ca2:2::10]:0",interface="wan",protocol="58"} 2
	END
	# Three packets in one interval or in several: their sizes are known. Frames of 52, 342 and 1442 octets.
	diff - <(lines_of 'total_throughput.*"192.168.2.11:40000"') <<-END
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="+Inf"} 3
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="1024"} 2
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="128"} 1
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="1518"} 3
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="256"} 1
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="512"} 2
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="64"} 1
		total_throughput_bucket{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17",le="9018"} 3
		total_throughput_count{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17"} 3
		total_throughput_sum{source="192.168.2.11:40000",dest="$LAB_INTERNET:9",interface="br-lan",protocol="17"} 1836
	END
	same "$(flow_sum)" "$(sum_of total_packets) $(sum_of total_throughput_sum)"
	same "$(sum_of total_packets)" "$(sum_of total_throughput_count)"
}

# udp_to ADDRESS SIZE...: datagrams from one port of the phone
udp_to() {
	phone /usr/bin/python3 -c '
import socket, sys
family = socket.getaddrinfo(sys.argv[1], 9)[0][0]
sender = socket.socket(family, socket.SOCK_DGRAM)
sender.bind(("", 40000))
for size in sys.argv[2:]:
    sender.sendto(bytes(int(size)), (sys.argv[1], 9))' "$@"
}

@test "packet-exporter: beyond max-flows there is the rest of an interface and a protocol, and what is idle leaves for it" {
	start_flows '[flows]' '{ compat: [packet-exporter], max-flows: 5, idle: 1s }'
	start_sink
	udp_flows 40
	eventually 5 sums_are 40 total_packets
	same 35 "$(value_of 'total_packets{source="overflow",dest="overflow",interface="br-lan",protocol="17"}')"
	same 6 "$(lines_of total_packets | wc -l)"
	eventually 10 value_is 40 'total_packets{source="overflow",dest="overflow",interface="br-lan",protocol="17"}'
	same "$(flow_sum)" "$(sum_of total_packets) $(sum_of total_throughput_sum)"
	# There is room again.
	udp_flows 3
	eventually 5 sums_are 43 total_packets
	same 4 "$(lines_of total_packets | wc -l)"
}

# value_is VALUE SERIES
value_is() {
	same "$1" "$(value_of "$2")"
}

# What all series of flows are together, "METRIC VALUE" a line.
all_sums() {
	local metric

	for metric in total_packets total_throughput_sum total_throughput_count linux_flow_exporter_total_pkts \
		linux_flow_exporter_total_bytes flowtally_protocol_packets_total flowtally_pair_bytes_total \
		flowtally_packet_size_bytes_count flowtally_pair_latency_seconds_count; do
		echo "$metric $(sum_of "$metric")"
	done
}

# has_grown BEFORE AFTER: of all_sums, none is less
has_grown() {
	join "$1" "$2" | awk '{ if ($3 < $2 || $2 == 0) { print; bad = 1 } } END { exit bad }'
}

@test "neither a restart nor a crash sets any of them back, and none is counted twice" {
	start_flows '[flows, sizes, latency]' '{ compat: [packet-exporter, linux-flow-exporter], max-flows: 3 }'
	ping_from desktop 20
	ping_from phone 20 "$LAB_INTERNET6"
	wait_sweeps
	all_sums | sort >"$WORK/before"
	for _ in {1..3}; do
		kill_agent
		ping_from desktop 20
		start_agent
	done
	wait_sweeps
	all_sums | sort >"$WORK/crashed"
	has_grown "$WORK/before" "$WORK/crashed"
	stop_agent
	start_agent
	wait_sweeps
	all_sums | sort >"$WORK/restarted"
	diff "$WORK/crashed" "$WORK/restarted"
	# 100 echoes that are forwarded, and as many answers.
	same 200 "$(sum_of total_packets)"
	same 200 "$(sum_of linux_flow_exporter_total_pkts)"
	same 200 "$(sum_of flowtally_protocol_packets_total)"
	same "$(flow_sum)" "$(sum_of total_packets) $(sum_of total_throughput_sum)"
}

@test "the metrics of flows pass OpenMetrics' own parser, too" {
	start_flows '[flows, sizes, latency]' '{ compat: [packet-exporter, linux-flow-exporter] }'
	send_some
	wait_sweeps
	router curl -sS -H 'Accept: application/openmetrics-text' http://127.0.0.1:14739/metrics >"$WORK/openmetrics"
	/usr/bin/python3 -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
types = {family.name: family.type for family in text_string_to_metric_families(open(sys.argv[1]).read())}
expected = {"flowtally_protocol_bytes": "counter", "flowtally_pair_packets": "counter",
    "flowtally_pair_latency_seconds": "summary", "flowtally_packet_size_bytes": "histogram",
    "linux_flow_exporter_total_bytes": "gauge", "total_packets": "unknown", "total_throughput": "histogram"}
assert expected.items() <= types.items(), types' "$WORK/openmetrics"
}
