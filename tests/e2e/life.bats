#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Start, stop, crash, reload; interfaces that come and go: the sums go on, exactly once.

load lib

setup() {
	setup_lab 2
	write_config
}

teardown() {
	teardown_lab
}

ping_internet() {
	desktop ping -q -c "$1" -i 0.002 "$LAB_INTERNET" >/dev/null
}

# What a number of pings of the desktop make.
pings() {
	local traffic='{"octets":'$(($1 * 84))',"packets":'$1'}'

	echo "{\"$DESKTOP\":{\"download\":$traffic,\"upload\":$traffic}}"
}

is_metered() {
	same 2 "$(hooks "$1")"
}

metric() {
	awk -v name="$1" 'index($0, name "{") == 1 || $1 == name { sum += $NF } END { print sum + 0 }' \
		"$WORK/flowtally.prom"
}

# make_bridge NAME SUBNET [OPTION]...: in the router, silent by itself
make_bridge() {
	local name=$1 subnet=$2

	shift 2
	router ip link add "$name" "$@" type bridge mcast_snooping 0
	router sysctl -qw "net.ipv6.conf.$name.disable_ipv6=1"
	router ip address add "192.168.$subnet.1/24" dev "$name"
	router ip link set "$name" up
}

# send NAME SUBNET COUNT: downloads of a device behind such a bridge
send() {
	router "$TOOLS/frames" --count "$3" --reverse --source "192.168.$2.99" "$1" udp >/dev/null
}

downloads_by_interface() {
	ask hosts -o json | jq -c '[.hosts[] | [.interface, .download.packets]] | group_by(.[0]) |
		map([.[0][0], (map(.[1]) | add)])'
}

@test "after a clean stop and start the sums go on" {
	start_nfcapd
	start_agent
	ping_internet 10
	stop_agent
	same 0 "$(hooks)"
	ping_internet 5
	start_agent
	same "$(pings 10)" "$(hosts_sums)"
	ping_internet 7
	wait_sweeps
	same "$(pings 17)" "$(hosts_sums)"
	same "$(pings 17)" "$(textfile_sums)"
	ledger_balances
	stop_agent
	stop_collectors
	same "$(pings 17)" "$(nfdump_sums)"
}

@test "SIGINT is as clean a stop as SIGTERM" {
	start_agent
	# A background job of a shell ignores SIGINT; the agent installs its own handler.
	kill -INT "$AGENT"
	eventually 10 ended "$AGENT"
	wait "$AGENT"
	same 0 "$(hooks)"
}

@test "killed, the hooks count on and the next start adopts them, exactly once" {
	start_nfcapd
	start_agent
	ping_internet 10
	wait_sweeps
	kill_agent
	same 2 "$(hooks)"
	ping_internet 20
	start_agent
	wait_sweeps
	same "$(pings 30)" "$(hosts_sums)"
	same "$(pings 30)" "$(textfile_sums)"
	ping_internet 5
	wait_sweeps
	same "$(pings 35)" "$(hosts_sums)"
	same 2 "$(hooks)"
	ledger_balances
	stop_agent
	stop_collectors
	same "$(pings 35)" "$(nfdump_sums)"
	same 0 "$(hooks)"
}

@test "with --keep the hooks count on after a clean stop" {
	start_agent --keep
	ping_internet 10
	stop_agent
	same 2 "$(hooks)"
	ping_internet 20
	start_agent
	wait_sweeps
	same "$(pings 30)" "$(hosts_sums)"
	ledger_balances
}

@test "after a reboot the sums come from the disk" {
	start_agent
	ping_internet 10
	stop_agent
	rm -rf "$WORK/run"
	start_agent
	ping_internet 5
	wait_sweeps
	same "$(pings 15)" "$(hosts_sums)"
}

@test "a damaged file of sums is said, and metering goes on" {
	start_agent
	ping_internet 10
	stop_agent
	find "$WORK/state" "$WORK/run" -type f -exec dd if=/dev/urandom of={} bs=100 count=1 conv=notrunc \; 2>/dev/null
	start_agent
	ping_internet 5
	wait_sweeps
	same "$(pings 5)" "$(hosts_sums)"
	grep -q "$WORK/state" "$WORK/agent.log"
}

@test "a reload under load loses no count" {
	local number

	start_nfcapd
	start_agent
	spawn desktop "$WORK/sent" "$TOOLS/flood" --seconds 4 eth0
	local flood=$!
	for number in 1 2 3 4 5 6; do
		write_config interval=$((number * 50 + 100))ms
		kill -HUP "$AGENT"
		sleep 0.5
	done
	wait "$flood"
	wait_sweeps
	same "$(jq -c .frames "$WORK/sent")" "$(hosts_sums | jq '.[].upload.packets')"
	ledger_balances
	same 1 "$(metric flowtally_config_last_reload_successful)"
	stop_agent
	stop_collectors
	same "$(jq -c .frames "$WORK/sent")" "$(nfdump_sums | jq '.[].upload.packets')"
}

@test "what a reload changes holds from then on" {
	start_agent
	ping_internet 2
	wait_sweeps
	write_config hosts='{ not-internet: [203.0.113.0/24] }'
	kill -HUP "$AGENT"
	wait_sweeps
	ping_internet 3
	wait_sweeps
	same '[["internet",2],["local",3]]' \
		"$(ask hosts -o json | jq -c '[.hosts[].accounts[] | [.scope, .upload.packets]] | sort')"
}

@test "a collector that a reload adds gets templates and the next deltas" {
	start_agent
	ping_internet 2
	wait_sweeps
	start_nfcapd 4741
	write_config collectors='[{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4741" }]'
	kill -HUP "$AGENT"
	wait_sweeps
	ping_internet 3
	wait_sweeps
	stop_agent
	stop_collectors
	same "$(pings 3)" "$(nfdump_sums 4741)"
}

@test "a reload that is refused changes nothing" {
	start_agent
	ping_internet 2
	wait_sweeps
	echo "nonsense: 1" >>"$WORK/flowtally.yaml"
	kill -HUP "$AGENT"
	eventually 5 grep -q "flowtally.yaml:[0-9]*: nonsense: " "$WORK/agent.log"
	write_config
	ping_internet 3
	wait_sweeps
	same "$(pings 5)" "$(hosts_sums)"
	same 0 "$(metric flowtally_config_last_reload_successful)"
	kill -HUP "$AGENT"
	wait_sweeps
	same 1 "$(metric flowtally_config_last_reload_successful)"
}

@test "a second agent is told that there is one" {
	start_agent
	run router "$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	same 1 "$status"
	same 1 "${#lines[@]}"
	ping_internet 2
	wait_sweeps
	same "$(pings 2)" "$(hosts_sums)"
}

@test "an interface that does not exist yet is waited for, and said" {
	write_config match=br-guest
	start_agent
	ask status | grep -q br-guest
	grep -q br-guest "$WORK/agent.log"
	router ip link add br-guest type bridge
	router ip link set br-guest up
	eventually 5 is_metered br-guest
	same 1 "$(grep -c 'br-guest: no such interface' "$WORK/agent.log")"
}

@test "an interface that goes and comes back is metered again, its sums stay" {
	write_config match=wan
	start_agent
	ping_internet 5
	wait_sweeps
	local before
	before=$(hosts_sums)
	router ip link del wan
	wait_sweeps
	same "$before" "$(hosts_sums)"
	lab_readd_internet
	eventually 5 is_metered wan
	ping_internet 5
	wait_sweeps
	same 10 "$(ask hosts -o json | jq '[.hosts[].download.packets] | add')"
}

# The internet's end went with the router's.
lab_readd_internet() {
	ip netns del "$LAB-internet"
	lab_add_internet "$LAB"
}

@test "a hook that somebody removes is put back" {
	local hook

	for hook in auto clsact; do
		write_config options="hook: $hook"
		start_agent
		ping_internet 2
		wait_sweeps
		router "$TOOLS/tcx" detach br-lan
		if router tc qdisc show dev br-lan | grep -q clsact; then
			router tc qdisc del dev br-lan clsact
		fi
		eventually 5 is_metered br-lan
		ping_internet 3
		wait_sweeps
		same "$(pings 5)" "$(hosts_sums)"
		stop_agent
		rm -rf "$WORK/state"
	done
}

@test "five interfaces are metered in one run, each by itself" {
	local number

	for number in 3 4 5 6; do
		router ip link add "br-$number" type bridge
		router ip address add "192.168.$number.1/24" dev "br-$number"
		router ip link set "br-$number" up
	done
	write_config match='br-*'
	start_agent
	for number in 3 4 5 6; do
		eventually 5 is_metered "br-$number"
		router "$TOOLS/frames" --count "$number" --reverse --source "192.168.$number.99" "br-$number" udp
	done
	ping_internet 2
	wait_sweeps
	same '[["br-3",3],["br-4",4],["br-5",5],["br-6",6],["br-lan",2]]' \
		"$(ask hosts -o json | jq -c '[.hosts[] | [.interface, .download.packets]] | sort')"
}

@test "a prefix that the interface gets is followed without a restart" {
	start_agent
	router ip address add 2001:db8:cafe::1/64 dev br-lan nodad
	router ip neighbour add 2001:db8:cafe::10 lladdr "$DESKTOP" dev br-lan nud permanent
	desktop ip address add 2001:db8:cafe::10/64 dev eth0 nodad
	wait_sweeps
	desktop ping -q -c 3 -i 0.01 -I 2001:db8:cafe::10 "$LAB_INTERNET6" >/dev/null
	wait_sweeps
	same '[["2001:db8:cafe::10",3,3]]' "$(ask hosts -o json |
		jq -c '[.hosts[].accounts[] | [.address, .download.packets, .upload.packets]]')"
}

@test "an interface that is made anew before the sweep leaves the ledger balanced" {
	configure 2s 'match: br-a, side: lan'
	make_bridge br-a 3
	start_agent
	send br-a 3 5
	wait_sweeps
	send br-a 3 7
	router ip link del br-a
	make_bridge br-a 3
	eventually 5 is_metered br-a
	send br-a 3 4
	wait_sweeps
	send br-a 3 4
	wait_sweeps
	same '[["br-a",20]]' "$(downloads_by_interface)"
	ledger_balances
}

@test "interfaces of one alias have one account, and it balances" {
	make_bridge br-a 3
	make_bridge br-b 4
	configure 200ms 'match: "br-[ab]", side: lan, alias: home'
	start_agent
	send br-a 3 5
	send br-b 4 7
	wait_sweeps
	send br-a 3 5
	wait_sweeps
	same '[["home",17]]' "$(downloads_by_interface)"
	ledger_balances
	kill_agent
	send br-b 4 3
	start_agent
	wait_sweeps
	same '[["home",20]]' "$(downloads_by_interface)"
	ledger_balances
}

@test "interfaces whose aliases are swapped keep their sums apart, and balance" {
	make_bridge br-a 3
	make_bridge br-b 4
	configure 200ms 'match: br-a, side: lan, alias: one' 'match: br-b, side: lan, alias: two'
	start_agent
	send br-a 3 5
	send br-b 4 7
	wait_sweeps
	configure 200ms 'match: br-a, side: lan, alias: two' 'match: br-b, side: lan, alias: one'
	kill -HUP "$AGENT"
	wait_sweeps
	send br-a 3 100
	send br-b 4 30
	wait_sweeps
	same '[["one",35],["two",107]]' "$(downloads_by_interface)"
	ledger_balances
}

@test "after a reboot each interface has its own sums, whatever its index is now" {
	make_bridge br-a 3 index 1001
	make_bridge br-b 4 index 1002
	configure 200ms 'match: "br-[ab]", side: lan'
	start_agent --keep
	send br-a 3 5
	send br-b 4 7
	wait_sweeps
	stop_agent
	umount "$WORK/run/bpf"
	rm -r "$WORK/run"
	router ip link del br-a
	router ip link del br-b
	make_bridge br-b 4 index 1001
	make_bridge br-a 3 index 1002
	configure 2s 'match: "br-[ab]", side: lan'
	start_agent
	send br-a 3 100
	send br-b 4 30
	wait_sweeps
	same '[["br-a",105],["br-b",37]]' "$(downloads_by_interface)"
	ledger_balances
}

@test "killed before its first sweep, the agent's successor knows what the hooks belong to" {
	configure 30s 'match: br-lan, side: lan, alias: home'
	start_agent
	ping_internet 10
	kill_agent
	configure 200ms 'match: br-lan, side: lan, alias: home'
	start_agent
	ping_internet 5
	wait_sweeps
	same "$(pings 15)" "$(hosts_sums)"
	same '[["home",15]]' "$(downloads_by_interface)"
	ledger_balances
}

@test "a clean stop that cannot write to the disk loses no sums" {
	start_agent
	ping_internet 10
	wait_sweeps
	rm -r "$WORK/state"
	touch "$WORK/state"
	stop_agent
	same 0 "$(hooks)"
	rm "$WORK/state"
	start_agent
	ping_internet 5
	wait_sweeps
	same "$(pings 15)" "$(hosts_sums)"
	ledger_balances
	stop_agent
	same '' "$(ls "$WORK/run")"
}

# The uploads of hosts that the kernel's tables have, in packets.
uploads_in_tables() {
	local table

	for table in "$WORK"/run/bpf/hosts-?; do
		bpftool -j map dump pinned "$table"
	done | /usr/bin/python3 -c '
import json, sys
tables = [json.loads(line) for line in sys.stdin if line.strip()]
values = [cpu["value"] for table in tables for entry in table for cpu in entry["values"]]
print(sum(int.from_bytes(bytes(int(octet, 16) for octet in value[:8]), sys.byteorder) for value in values))'
}

@test "what a clean stop cannot sweep stays in the kernel" {
	local table

	start_agent
	ping_internet 3
	wait_sweeps
	# From now on nobody but the classifier can write to them, nor delete.
	for table in "$WORK"/run/bpf/hosts-?; do
		bpftool map freeze pinned "$table"
	done
	ping_internet 5
	eventually 5 grep -q "empty the tables" "$WORK/agent.log"
	ping_internet 7
	stop_agent
	same 0 "$(hooks)"
	grep -q "has not been swept" "$WORK/agent.log"
	# The five have been counted, and are still there.
	same 12 "$(uploads_in_tables)"
}

@test "where run is full, the newer sums come from the disk" {
	mkdir -p "$WORK/run"
	mount -t tmpfs -o size=256k none "$WORK/run"
	start_agent --keep
	ping_internet 3
	wait_sweeps
	dd if=/dev/zero of="$WORK/run/fill" bs=4k 2>/dev/null || :
	ping_internet 4
	wait_sweeps
	stop_agent
	grep -q 'run/totals: No space left' "$WORK/agent.log"
	ping_internet 5
	rm "$WORK/run/fill"
	start_agent
	wait_sweeps
	same "$(pings 12)" "$(hosts_sums)"
	ledger_balances
}

has_lock() {
	[[ -e $WORK/run/lock ]]
}

@test "a reload that is asked for while the agent starts does not end it" {
	launch_agent
	eventually 5 has_lock
	kill -HUP "$AGENT"
	eventually 10 agent_is_ready
}

@test "an agent that cannot have its socket leaves nothing behind" {
	mkdir -p "$WORK/run"
	touch "$WORK/run/flowtally.sock"
	run router "$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	same 1 "$status"
	same flowtally.sock "$(ls "$WORK/run")"
}

@test "interfaces that change while queues are drained are not attached to again" {
	write_config interval=500ms collectors="[{ address: \"$LAB_INTERNET:4739\" }]" \
		ipfix='    message-size: 512'
	router tc qdisc add dev wan root tbf rate 8kbit burst 2000 limit 100000000
	start_agent
	desktop "$TOOLS/flood" --seconds 3 --ipv6 --device 2001:db8:ca2:2::1:0 --addresses 60000 eth0
	kill -TERM "$AGENT"
	eventually 10 grep -q 'br-lan: no longer metered' "$WORK/agent.log"
	router ip address add 192.168.77.1/24 dev br-lan
	kill -HUP "$AGENT"
	eventually 10 ended "$AGENT"
	wait "$AGENT"
	same 0 "$(hooks)"
}

@test "the agent outlives whoever reads its log" {
	mkfifo "$WORK/log"
	timeout 2 cat "$WORK/log" >"$WORK/agent.log" 3>&- &
	local reader=$!
	lab_exec "$LAB" router "$FLOWTALLY" agent -c "$WORK/flowtally.yaml" 2>"$WORK/log" 3>&- &
	AGENT=$!
	eventually 10 agent_is_ready
	wait "$reader" || :
	kill -HUP "$AGENT"
	wait_sweeps
	stop_agent
}

local_prefixes() {
	bpftool -j map dump pinned "$WORK/run/bpf/local_prefixes" | jq length
}

@test "interfaces that come and go leave nothing in the kernel's tables" {
	local subnet

	configure 100ms 'match: "br-[0-9]*", side: lan'
	start_agent
	for subnet in 3 4 5; do
		make_bridge "br-$subnet" "$subnet"
		eventually 5 is_metered "br-$subnet"
		router ip link del "br-$subnet"
		wait_sweeps
	done
	same 0 "$(local_prefixes)"
}

@test "an interface that gets another name below its alias is shown by that name" {
	make_bridge br-a 3
	configure 200ms 'match: "br-?", side: lan, alias: home'
	start_agent
	router ip link set br-a down
	router ip link set br-a name br-b
	router ip link set br-b up
	wait_sweeps
	same '["home","br-b"]' "$(ask status -o json | jq -c '[.interfaces[] | .interface, .name]')"
}

@test "an interface that goes is not said to be at fault" {
	local number

	configure 100ms 'match: br-a, side: lan'
	start_agent
	for ((number = 0; number < 20 / SLOW; number++)); do
		router ip link add br-a type bridge
		eventually 5 is_metered br-a
		router ip link del br-a
	done
	wait_sweeps
	fails grep -E 'filters have been removed|No such device' "$WORK/agent.log"
}

@test "two agents with a run directory each meter one interface, and neither hears of the other" {
	local hook second

	for hook in auto clsact; do
		write_config options="hook: $hook"
		start_agent
		ping_internet 5
		sed "s|run: .*|run: $WORK/run2|; s|state: .*|state: $WORK/state2|; s|path: .*}|path: \"$WORK/2.prom\" }|" \
			"$WORK/flowtally.yaml" >"$WORK/second.yaml"
		spawn router "$WORK/second.log" "$FLOWTALLY" agent -c "$WORK/second.yaml"
		second=$!
		eventually 10 are_hooks 4
		ping_internet 5
		kill -TERM "$second"
		eventually 10 ended "$second"
		ping_internet 5
		wait_sweeps
		same 2 "$(hooks)"
		same "$(pings 15)" "$(hosts_sums)"
		ledger_balances
		stop_agent
		rm -rf "$WORK/state" "$WORK/state2" "$WORK/second.log"
	done
}

@test "an interface whose frames cannot be read is said to be one, if it is named" {
	router ip link add br-x type bridge
	lab_ip "$LAB" router tuntap add dev raw7 mode tun
	# ARPHRD_RAWHDLC: neither Ethernet nor IP comes first.
	router "$TOOLS/linktype" raw7 518
	configure 200ms 'match: raw7' 'match: "br-x"'
	start_agent
	eventually 5 is_metered br-x
	same '["raw7"]' "$(ask status -o json | jq -c '[.faults[].interface]')"
	grep -q 'raw7: its frames begin with neither' "$WORK/agent.log"
}
