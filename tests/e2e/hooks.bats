#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# tcx and clsact: which is taken, in which order with others, and what moves from one to the other.

load lib

setup() {
	setup_lab 1
	choose auto first
	FOREIGN=()
}

teardown() {
	local pid

	for pid in "${FOREIGN[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	teardown_lab
}

# choose HOOK ORDER
choose() {
	write_config collectors='[]' options="hook: $1, order: $2"
}

hook_of() {
	ask status -o json | jq -r '.interfaces[] | select(.interface == "br-lan").hook'
}

is_hooked_by() {
	same "$1" "$(hook_of)"
}

# foreign HOOK ORDER VERDICT: a program of another's at tcx
foreign() {
	spawn router "$WORK/foreign" "$TOOLS/tcx" attach br-lan "$@"
	FOREIGN+=($!)
	eventually 5 grep -q attached "$WORK/foreign"
	rm "$WORK/foreign"
}

order_at() {
	router "$TOOLS/tcx" list br-lan | sed -n "s/^$1 //p" | paste -sd ' '
}

uploads() {
	ask hosts -o json | jq '[.hosts[].upload.packets] | add // 0'
}

# What tc tells of the router.
configuration() {
	router tc qdisc show
	router tc filter show dev br-lan ingress
	router tc filter show dev br-lan egress
}

@test "by tcx where the kernel has it, and then tc shows no difference" {
	needs_tcx
	configuration >"$WORK/before"
	start_agent
	same tcx "$(hook_of)"
	configuration >"$WORK/during"
	diff "$WORK/before" "$WORK/during"
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same 3 "$(uploads)"
	stop_agent
	same '' "$(router "$TOOLS/tcx" list br-lan)"
}

@test "by clsact where the kernel has nothing else, or where that is asked for" {
	has_tcx && choose clsact first
	start_agent
	same clsact "$(hook_of)"
	same 2 "$(hooks)"
}

@test "tcx that is asked for and not there is a fault that says so" {
	has_tcx && skip "this kernel has tcx"
	choose tcx first
	start_agent
	same 'attach by tcx: this kernel has no tcx (Linux 6.6 has)' "$(ask status -o json | jq -r '.faults[].fault')"
}

@test "first: what others drop behind us has been counted" {
	needs_tcx
	foreign ingress first drop
	start_agent
	same 'flowtally_ingre foreign' "$(order_at ingress)"
	fails desktop ping -q -c 3 -i 0.01 -W 1 "$LAB_INTERNET"
	wait_sweeps
	same 3 "$(uploads)"
	ledger_balances
}

@test "last: what others drop before us is not counted, and the ledger says so" {
	needs_tcx
	choose auto last
	foreign ingress first drop
	start_agent
	same 'foreign flowtally_ingre' "$(order_at ingress)"
	fails desktop ping -q -c 3 -i 0.01 -W 1 "$LAB_INTERNET"
	wait_sweeps
	same 0 "$(uploads)"
	same '[false,true]' "$(ledger receive '[.balanced, .difference.frames >= 3]')"
}

@test "last by clsact is behind the filters of others" {
	choose clsact last
	router tc qdisc add dev br-lan clsact
	router tc filter add dev br-lan ingress pref 49152 bpf da bytecode '1,6 0 0 2,'
	start_agent
	fails desktop ping -q -c 3 -i 0.01 -W 1 "$LAB_INTERNET"
	wait_sweeps
	same 0 "$(uploads)"
}

@test "what is attached stays as it is, unless another hook is asked for" {
	needs_tcx
	choose clsact first
	start_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET"
	kill_agent
	choose auto first
	start_agent
	same clsact "$(hook_of)"
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	choose tcx first
	kill -HUP "$AGENT"
	eventually 5 is_hooked_by tcx
	same 2 "$(hooks)"
	same '' "$(router tc qdisc show dev br-lan | grep clsact || :)"
	desktop ping -q -c 4 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	choose clsact first
	kill -HUP "$AGENT"
	eventually 5 is_hooked_by clsact
	same 2 "$(hooks)"
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same 14 "$(uploads)"
	ledger_balances
}

@test "a move to another hook under traffic misses frames, and no ledger takes them for lost" {
	local hook pid i

	needs_tcx
	choose clsact first
	start_agent
	spawn desktop /dev/null ping -q -c 100000 -i 0.002 "$LAB_INTERNET"
	pid=$!
	for ((i = 0; i < 1 + 4 / SLOW; i++)); do
		for hook in tcx clsact; do
			wait_sweeps
			choose "$hook" first
			kill -HUP "$AGENT"
			eventually 5 is_hooked_by "$hook"
		done
		# So, too, at a start.
		kill_agent
		choose tcx first
		start_agent
		same tcx "$(hook_of)"
		choose clsact first
		kill -HUP "$AGENT"
		eventually 5 is_hooked_by clsact
	done
	kill "$pid"
	wait "$pid" || :
	wait_sweeps
	ledger_balances
}

@test "killed in any state, the next agent finds what is attached by tcx" {
	local i

	needs_tcx
	for i in 1 2 3 4 5; do
		start_agent
		desktop ping -q -c "$i" -i 0.01 "$LAB_INTERNET"
		kill_agent
		same 2 "$(hooks)"
		desktop ping -q -c 1 -i 0.01 "$LAB_INTERNET"
	done
	start_agent
	wait_sweeps
	same 20 "$(uploads)"
	ledger_balances
	stop_agent
	same 0 "$(hooks)"
}

@test "the agent that is replaced in place misses no frame" {
	local pid i

	for i in auto clsact; do
		choose "$i" first
		start_agent
		spawn desktop /dev/null ping -q -c 500 -i 0.004 "$LAB_INTERNET"
		pid=$!
		while kill -0 "$pid" 2>/dev/null; do
			kill_agent
			start_agent
		done
		wait "$pid"
		wait_sweeps
		same 500 "$(uploads)"
		stop_agent
		rm -rf "$WORK/state"
	done
}
