#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `flowtally hosts --every`: what was used in each interval alone, and all of them add up to what was used.

load lib
bats_require_minimum_version 1.5.0

setup() {
	setup_lab 3
	write_config collectors='[]'
}

teardown() {
	teardown_lab
}

# watch FILE OPTION...: in the background, until it is interrupted; its process is $WATCH
watch() {
	local file=$1

	shift
	"$FLOWTALLY" hosts -c "$WORK/flowtally.yaml" --every "$@" >"$file" 2>"$WORK/errors" 3>&- &
	WATCH=$!
}

# end_watch STATUS
end_watch() {
	local status=0

	eventually 10 ended "$WATCH"
	wait "$WATCH" || status=$?
	same "$1" "$status"
}

has_lines() {
	(($(wc -l <"$2") >= $1))
}

# uploads NUMBER FRAMES_A_SECOND: of device NUMBER, of 1000 octets
uploads() {
	spawn "$(lab_device_name "$1")" "$WORK/flood-$1" "$TOOLS/flood" --seconds 120 --rate "$2" --size 972 \
		--device-mac "$(lab_device_mac "$1")" --device "$(lab_device_address "$1")" eth0
	eventually 10 has_uploaded "$(lab_device_mac "$1")"
}

# has_uploaded MAC: more than a ping
has_uploaded() {
	ask hosts -o json | jq -e --arg mac "$1" '.hosts[] | select(.host == $mac) | .upload.octets > 1000'
}

all_ping() {
	desktop ping -q -c 1 "$LAB_INTERNET"
	phone ping -q -c 1 "$LAB_INTERNET"
	lab_in "$LAB" tv ping -q -c 1 "$LAB_INTERNET"
	wait_sweeps
}

# used_since FILE: by the sums in FILE, which are older
used_since() {
	hosts_sums | jq -c --slurpfile before "$1" '
		with_entries(.key as $host | .value |= with_entries(.key as $direction | .value |= with_entries(
			.value -= ($before[0][$host][$direction][.key] // 0))))
		| map_values(map_values(select(.packets > 0)) | select(length > 0))'
}

# used_in_intervals FILE: in the same form, of all intervals in FILE
used_in_intervals() {
	jq -sc '[.[].hosts[] | .host as $host | ("download", "upload") as $direction |
			{host: $host, direction: $direction} + (.[$direction] | {octets, packets})]
		| '"$JQ_FOLD" "$1"
}

intervals_are() {
	same "$1" "$(used_in_intervals "$WORK/intervals")"
}

@test "intervals follow each other without a gap and add up to what was used" {
	start_agent
	all_ping
	hosts_sums >"$WORK/before"
	watch "$WORK/intervals" 200ms -o json
	# It has begun, and shows nobody as nobody has used anything.
	eventually 10 has_lines 1 "$WORK/intervals"
	same '[]' "$(jq -c '.hosts' <"$WORK/intervals" | sort -u)"
	desktop "$TOOLS/flood" --frames 3000 --size 972 eth0 >/dev/null
	# From whom nothing has come before.
	phone "$TOOLS/flood" --frames 500 --devices 3 --device-mac 02:00:00:00:07:01 eth0 >/dev/null
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	eventually 10 intervals_are "$(used_since "$WORK/before")"
	kill -INT "$WATCH"
	end_watch 0
	same '' "$(cat "$WORK/errors")"
	jq -se '
		(map(.schema) | unique == [1]) and
		([.[1:][].since] == [.[:-1][].time]) and all(.[]; .since < .time) and
		all(.[].hosts[]; .download.packets + .upload.packets > 0 and (.accounts | length > 0) and
			all(.accounts[]; .download.packets + .upload.packets > 0) and
			([.accounts[].upload.octets] | add) == .upload.octets) and
		all(.[].hosts[]; .host != "'"$TV"'")' "$WORK/intervals" >/dev/null
}

@test "each interval is a table of its own that says when it was" {
	start_agent
	all_ping
	uploads 1 200
	uploads 2 1000
	wait_sweeps
	ask hosts --every 1 --count 2 >"$WORK/table"
	same 2 "$(grep -cE '^[0-9-]{10} [0-9:]{8} to [0-9-]{10} [0-9:]{8}, [0-9]+\.[0-9] s$' "$WORK/table")"
	same "HOST $PHONE $DESKTOP HOST $PHONE $DESKTOP" "$(awk '/^HOST|^02/ { print $1 }' "$WORK/table" | xargs)"
	same 9 "$(wc -l <"$WORK/table")"
	same '' "$(sed -n 5p "$WORK/table")"
	# What they have sent in an interval, not since the beginning, in the units and the order that are asked for.
	ask hosts --every 500ms --count 1 --by scope,device --sort upload --units bytes -n 1 >"$WORK/table"
	sed -n 2p "$WORK/table" | grep -qE '^SCOPE  *DEVICE  *DOWNLOAD  *UPLOAD '
	sed -n 3p "$WORK/table" | grep -qE "^internet  *$PHONE  *0 B  *[0-9]{5,7} B "
	same 3 "$(wc -l <"$WORK/table")"
}

@test "of CSV there is one head, and the end of the interval is in each row" {
	start_agent
	all_ping
	uploads 1 200
	uploads 2 1000
	wait_sweeps
	ask hosts --every 300ms --count 3 -o csv >"$WORK/csv"
	same 7 "$(wc -l <"$WORK/csv")"
	sed -n 1p "$WORK/csv" | grep -q '^time,host,name,interface,addresses,download_packets,'
	same 3 "$(sed 1d "$WORK/csv" | grep -oE '^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z,02' | sort -u | wc -l)"
	ask hosts --every 300ms --count 2 -o csv --by interface >"$WORK/csv"
	same 3 "$(wc -l <"$WORK/csv")"
	sed -n 1p "$WORK/csv" | grep -q '^time,interface,download_packets,'
	sed -n 3p "$WORK/csv" | grep -qE '^20[^,]*Z,br-lan,'
	ask hosts -o csv | sed -n 1p | grep -q '^host,'
}

@test "an agent that goes away is an error, whom nobody reads ends quietly" {
	start_agent
	all_ping
	uploads 1 200
	"$FLOWTALLY" hosts -c "$WORK/flowtally.yaml" --every 100ms -o csv 2>"$WORK/errors" | head -n 3 >"$WORK/csv"
	same 3 "$(wc -l <"$WORK/csv")"
	same '' "$(cat "$WORK/errors")"
	watch "$WORK/intervals" 100ms -o json
	eventually 10 has_lines 1 "$WORK/intervals"
	stop_agent
	end_watch 1
	same 1 "$(wc -l <"$WORK/errors")"
	grep -qE '^flowtally: hosts: (no agent is running|.*broke off its answer)' "$WORK/errors"
	run -1 --separate-stderr ask hosts --every 1s
	same '' "$output"
	# shellcheck disable=SC2154
	[[ $stderr == 'flowtally: hosts: no agent is running ('*')' ]]
}

# refuses ERROR OPTION...
refuses() {
	local error=$1

	shift
	run -2 --separate-stderr "$FLOWTALLY" hosts -c "$WORK/flowtally.yaml" "$@"
	same "flowtally: hosts: $error" "$stderr"
}

@test "intervals that are none are refused" {
	local expected='not a duration from 100ms to 31d (an integer and ms, s, m, h or d)'

	refuses "--every: \"0\" is $expected" --every 0
	refuses "--every: \"99ms\" is $expected" --every 99ms
	refuses "--every: \"\" is $expected" --every=
	refuses "--every: \"soon\" is $expected" --every soon
	refuses '--every: cannot be together with --since' --every 1s --since today
	refuses '--count: says how many intervals of --every' --count 3
	refuses '--count: is negative' --every 1s --count=-1
	run -2 --separate-stderr ask ledger --every 1s
	[[ $stderr == 'flowtally: ledger: Unknown option --every' ]]
}
