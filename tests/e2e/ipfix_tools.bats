#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `flowtally ipfix dump` shows what others find in the same octets, whatever these are, and what `flowtally ipfix write`
# sends is what others receive.
# shellcheck disable=SC2030,SC2031,SC2154  # each test is a process of its own; run sets stderr

load lib
load flows

bats_require_minimum_version 1.5.0

setup() {
	setup_lab 1
	unset READER
}

teardown() {
	if [[ -n ${READER:-} ]]; then
		kill -KILL "$READER" 2>/dev/null || :
	fi
	teardown_lab
}

dump() {
	router "$FLOWTALLY" ipfix dump "$@"
}

write() {
	router "$FLOWTALLY" ipfix write "$@"
}

# In $WORK/messages-4740, of hosts and flows, with enterprise elements and options.
record_agent() {
	start_record
	write_config collectors='[{ address: "127.0.0.1:4740", enterprise: full }]'
	configure 200ms 'match: br-lan, side: lan, meter: [hosts, flows]'
	start_agent
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET" >/dev/null
	desktop ping -6 -q -c 5 -i 0.01 "$LAB_INTERNET6" >/dev/null
	wait_sweeps
	stop_agent
	stop_collectors
}

# A file with records of all kinds of values.
write_example() {
	cat >"$WORK/example.yaml" <<-'END'
		observation-domain: 7
		export-time: 2026-01-02T03:04:05Z
		templates:
		  - id: 256
		    elements: [flowStartMilliseconds, sourceIPv4Address, destinationIPv4Address, sourceTransportPort,
		               destinationTransportPort, protocolIdentifier, sourceMacAddress, octetDeltaCount: 4, packetDeltaCount]
		  - { id: 257, scope: 1, elements: [ingressInterface, interfaceName] }
		  - { id: 258, elements: [sourceIPv6Address, destinationIPv6Address, octetDeltaCount, packetDeltaCount, "9:12240"] }
		sets:
		  - template: 257
		    records: [{ ingressInterface: 3, interfaceName: eth0 }]
		  - template: 256
		    records:
		      - { flowStartMilliseconds: "2026-01-02T03:04:00.125Z", sourceIPv4Address: 192.0.2.1,
		          destinationIPv4Address: 198.51.100.1, sourceTransportPort: 40000, destinationTransportPort: 443,
		          protocolIdentifier: 6, sourceMacAddress: "02:00:00:00:00:01", octetDeltaCount: 1500, packetDeltaCount: 3 }
		      - { flowStartMilliseconds: 1767323041000, sourceIPv4Address: 0xc0000202,
		          destinationIPv4Address: 198.51.100.1, sourceTransportPort: 40001, destinationTransportPort: 53,
		          protocolIdentifier: 17, sourceMacAddress: "02:00:00:00:00:02", octetDeltaCount: 4000000000, packetDeltaCount: 1 }
		  - template: 258
		    records:
		      - { sourceIPv6Address: "2001:db8::1", destinationIPv6Address: "2001:db8::2", octetDeltaCount: 80,
		          packetDeltaCount: 1, "9:12240": 0x1b5b324a }
	END
}

FLOWS='["192.0.2.1","198.51.100.1",40000,443,6,1500,3]
["192.0.2.2","198.51.100.1",40001,53,17,4000000000,1]'

# The same of JSON that dump has written.
example_flows() {
	jq -c 'select(.ipfix.template == 256) | [.sourceIPv4Address, .destinationIPv4Address, .sourceTransportPort,
		.destinationTransportPort, .protocolIdentifier, .octetDeltaCount, .packetDeltaCount]' "$@"
}

# listening FILE: a dump in the background whose errors go there
listening() {
	grep -q '^listening on' "$1"
}

# collect TRANSPORT ADDRESS [OPTION]...: a dump in the background, to $WORK/collected and $WORK/summary
collect() {
	: >"$WORK/summary"
	lab_exec "$LAB" router "$FLOWTALLY" ipfix dump "--$1" "$2" -o json "${@:3}" >"$WORK/collected" 2>"$WORK/summary" </dev/null 3>&- &
	READER=$!
	eventually 5 listening "$WORK/summary"
}

# collected N: so many records
collected() {
	same "$1" "$(wc -l <"$WORK/collected")"
}

# are_octets N FILE
are_octets() {
	same "$1" "$(stat -c %s "$2")"
}

# It ends with a summary, and says so.
stop_reader() {
	kill -INT "$READER"
	wait "$READER"
	unset READER
}

@test "ipfixDump finds the same records with the same numbers in what the agent sends" {
	record_agent
	dump -o json "$WORK/messages-4740" >"$WORK/ours" 2>"$WORK/summary"
	# Both have all elements by name, as types are announced.
	fails grep -q '"32473:' "$WORK/ours"
	ipfix_records >"$WORK/theirs"
	same "$(wc -l <"$WORK/theirs")" "$(wc -l <"$WORK/ours")"
	(($(wc -l <"$WORK/ours") > 8))
	jq -n -e --slurpfile ours "$WORK/ours" --slurpfile theirs "$WORK/theirs" '
		# It does not name what is of a scope.
		def numbers: (.ipfix.scope // []) as $scope | del(.ipfix) |
			with_entries(select(.key as $key | .value | type == "number" and ($scope | index($key) | not)) | .value |= tostring);
		[range($ours | length)] | all(. as $i |
			($ours[$i] | numbers) as $numbers |
			$ours[$i].ipfix.template == $theirs[$i].template and
			(($numbers | length) > 0 or $ours[$i].ipfix.scope) and
			$numbers == ($theirs[$i] | with_entries(.key as $key | select($numbers | has($key)))))'
	jq -r 'select(.octetDeltaCount) | .sourceMacAddress // empty' "$WORK/theirs" >"$WORK/macs"
	same "$(cat "$WORK/macs")" "$(jq -r 'select(.octetDeltaCount) | .sourceMacAddress // empty' "$WORK/ours")"
	fails grep -E 'gaps|without a template|anew' "$WORK/summary"
}

@test "tshark finds the same octets" {
	record_agent
	dump -o json "$WORK/messages-4740" 2>/dev/null | jq -r '.octetDeltaCount // empty' >"$WORK/ours"
	tshark -r "$WORK/messages-4740" -T fields -E occurrence=a -E aggregator=' ' -e cflow.octets 2>/dev/null |
		tr -s ' ' '\n' | sed '/^$/d' >"$WORK/theirs"
	(($(wc -l <"$WORK/ours") > 3))
	same "$(cat "$WORK/theirs")" "$(cat "$WORK/ours")"
}

captured() {
	same "$1" "$(tshark -r "$WORK/capture" -Y udp 2>/dev/null | wc -l)"
}

@test "the payloads of a capture are messages" {
	write_example
	spawn router "$WORK/tcpdump.log" tcpdump -i lo -U --immediate-mode -w "$WORK/capture" udp port 4742
	READER=$!
	eventually 10 grep -q 'listening on lo' "$WORK/tcpdump.log"
	start_record 4742
	write "$WORK/example.yaml" -C 127.0.0.1:4742
	eventually 10 captured 4
	kill -TERM "$READER"
	wait "$READER" || :
	unset READER
	stop_collectors
	tshark -r "$WORK/capture" -Y udp -T fields -e udp.payload 2>/dev/null | xxd -r -p | dump -o json >"$WORK/ours" 2>"$WORK/summary"
	same "$FLOWS" "$(example_flows "$WORK/ours")"
	grep -q '4 messages of .* 3 templates, 3 records, 1 options records' "$WORK/summary"
	# The capture itself is none.
	run -1 --separate-stderr dump "$WORK/capture"
	[[ $stderr == *"message 1 at octet 0: this is a capture of packets (pcap), not IPFIX"* ]]
}

@test "what write sends by UDP, nfcapd and a dump that listens have" {
	start_nfcapd 4739
	collect udp 127.0.0.1:4740
	write_example
	write "$WORK/example.yaml" -C 127.0.0.1:4739 -C 127.0.0.1:4740
	eventually 5 collected 4
	stop_reader
	same "$FLOWS" "$(example_flows "$WORK/collected")"
	grep -q ': 4 messages of .* 3 templates, 3 records, 1 options records' "$WORK/summary"
	same '"127.0.0.1"' "$(jq -s -c 'map(.ipfix.exporter | split(":")[0]) | unique[]' "$WORK/collected")"
	stop_collectors
	same '192.0.2.1 40000 198.51.100.1 443 6 3 1500
192.0.2.2 40001 198.51.100.1 53 17 1 4000000000' "$(nfdump -q -N -R "$WORK/nfcapd-4739" -o 'fmt:%sa %sp %da %dp %pr %pkt %byt' 'inet and host 198.51.100.1' |
		awk '{ $1 = $1; print }' | sort)"
	same '2001:db8::1 2001:db8::2 1 80' "$(nfdump -6 -q -N -R "$WORK/nfcapd-4739" -o 'fmt:%sa %da %pkt %byt' inet6 | awk '{ $1 = $1; print }')"
	# nfcapd does not count records of options.
	(($(nfdump_sequence_errors) <= 1))
}

nfacctd_has() {
	same "$1" "$(sed 1d "$WORK/nfacctd.csv" | sort)"
}

@test "what write sends, nfacctd has, too" {
	cat >"$WORK/nfacctd.conf" <<-END
		daemonize: false
		nfacctd_ip: 127.0.0.1
		nfacctd_port: 4741
		plugins: print
		aggregate: src_host, src_port, dst_host, dst_port, proto
		print_output: csv
		print_output_file: $WORK/nfacctd.csv
		print_refresh_time: 1
		print_output_file_append: true
	END
	spawn router "$WORK/nfacctd.log" nfacctd -f "$WORK/nfacctd.conf"
	READER=$!
	# It has two processes, and neither waits for the other.
	eventually 10 grep -q 'cache entries' "$WORK/nfacctd.log"
	eventually 10 grep -q 'waiting for' "$WORK/nfacctd.log"
	eventually 10 listens 4741
	write_example
	write "$WORK/example.yaml" --collector 127.0.0.1:4741
	eventually 20 nfacctd_has '192.0.2.1,198.51.100.1,40000,443,tcp,3,1500
192.0.2.2,198.51.100.1,40001,53,udp,1,4000000000
2001:db8::1,2001:db8::2,0,0,0,1,80'
}

@test "by TCP and IPv6, and a file between" {
	collect tcp '[::1]:4740'
	write_example
	write "$WORK/example.yaml" --tcp -C '[::1]:4740' -o "$WORK/example.ipfix"
	eventually 5 collected 4
	stop_reader
	same "$FLOWS" "$(example_flows "$WORK/collected")"
	same "$(jq -c 'del(.ipfix.exporter)' "$WORK/collected")" "$(dump -o json "$WORK/example.ipfix" 2>/dev/null | jq -c .)"
	same "$(dump "$WORK/example.ipfix" 2>/dev/null)" "$(write "$WORK/example.yaml" -o - | router "$FLOWTALLY" ipfix dump 2>/dev/null)"
	ipfixDump -i "$WORK/example.ipfix" -s | grep -E '4 Data Records|3 Template Records'
	# A connection that was refused.
	run -1 --separate-stderr write "$WORK/example.yaml" --tcp -C '[::1]:4799'
	same 'flowtally: ipfix write: [::1]:4799: Connection refused' "$stderr"
}

@test "the dummy flows of linux-flow-exporter are sent as it sends them" {
	cd "$WORK"
	cat >config.yaml <<-'END'
		maxIpfixMessageLen: 100
		collectors:
		- remoteAddress: 127.0.0.1:4740
		  localAddress: 0.0.0.0:50101
		templates:
		- id: 1001
		  template:
		  - name: SourceIPv4Address
		  - name: DestinationIPv4Address
		  - name: ProtocolIdentifier
		  - name: PacketDeltaCount
	END
	{
		printf 'flowsets:\n- templateId: 1001\n  flows:\n'
		for _ in 1 2 3 4 5 6; do
			printf '  - SourceIPv4Address: 0x0a010001\n    DestinationIPv4Address: 0x0a010002\n'
			printf '    ProtocolIdentifier: 6\n    SourceTransportPort: 9999\n    PacketDeltaCount: 100\n'
		done
	} >flow.yaml
	start_record
	router "$FLOWTALLY" ipfix file
	router "$FLOWTALLY" ipfix file -c config.yaml -f flow.yaml
	eventually 5 are_octets 364 messages-4740
	stop_collectors
	# All but the times of export. One flow is 17 octets, so four fit into a message.
	local template=0002001803e9000400080004000c00040004000100020008 flow=0a0100010a010002060000000000000064
	{
		echo "000a0028 0000000000000000$template"
		echo "000a0058 000000000000000003e90048$flow$flow$flow$flow"
		echo "000a0036 000000040000000003e90026$flow$flow"
	} >expected
	for message in 0:40 40:88 128:54; do
		xxd -p -c 0 -s "${message%:*}" -l "${message#*:}" messages-4740 | sed -E 's/^(.{8}).{8}/\1 /'
	done | cmp expected -
	same 12 "$(dump -o json messages-4740 2>/dev/null | wc -l)"
}

@test "ipfix dump -c sends the flows that go on, as linux-flow-exporter does" {
	write_config collectors='[]' textfile=
	configure 200ms 'match: wan, side: wan, meter: [flows]'
	echo 'flows: { active-timeout: 1h, idle-timeout: 1h }' >>"$WORK/flowtally.yaml"
	start_agent
	udp_flows 20
	desktop ping -6 -q -c 1 "$LAB_INTERNET6" >/dev/null
	wait_sweeps
	cat >"$WORK/config.yaml" <<-'END'
		maxIpfixMessageLen: 100
		timerFinishedDrainSeconds: 5
		outputs:
		- collector: { remoteAddress: "127.0.0.1:4740" }
		templates:
		- id: 1001
		  template: [{ name: SourceIPv4Address }]
		- id: 1004
		  template: [{ name: SourceIPv4Address }, { name: DestinationIPv4Address }, { name: ProtocolIdentifier },
		             { name: SourceTransportPort }, { name: DestinationTransportPort }, { name: OctetDeltaCount },
		             { name: PacketDeltaCount }, { name: FlowStartMilliseconds }, { name: FlowEndMilliseconds },
		             { name: IpVersion }, { name: FlowStartNanoseconds }, { name: TcpControlBits }]
	END
	collect udp 127.0.0.1:4740
	run -0 --separate-stderr router "$FLOWTALLY" ipfix dump -c "$WORK/config.yaml" -r "$WORK/run"
	[[ $stderr == *' flows were left out: template 1004 has no addresses of their family' ]]
	eventually 5 flows_collected 20
	stop_reader
	same "$(ask flows -o json udp | jq -c '.flows[] | [.source, .destination, .source_port, .destination_port, .octets, .packets, .start]' | sort)" \
		"$(jq -c 'select(.protocolIdentifier == 17) | [.sourceIPv4Address, .destinationIPv4Address, .sourceTransportPort,
			.destinationTransportPort, .octetDeltaCount, .packetDeltaCount, .flowStartMilliseconds]' "$WORK/collected" | sort)"
	same '[true]' "$(jq -s -c 'map(.flowStartNanoseconds == (.flowStartMilliseconds | sub("Z"; "000000Z"))) | unique' "$WORK/collected")"
	# Without an agent, and without a template.
	run -1 --separate-stderr router "$FLOWTALLY" ipfix dump -c "$WORK/config.yaml" -r "$WORK/none"
	[[ $stderr == 'flowtally: ipfix dump: '*"$WORK/none"* ]]
	run -1 --separate-stderr router "$FLOWTALLY" ipfix dump -c <(echo 'maxIpfixMessageLen: 100') -r "$WORK/run"
	[[ $stderr == *': it has no template' ]]
}

flows_collected() {
	same "$1" "$(grep -c '"protocolIdentifier":17' "$WORK/collected")"
}

@test "a file that is cut off anywhere says where, and what was before is printed" {
	write_example
	write "$WORK/example.yaml" -o "$WORK/whole"
	dump -o json "$WORK/whole" >"$WORK/expected" 2>/dev/null
	dump "$WORK/whole" 2>/dev/null | sed -n 's/^message [0-9]* at octet \([0-9]*\):.*/\1/p' >"$WORK/beginnings"
	local size len
	size=$(stat -c %s "$WORK/whole")
	for ((len = 1; len < size; len++)); do
		local status=0
		head -c "$len" "$WORK/whole" >"$WORK/part"
		"$FLOWTALLY" ipfix dump -o json "$WORK/part" >"$WORK/printed" 2>"$WORK/errors" || status=$?
		if grep -qx "$len" "$WORK/beginnings"; then
			same 0 "$status"
		else
			same 1 "$status"
			grep -qE "^flowtally: ipfix dump: $WORK/part: message [0-9]+ at octet [0-9]+: it ends after" "$WORK/errors"
			same 1 "$(grep -c ^flowtally: "$WORK/errors")"
		fi
		head -n "$(wc -l <"$WORK/printed")" "$WORK/expected" | cmp - "$WORK/printed"
	done
}

@test "whatever octets are changed, it ends by itself and harms no terminal" {
	write_example
	write "$WORK/example.yaml" -o "$WORK/whole"
	/usr/bin/python3 - "$WORK/whole" "$FLOWTALLY" <<-'END'
		import random, subprocess, sys
		whole = open(sys.argv[1], "rb").read()
		random.seed(1)
		broken = 0
		for i in range(300):
		    octets = bytearray(whole)
		    for _ in range(random.randint(1, 8)):
		        octets[random.randrange(len(octets))] = random.choice([0, 1, 2, 3, 10, 27, 127, 128, 255, random.randrange(256)])
		    form = ("text", "table", "json")[i % 3]
		    run = subprocess.run([sys.argv[2], "ipfix", "dump", "-o", form], input=bytes(octets), capture_output=True, timeout=20)
		    assert run.returncode in (0, 1), (run.returncode, bytes(octets).hex(), run.stderr)
		    assert (run.returncode == 1) == (b"flowtally: ipfix dump: " in run.stderr), run.stderr
		    broken += run.returncode
		    for octet in run.stdout + run.stderr:
		        assert octet == 10 or octet >= 32 and octet != 127, (octet, run.stdout)
		assert 20 < broken < 300, broken
	END
}

@test "a collector goes on after what is broken, and counts gaps and missing templates" {
	collect udp 127.0.0.1:4740
	write_example
	write "$WORK/example.yaml" -o "$WORK/example.ipfix"
	# From one socket: templates, data, nonsense, then data of which two records went before, then of no template.
	lab_in "$LAB" router /usr/bin/python3 - "$WORK/example.ipfix" <<-'END'
		import socket, struct, sys
		octets = open(sys.argv[1], "rb").read()
		messages = []
		while octets:
		    length = struct.unpack(">H", octets[2:4])[0]
		    messages.append(octets[:length])
		    octets = octets[length:]
		sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		sender.connect(("127.0.0.1", 4740))
		late = bytearray(messages[3])
		late[8:12] = struct.pack(">I", 5)
		unknown = struct.pack(">HHIIIHH4s", 10, 24, 0, 6, 7, 300, 8, b"abcd")
		for message in messages[:3] + [b"nonsense", late, unknown]:
		    sender.send(message)
	END
	eventually 5 collected 4
	kill -INT "$READER"
	local status=0
	wait "$READER" || status=$?
	unset READER
	same 1 "$status"
	grep -qE '^flowtally: ipfix dump: 127.0.0.1:[0-9]+: message 4 at octet [0-9]+: a datagram of 8 octets is no message' "$WORK/summary"
	grep -q 'domain 7: 1 gaps in the sequence, 2 records are missing' "$WORK/summary"
	grep -q 'domain 7: 1 sets without a template: 300' "$WORK/summary"
}

@test "-n ends it, also while it listens" {
	write_example
	write "$WORK/example.yaml" -o "$WORK/example.ipfix"
	same 2 "$(dump -n 2 -o json "$WORK/example.ipfix" 2>/dev/null | wc -l)"
	collect udp 127.0.0.1:4740 -n 3
	# What comes after those three may find nobody any more.
	write "$WORK/example.yaml" -C 127.0.0.1:4740 || :
	wait "$READER"
	unset READER
	collected 3
}

@test "what is no IPFIX is called by its name" {
	local line
	printf '\0\011\0\001' >"$WORK/netflow"
	run -1 --separate-stderr dump "$WORK/netflow"
	line=${stderr_lines[0]}
	same "flowtally: ipfix dump: $WORK/netflow: message 1 at octet 0: this is NetFlow version 9, not IPFIX" "$line"
	run -1 --separate-stderr dump "$WORK/none"
	same "flowtally: ipfix dump: $WORK/none: No such file or directory" "$stderr"
	run -2 --separate-stderr dump -o xml "$WORK/netflow"
	same 'flowtally: ipfix dump: -o xml: there is text, table and json' "$stderr"
	run -2 --separate-stderr dump --udp localhost:1
	run -2 --separate-stderr dump --udp 127.0.0.1:1 --tcp 127.0.0.1:1
	run -2 --separate-stderr dump -n 0
	run -2 --separate-stderr router "$FLOWTALLY" ipfix print
}

@test "errors of records name file, line and key" {
	write_example
	sed -i 's/packetDeltaCount: 3/packetDeltaCount: many/' "$WORK/example.yaml"
	run -1 --separate-stderr write "$WORK/example.yaml" -o "$WORK/out"
	same "flowtally: ipfix write: $WORK/example.yaml:16: packetDeltaCount: many is not an unsigned integer that fits into 8 octets" "$stderr"
	[[ ! -e $WORK/out ]]
	write_example
	run -1 --separate-stderr write "$WORK/example.yaml"
	same 'flowtally: ipfix write: where to? There is --collector, --output, and outputs of the file' "$stderr"
	run -1 --separate-stderr write "$WORK/example.yaml" -o /dev/full
	same 'flowtally: ipfix write: /dev/full: message 1 of 4: No space left on device' "$stderr"
	run -1 --separate-stderr write -s 64 "$WORK/example.yaml" -o "$WORK/out"
	same 'flowtally: ipfix write: a record of template 258 does not fit into a message of 64 octets, it needs 73' "$stderr"
	run -1 --separate-stderr write "$WORK/example.yaml" -C host.invalid.:4739
	[[ $stderr == 'flowtally: ipfix write: host.invalid.:4739: '* ]]
	run -2 --separate-stderr write -s 63 "$WORK/example.yaml" -o -
	run -2 --separate-stderr write
}
