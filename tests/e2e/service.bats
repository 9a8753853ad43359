#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The agent as systemd would have it: what it says of itself, and what the system is made to have for it.

load lib

setup() {
	setup_lab 1
	write_config collectors='[]'
}

teardown() {
	teardown_lab
}

# Whatever comes to the manager's socket, a line each.
start_manager() {
	spawn router "$WORK/socat" socat -u "UNIX-RECV:$WORK/notify" "OPEN:$WORK/notified,creat,append"
	MANAGER=$!
	eventually 5 test -S "$WORK/notify"
	export NOTIFY_SOCKET=$WORK/notify
}

# was_told TEXT TIMES: at least so often; datagrams have no ends in the file
was_told() {
	(($(grep -o "$1" "$WORK/notified" | wc -l) >= $2))
}

@test "the manager is told when it is ready, reloads, lives on and stops" {
	start_manager
	export WATCHDOG_USEC=200000
	launch_agent
	eventually 10 was_told READY=1 1
	agent_is_ready
	eventually 5 was_told WATCHDOG=1 3
	kill -HUP "$AGENT"
	eventually 5 was_told RELOADING=1 1
	eventually 5 was_told READY=1 2
	kill -TERM "$AGENT"
	eventually 5 was_told STOPPING=1 1
	eventually 5 ended "$AGENT"
	wait "$AGENT"
	kill "$MANAGER"
}

@test "a manager that does not listen holds up nothing" {
	export NOTIFY_SOCKET=$WORK/nobody
	start_agent
	stop_agent
}

@test "what it says goes to the journal, with its priority, and harms no terminal" {
	router ip link add $'x\e[31m' type veth peer name y0
	write_config collectors='[{ address: "127.0.0.1:4799" }]'
	configure 200ms 'match: "br-lan", side: lan' 'match: "x*", side: lan'
	mkdir -p /run/systemd
	spawn router "$WORK/agent.log" unshare --mount "$BATS_TEST_DIRNAME/../tools/journal.py" "$WORK/journal" \
		"$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
	eventually 10 agent_is_ready
	eventually 10 grep -q '^5 ready$' "$WORK/journal"
	eventually 10 grep -q '^4 collector 127.0.0.1:4799: ' "$WORK/journal"
	stop_agent
	grep '^5 x.*metering by' "$WORK/journal"
	fails grep -P '[^\x20-\x7e]' "$WORK/journal"
	same "" "$(cat "$WORK/agent.log")"
}

@test "the user and the directories are made as the service wants them" {
	local tree=$WORK/tree

	mkdir -p "$tree/etc" "$tree/run" "$tree/sys/fs/bpf"
	systemd-sysusers --root="$tree" "$ROOT/config/flowtally.sysusers"
	systemd-tmpfiles --root="$tree" --create "$ROOT/config/flowtally.tmpfiles"
	systemd-tmpfiles --root="$tree" --create "$ROOT/config/flowtally.tmpfiles"
	user=$(awk -F : '$1 == "flowtally" { print $3 }' "$tree/etc/passwd")
	same "750 $user" "$(stat -c '%a %u' "$tree/run/flowtally")"
	same "700 $user" "$(stat -c '%a %u' "$tree/sys/fs/bpf/flowtally")"
	same /sys/fs/bpf/flowtally "$(readlink "$tree/run/flowtally/bpf")"
}

@test "what is installed is a whole" {
	make -s -C "$ROOT" O="$BUILD" install DESTDIR="$WORK/root" PREFIX=/usr
	same "$(printf '%s\n' ./etc/flowtally/flowtally.yaml ./usr/lib/systemd/system/flowtally.service \
		./usr/lib/sysusers.d/flowtally.conf ./usr/lib/tmpfiles.d/flowtally.conf ./usr/sbin/flowtally \
		./usr/share/man/man5/flowtally.yaml.5 ./usr/share/man/man8/flowtally.8)" \
		"$(cd "$WORK/root" && find . -type f | sort)"
	grep -qx 'ExecStart=/usr/sbin/flowtally agent' "$WORK/root/usr/lib/systemd/system/flowtally.service"
}
