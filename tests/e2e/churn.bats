#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Interfaces that change thousands of times leave nothing behind. What the kernel has of programs and maps is that of
# all agents, so no other test runs at the same time.

load lib

setup() {
	setup_lab 1
	OTHER=$LAB-other
	write_config collectors='[]'
}

teardown() {
	ip netns del "$OTHER" 2>/dev/null || :
	teardown_lab
}

are_metered() {
	same "$1" "$(ask status -o json | jq -c '[.interfaces[] | select(.attached) | .interface] | sort')"
}

# What the agent and its broker hold, and what the kernel has for them: descriptors of each, programs, ledgers, pins.
holdings() {
	local process

	for process in "$AGENT" $(pgrep -P "$AGENT"); do
		find "/proc/$process/fd" -mindepth 1 | wc -l
	done
	bpftool -j prog show | jq '[.[] | select(.name // "" | startswith("flowtally"))] | length'
	bpftool -j map show | jq '[.[] | select(.name == "ledger")] | length'
	find "$WORK/run/bpf" | wc -l
}

# holds_no_more_than NUMBER...: the kernel takes its time to free what was given up before.
holds_no_more_than() {
	local now i before=("$@")

	mapfile -t now < <(holdings)
	for i in "${!before[@]}"; do
		if ((now[i] > before[i])); then
			echo "before: ${before[*]}, now: ${now[*]}"
			return 1
		fi
	done
}

@test "ten thousand changes leave no descriptor, map or hook behind" {
	local before number=$((1250 / SLOW))

	ip netns add "$OTHER"
	configure 200ms 'match: "br-lan", side: lan' 'match: "c*", side: lan' "match: \"$OTHER:c*\""
	start_agent
	wait_sweeps
	mapfile -t before < <(holdings)
	for ((i = 0; i < number; i++)); do
		printf 'link add c%d type veth peer name d%d\n' "$i" "$i"
		printf 'link set c%d up\n' "$i"
		printf 'link set c%d address 02:00:00:00:%02x:%02x\n' "$i" $((i / 256)) $((i % 256))
		printf 'address add 10.%d.%d.1/24 dev c%d\n' $((i / 256)) $((i % 256)) "$i"
		printf 'link set c%d down\n' "$i"
		printf 'link set c%d name x%d\n' "$i" "$i"
		printf 'link set d%d name c%d\n' "$i" "$i"
		printf 'link del x%d\n' "$i"
	done >"$WORK/batch"
	same "$((8 * number))" "$(wc -l <"$WORK/batch")"
	lab_in "$LAB" router ip -batch "$WORK/batch"
	eventually 30 are_metered '["br-lan"]'
	wait_sweeps
	eventually 10 holds_no_more_than "${before[@]}"
	fails grep -E 'No such device|denied' "$WORK/agent.log"
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same 3 "$(ask hosts -o json | jq '[.hosts[].download.packets] | add')"
}
