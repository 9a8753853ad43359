#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What happens over and over leaves nothing behind: when it has happened for a while, all processes keep the descriptors and the
# memory that they have. TIMES says how often; `make leaks` says ten thousand. Memory is only looked at where it is often
# enough to tell a leak from what an allocator needs, and no sanitizer keeps what was freed.

load lib
load sizes
load transports

TIMES=${TIMES:-200}
# In KiB: no more than 32 octets each of six thousand times.
GROWTH_MAX=192

setup() {
	setup_lab 1
	mkdir -p "$WORK/state" "$WORK/names"
	printf '%s desktop\n' "$DESKTOP" >"$WORK/names/ethers"
	unset LOG_READER
}

teardown() {
	if [[ ${LOG_READER:-} ]]; then
		kill "$LOG_READER" 2>/dev/null || :
	fi
	teardown_lab
}

# configuration COLLECTORS [INTERFACE [HOSTS]]: as flow mappings, with all else that a configuration can have
configuration() {
	cat <<-END
		interval: 200ms
		interfaces:
		  - { match: br-lan, side: lan, meter: [hosts, flows, sizes, latency] }
		  - { ${2:-match: none} }
		hosts: { names: [{ ethers: "$WORK/names/ethers" }], max: 2048${3:-} }
		flows: { max: 4096, active-timeout: 5s, idle-timeout: 3s }
		metrics: { compat: [mezoura, iptables, packet-exporter, linux-flow-exporter] }
		history: { keep: 1h, max-mib: 16 }
		export:
		  ipfix: { template-refresh: 5s, collectors: [$1] }
		  textfile: { path: "$WORK/flowtally.prom" }
		  json-lines:
		    - { path: "$WORK/flows.json", records: [flows, hosts], hooks: [{ shell: "exec cat", timeout: 50s }] }
		  http: { listen: "127.0.0.1:14739" }
		state: "$WORK/state"
		run: "$WORK/run"
	END
}

# start_fast_agent N: one whose clock goes so many times faster: pauses and intervals are as short
start_fast_agent() {
	# shellcheck disable=SC2016  # the dollar is the dynamic linker's
	spawn router "$WORK/agent.log" env 'LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1' "FAKETIME=+0 x$1" \
		"$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
	eventually 10 agent_is_ready
}

follow_log() {
	exec {LOG}< <(exec tail -n +1 -f "$WORK/agent.log" 3>&-)
	LOG_READER=$!
}

# says PATTERN: the next line of the log that has it comes, or has come
says() {
	local line

	while read -r -t $((20 * SLOW)) -u "$LOG" line; do
		# shellcheck disable=SC2053  # it is a pattern
		[[ $line != *$1* ]] || return 0
	done
	echo "it never says: $1"
	return 1
}

# What the processes hold, and what the kernel keeps for them without a descriptor. Of all that it has for anybody only where
# no other test runs.
holdings() {
	sizes
	echo "pins 0 $(find "$WORK/run/bpf" | wc -l)"
	echo "hooks 0 $(($(hooks br-lan) + $(hooks wan)))"
	if is_long; then
		echo "programs 0 $(bpftool -j prog show | jq '[.[] | select(.name // "" | startswith("flowtally"))] | length')"
		echo "maps 0 $(bpftool -j map show | jq length)"
		echo "links 0 $(bpftool -j link show | jq length)"
	fi
}

is_long() {
	((TIMES >= 10000))
}

# hold_no_more BEFORE: by what holdings() has said before; memory may have grown by GROWTH_MAX
hold_no_more() {
	local max=1000000000

	if is_long && ! is_sanitized; then
		max=$GROWTH_MAX
	fi
	holdings >"$WORK/holdings"
	echo "NAME KIB DESCRIPTORS, before and now:"
	paste -d ' ' <(echo "$1") "$WORK/holdings" | tee "$WORK/compared"
	awk -v max="$max" '$1 != $4 || $5 > $2 + max || $6 > $3 { worse = 1 } END { exit worse }' "$WORK/compared"
}

# stays_flat COMMAND: COMMAND NUMBER lets it happen so often; the first ones, two of five, show what is needed
stays_flat() {
	local before

	"$1" $((TIMES * 2 / 5))
	sweeps 2
	before=$(holdings)
	"$1" $((TIMES * 3 / 5))
	eventually 20 hold_no_more "$before"
	if is_long; then
		sed 's/^/# /' "$WORK/compared" >&3
	fi
}

# status_number FILTER
status_number() {
	ask status -o json | jq "$1"
}

is_at_least() {
	(($(status_number "$2") >= $1))
}

# until_more N FILTER: until that number of the status is greater by N
until_more() {
	eventually 3600 is_at_least $(($(status_number "$2") + $1)) "$2"
}

sweeps() {
	until_more "$1" .generation
}

@test "sweeps" {
	configuration '{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4740", format: netflow9 },
		{ address: "127.0.0.1:4741", transport: tcp, biflow: true, enterprise: full }' >"$WORK/flowtally.yaml"
	start_record 4739
	start_record 4740
	start_tcp_collector
	start_fast_agent 100
	spawn desktop "$WORK/ping.log" ping -q -i 0.002 "$LAB_INTERNET"
	spawn desktop "$WORK/flows.log" /usr/bin/python3 -c '
import random, socket, sys, time
sender = None
while True:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("", random.randrange(1024, 65536)))
    sender.sendto(b"x" * random.randrange(1400), (sys.argv[1], random.randrange(1, 1024)))
    time.sleep(0.001)
' "$LAB_INTERNET"
	stays_flat sweeps
}

reloads() {
	local i

	for ((i = 0; i < $1; i++)); do
		echo "${CONFIGURATIONS[i % ${#CONFIGURATIONS[@]}]}" >"$WORK/flowtally.yaml"
		kill -HUP "$AGENT"
		says 'has been read again'
	done
}

@test "reloads that change interfaces, collectors, names and outputs" {
	local one two wan='match: wan, side: wan'

	one='{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4741", transport: tcp }'
	two='{ address: "127.0.0.1:4739", format: netflow9 }, { address: "127.0.0.1:4740", biflow: true }'
	CONFIGURATIONS=(
		"$(configuration "$one")"
		"$(configuration "$two" 'match: none' ', local: [192.168.2.0/24]' |
			sed -e 's/keep: 1h/keep: 2h/' -e 's/:14739/:14740/' -e 's/: 200ms/: 300ms/' -e 's/: 5s/: 6s/' -e 's/ethers: /dnsmasq: /')"
	)
	# To attach takes longest.
	CONFIGURATIONS+=("${CONFIGURATIONS[@]}" "${CONFIGURATIONS[@]}" "${CONFIGURATIONS[@]}" "${CONFIGURATIONS[0]}" "$(configuration "$one" "$wan")")
	start_tcp_collector
	echo "${CONFIGURATIONS[1]}" >"$WORK/flowtally.yaml"
	start_agent
	follow_log
	says ready
	stays_flat reloads
	fails grep 'stays as it was' "$WORK/agent.log"
}

sessions() {
	local transport

	for transport in tcp tls; do
		until_more "$1" "[.collectors[] | select(.transport == \"$transport\").sessions] | add"
	done
}

@test "sessions over TCP and TLS that collectors end" {
	local i collectors=''

	make_authority authority
	make_certificate agent authority DNS:agent
	make_certificate collector authority DNS:collector
	for ((i = 1; i <= 20; i++)); do
		collectors+="{ address: \"127.0.0.$i:4741\", transport: tcp },"
		collectors+="{ address: \"127.0.0.$i:4742\", transport: tls, $(tls name=collector) },"
	done
	configuration "${collectors%,}" | sed 's/^interval: .*/interval: 10s/' >"$WORK/flowtally.yaml"
	spawn router "$WORK/tcp.log" "$ROOT/tests/tools/hang_up.py" 0.0.0.0 4741 0.45
	spawn router "$WORK/tls.log" "$ROOT/tests/tools/hang_up.py" 0.0.0.0 4742 0.45 "$WORK/collector.pem" "$WORK/collector.key"
	eventually 5 accepts 4741
	eventually 5 accepts 4742
	# The time for a handshake is as short.
	start_fast_agent 25
	stays_flat sessions
}

# Eight of each interface. Names come again: what was counted is kept by name.
changes() {
	local change name

	for ((change = 0; change < $1; change += 8)); do
		name=c$((change / 8 % 20))
		router ip -batch - <<-END
			link add $name type veth peer name peer
			link set $name up
			link set $name address 02:00:00:00:77:77
		END
		says "$name: metering by"
		router ip -batch - <<-END
			address add 10.7.7.1/24 dev $name
			link set $name down
			link set $name name other
			link set peer name $name
			link del other
		END
	done
	eventually 20 is_metered_alone br-lan
}

is_metered_alone() {
	same "[\"$1\"]" "$(ask status -o json | jq -c '[.interfaces[] | select(.attached) | .interface]')"
}

@test "changes of interfaces" {
	configuration '{ address: "127.0.0.1:4739" }' 'match: "c*", side: lan, meter: [hosts, flows]' >"$WORK/flowtally.yaml"
	start_agent
	follow_log
	stays_flat changes
}
