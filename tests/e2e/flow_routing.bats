#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Next hops and prefix lengths in flow records, by the routes that the router has when a record leaves.

load lib

setup() {
	setup_lab 1
	start_nfcapd
	write_config
	configure 200ms 'match: br-lan, meter: [flows]' 'match: wan, meter: [flows]'
	echo 'flows: { active-timeout: 200ms, idle-timeout: 400ms, routing: true }' >>"$WORK/flowtally.yaml"
	# Beyond the internet's node there is more.
	lab_ip "$LAB" internet addr add 198.18.7.7/32 dev lo
	lab_ip "$LAB" internet -6 addr add 2001:db8:7::7/128 dev lo
	lab_ip "$LAB" internet link set lo up
	lab_ip "$LAB" router route add 198.18.0.0/15 via "$LAB_INTERNET"
	lab_ip "$LAB" router -6 route add 2001:db8:7::/48 via "$LAB_INTERNET6"
}

teardown() {
	teardown_lab
}

# SOURCE DESTINATION NEXT_HOP SOURCE_LENGTH DESTINATION_LENGTH of all flow records, each once
routes() {
	nfdump -R "$WORK/nfcapd-4739" -6 -N -q -o 'fmt:%sa %da %nh %smk %dmk' | sed -E 's/ +/ /g; s/^ | $//g' | sort -u
}

desktop_pings() {
	desktop ping -q -c 2 -i 0.01 "$1"
}

@test "records tell the routes of both families, and what is near has no next hop" {
	start_agent
	desktop_pings 198.18.7.7
	desktop_pings 2001:db8:7::7
	desktop_pings "$LAB_INTERNET"
	desktop_pings "$LAB_ROUTER"
	wait_sweeps
	stop_agent
	stop_collectors
	same 0 "$(nfdump_sequence_errors)"
	same "$(
		sort <<-END
			192.168.2.10 198.18.7.7 $LAB_INTERNET 24 15
			198.18.7.7 192.168.2.10 0.0.0.0 15 24
			2001:db8:ca2:2::10 2001:db8:7::7 $LAB_INTERNET6 64 48
			2001:db8:7::7 2001:db8:ca2:2::10 :: 48 64
			192.168.2.10 $LAB_INTERNET 0.0.0.0 24 24
			$LAB_INTERNET 192.168.2.10 0.0.0.0 24 24
			192.168.2.10 $LAB_ROUTER 0.0.0.0 24 32
			$LAB_ROUTER 192.168.2.10 0.0.0.0 32 24
		END
	)" "$(routes)"
}

@test "a route that changes is followed" {
	start_agent
	desktop_pings 198.18.7.7
	wait_sweeps
	lab_ip "$LAB" internet addr add 203.0.113.81/24 dev eth0
	lab_ip "$LAB" router neigh replace 203.0.113.81 lladdr "$LAB_INTERNET_MAC" dev wan nud permanent
	lab_ip "$LAB" router route add 198.18.7.0/28 via 203.0.113.81
	desktop_pings 198.18.7.7
	wait_sweeps
	stop_agent
	stop_collectors
	same "$(
		sort <<-END
			192.168.2.10 198.18.7.7 $LAB_INTERNET 24 15
			192.168.2.10 198.18.7.7 203.0.113.81 24 28
			198.18.7.7 192.168.2.10 0.0.0.0 15 24
			198.18.7.7 192.168.2.10 0.0.0.0 28 24
		END
	)" "$(routes)"
}

@test "a mark chooses the table that it chooses for the packets" {
	command -v nft >/dev/null || skip "needs nft"
	lab_in "$LAB" router nft -f - <<-'END' || skip "needs nf_tables"
		table inet marks {
			chain pre {
				type filter hook prerouting priority mangle
				ip daddr 198.18.7.7 meta mark set 7
			}
		}
	END
	lab_ip "$LAB" router route add 198.18.7.7/32 via "$LAB_INTERNET" table 100
	lab_ip "$LAB" router rule add fwmark 7 lookup 100
	start_agent
	desktop_pings 198.18.7.7
	wait_sweeps
	stop_agent
	stop_collectors
	routes | grep -qx "192.168.2.10 198.18.7.7 $LAB_INTERNET 24 32"
}

@test "without it no record has these elements" {
	sed -i 's/, routing: true//' "$WORK/flowtally.yaml"
	start_agent
	desktop_pings 198.18.7.7
	wait_sweeps
	stop_agent
	stop_collectors
	routes | grep -qx '192.168.2.10 198.18.7.7 0.0.0.0 0 0'
}

@test "of a flow in another namespace its routes are told" {
	lab_ip "$LAB" internet route flush exact 192.168.2.0/24
	lab_ip "$LAB" internet route replace 192.168.0.0/16 via "$LAB_WAN"
	configure 200ms "match: \"$LAB-internet:eth0\", meter: [flows]"
	sed -i '/^flows:/d' "$WORK/flowtally.yaml"
	echo 'flows: { active-timeout: 200ms, idle-timeout: 400ms, routing: true }' >>"$WORK/flowtally.yaml"
	start_agent
	desktop_pings 198.18.7.7
	wait_sweeps
	stop_agent
	stop_collectors
	routes | grep -qx "198.18.7.7 192.168.2.10 $LAB_WAN 32 16"
}
