# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of faults share, beside lib.bash: an agent that writes to everything it can write to, traffic that is
# counted by who sends it, file systems that fail when they are told to, and the question whether all sums agree at the end.
#
# FAULTS_SECONDS=N has some of them go on for N seconds, FAULTS_SEED=N takes the random moments of that number.
#
# shellcheck disable=SC2034  # variables are for the tests

DISK=disk

# configure_all [KEY=VALUE]...: all outputs there are. Keys: interval, disk (where what can fail is), extra (lines of YAML),
# lines (more of that item).
configure_all() {
	local interval=200ms disk=$WORK/$DISK extra='' lines='' hosts_max=2048 flows_max=8192 timeout=1s setting

	for setting; do
		local "$setting"
	done
	cat >"$WORK/flowtally.yaml" <<-END
		interval: $interval
		interfaces:
		  - { match: br-lan, side: lan, meter: [hosts, flows], flows-at: [entering] }
		  - { match: "extra*", side: lan }
		hosts: { max: $hosts_max }
		flows: { max: $flows_max, active-timeout: $timeout, idle-timeout: $timeout }
		history: { keep: 1d, max-mib: 16 }
		export:
		  ipfix:
		    template-refresh: 5s
		    collectors:
		      - { address: "127.0.0.1:4739", records: [hosts, statistics] }
		      - { address: "127.0.0.1:4740", records: [hosts, statistics] }
		      - { address: "127.0.0.1:4741", transport: tcp, records: [hosts, flows, statistics], spool: { path: "$disk/spool/1", max-size: 64MiB } }
		  textfile: { path: "$disk/textfile/flowtally.prom" }
		  json-lines:
		    - { path: "$disk/lines/all.json", records: [hosts, flows]$lines }
		    - { path: "$WORK/beside.json", records: [hosts, flows]$lines }
		  http: { listen: "127.0.0.1:14739" }
		state: "$disk/state"
		run: "$disk/run"
		$extra
	END
}

# --- file systems

# mount_failing NAME...: $WORK/disk/NAME, each a file system that fails while $WORK/fault-NAME is there, as tests/tools/failfs.c
# has it, and whose files are in $WORK/real/NAME
mount_failing() {
	local name

	modprobe -q fuse || :
	[[ -e /dev/fuse ]] || skip "this kernel has no FUSE"
	for name; do
		mkdir -p "$WORK/real/$name" "$WORK/$DISK/$name"
		"$TOOLS/failfs" "$WORK/real/$name" "$WORK/$DISK/$name" "$WORK/fault-$name" >>"$WORK/failfs.log" 2>&1 3>&- &
		eventually 10 mountpoint -q "$WORK/$DISK/$name"
	done
}

# mount_small NAME...: $WORK/disk/NAME, each a small file system in memory
mount_small() {
	local name

	for name; do
		mkdir -p "$WORK/$DISK/$name"
		mount -t tmpfs -o size=2m tmpfs "$WORK/$DISK/$name"
	done
}

# begin_fault ENOSPC|EROFS|EIO|... NAME [OPERATION]...
begin_fault() {
	local fault=$1 name=$2 directory=$WORK/$DISK/$2

	shift 2
	if [[ $(stat -f -c %T "$directory") == fuse* ]]; then
		# At once, and not empty in between.
		echo "$fault $*" >"$WORK/fault"
		mv "$WORK/fault" "$WORK/fault-$name"
	elif [[ $fault == EROFS ]]; then
		# What is open for writing keeps it from becoming so, as it would a disk whose owner wants it so.
		mount -o remount,ro "$directory"
	else
		dd if=/dev/zero of="$directory/filler" bs=4k 2>/dev/null || :
	fi
}

end_fault() {
	local name=$1 directory=$WORK/$DISK/$1

	rm -f "$WORK/fault-$name"
	if [[ $(stat -f -c %T "$directory") == tmpfs ]]; then
		mount -o remount,rw "$directory"
		rm -f "$directory/filler"
	fi
}

# --- traffic

# begin_traffic [RATE]: of five devices with two addresses each; who sends it says how much it was
begin_traffic() {
	spawn desktop "$WORK/sent" "$TOOLS/flood" --seconds 100000 --rate $(($1 / SLOW)) --devices 5 --addresses 2 \
		--device-mac 02:00:01:00:00:00 eth0
	TRAFFIC=$!
}

# Then $SENT is what has been sent in all, in frames.
end_traffic() {
	kill -TERM "$TRAFFIC"
	wait "$TRAFFIC" || :
	TRAFFIC=
	SENT=$(jq -s 'map(.frames) | add' "$WORK/sent")
}

stop_traffic() {
	if [[ ${TRAFFIC:-} ]]; then
		kill -TERM "$TRAFFIC" 2>/dev/null || :
	fi
}

# --- clocks

# set_clock OFFSET: in seconds, with its sign
set_clock() {
	echo "$1" >"$WORK/clock.new"
	mv "$WORK/clock.new" "$WORK/clock"
}

start_with_a_clock() {
	local library

	library=$(find /usr/lib -name libfaketimeMT.so.1 -print -quit)
	[[ $library ]] || skip "needs libfaketime"
	set_clock +0
	spawn router "$WORK/agent.log" env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$WORK/clock" FAKETIME_NO_CACHE=1 \
		FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 "$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
	eventually 10 agent_is_ready
}

# --- what is to agree

metric() {
	ask metrics | awk -v name="$1" 'index($0, name "{") == 1 || $1 == name || index($0, name) == 1 && name ~ /}$/ { sum += $NF }
		END { printf "%.0f\n", sum }'
}

times_in_log() {
	grep -c -e "$1" "$WORK/agent.log" || :
}

uploads() {
	jq '[.[].upload.packets] | add // 0'
}

# What the interface has counted of the devices, what was sent, and what each form of the agent's own sums says.
sums_agree() {
	local hosts

	hosts=$(hosts_sums)
	same "$SENT" "$(uploads <<<"$hosts")"
	same "$hosts" "$(textfile_sums "$WORK/$DISK/textfile/flowtally.prom")"
	same "$SENT" "$(ask ledger -o json | jq '[.sheets[].flow_classes.counted.packets // 0] | add')"
	ledger_balances
}

is_counted() {
	(($(metric "$1") > $2))
}

# How far each output is, whatever the unit.
progress() {
	case $1 in
	run) stat -c %y "$WORK/$DISK/run/totals" ;;
	textfile) stat -c %y "$WORK/$DISK/textfile/flowtally.prom" ;;
	lines) stat -c %s "$WORK/$DISK/lines/all.json" ;;
	beside) stat -c %s "$WORK/beside.json" ;;
	spool) stat -c %s "$WORK/$DISK/spool/1"/*.ipfix ;;
	record) stat -c %s "$WORK/messages-4740" ;;
	sums) ask hosts -o json ;;
	esac 2>/dev/null || :
}

OUTPUTS=(run textfile lines beside spool record sums)

# advances OUTPUT FROM
advances() {
	[[ $(progress "$1") != "$2" ]]
}

# all_advance [OUTPUT]...: from now on; all there are
all_advance() {
	local output

	local -A before
	(($#)) || set -- "${OUTPUTS[@]}"
	for output; do
		before[$output]=$(progress "$output")
	done
	for output; do
		eventually 20 advances "$output" "${before[$output]}"
	done
}

# others_advance OUTPUT: all but that one
others_advance() {
	local output others=()

	for output in "${OUTPUTS[@]}"; do
		[[ $output == "$1" ]] || others+=("$output")
	done
	all_advance "${others[@]}"
}

# lines_sums FILE: of the hosts' lines
lines_sums() {
	jq -c 'select(.record == "host")' "$1" | jq -s -c '[.[] | {host: .mac, direction, octets, packets}] | '"$JQ_FOLD"
}
