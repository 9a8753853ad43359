#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Hooks that mean harm: those that hide, start others without end, or outlive the agent. (What they may is in hooks_of_lines.bats.)

load lib
load flows

setup() {
	setup_lab 1
	LINES_FILE=$WORK/flows.json
	chmod -R a+rX "$BATS_RUN_TMPDIR"
}

teardown() {
	teardown_lab
}

# configure_hook SCRIPT [TIMEOUT]
configure_hook() {
	write_config collectors='[]'
	configure 200ms 'match: wan, side: wan, meter: [flows]'
	printf '#!/bin/sh\n%s\n' "$1" >"$WORK/hook"
	chmod 755 "$WORK/hook"
	printf '  json-lines:\n    - path: %s\n      form: flowlog\n      hooks: [{ command: %s, timeout: %s }]\n' \
		"$LINES_FILE" "$WORK/hook" "${2:-10s}" >"$WORK/lines.yaml"
	sed -i "/^export:/r $WORK/lines.yaml" "$WORK/flowtally.yaml"
	echo 'flows: { active-timeout: 1h, idle-timeout: 1h, finished-timeout: 1h, max: 16384 }' >>"$WORK/flowtally.yaml"
}

flows_leave() {
	udp_flows 5
	wait_sweeps
	ask flush --all >/dev/null
}

lines_are() {
	same "$1" "$(wc -l <"$LINES_FILE")"
}

# runs COMMAND: some process does, which is not one of ours that looks for it
runs() {
	pgrep -f "^$1\$"
}

@test "what a hook puts into other sessions ends with it" {
	configure_hook "setsid sh -c 'setsid sleep 4712.$$ & sleep 4712.$$' >/dev/null 2>&1 & cat"
	start_agent
	flows_leave
	eventually 10 lines_are 5
	eventually 10 fails runs "sleep 4712.$$"
	ask status -o json | jq -e '.json_lines[0].hook_failures == 0'
}

@test "a hook that starts others without end is bounded, and ended with all of them" {
	configure_hook "f() { f & sleep 4713.$$ & f; }; f 2>/dev/null" 300ms
	start_agent
	flows_leave
	eventually 20 lines_are 5
	eventually 10 fails runs "sleep 4713.$$"
	eventually 10 fails runs "/bin/sh $WORK/hook"
	ask status -o json | jq -e '.json_lines[0].hook_failures >= 1'
	wait_sweeps
	same "$(hosts_sums)" "$(textfile_sums)"
}

@test "when the agent is killed, so is what its hooks run" {
	configure_hook "setsid sleep 4714.$$ & sleep 4714.$$" 1m
	start_agent
	flows_leave
	eventually 10 runs "sleep 4714.$$"
	kill_agent
	eventually 10 fails runs "sleep 4714.$$"
}

# Whatever a device calls itself: hooks have no arguments, and are no text of a shell's that a name could be part of.
@test "no name gets onto a command line, and a hook has a terminal and a session of nobody's" {
	configure_hook "cat >/dev/null; printf '[{\"arguments\": %d, \"leader\": %s, \"terminal\": \"%s\"}]' \
		\$# \$([ \$(cut -d' ' -f6 /proc/\$\$/stat) = \$\$ ] && echo true || echo false) \$(cut -d' ' -f7 /proc/\$\$/stat)"
	# shellcheck disable=SC2016  # it is what a stranger writes
	sed -i 's|^hosts: {}|hosts: { names: [{ static: { "'"$DESKTOP"'": "$(touch /tmp/owned)`id`;reboot" } }] }|' "$WORK/flowtally.yaml"
	start_agent
	flows_leave
	eventually 10 lines_are 1
	same '{"arguments":0,"leader":true,"terminal":"0"}' "$(cat "$LINES_FILE")"
}
