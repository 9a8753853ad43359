#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Devices that are no plain Ethernet: tunnels, PPP, VLANs, bonds; the host's kernel may lack most of them, those
# under which `make check-vm` runs this have them.

load lib

setup() {
	setup_lab 1
	write_config collectors='[]'
}

teardown() {
	teardown_lab
}

# needs_device TYPE [OPTION]...: skips where the kernel has none
needs_device() {
	if ! lab_ip "$LAB" router link add probe0 type "$@" 2>/dev/null; then
		skip "this kernel has no $1"
	fi
	lab_ip "$LAB" router link del probe0
}

# make_tunnel NAME OPTION...: between router and desktop, LOCAL and REMOTE standing for their addresses; without
# an address of its own from IPv6's autoconfiguration
make_tunnel() {
	local name=$1

	shift
	make_end router "$name" "$LAB_ROUTER" "$(lab_device_address 1)" "$@"
	make_end desktop "$name" "$(lab_device_address 1)" "$LAB_ROUTER" "$@"
	give_addresses "$name"
}

# make_end NODE NAME LOCAL REMOTE OPTION...
make_end() {
	local node=$1 name=$2 options

	options=${*:5}
	options=${options//LOCAL/$3}
	# shellcheck disable=SC2086
	lab_ip "$LAB" "$node" link add "$name" ${options//REMOTE/$4}
}

# give_addresses NAME: 10.77.0.0/24 and fd77::/64
give_addresses() {
	local number=1 node

	for node in router desktop; do
		lab_ip "$LAB" "$node" link set "$1" addrgenmode none 2>/dev/null || :
		lab_ip "$LAB" "$node" address add "10.77.0.$number/24" dev "$1"
		lab_ip "$LAB" "$node" link set "$1" up
		lab_in "$LAB" "$node" ip -6 address add "fd77::$number/64" dev "$1" nodad 2>/dev/null || :
		number=$((number + 1))
	done
	eventually 10 router ping -q -c 1 -W 1 10.77.0.2
}

# One JSON object: each host of INTERFACE with its downloads and uploads in packets and IP octets.
hosts_of() {
	ask hosts -o json | jq -c --arg interface "$1" '[.hosts[] | select(.interface == $interface) |
		{(.host): [.download.packets, .download.octets, .upload.packets, .upload.octets]}] | add'
}

# FAMILIES pings of 56 octets each way: what both ends of a tunnel are counted with
meters_pings() {
	local expected

	router ping -q -c 5 -i 0.01 -W 5 10.77.0.2
	if [[ $2 == both ]]; then
		router ping -q -c 3 -i 0.01 -W 5 fd77::2
		expected='{"10.77.0.2":[5,420,5,420],"fd77::2":[3,312,3,312]}'
	else
		expected='{"10.77.0.2":[5,420,5,420]}'
	fi
	wait_sweeps
	same "$expected" "$(hosts_of "$1")"
	same 'ip' "$(ask status -o json | jq -r --arg interface "$1" \
		'.interfaces[] | select(.interface == $interface).layer')"
}

@test "tun: hosts are known by their address, and frames have no more octets than packets" {
	make_tun
	configure 200ms 'match: tun7, side: lan'
	start_agent
	meters_pings tun7 both
	ledger_balances
	same true "$(ask ledger -o json | jq 'all(.sheets[]; .seen.octets == .seen.layer2_octets)')"
}

@test "tun: what is not one of the local addresses is a class of its own, and no host" {
	make_tun
	router ip route add 192.0.2.0/24 dev tun7
	configure 200ms 'match: tun7, side: lan'
	start_agent
	fails router ping -q -c 3 -i 0.01 -W 1 192.0.2.9
	wait_sweeps
	same null "$(hosts_of tun7)"
	same 3 "$(ask ledger -o json | jq '.sheets[] | select(.direction == "transmit").classes.outside.packets')"
	ledger_balances
}

@test "tun: on the side of the WAN, what is ours alone is the router's" {
	make_tun
	write_config collectors='[]' hosts='{ local: [192.168.2.0/24] }'
	configure 200ms 'match: tun7, side: wan'
	start_agent
	router ping -q -c 3 -i 0.01 -W 1 10.77.0.2
	wait_sweeps
	same 3 "$(ask ledger -o json | jq '.sheets[] | select(.direction == "transmit").classes.router.packets')"
	ledger_balances
}

@test "IP in IP" {
	needs_device ipip local 192.0.2.1 remote 192.0.2.2
	make_tunnel tunnel0 type ipip local LOCAL remote REMOTE
	configure 200ms 'match: tunnel0, side: lan'
	start_agent
	meters_pings tunnel0 ipv4
	ledger_balances
}

@test "SIT" {
	needs_device sit local 192.0.2.1 remote 192.0.2.2
	make_tunnel tunnel0 type sit mode any local LOCAL remote REMOTE
	configure 200ms 'match: tunnel0, side: lan'
	start_agent
	meters_pings tunnel0 both
	ledger_balances
}

@test "GRE" {
	needs_device gre local 192.0.2.1 remote 192.0.2.2
	make_tunnel tunnel0 type gre local LOCAL remote REMOTE
	configure 200ms 'match: tunnel0, side: lan'
	start_agent
	meters_pings tunnel0 both
	ledger_balances
}

@test "WireGuard, whose own counters are of something else" {
	local node

	needs_device wireguard
	make_end router wg0 '' '' type wireguard
	make_end desktop wg0 '' '' type wireguard
	for node in router desktop; do
		wg genkey >"$WORK/key-$node"
		lab_in "$LAB" "$node" wg set wg0 private-key "$WORK/key-$node" listen-port 5555
	done
	router wg set wg0 peer "$(desktop wg show wg0 public-key)" \
		endpoint "$(lab_device_address 1):5555" allowed-ips 0.0.0.0/0,::/0
	desktop wg set wg0 peer "$(router wg show wg0 public-key)" \
		endpoint "$LAB_ROUTER:5555" allowed-ips 0.0.0.0/0,::/0
	give_addresses wg0
	configure 200ms 'match: wg0, side: lan'
	start_agent
	meters_pings wg0 both
	same '[true,true]' "$(ask ledger -o json | jq -c '[.sheets[].balanced]')"
	ask ledger -o json | jq -r '.sheets[].explanation' | grep -q '^WireGuard counts its own messages'
	same true "$(ask status -o json | jq .balanced)"
}

@test "PPP" {
	needs_module ppp_async
	spawn router "$WORK/pppd" pppd nodetach noauth local 10.77.0.1:10.77.0.2 nodefaultroute noipv6 \
		pty "ip netns exec $LAB-desktop pppd notty nodetach noauth local nodefaultroute noipv6"
	eventually 20 router ping -q -c 1 -W 1 10.77.0.2
	# A point-to-point link has no prefix: its peer is not one of its own addresses.
	write_config collectors='[]' hosts='{ local: [10.77.0.0/24] }'
	configure 200ms 'match: ppp0, side: lan'
	start_agent
	meters_pings ppp0 ipv4
	ledger_balances
}

# With PPPoE to the internet the WAN has no MACs, and the LAN is metered as ever.
@test "PPPoE as the WAN: the devices are metered on the LAN, and by address on the line itself" {
	needs_module ppp_async
	needs_module pppoe
	lab_ip "$LAB" router address flush dev wan
	printf '%s\n' noauth nodefaultroute noipv6 >"$WORK/pppoe-options"
	spawn internet "$WORK/pppoe-server" pppoe-server -F -I eth0 -L 203.0.113.80 -R 203.0.113.1 -N 1 \
		-O "$WORK/pppoe-options" -q "$(command -v pppd)"
	spawn router "$WORK/pppd" pppd nodetach noauth plugin pppoe.so nic-wan noipdefault nodefaultroute noipv6
	eventually 30 router ping -q -c 1 -W 1 203.0.113.80
	router ip route add 203.0.113.0/24 dev ppp0
	internet ip route add 192.168.2.0/24 dev ppp0
	eventually 10 desktop ping -q -c 1 -W 1 203.0.113.80
	write_config collectors='[]' hosts='{ local: [192.168.2.0/24] }'
	configure 200ms 'match: br-lan, side: lan' 'match: ppp0, side: wan'
	start_agent
	desktop ping -q -c 5 -i 0.01 -W 5 203.0.113.80
	wait_sweeps
	same "{\"$DESKTOP\":[5,420,5,420]}" "$(hosts_of br-lan)"
	same '{"192.168.2.10":[5,420,5,420]}' "$(hosts_of ppp0)"
	ledger_balances
}

# both_meter_pings INTERFACE INTERFACE: the same
both_meter_pings() {
	router ping -q -c 5 -i 0.01 -W 5 10.77.0.2
	wait_sweeps
	same "{\"$DESKTOP\":[5,420,5,420]}" "$(hosts_of "$1")"
	same "{\"$DESKTOP\":[5,420,5,420]}" "$(hosts_of "$2")"
	ledger_balances
}

@test "a VLAN device and what it stands on both see its packets, once each" {
	lab_ip "$LAB" router link add link desktop name eth0.100 type vlan id 100 2>/dev/null ||
		skip "this kernel has no vlan"
	lab_ip "$LAB" desktop link add link eth0 name eth0.100 type vlan id 100
	lab_ip "$LAB" router address add 10.77.0.1/24 dev eth0.100
	lab_ip "$LAB" desktop address add 10.77.0.2/24 dev eth0.100
	lab_ip "$LAB" router link set eth0.100 up
	lab_ip "$LAB" desktop link set eth0.100 up
	eventually 5 router ping -q -c 1 -W 1 10.77.0.2
	write_config collectors='[]' hosts='{ local: [10.77.0.0/24] }'
	configure 200ms 'match: eth0.100, side: lan' 'match: desktop, side: lan'
	start_agent
	both_meter_pings eth0.100 desktop
}

@test "a bond counts what its ports count, once each" {
	needs_device bond
	lab_ip "$LAB" router link add bond0 type bond mode active-backup
	lab_ip "$LAB" router link set desktop nomaster
	lab_ip "$LAB" router link set desktop down
	lab_ip "$LAB" router link set desktop master bond0
	lab_ip "$LAB" router address add 10.77.0.1/24 dev bond0
	lab_ip "$LAB" router link set bond0 up
	lab_ip "$LAB" desktop address add 10.77.0.2/24 dev eth0
	eventually 10 router ping -q -c 1 -W 1 10.77.0.2
	write_config collectors='[]' hosts='{ local: [10.77.0.0/24] }'
	configure 200ms 'match: bond0, side: lan' 'match: desktop, side: lan'
	start_agent
	both_meter_pings bond0 desktop
}

@test "a bridge and its port, both chosen, count the same packets, once each" {
	write_config collectors='[]' hosts='{ local: [192.168.2.0/24] }'
	configure 200ms 'match: br-lan, side: lan' 'match: desktop, side: lan'
	start_agent
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same "{\"$DESKTOP\":[5,420,5,420]}" "$(hosts_of br-lan)"
	same "{\"$DESKTOP\":[5,420,5,420]}" "$(hosts_of desktop)"
	ledger_balances
}
