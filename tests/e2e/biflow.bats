#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Both directions of a conversation in one record (RFC 5103), beside a collector that has each by itself: both have
# what the ledger says was counted to flows.

load lib

DESKTOP=192.168.2.10

setup() {
	setup_lab 1
	start_record 4740
	start_nfcapd 4739
	write_config collectors='[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4740", biflow: true, layer2-octets: true }]'
	configure 200ms 'match: br-lan, meter: [flows]' 'match: wan, meter: [flows]'
	echo 'flows: { active-timeout: 1s, idle-timeout: 1s, finished-timeout: 200ms }' >>"$WORK/flowtally.yaml"
}

teardown() {
	teardown_lab
}

# Packets and octets that the ledger has counted to flows, on all interfaces.
counted() {
	ask ledger -o json | jq -r '[.sheets[].flow_classes.counted // empty] |
		"\(map(.packets) | add) \(map(.octets) | add)"'
}

last_counted() {
	sed -i 's/^interval: .*/interval: 1h/' "$WORK/flowtally.yaml"
	start_agent
	counted
}

# Packets and octets of both directions, as ipfixDump has them
biflow_sum() {
	ipfix_records | jq -rs 'map(select(.octetDeltaCount)) |
		[(map(.packetDeltaCount, (.reversePacketDeltaCount // "0") | tonumber) | add),
		 (map(.octetDeltaCount, (.reverseOctetDeltaCount // "0") | tonumber) | add)] | map(tostring) | join(" ")'
}

uniflow_sum() {
	nfdump -q -N -6 -R "$WORK/nfcapd-4739" -o 'fmt:%pkt %byt' |
		awk '{ packets += $1; octets += $2 } END { printf "%d %d\n", packets, octets }'
}

# Of the records by ipfixDump: SOURCE DESTINATION PROTOCOL IN OUT DIRECTION, and of both directions packets and octets
biflows() {
	ipfix_records | jq -rs 'map(select(.reverseOctetDeltaCount)) |
		map(.key = ([.sourceIPv4Address // .sourceIPv6Address, .destinationIPv4Address // .destinationIPv6Address,
			.protocolIdentifier, .ingressInterface, .egressInterface, .biflowDirection] | join(" "))) |
		group_by(.key)[] | [.[0].key, (map(.packetDeltaCount | tonumber) | add), (map(.octetDeltaCount | tonumber) | add),
			(map(.reversePacketDeltaCount | tonumber) | add), (map(.reverseOctetDeltaCount | tonumber) | add)] |
		map(tostring) | join(" ")'
}

@test "both directions are one record, and sums are those of the ledger, for both collectors" {
	local lan wan

	lan=$(lab_ip "$LAB" router -j link show br-lan | jq '.[].ifindex')
	wan=$(lab_ip "$LAB" router -j link show wan | jq '.[].ifindex')
	start_agent
	desktop ping -q -c 7 -i 0.01 -s 100 "$LAB_INTERNET"
	desktop ping -q -c 5 -i 0.01 -s 200 "$LAB_INTERNET6"
	desktop ping -q -c 3 -i 0.01 -s 200 "$LAB_ROUTER"
	internet ping -q -c 4 -i 0.01 -s 300 "$DESKTOP"
	tcp_transfer desktop upload 300000 "$LAB_INTERNET"
	tcp_transfer desktop download 3000000 "$LAB_INTERNET"
	wait_sweeps
	stop_agent
	stop_collectors
	same 0 "$(nfdump_sequence_errors)"
	biflows | tee "$WORK/biflows"
	grep -qx "$DESKTOP $LAB_INTERNET 1 $lan $wan 1 7 896 7 896" "$WORK/biflows"
	grep -qx "$DESKTOP $LAB_ROUTER 1 $lan 0 1 3 684 3 684" "$WORK/biflows"
	grep -qx "$LAB_INTERNET $DESKTOP 1 $wan $lan 1 4 1312 4 1312" "$WORK/biflows"
	grep -qx "2001:0db8:0ca2:0002::0010 2001:0db8:ffff::0080 58 $lan $wan 1 5 1240 5 1240" "$WORK/biflows"
	same "$(uniflow_sum)" "$(biflow_sum)"
	same "$(uniflow_sum)" "$(last_counted)"
	ledger_balances
}

@test "who sends the SYN is the initiator, and both ends are told" {
	start_agent
	desktop bash -c "! exec 3<>/dev/tcp/$LAB_INTERNET/9" 2>/dev/null
	wait_sweeps
	stop_agent
	stop_collectors
	same "$DESKTOP 2 20 1 3 3" "$(ipfix_records | jq -r 'select(.reverseOctetDeltaCount and .protocolIdentifier == "6") |
		[.sourceIPv4Address, .tcpControlBits, .reverseTcpControlBits, .biflowDirection, .flowEndReason,
		.reverseFlowEndReason] | join(" ")')"
}

@test "what is not answered is a record of one direction" {
	start_agent
	# What comes back are ICMP's errors, which are flows of their own.
	desktop bash -c "for i in 1 2 3; do echo \$i >/dev/udp/$LAB_INTERNET/900\$i; done"
	wait_sweeps
	stop_agent
	stop_collectors
	same '512 512 512' "$(ipfix_records | jq -r 'select(.protocolIdentifier == "17") | .template - 160' | xargs)"
	fails grep reverse <(ipfix_records)
	same "$(uniflow_sum)" "$(biflow_sum)"
}

@test "tshark has both directions and nothing to complain about" {
	start_agent
	desktop ping -q -c 7 -i 0.01 -s 100 "$LAB_INTERNET"
	wait_sweeps
	stop_agent
	stop_collectors
	tshark -r "$WORK/messages-4740" -V 2>/dev/null >"$WORK/tshark"
	fails grep -iE 'malformed|expert info|error' "$WORK/tshark"
	grep -q 'Biflow Direction: Initiator (1)' "$WORK/tshark"
	same 896 "$(sed -n 's/^ *Octets: \([0-9]*\).*(Reverse.*/\1/p' "$WORK/tshark" | awk '{ sum += $1 } END { print sum }')"
}

@test "kills and restarts tear no pair and lose nothing" {
	start_agent
	for _ in {1..3}; do
		desktop ping -q -c 20 -i 0.01 "$LAB_INTERNET"
		kill_agent
		desktop ping -q -c 20 -i 0.01 "$LAB_INTERNET"
		start_agent
	done
	wait_sweeps
	local repeated packets octets
	repeated=$(ask status -o json | jq '[.collectors[].repeated_records] | add')
	stop_agent
	stop_collectors
	read -r packets octets <<<"$(biflow_sum)"
	if ((repeated)); then
		((packets >= 240 && octets >= 20160))
	else
		same '240 20160' "$packets $octets"
	fi
	same '240 20160' "$(last_counted)"
}

# It keeps the counters of both directions, and of the rest what is of the initiator's.
@test "nfdump has both directions, and takes nothing of one for the other" {
	local lan wan

	lan=$(lab_ip "$LAB" router -j link show br-lan | jq '.[].ifindex')
	wan=$(lab_ip "$LAB" router -j link show wan | jq '.[].ifindex')
	stop_collectors
	start_nfcapd 4740
	start_agent
	desktop ping -q -c 7 -i 0.01 -s 100 "$LAB_INTERNET"
	desktop bash -c "! exec 3<>/dev/tcp/$LAB_INTERNET/9" 2>/dev/null
	wait_sweeps
	stop_agent
	stop_collectors
	same 0 "$(nfdump_sequence_errors 4740)"
	same "$(
		cat <<-END
			1 $DESKTOP $LAB_INTERNET 8.0 ........ $lan $wan $LAB_WAN_MAC $LAB_INTERNET_MAC 7 896 7 896
			6 $DESKTOP $LAB_INTERNET 9 ......S. $lan $wan $LAB_WAN_MAC $LAB_INTERNET_MAC 1 60 1 40
		END
	)" "$(nfdump -R "$WORK/nfcapd-4740" -6 -N -q -o 'fmt:%pr %sa %da %dp %flg %in %out %ismc %idmc %ipkt %ibyt %opkt %obyt' |
		sed -E 's/ +/ /g; s/^ | $//g' | sort)"
}
