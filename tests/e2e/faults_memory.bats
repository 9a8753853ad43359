#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Memory that ends: new tables cannot be made, at the start, at a reload or for an interface that comes. It is said clearly,
# what was metered is metered on, and when there is memory again so is the rest. The memory is that of a cgroup: the kernel
# charges its tables to who makes them, and refuses them beyond the limit.

load lib
load faults

setup() {
	setup_lab 1
	mkdir -p "$WORK/$DISK"/{run,state,textfile,lines,spool}
	make_group
}

teardown() {
	stop_traffic
	teardown_lab
	remove_group
}

# Of version 1 or 2, whichever controls memory here.
make_group() {
	local parent=/sys/fs/cgroup/memory

	GROUP=
	if [[ -e $parent/memory.limit_in_bytes ]]; then
		LIMIT=memory.limit_in_bytes USAGE=memory.usage_in_bytes UNLIMITED=-1
	else
		parent=/sys/fs/cgroup
		echo +memory >"$parent/cgroup.subtree_control" 2>/dev/null || :
		grep -qw memory "$parent/cgroup.subtree_control" 2>/dev/null || skip "no cgroup controls memory here"
		LIMIT=memory.max USAGE=memory.current UNLIMITED=max
	fi
	GROUP=$parent/flowtally-$$
	mkdir "$GROUP"
}

remove_group() {
	if [[ ${GROUP:-} ]]; then
		eventually 10 rmdir "$GROUP"
	fi
}

# limit_memory MIB: more than is used now
limit_memory() {
	echo $(($(cat "$GROUP/$USAGE") + ($1 << 20))) >"$GROUP/$LIMIT"
}

allow_memory() {
	echo "$UNLIMITED" >"$GROUP/$LIMIT"
}

launch_in_group() {
	# shellcheck disable=SC2016  # the inner shell's
	spawn router "$WORK/agent.log" bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$GROUP" \
		"$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
}

start_in_group() {
	launch_in_group
	eventually 10 agent_is_ready
}

is_metered() {
	same 2 "$(hooks "$1")"
}

reload_with() {
	local before

	before=$(times_in_log 'read again')
	configure_all "$@"
	kill -HUP "$AGENT"
	eventually 10 is_said_after "$before" 'read again'
}

is_said_after() {
	(($(times_in_log "$2") > $1))
}

# The tables of flows: how many entries each has.
flow_tables() {
	ask status -o json | jq '.tables[] | select(.table == "flow-table").limit'
}

@test "without memory for larger tables: a reload says so, and what was metered is metered on" {
	configure_all
	start_nfcapd
	start_record
	start_in_group
	begin_traffic 2000
	all_advance
	limit_memory 8
	reload_with flows_max=1048576
	wait_sweeps
	same 1 "$(times_in_log 'flow_table_ipv4 of 1048576 entries: Cannot allocate memory (the tables of flows keep 8192 entries)')"
	same 8192 "$(flow_tables)"
	all_advance
	allow_memory
	reload_with flows_max=524288
	all_advance
	same 524288 "$(flow_tables)"
	end_traffic
	wait_sweeps
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
}

@test "without memory for tables of flows at the start: it is said, hosts are metered, and flows from a reload on" {
	configure_all flows_max=4194304
	echo $((64 << 20)) >"$GROUP/$LIMIT"
	start_nfcapd
	start_in_group
	begin_traffic 2000
	wait_sweeps
	same 1 "$(times_in_log 'flow_table_ipv4 of 4194304 entries: Cannot allocate memory (flows without room are only in the ledger)')"
	allow_memory
	reload_with
	eventually 10 advances lines "$(progress lines)"
	same 8192 "$(flow_tables)"
	end_traffic
	wait_sweeps
	same "$SENT" "$(hosts_sums | uploads)"
	ledger_balances
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
}

@test "without memory for tables of hosts at the start: it says so, ends, and leaves nothing behind" {
	configure_all hosts_max=2097152
	echo $((64 << 20)) >"$GROUP/$LIMIT"
	launch_in_group
	eventually 20 ended "$AGENT"
	fails wait "$AGENT"
	same "flowtally: make the map host_table of 2097152 entries: Cannot allocate memory" "$(cat "$WORK/agent.log")"
	same 0 "$(hooks)"
	same '' "$(ls "$WORK/$DISK/run")"
}

@test "without any memory: whoever of its processes the kernel kills, the next start goes on" {
	local n

	configure_all
	start_nfcapd
	start_in_group
	begin_traffic 2000
	wait_sweeps
	# Not even for the program of another interface.
	limit_memory 0
	for ((n = 0; n < 50; n++)); do
		ended "$AGENT" || router ip link add "extra$n" up type bridge
	done
	eventually 20 ended "$AGENT"
	wait "$AGENT" || :
	same 2 "$(hooks)"
	allow_memory
	start_in_group
	eventually 20 is_metered extra0
	end_traffic
	wait_sweeps
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
}
