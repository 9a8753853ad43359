#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Templates that the configuration puts together, and NetFlow 9, beside our own records of the same traffic.

load lib
load flows

setup() {
	setup_lab 1
}

teardown() {
	teardown_lab
}

# As linux-flow-exporter spells them, with the number and length that it gives each.
LFE_ELEMENTS='OctetDeltaCount 1 8
PacketDeltaCount 2 8
ProtocolIdentifier 4 1
IpClassOfService 5 1
TcpControlBits 6 1
SourceTransportPort 7 2
SourceIPv4Address 8 4
SourceIPv4PrefixLength 9 1
IngressInterface 10 4
DestinationTransportPort 11 2
DestinationIPv4Address 12 4
DestinationIPv4PrefixLength 13 1
EgressInterface 14 4
IpNextHopIPv4Address 15 4
BgpSourceAsNumber 16 4
BgpDestinationAsNumber 17 4
BgpNextHopIPv4Address 18 4
IcmpTypeCodeIPv4 32 2
MinimumTTL 52 1
MaximumTTL 53 1
FragmentIdentification 54 4
VlanId 58 2
IpVersion 60 1
FlowDirection 61 1
forwardingStatus 89 1
FlowEndReason 136 1
FlowStartMilliseconds 152 8
FlowEndMilliseconds 153 8
FlowStartNanoseconds 156 8
FlowEndNanoseconds 157 8
Dot1qVlanId 243 2
Dot1qCustomerVlanId 245 2'

# write_templates_config COLLECTORS [LINES]: of export.ipfix
write_templates_config() {
	write_config collectors="$1" ipfix="${2:-}"
	configure 200ms 'match: br-lan, meter: [hosts, flows], flows-at: [entering, leaving]'
}

make_traffic() {
	desktop ping -q -c 3 -i 0.2 "$LAB_INTERNET"
	desktop ping -6 -q -c 2 -i 0.2 "$LAB_INTERNET6"
	udp_flows 10
	wait_sweeps
	ledger_balances
	HOSTS=$(hosts_sums)
	stop_agent
	stop_collectors
}

# layout_of ID: number and length of each field of that template, as the messages have it
layout_of() {
	/usr/bin/python3 -c '
import struct, sys
messages, at, wanted = open(sys.argv[1], "rb").read(), 0, int(sys.argv[2])
while at < len(messages):
    length = struct.unpack_from("!H", messages, at + 2)[0]
    place = at + 16
    while place < at + length:
        kind, size = struct.unpack_from("!HH", messages, place)
        end, inner = place + size, place + 4
        while kind == 2 and inner < end:
            number, fields = struct.unpack_from("!HH", messages, inner)
            inner, found = inner + 4, []
            for _ in range(fields):
                element, width = struct.unpack_from("!HH", messages, inner)
                inner += 4
                if element & 0x8000:
                    enterprise = struct.unpack_from("!I", messages, inner)[0]
                    element, inner = f"{element & 0x7fff}/{enterprise}", inner + 4
                found.append(f"{element} {width}")
            if number == wanted:
                print(*found, sep="\n")
                sys.exit()
        place = end
    at += length
' "$WORK/messages-4740" "$1"
}

@test "all elements of linux-flow-exporter have its numbers and lengths, and values" {
	local names record

	names=$(awk '{ printf "%s%s", sep, $1; sep = ", " }' <<<"$LFE_ELEMENTS")
	start_record
	write_templates_config '[{ address: "127.0.0.1:4740", templates: [1004] }]' \
		"    templates: [{ id: 1004, flows: [$names] }]"
	start_agent
	make_traffic
	same "$(cut -d ' ' -f 2- <<<"$LFE_ELEMENTS")" "$(layout_of 1004)"
	record=$(ipfix_records | jq -c 'select(.template == 1004 and .protocolIdentifier == "1" and .flowDirection == "0")')
	same '252 3 2048 64 4 0 0 0' \
		"$(jq -r '[.octetDeltaCount, .packetDeltaCount, .icmpTypeCodeIPv4, .minimumTTL, .ipVersion,
			.bgpSourceAsNumber, .egressInterface, .forwardingStatus] | join(" ")' <<<"$record")"
	same 64 "$(ipfix_records | jq -r 'select(.template == 1004 and .protocolIdentifier == "1" and
		.flowDirection == "1") | .forwardingStatus' | sort -u)"
	# What fits into none of the chosen templates has one of ours: nothing is lost.
	same '4' "$(ipfix_records | jq -r 'select(.template != 1004 and .protocolIdentifier == "58" and
		.icmpTypeCodeIPv6 as $type | ["32768", "33024"] | index($type)) | .packetDeltaCount' |
		awk '{ sum += $1 } END { print sum }')"
}

@test "both families, hosts by direction, and shorter counters" {
	start_record
	start_nfcapd
	write_templates_config \
		'[{ address: "127.0.0.1:4740", templates: [3004, 3006, 3010, 3011] }, { address: "127.0.0.1:4739" }]' \
		'    templates:
      - id: 3004
        flows: [sourceIPv4Address, destinationIPv4Address, sourceTransportPort, destinationTransportPort,
          protocolIdentifier, icmpTypeCodeIPv4, octetDeltaCount: 4, packetDeltaCount: 2, flowStartMilliseconds,
          flowEndMilliseconds]
      - id: 3006
        flows:
          - sourceIPv6Address
          - destinationIPv6Address
          - SOURCETRANSPORTPORT
          - destinationTransportPort
          - protocolIdentifier
          - icmpTypeCodeIPv6
          - octetDeltaCount: 5
          - packetDeltaCount
      - { id: 3010, hosts: [flowDirection, sourceMacAddress, octetDeltaCount, packetDeltaCount, hostMacAddress] }
      - { id: 3011, hosts: [flowDirection, destinationMacAddress, octetDeltaCount, packetDeltaCount] }'
	start_agent
	make_traffic
	same $'8 4\n12 4\n7 2\n11 2\n4 1\n32 2\n1 4\n2 2\n152 8\n153 8' "$(layout_of 3004)"
	same '1 5' "$(layout_of 3006 | sed -n 7p)"
	same '1/32473 6' "$(layout_of 3010 | tail -n 1)"
	same '3004 3006 3010 3011' "$(ipfix_records | jq 'select(.octetDeltaCount) | .template' | sort -u | xargs)"
	same "$(nfdump_flows | awk '{ packets += $6; octets += $7 } END { print packets, octets }')" \
		"$(ipfix_flow_list | awk '{ packets += $6; octets += $7 } END { print packets, octets }')"
	same "$HOSTS" "$(ipfix_records | jq -r 'select(.template == 3010 or .template == 3011) |
		(if .flowDirection == "0" then "\(.sourceMacAddress) upload" else
			"\(.destinationMacAddress) download" end) + " \(.octetDeltaCount) \(.packetDeltaCount)"' |
		rows_to_sums)"
	same 0 "$(nfdump_sequence_errors)"
}

@test "NetFlow 9 has the same hosts and flows" {
	start_nfcapd
	start_nfcapd 4741
	write_templates_config \
		'[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4741", format: netflow9 }]'
	start_agent
	make_traffic
	[[ -n $(nfdump_flows) ]]
	# Of ICMPv6 in NetFlow 9, nfdump 1.7.1 keeps no type.
	same "$(nfdump_flows | sed -E '/^58 /s/ [0-9]+\.[0-9]+ / 0.0 /')" "$(nfdump_flows 4741)"
	same "$(nfdump_sums)" "$(nfdump_sums 4741)"
	same 0 "$(nfdump_sequence_errors 4741)"
	grep -q 'New v9 exporter' "$WORK/nfcapd-4741.log"
	# To the millisecond.
	same "$(nfdump -R "$WORK/nfcapd-4739" -q -N -o 'fmt:%ts %te %pkt' | sort)" \
		"$(nfdump -R "$WORK/nfcapd-4741" -q -N -o 'fmt:%ts %te %pkt' | sort)"
}

# ledger_was_told SHEET: the lines "HOOK CLASS PACKETS OCTETS LAYER2_OCTETS" of br-lan, in one message or another
ledger_was_told() {
	local told

	told=$(ipfix_records | jq -r 'select(.selectorName and .interfaceName == "br-lan") |
		"\(if .flowDirection == "0" then "receive" else "transmit" end) \(.selectorName) \(.packetTotalCount
			) \(.octetTotalCount) \(.layer2OctetTotalCount)"' | sort -u)
	[[ -z $(comm -23 <(echo "$1") <(echo "$told")) ]]
}

# refused LINES REASON: of a configuration that has LINES below export.ipfix
refused() {
	write_config ipfix="$1"
	check_says "$2"
}

# check_says REASON: of the configuration, and fails
check_says() {
	fails "$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>"$WORK/reasons"
	grep -qF "$1" "$WORK/reasons" || {
		cat "$WORK/reasons"
		return 1
	}
}

@test "what cannot be a template is refused, with its line" {
	refused '    templates:
      - id: 3004
        flows: [sourceIPv4Address, sourceIPv4Adress]' \
		'flowtally.yaml:8: export.ipfix.templates[0].flows[1]: "sourceIPv4Adress" is not an Information Element'
	refused '    templates: [{ id: 3004, hosts: [vlanId] }]' 'there is no "vlanId" in records of hosts'
	refused '    templates: [{ id: 3004, flows: [octetDeltaCount: 9] }]' \
		'octetDeltaCount takes 1 to 8 octets, not "9"'
	refused '    templates: [{ id: 3004, flows: [sourceIPv4Address: 3] }]' 'sourceIPv4Address takes 4 octets'
	refused '    templates: [{ id: 3004, flows: [vlanId, VLANID] }]' 'an element is in the list twice'
	refused '    templates: [{ id: 3004, flows: [reverseOctetDeltaCount] }]' 'there is no "reverseOctetDeltaCount"'
	refused '    templates: [{ id: 3004 }]' 'either flows or hosts'
	refused '    templates: [{ id: 288, flows: [vlanId] }]' "one of flowtally's own templates"
	refused '    templates: [{ id: 255, flows: [vlanId] }]' '"255" is not an integer from 256 to 65535'
	refused '    templates: [{ id: 3004, flows: [vlanId] }, { id: 3004, flows: [vlanId] }]' 'the same id'
	write_config collectors='[{ address: "127.0.0.1:1", templates: [3004] }]'
	check_says 'export.ipfix.collectors[0].templates: 3004 is no id in export.ipfix.templates'
	write_config collectors='[{ address: "127.0.0.1:1", format: netflow9, biflow: true }]'
	check_says 'netflow9 has no biflows'
}

@test "the ledger and names come as options, without a gap for nfcapd" {
	local sheet

	start_record
	start_nfcapd
	write_config hosts='{ names: [{ static: { "02:00:00:00:00:01": "a desk" } }] }' \
		ipfix='    template-refresh: 1s' \
		collectors='[{ address: "127.0.0.1:4740", records: [ledger, names] }, { address: "127.0.0.1:4739",
			records: [hosts, ledger, names, statistics, interfaces] }]'
	start_agent
	desktop ping -q -c 3 -i 0.2 "$LAB_INTERNET"
	wait_sweeps
	sheet=$(ask ledger -o json | jq -r '.sheets[] | .direction as $hook | .classes | to_entries[] |
		"\($hook) \(.key) \(.value.packets) \(.value.octets) \(.value.layer2_octets)"' | sort)
	eventually 20 ledger_was_told "$sheet"
	stop_agent
	stop_collectors
	same '02:00:00:00:00:01 a desk' "$(ipfix_records | jq -r 'select(.hostName) |
		"\(.sourceMacAddress) \(.hostName)"' | sort -u)"
	same '' "$(ipfix_records | jq -c 'select(.octetDeltaCount)')"
	same 0 "$(nfdump_sequence_errors)"
}

# linux-flow-exporter's file says nothing of where we keep things: that is in a mount namespace of its own.
# start_as_lfe FILE
start_as_lfe() {
	# shellcheck disable=SC2016
	spawn router "$WORK/agent.log" unshare -m sh -c '
		mkdir -p /run/flowtally /var/lib/flowtally &&
		mount -t tmpfs -o mode=755 none /run/flowtally && mount -t tmpfs -o mode=755 none /var/lib/flowtally &&
		exec "$0" agent -c "$1"' "$FLOWTALLY" "$1"
	# shellcheck disable=SC2034
	AGENT=$!
	eventually 20 grep -q ready "$WORK/agent.log"
}

lines_are() {
	same "$1" "$(wc -l <"$WORK/flow.log")"
}

@test "the configuration of linux-flow-exporter is read as it is" {
	start_record 2055
	start_nfcapd 2100
	cat >"$WORK/config.yaml" <<-END
		maxIpfixMessageLen: 100
		timerFinishedDrainSeconds: 1
		timerForceDrainSeconds: 2
		timerTemplateFlushSeconds: 60
		outputs:
		- collector:
		    remoteAddress: 127.0.0.1:2055
		    localAddress: 0.0.0.0:50101
		- collector:
		    remoteAddress: localhost:2100
		- log:
		    file: $WORK/flow.log
		    hooks:
		    - name: add
		      shell: |
		        #!/bin/sh
		        jq '[.[] | . + { foo: "bar" }]'
		templates:
		- id: 1001
		  template: [{ name: SourceIPv4Address }]
		- id: 1004
		  template:
		  - name: SourceIPv4Address
		  - name: DestinationIPv4Address
		  - name: ProtocolIdentifier
		  - name: SourceTransportPort
		  - name: DestinationTransportPort
		  - name: IngressInterface
		  - name: OctetDeltaCount
		  - name: PacketDeltaCount
		  - name: FlowStartMilliseconds
		  - name: FlowEndMilliseconds
		flowMetering:
		  interfaces:
		  - { name: wan }
	END
	"$FLOWTALLY" check -c "$WORK/config.yaml"
	start_as_lfe "$WORK/config.yaml"
	udp_flows 20
	desktop ping -6 -q -c 2 -i 0.2 "$LAB_INTERNET6"
	eventually 20 lines_are 21
	router curl -sf http://127.0.0.1:9999/metrics | grep -q '^linux_flow_exporter_total_pkts'
	stop_agent
	stop_collectors
	same 21 "$(jq -c 'select(.foo == "bar")' "$WORK/flow.log" | wc -l)"
	same '1004 1005' "$(ipfix_records 2055 | jq 'select(.octetDeltaCount) | .template' | sort -u | xargs)"
	same 20 "$(ipfix_records 2055 | jq -c 'select(.template == 1004)' | wc -l)"
	same '20 1' "$(nfdump -R "$WORK/nfcapd-2100" -q -N -o 'fmt:%pr' | tr -d ' ' | sort | uniq -c | awk '{ print $1 }' | sort -rn | xargs)"
	same 100 "$(jq -s '.[0].longest | if . <= 100 then 100 else . end' "$WORK/record-2055.json")"
}
