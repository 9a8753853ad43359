#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What the agent may: as a user of its own with CAP_BPF and CAP_NET_ADMIN, and with less.

load lib

NOBODY=65534

setup() {
	setup_lab 1
	BPFFS=$WORK/bpffs
	mkdir "$BPFFS" "$WORK/own"
	mount -t bpf bpf "$BPFFS"
	mkdir "$BPFFS/own"
	chown "$NOBODY:$NOBODY" "$BPFFS/own" "$WORK/own"
	chmod 1777 "$BPFFS"
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	write_config textfile="$WORK/own/flowtally.prom" state="$WORK/own/state"
	sed -i "s|^run: .*|run: \"$WORK/own/run\"|" "$WORK/flowtally.yaml"
	# As flowtally.tmpfiles makes it.
	mkdir "$WORK/own/run"
	ln -s "$BPFFS/own" "$WORK/own/run/bpf"
	chown -R "$NOBODY:$NOBODY" "$WORK/own"
	chmod a+r "$WORK/flowtally.yaml"
}

teardown() {
	teardown_lab
	umount -l "$BPFFS" 2>/dev/null || :
}

# launch_as CAPABILITIES: the agent as nobody, with these
launch_as() {
	spawn router "$WORK/agent.log" setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups \
		--inh-caps="${1:--all}" --ambient-caps="${1:--all}" --bounding-set="-all${1:+,$1}" \
		"$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
}

start_as() {
	launch_as "$1"
	eventually 10 agent_is_ready
}

broker() {
	pgrep -P "$AGENT"
}

# capability_set PROCESS NAME: CapEff, CapPrm, CapBnd or CapAmb, without leading zeros
capability_set() {
	awk -v name="$2:" '$1 == name { sub(/^0+/, "", $2); print $2 }' "/proc/$1/status"
}

status_of() {
	awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"
}

# of_threads PROCESS NAME: what the kernel says of each of its threads, where they agree
of_threads() {
	awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/task"/*/status | sort -u
}

# CAP_NET_ADMIN is 12, CAP_BPF 39.
TWO=8000001000

# Before Linux 5.19 it would have one.
@test "as a user of its own the agent has no capability, and its broker the two that it needs" {
	local name

	start_as +bpf,+net_admin
	for name in CapEff CapPrm CapInh CapAmb; do
		same '' "$(capability_set "$AGENT" "$name")"
	done
	same "$TWO" "$(capability_set "$(broker)" CapEff)"
	same "$TWO" "$(capability_set "$(broker)" CapPrm)"
	for name in "$AGENT" "$(broker)"; do
		same 1 "$(status_of "$name" NoNewPrivs)"
		same "$NOBODY" "$(status_of "$name" Uid)"
	done
	same 2 "$(status_of "$AGENT" Seccomp)"
}

@test "so it meters, survives a kill, follows interfaces and leaves nothing behind" {
	start_as +bpf,+net_admin
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	kill_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET"
	start_as +bpf,+net_admin
	lab_ip "$LAB" router link set br-lan down
	lab_ip "$LAB" router link set br-lan name br-x
	lab_ip "$LAB" router link set br-x name br-lan
	lab_ip "$LAB" router link set br-lan up
	eventually 5 are_hooks 2
	eventually 5 desktop ping -q -c 1 -W 1 "$LAB_INTERNET"
	wait_sweeps
	same true "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add >= 6')"
	ledger_balances
	grep -q flowtally_host_upload "$WORK/own/flowtally.prom"
	stop_agent
	same 0 "$(hooks)"
	same '' "$(find "$BPFFS/own" -mindepth 1)"
	same 'bpf' "$(ls "$WORK/own/run")"
}

@test "root, too, gives up everything, and its broker what is not needed" {
	write_config
	start_agent
	same '' "$(capability_set "$AGENT" CapEff)"
	# and CAP_SYS_ADMIN, 21
	same 8000201000 "$(capability_set "$(broker)" CapEff)"
	same 2 "$(status_of "$AGENT" Seccomp)"
	wait_sweeps
}

@test "no thread of the agent has more than the others" {
	write_config
	start_agent
	(($(find "/proc/$AGENT/task" -mindepth 1 -maxdepth 1 | wc -l) > 1))
	same 0000000000000000 "$(of_threads "$AGENT" CapEff)"
	same 0000000000000000 "$(of_threads "$AGENT" CapPrm)"
	same 2 "$(of_threads "$AGENT" Seccomp)"
	same 1 "$(of_threads "$AGENT" NoNewPrivs)"
}

@test "without its broker the agent ends, and says so; the hooks count on" {
	local status=0

	write_config
	start_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET"
	kill -KILL "$(broker)"
	eventually 5 ended "$AGENT"
	wait "$AGENT" || status=$?
	same 1 "$status"
	grep -q 'the privileged process has ended, so do we' "$WORK/agent.log"
	same 2 "$(hooks)"
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	start_agent
	wait_sweeps
	same 5 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
}

@test "a broker outlives no agent" {
	local pid

	write_config
	start_agent
	pid=$(broker)
	kill_agent
	eventually 5 ended "$pid"
}

# says MESSAGE: the agent ends with it as its only line
says() {
	local status=0

	eventually 10 ended "$AGENT"
	wait "$AGENT" || status=$?
	same 1 "$status"
	same "flowtally: $1" "$(cat "$WORK/agent.log")"
	rm "$WORK/agent.log"
}

@test "what is missing is said by name: the capability, and for what" {
	local capabilities

	for capabilities in '' +net_admin +bpf; do
		launch_as "$capabilities"
		says "load the program that reads the kernel's ticks: needs CAP_BPF and CAP_NET_ADMIN"
	done
}

@test "no bpffs, or none that can be written, is said with what to do" {
	rm "$WORK/own/run/bpf"
	launch_as +bpf,+net_admin
	says "$WORK/own/run/bpf: is not on a bpffs, and to mount one needs CAP_SYS_ADMIN: mount it before, or make it a link to a directory of ours below /sys/fs/bpf"
	rm -rf "$WORK/own/run/bpf"
	mkdir "$BPFFS/foreign"
	ln -s "$BPFFS/foreign" "$WORK/own/run/bpf"
	launch_as +bpf,+net_admin
	says "$WORK/own/run/bpf/control: pin a map: Permission denied"
	rm "$WORK/own/run/bpf"
	ln -s "$BPFFS/own" "$WORK/own/run/bpf"
	mount -o remount,ro "$BPFFS"
	launch_as +bpf,+net_admin
	says "$WORK/own/run/bpf/control: pin a map: Read-only file system"
}

@test "a directory that is not ours is not covered by a mount" {
	write_config
	mkdir -p "$WORK/run/bpf"
	touch "$WORK/run/bpf/something"
	launch_agent
	says "$WORK/run/bpf: mount a bpffs: it is no empty directory of ours"
}

@test "another namespace without CAP_SYS_ADMIN is a fault that says so" {
	ip netns add "$LAB-other"
	sed -i "s/match: \"br-lan\"/match: \"$LAB-other:eth0\"/" "$WORK/flowtally.yaml"
	start_as +bpf,+net_admin
	same 'to enter the network namespace needs CAP_SYS_ADMIN' \
		"$(ask status -o json | jq -r --arg name "$LAB-other" '.faults[] | select(.interface == $name).fault' |
			sed 's/^subscribe to changes of interfaces: //')"
	ip netns del "$LAB-other"
}
