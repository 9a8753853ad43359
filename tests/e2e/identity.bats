#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Who is who: a device is its MAC, whatever addresses it has had, or several MACs that are joined.

load lib

setup() {
	setup_lab 3
}

teardown() {
	teardown_lab
}

# [host, uploads in packets] of each host, from the request $1
uploads() {
	ask_for "$1" | jq -c "[.hosts[] | [.host, .upload.packets]] | sort"
}

# ask_for REQUEST: the agent's answer to it
ask_for() {
	socat -t 10 - "UNIX-CONNECT:$WORK/run/flowtally.sock" <<<"$1"
}

ping_from() {
	"$1" ping -q -c "$2" -i 0.01 "${3:-$LAB_INTERNET}"
}

tv() {
	lab_in "$LAB" tv "$@"
}

# series NAME HOST: the value of a counter of the textfile, of all its series together
series() {
	awk -v name="$1" -v host="host=\"$2\"" 'index($0, name "{") == 1 && index($0, host) { sum += $NF; n++ }
		END { print n ? sum : "none" }' "$WORK/flowtally.prom"
}

overflow() {
	sed -n 's/^flowtally_host_overflow_packets_total{interface="br-lan"} //p' "$WORK/flowtally.prom"
}

@test "joined MACs are one device in every report, and flow records keep the MAC that was" {
	start_record 4739
	write_config hosts="{ merge: [{ mac: \"$DESKTOP\", also: [\"$PHONE\"] }] }"
	start_agent
	ping_from desktop 3
	ping_from phone 4
	ping_from tv 5
	wait_sweeps
	same "[[\"$DESKTOP\",7],[\"$TV\",5]]" "$(uploads hosts)"
	same 7 "$(series flowtally_host_upload_packets_total "$DESKTOP")"
	same none "$(series flowtally_host_upload_packets_total "$PHONE")"
	same '["192.168.2.10","192.168.2.11"]' "$(ask hosts -o json | jq -c '[.hosts[0].accounts[].address]')"
	stop_agent
	stop_collectors
	same 4 "$(ipfix_sums 4739 | jq --arg phone "$PHONE" '.[$phone].upload.packets')"
}

@test "joining holds for the past, and can be taken back" {
	write_config collectors='[]'
	start_agent
	ping_from desktop 3
	ping_from phone 4
	wait_sweeps
	same "[[\"$DESKTOP\",3],[\"$PHONE\",4]]" "$(uploads hosts)"
	write_config collectors='[]' hosts="{ merge: [{ mac: \"$DESKTOP\", also: [\"$PHONE\"] }] }"
	kill -HUP "$AGENT"
	eventually 5 uploads_are "[[\"$DESKTOP\",7]]"
	write_config collectors='[]'
	kill -HUP "$AGENT"
	eventually 5 uploads_are "[[\"$DESKTOP\",3],[\"$PHONE\",4]]"
}

uploads_are() {
	same "$1" "$(uploads hosts)"
}

@test "an address that its device no longer uses becomes part of the MAC, and no count is lost" {
	write_config collectors='[]' hosts="{ address-age: $((3 * SLOW))s }"
	start_agent
	ping_from desktop 3
	wait_sweeps
	same '["192.168.2.10"]' "$(ask hosts -o json | jq -c '[.hosts[0].accounts[].address]')"
	eventually 10 addresses_are '[null]'
	same "[[\"$DESKTOP\",3]]" "$(uploads hosts)"
	ping_from desktop 2
	wait_sweeps
	same 5 "$(ask hosts -o json | jq '[.hosts[0].accounts[].upload.packets] | add')"
	same 5 "$(series flowtally_host_upload_packets_total "$DESKTOP")"
	ledger_balances
}

addresses_are() {
	same "$1" "$(ask hosts -o json | jq -c '[.hosts[0].accounts[].address]')"
}

@test "who comes first has series; what the others do is counted together, over a restart, too" {
	write_config collectors='[]'
	echo 'metrics: { max-hosts: 1 }' >>"$WORK/flowtally.yaml"
	start_agent
	ping_from desktop 3
	wait_sweeps
	ping_from phone 4
	wait_sweeps
	for _ in 1 2; do
		same 3 "$(series flowtally_host_upload_packets_total "$DESKTOP")"
		same none "$(series flowtally_host_upload_packets_total "$PHONE")"
		same 8 "$(overflow)"
		same "[[\"$DESKTOP\",3],[\"$PHONE\",4]]" "$(uploads hosts)"
		kill_agent
		start_agent
		wait_sweeps
	done
	sed -i 's/max-hosts: 1/max-hosts: 2/' "$WORK/flowtally.yaml"
	kill -HUP "$AGENT"
	wait_sweeps
	ping_from phone 2
	wait_sweeps
	# From now on, and what was counted together stays there: no counter goes back.
	same 2 "$(series flowtally_host_upload_packets_total "$PHONE")"
	same 8 "$(overflow)"
}

@test "an idle device's series leave, make room, and go on where they were" {
	write_config collectors='[]'
	echo "metrics: { max-hosts: 1, idle: $((3 * SLOW))s }" >>"$WORK/flowtally.yaml"
	start_agent
	ping_from desktop 3
	wait_sweeps
	same 3 "$(series flowtally_host_upload_packets_total "$DESKTOP")"
	eventually 10 has_no_series "$DESKTOP"
	ping_from phone 4
	wait_sweeps
	same 4 "$(series flowtally_host_upload_packets_total "$PHONE")"
	eventually 10 has_no_series "$PHONE"
	ping_from desktop 2
	wait_sweeps
	same 5 "$(series flowtally_host_upload_packets_total "$DESKTOP")"
	same 0 "$(overflow)"
}

has_no_series() {
	same none "$(series flowtally_host_upload_packets_total "$1")"
}

@test "live sums need no sweep" {
	write_config collectors='[]' interval=1h
	start_agent
	ping_from desktop 3
	ping_from phone 4
	same "[[\"$DESKTOP\",3],[\"$PHONE\",4]]" "$(uploads live)"
	ping_from desktop 2
	same "[[\"$DESKTOP\",5],[\"$PHONE\",4]]" "$(uploads live)"
	same '[]' "$(uploads hosts)"
	stop_agent
	start_agent
	same "[[\"$DESKTOP\",5],[\"$PHONE\",4]]" "$(uploads hosts)"
}

@test "hosts are added up by whatever is asked for" {
	write_config collectors='[]' hosts="{ local: [192.168.2.0/24, \"2001:db8:ca2:2::/64\"] }"
	configure 200ms 'match: wan, side: wan' 'match: "*", side: lan'
	start_agent
	ping_from desktop 3
	ping_from desktop 2 "$LAB_INTERNET6"
	ping_from phone 4
	ping_from phone 1 "$LAB_ROUTER"
	wait_sweeps
	same "br-lan,10,880"$'\n'"desktop,5,460"$'\n'"phone,5,420"$'\n'"wan,9,796" \
		"$(ask hosts --by interface --sort name -o csv | tr -d '\r' | awk -F, 'NR > 1 { print $1 "," $2 "," $3 }' | sort)"
	same "br-lan,internet,9"$'\n'"br-lan,router,1" \
		"$(ask hosts --by interface,scope -o csv | tr -d '\r' | awk -F, '/^br-lan/ { print $1 "," $2 "," $3 }' | sort)"
	same "[\"$DESKTOP\",10]" "$(ask hosts -b device -n 1 -s name -o json | jq -c --arg mac "$DESKTOP" \
		'.groups[0] | [.device, .upload.packets]')"
	ask hosts -b address,family | head -1 | grep -q '^ADDRESS  *FAMILY  *DOWNLOAD'
	status=0
	ask hosts --by mac 2>"$WORK/error" || status=$?
	same 2 "$status"
	same 'flowtally: hosts: --by: "mac" is none of device, address, interface, family, scope' "$(cat "$WORK/error")"
}

# history_at SECONDS-AGO: moves the newest part of the history there
history_at() {
	local newest

	newest=$(find "$WORK/state/history" -type f -printf '%f\n' | sort -n | tail -n 1)
	mv "$WORK/state/history/$newest" "$WORK/state/history/$(($(date +%s%3N) - $1 * 1000))"
}

@test "what has come since a moment is told from the history, over a restart, too" {
	write_config collectors='[]'
	start_agent
	ping_from desktop 3
	wait_sweeps
	rm -rf "$WORK/state/history"
	stop_agent
	start_agent
	wait_sweeps
	history_at 7200
	ping_from desktop 2
	ping_from phone 4
	same "[[\"$DESKTOP\",2],[\"$PHONE\",4]]" \
		"$(ask hosts --since 1h -o json | jq -c "[.hosts[] | [.host, .upload.packets]] | sort")"
	same "[[\"$DESKTOP\",5],[\"$PHONE\",4]]" \
		"$(ask hosts --since 1d -o json | jq -c "[.hosts[] | [.host, .upload.packets]] | sort")"
	same null "$(ask hosts --since 1d -o json | jq -c .since)"
	ask hosts --since 1h --by device | head -1 | grep -q '^since 20'
	stop_agent
	start_agent
	same "[[\"$DESKTOP\",2],[\"$PHONE\",4]]" \
		"$(ask hosts --since 1h -o json | jq -c "[.hosts[] | [.host, .upload.packets]] | sort")"
	status=0
	ask hosts --since tomorrow 2>"$WORK/error" || status=$?
	same 2 "$status"
	grep -q '^flowtally: hosts: --since: "tomorrow" is no moment of the past' "$WORK/error"
}

@test "a history that cannot be written or read is said, and metering goes on" {
	write_config collectors='[]'
	mkdir -p "$WORK/state"
	touch "$WORK/state/history"
	start_agent
	eventually 10 grep -q 'state/history' "$WORK/agent.log"
	ping_from desktop 3
	wait_sweeps
	same 1 "$(grep -c 'state/history' "$WORK/agent.log")"
	same "[[\"$DESKTOP\",3]]" "$(uploads hosts)"
	rm "$WORK/state/history"
	eventually 10 grep -q 'the history works again' "$WORK/agent.log"
	: >"$WORK/state/history/$(($(date +%s%3N) - 7200000))"
	fails ask hosts --since 1h 2>"$WORK/error"
	grep -q '^flowtally: hosts: .*state/history/' "$WORK/error"
	same "[[\"$DESKTOP\",3]]" "$(uploads hosts)"
}
