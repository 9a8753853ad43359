#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The image in a container, as docker-compose.yml starts it: with few capabilities, and with nothing to write to
# but its mounts, it meters exactly and ends cleanly, and one that is killed is succeeded without a loss.

load ../e2e/lib
load podman

setup() {
	setup_lab 1
	setup_podman
	mkdir -p "$HOST/etc/flowtally"
	cat >"$HOST/etc/flowtally/flowtally.yaml" <<-END
		interval: 200ms
		interfaces:
		  - { match: br-lan, side: lan }
		export:
		  ipfix:
		    collectors: [{ address: "127.0.0.1:4739" }]
		  textfile: { path: /var/lib/flowtally/flowtally.prom }
	END
}

teardown() {
	teardown_podman
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

# status_field NAME: of the container's first process, as the kernel has it.
status_field() {
	awk -v name="$1:" '$1 == name { print $2 }' \
		"/proc/$(podman inspect --format '{{.State.Pid}}' "$CONTAINER")/status"
}

@test "in a container the counts are exact, in every output" {
	start_nfcapd
	start_container
	ping_internet 10
	wait_sweeps
	same "$(pings 10)" "$(hosts_sums)"
	same "$(pings 10)" "$(textfile_sums "$HOST/var/lib/flowtally/flowtally.prom")"
	same "$(ask hosts -o json | jq -c .hosts)" "$(ask_inside hosts -o json | jq -c .hosts)"
	ledger_balances
	stop_container
	stop_collectors
	same "$(pings 10)" "$(nfdump_sums)"
}

@test "a container has the capabilities that are documented and no way to get more" {
	start_container
	# CAP_NET_ADMIN is 12, CAP_BPF 39.
	same "$(printf '%016x' $((1 << 12 | 1 << 39)))" "$(status_field CapBnd)"
	same 1 "$(status_field NoNewPrivs)"
}

@test "a container can write neither to its own file system nor to the configuration" {
	start_container
	run podman exec "$CONTAINER" touch /new /usr/local/sbin/new /etc/flowtally/new
	same 1 "$status"
	same 3 "$(grep -c 'Read-only file system' <<<"$output")"
}

@test "a container that is stopped takes its hooks away, and the next goes on with the sums" {
	start_container
	same 2 "$(hooks br-lan)"
	ping_internet 10
	stop_container
	same 0 "$(hooks br-lan)"
	same '' "$(ls "$HOST/sys/fs/bpf/flowtally")"
	ping_internet 5
	start_container
	ping_internet 7
	wait_sweeps
	same "$(pings 17)" "$(hosts_sums)"
	ledger_balances
}

@test "a container that is killed leaves its hooks counting, and the next adopts them, exactly once" {
	start_nfcapd
	start_container
	ping_internet 10
	wait_sweeps
	kill_container
	same 2 "$(hooks br-lan)"
	ping_internet 20
	start_container
	same 2 "$(hooks br-lan)"
	ping_internet 5
	wait_sweeps
	same "$(pings 35)" "$(hosts_sums)"
	ledger_balances
	stop_container
	same 0 "$(hooks br-lan)"
	stop_collectors
	same "$(pings 35)" "$(nfdump_sums)"
}
