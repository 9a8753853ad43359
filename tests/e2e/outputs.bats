#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Every output stands alone: one that fails costs the others nothing, is counted, and is said once. And each is what
# its readers expect.

load lib

setup() {
	setup_lab 1
	mkdir "$WORK/textfile"
}

teardown() {
	if mountpoint -q "$BATS_TEST_TMPDIR/textfile"; then
		umount "$BATS_TEST_TMPDIR/textfile"
	fi
	teardown_lab
}

ping_once() {
	desktop ping -q -c "${1:-1}" -i 0.01 "$LAB_INTERNET" >/dev/null
}

metric() {
	awk -v name="$1" 'index($0, name "{") == 1 || $1 == name { sum += $NF } END { print sum + 0 }' \
		"${2:-$WORK/flowtally.prom}"
}

times_in_log() {
	grep -c "$1" "$WORK/agent.log" || :
}

# --- failures

@test "a collector that is down: the other and the textfile go on, and it is counted" {
	start_nfcapd 4739
	write_config collectors='[{ address: "127.0.0.1:4999" }, { address: "127.0.0.1:4739" }]'
	start_agent
	ping_once 5
	wait_sweeps
	ping_once 5
	wait_sweeps
	ask status -o json | jq -e '.collectors[] | select(.collector == "127.0.0.1:4999") |
		.errors.refused > 0 and .last_error != null'
	same "$(hosts_sums)" "$(textfile_sums)"
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	same "$hosts" "$(nfdump_sums)"
}

@test "a collector that cannot be reached at all: the others go on" {
	start_nfcapd 4739
	write_config collectors='[{ address: "[2001:db8:bad::1]:4739" }, { address: "127.0.0.1:4739" }]'
	router ip -6 route add unreachable 2001:db8:bad::/48
	start_agent
	ping_once 5
	wait_sweeps
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	same "$hosts" "$(nfdump_sums)"
}

@test "a full disk under the textfile: the collector gets everything, the old file stays whole" {
	start_nfcapd 4739
	mount -t tmpfs -o size=64k tmpfs "$WORK/textfile"
	write_config textfile="$WORK/textfile/flowtally.prom"
	start_agent
	ping_once 1
	wait_sweeps
	dd if=/dev/zero of="$WORK/textfile/filler" bs=1k 2>/dev/null || :
	ping_once 5
	wait_sweeps
	promtool check metrics <"$WORK/textfile/flowtally.prom"
	ask status -o json | jq -e '.textfile.errors > 0'
	same 1 "$(times_in_log 'No space left')"
	rm "$WORK/textfile/filler"
	eventually 5 textfile_is_current
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	same "$hosts" "$(nfdump_sums)"
}

textfile_is_current() {
	same "$(hosts_sums)" "$(textfile_sums "$WORK/textfile/flowtally.prom")"
}

@test "the textfile's directory vanishes and comes back: the collector gets everything" {
	start_nfcapd 4739
	write_config textfile="$WORK/textfile/flowtally.prom"
	start_agent
	rm -r "$WORK/textfile"
	ping_once 5
	wait_sweeps
	same 1 "$(times_in_log 'textfile.*No such file')"
	mkdir "$WORK/textfile"
	eventually 5 textfile_is_current
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	same "$hosts" "$(nfdump_sums)"
}

@test "the state directory cannot be written: the agent runs all the same" {
	write_config state=/proc/nowhere
	start_agent
	ping_once 5
	wait_sweeps
	same 5 "$(ask hosts -o json | jq '.hosts[].upload.packets')"
}

# --- the textfile

@test "promtool and node_exporter accept the textfile" {
	write_config textfile="$WORK/textfile/flowtally.prom"
	start_agent
	ping_once 5
	wait_sweeps
	promtool check metrics <"$WORK/textfile/flowtally.prom"
	spawn router "$WORK/node-exporter.log" prometheus-node-exporter --collector.disable-defaults \
		--collector.textfile --collector.textfile.directory="$WORK/textfile" \
		--web.listen-address=127.0.0.1:9100
	COLLECTORS+=($!)
	eventually 5 router curl -sSf -o "$WORK/scrape" http://127.0.0.1:9100/metrics
	grep -q '^node_textfile_scrape_error 0' "$WORK/scrape"
	same "$(textfile_sums "$WORK/textfile/flowtally.prom")" "$(textfile_sums "$WORK/scrape")"
	same 5 "$(metric flowtally_host_upload_packets_total "$WORK/scrape")"
}

@test "a reader never finds half a textfile" {
	write_config interval=100ms
	start_agent
	ping_once 1
	wait_sweeps
	local i
	for ((i = 0; i < 500 / SLOW; i++)); do
		tail -c 1 "$WORK/flowtally.prom" | od -An -c | grep -q '\\n'
		grep -q '^flowtally_build_info' "$WORK/flowtally.prom"
	done
	same 1 "$(find "$WORK" -maxdepth 1 -name 'flowtally.prom*' | wc -l)"
}

@test "the textfile is readable for others and no link is followed" {
	echo precious >"$WORK/precious"
	ln -s "$WORK/precious" "$WORK/flowtally.prom"
	write_config
	start_agent
	wait_sweeps
	same precious "$(cat "$WORK/precious")"
	same 644 "$(stat -c %a "$WORK/flowtally.prom")"
}

@test "a device without a name is reported by its MAC" {
	write_config
	start_agent
	ping_once
	wait_sweeps
	grep -q "^flowtally_host_upload_packets_total{.*host=\"$DESKTOP\".*} 1\$" "$WORK/flowtally.prom"
}

# --- IPFIX

@test "every message is within the limit, with sequence numbers that two collectors accept" {
	start_nfcapd 4739
	start_record 4740
	write_config ipfix='    message-size: 512' \
		collectors='[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4740" }]'
	start_agent
	desktop "$TOOLS/flood" --frames 20000 --devices 50 --addresses 20 eth0 >/dev/null
	wait_sweeps
	ping_once
	wait_sweeps
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	jq -e '.longest <= 512 and .messages > 100' "$WORK/record-4740.json"
	same "$hosts" "$(nfdump_sums)"
	same "$hosts" "$(ipfix_sums)"
	same 0 "$(nfdump_sequence_errors)"
	sequence_is_gapless
}

@test "two interfaces are named to a collector, and its sequence numbers hold" {
	start_nfcapd 4739
	start_record 4740
	write_config match='[bw][ra][-n]*' \
		collectors='[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4740" }]'
	start_agent
	ping_once
	wait_sweeps
	ping_once
	wait_sweeps
	stop_agent
	stop_collectors
	same '["br-lan","wan"]' "$(ipfix_records | jq -sc \
		'map(.interfaceName // empty | sub(".*\\) "; "")) | unique')"
	same 0 "$(nfdump_sequence_errors)"
	sequence_is_gapless
}

# By ipfixDump: each message of a domain starts where the one before ended (RFC 7011, 3.1).
sequence_is_gapless() {
	ipfixDump --rfc5610 -i "$WORK/messages-4740" | awk '
		/^export time:/ { domain = $NF }
		/sequence number:/ {
			for (i = 1; i < NF; i++) {
				if ($i == "number:") {
					number = $(i + 1)
				}
			}
			if (domain in next_number && number != next_number[domain]) {
				print "domain " domain ": " number " instead of " next_number[domain]
				faults++
			}
			next_number[domain] = number
		}
		/^--- (data|options data|option data) record/ { next_number[domain]++ }
		END { exit faults > 0 }'
}

@test "a path with a small MTU gets small messages" {
	router ip link set lo mtu 600
	start_record 4740
	write_config collectors='[{ address: "127.0.0.1:4740" }]'
	start_agent
	desktop "$TOOLS/flood" --frames 2000 --devices 50 --addresses 20 eth0 >/dev/null
	wait_sweeps
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	jq -e '.longest <= 572' "$WORK/record-4740.json"
	same "$hosts" "$(ipfix_sums)"
}

@test "templates come again at every refresh" {
	start_record 4740
	write_config ipfix='    template-refresh: 1s' collectors='[{ address: "127.0.0.1:4740" }]'
	start_agent
	ping_once
	sleep 3
	stop_agent
	stop_collectors
	(($(ipfixDump -t -i "$WORK/messages-4740" | grep -c 'tid: *288 ') >= 3))
}

@test "a collector without enterprise elements gets the plain templates" {
	start_record 4740
	write_config collectors='[{ address: "127.0.0.1:4740", enterprise: none }]'
	start_agent
	ping_once
	wait_sweeps
	stop_agent
	stop_collectors
	same '256 257' "$(ipfix_records | jq -r 'select(.octetDeltaCount).template' | sort -u | xargs)"
	same 0 "$(ipfixDump -t -i "$WORK/messages-4740" | grep -c 'ent: 32473')"
}

@test "the records tell device, interface, direction and a period that follows the one before" {
	start_record 4740
	write_config collectors='[{ address: "127.0.0.1:4740" }]'
	start_agent
	ping_once
	wait_sweeps
	ping_once
	wait_sweeps
	stop_agent
	stop_collectors
	local index
	index=$(router ip -j link show br-lan | jq -r '.[0].ifindex')
	ipfix_records | jq -c 'select(.flowDirection == "0")' >"$WORK/uploads"
	same 2 "$(wc -l <"$WORK/uploads")"
	jq -es --arg index "$index" --arg mac "$DESKTOP" 'all(.[];
		.ingressInterface == $index and .ipVersion == "4" and .sourceMacAddress == $mac and
		.sourceIPv4Address == "192.168.2.10" and .hostMacAddress == $mac and .packetDeltaCount == "1" and
		.flowStartMilliseconds < .flowEndMilliseconds and (has("destinationMacAddress") | not)) and
		.[0].flowEndMilliseconds <= .[1].flowStartMilliseconds' "$WORK/uploads" || {
		cat "$WORK/uploads"
		false
	}
}

@test "a flow above four thousand million octets is reported whole" {
	start_nfcapd 4739
	write_config
	start_agent
	tcp_transfer desktop download 5G "$LAB_INTERNET"
	wait_sweeps
	local hosts
	hosts=$(hosts_sums)
	(($(jq '.[].download.octets' <<<"$hosts") > 5368709120))
	stop_agent
	stop_collectors
	same "$hosts" "$(nfdump_sums)"
}
