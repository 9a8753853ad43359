#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The agent is killed at random moments under load, and so is each of its helpers: the next one adopts what there is, nothing
# is lost, and what a crash may repeat is repeated as it was, so that it can be told from what is new.
#
# FAULTS_SECONDS=600 for ten minutes; FAULTS_SEED=N, which each run prints, for the same moments again.

load lib
load transports
load faults

setup() {
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

# Packets of the hosts' records that have come to PORT, each record once, whoever had it twice.
unique_uploads() {
	ipfix_records "$1" | jq -c 'select(.octetDeltaCount and .flowDirection == "0")' | sort -u |
		jq -s '[.[].packetDeltaCount | tonumber] | add'
}

unique_lines() {
	jq -c 'select(.record == "host" and .direction == "upload")' "$1" | sort -u | jq -s '[.[].packets] | add'
}

# Each is whole but those at which the agent was killed.
torn_lines() {
	local line torn=0

	while IFS= read -r line; do
		jq -e .record <<<"$line" >/dev/null 2>&1 || torn=$((torn + 1))
	done < <(grep -v '^{.*}$' "$1")
	echo "$torn"
}

account() {
	ask status -o json | jq ".collectors[] | select(.collector == \"127.0.0.1:$1\") | $2"
}

# between LOW VALUE HIGH
between() {
	if (($1 > $2 || $2 > $3)); then
		echo "not between $1 and $3: $2"
		return 1
	fi
}

random_pause() {
	sleep "$(printf '0.%03d' $((RANDOM % 1000)))"
}

# kill_at_random SECONDS: again and again, whatever the agent does, also while it starts.
kill_at_random() {
	local end=$((SECONDS + $1))

	KILLS=0
	while ((SECONDS < end)); do
		random_pause
		kill_agent
		KILLS=$((KILLS + 1))
		promtool check metrics <"$WORK/$DISK/textfile/flowtally.prom" >/dev/null
		launch_agent
	done
	eventually 20 agent_is_ready
}

@test "killed at random moments under load: all is counted once, and in each output at least once" {
	local repeated seconds=${FAULTS_SECONDS:-15} leftovers

	RANDOM=${FAULTS_SEED:=$((RANDOM))}
	echo "# FAULTS_SEED=$FAULTS_SEED, for $seconds s" >&3
	configure_all interval=100ms
	start_nfcapd
	start_record
	start_tcp_collector
	start_agent
	eventually 10 test -s "$WORK/$DISK/textfile/flowtally.prom"
	begin_traffic 4000
	kill_at_random "$seconds"
	end_traffic
	wait_sweeps
	wait_sweeps
	sums_agree
	# It was never without its sums, nor has it found anything that it could not read.
	fails grep -vE ': HTTP: listening|: metering by|: taken over by|: ready$|4741: the agent has crashed, and what waited is lost|4741: works again' \
		"$WORK/agent.log"
	ask status -o json >"$WORK/status"
	repeated=$(account 4740 .repeated_packets)
	same 0 "$(account 4740 .account.dropped.packets)"
	stop_agent
	leftovers=$(find "$WORK/$DISK" -name '*.new-*')
	stop_collectors
	same "$SENT" "$(unique_uploads 4740)"
	same "$SENT" "$(unique_lines "$WORK/beside.json")"
	same "$SENT" "$(unique_lines "$WORK/$DISK/lines/all.json")"
	between "$SENT" "$(nfdump_sums | uploads)" $((SENT + repeated))
	between "$SENT" "$(ipfix_sums 4740 | uploads)" $((SENT + repeated))
	same 0 "$(torn_lines "$WORK/beside.json")"
	echo "# $KILLS kills, $SENT packets sent, $(ipfix_sums 4740 | uploads) of them in records, at most $repeated repeated" >&3
	same '' "$leftovers"
}

# helper broker|hooks: its process
helper() {
	local pid

	for pid in $(pgrep -P "$AGENT"); do
		if [[ $(sed -n 's/^CapPrm:\s*//p' "/proc/$pid/status") == 0000000000000000 ]]; then
			[[ $1 == broker ]] || echo "$pid"
		else
			[[ $1 == hooks ]] || echo "$pid"
		fi
	done
}

@test "where the broker is killed, the agent says so and ends, and the next one goes on" {
	configure_all
	start_nfcapd
	start_agent
	begin_traffic 2000
	wait_sweeps
	kill -KILL "$(helper broker)"
	eventually 10 ended "$AGENT"
	fails wait "$AGENT"
	grep -q 'the privileged process has ended, so do we' "$WORK/agent.log"
	same 2 "$(hooks)"
	start_agent
	wait_sweeps
	end_traffic
	wait_sweeps
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
}

@test "where the hooks' process is killed, lines go on as they are, and it is said and counted" {
	configure_all lines=', hooks: [{ name: mark, shell: "jq -c \"[.[] | .mark = 1]\"" }]'
	start_nfcapd
	start_agent
	begin_traffic 500
	eventually 20 grep -q '"mark":1' "$WORK/beside.json"
	kill -KILL "$(helper hooks)"
	wait_sweeps
	wait_sweeps
	kill -0 "$AGENT"
	end_traffic
	wait_sweeps
	wait_sweeps
	same 1 "$(times_in_log 'beside.json: the process that runs hooks has ended')"
	(($(metric flowtally_json_lines_hook_failures_total) > 0))
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
	same "$SENT" "$(unique_lines "$WORK/beside.json")"
}
