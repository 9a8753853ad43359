#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# How the hooks of `flowtally flows --packets` come and go, without an agent and beside one, and what is left behind.

# shellcheck disable=SC2030,SC2031  # each test is a process of its own

load lib
load packets

setup() {
	setup_packets
}

teardown() {
	teardown_packets
}

configuration() {
	router tc qdisc show
	router tc filter show dev br-lan ingress
	router tc filter show dev br-lan egress
	router "$TOOLS/tcx" list br-lan
}

@test "ended, it leaves nothing; killed, nothing where there is tcx, else filters, which are shown and disturb no other" {
	local left=2

	if has_tcx; then
		left=0
	fi
	configuration >"$WORK/before"
	packets br-lan --sample 1
	stop
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
	packets br-lan --sample 1
	kill -KILL "$PRINTER"
	wait "$PRINTER" || :
	eventually 10 are_hooks "$left"
	same "$left" "$(router "$FLOWTALLY" meter status | grep -c '^br-lan:.*program')"
	packets br-lan --sample 1
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	eventually 10 lines_are 6 icmp
	stop
	are_hooks "$left"
}

@test "an agent goes on undisturbed" {
	write_config collectors='[]'
	start_agent
	packets br-lan --sample 1
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	eventually 10 lines_are 6 icmp
	router ip address add 192.0.2.1/32 dev lo
	wait_sweeps
	same '[]' "$(ask status -o json | jq -c .offloads)"
	stop
	are_hooks 2
	ledger_balances
	same 3 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
	stop_agent
	are_hooks 0
}

@test "interfaces that go are said; with the last one it ends, and all that was seen is shown" {
	local other=$LAB-other

	ip netns add "$other"
	ip -n "$other" link add pk0 up type bridge mcast_snooping 0
	router ip link add pk1 up type bridge mcast_snooping 0
	packets "$other:pk0" pk1 br-lan --sample 1
	router ip link del pk1
	eventually 10 grep -qx 'flowtally: flows: pk1: the interface is gone' "$WORK/errors"
	ip netns del "$other"
	eventually 10 grep -qx "flowtally: flows: $other:pk0: the interface is gone" "$WORK/errors"
	desktop ping -q -c 1 "$LAB_INTERNET"
	router ip link del br-lan
	ends 1
	lines_are 2 'br-lan .* icmp'
	same 'flowtally: flows: br-lan: the interface is gone' "$(sed -n 3p "$WORK/errors")"
	same 3 "$(wc -l <"$WORK/errors")"
}
