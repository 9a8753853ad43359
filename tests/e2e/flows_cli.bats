#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `flowtally flows` and `flowtally flush`: what they say against what was sent.

load lib

bats_require_minimum_version 1.5.0

# Uploads are flows of wan, downloads of br-lan: each packet is counted once, where it leaves.
BOTH=('match: br-lan, side: lan, meter: [flows]' 'match: wan, side: wan, meter: [flows]')

setup() {
	setup_lab 2
	write_config collectors='[{ address: "127.0.0.1:4740", records: [flows] }]' textfile=
	configure 200ms "${BOTH[@]}"
	set_flows 'active-timeout: 1h, idle-timeout: 1h, finished-timeout: 1h'
}

teardown() {
	teardown_lab
}

set_flows() {
	sed -i '/^flows:/d' "$WORK/flowtally.yaml"
	echo "flows: { $1 }" >>"$WORK/flowtally.yaml"
}

# pings NODE COUNT ADDRESS [OPTION]...
pings() {
	lab_in "$LAB" "$1" ping -q -i 0.01 -c "$2" "${@:4}" "$3" >/dev/null
}

# flows JQ [ARGUMENT]...: by jq from the document
flows() {
	local filter=$1

	shift
	ask flows -o json "$@" | jq -c "$filter"
}

count() {
	ask flows -o csv "$@" | sed 1d | wc -l
}

# ask_raw: the request is standard input
ask_raw() {
	socat -t 10 - "UNIX-CONNECT:$WORK/run/flowtally.sock"
}

is_refused() {
	run --separate-stderr "${@:3}"
	same "$1" "$status"
	same '' "$output"
	# shellcheck disable=SC2154  # bats sets it
	same "flowtally: $2" "$stderr"
}

@test "flows have everything that was sent, and nothing else" {
	start_agent
	pings desktop 3 "$LAB_INTERNET" -s 100
	pings desktop 4 "$LAB_INTERNET6" -s 200
	pings phone 2 "$LAB_INTERNET" -Q 0xb8
	wait_sweeps
	same "$(printf '["%s",["%s","%s",1,"icmp",8,0,"br-lan","wan","egress",0,0,3,384,426,63,63,128,128,"%s","%s"]]' \
		ipv4 "$(lab_device_address 1)" "$LAB_INTERNET" "$LAB_WAN_MAC" "$LAB_INTERNET_MAC")" \
		"$(flows '.flows[] | [.family, [.source, .destination, .protocol, .protocol_name, .icmp_type, .icmp_code,
			.ingress_interface, .egress_interface, .direction, .mark, .traffic_class, .packets, .octets,
			.layer2_octets, .min_ttl, .max_ttl, .min_octets, .max_octets, .source_mac, .destination_mac]]' \
			src "$(lab_device_address 1)")"
	same "$(printf '["%s","%s",58,"icmp6",129,0,"wan","br-lan",4,992,1048]' "$LAB_INTERNET6" "$(lab_device_address6 1)")" \
		"$(flows '.flows[] | [.source, .destination, .protocol, .protocol_name, .icmp_type, .icmp_code,
			.ingress_interface, .egress_interface, .packets, .octets, .layer2_octets]' \
			dst "$(lab_device_address6 1)")"
	same '[184,2]' "$(flows '.flows[] | [.traffic_class, .packets]' tos 184 and out wan)"
	# Three conversations, both ways.
	same 6 "$(flows '.flows | length')"
	# Of all: the times, the numbers of the interfaces, and what such flows have not.
	# shellcheck disable=SC2016  # the dollars are jq's
	same true "$(flows '.schema == 1 and (.time as $time | all(.flows[];
		.start <= .end and .end <= $time and .start_ms <= .end_ms and
		(.start | sub("\\.[0-9]+Z"; "Z") | fromdate) == (.start_ms / 1000 | floor) and
		(.end | sub("\\.[0-9]+Z"; "Z") | fromdate) == (.end_ms / 1000 | floor) and
		(has("vlan") or has("customer_vlan") or has("source_port") or has("tcp_flags") | not)))')"
	same "$(router ip -j link show wan | jq '.[0].ifindex')" "$(flows '.flows[0].egress_index' out wan)"
}

@test "a connection has its ports and flags" {
	start_agent
	tcp_transfer desktop upload 100K "$LAB_INTERNET" 5201
	wait_sweeps
	# Who sends may be reset before it has sent its FIN; the connection for control is ended by both.
	same 2 "$(count tcp and dst port 5201 and src host "$(lab_device_address 1)" and flags SA)"
	(($(count tcp and dst port 5201 and src host "$(lab_device_address 1)" and flags SFA) >= 1))
	flows '.flows[] | [.protocol_name, .destination_port, (.tcp_flags / 2 | floor % 2), (.octets > 100000)]' \
		-n 1 out wan | grep -Fx '["tcp",5201,1,true]'
	same true "$(flows '[.flows[] | select(.tcp_flags % 4 == 3) | .tcp_flag_letters[0:2]] | unique == ["FS"]' out wan)"
	# What both ends have agreed on.
	same "$(flows '[.flows[].source_port] | sort' out wan)" "$(flows '[.flows[].destination_port] | sort' in wan)"
	ask flows tcp and out wan | grep -E "^tcp +192.168.2.10:[0-9]+ +203.0.113.80:5201 +br-lan +wan +[0-9]+ .*FS"
}

@test "filters choose, in the agent, by any name of an interface" {
	configure 200ms 'match: br-lan, alias: home, side: lan, meter: [flows]' 'match: wan, side: wan, meter: [flows]'
	start_agent
	pings desktop 1 "$LAB_INTERNET"
	pings phone 1 "$LAB_INTERNET6"
	wait_sweeps
	same 4 "$(count)"
	same 2 "$(count ip)"
	same 2 "$(count icmp6)"
	same 1 "$(count host "$(lab_device_address 1)" and out wan)"
	same 2 "$(count in wan)"
	same 2 "$(count out home)"
	same 2 "$(count out br-lan)"
	same 2 "$(count out "$(router ip -j link show br-lan | jq ".[0].ifindex")")"
	same 1 "$(count 'not (ip6 or' in wan ')')"
	same 0 "$(count tcp)"
	same 4 "$(ask dump -o csv | sed 1d | wc -l)"
	ask dump | grep home
	same "$(ask flows)" "$(ask dump -o normal)"
}

@test "interfaces that are not metered have their names, too" {
	configure 200ms 'match: br-lan, side: lan, meter: [flows]'
	start_agent
	pings desktop 1 "$LAB_INTERNET"
	wait_sweeps
	same '["wan","br-lan"]' "$(flows '.flows[] | [.ingress_interface, .egress_interface]' in wan)"
}

@test "order and limit, and only so many are shown" {
	start_agent
	# Times are those of ticks, some milliseconds apart.
	pings desktop 1 "$LAB_INTERNET" -s 1000
	sleep 0.02
	pings phone 3 "$LAB_INTERNET" -s 100
	sleep 0.02
	pings phone 2 "$LAB_INTERNET6" -s 500
	wait_sweeps
	same '[1096,1028,384]' "$(flows '[.flows[].octets]' out wan)"
	same '[3,2,1]' "$(flows '[.flows[].packets]' -s packets out wan)"
	same '[3,2]' "$(flows '[.flows[].packets]' -s packets -n 2 out wan)"
	same '[2,3,1]' "$(flows '[.flows[].packets]' --sort=start out wan)"
	same '[2,3,1]' "$(flows '[.flows[].packets]' --sort=end out wan)"
	same 1 "$(flows '[.flows[].packets][-1]' --sort=duration out wan)"
	same '[]' "$(flows .flows -n 0)"
}

@test "CSV and wide tables have every member" {
	local csv wide members

	start_agent
	pings desktop 1 "$LAB_INTERNET6"
	tcp_transfer desktop upload 10K "$LAB_INTERNET"
	wait_sweeps
	members=$(flows '[.flows[] | keys[]] | unique | .[]' | tr -d '"')
	csv=$(ask flows -o csv | head -n 1)
	wide=$(ask flows -o wide | head -n 1)
	# Of those that have left alone.
	members+=' end_reason'
	for member in $members; do
		[[ ,$csv, == *",$member,"* ]]
		[[ " $wide " == *" $member "* ]]
	done
	# By its columns, CSV is what JSON is.
	same "$(flows '.flows[] | [.source, .octets, .end]')" "$(ask flows -o csv | awk -F , '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ printf "[\"%s\",%s,\"%s\"]\n", $at["source"], $at["octets"], $at["end"] }')"
	# JSON is a flow a line.
	same "$(flows '.flows | length')" "$(ask flows -o json | grep -c '^{"family"')"
}

@test "a narrow terminal gets the columns that matter" {
	start_agent
	pings desktop 1 "$LAB_INTERNET"
	wait_sweeps
	script -qec "stty cols 60; '$FLOWTALLY' flows -c '$WORK/flowtally.yaml' out wan" /dev/null </dev/null |
		tr -d '\r' >"$WORK/narrow"
	cat "$WORK/narrow"
	same 'PROTO SOURCE DESTINATION OCTETS' "$(head -n 1 "$WORK/narrow" | xargs)"
	same 'icmp 8/0 192.168.2.10 203.0.113.80 84 B' "$(sed -n 2p "$WORK/narrow" | xargs)"
}

@test "what is wrong with a filter is said in one line, with its column" {
	local long subcommand

	start_agent
	for subcommand in flows dump flush; do
		is_refused 2 "$subcommand: filter: at 14: \"http3\" is no value of port: expected an integer from 0 to 65535, or a name such as https" \
			ask "$subcommand" tcp and port http3
		is_refused 2 "$subcommand: filter: at 4: \"nowhere\" is no interface" ask "$subcommand" in nowhere
		is_refused 2 "$subcommand: filter: at 1: the parenthesis is not closed" ask "$subcommand" '(tcp'
		is_refused 2 "$subcommand: filter: the filter is empty" ask "$subcommand" ''
		# Nothing that a terminal obeys comes back.
		is_refused 2 "$subcommand: filter: at 4: \"\\x1bc\" is no interface" ask "$subcommand" in $'\ec'
	done
	long=$(head -c 100000 /dev/zero | tr '\0' x)
	is_refused 2 'flows: filter: the filter is longer than 4096 octets' \
		ask flows "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long" "$long"
	is_refused 2 'flows: --sort: "size" is none of octets, packets, end, start, duration' ask flows -s size
	is_refused 2 'flows: --output: "xml" is none of table, wide, json, csv, flowlog' ask flows -o xml
	is_refused 2 'flows: --limit: -1 is negative' ask flows --limit=-1
	is_refused 2 'flows: --units: "x" is none of si, iec, bytes' ask flows -u x
	is_refused 2 'flush: expected --all or a filter' ask flush
	is_refused 2 'flush: either --all or a filter, not both' ask flush --all tcp
	ask status >/dev/null
}

@test "without an agent the filter is looked at, and then it is said" {
	run ask flows port
	same 2 "$status"
	run ask flows tcp
	same 1 "$status"
	[[ $output == 'flowtally: flows: no agent is running'* ]]
	run ask flush --all
	same 1 "$status"
	[[ $output == 'flowtally: flush: no agent is running'* ]]
}

@test "hostile requests get an error, and the agent goes on" {
	local reply

	start_agent
	pings desktop 1 "$LAB_INTERNET"
	wait_sweeps
	same '{"error":"there is no such order: \\x1b[2J","invalid":true}' "$(printf 'flows sort=\e[2J tcp\n' | ask_raw)"
	same '{"error":"filter: the filter is empty","invalid":true}' "$(echo flush | ask_raw)"
	reply=$({
		printf 'flows '
		head -c 1000000 /dev/zero | tr '\0' '('
		echo
	} | ask_raw 2>/dev/null) || :
	[[ -z $reply || $reply == *'the request is too long'* ]]
	reply=$({
		printf 'flows '
		head -c 4000 /dev/zero | tr '\0' '('
		echo
	} | ask_raw)
	[[ $reply == '{"error":"filter: at 33: '*'"invalid":true}' ]]
	same 2 "$(count)"
}

# The template of records, with why they ended and how many packets they have, by ipfixDump.
flushed_records() {
	ipfix_records | jq -c 'select(.flowEndReason) | [.flowEndReason, .packetDeltaCount, .octetDeltaCount]' | sort
}

has_record() {
	[[ -s $WORK/messages-4740 ]] && flushed_records | grep -Fx "$1"
}

# A sweep at the interval does not come while the test lasts.
reload_with_rare_sweeps() {
	configure 1h "${BOTH[@]}"
	kill -HUP "$AGENT"
	eventually 5 grep -q 'has been read again' "$WORK/agent.log"
}

@test "flush tells how many, and their records leave at once as forced" {
	start_record
	start_agent
	pings desktop 3 "$LAB_INTERNET"
	pings phone 2 "$LAB_INTERNET"
	wait_sweeps
	reload_with_rare_sweeps
	same 4 "$(count)"
	same '0 flows flushed' "$(ask flush tcp)"
	# One by its full key.
	same '1 flow flushed' "$(ask flush src "$(lab_device_address 1)" and dst "$LAB_INTERNET" and proto icmp and \
		icmp-type 8 and icmp-code 0 and in br-lan and out wan and mark 0 and tos 0)"
	eventually 5 has_record '["4","3","252"]'
	same '["4","3","252"]' "$(flushed_records)"
	same 3 "$(count)"
	same '3 flows flushed' "$(ask flush --all)"
	eventually 5 has_record '["4","2","168"]'
	same "$(printf '%s\n' '["4","2","168"]' '["4","2","168"]' '["4","3","252"]' '["4","3","252"]')" "$(flushed_records)"
	same 0 "$(count)"
	same '0 flows flushed' "$(ask flush -A)"
}

@test "flushed packets are never counted twice, nor lost" {
	start_record
	start_agent
	for _ in {1..5}; do
		pings desktop 7 "$LAB_INTERNET"
		ask flush --all >/dev/null
	done
	stop_agent
	stop_collectors
	same '["70","5880"]' "$(ipfix_records | jq -s -c 'map(select(.octetDeltaCount)) |
		[map(.packetDeltaCount | tonumber), map(.octetDeltaCount | tonumber)] | map(add | tostring)')"
}

@test "thousands of flows are shown, each once" {
	local number=$((20000 / SLOW))

	configure 200ms 'match: br-lan, side: lan, meter: [flows], flows-at: [entering]'
	start_agent
	desktop "$TOOLS/flood" --frames "$number" --addresses "$number" eth0 >/dev/null
	has_all() {
		same "$number" "$(flows '.flows | length' udp)"
	}
	eventually 10 has_all
	same "$number" "$(flows '[.flows[].source] | unique | length' udp)"
	same "$number" "$(count udp)"
	same 10 "$(flows '.flows | length' -n 10 udp)"
	same $((number + 1)) "$(ask flows udp | wc -l)"
	same "$number flows flushed" "$(ask flush udp)"
}
