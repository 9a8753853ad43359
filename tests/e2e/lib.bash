# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034  # variables are for the tests
#
# What the end-to-end tests share: a lab of their own for each test, the agent in its router, collectors
# that are not our code, and all sums in one form, so that they can be compared as text:
#
#   {"02:00:00:00:00:01": {"download": {"octets": 84, "packets": 1}, "upload": {...}}, ...}
#
# without what is zero, keys sorted. Octets are IP octets.
#
# SLOW=N in the environment says that this machine is so many times slower than others, an emulated one, say:
# waits may be N times as long, and of what is only more of the same there is an Nth. 1 where nothing is said.

SLOW=${SLOW:-1}

ROOT=$(readlink -f "$BATS_TEST_DIRNAME/../..")
BUILD=${BUILD:-$ROOT/build}
TOOLS=$BUILD/tests/tools
FLOWTALLY=$BUILD/flowtally
# shellcheck source=misc/lab/lab.bash
source "$ROOT/misc/lab/lab.bash"

DESKTOP=$(lab_device_mac 1)
PHONE=$(lab_device_mac 2)
TV=$(lab_device_mac 3)

# --- what sanitizers say of a build with SAN=1

is_sanitized() {
	grep -q __asan_init "$FLOWTALLY"
}

# What they find goes to files of its own, for whoever it is that is found: hooks are run by nobody. It is found at the
# end, too, and to write it takes a while.
watch_reports() {
	! is_sanitized || LAB_PATIENCE=100
	REPORTS=$(mktemp -d)
	chmod 1777 "$REPORTS"
	export ASAN_OPTIONS=log_path=$REPORTS/asan:exitcode=99:verify_asan_link_order=0 UBSAN_OPTIONS=log_path=$REPORTS/ubsan:print_stacktrace=1:exitcode=99
}

# When all processes have ended: fails if there is any.
there_are_no_reports() {
	local reports=("$REPORTS"/*)

	if [[ -e ${reports[0]} ]]; then
		head -n 60 "${reports[@]}"
		rm -r "$REPORTS"
		return 1
	fi
	rmdir "$REPORTS"
}

# --- the lab

# setup_lab [DEVICES]: to be called by setup().
setup_lab() {
	if ((EUID != 0)); then
		skip "needs root"
	fi
	LAB=e2e$$
	WORK=$BATS_TEST_TMPDIR
	AGENT=
	COLLECTORS=()
	export LC_ALL=C NO_COLOR=1
	watch_reports
	lab_down "$LAB"
	lab_up "$LAB" "${1:-1}"
}

# To be called by teardown(). The agent's log is shown where a test has failed.
teardown_lab() {
	if [[ -z ${LAB:-} ]]; then
		return
	fi
	if [[ -z ${BATS_TEST_COMPLETED:-} && -e $WORK/agent.log ]]; then
		echo "the agent's log:"
		tail -n 50 "$WORK/agent.log"
	fi
	lab_down "$LAB"
	awk -v work="$WORK/" 'index($2, work) == 1 { print $2 }' /proc/self/mounts |
		while read -r mount; do
			umount -l "$mount"
		done
	there_are_no_reports
}

# node COMMAND...: in the namespace of that node.
router() {
	lab_in "$LAB" router "$@"
}

desktop() {
	lab_in "$LAB" desktop "$@"
}

phone() {
	lab_in "$LAB" phone "$@"
}

internet() {
	lab_in "$LAB" internet "$@"
}

# spawn NODE LOG COMMAND...: in the background; $! is the command itself. 3 is bats' own descriptor.
spawn() {
	local node=$1 log=$2

	shift 2
	lab_exec "$LAB" "$node" "$@" >>"$log" 2>&1 </dev/null 3>&- &
}

# eventually SECONDS COMMAND...: until it succeeds. Shows what it says when it never does.
eventually() {
	local deadline=$((SECONDS + $1 * SLOW)) pause=0.05 output

	if ((SLOW > 1)); then
		pause=0.2
	fi
	shift
	while ! output=$("$@" 2>&1); do
		if ((SECONDS >= deadline)); then
			echo "in vain: $*"
			echo "$output"
			return 1
		fi
		sleep "$pause"
	done
}

# In Go it starts in a tenth of the time, and tests start it more than any other program. It always sorts keys.
jq() {
	gojq "$@"
}

# Bash ignores the failure of a command behind "!".
fails() {
	if "$@"; then
		echo "has not failed: $*"
		return 1
	fi
}

same() {
	if [[ "$1" != "$2" ]]; then
		echo "expected: $1"
		echo "     got: $2"
		return 1
	fi
}

# --- the agent

# write_config [KEY=VALUE]...: a configuration to $WORK/flowtally.yaml. Keys: interval, match, options (more of
# that item: "hook: tcx"), hosts (a flow mapping), collectors (a flow sequence), ipfix (further lines),
# textfile, state.
write_config() {
	local interval=200ms match=br-lan options='hook: auto' hosts='{}' ipfix=''
	local collectors='[{ address: "127.0.0.1:4739" }]' textfile=$WORK/flowtally.prom
	local state=$WORK/state setting

	for setting; do
		local "$setting"
	done
	# Each start makes tables of 65536; none of the tests has 2048 hosts unless it says how large they are.
	if ((SLOW > 1)) && [[ $hosts != *max:* ]]; then
		hosts=${hosts/\{/"{ max: 2048, "}
	fi
	mkdir -p "$WORK/state"
	{
		echo "interval: $interval"
		echo "interfaces:"
		echo "  - { match: \"$match\", side: lan, $options }"
		echo "export:"
		echo "  ipfix:"
		if [[ -n $ipfix ]]; then
			echo "$ipfix"
		fi
		echo "    collectors: $collectors"
		if [[ -n $textfile ]]; then
			echo "  textfile: { path: \"$textfile\" }"
		fi
		echo "hosts: $hosts"
		echo "state: \"$state\""
		echo "run: \"$WORK/run\""
	} >"$WORK/flowtally.yaml"
}

# configure INTERVAL INTERFACE...: the interfaces as flow mappings, the rest as write_config has written it
configure() {
	local interval=$1

	shift
	{
		echo "interval: $interval"
		echo "interfaces:"
		printf '  - { %s }\n' "$@"
		sed -n '/^export/,$p' "$WORK/flowtally.yaml"
	} >"$WORK/configured"
	mv "$WORK/configured" "$WORK/flowtally.yaml"
}

# In the router, or in the node AGENT_NODE.
launch_agent() {
	spawn "${AGENT_NODE:-router}" "$WORK/agent.log" "$FLOWTALLY" agent -c "$WORK/flowtally.yaml" "$@"
	AGENT=$!
}

agent_is_ready() {
	kill -0 "$AGENT" && ask status
}

start_agent() {
	launch_agent "$@"
	eventually 10 agent_is_ready
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# stop_agent: cleanly; fails if the agent says that it failed.
stop_agent() {
	kill -TERM "$AGENT"
	eventually 10 ended "$AGENT"
	wait "$AGENT"
}

kill_agent() {
	kill -KILL "$AGENT"
	wait "$AGENT" 2>/dev/null || :
}

# hooks [INTERFACE]: how many programs of ours are attached to it in the router
hooks() {
	{
		router tc filter show dev "${1:-br-lan}" ingress
		router tc filter show dev "${1:-br-lan}" egress
		router "$TOOLS/tcx" list "${1:-br-lan}"
	} | grep -c 'flowtally_' || :
}

are_hooks() {
	same "$1" "$(hooks br-lan)"
}

# Linux 6.6 has; how the test tool finds out, and not what the agent says.
has_tcx() {
	"$TOOLS/tcx" supported
}

needs_tcx() {
	has_tcx || skip "this kernel has no tcx"
}

needs_module() {
	modprobe -q "$1" 2>/dev/null || skip "this kernel has no module $1"
}

# ask hosts|ledger|status [OPTION]...
ask() {
	local what=$1

	shift
	"$FLOWTALLY" "$what" -c "$WORK/flowtally.yaml" "$@"
}

# Two sweeps from now: then all that has passed the hooks is in every output.
wait_sweeps() {
	local number before

	before=$(last_sweep)
	for number in 1 2; do
		eventually 10 sweep_is_after "$before"
		before=$(last_sweep)
	done
}

last_sweep() {
	local document

	document=$(ask hosts -o json)
	[[ $document =~ \"time\":\ *\"([^\"]+)\" ]]
	echo "${BASH_REMATCH[1]}"
}

sweep_is_after() {
	[[ $(last_sweep) > $1 ]]
}

# --- devices

# make_tun: tun7 at both ends of the lab's cable, as a VPN in user space has it; 10.77.0.1 and fd77::1 in the router,
# 10.77.0.2 and fd77::2 in the desktop.
make_tun() {
	modprobe -q tun || :
	spawn desktop "$WORK/socat-desktop" socat \
		TUN:10.77.0.2/24,up,tun-name=tun7,tun-type=tun,iff-no-pi UDP-LISTEN:5577
	eventually 5 desktop_has_udp 5577
	spawn router "$WORK/socat-router" socat \
		"TUN:10.77.0.1/24,up,tun-name=tun7,tun-type=tun,iff-no-pi" "UDP:$(lab_device_address 1):5577"
	eventually 5 router ip link show dev tun7 up
	router sysctl -qw net.ipv6.conf.tun7.addr_gen_mode=1
	desktop sysctl -qw net.ipv6.conf.tun7.addr_gen_mode=1
	router ip -6 address flush dev tun7
	desktop ip -6 address flush dev tun7
	router ip -6 address add fd77::1/64 dev tun7 nodad
	desktop ip -6 address add fd77::2/64 dev tun7 nodad
	eventually 5 router ping -q -c 1 -W 1 10.77.0.2
}

desktop_has_udp() {
	desktop cat /proc/net/udp | grep -qi "$(printf ':%04X 00000000:0000' "$1")"
}

# --- sums

# From [{host, direction, octets, packets}] to the common form.
# shellcheck disable=SC2016  # the dollars are jq's
JQ_FOLD='
	reduce (.[] | select(.packets > 0)) as $row ({};
		.[$row.host][$row.direction].octets += $row.octets |
		.[$row.host][$row.direction].packets += $row.packets)'

hosts_sums() {
	ask hosts -o json | jq -c '
		[.hosts[] | .host as $host | ("download", "upload") as $direction |
			{host: $host, direction: $direction} + (.[$direction] | {octets, packets})]
		| '"$JQ_FOLD"
}

# Of the accounts instead of the hosts.
accounts_sums() {
	ask hosts -o json | jq -c '
		[.hosts[] | .host as $host | .accounts[] | ("download", "upload") as $direction |
			{host: $host, direction: $direction} + (.[$direction] | {octets, packets})]
		| '"$JQ_FOLD"
}

# textfile_sums [FILE]
textfile_sums() {
	awk -F '[{}]' '
		/^flowtally_host_(download|upload)_(bytes|packets)_total\{/ {
			split($1, name, "_")
			host = $2
			sub(/.*host="/, "", host)
			sub(/".*/, "", host)
			print host, name[3], name[4] == "bytes" ? $3 : 0, name[4] == "packets" ? $3 : 0
		}' "${1:-$WORK/flowtally.prom}" | rows_to_sums
}

# "HOST DIRECTION OCTETS PACKETS" a line; what is of one host and direction is added up.
rows_to_sums() {
	awk '
		{
			octets[$1 " " $2] += $3
			packets[$1 " " $2] += $4
		}
		END {
			for (row in octets) {
				if (octets[row] || packets[row]) {
					printf "%s %.0f %.0f\n", row, octets[row], packets[row]
				}
			}
		}' | LC_ALL=C sort | awk '
		{
			if ($1 != host) {
				printf "%s\"%s\":{", host == "" ? "" : "},", $1
			} else {
				printf ","
			}
			printf "\"%s\":{\"octets\":%s,\"packets\":%s}", $2, $3, $4
			host = $1
		}
		BEGIN { printf "{" }
		END { print host == "" ? "}" : "}}" }'
}

# --- collectors

# start_nfcapd [PORT]: writes to $WORK/nfcapd-PORT; in the router.
start_nfcapd() {
	local port=${1:-4739}

	mkdir -p "$WORK/nfcapd-$port"
	spawn router "$WORK/nfcapd-$port.log" \
		nfcapd -4 -b 127.0.0.1 -p "$port" -w "$WORK/nfcapd-$port" -B 33554432 -t 3600
	COLLECTORS+=($!)
	eventually 5 listens "$port"
}

# start_record [PORT]: all messages to $WORK/messages-PORT.
start_record() {
	local port=${1:-4740}

	spawn router "$WORK/record-$port.json" "$TOOLS/record" 127.0.0.1 "$port" "$WORK/messages-$port"
	COLLECTORS+=($!)
	eventually 5 listens "$port"
}

listens() {
	router cat /proc/net/udp | grep -qi "$(printf ':%04X 00000000:0000' "$1")"
}

# Whether all datagrams have been read that have come.
are_read() {
	router cat /proc/net/udp /proc/net/udp6 |
		awk '$1 ~ /^[0-9]+:$/ && $5 !~ /:00000000$/ { waiting = 1 } END { exit waiting }'
}

# What has been sent to them is then on the disk: of what still waits when it is stopped, nfcapd reads nothing.
stop_collectors() {
	local collector

	if ((${#COLLECTORS[@]})); then
		eventually 10 are_read
	fi
	for collector in "${COLLECTORS[@]}"; do
		kill -TERM "$collector"
		wait "$collector" || :
	done
	COLLECTORS=()
}

# nfdump_sums [PORT]
nfdump_sums() {
	local flows=$WORK/nfcapd-${1:-4739}

	{
		nfdump -R "$flows" -q -N -A insrcmac -o 'fmt:%ismc upload %byt %pkt' 'flowdir ingress'
		nfdump -R "$flows" -q -N -A indstmac -o 'fmt:%idmc download %byt %pkt' 'flowdir egress'
	} | awk 'NF == 4 { print $1, $2, $3, $4 }' | rows_to_sums
}

# What nfcapd says about the sequence numbers of all domains.
nfdump_sequence_errors() {
	sed -n 's/.*Sequence Errors: \([0-9]*\).*/\1/p' "$WORK/nfcapd-${1:-4739}.log" |
		awk '{ sum += $1 } END { print sum + 0 }'
}

# ipfix_records [PORT]: the data records, one JSON object a line, by the names of the elements.
ipfix_records() {
	ipfixDump --rfc5610 -d -i "$WORK/messages-${1:-4740}" | awk '
		function flush_record() {
			if (fields != "") {
				print "{" fields "}"
			}
			fields = ""
		}
		/^--- / { flush_record() }
		/^\tcount:.* tid:/ { sub(/.* tid: */, ""); fields = "\"template\":" ($1 + 0) }
		/^\t\([0-9\/]+\) / {
			name = $2 == "(S)" ? $3 : $2
			value = $0
			sub(/^[^:]*: /, "", value)
			sub(/^\(len: [0-9]+\) /, "", value)
			fields = fields ",\"" name "\":\"" value "\""
		}
		END { flush_record() }'
}

# ipfix_sums [PORT]
ipfix_sums() {
	ipfix_records "$@" | jq -r 'select(.octetDeltaCount) |
		if .flowDirection == "0" then "\(.sourceMacAddress) upload \(.octetDeltaCount) \(.packetDeltaCount)"
		else "\(.destinationMacAddress) download \(.octetDeltaCount) \(.packetDeltaCount)" end' | rows_to_sums
}

# --- the ledger

# ledger DIRECTION FILTER: of br-lan, by jq from its sheet
ledger() {
	ask ledger -o json | jq -c --arg direction "$1" \
		'.sheets[] | select(.interface == "br-lan" and .direction == $direction) | '"$2"
}

# Classes add up to what was seen, and that is what the interface counted.
ledger_balances() {
	local document

	document=$(ask ledger -o json)
	jq -e '
		.balanced and (.sheets | length > 0) and all(.sheets[];
			. as $sheet | .balanced and .difference.frames == 0 and .difference.octets == 0 and
			all("frames", "packets", "octets", "layer2_octets";
				. as $unit | $sheet.seen[$unit] == ([$sheet.classes[][$unit]] | add)))' \
		<<<"$document" >/dev/null || {
		echo "not balanced:"
		jq . <<<"$document"
		return 1
	}
}

# interface_counters [INTERFACE]: of the router, {"rx":{"frames":N,"octets":N},"tx":...}
interface_counters() {
	router ip -s -j link show "${1:-br-lan}" |
		jq -c '.[0].stats64 | {rx, tx} | map_values({frames: .packets, octets: .bytes})'
}

# node_counters NODE rx|tx: {"frames":N,"octets":N} of its eth0, octets with Ethernet headers
node_counters() {
	lab_ip "$LAB" "$1" -s -j link show eth0 |
		jq -c ".[0].stats64.$2 | {frames: .packets, octets: .bytes}"
}

# --- traffic

# tcp_transfer CLIENT upload|download OCTETS ADDRESS [PORT]: by a connection from CLIENT to the internet's ADDRESS
tcp_transfer() {
	local client=$1 direction=$2 octets=$3 address=$4 port=${5:-5201}
	# The window is small so that no queue of the kernel overflows: it holds 1000 frames.
	local options=(-c "$address" -p "$port" -n "$octets" -w 256K --connect-timeout 5000)

	if [[ $direction == download ]]; then
		options+=(-R)
	fi
	spawn internet /dev/null iperf3 -s -1 -p "$port"
	local server=$!
	eventually 5 internet_listens "$port"
	lab_in "$LAB" "$client" iperf3 "${options[@]}" >/dev/null
	wait "$server"
}

internet_listens() {
	internet cat /proc/net/tcp /proc/net/tcp6 | grep -qi "$(printf ':%04X 0\{8,32\}:0000 0A' "$1")"
}
