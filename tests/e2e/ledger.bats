#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Every frame falls into exactly one class, the classes add up to what the interface counted, and all outputs
# say the same of the devices.

load lib

setup() {
	setup_lab 3
	SHAPES=$("$TOOLS/frames" --list | cut -d ' ' -f 1)
	write_config collectors='[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4740" }]'
}

teardown() {
	teardown_lab
}

# The classes of the ledger that `frames` expects; "host" is internet here.
expected_classes() {
	jq -c '[.shapes[] | .class |= (if . == "host" then "internet" else . end)] | group_by(.class) |
		map({(.[0].class): {
			frames: map(.frames) | add, packets: map(.frames) | add,
			octets: map(.octets) | add, layer2_octets: map(.layer2_octets) | add}}) | add'
}

classes_seen() {
	ledger "$1" '.classes | with_entries(select(.value.frames > 0))'
}

# assert_outputs_agree: hosts, their accounts, the textfile, nfdump and ipfixDump
assert_outputs_agree() {
	local hosts

	hosts=$(hosts_sums)
	same "$hosts" "$(accounts_sums)"
	same "$hosts" "$(textfile_sums)"
	stop_agent
	stop_collectors
	same "$hosts" "$(nfdump_sums)"
	same "$hosts" "$(ipfix_sums)"
}

@test "each shape of frame that a device sends falls into its class, to the octet" {
	start_agent
	# shellcheck disable=SC2086
	desktop "$TOOLS/frames" --count 7 eth0 $SHAPES >"$WORK/sent"
	wait_sweeps
	same "$(expected_classes <"$WORK/sent")" "$(classes_seen receive)"
	same '{}' "$(classes_seen transmit)"
	ledger_balances
}

@test "so it does where only the Ethernet header is linear" {
	start_agent
	# shellcheck disable=SC2086
	desktop "$TOOLS/frames" --tx-ring --count 7 eth0 $SHAPES >"$WORK/sent"
	wait_sweeps
	same "$(expected_classes <"$WORK/sent")" "$(classes_seen receive)"
	ledger_balances
}

@test "each shape of frame that is sent to a device falls into its class, to the octet" {
	start_agent
	for option in --reverse "--reverse --tx-ring"; do
		# To addresses that the device does not have: it keeps silent.
		# shellcheck disable=SC2086
		router "$TOOLS/frames" $option --count 7 --source 192.168.2.99 \
			--source6 2001:db8:ca2:2::99 br-lan $SHAPES
	done >"$WORK/sent"
	wait_sweeps
	same "$(jq -s '{shapes: map(.shapes) | add}' "$WORK/sent" | expected_classes)" \
		"$(classes_seen transmit)"
	same '{}' "$(classes_seen receive)"
	ledger_balances
}

@test "a mix of everything balances, and all outputs agree" {
	local before

	start_nfcapd 4739
	start_record 4740
	before=$(interface_counters)
	start_agent
	tcp_transfer desktop download 30M "$LAB_INTERNET"
	tcp_transfer desktop upload 20M "$LAB_INTERNET6"
	tcp_transfer phone upload 10M "$LAB_INTERNET"
	tcp_transfer phone download 10M "$LAB_INTERNET6"
	# Fragments. The kernel answers by a socket that all namespaces share: it may have to drop some.
	lab_in "$LAB" tv ping -q -c 20 -i 0.01 -W 1 -s 3000 "$LAB_INTERNET" >/dev/null || :
	lab_in "$LAB" tv ping -q -c 20 -i 0.01 "$LAB_INTERNET6" >/dev/null
	lab_in "$LAB" tv ping -q -c 20 -i 0.01 "$LAB_ROUTER" >/dev/null
	# shellcheck disable=SC2086
	desktop "$TOOLS/frames" --count 20 eth0 $SHAPES >/dev/null
	router "$TOOLS/frames" --count 20 --reverse --source 192.168.2.99 br-lan udp vlan arp other runt33 \
		>/dev/null
	wait_sweeps
	ledger_balances
	same "$(counted_since "$before")" "$(seen)"
	assert_outputs_agree
}

# By the interface itself. A bridge counts what it receives without the Ethernet header.
counted_since() {
	jq -nc --argjson before "$1" --argjson after "$(interface_counters)" '
		$after | with_entries(.key as $key | .value |= with_entries(.value -= $before[$key][.key])) |
		.rx.octets += 14 * .rx.frames'
}

seen() {
	ask ledger -o json | jq -c '[.sheets[] | {
		key: {receive: "rx", transmit: "tx"}[.direction],
		value: {frames: .seen.frames, octets: .seen.skb_octets}}] | from_entries'
}

# What CSV has of one answer, from JSON; sums of classes are its own.
csv_rows() {
	ask ledger -o json | jq -r '
		def row(entry; value): [.interface, .direction, entry] + value + [if .balanced then "yes" else "no" end];
		.sheets[] | . as $sheet | (
			(.classes | to_entries[] | . as $class | $sheet |
				row($class.key; $class.value | [.frames, .packets, .octets, .layer2_octets])),
			row("seen by the hook"; .seen | [.frames, "", "", .skb_octets]),
			row("interface counters"; .interface_counters | [.frames.low, "", "", .octets.low]),
			row("difference"; .difference | [.frames, "", "", .octets])
		) | map(tostring) | join(",")' | sort
}

# Of a router that is at rest.
csv_has_the_same() {
	same "$(csv_rows)" "$(ask ledger -o csv | sed -e 1d -e '/,all classes,/d' | sort)"
}

table_has_the_same() {
	same "$(ask ledger -o csv | sed 1d | cut -d , -f 3-7 | tr -s , ' ')" \
		"$(ask ledger | grep -v -e balanced: -e FRAMES -e '^$' | tr -s ' ')"
}

@test "as CSV and as tables the sheets say the same" {
	start_agent
	desktop ping -q -c 20 -i 0.01 "$LAB_INTERNET" >/dev/null
	desktop ping -q -c 20 -i 0.01 "$LAB_ROUTER" >/dev/null
	wait_sweeps
	eventually 5 csv_has_the_same
	eventually 5 table_has_the_same
	ask ledger -o csv | awk -F , '
		/,(internet|local|router|multicast|not-ip),/ { sum[$2] += $4 }
		/,all classes,/ { all[$2] = $4 }
		END { exit !(all["receive"] >= 40 && sum["receive"] == all["receive"] && sum["transmit"] == all["transmit"]) }'
	ask ledger | grep -q '^br-lan, receive: balanced: '
}

@test "one ping is one packet up and one down" {
	start_agent
	desktop ping -q -c 1 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same '{"'"$DESKTOP"'":{"download":{"octets":84,"packets":1},"upload":{"octets":84,"packets":1}}}' \
		"$(hosts_sums)"
}

@test "octets of hosts are IP octets, and frame octets stand beside them" {
	start_agent
	desktop ping -q -c 100 -i 0.002 -s 56 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same '{"layer2_octets":9800,"octets":8400,"packets":100}' \
		"$(ask hosts -o json | jq -c ".hosts[] | .upload | {packets, octets, layer2_octets}")"
}

@test "what a device talks with private addresses is local, and with the router apart from that" {
	internet ip address add 10.1.2.3/32 dev lo
	internet ip address add fd00::1/128 dev lo
	router ip route add 10.0.0.0/8 via "$LAB_INTERNET"
	router ip route add fd00::/8 via "$LAB_INTERNET6"
	start_agent
	desktop ping -q -c 3 -i 0.01 10.1.2.3 >/dev/null
	desktop ping -q -c 4 -i 0.01 fd00::1 >/dev/null
	desktop ping -q -c 5 -i 0.01 "$LAB_ROUTER" >/dev/null
	desktop ping -q -c 2 -i 0.01 "$LAB_WAN" >/dev/null
	desktop ping -q -c 1 -i 0.01 "$LAB_WAN6" >/dev/null
	desktop ping -q -c 6 -i 0.01 "$LAB_INTERNET" >/dev/null
	desktop ping -q -c 7 -i 0.01 "$LAB_INTERNET6" >/dev/null
	wait_sweeps
	same '[["ipv4","internet",6,6],["ipv4","local",3,3],["ipv4","router",7,7],["ipv6","internet",7,7],["ipv6","local",4,4],["ipv6","router",1,1]]' \
		"$(ask hosts -o json | jq -c '[.hosts[].accounts[] |
			[.family, .scope, .download.packets, .upload.packets]] | sort')"
}

@test "what is not internet can be chosen; the devices' own network never is" {
	internet ip address add 10.1.2.3/32 dev lo
	router ip route add 10.0.0.0/8 via "$LAB_INTERNET"
	write_config hosts='{ not-internet: [203.0.113.0/24] }'
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	desktop ping -q -c 4 -i 0.01 10.1.2.3 >/dev/null
	desktop ping -q -c 5 -i 0.01 "$LAB_ROUTER" >/dev/null
	wait_sweeps
	same '[["internet",4,4],["local",3,3],["router",5,5]]' "$(ask hosts -o json | jq -c '[.hosts[].accounts[] |
		[.scope, .download.packets, .upload.packets]] | sort')"
}

@test "multicast and broadcast are no device's traffic" {
	start_agent
	desktop "$TOOLS/frames" --count 5 eth0 mdns mdns6 ssdp broadcast subnet-broadcast >/dev/null
	wait_sweeps
	same '{}' "$(hosts_sums)"
	same '{"multicast":25}' "$(ledger receive '.classes | map_values(.frames | select(. > 0))')"
}

@test "one device with several addresses is one host" {
	desktop ip address add 2001:db8:ca2:2::abcd/64 dev eth0 nodad
	router ip neighbour add 2001:db8:ca2:2::abcd lladdr "$DESKTOP" dev br-lan nud permanent
	start_agent
	desktop ping -q -c 2 -i 0.01 -I 2001:db8:ca2:2::10 "$LAB_INTERNET6" >/dev/null
	desktop ping -q -c 3 -i 0.01 -I 2001:db8:ca2:2::abcd "$LAB_INTERNET6" >/dev/null
	desktop ping -q -c 4 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same '{"'"$DESKTOP"'":{"download":{"octets":856,"packets":9},"upload":{"octets":856,"packets":9}}}' \
		"$(hosts_sums)"
	same '["192.168.2.10","2001:db8:ca2:2::10","2001:db8:ca2:2::abcd"]' \
		"$(ask hosts -o json | jq -c '[.hosts[].accounts[].address] | sort')"
}

@test "an address that moves to another device is counted there from then on" {
	start_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET" >/dev/null
	desktop ip address del 192.168.2.10/24 dev eth0
	phone ip address add 192.168.2.10/24 dev eth0
	router ip neighbour replace 192.168.2.10 lladdr "$PHONE" dev br-lan nud permanent
	phone ping -q -c 3 -i 0.01 -I 192.168.2.10 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same "[[\"$DESKTOP\",2,2],[\"$PHONE\",3,3]]" \
		"$(ask hosts -o json | jq -c '[.hosts[] | [.host, .download.packets, .upload.packets]] | sort')"
}

@test "a connection from the internet is counted from its first packet" {
	start_agent
	internet ping -q -c 1 "$(lab_device_address 1)" >/dev/null
	wait_sweeps
	same '{"'"$DESKTOP"'":{"download":{"octets":84,"packets":1},"upload":{"octets":84,"packets":1}}}' \
		"$(hosts_sums)"
}

@test "addresses that are not of this network count by MAC alone" {
	start_agent
	desktop "$TOOLS/frames" --count 3 --source 100.100.1.1 eth0 udp >/dev/null
	desktop "$TOOLS/frames" --count 4 --source6 2001:db8:ffff:1::1 eth0 udp6 >/dev/null
	wait_sweeps
	same '{"mac-only":7}' "$(ledger receive '.classes | map_values(.frames | select(. > 0))')"
	same '[[null,"ipv4",3],[null,"ipv6",4]]' "$(ask hosts -o json |
		jq -c '[.hosts[].accounts[] | [.address, .family, .upload.packets]] | sort')"
}

@test "an address that the router gets is its own from then on, and one that it loses no more" {
	start_agent
	desktop ping -q -c 1 -i 0.01 "$LAB_INTERNET" >/dev/null
	router ip address add 198.18.0.1/32 dev wan
	wait_sweeps
	desktop ping -q -c 2 -i 0.01 198.18.0.1 >/dev/null
	router ip address del 198.18.0.1/32 dev wan
	internet ip address add 198.18.0.1/32 dev lo
	router ip route add 198.18.0.1/32 via "$LAB_INTERNET"
	wait_sweeps
	desktop ping -q -c 4 -i 0.01 198.18.0.1 >/dev/null
	wait_sweeps
	same '[["internet",5,5],["router",2,2]]' "$(ask hosts -o json | jq -c '[.hosts[].accounts[] |
		[.scope, .download.packets, .upload.packets]] | sort')"
	ledger_balances
}
