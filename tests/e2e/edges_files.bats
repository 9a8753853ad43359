#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Files of ours in places where others have put something before: nothing is followed, waited for, read without end or spoilt.

load lib

setup() {
	setup_lab 1
	echo precious >"$WORK/victim"
}

teardown() {
	teardown_lab
}

# plant KIND PATH
plant() {
	rm -rf "$2"
	mkdir -p "${2%/*}"
	case $1 in
	link) ln -s "$WORK/victim" "$2" ;;
	loop) ln -s "$2" "$2" ;;
	zero) ln -s /dev/zero "$2" ;;
	hard) ln "$WORK/victim" "$2" ;;
	fifo) mkfifo "$2" ;;
	directory) mkdir "$2" ;;
	sparse) truncate -s 10G "$2" ;;
	esac
}

victim_is_whole() {
	same precious "$(cat "$WORK/victim")"
}

@test "what lies where the sums are kept does no harm: they begin anew, and are written" {
	local kind

	write_config interval=100ms collectors='[]'
	echo 'history: { keep: 1d }' >>"$WORK/flowtally.yaml"
	for kind in zero fifo hard; do
		rm -rf "$WORK/run" "$WORK/state"
		plant "$kind" "$WORK/run/totals"
		plant "$kind" "$WORK/run/counters"
		plant "$kind" "$WORK/state/totals"
		plant "$kind" "$WORK/state/counters"
		plant "$kind" "$WORK/state/history/$(($(date +%s) - 7200))000"
		plant "$kind" "$WORK/flowtally.prom"
		start_agent
		desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
		wait_sweeps
		same 3 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
		same "$(hosts_sums)" "$(textfile_sums)"
		# Of what there was before nothing can be read, which is an answer, too.
		ask hosts --since 1h -o json >"$WORK/since" 2>&1 || grep -q history "$WORK/since"
		stop_agent
		# By a new file in their place, as by rename.
		for file in "$WORK/state/totals" "$WORK/state/counters"; do
			[[ -f $file && ! -L $file ]]
			same '600 1' "$(stat -c '%a %h' "$file")"
		done
		victim_is_whole
	done
}

@test "a directory where a file of ours is to be is said, and the meter goes on" {
	write_config collectors='[]'
	plant directory "$WORK/state/totals"
	plant directory "$WORK/state/counters"
	plant directory "$WORK/flowtally.prom"
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same 3 "$(ask hosts -o json | jq '[.hosts[].upload.packets] | add')"
	ask status -o json | jq -e '.textfile.last_error | endswith("Is a directory")'
	grep -q "$WORK/state/totals: not a regular file" "$WORK/agent.log"
	# Nothing is left beside them.
	same 'counters history totals' "$(find "$WORK/state" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)"
	same flowtally.prom "$(cd "$WORK" && echo flowtally.prom*)"
}

# says_no REASON: the agent ends with it as its only line
says_no() {
	local status=0

	launch_agent
	eventually 10 ended "$AGENT"
	wait "$AGENT" || status=$?
	same 1 "$status"
	same "flowtally: $1" "$(cat "$WORK/agent.log")"
	rm "$WORK/agent.log"
	same 0 "$(hooks)"
}

@test "the socket replaces one that nobody answers, and nothing else" {
	local kind path=$WORK/run/flowtally.sock

	write_config collectors='[]'
	for kind in link directory fifo hard loop; do
		plant "$kind" "$path"
		says_no "$path: is in the way and not a socket"
		victim_is_whole
	done
	# One that is answered, if only by a kernel that keeps who comes waiting.
	rm -rf "$path"
	spawn router "$WORK/socat.log" socat "UNIX-LISTEN:$path" EXEC:'sleep 60'
	local other=$!
	eventually 5 test -S "$path"
	says_no "$path: another agent answers there"
	kill "$other"
	eventually 5 ended "$other"
	# Left behind by a process that was killed.
	[[ -S $path ]] || router /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$path"
	start_agent
	same 660 "$(stat -c %a "$path")"
}

@test "a lock that is a link is not followed" {
	write_config collectors='[]'
	plant link "$WORK/run/lock"
	says_no "$WORK/run/lock: Too many levels of symbolic links"
	victim_is_whole
}

@test "a run directory that others may write to is warned of, and somebody else's in such a place refused" {
	write_config collectors='[]'
	mkdir -m 1777 "$WORK/tmp"
	sed -i "s|^run: .*|run: \"$WORK/tmp/run\"|" "$WORK/flowtally.yaml"
	mkdir "$WORK/tmp/run"
	same "$WORK/flowtally.yaml: ok" "$("$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>&1)"
	chmod 1777 "$WORK/tmp/run"
	start_agent
	stop_agent
	grep -q "^flowtally: run: everybody may write to $WORK/tmp/run: " "$WORK/agent.log"
	"$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>&1 | grep -F "warning: run: everybody may write to $WORK/tmp/run: "
	chmod 755 "$WORK/tmp/run"
	chown 4711 "$WORK/tmp/run"
	is_refused
	rm -r "$WORK/tmp/run"
	ln -s "$WORK/state" "$WORK/tmp/run"
	chown -h 4711 "$WORK/tmp/run"
	rm -r "$WORK/state"
	mkdir "$WORK/state"
	is_refused
	same '' "$(ls -A "$WORK/state")"
}

is_refused() {
	launch_agent
	eventually 10 ended "$AGENT"
	fails wait "$AGENT"
	grep -qx "flowtally: $WORK/tmp/run: somebody else has made it" "$WORK/agent.log"
	rm "$WORK/agent.log"
}

# configure_lines PATH
configure_lines() {
	write_config collectors='[]'
	printf '  json-lines:\n    - { path: "%s", form: flowlog }\n' "$1" >"$WORK/lines.yaml"
	sed -i "/^export:/r $WORK/lines.yaml" "$WORK/flowtally.yaml"
	configure 200ms 'match: wan, side: wan, meter: [flows]'
}

lines_say() {
	ask status -o json | jq -e --arg why "$1" '.json_lines[0] | .dropped > 0 and (.last_error | endswith($why))'
}

flows_leave() {
	desktop ping -q -c 1 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	ask flush --all >/dev/null
	eventually 10 "$@"
}

@test "lines are not written through links, to what others have put there, or to a FIFO that nobody reads" {
	local path=$WORK/tmp/lines

	mkdir -m 1777 "$WORK/tmp"
	configure_lines "$path"
	start_agent
	plant link "$path"
	flows_leave lines_say 'it is a symbolic link'
	plant hard "$path"
	flows_leave lines_say 'somebody else may have put it there'
	rm "$path"
	touch "$path"
	chown 4711 "$path"
	chmod 666 "$path"
	flows_leave lines_say 'somebody else may have put it there'
	[[ ! -s $path ]]
	plant fifo "$path"
	flows_leave lines_say 'nobody reads it'
	plant directory "$path"
	flows_leave lines_say 'Is a directory'
	rmdir "$path"
	flows_leave test -s "$path"
	same 640 "$(stat -c %a "$path")"
	victim_is_whole
}

# Whatever the umask is: that of a service manager may be any.
@test "files have the modes that they are to have" {
	write_config collectors="[{ address: \"127.0.0.1:4741\", transport: tcp, spool: { path: \"$WORK/spool\", max-size: 16MiB } }]"
	umask 0
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same 755 "$(stat -c %a "$WORK/run")"
	same 660 "$(stat -c %a "$WORK/run/flowtally.sock")"
	same 600 "$(stat -c %a "$WORK/run/lock")"
	same 600 "$(stat -c %a "$WORK/run/totals")"
	same 1700 "$(stat -c %a "$WORK/run/bpf")"
	same 644 "$(stat -c %a "$WORK/flowtally.prom")"
	eventually 5 test -e "$WORK/spool/position"
	same 0 "$(find "$WORK/spool" -perm /027 | wc -l)"
	stop_agent
	same 0 "$(find "$WORK/state" -type f -perm /077 | wc -l)"
}

# What is longer than 256 MiB is refused before (names.bats).
@test "files with names that have no end, lead to themselves or change while they are read keep nobody from anything" {
	local i writer

	write_config interval=100ms collectors='[]' hosts="{ names: [{ ethers: \"$WORK/names/zero\" },
		{ hosts: \"$WORK/names/loop\" }, { dnsmasq: \"$WORK/names/sparse\" }, { ethers: \"$WORK/names/changing\" }] }"
	mkdir "$WORK/names"
	plant zero "$WORK/names/zero"
	plant loop "$WORK/names/loop"
	truncate -s 200M "$WORK/names/sparse"
	start_agent
	while :; do
		for i in {1..2000}; do
			echo "02:00:00:00:00:01 name$i"
		done >"$WORK/names/changing"
		: >"$WORK/names/changing"
	done 3>&- &
	writer=$!
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	wait_sweeps
	kill "$writer"
	wait "$writer" || :
	echo "$DESKTOP at-last" >"$WORK/names/changing"
	eventually 10 is_called at-last
	ask status -o json | jq -e '.names | (.[0].error | endswith("not a regular file")) and
		(.[1].error | endswith("Too many levels of symbolic links"))'
}

is_called() {
	same "$1" "$(ask hosts -o json | jq -r '.hosts[0].name')"
}
