#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Flows that are sampled, beside hosts that are not: the ledger has what was left out, and collectors are told.

load lib
load flows

setup() {
	setup_lab 1
	start_record
	write_config collectors='[{ address: "127.0.0.1:4740" }]'
	configure 200ms 'match: br-lan, meter: [hosts, flows], flows-at: [entering, leaving]'
}

teardown() {
	teardown_lab
}

# ping: 1000 packets each way
ping_much() {
	desktop ping -q -f -c 1000 "$LAB_INTERNET"
	wait_sweeps
	ledger_balances
}

# flow_class CLASS: packets of both hooks
flow_class() {
	ask ledger -o json | jq "[.sheets[].flow_classes[\"$1\"].packets] | add"
}

# domains MIN MAX: the observation domains that have records of these templates
domains() {
	/usr/bin/python3 -c '
import struct, sys
least, most = int(sys.argv[2]), int(sys.argv[3])
messages, found, at = open(sys.argv[1], "rb").read(), set(), 0
while at < len(messages):
    _, length, _, _, domain = struct.unpack_from("!HHIII", messages, at)
    place = at + 16
    while place < at + length:
        template, size = struct.unpack_from("!HH", messages, place)
        if least <= template <= most:
            found.add(domain)
        place += size
    at += length
print(*sorted(found))
' "$WORK/messages-4740" "$1" "$2"
}

@test "one of ten packets is counted to flows, by chance, and all to hosts" {
	local counted

	echo 'flows: { sampling: "1:10" }' >>"$WORK/flowtally.yaml"
	start_agent
	ping_much
	counted=$(flow_class counted)
	same 2000 $((counted + $(flow_class unsampled)))
	((counted > 100 && counted < 400))
	same '{"download":{"octets":84000,"packets":1000},"upload":{"octets":84000,"packets":1000}}' \
		"$(hosts_sums | jq -c '.[]')"
	stop_agent
	stop_collectors
	same "$counted" "$(ipfix_flow_list | awk '{ sum += $6 } END { print sum }')"
	# 1 of 10 is said of the domain of flows, and of that of hosts that nothing is left out.
	same "$(printf '%s\n' '1 1 0' '4 1 9')" "$(ipfix_records | jq -r 'select(.selectorAlgorithm) |
		"\(.selectorAlgorithm) \(.samplingPacketInterval) \(.samplingPacketSpace)"' | sort -u)"
	same 1 "$(domains 288 511)"
	same 2 "$(domains 512 4095)"
	same '1 2' "$(domains 272 272)"
}

@test "of conversations some are counted, with all their packets" {
	local flows

	echo 'flows: { sampling: "1:4", sampling-of: flows }' >>"$WORK/flowtally.yaml"
	start_agent
	internet timeout 60 /usr/bin/python3 -c '
import socket
answerer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
answerer.bind(("", 9))
while True:
    answerer.sendto(*answerer.recvfrom(100))
' &
	COLLECTORS+=($!)
	eventually 5 internet_answers
	udp_flows 200
	wait_sweeps
	ledger_balances
	same 0 $(($(flow_class counted) % 2))
	flows=$(ask flows -o json dst port 9 | jq '.flows | length')
	same "$flows" "$(ask flows -o json src port 9 | jq '.flows | length')"
	((flows > 20 && flows < 100))
}

internet_answers() {
	internet cat /proc/net/udp | grep -qi ':0009 '
}

@test "sampling is changed by a reload, and no count is lost" {
	start_agent
	ping_much
	same 2000 "$(flow_class counted)"
	echo 'flows: { sampling: "1:1000000" }' >>"$WORK/flowtally.yaml"
	kill -HUP "$AGENT"
	eventually 10 grep -q 'configuration' "$WORK/agent.log"
	wait_sweeps
	ping_much
	same 4000 $(($(flow_class counted) + $(flow_class unsampled)))
	(($(flow_class unsampled) > 1990))
}
