#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Reading races with nothing: at full rate on all CPUs, with a sweep as often as can be, no packet is lost or
# counted twice. RACE_SECONDS says how long; 60 where nothing is said, or as much less as SLOW says.

load lib

setup() {
	setup_lab 2
	RACE_SECONDS=${RACE_SECONDS:-$((60 / SLOW))}
	CPUS=$(nproc)
	start_nfcapd 4739
	start_record 4740
	write_config interval=100ms \
		collectors='[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4740" }]'
	start_agent
}

teardown() {
	teardown_lab
}

# Four floods, two on each of two CPUs: the desktop's uploads from both at once, so that they share a key;
# many addresses of the phone; and downloads.
start_floods() {
	local last=$((CPUS - 1))

	FLOODS=()
	flood 1 desktop eth0 --cpu 0
	flood 2 phone eth0 --cpu "$last" --device-mac "$DESKTOP"
	flood 3 phone eth0 --cpu 0 --ipv6 --device-mac "$PHONE" --addresses 200 --device 2001:db8:ca2:2::1:0
	flood 4 router br-lan --cpu "$last" --reverse --device-mac "$PHONE" --device 192.168.2.99
}

# flood NUMBER NODE INTERFACE OPTION...
flood() {
	local number=$1 node=$2 interface=$3

	shift 3
	spawn "$node" "$WORK/flood-$number.json" "$TOOLS/flood" --seconds "$RACE_SECONDS" "$@" "$interface"
	FLOODS+=($!)
}

floods_run() {
	local process

	for process in "${FLOODS[@]}"; do
		if kill -0 "$process" 2>/dev/null; then
			return 0
		fi
	done
	return 1
}

wait_for_floods() {
	wait "${FLOODS[@]}"
	# A refused frame has passed the router's hook and is sent again.
	same 0 "$(jq .refused "$WORK/flood-4.json")"
}

# What has been sent, in the form of the sums.
sent() {
	jq -sc --arg desktop "$DESKTOP" --arg phone "$PHONE" '
		map({octets, packets: .frames}) as $flood | {
			($desktop): {upload: ([$flood[0], $flood[1]] |
				{octets: map(.octets) | add, packets: map(.packets) | add})},
			($phone): {upload: $flood[2], download: $flood[3]}}' "$WORK"/flood-[1-4].json
}

@test "at full rate on all CPUs the sums are what was sent, everywhere" {
	start_floods
	wait_for_floods
	wait_sweeps
	cat "$WORK"/flood-?.json
	same "$(sent)" "$(hosts_sums)"
	same "$(sent)" "$(accounts_sums)"
	same "$(sent)" "$(textfile_sums)"
	ledger_balances
	stop_agent
	stop_collectors
	same "$(sent)" "$(nfdump_sums)"
	same "$(sent)" "$(ipfix_sums)"
	same 0 "$(nfdump_sequence_errors)"
}

# Compares the textfile with that of the last time.
no_counter_went_back() {
	if [[ ! -e $WORK/flowtally.prom ]]; then
		return
	fi
	if [[ -e $WORK/before.prom ]]; then
		awk '
			/^#/ { next }
			NR == FNR { before[$1] = $2; next }
			$1 ~ /_total(\{|$)/ && $2 < before[$1] {
				print $1 " went back from " before[$1] " to " $2
				went_back = 1
			}
			END { exit went_back }' "$WORK/before.prom" "$WORK/flowtally.prom"
	fi
	cp "$WORK/flowtally.prom" "$WORK/before.prom"
}

# What a collector may have twice: {"octets":N,"packets":N} by the agent's own count
repeated() {
	ask status -o json | jq -c --arg address "127.0.0.1:$1" \
		'.collectors[] | select(.collector == $address) | {octets: .repeated_octets, packets: .repeated_packets}'
}

# surplus SUMS: what is there beyond that which was sent; negative where something is missing
surplus() {
	jq -nc --argjson sent "$(sent)" --argjson got "$1" '
		def total($unit): [.[][][$unit]] | add;
		{octets: (($got | total("octets")) - ($sent | total("octets"))),
		packets: (($got | total("packets")) - ($sent | total("packets")))}'
}

missing() {
	jq -nc --argjson sent "$(sent)" --argjson got "$1" '
		[$sent | to_entries[] | .key as $host | .value | to_entries[] | .key as $direction |
		select(.value.packets > ($got[$host][$direction].packets // 0)) | "\($host) \($direction)"]'
}

@test "killed and started every second, the sums are exact and no delta is missing" {
	local kills=0 repeated_nfdump repeated_record

	start_floods
	while floods_run; do
		sleep 0.$((RANDOM % 10))$((RANDOM % 10))
		kill_agent
		kills=$((kills + 1))
		no_counter_went_back
		start_agent
	done
	wait_for_floods
	wait_sweeps
	no_counter_went_back
	echo "killed $kills times"
	same "$(sent)" "$(hosts_sums)"
	same "$(sent)" "$(textfile_sums)"
	ledger_balances
	repeated_nfdump=$(repeated 4739)
	repeated_record=$(repeated 4740)
	stop_agent
	stop_collectors
	same '[]' "$(missing "$(nfdump_sums)")"
	same '[]' "$(missing "$(ipfix_sums)")"
	echo "possibly twice: $repeated_nfdump, twice: $(surplus "$(nfdump_sums)")"
	at_most "$(surplus "$(nfdump_sums)")" "$repeated_nfdump"
	at_most "$(surplus "$(ipfix_sums)")" "$repeated_record"
}

at_most() {
	jq -ne --argjson a "$1" --argjson b "$2" \
		'$a.octets <= $b.octets and $a.packets <= $b.packets' >/dev/null || {
		echo "$1 is more than $2"
		return 1
	}
}
