#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What collectors find in flow records: every value is the one that tests/tools/flowrecords.c has sent.

load lib

setup() {
	setup_lab 1
}

teardown() {
	teardown_lab
}

# send_flows PORT ENTERPRISE [OPTION]...
send_flows() {
	router "$TOOLS/flowrecords" 127.0.0.1:"$1" "${@:2}"
}

# By ipfixDump: what is told of all flows, and the templates' ids.
ipfix_flows() {
	ipfix_records | jq -r 'select(.octetDeltaCount) | [.template, .flowStartMilliseconds, .flowEndMilliseconds,
		.ingressInterface, .egressInterface, .flowDirection, .ipVersion,
		.sourceIPv4Address // .sourceIPv6Address, .sourceTransportPort,
		.destinationIPv4Address // .destinationIPv6Address, .destinationTransportPort,
		.protocolIdentifier, .icmpTypeCodeIPv4 // .icmpTypeCodeIPv6, .ipClassOfService, .tcpControlBits,
		.minimumTTL, .maximumTTL, .flowEndReason, .fragmentIdentification, .flowLabelIPv6 // "-",
		.minimumIpTotalLength, .maximumIpTotalLength, .octetDeltaCount, .packetDeltaCount,
		.layer2OctetDeltaCount, .flowMark // "-"] | map(tostring) | join(" ")'
}

# The same of what frames alone have.
ipfix_frames() {
	ipfix_records | jq -r 'select(.octetDeltaCount) | [.sourceMacAddress, .destinationMacAddress, .vlanId,
		.postVlanId, .dot1qCustomerVlanId] | map(. // "-") | join(" ")'
}

# sent_flows ADDED MARKED: what ipfix_flows should find where ADDED is added to the ids, with marks or without
sent_flows() {
	local start='2023-11-14 22:13:20.123' end='2023-11-14 22:13:23.456' id line mark

	while read -r id line; do
		mark=${line##* }
		line=${line% *}
		line=${line/BOTH/$start $end}
		line=${line/LATER/2023-11-14 22:13:20.124 2023-11-14 22:13:23.457}
		line=${line/ONCE/$start $start}
		echo "$((id + $1)) $line $( (($2)) && echo "$mark" || echo -)"
	done <<-'END'
		512 BOTH 3 4 1 4 198.51.100.1 40000 198.51.100.2 443 6 0 184 27 61 64 3 43981 - 40 1500 5000000000 7 5000000098 4275878552
		512 LATER 5 6 0 4 198.51.100.3 0 198.51.100.4 2051 1 2051 32 0 250 255 1 12 - 84 98 800 8 912 11
		513 ONCE 7 8 0 6 2001:0db8::0005 0 2001:0db8::0006 34560 58 34560 0 0 255 255 4 3735928559 1048575 72 72 72 1 86 12
		576 BOTH 11 12 1 4 198.51.100.9 123 198.51.100.10 124 17 0 0 0 3 4 5 0 - 100 101 1000 10 1140 14
		577 BOTH 9 10 1 6 2001:0db8::0007 5353 2001:0db8::0008 53 17 0 136 0 1 2 2 0 74565 60 65575 900 9 1026 13
	END
}

@test "ipfixDump finds every value, with enterprise elements and without" {
	local enterprise added
	for enterprise in none mac full; do
		added=$([[ $enterprise == none ]] && echo 128 || echo 160)
		start_record
		send_flows 4740 "$enterprise"
		stop_collectors
		same "$(sent_flows "$added" "$((added == 160))")" "$(ipfix_flows)"
		same "$(printf '%s\n' \
			'02:00:00:00:ab:01 02:00:00:00:ab:02 0 20 30' \
			'02:00:00:00:ab:03 02:00:00:00:ab:04 21 0 31' \
			'02:00:00:00:ab:05 02:00:00:00:ab:06 0 0 0' \
			'- - - - -' \
			'- - - - -')" "$(ipfix_frames)"
	done
}

# nfdump 1.7.1 keeps no TTLs, lengths, fragment ids, flow labels and inner tags.
@test "nfdump finds every value that it keeps" {
	start_nfcapd
	send_flows 4739 mac
	stop_collectors
	same 0 "$(nfdump_sequence_errors)"
	same "$(
		cat <<-'END'
			22:13:20.123 22:13:23.456 6 198.51.100.1 40000 198.51.100.2 443 ...AP.SF 184 3 4 E 0 20 02:00:00:00:ab:01 02:00:00:00:ab:02 7 5000000000
			22:13:20.124 22:13:23.457 1 198.51.100.3 0 198.51.100.4 8.3 ........ 32 5 6 I 21 0 02:00:00:00:ab:03 02:00:00:00:ab:04 8 800
			22:13:20.123 22:13:20.123 58 2001:db8::5 0 2001:db8::6 135.0 ........ 0 7 8 I 0 0 02:00:00:00:ab:05 02:00:00:00:ab:06 1 72
			22:13:20.123 22:13:23.456 17 198.51.100.9 123 198.51.100.10 124 ........ 0 11 12 E 0 0 00:00:00:00:00:00 00:00:00:00:00:00 10 1000
			22:13:20.123 22:13:23.456 17 2001:db8::7 5353 2001:db8::8 53 ........ 136 9 10 E 0 0 00:00:00:00:00:00 00:00:00:00:00:00 9 900
		END
	)" "$(TZ=UTC nfdump -R "$WORK/nfcapd-4739" -6 -N -q -o \
		'fmt:%ts %te %pr %sa %sp %da %dp %flg %tos %in %out %dir %svln %dvln %ismc %idmc %pkt %byt' |
		sed -E 's/2023-11-14 //g; s/ +/ /g; s/^ | $//g')"
	same '3 1 4 5 2' "$(nfdump -R "$WORK/nfcapd-4739" -q -N -o raw |
		sed -n 's/.*end reason *= *0x0\(.\).*/\1/p' | xargs)"
}

# tshark_values FIELD: of that name in its tree of all flows
tshark_values() {
	TZ=UTC tshark -r "$WORK/messages-4740" -V 2>/dev/null |
		sed -n "s/^ *$1: \(.*[^ ]\) *\$/\1/p" | paste -sd '|'
}

@test "tshark finds every value, and nothing to complain about" {
	start_record
	send_flows 4740 mac
	stop_collectors
	fails grep -iE 'malformed|expert info|error' <(tshark -r "$WORK/messages-4740" -V 2>/dev/null)
	same '40000|0|0|123|5353' "$(tshark_values SrcPort)"
	same '443|2051|34560|124|53' "$(tshark_values DstPort)"
	same '0x0000|0x0803|0x0000' "$(tshark_values 'ICMP Type')"
	same '135|0' "$(tshark_values 'IPv6 ICMP Type')"
	same '0x1b, ACK, PSH, SYN, FIN|0x00|0x00|0x00|0x00' "$(tshark_values 'TCP Flags')"
	same '0xb8|0x20|0x00|0x00|0x88' "$(tshark_values 'IP ToS')"
	same '61|250|255|3|1' "$(tshark_values MinTTL)"
	same '64|255|255|4|2' "$(tshark_values MaxTTL)"
	same '40|84|72|100|60' "$(tshark_values MinLength)"
	same '1500|98|72|101|65575' "$(tshark_values MaxLength)"
	same '43981|12|3735928559|0|0' "$(tshark_values fragIdent)"
	same '1048575|74565' "$(tshark_values ipv6FlowLabel)"
	same '0|21|0' "$(tshark_values 'Vlan Id')"
	same '20|0|0' "$(tshark_values 'Post Vlan Id')"
	same '30|31|0' "$(tshark_values 'Dot1q Customer Vlan Id')"
	same '3|5|7|11|9' "$(tshark_values InputInt | sed 's/^3|4|//')"
	same '4|6|8|12|10' "$(tshark_values OutputInt)"
	same 'Egress (1)|Ingress (0)|Ingress (0)|Egress (1)|Egress (1)' "$(tshark_values Direction)"
	same '3 1 4 5 2' "$(tshark_values 'Flow End Reason' | grep -o '([0-9])' | tr -d '()' | xargs)"
	same '5000000000|800|72|1000|900' "$(tshark_values Octets)"
	same '7|8|1|10|9' "$(tshark_values Packets)"
	same '5000000098|912|86|1140|1026' "$(tshark_values 'Layer2 Octet Delta Count')"
	same 'fe dc ba 98|00 00 00 0b|00 00 00 0c|00 00 00 0e|00 00 00 0d' \
		"$(tshark -r "$WORK/messages-4740" -V 2>/dev/null |
			sed -n 's/.*Type 4: Value (hex bytes): \(.*[^ ]\) *$/\1/p' | paste -sd '|')"
}

# ipfixDump of libfixbuf 2.4.1 shows whole seconds of them alone, tshark all.
@test "nanoseconds are the same times" {
	start_record
	send_flows 4740 none nanoseconds
	stop_collectors
	same "$(
		cat <<-'END'
			1152 - 2023-11-14 22:13:20 2023-11-14 22:13:23
			1152 - 2023-11-14 22:13:20 2023-11-14 22:13:23
			1153 - 2023-11-14 22:13:20 2023-11-14 22:13:20
			1216 - 2023-11-14 22:13:20 2023-11-14 22:13:23
			1217 - 2023-11-14 22:13:20 2023-11-14 22:13:23
		END
	)" "$(ipfix_records | jq -r 'select(.octetDeltaCount) | [.template, .flowStartMilliseconds // "-",
		.flowStartNanoseconds[:19], .flowEndNanoseconds[:19]] | map(tostring) | join(" ")')"
	fails grep -iE 'malformed|expert info|error' <(tshark -r "$WORK/messages-4740" -V 2>/dev/null)
	same "$(printf 'Nov 14, 2023 22:13:20.%s UTC|' 123000000 124000000 123000000 123000000 123000000)" \
		"$(tshark_values StartTime)|"
	same "$(printf 'Nov 14, 2023 22:13:%s000000 UTC|' 23.456 23.457 20.123 23.456 23.456)" \
		"$(tshark_values EndTime)|"
}

@test "next hops and prefixes are found by ipfixDump, tshark and nfdump" {
	start_record
	start_nfcapd
	send_flows 4740 none routes
	send_flows 4739 none routes
	stop_collectors
	same "$(
		cat <<-'END'
			896 198.51.100.100 10 20
			896 198.51.100.101 11 21
			897 2001:0db8::0066 12 22
			960 198.51.100.104 14 24
			961 2001:0db8::0067 13 23
		END
	)" "$(ipfix_records | jq -r 'select(.octetDeltaCount) | [.template, .ipNextHopIPv4Address // .ipNextHopIPv6Address,
		.sourceIPv4PrefixLength // .sourceIPv6PrefixLength, .destinationIPv4PrefixLength // .destinationIPv6PrefixLength]
		| map(tostring) | join(" ")')"
	fails grep -iE 'malformed|expert info|error' <(tshark -r "$WORK/messages-4740" -V 2>/dev/null)
	same '198.51.100.100|198.51.100.101|2001:db8::66|198.51.100.104|2001:db8::67' "$(tshark_values NextHop)"
	same '10|11|12|14|13' "$(tshark_values SrcMask | grep -o '[0-9]*' | paste -sd '|')"
	same '20|21|22|24|23' "$(tshark_values DstMask | grep -o '[0-9]*' | paste -sd '|')"
	same "$(
		cat <<-'END'
			198.51.100.1 198.51.100.100 10 20
			198.51.100.3 198.51.100.101 11 21
			2001:db8::5 2001:db8::66 12 22
			198.51.100.9 198.51.100.104 14 24
			2001:db8::7 2001:db8::67 13 23
		END
	)" "$(nfdump -R "$WORK/nfcapd-4739" -6 -N -q -o 'fmt:%sa %nh %smk %dmk' | sed -E 's/ +/ /g; s/^ | $//g')"
}
