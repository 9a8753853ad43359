#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# An agent that may open no more files, with clients at the control socket and HTTP, an interface that comes and a collector
# that has to be connected to: it meters and exports on, does not run in circles, and has all of it when it may again.

load lib
load transports
load faults

setup() {
	((SLOW == 1)) || skip "by the clock this machine is too slow"
	setup_lab 1
	LISTENER=
	mkdir -p "$WORK/$DISK"/{run,state,textfile,lines,spool}
}

teardown() {
	stop_traffic
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

# Who runs in circles never waits for anything, however busy the machine is.
is_at_rest() {
	local look rests=0

	for ((look = 0; look < 40; look++)); do
		[[ $(sed 's/.*) \(.\).*/\1/' "/proc/$AGENT/stat") != S ]] || rests=$((rests + 1))
		sleep 0.03
	done
	echo "at rest $rests of $look times"
	((rests >= 10))
}

is_metered() {
	same 2 "$(hooks "$1")"
}

# Up to the first number that is free: poll(2) takes no more descriptors than may be open.
forbid_descriptors() {
	local free=0

	while [[ -e /proc/$AGENT/fd/$free ]]; do
		free=$((free + 1))
	done
	SOFT=$(awk '/^Max open files/ { print $4 }' "/proc/$AGENT/limits")
	HARD=$(awk '/^Max open files/ { print $5 }' "/proc/$AGENT/limits")
	prlimit --pid "$AGENT" --nofile="$free:$HARD"
}

allow_descriptors() {
	prlimit --pid "$AGENT" --nofile="$SOFT:$HARD"
}

# Whoever is here waits for it.
begin_clients() {
	local i

	CLIENTS=()
	for ((i = 0; i < 20; i++)); do
		router curl -sf --max-time 60 -o "$WORK/scraped-$i" http://127.0.0.1:14739/metrics 3>&- &
		CLIENTS+=($!)
		ask status -o json >"$WORK/asked-$i" 3>&- &
		CLIENTS+=($!)
	done
}

@test "without descriptors: metering and exports go on, nothing runs in circles, and all are served again" {
	local n client

	configure_all
	start_nfcapd
	start_record
	start_agent
	begin_traffic 2000
	all_advance
	forbid_descriptors
	begin_clients
	router ip link add extra0 type bridge
	router ip link set extra0 up
	start_tcp_collector
	is_at_rest
	for ((n = 0; n < 6; n++)); do
		eventually 10 advances record "$(progress record)"
	done
	is_at_rest
	same "" "$(cat "$WORK"/asked-*)"
	grep -q 'extra0: Too many open files' "$WORK/agent.log"
	allow_descriptors
	# That not all is well yet, which status says by its own status, is no matter here.
	for client in "${CLIENTS[@]}"; do
		wait "$client" || :
	done
	for ((n = 0; n < 20; n++)); do
		grep -q '^flowtally_build_info' "$WORK/scraped-$n"
		jq -e .schema "$WORK/asked-$n" >/dev/null
	done
	others_advance spool
	eventually 30 is_metered extra0
	eventually 30 collector_is state '"open"' 2
	(($(metric flowtally_textfile_errors_total) > 1))
	(($(metric 'flowtally_file_errors_total{file="run"}') > 1))
	cat "$WORK/agent.log"
	same 1 "$(times_in_log 'flowtally.prom: Too many open files')"
	same 1 "$(times_in_log 'run/totals: Too many open files')"
	end_traffic
	wait_sweeps
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
	same "$SENT" "$(ipfix_sums 4740 | uploads)"
}
