# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# With everything on, at a tenth of the interval, for SOAK_SECONDS: traffic of old and new flows, collectors and devices that
# come and go, reloads, and somebody who asks for everything each second. At the end all processes have as many descriptors as
# they had when all had happened once, and no more memory, and the sums of all outputs are those of the ledger.

load ../e2e/lib
load ../e2e/flows
load ../e2e/sizes
load ../e2e/transports

SOAK_SECONDS=${SOAK_SECONDS:-3600}
# A round is what happens over and over; memory may only grow in the first ones.
ROUND=20
SETTLING=6
# In KiB, over all rounds after these: what an allocator needs more, now and then, of many sizes.
GROWTH_MAX=2048

setup() {
	setup_lab 4
	mkdir -p "$WORK/state" "$WORK/names"
	printf '%s desktop\n' "$DESKTOP" >"$WORK/names/ethers"
	cat >"$WORK/flowtally.yaml" <<-END
		interval: 1s
		interfaces:
		  - { match: br-lan, side: lan, meter: [hosts, flows, sizes, latency] }
		  - { match: "extra*", side: lan, meter: [hosts, flows] }
		hosts: { names: [{ ethers: "$WORK/names/ethers" }] }
		flows: { max: 65536, active-timeout: 5s, idle-timeout: 3s }
		metrics: { compat: [mezoura, iptables, packet-exporter, linux-flow-exporter] }
		history: { keep: 1h, max-mib: 16 }
		export:
		  ipfix:
		    template-refresh: 5s
		    collectors:
		      - { address: "127.0.0.1:4739", records: [hosts, statistics, interfaces, ledger, names] }
		      - { address: "127.0.0.1:4740", format: netflow9 }
		      - { address: "127.0.0.1:4741", transport: tcp, biflow: true, enterprise: full }
		  textfile: { path: "$WORK/flowtally.prom" }
		  json-lines:
		    - { path: "$WORK/flows.json", records: [flows, hosts], hooks: [{ shell: "exec cat", timeout: 5s }] }
		  http: { listen: "127.0.0.1:14739" }
		state: "$WORK/state"
		run: "$WORK/run"
	END
}

teardown() {
	teardown_lab
}

new_flows() {
	desktop /usr/bin/python3 -c '
import random, socket
for _ in range(2000):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("", random.randrange(1024, 65536)))
    sender.sendto(b"x" * random.randrange(1400), ("'"$LAB_INTERNET"'", random.randrange(1, 1024)))
'
}

ask_for_everything() {
	local what

	for what in status 'hosts -o json' 'flows -o json -n 100' 'ledger -o json' metrics 'flush udp port 53'; do
		# shellcheck disable=SC2086  # words
		ask $what >/dev/null || [[ $what == status ]]
	done
	router curl -sf --compressed http://127.0.0.1:14739/metrics -o "$WORK/scraped"
	router curl -sf -H 'Accept: application/openmetrics-text' http://127.0.0.1:14739/metrics -o "$WORK/scraped"
}

is_metered() {
	same 2 "$(hooks "$1")"
}

device_comes_and_goes() {
	router ip link add extra0 type veth peer name extra1
	router ip link set extra0 up
	router ip link set extra1 up
	eventually 10 is_metered extra0
	router ip link del extra0
}

one_round() {
	local end=$((SECONDS + ROUND))

	spawn desktop "$WORK/ping.log" ping -q -f -c 20000 "$LAB_INTERNET"
	new_flows
	phone ping -q -6 -c 100 -i 0.01 "$LAB_INTERNET6" >/dev/null
	device_comes_and_goes
	printf '%s desktop-%d\n' "$DESKTOP" "$SECONDS" >"$WORK/names/ethers"
	sed -i "s/keep: [0-9]*h/keep: $((1 + SECONDS % 5))h/" "$WORK/flowtally.yaml"
	kill -HUP "$AGENT"
	stop_listener
	ask_for_everything
	start_tcp_collector
	kill -USR1 "$AGENT"
	while ((SECONDS < end)); do
		ask_for_everything
		sleep 1
	done
	: >"$WORK/flows.json"
	rm -f "$WORK"/stream-*
}

@test "memory and descriptors stay as they are, and so do the sums" {
	local rounds=$((SOAK_SECONDS / ROUND)) round before sums

	start_nfcapd
	start_record
	start_tcp_collector
	start_agent
	for ((round = 1; round <= rounds; round++)); do
		one_round
		((round != SETTLING)) || before=$(sizes)
		echo "$round" "$(sizes | tr '\n' ' ')" >>"$WORK/sizes"
	done
	wait_sweeps
	ask ledger
	ledger_balances
	sums=$(accounts_sums)
	echo "# round NAME KIB DESCRIPTORS..." >&3
	awk -v n="$rounds" 'NR % int(n / 12 + 1) == 0 || NR == n { print "# " $0 }' "$WORK/sizes" >&3
	sizes_stay "$before" "$GROWTH_MAX"
	stop_agent
	stop_collectors
	same "$sums" "$(nfdump_sums)"
	fails grep -v -e 'collector 127.0.0.1:4741' -e extra -e 'metering by' -e 'no longer metered' \
		-e 'has been read again' -e 'asks to flush' -e 'listening at' -e ready "$WORK/agent.log"
}
