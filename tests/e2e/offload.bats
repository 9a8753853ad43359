#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What the meter cannot see is found and said, and what is said is what happens: flowtables, XDP and programs of
# others keep packets from some hooks, and not from others. Where the kernel has no flowtables, their tests are
# skipped.

load lib

setup() {
	setup_lab 1
	CHANGES=0
}

teardown() {
	teardown_lab
}

# start_metering [OPTION]: all interfaces of the router
start_metering() {
	write_config match='*' collectors='[]' options="${1:-hook: auto}"
	start_agent
}

# What status says, as "INTERFACE KIND" in JSON, sorted.
offloads() {
	ask status -o json | jq -c '[.offloads[] | "\(.interface) \(.kind)"] | sort'
}

offloads_are() {
	same "$1" "$(offloads)"
}

# found EXPECTED: as offloads() has it, after a change of interfaces that concerns nobody
found() {
	CHANGES=$((CHANGES + 1))
	router ip address add "192.0.2.$CHANGES/32" dev lo
	eventually 10 offloads_are "$1"
}

# sheet INTERFACE DIRECTION FILTER: by jq from its sheet
sheet() {
	ask ledger -o json | jq -c --arg interface "$1" --arg direction "$2" \
		".sheets[] | select(.interface == \$interface and .direction == \$direction) | $3"
}

# times_said TEXT: in the log
times_said() {
	grep -cF "flowtally: $1" "$WORK/agent.log" || :
}

metric_of() {
	sed -n "s/^flowtally_interface_offload_active{interface=\"$1\",kind=\"$2\"} //p" "$WORK/flowtally.prom"
}

metric_is() {
	same "$3" "$(metric_of "$1" "$2")"
}

# --- XDP and programs of others

@test "an XDP program is said when it comes and when it goes, once" {
	start_metering
	same '[]' "$(offloads)"
	router "$TOOLS/xdp" wan generic pass
	eventually 10 offloads_are '["wan xdp"]'
	eventually 10 metric_is wan xdp 1
	same 0 "$(metric_of br-lan xdp)"
	desktop ping -q -c 3 -i 0.05 "$LAB_INTERNET"
	ask status | grep -q '^wan  *xdp  *an XDP program'
	router ip link set dev wan xdpgeneric off
	eventually 10 offloads_are '[]'
	eventually 10 metric_is wan xdp 0
	same 1 "$(times_said 'wan: xdp: an XDP program comes before our hooks')"
	same 1 "$(times_said 'wan: xdp: no more')"
}

@test "what XDP drops is not counted, and the ledger is short of it" {
	start_metering
	router "$TOOLS/xdp" wan generic drop
	eventually 10 offloads_are '["wan xdp"]'
	fails desktop ping -q -c 3 -i 0.05 -W 1 "$LAB_INTERNET"
	wait_sweeps
	same '[0,3,false]' "$(sheet wan receive '[.seen.frames, .difference.frames, .balanced]')"
	fails ask status >/dev/null
}

@test "XDP at a port keeps packets from the bridge, too" {
	start_metering
	router "$TOOLS/xdp" desktop generic pass
	eventually 10 offloads_are '["br-lan xdp","desktop xdp"]'
}

@test "a program of others before ours is said, one after ours is not" {
	needs_tcx
	start_metering 'hook: tcx'
	spawn router "$WORK/last" "$TOOLS/tcx" attach wan ingress last pass
	eventually 5 grep -q attached "$WORK/last"
	found '[]'
	spawn router "$WORK/first" "$TOOLS/tcx" attach wan egress first drop
	local first=$!
	eventually 5 grep -q attached "$WORK/first"
	found '["wan program-before"]'
	same '{"receive":0,"transmit":1}' "$(programs_before wan)"
	fails desktop ping -q -c 3 -i 0.05 -W 1 "$LAB_INTERNET"
	wait_sweeps
	same 0 "$(sheet wan transmit .seen.frames)"
	kill "$first"
	# Nothing tells that it has gone: it is noticed all the same.
	eventually 60 offloads_are '[]'
	same 1 "$(times_said 'wan: program-before: no more')"
}

@test "so are filters and tcx programs before our filter of clsact" {
	router tc qdisc add dev wan clsact
	router tc filter add dev wan ingress pref 1 protocol ip u32 match ip protocol 1 0xff classid 1:1
	start_metering 'hook: clsact'
	offloads_are '["wan program-before"]'
	router tc filter add dev desktop egress pref 100 protocol ip u32 match ip protocol 1 0xff classid 1:1
	found '["wan program-before"]'
	if ! has_tcx; then
		return
	fi
	spawn router "$WORK/tcx" "$TOOLS/tcx" attach desktop egress last next
	eventually 5 grep -q attached "$WORK/tcx"
	found '["desktop program-before","wan program-before"]'
	same '{"receive":0,"transmit":1}' "$(programs_before desktop)"
}

programs_before() {
	ask status -o json | jq -c --arg interface "$1" \
		'.interfaces[] | select(.interface == $interface) | .programs_before'
}

# --- flowtables

needs_flowtables() {
	router nft add table inet probe '{ flowtable f { hook ingress priority 0; }; }' ||
		skip "this kernel has no flowtables"
	router nft delete table inet probe
}

# set_flowtable DEVICE...: for all TCP that the router forwards
set_flowtable() {
	local devices

	printf -v devices '%s, ' "$@"
	router nft -f - <<-END
		table inet filter
		delete table inet filter
		table inet filter {
			flowtable fast {
				hook ingress priority 0
				devices = { ${devices%, } }
			}
			chain forward {
				type filter hook forward priority 0
				meta l4proto tcp flow add @fast
				counter
			}
		}
	END
}

# How many packets took the way of routing and bridging.
slow_packets() {
	router nft -j list chain inet filter forward | jq '.nftables[].rule.expr | arrays | .[].counter.packets | numbers'
}

is_offloaded() {
	router grep -q 'tcp .*\[OFFLOAD\]' /proc/net/nf_conntrack
}

# transfer [ADDRESS]: from the desktop; keeps in $WORK/seen what each interface and hook has seen of it
transfer() {
	local client

	seen_by_all >"$WORK/before"
	spawn internet /dev/null iperf3 -s -1 -p 5201
	eventually 10 internet_listens 5201
	# It takes as long as it takes to look at conntrack.
	spawn desktop "$WORK/iperf" iperf3 -c "${1:-$LAB_INTERNET}" -p 5201 -n 6M -b 16M -w 256K --connect-timeout 5000
	client=$!
	eventually 10 is_offloaded
	wait "$client" || {
		cat "$WORK/iperf"
		return 1
	}
	wait_sweeps
	seen_by_all >"$WORK/after"
	jq -n --slurpfile before "$WORK/before" --slurpfile after "$WORK/after" '
		$after[0] | with_entries(.key as $key | .value -= ($before[0][$key] // 0))' >"$WORK/seen"
	cat "$WORK/seen"
	echo "by routing: $(slow_packets)"
}

seen_by_all() {
	ask ledger -o json | jq '[.sheets[] | {key: "\(.interface) \(.direction)", value: .seen.packets}] | from_entries'
}

# What each interface that saw anything has [received, transmitted] of the last transfer: "all" that the desktop's
# port has, which the ledger has balanced, or "few".
summary() {
	jq -c 'with_entries(select(.value > 0)) |
		def word($all): if . == $all then "all" elif . < 20 then "few" else . end;
		def pair($interface; $in; $out):
			[(.[$interface + " receive"] | word($in)), (.[$interface + " transmit"] | word($out))];
		. as $seen | .["desktop receive"] as $up | .["desktop transmit"] as $down |
		if $up < 4000 or $down < 60 then "no transfer" else
			[keys[] | split(" ")[0]] | unique | map(. as $interface | {key: ., value: ($seen |
				if $interface == "desktop" or $interface == "br-lan" then pair($interface; $up; $down)
				else pair($interface; $down; $up) end)}) | from_entries
		end' "$WORK/seen"
}

is_fast() {
	(($(slow_packets) < 30))
}

# One interface of the flowtable is a port of br-lan.
over_port_and_uplink() {
	needs_flowtables
	set_flowtable desktop wan
	start_metering "$1"
	offloads_are '["br-lan flowtable-below","desktop flowtable","wan flowtable"]'
	transfer
	is_fast
	same '{"br-lan":["few","few"],"desktop":["all","all"],"wan":["all","all"]}' "$(summary)"
	ledger_balances
}

@test "by clsact, a flowtable hides nothing from its own interfaces, and nearly all from the bridge" {
	over_port_and_uplink 'hook: clsact'
}

@test "it is the same by tcx" {
	needs_tcx
	over_port_and_uplink 'hook: tcx'
}

@test "a flowtable of the bridge itself hides nothing" {
	needs_flowtables
	set_flowtable br-lan wan
	start_metering
	offloads_are '["br-lan flowtable","wan flowtable"]'
	transfer
	is_fast
	same '{"br-lan":["all","all"],"desktop":["all","all"],"wan":["all","all"]}' "$(summary)"
	ledger_balances
}

# make_uplink TYPE [OPTION]...: "up" of the router over wan, to 198.18.0.80 on the internet's INTERFACE
make_uplink() {
	local router_mac internet_mac interface=$1

	shift
	router ip link add dev up "$@"
	[[ $* != *bond* ]] || enslave_wan
	router ip address add 198.18.0.1/24 dev up
	router ip link set dev up up
	internet ip address add 198.18.0.80/24 dev "$interface"
	internet ip link set dev "$interface" up
	internet ip route add 192.168.2.0/24 via 198.18.0.1
	router_mac=$(router ip -j link show dev up | jq -r '.[0].address')
	internet_mac=$(internet ip -j link show dev "$interface" | jq -r '.[0].address')
	lab_neighbours up "$internet_mac" 198.18.0.80 | lab_batch "$LAB" router
	lab_neighbours "$interface" "$router_mac" 198.18.0.1 | lab_batch "$LAB" internet
	lab_settle "$LAB"
}

enslave_wan() {
	router ip link set dev wan down
	router ip link set dev wan master up
}

@test "a VLAN of one of its interfaces transmits in our sight, but does not receive" {
	needs_flowtables
	internet ip link add link eth0 name eth0.7 type vlan id 7
	make_uplink eth0.7 link wan type vlan id 7
	set_flowtable desktop wan
	start_metering
	offloads_are '["br-lan flowtable-below","desktop flowtable","up flowtable-below","wan flowtable"]'
	transfer 198.18.0.80
	is_fast
	same '{"br-lan":["few","few"],"desktop":["all","all"],"up":["few","all"],"wan":["all","all"]}' "$(summary)"
	ledger_balances
}

@test "a MACVLAN sees all" {
	needs_flowtables
	make_uplink eth0 link wan type macvlan mode bridge
	set_flowtable desktop wan
	start_metering
	offloads_are '["br-lan flowtable-below","desktop flowtable","wan flowtable"]'
	transfer 198.18.0.80
	same '["all","all"]' "$(summary | jq -c .up)"
	ledger_balances
}

@test "so does a bond" {
	needs_flowtables
	make_uplink eth0 type bond mode active-backup
	set_flowtable desktop wan
	start_metering
	offloads_are '["br-lan flowtable-below","desktop flowtable","wan flowtable"]'
	transfer 198.18.0.80
	same '["all","all"]' "$(summary | jq -c .up)"
	ledger_balances
}

# make_session NODE INTERFACE REMOTE-MAC ADDRESS PEER: a PPPoE session, "ppp0"
make_session() {
	spawn "$1" "$WORK/session-$1" "$TOOLS/pppoe" "$2" "$3" 7
	eventually 10 grep -q '^ppp0$' "$WORK/session-$1"
	lab_ip "$LAB" "$1" address add "$4" peer "$5" dev ppp0
	lab_ip "$LAB" "$1" link set ppp0 up mtu 1492
}

@test "so it is with PPPoE, which is not IP to the interface below" {
	needs_flowtables
	needs_module pppoe
	make_session router wan "$LAB_INTERNET_MAC" 198.18.0.1 198.18.0.80
	make_session internet eth0 "$LAB_WAN_MAC" 198.18.0.80 198.18.0.1
	internet ip route add 192.168.2.0/24 dev ppp0
	set_flowtable desktop wan
	start_metering
	offloads_are '["br-lan flowtable-below","desktop flowtable","ppp0 flowtable-below","wan flowtable"]'
	transfer 198.18.0.80
	is_fast
	same '{"br-lan":["few","few"],"desktop":["all","all"],"ppp0":["few","all"],"wan":["all","all"]}' "$(summary)"
	ledger_balances
	same true "$(sheet wan transmit '.classes["not-ip"].packets > 4000')"
}

@test "a flowtable is said when it comes and when it goes, once" {
	needs_flowtables
	start_metering
	same '[]' "$(offloads)"
	set_flowtable desktop
	# Nothing tells of it: it is noticed all the same.
	eventually 60 offloads_are '["br-lan flowtable-below","desktop flowtable"]'
	eventually 10 metric_is br-lan flowtable-below 1
	same 0 "$(metric_of wan flowtable)"
	router nft delete table inet filter
	found '[]'
	same 1 "$(times_said 'br-lan: flowtable-below: a flowtable may forward packets past')"
	same 1 "$(times_said 'br-lan: flowtable-below: no more')"
}

@test "a flowtable of another namespace concerns the interfaces there" {
	needs_flowtables
	desktop nft -f - <<-END
		table inet filter {
			flowtable fast {
				hook ingress priority 0
				devices = { eth0 }
			}
		}
	END
	write_config match="$LAB-desktop:eth0" collectors='[]'
	start_agent
	offloads_are "[\"$LAB-desktop:eth0 flowtable\"]"
}
