#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Full tables cost detail, never octets: from the host's address to the MAC, from there to the interface, and
# the ledger and the metrics say so.

load lib

setup() {
	setup_lab 1
	start_nfcapd
}

teardown() {
	teardown_lab
}

class() {
	ledger receive ".classes[\"$1\"].frames"
}

metric() {
	awk -v name="$1" 'index($0, name "{") == 1 || $1 == name { sum += $NF } END { print sum + 0 }' \
		"$WORK/flowtally.prom"
}

class_metric() {
	awk -v class="class=\"$1\"" '
		/^flowtally_ledger_packets_total/ && /direction="receive"/ && index($0, class) { print $NF }' \
		"$WORK/flowtally.prom"
}

uploaded_packets() {
	jq '[.[].upload.packets] | add' <<<"$1"
}

@test "a table of 8 and 100 devices: sums are exact, the ledger shows what became of them" {
	local sums collected device_limit

	write_config hosts='{ max: 8 }'
	start_agent
	desktop "$TOOLS/flood" --frames 100000 --devices 100 eth0 >"$WORK/sent"
	wait_sweeps
	ledger_balances
	sums=$(hosts_sums)
	# Each sweep finds eight others in the kernel's tables; those that the agent has no room for are overflow, too.
	same 100000 "$(($(uploaded_packets "$sums") + $(metric flowtally_host_overflow_packets_total)))"
	same 100000 "$(($(class internet) + $(class address-limit) + $(class device-limit)))"
	(($(class internet) >= 8000 && $(class address-limit) >= 8000 && $(class device-limit) > 0))
	same "$sums" "$(textfile_sums)"
	same "$(class address-limit)" "$(class_metric address-limit)"
	same "$(class device-limit)" "$(class_metric device-limit)"
	device_limit=$(class device-limit)
	stop_agent
	stop_collectors
	# A collector is told all that the kernel's tables held, also of devices that the agent has no account for.
	collected=$(nfdump_sums)
	same 100000 "$(($(uploaded_packets "$collected") + device_limit))"
	jq -ne --argjson sums "$sums" --argjson collected "$collected" \
		'all($sums | keys[]; $collected[.].upload.packets >= $sums[.].upload.packets)' >/dev/null
}

@test "a table of 8 and 5,000 IPv6 addresses of one device: the device's sum is exact" {
	local sums

	write_config hosts='{ max: 8 }'
	start_agent
	desktop "$TOOLS/flood" --frames 100000 --ipv6 --addresses 5000 --device 2001:db8:ca2:2::1:0 eth0 \
		>"$WORK/sent"
	wait_sweeps
	ledger_balances
	sums=$(hosts_sums)
	same "{\"$DESKTOP\":{\"upload\":{\"octets\":6600000,\"packets\":100000}}}" "$sums"
	same 100000 "$(($(class internet) + $(class address-limit)))"
	(($(class address-limit) > 90000))
	same "$sums" "$(textfile_sums)"
	(($(ask hosts -o json | jq '.hosts[0].accounts | length') <= 9))
	stop_agent
	stop_collectors
	same "$sums" "$(nfdump_sums)"
}

@test "5,000 addresses of one device fit the default table, each with its account" {
	SLOW=1 write_config
	start_agent
	desktop "$TOOLS/flood" --frames 50000 --ipv6 --addresses 5000 --device 2001:db8:ca2:2::1:0 eth0 \
		>"$WORK/sent"
	wait_sweeps
	same '[5000,10,10]' "$(ask hosts -o json |
		jq -c '[.hosts[0].accounts[].upload.packets] | [length, min, max]')"
	same 0 "$(metric flowtally_host_overflow_packets_total)"
	ledger_balances
}
