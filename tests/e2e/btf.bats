#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Kernels without BTF, which describes their own types: nothing of ours may want it.

load lib

setup() {
	setup_lab 1
	write_config
}

teardown() {
	teardown_lab
}

# What of it the process $1 can see: of the kernel and its modules
btf_of() {
	ls "/proc/$1/root/sys/kernel/btf"
}

# In a mount namespace of its own.
launch_without_btf() {
	# shellcheck disable=SC2016  # it is for the other shell
	spawn router "$WORK/agent.log" unshare --mount sh -c \
		'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"' \
		"$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
}

@test "where the kernel's BTF cannot be found, all is metered" {
	[[ -e /sys/kernel/btf/vmlinux ]] || skip "this kernel has none anyway"
	launch_without_btf
	eventually 10 agent_is_ready
	same '' "$(btf_of "$AGENT")"
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET" >/dev/null
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET6" >/dev/null
	wait_sweeps
	same "{\"$DESKTOP\":{\"download\":{\"octets\":732,\"packets\":8},\"upload\":{\"octets\":732,\"packets\":8}}}" \
		"$(hosts_sums)"
	ledger_balances
	stop_agent
	same 0 "$(hooks)"
}
