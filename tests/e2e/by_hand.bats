#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Attached and detached by hand, with an agent and without one; the words of linux-flow-exporter.

load lib

setup() {
	setup_lab 1
	OTHER=$LAB-a.b
	write_config match=none collectors='[]'
	lab_ip "$LAB" router link add eth1 type veth peer name peer1
	lab_ip "$LAB" router link add eth10 type veth peer name peer10
	lab_ip "$LAB" router link set eth1 up
}

teardown() {
	ip netns del "$OTHER" 2>/dev/null || :
	teardown_lab
}

# by_hand attach|detach|"meter attach" ARGUMENT...: in the router
by_hand() {
	local words

	read -ra words <<<"$1"
	shift
	lab_in "$LAB" router "$FLOWTALLY" "${words[@]}" -c "$WORK/flowtally.yaml" "$@"
}


configuration() {
	router tc qdisc show
	for interface in eth1 eth10; do
		router tc filter show dev "$interface" ingress
		router tc filter show dev "$interface" egress
		router "$TOOLS/tcx" list "$interface"
	done
}

@test "without an agent: attached, counted, adopted by the next agent, detached" {
	same $'br-lan:ingress (changed)\nbr-lan:egress (changed)' "$(by_hand attach br-lan --side lan)"
	same 2 "$(hooks)"
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	same $'br-lan:ingress (unchanged)\nbr-lan:egress (unchanged)' "$(by_hand attach br-lan --side lan)"
	start_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same 5 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
	ledger_balances
	# What was attached by hand stays when the agent goes.
	stop_agent
	same 2 "$(hooks)"
	desktop ping -q -c 4 -i 0.01 "$LAB_INTERNET"
	same $'br-lan:ingress (changed)\nbr-lan:egress (changed)' "$(by_hand detach br-lan)"
	same 0 "$(hooks)"
	same $'br-lan:ingress (unchanged)\nbr-lan:egress (unchanged)' "$(by_hand detach br-lan)"
	start_agent
	wait_sweeps
	same 9 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
	stop_agent
	same '' "$(find "$WORK/run" -mindepth 1)"
}

@test "with an agent: what is said by hand holds against the configuration, and over a restart" {
	write_config match=br-lan collectors='[]'
	start_agent
	same $'eth1:ingress (changed)\neth1:egress (changed)' "$(by_hand attach eth1 --side lan --alias uplink)"
	same '["br-lan","uplink"]' "$(metered)"
	same $'br-lan:ingress (changed)\nbr-lan:egress (changed)' "$(by_hand detach br-lan)"
	wait_sweeps
	same '["uplink"]' "$(metered)"
	kill_agent
	start_agent
	same '["uplink"]' "$(metered)"
	by_hand attach br-lan --side lan
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same 3 "$(ask hosts -o json | jq '[.hosts[] | select(.interface == "br-lan") | .upload.packets] | add')"
	ledger_balances
}

metered() {
	ask status -o json | jq -c '[.interfaces[] | select(.attached) | .interface] | sort'
}

@test "a name, a glob or an expression for the whole name; in a namespace, too" {
	ip netns add "$OTHER"
	ip -n "$OTHER" link add eth0.100 type bridge
	ip -n "$OTHER" link add eth1 type bridge
	same 2 "$(by_hand attach --dry eth1 | wc -l)"
	same 4 "$(by_hand attach --dry 'eth*' | wc -l)"
	same 4 "$(by_hand attach --dry 'eth\d+' | wc -l)"
	same 'lo' "$(router ip -j link | jq -r '.[].ifname' | grep -vFf <(by_hand attach --dry '.*' | cut -d : -f 1))"
	same 2 "$(by_hand attach --dry "$OTHER:eth1" | wc -l)"
	same $'OTHER:eth0.100:ingress (changed)\nOTHER:eth0.100:egress (changed)' \
		"$(by_hand attach -i "$OTHER:eth0.100" | sed "s/^$OTHER/OTHER/")"
	same $'OTHER:eth1:ingress (changed)\nOTHER:eth1:egress (changed)' \
		"$(by_hand 'meter attach' --netns "$OTHER" -n eth1 | sed "s/^$OTHER/OTHER/")"
	same 4 "$(router "$FLOWTALLY" meter status | grep -c "^$OTHER:.*hook")"
	same 4 "$(by_hand 'meter detach' -i "$OTHER:.*" | grep -c changed)"
	same 4 "$(router "$FLOWTALLY" meter status | grep -c "^$OTHER:.*nil")"
}

@test "a dry run changes nothing" {
	configuration >"$WORK/before"
	same $'eth1:ingress (changed)\neth1:egress (changed)' "$(by_hand attach --dry eth1)"
	by_hand 'meter attach' --dry -i eth1 --pref 7
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
	by_hand attach eth1
	configuration >"$WORK/before"
	same $'eth1:ingress (changed)\neth1:egress (changed)' "$(by_hand detach --dry eth1)"
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
}

program_ids() {
	router "$FLOWTALLY" meter status | sed -n 's/^br-lan:.*program = //p'
}

@test "force replaces the programs, and counting goes on throughout" {
	local hook before pid _

	for hook in tcx clsact; do
		if [[ $hook == tcx ]] && ! has_tcx; then
			continue
		fi
		by_hand attach br-lan --side lan --hook "$hook"
		before=$(program_ids)
		desktop ping -q -c 400 -i 0.002 "$LAB_INTERNET" >/dev/null 3>&- &
		pid=$!
		for _ in 1 2 3 4 5; do
			same $'br-lan:ingress (changed)\nbr-lan:egress (changed)' \
				"$(by_hand attach br-lan --force --side lan --hook "$hook")"
		done
		wait "$pid"
		[[ $(program_ids) != "$before" ]]
		start_agent
		wait_sweeps
		same 400 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
		by_hand detach br-lan
		stop_agent
		rm -rf "$WORK/state"
	done
}

@test "preference and handle are of filters: who names them gets a filter" {
	by_hand 'meter attach' -i eth1 --pref 77 --handle 5
	router tc filter show dev eth1 ingress | grep -q 'pref 77 bpf chain 0 handle 0x5 flowtally'
	router tc filter show dev eth1 egress | grep -q 'pref 77 bpf chain 0 handle 0x5 flowtally'
	same 2 "$(by_hand 'meter detach' -i eth1 --pref 78 | grep -c unchanged)"
	same 2 "$(by_hand 'meter detach' -i eth1 --pref 77 --handle 5 | grep -c '(changed)')"
	by_hand 'meter attach' -i eth1 --hook clsact
	router tc filter show dev eth1 ingress | grep -q 'pref 100 bpf chain 0 handle 0x1 flowtally'
}

@test "detaching takes ours alone, and the qdisc if it was ours" {
	router tc qdisc add dev eth10 clsact
	router tc filter add dev eth10 ingress pref 10 bpf da bytecode '1,6 0 0 4294967295,'
	configuration >"$WORK/before"
	by_hand attach eth1 eth10 --hook clsact
	router "$FLOWTALLY" meter status >"$WORK/status"
	same 4 "$(grep -c '^eth.*hook = clsact' "$WORK/status")"
	by_hand detach eth1 eth10
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
}

@test "room for more entries in the kernel's tables" {
	by_hand attach eth1 -l 100000
	start_agent
	wait_sweeps
	wait_sweeps
	same 100000 "$(ask status -o json | jq '.tables[] | select(.table == "hosts").limit')"
	by_hand attach eth10 --interface-max-flow-limit 200000
	wait_sweeps
	wait_sweeps
	same 200000 "$(ask status -o json | jq '.tables[] | select(.table == "hosts").limit')"
}

# refuses STATUS MESSAGE COMMAND...
refuses() {
	local expected=$1 message=$2 status=0 output

	shift 2
	output=$(by_hand "$@" 2>&1 >/dev/null) || status=$?
	same "$expected" "$status"
	same 1 "$(wc -l <<<"$output")"
	grep -qF -- "$message" <<<"$output" || {
		echo "no \"$message\" in: $output"
		return 1
	}
}

@test "what cannot be done is said in one line" {
	refuses 2 'flowtally: attach: interface: none is named' attach
	refuses 1 'flowtally: attach: eth9: no such interface' attach eth9
	refuses 1 'flowtally: attach: gone:eth1: no such network namespace' attach gone:eth1
	refuses 1 'attach: [a: ' attach '[a'
	refuses 2 '--chain: filters of another chain than 0 see only what others send there' attach eth1 --chain 2
	refuses 2 '--pref: 70000 is not from 1 to 65535' attach eth1 --pref 70000
	refuses 2 '--hook: "xdp" is none of auto, tcx, clsact' attach eth1 --hook xdp
	refuses 2 'tcx has no preferences' attach eth1 --hook tcx --pref 7
	refuses 2 '--netns: it is of the interfaces that -n names' attach eth1 --netns a
	start_agent
	refuses 1 'flowtally: attach: eth9: no such interface' attach eth9
	refuses 1 'flowtally: detach: gone:eth1: no such network namespace' detach gone:eth1
}
